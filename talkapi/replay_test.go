package talkapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/talkapi"
)

const (
	family = "ob5xb332" // recorded rooms
	direct = "roquhyeb"
)

// replay answers every request with one recorded response.
type replay struct {
	status int
	header map[string]string
	body   json.RawMessage
	method string // of the recorded request, which ours must match
	path   string
	asked  bool
}

func (r *replay) RoundTrip(rq *http.Request) (*http.Response, error) {
	r.asked = true
	if rq.Method != r.method || rq.URL.Path != r.path {
		return nil, errors.New("asked for " + rq.Method + " " + rq.URL.Path)
	}
	h := http.Header{}
	for k, v := range r.header {
		if k != "Content-Encoding" && k != "Content-Length" { // the recording is unpacked
			h.Set(k, v)
		}
	}
	body := string(r.body)
	if body == `""` {
		body = ""
	}
	if len(h) == 0 {
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	return &http.Response{StatusCode: r.status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: rq}, nil
}

// TestReplay lets the client read every recorded answer.
func TestReplay(t *testing.T) {
	ctx := context.Background()
	type call func(*talkapi.Client) (any, error)
	room := func(token string) call {
		return func(c *talkapi.Client) (any, error) { r, err := c.Room(ctx, token); return r, err }
	}
	send := func(token string) call {
		return func(c *talkapi.Client) (any, error) { return c.Send(ctx, token, talkapi.Post{Text: "x"}) }
	}
	edit := func(id int64) call {
		return func(c *talkapi.Client) (any, error) { return c.Edit(ctx, family, id, "x") }
	}
	react := func(c *talkapi.Client) (any, error) { return nil, c.React(ctx, family, 79, "✅") }
	add := func(c *talkapi.Client) (any, error) { return nil, c.AddParticipant(ctx, family, "x") }
	messages := func(token string) call {
		return func(c *talkapi.Client) (any, error) { return c.Messages(ctx, token, talkapi.Query{After: 1}) }
	}
	vote := func(c *talkapi.Client) (any, error) { return c.Vote(ctx, family, 1, 0) }
	capabilities := func(c *talkapi.Client) (any, error) { return c.Capabilities(ctx) }
	rooms := func(c *talkapi.Client) (any, error) { return c.Rooms(ctx, talkapi.RoomsQuery{}) }
	direct1 := func(c *talkapi.Client) (any, error) { return c.OneToOne(ctx, "nezumi") }
	group := func(c *talkapi.Client) (any, error) { return c.CreateGroup(ctx, "x", nil) }
	whoami := func(c *talkapi.Client) (any, error) { return c.CurrentUser(ctx) }
	appPassword := func(c *talkapi.Client) (any, error) { return c.AppPassword(ctx) }
	notifications := func(c *talkapi.Client) (any, error) {
		return c.Notifications(ctx, `"6be09b5a7a228747f2ccd0a61b0e8f44"`)
	}
	history := func(c *talkapi.Client) (any, error) { return c.History(ctx, family, 0, 0) }
	state := func(f func(*talkapi.Client) error) call {
		return func(c *talkapi.Client) (any, error) { return nil, f(c) }
	}
	readOnly := state(func(c *talkapi.Client) error { return c.SetReadOnly(ctx, family, true) })
	lobby := state(func(c *talkapi.Client) error { return c.SetLobby(ctx, family, true) })
	login := func(*talkapi.Client) (any, error) { return nil, nil } // see TestLoginRecorded

	calls := map[string]call{
		"capabilities": capabilities, "capabilities without OCS header": capabilities, "maintenance: capabilities": capabilities,
		"whoami": whoami, "wrong password": whoami, "app password from login": appPassword, "app password asked with an app password": appPassword,
		"rooms initially": rooms, "revoked app password": rooms, "room list with modifiedSince": rooms, "room list with last message": rooms,
		"one-to-one create": direct1, "one-to-one create again": direct1, "one-to-one with unknown user": direct1,
		"group create": group, "room create with participants object": group,
		"participant add otosan": add, "participant add okasan": add, "participant add nezumi": add, "participant add obaachan": add, "participant add unknown": add,
		"participants": func(c *talkapi.Client) (any, error) { return c.Participants(ctx, family) },
		"promote":      state(func(c *talkapi.Client) error { return c.Promote(ctx, family, 6) }),
		"room get":     room(family), "room get unknown": room("zzzzzzzz"), "unknown user room 6": room("yyyyyyy6"),
		"history of new group": history, "history after all": history, "read in lobby by member": history,
		"send with referenceId": send(direct), "send same referenceId again": send(direct), "send empty": send(direct), "send 32001 chars": send(direct),
		"send silent": send(direct), "send to unknown room": send("zzzzzzzz"), "send by stranger": send(direct), "mention": send(family),
		"text reply in thread of prompt": send(family), "reply to unknown message": send(family), "member sends then deletes": send(family),
		"send to read-only room": send(family), "member gone sends": send(family), "send to deleted room": send(family), "maintenance: send": send("abcdefgh"),
		"react own prompt ✅": react, "react own prompt 🆘": react, "member reacts ✅": react, "member reacts ✅ twice": react, "member reacts 👍🏽": react, "react with text": react,
		"reactions list":   func(c *talkapi.Client) (any, error) { return c.Reactions(ctx, family, 79) },
		"reaction removed": state(func(c *talkapi.Client) error { return c.Unreact(ctx, family, 79, "👍🏽") }),
		"location share": func(c *talkapi.Client) (any, error) {
			return c.SharePlace(ctx, family, talkapi.Place{Name: "東京駅", Latitude: 35.681236, Longitude: 139.767125}, "")
		},
		"poll create": func(c *talkapi.Client) (any, error) { return c.CreatePoll(ctx, family, talkapi.NewPoll{}) },
		"poll vote":   vote, "poll vote changed": vote, "poll vote after close": vote,
		"poll get by author": func(c *talkapi.Client) (any, error) { return c.Poll(ctx, family, 1) },
		"poll close":         func(c *talkapi.Client) (any, error) { return c.ClosePoll(ctx, family, 1) },
		"edit own":           edit(79), "edit of another by non-moderator": edit(79), "member edits reply": edit(85),
		"member deletes":                  state(func(c *talkapi.Client) error { return c.Delete(ctx, family, 93) }),
		"poll future from g":              messages(family),
		"poll future nothing new":         messages(family),
		"poll future wakes on message":    messages(family),
		"poll future on unknown room":     messages("zzzzzzzz"),
		"chat after known, no wait":       messages(direct),
		"read-only room":                  readOnly,
		"read-only off":                   readOnly,
		"lobby on":                        lobby,
		"lobby off":                       lobby,
		"member leaves":                   state(func(c *talkapi.Client) error { return c.LeaveRoom(ctx, family) }),
		"group room delete":               state(func(c *talkapi.Client) error { return c.DeleteRoom(ctx, family) }),
		"delete app password":             state(func(c *talkapi.Client) error { return c.RevokeAppPassword(ctx) }),
		"notifications list":              notifications,
		"notifications unchanged":         notifications,
		"read marker":                     state(func(c *talkapi.Client) error { return c.MarkRead(ctx, direct, 0) }),
		"participant by e-mail":           state(func(c *talkapi.Client) error { return c.AddParticipant(ctx, "8bthmapr", "mike@example.org") }),
		"login flow v2 start":             login,
		"login flow v2 poll before grant": login,
	}
	// Requests this client does not make.
	foreign := map[string]bool{"status.php": true, "maintenance: status.php": true, "maintenance: dav": true, "message expiration": true,
		"important conversation": true, "room description": true, "user status set": true, "user lookup": true, "user details by non-admin": true,
		"user details by admin": true, "user create by admin": true, "user create duplicate": true, "user create by non-admin": true}

	wantErr := map[string]error{
		"capabilities without OCS header": talkapi.ErrNoOCSHeader, "app password asked with an app password": talkapi.ErrForbidden,
		"wrong password": talkapi.ErrUnauthorized, "revoked app password": talkapi.ErrUnauthorized,
		"one-to-one with unknown user": talkapi.ErrNotFound, "participant add unknown": talkapi.ErrNotFound,
		"room get unknown": talkapi.ErrNotFound, "unknown user room 6": talkapi.ErrNotFound, "poll future on unknown room": talkapi.ErrNotFound,
		"send empty": talkapi.ErrInvalid, "send 32001 chars": talkapi.ErrTooLong, "send to unknown room": talkapi.ErrNotFound,
		"send by stranger": talkapi.ErrNotFound, "react with text": talkapi.ErrInvalid, "reply to unknown message": talkapi.ErrInvalid,
		"poll vote after close": talkapi.ErrInvalid, "edit of another by non-moderator": talkapi.ErrForbidden,
		"send to read-only room": talkapi.ErrForbidden, "read in lobby by member": talkapi.ErrLobby, "member gone sends": talkapi.ErrNotFound,
		"send to deleted room": talkapi.ErrNotFound, "maintenance: capabilities": talkapi.ErrMaintenance, "maintenance: send": talkapi.ErrMaintenance,
	}
	results := map[string]any{}
	for _, rec := range recordings(t) {
		if foreign[rec.Name] {
			continue
		}
		f := calls[rec.Name]
		if f == nil {
			t.Errorf("no call for recording %q", rec.Name)
			continue
		}
		r := &replay{status: rec.Response.Status, header: rec.Response.Headers, body: rec.Response.Body, method: rec.Request.Method, path: rec.Request.Path}
		c, err := talkapi.New(talkapi.Options{URL: "http://127.0.0.1:8080", User: "anpi", Password: "pw", Transport: r})
		if err != nil {
			t.Fatal(err)
		}
		got, err := f(c)
		results[rec.Name] = got
		if !errors.Is(err, wantErr[rec.Name]) || (err != nil) != (wantErr[rec.Name] != nil) {
			t.Errorf("%s: error %v, want %v", rec.Name, err, wantErr[rec.Name])
		}
		if talkapi.MayHaveHappened(err) {
			t.Errorf("%s: a refusal counts as perhaps done: %v", rec.Name, err)
		}
	}

	want := func(name string, got, want any) {
		t.Helper()
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	caps := results["capabilities"].(talkapi.Capabilities)
	want("version", caps.Version.String(), "32.0.1")
	want("capabilities", []any{caps.Talk, caps.MaxLength, caps.CanCreate, caps.Has("edit-messages"), caps.Has("threads")}, []any{"22.0.0-dev.9", 32000, true, true, false})
	want("whoami", results["whoami"], talkapi.User{ID: "anpi", DisplayName: "Anpi Bot", Email: "anpi@example.net", Language: "en"})
	want("app password", results["app password from login"], talkapi.Secret("AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"))
	list := results["room list with modifiedSince"].(talkapi.RoomList)
	want("room list", []any{list.ModifiedBefore, list.Hash, len(list.Rooms), list.Rooms[0].Type, list.Rooms[0].LastMessage.Text},
		[]any{int64(1795347016), "24ceeae3bd4cfec6b8692968367e91f435eca90f", 2, talkapi.OneToOne, "silent"})
	group1 := results["group create"].(talkapi.Room)
	group1.LastMessage = nil
	want("group", group1, talkapi.Room{Token: family, Type: talkapi.Group, Name: "家族 Family", DisplayName: "家族 Family", ActorType: "users", ActorID: "anpi",
		AttendeeID: 5, Moderator: true, Permissions: 254, NotifyLevel: talkapi.NotifyMention, LastActivity: time.Unix(1795346955, 0), LastRead: 70, LastCommonRead: 70})
	people := results["participants"].([]talkapi.Participant)
	want("participant", people[1], talkapi.Participant{AttendeeID: 6, ActorType: "users", ActorID: "otosan", DisplayName: "お父さん", Permissions: 246})
	mention := results["mention"].(talkapi.Message)
	want("mention", mention.PlainText(), "@ネズミ @お父さん @家族 Family 無事ですか?")
	want("mentions", []bool{mention.Mentions("nezumi"), mention.Mentions("obaachan")}, []bool{true, false})
	want("silent", results["send silent"].(talkapi.Message).Silent, true)
	reply := results["text reply in thread of prompt"].(talkapi.Message)
	want("reply", []any{reply.Text, reply.Parent.ID, reply.Parent.Reactions}, []any{"無事です。会社にいます", int64(79), map[string]int{"✅": 2, "🆘": 1}})
	place, ok := results["location share"].(talkapi.Message).Place()
	want("place", []any{place, ok}, []any{talkapi.Place{Name: "東京駅", Latitude: 35.681236, Longitude: 139.767125}, true})
	edited := results["edit own"].(talkapi.Message)
	want("edit", []any{edited.ID, edited.PlainText(), edited.EditedAt.Unix(), edited.System}, []any{int64(79), "@ネズミ 集計: 1/4 ✅", int64(1795347001), ""})
	by := results["reactions list"].(map[string][]talkapi.Reaction)
	want("reaction", by["👍🏽"], []talkapi.Reaction{{ActorType: "users", ActorID: "okasan", ActorName: "お母さん", Time: time.Unix(1795346985, 0)}})
	want("reactions", len(by["✅"]), 2)
	want("poll", results["poll vote changed"].(talkapi.Poll).Votes, []int{0, 0, 1})
	want("hidden votes", results["poll get by author"].(talkapi.Poll).Votes, []int{0, 0, 0})
	closed := results["poll close"].(talkapi.Poll)
	want("closed poll", closed.Details, []talkapi.Vote{{ActorType: "users", ActorID: "nezumi", ActorName: "ネズミ", Option: 2}})
	stream := results["poll future from g"].(talkapi.Batch)
	var kinds []string
	for _, m := range stream.Messages {
		kinds = append(kinds, m.System)
	}
	want("stream", kinds, []string{"reaction", "reaction", "reaction", "reaction_deleted", "reaction_revoked", "", "", "", "poll_voted", "poll_voted", "poll_closed", "message_edited", "message_edited", "", "message_deleted"})
	want("offsets", []int64{stream.LastGiven, stream.CommonRead}, []int64{94, 72})
	want("tap", []any{stream.Messages[2].ActorID, stream.Messages[2].Text, stream.Messages[2].Parent.ID}, []any{"nezumi", "✅", int64(79)})
	want("deleted", []bool{stream.Messages[13].Deleted, stream.Messages[14].Parent.Deleted}, []bool{true, true})
	want("nothing new", results["poll future nothing new"], talkapi.Batch{})
	news := results["notifications list"].(talkapi.Notifications)
	token, id, ok := news.Items[1].Room()
	want("notification", []any{news.ETag, len(news.Items), token, id, ok}, []any{`"6be09b5a7a228747f2ccd0a61b0e8f44"`, 2, direct, int64(201), true})
	want("unchanged", results["notifications unchanged"], talkapi.Notifications{ETag: `"6be09b5a7a228747f2ccd0a61b0e8f44"`, Unchanged: true})
}

// TestLoginRecorded reads the two recorded answers of Login Flow v2.
func TestLoginRecorded(t *testing.T) {
	var r replay
	start := func(name string) {
		for _, rec := range recordings(t) {
			if rec.Name == name {
				r = replay{status: rec.Response.Status, header: rec.Response.Headers, body: rec.Response.Body, method: rec.Request.Method, path: rec.Request.Path}
			}
		}
	}
	start("login flow v2 start")
	l, err := talkapi.StartLogin(t.Context(), talkapi.Options{URL: "http://127.0.0.1:8080", Transport: &r})
	if err != nil || !strings.HasPrefix(l.URL, "http://127.0.0.1:8080/login/v2/flow/LLLL") {
		t.Fatalf("login at %q, %v", l.URL, err)
	}
	start("login flow v2 poll before grant")
	r.path = "/login/v2/poll" // the endpoint as the server named it
	if _, ok, err := l.Poll(t.Context()); ok || err != nil {
		t.Errorf("login confirmed %v, error %v before anybody did", ok, err)
	}
	if !r.asked {
		t.Error("the server was not asked")
	}
}

type recorded struct {
	Name    string
	Request struct {
		Method, Path string
	}
	Response struct {
		Status  int
		Headers map[string]string
		Body    json.RawMessage
	}
}

func recordings(t testing.TB) []recorded {
	t.Helper()
	b, err := os.ReadFile("testdata/talk.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []recorded
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 94 {
		t.Fatalf("%d recordings, want 94", len(all))
	}
	return all
}
