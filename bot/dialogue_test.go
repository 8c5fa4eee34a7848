package bot_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/bot"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// tongue is a family that speaks one language, and what it says and reads.
type tongue struct {
	lang, check, confirm, begun, stopped, late, refused, yes, no string
}

var tongues = []tongue{
	{"en", "!check A strong earthquake", "Tap ✅ within 60 seconds", "are you safe?", "Stopped. Nothing was sent.", "That was too late", "Only organisers can do that", "yes", "no"},
	{"ja", "！安否　大きな地震", "60秒以内に ✅ を押してください", "無事ですか？", "やめました", "60秒を過ぎました", "まとめ役だけです", "はい", "いいえ"},
}

// inBoth tells a story in a family of each language.
func inBoth(t *testing.T, tell func(t *testing.T, h *home, w tongue)) {
	for _, w := range tongues {
		t.Run(w.lang, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				h.lang = w.lang
				tell(t, h, w)
			})
		})
	}
}

// asks is the newest message of the bot in a room with the words.
func (h *home) asks(token, words string) int64 {
	h.t.Helper()
	for _, m := range slices.Backward(h.talk.Messages(token)) {
		if m.Actor == "anpi" && strings.Contains(m.Text, words) {
			return m.ID
		}
	}
	h.t.Fatalf("the bot has not said %q: %q", words, h.wrote(token))
	return 0
}

// reactions are those under a message.
func (h *home) reactions(token string, id int64) string {
	var all []string
	for _, m := range h.talk.Messages(token) {
		if m.ID == id {
			for emoji := range m.Reactions {
				all = append(all, emoji)
			}
		}
	}
	slices.Sort(all)
	return strings.Join(all, "")
}

func TestNobodyWakesTheFamilyByAccident(t *testing.T) {
	inBoth(t, func(t *testing.T, h *home, w tongue) {
		h.start()
		h.dad.Say(h.room, w.check)
		h.rest(3 * time.Second)
		asked := h.asks(h.room, w.confirm)
		if h.checks() != 0 {
			t.Fatal("a check began before anybody has confirmed it")
		}
		if got := h.reactions(h.room, asked); got != "✅❌" {
			t.Errorf("under the question stand %s", got)
		}
		h.mum.React(h.room, asked, "✅") // it was not she who was asked
		h.rest(3 * time.Second)
		if h.checks() != 0 {
			t.Fatal("somebody else has confirmed")
		}
		h.dad.React(h.room, asked, "✅")
		h.rest(5 * time.Second)
		if h.checks() != 1 || h.newest().Question == "" || strings.Contains(h.newest().Question, "check") {
			t.Fatalf("%d checks: %q", h.checks(), h.wrote(h.room))
		}
		if count(h.wrote(h.room), w.begun) == 0 {
			t.Errorf("nobody was asked: %q", h.wrote(h.room))
		}
		h.dad.React(h.room, asked, "👍")
		h.dad.Say(h.room, w.yes)
		h.rest(5 * time.Second)
		if h.checks() != 1 {
			t.Error("it began twice")
		}
	})
}

func TestAStartThatIsNotMeant(t *testing.T) {
	inBoth(t, func(t *testing.T, h *home, w tongue) {
		h.start()
		h.dad.Say(h.room, w.check)
		h.rest(3 * time.Second)
		h.dad.React(h.room, h.asks(h.room, w.confirm), "❌")
		h.rest(3 * time.Second)
		if count(h.wrote(h.room), w.stopped) != 1 {
			t.Errorf("the bot says %q", h.wrote(h.room))
		}
		h.mum.SayDirect("anpi", strings.TrimLeft(w.check, "!！")) // alone no sign is needed
		h.rest(70 * time.Second)
		h.mum.SayDirect("anpi", w.no)
		h.rest(70 * time.Second)
		h.dad.Say(h.room, w.check)
		h.rest(61 * time.Second)
		h.dad.React(h.room, h.asks(h.room, w.confirm), "✅")
		h.rest(70 * time.Second)
		if count(h.wrote(h.room), w.late) != 1 || h.checks() != 0 {
			t.Errorf("%d checks; the bot says %q", h.checks(), h.wrote(h.room))
		}
	})
}

