package bot_test

import (
	"testing"
	"time"

	"github.com/anpi-bot/anpi/bot"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// household is three generations: Grandma is Mum's mother, Akari and Hanako are
// Mum's children, and there is another Hanako.
func (h *home) household() {
	h.are(
		roster.Member{ID: "talk:akari", Name: "Akari", Talk: "akari", Relations: []roster.Relation{{Type: "parent", Who: "Mum"}}, Groups: []string{"Kids"}},
		roster.Member{ID: "talk:dad", Name: "Dad", Talk: "dad", Organiser: true, Relations: []roster.Relation{{Type: "spouse", Who: "Mum"}}},
		roster.Member{ID: "talk:grandma", Name: "山田はる", Nicknames: []string{"おばあちゃん"}, Talk: "grandma", Lang: "ja"},
		roster.Member{ID: "card:hanako1", Name: "鈴木花子", Emails: []string{"hanako@example.net"}},
		roster.Member{ID: "card:hanako2", Name: "佐藤花子", Emails: []string{"sato@example.net"}, Phones: []string{"090-1111-1111"}},
		roster.Member{ID: "talk:mum", Name: "Mum", Talk: "mum", Organiser: true, Nicknames: []string{"お母さん"}},
	)
}

// status is that of a member in the newest check.
func (h *home) status(id string) broadcast.Standing {
	h.t.Helper()
	tally, err := h.service.Tally(h.t.Context(), h.newest())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, s := range tally.Standings {
		if s.Member.ID == id {
			return s
		}
	}
	h.t.Fatalf("%s is not in the check", id)
	return broadcast.Standing{}
}

func TestTellingOfSomebodyElse(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.household()
		h.start()
		h.check()
		h.akari.Say(h.room, "おばあちゃんも無事です")
		h.rest(5 * time.Second)
		st := h.status("talk:grandma")
		if st.Status != broadcast.Safe || st.Answer.ReportedBy != "talk:akari" {
			t.Errorf("Grandma is %s, told by %q: %q", st.Status, st.Answer.ReportedBy, h.wrote(h.room))
		}
		if count(h.wrote(h.room), "Noted for 山田はる: ✅ safe") != 1 {
			t.Errorf("the bot says %q", h.wrote(h.room))
		}
		// It says nothing for certain about Akari: she is asked.
		if got := h.status("talk:akari").Status; got != broadcast.Pending || count(h.alone(h.akari), "How are you yourself?") != 1 {
			t.Errorf("Akari is %s and was told %q", got, h.alone(h.akari))
		}
		h.dad.SayDirect("anpi", "My wife is trapped under the shelf")
		h.rest(5 * time.Second)
		if got := h.status("talk:mum"); got.Status != broadcast.Help || got.Answer.ReportedBy != "talk:dad" {
			t.Errorf("Mum is %s", got.Status)
		}
		if count(h.wrote(h.room), "Mum needs help.\n“My wife is trapped under the shelf”\n(told by Dad)") != 1 {
			t.Errorf("the bot says %q", h.wrote(h.room))
		}
		h.mum.Say(h.room, "@akari is fine, she is with me")
		h.rest(5 * time.Second)
		if got := h.status("talk:akari"); got.Status != broadcast.Safe || got.Answer.ReportedBy != "talk:mum" {
			t.Errorf("Akari is %s: %q", got.Status, h.wrote(h.room))
		}
	})
}

func TestSeveralOfThatName(t *testing.T) {
	for name, choose := range map[string]func(h *home, asked int64){
		"by number":        func(h *home, asked int64) { h.akari.Say(h.room, "2") },
		"by a tap":         func(h *home, asked int64) { h.akari.React(h.room, asked, "2️⃣") },
		"by the full name": func(h *home, asked int64) { h.akari.Say(h.room, "佐藤花子") },
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				h.household()
				h.lang = "ja"
				h.start()
				h.check()
				h.akari.Say(h.room, "花子さんは無事だそうです")
				h.rest(5 * time.Second)
				asked := h.asks(h.room, "「花子」は、だれのことですか？")
				choose(h, asked)
				h.rest(5 * time.Second)
				if got := h.status("card:hanako2"); got.Status != broadcast.Safe || got.Answer.ReportedBy != "talk:akari" {
					t.Errorf("she is %s: %q", got.Status, h.wrote(h.room))
				}
				if h.status("card:hanako1").Answered {
					t.Error("the other one is taken for safe")
				}
			})
		})
	}
}

