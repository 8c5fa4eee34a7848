package talkapi_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/talkapi"
)

// recordedWebhooks are what a real server sent to a bot.
type recordedWebhooks struct {
	Incoming []struct {
		Headers map[string]string
		Raw     string
	}
	Outgoing []struct {
		Name    string
		Request struct {
			Method, Path string
			Headers      map[string]string
			Body         map[string]any
			Secret       talkapi.Secret
		}
		Response struct {
			Status int
			Body   json.RawMessage
		}
	}
}

const recordedSecret talkapi.Secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func webhooks(t testing.TB) recordedWebhooks {
	t.Helper()
	b, err := os.ReadFile("testdata/bot-webhook.json")
	if err != nil {
		t.Fatal(err)
	}
	var w recordedWebhooks
	if err := json.Unmarshal(b, &w); err != nil {
		t.Fatal(err)
	}
	if len(w.Incoming) != 13 || len(w.Outgoing) != 7 {
		t.Fatalf("%d and %d recordings", len(w.Incoming), len(w.Outgoing))
	}
	return w
}

func headers(m map[string]string) http.Header {
	h := http.Header{}
	for k, v := range m {
		h.Set(k, v)
	}
	return h
}

func TestWebhooksRecorded(t *testing.T) {
	nezumi := func(e talkapi.Event) talkapi.Event {
		e.ActorType, e.ActorID, e.ActorName = "users", "nezumi", "ネズミ"
		e.Room, e.RoomName = "xutbvrjx", "Webhook room"
		return e
	}
	bot := func(e talkapi.Event, name string) talkapi.Event {
		e = nezumi(e)
		e.ActorType, e.ActorID, e.ActorName = "bots", "bot-bc50d26e30e90eed5928ed9aac1adb9272312c62", name
		return e
	}
	user := func(id, name string) talkapi.Parameter {
		return talkapi.Parameter{Type: "user", ID: id, Name: name, Other: map[string]string{"mention-id": id}}
	}
	mention := map[string]talkapi.Parameter{"mention-user1": user("anpi", "Anpi Bot")}
	actor := map[string]talkapi.Parameter{"actor": user("nezumi", "ネズミ")}
	text := "!status {mention-user1} 無事です"
	want := []talkapi.Event{
		bot(talkapi.Event{Type: talkapi.EventJoin}, "安否 Anpi"),
		nezumi(talkapi.Event{Type: talkapi.EventMessage, MessageID: 105, Text: text, Parameters: mention}),
		nezumi(talkapi.Event{Type: talkapi.EventMessage, MessageID: 106, Text: "reply", ReplyTo: 105}),
		nezumi(talkapi.Event{Type: talkapi.EventReaction, MessageID: 105, Text: text, Parameters: mention, Reaction: "✅"}),
		bot(talkapi.Event{Type: talkapi.EventActivity, MessageID: 110, System: "reaction_revoked", Text: "{actor} deleted a reaction",
			Parameters: map[string]talkapi.Parameter{"actor": {Type: "highlight", ID: "deleted_users", Name: "Deleted user"}}}, "安否 Anpi (Bot)"),
		nezumi(talkapi.Event{Type: talkapi.EventUndo, MessageID: 105, Text: text, Parameters: mention, Reaction: "✅"}),
		bot(talkapi.Event{Type: talkapi.EventReaction, MessageID: 107, Text: "🔔 無事ですか?", Reaction: "✅"}, "安否 Anpi (Bot)"),
		nezumi(talkapi.Event{Type: talkapi.EventActivity, MessageID: 112, System: "reaction_revoked", Text: "{actor} deleted a reaction", Parameters: actor}),
		bot(talkapi.Event{Type: talkapi.EventUndo, MessageID: 107, Text: "🔔 無事ですか?", Reaction: "✅"}, "安否 Anpi (Bot)"),
		nezumi(talkapi.Event{Type: talkapi.EventActivity, MessageID: 113, System: "message_edited", Text: "{actor} edited a message", Parameters: actor}),
		nezumi(talkapi.Event{Type: talkapi.EventActivity, MessageID: 114, System: "message_deleted", Text: "{actor} deleted a message", Parameters: actor}),
		nezumi(talkapi.Event{Type: talkapi.EventActivity, MessageID: 115, Text: "{object}", Parameters: map[string]talkapi.Parameter{"actor": user("nezumi", "ネズミ"),
			"object": {Type: "geo-location", ID: "geo:35.68,139.76", Name: "東京駅", Other: map[string]string{"latitude": "35.68", "longitude": "139.76",
				"icon-url": "http://127.0.0.1/ocs/v2.php/apps/spreed/api/v1/room/xutbvrjx/avatar?v=be859ef2"}}}}),
		bot(talkapi.Event{Type: talkapi.EventLeave}, "安否 Anpi"),
	}
	for i, in := range webhooks(t).Incoming {
		// The old secret is still accepted while a new one is introduced.
		if err := talkapi.VerifyWebhook([]talkapi.Secret{"new", recordedSecret}, headers(in.Headers), []byte(in.Raw)); err != nil {
			t.Errorf("%d: %v", i, err)
		}
		got, err := talkapi.ParseWebhook([]byte(in.Raw))
		if d := cmp.Diff(want[i], got); err != nil || d != "" {
			t.Errorf("%d: %v (-want +got):\n%s", i, err, d)
		}
	}
}

