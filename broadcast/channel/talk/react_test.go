package talk_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
)

// of lists the reactions of the bot on a message.
func (h *home) of(token string, id int64) string {
	for _, m := range h.srv.Messages(token) {
		if m.ID == id {
			own := maps.Clone(m.Reactions)
			maps.DeleteFunc(own, func(_ string, by []string) bool { return !slices.Contains(by, "anpi") })
			return strings.Join(slices.Sorted(maps.Keys(own)), "")
		}
	}
	return "no such message"
}

func TestAReactionOnTheVeryMessage(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		said := h.mum.Say(h.token, "I'm safe")
		ack := broadcast.Message{Purpose: broadcast.Ack, Taps: []string{"✅"}, Receipt: broadcast.Receipt{Room: h.token, MessageID: said}}
		for range 2 { // done twice it is done once
			receipt, _, err := h.talk.Room().Send(t.Context(), ack)
			if err != nil || receipt != ack.Receipt {
				t.Fatal(receipt, err)
			}
		}
		if got := h.of(h.token, said); got != "✅" {
			t.Errorf("on the message stands %q", got)
		}
		// In doubt it is not found, and so done again.
		if _, found, err := h.talk.Room().Find(t.Context(), ack, time.Now()); found || err != nil {
			t.Errorf("found %v, %v", found, err)
		}
		ack.Taps = []string{"🩹", "✅", "🆘"}
		if _, _, err := h.talk.Direct().Send(t.Context(), ack); err != nil {
			t.Fatal(err)
		}
		if got := h.of(h.token, said); got != "🩹" {
			t.Errorf("after the edit %q stands on the message", got)
		}
		if h.written(h.token) != 0 {
			t.Error("something was written, too")
		}
		h.mum.Delete(h.token, said)
		_, _, err := h.talk.Room().Send(t.Context(), ack)
		if f := new(broadcast.Failure); !errors.As(err, &f) || !f.Permanent {
			t.Errorf("a reaction on a deleted message: %v", err)
		}
	})
}

func TestAQuestionThatATapAnswers(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		q := broadcast.Message{Purpose: broadcast.Reply, Reference: "question", Body: "1 Hanako\n2 Hanae", Taps: []string{"1️⃣", "2️⃣", "❌"}}
		receipt, _, err := h.talk.Room().Send(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.of(h.token, receipt.MessageID); got != "1️⃣2️⃣❌" {
			t.Errorf("under the question stands %q", got)
		}
		if h.last(h.token).Silent {
			t.Error("nobody hears that they are asked")
		}
	})
}

func TestAnAnnouncementRingsEverybody(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		m := broadcast.Message{Purpose: broadcast.Announce, Reference: "announce", Body: "We meet *here* @mum", About: dad, Members: []roster.Member{dad, mum, grandma}}
		_, unreached, err := h.talk.Room().Send(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.last(h.token).Text; !strings.HasPrefix(got, "@all 📢 Dad: We meet \\*here\\* @") || strings.Contains(got, "@mum") {
			t.Errorf("it says %q", got)
		}
		if len(unreached) != 1 || unreached["grandma"] != broadcast.ReasonNotInRoom {
			t.Errorf("not reached: %v", unreached)
		}
		if got := taps(h.last(h.token)); got != "" {
			t.Errorf("it can be answered with %s", got)
		}
	})
}
