package inbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/bot/answer"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email"
	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox"
	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox/inboxtest"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/roster"
)

// The family: Dad organises, Grandma has two addresses and a phone that breaks
// the rules, Uncle writes English.
var (
	dad     = roster.Member{ID: "talk:dad", Name: "太郎", Talk: "dad", Emails: []string{"dad@example.net"}, Organiser: true, Lang: "ja"}
	grandma = roster.Member{ID: "card:grandma", Name: "ハナ", Emails: []string{"a..hana@docomo.ne.jp", "hana@example.jp"}, Lang: "ja"}
	uncle   = roster.Member{ID: "card:uncle", Name: "Bob", Emails: []string{"bob@example.com"}, Lang: "en"}
)

// house is a family with a ledger, a mailbox and an inbox that reads it.
type house struct {
	*testing.T
	server  *inboxtest.Server
	service *broadcast.Service
	store   broadcast.Store
	intake  *inbox.Intake
	options inbox.Options
	stop    func()
	log     *logbook
	mails   int
}

// logbook is a log that may be read while it is written.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

// hear is how the program reads what people write.
func hear(text string, _ roster.Member) broadcast.Heard {
	return broadcast.Heard{Status: broadcast.Status(answer.Read(text).Status), Yes: answer.Assents(text), Over: answer.Over(text)}
}

// story tells a story in fake time, in a house whose inbox reads.
func story(t *testing.T, o inboxtest.Options, tell func(h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, o)
		defer h.end()
		h.start()
		h.rest(time.Second)
		tell(h)
	})
}

func newHouse(t *testing.T, o inboxtest.Options) *house {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), filepath.Join(t.TempDir(), "anpi.db"))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{T: t, server: inboxtest.NewServer(o), store: store, log: &logbook{}}
	h.service = &broadcast.Service{
		Store: store, Ladder: broadcast.DefaultLadder(), Wake: func() {},
		Roster: func() roster.Roster { return roster.Roster{Members: []roster.Member{dad, grandma, uncle}} },
	}
	h.intake = &inbox.Intake{Service: h.service, Hear: hear, Language: "ja", Zone: time.UTC}
	h.options = inbox.Options{
		Host: inboxtest.Host, Security: email.Plain, User: inboxtest.User, Password: inboxtest.Password, Dial: h.server.Dial,
	}
	return h
}

func (h *house) start() {
	h.Helper()
	box, err := inbox.New(h.options, h.intake)
	if err != nil {
		h.Fatal(err)
	}
	ctx, cancel := context.WithCancel(zerolog.New(h.log).WithContext(h.Context()))
	done := make(chan struct{})
	go func() { box.Run(ctx); close(done) }()
	h.stop = func() { cancel(); <-done; h.stop = func() {} }
}

func (h *house) end() {
	h.stop()
	h.server.Close()
	h.store.Close()
}

func (h *house) rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// check starts a check of the kind and returns it.
func (h *house) check(kind broadcast.Kind) broadcast.Check {
	h.Helper()
	done, err := h.service.Start(h.Context(), time.Now(), broadcast.StartRequest{Kind: kind, Key: fmt.Sprint("test ", time.Now(), kind), By: "太郎"})
	if err != nil {
		h.Fatal(err)
	}
	return done.Started
}

// deliveries of the check (0 for none) that are mails to the member.
func (h *house) deliveries(check int64, m roster.Member) []broadcast.Delivery {
	h.Helper()
	all, err := h.store.Deliveries(h.Context(), check)
	if err != nil {
		h.Fatal(err)
	}
	return slices.DeleteFunc(all, func(d broadcast.Delivery) bool { return d.Channel != broadcast.Email || d.MemberID != m.ID })
}

// asked is the mail that asked the member.
func (h *house) asked(c broadcast.Check, m roster.Member) broadcast.Delivery {
	h.Helper()
	for _, d := range h.deliveries(c.ID, m) {
		if d.Purpose == broadcast.Ask {
			return d
		}
	}
	h.Fatalf("%s was not asked by mail", m.Name)
	return broadcast.Delivery{}
}

// sent records that the delivery went out.
func (h *house) sent(d broadcast.Delivery) {
	h.Helper()
	h.commit(broadcast.Change{Results: []broadcast.Result{{ID: d.ID, State: broadcast.Sent}}})
}

