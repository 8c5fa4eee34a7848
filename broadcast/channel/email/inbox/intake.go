package inbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox/letter"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
)

// Intake makes what mails say part of the ledger.
//
// A mail is matched to the prompt that it replies to by its Message-ID, else by
// the token in the address that it was sent to. From one of the member's own
// addresses it is an answer; from any other it is a claim, which organisers are
// told and which counts for nothing. A mail that is matched to nothing, but
// comes from a member while a check is on and says how they are, is a claim,
// too: anybody can write any address into a mail.
//
// Marks of lists, of bulk mail and of programs keep a mail from being a "safe",
// as some providers put them on everybody's mail, and programs reply to
// questions. They never keep it from being a cry: a mail that says of itself
// that a program wrote it is no answer, but organisers hear of a cry in it. A
// mail with such marks gets no receipt, and what it makes organisers hear of is
// mailed to them a few times at most, or where it replies to a mail to them, told
// in Talk only: programs that reply to each other come to an end.
type Intake struct {
	Service *broadcast.Service
	// Hear tells what a text of a member says. It is required.
	Hear func(text string, from roster.Member) broadcast.Heard
	// Language is that of members whose own is not known, and Zone the time zone
	// of the family; nil means that of the machine.
	Language string
	Zone     *time.Location
	// Plain makes what people wrote harmless for the chats and mails that
	// organisers are told in; nil keeps it on one line only.
	Plain func(string) string
}

// commit makes a mail part of the ledger together with the place up to which
// the mailbox was read. Ours reports whether the mail was for Anpi.
func (in *Intake) commit(ctx context.Context, now time.Time, raw []byte, cursor broadcast.Cursor) (ours bool, err error) {
	c := broadcast.Change{Now: now, Cursors: []broadcast.Cursor{cursor}}
	if m, err := letter.Read(raw); err != nil {
		zerolog.Ctx(ctx).Info().Err(err).Int64("uid", cursor.After).Msg("something in the mailbox cannot be read")
	} else if ours, err = in.Plan(ctx, &c, m); err != nil {
		return false, fmt.Errorf("take in a mail: %w", err)
	}
	if _, err := in.Service.Commit(ctx, c); err != nil {
		return false, fmt.Errorf("record what a mail says: %w", err)
	}
	return ours, nil
}

// skip passes over a mail, and tells the organisers: it may be an answer.
func (in *Intake) skip(ctx context.Context, now time.Time, cursor broadcast.Cursor) error {
	c := broadcast.Change{Now: now, Cursors: []broadcast.Cursor{cursor}}
	in.Service.PlanNotice(&c, fmt.Sprintf("skipped-%s-%d", cursor.Room, cursor.After), func(o roster.Member) string {
		return in.texts(o).T("inbox.skipped")
	})
	if _, err := in.Service.Commit(ctx, c); err != nil {
		return fmt.Errorf("pass over a mail: %w", err)
	}
	return nil
}

// Plan plans what a mail says; c.Now is when it is read. Ours reports whether
// the mail was for Anpi: an answer, a claim, or the bounce of one of its mails.
func (in *Intake) Plan(ctx context.Context, c *broadcast.Change, m letter.Mail) (ours bool, err error) {
	if m.Kind == letter.Bounce {
		return in.bounced(ctx, c, m)
	}
	p, ok, err := in.prompt(ctx, m)
	if err != nil {
		return false, err
	}
	if !ok {
		return in.unasked(ctx, c, m)
	}
	return in.replied(ctx, c, p, m)
}

// prompt is what a mail is about: whom which check asked, or what else they were
// sent.
type prompt struct {
	purpose broadcast.Purpose
	check   broadcast.Check // zero for a mail that belongs to no check
	member  roster.Member
	// address is where the prompt went, and delivery its record; both are empty when
	// only its token is known.
	address  string
	delivery broadcast.Delivery
}

// maxLookups is how many mails are looked for that a mail says it replies to.
const maxLookups = 20

