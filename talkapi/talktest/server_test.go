package talktest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/talkapi"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// home is a family of three with a bot, in one room.
type home struct {
	*talktest.Server
	anpi, nezumi, otosan *talktest.User
	bot                  *talkapi.Client
	room                 string
}

func newHome(t *testing.T, o talktest.Options) home {
	t.Helper()
	h := home{Server: talktest.NewServer(o)}
	h.anpi = h.AddUser("anpi", "Anpi Bot", talktest.UserOptions{})
	h.nezumi = h.AddUser("nezumi", "ネズミ", talktest.UserOptions{Language: "ja"})
	h.otosan = h.AddUser("otosan", "お父さん", talktest.UserOptions{Language: "ja"})
	h.room = h.AddGroup("家族", h.anpi, h.nezumi, h.otosan)
	h.bot = h.client(t, h.anpi)
	return h
}

func (h home) client(t *testing.T, u *talktest.User) *talkapi.Client {
	t.Helper()
	c, err := talkapi.New(talkapi.Options{URL: h.URL(), User: u.ID, Password: talkapi.Secret(u.AppPassword()), Transport: h.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// last is the newest message of the family room.
func (h home) last() talktest.Message {
	ms := h.Messages(h.room)
	return ms[len(ms)-1]
}

func bubble(t *testing.T, name string, f func(*testing.T, home)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { f(t, newHome(t, talktest.Options{})) })
	})
}

