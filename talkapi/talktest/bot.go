package talktest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// BotOptions describe a webhook bot to install.
type BotOptions struct {
	Name      string
	Secret    string       // 40 to 128 characters
	URL       string       // where webhooks go; also makes the bot's identity
	Handler   http.Handler // gets the webhooks in process instead of URL
	Reactions bool         // also told of reactions
}

// Bot is an installed webhook bot.
type Bot struct {
	s *Server
	o BotOptions
}

// InstallBot installs a bot, which then needs to be enabled in rooms.
func (s *Server) InstallBot(o BotOptions) *Bot {
	s.mu.Lock()
	defer s.unlock()
	b := &Bot{s, o}
	s.bots = append(s.bots, b)
	return b
}

// ID is the bot's actor id.
func (b *Bot) ID() string {
	sum := sha1.Sum([]byte(b.o.URL))
	return "bot-" + hex.EncodeToString(sum[:])
}

func (b *Bot) actor() actor { return actor{"bots", b.ID(), b.o.Name + " (Bot)"} }

// Enable lets the bot into a room; it is told by a Join.
func (b *Bot) Enable(token string) { b.set(token, true, "Join") }

// Disable takes the bot out of a room; it is told by a Leave.
func (b *Bot) Disable(token string) { b.set(token, false, "Leave") }

func (b *Bot) set(token string, on bool, event string) {
	b.s.mu.Lock()
	defer b.s.unlock()
	r := b.s.rooms[token]
	if r == nil {
		panic("talktest: no such room for the bot")
	}
	r.bots[b] = on
	b.s.deliver(b, map[string]any{"type": event,
		"actor":  map[string]any{"type": "Application", "id": "bots/" + b.ID(), "name": b.o.Name},
		"object": r.collection()})
}

func (r *room) collection() map[string]any {
	name := r.name
	if r.kind == kindDirect {
		list, _ := json.Marshal(r.pair) // Talk gives away its internal name here
		name = string(list)
	}
	return map[string]any{"type": "Collection", "id": r.token, "name": name}
}

// ring tells the room's bots of a message. Messages of bots ring no bot.
func (s *Server) ring(r *room, m *message) {
	// Additions of reactions are told by Like only.
	if m.by.kind == "bots" && m.system == "" || m.system == "reaction" {
		return
	}
	event := map[string]any{"type": "Activity", "actor": s.apPerson(r, m.by), "object": s.note(m, m.system), "target": r.collection()}
	if m.system == "" && m.object == nil && m.file == nil {
		event["type"] = "Create"
		note := s.note(m, "message")
		if m.parent != nil {
			note["inReplyTo"] = map[string]any{"type": "Note", "actor": apActor(m.parent.by), "object": s.note(m.parent, "message")}
		}
		event["object"] = note
	}
	for _, b := range s.bots {
		if r.bots[b] {
			s.deliver(b, event)
		}
	}
}

// ringReaction tells of a reaction. As in Talk before 22.0.9 the actor is
// the author of the message, not who reacted.
func (s *Server) ringReaction(r *room, m *message, kind, emoji string) {
	like := map[string]any{"type": "Like", "actor": apActor(m.by), "object": s.note(m, ""), "target": r.collection(), "content": emoji}
	event := like
	if kind == "Undo" {
		event = map[string]any{"type": "Undo", "actor": apActor(m.by), "object": like, "target": r.collection()}
	}
	for _, b := range s.bots {
		if r.bots[b] && b.o.Reactions {
			s.deliver(b, event)
		}
	}
}

func apActor(a actor) map[string]any {
	return map[string]any{"type": "Person", "id": a.kind + "/" + a.id, "name": a.name}
}

// apPerson adds how the actor takes part, which only messages tell.
func (s *Server) apPerson(r *room, a actor) map[string]any {
	p := apActor(a)
	for _, m := range r.members {
		if m.who == a {
			p["talkParticipantType"] = strconv.Itoa(m.kind)
		}
	}
	return p
}

func (s *Server) note(m *message, name string) map[string]any {
	text, params := s.content(m, nobody)
	content, _ := json.Marshal(map[string]any{"message": text, "parameters": orList(params)})
	return map[string]any{"type": "Note", "id": strconv.FormatInt(m.id, 10), "name": name, "content": string(content), "mediaType": "text/markdown"}
}

// nobody reads texts that address no reader.
var nobody = &account{}

// deliver sends one signed webhook, once and without retry.
func (s *Server) deliver(b *Bot, event map[string]any) {
	body, err := json.Marshal(event)
	if err != nil {
		panic("talktest: webhook: " + err.Error())
	}
	nonce := random(64)
	s.pending = append(s.pending, func() {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			url := b.o.URL
			if url == "" {
				url = "http://bot.test/"
			}
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
			if err != nil {
				return
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("OCS-APIRequest", "true")
			r.Header.Set("X-Nextcloud-Talk-Random", nonce)
			r.Header.Set("X-Nextcloud-Talk-Signature", hmacHex(b.o.Secret, nonce, string(body)))
			r.Header.Set("X-Nextcloud-Talk-Backend", s.URL()+"/")
			if b.o.Handler != nil {
				b.o.Handler.ServeHTTP(&recorder{header: http.Header{}}, r)
				return
			}
			if rs, err := http.DefaultClient.Do(r); err == nil {
				rs.Body.Close()
			}
		}()
	})
}

func hmacHex(secret, nonce, content string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(nonce + content))
	return hex.EncodeToString(mac.Sum(nil))
}

// bot finds who signed the value in the room of the path. Otherwise it has
// answered.
func (c *call) bot(value string) (*Bot, *room) {
	if c.s.throttled("bot") {
		c.fail(429, "", nil)
		return nil, nil
	}
	nonce, signature := c.r.Header.Get("X-Nextcloud-Talk-Bot-Random"), strings.ToLower(c.r.Header.Get("X-Nextcloud-Talk-Bot-Signature"))
	if len(nonce) < 32 || signature == "" || value == "" {
		c.fail(400, "", nil)
		return nil, nil
	}
	if r := c.s.rooms[c.r.PathValue("token")]; r != nil {
		for _, b := range c.s.bots {
			if r.bots[b] && hmac.Equal([]byte(signature), []byte(hmacHex(b.o.Secret, nonce, value))) {
				return b, r
			}
		}
	}
	c.s.failed("bot")
	c.fail(401, "", nil)
	return nil, nil
}

func (c *call) botMessage() {
	b, r := c.bot(c.str("message"))
	if b == nil {
		return
	}
	_, f := c.s.postAsBot(r, b.actor(), postFields{text: c.str("message"), reference: c.str("referenceId"), replyTo: c.num("replyTo", 0), silent: c.flag("silent", false)})
	if f != nil {
		c.fail(f.status, "", nil)
		return
	}
	c.ok(201, nil)
}

func (c *call) botReact() {
	b, r := c.bot(c.str("reaction"))
	if b == nil {
		return
	}
	created, f := c.s.react(r, b.actor(), c.pathID(), c.str("reaction"))
	if c.answer(f) {
		return
	}
	status := 200
	if created {
		status = 201
	}
	c.ok(status, nil)
}

func (c *call) botUnreact() {
	b, r := c.bot(c.str("reaction"))
	if b == nil || c.answer(c.s.unreact(r, b.actor(), c.pathID(), c.str("reaction"))) {
		return
	}
	c.ok(200, nil)
}
