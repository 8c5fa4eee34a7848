package talktest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/talkapi"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// nextcloud is a server the contract is held against: the one in memory or a
// real one.
type nextcloud struct {
	url             string
	transport       http.RoundTripper // nil: the network
	admin, password string
}

// TestContract makes the same calls to the server in memory and, where
// ANPI_TEST_NEXTCLOUD_URL, …_ADMIN and …_ADMIN_PASSWORD are set, to a real
// Nextcloud with Talk, and expects the same of both.
func TestContract(t *testing.T) {
	for name, o := range map[string]talktest.Options{"memory": {}, "memory with cache": {MemoryCache: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := talktest.NewServer(o)
				srv.AddUser("admin", "admin", talktest.UserOptions{Admin: true, Password: "secret"})
				nc := nextcloud{url: srv.URL(), transport: srv.Transport(), admin: "admin", password: "secret"}
				contract(t, nc)
				chatContract(t, nc)
			})
		})
	}
	t.Run("nextcloud", func(t *testing.T) {
		nc := nextcloud{url: os.Getenv("ANPI_TEST_NEXTCLOUD_URL"), admin: os.Getenv("ANPI_TEST_NEXTCLOUD_ADMIN"), password: os.Getenv("ANPI_TEST_NEXTCLOUD_ADMIN_PASSWORD")}
		if nc.url == "" || nc.admin == "" || nc.password == "" {
			t.Skip("no real Nextcloud: set ANPI_TEST_NEXTCLOUD_URL, ANPI_TEST_NEXTCLOUD_ADMIN and ANPI_TEST_NEXTCLOUD_ADMIN_PASSWORD to hold this against one")
		}
		contract(t, nc)
		chatContract(t, nc)
	})
}

// provision calls the administrator's API, which is no part of the client.
func (nc nextcloud) provision(t *testing.T, method, path string, body any) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	rq, err := http.NewRequest(method, nc.url+"/ocs/v2.php/cloud/users"+path, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	rq.SetBasicAuth(nc.admin, nc.password)
	rq.Header.Set("OCS-APIRequest", "true")
	rq.Header.Set("Accept", "application/json")
	rq.Header.Set("Content-Type", "application/json")
	rs, err := (&http.Client{Transport: nc.transport}).Do(rq)
	if err != nil {
		t.Fatal(err)
	}
	rs.Body.Close()
	if rs.StatusCode != 200 {
		t.Fatalf("%s user: HTTP %d", method, rs.StatusCode)
	}
}

// person makes a user who lives as long as the test, and a client with an
// app password.
func (nc nextcloud) person(t *testing.T, name, language string) (id string, c *talkapi.Client) {
	t.Helper()
	id, _, c = nc.account(t, name, language)
	return id, c
}

