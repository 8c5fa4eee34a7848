package bot_test

import (
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

const putBack = "Nextcloud was put back to an earlier state"

// outage takes the server away for half a minute while it is put back.
func (h *home) outage(restore func()) {
	h.t.Helper()
	h.talk.SetDown(true)
	h.rest(30 * time.Second)
	restore()
	h.talk.SetDown(false)
}

// newPrompt waits until another prompt than the given one stands in the room.
func (h *home) newPrompt(old int64) int64 {
	h.t.Helper()
	for range 240 {
		h.rest(time.Second)
		for _, m := range h.talk.Messages(h.room) {
			if m.Actor == "anpi" && m.ID != old && m.ReferenceID != "" && len(m.Reactions) == 3 {
				return m.ID
			}
		}
	}
	h.t.Fatalf("the room was not asked again: %q", h.wrote(h.room))
	return 0
}

// Nextcloud is put back from a backup of before the check. The numbers of its
// messages begin anew below what was read; the family goes on answering.
func TestNextcloudIsPutBack(t *testing.T) {
	for name, down := range map[string]bool{"while Anpi runs": false, "while Anpi is down": true} {
		t.Run(name, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				h.start()
				restore := h.talk.Backup()
				h.rest(time.Minute)
				for range 20 {
					h.dad.Say(h.room, "Lovely weather, isn't it?")
				}
				p := h.check()
				h.mum.React(h.room, p, "✅")
				h.rest(10 * time.Second)
				if down {
					h.stop()
				}
				h.outage(restore)
				h.akari.Say(h.room, "help, I'm trapped")
				if down {
					h.start()
				}
				again := h.newPrompt(p)
				h.rest(30 * time.Second)
				c := h.newest()
				if s := h.stands(c, h.akari); s.Status != broadcast.Help {
					t.Errorf("Akari stands at %s", s.Status)
				}
				if n := count(h.alone(h.dad), "🆘 Akari needs help"); n != 1 {
					t.Errorf("Dad was told of the cry %d times: %q", n, h.alone(h.dad))
				}
				if s := h.stands(c, h.mum); s.Status != broadcast.Safe {
					t.Errorf("Mum stands at %s", s.Status)
				}
				if n := count(h.alone(h.dad), putBack); n != 1 {
					t.Errorf("Dad was told %d times that it was put back: %q", n, h.alone(h.dad))
				}
				h.dad.React(h.room, again, "🩹")
				h.rest(10 * time.Second)
				if s := h.stands(c, h.dad); s.Status != broadcast.Injured {
					t.Errorf("Dad stands at %s", s.Status)
				}
				if n := count(h.wrote(h.room), "Who is safe"); n != 1 {
					t.Errorf("the tally stands there %d times: %q", n, h.wrote(h.room))
				}
				h.stop()
				h.start()
				h.rest(time.Minute)
				if n := count(h.alone(h.dad), putBack); n != 1 {
					t.Errorf("Dad was told %d times that it was put back", n)
				}
			})
		})
	}
}

// The backup is only some messages old, and what is written next has the very
// number up to which the room was read, or that of somebody's earlier answer.
func TestPutBackByAFewMessages(t *testing.T) {
	for lost := 1; lost <= 4; lost++ {
		story(t, func(t *testing.T, h *home) {
			h.start()
			p := h.check()
			h.rest(10 * time.Second)
			restore := h.talk.Backup()
			h.rest(10 * time.Second)
			for range lost {
				h.akari.Say(h.room, "I am safe")
				h.rest(time.Second)
			}
			h.rest(10 * time.Second)
			if s := h.stands(h.newest(), h.akari); s.Status != broadcast.Safe {
				t.Fatalf("Akari stands at %s", s.Status)
			}
			h.outage(restore)
			h.akari.Say(h.room, "help, I'm trapped")
			h.rest(2 * time.Minute)
			h.isAt(h.akari, broadcast.Help, lost, "lost")
			if n := count(h.alone(h.dad), "🆘 Akari needs help"); n != 1 {
				t.Errorf("%d lost: Dad was told %d times: %q", lost, n, h.alone(h.dad))
			}
			// The prompt is older than the backup, and still there.
			if n := count(h.wrote(h.room), "@all Safety check"); n != 1 {
				t.Errorf("%d lost: the room was asked %d times", lost, n)
			}
			h.grandma.React(h.room, p, "🩹")
			h.rest(10 * time.Second)
			h.isAt(h.grandma, broadcast.Injured, lost, "lost")
		})
	}
}

