package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
)

// everybody has Akari say that everybody is safe, and returns the prompt and the
// question who is with her.
func (h *home) everybody() (prompt, asked int64) {
	h.household()
	h.start()
	prompt = h.check()
	h.akari.Say(h.room, "みんな無事です")
	h.rest(5 * time.Second)
	return prompt, h.asks(h.room, "Who is with you and safe?")
}

func TestANumberUnderThePromptIsNoName(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		prompt, _ := h.everybody()
		h.akari.Reply(h.room, prompt, "3")
		h.rest(5 * time.Second)
		if got := h.status("talk:akari").Status; got != broadcast.Help {
			t.Errorf("Akari is %s: %q", got, h.wrote(h.room))
		}
		if h.status("card:hanako1").Answered {
			t.Error("the third of the question is taken for safe")
		}
	})
}

func TestANumberAfterANewerPrompt(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.household()
		h.start()
		h.check()
		h.akari.SayDirect("anpi", "花子さんは無事だそうです")
		h.rest(5 * time.Second)
		h.asks(h.directRoom("akari"), "Whom do you mean")
		h.rest(6 * time.Minute) // now she is reminded there
		h.akari.SayDirect("anpi", "2")
		h.rest(5 * time.Second)
		if got := h.status("talk:akari").Status; got != broadcast.Injured || h.status("card:hanako2").Answered {
			t.Errorf("Akari is %s: %q", got, h.alone(h.akari))
		}
	})
}

func TestOneQuestionAtATime(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.household()
		h.start()
		h.check()
		h.akari.SayDirect("anpi", "花子さんは無事だそうです")
		h.rest(5 * time.Second)
		if count(h.alone(h.akari), "How are you yourself?") != 0 {
			t.Errorf("two questions at once: %q", h.alone(h.akari))
		}
		h.akari.SayDirect("anpi", "2")
		h.rest(5 * time.Second)
		if got := h.status("card:hanako2").Status; got != broadcast.Safe || count(h.alone(h.akari), "How are you yourself?") != 1 {
			t.Errorf("she is %s; the bot says %q", got, h.alone(h.akari))
		}
		// In the room nobody asked her anything by number.
		h.akari.SayDirect("anpi", "花子さんは無事だそうです")
		h.rest(5 * time.Second)
		h.akari.Say(h.room, "2")
		h.rest(5 * time.Second)
		if got := h.status("talk:akari").Status; got != broadcast.Injured {
			t.Errorf("Akari is %s", got)
		}
	})
}

func TestCallingSomebodyIsNoNews(t *testing.T) {
	for _, text := range []string{"おばあちゃん！", "おばあちゃん？", "@grandma"} {
		t.Run(text, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				h.everybody()
				h.rest(10 * time.Minute)
				h.akari.Say(h.room, text)
				h.rest(5 * time.Second)
				if h.status("talk:grandma").Answered {
					t.Errorf("Grandma is taken for safe: %q", h.wrote(h.room))
				}
			})
		})
	}
	t.Run("as a reply it is", func(t *testing.T) {
		story(t, func(t *testing.T, h *home) {
			_, asked := h.everybody()
			h.rest(10 * time.Minute)
			h.akari.Reply(h.room, asked, "おばあちゃん")
			h.rest(5 * time.Second)
			if got := h.status("talk:grandma").Status; got != broadcast.Safe {
				t.Errorf("Grandma is %s", got)
			}
		})
	})
}

func TestAnEditConfirmsNothing(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		said := h.dad.Say(h.room, "yse")
		h.rest(time.Second)
		h.dad.Say(h.room, "!check")
		h.rest(5 * time.Second)
		h.dad.Edit(h.room, said, "yes")
		h.rest(3 * time.Hour)
		h.dad.Edit(h.room, said, "ok")
		h.dad.Reply(h.room, h.mum.Say(h.room, "Dinner?"), "yes")
		h.rest(5 * time.Second)
		if h.checks() != 0 {
			t.Error("an edit has started a check")
		}
	})
}

func TestYesToSomebodyElse(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.dad.Say(h.room, "!check")
		h.rest(5 * time.Second)
		h.dad.Reply(h.room, h.mum.Say(h.room, "Dinner at eight?"), "yes")
		h.rest(5 * time.Second)
		if h.checks() != 0 {
			t.Error("a yes to somebody else has started a check")
		}
	})
}