// account is person with the app password.
func (nc nextcloud) account(t *testing.T, name, language string) (id string, app talkapi.Secret, c *talkapi.Client) {
	t.Helper()
	var b [4]byte
	rand.Read(b[:])
	id = "contract-" + hex.EncodeToString(b[:])
	password := "Fam1ly-" + hex.EncodeToString(b[:]) + "-2026"
	nc.provision(t, "POST", "", map[string]string{"userid": id, "password": password, "displayName": name, "email": id + "@example.net", "language": language})
	t.Cleanup(func() { nc.provision(t, "DELETE", "/"+url.PathEscape(id), nil) })
	login, err := talkapi.New(talkapi.Options{URL: nc.url, User: id, Password: talkapi.Secret(password), Transport: nc.transport})
	if err != nil {
		t.Fatal(err)
	}
	app, err = login.AppPassword(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err = talkapi.New(talkapi.Options{URL: nc.url, User: id, Password: app, Transport: nc.transport})
	if err != nil {
		t.Fatal(err)
	}
	return id, app, c
}

// expect is how a contract says what it wants.
type expect struct{ *testing.T }

func (t expect) must(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (t expect) is(what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func (t expect) refused(what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) || talkapi.MayHaveHappened(err) {
		t.Errorf("%s: %v, want %v", what, err, kind)
	}
}

// contract is what Anpi relies on.
func contract(t *testing.T, nc nextcloud) {
	ctx := t.Context()
	must, is, refused := expect{t}.must, expect{t}.is, expect{t}.refused
	botID, bot := nc.person(t, "Anpi Bot", "en")
	nezumiID, nezumi := nc.person(t, "ネズミ", "ja")
	otosanID, otosan := nc.person(t, "お父さん", "ja")

	// Who and where we are.
	caps, err := bot.Capabilities(ctx)
	must(err)
	if !caps.Has("chat-v2") || !caps.Has("chat-reference-id") || !caps.CanCreate || caps.MaxLength < 1000 || caps.Version.Major < 30 {
		t.Errorf("capabilities %+v", caps)
	}
	me, err := nezumi.CurrentUser(ctx)
	must(err)
	is("account", me, talkapi.User{ID: nezumiID, DisplayName: "ネズミ", Email: nezumiID + "@example.net", Language: "ja"})
	_, err = bot.AppPassword(ctx)
	refused("app password by app password", err, talkapi.ErrForbidden)

	// The one-to-one room shows at the partner with the first message.
	room, err := bot.OneToOne(ctx, nezumiID)
	must(err)
	again, err := bot.OneToOne(ctx, nezumiID)
	must(err)
	is("same room", again.Token, room.Token)
	is("one-to-one", []any{room.Type, room.Name, room.DisplayName}, []any{talkapi.OneToOne, nezumiID, "ネズミ"})
	_, err = bot.OneToOne(ctx, "contract-nobody")
	refused("unknown partner", err, talkapi.ErrNotFound)
	has := func(c *talkapi.Client, token string) bool {
		list, err := c.Rooms(ctx, talkapi.RoomsQuery{})
		must(err)
		return slices.ContainsFunc(list.Rooms, func(r talkapi.Room) bool { return r.Token == token })
	}
	is("partner before the first message", has(nezumi, room.Token), false)
	start := time.Now()
	ref := strings.Repeat("ab", 32)
	_, found, err := bot.FindByReference(ctx, room.Token, ref, start)
	must(err)
	is("found before it was sent", found, false)
	prompt, err := bot.Send(ctx, room.Token, talkapi.Post{Text: "無事ですか?\n**Tap** ✅", ReferenceID: ref})
	must(err)
	is("prompt", []any{prompt.Text, prompt.ReferenceID, prompt.ActorType, prompt.ActorID, prompt.System}, []any{"無事ですか?\n**Tap** ✅", ref, "users", botID, ""})
	is("partner after it", has(nezumi, room.Token), true)
	twin, err := bot.Send(ctx, room.Token, talkapi.Post{Text: "twin", ReferenceID: ref})
	must(err)
	if twin.ID <= prompt.ID {
		t.Errorf("ids %d, %d don't grow", prompt.ID, twin.ID)
	}
	m, found, err := bot.FindByReference(ctx, room.Token, ref, start)
	must(err)
	is("not deduplicated, newest first", []any{found, m.ID}, []any{true, twin.ID})

	// Nothing new: 304. Then a tap and a text, in order, read without
	// marking anything, until we say so.
	quiet, err := bot.Messages(ctx, room.Token, talkapi.Query{After: twin.ID})
	must(err)
	is("nothing new", quiet, talkapi.Batch{})
	quiet, err = bot.Messages(ctx, room.Token, talkapi.Query{After: twin.ID, Wait: time.Second})
	must(err)
	is("nothing new after a second", quiet, talkapi.Batch{})
	calm, err := bot.Notifications(ctx, "")
	must(err)
	must(nezumi.React(ctx, room.Token, prompt.ID, "✅"))
	must(nezumi.React(ctx, room.Token, prompt.ID, "✅")) // twice is no error
	tap, err := bot.Messages(ctx, room.Token, talkapi.Query{After: twin.ID})
	must(err)
	if d := cmp.Diff([]string{nezumiID + " reaction ✅"}, brief(tap.Messages)); d != "" {
		t.Fatalf("tap where nothing was a moment ago (-want +got):\n%s", d)
	}
	is("prompt of the tap", []any{tap.Messages[0].Parent.ID, tap.Messages[0].Parent.ReferenceID}, []any{prompt.ID, ref})
	quiet, err = bot.Messages(ctx, room.Token, talkapi.Query{After: tap.LastGiven})
	must(err)
	is("nothing after the tap", quiet, talkapi.Batch{})
	reply, err := nezumi.Send(ctx, room.Token, talkapi.Post{Text: "無事です", ReplyTo: prompt.ID})
	must(err)
	is("reply", reply.Parent.ID, prompt.ID)
	news, err := bot.Messages(ctx, room.Token, talkapi.Query{After: twin.ID})
	must(err)
	is("stream", brief(news.Messages), []string{nezumiID + " reaction ✅", nezumiID + "  無事です"})
	is("offset", news.LastGiven, reply.ID)
	is("counts", news.Messages[0].Parent.Reactions, map[string]int{"✅": 1})
	rung, err := bot.Notifications(ctx, calm.ETag)
	must(err)
	var rooms []string
	for _, n := range rung.Items {
		if token, id, ok := n.Room(); ok {
			rooms = append(rooms, fmt.Sprint(token == room.Token, " ", id == prompt.ID || id == reply.ID))
		}
	}
	is("notifications still there", rooms, []string{"true true", "true true"})
	same, err := bot.Notifications(ctx, rung.ETag)
	must(err)
	is("notifications unchanged", same.Unchanged, true)
	must(bot.MarkRead(ctx, room.Token, 0))
	after, err := bot.Notifications(ctx, rung.ETag)
	must(err)
	is("notifications after reading", len(after.Items), 0)

	// Reading up to a tap leaves its notification standing, which goes by its
	// own id.
	must(nezumi.React(ctx, room.Token, prompt.ID, "🆘"))
	tap, err = bot.Messages(ctx, room.Token, talkapi.Query{After: reply.ID})
	must(err)
	is("second tap", brief(tap.Messages), []string{nezumiID + " reaction 🆘"})
	must(bot.MarkRead(ctx, room.Token, tap.LastGiven))
	standing, err := bot.Notifications(ctx, "")
	must(err)
	is("notifications after reading up to a tap", len(standing.Items), 1)
	must(bot.DismissNotification(ctx, standing.Items[0].ID))
	must(bot.DismissNotification(ctx, standing.Items[0].ID)) // twice is no error
	after, err = bot.Notifications(ctx, standing.ETag)
	must(err)
	is("notifications after that", len(after.Items), 0)
	must(nezumi.Unreact(ctx, room.Token, prompt.ID, "🆘"))

	// Edits and deletions arrive with the new state as parent.
	_, err = nezumi.Edit(ctx, room.Token, reply.ID, "やっぱり助けて")
	must(err)
	must(nezumi.Unreact(ctx, room.Token, prompt.ID, "✅"))
	refused("no reaction of ours", nezumi.Unreact(ctx, room.Token, prompt.ID, "✅"), talkapi.ErrNotFound)
	must(nezumi.Delete(ctx, room.Token, reply.ID))
	news, err = bot.Messages(ctx, room.Token, talkapi.Query{After: reply.ID})
	must(err)
	var kinds []string
	for _, m := range news.Messages {
		kinds = append(kinds, m.System)
	}
	is("changes", kinds, []string{"reaction_deleted", "reaction_revoked", "message_edited", "reaction_revoked", "message_deleted"})
	is("deleted parent", news.Messages[4].Parent.Deleted, true)
	_, err = bot.Edit(ctx, room.Token, reply.ID, "x")
	if !errors.Is(err, talkapi.ErrInvalid) && !errors.Is(err, talkapi.ErrForbidden) { // deleted, and another's
		t.Errorf("edit of what is gone: %v", err)
	}
	by, err := bot.Reactions(ctx, room.Token, prompt.ID)
	must(err)
	is("reactions left", by, map[string][]talkapi.Reaction{})

	// Refusals.
	_, err = bot.Send(ctx, room.Token, talkapi.Post{Text: "  "})
	refused("empty", err, talkapi.ErrInvalid)
	_, err = bot.Send(ctx, room.Token, talkapi.Post{Text: strings.Repeat("あ", caps.MaxLength+1)})
	refused("too long", err, talkapi.ErrTooLong)
	_, err = bot.Send(ctx, room.Token, talkapi.Post{Text: "x", ReplyTo: 1 << 40})
	refused("reply to nothing", err, talkapi.ErrInvalid)
	_, err = otosan.Send(ctx, room.Token, talkapi.Post{Text: "x"})
	refused("stranger", err, talkapi.ErrNotFound)
	refused("text as reaction", bot.React(ctx, room.Token, prompt.ID, "ok"), talkapi.ErrInvalid)

	// A group: everybody is in, the long poll wakes, @all is a call.
	group, err := bot.CreateGroup(ctx, "家族 Family", []string{nezumiID, otosanID})
	must(err)
	t.Cleanup(func() {
		// In vain when all went well; the test's own context is over by now.
		if err := bot.DeleteRoom(context.WithoutCancel(ctx), group.Token); err != nil && !errors.Is(err, talkapi.ErrNotFound) {
			t.Error(err)
		}
	})
	people, err := bot.Participants(ctx, group.Token)
	must(err)
	var ids []string
	for _, p := range people {
		ids = append(ids, p.ActorID)
	}
	slices.Sort(ids)
	is("members", ids, sorted(botID, nezumiID, otosanID))
	must(bot.AddParticipant(ctx, group.Token, nezumiID)) // is in already
	refused("unknown member", bot.AddParticipant(ctx, group.Token, "contract-nobody"), talkapi.ErrNotFound)
	ask, err := bot.Send(ctx, group.Token, talkapi.Post{Text: `@all @"` + nezumiID + `" 無事?`})
	must(err)
	is("mentions", []any{ask.Mentions(nezumiID), ask.Mentions(otosanID), ask.PlainText()}, []any{true, false, "@家族 Family @ネズミ 無事?"})
	woken := make(chan talkapi.Batch, 1)
	go func() {
		b, err := bot.Messages(ctx, group.Token, talkapi.Query{After: ask.ID, Wait: 20 * time.Second})
		if err != nil {
			t.Error(err)
		}
		woken <- b
	}()
	time.Sleep(time.Second) // so that it waits; instant in memory
	place, err := otosan.SharePlace(ctx, group.Token, talkapi.Place{Name: "東京駅", Latitude: 35.681236, Longitude: 139.767125}, "here")
	must(err)
	b := <-woken
	if len(b.Messages) != 1 || b.Messages[0].ID != place.ID {
		t.Fatalf("woke with %+v", b)
	}
	where, ok := b.Messages[0].Place()
	is("place", []any{where, ok, b.Messages[0].ReferenceID}, []any{talkapi.Place{Name: "東京駅", Latitude: 35.681236, Longitude: 139.767125}, true, "here"})

	// History pages backwards without overlap.
	page, err := bot.History(ctx, group.Token, 0, 2)
	must(err)
	next, err := bot.History(ctx, group.Token, page.LastGiven, 2)
	must(err)
	is("first page", []int64{page.Messages[0].ID, page.Messages[1].ID}, []int64{place.ID, ask.ID})
	if next.Messages[0].ID >= ask.ID {
		t.Errorf("page %v after %v", next.Messages[0].ID, ask.ID)
	}

	// Read-only, lobby, polls, moderators, removal.
	must(bot.SetReadOnly(ctx, group.Token, true))
	_, err = nezumi.Send(ctx, group.Token, talkapi.Post{Text: "x"})
	refused("read-only", err, talkapi.ErrForbidden)
	must(bot.SetReadOnly(ctx, group.Token, false))
	must(bot.SetLobby(ctx, group.Token, true))
	_, err = nezumi.History(ctx, group.Token, 0, 1)
	refused("lobby", err, talkapi.ErrLobby)
	must(bot.SetLobby(ctx, group.Token, false))

	poll, err := bot.CreatePoll(ctx, group.Token, talkapi.NewPoll{Question: "無事?", Options: []string{"✅", "🆘"}, MaxVotes: 1})
	must(err)
	_, err = nezumi.Vote(ctx, group.Token, poll.ID, 0)
	must(err)
	_, err = nezumi.Vote(ctx, group.Token, poll.ID, 1)
	must(err)
	_, err = nezumi.Vote(ctx, group.Token, poll.ID, 7)
	refused("no such option", err, talkapi.ErrInvalid)
	open, err := bot.Poll(ctx, group.Token, poll.ID)
	must(err)
	is("votes hidden from who has not voted", []any{open.Votes, open.Voters}, []any{[]int{0, 0}, 1})
	closed, err := bot.ClosePoll(ctx, group.Token, poll.ID)
	must(err)
	is("votes", closed.Votes, []int{0, 1})
	_, err = bot.CreatePoll(ctx, room.Token, talkapi.NewPoll{Question: "?", Options: []string{"a", "b"}})
	refused("poll in a one-to-one room", err, talkapi.ErrInvalid)

	attendee := func(id string) int64 {
		for _, p := range people {
			if p.ActorID == id {
				return p.AttendeeID
			}
		}
		t.Fatalf("%s is not in the room", id)
		return 0
	}
	refused("promotion by a member", nezumi.Promote(ctx, group.Token, attendee(otosanID)), talkapi.ErrForbidden)
	must(bot.Promote(ctx, group.Token, attendee(nezumiID)))
	must(bot.RemoveAttendee(ctx, group.Token, attendee(otosanID)))
	_, err = otosan.Send(ctx, group.Token, talkapi.Post{Text: "x"})
	refused("removed member", err, talkapi.ErrNotFound)
	must(bot.SetNotifyLevel(ctx, group.Token, talkapi.NotifyNever))
	seen, err := bot.Room(ctx, group.Token)
	must(err)
	is("notification level", seen.NotifyLevel, talkapi.NotifyNever)
	must(nezumi.LeaveRoom(ctx, group.Token))
	must(bot.DeleteRoom(ctx, group.Token))
	_, err = bot.Send(ctx, group.Token, talkapi.Post{Text: "x"})
	refused("deleted room", err, talkapi.ErrNotFound)
	_, err = bot.CreateGroup(ctx, "x", []string{"contract-nobody"})
	refused("group with nobody", err, talkapi.ErrNotFound)

	// The end: the app password is revoked, the client stops asking.
	must(otosan.RevokeAppPassword(ctx))
	_, err = otosan.CurrentUser(ctx)
	refused("revoked", err, talkapi.ErrUnauthorized)
}

// brief is one line per message.
func brief(ms []talkapi.Message) []string {
	var lines []string
	for _, m := range ms {
		lines = append(lines, m.ActorID+" "+m.System+" "+m.PlainText())
	}
	return lines
}

func sorted(s ...string) []string {
	slices.Sort(s)
	return s
}
