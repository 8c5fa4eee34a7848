package talkapi_test

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/talkapi"
)

// read lets the client decode a list of messages, as the chat calls get it.
func read(t *testing.T, list string) (talkapi.Batch, error) {
	r := &replay{status: 200, method: http.MethodGet, path: "/ocs/v2.php/apps/spreed/api/v1/chat/r",
		header: map[string]string{"Content-Type": "application/json", "X-Chat-Last-Given": "7"},
		body:   fmt.Appendf(nil, envelope, 200, "OK", list)}
	return client(t, talkapi.Options{URL: "http://cloud.test", Transport: r}).Messages(t.Context(), "r", talkapi.Query{})
}

// TestLenientDecoding reads what PHP, other versions and third-party apps
// make of the same message.
func TestLenientDecoding(t *testing.T) {
	want := talkapi.Message{ID: 5, Room: "r", ActorType: "users", ActorID: "7", Time: time.Unix(1795346964, 0), Text: "hi", Type: "comment"}
	for name, j := range map[string]string{
		"usual":               `{"id":5,"token":"r","actorType":"users","actorId":"7","timestamp":1795346964,"message":"hi","messageType":"comment","messageParameters":[],"reactions":{}}`,
		"numbers as strings":  `{"id":"5","token":"r","actorType":"users","actorId":7,"timestamp":"1795346964","message":"hi","messageType":"comment","messageParameters":{},"reactions":[]}`,
		"nulls":               `{"id":5,"token":"r","actorType":"users","actorId":"7","timestamp":1795346964.0,"message":"hi","messageType":"comment","messageParameters":null,"reactions":null,"parent":null,"silent":null,"deleted":0,"markdown":"0","reactionsSelf":null}`,
		"lists where objects": `{"id":5,"token":"r","actorType":"users","actorId":"7","timestamp":1795346964,"message":"hi","messageType":"comment","parent":[],"reactionsSelf":{},"systemMessage":[],"referenceId":{},"expirationTimestamp":[]}`,
	} {
		b, err := read(t, "["+j+"]")
		if d := cmp.Diff([]talkapi.Message{want}, b.Messages); err != nil || d != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, d)
		}
	}
	// A PHP array with a gap arrives as an object.
	b, err := read(t, `{"10":{"id":3},"2":{"id":2}}`)
	if err != nil || len(b.Messages) != 2 || b.Messages[0].ID != 2 || b.LastGiven != 7 {
		t.Errorf("%+v, %v", b, err)
	}
	b, err = read(t, `[{"id":9,"token":"r","parent":{"id":4,"deleted":true},"messageParameters":{"file":{"type":"file","id":12,"size":1024,"hide":false,"tags":["x"]},"odd":"text"}}]`)
	m := b.Messages[0]
	if err != nil || m.Parent.ID != 4 || !m.Parent.Deleted || m.Parent.Room != "r" {
		t.Errorf("remnant of a parent: %+v, %v", m.Parent, err)
	}
	if p := m.Parameters["file"]; p.ID != "12" || p.Other["size"] != "1024" || p.Other["hide"] != "false" {
		t.Errorf("parameter %+v", p)
	}
	if _, err := read(t, `["a"]`); err == nil {
		t.Error("a list of texts was taken for messages")
	}
}

