// Package demo shows what Anpi does, with nothing installed: a family of six
// goes through an earthquake, on small servers for Talk, address books and mail
// that run inside the program. Minutes are shortened to seconds.
package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/anpi-bot/anpi/bot"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/app"
	"github.com/anpi-bot/anpi/cmd/internal/config"
	"github.com/anpi-bot/anpi/roster/rostertest"
	"github.com/anpi-bot/anpi/talkapi"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// Run plays the demo in the language. It ends by itself after about half a
// minute; the error says what did not happen.
func Run(ctx context.Context, out io.Writer, lang string) error {
	t := locale.For(lang, time.Local)
	data, err := os.MkdirTemp("", "anpi-demo-")
	if err != nil {
		return failure("a folder for the ledger", err)
	}
	defer os.RemoveAll(data)

	h := newHouse(t)
	defer h.mail.Close()
	screen := newScreen(out, t, h)
	defer screen.close()
	a, err := app.Open(ctx, h.options(data))
	if err != nil {
		return err
	}
	defer a.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- a.Serve(ctx, func(string) {}) }()

	play := &play{ctx: ctx, t: t, house: h, screen: screen, service: a.Service, pages: a.Pages()}
	err = play.run()
	cancel()
	if served := <-ended; err == nil {
		err = served
	}
	return err
}

func failure(what string, err error) error {
	return &locale.Problem{Key: "demo.failed", Data: locale.Data{"Detail": what}, Err: err}
}

// house is a household with its servers.
type house struct {
	t    *locale.Texts
	talk *talktest.Server
	dav  *rostertest.Server
	mail *emailtest.Server
	room string

	anpi, dad, mum, akari, kenta, grandma, uncle *talktest.User
}

func newHouse(t *locale.Texts) *house {
	h := &house{t: t, talk: talktest.NewServer(talktest.Options{}), mail: emailtest.NewServer(emailtest.Options{})}
	h.anpi = h.talk.AddUser("anpi", "Anpi", talktest.UserOptions{})
	h.dav = rostertest.New("anpi", h.anpi.AppPassword())
	add := func(id, key string) *talktest.User {
		name, address := t.T("demo.name_"+key), id+"@example.org"
		h.dav.AddAccount(id, name, address)
		return h.talk.AddUser(id, name, talktest.UserOptions{Email: address, Language: t.Lang})
	}
	h.dad, h.mum = add("dad", "father"), add("mum", "mother")
	h.akari, h.kenta = add("akari", "sister"), add("kenta", "brother")
	h.grandma, h.uncle = add("grandma", "grandma"), add("hiroshi", "uncle")
	h.room = h.talk.AddGroup(t.T("demo.room_name"), h.anpi, h.dad, h.mum, h.akari, h.kenta, h.grandma, h.uncle)
	return h
}

// options run the real program against the servers of the house.
func (h *house) options(data string) app.Options {
	c := config.Config{
		Language: h.t.Lang, Zone: time.Local, Data: data, Contact: h.t.T("demo.contact"),
		Nextcloud: config.Nextcloud{URL: h.talk.URL(), User: "anpi", Password: talkapi.Secret(h.anpi.AppPassword()), Room: h.t.T("demo.room_name")},
		Roster:    config.Roster{Organisers: []string{"dad"}, Every: time.Hour},
		Mail:      &config.Mail{Relays: []config.Server{{Host: emailtest.Host, Port: 25, Security: "none"}}},
		Web:       &config.Web{URL: pageAddress},
		Ladder:    broadcast.DefaultLadder().Scale(1.3 / 60),
	}
	c.Mail.From.Name, c.Mail.From.Address = "Anpi", "anpi@example.org"
	return app.Options{
		Config: c, Transport: h, DialMail: h.mail.Dial, Alone: true, Settle: time.Second,
		Pace: bot.Pace{Busy: 200 * time.Millisecond, Quiet: time.Second, Idle: time.Second, Sweep: 5 * time.Second},
	}
}

// RoundTrip is the one address of the Nextcloud: address books and the rest.
func (h *house) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, "/remote.php/") || strings.HasPrefix(r.URL.Path, "/.well-known/") {
		return h.dav.Transport().RoundTrip(r)
	}
	return h.talk.Transport().RoundTrip(r)
}

// play is the story, scene by scene.
type play struct {
	ctx     context.Context
	t       *locale.Texts
	house   *house
	screen  *screen
	service *broadcast.Service
	pages   http.Handler
}

