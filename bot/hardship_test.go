package bot_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

func TestACommandShapedCryForHelp(t *testing.T) {
	for _, cry := range []string{"！助けて", "!help I'm stuck under the wardrobe", "!SOS"} {
		t.Run(cry, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				h.start()
				h.check()
				h.grandma.Say(h.room, cry)
				h.rest(3 * time.Second)
				h.isAt(h.grandma, broadcast.Help, cry)
			})
		})
	}
}

func TestACommandOnTwoLines(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.dad.Say(h.room, "!check now\nA strong earthquake")
		h.rest(3 * time.Second)
		if h.checks() != 1 {
			t.Errorf("no check: %q", h.wrote(h.room))
		}
	})
}

func TestWhoLeavesTheRosterIsStillHeard(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		p := h.check()
		h.without("talk:akari")
		h.akari.React(h.room, p, "🆘")
		h.rest(3 * time.Second)
		h.isAt(h.akari, broadcast.Help)
	})
}

func TestACryAfterADrillIsNoDrill(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.dad.Say(h.room, "!drill")
		h.rest(2 * time.Second)
		h.dad.Say(h.room, "!close")
		h.rest(24 * time.Hour)
		h.akari.Say(h.room, "Help! I'm stuck")
		h.rest(3 * time.Second)
		if n := count(h.alone(h.dad), "[DRILL] 🆘"); n != 0 {
			t.Errorf("Dad was told of a drill: %q", h.alone(h.dad))
		}
		if n := count(h.alone(h.dad), "🆘 Akari"); n == 0 {
			t.Errorf("Dad was not told: %q", h.alone(h.dad))
		}
	})
}

func TestAHurtAfterTheEnd(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		p := h.check()
		h.akari.React(h.room, p, "✅")
		h.rest(3 * time.Second)
		h.dad.Say(h.room, "!close")
		h.rest(time.Hour)
		h.akari.SayDirect("anpi", "I hurt my leg badly")
		h.rest(2 * time.Minute)
		h.isAt(h.akari, broadcast.Injured)
	})
}

func TestACryAndItsPlaceReadTogether(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		h.stop()
		h.akari.Say(h.room, "Help! I'm stuck")
		h.akari.SharePlace(h.room, "Central Park", 35.69, 139.69)
		h.start()
		h.rest(10 * time.Second)
		if n := count(h.alone(h.dad), "Central Park"); n == 0 {
			t.Errorf("Dad was not told where: %q", h.alone(h.dad))
		}
	})
}

func TestWordsFromBeforeTheCheck(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.stop()
		h.akari.Say(h.room, "I'm fine, thanks")
		h.rest(time.Hour)
		if _, err := h.service.Start(t.Context(), time.Now(), broadcast.StartRequest{Kind: broadcast.Real, Key: "cli", By: "Dad"}); err != nil {
			t.Fatal(err)
		}
		h.start()
		h.rest(10 * time.Second)
		if s := h.stands(h.newest(), h.akari); s.Status == broadcast.Safe {
			t.Errorf("Akari is safe by words an hour before the check: %+v", s.Answer)
		}
	})
}

func TestOldWordsEdited(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		id := h.akari.Say(h.room, "I arrived, I'm saef")
		h.rest(time.Hour)
		h.check()
		h.akari.Edit(h.room, id, "I'm safe")
		h.rest(10 * time.Second)
		if s := h.stands(h.newest(), h.akari); s.Status == broadcast.Safe {
			t.Errorf("Akari is safe by an old message: %+v", s.Answer)
		}
	})
}

func TestAMentionIsNoAnswer(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.talk.AddUser("genki", "元気", talktest.UserOptions{})
		h.start()
		h.check()
		h.akari.Say(h.room, "@genki")
		h.rest(5 * time.Second)
		if s := h.stands(h.newest(), h.akari); s.Status == broadcast.Safe {
			t.Errorf("Akari is safe because she called Genki: %+v", s.Answer)
		}
	})
}

func TestAnAnswerThatMentionsTheBot(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		h.akari.Say(h.room, "@anpi I'm safe")
		h.rest(5 * time.Second)
		h.isAt(h.akari, broadcast.Safe)
	})
}

func TestTheRoomIsMadeAnew(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		// Somebody deletes the room and makes a new one with the same name.
		if err := h.client.DeleteRoom(context.Background(), h.room); err != nil {
			t.Fatal(err)
		}
		room, err := h.client.CreateGroup(context.Background(), "Family", []string{"dad", "mum", "akari", "grandma"})
		if err != nil {
			t.Fatal(err)
		}
		h.rest(5 * time.Minute)
		h.dad.Say(room.Token, "!check now")
		h.rest(5 * time.Minute)
		if h.checks() != 1 {
			t.Errorf("nobody heard Dad in the new room")
		}
	})
}

