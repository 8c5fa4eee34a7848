package talkapi

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// BotOptions say which server to write to and with which bot's secret.
type BotOptions struct {
	URL              string            // as in Options
	Secret           Secret            // 40 to 128 characters, as given to talk:bot:install
	UserAgent        string            // as in Options
	Transport        http.RoundTripper // as in Options
	Timeout          time.Duration     // as in Options
	UnauthorizedHold time.Duration     // per room: as in Options; the server counts a bot's 401 against the whole address, too
}

// BotSender writes as a webhook bot into rooms where the bot is enabled. It
// learns no message ids and sees nothing; Client does.
type BotSender struct {
	wire   wire
	secret hidden
	hold   time.Duration

	mu    sync.Mutex
	gates map[string]*gate // by room
}

// NewBot checks the options and makes a sender. It does not connect.
func NewBot(o BotOptions) (*BotSender, error) {
	w, err := newWire(Options{URL: o.URL, UserAgent: o.UserAgent, Transport: o.Transport, Timeout: o.Timeout})
	if err != nil {
		return nil, err
	}
	if o.Secret == "" {
		return nil, errors.New("the bot's secret is missing: give the one from talk:bot:install")
	}
	if o.UnauthorizedHold <= 0 {
		o.UnauthorizedHold = defaultHold
	}
	return &BotSender{wire: w, secret: hide(o.Secret), hold: o.UnauthorizedHold, gates: map[string]*gate{}}, nil
}

// Send posts a message as the bot. ErrUnauthorized means a wrong secret, a
// bot not enabled in the room, or an unknown room: the server doesn't tell.
func (b *BotSender) Send(ctx context.Context, token string, p Post) error {
	return b.do(ctx, token, p.Text, request{op: "send message as bot", method: http.MethodPost,
		path: botPath(token) + "/message", body: p.fields()})
}

// React puts an emoji under a message as the bot; errors are as for
// Client.React.
func (b *BotSender) React(ctx context.Context, token string, id int64, emoji string) error {
	return b.do(ctx, token, emoji, request{op: "add reaction as bot", method: http.MethodPost,
		path: botPath(token) + "/reaction/" + strconv.FormatInt(id, 10), body: map[string]string{"reaction": emoji}, bad: ErrNotReactable})
}

// Unreact takes the bot's emoji away again.
func (b *BotSender) Unreact(ctx context.Context, token string, id int64, emoji string) error {
	return b.do(ctx, token, emoji, request{op: "remove reaction as bot", method: http.MethodDelete,
		path: botPath(token) + "/reaction/" + strconv.FormatInt(id, 10), query: url.Values{"reaction": {emoji}}})
}

// do signs the value (the text or the emoji itself, not the JSON body) and
// makes the call.
func (b *BotSender) do(ctx context.Context, token, value string, rq request) error {
	g := b.gate(token)
	probe, err := g.enter(rq.op)
	if err != nil {
		return err
	}
	var random [32]byte
	rand.Read(random[:]) // never fails, see crypto/rand
	nonce := hex.EncodeToString(random[:])
	rq.secrets = []string{token, b.secret()}
	rq.header = http.Header{
		"X-Nextcloud-Talk-Bot-Random":    {nonce},
		"X-Nextcloud-Talk-Bot-Signature": {hex.EncodeToString(sign(b.secret(), nonce, []byte(value)))},
	}
	_, err = b.wire.send(ctx, rq)
	g.leave(probe, err)
	return err
}

func (b *BotSender) gate(token string) *gate {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := b.gates[token]
	if g == nil {
		g = &gate{hold: b.hold}
		b.gates[token] = g
	}
	return g
}

func botPath(token string) string { return chatAPI + "/bot/" + url.PathEscape(token) }
