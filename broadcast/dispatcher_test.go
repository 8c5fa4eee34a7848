package broadcast_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
)

// One message in the room serves everybody with an account; whoever has none
// has mail at once; whoever has nothing is named.
func TestEverybodyIsAskedOnce(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.members = append(h.members, cat)
		h.start()
		c := h.check(broadcast.Real)
		h.rest(time.Minute)
		if n := len(h.room.of(broadcast.Ask)); n != 1 || h.room.got(broadcast.Ask, "kenta") != 1 || h.room.got(broadcast.Ask, "grandma") != 1 {
			t.Errorf("%d prompts in the room", n)
		}
		if len(h.direct.tries) != 0 || len(h.mail.tries) != 1 || h.mail.got(broadcast.Ask, "uncle") != 1 {
			t.Errorf("%d direct, %d mails", len(h.direct.tries), len(h.mail.tries))
		}
		tally, err := h.service.Tally(t.Context(), c)
		if err != nil || len(tally.Unreached()) != 1 || tally.Unreached()[0].Member.ID != "cat" || tally.Unreached()[0].Trouble != broadcast.ReasonNoWay {
			t.Errorf("unreached: %+v, %v", tally.Unreached(), err)
		}
	})
}

// What certainly did not arrive is tried again, ever more slowly.
func TestAPassingFaultIsTriedAgain(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.mail.fate = func(n int, m broadcast.Message) fate {
			if n < 7 {
				return fate{err: &broadcast.Failure{Reason: "mail-later"}}
			}
			return fate{}
		}
		h.start()
		c := h.check(broadcast.Real)
		h.rest(4 * time.Minute)
		tries := h.mail.of(broadcast.Ask)
		if len(tries) != 7 || h.mail.got(broadcast.Ask, "uncle") != 1 {
			t.Fatalf("%d tries, %d arrived", len(tries), h.mail.got(broadcast.Ask, "uncle"))
		}
		for i := 1; i < len(tries); i++ {
			want := 2 * time.Second << (i - 1)
			if pause := tries[i].at.Sub(tries[i-1].at); pause < want*3/4 || pause > want*5/4+time.Second {
				t.Errorf("try %d came after %v, want about %v", i+1, pause, want)
			}
		}
		if d := h.deliveries(c, "uncle", broadcast.Email)[0]; d.State != broadcast.Sent || d.MaybeTwice || d.Reason != "" {
			t.Errorf("%+v", d)
		}
	})
}

// The server asked to be left alone.
func TestAServersWishIsHonoured(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.mail.fate = func(n int, m broadcast.Message) fate {
			return fate{err: &broadcast.Failure{Reason: "mail-later", After: time.Hour}}
		}
		h.start()
		c := h.check(broadcast.Real)
		h.rest(time.Second)
		h.closes(c) // no reminders come in between
		h.rest(59 * time.Minute)
		if n := len(h.mail.tries); n != 1 {
			t.Errorf("%d tries within the hour", n)
		}
	})
}

// Nobody knows whether it arrived: wait, look, and only then send.
func TestInDoubtItLooksBeforeItSends(t *testing.T) {
	for _, arrived := range []bool{true, false} {
		t.Run(fmt.Sprintf("arrived %v", arrived), func(t *testing.T) {
			story(t, func(t *testing.T, h *house) {
				h.room.fate = func(n int, m broadcast.Message) fate {
					if n == 1 {
						return fate{arrives: arrived, err: &broadcast.Failure{Doubt: true, Reason: "talk-unclear"}}
					}
					return fate{}
				}
				h.start()
				began := time.Now()
				c := h.check(broadcast.Real)
				h.rest(3 * time.Minute)
				if n := h.room.got(broadcast.Ask, "kenta"); n != 1 {
					t.Errorf("Kenta was asked %d times", n)
				}
				if len(h.room.looks) != 1 || h.room.looks[0].Sub(began) < h.room.settle {
					t.Errorf("looked at %v", h.room.looks)
				}
				if d := h.deliveries(c, "kenta", broadcast.Room)[0]; d.State != broadcast.Sent || d.Receipt.MessageID == 0 || d.MaybeTwice {
					t.Errorf("%+v", d)
				}
			})
		})
	}
}

// While the look fails, too, nothing is sent.
func TestInDoubtNothingIsSentUnseen(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		blind := true
		h.room.fate = func(n int, m broadcast.Message) fate {
			if n == 1 {
				return fate{arrives: true, err: &broadcast.Failure{Doubt: true, Reason: "talk-unclear"}}
			}
			return fate{}
		}
		h.room.lookErr = func() error {
			if blind {
				return &broadcast.Failure{Down: true, Reason: "talk-unreachable", Err: errors.New("no answer")}
			}
			return nil
		}
		h.start()
		h.check(broadcast.Real)
		h.rest(20 * time.Minute)
		if n := len(h.room.of(broadcast.Ask)); n != 1 {
			t.Errorf("%d tries while nobody could look", n)
		}
		h.room.meanwhile(func() { blind = false })
		h.rest(5 * time.Minute)
		if n := h.room.got(broadcast.Ask, "kenta"); n != 1 {
			t.Errorf("Kenta was asked %d times in the room", n)
		}
	})
}