// prompt finds what the mail is about.
func (in *Intake) prompt(ctx context.Context, m letter.Mail) (prompt, bool, error) {
	ids := slices.Clone(m.References)
	// The newest is the one that is replied to.
	slices.Reverse(ids)
	ids = append(slices.Clone(m.InReplyTo), ids...)
	for _, id := range ids[:min(len(ids), maxLookups)] {
		d, ok, err := in.delivery(ctx, id)
		if err != nil {
			return prompt{}, false, err
		}
		if ok && d.MemberID != "" {
			return in.about(ctx, prompt{purpose: d.Purpose, address: d.Address, delivery: d}, d.CheckID, d.MemberID)
		}
	}
	for _, address := range m.To {
		local, _, _ := strings.Cut(address, "@")
		_, token, ok := strings.Cut(local, "+")
		if !ok || !aToken.MatchString(token) {
			continue
		}
		link, ok, err := in.Service.Store.Link(ctx, broadcast.HashToken(token))
		if err != nil {
			return prompt{}, false, fmt.Errorf("find the link of a mail: %w", err)
		}
		if ok && !link.Board() {
			return in.about(ctx, prompt{purpose: broadcast.Ask}, link.CheckID, link.MemberID)
		}
	}
	return prompt{}, false, nil
}

var (
	aReference = regexp.MustCompile(`^[0-9a-f]{64}$`)
	aToken     = regexp.MustCompile(`^[A-Za-z0-9]{20,60}$`)
)

// delivery finds the mail of ours with the Message-ID.
func (in *Intake) delivery(ctx context.Context, id string) (broadcast.Delivery, bool, error) {
	reference, _, _ := strings.Cut(strings.ToLower(id), "@")
	if !aReference.MatchString(reference) {
		return broadcast.Delivery{}, false, nil
	}
	d, ok, err := in.Service.Store.Prompt(ctx, reference, broadcast.Receipt{})
	if err != nil {
		return d, false, fmt.Errorf("find what a mail is about: %w", err)
	}
	return d, ok && d.Channel == broadcast.Email, nil
}

// about completes the prompt with its check and member. ok is false when the
// member is known no more.
func (in *Intake) about(ctx context.Context, p prompt, checkID int64, memberID string) (prompt, bool, error) {
	members := in.Service.Roster().Members
	if checkID != 0 {
		var err error
		if p.check, err = in.Service.Store.Check(ctx, checkID); err != nil {
			return p, false, fmt.Errorf("find the check of a mail: %w", err)
		}
		asked, err := in.Service.Store.Members(ctx, checkID)
		if err != nil {
			return p, false, fmt.Errorf("find whom a mail is from: %w", err)
		}
		members = append(asked, members...)
	}
	i := slices.IndexFunc(members, func(m roster.Member) bool { return m.ID == memberID })
	if i < 0 {
		return p, false, nil
	}
	p.member = members[i]
	return p, true, nil
}

// bounced plans what follows from a mail that came back. One that is late only
// changes nothing.
func (in *Intake) bounced(ctx context.Context, c *broadcast.Change, m letter.Mail) (bool, error) {
	d, ok, err := in.delivery(ctx, m.Failed.OriginalID)
	if err != nil || !ok {
		return false, err
	}
	p, ok, err := in.about(ctx, prompt{}, d.CheckID, d.MemberID)
	if err != nil || !ok {
		return false, err
	}
	if !m.Failed.Permanent || d.State == broadcast.Failed || d.State == broadcast.Dropped {
		return true, nil
	}
	reason := "mail-bounced"
	if m.Failed.Diagnostic != "" {
		reason += ": " + m.Failed.Diagnostic
	}
	in.Service.PlanBounce(c, p.check, d, p.member, reason)
	return true, nil
}

