package bot_test

import (
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// Every way of answering in the room and alone.
func TestTheWaysToAnswer(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(h *home, prompt int64)
		want   broadcast.Status
		source broadcast.Source
	}{
		{"a tap", func(h *home, p int64) { h.akari.React(h.room, p, "✅") }, broadcast.Safe, broadcast.ByTap},
		{"a tap on 🩹", func(h *home, p int64) { h.akari.React(h.room, p, "🩹") }, broadcast.Injured, broadcast.ByTap},
		{"a tap on 🆘", func(h *home, p int64) { h.akari.React(h.room, p, "🆘") }, broadcast.Help, broadcast.ByTap},
		{"a thumb", func(h *home, p int64) { h.akari.React(h.room, p, "👍") }, broadcast.Safe, broadcast.ByTap},
		{"a dark thumb", func(h *home, p int64) { h.akari.React(h.room, p, "👍🏿") }, broadcast.Safe, broadcast.ByTap},
		{"a heart says nothing", func(h *home, p int64) { h.akari.React(h.room, p, "❤️") }, broadcast.Pending, ""},
		{"a cross is looked at", func(h *home, p int64) { h.akari.React(h.room, p, "❌") }, broadcast.Unclear, broadcast.ByTap},
		{"a text in the room", func(h *home, p int64) { h.akari.Say(h.room, "I'm safe, at the office") }, broadcast.Safe, broadcast.ByRoom},
		{"a reply to the prompt", func(h *home, p int64) { h.akari.Reply(h.room, p, "無事です") }, broadcast.Safe, broadcast.ByRoom},
		{"a text alone", func(h *home, p int64) { h.akari.SayDirect("anpi", "足をけがしました") }, broadcast.Injured, broadcast.ByDirect},
		{"a place", func(h *home, p int64) { h.akari.SharePlace(h.room, "Park", 35.6, 139.7) }, broadcast.Unclear, broadcast.ByPlace},
		{"chatter", func(h *home, p int64) { h.akari.Say(h.room, "What's for dinner?") }, broadcast.Pending, ""},
		{"a question", func(h *home, p int64) { h.akari.Say(h.room, "Are you ok?") }, broadcast.Pending, ""},
		{"!!! is no command", func(h *home, p int64) { h.akari.Say(h.room, "!!! help !!!") }, broadcast.Help, broadcast.ByRoom},
		{"！！ is no command", func(h *home, p int64) { h.akari.Say(h.room, "！！助けて") }, broadcast.Help, broadcast.ByRoom},
		{"not safe", func(h *home, p int64) { h.akari.Say(h.room, "大丈夫じゃない") }, broadcast.Unclear, broadcast.ByRoom},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				h.start()
				p := h.check()
				c.answer(h, p)
				h.rest(5 * time.Second)
				s := h.stands(h.newest(), h.akari)
				if s.Status != c.want || s.Answer.Source != c.source {
					t.Errorf("Akari stands at %s by %q, want %s by %q", s.Status, s.Answer.Source, c.want, c.source)
				}
			})
		})
	}
}

// Whoever is not on the roster counts for nothing, whatever they are called.
func TestStrangersCountForNothing(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.stranger.Say(h.room, "!check now")
		h.stranger.SayDirect("anpi", "!check now")
		h.rest(2 * time.Minute)
		if n := h.checks(); n != 0 {
			t.Fatalf("a stranger started %d checks", n)
		}
		p := h.check()
		said := len(h.wrote(h.room))
		h.stranger.React(h.room, p, "🆘")
		h.stranger.Say(h.room, "Help! I'm stuck")
		h.stranger.Say(h.room, "!status")
		h.stranger.SayDirect("anpi", "I'm safe")
		h.stranger.SayDirect("anpi", "!close")
		h.rest(time.Minute)
		answers, err := h.store.Answers(t.Context(), h.newest().ID)
		if err != nil || len(answers) > 0 {
			t.Errorf("strangers answered: %+v, %v", answers, err)
		}
		if !h.newest().Open() || len(h.wrote(h.room)) != said || len(h.alone(h.stranger)) != 0 {
			t.Errorf("a stranger was obeyed: %q, %q", h.wrote(h.room)[said:], h.alone(h.stranger))
		}
	})
}

// The bot reads its own words ("I am safe", "help") back, and they are no
// answers.
func TestTheBotDoesNotAnswerItself(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		h.dad.Say(h.room, "!help")
		h.rest(5 * time.Second)
		before := len(h.talk.Messages(h.room))
		h.rest(time.Minute)
		answers, err := h.store.Answers(t.Context(), h.newest().ID)
		if err != nil || len(answers) != 0 {
			t.Errorf("answers %+v, %v", answers, err)
		}
		if n := len(h.talk.Messages(h.room)); n != before {
			t.Errorf("the bot talks to itself: %d messages more", n-before)
		}
	})
}

