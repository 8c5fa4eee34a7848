package bot_test

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/bot"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/talk"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// home is a family room in fake time, with the bot and a dispatcher for Talk
// beside it, and the real ledger below. Dad and Mum are the organisers; Grandma
// speaks Japanese; the stranger has an account but is not on the roster.
type home struct {
	t    *testing.T
	talk *talktest.Server
	room string

	dad, mum, akari, grandma, stranger *talktest.User

	lang    string // of the room
	store   broadcast.Store
	service *broadcast.Service
	next    func() []bot.Planned
	members atomic.Pointer[[]roster.Member]
	client  *talkapi.Client
	stop    func()
	// ahead is how far the clock of the server is ahead of the one here.
	ahead atomic.Int64
	// fleeting is set while the ledger may be lost with the process.
	fleeting atomic.Bool
}

// story runs a story in fake time.
func story(t *testing.T, tell func(t *testing.T, h *home)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHome(t)
		defer func() {
			if h.stop != nil {
				h.stop()
			}
			h.store.Close()
		}()
		tell(t, h)
	})
}

func newHome(t *testing.T) *home {
	h := &home{t: t, lang: "en"}
	h.talk = talktest.NewServer(talktest.Options{MemoryCache: true, Now: func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }})
	anpi := h.talk.AddUser("anpi", "Anpi", talktest.UserOptions{})
	h.dad = h.talk.AddUser("dad", "Dad", talktest.UserOptions{})
	h.mum = h.talk.AddUser("mum", "Mum", talktest.UserOptions{})
	h.akari = h.talk.AddUser("akari", "Akari", talktest.UserOptions{})
	h.grandma = h.talk.AddUser("grandma", "おばあちゃん", talktest.UserOptions{Language: "ja"})
	h.stranger = h.talk.AddUser("stranger", "Akari", talktest.UserOptions{})
	h.room = h.talk.AddGroup("Family", anpi, h.dad, h.mum, h.akari, h.grandma, h.stranger)
	h.are(
		roster.Member{ID: "talk:akari", Name: "Akari", Talk: "akari"},
		roster.Member{ID: "talk:dad", Name: "Dad", Talk: "dad", Organiser: true},
		roster.Member{ID: "talk:grandma", Name: "おばあちゃん", Talk: "grandma", Lang: "ja"},
		roster.Member{ID: "talk:mum", Name: "Mum", Talk: "mum", Organiser: true},
	)
	client, err := talkapi.New(talkapi.Options{URL: h.talk.URL(), User: "anpi", Password: talkapi.Secret(anpi.AppPassword()), Transport: h.talk.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	h.client = client
	h.open()
	return h
}

// open begins an empty ledger.
func (h *home) open() {
	var err error
	h.store, err = sqlstore.Open(h.t.Context(), filepath.Join(h.t.TempDir(), "anpi.db"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.service = &broadcast.Service{
		Store: h.store, Ladder: broadcast.DefaultLadder(), Wake: func() {},
		Roster: func() roster.Roster { return roster.Roster{Members: *h.members.Load()} },
	}
}

// are makes these the members of the roster from now on.
func (h *home) are(members ...roster.Member) { h.members.Store(&members) }

// without takes a member off the roster.
func (h *home) without(id string) {
	h.are(slices.DeleteFunc(slices.Clone(*h.members.Load()), func(m roster.Member) bool { return m.ID == id })...)
}

// start begins to listen and to send, and returns once both have come to rest.
func (h *home) start() {
	h.t.Helper()
	ctx, cancel := context.WithCancel(zerolog.Nop().WithContext(h.t.Context()))
	channels := talk.New(talk.Options{Client: h.client, User: "anpi", Room: "Family", Language: h.lang, Zone: time.UTC})
	d := broadcast.NewDispatcher(h.service, channels.Room(), channels.Direct())
	b := bot.New(bot.Options{Client: h.client, Service: h.service, User: "anpi", Family: channels.Family, Forget: channels.Forget, Language: h.lang, Zone: time.UTC, Next: h.next, Fleeting: h.fleeting.Load})
	d.Await(b.Heard())
	h.service.Wake = func() { d.Wake(); b.Wake() }
	done := make(chan struct{}, 2)
	go func() { d.Run(ctx); done <- struct{}{} }()
	go func() { b.Run(ctx); done <- struct{}{} }()
	h.stop = func() {
		cancel()
		<-done
		<-done
		h.service.Wake = func() {}
		h.stop = nil
	}
	h.rest(time.Second)
}

// rest lets time pass.
func (h *home) rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// wrote lists what the bot has written into a room.
func (h *home) wrote(token string) []string {
	var all []string
	for _, m := range h.talk.Messages(token) {
		if m.Actor == "anpi" && m.System == "" {
			all = append(all, m.Text)
		}
	}
	return all
}

// alone lists what the bot has written to one person alone.
func (h *home) alone(u *talktest.User) []string {
	token, ok := h.talk.DirectRoom("anpi", u.ID)
	if !ok {
		return nil
	}
	return h.wrote(token)
}

// prompt is the newest prompt in a room.
func (h *home) prompt(token string) int64 {
	h.t.Helper()
	for _, m := range slices.Backward(h.talk.Messages(token)) {
		if m.Actor == "anpi" && m.System == "" && (strings.Contains(m.Text, "✅ I am safe") || strings.Contains(m.Text, "✅ 無事です")) {
			return m.ID
		}
	}
	h.t.Fatalf("no prompt in the room: %q", h.wrote(token))
	return 0
}

// check has Dad start a check, and returns the prompt in the room.
func (h *home) check() int64 {
	h.t.Helper()
	h.dad.Say(h.room, "!check now")
	h.rest(2 * time.Second)
	return h.prompt(h.room)
}

// newest is the newest check.
func (h *home) newest() broadcast.Check {
	h.t.Helper()
	checks, err := h.store.Checks(h.t.Context(), 1)
	if err != nil || len(checks) == 0 {
		h.t.Fatalf("no check was started: %v", err)
	}
	return checks[0]
}

// checks counts the checks there have been.
func (h *home) checks() int {
	h.t.Helper()
	checks, err := h.store.Checks(h.t.Context(), 100)
	if err != nil {
		h.t.Fatal(err)
	}
	return len(checks)
}

// stands tells where a member stands in a check.
func (h *home) stands(c broadcast.Check, u *talktest.User) broadcast.Standing {
	h.t.Helper()
	tally, err := h.service.Tally(h.t.Context(), c)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, s := range tally.Standings {
		if s.Member.Talk == u.ID {
			return s
		}
	}
	h.t.Fatalf("%s is not in the check", u.ID)
	return broadcast.Standing{}
}

// isAt checks where somebody stands in the newest check; when tells which moment
// that is.
func (h *home) isAt(u *talktest.User, want broadcast.Status, when ...any) {
	h.t.Helper()
	if s := h.stands(h.newest(), u); s.Status != want {
		h.t.Errorf("%s stands at %s instead of %s %v; answers %q; told alone %q", u.ID, s.Status, want, when, h.answers(h.newest(), u), h.alone(u))
	}
}

// answers lists the statuses that a member gave in a check, oldest first.
func (h *home) answers(c broadcast.Check, u *talktest.User) []broadcast.Status {
	h.t.Helper()
	answers, err := h.store.Answers(h.t.Context(), c.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	var all []broadcast.Status
	for _, a := range answers {
		if a.MemberID == "talk:"+u.ID {
			all = append(all, a.Status)
		}
	}
	return all
}

// count counts the texts with the words.
func count(all []string, words string) int {
	n := 0
	for _, s := range all {
		if strings.Contains(s, words) {
			n++
		}
	}
	return n
}

// directRoom is the room of the bot with one person.
func (h *home) directRoom(user string) string {
	h.t.Helper()
	token, ok := h.talk.DirectRoom("anpi", user)
	if !ok {
		h.t.Fatalf("the bot has no room with %s", user)
	}
	return token
}

// confirms has somebody tap under the newest question whether a cry or a hurt is
// over.
func (h *home) confirms(u *talktest.User, tap string) {
	h.t.Helper()
	room := h.directRoom(u.ID)
	for _, m := range slices.Backward(h.talk.Messages(room)) {
		if m.Actor == "anpi" && (strings.Contains(m.Text, "Are you really safe now?") || strings.Contains(m.Text, "もう本当に大丈夫ですか？")) {
			u.React(room, m.ID, tap)
			h.rest(5 * time.Second)
			return
		}
	}
	h.t.Fatalf("%s was not asked whether it is over: %q", u.ID, h.wrote(room))
}
