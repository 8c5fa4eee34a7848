package app

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
	"github.com/anpi-bot/anpi/cmd/internal/config"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// Nextcloud burns down before anything was asked: everybody with an address
// has mail at once, and Talk catches up when it is back.
func TestNextcloudIsDown(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		a := f.start()
		f.talk.SetDown(true)
		if _, err := a.Start(t.Context(), broadcast.StartRequest{Kind: broadcast.Real, Key: "cli:1"}); err != nil {
			t.Fatal(err)
		}
		f.rest(10 * time.Second)
		for _, who := range []string{"dad@example.net", "mum@example.net", "grandma@docomo.example", "uncle@example.org"} {
			if got := f.mails(who); count(got, "Are you safe?") != 1 {
				t.Errorf("%s has the mails %q", who, got)
			}
		}
		f.talk.SetDown(false)
		f.rest(2 * time.Minute)
		f.once("the prompt in the room", f.wrote(f.room), "are you safe?")
		// The ladder goes on as if nothing had been.
		f.rest(4 * time.Minute)
		f.once("the prompt to Akari alone", f.alone(f.akari), "not heard from you")
	})
}

// Nextcloud is in maintenance in the middle of a check: mail takes over, and
// what was said meanwhile is heard afterwards.
func TestMaintenanceInTheMiddle(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(time.Second)
		f.talk.SetMaintenance(true)
		f.rest(6 * time.Minute)
		if got := f.mails("grandma@docomo.example"); len(got) != 1 {
			t.Errorf("Grandma, who could not be asked in Talk, has the mails %q", got)
		}
		f.talk.SetMaintenance(false)
		f.akari.Say(f.room, "I'm safe")
		f.rest(2 * time.Minute)
		wants(t, "the tally", f.tally(), "✅ safe 1: Akari")
		f.once("the prompt to Kenta alone", f.alone(f.kenta), "not heard from you")
	})
}

// The app password is revoked: Nextcloud is asked at most twice in half an
// hour, and mail goes on.
func TestPasswordIsRevoked(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		a := f.start()
		f.anpi.RevokeAppPasswords()
		var refused atomic.Int32
		f.talk.Fault(func(r *http.Request) *talktest.Fault {
			if _, password, ok := r.BasicAuth(); ok && password != "" {
				refused.Add(1)
			}
			return nil
		})
		if _, err := a.Start(t.Context(), broadcast.StartRequest{Kind: broadcast.Real, Key: "cli:1"}); err != nil {
			t.Fatal(err)
		}
		f.rest(29 * time.Minute)
		// One long poll may be under way when the first 401 comes.
		if n := refused.Load(); n > 3 {
			t.Errorf("Nextcloud was asked %d times in half an hour with a password that it refuses", n)
		}
		if got := f.mails("mum@example.net"); count(got, "Are you safe?") == 0 {
			t.Errorf("Mum has the mails %q", got)
		}
	})
}

// Grandma was never put into the family room: she is asked alone, at once.
func TestSomebodyIsNotInTheRoom(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.talk.RemoveMember(f.room, "grandma")
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(3 * time.Second)
		f.once("the prompt to Grandma alone", f.alone(f.grandma), "are you safe?")
	})
}

// The room is read-only: everybody is asked alone, at once.
func TestRoomIsReadOnly(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		a := f.start()
		f.talk.SetReadOnly(f.room, true)
		if _, err := a.Start(t.Context(), broadcast.StartRequest{Kind: broadcast.Real, Key: "cli:1"}); err != nil {
			t.Fatal(err)
		}
		f.rest(10 * time.Second)
		for _, u := range []*talktest.User{f.dad, f.mum, f.akari, f.kenta, f.grandma} {
			f.once("the prompt to "+u.ID+" alone", f.alone(u), "are you safe?")
		}
	})
}

// A mail address is dead: the next one is tried at once.
func TestMailAddressIsDead(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.mail.Fail(emailtest.Fault{At: emailtest.Recipient, To: "uncle@example.org", Code: 550, Text: "no such user"})
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(3 * time.Second)
		if got := f.mails("uncle@work.example"); len(got) != 1 {
			t.Errorf("Uncle's other address has the mails %q", got)
		}
		f.dad.Say(f.room, "!close")
		f.rest(3 * time.Second)
		report := f.wrote(f.room)
		wants(t, "the report", report[len(report)-1].Text, "Did not arrive", "Uncle (e-mail)", "refused")
		if text := report[len(report)-1].Text; strings.Contains(text, "no such user") || strings.Contains(text, "uncle@") {
			t.Errorf("the report tells the room what is for organisers: %s", text)
		}
	})
}

// The mail server is down for a while: mail goes out when it is back, once.
func TestMailServerIsDown(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.mail.Refuse()
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(2 * time.Minute)
		f.mail.Mend()
		f.rest(10 * time.Minute)
		if got := f.mails("uncle@example.org"); len(got) != 1 {
			t.Errorf("Uncle has the mails %q", got)
		}
	})
}

