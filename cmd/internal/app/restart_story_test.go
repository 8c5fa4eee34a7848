package app

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/doctor"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// Anpi is killed just after it has asked. Everybody answers, Uncle by mail; it comes
// back when the steps of five and of fifteen minutes are overdue. It reads what was
// said before it chases anybody.
func TestEverybodyAnsweredWhileItWasDown(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		box := f.mailbox()
		defer box.Close()
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(5 * time.Second)
		p, asked := f.prompt().ID, f.mailTo("uncle@example.org")
		f.stop()
		for _, u := range []*talktest.User{f.dad, f.mum, f.akari, f.kenta} {
			f.rest(time.Second)
			u.React(f.room, p, "✅")
		}
		f.grandma.SayDirect("anpi", "I am safe")
		uncleReplies(box, asked, "I am safe\r\n")
		f.rest(20 * time.Minute)
		f.start()
		f.rest(time.Minute)
		wants(t, "the tally", f.tally(), "6 of 6 answered")
		for _, u := range []*talktest.User{f.dad, f.mum, f.akari, f.kenta, f.grandma} {
			if n := count(texts(f.alone(u)), "not heard from you"); n != 0 {
				t.Errorf("%s has answered and was chased: %q", u.ID, texts(f.alone(u)))
			}
		}
		if got := f.mails("uncle@example.org"); len(got) != 1 {
			t.Errorf("Uncle has answered and has the mails %q", got)
		}
	})
}

// Nextcloud is down when Anpi comes back: after some seconds the silent are asked
// over what works.
func TestNobodyCanBeHeardAfterAStart(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(5 * time.Second)
		f.stop()
		f.rest(20 * time.Minute)
		f.talk.SetDown(true)
		f.start()
		f.rest(15 * time.Second)
		if n := len(f.mails("grandma@docomo.example")); n == 0 {
			t.Error("Grandma was not asked by mail")
		}
	})
}

// Uncle writes on the page about Grandma, and about somebody nobody knows: the
// family hears of both as if he had written it in the room.
func TestWordsAboutOthersOnThePage(t *testing.T) {
	for words, told := range map[string]string{
		"Grandma is trapped under a shelf, send help": "🆘 Grandma needs help.\n“Grandma is trapped under a shelf, send help”\n(told by Uncle)",
		"Cousin Bob is trapped, send help":            "🆘 Uncle writes that somebody needs help.\n“Cousin Bob is trapped, send help”",
	} {
		t.Run(words, func(t *testing.T) {
			story(t, func(t *testing.T, f *family) {
				defer f.mailbox().Close()
				a := f.start()
				f.dad.Say(f.room, "!check now")
				f.rest(5 * time.Second)
				path := link(t, f.mailTo("uncle@example.org"))
				page := visit(a, http.MethodGet, path, nil).Body.String()
				visit(a, http.MethodPost, path, url.Values{"nonce": {nonce.FindStringSubmatch(page)[1]}, "status": {"safe"}, "text": {words}})
				f.rest(10 * time.Second)
				f.once("the cry in the room", f.wrote(f.room), "@all "+told)
				f.once("the cry to Dad", f.alone(f.dad), told)
				wants(t, "the tally", f.tally(), "✅ safe 1: Uncle")
			})
		})
	}
}

// Nextcloud is put back while Anpi is down: the doctor says so, and what to do; once
// Anpi runs it is made good, and the doctor goes on to say that it happened.
func TestTheDoctorSeesThatNextcloudWasPutBack(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.start()
		restore := f.talk.Backup()
		f.rest(time.Minute)
		f.dad.Say(f.room, "Good morning")
		f.dad.Say(f.room, "!check now")
		f.rest(time.Minute)
		f.stop()
		restore()
		history := func() doctor.Finding {
			t.Helper()
			found, err := Examine(t.Context(), f.options)
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(found, func(d doctor.Finding) bool { return d.Name == "room-history" })
			if i < 0 {
				t.Fatalf("the doctor does not look: %+v", found)
			}
			return found[i]
		}
		en := locale.For("en", time.UTC)
		if d := history(); d.Grade != doctor.Bad || !strings.Contains(d.Text(en, nil), "Run “anpi serve”") {
			t.Errorf("the doctor finds %s: %s", d.Grade, d.Text(en, nil))
		}
		f.start()
		f.rest(time.Minute)
		f.once("the prompt", f.wrote(f.room), "@all Safety check")
		f.stop()
		if d := history(); d.Grade != doctor.Advice || !strings.Contains(d.Text(en, nil), "was put back to an earlier state (Sat 1 Jan") {
			t.Errorf("the doctor finds %s: %s", d.Grade, d.Text(en, nil))
		}
	})
}
