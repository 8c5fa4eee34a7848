package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
)

// begin has the command line begin a check.
func (h *home) begin(kind broadcast.Kind, key string) {
	h.t.Helper()
	if _, err := h.service.Start(h.t.Context(), time.Now(), broadcast.StartRequest{Kind: kind, Key: key}); err != nil {
		h.t.Fatal(err)
	}
}

// clocks tells a story with the clock here right, years behind and years ahead: a
// small machine does not know what time it is, the server does.
func clocks(t *testing.T, tell func(t *testing.T, h *home)) {
	for name, ahead := range map[string]time.Duration{"right": 0, "behind": 26 * 365 * 24 * time.Hour, "ahead": -26 * 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				h.ahead.Store(int64(ahead))
				tell(t, h)
			})
		})
	}
}

// Dad ends the check of yesterday while Anpi is down. Before it is back, the earth
// shakes: the new check is not the one he meant.
func TestAnOldCloseEndsNoNewCheck(t *testing.T) {
	clocks(t, func(t *testing.T, h *home) {
		h.start()
		h.stop()
		h.dad.Say(h.room, "!close")
		h.rest(20 * time.Second)
		h.begin(broadcast.Real, "quake")
		h.start()
		h.rest(time.Minute)
		if !h.newest().Open() {
			t.Fatal("the new check was ended by an old command")
		}
		if n := count(h.wrote(h.room), "began after you wrote this"); n != 1 {
			t.Errorf("Dad was told %q", h.wrote(h.room))
		}
		h.dad.Say(h.room, "!close")
		h.rest(5 * time.Second)
		if h.newest().Open() {
			t.Error("the check cannot be ended")
		}
	})
}

// The ledger is new; in the room stands a command that was obeyed long ago, or
// just now.
func TestAnOldStartStartsNothing(t *testing.T) {
	for _, command := range []string{"!check now", "!drill", "!say we meet at the school"} {
		t.Run(command, func(t *testing.T) {
			clocks(t, func(t *testing.T, h *home) {
				h.dad.Say(h.room, command)
				h.rest(20 * time.Second)
				h.begin(broadcast.Drill, "practice")
				h.start()
				h.rest(30 * time.Second)
				if n := h.checks(); n != 1 || !h.newest().Open() {
					t.Errorf("%d checks, the drill open: %v", n, h.newest().Open())
				}
				if n := count(h.wrote(h.room), "📢"); n != 0 {
					t.Errorf("everybody was told: %q", h.wrote(h.room))
				}
			})
		})
	}
}

// Anpi was away for some minutes. Dad is asked whether he still wants what he wrote
// then, and one tap does it.
func TestALateStartIsAskedBack(t *testing.T) {
	clocks(t, func(t *testing.T, h *home) {
		h.start()
		h.stop()
		h.dad.Say(h.room, "!check now A strong earthquake")
		h.rest(5 * time.Minute)
		h.start()
		h.rest(10 * time.Second)
		if h.checks() != 0 {
			t.Fatal("a command of five minutes ago began a check")
		}
		h.dad.React(h.room, h.asks(h.room, "You wrote this at"), "✅")
		h.rest(5 * time.Second)
		if h.checks() != 1 || h.newest().Question != "A strong earthquake" {
			t.Errorf("%d checks; the room reads %q", h.checks(), h.wrote(h.room))
		}
	})
}

// The tap came in time, but Anpi was killed and reads it an hour later.
func TestAConfirmationThatIsReadLate(t *testing.T) {
	clocks(t, func(t *testing.T, h *home) {
		h.start()
		h.dad.Say(h.room, "!check")
		h.rest(5 * time.Second)
		h.stop()
		h.dad.React(h.room, h.asks(h.room, "Tap ✅"), "✅")
		h.rest(time.Hour)
		h.start()
		h.rest(time.Minute)
		if h.checks() != 0 || count(h.wrote(h.room), "too late") != 1 {
			t.Errorf("%d checks; the room reads %q", h.checks(), h.wrote(h.room))
		}
	})
}

