package bot_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
)

// rewound is a ledger that forgets a number of times how far a room was read.
type rewound struct {
	broadcast.Store
	room  string
	after int64
	times atomic.Int64
}

func (r *rewound) Cursor(ctx context.Context, room string) (broadcast.Cursor, bool, error) {
	if room == r.room && r.times.Add(-1) >= 0 {
		return broadcast.Cursor{Room: room, After: r.after}, true, nil
	}
	return r.Store.Cursor(ctx, room)
}

func TestCommandsThatStartACheck(t *testing.T) {
	for text, want := range map[string]broadcast.Check{
		"!check now":                      {Kind: broadcast.Real},
		"!CHECK now A strong  earthquake": {Kind: broadcast.Real, Question: "A strong  earthquake"},
		"！check 今すぐ":                      {Kind: broadcast.Real},
		"！ｃｈｅｃｋ　今すぐ　大きな地震": {Kind: broadcast.Real, Question: "大きな地震"},
		"!安否 今すぐ":                {Kind: broadcast.Real},
		"！安否　今すぐ　大きな地震":          {Kind: broadcast.Real, Question: "大きな地震"},
		"! 安否確認 いますぐ":            {Kind: broadcast.Real},
		"!drill":                 {Kind: broadcast.Drill},
		"！訓練 火事":                 {Kind: broadcast.Drill, Question: "火事"},
		"  !check NOW @all look": {Kind: broadcast.Real, Question: "@Family look"},
	} {
		t.Run(text, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				h.start()
				h.dad.Say(h.room, text)
				h.rest(5 * time.Second)
				if n := h.checks(); n != 1 {
					t.Fatalf("%d checks: %q", n, h.wrote(h.room))
				}
				got := h.newest()
				if got.Kind != want.Kind || got.Question != want.Question || got.StartedBy != "Dad" {
					t.Errorf("a %s by %q with the question %q", got.Kind, got.StartedBy, got.Question)
				}
				for _, said := range h.wrote(h.room) {
					if strings.HasPrefix(said, "[DRILL] ") != got.Drill() {
						t.Errorf("the mark of a drill: %q", said)
					}
					if strings.Count(said, "@all") > 1 {
						t.Errorf("everybody is rung twice: %q", said)
					}
				}
			})
		})
	}
}

func TestCommandsAlone(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.mum.SayDirect("anpi", "！安否　今すぐ　大きな地震")
		h.rest(70 * time.Second)
		if h.checks() != 1 || count(h.alone(h.mum), "The safety check has started (4 people).") != 1 {
			t.Fatalf("%d checks, Mum was told %q", h.checks(), h.alone(h.mum))
		}
		h.grandma.SayDirect("anpi", "！状況")
		h.rest(5 * time.Second)
		if n := count(h.alone(h.grandma), "4人中0人"); n != 1 {
			t.Errorf("Grandma was told %q", h.alone(h.grandma))
		}
		h.grandma.SayDirect("anpi", "！ヘルプ")
		h.rest(5 * time.Second)
		if n := count(h.alone(h.grandma), "みんなが使えることば"); n != 1 {
			t.Errorf("Grandma was told %q", h.alone(h.grandma))
		}
		h.mum.SayDirect("anpi", "!終了")
		h.rest(5 * time.Second)
		if h.newest().Open() || h.newest().ClosedBy != "Mum" {
			t.Errorf("the check was not closed by Mum: %+v", h.newest())
		}
	})
}

func TestTalkAloneStartsNoDrill(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.mum.SayDirect("anpi", "訓練")
		h.rest(70 * time.Second)
		if h.checks() != 0 || count(h.alone(h.mum), "[DRILL] This asks 4 people") != 1 {
			t.Fatalf("%d checks, Mum was told %q", h.checks(), h.alone(h.mum))
		}
		h.mum.SayDirect("anpi", "訓練")
		h.rest(5 * time.Second)
		h.mum.SayDirect("anpi", "はい")
		h.rest(5 * time.Second)
		h.dad.SayDirect("anpi", "!drill")
		h.rest(70 * time.Second)
		if h.checks() != 1 {
			t.Errorf("%d checks, Mum was told %q", h.checks(), h.alone(h.mum))
		}
	})
}