func (h *house) commit(c broadcast.Change) {
	h.Helper()
	c.Now = time.Now()
	if _, err := h.service.Commit(h.Context(), c); err != nil {
		h.Fatal(err)
	}
}

// reply is a mail from the address that replies to the delivery. More headers
// may follow, each with its line end.
func (h *house) reply(d broadcast.Delivery, from, text string, more ...string) string {
	return h.write(from, text, append([]string{"In-Reply-To: <" + d.Reference + "@home.example.org>\n"}, more...)...)
}

// write is a mail from the address that replies to nothing.
func (h *house) write(from, text string, more ...string) string {
	h.mails++
	return fmt.Sprintf("From: %s\nTo: anpi@home.example.org\nDate: %s\nMessage-ID: <m%d@phone.example>\nSubject: Re: hello\n%sContent-Type: text/plain; charset=utf-8\n\n%s\n",
		from, time.Now().Format(time.RFC1123Z), h.mails, strings.Join(more, ""), text)
}

// bounce is the notice that the delivery came back.
func (h *house) bounce(d broadcast.Delivery, action, status string) string {
	h.mails++
	return fmt.Sprintf("Return-Path: <>\nFrom: MAILER-DAEMON@home.example.org\nTo: anpi@home.example.org\nMessage-ID: <b%d@home.example.org>\nSubject: Undelivered Mail Returned to Sender\n"+
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; home.example.org\n\n"+
		"Final-Recipient: rfc822; %s\nAction: %s\nStatus: %s\nDiagnostic-Code: smtp; 550 no such user\n--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <%s@home.example.org>\n--b--\n",
		h.mails, d.Address, action, status, d.Reference)
}

// arrives puts a mail into the mailbox, and waits until it was read.
func (h *house) arrives(raw string) {
	h.server.Deliver(raw)
	h.rest(time.Second)
}

// expect tells where the member stands, and with which words.
func (h *house) expect(c broadcast.Check, m roster.Member, status broadcast.Status, text string) {
	h.Helper()
	s := h.standing(c, m)
	if s.Status != status || s.Answer.Text != text {
		h.Errorf("%s stands at %s with %q, want %s with %q", m.Name, s.Status, s.Answer.Text, status, text)
	}
}

func (h *house) standing(c broadcast.Check, m roster.Member) broadcast.Standing {
	h.Helper()
	now, err := h.store.Check(h.Context(), c.ID)
	if err != nil {
		h.Fatal(err)
	}
	tally, err := h.service.Tally(h.Context(), now)
	if err != nil {
		h.Fatal(err)
	}
	i := slices.IndexFunc(tally.Standings, func(s broadcast.Standing) bool { return s.Member.ID == m.ID })
	if i < 0 {
		h.Fatalf("%s is not in the tally", m.Name)
	}
	return tally.Standings[i]
}

// bodies are the texts of the mails with the purpose to the member.
func (h *house) bodies(check int64, m roster.Member, purpose broadcast.Purpose) []string {
	h.Helper()
	var all []string
	for _, d := range h.deliveries(check, m) {
		if d.Purpose == purpose {
			all = append(all, d.Body)
		}
	}
	return all
}

// seen are the numbers of the mails that are marked as seen.
func (h *house) seen() []uint32 {
	h.Helper()
	mails, err := h.server.Mails(h.Context())
	if err != nil {
		h.Fatal(err)
	}
	var seen []uint32
	for _, m := range mails {
		if slices.Contains(m.Flags, `\seen`) {
			seen = append(seen, m.UID)
		}
	}
	return seen
}

func TestGrandmaAnswersByReplying(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		h.rest(10 * time.Minute)
		h.server.Deliver(h.reply(h.asked(c, grandma), `"a..hana"@docomo.ne.jp`, "無事です。家にいます。\n\n2026年1月17日 5:51 Anpi <anpi@home.example.org>：\n> 助けてください"))
		h.rest(time.Second)
		h.expect(c, grandma, broadcast.Safe, "無事です。家にいます。")
		a := h.standing(c, grandma).Answer
		if a.Source != broadcast.ByMail || a.Carrier != "mail:m1@phone.example" {
			t.Errorf("the answer came by %s as %s", a.Source, a.Carrier)
		}
		if got := h.bodies(c.ID, grandma, broadcast.Reply); len(got) != 0 {
			t.Errorf("a receipt was sent for a clear answer: %q", got)
		}
		if diff := cmp.Diff([]uint32{1}, h.seen()); diff != "" {
			t.Errorf("mails marked as seen (-want +got):\n%s", diff)
		}
		h.arrives(h.reply(h.asked(c, grandma), "HANA@example.jp", "やっぱり足が痛いです"))
		h.expect(c, grandma, broadcast.Injured, "やっぱり足が痛いです")
	})
}

