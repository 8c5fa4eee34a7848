package inbox_test

import (
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox/inboxtest"
)

// Grandma has called for help by mail. A usual word does not take that back: she is
// asked by mail whether it is over, and what she replies to that does.
func TestHelpIsTakenBackByTheReplyToAQuestion(t *testing.T) {
	for reply, want := range map[string]broadcast.Status{"はい": broadcast.Safe, "無事です": broadcast.Safe, "足をけがしています": broadcast.Help, "お願いします": broadcast.Help, "無事は間違いでした": broadcast.Help, "もう大丈夫です": broadcast.Safe, "いいえ": broadcast.Help, "まだ動けません。助けて": broadcast.Help} {
		t.Run(reply, func(t *testing.T) {
			story(t, inboxtest.Options{}, func(h *house) {
				c := h.check(broadcast.Real)
				h.arrives(h.reply(h.asked(c, grandma), "hana@example.jp", "助けて。動けません"))
				h.rest(time.Minute)
				h.arrives(h.reply(h.asked(c, grandma), "hana@example.jp", "無事です"))
				h.expect(c, grandma, broadcast.Help, "助けて。動けません")
				var question broadcast.Delivery
				for _, d := range h.deliveries(c.ID, grandma) {
					if d.Purpose == broadcast.Confirm {
						question = d
					}
				}
				if question.ID == 0 {
					h.Fatalf("she was not asked: %+v", h.deliveries(c.ID, grandma))
				}
				h.rest(time.Minute)
				h.arrives(h.reply(question, "hana@example.jp", reply))
				if s := h.standing(c, grandma); s.Status != want {
					h.Errorf("after %q she stands at %s, want %s", reply, s.Status, want)
				}
				// The question was about that cry, and not about the next.
				h.rest(time.Minute)
				h.arrives(h.reply(h.asked(c, grandma), "hana@example.jp", "助けて"))
				h.rest(time.Minute)
				h.arrives(h.reply(question, "hana@example.jp", "はい"))
				if s := h.standing(c, grandma); s.Status != broadcast.Help {
					h.Errorf("a yes to the question about the earlier cry makes her %s", s.Status)
				}
			})
		})
	}
}

// A mail that a program may have written confirms nothing.
func TestAProgramConfirmsNothing(t *testing.T) {
	story(t, inboxtest.Options{}, func(h *house) {
		c := h.check(broadcast.Real)
		h.arrives(h.reply(h.asked(c, grandma), "hana@example.jp", "助けて。動けません"))
		h.rest(time.Minute)
		h.arrives(h.reply(h.asked(c, grandma), "hana@example.jp", "無事です"))
		for _, d := range h.deliveries(c.ID, grandma) {
			if d.Purpose == broadcast.Confirm {
				h.rest(time.Minute)
				h.arrives(h.reply(d, "hana@example.jp", "はい", "Precedence: bulk\n"))
				h.arrives(h.reply(d, "hana@example.jp", "もう大丈夫です", "List-Unsubscribe: <https://example.jp/u>\n"))
				h.arrives(h.reply(d, "hana@example.jp", "足をけがしています", "Precedence: bulk\n"))
			}
		}
		h.expect(c, grandma, broadcast.Help, "助けて。動けません")
	})
}
