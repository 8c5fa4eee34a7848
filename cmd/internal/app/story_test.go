package app

import (
	"testing"
	"time"
)

// One check from start to end, as design and family expect it.
func TestACheckFromStartToEnd(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.start()
		f.dad.Say(f.room, "!check now A strong earthquake")
		f.rest(time.Second)

		// One message asks everybody, with three taps under it; Uncle, who has
		// no account, has mail at once.
		p := f.prompt()
		wants(t, "the prompt", p.Text, "@all", "A strong earthquake", "✅", "🩹", "🆘")
		for _, tap := range []string{"✅", "🩹", "🆘"} {
			if got := p.Reactions[tap]; len(got) != 1 || got[0] != "anpi" {
				t.Errorf("under the prompt %s is from %v, want anpi", tap, got)
			}
		}
		if got := f.mails("uncle@example.org"); count(got, "Are you safe?") != 1 {
			t.Errorf("Uncle has the mails %q", got)
		}
		if n := len(f.mail.Mails()); n != 1 {
			t.Errorf("%d mails went out, want only Uncle's", n)
		}
		wants(t, "the tally", f.tally(), "0 of 6 answered")

		f.akari.React(f.room, p.ID, "✅")
		f.dad.Say(f.room, "I'm safe, at the office")
		f.rest(10 * time.Second)
		wants(t, "the tally", f.tally(), "2 of 6 answered", "✅ safe 2: Akari, Dad")

		f.mum.SharePlace(f.room, "Central Park", 35.69, 139.69)
		f.mum.React(f.room, p.ID, "✅")
		f.kenta.Say(f.room, "Help! I'm stuck under the wardrobe")
		f.rest(10 * time.Second)
		wants(t, "the tally", f.tally(), "4 of 6 answered", "🆘 needs help 1: Kenta", "Mum (Central Park)")
		if got := texts(f.wrote(f.room)); count(got, "🆘 Kenta needs help.") != 1 {
			t.Errorf("the room was not told of Kenta: %q", got)
		}
		if got := texts(f.alone(f.dad)); count(got, "Kenta needs help") != 1 {
			t.Errorf("Dad was not told of Kenta: %q", got)
		}
		if got := f.mails("dad@example.net"); count(got, "Kenta needs help") != 1 {
			t.Errorf("Dad has the mails %q", got)
		}

		// The ladder goes on for Grandma and Uncle only.
		f.rest(5 * time.Minute)
		if got := texts(f.alone(f.grandma)); count(got, "we have not heard from you") != 1 {
			t.Errorf("Grandma was not asked alone: %q", got)
		}
		if got := f.alone(f.akari); len(got) != 0 {
			t.Errorf("Akari has answered and was asked again: %q", texts(got))
		}
		f.rest(10 * time.Minute)
		if got := f.mails("grandma@docomo.example"); len(got) != 1 {
			t.Errorf("Grandma has the mails %q", got)
		}
		f.rest(15 * time.Minute)
		if got := f.mails("uncle@work.example"); len(got) != 1 {
			t.Errorf("Uncle's other address has the mails %q", got)
		}
		if got := texts(f.alone(f.dad)); count(got, "no word yet from 2 people") != 1 {
			t.Errorf("Dad was not told who is silent: %q", got)
		}

		// Grandma answers in the chat where she was asked alone.
		f.grandma.SayDirect("anpi", "Sorry I'm late, I am safe")
		f.rest(10 * time.Second)
		wants(t, "the tally", f.tally(), "5 of 6 answered")
		if got := texts(f.alone(f.grandma)); count(got, "Noted: ✅ safe") != 1 {
			t.Errorf("Grandma was not told that she was heard: %q", got)
		}
		mails := len(f.mails("grandma@docomo.example"))

		f.rest(2 * time.Hour)
		if got := f.mails("grandma@docomo.example"); len(got) != mails {
			t.Errorf("Grandma was asked although she had answered: %q", got)
		}

		f.closes("!close")
		f.rest(10 * time.Second)
		report := f.wrote(f.room)
		wants(t, "the report", report[len(report)-1].Text, "Dad has ended", "5 of 6 answered", "Never answered: Uncle", "tapped", "wrote in the family room", "wrote to Anpi")
		wants(t, "the tally", f.tally(), "ended")

		asked := len(f.mail.Mails())
		f.rest(72 * time.Hour)
		if n := len(f.mail.Mails()); n != asked {
			t.Errorf("%d mails went out after the end", n-asked)
		}
	})
}
