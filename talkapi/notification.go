package talkapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Notifications is the list of what awaits our attention: the newest 25 of
// all apps. An entry about a text goes away when the text is marked as read.
// One about a reaction stays until MarkRead names the message that Room.Last
// names; what came in the meantime is then taken away unread, so
// DismissNotification is the safer way.
type Notifications struct {
	ETag      string // give it to the next call
	Unchanged bool   // nothing changed since the ETag given; Items is empty then
	Items     []Notification
}

// Notification is one entry. Talk's are of App "spreed".
type Notification struct {
	ID         int64
	App        string
	ObjectType string // Talk: chat, room, call, reminder
	ObjectID   string // Talk: token, or token/messageID
	Time       time.Time
	Subject    string // in the reader's language
	Message    string
}

// Room gives the room, and the message if one is named (else 0). ok is false
// when the notification is not about a room of this server.
func (n Notification) Room() (token string, messageID int64, ok bool) {
	switch n.ObjectType {
	case "chat", "room", "call", "reminder":
	default:
		return "", 0, false
	}
	if n.App != "spreed" {
		return "", 0, false
	}
	token, id, _ := strings.Cut(n.ObjectID, "/")
	messageID, _ = strconv.ParseInt(id, 10, 64)
	return token, messageID, token != ""
}

// Notifications lists our notifications, newest first. etag is the last
// Notifications.ETag, or "" for the list in any case. ErrUnsupported means
// that the notifications app is missing.
func (c *Client) Notifications(ctx context.Context, etag string) (Notifications, error) {
	const op = "list notifications"
	rq := request{op: op, method: http.MethodGet, path: notificationsAPI + "/notifications"}
	if etag != "" {
		rq.header = http.Header{"If-None-Match": {etag}}
	}
	a, err := c.do(ctx, rq)
	if err != nil {
		return Notifications{}, err
	}
	switch a.status {
	case http.StatusNotModified:
		return Notifications{ETag: etag, Unchanged: true}, nil
	case http.StatusNoContent: // no app makes notifications
		return Notifications{}, &Error{Op: op, Status: a.status, Err: ErrUnsupported, Message: "notifications are off"}
	}
	var wire list[struct {
		ID         integer `json:"notification_id"`
		App        text    `json:"app"`
		ObjectType text    `json:"object_type"`
		ObjectID   text    `json:"object_id"`
		Time       text    `json:"datetime"`
		Subject    text    `json:"subject"`
		Message    text    `json:"message"`
	}]
	if err := a.decode(op, &wire); err != nil {
		return Notifications{}, err
	}
	n := Notifications{ETag: a.header.Get("ETag")}
	for _, w := range wire {
		at, _ := time.Parse(time.RFC3339, string(w.Time)) // zero when broken: it is only for show
		n.Items = append(n.Items, Notification{ID: int64(w.ID), App: string(w.App), ObjectType: string(w.ObjectType),
			ObjectID: string(w.ObjectID), Time: at, Subject: string(w.Subject), Message: string(w.Message)})
	}
	return n, nil
}

// DismissNotification removes one of our notifications, and nothing that came
// after it. That it is gone already is no error.
func (c *Client) DismissNotification(ctx context.Context, id int64) error {
	_, err := c.do(ctx, request{op: "dismiss notification", method: http.MethodDelete,
		path: notificationsAPI + "/notifications/" + strconv.FormatInt(id, 10)})
	return err
}

// ClearNotifications removes all our notifications, of every app.
func (c *Client) ClearNotifications(ctx context.Context) error {
	_, err := c.do(ctx, request{op: "clear notifications", method: http.MethodDelete, path: notificationsAPI + "/notifications"})
	return err
}
