package broadcast_test

import (
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
)

// The program was killed, everybody answered, and it comes back when the rung of
// five minutes is overdue: what was said is read before anybody is chased.
func TestWhatWasSaidIsHeardBeforeTheLadderClimbs(t *testing.T) {
	for name, planned := range map[string]bool{"the rung is overdue": false, "its messages were planned already": true} {
		t.Run(name, func(t *testing.T) {
			story(t, func(t *testing.T, h *house) {
				h.start()
				c := h.check(broadcast.Real)
				h.rest(time.Minute)
				h.stop()
				h.rest(5 * time.Minute)
				if planned {
					if err := h.service.Advance(t.Context(), time.Now()); err != nil {
						t.Fatal(err)
					}
				}
				h.rest(time.Minute)
				heard := make(chan struct{})
				h.start(heard)
				h.rest(4 * time.Second)
				for i, m := range h.members {
					h.says(c, m, broadcast.Safe, "talk:10"+string(rune('0'+i)))
				}
				close(heard)
				h.rest(30 * time.Second)
				if n := len(h.direct.of(broadcast.Remind)) + len(h.mail.of(broadcast.Remind)); n != 0 {
					t.Errorf("%d people were chased who have answered", n)
				}
			})
		})
	}
}

// Nothing can be read: after ten seconds the silent are asked again. What is
// nobody's reminder does not wait.
func TestTheLadderWaitsTenSecondsAtMost(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.start()
		h.check(broadcast.Real)
		h.rest(time.Minute)
		h.stop()
		h.rest(5 * time.Minute)
		never := make(chan struct{})
		h.start(never)
		h.rest(time.Second)
		h.plan(func(c *broadcast.Change) {
			h.service.PlanReply(c, broadcast.Direct, dad, "hello", "hello")
		})
		h.rest(time.Second)
		if n := h.direct.got(broadcast.Reply, "dad"); n != 1 {
			t.Errorf("a reply went out %d times within a second", n)
		}
		h.rest(7 * time.Second)
		if n := len(h.direct.of(broadcast.Remind)); n != 0 {
			t.Errorf("%d reminders before anything was read", n)
		}
		h.rest(3 * time.Second)
		if n := h.direct.got(broadcast.Remind, ""); n != 3 {
			t.Errorf("%d reminders after ten seconds, want 3", n)
		}
	})
}