// What is said in other groups never counts, even when it mentions the bot.
func TestOtherGroupsNeverCount(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		if _, err := h.client.CreateGroup(t.Context(), "Club", []string{"akari", "dad"}); err != nil {
			t.Fatal(err)
		}
		club := h.akari.Rooms()[len(h.akari.Rooms())-1]
		h.start()
		h.check()
		h.dad.Say(club, "@anpi !close")
		h.dad.Say(club, "!close")
		h.akari.Say(club, "@anpi I'm safe")
		h.akari.Say(club, "@all I'm safe")
		h.rest(5 * time.Minute)
		if s := h.stands(h.newest(), h.akari); s.Answered || !h.newest().Open() {
			t.Errorf("Akari stands at %s, open %v", s.Status, h.newest().Open())
		}
	})
}

// An edit is a new answer; a cry for help in it is told at once.
func TestAnEditedAnswer(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		id := h.akari.Say(h.room, "I'm safe")
		h.rest(5 * time.Second)
		h.akari.Edit(h.room, id, "I'm safe but trapped, help")
		h.rest(5 * time.Second)
		h.isAt(h.akari, broadcast.Help)
		if n := count(h.alone(h.dad), "🆘 Akari needs help."); n != 1 {
			t.Errorf("Dad was told %d times: %q", n, h.alone(h.dad))
		}
		// A deleted message does not unsay what was reported.
		h.akari.Delete(h.room, id)
		h.rest(5 * time.Second)
		h.isAt(h.akari, broadcast.Help, "after the message was deleted")
	})
}

// The edit of somebody else's message is not the word of its author.
func TestAModeratorsEditIsNobodysAnswer(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		id := h.akari.Say(h.room, "hello everybody")
		h.rest(3 * time.Second)
		// The bot owns the room, and with it the right to edit.
		if _, err := h.client.Edit(t.Context(), h.room, id, "I'm safe"); err != nil {
			t.Fatal(err)
		}
		h.rest(5 * time.Second)
		if s := h.stands(h.newest(), h.akari); s.Answered {
			t.Errorf("Akari stands at %s by somebody else's edit", s.Status)
		}
	})
}

// A tap under a prompt alone counts, and its receipt comes back.
func TestATapUnderAPromptAlone(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		h.rest(6 * time.Minute)
		token, ok := h.talk.DirectRoom("anpi", "grandma")
		if !ok {
			t.Fatal("Grandma was not asked alone")
		}
		h.grandma.React(token, h.prompt(token), "✅")
		h.rest(10 * time.Second)
		if s := h.stands(h.newest(), h.grandma); s.Status != broadcast.Safe || s.Answer.Source != broadcast.ByTap {
			t.Errorf("Grandma stands at %s", s.Status)
		}
		if n := count(h.alone(h.grandma), "記録しました"); n != 1 {
			t.Errorf("Grandma was told %q", h.alone(h.grandma))
		}
	})
}

// Without the notifications app the sweep finds what was said alone.
func TestWithoutNotifications(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.talk.Disable("notifications")
		h.start()
		h.check()
		h.rest(6 * time.Minute)
		token, _ := h.talk.DirectRoom("anpi", "grandma")
		h.grandma.React(token, h.prompt(token), "🆘")
		h.rest(4 * time.Minute)
		h.isAt(h.grandma, broadcast.Help)
	})
}

// While nobody listened, nothing is lost: neither in the room nor alone.
func TestNothingIsLostWhileNobodyListened(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		p := h.check()
		h.rest(6 * time.Minute)
		h.stop()
		h.akari.React(h.room, p, "🩹")
		h.mum.Say(h.room, "I'm safe")
		h.grandma.SayDirect("anpi", "助けて")
		h.rest(time.Hour)
		h.start()
		h.rest(10 * time.Second)
		c := h.newest()
		for u, want := range map[*talktest.User]broadcast.Status{h.akari: broadcast.Injured, h.mum: broadcast.Safe, h.grandma: broadcast.Help} {
			if s := h.stands(c, u); s.Status != want {
				t.Errorf("%s stands at %s, want %s", u.ID, s.Status, want)
			}
		}
	})
}

// Read again from the same place, the same messages change nothing: neither
// answers nor checks nor replies.
func TestReadTwiceCountsOnce(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.stop()
		after := h.talk.Messages(h.room)[len(h.talk.Messages(h.room))-1].ID
		replay := &rewound{Store: h.store, room: h.room, after: after}
		h.service.Store = replay
		h.start()
		p := h.check()
		h.akari.React(h.room, p, "🆘")
		h.mum.Say(h.room, "I'm safe")
		h.mum.Say(h.room, "!status")
		h.rest(10 * time.Second)
		said, told, answers := len(h.wrote(h.room)), len(h.alone(h.dad)), len(h.answers(h.newest(), h.akari))
		if answers != 1 || told != 1 {
			t.Fatalf("%d answers of Akari, Dad was told %q", answers, h.alone(h.dad))
		}
		h.stop()
		replay.times.Store(3)
		h.start()
		h.rest(10 * time.Second)
		if replay.times.Load() >= 3 {
			t.Fatal("nothing was read again")
		}
		if n := len(h.wrote(h.room)); n != said {
			t.Errorf("%d more messages in the room: %q", n-said, h.wrote(h.room)[said:])
		}
		if n := h.checks(); n != 1 {
			t.Errorf("%d checks", n)
		}
		if n := len(h.answers(h.newest(), h.akari)); n != 1 {
			t.Errorf("%d answers of Akari", n)
		}
		if n := len(h.alone(h.dad)); n != 1 {
			t.Errorf("Dad was told %d times: %q", n, h.alone(h.dad))
		}
	})
}

