package talkapi

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Message is one entry of a room: what somebody wrote, or a system message
// that tells what happened.
type Message struct {
	ID         int64  // grows over the whole server, with gaps
	Room       string // token
	ActorType  string // users, guests, bots, deleted_users, federated_users, …
	ActorID    string // with ActorType the only identity of the writer
	ActorName  string // for show; may be empty, doubled or changed
	Time       time.Time
	Text       string // with {placeholders}; see PlainText
	Parameters map[string]Parameter

	// System is empty for what people write, else the kind of event:
	// reaction, reaction_deleted, reaction_revoked, message_edited,
	// message_deleted, user_added, … For reaction, Text is the emoji and
	// the actor reacted to Parent. The Text of other kinds depends on the
	// reader's language. Ignore unknown kinds.
	System string
	Type   string // comment, comment_deleted, system, voice-message, …

	ReferenceID string         // what the sender gave, at most 64 characters; "" if none
	Reactions   map[string]int // emoji as sent, count
	OwnReaction []string       // our reactions; only in Messages and History
	Parent      *Message       // the message replied to, or the one that System is about, in its new state; itself without Parent
	Thread      int64          // id of the topmost message of the replies; 0 before Talk 22
	Deleted     bool           // Text is a placeholder then
	Silent      bool
	Markdown    bool
	EditedAt    time.Time // zero: never
	ExpiresAt   time.Time // zero: never; expired messages vanish without notice
}

// Parameter is what a {placeholder} stands for.
type Parameter struct {
	Type  string            // user, call (for @all), guest, file, geo-location, talk-poll, highlight, …
	ID    string            // of a user the user id
	Name  string            // for show
	Other map[string]string // further fields as text, such as latitude
}

// IsUser tells whether this stands for a user of our server. Somebody on a
// federated server may have the same id there. Ids are compared without case:
// in a mention the id is as a person typed it, and Nextcloud takes it so.
func (p Parameter) IsUser(userID string) bool {
	return p.Type == "user" && p.Other["server"] == "" && strings.EqualFold(p.ID, userID)
}

// IsBy tells whether a user of our server has written the message, as IsUser does.
func (m Message) IsBy(userID string) bool {
	return m.ActorType == "users" && strings.EqualFold(m.ActorID, userID)
}

// Place is a point on the map.
type Place struct {
	Name      string
	Latitude  float64 // degrees, north positive
	Longitude float64 // degrees, east positive
}

// valid keeps out what is no point on the globe.
func (p Place) valid() bool {
	return math.Abs(p.Latitude) <= 90 && math.Abs(p.Longitude) <= 180 // false for NaN too
}

// Place gives the location that was shared with this message.
func (m Message) Place() (Place, bool) {
	o, ok := m.Parameters["object"]
	if !ok || o.Type != "geo-location" || m.System != "" {
		return Place{}, false
	}
	lat, err1 := strconv.ParseFloat(o.Other["latitude"], 64)
	lon, err2 := strconv.ParseFloat(o.Other["longitude"], 64)
	if err1 != nil || err2 != nil {
		// geo:35.68,139.76;u=20, RFC 5870
		coords, _, _ := strings.Cut(strings.TrimPrefix(o.ID, "geo:"), ";")
		f := strings.Split(coords, ",")
		if len(f) < 2 {
			return Place{}, false
		}
		lat, err1 = strconv.ParseFloat(f[0], 64)
		lon, err2 = strconv.ParseFloat(f[1], 64)
	}
	p := Place{Name: o.Name, Latitude: lat, Longitude: lon}
	return p, err1 == nil && err2 == nil && p.valid()
}

// PlainText is Text with the placeholders replaced by names: a mention by
// @name, anything else by its name, such as 家.jpg for a file that was shared
// without a word. Unknown placeholders stay.
func (m Message) PlainText() string {
	if len(m.Parameters) == 0 {
		return m.Text
	}
	var pairs []string
	for key, p := range m.Parameters {
		name := p.Name
		if name == "" {
			name = p.ID
		}
		if strings.HasPrefix(key, mention) {
			name = "@" + name
		}
		pairs = append(pairs, "{"+key+"}", name)
	}
	// One pass, so that a name which looks like a placeholder stays a name.
	// Keys differ and are wrapped in braces: no order can matter.
	return strings.NewReplacer(pairs...).Replace(m.Text)
}

// Mentions tells whether a user is mentioned by name. @all is not counted;
// it is a parameter of type call.
func (m Message) Mentions(userID string) bool {
	for key, p := range m.Parameters {
		if strings.HasPrefix(key, mention) && p.IsUser(userID) {
			return true
		}
	}
	return false
}