// replied plans what a reply says.
func (in *Intake) replied(ctx context.Context, c *broadcast.Change, p prompt, m letter.Mail) (ours bool, err error) {
	a, heard := in.answer(c, p.check, p.member, m)
	others := heard.Others
	own, isOwn := in.own(p, m.From.Address)
	asks := p.purpose.Answerable() || p.purpose == broadcast.Reply
	cries := a.Status.Grave() || m.Automation != "" && len(others) > 0
	if m.Automation == letter.Automatic {
		if !asks || !isOwn || !cries {
			return false, nil
		}
		in.automatic(c, p, a, m.From.Address)
		return true, nil
	}
	inTime := p.check.ID != 0 && p.check.Takes(c.Now)
	if drillOver := p.check.Drill() && !p.check.Open(); !asks || !inTime || drillOver && a.Status == broadcast.Help {
		// A mail that asked nothing, or too long ago: only a cry for help counts,
		// and that one always.
		if a.Status == broadcast.Help {
			tell := in.Service.PlanNotice
			if m.Automation != "" && !asks && p.purpose != broadcast.Announce {
				// Organisers were told something by mail, and a program replies: over
				// mail it would reply to that, too.
				tell = in.Service.PlanWhisper
			}
			in.cry(tell, c, p.member, a, isOwn, m.From.Address)
		}
		return true, nil
	}
	empty := a.Text == "" && !m.Attachments
	if m.Automation != "" && !cries {
		return isOwn, in.marked(ctx, c, p, m, a, isOwn && !empty)
	}
	if a.Status == "" && !empty {
		// Somebody has to look at what was written, or at the picture.
		a.Status = broadcast.Unclear
	}
	if !isOwn {
		if !empty {
			in.Service.PlanClaim(c, p.check, p.member, a, in.claim("inbox.claimed", p.check, p.member, a, m.From.Address))
		}
		return true, nil
	}
	if !empty {
		st, err := in.standing(ctx, p)
		if err != nil {
			return false, err
		}
		sure := st.Confirms(p.delivery) && m.Automation == "" && heard.Yes
		if st.Status.Grave() && (sure || heard.Over) {
			a.Status, a.Confirmed = broadcast.Safe, true
		}
		if in.Service.PlanAnswer(c, p.check, st, a) {
			in.Service.PlanConfirm(c, p.check, st, a)
		}
	}
	for _, other := range others {
		st, ok, err := in.Service.Standing(ctx, p.check, other.Member)
		if err != nil {
			return false, err
		}
		if ok {
			report := a
			report.Status, report.Stranded, report.ReportedBy = other.Status, false, p.member.ID
			in.Service.PlanReport(c, p.check, st, report)
		}
	}
	if m.Automation != "" {
		return true, nil
	}
	return true, in.receipt(ctx, c, p, own, a)
}

// standing is where the member stands whom the prompt was for.
func (in *Intake) standing(ctx context.Context, p prompt) (broadcast.Standing, error) {
	st, ok, err := in.Service.Standing(ctx, p.check, p.member)
	if !ok {
		st.Member = p.member
	}
	return st, err
}

// own finds the address of the member that the mail came from, as it stands in
// the address book.
func (in *Intake) own(p prompt, from string) (string, bool) {
	all := append([]string{p.address}, p.member.Emails...)
	if now, ok := in.Service.Roster().ByID(p.member.ID); ok {
		all = append(all, now.Emails...)
	}
	i := slices.IndexFunc(all, func(a string) bool { return from != "" && sameAddress(a, from) })
	if i < 0 {
		return "", false
	}
	return all[i], true
}

// sameAddress compares two addresses; some are written with quotes in one place
// and without in another.
func sameAddress(a, b string) bool {
	bare := func(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), `"`, "") }
	return strings.EqualFold(bare(a), bare(b))
}

// answer is what the mail reports of the member whom it is from, and what else was
// heard in it.
func (in *Intake) answer(c *broadcast.Change, check broadcast.Check, from roster.Member, m letter.Mail) (broadcast.Answer, broadcast.Heard) {
	text := withoutOurs(m.Text)
	if text == "" && !strings.ContainsAny(m.Subject, ":：") {
		// Some people write all they have to say where the subject stands.
		text = withoutOurs(m.Subject)
	}
	read := text
	if m.Automation == letter.Absence || m.Automation == letter.Automatic {
		read = letter.WithoutDirections(text)
	}
	heard := in.Hear(read, from)
	if m.Automation != "" {
		heard = doubted(heard)
	}
	a := broadcast.Answer{Source: broadcast.ByMail, Carrier: carrier(m), Text: text, At: m.Date, Status: heard.Status, Stranded: heard.Stranded}
	// Clocks of phones are wrong at times, and a mail has no other.
	if a.At.Before(check.StartedAt) || a.At.After(c.Now) || a.Status == broadcast.Help {
		a.At = c.Now // a cry counts from when it came, whatever was said meanwhile
	}
	heard.Others = slices.DeleteFunc(heard.Others, func(t broadcast.Told) bool { return t.Member.ID == from.ID })
	return a, heard
}

// doubted is what is left of what was heard when a program may have said it:
// nobody is safe by it.
func doubted(heard broadcast.Heard) broadcast.Heard {
	if heard.Status == broadcast.Safe {
		heard.Status, heard.Stranded = broadcast.Unclear, false
	}
	heard.Yes, heard.Over = false, false
	heard.Others = slices.DeleteFunc(slices.Clone(heard.Others), func(t broadcast.Told) bool { return !t.Status.Grave() })
	return heard
}

