package broadcast_test

import (
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
)

func TestUnconfirmedIsNotDead(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		one := uncle
		one.Emails = one.Emails[:1]
		h.members = []roster.Member{dad, one}
		bad := true
		h.mail.fate = func(n int, m broadcast.Message) fate {
			if bad {
				return fate{err: &broadcast.Failure{Doubt: true, Down: true, Reason: "mail-unreachable"}}
			}
			return fate{}
		}
		h.start()
		c := h.check(broadcast.Real)
		h.rest(10 * time.Minute)
		h.mail.meanwhile(func() { bad = false })
		h.rest(24 * time.Hour)
		if n := h.mail.got(broadcast.Remind, "uncle"); n == 0 {
			t.Errorf("Uncle was never reminded: %+v", h.deliveries(c, "uncle", broadcast.Email))
		}
	})
}

func TestBootedIn1970(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		done, err := h.service.Start(t.Context(), time.Now().AddDate(-29, 0, 0), broadcast.StartRequest{Kind: broadcast.Real, Key: "old"})
		if err != nil {
			t.Fatal(err)
		}
		h.direct.fate = func(n int, m broadcast.Message) fate { return fate{takes: time.Second} }
		h.room.fate = func(n int, m broadcast.Message) fate { return fate{takes: time.Second} }
		h.start()
		h.rest(30 * time.Minute)
		c, _ := h.store.Check(t.Context(), done.Started.ID)
		if !c.Open() || h.room.got(broadcast.Ask, "kenta")+h.direct.got(broadcast.Remind, "kenta") == 0 || h.mail.got(broadcast.Remind, "uncle") == 0 {
			t.Errorf("open %v, room %d, Kenta alone %d, Uncle %d", c.Open(), h.room.got(broadcast.Ask, "kenta"), h.direct.got(broadcast.Remind, "kenta"), h.mail.got(broadcast.Remind, "uncle"))
		}
	})
}

func TestOlderSafeRecordedLater(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		c := h.check(broadcast.Real)
		change := broadcast.Change{Now: time.Now()}
		h.service.PlanAnswer(&change, c, broadcast.Standing{Member: kenta}, broadcast.Answer{Status: broadcast.Help, Source: broadcast.ByRoom, Carrier: "talk:20", At: time.Now()})
		h.service.PlanAnswer(&change, c, broadcast.Standing{Member: kenta}, broadcast.Answer{Status: broadcast.Safe, Source: broadcast.ByDirect, Carrier: "talk:10", At: time.Now().Add(-10 * time.Minute)})
		if _, err := h.service.Commit(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		tally, err := h.service.Tally(t.Context(), c)
		if err != nil || len(tally.Who(broadcast.Help)) != 1 {
			t.Errorf("the older word of safety counts: %+v, %v", tally.Standings, err)
		}
	})
}