func TestNobodyOfThatName(t *testing.T) {
	inBoth(t, func(t *testing.T, h *home, w tongue) {
		h.household()
		h.start()
		h.check()
		h.akari.Say(h.room, "太郎ちゃんは無事だよ")
		h.rest(5 * time.Second)
		h.asks(h.room, map[string]string{"en": "Whom do you mean by “太郎”", "ja": "「太郎」"}[w.lang])
		h.akari.Say(h.room, "おばあちゃん")
		h.rest(5 * time.Second)
		if got := h.status("talk:grandma").Status; got != broadcast.Safe {
			t.Errorf("Grandma is %s: %q", got, h.wrote(h.room))
		}
		// Whoever is trapped, somebody must know now.
		h.mum.Say(h.room, "Mr Kowalski is trapped next door")
		h.rest(5 * time.Second)
		if count(h.alone(h.dad), "Mr Kowalski is trapped next door") == 0 {
			t.Errorf("Dad was told %q", h.alone(h.dad))
		}
		h.mum.React(h.room, h.asks(h.room, "Kowalski"), "❌")
		h.rest(5 * time.Second)
		if n := len(h.wrote(h.room)); count(h.wrote(h.room), map[string]string{"en": "Nothing was noted", "ja": "何も記録していません"}[w.lang]) != 1 {
			t.Errorf("the bot says %q", h.wrote(h.room)[n-1:])
		}
	})
}

func TestEverybodyIsSafe(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.household()
		h.start()
		p := h.check()
		h.akari.React(h.room, p, "🆘")
		h.rest(5 * time.Second)
		h.dad.Say(h.room, "みんな無事です")
		h.rest(5 * time.Second)
		if got := h.status("talk:dad").Status; got != broadcast.Safe {
			t.Errorf("Dad is %s", got)
		}
		asked := h.asks(h.room, "Who is with you and safe?")
		for _, id := range []string{"talk:mum", "talk:grandma", "card:hanako1"} {
			if h.status(id).Answered {
				t.Errorf("%s was taken for safe", id)
			}
		}
		h.dad.React(h.room, asked, "1️⃣")
		h.dad.Say(h.room, "Mum")
		h.rest(5 * time.Second)
		if got := h.status("talk:mum"); got.Status != broadcast.Safe || got.Answer.ReportedBy != "talk:dad" {
			t.Errorf("Mum is %s: %q", got.Status, h.wrote(h.room))
		}
		if got := h.status("talk:grandma"); got.Status != broadcast.Safe {
			t.Errorf("number 1, Grandma, is %s: %q", got.Status, h.wrote(h.room))
		}
		if got := h.status("talk:akari").Status; got != broadcast.Help {
			t.Errorf("Akari, who has called for help, is %s", got)
		}
	})
}

func TestAnotherCannotTakeACryBack(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.household()
		h.start()
		p := h.check()
		h.akari.React(h.room, p, "🆘")
		h.rest(5 * time.Second)
		h.mum.Say(h.room, "Akari is fine")
		h.rest(5 * time.Second)
		if got := h.status("talk:akari").Status; got != broadcast.Help {
			t.Errorf("Akari is %s", got)
		}
		if count(h.wrote(h.room), "Akari said: 🆘 needs help. That stands") != 1 || count(h.alone(h.dad), "something else about somebody than they said themselves") != 1 {
			t.Errorf("the bot says %q, to Dad %q", h.wrote(h.room), h.alone(h.dad))
		}
		h.mum.Say(h.room, "!safe Akari")
		h.rest(5 * time.Second)
		if got := h.status("talk:akari"); got.Status != broadcast.Safe || got.Answer.ReportedBy != "talk:mum" {
			t.Errorf("Akari is %s", got.Status)
		}
	})
}