func TestConfirmingInWords(t *testing.T) {
	inBoth(t, func(t *testing.T, h *home, w tongue) {
		h.start()
		h.check()
		h.dad.Say(h.room, "!close")
		h.rest(3 * time.Second)
		h.mum.SayDirect("anpi", strings.TrimLeft(w.check, "!！"))
		h.rest(61 * time.Second) // she is heard within a minute while nothing is on
		h.mum.SayDirect("anpi", w.yes)
		h.rest(5 * time.Second)
		if h.checks() != 1 {
			t.Fatalf("too late, yet there are %d checks", h.checks())
		}
		h.mum.SayDirect("anpi", strings.TrimLeft(w.check, "!！"))
		h.rest(3 * time.Second)
		h.mum.SayDirect("anpi", w.yes)
		h.rest(5 * time.Second)
		if h.checks() != 2 || h.newest().StartedBy != "Mum" {
			t.Errorf("%d checks; Mum was told %q", h.checks(), h.alone(h.mum))
		}
	})
}

func TestAConfirmationOutlivesTheProgram(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.dad.Say(h.room, "!check")
		h.rest(3 * time.Second)
		asked := h.asks(h.room, "within 60 seconds")
		h.stop()
		h.dad.React(h.room, asked, "✅")
		h.start()
		h.rest(35 * time.Second) // Talk may keep a tap for half a minute
		if h.checks() != 1 {
			t.Errorf("%d checks: %q", h.checks(), h.wrote(h.room))
		}
	})
}

func TestRefusals(t *testing.T) {
	inBoth(t, func(t *testing.T, h *home, w tongue) {
		h.start()
		for i, text := range []string{w.check, "!drill", "！お知らせ 集まって", "!close", "!pause Dad 8/10-8/20", "！掲示板"} {
			h.akari.Say(h.room, text)
			h.rest(3 * time.Second)
			if n := count(h.wrote(h.room), w.refused); n != i+1 {
				t.Errorf("%s was refused %d times: %q", text, n-i, h.wrote(h.room))
			}
		}
		if h.checks() != 0 {
			t.Error("a check began")
		}
	})
}

func TestAcknowledgedOnTheVeryMessage(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		safe := h.akari.Say(h.room, "I'm safe, at school")
		hurt := h.mum.Say(h.room, "I've cut my hand")
		h.rest(5 * time.Second)
		if got := h.reactions(h.room, safe); got != "✅" {
			t.Errorf("on Akari's message stands %q", got)
		}
		if got := h.reactions(h.room, hurt); got != "🩹" {
			t.Errorf("on Mum's message stands %q", got)
		}
		// An edit is a new answer, and shows as one.
		h.akari.Edit(h.room, safe, "I'm trapped, help")
		h.rest(5 * time.Second)
		if got := h.reactions(h.room, safe); got != "🆘" {
			t.Errorf("on the edited message stands %q", got)
		}
		if got := h.stands(h.newest(), h.akari).Status; got != broadcast.Help {
			t.Errorf("Akari is %s", got)
		}
	})
}

