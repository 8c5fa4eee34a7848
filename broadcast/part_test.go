package broadcast_test

import (
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
)

// asks starts a check as somebody at the command line wants it.
func (h *house) asks(r broadcast.StartRequest) broadcast.Check {
	h.t.Helper()
	r.Kind, r.Key = broadcast.Real, "cli:test"
	done, err := h.service.Start(h.t.Context(), time.Now(), r)
	if err != nil {
		h.t.Fatal(err)
	}
	return done.Started
}

// TestAPartOfTheFamilyIsAskedAlone: the room is not rung, and nobody else is
// chased later.
func TestAPartOfTheFamilyIsAskedAlone(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.start()
		c := h.asks(broadcast.StartRequest{Members: []roster.Member{grandma, uncle}})
		h.rest(time.Second)
		if n := h.room.got(broadcast.Ask, ""); n != 0 {
			t.Errorf("the room was rung %d times", n)
		}
		if alone, mail := h.direct.got(broadcast.Ask, "grandma"), h.mail.got(broadcast.Ask, "uncle"); alone != 1 || mail != 1 {
			t.Errorf("Grandma was asked %d times alone, Uncle %d times by mail", alone, mail)
		}
		if n := h.room.got(broadcast.TallyOf, ""); n != 1 {
			t.Errorf("%d tallies in the room", n)
		}
		h.rest(time.Hour)
		if n := h.direct.got(broadcast.Remind, "kenta") + h.direct.got(broadcast.Remind, "dad"); n != 0 {
			t.Errorf("%d reminders to people who were not asked", n)
		}
		if n := h.direct.got(broadcast.Remind, "grandma"); n != 1 {
			t.Errorf("Grandma was reminded %d times", n)
		}
		tally, err := h.service.Tally(t.Context(), c)
		if err != nil || len(tally.Standings) != 2 {
			t.Errorf("the tally counts %d people: %v", len(tally.Standings), err)
		}
	})
}

// TestMailAtOnceBesideTalk: everybody with an address has mail at once, and
// nobody twice, even when Talk fails.
func TestMailAtOnceBesideTalk(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.room.fate = func(int, broadcast.Message) fate {
			return fate{err: &broadcast.Failure{Reason: "talk-unreachable", Down: true}}
		}
		h.start()
		h.asks(broadcast.StartRequest{Mail: broadcast.MailNow})
		h.rest(time.Minute)
		for _, who := range []string{"dad", "grandma", "uncle"} {
			if n := h.mail.got(broadcast.Ask, who); n != 1 {
				t.Errorf("%s was asked %d times by mail", who, n)
			}
		}
	})
}

// TestACheckWithoutMail: nobody is asked by mail, neither later nor when Talk is
// down; whoever has nothing else is named. A cry for help still goes everywhere.
func TestACheckWithoutMail(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		down := true
		h.room.fate = func(int, broadcast.Message) fate {
			if down {
				return fate{err: &broadcast.Failure{Reason: "talk-unreachable", Down: true}}
			}
			return fate{}
		}
		h.start()
		c := h.asks(broadcast.StartRequest{Mail: broadcast.MailNever})
		h.rest(time.Minute)
		h.room.meanwhile(func() { down = false })
		h.rest(2 * time.Hour)
		if n := h.mail.got(broadcast.Ask, "") + h.mail.got(broadcast.Remind, ""); n != 0 {
			t.Errorf("%d people were asked by mail", n)
		}
		if room, alone := h.room.got(broadcast.Ask, "grandma"), h.direct.got(broadcast.Remind, "grandma"); room != 1 || alone != 4 {
			t.Errorf("Grandma was asked %d times in the room and %d times alone", room, alone)
		}
		tally, err := h.service.Tally(t.Context(), c)
		if who := tally.Unreached(); err != nil || len(who) != 1 || who[0].Member.ID != "uncle" || who[0].Trouble != broadcast.ReasonNoMail {
			t.Errorf("not reached: %+v, %v", who, err)
		}
		h.says(c, kenta, broadcast.Help, "phone:1")
		h.rest(time.Second)
		if n := h.mail.got(broadcast.Alarm, "dad"); n != 2 {
			t.Errorf("the cry for help went to Dad's addresses %d times", n)
		}
	})
}