// Mail cannot be looked for: in doubt it goes out twice at most, and the report
// says so.
func TestABlindChannelSendsTwiceAtMost(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.members = []roster.Member{uncle}
		h.service.Ladder = broadcast.Ladder{Deadline: 72 * time.Hour}
		h.mail.fate = func(n int, m broadcast.Message) fate {
			return fate{arrives: true, err: &broadcast.Failure{Doubt: true, Reason: "mail-unreachable"}}
		}
		h.start()
		c := h.check(broadcast.Real)
		h.rest(time.Hour)
		first := 0
		for _, m := range h.mail.of(broadcast.Ask) {
			if m.m.Address == uncle.Emails[0] {
				first++
			}
		}
		if first != 2 {
			t.Errorf("%d mails to the first address", first)
		}
		var got broadcast.Delivery
		for _, d := range h.deliveries(c, "uncle", broadcast.Email) {
			if d.Address == uncle.Emails[0] {
				got = d
			}
		}
		if got.State != broadcast.Failed || got.Reason != broadcast.ReasonUnconfirmed || !got.MaybeTwice {
			t.Errorf("%+v", got)
		}
		if r, err := h.service.Report(t.Context(), c); err != nil || r.Twice < 1 {
			t.Errorf("the report says %d twice, %v", r.Twice, err)
		}
	})
}

// A refusal for good goes on along the other ways at once.
func TestARefusalTakesTheNextWay(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.room.fate = func(n int, m broadcast.Message) fate {
			return fate{err: &broadcast.Failure{Permanent: true, Reason: "talk-forbidden"}}
		}
		h.direct.fate = func(n int, m broadcast.Message) fate {
			if m.Members[0].ID == "grandma" {
				return fate{err: &broadcast.Failure{Permanent: true, Reason: "talk-gone"}}
			}
			return fate{}
		}
		h.mail.fate = func(n int, m broadcast.Message) fate {
			if m.Address == uncle.Emails[0] {
				return fate{err: &broadcast.Failure{Permanent: true, Reason: "mail-rejected"}}
			}
			return fate{}
		}
		h.start()
		h.check(broadcast.Real)
		h.rest(10 * time.Second)
		for who, got := range map[string]int{"kenta alone": h.direct.got(broadcast.Ask, "kenta"), "grandma by mail": h.mail.got(broadcast.Ask, "grandma"), "uncle at work": h.mail.got(broadcast.Ask, "uncle")} {
			if got != 1 {
				t.Errorf("%s: asked %d times", who, got)
			}
		}
		if n := h.mail.got(broadcast.Ask, "kenta") + h.mail.got(broadcast.Ask, "dad"); n != 0 {
			t.Errorf("%d mails to those who were reached", n)
		}
	})
}

// Those who are not in the room are asked alone.
func TestThoseNotInTheRoomAreAskedAlone(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.room.fate = func(n int, m broadcast.Message) fate {
			return fate{unreached: broadcast.Unreached{"kenta": broadcast.ReasonNotInRoom}}
		}
		h.start()
		c := h.check(broadcast.Real)
		h.rest(10 * time.Second)
		if len(h.direct.tries) != 1 || h.direct.got(broadcast.Ask, "kenta") != 1 {
			t.Errorf("%d prompts to people alone", len(h.direct.tries))
		}
		if d := h.deliveries(c, "kenta", broadcast.Room)[0]; d.State != broadcast.Failed || d.Reason != broadcast.ReasonNotInRoom {
			t.Errorf("%+v", d)
		}
	})
}

// Talk is down: mail at once to whoever has it, and the room when it is back.
func TestWhenTalkIsDownMailGoesOutAtOnce(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		down := true
		h.room.fate = func(n int, m broadcast.Message) fate {
			if down {
				return fate{err: &broadcast.Failure{Down: true, Reason: "talk-maintenance", After: 30 * time.Second}}
			}
			return fate{}
		}
		h.start()
		h.check(broadcast.Real)
		h.rest(3 * time.Second)
		for _, who := range []string{"dad", "grandma", "uncle"} {
			if n := h.mail.got(broadcast.Ask, who); n != 1 {
				t.Errorf("%s has %d mails", who, n)
			}
		}
		h.rest(2 * time.Minute)
		h.room.meanwhile(func() { down = false })
		h.rest(2 * time.Minute)
		if n := h.room.got(broadcast.Ask, "kenta"); n != 1 {
			t.Errorf("Kenta was asked %d times when the room was back", n)
		}
		for _, who := range []string{"dad", "grandma", "uncle"} {
			if n := h.mail.got(broadcast.Ask, who); n != 1 {
				t.Errorf("%s has %d mails in the end", who, n)
			}
		}
	})
}