func TestUnclearIsAskedBackOnce(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		h.grandma.Say(h.room, "停電してる")
		h.rest(5 * time.Second)
		if count(h.alone(h.grandma), "あなたは、いまどうですか？") != 1 || count(h.alone(h.dad), "“停電してる”") != 1 {
			t.Fatalf("Grandma was told %q, Dad %q", h.alone(h.grandma), h.alone(h.dad))
		}
		h.grandma.Say(h.room, "余震が怖い")
		h.grandma.SayDirect("anpi", "どうしよう")
		h.rest(10 * time.Second)
		if count(h.alone(h.grandma), "あなたは、いまどうですか？") != 1 || count(h.alone(h.dad), "❓") != 2 {
			t.Errorf("Grandma was told %q, Dad %q", h.alone(h.grandma), h.alone(h.dad))
		}
		token, _ := h.talk.DirectRoom("anpi", "grandma")
		asked := h.asks(token, "あなたは、いまどうですか？")
		if got := h.reactions(token, asked); got != "✅🆘🩹" {
			t.Errorf("under the question stand %q", got)
		}
		h.grandma.React(token, asked, "✅")
		h.rest(10 * time.Second)
		if got := h.stands(h.newest(), h.grandma).Status; got != broadcast.Safe {
			t.Errorf("Grandma is %s", got)
		}
	})
}

func TestSafeAgainIsToldToo(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		p := h.check()
		h.akari.React(h.room, p, "🆘")
		h.rest(5 * time.Second)
		h.akari.Say(h.room, "I'm safe now")
		h.rest(5 * time.Second)
		for _, told := range [][]string{h.alone(h.dad), h.alone(h.mum), h.wrote(h.room)} {
			if count(told, "Akari needed help and is now ✅ safe.") != 1 {
				t.Errorf("told: %q", told)
			}
		}
	})
}

func TestTakingATapBack(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		p := h.check()
		c := h.newest()
		h.akari.React(h.room, p, "✅")
		h.rest(5 * time.Second)
		h.akari.Unreact(h.room, p, "✅")
		h.rest(40 * time.Second)
		if got := h.stands(c, h.akari); got.Status != broadcast.Pending || got.Answered {
			t.Errorf("Akari is %s, answered %v", got.Status, got.Answered)
		}
		h.rest(5 * time.Minute)
		if count(h.alone(h.akari), "we have not heard from you yet") != 1 {
			t.Errorf("she was not asked again: %q", h.alone(h.akari))
		}
		// What was said before holds again.
		h.mum.Say(h.room, "I've cut my hand")
		h.rest(5 * time.Second)
		h.mum.React(h.room, p, "✅")
		h.rest(5 * time.Second)
		h.mum.Unreact(h.room, p, "✅")
		h.rest(40 * time.Second)
		if got := h.stands(c, h.mum).Status; got != broadcast.Injured {
			t.Errorf("Mum is %s", got)
		}
		// A cry for help does not go away without a word.
		h.grandma.React(h.room, p, "🆘")
		h.rest(5 * time.Second)
		h.grandma.Unreact(h.room, p, "🆘")
		h.rest(40 * time.Second)
		if got := h.stands(c, h.grandma).Status; got != broadcast.Help {
			t.Errorf("Grandma is %s", got)
		}
	})
}

func TestACryInAnotherRoomIsNotForgotten(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		p := h.check()
		h.rest(6 * time.Minute)
		alone := h.directRoom("akari")
		h.akari.React(alone, h.prompt(alone), "🆘")
		h.rest(5 * time.Second)
		h.akari.React(h.room, p, "✅")
		h.rest(5 * time.Second)
		h.akari.Unreact(h.room, p, "✅")
		h.rest(5 * time.Second)
		if got := h.stands(h.newest(), h.akari).Status; got != broadcast.Help || count(h.alone(h.akari), "Are you really safe now?") == 0 {
			t.Errorf("Akari is %s and was asked %q", got, h.alone(h.akari))
		}
	})
}

func TestADeletedAnswerStays(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		said := h.akari.Say(h.room, "I'm hurt")
		chat := h.akari.Say(h.room, "lol")
		h.rest(5 * time.Second)
		h.akari.Delete(h.room, said)
		h.akari.Delete(h.room, chat)
		h.rest(5 * time.Second)
		if got := h.stands(h.newest(), h.akari).Status; got != broadcast.Injured {
			t.Errorf("Akari is %s", got)
		}
		if count(h.alone(h.dad), "Akari has deleted a message. The answer in it still counts.\n“I'm hurt”") != 1 {
			t.Errorf("Dad was told %q", h.alone(h.dad))
		}
	})
}