func TestAnAnswerCountsFromWhenItWasWritten(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		h.rest(time.Hour)
		c := h.check(broadcast.Real)
		h.rest(10 * time.Minute)
		late := h.reply(h.asked(c, uncle), "bob@example.com", "I am safe")
		h.rest(30 * time.Minute)
		written := time.Now().Add(-30 * time.Minute).Truncate(time.Second)
		h.arrives(late)
		if at := h.standing(c, uncle).Answer.At; !at.Equal(written) {
			t.Errorf("the answer counts from %v, want %v, when it was written", at, written)
		}
		// A phone with a wrong clock: of tomorrow, and of before the check.
		for _, wrong := range []time.Duration{24 * time.Hour, -time.Hour - 30*time.Minute} {
			h.rest(time.Minute)
			raw := h.reply(h.asked(c, uncle), "bob@example.com", "I am safe")
			raw = strings.Replace(raw, time.Now().Format(time.RFC1123Z), time.Now().Add(wrong).Format(time.RFC1123Z), 1)
			h.arrives(raw)
			if at := h.standing(c, uncle).Answer.At; time.Since(at) > 2*time.Second || at.After(time.Now()) {
				t.Errorf("with a clock wrong by %v the answer counts from %v, want now (%v)", wrong, at, time.Now())
			}
		}
	})
}

func TestACryForHelpReachesEverybodyAndIsConfirmed(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		h.arrives(h.reply(h.asked(c, grandma), "hana@example.jp", "助けて。動けません"))
		h.expect(c, grandma, broadcast.Help, "助けて。動けません")
		if got := h.deliveries(c.ID, dad); len(got) != 1 || got[0].Purpose != broadcast.Alarm {
			t.Errorf("Dad gets %+v by mail, want the alarm", got)
		}
		var receipt broadcast.Delivery
		for _, d := range h.deliveries(c.ID, grandma) {
			if d.Purpose == broadcast.Reply {
				receipt = d
			}
		}
		if receipt.Address != "hana@example.jp" || !strings.Contains(receipt.Body, "家族にすぐ知らせます") {
			t.Errorf("Grandma gets %q at %q, want to read where she wrote from that the family is told", receipt.Body, receipt.Address)
		}
		// She replies to that mail, and it is an answer, too.
		h.arrives(h.reply(receipt, "hana@example.jp", "もう大丈夫です"))
		if s := h.standing(c, grandma); s.Answer.Text != "もう大丈夫です" {
			t.Errorf("the reply to the receipt was not taken: %+v", s.Answer)
		}
	})
}

func TestWhatIsNotUnderstoodIsAskedBack(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		for range 6 {
			h.arrives(h.reply(h.asked(c, uncle), "bob@example.com", "Thanks for asking"))
		}
		h.expect(c, uncle, broadcast.Unclear, "Thanks for asking")
		got := h.bodies(c.ID, uncle, broadcast.Reply)
		if len(got) != 3 {
			t.Errorf("%d mails went back, want 3: what replies to everything must come to an end", len(got))
		}
		for _, body := range got {
			if !strings.Contains(body, "I am safe") {
				t.Errorf("the mail does not say how to answer: %q", body)
			}
		}
	})
}

func TestAnEmptyReplyIsNoAnswer(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		h.arrives(h.reply(h.asked(c, uncle), "bob@example.com", "> are you safe?"))
		h.expect(c, uncle, broadcast.Pending, "")
		if got := h.bodies(c.ID, uncle, broadcast.Reply); len(got) != 1 {
			t.Errorf("%d mails say how to answer, want 1", len(got))
		}
	})
}

func TestASubjectCanBeAnAnswer(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		h.arrives(strings.Replace(h.reply(h.asked(c, uncle), "bob@example.com", ""), "Subject: Re: hello", "Subject: I am safe", 1))
		h.expect(c, uncle, broadcast.Safe, "I am safe")
	})
}

