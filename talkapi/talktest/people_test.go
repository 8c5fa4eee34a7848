package talktest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/talkapi"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// news is what the bot reads in a room after an offset.
func (h home) news(t *testing.T, room string, after int64) []talkapi.Message {
	t.Helper()
	b, err := h.bot.Messages(t.Context(), room, talkapi.Query{After: after})
	if err != nil {
		t.Fatal(err)
	}
	return b.Messages
}

// TestPeople lets a member do what the apps offer, and the bot look on.
func TestPeople(t *testing.T) {
	bubble(t, "what is shared", func(t *testing.T, h home) {
		prompt := h.anpi.Say(h.room, "無事?")
		h.nezumi.ShareFile(h.room, "家.jpg", "")
		picture := h.nezumi.ShareFile(h.room, "スタンプ.GIF", "  @anpi 無事 ")
		voice := h.nezumi.Speak(h.room)
		var got []string
		for _, m := range h.news(t, h.room, prompt) {
			got = append(got, m.Type+" "+m.PlainText()+" "+m.Parameters["file"].Other["mimetype"])
		}
		want := []string{"comment 家.jpg image/jpeg", "comment @Anpi Bot 無事 image/gif", "voice-message voice.mp3 audio/mpeg"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		n, err := h.bot.Notifications(t.Context(), "")
		if err != nil || len(n.Items) != 1 {
			t.Errorf("%+v, %v", n, err)
		}
		h.nezumi.Edit(h.room, picture, "助けて")
		h.nezumi.Delete(h.room, voice)
		if ms := h.Messages(h.room); ms[len(ms)-4].File != "スタンプ.GIF" || ms[len(ms)-4].Text != "助けて" || ms[len(ms)-3].File != "" {
			t.Errorf("%+v", ms[len(ms)-4:])
		}
	})
	bubble(t, "coming and going", func(t *testing.T, h home) {
		before := h.last().ID
		okasan := h.AddUser("okasan", "お母さん", talktest.UserOptions{})
		h.AddMember(h.room, "okasan")
		okasan.Leave(h.room)
		h.AddGuest(h.room, "隣の人")
		okasan.Join(h.room)
		h.RemoveMember(h.room, "okasan")
		var got []string
		for _, m := range h.news(t, h.room, before) {
			got = append(got, strings.TrimSpace(m.ActorID+" "+m.System+" "+m.Parameters["user"].ID)+": "+m.PlainText())
		}
		want := []string{
			"anpi user_added okasan: You added お母さん",
			"okasan user_removed okasan: お母さん left the conversation",
			"anpi guests_allowed: You allowed guests",
			"okasan user_added okasan: お母さん joined the conversation",
			"anpi user_removed okasan: You removed お母さん",
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
	bubble(t, "an e-mail guest goes without a word", func(t *testing.T, h home) {
		set(t, h, "/ocs/v2.php/apps/spreed/api/v4/room/"+h.room+"/participants", `{"newParticipant":"Obasan@example.net","source":"emails"}`)
		before := h.last().ID
		people, err := h.bot.Participants(t.Context(), h.room)
		if err != nil || len(people) != 4 || people[3].ActorType != "emails" {
			t.Fatalf("%+v, %v", people, err)
		}
		if err := h.bot.RemoveAttendee(t.Context(), h.room, people[3].AttendeeID); err != nil {
			t.Error(err)
		}
		if ms := h.news(t, h.room, before); len(ms) != 0 {
			t.Errorf("%+v", ms)
		}
	})
}

// TestOutsiders is about everybody who is heard and is no user: none of them
// can be taken for one.
func TestOutsiders(t *testing.T) {
	bubble(t, "in the family room", func(t *testing.T, h home) {
		prompt := h.anpi.Say(h.room, "無事?")
		other := h.InstallBot(talktest.BotOptions{Name: "天気", Secret: strings.Repeat("x", 40), URL: "http://weather.test/"})
		other.Enable(h.room)
		guest := h.AddGuest(h.room, "ネズミ") // called like a member
		kenta := h.AddFederated(h.room, "nezumi@other.example", "ネズミ")
		after := h.last().ID
		for _, o := range []*talktest.Outsider{guest, kenta, other.In(h.room)} {
			said := o.Reply(prompt, "@anpi 助けて")
			o.React(prompt, "🆘")
			o.React(said, "👍")
			o.Unreact(said, "👍")
		}
		var got []string
		for _, m := range h.news(t, h.room, after) {
			if m.System == "" || m.System == "reaction" {
				got = append(got, m.ActorType+" "+m.ActorID+" "+m.ActorName+" "+m.PlainText())
			}
			if p := m.Parameters["actor"]; m.System == "reaction_revoked" && m.ActorType == "bots" && (p.Type != "highlight" || p.ID != "deleted_users") {
				t.Errorf("a bot is %+v", p) // as recorded
			}
		}
		var want []string
		for _, o := range []*talktest.Outsider{guest, kenta, other.In(h.room)} {
			want = append(want, o.Type+" "+o.ID+" "+o.Name+" @Anpi Bot 助けて", o.Type+" "+o.ID+" "+o.Name+" 🆘")
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		by, err := h.bot.Reactions(t.Context(), h.room, prompt)
		if err != nil || len(by["🆘"]) != 3 {
			t.Errorf("%+v, %v", by, err)
		}
		for _, r := range by["🆘"] {
			if r.ActorType == "users" {
				t.Errorf("%+v counts as a user", r)
			}
		}
		n, err := h.bot.Notifications(t.Context(), "")
		if err != nil || len(n.Items) != 3 || n.Items[2].Subject != "ネズミ (guest) mentioned you in conversation 家族" {
			t.Errorf("%+v, %v", n, err)
		}
		people, err := h.bot.Participants(t.Context(), h.room)
		if err != nil {
			t.Fatal(err)
		}
		var types []string
		for _, p := range people {
			types = append(types, p.ActorType)
		}
		if d := cmp.Diff([]string{"users", "users", "users", "guests", "federated_users"}, types); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
	bubble(t, "mentioned", func(t *testing.T, h home) {
		guest, nameless := h.AddGuest(h.room, "隣の人"), h.AddGuest(h.room, "")
		h.AddFederated(h.room, "anpi@other.example", "安否")
		id := h.nezumi.Say(h.room, `@"guest/`+guest.ID+`" @"guest/`+nameless.ID+`" @"federated_user/anpi@other.example" @anpi @"guest/beef"`)
		m := h.news(t, h.room, id-1)[0]
		if got, want := m.PlainText(), `@隣の人 @Guest @安否 @Anpi Bot @"guest/beef"`; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		id = h.nezumi.Say(h.room, `@"federated_user/anpi@other.example" status`)
		m = h.news(t, h.room, id-1)[0]
		if _, found := m.CutMention("anpi"); found || m.Mentions("anpi") {
			t.Errorf("the bot of another server was taken for this one: %+v", m.Parameters)
		}
	})
	bubble(t, "those who invite them", func(t *testing.T, h home) {
		before := h.last().ID
		h.AddFederated(h.room, "kenta@other.example", "健太")
		ms := h.news(t, h.room, before)
		if len(ms) != 2 || ms[0].PlainText() != "You invited 健太" || ms[1].PlainText() != "健太 accepted the invitation" || ms[1].ActorType != "federated_users" {
			t.Errorf("%+v", ms)
		}
	})
	bubble(t, "kept out", func(t *testing.T, h home) {
		guest := h.AddGuest(h.room, "隣の人")
		for what, close := range map[string]func(string, bool){"read-only": h.SetReadOnly, "lobby": h.SetLobby} {
			close(h.room, true)
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: a guest was heard", what)
					}
				}()
				guest.Say("助けて")
			}()
			close(h.room, false)
		}
		guest.Say("助けて")
	})
	bubble(t, "a new account", func(t *testing.T, h home) {
		changelog, sample := h.Welcome(h.anpi)
		changelog.Say("## New in Talk 22")
		sample.Say("## Manage conversation settings")
		list, err := h.bot.Rooms(t.Context(), talkapi.RoomsQuery{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range list.Rooms[1:] {
			got = append(got, fmt.Sprintf("%s, %s, %s, %s, sample %v", r.Name, r.DisplayName, r.LastMessage.ActorType, r.LastMessage.ActorID, r.Sample))
			if _, err := h.bot.Send(t.Context(), r.Token, talkapi.Post{Text: "x"}); errors.Is(err, talkapi.ErrForbidden) != (r.Type == talkapi.Changelog) {
				t.Errorf("%s: %v", r.DisplayName, err)
			}
		}
		want := []string{"anpi, Talk updates ✅, bots, changelog, sample false", "Let's get started!, Let's get started!, bots, sample, sample true"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	})
}
