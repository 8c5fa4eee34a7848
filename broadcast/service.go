package broadcast

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/anpi-bot/anpi/roster"
)

// Service decides what happens in a check. Its Plan methods add to a [Change]
// and touch nothing; Commit makes the change and wakes whoever has to send.
type Service struct {
	Store Store
	// Roster returns the last good roster.
	Roster func() roster.Roster
	// Ladder is how checks escalate.
	Ladder Ladder
	// Links says that mails and the board have links, because there is a page
	// for them to lead to.
	Links bool
	// Reload makes Roster know what members have told about themselves; nil when
	// it need not.
	Reload func(context.Context) error
	// Wake is called after every commit that leaves something to send; it must
	// not block.
	Wake func()
}

// StartRequest asks for a new check.
type StartRequest struct {
	Kind     Kind
	Key      string // see [Check.Key]
	Question string
	By       string // the name of whoever asks for it
	// Members are those to ask; empty means everybody on the roster. A part of
	// the family is asked alone, without ringing the room.
	Members []roster.Member
	// Mail says when mail is used; empty means when Talk does not reach somebody.
	Mail MailUse
}

// MailUse says when a check uses mail.
type MailUse string

// The uses of mail. Without one, whoever has a Talk account gets mail when Talk
// fails or they stay silent.
const (
	MailNow   MailUse = "now"   // everybody at once, beside Talk
	MailNever MailUse = "never" // see [Ladder.NoMail]
)

// Commit writes the change and wakes the dispatcher.
func (s *Service) Commit(ctx context.Context, c Change) (Committed, error) {
	done, err := s.Store.Commit(ctx, c)
	if err != nil {
		return done, err
	}
	if c.Documents[PreferencesDocument] != nil && s.Reload != nil {
		if err := s.Reload(ctx); err != nil {
			return done, err
		}
	}
	if c.Start != nil || c.Close != nil || c.Climb != nil || len(c.Rewinds)+len(c.Deliveries)+len(c.Answers)+len(c.Results) > 0 {
		s.Wake()
	}
	return done, nil
}

// ErrNobody is returned when the roster is empty.
var ErrNobody = errors.New("the roster is empty")

// OpenError is returned when a check is open that must end first.
type OpenError struct{ Check Check }

func (e *OpenError) Error() string { return fmt.Sprintf("check %d is still open", e.Check.ID) }

// Start begins a check. With a key that was used before it changes nothing and
// returns the check of that time. The error may be [ErrNobody] or an
// [*OpenError].
func (s *Service) Start(ctx context.Context, now time.Time, r StartRequest) (Committed, error) {
	c := Change{Now: now}
	if err := s.PlanStart(ctx, &c, r); err != nil {
		return Committed{}, err
	}
	done, err := s.Commit(ctx, c)
	if err != nil {
		return done, fmt.Errorf("start the check: %w", err)
	}
	return done, nil
}

// PlanStart plans a check: the prompt in the room for everybody with a Talk
// account, mail at once for everybody without one, the tally, and the first
// rung of the ladder. Of a check that asks a part of the family the room shows
// the tally only, which names them and rings nobody. A real check ends a drill
// that is open; otherwise an open check must be closed first.
func (s *Service) PlanStart(ctx context.Context, c *Change, r StartRequest) error {
	members, over := r.Members, Direct
	if len(members) == 0 {
		members, over = s.Roster().Members, Room
	}
	if len(members) == 0 {
		return ErrNobody
	}
	open, err := s.Open(ctx)
	if err != nil {
		return err
	}
	for _, other := range open {
		switch {
		case other.Key == r.Key:
			// The same start once more: committing it changes nothing.
		case r.Kind == Real && other.Drill():
			s.PlanClose(c, other, r.By)
		default:
			return &OpenError{other}
		}
	}
	check := Check{
		Kind: r.Kind, Key: r.Key, Nonce: NewToken(), Question: r.Question, StartedBy: r.By,
		StartedAt: c.Now, Deadline: c.Now.Add(s.Ladder.Deadline), Ladder: s.Ladder,
	}
	check.NextDue = check.rungDue(0)
	check.Ladder.NoMail = r.Mail == MailNever
	start := &Start{Check: check, Members: members, Only: true}
	for _, m := range members {
		start.Deliveries = append(start.Deliveries, check.ask(m, over, r.Mail, c.Now)...)
	}
	start.Deliveries = append(start.Deliveries, check.tally(c.Now, 1))
	c.Start = start
	return nil
}