func TestForgedWebhooks(t *testing.T) {
	in := webhooks(t).Incoming[1]
	const signature, random = "X-Nextcloud-Talk-Signature", "X-Nextcloud-Talk-Random"
	good := func() (http.Header, []byte) { return headers(in.Headers), []byte(in.Raw) }
	if h, b := good(); talkapi.VerifyWebhook([]talkapi.Secret{recordedSecret}, h, b) != nil {
		t.Fatal("the genuine one is refused")
	}
	h, b := good()
	h.Set(signature, strings.ToUpper(h.Get(signature)))
	if err := talkapi.VerifyWebhook([]talkapi.Secret{recordedSecret}, h, b); err != nil {
		t.Errorf("upper case: %v", err)
	}
	for name, forge := range map[string]func(http.Header, []byte) ([]talkapi.Secret, []byte){
		"no secret":       func(h http.Header, b []byte) ([]talkapi.Secret, []byte) { return nil, b },
		"other secret":    func(h http.Header, b []byte) ([]talkapi.Secret, []byte) { return []talkapi.Secret{"x"}, b },
		"changed body":    func(h http.Header, b []byte) ([]talkapi.Secret, []byte) { b[20]++; return one(), b },
		"longer body":     func(h http.Header, b []byte) ([]talkapi.Secret, []byte) { return one(), append(b, ' ') },
		"no signature":    func(h http.Header, b []byte) ([]talkapi.Secret, []byte) { h.Del(signature); return one(), b },
		"short signature": func(h http.Header, b []byte) ([]talkapi.Secret, []byte) { h.Set(signature, "ab"); return one(), b },
		"no hex": func(h http.Header, b []byte) ([]talkapi.Secret, []byte) {
			h.Set(signature, strings.Repeat("zz", 32))
			return one(), b
		},
		"no random": func(h http.Header, b []byte) ([]talkapi.Secret, []byte) { h.Del(random); return one(), b },
		"other random": func(h http.Header, b []byte) ([]talkapi.Secret, []byte) {
			h.Set(random, strings.Repeat("r", 64))
			return one(), b
		},
		"too large": func(h http.Header, b []byte) ([]talkapi.Secret, []byte) {
			return one(), make([]byte, talkapi.WebhookLimit+1)
		},
	} {
		h, b := good()
		secrets, b := forge(h, b)
		err := talkapi.VerifyWebhook(secrets, h, b)
		if !errors.Is(err, talkapi.ErrBadWebhook) || strings.Contains(err.Error(), recordedSecret.Reveal()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// An empty secret in the configuration must not open the door: this
	// signature is made with one.
	h, b = good()
	mac := hmac.New(sha256.New, nil)
	mac.Write([]byte(h.Get(random)))
	mac.Write(b)
	h.Set(signature, hex.EncodeToString(mac.Sum(nil)))
	if err := talkapi.VerifyWebhook([]talkapi.Secret{""}, h, b); !errors.Is(err, talkapi.ErrBadWebhook) {
		t.Errorf("empty secret: %v", err)
	}
}

func one() []talkapi.Secret { return []talkapi.Secret{recordedSecret} }

func TestBadWebhookBodies(t *testing.T) {
	for _, body := range []string{``, `null`, `[]`, `{}`, `{"type":"Delete"}`, `{"type":"Create"}`, `{"type":"Create","target":{"id":"r"}}`,
		`{"type":"Create","target":{"id":"r"},"object":{"id":"-1"}}`, `{"type":"Undo","target":{"id":"r"},"object":{"id":"1"}}`, `{"type":"Join","object":[]}`} {
		if e, err := talkapi.ParseWebhook([]byte(body)); err == nil {
			t.Errorf("%s: %+v", body, e)
		}
	}
	// Content that is no JSON is text; a user id may contain slashes.
	e, err := talkapi.ParseWebhook([]byte(`{"type":"Create","actor":{"id":"users/a/b"},"object":{"id":7,"content":"plain"},"target":{"id":"r"}}`))
	if err != nil || e.Text != "plain" || e.ActorID != "a/b" || e.MessageID != 7 {
		t.Errorf("%+v, %v", e, err)
	}
}

// TestBotRecorded makes the recorded calls of a bot and checks the signature
// by the recorded rule.
func TestBotRecorded(t *testing.T) {
	for _, out := range webhooks(t).Outgoing {
		r := &replay{status: out.Response.Status, body: out.Response.Body, method: out.Request.Method, path: out.Request.Path}
		var asked *http.Request
		b, err := talkapi.NewBot(talkapi.BotOptions{URL: "http://127.0.0.1:8080", Secret: recordedSecret, Transport: roundTripper(func(rq *http.Request) (*http.Response, error) {
			asked = rq
			return r.RoundTrip(rq)
		})})
		if err != nil {
			t.Fatal(err)
		}
		room := strings.Split(out.Request.Path, "/")[8]
		value, _ := out.Request.Body["message"].(string)
		var want error
		switch out.Name {
		case "bot bad signature", "bot unknown room":
			want = talkapi.ErrUnauthorized
		case "bot empty message":
			want = talkapi.ErrInvalid
		}
		switch out.Name {
		case "bot reacts":
			value = "✅"
			err = b.React(t.Context(), room, 105, value)
		case "bot unreacts":
			value = "✅"
			err = b.Unreact(t.Context(), room, 105, value)
		default:
			err = b.Send(t.Context(), room, talkapi.Post{Text: value})
		}
		if !errors.Is(err, want) || err != nil && want == nil {
			t.Errorf("%s: %v, want %v", out.Name, err, want)
		}
		if asked.Header.Get("Authorization") != "" {
			t.Errorf("%s: a bot sent a password", out.Name)
		}
		// Incoming and outgoing signatures are the same function.
		check := http.Header{"X-Nextcloud-Talk-Random": asked.Header["X-Nextcloud-Talk-Bot-Random"], "X-Nextcloud-Talk-Signature": asked.Header["X-Nextcloud-Talk-Bot-Signature"]}
		if err := talkapi.VerifyWebhook(one(), check, []byte(value)); err != nil {
			t.Errorf("%s: %v", out.Name, err)
		}
		recorded := http.Header{"X-Nextcloud-Talk-Random": {out.Request.Headers["X-Nextcloud-Talk-Bot-Random"]}, "X-Nextcloud-Talk-Signature": {out.Request.Headers["X-Nextcloud-Talk-Bot-Signature"]}}
		if err := talkapi.VerifyWebhook(one(), recorded, []byte(value)); (err == nil) != (out.Name != "bot bad signature") {
			t.Errorf("%s: the recorded signature: %v", out.Name, err)
		}
	}
}

func FuzzWebhook(f *testing.F) {
	for _, in := range webhooks(f).Incoming {
		f.Add([]byte(in.Raw), in.Headers["X-Nextcloud-Talk-Signature"], in.Headers["X-Nextcloud-Talk-Random"])
	}
	f.Fuzz(func(t *testing.T, body []byte, signature, random string) {
		h := http.Header{"X-Nextcloud-Talk-Signature": {signature}, "X-Nextcloud-Talk-Random": {random}}
		if err := talkapi.VerifyWebhook(nil, h, body); err == nil {
			t.Error("accepted without a secret")
		}
		e, err := talkapi.ParseWebhook(body)
		if err == nil && (e.Room == "" || e.MessageID <= 0 && e.Type != talkapi.EventJoin && e.Type != talkapi.EventLeave) {
			t.Errorf("event without room or message: %+v", e)
		}
	})
}
