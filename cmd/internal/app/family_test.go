package app

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
	"github.com/anpi-bot/anpi/cmd/internal/config"
	"github.com/anpi-bot/anpi/roster/rostertest"
	"github.com/anpi-bot/anpi/talkapi"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// family is a household in fake time: a Nextcloud with its people and their
// address book, a mail server, and Anpi among them. Dad is the organiser;
// Grandma and Mum have mail as well, Uncle has nothing else.
type family struct {
	t    *testing.T
	talk *talktest.Server
	dav  *rostertest.Server
	mail *emailtest.Server
	room string

	anpi, dad, mum, akari, kenta, grandma *talktest.User

	options    Options
	supervisor Supervisor
	stop       func()
	said       []string
	quiet      bool // logs nothing
	dies       bool // the program is about to be killed: how it ends does not matter
}

// story runs a story about the family in fake time.
func story(t *testing.T, tell func(t *testing.T, f *family)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFamily(t)
		tell(t, f)
		if f.stop != nil {
			f.stop()
		}
		f.mail.Close()
	})
}

func newFamily(t *testing.T) *family {
	f := &family{t: t, talk: talktest.NewServer(talktest.Options{MemoryCache: true}), mail: emailtest.NewServer(emailtest.Options{})}
	add := func(id, name, mail string) *talktest.User {
		return f.talk.AddUser(id, name, talktest.UserOptions{Email: mail})
	}
	f.anpi = add("anpi", "Anpi", "")
	f.dav = rostertest.New("anpi", f.anpi.AppPassword())
	f.dad = add("dad", "Dad", "dad@example.net")
	f.mum = add("mum", "Mum", "mum@example.net")
	f.akari = add("akari", "Akari", "")
	f.kenta = add("kenta", "Kenta", "")
	f.grandma = add("grandma", "Grandma", "grandma@docomo.example")
	f.dav.AddAccount("anpi", "Anpi", "")
	f.dav.AddAccount("dad", "Dad", "dad@example.net")
	f.dav.AddAccount("mum", "Mum", "mum@example.net")
	f.dav.AddAccount("akari", "Akari", "")
	f.dav.AddAccount("kenta", "Kenta", "")
	f.dav.AddAccount("grandma", "Grandma", "grandma@docomo.example")
	f.dav.AddBook("family", "Family")
	f.card("uncle", "Uncle", "uncle@example.org", "uncle@work.example")
	f.room = f.talk.AddGroup("Family", f.anpi, f.dad, f.mum, f.akari, f.kenta, f.grandma)
	f.options = Options{
		Config: config.Config{
			Language: "en", Zone: time.UTC, Data: t.TempDir(), Contact: "Dad 090-0000-0000",
			Nextcloud: config.Nextcloud{URL: f.talk.URL(), User: "anpi", Password: talkapi.Secret(f.anpi.AppPassword()), Room: "Family"},
			Roster:    config.Roster{Books: []string{"", "Family"}, Organisers: []string{"dad"}, Every: time.Hour},
			Mail:      &config.Mail{Relays: []config.Server{{Host: emailtest.Host, Port: 25, Security: "none"}}},
			Ladder:    broadcast.DefaultLadder(),
		},
		Transport: f, DialMail: f.mail.Dial, Alone: true,
	}
	f.options.Config.Mail.From.Address = "anpi@example.org"
	return f
}

// card puts somebody without a Talk account into the family's address book.
func (f *family) card(uid, name string, mails ...string) {
	text := "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:" + uid + "\r\nFN:" + name + "\r\n"
	for _, m := range mails {
		text += "EMAIL:" + m + "\r\n"
	}
	f.dav.PutCard("family", uid, text+"END:VCARD\r\n")
}

// RoundTrip is the one address of the Nextcloud: address books and the rest.
func (f *family) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, "/remote.php/") || strings.HasPrefix(r.URL.Path, "/.well-known/") {
		return f.dav.Transport().RoundTrip(r)
	}
	return f.talk.Transport().RoundTrip(r)
}