func TestOurOwnWordsAreNobodysAnswer(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		// A program that quotes without any mark.
		h.arrives(h.reply(h.asked(c, grandma), "hana@example.jp", "無事です\n\n安否確認です。無事ですか？\n返事のしかた\n・このメールに返信して、「無事です」「けがをしました」「助けてください」のどれかを\n書いてもかまいません。\n・電話で知らせることもできます：太郎\nこのメールは Anpi が自動で送りました。"))
		h.expect(c, grandma, broadcast.Safe, "無事です")
	})
}

func TestATokenInTheAddressTellsWhoAnswers(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		token := broadcast.NewToken()
		h.commit(broadcast.Change{Links: []broadcast.Link{{Hash: broadcast.HashToken(token), CheckID: c.ID, MemberID: uncle.ID, MadeAt: time.Now()}}})
		h.arrives(strings.Replace(h.write("bob@example.com", "I'm safe"), "To: anpi@", "To: anpi+"+strings.ToLower(token)+"@", 1))
		h.expect(c, uncle, broadcast.Safe, "I'm safe")
	})
}

func TestAReplyFromAnotherAddressIsAClaim(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		h.arrives(h.reply(h.asked(c, grandma), "stranger@example.com", "無事です"))
		h.expect(c, grandma, broadcast.Pending, "")
		answers, err := h.store.Answers(h.Context(), c.ID)
		if err != nil || len(answers) != 1 || !answers[0].Claimed || answers[0].Status != broadcast.Safe {
			t.Errorf("the answers are %+v (%v), want one that is claimed", answers, err)
		}
		notices := h.bodies(0, dad, broadcast.Notice)
		if len(notices) != 1 || !strings.Contains(notices[0], "stranger@example.com") || !strings.Contains(notices[0], "ハナ") || !strings.Contains(notices[0], "無事です") {
			t.Errorf("Dad is told %q", notices)
		}
		if got := h.bodies(c.ID, grandma, broadcast.Reply); len(got) != 0 {
			t.Errorf("a stranger gets %q", got)
		}
	})
}

func TestAMailThatRepliesToNothingIsAClaimWhileACheckIsOn(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		h.arrives(h.write("hana@example.jp", "助けて"))
		if got := h.bodies(0, dad, broadcast.Notice); len(got) != 0 {
			t.Errorf("a mail without a check tells Dad %q", got)
		}
		c := h.check(broadcast.Real)
		h.arrives(h.write("hana@example.jp", "助けて。2階です"))
		h.arrives(h.write("hana@example.jp", "写真ありがとう"))
		h.arrives(h.write("shop@example.com", "助けて"))
		h.expect(c, grandma, broadcast.Pending, "")
		notices := h.bodies(0, dad, broadcast.Notice)
		if len(notices) != 1 || !strings.Contains(notices[0], "助けて。2階です") {
			t.Errorf("Dad is told %q, want of the one mail that says how she is", notices)
		}
		if diff := cmp.Diff([]uint32{2}, h.seen()); diff != "" {
			t.Errorf("mails marked as seen (-want +got):\n%s", diff)
		}
	})
}

func TestProgramsDoNotAnswer(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		d := h.asked(c, uncle)
		h.arrives(h.reply(d, "bob@example.com", "I am safe and on holiday", "Auto-Submitted: auto-replied\n"))
		h.arrives(h.write("bob@example.com", "I am safe", "List-Id: <family.example.org>\n"))
		h.arrives("Content: no mail")
		h.arrives("garbage")
		h.expect(c, uncle, broadcast.Pending, "")
		if got := h.seen(); len(got) != 0 {
			t.Errorf("mails that are not for Anpi are marked as seen: %v", got)
		}
		h.arrives(h.reply(d, "bob@example.com", "I am safe"))
		h.expect(c, uncle, broadcast.Safe, "I am safe")
	})
}

