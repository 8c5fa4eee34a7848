package app

import (
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/longtest"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// Nobody outside the roster starts, answers or reads anything.
func TestStrangersAreNotHeard(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		stranger := f.talk.AddUser("stranger", "Dad", talktest.UserOptions{}) // by name, he is Dad
		f.start()
		stranger.SayDirect("anpi", "!check now")
		f.rest(2 * time.Minute)
		if got := f.wrote(f.room); len(got) != 0 {
			t.Errorf("a stranger made Anpi write %q", texts(got))
		}
		if got := f.alone(stranger); len(got) != 0 {
			t.Errorf("Anpi answered a stranger: %q", texts(got))
		}
		f.dad.Say(f.room, "!check now")
		f.rest(time.Second)
		stranger.SayDirect("anpi", "I am safe")
		f.rest(10 * time.Second)
		wants(t, "the tally", f.tally(), "0 of 6 answered")
	})
}

// Whoever is invited has an account and is in the room, and is family from then
// on: not only when the address books are looked at the next time.
func TestANewMemberIsHeardAtOnce(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		a := f.start()
		f.rest(10 * time.Minute)
		aunt := f.talk.AddUser("aunt", "Aunt", talktest.UserOptions{})
		f.dav.AddAccount("aunt", "Aunt", "")
		if err := a.client.AddParticipant(t.Context(), f.room, "aunt"); err != nil {
			t.Fatal(err)
		}
		f.rest(time.Minute)
		f.dad.Say(f.room, "!check now")
		f.rest(5 * time.Second)
		aunt.React(f.room, f.prompt().ID, "🆘")
		f.rest(10 * time.Second)
		wants(t, "the tally", f.tally(), "1 of 7 answered", "🆘 needs help 1: Aunt")
	})
}

// Only organisers start and end checks; the refusal says whom to ask.
func TestOnlyOrganisersCommand(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.start()
		f.kenta.Say(f.room, "!check now")
		f.rest(5 * time.Second)
		f.once("the refusal", f.wrote(f.room), "Only organisers can do that. Please ask Dad.")
		f.dad.Say(f.room, "!check now")
		f.rest(5 * time.Second)
		f.kenta.Say(f.room, "!close")
		f.rest(5 * time.Second)
		if got := texts(f.wrote(f.room)); count(got, "has ended") != 0 {
			t.Errorf("Kenta ended the check: %q", got)
		}
		f.dad.Say(f.room, "!check now")
		f.rest(5 * time.Second)
		f.once("the hint that one is open", f.wrote(f.room), "already on")
		f.dad.SayDirect("anpi", "!status")
		f.rest(2 * time.Minute)
		f.once("the status to Dad", f.alone(f.dad), "0 of 6 answered")
	})
}

// In Japanese, with the full-width mark.
func TestJapaneseFamily(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.options.Config.Language = "ja"
		f.start()
		f.dad.Say(f.room, "！安否　今すぐ　大きな地震")
		f.rest(5 * time.Second)
		f.once("the prompt", f.wrote(f.room), "@all 安否確認です。無事ですか？\n「大きな地震」")
		f.akari.Say(f.room, "ぶじだよ〜")
		f.kenta.Say(f.room, "助けて！")
		f.rest(5 * time.Second)
		f.dad.Say(f.room, "！状況")
		f.rest(5 * time.Second)
		all := f.wrote(f.room)
		wants(t, "the status", all[len(all)-1].Text, "6人中2人が返事", "🆘 助けが必要 1人：Kenta", "✅ 無事 1人：Akari")
		f.closes("！終了")
		f.rest(5 * time.Second)
		f.once("the report", f.wrote(f.room), "Dad が安否確認を終わりました。")
		f.dad.Say(f.room, "！ヘルプ")
		f.rest(5 * time.Second)
		f.once("the help", f.wrote(f.room), "まとめ役が使えることば")
	})
}

