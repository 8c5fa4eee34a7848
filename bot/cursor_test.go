package bot_test

import (
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
)

// Grandma has never spoken with Anpi. She writes to it alone in the second before
// it would ask her alone, and nobody else knows how she is.
func TestACryJustBeforeTheFirstDirectMessage(t *testing.T) {
	for _, notifications := range []bool{true, false} {
		story(t, func(t *testing.T, h *home) {
			if !notifications {
				h.talk.Disable("notifications")
			}
			h.start()
			h.check()
			h.rest(4*time.Minute + 57*time.Second)
			if n := len(h.alone(h.grandma)); n != 0 {
				t.Fatalf("Grandma was asked alone already: %q", h.alone(h.grandma))
			}
			h.grandma.SayDirect("anpi", "助けて")
			h.rest(4 * time.Minute)
			h.isAt(h.grandma, broadcast.Help, "notifications", notifications)
			if n := count(h.alone(h.dad), "🆘"); n == 0 {
				t.Errorf("notifications %v: Dad was told %q", notifications, h.alone(h.dad))
			}
		})
	}
}

// The same, and the program was killed when its first message to her had gone
// out and was not recorded yet.
func TestACryBeforeADirectMessageInDoubt(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		h.rest(4*time.Minute + 57*time.Second)
		h.stop()
		h.grandma.SayDirect("anpi", "助けて")
		h.rest(5 * time.Second)
		if err := h.service.Advance(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		claimed, err := h.store.Claim(t.Context(), broadcast.Direct, time.Now(), time.Now().Add(75*time.Second), 10)
		if err != nil || len(claimed) == 0 {
			t.Fatal(claimed, err)
		}
		h.talk.Disable("notifications")
		h.start()
		h.rest(10 * time.Minute)
		h.isAt(h.grandma, broadcast.Help)
	})
}
