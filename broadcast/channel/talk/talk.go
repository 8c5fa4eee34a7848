// Package talk carries messages over Nextcloud Talk, in two ways: [Talk.Room]
// speaks to the whole family at once, [Talk.Direct] to one person alone.
//
// A prompt carries the bot's own ✅ 🩹 🆘 under it, so that an answer is one
// tap. Every message carries its reference, by which it is found again when
// nobody knows whether it arrived; the server itself sends the same message
// twice without complaint.
package talk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
)

// Options say where the family is and how it is spoken to.
type Options struct {
	Client *talkapi.Client
	// User is the account that the client speaks as, for error messages.
	User string
	// Room is the name or the token of the family room.
	Room string
	// Known is the token of the room that was the family's before; Remember is
	// called with another one that is found. Both may be empty.
	Known    string
	Remember func(token string)
	// Language is that of the room, and of members whose own is not known.
	Language string
	Zone     *time.Location
	// Contact says whom to call when nothing else works.
	Contact string
	// Page is the address of the web pages; empty when there are none.
	Page string
	// Settle is how long after a call was given up the server may still be
	// working on it; zero means 45 s.
	Settle time.Duration
}

// Talk knows the family room and the one-to-one rooms of an account.
type Talk struct {
	o Options

	mu     sync.Mutex
	family string
	direct map[string]string // room by user id
}

// New returns the channels of one account. It calls nobody.
func New(o Options) *Talk {
	if o.Settle == 0 {
		o.Settle = 45 * time.Second
	}
	return &Talk{o: o, direct: map[string]string{}}
}

// Family returns the token of the family room. It is looked up among the rooms
// of the account once; guessing tokens would lock the account's address out.
// The error is a *locale.Problem when the account is not in such a room.
func (t *Talk) Family(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.family != "" {
		return t.family, nil
	}
	list, err := t.o.Client.Rooms(ctx, talkapi.RoomsQuery{NoLastMessages: true})
	if err != nil {
		return "", fmt.Errorf("look for the family room: %w", err)
	}
	t.family, err = t.choose(list.Rooms)
	if err == nil && t.family != t.o.Known && t.o.Remember != nil {
		t.o.Remember(t.family)
	}
	return t.family, err
}

// Look returns the family room as it is now, whatever was found before.
func (t *Talk) Look(ctx context.Context) (talkapi.Room, error) {
	list, err := t.o.Client.Rooms(ctx, talkapi.RoomsQuery{NoLastMessages: true})
	if err != nil {
		return talkapi.Room{}, fmt.Errorf("look for the family room: %w", err)
	}
	token, err := t.choose(list.Rooms)
	if err != nil {
		return talkapi.Room{}, err
	}
	i := slices.IndexFunc(list.Rooms, func(r talkapi.Room) bool { return r.Token == token })
	return list.Rooms[i], nil
}

// choose picks the family room: the one with that token, else the one that was
// it before, else the only one that is called so, to the letter or nearly.
// The room that Talk makes for each new account is nobody's family room.
// Anybody on the server can make a room of the same name and put the account
// into it, so two of them are one too many.
func (t *Talk) choose(rooms []talkapi.Room) (string, error) {
	none := &NoRoom{User: t.o.User, Room: t.o.Room}
	var exact, near []string
	known := false
	for _, room := range rooms {
		if room.Type != talkapi.Group && room.Type != talkapi.Public || room.Sample {
			continue
		}
		switch {
		case room.Token == t.o.Room:
			return room.Token, nil
		case room.DisplayName == t.o.Room:
			exact = append(exact, room.Token)
		case fold(room.DisplayName) == fold(t.o.Room):
			near = append(near, room.Token)
		default:
			none.Rooms = append(none.Rooms, room.DisplayName)
			continue
		}
		known = known || room.Token == t.o.Known
	}
	switch {
	case known:
		return t.o.Known, nil
	case len(exact) == 1:
		return exact[0], nil
	case len(exact) == 0 && len(near) == 1:
		return near[0], nil
	case len(exact)+len(near) > 1:
		none.Several = true
	}
	return "", none
}

// NoRoom is the error when it is not clear which room is the family's.
type NoRoom struct {
	User, Room string
	Rooms      []string // the names of the other rooms that the account is in
	Several    bool     // there is more than one of that name
}

func (e *NoRoom) Error() string {
	if e.Several {
		return fmt.Sprintf("the account %s is in several rooms %q", e.User, e.Room)
	}
	return fmt.Sprintf("the account %s is in no room %q", e.User, e.Room)
}

// fold makes names comparable: width, compatibility forms and case aside.
func fold(s string) string {
	return cases.Fold().String(strings.TrimSpace(norm.NFKC.String(s)))
}

// Forget makes the next message look the room up again, because the server does
// not know it any more.
func (t *Talk) Forget(room string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.family == room {
		t.family = ""
	}
	for user, token := range t.direct {
		if token == room {
			delete(t.direct, user)
		}
	}
}