func TestLongPoll(t *testing.T) {
	poll := func(h home, ctx context.Context, q talkapi.Query) (talkapi.Batch, time.Duration, error) {
		start := time.Now()
		b, err := h.bot.Messages(ctx, h.room, q)
		return b, time.Since(start), err
	}
	bubble(t, "ends after the wait", func(t *testing.T, h home) {
		b, took, err := poll(h, t.Context(), talkapi.Query{After: h.last().ID, Wait: time.Hour})
		if err != nil || len(b.Messages) > 0 || took != 30*time.Second {
			t.Errorf("%+v after %v, %v", b, took, err)
		}
	})
	bubble(t, "wakes at once", func(t *testing.T, h home) {
		after := h.last().ID
		go func() { time.Sleep(7 * time.Second); h.nezumi.Say(h.room, "無事") }()
		b, took, err := poll(h, t.Context(), talkapi.Query{After: after, Wait: 30 * time.Second})
		if err != nil || len(b.Messages) != 1 || took != 7*time.Second {
			t.Errorf("%+v after %v, %v", b, took, err)
		}
	})
	bubble(t, "ends with the caller", func(t *testing.T, h home) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, took, err := poll(h, ctx, talkapi.Query{After: h.last().ID, Wait: 30 * time.Second})
		if !errors.Is(err, context.DeadlineExceeded) || took != 3*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
	bubble(t, "ends when removed", func(t *testing.T, h home) {
		go func() { time.Sleep(time.Second); h.RemoveMember(h.room, "nezumi") }()
		_, err := h.client(t, h.nezumi).Messages(t.Context(), h.room, talkapi.Query{After: h.last().ID, Wait: 30 * time.Second})
		if !errors.Is(err, talkapi.ErrNotFound) {
			t.Error(err)
		}
	})
	bubble(t, "tells when others read on", func(t *testing.T, h home) {
		id := h.anpi.Say(h.room, "読んで")
		first, err := h.bot.History(t.Context(), h.room, 0, 1)
		if err != nil || first.CommonRead == 0 || first.CommonRead >= id {
			t.Fatalf("common read %d, %v", first.CommonRead, err)
		}
		go func() { time.Sleep(time.Second); h.nezumi.MarkRead(h.room); h.otosan.MarkRead(h.room) }()
		var read int64
		for q := (talkapi.Query{After: id, Wait: 30 * time.Second, CommonRead: first.CommonRead}); read != id; q.CommonRead = read {
			b, took, err := poll(h, t.Context(), q)
			if err != nil || len(b.Messages) > 0 || b.LastGiven != 0 || took > time.Second {
				t.Fatalf("%+v after %v, %v", b, took, err)
			}
			read = b.CommonRead
		}
	})
	bubble(t, "moves the offset over what has expired", func(t *testing.T, h home) {
		after := h.last().ID
		set(t, h, "/ocs/v2.php/apps/spreed/api/v4/room/"+h.room+"/message-expiration", `{"seconds":60}`)
		id := h.nezumi.Say(h.room, "gone soon")
		time.Sleep(2 * time.Minute)
		b, err := h.bot.Messages(t.Context(), h.room, talkapi.Query{After: after})
		if err != nil || len(b.Messages) != 0 || b.LastGiven != id {
			t.Errorf("%+v, %v", b, err)
		}
	})
	bubble(t, "replays everything from zero", func(t *testing.T, h home) {
		b, _, err := poll(h, t.Context(), talkapi.Query{})
		if err != nil || len(b.Messages) == 0 || b.Messages[0].System != "conversation_created" {
			t.Errorf("%+v, %v", b, err)
		}
	})
}

// TestMemoryCache is about taps: a server with a memory cache does not wake
// whoever waits when one comes.
func TestMemoryCache(t *testing.T) {
	cached := func(name string, f func(*testing.T, home)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, newHome(t, talktest.Options{MemoryCache: true})) })
		})
	}
	read := func(t *testing.T, h home, c *talkapi.Client, q talkapi.Query) ([]string, int64) {
		t.Helper()
		b, err := c.Messages(t.Context(), h.room, q)
		if err != nil {
			t.Fatal(err)
		}
		return brief(b.Messages), b.LastGiven
	}
	cached("a tap ends no wait", func(t *testing.T, h home) {
		prompt := h.anpi.Say(h.room, "無事?")
		start := time.Now()
		go func() { time.Sleep(3 * time.Second); h.nezumi.React(h.room, prompt, "🆘") }()
		got, _ := read(t, h, h.bot, talkapi.Query{After: prompt, Wait: 30 * time.Second})
		if d := cmp.Diff([]string{"nezumi reaction 🆘"}, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		if took := time.Since(start); took != 30*time.Second {
			t.Errorf("after %v", took)
		}
	})
	cached("a text ends it, and brings the tap along", func(t *testing.T, h home) {
		prompt := h.anpi.Say(h.room, "無事?")
		start := time.Now()
		go func() {
			time.Sleep(3 * time.Second)
			h.nezumi.React(h.room, prompt, "🆘")
			time.Sleep(2 * time.Second)
			h.otosan.Say(h.room, "どこ?")
		}()
		got, _ := read(t, h, h.bot, talkapi.Query{After: prompt, Wait: 30 * time.Second})
		if d := cmp.Diff([]string{"nezumi reaction 🆘", "otosan  どこ?"}, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("after %v", took)
		}
	})
	cached("who does not wait sees each tap", func(t *testing.T, h home) {
		prompt := h.anpi.Say(h.room, "無事?")
		// Somebody's own wait makes the server remember the prompt.
		if got, _ := read(t, h, h.client(t, h.otosan), talkapi.Query{After: prompt, Wait: time.Second}); len(got) > 0 {
			t.Fatal(got)
		}
		after := prompt
		for _, tap := range []string{"✅", "🩹", "🆘"} {
			h.nezumi.React(h.room, prompt, tap)
			got, last := read(t, h, h.bot, talkapi.Query{After: after, Limit: 1})
			if d := cmp.Diff([]string{"nezumi reaction " + tap}, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if after = last; after != h.last().ID {
				t.Errorf("offset %d, want %d", after, h.last().ID)
			}
			// Nothing more, and nothing to hide the next tap either.
			if got, last := read(t, h, h.bot, talkapi.Query{After: after}); len(got) > 0 || last != 0 {
				t.Errorf("then %v and offset %d", got, last)
			}
		}
	})
	cached("also after a message that is not there", func(t *testing.T, h home) {
		prompt := h.anpi.Say(h.room, "無事?")
		h.anpi.Say(h.AddGroup("隣", h.anpi), "elsewhere")
		after := h.anpi.Say(h.AddGroup("裏", h.anpi), "elsewhere, too")
		for range 2 {
			if got, last := read(t, h, h.bot, talkapi.Query{After: after}); len(got) > 0 || last != 0 {
				t.Fatalf("%v and offset %d", got, last)
			}
			h.nezumi.React(h.room, prompt, "🆘")
			got, last := read(t, h, h.bot, talkapi.Query{After: after})
			if d := cmp.Diff([]string{"nezumi reaction 🆘"}, got); d != "" {
				t.Fatalf("(-want +got):\n%s", d)
			}
			h.nezumi.Unreact(h.room, prompt, "🆘")
			after = last + 1 // the removal; and beyond it nothing
		}
	})
}

// set makes a call that the client does not have.
func set(t *testing.T, h home, path, body string) {
	t.Helper()
	rq, err := http.NewRequest("POST", h.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	rq.SetBasicAuth("anpi", h.anpi.AppPassword())
	rq.Header.Set("OCS-APIRequest", "true")
	rs, err := h.Transport().RoundTrip(rq)
	if err != nil || rs.StatusCode != 200 {
		t.Fatalf("%v, %v", rs, err)
	}
}

func TestFaults(t *testing.T) {
	send := func(t *testing.T, h home) error {
		_, err := h.bot.Send(t.Context(), h.room, talkapi.Post{Text: "prompt", ReferenceID: "ref"})
		return err
	}
	prompts := func(h home) (n int) {
		for _, m := range h.Messages(h.room) {
			if m.ReferenceID == "ref" {
				n++
			}
		}
		return n
	}
	hold := func(d time.Duration) <-chan struct{} {
		c := make(chan struct{})
		time.AfterFunc(d, func() { close(c) })
		return c
	}
	for _, tc := range []struct {
		name   string
		fault  func() talktest.Fault
		kind   error // nil: success
		unsure bool
		posted int
	}{
		{"cut before", func() talktest.Fault { return talktest.Fault{Cut: true} }, talkapi.ErrUnreachable, true, 0},
		{"cut after", func() talktest.Fault { return talktest.Fault{Cut: true, Applied: true} }, talkapi.ErrUnreachable, true, 1},
		{"body cut", func() talktest.Fault { return talktest.Fault{CutBody: true} }, talkapi.ErrUnreachable, true, 1},
		{"gateway gives up", func() talktest.Fault { return talktest.Fault{Status: 504, Applied: true} }, talkapi.ErrUnavailable, true, 1},
		{"gateway without server", func() talktest.Fault { return talktest.Fault{Status: 502} }, talkapi.ErrUnavailable, true, 0},
		{"slow", func() talktest.Fault { return talktest.Fault{Delay: 20 * time.Second} }, nil, false, 1},
		{"too slow, and still done", func() talktest.Fault { return talktest.Fault{Delay: 40 * time.Second} }, talkapi.ErrUnreachable, true, 1},
		{"done, and then too slow", func() talktest.Fault { return talktest.Fault{Applied: true, Delay: 40 * time.Second} }, talkapi.ErrUnreachable, true, 1},
		{"held", func() talktest.Fault { return talktest.Fault{Hold: hold(10 * time.Second)} }, nil, false, 1},
		{"proxy throttles", func() talktest.Fault { return talktest.Fault{Status: 429, Header: http.Header{"Retry-After": {"9"}}} }, talkapi.ErrThrottled, false, 0},
	} {
		bubble(t, tc.name, func(t *testing.T, h home) {
			h.Fault(talktest.Once(tc.fault()))
			err := send(t, h)
			if !errors.Is(err, tc.kind) || err != nil && tc.kind == nil || talkapi.MayHaveHappened(err) != tc.unsure {
				t.Errorf("%v, want %v, unsure %v", err, tc.kind, tc.unsure)
			}
			time.Sleep(time.Minute)
			if n := prompts(h); n != tc.posted {
				t.Errorf("posted %d times, want %d", n, tc.posted)
			}
			_, found, err := h.bot.FindByReference(t.Context(), h.room, "ref", time.Now().Add(-2*time.Minute))
			if err != nil || found != (tc.posted > 0) {
				t.Errorf("found %v, %v", found, err)
			}
		})
	}
	bubble(t, "down", func(t *testing.T, h home) {
		h.SetDown(true)
		if err := send(t, h); !errors.Is(err, talkapi.ErrUnreachable) || talkapi.MayHaveHappened(err) {
			t.Error(err)
		}
		h.SetDown(false)
		if err := send(t, h); err != nil {
			t.Error(err)
		}
	})
	bubble(t, "maintenance", func(t *testing.T, h home) {
		h.SetMaintenance(true)
		if err := send(t, h); !errors.Is(err, talkapi.ErrMaintenance) || talkapi.MayHaveHappened(err) {
			t.Error(err)
		}
	})
	bubble(t, "locked out after ten failures", func(t *testing.T, h home) {
		for range 11 {
			c, err := talkapi.New(talkapi.Options{URL: h.URL(), User: "anpi", Password: "wrong", Transport: h.Transport()})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.CurrentUser(t.Context()); !errors.Is(err, talkapi.ErrUnauthorized) {
				t.Fatal(err)
			}
		}
		if err := send(t, h); !errors.Is(err, talkapi.ErrThrottled) {
			t.Error(err)
		}
		time.Sleep(31 * time.Minute)
		if err := send(t, h); err != nil {
			t.Error(err)
		}
	})
}

// TestFindBehindAWrongClock looks for a message although our clock is far
// from the server's.
func TestFindBehindAWrongClock(t *testing.T) {
	for _, off := range []time.Duration{-20 * 365 * 24 * time.Hour, -time.Hour, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			srv := talktest.NewServer(talktest.Options{Now: func() time.Time { return time.Now().Add(off) }})
			anpi := srv.AddUser("anpi", "Anpi", talktest.UserOptions{})
			room := srv.AddGroup("家族", anpi)
			c, err := talkapi.New(talkapi.Options{URL: srv.URL(), User: "anpi", Password: talkapi.Secret(anpi.AppPassword()), Transport: srv.Transport()})
			if err != nil {
				t.Fatal(err)
			}
			anpi.Say(room, "long ago")
			time.Sleep(24 * time.Hour)
			start := time.Now()
			sent, err := c.Send(t.Context(), room, talkapi.Post{Text: "prompt", ReferenceID: "ref"})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 450 { // it is on the third page by now
				anpi.Say(room, fmt.Sprint("chatter ", i))
			}
			time.Sleep(time.Minute)
			m, found, err := c.FindByReference(t.Context(), room, "ref", start)
			if err != nil || !found || m.ID != sent.ID {
				t.Errorf("clock off by %v: found %v %d, %v", off, found, m.ID, err)
			}
			srv.ResetRequests()
			_, found, err = c.FindByReference(t.Context(), room, "other", time.Now())
			if err != nil || found || len(srv.Requests()) != 1 {
				t.Errorf("clock off by %v: found %v after %d pages, %v", off, found, len(srv.Requests()), err)
			}
		})
	}
}

