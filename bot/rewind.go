package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
)

// When Nextcloud is put back from its backup, the numbers of messages go back, too:
// whoever waits for one beyond the last that they knew is deaf, and a new message
// has the number of one that is gone. What was known of those is taken back, the
// rooms are read again, and what is said from then on counts as later than all
// before.

// Rewind is one time that the server was put back. All but Found are on its clock.
type Rewind struct {
	// Read is when the newest message was written that had been read before, in the
	// room in which it was noticed: what is later was said since, or is taken for it.
	Read time.Time `json:"read"`
	// Kept is when the newest message was written that is still there.
	Kept time.Time `json:"kept"`
	// Noticed is when that was, and Found the same on the clock of this machine.
	Noticed time.Time `json:"noticed"`
	Found   time.Time `json:"found"`
}

// rewinds are all of them, the oldest first.
type rewinds []Rewind

func readRewinds(ctx context.Context, store broadcast.Store) (all rewinds, err error) {
	body, err := store.Document(ctx, broadcast.RewindsDocument)
	if err != nil || len(body) == 0 {
		return nil, err
	}
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, fmt.Errorf("read when the server was put back: %w", err)
	}
	return all, nil
}

// number is the place of a message in the order of all that was ever said: its id,
// and above that how often the server had been put back before.
func (r rewinds) number(m talkapi.Message) int64 {
	times := 0
	for _, rewind := range r {
		if m.Time.After(rewind.Read) {
			times++
		}
	}
	return m.ID + int64(times)<<40
}

// knew reports whether what was written then had been read when the server was put
// back: where it is read again, a command in it was obeyed long ago.
func (r rewinds) knew(at time.Time) bool {
	return len(r) > 0 && !at.After(r[len(r)-1].Read)
}

// judgement is at what place a room was looked at, and when.
type judgement struct {
	after int64
	at    time.Time
}

// judgeEvery is how long a room in which the last message that was read has
// expired is not looked at closely again while there is no news in it.
const judgeEvery = time.Minute

// isBack reports whether the server was put back to a state in which the room had
// not come as far as it was read: at that place stands another message, or none, or
// all there are stand before it. The message is the one at that place, nil where a
// look without a wait has shown none; news are those behind it.
func (b *Bot) isBack(ctx context.Context, token string, at broadcast.Cursor, m *talkapi.Message, news []talkapi.Message) (bool, error) {
	cleared := func(m talkapi.Message) bool { return m.System == "history_cleared" }
	switch {
	case at.After == 0, slices.ContainsFunc(news, cleared):
		return false, nil
	case m != nil:
		return !at.At.IsZero() && !m.Time.Equal(at.At), nil
	case len(news) == 0 && b.isJudged(token, at.After):
		return false, nil // nothing is passed over by waiting
	}
	return b.isLost(ctx, token, at)
}

// isLost reports whether the room has lost the message up to which it was read, by
// looking closely.
func (b *Bot) isLost(ctx context.Context, token string, at broadcast.Cursor) (bool, error) {
	if at.At.IsZero() {
		// What stood there was never seen: something that is not shown, perhaps.
		newest, err := b.newest(ctx, token)
		if err != nil || newest.After == 0 || newest.After >= at.After {
			return false, err
		}
	} else {
		batch, err := b.Client.History(ctx, token, at.After+1, 1)
		if err != nil {
			return false, fmt.Errorf("look at the place up to which a room was read: %w", err)
		}
		if there := batch.Messages; len(there) > 0 && (there[0].ID == at.After || there[0].Time.After(at.At)) {
			return !there[0].Time.Equal(at.At), nil
		}
	}
	// Where messages expire, they go without anything being put back.
	list, err := b.Client.Rooms(ctx, talkapi.RoomsQuery{NoLastMessages: true})
	if err != nil {
		return false, fmt.Errorf("read the list of rooms: %w", err)
	}
	i := slices.IndexFunc(list.Rooms, func(r talkapi.Room) bool { return r.Token == token })
	return i >= 0 && list.Rooms[i].Expiry == 0, nil
}

// PutBack tells whether the server was put back to a state in which the family room
// had not come as far as it was read, which nobody has made good yet, and the last
// time that this was done; zero for never. It changes nothing.
func (b *Bot) PutBack(ctx context.Context) (behind bool, last Rewind, err error) {
	all, err := readRewinds(ctx, b.Service.Store)
	if err != nil {
		return false, last, err
	}
	if len(all) > 0 {
		last = all[len(all)-1]
	}
	token, err := b.Family(ctx)
	if err != nil {
		return false, last, err
	}
	at, known, err := b.Service.Store.Cursor(ctx, token)
	if err != nil || !known || at.After == 0 {
		return false, last, err
	}
	behind, err = b.isLost(ctx, token, at)
	return behind, last, err
}