// start begins to run Anpi, and returns when it has come to rest.
func (f *family) start() *App {
	f.t.Helper()
	log := zerolog.Nop()
	if !f.quiet {
		log = zerolog.New(zerolog.NewTestWriter(f.t)).With().Timestamp().Logger()
	}
	ctx, cancel := context.WithCancel(log.WithContext(f.t.Context()))
	a, err := Open(ctx, f.options)
	if err != nil {
		f.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.ServeUnder(ctx, func(s string) { f.said = append(f.said, s) }, f.supervisor) }()
	f.stop = func() {
		f.t.Helper()
		cancel()
		if err := <-done; err != nil && !f.dies {
			f.t.Errorf("Serve: %v", err)
		}
		if err := a.Close(); err != nil {
			f.t.Errorf("Close: %v", err)
		}
		f.stop = nil
	}
	time.Sleep(time.Second)
	return a
}

// rest lets time pass.
func (f *family) rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// wrote returns what Anpi has written in a room, oldest first, without what was
// deleted.
func (f *family) wrote(room string) []talktest.Message {
	var all []talktest.Message
	for _, m := range f.talk.Messages(room) {
		if m.Actor == "anpi" && m.System == "" && !m.Deleted {
			all = append(all, m)
		}
	}
	return all
}

// alone returns what Anpi has written to one person alone.
func (f *family) alone(u *talktest.User) []talktest.Message {
	room, ok := f.talk.DirectRoom("anpi", u.ID)
	if !ok {
		return nil
	}
	return f.wrote(room)
}

// mails returns the subjects of the mails to an address.
func (f *family) mails(to string) []string {
	var subjects []string
	for _, m := range f.mail.Mails() {
		for _, r := range m.To {
			if r == to {
				subjects = append(subjects, m.Subject)
			}
		}
	}
	return subjects
}

// prompt is the newest prompt in the family room.
func (f *family) prompt() talktest.Message {
	f.t.Helper()
	all := f.wrote(f.room)
	for i := len(all) - 1; i >= 0; i-- {
		if strings.Contains(all[i].Text, "@all") && strings.Contains(all[i].Text, "Are you safe?") || strings.Contains(all[i].Text, "are you safe?") {
			return all[i]
		}
	}
	f.t.Fatalf("no prompt in the family room: %v", texts(all))
	return talktest.Message{}
}

// tally is the newest tally in the family room.
func (f *family) tally() string {
	f.t.Helper()
	all := f.wrote(f.room)
	for i := len(all) - 1; i >= 0; i-- {
		if strings.Contains(all[i].Text, "Who is safe") {
			return all[i].Text
		}
	}
	f.t.Fatalf("no tally in the family room: %v", texts(all))
	return ""
}

func texts(messages []talktest.Message) []string {
	var all []string
	for _, m := range messages {
		all = append(all, m.Text)
	}
	return all
}

// wants fails the test unless the text contains all the words.
func wants(t *testing.T, what, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s lacks %q:\n%s", what, w, text)
		}
	}
}

// count counts the texts that contain the words.
func count(all []string, words string) int {
	n := 0
	for _, s := range all {
		if strings.Contains(s, words) {
			n++
		}
	}
	return n
}

// closes has Dad end the check, and confirm it where somebody still needs help. A
// question that comes late, because it was in doubt, he answers once more.
func (f *family) closes(command string) {
	f.t.Helper()
	for range 3 {
		f.dad.Say(f.room, command)
		late := count(texts(f.wrote(f.room)), "That was too late")
		for range 150 {
			f.rest(time.Second)
			for _, m := range f.wrote(f.room) {
				asks := strings.Contains(m.Text, "end the safety check all the same") || strings.Contains(m.Text, "それでも安否確認を終わるなら")
				if asks && len(m.Reactions["✅"]) == 1 {
					f.dad.React(f.room, m.ID, "✅")
				}
			}
			all := texts(f.wrote(f.room))
			if count(all, "has ended")+count(all, "安否確認を終わりました") > 0 {
				return
			}
			if count(all, "That was too late") > late {
				break
			}
		}
	}
}