func TestTwoOthersCannotTakeACryBackEither(t *testing.T) {
	for _, first := range []string{"おばあちゃんが助けを求めています", "おばあちゃんはけがをしました"} {
		t.Run(first, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				h.household()
				h.start()
				h.grandma.React(h.room, h.check(), "🆘")
				h.rest(5 * time.Second)
				h.mum.Say(h.room, first)
				h.rest(5 * time.Second)
				h.akari.Say(h.room, "おばあちゃんは無事です")
				h.rest(5 * time.Second)
				if got := h.status("talk:grandma").Status; got != broadcast.Help || count(h.wrote(h.room), "needed help and is now") != 0 {
					t.Errorf("Grandma is %s: %q", got, h.wrote(h.room))
				}
				// Her own words end it, once she has confirmed them.
				h.grandma.Say(h.room, "無事です")
				h.rest(5 * time.Second)
				if got := h.status("talk:grandma").Status; got != broadcast.Help {
					t.Errorf("Grandma is %s before she was asked", got)
				}
				h.confirms(h.grandma, "✅")
				if got := h.status("talk:grandma").Status; got != broadcast.Safe {
					t.Errorf("Grandma is %s", got)
				}
			})
		})
	}
}

func TestReportsAreHeardHoweverMany(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.household()
		h.start()
		h.check()
		for range 11 {
			h.akari.Say(h.room, "!status")
		}
		h.akari.Say(h.room, "!injured おばあちゃん")
		h.akari.Say(h.room, "!safe")
		h.rest(5 * time.Second)
		if a, g := h.status("talk:akari").Status, h.status("talk:grandma").Status; a != broadcast.Safe || g != broadcast.Injured {
			t.Errorf("Akari is %s, Grandma is %s", a, g)
		}
	})
}

func TestACommandForNobodyOfTheFamily(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.household()
		h.start()
		h.check()
		// The stranger calls herself Akari.
		h.mum.Say(h.room, "!safe @stranger")
		h.rest(5 * time.Second)
		if h.status("talk:akari").Answered || h.status("talk:mum").Answered || count(h.wrote(h.room), "There is nobody called “@\u2060Akari” on the roster.") != 1 {
			t.Errorf("the bot says %q", h.wrote(h.room))
		}
		h.mum.Say(h.room, "!safe @akari")
		h.dad.Say(h.room, "!safe Bob")
		h.rest(5 * time.Second)
		if got := h.status("talk:akari").Status; got != broadcast.Safe {
			t.Errorf("Akari is %s", got)
		}
		// Nobody is called Bob. Dad is asked, and may have meant himself.
		if h.status("talk:dad").Answered || count(h.wrote(h.room), "Whom do you mean by “Bob”?") != 1 {
			t.Errorf("Dad is %s; the bot says %q", h.status("talk:dad").Status, h.wrote(h.room))
		}
		h.dad.React(h.room, h.asks(h.room, "Whom do you mean by “Bob”?"), "1️⃣")
		h.rest(5 * time.Second)
		if got := h.status("talk:dad").Status; got != broadcast.Safe {
			t.Errorf("Dad is %s", got)
		}
	})
}

func TestCommandsForOneselfAndOthers(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.household()
		h.start()
		h.check()
		h.akari.Say(h.room, "!無事")
		h.mum.Say(h.room, "!けが おばあちゃん")
		h.grandma.SayDirect("anpi", "無事")
		h.rest(5 * time.Second)
		h.confirms(h.grandma, "✅")
		if got := h.status("talk:akari").Status; got != broadcast.Safe {
			t.Errorf("Akari is %s", got)
		}
		if got := h.status("talk:grandma").Status; got != broadcast.Safe {
			t.Errorf("Grandma is %s", got)
		}
		h.dad.Say(h.room, "!help おばあちゃん")
		h.rest(5 * time.Second)
		if got := h.status("talk:grandma"); got.Status != broadcast.Help || got.Answer.ReportedBy != "talk:dad" {
			t.Errorf("Grandma is %s: %q", got.Status, h.wrote(h.room))
		}
		h.akari.Say(h.room, "！助けて")
		h.rest(5 * time.Second)
		if got := h.status("talk:akari").Status; got != broadcast.Help {
			t.Errorf("Akari is %s", got)
		}
	})
}