// mention begins the key of each parameter that stands for a mention.
const mention = "mention-"

// CutMention is the message without the mention of a user at the beginning
// of its text, and whether there was one: "@Anpi status", "@Anpi: status" and
// "@Anpi、status" all become "status". Mentions further on, and Parameters,
// stay.
func (m Message) CutMention(userID string) (rest Message, found bool) {
	for {
		text, ok := strings.CutPrefix(strings.TrimLeftFunc(m.Text, unicode.IsSpace), "{")
		key, text, closed := strings.Cut(text, "}")
		if !ok || !closed || !strings.HasPrefix(key, mention) || !m.Parameters[key].IsUser(userID) {
			return m, found
		}
		// Somebody spoken to is set off by one of these.
		if sign, size := utf8.DecodeRuneInString(text); strings.ContainsRune(",:、，：", sign) {
			text = text[size:]
		}
		m.Text, found = strings.TrimLeftFunc(text, unicode.IsSpace), true
	}
}

type wireMessage struct {
	ID          integer             `json:"id"`
	Token       text                `json:"token"`
	ActorType   text                `json:"actorType"`
	ActorID     text                `json:"actorId"`
	ActorName   text                `json:"actorDisplayName"`
	Timestamp   integer             `json:"timestamp"`
	Message     text                `json:"message"`
	Parameters  dict[wireParameter] `json:"messageParameters"`
	System      text                `json:"systemMessage"`
	Type        text                `json:"messageType"`
	ReferenceID text                `json:"referenceId"`
	Reactions   dict[integer]       `json:"reactions"`
	OwnReaction json.RawMessage     `json:"reactionsSelf"`
	Parent      json.RawMessage     `json:"parent"`
	Thread      integer             `json:"threadId"`
	Deleted     truth               `json:"deleted"`
	Silent      truth               `json:"silent"`
	Markdown    truth               `json:"markdown"`
	EditedAt    integer             `json:"lastEditTimestamp"`
	ExpiresAt   integer             `json:"expirationTimestamp"`
}

func (w wireMessage) message() Message {
	m := Message{ID: int64(w.ID), Room: string(w.Token), ActorType: string(w.ActorType), ActorID: string(w.ActorID),
		ActorName: string(w.ActorName), Time: w.Timestamp.time(), Text: string(w.Message), Parameters: parameters(w.Parameters),
		System: string(w.System), Type: string(w.Type), ReferenceID: string(w.ReferenceID), Thread: int64(w.Thread),
		Deleted: bool(w.Deleted) || w.Type == "comment_deleted", Silent: bool(w.Silent), Markdown: bool(w.Markdown),
		EditedAt: w.EditedAt.time(), ExpiresAt: w.ExpiresAt.time()}
	if len(w.Reactions) > 0 {
		m.Reactions = make(map[string]int, len(w.Reactions))
		for emoji, n := range w.Reactions {
			m.Reactions[emoji] = int(n)
		}
	}
	var own list[text]
	if json.Unmarshal(w.OwnReaction, &own) == nil {
		for _, emoji := range own {
			m.OwnReaction = append(m.OwnReaction, string(emoji))
		}
	}
	// A parent may be a whole message, a remnant {"id":n,"deleted":true}, or [].
	var parent wireMessage
	if json.Unmarshal(w.Parent, &parent) == nil && parent.ID != 0 {
		parent.Parent = nil
		p := parent.message()
		if p.Room == "" {
			p.Room = m.Room
		}
		m.Parent = &p
	}
	return m
}

// wireParameter is a rich object. Its values are strings by contract, but
// apps of third parties send numbers and lists as well.
type wireParameter map[string]text

func (p *wireParameter) UnmarshalJSON(b []byte) error {
	var d dict[text]
	if err := d.UnmarshalJSON(b); err != nil {
		return err
	}
	*p = wireParameter(d)
	return nil
}

func parameters(wire map[string]wireParameter) map[string]Parameter {
	if len(wire) == 0 {
		return nil
	}
	ps := make(map[string]Parameter, len(wire))
	for key, w := range wire {
		p := Parameter{Type: string(w["type"]), ID: string(w["id"]), Name: string(w["name"])}
		for k, v := range w {
			if k == "type" || k == "id" || k == "name" {
				continue
			}
			if p.Other == nil {
				p.Other = map[string]string{}
			}
			p.Other[k] = string(v)
		}
		ps[key] = p
	}
	return ps
}