// Only what was said alone is lost.
func TestAOneToOneRoomIsPutBack(t *testing.T) {
	for _, notifications := range []bool{true, false} {
		story(t, func(t *testing.T, h *home) {
			if !notifications {
				h.talk.Disable("notifications")
			}
			h.start()
			h.check()
			h.rest(6 * time.Minute)
			h.grandma.SayDirect("anpi", "what is this?")
			h.rest(4 * time.Minute)
			restore := h.talk.Backup()
			h.grandma.SayDirect("anpi", "and how does it work?")
			h.rest(4 * time.Minute)
			h.outage(restore)
			h.grandma.SayDirect("anpi", "助けて")
			h.rest(8 * time.Minute)
			h.isAt(h.grandma, broadcast.Help, "notifications", notifications)
			if n := count(h.alone(h.dad), "🆘"); n == 0 {
				t.Errorf("notifications %v: Dad was told %q", notifications, h.alone(h.dad))
			}
		})
	}
}

// Without a check, a cry in the room and one alone are heard after it, too; and a
// second time that the server is put back is noticed like the first.
func TestPutBackTwiceWithoutACheck(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.dad.Say(h.room, "Good morning")
		h.rest(time.Minute)
		restore := h.talk.Backup()
		for i := range 2 {
			for range 5 {
				h.dad.Say(h.room, "Lovely weather, isn't it?")
				h.grandma.SayDirect("anpi", "thank you")
			}
			h.rest(3 * time.Minute)
			h.outage(restore)
			h.akari.SayDirect("anpi", "help, I'm trapped")
			h.rest(3 * time.Minute)
			h.dad.Say(h.room, "!check now")
			h.rest(10 * time.Second)
			// The first cry is told again the second time, because it is gone from Talk.
			if n := count(h.wrote(h.room), "Akari needs help"); n != i+1 {
				t.Errorf("the room was told %d times: %q", n, h.wrote(h.room))
			}
			if n := count(h.alone(h.dad), putBack); n != 1 {
				t.Errorf("Dad was told %d times that it was put back: %q", n, h.alone(h.dad))
			}
			if !h.newest().Open() || count(h.wrote(h.room), "@all Safety check") != 1 {
				t.Errorf("a command with the number of an earlier one was not obeyed: %q", h.wrote(h.room))
			}
			h.dad.Say(h.room, "!close")
			h.rest(10 * time.Second)
			if h.newest().Open() {
				t.Error("the check goes on")
			}
		}
		if n := h.checks(); n != 2 {
			t.Errorf("%d checks", n)
		}
	})
}

// A new message stands where the prompt stood. A picture under it is no answer.
func TestAMessageInThePlaceOfThePrompt(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.rest(time.Minute)
		restore := h.talk.Backup()
		p := h.check()
		h.rest(10 * time.Second)
		h.stop()
		h.outage(restore)
		var said int64
		for said < p {
			said = h.mum.Say(h.room, "Shall we have noodles tonight?")
		}
		h.akari.React(h.room, said, "✅")
		h.start()
		h.rest(time.Minute)
		h.grandma.React(h.room, said, "✅")
		h.rest(10 * time.Second)
		for _, u := range []*talktest.User{h.akari, h.grandma} {
			if s := h.stands(h.newest(), u); s.Answered {
				t.Errorf("%s stands at %s", u.ID, s.Status)
			}
		}
	})
}

// Where messages expire, the last one that was read goes without anything being
// put back.
func TestExpiredMessagesAreNotPutBack(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		h.rest(time.Minute)
		h.talk.SetExpiry(h.room, time.Minute)
		h.dad.Say(h.room, "Lovely weather, isn't it?")
		h.rest(10 * time.Minute)
		h.talk.ResetRequests()
		h.rest(10 * time.Minute)
		if n := count(h.alone(h.dad), putBack); n != 0 {
			t.Errorf("Dad was told %q", h.alone(h.dad))
		}
		h.akari.Say(h.room, "I am safe")
		h.rest(10 * time.Second)
		h.isAt(h.akari, broadcast.Safe)
	})
}