// ask makes the first prompts to one member: over Talk, by mail where there is no
// account or mail is wanted beside it.
func (c Check) ask(m roster.Member, over ChannelName, use MailUse, now time.Time) []Delivery {
	d := Delivery{MemberID: m.ID, Step: "0", Purpose: Ask, State: Due, DueAt: now}
	var all []Delivery
	if m.Talk != "" {
		all = append(all, c.deliver(d, over, ""))
	}
	addresses := c.addresses(m)
	if len(addresses) > 0 && (m.Talk == "" || use == MailNow) {
		all = append(all, c.deliver(d, Email, addresses[0]))
	}
	if len(all) > 0 {
		return all
	}
	d.State, d.Reason = Failed, ReasonNoWay
	if len(m.Emails) > 0 {
		d.Reason = ReasonNoMail
	}
	return []Delivery{c.deliver(d, Email, "")}
}

// addresses are where the check may ask the member by mail.
func (c Check) addresses(m roster.Member) []string {
	if c.Ladder.NoMail {
		return nil
	}
	return m.Emails
}

// NoWay returns the members of the roster who cannot be asked at all.
func (s *Service) NoWay() []roster.Member {
	var none []roster.Member
	for _, m := range s.Roster().Members {
		if m.Talk == "" && len(m.Emails) == 0 {
			none = append(none, m)
		}
	}
	return none
}

// ReasonNoWay is the reason of a delivery to a member who has neither a Talk
// account nor a mail address. Channels translate it.
const ReasonNoWay = "no-way"

// ReasonNoMail is the reason of a delivery to a member who has nothing but a mail
// address, of a check that uses no mail.
const ReasonNoMail = "no-mail"

// ReasonNotInRoom is the reason of a prompt in the room for a member who is not
// in it.
const ReasonNotInRoom = "not-in-room"

// ReasonUnconfirmed is the reason of a mail that was handed over twice without
// the server's ever saying that it took it.
const ReasonUnconfirmed = "mail-unconfirmed"

// deliver completes a delivery of the check over the channel.
func (c Check) deliver(d Delivery, over ChannelName, address string) Delivery {
	d.CheckID, d.Channel, d.Address = c.ID, over, address
	if over == Room {
		// One message in the room serves everybody whom it asks.
		d.Reference = Reference(c.Key+c.Nonce, d.Step, over)
	} else {
		d.Reference = Reference(c.Key+c.Nonce, d.Step, over, d.MemberID, address)
	}
	if over == Email && c.Drill() && d.Purpose.Prompts() && d.State == Due {
		d.DueAt = spread(d.DueAt, d.Reference)
	}
	return d
}

// spread makes a mail of a drill due up to 21 seconds later, as its reference says.
// Drills begin on the minute as every other job does, when mail servers are busy
// and look askance at bursts; so its mails do not leave all at once, and none at
// second 0. Nothing that is real ever waits like this.
func spread(due time.Time, reference string) time.Time {
	const widest = 20_000 // milliseconds
	n, err := strconv.ParseUint(reference[:8], 16, 32)
	if err != nil {
		panic(err) // Reference makes hexadecimal digits
	}
	due = due.Add(time.Duration(n%widest) * time.Millisecond)
	if due.Second() == 0 {
		due = due.Add(time.Second)
	}
	return due
}

// tally is the nth message with the tally of the check.
func (c Check) tally(now time.Time, nth int) Delivery {
	return c.deliver(Delivery{Step: "tally-" + strconv.Itoa(nth), Purpose: TallyOf, State: Due, DueAt: now}, Room, "")
}

// everywhere sends to the member over every channel and address there is.
func (c Check) everywhere(d Delivery, m roster.Member) []Delivery {
	d.MemberID = m.ID
	var all []Delivery
	if m.Talk != "" {
		all = append(all, c.deliver(d, Direct, ""))
	}
	for _, address := range m.Emails {
		all = append(all, c.deliver(d, Email, address))
	}
	return all
}

// PlanClose plans to end a check; the report goes to the room.
func (s *Service) PlanClose(c *Change, check Check, by string) {
	c.Close = &Close{CheckID: check.ID, By: by}
	report := Delivery{Step: "report", Purpose: ReportOf, State: Due, DueAt: c.Now}
	c.Deliveries = append(c.Deliveries, check.deliver(report, Room, ""))
}