func TestNamesWithBlanks(t *testing.T) {
	for name, id := range map[string]string{"Taro Sato": "t2", "佐藤 太郎": "t3", "さとみ": "t5"} {
		t.Run(name, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				h.household()
				h.are(append(*h.members.Load(),
					roster.Member{ID: "t1", Name: "Taro Yamada"}, roster.Member{ID: "t2", Name: "Taro Sato"},
					roster.Member{ID: "t3", Name: "佐藤 太郎"}, roster.Member{ID: "t4", Name: "鈴木 太郎"}, roster.Member{ID: "t5", Name: "さとみ"})...)
				h.start()
				h.check()
				h.mum.Say(h.room, "太郎さんは無事です")
				h.rest(5 * time.Second)
				h.mum.Say(h.room, name)
				h.rest(5 * time.Second)
				for _, other := range []string{"t1", "t2", "t3", "t4", "t5"} {
					if got := h.status(other).Answered; got != (other == id) {
						t.Errorf("%s has answered: %v; the bot says %q", other, got, h.wrote(h.room))
					}
				}
			})
		})
	}
}

// Two of the family have the same name: each is offered with what tells them
// apart, and no address.
func TestTwoOfTheSameName(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.are(append(*h.members.Load(),
			roster.Member{ID: "card:1", Name: "Ken", Nicknames: []string{"Little Ken"}, Emails: []string{"ken@example.org"}},
			roster.Member{ID: "card:2", Name: "Ken", Emails: []string{"old@example.org"}})...)
		h.start()
		h.check()
		h.akari.Say(h.room, "Ken is hurt")
		h.rest(5 * time.Second)
		said := h.wrote(h.room)
		question := said[len(said)-1]
		for _, line := range []string{"1 Ken (Little Ken)", "2 Ken (e-mail)"} {
			if !strings.Contains(question, line) {
				t.Errorf("no %q in %q", line, question)
			}
		}
		if strings.Contains(question, "@") {
			t.Errorf("there is an address in %q", question)
		}
		h.akari.Say(h.room, "2")
		h.rest(5 * time.Second)
		if h.status("card:2").Status != broadcast.Injured || h.status("card:1").Answered {
			t.Errorf("the wrong one is hurt: %q", h.wrote(h.room))
		}
	})
}

// Akari taps a wrong number, and takes it away: of that person nothing is known
// again, and the others stay as they are.
func TestAWrongNumberIsTakenBack(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.are(append(*h.members.Load(), roster.Member{ID: "card:ken", Name: "Ken"})...)
		h.start()
		h.check()
		h.akari.Say(h.room, "みんな無事です")
		h.rest(5 * time.Second)
		asked := h.asks(h.room, "Who is with you and safe?")
		h.akari.Say(h.room, "1") // Dad
		h.akari.React(h.room, asked, "2️⃣")
		h.akari.React(h.room, asked, "3️⃣")
		h.rest(10 * time.Second)
		for _, id := range []string{"talk:dad", "talk:grandma", "talk:mum"} {
			if got := h.status(id).Status; got != broadcast.Safe {
				t.Fatalf("%s is %s: %q", id, got, h.wrote(h.room))
			}
		}
		h.akari.Unreact(h.room, asked, "2️⃣")
		h.rest(10 * time.Second)
		for id, want := range map[string]broadcast.Status{"talk:dad": broadcast.Safe, "talk:grandma": broadcast.Pending, "talk:mum": broadcast.Safe} {
			if got := h.status(id); got.Status != want || got.Answered == (want == broadcast.Pending) {
				t.Errorf("%s is %s, want %s: %q", id, got.Status, want, h.wrote(h.room))
			}
		}
		// Whoever has answered meanwhile knows better.
		h.mum.Say(h.room, "I am hurt")
		h.rest(5 * time.Second)
		h.akari.Unreact(h.room, asked, "3️⃣")
		h.rest(10 * time.Second)
		if got := h.status("talk:mum").Status; got != broadcast.Injured {
			t.Errorf("Mum is %s: %q", got, h.wrote(h.room))
		}
	})
}