// What was told of a cry is gone from Talk, and told again; the tally that is left
// is old, and put right.
func TestAnAlarmThatIsGoneIsToldAgain(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		h.rest(10 * time.Second)
		restore := h.talk.Backup()
		h.akari.Say(h.room, "help, I'm trapped")
		h.rest(10 * time.Second)
		h.outage(restore)
		h.rest(2 * time.Minute)
		if n := count(h.wrote(h.room), "Akari needs help"); n != 1 {
			t.Errorf("the room was told %d times: %q", n, h.wrote(h.room))
		}
		if n := count(h.alone(h.dad), "Akari needs help"); n != 1 {
			t.Errorf("Dad was told %d times: %q", n, h.alone(h.dad))
		}
		if n := count(h.wrote(h.room), "🆘 needs help 1: Akari"); n != 1 {
			t.Errorf("the tally is old: %q", h.wrote(h.room))
		}
	})
}

// A command that is read again was obeyed, or declined, long ago.
func TestACommandIsNotObeyedAgain(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		p := h.check()
		h.akari.React(h.room, p, "🆘")
		h.rest(5 * time.Second)
		h.dad.Say(h.room, "!close")
		h.rest(5 * time.Second)
		h.dad.React(h.room, h.asks(h.room, "Tap ✅ within 60 seconds to end"), "❌")
		h.rest(5 * time.Second)
		h.akari.React(h.room, p, "✅")
		h.rest(5 * time.Second)
		h.confirms(h.akari, "✅")
		restore := h.talk.Backup()
		h.dad.Say(h.room, "Good")
		h.rest(time.Minute)
		h.outage(restore)
		h.rest(3 * time.Minute)
		if !h.newest().Open() {
			t.Error("the check was ended by a command that Dad had taken back")
		}
		h.isAt(h.akari, broadcast.Safe)
	})
}

// Where messages expire after a month, it is noticed all the same.
func TestPutBackWhereMessagesExpire(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.talk.SetExpiry(h.room, 28*24*time.Hour)
		h.start()
		restore := h.talk.Backup()
		for range 20 {
			h.dad.Say(h.room, "Lovely weather, isn't it?")
		}
		h.check()
		h.rest(time.Minute)
		h.outage(restore)
		h.akari.Say(h.room, "help, I'm trapped")
		h.rest(3 * time.Minute)
		h.isAt(h.akari, broadcast.Help)
	})
}

// The second backup is older than the first, and nothing is on.
func TestPutBackFurtherAndFurther(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.dad.Say(h.room, "Good morning")
		h.rest(time.Minute)
		older := h.talk.Backup()
		for range 10 {
			h.dad.Say(h.room, "Lovely weather, isn't it?")
		}
		h.rest(time.Minute)
		newer := h.talk.Backup()
		for range 10 {
			h.dad.Say(h.room, "Lovely weather, isn't it?")
		}
		h.rest(time.Minute)
		h.outage(newer)
		h.rest(5 * time.Minute)
		h.outage(older)
		h.akari.Say(h.room, "help, I'm trapped")
		h.rest(3 * time.Minute)
		if n := count(h.alone(h.dad), "Akari needs help"); n != 1 {
			t.Errorf("Dad was told %d times: %q", n, h.alone(h.dad))
		}
	})
}

// In her one-to-one room something of Grandma's own stands where the prompt stood.
func TestAMessageInThePlaceOfAPromptAlone(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.grandma.SayDirect("anpi", "こんにちは")
		h.start()
		h.check()
		h.rest(4 * time.Minute)
		restore := h.talk.Backup()
		h.rest(2 * time.Minute)
		room := h.directRoom("grandma")
		p := h.prompt(room)
		h.stop()
		h.outage(restore)
		var said int64
		for said < p {
			said = h.grandma.SayDirect("anpi", "これなあに")
		}
		h.grandma.React(room, said, "👍")
		h.start()
		h.rest(5 * time.Minute)
		if s := h.stands(h.newest(), h.grandma); s.Status == broadcast.Safe {
			t.Errorf("Grandma is safe by a thumb under her own words: %+v", s.Answer)
		}
	})
}