func (p *play) run() error {
	t, h := p.t, p.house
	p.screen.title(t.T("demo.title"), t.T("demo.intro"), t.T("demo.family", locale.Data{"Names": t.Names(h.names())}))
	scenes := []struct {
		key  string
		do   func() error
		then func(broadcast.Tally) bool // what the audience waits for
	}{
		{"start", func() error { h.dad.Say(h.room, t.T("demo.text_check")); return nil }, func(c broadcast.Tally) bool { return p.prompt() != 0 }},
		{"tap", func() error {
			h.akari.React(h.room, p.prompt(), "✅")
			h.dad.React(h.room, p.prompt(), "✅")
			return nil
		}, answered(2)},
		{"text", func() error { h.mum.Say(h.room, t.T("demo.text_safe")); return nil }, answered(3)},
		{"place", func() error {
			h.kenta.SharePlace(h.room, t.T("demo.place"), 35.6896, 139.6921)
			h.kenta.React(h.room, p.prompt(), "✅")
			return nil
		}, answered(4)},
		{"help", func() error { h.uncle.Say(h.room, t.T("demo.text_help")); return nil }, answered(5)},
		{"silent", nothing, func(broadcast.Tally) bool { _, asked := h.talk.DirectRoom("anpi", "grandma"); return asked }},
		{"freed", func() error { h.uncle.Say(h.room, t.T("demo.text_freed")); return nil }, func(broadcast.Tally) bool { room, _ := p.question(); return room != "" }},
		{"sure", func() error { room, id := p.question(); h.uncle.React(room, id, "🩹"); return nil }, func(c broadcast.Tally) bool { return len(c.Who(broadcast.Help)) == 0 }},
		{"mail", nothing, func(broadcast.Tally) bool { return h.mailed("grandma@example.org") }},
		{"late", p.pressSafe, answered(6)},
		{"close", func() error { h.dad.Say(h.room, t.T("demo.text_close")); return nil }, func(c broadcast.Tally) bool { return !c.Check.Open() }},
	}
	for _, s := range scenes {
		p.screen.scene(t.T("demo.scene_" + s.key))
		if !p.pause(300 * time.Millisecond) {
			return p.ctx.Err()
		}
		if err := s.do(); err != nil {
			return failure(s.key, err)
		}
		if err := p.wait(s.key, s.then); err != nil {
			return err
		}
		// The tally in the room follows a few seconds later; give people time
		// to read.
		if !p.pause(900 * time.Millisecond) {
			return p.ctx.Err()
		}
	}
	if !p.pause(2500 * time.Millisecond) {
		return p.ctx.Err()
	}
	p.screen.scene(t.T("demo.end"))
	return nil
}

func nothing() error { return nil }

func answered(n int) func(broadcast.Tally) bool {
	return func(c broadcast.Tally) bool { return c.Answered() >= n }
}

func (h *house) names() []string {
	var names []string
	for _, key := range []string{"father", "mother", "sister", "brother", "grandma", "uncle"} {
		names = append(names, h.t.T("demo.name_"+key))
	}
	return names
}

// partner is the name of the one that Anpi speaks to in a one-to-one chat.
func (h *house) partner(r talktest.Room) string {
	for _, u := range []*talktest.User{h.dad, h.mum, h.akari, h.kenta, h.grandma, h.uncle} {
		if token, ok := h.talk.DirectRoom("anpi", u.ID); ok && token == r.Token {
			return u.Name
		}
	}
	return ""
}

func (h *house) mailed(address string) bool {
	for _, m := range h.mail.Mails() {
		for _, to := range m.To {
			if to == address {
				return true
			}
		}
	}
	return false
}

// prompt is the id of the prompt in the family room; 0 before it is there with
// all its taps.
func (p *play) prompt() int64 {
	for _, m := range p.house.talk.Messages(p.house.room) {
		if m.Actor == "anpi" && len(m.Reactions) >= len(broadcast.Taps) {
			return m.ID
		}
	}
	return 0
}

// question is where the uncle is asked alone whether it is over; the room is empty
// before it stands there with all its taps.
func (p *play) question() (room string, id int64) {
	token, ok := p.house.talk.DirectRoom("anpi", p.house.uncle.ID)
	if !ok {
		return "", 0
	}
	for _, m := range p.house.talk.Messages(token) {
		if m.Actor == "anpi" && len(m.Reactions) >= len(broadcast.Taps) {
			room, id = token, m.ID
		}
	}
	return room, id
}

func (p *play) pause(d time.Duration) bool {
	select {
	case <-p.ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// wait waits for what a scene shows, for at most half a minute.
func (p *play) wait(scene string, there func(broadcast.Tally) bool) error {
	for range 300 {
		check, ok, err := p.service.Current(p.ctx, time.Now())
		if err != nil {
			return err
		}
		var tally broadcast.Tally
		if ok {
			if tally, err = p.service.Tally(p.ctx, check); err != nil {
				return err
			}
		}
		if there(tally) {
			return nil
		}
		if !p.pause(100 * time.Millisecond) {
			return p.ctx.Err()
		}
	}
	return failure(scene, fmt.Errorf("nothing happened for half a minute"))
}
