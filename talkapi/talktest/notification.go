package talktest

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// notice is a notification of one user.
type notice struct {
	id       int64
	at       time.Time
	kind     string // object type: chat or room
	room     *room
	message  int64 // of chat: the message
	text     string
	by       actor
	subject  string
	reaction string
}

const listed = 25 // the newest this many are shown

func (s *Server) notify(u *account, n *notice) {
	s.lastNotice++
	n.id, n.at = s.lastNotice, s.now()
	u.notices = append(u.notices, n)
}

// level is the effective notification level: 1 always, 2 mentions, 3 never.
func (r *room) level(m *member) int {
	switch {
	case m.level != 0:
		return m.level
	case r.kind == kindDirect:
		return 1
	default:
		return 2
	}
}

// notifyMessage tells the others of a text: all of them in a one-to-one
// room, else who is mentioned, is answered or wants everything.
func (s *Server) notifyMessage(r *room, m *message) {
	if m.silent {
		return
	}
	mentioned := s.mentioned(r, m.text)
	for _, x := range r.members {
		if x.user == nil || m.by == userActor(x.user) {
			continue
		}
		level := r.level(x)
		answered := m.parent != nil && m.parent.by == userActor(x.user)
		subject := ""
		switch {
		case level == 3:
		case r.kind == kindDirect && answered:
			subject = "{user} replied to your private message"
		case r.kind == kindDirect:
			subject = "{user} sent you a private message"
		case slices.Contains(mentioned, x.user.id):
			subject = "{user} mentioned you in conversation {call}"
		case answered:
			subject = "{user} replied to your message in conversation {call}"
		case level == 1:
			subject = "{user} sent a message in conversation {call}"
		}
		if subject != "" {
			s.notify(x.user, &notice{room: r, kind: "chat", message: m.id, text: m.text, by: m.by, subject: subject})
		}
	}
}

// notifyReaction tells the author of a message, if he wants everything.
func (s *Server) notifyReaction(r *room, m *message, by actor, emoji string) {
	for _, x := range r.members {
		if x.user == nil || userActor(x.user) != m.by || m.by == by || r.level(x) != 1 {
			continue
		}
		subject := "{user} reacted with {reaction} to your message in conversation {call}"
		if r.kind == kindDirect {
			subject = "{user} reacted with {reaction} to your private message"
		}
		s.notify(x.user, &notice{room: r, kind: "chat", message: m.id, text: m.text, by: by, subject: subject, reaction: emoji})
	}
}

// readNotices takes away what the user was told of a room.
func (s *Server) readNotices(u *account, r *room) {
	u.notices = slices.DeleteFunc(u.notices, func(n *notice) bool { return n.room == r })
}

// readNoticesUpTo takes away what a read marker does away with. Reactions do
// not count as unread: what tells of them goes only when the marker is set to
// the last message that shows, and then all of it goes.
func (s *Server) readNoticesUpTo(u *account, r *room, id int64) {
	if id == s.lastShown(r) {
		s.readNotices(u, r)
		return
	}
	u.notices = slices.DeleteFunc(u.notices, func(n *notice) bool {
		return n.room == r && n.kind == "chat" && n.reaction == "" && n.message <= id
	})
}

func (c *call) listNotifications() {
	list := []any{}
	sum := md5.New()
	for _, n := range slices.Backward(c.user.notices) {
		fmt.Fprintln(sum, n.id)
		if len(list) < listed {
			list = append(list, c.s.noticeJSON(n, c.user))
		}
	}
	etag := `"` + hex.EncodeToString(sum.Sum(nil)) + `"`
	c.w.Header().Set("ETag", etag)
	c.w.Header().Set("X-Nextcloud-User-Status", "offline")
	if c.r.Header.Get("If-None-Match") == etag {
		c.w.WriteHeader(304)
		return
	}
	c.ok(200, list)
}

func (c *call) clearNotifications() {
	c.user.notices = nil
	c.ok(200, []any{})
}

func (c *call) clearNotification() {
	id := c.pathID()
	c.user.notices = slices.DeleteFunc(c.user.notices, func(n *notice) bool { return n.id == id })
	c.ok(200, []any{}) // also for what is not there
}

func (s *Server) noticeJSON(n *notice, u *account) map[string]any {
	_, display := s.titles(n.room, u)
	by, subject := map[string]any{"type": "user", "id": n.by.id, "name": n.by.name}, n.subject
	rich := map[string]any{
		"call": map[string]any{"type": "call", "id": fmt.Sprint(n.room.id), "name": display, "call-type": n.room.callType(), "icon-url": n.room.avatar()},
	}
	switch n.by.kind {
	case "guests", "emails":
		by["type"], rich["guest"] = "guest", by
		subject = strings.Replace(subject, "{user}", "{guest} (guest)", 1)
	case "federated_users":
		by["id"], by["server"] = cutServer(n.by.id)
		rich["user"] = by
	case "bots":
		by["type"], rich["user"] = "highlight", by
	default:
		rich["user"] = by
	}
	object := n.room.token
	link := "http://cloud.test/call/" + n.room.token
	if n.kind == "chat" {
		object += fmt.Sprintf("/%d", n.message)
		link += fmt.Sprintf("#message_%d", n.message)
	}
	if n.reaction != "" {
		rich["reaction"] = map[string]any{"type": "highlight", "id": n.reaction, "name": n.reaction}
	}
	text, params := s.mentions(n.room, n.text)
	if m := n.room.find(n.message); m != nil && m.file != nil {
		text, params = s.content(m, u)
	}
	return map[string]any{
		"notification_id": n.id, "app": "spreed", "user": u.id, "datetime": n.at.UTC().Format("2006-01-02T15:04:05+00:00"),
		"object_type": n.kind, "object_id": object,
		"subject": strings.NewReplacer("{user}", n.by.name, "{guest}", n.by.name, "{reaction}", n.reaction, "{call}", display).Replace(subject),
		"message": n.text, "link": link, "subjectRich": subject, "subjectRichParameters": rich,
		"messageRich": text, "messageRichParameters": orList(params),
		"icon": "http://cloud.test/apps/spreed/img/app-dark.svg", "shouldNotify": true,
		"actions": []any{map[string]any{"label": "View chat", "link": link, "type": "WEB", "primary": false}},
	}
}
