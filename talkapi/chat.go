package talkapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Post is a message to send.
type Post struct {
	Text        string // 1 to Capabilities.MaxLength characters, Markdown, \n for line breaks
	ReferenceID string // at most 64 characters, comes back as Message.ReferenceID; "" for none
	ReplyTo     int64  // id of a message in the same room; 0 for none
	Silent      bool   // notify nobody
}

// Send posts a message and returns it as the server stored it. After a
// failure see MayHaveHappened and FindByReference.
func (c *Client) Send(ctx context.Context, token string, p Post) (Message, error) {
	return c.post(ctx, token, request{op: "send message", method: http.MethodPost, path: chatPath(token), body: p.fields()})
}

func (p Post) fields() map[string]any {
	f := map[string]any{"message": p.Text}
	if p.ReferenceID != "" {
		f["referenceId"] = p.ReferenceID
	}
	if p.ReplyTo != 0 {
		f["replyTo"] = p.ReplyTo
	}
	if p.Silent {
		f["silent"] = true
	}
	return f
}

// SharePlace posts a point on the map. referenceID may be empty.
func (c *Client) SharePlace(ctx context.Context, token string, p Place, referenceID string) (Message, error) {
	const op = "share place"
	if !p.valid() {
		return Message{}, &Error{Op: op, Err: ErrInvalid, Message: "coordinates are not on the globe"}
	}
	lat := strconv.FormatFloat(p.Latitude, 'f', -1, 64)
	lon := strconv.FormatFloat(p.Longitude, 'f', -1, 64)
	meta, err := json.Marshal(map[string]string{"name": p.Name, "latitude": lat, "longitude": lon})
	if err != nil {
		return Message{}, &Error{Op: op, Err: ErrInvalid, cause: err}
	}
	body := map[string]any{"objectType": "geo-location", "objectId": "geo:" + lat + "," + lon, "metaData": string(meta)}
	if referenceID != "" {
		body["referenceId"] = referenceID
	}
	return c.post(ctx, token, request{op: op, method: http.MethodPost, path: chatPath(token) + "/share", body: body})
}

// Edit replaces the text of a message and returns the message in its new
// state. ErrTooOld comes after 24 hours.
func (c *Client) Edit(ctx context.Context, token string, id int64, text string) (Message, error) {
	m, err := c.post(ctx, token, request{op: "edit message", method: http.MethodPut, path: messagePath(token, id),
		body: map[string]string{"message": text}})
	if err == nil && m.Parent != nil && m.System == "message_edited" {
		return *m.Parent, nil
	}
	return m, err
}

// Delete removes a message; a placeholder stays in its place.
func (c *Client) Delete(ctx context.Context, token string, id int64) error {
	_, err := c.do(ctx, request{op: "delete message", method: http.MethodDelete, path: messagePath(token, id), secrets: []string{token}})
	return err
}

// post makes a call that answers with a message of this room.
func (c *Client) post(ctx context.Context, token string, rq request) (Message, error) {
	rq.secrets = []string{token}
	a, err := c.do(ctx, rq)
	if err != nil {
		return Message{}, err
	}
	var w wireMessage
	if err := a.decode(rq.op, &w); err != nil {
		return Message{}, err
	}
	if w.ID == 0 || string(w.Token) != token {
		return Message{}, a.nonsense(rq.op, "answer does not show the message in this room")
	}
	return w.message(), nil
}

// Query says what Messages shall wait for.
type Query struct {
	// After is the offset: Batch.LastGiven of the call before. With zero
	// the server replays the room from its very beginning; seed a new
	// room from History with limit 1.
	After int64

	// Wait is how long the server may hold the answer when there is
	// nothing yet, in whole seconds, at most 30. Zero answers at once. A
	// wait occupies one PHP worker of the server all the while, and on a
	// server with a memory cache, which is most of them, a reaction does
	// not end it: only the next message does, or the 30 s for which the
	// server remembers that there was nothing new.
	Wait time.Duration

	Limit int // rows per answer; zero means 100, the server gives at most 200

	// CommonRead is Batch.CommonRead of the call before, to be told also
	// when others read on. Zero: don't care.
	CommonRead int64

	// MarkRead moves our read marker to After and takes the room's
	// notifications away. Leave it false and call MarkRead once the
	// messages are stored. With it even a call that does not wait may be
	// told of a reaction up to 30 s late.
	MarkRead bool
}

// Batch is a piece of a room's stream.
type Batch struct {
	Messages []Message

	// LastGiven is the next offset. It may be beyond the last visible
	// message, and it may be set with no messages at all. Zero: keep the
	// old offset.
	LastGiven  int64
	CommonRead int64 // everybody has read up to here; zero when not told
}

// Messages returns what came after the offset, oldest first, waiting for it
// if asked to. Nothing new is an empty Batch, not an error. Without a Wait
// everything that the server has is returned, reactions included.
func (c *Client) Messages(ctx context.Context, token string, q Query) (Batch, error) {
	if q.Wait < time.Second && q.After > 1 && !q.MarkRead {
		b, _, err := c.Fresh(ctx, token, q)
		return b, err
	}
	return c.after(ctx, token, q)
}