func TestPlainText(t *testing.T) {
	m := talkapi.Message{Text: "{mention-user1}{mention-user10} {file} {unknown} {", Parameters: map[string]talkapi.Parameter{
		"mention-user1":  {Type: "user", ID: "a", Name: "{mention-user10}"}, // names are not looked into
		"mention-user10": {Type: "user", ID: "b"},
		"file":           {Type: "file", Name: "家.jpg"},
	}}
	if got, want := m.PlainText(), "@{mention-user10}@b 家.jpg {unknown} {"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMentions is about who is spoken to, and what is said to them.
func TestMentions(t *testing.T) {
	m := talkapi.Message{Parameters: map[string]talkapi.Parameter{
		"mention-user1":           {Type: "user", ID: "Anpi", Name: "安否"}, // as somebody typed it
		"mention-user2":           {Type: "user", ID: "obaachan", Name: "おばあちゃん"},
		"mention-federated-user1": {Type: "user", ID: "kenta", Name: "健太", Other: map[string]string{"server": "https://other.example"}},
		"mention-guest1":          {Type: "guest", ID: "guest/kenta", Name: "健太"},
		"mention-call1":           {Type: "call", ID: "r", Name: "家族"},
		"actor":                   {Type: "user", ID: "kenta"},
		"file":                    {Type: "file", ID: "9", Name: "家.jpg"},
	}}
	for id, want := range map[string]bool{"anpi": true, "obaachan": true, "kenta": false, "guest/kenta": false, "r": false, "": false} {
		if m.Mentions(id) != want {
			t.Errorf("%q mentioned: want %v", id, want)
		}
	}
	m.Text = "{mention-user1} {mention-federated-user1} {mention-guest1} {mention-call1} {file}"
	if got, want := m.PlainText(), "@安否 @健太 @健太 @家族 家.jpg"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for text, want := range map[string]string{
		"{mention-user1} 状況":                  "状況",
		"  {mention-user1}\n状況 ":              "状況 ",
		"{mention-user1}: status":             "status",
		"{mention-user1}、{mention-user2}は無事":  "{mention-user2}は無事",
		"{mention-user1}{mention-user1}　無事":   "無事",
		"{mention-user1} :)":                  ":)",
		"{mention-user1}":                     "",
		"{mention-user1} {":                   "{",
		"{mention-user1} {mention-user1":      "{mention-user1",
		"{mention-user1}\xff":                 "\xff",
		"{file} {mention-user1}":              "",
		"{mention-federated-user1} 無事":        "",
		"無事 {mention-user1}":                  "",
		"@anpi 無事":                            "",
		"{mention-user2} {mention-user1}, 無事": "",
	} {
		m.Text = text
		rest, found := m.CutMention("anpi")
		if whole := want == "" && text != "{mention-user1}"; whole && (found || rest.Text != text) || !whole && (!found || rest.Text != want) {
			t.Errorf("%q became %q, %v", text, rest.Text, found)
		}
	}
}

func TestPlaces(t *testing.T) {
	at := func(id, lat, lon string) (talkapi.Place, bool) {
		return talkapi.Message{Parameters: map[string]talkapi.Parameter{"object": {Type: "geo-location", ID: id, Name: "n", Other: map[string]string{"latitude": lat, "longitude": lon}}}}.Place()
	}
	want := talkapi.Place{Name: "n", Latitude: -35.5, Longitude: 139.75}
	if p, ok := at("", "-35.5", "139.75"); !ok || p != want {
		t.Errorf("%v %v", p, ok)
	}
	if p, ok := at("geo:-35.5,139.75,12;crs=wgs84;u=20", "", ""); !ok || p != want {
		t.Errorf("%v %v", p, ok)
	}
	for _, bad := range [][3]string{{"", "", ""}, {"geo:1", "", ""}, {"geo:a,b", "", ""}, {"", "NaN", "1"}, {"", "91", "1"}, {"", "1", "181"}, {"", "Inf", "1"}} {
		if p, ok := at(bad[0], bad[1], bad[2]); ok {
			t.Errorf("%q is %v", bad, p)
		}
	}
	if _, ok := (talkapi.Message{}).Place(); ok {
		t.Error("no place is a place")
	}
	_, err := client(t, talkapi.Options{URL: "http://127.0.0.1:1"}).SharePlace(t.Context(), "r", talkapi.Place{Latitude: math.NaN()}, "")
	check(t, err, talkapi.ErrInvalid, false)
}

func TestSameReaction(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		same bool
	}{{"👍", "👍🏽", true}, {"❤️", "❤", true}, {"🆘", "✅", false}, {"👍", "👎", false}, {"🙋🏾‍♀️", "🙋‍♀", true}} {
		if talkapi.SameReaction(tc.a, tc.b) != tc.same {
			t.Errorf("%s and %s: want same %v", tc.a, tc.b, tc.same)
		}
	}
}

func FuzzMessages(f *testing.F) {
	for _, rec := range recordings(f) {
		if rec.Name == "history after all" || rec.Name == "poll future from g" || rec.Name == "mention" {
			f.Add(string(rec.Response.Body))
		}
	}
	f.Add(`{"ocs":{"meta":{"statuscode":"200"},"data":{"1":{"id":1e400,"parent":{"parent":{}},"messageParameters":{"a":[]}}}}}`)
	f.Fuzz(func(t *testing.T, body string) {
		r := &replay{status: 200, method: http.MethodGet, path: "/ocs/v2.php/apps/spreed/api/v1/chat/r",
			header: map[string]string{"Content-Type": "application/json"}, body: []byte(body)}
		b, err := client(t, talkapi.Options{URL: "http://cloud.test", Transport: r}).History(t.Context(), "r", 0, 0)
		if err != nil {
			return
		}
		for _, m := range b.Messages {
			m.PlainText()
			if rest, found := m.CutMention("nezumi"); found && (!m.Mentions("nezumi") || !strings.HasSuffix(m.Text, rest.Text)) {
				t.Errorf("%q became %q", m.Text, rest.Text)
			}
			if p, ok := m.Place(); ok && (math.Abs(p.Latitude) > 90 || math.Abs(p.Longitude) > 180) {
				t.Errorf("place %v", p)
			}
			if m.Parent != nil && m.Parent.Parent != nil {
				t.Error("parent with a parent")
			}
		}
	})
}