func TestABounceLeadsToTheNextAddressAtOnce(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		d := h.asked(c, grandma)
		h.sent(d)
		h.arrives(h.bounce(d, "delayed", "4.4.1"))
		if got := h.asked(c, grandma); got.State != broadcast.Sent {
			t.Errorf("a mail that is late is %s, want %s", got.State, broadcast.Sent)
		}
		h.arrives(h.bounce(d, "failed", "5.1.1"))
		h.arrives(h.bounce(d, "failed", "5.1.1"))
		all := h.deliveries(c.ID, grandma)
		if len(all) != 2 || all[0].State != broadcast.Failed || all[0].Reason != "mail-bounced: 550 no such user" {
			t.Fatalf("the deliveries are %+v, want the first one failed and a second one", all)
		}
		if all[1].Address != "hana@example.jp" || all[1].State != broadcast.Due || all[1].DueAt.After(time.Now()) {
			t.Errorf("the next mail is %+v, want one due at once to her other address", all[1])
		}
	})
}

func TestAReplyToAnOlderCheckCountsForThatOne(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		drill := h.check(broadcast.Drill)
		old := h.asked(drill, uncle)
		h.rest(time.Hour)
		now := h.check(broadcast.Real) // ends the drill
		h.arrives(h.reply(old, "bob@example.com", "I am safe"))
		h.expect(drill, uncle, broadcast.Safe, "I am safe")
		h.expect(now, uncle, broadcast.Pending, "")
		// The practice is over, so this is meant.
		h.arrives(h.reply(old, "bob@example.com", "Help, I am trapped"))
		if notices := h.bodies(0, dad, broadcast.Notice); len(notices) != 1 || !strings.Contains(notices[0], "trapped") {
			t.Errorf("Dad is told %q, want of the cry for help", notices)
		}
		// Long after both have ended nothing counts but a cry for help.
		h.commit(broadcast.Change{Close: &broadcast.Close{CheckID: now.ID}})
		h.rest(broadcast.LateAnswers + time.Hour)
		h.arrives(h.reply(h.asked(now, uncle), "bob@example.com", "I am safe"))
		h.expect(now, uncle, broadcast.Pending, "")
		h.arrives(h.reply(h.asked(now, uncle), "bob@example.com", "please send help"))
		if notices := h.bodies(0, dad, broadcast.Notice); len(notices) != 2 {
			t.Errorf("Dad is told %q, want of the second cry, too", notices)
		}
	})
}

func TestAnOrganisersReplyToAnAlarmIsNotAboutHimself(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		h.arrives(h.reply(h.asked(c, grandma), "hana@example.jp", "助けて"))
		h.arrives(h.reply(h.deliveries(c.ID, dad)[0], "dad@example.net", "もう大丈夫です"))
		h.expect(c, dad, broadcast.Pending, "")
		h.expect(c, grandma, broadcast.Help, "助けて")
	})
}

func TestOldMailIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, inboxtest.Options{})
		defer h.end()
		c := h.check(broadcast.Real)
		h.server.Deliver(h.reply(h.asked(c, uncle), "bob@example.com", "I am safe"))
		h.start()
		h.rest(time.Minute)
		h.expect(c, uncle, broadcast.Pending, "")
		h.arrives(h.reply(h.asked(c, uncle), "bob@example.com", "I am hurt"))
		h.expect(c, uncle, broadcast.Injured, "I am hurt")
	})
}

func TestNothingIsMissedWhileTheProgramIsOff(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		h.stop()
		h.server.Deliver(h.reply(h.asked(c, uncle), "bob@example.com", "I am safe"))
		h.server.Deliver(h.reply(h.asked(c, grandma), "hana@example.jp", "無事です"))
		h.rest(time.Hour)
		h.start()
		h.rest(time.Second)
		h.expect(c, uncle, broadcast.Safe, "I am safe")
		h.expect(c, grandma, broadcast.Safe, "無事です")
	})
}

func TestAMailboxWithoutIdleIsAskedEveryMinute(t *testing.T) {
	story(t, inboxtest.Options{NoIdle: true}, func(h *house) {
		c := h.check(broadcast.Real)
		h.server.Deliver(h.reply(h.asked(c, uncle), "bob@example.com", "I am safe"))
		h.rest(time.Minute + time.Second)
		h.expect(c, uncle, broadcast.Safe, "I am safe")
	})
}

func TestAConnectionLivesOnForADay(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		h.rest(24 * time.Hour)
		if n := len(h.server.Logins()); n != 1 {
			t.Errorf("%d logins in a quiet day, want 1", n)
		}
		h.arrives(h.reply(h.asked(c, uncle), "bob@example.com", "I am safe"))
		h.expect(c, uncle, broadcast.Safe, "I am safe")
	})
}