// isJudged reports whether the room was looked at at that place lately, and notes
// that it is now.
func (b *Bot) isJudged(token string, after int64) bool {
	b.patience.Lock()
	defer b.patience.Unlock()
	last := b.judged[token]
	if last.after == after && time.Since(last.at) < judgeEvery {
		return true
	}
	b.judged[token] = judgement{after, time.Now()}
	return false
}

// goBack makes good that the server was put back, unless somebody has done so
// meanwhile: what is known of messages that the room has lost is taken back, its
// prompts are sent again, it is read again from the beginning of the open check, and
// the organisers are told. Other rooms are found when they are read.
func (b *Bot) goBack(ctx context.Context, token string, at broadcast.Cursor) error {
	release, err := b.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer release()
	now, _, err := b.Service.Store.Cursor(ctx, token)
	if err != nil || now.After != at.After {
		return err
	}
	all, err := readRewinds(ctx, b.Service.Store)
	if err != nil {
		return err
	}
	if at.At.IsZero() {
		// It is not known what was read: rather too little is taken for it.
		at.At = b.Client.Now().Add(-24 * time.Hour)
		if n := len(all); n > 0 {
			at.At = all[n-1].Noticed
		}
	}
	// All that was read was written by then.
	kept, err := b.newestBefore(ctx, token, at.At.Add(time.Second))
	if err != nil {
		return fmt.Errorf("find what the server has kept: %w", err)
	}
	from, err := b.again(ctx, token, kept)
	if err != nil {
		return fmt.Errorf("find where to read again: %w", err)
	}
	gone, err := b.gone(ctx)
	if err != nil {
		return err
	}
	change := broadcast.Change{Now: time.Now(), Rewinds: append(gone, broadcast.Rewind{Room: token, Above: kept.After, From: from})}
	// A room that was not read since the last time was put back then.
	if n := len(all); n == 0 || at.At.After(all[n-1].Noticed) {
		all = append(all, Rewind{Read: later(at.At, kept.At), Kept: kept.At, Noticed: b.Client.Now(), Found: change.Now})
		body, err := json.Marshal(all)
		if err != nil {
			return fmt.Errorf("keep that the server was put back: %w", err)
		}
		change.Documents = map[string][]byte{broadcast.RewindsDocument: body}
		b.Service.PlanNotice(&change, "rewind-"+strconv.Itoa(len(all)), func(o roster.Member) string { return rewound(b.texts(o.Lang), kept.At) })
	}
	if _, err := b.Service.Commit(ctx, change); err != nil {
		return fmt.Errorf("take back what the server has lost: %w", err)
	}
	zerolog.Ctx(ctx).Warn().Time("kept", kept.At).Msg("Nextcloud was put back to an earlier state; a room is read again")
	b.back.Store(true)
	b.Wake()
	return nil
}

// gone are the rooms that the newest check has written into and that do not exist any
// more: they were made after the state to which the server was put back.
func (b *Bot) gone(ctx context.Context) (gone []broadcast.Rewind, err error) {
	checks, err := b.Service.Store.Checks(ctx, 1)
	if err != nil || len(checks) == 0 {
		return nil, err
	}
	deliveries, err := b.Service.Store.Deliveries(ctx, checks[0].ID)
	if err != nil {
		return nil, err
	}
	list, err := b.Client.Rooms(ctx, talkapi.RoomsQuery{NoLastMessages: true})
	if err != nil {
		return nil, fmt.Errorf("read the list of rooms: %w", err)
	}
	seen := map[string]bool{"": true}
	for _, room := range list.Rooms {
		seen[room.Token] = true
	}
	for _, d := range deliveries {
		if room := d.Receipt.Room; !seen[room] {
			seen[room] = true
			b.Forget(room)
			gone = append(gone, broadcast.Rewind{Room: room})
		}
	}
	return gone, nil
}

// again is the place from which the room is read again: what it has kept, or where
// it stood when the open check began.
func (b *Bot) again(ctx context.Context, token string, kept broadcast.Cursor) (broadcast.Cursor, error) {
	began, open, err := b.beforeOpen(ctx, token)
	if open && began.After < kept.After {
		return began, err
	}
	return kept, err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// rewound words that the server was put back; kept is zero when nothing is left.
func rewound(t *locale.Texts, kept time.Time) string {
	if kept.IsZero() {
		return t.T("rewind.all")
	}
	return t.T("rewind.since", locale.Data{"When": t.When(kept)})
}
