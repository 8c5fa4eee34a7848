package bot_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// The command line starts a check two minutes after everyday words that nobody
// had read yet.
func TestWordsShortlyBefore(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.stop()
		h.akari.Say(h.room, "OK")
		h.rest(2 * time.Minute)
		if _, err := h.service.Start(t.Context(), time.Now(), broadcast.StartRequest{Kind: broadcast.Real, Key: "cli", By: "Dad"}); err != nil {
			t.Fatal(err)
		}
		h.start()
		h.rest(10 * time.Second)
		if s := h.stands(h.newest(), h.akari); s.Status == broadcast.Safe {
			t.Errorf("Akari is safe by words two minutes before the check")
		}
	})
}

// Talk was away when the check began; people were asked by mail and answer in
// the room before the prompt is there.
func TestAnswersBeforeThePrompt(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.rest(time.Second)
		var prompted, refuse atomic.Bool
		refuse.Store(true)
		h.talk.OnMessage(func(_ talktest.Room, m talktest.Message) {
			if m.Actor == "anpi" && m.System == "" {
				time.AfterFunc(5*time.Second, func() { prompted.Store(true) })
			}
		})
		h.talk.Fault(func(r *http.Request) *talktest.Fault {
			sends := r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/chat/"+h.room)
			reads := r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/chat/"+h.room)
			if sends && refuse.Load() || reads && !prompted.Load() {
				return &talktest.Fault{Status: 503, Header: http.Header{"X-Nextcloud-Maintenance-Mode": {"1"}}}
			}
			return nil
		})
		if _, err := h.service.Start(t.Context(), time.Now(), broadcast.StartRequest{Kind: broadcast.Real, Key: "cli", By: "Dad"}); err != nil {
			t.Fatal(err)
		}
		h.rest(2 * time.Minute)
		h.akari.Say(h.room, "I'm safe")
		h.grandma.Say(h.room, "助けて")
		h.rest(5 * time.Second)
		refuse.Store(false)
		h.rest(10 * time.Minute)
		h.isAt(h.akari, broadcast.Safe)
		h.isAt(h.grandma, broadcast.Help)
	})
}

func TestHelpJustBeforeTheCommand(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.akari.Say(h.room, "助けて！動けない")
		h.dad.Say(h.room, "!check now")
		h.rest(10 * time.Second)
		if s := h.stands(h.newest(), h.akari); s.Status != broadcast.Help && count(h.alone(h.dad), "Akari needs help") == 0 {
			t.Errorf("Akari stands at %s, Dad was told %q", s.Status, h.alone(h.dad))
		}
	})
}

func TestTheCryRings(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.grandma.SayDirect("anpi", "助けて")
		h.rest(70 * time.Second)
		for _, m := range h.talk.Messages(h.room) {
			if strings.Contains(m.Text, "needs help") && m.Silent {
				t.Errorf("the cry for help in the room rings nobody: %q", m.Text)
			}
		}
	})
}

func TestReactionsThatCannotBeRead(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		p := h.check()
		h.akari.React(h.room, p, "✅")
		h.rest(3 * time.Second)
		h.talk.Fault(func(r *http.Request) *talktest.Fault {
			if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/reaction/") {
				return &talktest.Fault{Status: 500}
			}
			return nil
		})
		h.akari.Unreact(h.room, p, "✅")
		h.grandma.Say(h.room, "助けて")
		h.rest(30 * time.Minute)
		h.isAt(h.grandma, broadcast.Help, "after half an hour")
	})
}

func TestAHeartTakenAway(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		p := h.check()
		h.akari.React(h.room, p, "👍")
		h.akari.React(h.room, p, "❤️")
		h.rest(3 * time.Second)
		h.akari.Unreact(h.room, p, "❤️")
		h.rest(3 * time.Second)
		h.isAt(h.akari, broadcast.Safe)
	})
}

func TestAnAnswerShapedLikeACommand(t *testing.T) {
	for text, want := range map[string]broadcast.Status{"！無事です": broadcast.Safe, "!I hurt my leg": broadcast.Injured, "!安否 助けて、動けない": broadcast.Help} {
		t.Run(text, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				h.start()
				h.check()
				h.grandma.Say(h.room, text)
				h.rest(3 * time.Second)
				if s := h.stands(h.newest(), h.grandma); s.Status != want {
					t.Errorf("Grandma stands at %s, want %s", s.Status, want)
				}
			})
		})
	}
}

func TestFreedAfterTheEnd(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		h.akari.Say(h.room, "Help! I'm stuck")
		h.rest(3 * time.Second)
		h.dad.Say(h.room, "!close")
		h.rest(time.Hour)
		h.akari.SayDirect("anpi", "I'm safe")
		h.rest(70 * time.Second)
		h.confirms(h.akari, "✅")
		h.rest(time.Minute)
		if s := h.stands(h.newest(), h.akari); s.Status != broadcast.Safe || len(h.alone(h.akari)) == 0 {
			t.Errorf("Akari stands at %s and was told %q", s.Status, h.alone(h.akari))
		}
	})
}

func TestAnOldDrillTappedWithNothingOpen(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.dad.Say(h.room, "!drill")
		h.rest(2 * time.Second)
		p := h.prompt(h.room)
		h.dad.Say(h.room, "!close")
		h.rest(24 * time.Hour)
		h.akari.React(h.room, p, "🆘")
		h.rest(5 * time.Second)
		if n := count(h.alone(h.dad), "[DRILL] 🆘"); n != 0 || count(h.alone(h.dad), "🆘 Akari") == 0 {
			t.Errorf("Dad was told %q", h.alone(h.dad))
		}
	})
}

func TestWhoGotAnAccountMeanwhile(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		members := *h.members.Load()
		asked := append(members[1:len(members):len(members)], members[0])
		asked[len(asked)-1].ID, asked[len(asked)-1].Talk = "card:akari", ""
		asked[len(asked)-1].Emails = []string{"akari@example.org"}
		h.are(asked...)
		h.start()
		h.check()
		now := append(members[1:len(members):len(members)], members[0])
		now[len(now)-1].Emails = []string{"akari@example.org"}
		h.are(now...)
		h.akari.Say(h.room, "I'm safe")
		h.rest(5 * time.Second)
		tally, err := h.service.Tally(t.Context(), h.newest())
		if err != nil || len(tally.Who(broadcast.Safe)) != 1 {
			t.Errorf("nobody is safe: %v", err)
		}
	})
}