// marked plans what a mail says of the member which has marks of a program, and
// in which there is no cry. Words that speak of them make it unclear how they
// are, other words are no answer: a program would keep them from being asked
// again. The organisers are shown the words.
func (in *Intake) marked(ctx context.Context, c *broadcast.Change, p prompt, m letter.Mail, a broadcast.Answer, says bool) error {
	if !says {
		return nil
	}
	if a.Status == broadcast.Unclear {
		st, err := in.standing(ctx, p)
		if err != nil {
			return err
		}
		in.Service.PlanAnswer(c, p.check, st, a)
		if p.check.Open() && !st.Status.Grave() {
			in.Service.PlanClarify(c, p.check, p.member)
		}
	}
	in.Service.PlanWhisper(c, once("marked", p, a.Text), in.claim("inbox.marked", p.check, p.member, a, m.From.Address))
	return nil
}

// automatic plans to tell the organisers of a cry in a mail that says of itself
// that a program wrote it.
func (in *Intake) automatic(c *broadcast.Change, p prompt, a broadcast.Answer, from string) {
	a.Carrier, a.Status = "mail:"+once("automatic", p, a.Text), broadcast.Unclear
	in.Service.PlanClaim(c, p.check, p.member, a, in.claim("inbox.automatic", p.check, p.member, a, from))
}

// once names what a program says, which says the same each time that the member
// is asked.
func once(what string, p prompt, text string) string {
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%s-%d-%s-%s", what, p.check.ID, p.member.ID, hex.EncodeToString(sum[:8]))
}

// carrier names the mail, however often it comes.
func carrier(m letter.Mail) string {
	if m.MessageID != "" {
		return "mail:" + m.MessageID
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{m.From.Address, m.Date.String(), m.Subject, m.Text, strings.Join(m.InReplyTo, " ")}, "\x00")))
	return "mail:sha256-" + hex.EncodeToString(sum[:])
}

// maxReceipts is how many mails a member gets back in one check. A program that
// replies to everything, and does not say that it is one, ends there.
const maxReceipts = 3

// receipt plans a mail to somebody who asked for help, that help is being
// called, or was not understood, how to answer. Nobody else gets one: mail
// servers are busy on the day.
func (in *Intake) receipt(ctx context.Context, c *broadcast.Change, p prompt, address string, a broadcast.Answer) error {
	key := ""
	switch a.Status {
	case broadcast.Help:
		key = "inbox.help"
	case broadcast.Unclear, "":
		key = "inbox.unclear"
	default:
		return nil
	}
	deliveries, err := in.Service.Store.Deliveries(ctx, p.check.ID)
	if err != nil {
		return fmt.Errorf("count the receipts of a member: %w", err)
	}
	n := 0
	for _, d := range deliveries {
		if d.MemberID == p.member.ID && d.Purpose == broadcast.Reply && d.Channel == broadcast.Email {
			n++
		}
	}
	if n >= maxReceipts {
		return nil
	}
	// It belongs to the check, so that a reply to it is an answer, too.
	step := "reply-" + a.Carrier
	c.Deliveries = append(c.Deliveries, broadcast.Delivery{
		CheckID: p.check.ID, MemberID: p.member.ID, Channel: broadcast.Email, Step: step, Purpose: broadcast.Reply,
		Address: address, Body: in.texts(p.member).T(key), State: broadcast.Due, DueAt: c.Now,
		Reference: broadcast.Reference(p.check.Key, step, broadcast.Email, p.member.ID, address),
	})
	return nil
}

// unasked plans what a mail says that is matched to nothing. It may be from a
// member whose phone does not say what it replies to, or from somebody who
// pretends to be one.
func (in *Intake) unasked(ctx context.Context, c *broadcast.Change, m letter.Mail) (bool, error) {
	check, ok, err := in.Service.Current(ctx, c.Now)
	if err != nil || !ok {
		return false, err
	}
	members, err := in.Service.Store.Members(ctx, check.ID)
	if err != nil {
		return false, fmt.Errorf("find whom a mail is from: %w", err)
	}
	i := slices.IndexFunc(members, func(member roster.Member) bool {
		_, own := in.own(prompt{member: member}, m.From.Address)
		return own
	})
	if i < 0 || !m.Date.IsZero() && m.Date.Before(check.StartedAt.Add(-5*time.Minute)) {
		return false, nil
	}
	a, _ := in.answer(c, check, members[i], m)
	if a.Status == "" || m.Automation != "" && !a.Status.Grave() {
		return false, nil
	}
	text := in.claim("inbox.unasked", check, members[i], a, m.From.Address)
	if m.Automation != "" {
		told, err := in.markedClaims(ctx, check, members[i])
		if err != nil {
			return false, err
		}
		if told >= maxReceipts {
			in.Service.PlanWhisper(c, "claim-"+a.Carrier, text)
			return true, nil
		}
		a.Carrier = byProgram + a.Carrier
	}
	in.Service.PlanClaim(c, check, members[i], a, text)
	return true, nil
}