func TestANumberIsAnAnswer(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		p := h.check()
		c := h.newest()
		h.akari.Reply(h.room, p, "1")
		h.grandma.SayDirect("anpi", "②")
		h.mum.Say(h.room, "４")
		h.rest(5 * time.Second)
		for u, want := range map[*talktest.User]broadcast.Status{h.akari: broadcast.Safe, h.grandma: broadcast.Injured, h.mum: broadcast.Safe} {
			if got := h.stands(c, u).Status; got != want {
				t.Errorf("%s is %s, not %s", u.ID, got, want)
			}
		}
		if !h.stands(c, h.mum).Answer.Stranded {
			t.Error("Mum can get home")
		}
		h.akari.Say(h.room, "3") // she has answered: it is about something else
		h.rest(5 * time.Second)
		if got := h.stands(c, h.akari).Status; got != broadcast.Safe {
			t.Errorf("Akari is %s", got)
		}
	})
}

func TestAVoiceMessageIsForAPerson(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		h.akari.Speak(h.room)
		h.rest(5 * time.Second)
		st := h.stands(h.newest(), h.akari)
		if st.Status != broadcast.Unclear || st.Answer.Source != broadcast.ByVoice || count(h.alone(h.dad), "Please listen to it.") != 1 {
			t.Errorf("Akari is %s by %s; Dad was told %q", st.Status, st.Answer.Source, h.alone(h.dad))
		}
	})
}

func TestGuestsCountForNothing(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		guest := h.talk.AddGuest(h.room, "Akari")
		far := h.talk.AddFederated(h.room, "akari@other.example", "Akari")
		h.start()
		p := h.check()
		guest.Say("I'm safe")
		guest.React(p, "✅")
		far.Say("!close")
		far.React(p, "✅")
		h.rest(10 * time.Second)
		if got := h.stands(h.newest(), h.akari).Status; got != broadcast.Pending || !h.newest().Open() {
			t.Errorf("Akari is %s, the check is open: %v", got, h.newest().Open())
		}
	})
}

func TestAChildWritesTwoHundredMessages(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		for range 200 {
			h.akari.Say(h.room, "help!!")
			time.Sleep(300 * time.Millisecond)
		}
		h.grandma.Say(h.room, "足をけがしました")
		h.rest(10 * time.Second)
		if n := len(h.answers(h.newest(), h.akari)); n != 200 {
			t.Errorf("%d of 200 answers are kept", n)
		}
		if n := count(h.alone(h.dad), "Akari needs help"); n < 5 || n > 7 {
			t.Errorf("Dad was told %d times", n)
		}
		if got := h.stands(h.newest(), h.grandma).Status; got != broadcast.Injured {
			t.Errorf("Grandma is %s", got)
		}
	})
	story(t, func(t *testing.T, h *home) {
		h.start()
		for range 200 {
			h.akari.Say(h.room, "!status @all")
			time.Sleep(300 * time.Millisecond)
		}
		h.rest(10 * time.Second)
		if n := len(h.wrote(h.room)); n > 12 {
			t.Errorf("the bot has replied %d times", n)
		}
	})
}

func TestNames(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.are(
			roster.Member{ID: "talk:akari", Name: "@all **Akari**\u202e", Talk: "akari"},
			roster.Member{ID: "talk:dad", Name: "Dad", Talk: "dad", Organiser: true},
			roster.Member{ID: "talk:mum", Name: "[Mum](https://evil.example)", Talk: "mum"},
		)
		h.next = func() []bot.Planned { return []bot.Planned{{Name: "@all `x`", At: time.Now()}} }
		h.start()
		h.check()
		h.akari.Say(h.room, "助けて "+strings.Repeat("@all **a** ", 2000))
		h.mum.Say(h.room, "Xyzzy is hurt")
		for _, c := range []string{"!roster", "!status akari", "!next", "!history", "!groups", "!xyz @all", "!pause @all 8/1-8/2"} {
			h.dad.Say(h.room, c)
		}
		h.rest(20 * time.Second)
		for _, said := range h.wrote(h.room) {
			rest := strings.NewReplacer("\\*", "", "\\]", "").Replace(said)
			if strings.Count(said, "@all") > 1 || strings.Contains(rest, "**") || strings.Contains(said, "\u202e") || strings.Contains(rest, "](") {
				t.Errorf("the bot says %q", said)
			}
		}
	})
}