// Akari reads English in a Japanese family: the room is asked in both
// languages, and she alone in hers.
func TestMixedFamily(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.options.Config.Language = "ja"
		f.dav.PutCard("family", "akari", "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:akari-card\r\nFN:Akari\r\nLANG:en\r\nEND:VCARD\r\n")
		f.options.Config.Roster.Accounts = map[string]string{"akari-card": "akari"}
		f.start()
		f.dad.Say(f.room, "!drill")
		f.rest(5 * time.Second)
		p, _ := find(f.wrote(f.room), "安否確認です")
		wants(t, "the prompt", p.Text, "【訓練】@all これは練習です。", "[DRILL] This is practice.", "Safety check: are you safe?")
		if n := strings.Count(p.Text, "@all"); n != 1 {
			t.Errorf("the prompt mentions everybody %d times", n)
		}
		f.rest(5 * time.Minute)
		f.once("the prompt to Akari alone", f.alone(f.akari), "[DRILL] This is practice.")
		f.once("the prompt to Mum alone", f.alone(f.mum), "【訓練】これは練習です。")
	})
}

// An answer can change: by another tap, by an edit, and towards help at once.
func TestAnswersChange(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(5 * time.Second)
		p := f.prompt()
		f.akari.React(f.room, p.ID, "✅")
		said := f.kenta.Say(f.room, "I'm ok")
		f.rest(10 * time.Second)
		wants(t, "the tally", f.tally(), "✅ safe 2: Akari, Kenta")
		f.akari.React(f.room, p.ID, "🆘")
		f.kenta.Edit(f.room, said, "I'm hurt")
		f.rest(10 * time.Second)
		wants(t, "the tally", f.tally(), "🆘 needs help 1: Akari", "🩹 hurt 1: Kenta")
		f.once("the alarm", f.wrote(f.room), "Akari needs help")
		// The tap may have a skin tone, or be another sign that all is well.
		f.mum.React(f.room, p.ID, "👍🏽")
		f.rest(10 * time.Second)
		wants(t, "the tally", f.tally(), "✅ safe 1: Mum")
	})
}

// Chatter and questions change nothing; doubt is shown as doubt.
func TestWhatIsNoAnswer(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(5 * time.Second)
		f.akari.Say(f.room, "are you all ok?")
		f.mum.Say(f.room, "what's for dinner")
		f.kenta.Say(f.room, "I'm not ok")
		f.rest(10 * time.Second)
		wants(t, "the tally", f.tally(), "1 of 6 answered", "❓ being checked 1: Kenta")
	})
}

// Late answers still count, on the check they belong to; the deadline ends a
// check by itself.
func TestDeadlineAndLateAnswers(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		if !longtest.Whole() { // three days are many looks around
			f.options.Config.Ladder = f.options.Config.Ladder.Scale(1. / 12)
		}
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(5 * time.Second)
		p := f.prompt()
		f.rest(f.options.Config.Ladder.Deadline - time.Hour)
		if got := texts(f.wrote(f.room)); count(got, "has ended") != 0 {
			t.Error("the check ended before its deadline")
		}
		f.rest(2 * time.Hour)
		f.once("the report", f.wrote(f.room), "The safety check has ended.")
		f.akari.React(f.room, p.ID, "✅")
		f.rest(time.Minute)
		wants(t, "the tally", f.tally(), "ended, 1 of 6 answered", "✅ safe 1: Akari")
		f.mum.Say(f.room, "I'm safe, had no signal")
		f.rest(time.Minute)
		f.dad.Say(f.room, "!status")
		f.rest(time.Minute)
		all := f.wrote(f.room)
		wants(t, "the status", all[len(all)-1].Text, "2 of 6 answered")
	})
}