func TestOldServers(t *testing.T) {
	bubble(t, "creation without participants", func(t *testing.T, h home) {
		h.Disable("conversation-creation-all")
		room, err := h.bot.CreateGroup(t.Context(), "家族 2", []string{"nezumi", "otosan"})
		if err != nil {
			t.Fatal(err)
		}
		r, _ := h.Room(room.Token)
		if d := cmp.Diff([]string{"anpi", "nezumi", "otosan"}, r.Members); d != "" {
			t.Errorf("members (-want +got):\n%s", d)
		}
		before := len(h.anpi.Rooms())
		if _, err := h.bot.CreateGroup(t.Context(), "家族 3", []string{"nezumi", "nobody"}); !errors.Is(err, talkapi.ErrNotFound) {
			t.Error(err)
		}
		if n := len(h.anpi.Rooms()); n != before {
			t.Errorf("%d rooms, want %d: the half-made room stays", n, before)
		}
	})
	bubble(t, "no edits", func(t *testing.T, h home) {
		h.Disable("edit-messages")
		id := h.anpi.Say(h.room, "x")
		if _, err := h.bot.Edit(t.Context(), h.room, id, "y"); !errors.Is(err, talkapi.ErrUnsupported) {
			t.Error(err)
		}
	})
	bubble(t, "no Talk", func(t *testing.T, h home) {
		h.Disable("spreed", "notifications")
		caps, err := h.bot.Capabilities(t.Context())
		if !errors.Is(err, talkapi.ErrTalkMissing) || caps.Version.Major != 32 {
			t.Errorf("%+v, %v", caps, err)
		}
		if _, err := h.bot.Notifications(t.Context(), ""); !errors.Is(err, talkapi.ErrUnsupported) {
			t.Error(err)
		}
	})
	bubble(t, "no notifications at all", func(t *testing.T, h home) {
		h.Fault(func(*http.Request) *talktest.Fault { return &talktest.Fault{Status: 204} })
		if _, err := h.bot.Notifications(t.Context(), ""); !errors.Is(err, talkapi.ErrUnsupported) || talkapi.MayHaveHappened(err) {
			t.Error(err)
		}
	})
	bubble(t, "edit after a day", func(t *testing.T, h home) {
		id := h.anpi.Say(h.room, "tally")
		time.Sleep(24*time.Hour - time.Second)
		if _, err := h.bot.Edit(t.Context(), h.room, id, "y"); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		if _, err := h.bot.Edit(t.Context(), h.room, id, "z"); !errors.Is(err, talkapi.ErrTooOld) {
			t.Error(err)
		}
	})
}