// Fresh is Messages without a wait, and also returns the message at the offset,
// which shows whether that is still what it was; nil where there is no such message
// any more, or it has expired or is not shown.
//
// It reads past the server's memory cache. For each room that holds the last
// offset after which there was nothing, for 30 s, and a reaction does not
// correct it: whoever asks with the same offset is told that there is nothing
// new. One below, the message at the offset comes along, which shows that the
// database was asked.
func (c *Client) Fresh(ctx context.Context, token string, q Query) (b Batch, at *Message, err error) {
	q.Wait, q.MarkRead = 0, false
	if q.After <= 1 {
		b, err := c.after(ctx, token, q)
		return b, nil, err
	}
	below := q
	below.After--
	if q.Limit > 0 {
		below.Limit++
	}
	if b, err = c.after(ctx, token, below); err != nil {
		return Batch{}, nil, err
	}
	if b.LastGiven == 0 && len(b.Messages) == 0 {
		// Nothing at all: the message at the offset has expired, or the cache
		// holds just this lower offset. It holds one only, so now the offset
		// itself is safe to ask with.
		b, err = c.after(ctx, token, q)
		return b, nil, err
	}
	if i := slices.IndexFunc(b.Messages, func(m Message) bool { return m.ID == q.After }); i >= 0 {
		before := b.Messages[i]
		at = &before
	}
	b.Messages = slices.DeleteFunc(b.Messages, func(m Message) bool { return m.ID <= q.After })
	if b.LastGiven <= q.After && len(b.Messages) == 0 {
		b.LastGiven = 0
		if q.CommonRead == 0 || b.CommonRead == q.CommonRead {
			return Batch{}, at, nil
		}
	}
	return b, at, nil
}

// after makes one request.
func (c *Client) after(ctx context.Context, token string, q Query) (Batch, error) {
	wait := min(max(q.Wait, 0), maxWait).Truncate(time.Second)
	flag := "0"
	if q.MarkRead {
		flag = "1"
	}
	v := url.Values{
		"lookIntoFuture":          {"1"},
		"lastKnownMessageId":      {strconv.FormatInt(q.After, 10)},
		"timeout":                 {strconv.Itoa(int(wait / time.Second))},
		"limit":                   {limit(q.Limit)},
		"setReadMarker":           {flag},
		"markNotificationsAsRead": {flag},
		"noStatusUpdate":          {"1"},
	}
	if q.CommonRead > 0 {
		v.Set("lastCommonReadId", strconv.FormatInt(q.CommonRead, 10))
	}
	b, _, err := c.batch(ctx, token, request{op: "read messages", query: v, wait: wait})
	return b, err
}

// History returns messages before an id, newest first; before 0 starts at
// the newest. It never marks anything as read. Batch.LastGiven is the before
// of the next page; an empty Batch is the beginning of the room.
func (c *Client) History(ctx context.Context, token string, before int64, n int) (Batch, error) {
	b, _, err := c.history(ctx, token, before, n)
	return b, err
}

func (c *Client) history(ctx context.Context, token string, before int64, n int) (Batch, http.Header, error) {
	return c.batch(ctx, token, request{op: "read history", query: url.Values{
		"lookIntoFuture":          {"0"},
		"lastKnownMessageId":      {strconv.FormatInt(before, 10)},
		"limit":                   {limit(n)},
		"setReadMarker":           {"0"},
		"markNotificationsAsRead": {"0"},
		"noStatusUpdate":          {"1"},
	}})
}

func (c *Client) batch(ctx context.Context, token string, rq request) (Batch, http.Header, error) {
	rq.method, rq.path, rq.secrets = http.MethodGet, chatPath(token), []string{token}
	a, err := c.do(ctx, rq)
	if err != nil || a.status == http.StatusNotModified {
		return Batch{}, a.header, err
	}
	var wire list[wireMessage]
	if err := a.decode(rq.op, &wire); err != nil {
		return Batch{}, nil, err
	}
	b := Batch{LastGiven: headerInt(a.header, "X-Chat-Last-Given"), CommonRead: headerInt(a.header, "X-Chat-Last-Common-Read")}
	for _, w := range wire {
		b.Messages = append(b.Messages, w.message())
	}
	return b, a.header, nil
}

// FindByReference looks for a message with this reference id among the
// room's messages since a time, newest first. Use it after a send that
// MayHaveHappened.
//
// since is by our own clock; the difference to the server's clock is taken
// from the server's Date header. The newest 200 rows are looked at in any
// case, so that a clock which jumped in between does not hide a message.
func (c *Client) FindByReference(ctx context.Context, token, referenceID string, since time.Time) (Message, bool, error) {
	if r := []rune(referenceID); len(r) > 64 {
		referenceID = string(r[:64]) // as the server stores it
	}
	if referenceID == "" {
		return Message{}, false, nil
	}
	for before := int64(0); ; {
		b, header, err := c.history(ctx, token, before, 200)
		if err != nil {
			return Message{}, false, err
		}
		start := since
		if at, err := http.ParseTime(header.Get("Date")); err == nil {
			start = start.Add(time.Until(at))
		}
		start = start.Add(-2 * time.Second) // both clocks tell whole seconds
		past := false
		for _, m := range b.Messages {
			if m.ReferenceID == referenceID {
				return m, true, nil
			}
			past = past || m.Time.Before(start)
		}
		if past || b.LastGiven == 0 || before != 0 && b.LastGiven >= before {
			return Message{}, false, nil
		}
		before = b.LastGiven
	}
}

// MarkRead moves our read marker to a message and takes the room's
// notifications away. With upTo zero everything is read.
func (c *Client) MarkRead(ctx context.Context, token string, upTo int64) error {
	body := map[string]any{}
	if upTo != 0 {
		body["lastReadMessage"] = upTo
	}
	_, err := c.do(ctx, request{op: "mark room as read", method: http.MethodPost, path: chatPath(token) + "/read",
		body: body, secrets: []string{token}})
	return err
}

func chatPath(token string) string { return chatAPI + "/chat/" + url.PathEscape(token) }

func messagePath(token string, id int64) string {
	return chatPath(token) + "/" + strconv.FormatInt(id, 10)
}

func limit(n int) string {
	if n <= 0 {
		n = 100
	}
	return strconv.Itoa(min(n, 200))
}