func TestWhoeverNeedsHelpIsHeardOn(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.check()
		h.grandma.SayDirect("anpi", "助けて、動けない")
		h.rest(5 * time.Second)
		h.grandma.SayDirect("anpi", "二階の押し入れ")
		h.grandma.SayDirect("anpi", "こわいです")
		h.rest(5 * time.Second)
		if count(h.alone(h.dad), "おばあちゃん goes on to say:\n“二階の押し入れ”") != 1 || count(h.alone(h.mum), "“こわいです”") != 1 {
			t.Errorf("Dad was told %q, Mum %q", h.alone(h.dad), h.alone(h.mum))
		}
		if got := h.stands(h.newest(), h.grandma).Status; got != broadcast.Help {
			t.Errorf("Grandma is %s", got)
		}
	})
}

func TestACryForAnotherLongAfterADrill(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		h.dad.Say(h.room, "!drill")
		h.rest(3 * time.Second)
		h.dad.Say(h.room, "!close")
		h.rest(time.Hour)
		h.akari.SayDirect("anpi", "おばあちゃんが倒れて動けません、助けて")
		h.rest(70 * time.Second)
		if count(h.alone(h.dad), "動けません") != 1 || count(h.alone(h.dad), "[DRILL] 🆘") != 0 {
			t.Errorf("Dad was told %q", h.alone(h.dad))
		}
	})
}

// Alone with the bot a mere "say" may be meant for the bot: it asks before it
// tells everybody. Behind a sign it is a command, and goes out.
func TestNobodyIsToldByAccident(t *testing.T) {
	inBoth(t, func(t *testing.T, h *home, w tongue) {
		text := map[string]string{"en": "say We meet at the school", "ja": "お知らせ 学校に集まります"}[w.lang]
		h.start()
		h.dad.SayDirect("anpi", text)
		h.rest(time.Minute)
		room := h.directRoom("dad")
		asked := h.asks(room, w.confirm60())
		if got := h.wrote(h.room); len(got) != 0 {
			t.Fatalf("the room was told: %q", got)
		}
		h.dad.React(room, asked, "❌")
		h.rest(10 * time.Second)
		if count(h.wrote(room), w.stopped) != 1 || len(h.wrote(h.room)) != 0 {
			t.Errorf("after ❌: %q, %q", h.wrote(room), h.wrote(h.room))
		}
		h.dad.SayDirect("anpi", text)
		h.rest(40 * time.Second)
		h.dad.SayDirect("anpi", w.yes)
		h.rest(time.Minute)
		if got := h.wrote(h.room); len(got) != 1 || !strings.Contains(got[0], "📢 Dad") {
			t.Errorf("after yes the room has %q, and Dad %q", got, h.wrote(room))
		}
		h.akari.SayDirect("anpi", text)
		h.rest(2 * time.Minute)
		if got := h.wrote(h.room); len(got) != 1 {
			t.Errorf("a child has told the room: %q", got)
		}
		h.dad.SayDirect("anpi", "!"+text)
		h.rest(time.Minute)
		if got := h.wrote(h.room); len(got) != 2 {
			t.Errorf("behind a sign: %q", got)
		}
	})
}

// confirm60 is how the bot asks whether something is meant.
func (w tongue) confirm60() string {
	return map[string]string{"en": "within 60 seconds", "ja": "60秒以内"}[w.lang]
}