func TestKilledBeforeTheRoomWasEverRead(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		// The command line starts a check on a new ledger, sends the prompt and
		// is killed before it could record so.
		done, err := h.service.Start(t.Context(), time.Now(), broadcast.StartRequest{Kind: broadcast.Real, Key: "cli"})
		if err != nil {
			t.Fatal(err)
		}
		claimed, err := h.store.Claim(t.Context(), broadcast.Room, time.Now(), time.Now().Add(75*time.Second), 1)
		if err != nil {
			t.Fatal(err)
		}
		m, err := h.client.Send(t.Context(), h.room, talkapi.Post{Text: "Are you safe?", ReferenceID: claimed[0].Reference})
		if err != nil {
			t.Fatal(err)
		}
		h.rest(time.Second)
		h.akari.React(h.room, m.ID, "🆘")
		h.rest(time.Minute)
		h.start()
		h.rest(10 * time.Minute)
		if s := h.stands(done.Started, h.akari); s.Status != broadcast.Help {
			t.Errorf("Akari stands at %s", s.Status)
		}
	})
}

func TestATapTakenAwayIsNoAnswer(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		p := h.check()
		h.akari.React(h.room, p, "✅")
		h.rest(3 * time.Second)
		h.akari.Unreact(h.room, p, "✅")
		h.rest(3 * time.Second)
		if s := h.stands(h.newest(), h.akari); s.Status == broadcast.Safe {
			t.Errorf("Akari has taken her ✅ away, and is %s", s.Status)
		}
	})
}

func TestSomethingUnclearDoesNotUndoACry(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		h.akari.Say(h.room, "Help! I'm stuck")
		h.rest(3 * time.Second)
		h.akari.Say(h.room, "there is smoke here")
		h.rest(3 * time.Second)
		h.isAt(h.akari, broadcast.Help)
	})
}

func TestTheOnlyOrganiserCriesForHelp(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.are(
			roster.Member{ID: "talk:akari", Name: "Akari", Talk: "akari"},
			roster.Member{ID: "talk:dad", Name: "Dad", Talk: "dad", Organiser: true},
		)
		h.start()
		h.dad.SayDirect("anpi", "Help! I'm stuck")
		h.rest(2 * time.Minute)
		if n := count(h.wrote(h.room), "Dad needs help") + count(h.alone(h.akari), "Dad needs help"); n == 0 {
			t.Errorf("nobody but Dad was told; Dad was told %q", h.alone(h.dad))
		}
	})
}

func TestTheServersClockSteppedBack(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		m, c := broadcast.Change{Now: time.Now()}, h.newest()
		a, _ := h.service.Roster().ByTalk("akari")
		h.service.PlanAnswer(&m, c, broadcast.Standing{Member: a}, broadcast.Answer{Carrier: "talk:100", Status: broadcast.Safe, At: time.Now()})
		h.service.PlanAnswer(&m, c, broadcast.Standing{Member: a}, broadcast.Answer{Carrier: "talk:101", Status: broadcast.Help, At: time.Now().Add(-time.Hour)})
		if _, err := h.service.Commit(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if s := h.stands(c, h.akari); s.Status != broadcast.Help {
			t.Errorf("Akari stands at %s", s.Status)
		}
	})
}

func TestVeryLongTextsMakeNobodyDeaf(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		p := h.check()
		h.stop()
		long := strings.Repeat("あ", 31000)
		for range 15 {
			h.mum.Say(h.room, long)
		}
		h.akari.React(h.room, p, "🆘")
		h.start()
		h.rest(time.Hour)
		h.isAt(h.akari, broadcast.Help)
	})
}

func TestAnOldDrillsPromptTappedInARealCheck(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.dad.Say(h.room, "!drill")
		h.rest(2 * time.Second)
		old := h.prompt(h.room)
		h.dad.Say(h.room, "!close")
		h.rest(24 * time.Hour)
		h.check()
		h.akari.React(h.room, old, "🆘")
		h.rest(5 * time.Second)
		if n := count(h.wrote(h.room), "[DRILL] @all 🆘"); n != 0 {
			t.Errorf("a cry for help in a real check is told as a drill: %q", h.wrote(h.room))
		}
	})
}

// slowly is a ledger on a slow disk: what is read is old when it arrives.
type slowly struct{ broadcast.Store }

func (s slowly) Document(ctx context.Context, name string) ([]byte, error) {
	body, err := s.Store.Document(ctx, name)
	if name == broadcast.PreferencesDocument {
		time.Sleep(20 * time.Second)
	}
	return body, err
}

// Two people tell what they prefer at the same moment, one in the room and one
// alone with the bot: both are known.
func TestTwoPreferencesAtOnce(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		h.grandma.SayDirect("anpi", "!help")
		h.rest(10 * time.Second)
		h.stop()
		h.service.Store = slowly{h.store}
		h.start()
		h.akari.Say(h.room, "!language ja")
		h.grandma.SayDirect("anpi", "!language en")
		h.rest(3 * time.Minute)
		p, err := broadcast.ReadPreferences(t.Context(), h.store)
		if err != nil || p["talk:akari"].Lang != "ja" || p["talk:grandma"].Lang != "en" {
			t.Errorf("the preferences are %v, %v", p, err)
		}
	})
}
