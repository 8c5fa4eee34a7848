package inbox_test

import (
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox/inboxtest"
	"github.com/anpi-bot/anpi/roster"
)

// onEverybodysMail are marks of programs that some providers and servers put on
// the mails of people, too.
var onEverybodysMail = []string{
	"Feedback-ID: 1.ap-northeast-1.q8Zk:AmazonSES\n", "List-Unsubscribe: <mailto:u@mailer.example>\n", "List-Id: <yamada.ml.example.jp>\n", "List-Post: <mailto:yamada@ml.example.jp>\n",
	"X-ML-Name: yamada\n", "X-Mailing-List: <yamada@ml.example.jp>\n", "X-Campaign: 1\n", "Precedence: bulk\n", "Precedence: list\n", "Precedence: junk\n", "X-Precedence: bulk\n",
	"Return-Path: <>\n", "Return-Path: <MAILER-DAEMON>\n", "X-Auto-Response-Suppress: DR, OOF, AutoReply\n",
	"Subject: 外出中\n", "Subject: 不在です\n", "Subject: Re: Out of office\n",
}

// ofPrograms are marks of mails that no person wrote.
var ofPrograms = []string{
	"Auto-Submitted: auto-replied\n", "Auto-Submitted: auto-generated; x=y\n", "X-Autoreply: yes\n", "X-Autoresponse: yes\n", "Precedence: auto_reply\n", "X-MS-Exchange-Inbox-Rules-Loop: a@b\n",
	"Subject: 自動返信: 安否確認\n", "Subject: Automatic reply: Are you safe?\n",
}

// marked is a mail with a mark in front.
func marked(mark, raw string) string {
	if strings.HasPrefix(mark, "Subject") {
		raw = strings.Replace(raw, "Subject: Re: hello\n", "", 1)
	}
	return mark + raw
}

// whispers are what the member is told over Talk alone.
func (h *house) whispers(m roster.Member) []string {
	h.Helper()
	all, err := h.store.Deliveries(h.Context(), 0)
	if err != nil {
		h.Fatal(err)
	}
	var bodies []string
	for _, d := range all {
		if d.MemberID == m.ID && d.Channel == broadcast.Direct && d.Purpose == broadcast.Notice {
			bodies = append(bodies, d.Body)
		}
	}
	return bodies
}

func TestMarksOfAProgramHideNoCry(t *testing.T) {
	for _, mark := range onEverybodysMail {
		for words, want := range map[string]broadcast.Status{"助けて": broadcast.Help, "足を骨折しました": broadcast.Injured, "無事です": broadcast.Unclear} {
			story(t, inboxtest.Options{}, func(h *house) {
				c := h.check(broadcast.Real)
				h.arrives(marked(mark, h.reply(h.asked(c, grandma), "hana@example.jp", words)))
				if s := h.standing(c, grandma); s.Status != want || s.Answer.Text != words || s.Answer.Carrier != "mail:m1@phone.example" {
					t.Errorf("with %q she writes %s and stands at %s by %+v, want %s", mark, words, s.Status, s.Answer, want)
				}
				if got := h.bodies(c.ID, grandma, broadcast.Reply); len(got) != 0 {
					t.Errorf("with %q the mail gets the receipt %q", mark, got)
				}
				if alarms := len(h.bodies(c.ID, dad, broadcast.Alarm)); alarms != map[bool]int{true: 1}[want == broadcast.Help] {
					t.Errorf("with %q and %s Dad has %d alarms", mark, words, alarms)
				}
				if got := len(h.seen()); got != 1 {
					t.Errorf("with %q and %s %d mails are marked as seen, want 1", mark, words, got)
				}
			})
		}
	}
}

func TestACryWithTheTokenAndMarksIsRead(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		token := broadcast.NewToken()
		h.commit(broadcast.Change{Links: []broadcast.Link{{Hash: broadcast.HashToken(token), CheckID: c.ID, MemberID: uncle.ID, MadeAt: time.Now()}}})
		h.arrives("Feedback-ID: 1:AmazonSES\n" + strings.Replace(h.write("bob@example.com", "Help, I am trapped"), "To: anpi@", "To: anpi+"+token+"@", 1))
		h.expect(c, uncle, broadcast.Help, "Help, I am trapped")
	})
}

// Whoever is safe by a mail that a program may have sent is asked once more, and
// the organisers can look at the words.
func TestASafeWithMarksIsAskedAgain(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		d := h.asked(c, uncle)
		for range 4 {
			h.arrives(h.reply(d, "bob@example.com", "I am safe", "Feedback-ID: 1:AmazonSES\n"))
		}
		h.expect(c, uncle, broadcast.Unclear, "I am safe")
		var asked []broadcast.Delivery
		for _, d := range h.deliveries(c.ID, uncle) {
			if d.Purpose == broadcast.Clarify {
				asked = append(asked, d)
			}
		}
		if len(asked) != 1 {
			t.Fatalf("he is asked %d times more, want once", len(asked))
		}
		if got := h.whispers(dad); len(got) != 1 || !strings.Contains(got[0], "Bob") || !strings.Contains(got[0], "I am safe") {
			t.Errorf("Dad reads %q in Talk, want Bob's words once", got)
		}
		if got := h.bodies(0, dad, broadcast.Notice); len(got) != 0 {
			t.Errorf("Dad is woken by the mail %q", got)
		}
		// Over a way that adds nothing he is safe.
		h.arrives(h.reply(asked[0], "bob@example.com", "I am safe"))
		h.expect(c, uncle, broadcast.Safe, "I am safe")
	})
}