func TestHouseholdCommands(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.household()
		h.next = func() []bot.Planned {
			return []bot.Planned{{Name: "monthly", At: time.Date(2000, 2, 1, 9, 0, 0, 0, time.UTC)}}
		}
		h.start()
		h.check()
		h.grandma.Say(h.room, "無事です")
		h.rest(3 * time.Second)
		say := func(u *talktest.User, text string, wants ...string) {
			t.Helper()
			h.rest(7 * time.Second)
			u.Say(h.room, text)
			h.rest(3 * time.Second)
			said := h.wrote(h.room)
			for _, want := range wants {
				if count(said[len(said)-1:], want) != 1 {
					t.Errorf("%s is answered with %q, not %q", text, said[len(said)-1], want)
				}
			}
		}
		say(h.akari, "!roster", "6 people are on the roster:", "- 佐藤花子\n  Only one way to reach them: e-mail")
		say(h.akari, "!groups", "- Kids: Akari")
		say(h.akari, "!history", "safety check: 1 of 6 answered", "(still on)")
		say(h.akari, "!next", "- Tue 1 Feb, 9:00 am monthly")
		say(h.akari, "!status おばあちゃん", "✅ 山田はる: safe", "無事です (wrote in the family room)")
		say(h.akari, "!status 佐藤", "⏳ 佐藤花子: no word yet")
		say(h.akari, "!status Zorro", "There is nobody called “Zorro”")
		say(h.akari, "!help check", "Anpi asks whether you mean it")
		say(h.akari, "@anpi 状況", "Who is safe (1 of 6 answered)")
		say(h.akari, "!statsu", "Do you mean “!status”?")
		if n := count(h.wrote(h.room), "090-1111-1111") + count(h.wrote(h.room), "@example"); n != 0 {
			t.Error("addresses were shown in the room")
		}
		h.dad.SayDirect("anpi", "status 佐藤")
		h.akari.SayDirect("anpi", "status 佐藤")
		h.rest(12 * time.Second)
		if count(h.alone(h.dad), "090-1111-1111") != 1 || count(h.alone(h.akari), "090-1111-1111") != 0 {
			t.Errorf("Dad was told %q, Akari %q", h.alone(h.dad), h.alone(h.akari))
		}
	})
}

func TestAnAnnouncement(t *testing.T) {
	inBoth(t, func(t *testing.T, h *home, w tongue) {
		h.household()
		h.start()
		h.dad.Say(h.room, map[string]string{"en": "!say We meet at the *school* @all", "ja": "！お知らせ　学校に集まります"}[w.lang])
		h.rest(5 * time.Second)
		want := map[string]string{"en": "@all 📢 Dad: We meet at the", "ja": "@all 📢 Dad：学校に集まります"}[w.lang]
		if count(h.wrote(h.room), want) != 1 {
			t.Errorf("the bot says %q", h.wrote(h.room))
		}
		if h.checks() != 0 {
			t.Error("it asks for an answer")
		}
	})
}

func TestAwayOnHoliday(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.dad.Say(h.room, "!pause Akari 1/1-1/3")
		h.rest(3 * time.Second)
		if count(h.wrote(h.room), "Akari is away from Sat 1 Jan to Mon 3 Jan") != 1 {
			t.Fatalf("the bot says %q", h.wrote(h.room))
		}
		h.check()
		h.rest(40 * time.Minute)
		if n := count(h.alone(h.akari), "we have not heard from you yet"); n != 0 {
			t.Errorf("she was chased %d times", n)
		}
		if n := count(h.alone(h.grandma), "まだ返事が届いていません"); n == 0 {
			t.Error("nobody was chased")
		}
		if count(h.alone(h.dad), "- Akari") != 0 || count(h.alone(h.dad), "Away, and not asked again: Akari") != 1 {
			t.Errorf("Dad was told that she is silent: %q", h.alone(h.dad))
		}
		h.dad.Say(h.room, "!休み Akari 解除")
		h.rest(time.Hour)
		if n := count(h.alone(h.akari), "we have not heard from you yet"); n == 0 {
			t.Error("she was not asked again when she was back")
		}
	})
}