// byProgram begins the carrier of a claim that a program may have made.
const byProgram = "marked-"

// markedClaims counts the claims about the member in mails with marks of a
// program, of which organisers were told by mail, too.
func (in *Intake) markedClaims(ctx context.Context, check broadcast.Check, member roster.Member) (n int, err error) {
	answers, err := in.Service.Store.Answers(ctx, check.ID)
	if err != nil {
		return 0, fmt.Errorf("count the claims about a member: %w", err)
	}
	for _, a := range answers {
		if a.MemberID == member.ID && strings.HasPrefix(a.Carrier, byProgram) {
			n++
		}
	}
	return n, nil
}

// claim words a claim for an organiser.
func (in *Intake) claim(key string, check broadcast.Check, member roster.Member, a broadcast.Answer, from string) func(roster.Member) string {
	return func(o roster.Member) string {
		w := broadcast.Words{Texts: in.texts(o), Plain: in.plain}
		return w.Telling(check, "", key, locale.Data{"Name": in.plain(member.Name), "Address": in.plain(from)}, a)
	}
}

// cry tells the organisers of a cry for help that belongs to no check.
func (in *Intake) cry(tell func(c *broadcast.Change, id string, text func(roster.Member) string), c *broadcast.Change, member roster.Member, a broadcast.Answer, own bool, from string) {
	title := "alarm.title"
	if !own {
		title = "inbox.claimed"
	}
	// Whatever it replies to, it is no practice.
	tell(c, "cry-"+a.Carrier, in.claim(title, broadcast.Check{}, member, a, from))
}

func (in *Intake) texts(m roster.Member) *locale.Texts {
	lang, zone := m.Lang, in.Zone
	if lang == "" {
		lang = in.Language
	}
	if zone == nil {
		zone = time.Local
	}
	return locale.For(lang, zone)
}

func (in *Intake) plain(s string) string {
	if in.Plain != nil {
		return in.Plain(s)
	}
	return locale.OneLine(s, 500)
}

// sentences are what stands in every prompt, in both languages, without blanks.
var sentences = func() []string {
	var all []string
	for _, lang := range locale.Languages {
		t := locale.For(lang, time.UTC)
		for _, text := range []string{
			t.T("prompt.practice"), t.T("prompt.ask"), t.T("prompt.remind"), t.T("mail.how"), t.T("mail.how_page"), t.T("mail.how_reply"),
			t.T("mail.how_talk"), t.T("mail.how_call_family"), t.T("mail.how_171"), t.T("mail.signature"), t.T("mail.signature_replies"),
			t.T("inbox.unclear"), t.T("inbox.help"),
		} {
			if s := bare(text); utf8.RuneCountInString(s) >= shortSentence {
				all = append(all, s)
			}
		}
	}
	return all
}()

const (
	// shortSentence is how many characters a sentence of ours needs to be known
	// again within a line.
	shortSentence = 8
	// shortLine is how many a line needs to be known as a part of a sentence of
	// ours. It is longer than any answer that we offer.
	shortLine = 20
)

// bare is a text without blanks and without the sign of a list.
func bare(s string) string {
	return strings.TrimLeft(strings.Join(strings.Fields(s), ""), "・-【】")
}

// isOurs reports whether a line is one that we have written.
func isOurs(line string) bool {
	s := bare(line)
	long := utf8.RuneCountInString(s) >= shortLine
	return slices.ContainsFunc(sentences, func(ours string) bool {
		return strings.Contains(s, ours) || long && strings.Contains(ours, s)
	})
}

// withoutOurs takes out of a text what a program has quoted of our mail without
// any mark: from the first to the last line that is ours. Our own words speak of
// being safe and of needing help; nobody's answer must be read from them.
func withoutOurs(text string) string {
	lines := strings.Split(text, "\n")
	begin := slices.IndexFunc(lines, isOurs)
	if begin < 0 {
		return strings.TrimSpace(text)
	}
	end := begin + 1
	for i := begin; i < len(lines); i++ {
		if isOurs(lines[i]) {
			end = i + 1
		}
	}
	return strings.TrimSpace(strings.Join(slices.Delete(lines, begin, end), "\n"))
}