// An answer to the prompt of an earlier check belongs to that one.
func TestAnAnswerToAnEarlierCheck(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		old := h.check()
		first := h.newest()
		h.dad.Say(h.room, "!close")
		h.rest(time.Hour)
		h.check()
		h.akari.React(h.room, old, "✅")
		h.grandma.Reply(h.room, old, "無事です")
		h.rest(5 * time.Second)
		for _, u := range []*talktest.User{h.akari, h.grandma} {
			if s := h.stands(h.newest(), u); s.Answered {
				t.Errorf("%s stands at %s in the new check", u.ID, s.Status)
			}
			if s := h.stands(first, u); s.Status != broadcast.Safe {
				t.Errorf("%s stands at %s in the old check", u.ID, s.Status)
			}
		}
	})
}

// After the end, the first word of whoever was silent still counts, and a cry
// for help of anybody.
func TestLateAnswers(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		p := h.check()
		h.mum.React(h.room, p, "✅")
		h.rest(5 * time.Second)
		h.dad.Say(h.room, "!close")
		h.rest(48 * time.Hour)
		h.akari.Say(h.room, "Sorry I'm late, I am safe")
		h.mum.Say(h.room, "Help! I'm stuck")
		h.rest(5 * time.Second)
		c := h.newest()
		if s := h.stands(c, h.akari); s.Status != broadcast.Safe {
			t.Errorf("Akari stands at %s", s.Status)
		}
		if n := count(h.alone(h.dad), "🆘 Mum needs help"); n != 1 {
			t.Errorf("Dad was told %q", h.alone(h.dad))
		}
		h.rest(48 * time.Hour)
		h.grandma.Say(h.room, "無事です")
		h.rest(5 * time.Second)
		if s := h.stands(c, h.grandma); s.Answered {
			t.Errorf("four days later Grandma still answers: %s", s.Status)
		}
	})
}

// Without a check a cry for help alone is told to the organisers, within the
// idle pace.
func TestACryForHelpWithoutACheck(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.grandma.SayDirect("anpi", "助けて")
		h.rest(65 * time.Second)
		if n := count(h.alone(h.dad), "おばあちゃん needs help"); n != 1 {
			t.Errorf("Dad was told %q", h.alone(h.dad))
		}
		if n := count(h.alone(h.grandma), "わかりました"); n != 1 {
			t.Errorf("Grandma was told %q", h.alone(h.grandma))
		}
		if n := h.checks(); n != 0 {
			t.Errorf("%d checks were started", n)
		}
	})
}

// What was only kept in memory is lost with the process. The next one hears the
// cry again, because its notification still stands; later that goes.
func TestACryIsHeardAgainWhenItWasLost(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.fleeting.Store(true)
		h.start()
		h.grandma.SayDirect("anpi", "助けて")
		h.rest(3 * time.Minute)
		if n := count(h.alone(h.dad), "おばあちゃん needs help"); n != 1 {
			t.Errorf("Dad was told %q", h.alone(h.dad))
		}
		h.stop()
		h.store.Close()
		h.open()
		h.fleeting.Store(false)
		for range 2 {
			h.start()
			h.rest(3 * time.Minute)
			h.stop()
			if n := count(h.alone(h.dad), "おばあちゃん needs help"); n != 2 {
				t.Errorf("Dad was told %q", h.alone(h.dad))
			}
			h.store.Close()
			h.open()
		}
	})
}

func TestManyCriesWithoutACheck(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		for range 200 {
			h.akari.SayDirect("anpi", "help!!")
		}
		h.rest(2 * time.Minute)
		if n := count(h.wrote(h.room), "Akari needs help"); n != 5 {
			t.Errorf("the room was told %d times", n)
		}
		if n := count(h.alone(h.dad), "Akari needs help"); n < 5 || n > 15 {
			t.Errorf("Dad was told %d times", n)
		}
		h.rest(5 * time.Minute)
		h.akari.SayDirect("anpi", "help!!")
		h.rest(2 * time.Minute)
		if n := count(h.wrote(h.room), "Akari needs help"); n != 6 {
			t.Errorf("the room was told %d times", n)
		}
	})
}

// A place that follows a cry for help is told, too.
func TestAPlaceAfterACryForHelp(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		h.akari.Say(h.room, "Help! I'm stuck")
		h.rest(5 * time.Second)
		h.akari.SharePlace(h.room, "Central Park", 35.69, 139.69)
		h.rest(5 * time.Second)
		if s := h.stands(h.newest(), h.akari); s.Status != broadcast.Help || s.Answer.Place == nil {
			t.Errorf("Akari stands at %s, %+v", s.Status, s.Answer.Place)
		}
		if n := count(h.alone(h.dad), "Central Park https://www.openstreetmap.org/?mlat=35.69"); n != 1 {
			t.Errorf("Dad was told %q", h.alone(h.dad))
		}
	})
}
