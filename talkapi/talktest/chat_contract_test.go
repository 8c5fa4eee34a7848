package talktest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/anpi-bot/anpi/talkapi"
)

// ask makes a call of a user that is no part of the client.
func (nc nextcloud) ask(t *testing.T, user string, app talkapi.Secret, method, path, media string, body []byte) {
	t.Helper()
	rq, err := http.NewRequestWithContext(t.Context(), method, nc.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	rq.SetBasicAuth(user, app.Reveal())
	rq.Header.Set("OCS-APIRequest", "true")
	rq.Header.Set("Accept", "application/json")
	rq.Header.Set("Content-Type", media)
	rs, err := (&http.Client{Transport: nc.transport}).Do(rq)
	if err != nil {
		t.Fatal(err)
	}
	rs.Body.Close()
	if rs.StatusCode < 200 || rs.StatusCode > 299 {
		t.Fatalf("%s %s: HTTP %d", method, path, rs.StatusCode)
	}
}

// share uploads a file and shares it with a room, as Talk's own apps do.
func (nc nextcloud) share(t *testing.T, user string, app talkapi.Secret, room, name string, how map[string]any) {
	t.Helper()
	nc.ask(t, user, app, http.MethodPut, "/remote.php/dav/files/"+url.PathEscape(user)+"/"+url.PathEscape(name), "application/octet-stream", []byte("not really"))
	meta, err := json.Marshal(how)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"shareType": 10, "shareWith": room, "path": "/" + name, "talkMetaData": string(meta)})
	if err != nil {
		t.Fatal(err)
	}
	nc.ask(t, user, app, http.MethodPost, "/ocs/v2.php/apps/files_sharing/api/v1/shares", "application/json", body)
}