// A prompt that nobody has to answer any more is not sent.
func TestNeedlessPromptsAreDropped(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.mail.fate = func(n int, m broadcast.Message) fate {
			return fate{err: &broadcast.Failure{Reason: "mail-later", After: time.Minute}}
		}
		h.start()
		c := h.check(broadcast.Real)
		h.rest(time.Second)
		h.says(c, uncle, broadcast.Safe, "talk:1")
		h.rest(10 * time.Minute)
		if n := len(h.mail.of(broadcast.Ask)); n != 1 {
			t.Errorf("%d tries for somebody who had answered", n)
		}
		if d := h.deliveries(c, "uncle", broadcast.Email)[0]; d.State != broadcast.Dropped {
			t.Errorf("%+v", d)
		}
		h.closes(c)
		sent := len(h.direct.tries)
		h.rest(24 * time.Hour)
		if n := len(h.direct.tries) - sent; n != 0 {
			t.Errorf("%d reminders after the end", n)
		}
	})
}

// A lane that hangs holds up no other.
func TestALaneThatHangsHoldsUpNoOther(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.mail.fate = func(n int, m broadcast.Message) fate { return fate{takes: time.Hour} }
		h.start()
		c := h.check(broadcast.Real)
		h.rest(time.Second)
		h.says(c, kenta, broadcast.Help, "talk:1")
		h.rest(time.Second)
		if h.room.got(broadcast.Ask, "kenta") != 1 || h.room.got(broadcast.Alarm, "") != 1 || h.direct.got(broadcast.Alarm, "dad") != 1 {
			t.Errorf("asked %d, the room alarmed %d, Dad alarmed %d", h.room.got(broadcast.Ask, "kenta"), h.room.got(broadcast.Alarm, ""), h.direct.got(broadcast.Alarm, "dad"))
		}
	})
}

// A cry for help reaches the room and every organiser over everything, once for
// each cry, and never the one who cried.
func TestACryForHelpIsTold(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.start()
		c := h.check(broadcast.Drill)
		h.rest(time.Second)
		h.says(c, kenta, broadcast.Help, "talk:1")
		h.says(c, kenta, broadcast.Help, "talk:1")
		h.rest(2 * time.Second)
		alarms := h.mail.of(broadcast.Alarm)
		if h.room.got(broadcast.Alarm, "") != 1 || h.direct.got(broadcast.Alarm, "dad") != 1 || len(alarms) != 2 {
			t.Fatalf("room %d, Dad %d, mails %d", h.room.got(broadcast.Alarm, ""), h.direct.got(broadcast.Alarm, "dad"), len(alarms))
		}
		if m := alarms[0].m; m.About.ID != "kenta" || m.Answer.Carrier != "talk:1" || !m.Check.Drill() {
			t.Errorf("%+v", m)
		}
		h.says(c, dad, broadcast.Help, "talk:2")
		h.rest(2 * time.Second)
		if h.room.got(broadcast.Alarm, "") != 2 || h.direct.got(broadcast.Alarm, "dad") != 1 {
			t.Errorf("Dad's own cry: room %d, Dad %d", h.room.got(broadcast.Alarm, ""), h.direct.got(broadcast.Alarm, "dad"))
		}
	})
}

// The tally is edited every 3 seconds at most, however many answers come, and
// shows the last of them.
func TestABurstOfAnswersIsFewEdits(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		for i := range 60 {
			id := fmt.Sprint("m", i)
			h.members = append(h.members, roster.Member{ID: id, Name: id, Talk: id})
		}
		h.start()
		c := h.check(broadcast.Real)
		h.rest(10 * time.Second)
		h.room.meanwhile(func() { h.room.edits = nil })
		for i := range 60 {
			h.says(c, h.members[4+i], broadcast.Safe, fmt.Sprint("talk:", i))
			time.Sleep(200 * time.Millisecond)
		}
		h.rest(4 * time.Second)
		edits := h.room.edits
		if len(edits) < 3 || len(edits) > 6 {
			t.Errorf("%d edits in 12 s", len(edits))
		}
		for i := 1; i < len(edits); i++ {
			if pause := edits[i].at.Sub(edits[i-1].at); pause < 3*time.Second {
				t.Errorf("two edits within %v", pause)
			}
		}
		if n := edits[len(edits)-1].m.Tally.Answered(); n != 60 {
			t.Errorf("the room shows %d answers", n)
		}
		if n := len(h.room.of(broadcast.TallyOf)); n != 1 {
			t.Errorf("%d messages with the tally", n)
		}
	})
}