// oneToOne finds or makes the room with one member.
func (t *Talk) oneToOne(ctx context.Context, user string) (string, error) {
	t.mu.Lock()
	token := t.direct[user]
	t.mu.Unlock()
	if token != "" {
		return token, nil
	}
	room, err := t.o.Client.OneToOne(ctx, user)
	if err != nil {
		return "", fmt.Errorf("open a one-to-one room: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.direct[user] = room.Token
	return room.Token, nil
}

// post sends a text and puts the taps under a prompt.
func (t *Talk) post(ctx context.Context, room, text string, m broadcast.Message) (broadcast.Receipt, error) {
	// A tally or report rings no phone; whoever asked a question or cried for
	// help does.
	silent := m.Purpose == broadcast.TallyOf || m.Purpose == broadcast.Reply && len(m.Taps) == 0
	sent, err := t.o.Client.Send(ctx, room, talkapi.Post{Text: text, ReferenceID: m.Reference, Silent: silent})
	if err != nil {
		return broadcast.Receipt{}, err
	}
	if err := t.offerTaps(ctx, room, sent.ID, m); err != nil {
		// It has arrived, but is not complete: later it is found, and the taps
		// are put under it then.
		return broadcast.Receipt{}, &unfinished{err}
	}
	return broadcast.Receipt{Room: room, MessageID: sent.ID}, nil
}

// unfinished is the error of a prompt that has arrived without its taps.
type unfinished struct{ error }

func (u *unfinished) Unwrap() error { return u.error }

// find looks for a message that an earlier attempt may have sent.
func (t *Talk) find(ctx context.Context, room string, m broadcast.Message, since time.Time) (broadcast.Receipt, bool, error) {
	found, ok, err := t.o.Client.FindByReference(ctx, room, m.Reference, since)
	if err != nil || !ok {
		return broadcast.Receipt{}, false, err
	}
	if err := t.offerTaps(ctx, room, found.ID, m); err != nil {
		return broadcast.Receipt{}, false, err
	}
	return broadcast.Receipt{Room: room, MessageID: found.ID}, true, nil
}

// offerTaps reacts to the own message, so that answering it is one tap. Reacting
// twice changes nothing, so a passing fault is simply tried again; the error is
// one that has not passed. A server that takes no reactions is no error: an
// answer in words works as well.
func (t *Talk) offerTaps(ctx context.Context, room string, id int64, m broadcast.Message) error {
	taps := m.Taps
	if m.Purpose.Answerable() {
		taps = nil
		for _, tap := range broadcast.Taps {
			taps = append(taps, tap.Icon())
		}
	}
	for _, tap := range taps {
		for try := range 3 {
			err := t.o.Client.React(ctx, room, id, tap)
			if err == nil || !passing(err) {
				break
			}
			if try == 2 || ctx.Err() != nil {
				return err
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second << try):
			}
		}
	}
	return nil
}

// acknowledge puts a reaction on the message of a member, and takes others of
// its own away. All of it may be done twice.
func (t *Talk) acknowledge(ctx context.Context, m broadcast.Message) (broadcast.Receipt, broadcast.Unreached, error) {
	at := m.Receipt
	for i, tap := range m.Taps {
		do := t.o.Client.React
		if i > 0 {
			do = t.o.Client.Unreact
		}
		err := do(ctx, at.Room, at.MessageID, tap)
		if i > 0 && errors.Is(err, talkapi.ErrNotFound) {
			continue // it was not there
		}
		if err != nil {
			// Reacting twice changes nothing: there is no doubt.
			return broadcast.Receipt{}, nil, failure(err, beforeSending)
		}
	}
	return at, nil, nil
}

func (t *Talk) words(lang string) broadcast.Words {
	if lang == "" {
		lang = t.o.Language
	}
	return broadcast.Words{Texts: locale.For(lang, t.o.Zone), Plain: plain, Contact: t.o.Contact, Page: t.o.Page}
}

// maxText is well below the 32,000 characters that Talk takes.
const maxText = 30000

func limit(text string) string {
	if utf8.RuneCountInString(text) <= maxText {
		return text
	}
	return string([]rune(text)[:maxText]) + "…"
}

// plain makes a text from people harmless in a chat: it mentions nobody,
// formats nothing and stays on one line.
func plain(s string) string { return talkapi.Escape(locale.OneLine(s, maxQuote)) }

// maxQuote is how much of what somebody wrote is quoted, in characters.
const maxQuote = 500

// languages are those in which a message to the members is worded: that of the
// room first.
func (t *Talk) languages(members []roster.Member) []string {
	first := locale.For(t.o.Language, t.o.Zone).Lang
	langs := []string{first}
	for _, m := range members {
		if m.Lang == "" {
			continue
		}
		if lang := locale.For(m.Lang, t.o.Zone).Lang; lang != first {
			return append(langs, lang)
		}
	}
	return langs
}