// Current is the check that a plain text is about: the newest one that is open,
// else the newest one that still takes answers. ok is false when there is none.
func (s *Service) Current(ctx context.Context, now time.Time) (check Check, ok bool, err error) {
	checks, err := s.Store.Checks(ctx, 20)
	if err != nil {
		return Check{}, false, fmt.Errorf("look for the current check: %w", err)
	}
	if i := slices.IndexFunc(checks, Check.Open); i >= 0 {
		return checks[i], true, nil
	}
	if i := slices.IndexFunc(checks, func(c Check) bool { return c.Takes(now) }); i >= 0 {
		return checks[i], true, nil
	}
	return Check{}, false, nil
}

// Open returns the checks that are open, newest first.
func (s *Service) Open(ctx context.Context) ([]Check, error) {
	checks, err := s.Store.Checks(ctx, 100)
	if err != nil {
		return nil, fmt.Errorf("look for open checks: %w", err)
	}
	return slices.DeleteFunc(checks, func(c Check) bool { return !c.Open() }), nil
}

// Report tells all that is known about the check: its tally, and how it went.
func (s *Service) Report(ctx context.Context, check Check) (Report, error) {
	members, err := s.Store.Members(ctx, check.ID)
	if err != nil {
		return Report{}, fmt.Errorf("report on check %d: %w", check.ID, err)
	}
	// An answer drops what is still due. Read last, whoever's prompts are gone
	// has an answer.
	deliveries, err := s.Store.Deliveries(ctx, check.ID)
	if err != nil {
		return Report{}, fmt.Errorf("report on check %d: %w", check.ID, err)
	}
	answers, err := s.Store.Answers(ctx, check.ID)
	if err != nil {
		return Report{}, fmt.Errorf("report on check %d: %w", check.ID, err)
	}
	return makeReport(check, members, answers, deliveries), nil
}

// Tally counts where everybody stands in the check.
func (s *Service) Tally(ctx context.Context, check Check) (Tally, error) {
	r, err := s.Report(ctx, check)
	return r.Tally, err
}

// Standing is where a member stands in the check. Whoever was given an account
// after the check began is found by the account, or by name and mail address; ok
// is false for somebody whom the check does not ask.
func (s *Service) Standing(ctx context.Context, check Check, member roster.Member) (st Standing, ok bool, err error) {
	return s.standing(ctx, check, member, func(Answer) bool { return true })
}

// StandingBut is where the member would stand without the answers that but
// picks out.
func (s *Service) StandingBut(ctx context.Context, check Check, member roster.Member, but func(Answer) bool) (st Standing, ok bool, err error) {
	return s.standing(ctx, check, member, func(a Answer) bool { return !but(a) })
}

func (s *Service) standing(ctx context.Context, check Check, member roster.Member, counts func(Answer) bool) (Standing, bool, error) {
	members, err := s.Store.Members(ctx, check.ID)
	if err != nil {
		return Standing{}, false, fmt.Errorf("read the members of check %d: %w", check.ID, err)
	}
	i := sameMember(members, member)
	if i < 0 {
		return Standing{}, false, nil
	}
	answers, err := s.Store.Answers(ctx, check.ID)
	if err != nil {
		return Standing{}, false, fmt.Errorf("read the answers of check %d: %w", check.ID, err)
	}
	answers = slices.DeleteFunc(answers, func(a Answer) bool { return !counts(a) })
	return stand(members[i:i+1], answers, nil)[0], true, nil
}

// sameMember is the index of the member among those of a check; -1 for none.
func sameMember(members []roster.Member, member roster.Member) int {
	for _, same := range []func(roster.Member) bool{
		func(m roster.Member) bool { return m.ID == member.ID },
		func(m roster.Member) bool { return m.Talk != "" && m.Talk == member.Talk },
		func(m roster.Member) bool {
			return m.Name == member.Name && slices.ContainsFunc(m.Emails, func(e string) bool { return slices.Contains(member.Emails, e) })
		},
	} {
		if i := slices.IndexFunc(members, same); i >= 0 {
			return i
		}
	}
	return -1
}