// chatContract is what people do in a room, as the bot gets to see it.
func chatContract(t *testing.T, nc nextcloud) {
	ctx := t.Context()
	must, is, refused := expect{t}.must, expect{t}.is, expect{t}.refused
	botID, bot := nc.person(t, "Anpi Bot", "en")
	nezumiID, nezumiApp, nezumi := nc.account(t, "ネズミ", "ja")
	otosanID, otosan := nc.person(t, "お父さん", "ja")
	okasanID, _ := nc.person(t, "お母さん", "ja")
	group, err := bot.CreateGroup(ctx, "家族 Family", []string{nezumiID, otosanID})
	must(err)
	t.Cleanup(func() {
		if err := bot.DeleteRoom(context.WithoutCancel(ctx), group.Token); err != nil && !errors.Is(err, talkapi.ErrNotFound) {
			t.Error(err)
		}
	})
	newest, err := bot.History(ctx, group.Token, 0, 1)
	must(err)
	offset := newest.LastGiven
	// news is what came since the last look.
	news := func(n int) []talkapi.Message {
		t.Helper()
		b, err := bot.Messages(ctx, group.Token, talkapi.Query{After: offset})
		must(err)
		if len(b.Messages) != n {
			t.Fatalf("%d messages, want %d: %q", len(b.Messages), n, brief(b.Messages))
		}
		offset = b.LastGiven
		return b.Messages
	}

	// Somebody speaks to the bot, by its id as written or in capitals.
	_, err = nezumi.Send(ctx, group.Token, talkapi.Post{Text: "@" + strings.ToUpper(botID) + " status"})
	must(err)
	asked, err := nezumi.Send(ctx, group.Token, talkapi.Post{Text: `@"` + botID + `", @` + otosanID + ` 無事?`})
	must(err)
	spoken := news(2)
	rest, found := spoken[0].CutMention(botID)
	is("command", []any{found, rest.PlainText(), spoken[0].Mentions(botID)}, []any{true, "status", true})
	rest, found = spoken[1].CutMention(botID)
	is("question", []any{found, rest.PlainText(), spoken[1].PlainText()}, []any{true, "@お父さん 無事?", "@Anpi Bot, @お父さん 無事?"})
	_, found = spoken[1].CutMention(otosanID)
	is("not at the beginning", []any{found, spoken[1].Mentions(otosanID)}, []any{false, true})

	// The bot reacts and answers; they react to the answer, and think better of it.
	must(bot.React(ctx, group.Token, asked.ID, "👀"))
	answer, err := bot.Send(ctx, group.Token, talkapi.Post{Text: "無事です", ReplyTo: asked.ID})
	must(err)
	must(nezumi.React(ctx, group.Token, answer.ID, "👍"))
	must(nezumi.Unreact(ctx, group.Token, answer.ID, "👍"))
	must(bot.Unreact(ctx, group.Token, asked.ID, "👀"))
	refused("reaction that is gone", bot.Unreact(ctx, group.Token, asked.ID, "👀"), talkapi.ErrNotFound)
	var kinds []string
	for _, m := range news(5) {
		kinds = append(kinds, m.ActorID+" "+m.System)
	}
	is("reactions", kinds, []string{botID + " reaction_deleted", botID + " ", nezumiID + " reaction_deleted", nezumiID + " reaction_revoked", botID + " reaction_revoked"})

	// A message is deleted: nobody reacts to it any more.
	must(nezumi.Delete(ctx, group.Token, asked.ID))
	gone := news(1)[0]
	is("deletion", []any{gone.ActorID, gone.System, gone.Parent.ID, gone.Parent.Deleted, gone.Parent.Type}, []any{nezumiID, "message_deleted", asked.ID, true, "comment_deleted"})
	refused("reaction to a deleted message", bot.React(ctx, group.Token, asked.ID, "✅"), talkapi.ErrNotReactable)
	refused("the same as before", bot.React(ctx, group.Token, asked.ID, "✅"), talkapi.ErrInvalid)
	refused("reaction to a system message", bot.React(ctx, group.Token, gone.ID, "✅"), talkapi.ErrNotReactable)
	refused("reaction to nothing", bot.React(ctx, group.Token, 1<<40, "✅"), talkapi.ErrNotFound)
	refused("reaction off a deleted message", bot.Unreact(ctx, group.Token, asked.ID, "✅"), talkapi.ErrNotFound)
	_, err = bot.Reactions(ctx, group.Token, asked.ID)
	refused("reactions of a deleted message", err, talkapi.ErrNotFound)
	loud, err := otosan.Send(ctx, group.Token, talkapi.Post{Text: "うるさい"})
	must(err)
	must(bot.Delete(ctx, group.Token, loud.ID))
	loud = *news(2)[1].Parent
	is("deletion by a moderator", []any{loud.ActorID, loud.Parameters["actor"].ID}, []any{otosanID, botID})
	must(bot.SetReadOnly(ctx, group.Token, true))
	refused("reaction in a locked room", nezumi.React(ctx, group.Token, answer.ID, "👍"), talkapi.ErrForbidden)
	refused("reaction off in a locked room", nezumi.Unreact(ctx, group.Token, answer.ID, "👍"), talkapi.ErrForbidden)
	must(bot.SetReadOnly(ctx, group.Token, false))
	news(2)

	// Pictures and voice: a file, with or without a word.
	nc.share(t, nezumiID, nezumiApp, group.Token, "家.png", map[string]any{})
	nc.share(t, nezumiID, nezumiApp, group.Token, "安全.gif", map[string]any{"caption": "@" + botID + " 避難した"})
	nc.share(t, nezumiID, nezumiApp, group.Token, "声.mp3", map[string]any{"messageType": "voice-message"})
	shared := news(3)
	for i, want := range [][]any{
		{"comment", "家.png", "家.png", "image/png"},
		{"comment", "@Anpi Bot 避難した", "安全.gif", "image/gif"},
		{"voice-message", "声.mp3", "声.mp3", "audio/mpeg"},
	} {
		m := shared[i]
		file := m.Parameters["file"]
		is("file", []any{m.Type, m.PlainText(), file.Name, file.Other["mimetype"]}, want)
		is("kind", []any{m.System, file.Type, m.ActorID, m.Parameters["actor"].ID}, []any{"", "file", nezumiID, nezumiID})
	}
	rest, found = shared[1].CutMention(botID)
	is("caption", []any{found, rest.PlainText()}, []any{true, "避難した"})
	must(bot.React(ctx, group.Token, shared[0].ID, "👀"))
	must(bot.React(ctx, group.Token, shared[2].ID, "👀"))
	changed, err := nezumi.Edit(ctx, group.Token, shared[1].ID, "やっぱり助けて")
	must(err)
	is("new caption", []any{changed.PlainText(), changed.Parameters["file"].Name}, []any{"やっぱり助けて", "安全.gif"})
	must(nezumi.Delete(ctx, group.Token, shared[1].ID))
	is("deleted picture", news(4)[3].Parent.Deleted, true)

	// People come and go.
	must(bot.AddParticipant(ctx, group.Token, okasanID))
	must(otosan.LeaveRoom(ctx, group.Token))
	people, err := bot.Participants(ctx, group.Token)
	must(err)
	for _, p := range people {
		if p.ActorID == okasanID {
			must(bot.RemoveAttendee(ctx, group.Token, p.AttendeeID))
		}
	}
	var moves [][]string
	for _, m := range news(3) {
		moves = append(moves, []string{m.ActorID, m.System, m.Parameters["user"].ID})
	}
	is("comings and goings", moves, [][]string{{botID, "user_added", okasanID}, {otosanID, "user_removed", otosanID}, {botID, "user_removed", okasanID}})
}