// Whoever has asked for help is not asked how they are because a program replies,
// too.
func TestAProgramTakesNoCryBack(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		h.arrives(h.reply(h.asked(c, uncle), "bob@example.com", "Help, I am trapped"))
		h.arrives(h.reply(h.asked(c, uncle), "bob@example.com", "I am safe now", "Precedence: bulk\n"))
		h.expect(c, uncle, broadcast.Help, "Help, I am trapped")
		if got := h.bodies(c.ID, uncle, broadcast.Clarify); len(got) != 0 {
			t.Errorf("he is asked once more: %q", got)
		}
		if got := h.whispers(dad); len(got) != 1 || !strings.Contains(got[0], "I am safe now") {
			t.Errorf("Dad reads %q in Talk, want Bob's later words", got)
		}
	})
}

func TestACryWithMarksAfterAnAnnouncementIsTold(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		h.commit(change(func(c *broadcast.Change) { h.service.PlanAnnounce(c, "test", dad, "There is water at the school") }))
		all := h.deliveries(0, grandma)
		if len(all) != 1 {
			t.Fatalf("Grandma has %d mails, want the announcement", len(all))
		}
		h.arrives(h.reply(all[0], "hana@example.jp", "助けて。動けません", "Feedback-ID: 1:AmazonSES\n"))
		if got := h.bodies(0, dad, broadcast.Notice); len(got) != 1 || !strings.Contains(got[0], "動けません") {
			t.Errorf("Dad has the mails %q, want one with the cry", got)
		}
	})
}

// A notice of absence is no answer: who sent it is asked on. Where it tells others
// to turn for help is nobody's cry.
func TestANoticeOfAbsenceIsNoAnswer(t *testing.T) {
	for _, notice := range []string{
		"I am out of the office until Thursday. If you need urgent help, please call Ken on 03-0000-0000.",
		"I will be away from my desk. In an emergency please contact the front office, they help you.",
		"ただいま不在にしております。急ぎの方は総務に助けを求めてください。",
		"不在にしております。緊急の場合は119番に助けを求めてください。",
	} {
		story(t, inboxtest.Options{}, func(h *house) {
			c := h.check(broadcast.Real)
			for range 3 {
				h.arrives(h.reply(h.asked(c, grandma), "hana@example.jp", notice))
				h.arrives(h.reply(h.asked(c, grandma), "hana@example.jp", notice, "Precedence: bulk\n"))
			}
			h.expect(c, grandma, broadcast.Pending, "")
			if got := h.bodies(c.ID, dad, broadcast.Alarm); len(got) != 0 {
				t.Errorf("of %q Dad hears the alarm %q", notice, got)
			}
			if got := h.whispers(dad); len(got) != 1 || !strings.Contains(got[0], "ハナ") {
				t.Errorf("of %q Dad reads %q in Talk, want the words once", notice, got)
			}
			// A cry beside it is one.
			h.arrives(h.reply(h.asked(c, grandma), "hana@example.jp", notice+"\n足が挟まって動けない、助けて"))
			if s := h.standing(c, grandma); s.Status != broadcast.Help {
				t.Errorf("of %q with a cry behind it she stands at %s", notice, s.Status)
			}
		})
	}
}

func TestACryByAProgramIsToldAndNoAnswer(t *testing.T) {
	for _, mark := range ofPrograms {
		story(t, inboxtest.Options{}, func(h *house) {
			c := h.check(broadcast.Real)
			d := h.asked(c, grandma)
			h.arrives(marked(mark, h.reply(d, "hana@example.jp", "無事です")))
			h.arrives(marked(mark, h.reply(d, "hana@example.jp", "不在です。お急ぎの場合は総務に助けを求めてください。")))
			if got := append(h.whispers(dad), h.bodies(0, dad, broadcast.Notice)...); len(got) != 0 || len(h.seen()) != 0 {
				t.Errorf("of a notice with %q Dad hears %q", mark, got)
			}
			for range 5 {
				h.arrives(marked(mark, h.reply(d, "hana@example.jp", "助けて。動けません")))
			}
			h.expect(c, grandma, broadcast.Pending, "")
			if got := h.bodies(0, dad, broadcast.Notice); len(got) != 1 || !strings.Contains(got[0], "助けて。動けません") || !strings.Contains(got[0], "ハナ") {
				t.Errorf("with %q Dad has the mails %q, want one with her words", mark, got)
			}
			if got := len(h.deliveries(c.ID, grandma)); got != 1 {
				t.Errorf("with %q she has %d mails, want the question alone", mark, got)
			}
			// Somebody else's program is nobody's cry.
			h.arrives(marked(mark, h.reply(d, "stranger@example.com", "Help, I am trapped")))
			if got := h.bodies(0, dad, broadcast.Notice); len(got) != 1 {
				t.Errorf("with %q from a stranger Dad has the mails %q", mark, got)
			}
		})
	}
}

