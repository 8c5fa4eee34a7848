package talkapi

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Reaction is one person's emoji under a message.
type Reaction struct {
	ActorType string
	ActorID   string
	ActorName string // for show
	Time      time.Time
}

// React puts an emoji under a message, also under our own. Doing it twice is
// no error. ErrNotReactable means that the message was deleted or is a system
// message (or that emoji is no single emoji: the server doesn't tell),
// ErrNotFound that it has expired or was cleared away, and ErrForbidden that
// nobody, or not we, may react in this room.
func (c *Client) React(ctx context.Context, token string, id int64, emoji string) error {
	_, err := c.do(ctx, request{op: "add reaction", method: http.MethodPost, path: reactionPath(token, id),
		body: map[string]string{"reaction": emoji}, secrets: []string{token}, bad: ErrNotReactable})
	return err
}

// Unreact takes our emoji away again; ErrNotFound when there is none, as
// under a message that was deleted, and ErrForbidden as for React.
func (c *Client) Unreact(ctx context.Context, token string, id int64, emoji string) error {
	_, err := c.do(ctx, request{op: "remove reaction", method: http.MethodDelete, path: reactionPath(token, id),
		query: url.Values{"reaction": {emoji}}, secrets: []string{token}})
	return err
}

// Reactions lists who reacted to a message, by emoji exactly as sent. The
// same sign with another skin tone is another key; see SameReaction. A
// message that was deleted is ErrNotFound.
func (c *Client) Reactions(ctx context.Context, token string, id int64) (map[string][]Reaction, error) {
	const op = "read reactions"
	a, err := c.do(ctx, request{op: op, method: http.MethodGet, path: reactionPath(token, id), secrets: []string{token}})
	if err != nil {
		return nil, err
	}
	var wire dict[list[struct {
		ActorType text    `json:"actorType"`
		ActorID   text    `json:"actorId"`
		ActorName text    `json:"actorDisplayName"`
		Timestamp integer `json:"timestamp"`
	}]]
	if err := a.decode(op, &wire); err != nil {
		return nil, err
	}
	all := map[string][]Reaction{}
	for emoji, by := range wire {
		for _, w := range by {
			all[emoji] = append(all[emoji], Reaction{ActorType: string(w.ActorType), ActorID: string(w.ActorID),
				ActorName: string(w.ActorName), Time: w.Timestamp.time()})
		}
	}
	return all, nil
}

// SameReaction compares two emoji without skin tone and variation selector:
// 👍 and 👍🏽 are the same sign.
func SameReaction(a, b string) bool { return NormalizeReaction(a) == NormalizeReaction(b) }

// NormalizeReaction takes skin tones (U+1F3FB to U+1F3FF) and the variation
// selector U+FE0F out of an emoji.
func NormalizeReaction(s string) string {
	return strings.Map(func(r rune) rune {
		if r == 0xFE0F || 0x1F3FB <= r && r <= 0x1F3FF {
			return -1
		}
		return r
	}, s)
}

func reactionPath(token string, id int64) string {
	return chatAPI + "/reaction/" + url.PathEscape(token) + "/" + strconv.FormatInt(id, 10)
}
