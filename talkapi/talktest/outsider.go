package talktest

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
)

// Outsider is somebody without an account on this server who is heard in one
// room: a guest, a federated user, a bot, or the server's own actors.
type Outsider struct {
	Room string // token
	Type string // actor type: guests, federated_users, bots
	ID   string // actor id
	Name string // as others see it

	s *Server
}

// AddGuest lets somebody in who came by the link of a room. A room that is not
// public becomes so.
func (s *Server) AddGuest(token, name string) *Outsider {
	s.mu.Lock()
	defer s.unlock()
	r := s.group(token)
	if r.kind != kindPublic {
		r.kind = kindPublic
		s.system(r, r.members[0].who, "guests_allowed", nil, nil)
	}
	id := sha1.Sum([]byte(random(64)))
	return s.outsider(r, s.addMember(r, actor{"guests", hex.EncodeToString(id[:]), name}, guest).who)
}

// AddFederated invites somebody from another server, who accepts. cloudID is
// user@host.
func (s *Server) AddFederated(token, cloudID, name string) *Outsider {
	s.mu.Lock()
	defer s.unlock()
	r := s.group(token)
	m := s.addMember(r, actor{"federated_users", cloudID, name}, plain)
	s.system(r, r.members[0].who, "federated_user_added", nil, &m.who)
	s.system(r, m.who, "federated_user_added", nil, &m.who)
	return s.outsider(r, m.who)
}

// In is the bot as it is heard in a room where it is enabled.
func (b *Bot) In(token string) *Outsider {
	b.s.mu.Lock()
	defer b.s.unlock()
	r := b.s.rooms[token]
	if r == nil || !r.bots[b] {
		panic("talktest: the bot is not enabled in the room")
	}
	return b.s.outsider(r, b.actor())
}

// Welcome makes the rooms that the server has for a new account: one with news
// of Talk, which nobody can write to, and one to try things out. It returns who
// writes there.
func (s *Server) Welcome(u *User) (changelog, sample *Outsider) {
	s.mu.Lock()
	defer s.unlock()
	news := s.makeRoom(kindChangelog, "Talk updates ✅")
	news.readOnly = true
	s.addMember(news, userActor(u.acc), plain)
	s.system(news, system, "conversation_created", nil, nil)
	first := s.newRoom(kindGroup, "Let's get started!", u.acc)
	first.sample = true
	return s.outsider(news, actor{"bots", "changelog", "Talk updates ✅"}), s.outsider(first, actor{"bots", "sample", "Nextcloud"})
}

// group is a room that people can be added to.
func (s *Server) group(token string) *room {
	r := s.rooms[token]
	if r == nil || r.kind != kindGroup && r.kind != kindPublic {
		panic("talktest: no such group")
	}
	return r
}

func (s *Server) outsider(r *room, who actor) *Outsider {
	return &Outsider{Room: r.token, Type: who.kind, ID: who.id, Name: who.name, s: s}
}

// Say writes into the room and returns the message's id.
func (o *Outsider) Say(text string) int64 { return o.Reply(0, text) }

// Reply answers a message of the room; 0 for a plain message.
func (o *Outsider) Reply(to int64, text string) int64 {
	var id int64
	o.act("say", func(r *room, who actor, m *member) *failure {
		p := postFields{text: text, replyTo: to}
		post := func() (*message, *failure) { return o.s.postAsBot(r, who, p) }
		if m != nil {
			post = func() (*message, *failure) { return o.s.post(r, m, p) }
		}
		said, f := post()
		if f == nil {
			id = said.id
		}
		return f
	})
	return id
}

// React puts an emoji under a message.
func (o *Outsider) React(id int64, emoji string) {
	o.act("react", func(r *room, who actor, _ *member) *failure {
		_, f := o.s.react(r, who, id, emoji)
		return f
	})
}

// Unreact takes the emoji away again.
func (o *Outsider) Unreact(id int64, emoji string) {
	o.act("unreact", func(r *room, who actor, _ *member) *failure { return o.s.unreact(r, who, id, emoji) })
}

// act does something in the room, or panics. Bots are no members.
func (o *Outsider) act(what string, do func(*room, actor, *member) *failure) {
	who := actor{o.Type, o.ID, o.Name}
	o.s.mu.Lock()
	f := &failure{status: 404}
	if r := o.s.rooms[o.Room]; r != nil {
		m := r.attending(who)
		switch {
		case m == nil && o.Type != "bots":
		case m != nil && r.lobby && !m.moderates():
			f = &failure{status: 412}
		default:
			f = do(r, who, m)
		}
	}
	o.s.unlock()
	if f != nil {
		panic(fmt.Sprintf("talktest: %s can't %s: HTTP %d %v", o.Name, what, f.status, f.data))
	}
}