// The server takes the prompt and never says so: it is looked for, not sent
// again.
func TestAnswerOfTheServerIsLost(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.start()
		var lost atomic.Bool
		f.talk.Fault(func(r *http.Request) *talktest.Fault {
			if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/chat/") && lost.CompareAndSwap(false, true) {
				return &talktest.Fault{Applied: true, Cut: true}
			}
			return nil
		})
		f.dad.Say(f.room, "!check now")
		f.rest(3 * time.Minute)
		f.once("the prompt in the room", f.wrote(f.room), "are you safe?")
		if p := f.prompt(); len(p.Reactions["🆘"]) != 1 {
			t.Errorf("the prompt that was found has the taps %v", p.Reactions)
		}
	})
}

// Notifications are off on the server: answers in one-to-one chats are found by
// the sweep.
func TestNotificationsAreOff(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.talk.Disable("notifications")
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(6 * time.Minute)
		f.grandma.SayDirect("anpi", "I am safe")
		f.rest(4 * time.Minute)
		wants(t, "the tally", f.tally(), "✅ safe 1: Grandma")
	})
}

// Somebody empties the address book by mistake: the roster stays, and Dad is
// told.
func TestAddressBookIsEmptied(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		a := f.start()
		for _, id := range []string{"mum", "akari", "grandma"} {
			f.dav.RemoveAccount(id)
		}
		f.rest(2*time.Hour + time.Minute)
		if n := len(a.Service.Roster().Members); n != 6 {
			t.Errorf("the roster has %d members, want all 6", n)
		}
		f.once("the notice to Dad", f.alone(f.dad), "3 people have suddenly gone")
		f.dad.Say(f.room, "!check now")
		f.rest(time.Second)
		wants(t, "the tally", f.tally(), "0 of 6")

		if err := a.AcceptRoster(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := len(a.Service.Roster().Members); n != 3 {
			t.Errorf("the accepted roster has %d members, want 3", n)
		}
	})
}

// Nextcloud is away when the daemon starts after a power cut: it runs with the
// roster it knows, and mail goes out.
func TestStartsWithoutNextcloud(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.start()
		f.stop()
		f.talk.SetDown(true)
		f.dav.SetMaintenance(true)
		a := f.start()
		f.rest(time.Minute)
		if _, err := a.Start(t.Context(), broadcast.StartRequest{Kind: broadcast.Real, Key: "cli:1"}); err != nil {
			t.Fatal(err)
		}
		f.rest(10 * time.Second)
		if got := f.mails("mum@example.net"); count(got, "Are you safe?") != 1 {
			t.Errorf("Mum has the mails %q", got)
		}
		if count(f.said, "cannot be reached") != 1 {
			t.Errorf("the start said %q", f.said)
		}
	})
}

// A drill may be held by the clock of another time zone than the family's, for
// somebody who lives there.
func TestDrillInAnotherTimeZone(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		schedule, err := config.Schedule("CRON_TZ=Asia/Tokyo 0 18 * * *")
		if err != nil {
			t.Fatal(err)
		}
		f.options.Config.Drills = []config.Drill{{Name: "daily", Cron: schedule}}
		f.start()
		// The story begins at midnight of the family's zone, UTC.
		f.rest(9*time.Hour - time.Minute)
		if got := f.wrote(f.room); len(got) != 0 {
			t.Errorf("before its time the room reads %+v", got)
		}
		f.rest(time.Minute + 30*time.Second)
		f.once("the prompt of the drill", f.wrote(f.room), "[DRILL] @all")
	})
}

// A drill on the schedule starts once, says that it is one everywhere, and two
// daemons would not make it two.
func TestDrillOnASchedule(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.options.Config.Drills = []config.Drill{{Name: "daily", Cron: "0 9 * * *", Question: "Where is your torch?"}}
		a := f.start()
		// The clock of the story begins at midnight. Mails of a drill are spread
		// over some seconds.
		f.rest(9*time.Hour + 30*time.Second)
		f.once("the prompt of the drill", f.wrote(f.room), "[DRILL] @all This is practice.")
		for _, m := range f.wrote(f.room) {
			if !strings.HasPrefix(m.Text, "[DRILL]") {
				t.Errorf("a message of the drill does not say so first: %q", m.Text)
			}
		}
		if got := f.mails("uncle@example.org"); len(got) != 1 || !strings.HasPrefix(got[0], "[DRILL]") {
			t.Errorf("Uncle has the mails %q", got)
		}
		// Fired again within the same minute, as after a restart or a jump of
		// the clock, it is the same drill.
		a.fire(t.Context(), f.options.Config.Drills[0], time.Now())
		f.rest(10 * time.Second)
		f.once("the prompt of the drill", f.wrote(f.room), "[DRILL] @all")

		f.kenta.Say(f.room, "help!")
		f.rest(10 * time.Second)
		f.once("the alarm of the drill", f.wrote(f.room), "[DRILL] @all 🆘 Kenta needs help")
	})
}