func TestTheServerGoesAwayAndComesBack(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		h.server.Away(true)
		h.rest(2 * time.Hour)
		if n := h.log.count("cannot read the mailbox"); n == 0 || n > 3 {
			t.Errorf("%d lines about two hours without the mailbox, want one for each kind of trouble", n)
		}
		h.server.Deliver(h.reply(h.asked(c, uncle), "bob@example.com", "I am safe"))
		h.server.Away(false)
		h.rest(7 * time.Minute)
		h.expect(c, uncle, broadcast.Safe, "I am safe")
		h.server.Cut()
		h.rest(3 * time.Second)
		h.arrives(h.reply(h.asked(c, grandma), "hana@example.jp", "無事です"))
		h.expect(c, grandma, broadcast.Safe, "無事です")
	})
}

func TestAServerThatFallsSilentIsLeft(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		h.server.Deaf(true)
		h.server.Deliver(h.reply(h.asked(c, uncle), "bob@example.com", "I am safe"))
		h.rest(12 * time.Minute)
		h.server.Deaf(false)
		h.rest(7 * time.Minute)
		h.expect(c, uncle, broadcast.Safe, "I am safe")
	})
}

func TestARefusedPasswordIsNotTriedAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, inboxtest.Options{})
		defer h.end()
		h.server.Refuse(true)
		h.start()
		h.rest(65 * time.Minute)
		logins := h.server.Logins()
		if n := len(logins); n < 3 || n > 5 {
			t.Errorf("%d logins in 65 minutes, want one in 15", n)
		}
		for i := range len(logins) - 1 {
			if d := logins[i+1].Sub(logins[i]); d < 15*time.Minute {
				t.Errorf("two logins within %v", d)
			}
		}
		if h.log.count(inboxtest.Password) > 0 {
			t.Error("the log shows the password")
		}
	})
}

func TestAMailboxThatIsNumberedAnewIsReadFromThereOn(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		h.arrives(h.write("shop@example.com", "Sale"))
		h.arrives(h.write("shop@example.com", "Sale"))
		h.server.Renumber()
		h.rest(time.Minute)
		h.arrives(h.reply(h.asked(c, uncle), "bob@example.com", "I am safe"))
		h.expect(c, uncle, broadcast.Safe, "I am safe")
		if n := h.log.count("numbered the mailbox anew"); n != 1 {
			t.Errorf("the log speaks of it %d times, want once", n)
		}
	})
}

func TestAPoisonousMailHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, inboxtest.Options{})
		defer h.end()
		h.intake.Hear = func(text string, from roster.Member) broadcast.Heard {
			if strings.Contains(text, "poison") {
				panic("poisoned")
			}
			return hear(text, from)
		}
		h.start()
		h.rest(time.Second)
		c := h.check(broadcast.Real)
		h.server.Deliver(h.reply(h.asked(c, grandma), "hana@example.jp", "poison"))
		h.server.Deliver(h.reply(h.asked(c, uncle), "bob@example.com", "I am safe"))
		h.rest(time.Minute)
		h.expect(c, uncle, broadcast.Safe, "I am safe")
		if n := h.log.count("is passed over"); n != 1 {
			t.Errorf("the log speaks of the poisonous mail %d times, want once", n)
		}
		if notices := h.bodies(0, dad, broadcast.Notice); len(notices) != 1 {
			t.Errorf("Dad is told %q, want that a mail cannot be read", notices)
		}
	})
}

// broken is a ledger that cannot be written for a while.
type broken struct {
	broadcast.Store
	mu   sync.Mutex
	full bool
}

func (b *broken) Commit(ctx context.Context, c broadcast.Change) (broadcast.Committed, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full {
		return broadcast.Committed{}, errors.New("the disk is full")
	}
	return b.Store.Commit(ctx, c)
}

func TestAFullDiskLosesNoAnswer(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		disk := &broken{Store: h.store, full: true}
		h.service.Store = disk
		h.server.Deliver(h.reply(h.asked(c, uncle), "bob@example.com", "I am safe"))
		h.rest(time.Hour)
		disk.mu.Lock()
		disk.full = false
		disk.mu.Unlock()
		h.rest(7 * time.Minute)
		h.expect(c, uncle, broadcast.Safe, "I am safe")
	})
}
