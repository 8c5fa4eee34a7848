package talkapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// WebhookLimit is the largest webhook body taken, in bytes. Text and its
// quoted parent have at most 32,000 characters each, escaped twice.
const WebhookLimit = 2 << 20

const (
	headerNonce     = "X-Nextcloud-Talk-Random"
	headerSignature = "X-Nextcloud-Talk-Signature"
)

// VerifyWebhook checks that a webhook was signed with one of the secrets
// (two while one replaces the other). body is the raw body as it arrived.
// The error matches ErrBadWebhook. Its text is for the log; answer 401 and
// nothing more.
//
// The signature covers no time: who must not act twice remembers
// WebhookNonce, or acts by message id only. X-Nextcloud-Talk-Backend is not
// signed; never choose a server or a secret by it.
func VerifyWebhook(secrets []Secret, header http.Header, body []byte) error {
	if len(body) > WebhookLimit {
		return fmt.Errorf("verify webhook: %w: body is too large", ErrBadWebhook)
	}
	nonce := header.Get(headerNonce)
	if len(nonce) < 32 || len(nonce) > 256 {
		return fmt.Errorf("verify webhook: %w: random value is missing or of a wrong length", ErrBadWebhook)
	}
	signature := header.Get(headerSignature)
	if len(signature) != hex.EncodedLen(sha256.Size) {
		return fmt.Errorf("verify webhook: %w: signature is missing or of a wrong length", ErrBadWebhook)
	}
	got, err := hex.DecodeString(signature) // takes either case
	if err != nil {
		return fmt.Errorf("verify webhook: %w: signature is not hexadecimal", ErrBadWebhook)
	}
	for _, s := range secrets {
		// Anybody can sign with an empty secret.
		if s != "" && hmac.Equal(got, sign(s.Reveal(), nonce, body)) {
			return nil
		}
	}
	return fmt.Errorf("verify webhook: %w: signature does not match", ErrBadWebhook)
}

// WebhookNonce is the random value of a webhook, the same only in a replay.
// Use it after VerifyWebhook.
func WebhookNonce(header http.Header) string { return header.Get(headerNonce) }

// sign is HMAC-SHA256 over random value and content, in this order.
func sign(secret, nonce string, content []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(nonce))
	mac.Write(content)
	return mac.Sum(nil)
}

// EventType is what a webhook tells.
type EventType string

// The types of events.
const (
	EventMessage  EventType = "Create"   // somebody wrote
	EventActivity EventType = "Activity" // a system message, see Event.System
	EventReaction EventType = "Like"     // a reaction was added
	EventUndo     EventType = "Undo"     // a reaction was removed
	EventJoin     EventType = "Join"     // the bot was enabled in the room
	EventLeave    EventType = "Leave"    // the bot was disabled in the room
)

// Event is a parsed webhook. It is a doorbell, not the truth: it is sent
// once, texts of system messages are English, and servers before Talk 22.0.9
// name the author of the message as the actor of a reaction.
type Event struct {
	Type       EventType
	ActorType  string // users, guests, bots, …
	ActorID    string
	ActorName  string // for show
	Room       string // token
	RoomName   string // for show
	MessageID  int64  // the message, or the one reacted to; 0 for Join and Leave
	Text       string // of that message, with {placeholders}
	Parameters map[string]Parameter
	System     string // of Activity: the kind of system message; empty for shared things
	Reaction   string // of Like and Undo: the emoji
	ReplyTo    int64  // of Create: the message answered; 0 for none
}

// ParseWebhook reads a webhook body (ActivityStreams 2.0 as Talk writes it).
// Verify it first.
func ParseWebhook(body []byte) (Event, error) {
	var w wireEvent
	if err := json.Unmarshal(body, &w); err != nil {
		return Event{}, fmt.Errorf("parse webhook: %w", err)
	}
	e := Event{Type: EventType(w.Type)}
	e.actor(w.Actor)
	switch e.Type {
	case EventJoin, EventLeave:
		e.Room, e.RoomName = string(w.Object.ID), string(w.Object.Name)
	case EventMessage, EventActivity, EventReaction:
		e.Room, e.RoomName = string(w.Target.ID), string(w.Target.Name)
		e.note(w.Object)
		if e.Type == EventReaction {
			e.Reaction = string(w.Content)
		}
		if e.Type == EventActivity {
			e.System = string(w.Object.Name)
		}
	case EventUndo: // the object is the former Like
		e.Room, e.RoomName = string(w.Target.ID), string(w.Target.Name)
		if w.Object.Object == nil {
			return Event{}, fmt.Errorf("parse webhook: Undo of nothing")
		}
		e.note(*w.Object.Object)
		e.Reaction = string(w.Object.Content)
	default:
		return Event{}, fmt.Errorf("parse webhook: unknown type %q", shorten(string(w.Type)))
	}
	if e.Room == "" {
		return Event{}, fmt.Errorf("parse webhook: %s names no room", e.Type)
	}
	if e.MessageID <= 0 && e.Type != EventJoin && e.Type != EventLeave {
		return Event{}, fmt.Errorf("parse webhook: %s names no message", e.Type)
	}
	return e, nil
}

func (e *Event) actor(w wireNamed) {
	// The id may itself contain slashes: users/a/b is the user a/b.
	e.ActorType, e.ActorID, _ = strings.Cut(string(w.ID), "/")
	e.ActorName = string(w.Name)
}

func (e *Event) note(w wireNote) {
	e.MessageID, _ = strconv.ParseInt(string(w.ID), 10, 64)
	var content struct {
		Message    text                `json:"message"`
		Parameters dict[wireParameter] `json:"parameters"`
	}
	// JSON inside a JSON string. What is no such thing is taken as text.
	if json.Unmarshal([]byte(w.Content), &content) == nil {
		e.Text, e.Parameters = string(content.Message), parameters(content.Parameters)
	} else {
		e.Text = string(w.Content)
	}
	if w.InReplyTo != nil {
		e.ReplyTo, _ = strconv.ParseInt(string(w.InReplyTo.Object.ID), 10, 64)
	}
}

type wireEvent struct {
	Type    text      `json:"type"`
	Actor   wireNamed `json:"actor"`
	Object  wireNote  `json:"object"`
	Target  wireNamed `json:"target"`
	Content text      `json:"content"`
}

// wireNamed is an actor or the room as target.
type wireNamed struct {
	ID   text `json:"id"`
	Name text `json:"name"`
}

// wireNote is a message, a room, or (in Undo) a whole Like.
type wireNote struct {
	ID        text      `json:"id"`
	Name      text      `json:"name"`
	Content   text      `json:"content"`
	Object    *wireNote `json:"object"`
	InReplyTo *struct {
		Object struct {
			ID text `json:"id"`
		} `json:"object"`
	} `json:"inReplyTo"`
}