// Advance does what has become due in open checks: the next rung for those who
// are silent, or the end at the deadline.
func (s *Service) Advance(ctx context.Context, now time.Time) error {
	checks, err := s.Open(ctx)
	if err != nil {
		return err
	}
	for _, check := range checks {
		c := Change{Now: now}
		if !now.Before(check.Deadline) && check.NextDue.IsZero() {
			// Only after the last rung: whatever the clock says, no check ends
			// before everybody was asked over everything.
			s.PlanClose(&c, check, "")
		} else if !check.NextDue.IsZero() && !now.Before(check.NextDue) {
			if err := s.planClimb(ctx, &c, check); err != nil {
				return err
			}
		} else {
			continue
		}
		if _, err := s.Commit(ctx, c); err != nil {
			return fmt.Errorf("advance check %d: %w", check.ID, err)
		}
	}
	return nil
}

// planClimb asks everybody who is silent over the channels of the rungs that
// are due.
func (s *Service) planClimb(ctx context.Context, c *Change, check Check) error {
	rung, last, ok := check.due(c.Now)
	if !ok {
		return nil
	}
	report, err := s.Report(ctx, check)
	if err != nil {
		return err
	}
	dead := map[string]bool{}
	for _, d := range report.Failures {
		dead[d.Address] = dead[d.Address] || d.Channel == Email && d.Reason != ReasonUnconfirmed
	}
	preferences, err := ReadPreferences(ctx, s.Store)
	if err != nil {
		return err
	}
	step := strconv.Itoa(last + 1)
	silent := 0
	for _, st := range report.Tally.Standings {
		if st.Answered || preferences[st.Member.ID].Away(c.Now) {
			continue
		}
		silent++
		d := Delivery{MemberID: st.Member.ID, Step: step, Purpose: Remind, State: Due, DueAt: c.Now}
		c.Deliveries = append(c.Deliveries, check.remind(d, st.Member, rung, dead)...)
	}
	if rung.TellOrganisers && silent > 0 {
		for _, o := range s.Roster().Organisers() {
			d := Delivery{Step: "silence-" + step, Purpose: Silence, State: Due, DueAt: c.Now}
			c.Deliveries = append(c.Deliveries, check.everywhere(d, o)...)
		}
	}
	c.Climb = &Climb{CheckID: check.ID, Rung: check.NextRung, Next: last + 1, NextDue: check.rungDue(last + 1)}
	if !c.Now.Before(check.Deadline) {
		// The clock was wrong, or the machine off for days: people have been
		// asked only now, and must have time to answer.
		c.Climb.Deadline = c.Now.Add(time.Hour)
	}
	return nil
}

// remind makes the deliveries of a rung for one silent member. Mail addresses
// that are known to be dead are left out.
func (c Check) remind(d Delivery, m roster.Member, rung Rung, dead map[string]bool) []Delivery {
	byMail := slices.Contains(rung.Over, Email)
	alive := slices.DeleteFunc(slices.Clone(c.addresses(m)), func(address string) bool { return dead[address] })
	var all []Delivery
	if m.Talk != "" && (slices.Contains(rung.Over, Direct) || len(alive) == 0) {
		all = append(all, c.deliver(d, Direct, ""))
	}
	for i, address := range alive {
		if byMail && (i == 0 || rung.AllAddresses) {
			all = append(all, c.deliver(d, Email, address))
		}
	}
	return all
}

// detour makes the delivery that takes the place of a prompt which did not get
// through, in the same step: from the room to a direct chat, from there to
// mail, from one address to the next. When the whole channel is down, Talk
// gives way to mail at once. It makes nothing for messages that are no prompts,
// or when no other way is left.
func (c Check) detour(d Delivery, m roster.Member, down bool, now time.Time) []Delivery {
	if !d.Purpose.Insists() || d.MemberID == "" {
		return nil
	}
	addresses := c.addresses(m)
	next := Delivery{MemberID: m.ID, Step: d.Step, Purpose: d.Purpose, AnswerCarrier: d.AnswerCarrier, AboutID: d.AboutID, Body: d.Body, State: Due, DueAt: now}
	switch {
	case d.Channel == Room && !down:
		return []Delivery{c.deliver(next, Direct, "")}
	case d.Channel != Email && len(addresses) > 0:
		return []Delivery{c.deliver(next, Email, addresses[0])}
	case d.Channel == Email && !down:
		if i := slices.Index(addresses, d.Address); i >= 0 && i+1 < len(addresses) {
			return []Delivery{c.deliver(next, Email, addresses[i+1])}
		}
	}
	return nil
}