// The tally is one message, edited in place; after a day a new one takes over,
// because Talk no longer lets the old one be edited.
func TestTallyIsRenewedAfterADay(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(5 * time.Second)
		f.akari.Say(f.room, "I'm safe")
		f.rest(time.Hour)
		f.once("the tally", f.wrote(f.room), "Who is safe")
		f.rest(25 * time.Hour)
		f.mum.Say(f.room, "I'm safe")
		f.rest(time.Minute)
		if n := count(texts(f.wrote(f.room)), "Who is safe"); n != 2 {
			t.Errorf("there are %d tallies, want a second one", n)
		}
		wants(t, "the tally", f.tally(), "2 of 6 answered")
	})
}

// A real check ends a drill that is on.
func TestTheRealThingDuringADrill(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.start()
		f.dad.Say(f.room, "!drill")
		f.rest(5 * time.Second)
		f.dad.Say(f.room, "!check now This is real")
		f.rest(10 * time.Second)
		f.once("the real prompt", f.wrote(f.room), "@all Safety check: are you safe?\n“This is real”")
		f.once("the end of the drill", f.wrote(f.room), "[DRILL] Dad has ended")
	})
}

// A cry for help is heard when no check is open, too.
func TestCryForHelpWithoutACheck(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.start()
		f.grandma.SayDirect("anpi", "help, I fell and can't get up")
		f.rest(2 * time.Minute)
		f.once("the notice to Dad", f.alone(f.dad), "Grandma needs help")
		f.once("the answer to Grandma", f.alone(f.grandma), "Your family is being told")
		if got := f.mails("dad@example.net"); len(got) != 1 {
			t.Errorf("Dad has the mails %q", got)
		}
	})
}

// Aunt joins the family in the middle of a check, and is made an organiser: the
// next cry for help reaches her, too.
func TestANewOrganiserIsToldOfACry(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.options.Config.Roster.Organisers = []string{"dad", "aunt"}
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(6 * time.Minute)
		f.kenta.Say(f.room, "Help! I'm stuck")
		f.rest(5 * time.Second)
		aunt := f.talk.AddUser("aunt", "Aunt", talktest.UserOptions{})
		f.dav.AddAccount("aunt", "Aunt", "")
		f.rest(time.Hour)
		f.akari.Say(f.room, "Help! There is a fire")
		f.rest(10 * time.Second)
		f.once("the alarm to Aunt", f.alone(aunt), "Akari needs help")
	})
}

// Names and answers mention nobody and format nothing.
func TestNamesAreHarmless(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.card("trick", "@all *bold*\r\n  {mention-call1}", "trick@example.org")
		f.start()
		f.dad.Say(f.room, "!check now @all **now**")
		f.rest(5 * time.Second)
		p := f.prompt()
		if n := strings.Count(p.Text, "@all"); n != 1 || !strings.Contains(p.Text, `\*\*now\*\*`) {
			t.Errorf("the prompt is %q", p.Text)
		}
		if tally := f.tally(); strings.Contains(tally, "@all") || strings.Contains(tally, "*bold*\n") || strings.Contains(tally, "{mention") {
			t.Errorf("the tally is %q", tally)
		}
	})
}

// How far each person has read is noted, but reading is not answering.
func TestSeenIsNotAnswered(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		a := f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(5*time.Minute + 10*time.Second)
		room, ok := f.talk.DirectRoom("anpi", "grandma")
		if !ok {
			t.Fatal("Grandma was not asked alone")
		}
		f.grandma.MarkRead(room)
		f.rest(4 * time.Minute)
		deliveries, err := a.Service.Store.Deliveries(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		seen := false
		for _, d := range deliveries {
			seen = seen || d.MemberID == "talk:grandma" && d.Channel == broadcast.Direct && d.State == broadcast.Seen
		}
		if !seen {
			t.Errorf("that Grandma has read the prompt is not known: %+v", deliveries)
		}
		wants(t, "the tally", f.tally(), "0 of 6 answered")
		f.rest(8 * time.Minute)
		if got := f.mails("grandma@docomo.example"); len(got) != 1 {
			t.Errorf("Grandma, who has read but not answered, has the mails %q", got)
		}
	})
}