// A tally that is a day old cannot be edited: a new one takes its place, once.
func TestATallyIsRenewedAfterADay(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.start()
		c := h.check(broadcast.Real)
		h.rest(25 * time.Hour)
		if n := len(h.room.of(broadcast.TallyOf)); n != 1 {
			t.Errorf("%d tallies although nothing changed", n)
		}
		h.says(c, kenta, broadcast.Safe, "talk:1")
		h.rest(10 * time.Second)
		h.says(c, grandma, broadcast.Safe, "talk:2")
		h.rest(10 * time.Second)
		if n := len(h.room.of(broadcast.TallyOf)); n != 2 {
			t.Errorf("%d tallies", n)
		}
		if n := len(h.room.edits); n == 0 || h.room.edits[n-1].m.Tally.Answered() != 2 {
			t.Errorf("the new tally was edited %d times", n)
		}
	})
}

// Stopped and started at any moment, nobody is asked twice in the room.
func TestStoppedAndStarted(t *testing.T) {
	for _, after := range []time.Duration{0, time.Millisecond, 500 * time.Millisecond, time.Second, 1500 * time.Millisecond, 3 * time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			story(t, func(t *testing.T, h *house) {
				h.room.fate = func(n int, m broadcast.Message) fate { return fate{takes: time.Second} }
				h.start()
				h.check(broadcast.Real)
				h.rest(after)
				h.stop()
				h.start()
				h.rest(3 * time.Minute)
				if n := h.room.got(broadcast.Ask, "kenta"); n != 1 {
					t.Errorf("Kenta was asked %d times in the room", n)
				}
				if n := len(h.room.of(broadcast.TallyOf)); n < 1 {
					t.Errorf("the room has no tally")
				}
			})
		})
	}
}

// The ladder climbs for the silent, and stops for whoever answers anything.
func TestTheLadderStopsForWhoeverAnswers(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.start()
		c := h.check(broadcast.Real)
		h.rest(time.Minute)
		h.says(c, dad, broadcast.Unclear, "talk:1")
		h.rest(71 * time.Hour)
		if n := h.direct.got(broadcast.Remind, "dad") + h.mail.got(broadcast.Remind, "dad"); n != 0 {
			t.Errorf("Dad was reminded %d times", n)
		}
		// Direct: +5 min, four hourly, five twice a day; Kenta has no mail, so
		// the two rungs of mail come directly as well.
		if n := h.direct.got(broadcast.Remind, "kenta"); n != 12 {
			t.Errorf("Kenta was reminded %d times", n)
		}
		if n := h.direct.got(broadcast.Remind, "grandma"); n != 10 {
			t.Errorf("Grandma was reminded alone %d times", n)
		}
		if n := h.mail.got(broadcast.Remind, "grandma"); n != 11 {
			t.Errorf("Grandma was reminded by %d mails", n)
		}
		if n := h.direct.got(broadcast.Silence, "dad"); n != 6 {
			t.Errorf("Dad was told %d times who is silent", n)
		}
		h.rest(2 * time.Hour)
		if c, err := h.store.Check(t.Context(), c.ID); err != nil || c.Open() {
			t.Errorf("after 73 hours: open %v, %v", c.Open(), err)
		}
	})
}

// The same key starts one check, however often.
func TestTheSameKeyStartsOneCheck(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.start()
		for i := range 3 {
			done, err := h.service.Start(t.Context(), time.Now(), broadcast.StartRequest{Kind: broadcast.Drill, Key: "drill:monthly"})
			if err != nil || done.Again != (i > 0) || done.Started.ID != 1 {
				t.Errorf("start %d: %+v, %v", i, done, err)
			}
			h.rest(time.Second)
		}
		if n := len(h.room.of(broadcast.Ask)); n != 1 {
			t.Errorf("%d prompts", n)
		}
		open := new(broadcast.OpenError)
		if _, err := h.service.Start(t.Context(), time.Now(), broadcast.StartRequest{Kind: broadcast.Drill, Key: "another"}); !errors.As(err, &open) {
			t.Errorf("a second drill beside the first: %v", err)
		}
		done, err := h.service.Start(t.Context(), time.Now(), broadcast.StartRequest{Kind: broadcast.Real, Key: "real"})
		if err != nil || done.Started.Kind != broadcast.Real {
			t.Errorf("the real thing: %+v, %v", done, err)
		}
		h.stop()
		h.members = nil
		if _, err := h.service.Start(t.Context(), time.Now(), broadcast.StartRequest{Kind: broadcast.Real, Key: "nobody"}); !errors.Is(err, broadcast.ErrNobody) {
			t.Errorf("an empty roster: %v", err)
		}
	})
}