func TestOnlyOrganisersDecide(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.akari.Say(h.room, "!check now")
		h.grandma.SayDirect("anpi", "！安否 今すぐ")
		h.rest(70 * time.Second)
		if h.checks() != 0 || count(h.wrote(h.room), "Only organisers can do that. Please ask Dad, Mum.") != 1 {
			t.Errorf("%d checks: %q", h.checks(), h.wrote(h.room))
		}
		if n := count(h.alone(h.grandma), "まとめ役だけです"); n != 1 {
			t.Errorf("Grandma was told %q", h.alone(h.grandma))
		}
		h.check()
		h.akari.Say(h.room, "!close")
		h.rest(5 * time.Second)
		if !h.newest().Open() {
			t.Error("Akari has closed the check")
		}
		// Whoever is an organiser no more decides no more.
		h.are(roster.Member{ID: "talk:dad", Name: "Dad", Talk: "dad"})
		h.dad.Say(h.room, "!close")
		h.rest(5 * time.Second)
		if !h.newest().Open() || count(h.wrote(h.room), "Name them in the configuration") != 1 {
			t.Errorf("open %v: %q", h.newest().Open(), h.wrote(h.room))
		}
	})
}

func TestOneCheckAtATime(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.dad.Say(h.room, "!drill")
		h.rest(5 * time.Second)
		h.mum.Say(h.room, "!drill")
		h.rest(5 * time.Second)
		if h.checks() != 1 || count(h.wrote(h.room), "already on") != 1 {
			t.Fatalf("%d checks: %q", h.checks(), h.wrote(h.room))
		}
		drill := h.newest()
		// The real thing ends a drill.
		h.mum.Say(h.room, "!check now")
		h.rest(5 * time.Second)
		drill, err := h.store.Check(t.Context(), drill.ID)
		if err != nil || drill.Open() || h.newest().Drill() || !h.newest().Open() {
			t.Errorf("drill open %v, newest %+v, %v", drill.Open(), h.newest(), err)
		}
		h.dad.Say(h.room, "!check now")
		h.rest(5 * time.Second)
		if n := h.checks(); n != 2 {
			t.Errorf("%d checks", n)
		}
		h.dad.Say(h.room, "!close")
		h.rest(5 * time.Second)
		h.dad.Say(h.room, "!close")
		h.rest(5 * time.Second)
		if n := count(h.wrote(h.room), "There is no safety check right now."); n != 1 {
			t.Errorf("the second close: %q", h.wrote(h.room))
		}
	})
}

func TestWordsThatAreNoCommand(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		for _, text := range []string{"!", "！", "!!", "!!!", "!?", "！？", "！！！", "? !check", "check", "see !check", "😀!check"} {
			h.dad.Say(h.room, text)
		}
		h.rest(5 * time.Second)
		if h.checks() != 0 || len(h.wrote(h.room)) != 0 {
			t.Errorf("%d checks; the bot says %q", h.checks(), h.wrote(h.room))
		}
		h.dad.Say(h.room, "!chekc *now* @all")
		h.rest(5 * time.Second)
		if n := count(h.wrote(h.room), "“chekc” is not a command. Do you mean “!check”?"); n != 1 {
			t.Errorf("the bot says %q", h.wrote(h.room))
		}
	})
}

// A name or question that tries to ring everybody or to format does neither.
func TestHostileWordsAreShownAsTheyAre(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.are(
			roster.Member{ID: "talk:dad", Name: "@all *Dad*", Talk: "dad", Organiser: true},
			roster.Member{ID: "talk:akari", Name: "@all *x*", Talk: "akari"},
			roster.Member{ID: "card:nobody", Name: "@all `n`"},
		)
		h.start()
		h.akari.Say(h.room, "!@all *x*")
		h.akari.Say(h.room, "!close")
		h.dad.Say(h.room, "!check now @akari *bold*")
		h.rest(5 * time.Second)
		h.akari.Say(h.room, "Help @all *me*")
		h.rest(5 * time.Second)
		h.dad.Say(h.room, "!status")
		h.dad.Say(h.room, "!close")
		h.rest(5 * time.Second)
		for _, said := range append(h.wrote(h.room), h.alone(h.dad)...) {
			mine := strings.Replace(said, "@all ", "", 1)
			if !strings.HasPrefix(said, "@all ") {
				mine = said
			}
			if strings.Contains(mine, "@all") || strings.Contains(mine, "@akari") || strings.Contains(strings.ReplaceAll(mine, `\*`, ""), "*") || strings.Contains(strings.ReplaceAll(mine, "\\`", ""), "`") {
				t.Errorf("the bot says %q", said)
			}
		}
	})
}