// Somebody called for help before the check. That is no answer to it, but the
// organisers hear of it, and when it was.
func TestAnOldCryIsToldAsOld(t *testing.T) {
	for cry, told := range map[string]string{
		"help me, I'm stuck": "Akari asked for help before this safety check began",
		"!sos":               "Akari asked for help before this safety check began",
		"おばあちゃんが下敷きです、助けて":           "Akari wrote before this safety check began that somebody needs help",
		"I hurt my leg, it's broken": "Akari wrote of a hurt before this safety check began",
	} {
		t.Run(cry, func(t *testing.T) {
			clocks(t, func(t *testing.T, h *home) {
				h.akari.Say(h.room, cry)
				h.rest(3 * time.Minute)
				h.begin(broadcast.Real, "quake")
				h.start()
				h.rest(time.Minute)
				if s := h.stands(h.newest(), h.akari); s.Answered {
					t.Errorf("Akari stands at %s", s.Status)
				}
				if n := count(h.wrote(h.room), "@all 🆘"); n != 0 {
					t.Errorf("the room was told: %q", h.wrote(h.room))
				}
				if n := count(h.alone(h.dad), told); n != 1 {
					t.Errorf("Dad was told %q", h.alone(h.dad))
				}
				for _, text := range h.alone(h.dad) {
					if strings.Contains(text, told) && !strings.Contains(text, "12:00 am") {
						t.Errorf("Dad was told without the time: %q", text)
					}
				}
			})
		})
	}
}

// The same by a tap under the prompt of an earlier check.
func TestAnOldTapIsToldAsOld(t *testing.T) {
	clocks(t, func(t *testing.T, h *home) {
		h.start()
		p := h.check()
		h.rest(5 * time.Second)
		h.dad.Say(h.room, "!close")
		h.rest(time.Minute)
		h.stop()
		h.akari.React(h.room, p, "🆘")
		h.rest(time.Minute)
		h.begin(broadcast.Real, "quake")
		h.start()
		h.rest(30 * time.Second)
		if s := h.stands(h.newest(), h.akari); s.Answered {
			t.Errorf("Akari stands at %s", s.Status)
		}
		if n := count(h.alone(h.dad), "Akari asked for help before this safety check began"); n != 1 || count(h.wrote(h.room), "@all 🆘") != 0 {
			t.Errorf("Dad was told %q, the room %q", h.alone(h.dad), h.wrote(h.room))
		}
	})
}

// A word of before the check, put right after it began, is no answer; a cry that
// is written into it is one.
func TestAnOldMessageBecomesACry(t *testing.T) {
	clocks(t, func(t *testing.T, h *home) {
		h.start()
		id := h.akari.Say(h.room, "I'm at the station")
		h.rest(time.Hour)
		h.check()
		h.akari.Edit(h.room, id, "I'm at the station, trapped, help")
		h.rest(10 * time.Second)
		h.isAt(h.akari, broadcast.Help)
	})
}

// While somebody needs help, a check does not end by a slip.
func TestCloseWhileSomebodyNeedsHelp(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		p := h.check()
		h.akari.React(h.room, p, "🆘")
		h.mum.React(h.room, p, "🩹")
		h.rest(5 * time.Second)
		h.dad.Say(h.room, "!close")
		h.rest(5 * time.Second)
		q := h.asks(h.room, "Tap ✅ within 60 seconds to end")
		if text := h.wrote(h.room)[len(h.wrote(h.room))-1]; !h.newest().Open() || !strings.HasPrefix(text, "🆘 needs help 1: Akari\n🩹 hurt 1: Mum\n") {
			t.Fatalf("open: %v; the room reads %q", h.newest().Open(), text)
		}
		h.dad.React(h.room, q, "❌")
		h.rest(5 * time.Second)
		if !h.newest().Open() || count(h.wrote(h.room), "goes on") != 1 {
			t.Fatalf("open: %v; the room reads %q", h.newest().Open(), h.wrote(h.room))
		}
		h.dad.Say(h.room, "!close")
		h.rest(5 * time.Second)
		h.dad.React(h.room, h.asks(h.room, "Tap ✅ within 60 seconds to end"), "✅")
		h.rest(5 * time.Second)
		report := h.wrote(h.room)[h.last("has ended the safety check")]
		if h.newest().Open() || !strings.Contains(report, "\n🆘 needs help 1: Akari\n🩹 hurt 1: Mum\n2 of 4 answered") {
			t.Errorf("open: %v; the report reads %q", h.newest().Open(), report)
		}
	})
}

// last is the place of the newest text in the room with the words.
func (h *home) last(words string) int {
	h.t.Helper()
	for i := len(h.wrote(h.room)) - 1; i >= 0; i-- {
		if strings.Contains(h.wrote(h.room)[i], words) {
			return i
		}
	}
	h.t.Fatalf("the bot has not said %q: %q", words, h.wrote(h.room))
	return 0
}