func TestAListThatChangesTheSenderHidesNoCry(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		d := h.asked(c, grandma)
		h.arrives(h.reply(d, "yamada@ml.example.jp", "無事です", "List-Id: <yamada.ml.example.jp>\n"))
		if got := h.bodies(0, dad, broadcast.Notice); len(got) != 0 {
			t.Errorf("Dad has the mails %q", got)
		}
		h.arrives(h.reply(d, "yamada@ml.example.jp", "助けて", "List-Id: <yamada.ml.example.jp>\n"))
		h.expect(c, grandma, broadcast.Pending, "")
		if got := h.bodies(0, dad, broadcast.Notice); len(got) != 1 || !strings.Contains(got[0], "yamada@ml.example.jp") || !strings.Contains(got[0], "助けて") {
			t.Errorf("Dad has the mails %q, want one with the cry", got)
		}
	})
}

// A cry in a mail that replies to nothing is told by mail a few times, then over
// Talk alone.
func TestCriesWithMarksThatReplyToNothing(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		h.arrives(h.write("hana@example.jp", "無事です", "List-Id: <yamada.ml.example.jp>\n"))
		for range 6 {
			h.arrives(strings.Replace(h.write("hana@example.jp", "本棚の下で動けません"), "Subject: Re: hello", "Subject: 外出中です。助けて", 1))
		}
		h.expect(c, grandma, broadcast.Pending, "")
		if mails, talk := h.bodies(0, dad, broadcast.Notice), h.whispers(dad); len(mails) != 3 || len(talk) != 6 {
			t.Errorf("Dad hears %d times by mail and %d times in Talk, want 3 and 6", len(mails), len(talk))
		}
	})
}

// What a marked mail tells of others counts only where it is grave.
func TestAMarkedMailTellsOfOthers(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		h.intake.Hear = func(string, roster.Member) broadcast.Heard {
			return broadcast.Heard{Status: broadcast.Safe, Others: []broadcast.Told{{Member: uncle, Status: broadcast.Help}, {Member: dad, Status: broadcast.Safe}}}
		}
		c := h.check(broadcast.Real)
		h.arrives(h.reply(h.asked(c, grandma), "hana@example.jp", "words", "Precedence: bulk\n"))
		h.expect(c, grandma, broadcast.Unclear, "words")
		h.expect(c, uncle, broadcast.Help, "words")
		h.expect(c, dad, broadcast.Pending, "")
	})
}

// Every member has a program that replies to each mail with a cry, and with what
// it was sent. It must come to an end whatever marks the program leaves, or
// whether it says what it replies to.
func TestProgramsThatReplyToEverythingComeToAnEnd(t *testing.T) {
	marks := append(append([]string{"Subject: 外出中です\n"}, onEverybodysMail[:3]...), ofPrograms[:3]...)
	for _, mark := range marks {
		for _, names := range []bool{true, false} {
			story(t, inboxtest.Options{}, func(h *house) {
				boss := uncle
				boss.Organiser = true
				h.service.Roster = func() roster.Roster { return roster.Roster{Members: []roster.Member{dad, grandma, boss}} }
				c := h.check(broadcast.Real)
				h.commit(change(func(x *broadcast.Change) { h.service.PlanAnnounce(x, "test", dad, "Help is on the way") }))
				replied := map[int64]bool{}
				round := 0
				for ; round < 8; round++ {
					var fresh []broadcast.Delivery
					for _, check := range []int64{0, c.ID} {
						for _, m := range []roster.Member{dad, grandma, boss} {
							for _, d := range h.deliveries(check, m) {
								if !replied[d.ID] {
									fresh = append(fresh, d)
								}
							}
						}
					}
					if len(fresh) == 0 {
						break
					}
					for _, d := range fresh {
						replied[d.ID] = true
						h.sent(d)
						text := "Help, I am trapped. " + d.Body
						raw := h.reply(d, d.Address, text)
						if !names {
							raw = h.write(d.Address, text)
						}
						h.arrives(marked(mark, raw))
					}
				}
				if round == 8 {
					t.Errorf("with %q, naming the mail %v, mails still go to and fro after %d", mark, names, len(replied))
				}
			})
		}
	}
}

func change(plan func(*broadcast.Change)) broadcast.Change {
	c := broadcast.Change{Now: time.Now()}
	plan(&c)
	return c
}
