package broadcast_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
)

// The room vanishes while a prompt in it is in doubt.
func TestADoubtEnds(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.room.fate = func(n int, m broadcast.Message) fate {
			return fate{err: &broadcast.Failure{Doubt: true, Down: true, Reason: "talk-unreachable"}}
		}
		h.room.lookErr = func() error { return &broadcast.Failure{Permanent: true, Reason: "talk-gone", Err: errors.New("404")} }
		h.start()
		c := h.check(broadcast.Real)
		h.rest(3 * time.Minute)
		if h.direct.got(broadcast.Ask, "kenta") != 1 {
			t.Errorf("Kenta was not asked alone within 3 minutes although the room has gone: %+v", h.deliveries(c, "kenta", broadcast.Room))
		}
		h.closes(c)
		h.rest(time.Second)
		looks := 0
		h.room.meanwhile(func() { looks = len(h.room.looks) })
		h.rest(24 * time.Hour)
		h.room.meanwhile(func() { looks = len(h.room.looks) - looks })
		if looks > 5 {
			t.Errorf("%d looks in the day after the end", looks)
		}
	})
}

// A restart in the middle of a send is no reason to mail everybody.
func TestARestartIsNoOutage(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.room.fate = func(n int, m broadcast.Message) fate { return fate{takes: 2 * time.Second} }
		h.start()
		c := h.check(broadcast.Real)
		h.rest(time.Second)
		h.stop()
		h.room.fate = nil
		h.start()
		h.rest(2 * time.Minute)
		if n := h.mail.got(broadcast.Ask, "grandma"); n != 0 {
			t.Errorf("Grandma was asked in the room and by %d mails in the same step", n)
		}
		_ = c
	})
}

// Nobody can be reached any more: the tally says so.
func TestTheTallyTellsWhoIsUnreached(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.mail.fate = func(n int, m broadcast.Message) fate {
			return fate{takes: 10 * time.Second, err: &broadcast.Failure{Permanent: true, Reason: "mail-rejected"}}
		}
		h.start()
		h.check(broadcast.Real)
		h.rest(4 * time.Minute)
		last := h.room.of(broadcast.TallyOf)[0].m.Tally
		if n := len(h.room.edits); n > 0 {
			last = h.room.edits[n-1].m.Tally
		}
		if len(last.Unreached()) != 1 {
			t.Errorf("the tally in the room names %d people as unreached, want Uncle", len(last.Unreached()))
		}
	})
}

// The clock of a machine without a clock chip jumps ahead.
func TestAClockJumpEndsNoCheck(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		c := h.check(broadcast.Real)
		if err := h.service.Advance(t.Context(), time.Now().AddDate(26, 0, 0)); err != nil {
			t.Fatal(err)
		}
		c, _ = h.store.Check(t.Context(), c.ID)
		if !c.Open() {
			t.Error("a check ended before anybody was asked")
		}
	})
}

// A cry for help does not wait behind a thousand reminders.
func TestAnAlarmGoesFirst(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.members = []roster.Member{dad}
		for i := range 200 {
			id := strconv.Itoa(i)
			h.members = append(h.members, roster.Member{ID: id, Name: id, Talk: id})
		}
		h.direct.fate = func(n int, m broadcast.Message) fate { return fate{takes: 500 * time.Millisecond} }
		h.start()
		c := h.check(broadcast.Real)
		h.rest(5*time.Minute + 2*time.Second)
		at := time.Now()
		h.says(c, h.members[200], broadcast.Help, "talk:1")
		h.rest(10 * time.Minute)
		alarms := h.direct.of(broadcast.Alarm)
		if len(alarms) != 1 || alarms[0].at.Sub(at) > 5*time.Second {
			t.Errorf("Dad was told after %v", alarms[0].at.Sub(at))
		}
	})
}

// The room refuses for a while: the tally comes when it takes messages again.
func TestTheTallyComesBack(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		refuses := true
		h.room.fate = func(n int, m broadcast.Message) fate {
			if refuses {
				return fate{err: &broadcast.Failure{Permanent: true, Reason: "talk-forbidden"}}
			}
			return fate{}
		}
		h.start()
		c := h.check(broadcast.Real)
		h.rest(time.Minute)
		h.room.meanwhile(func() { refuses = false })
		h.says(c, kenta, broadcast.Safe, "talk:1")
		h.rest(10 * time.Minute)
		if n := h.room.got(broadcast.TallyOf, ""); n == 0 {
			t.Error("the room never saw a tally again")
		}
		h.closes(c)
	})
}

// Two doors at the same moment start one check.
func TestTwoDoorsStartOneCheck(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		var a, b broadcast.Change
		a.Now, b.Now = time.Now(), time.Now()
		if err := h.service.PlanStart(t.Context(), &a, broadcast.StartRequest{Kind: broadcast.Real, Key: "a"}); err != nil {
			t.Fatal(err)
		}
		if err := h.service.PlanStart(t.Context(), &b, broadcast.StartRequest{Kind: broadcast.Real, Key: "b"}); err != nil {
			t.Fatal(err)
		}
		h.service.Commit(t.Context(), a)
		h.service.Commit(t.Context(), b)
		if open, _ := h.service.Open(t.Context()); len(open) != 1 {
			t.Errorf("%d checks are open", len(open))
		}
	})
}

// Mail that was never confirmed is not dead: its owner is reminded like others.

// The machine booted in 1970, a check began, the power went, and the clock is

// right after the next boot.

// Read out of order (the room first, then a chat alone), an older "safe" does

// not hide a newer cry for help.