func TestAnotherLanguage(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		reload := func() {
			p, err := broadcast.ReadPreferences(t.Context(), h.store)
			if err != nil {
				t.Error(err)
			}
			h.are(p.Speak(h.service.Roster().Members)...)
		}
		h.start()
		h.akari.SayDirect("anpi", "language 日本語")
		h.rest(70 * time.Second)
		reload()
		if count(h.alone(h.akari), "これからは日本語でお話しします。") != 1 {
			t.Fatalf("Akari was told %q", h.alone(h.akari))
		}
		h.check()
		h.rest(6 * time.Minute)
		if count(h.alone(h.akari), "まだ返事が届いていません") != 1 {
			t.Errorf("Akari was told %q", h.alone(h.akari))
		}
	})
}

func TestAQuestionHoldsUpNobody(t *testing.T) {
	for text, want := range map[string]broadcast.Status{
		"花子さんは無事です。おばあちゃんは助けが必要です":               broadcast.Help,
		"花子さんは無事です。おばあちゃんはけがをしています":              broadcast.Injured,
		"みんな無事です。おばあちゃんだけけがをしました":                broadcast.Injured,
		"Everybody is safe, but Grandma is hurt": broadcast.Injured,
	} {
		t.Run(text, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				h.household()
				h.start()
				h.check()
				h.akari.Say(h.room, text)
				h.rest(5 * time.Second)
				if got := h.status("talk:grandma"); got.Status != want || got.Answer.ReportedBy != "talk:akari" {
					t.Errorf("Grandma is %s, told by %q: %q", got.Status, got.Answer.ReportedBy, h.wrote(h.room))
				}
				// Nor is she offered as one of those who are safe.
				if count(h.wrote(h.room), "\n2 山田はる") != 0 {
					t.Errorf("the bot says %q", h.wrote(h.room))
				}
			})
		})
	}
}

func TestAMentionOfSomebodyElseOfThatName(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.household()
		h.start()
		h.check()
		h.mum.Say(h.room, "@stranger is safe")
		h.rest(5 * time.Second)
		if h.status("talk:akari").Answered {
			t.Error("the Akari of the family is taken for safe")
		}
		h.asks(h.room, "Whom do you mean by “Akari”?")
	})
}

func TestSomebodyNeedsHelp(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.household()
		h.start()
		h.dad.Say(h.room, "!drill")
		h.rest(5 * time.Second)
		for range 60 {
			h.mum.Say(h.room, "Mr Kowalski is trapped next door")
		}
		h.rest(20 * time.Second)
		if n := count(h.wrote(h.room), "[DRILL] @all 🆘 Mum writes that somebody needs help."); n != 5 {
			t.Errorf("the room was told %d times: %q", n, h.wrote(h.room))
		}
		if n := count(h.alone(h.dad), "[DRILL] 🆘 Mum writes that somebody needs help."); n < 5 || n > 20 {
			t.Errorf("Dad was told %d times: %q", n, h.alone(h.dad))
		}
	})
}

func TestAnotherNeedsHelpWithoutACheck(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.household()
		h.start()
		h.akari.Say(h.room, "!help おばあちゃん")
		h.rest(5 * time.Second)
		if count(h.alone(h.dad), "Akari writes that somebody needs help") != 1 || count(h.alone(h.dad), "Akari needs help") != 0 {
			t.Errorf("Dad was told %q", h.alone(h.dad))
		}
	})
}

func TestWhoJoinsDuringACheck(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.household()
		h.without("talk:akari")
		h.start()
		h.check()
		h.household()
		h.akari.SayDirect("anpi", "けがをしました")
		h.rest(70 * time.Second)
		if count(h.alone(h.akari), "Akari is not part of this safety check") != 1 || count(h.alone(h.dad), "🩹 Akari: hurt\n“けがをしました”") != 1 {
			t.Errorf("Akari was told %q, Dad %q", h.alone(h.akari), h.alone(h.dad))
		}
	})
}