func TestLogin(t *testing.T) {
	bubble(t, "granted", func(t *testing.T, h home) {
		l, err := talkapi.StartLogin(t.Context(), talkapi.Options{URL: h.URL(), Transport: h.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		if _, ok, err := l.Poll(t.Context()); ok || err != nil {
			t.Fatalf("confirmed %v, %v", ok, err)
		}
		if !h.Grant(l.URL, h.nezumi) {
			t.Fatal("no such login")
		}
		cred, ok, err := l.Poll(t.Context())
		if err != nil || !ok || cred.User != "nezumi" || cred.Server != h.URL() {
			t.Fatalf("%+v %v, %v", cred, ok, err)
		}
		if strings.Contains(fmt.Sprintf("%+v %+v", cred, l), cred.AppPassword.Reveal()) {
			t.Error("credentials print the password")
		}
		c, err := talkapi.New(talkapi.Options{URL: cred.Server, User: cred.User, Password: cred.AppPassword, Transport: h.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		if me, err := c.CurrentUser(t.Context()); err != nil || me.ID != "nezumi" {
			t.Errorf("%+v, %v", me, err)
		}
		if _, ok, err := l.Poll(t.Context()); ok || err != nil {
			t.Errorf("handed out twice: %v, %v", ok, err)
		}
	})
	bubble(t, "expired", func(t *testing.T, h home) {
		l, err := talkapi.StartLogin(t.Context(), talkapi.Options{URL: h.URL(), Transport: h.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Minute)
		if _, _, err := l.Poll(t.Context()); !errors.Is(err, talkapi.ErrLoginExpired) {
			t.Error(err)
		}
		if h.Grant(l.URL, h.nezumi) {
			t.Error("granted after its time")
		}
	})
}

func TestBot(t *testing.T) {
	bubble(t, "rings and writes", func(t *testing.T, h home) {
		const secret = "0123456789abcdef0123456789abcdef0123456789abcdef"
		var mu sync.Mutex
		var events []talkapi.Event
		b := h.InstallBot(talktest.BotOptions{Name: "安否", Secret: secret, URL: "http://bot.test/hook", Reactions: true,
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if err := talkapi.VerifyWebhook([]talkapi.Secret{secret}, r.Header, body); err != nil {
					t.Error(err)
				}
				e, err := talkapi.ParseWebhook(body)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				events = append(events, e)
			})})
		step := func() { synctest.Wait() } // webhooks run beside us
		b.Enable(h.room)
		step()
		id := h.nezumi.Say(h.room, "@anpi 無事")
		step()
		h.otosan.React(h.room, id, "👍")
		step()
		h.otosan.Unreact(h.room, id, "👍")
		step()
		sender, err := talkapi.NewBot(talkapi.BotOptions{URL: h.URL(), Secret: secret, Transport: h.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		if err := sender.Send(t.Context(), h.room, talkapi.Post{Text: "記録しました", ReplyTo: id, ReferenceID: "r"}); err != nil {
			t.Error(err)
		}
		if m := h.last(); m.ActorType != "bots" || m.Actor != b.ID() || m.ReplyTo != id || m.ReferenceID != "r" {
			t.Errorf("%+v", m)
		}
		if err := errors.Join(sender.React(t.Context(), h.room, id, "✅"), sender.Unreact(t.Context(), h.room, id, "✅")); err != nil {
			t.Error(err)
		}
		if err := sender.React(t.Context(), h.room, id, "ok"); !errors.Is(err, talkapi.ErrNotReactable) {
			t.Error(err)
		}
		step()
		b.Disable(h.room)
		step()
		var got []string
		for _, e := range events {
			got = append(got, strings.TrimSpace(fmt.Sprint(e.Type, " ", e.ActorID, " ", e.System, e.Reaction, e.MessageID == id)))
		}
		// The actor of a reaction is the author of the message: see Event.
		want := []string{"Join " + b.ID() + " false", "Create nezumi true", "Like nezumi 👍true", "Activity otosan reaction_revokedfalse", "Undo nezumi 👍true",
			"Like nezumi ✅true", "Activity " + b.ID() + " reaction_revokedfalse", "Undo nezumi ✅true", "Leave " + b.ID() + " false"}
		slicesSorted := cmp.Transformer("sorted", func(s []string) string { return strings.Join(sorted(append([]string(nil), s...)...), "\n") })
		if d := cmp.Diff(want, got, slicesSorted); d != "" { // one step may ring twice, in either order
			t.Errorf("events (-want +got):\n%s", d)
		}

		// A wrong secret is tried once per room, then held back.
		wrong, err := talkapi.NewBot(talkapi.BotOptions{URL: h.URL(), Secret: "x", Transport: h.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		h.ResetRequests()
		for range 5 {
			if err := wrong.Send(t.Context(), h.room, talkapi.Post{Text: "x"}); !errors.Is(err, talkapi.ErrUnauthorized) {
				t.Error(err)
			}
		}
		if n := len(h.Requests()); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestNotifications(t *testing.T) {
	bubble(t, "newest 25, until read", func(t *testing.T, h home) {
		var first, last int64
		for range 30 {
			last = h.nezumi.SayDirect("anpi", "hi")
			if first == 0 {
				first = last
			}
		}
		direct, ok := h.DirectRoom("anpi", "nezumi")
		if !ok {
			t.Fatal("no room")
		}
		n, err := h.bot.Notifications(t.Context(), "")
		if err != nil || len(n.Items) != 25 {
			t.Fatalf("%d entries, %v", len(n.Items), err)
		}
		if token, id, ok := n.Items[0].Room(); token != direct || id != last || !ok {
			t.Errorf("newest is %d in %s", id, token)
		}
		if _, err := h.bot.Messages(t.Context(), direct, talkapi.Query{After: first}); err != nil {
			t.Error(err)
		}
		if n, err = h.bot.Notifications(t.Context(), n.ETag); err != nil || !n.Unchanged {
			t.Errorf("reading the chat changed the notifications: %+v, %v", n, err)
		}
		if err := h.bot.MarkRead(t.Context(), direct, last); err != nil {
			t.Error(err)
		}
		if n, err = h.bot.Notifications(t.Context(), n.ETag); err != nil || n.Unchanged || len(n.Items) != 0 {
			t.Errorf("after reading: %+v, %v", n, err)
		}
	})
	bubble(t, "a group tells of mentions only", func(t *testing.T, h home) {
		id := h.anpi.Say(h.room, "prompt")
		h.nezumi.Say(h.room, "chatter")
		h.nezumi.React(h.room, id, "✅")
		if n, err := h.bot.Notifications(t.Context(), ""); err != nil || len(n.Items) != 0 {
			t.Errorf("%+v, %v", n, err)
		}
		h.nezumi.Say(h.room, "@anpi ?")
		h.nezumi.Say(h.room, "(@anpi)") // not a mention: Nextcloud wants a blank before it
		h.otosan.Say(h.room, "@all !")
		n, err := h.bot.Notifications(t.Context(), "")
		if err != nil || len(n.Items) != 2 {
			t.Errorf("%+v, %v", n, err)
		}
		if err := h.bot.ClearNotifications(t.Context()); err != nil {
			t.Error(err)
		}
		if n, err := h.bot.Notifications(t.Context(), n.ETag); err != nil || len(n.Items) != 0 {
			t.Errorf("%+v, %v", n, err)
		}
	})
}

func TestRoomNews(t *testing.T) {
	bubble(t, "texts are news, reactions and edits are not", func(t *testing.T, h home) {
		id := h.nezumi.Say(h.room, "無事")
		list, err := h.bot.Rooms(t.Context(), talkapi.RoomsQuery{})
		if err != nil || len(list.Rooms) != 1 || list.Rooms[0].LastMessage.ID != id || list.Rooms[0].Unread != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		news := func() int {
			time.Sleep(time.Minute)
			l, err := h.bot.Rooms(t.Context(), talkapi.RoomsQuery{ModifiedSince: list.ModifiedBefore + 1, NoLastMessages: true})
			if err != nil {
				t.Error(err)
			}
			for _, r := range l.Rooms {
				if r.LastMessage != nil {
					t.Error("a last message came although none was wanted")
				}
			}
			return len(l.Rooms)
		}
		time.Sleep(time.Minute)
		h.otosan.React(h.room, id, "👍")
		h.nezumi.Edit(h.room, id, "無事です")
		if n := news(); n != 0 {
			t.Errorf("%d rooms with news after a reaction and an edit", n)
		}
		h.otosan.Say(h.room, "よかった")
		if n := news(); n != 1 {
			t.Errorf("%d rooms with news after a text", n)
		}
	})
}

func TestInspection(t *testing.T) {
	bubble(t, "messages and hook", func(t *testing.T, h home) {
		var told []string
		h.OnMessage(func(r talktest.Room, m talktest.Message) {
			told = append(told, r.Name+" "+m.Actor+" "+m.System+" "+m.Text)
			if m.Text == "ping" {
				h.anpi.Say(h.room, "pong") // the hook may use the server
			}
		})
		id := h.nezumi.Say(h.room, "ping")
		h.otosan.React(h.room, id, "👍")
		h.otosan.SharePlace(h.room, "家", 35.5, 139.75)
		want := []string{"家族 nezumi  ping", "家族 anpi  pong", "家族 otosan reaction 👍", "家族 otosan  {object}"}
		if d := cmp.Diff(want, told); d != "" {
			t.Errorf("told (-want +got):\n%s", d)
		}
		for _, m := range h.Messages(h.room) {
			if m.ID == id && cmp.Diff(map[string][]string{"👍": {"otosan"}}, m.Reactions) != "" {
				t.Errorf("reactions %v", m.Reactions)
			}
		}
		if h.last().Place != "家" {
			t.Errorf("place %q", h.last().Place)
		}
		h.ResetRequests()
		if _, err := h.bot.Send(t.Context(), h.room, talkapi.Post{Text: "x"}); err != nil {
			t.Error(err)
		}
		rq := h.Requests()
		if len(rq) != 1 || rq[0].Method != "POST" || rq[0].Pattern != "/ocs/v2.php/apps/spreed/api/v1/chat/{token}" || rq[0].User != "anpi" {
			t.Errorf("%+v", rq)
		}
	})
}

// TestStart goes over a real connection.
func TestStart(t *testing.T) {
	srv := talktest.NewServer(talktest.Options{})
	anpi := srv.AddUser("anpi", "Anpi", talktest.UserOptions{Email: "anpi@example.net"})
	room := srv.AddGroup("家族", anpi)
	url, stop, err := srv.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	c, err := talkapi.New(talkapi.Options{URL: url, User: "anpi@example.net", Password: talkapi.Secret(anpi.AppPassword())})
	if err != nil {
		t.Fatal(err)
	}
	srv.Fault(talktest.Once(talktest.Fault{Applied: true, Cut: true}))
	start := time.Now()
	if _, err := c.Send(t.Context(), room, talkapi.Post{Text: "x", ReferenceID: "ref"}); !talkapi.MayHaveHappened(err) {
		t.Error(err)
	}
	if _, found, err := c.FindByReference(t.Context(), room, "ref", start); err != nil || !found {
		t.Errorf("found %v, %v", found, err)
	}
	waiting := make(chan error, 1)
	go func() {
		_, err := c.Messages(t.Context(), room, talkapi.Query{After: 1 << 40, Wait: 30 * time.Second})
		waiting <- err
	}()
	for len(srv.Requests()) < 3 {
		time.Sleep(time.Millisecond)
	}
	stop() // does not wait for the long poll
	if err := <-waiting; !errors.Is(err, talkapi.ErrUnreachable) {
		t.Error(err)
	}
}
