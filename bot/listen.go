package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/talkapi"
)

// longPoll is how long the server holds the question for news in the family
// room; it is the longest it allows.
const longPoll = 30 * time.Second

// listenRoom follows the family room.
func (b *Bot) listenRoom(ctx context.Context) {
	trouble := trouble{what: "listen to the family room"}
	for ctx.Err() == nil {
		wait := longPoll
		if trouble.last != "" {
			wait = 0 // is it still the room that it was?
		}
		if err := b.followRoom(ctx, wait); err != nil && ctx.Err() == nil {
			sleep(ctx, trouble.failed(ctx, err))
			continue
		}
		trouble.over(ctx)
	}
}

// followRoom waits for news in the family room once, and takes them in. Without
// a wait it also sees the taps that do not end the wait of a server with a
// memory cache for up to 30 s.
func (b *Bot) followRoom(ctx context.Context, wait time.Duration) error {
	token, err := b.Family(ctx)
	if err != nil {
		return err
	}
	at, known, err := b.Service.Store.Cursor(ctx, token)
	if err != nil {
		return err
	}
	if !known {
		if at.After, err = b.seed(ctx, token, 0); err != nil {
			return err
		}
	}
	asked := time.Now()
	batch, last, err := b.messages(ctx, token, talkapi.Query{After: at.After, Wait: wait})
	if errors.Is(err, talkapi.ErrNotFound) {
		b.Forget(token)
	}
	if err != nil {
		return fmt.Errorf("wait for news: %w", err)
	}
	if wait > 0 && batch.LastGiven == 0 && time.Since(asked) < time.Second {
		// A server that does not hold the question must not be asked in a circle.
		sleep(ctx, time.Second)
	}
	if wait == 0 && known {
		back, err := b.isBack(ctx, token, at, last, batch.Messages)
		if err != nil {
			return err
		}
		if back {
			return b.goBack(ctx, token, at)
		}
	}
	b.family.Lock()
	defer b.family.Unlock()
	now, _, err := b.Service.Store.Cursor(ctx, token)
	if err != nil {
		return err
	}
	if batch.LastGiven <= now.After || now.After < at.After {
		return nil // the other goroutine was faster, or has found that the room was put back
	}
	batch.Messages = slices.DeleteFunc(batch.Messages, func(m talkapi.Message) bool { return m.ID <= now.After })
	return b.take(ctx, place{room: token}, batch)
}

// readRoom takes in all that was said in the family room so far.
func (b *Bot) readRoom(ctx context.Context) error {
	for {
		token, err := b.Family(ctx)
		if err != nil {
			return err
		}
		before, _, err := b.Service.Store.Cursor(ctx, token)
		if err != nil {
			return err
		}
		if err := b.followRoom(ctx, 0); err != nil {
			return err
		}
		after, _, err := b.Service.Store.Cursor(ctx, token)
		if err != nil || after.After == before.After {
			return err
		}
	}
}

// messages reads a piece of a room. Where people have written very long texts
// the piece may be larger than what is taken in one answer; then it is asked
// for in smaller ones. At is the message at the place from which it is read, as far
// as a look without a wait shows it.
func (b *Bot) messages(ctx context.Context, token string, q talkapi.Query) (batch talkapi.Batch, at *talkapi.Message, err error) {
	for _, q.Limit = range []int{100, 10, 1} {
		if q.Wait > 0 {
			batch, err = b.Client.Messages(ctx, token, q)
		} else {
			batch, at, err = b.Client.Fresh(ctx, token, q)
		}
		if !errors.Is(err, talkapi.ErrTooLarge) {
			return batch, at, err
		}
	}
	return talkapi.Batch{}, nil, talkapi.ErrTooLarge
}

// seed begins to read a room at its newest message: what was said before the
// bot came is not for it. But what was said since an open check began is, and so
// is the message that a notification names; notified is 0 when there is none.
func (b *Bot) seed(ctx context.Context, token string, notified int64) (int64, error) {
	from, err := b.newest(ctx, token)
	if err != nil {
		return 0, fmt.Errorf("find where to begin reading: %w", err)
	}
	// A check that begins after this look has all its answers after that message.
	if began, open, err := b.beforeOpen(ctx, token); err != nil {
		return 0, fmt.Errorf("find where to begin reading: %w", err)
	} else if open {
		from = began
	}
	if notified > 0 && notified <= from.After {
		from = broadcast.Cursor{After: notified - 1}
	}
	from.Room, from.IfNew = token, true
	_, err = b.Service.Commit(ctx, broadcast.Change{Now: time.Now(), Cursors: []broadcast.Cursor{from}})
	return from.After, err
}

// beforeOpen is the place in a room behind which what is said may be for the open
// check; open is false when there is none.
func (b *Bot) beforeOpen(ctx context.Context, token string) (at broadcast.Cursor, open bool, err error) {
	checks, err := b.Service.Open(ctx)
	if err != nil || len(checks) == 0 {
		return at, false, err
	}
	at, err = b.newestBefore(ctx, token, b.began(checks[len(checks)-1]).Add(-earlyTime))
	return at, true, err
}

// newest is the place of the newest message of a room; zero when there is none.
func (b *Bot) newest(ctx context.Context, token string) (broadcast.Cursor, error) {
	batch, err := b.Client.History(ctx, token, 0, 1)
	if err != nil || len(batch.Messages) == 0 {
		return broadcast.Cursor{After: batch.LastGiven}, err
	}
	return broadcast.Cursor{After: batch.Messages[0].ID, At: batch.Messages[0].Time}, nil
}

// newestBefore is the place of the newest message written before the time; zero
// when all are later.
func (b *Bot) newestBefore(ctx context.Context, token string, t time.Time) (broadcast.Cursor, error) {
	before := int64(0)
	for {
		batch, err := b.Client.History(ctx, token, before, 100)
		if err != nil {
			return broadcast.Cursor{}, err
		}
		for _, m := range batch.Messages {
			if m.Time.Before(t) {
				return broadcast.Cursor{After: m.ID, At: m.Time}, nil
			}
		}
		if batch.LastGiven == 0 || batch.LastGiven == before {
			return broadcast.Cursor{}, nil
		}
		before = batch.LastGiven
	}
}

// lookEvery is how often, while nothing is on, the family room is looked at for
// whether it is still the one that was read: waiting for news does not tell.
const lookEvery = 15 * time.Minute

// listenDirect reads one-to-one rooms when the notifications name them, and
// sweeps through those with an unanswered prompt now and then.
func (b *Bot) listenDirect(ctx context.Context) {
	trouble := trouble{what: "read one-to-one rooms"}
	etag := ""
	var swept time.Time
	caught := false
	var looked time.Time // when the family room was last read without a wait
	lively := time.Now() // when something was last said or sent
	for ctx.Err() == nil {
		busy, err := b.busy(ctx)
		var room error
		if b.back.Swap(false) || trouble.last != "" {
			etag = "" // it may be that of another list, from before, with the same numbers
			clear(b.standing)
		}
		if err == nil && (!caught || trouble.last != "") {
			// Before anything else is read: is it still the server that it was? But
			// while the room cannot be read, people are heard alone.
			room = b.readRoom(ctx)
		}
		if err == nil && (swept.IsZero() || busy && time.Since(swept) >= b.Pace.Sweep) {
			if err = b.sweep(ctx); err == nil {
				swept = time.Now()
			}
		}
		if err == nil {
			etag, err = b.readNotified(ctx, etag)
		}
		if room == nil && (busy || time.Since(looked) >= lookEvery) {
			room, looked = b.followRoom(ctx, 0), time.Now()
		}
		err = errors.Join(err, room)
		if err == nil && !caught {
			caught = true
			close(b.heard)
		}
		wait := b.Pace.Idle
		if busy {
			wait = min(max(time.Since(lively)/30, b.Pace.Busy), b.Pace.Quiet)
		}
		if err != nil && ctx.Err() == nil {
			wait = max(wait, trouble.failed(ctx, err))
		} else {
			trouble.over(ctx)
		}
		if b.pause(ctx, wait, busy) {
			lively = time.Now()
		}
	}
}

// pause waits, and reports whether something was said or sent meanwhile. While
// no check is open that ends the wait: a check may have begun.
func (b *Bot) pause(ctx context.Context, wait time.Duration, busy bool) (news bool) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return news
		case <-timer.C:
			return news
		case <-b.news:
			if news = true; !busy {
				return news
			}
		}
	}
}

func (b *Bot) busy(ctx context.Context) (bool, error) {
	if time.Now().UnixMilli() < b.waits.Load() {
		return true, nil
	}
	open, err := b.Service.Open(ctx)
	return len(open) > 0, err
}

// readNotified reads the rooms that the notifications name, and returns the
// ETag for the next time.
func (b *Bot) readNotified(ctx context.Context, etag string) (string, error) {
	list, err := b.Client.Notifications(ctx, etag)
	if errors.Is(err, talkapi.ErrUnsupported) {
		// No notifications app: the sweep finds the answers, later.
		b.unnotified = true
		return "", nil
	}
	if err != nil {
		return etag, fmt.Errorf("read the notifications: %w", err)
	}
	b.unnotified = false
	if list.Unchanged {
		return etag, nil
	}
	// While the family room cannot be found, people can still be heard alone.
	family, _ := b.Family(ctx)
	var failed error
	for _, n := range byRoom(list.Items) {
		// One room that cannot be read must not hold up the others.
		failed = errors.Join(failed, b.readNamed(ctx, n, n.room == family))
	}
	if failed != nil {
		return etag, failed
	}
	return list.ETag, nil
}

// notified is what the notifications say of one room.
type notified struct {
	room   string
	oldest int64   // the oldest message named; 0 when none is
	ids    []int64 // of the notifications
}

// byRoom gathers the notifications of each room.
func byRoom(items []talkapi.Notification) []*notified {
	var rooms []*notified
	for _, item := range items {
		token, message, ok := item.Room()
		if !ok {
			continue
		}
		i := slices.IndexFunc(rooms, func(n *notified) bool { return n.room == token })
		if i < 0 {
			i, rooms = len(rooms), append(rooms, &notified{room: token, oldest: message})
		}
		n := rooms[i]
		n.ids = append(n.ids, item.ID)
		if message != 0 && (n.oldest == 0 || message < n.oldest) {
			n.oldest = message
		}
	}
	return rooms
}

// readNamed reads a one-to-one room that notifications name, and only then
// dismisses them: those that it has seen, so that one which comes meanwhile
// stands. The family room is read by its own poll, and nothing counts that is
// said in other groups; theirs are dismissed, too, because the list is short.
// While what is written down may be lost, none is dismissed.
func (b *Bot) readNamed(ctx context.Context, n *notified, family bool) error {
	isNew := func(id int64) bool { return !b.standing[id] }
	if b.Fleeting() && !slices.ContainsFunc(n.ids, isNew) {
		return nil
	}
	if !family {
		direct, err := b.isDirect(ctx, n.room)
		if err != nil {
			return err
		}
		if direct {
			if err := b.readDirect(ctx, n.room, n.oldest); err != nil {
				return err
			}
		}
	}
	for _, id := range n.ids {
		if b.Fleeting() {
			b.standing[id] = true
			continue
		}
		delete(b.standing, id)
		if err := b.Client.DismissNotification(ctx, id); err != nil {
			return fmt.Errorf("dismiss a notification: %w", err)
		}
	}
	return nil
}

// isDirect looks the kind of a room up in the list of rooms, once. Asking for
// the room itself would count as guessing when it has gone.
func (b *Bot) isDirect(ctx context.Context, token string) (bool, error) {
	if direct, known := b.direct[token]; known {
		return direct, nil
	}
	list, err := b.Client.Rooms(ctx, talkapi.RoomsQuery{NoLastMessages: true})
	if err != nil {
		return false, fmt.Errorf("read the list of rooms: %w", err)
	}
	for _, room := range list.Rooms {
		b.direct[room.Token] = room.Type == talkapi.OneToOne
	}
	return b.direct[token], nil
}

// sweep reads every one-to-one room with an unanswered prompt, and where there are
// no notifications every one in which something was written lately; it notes how
// far the others have read.
func (b *Bot) sweep(ctx context.Context) error {
	rooms, err := b.Service.Store.SilentRooms(ctx)
	if err != nil || len(rooms) == 0 && !b.unnotified {
		return err
	}
	list, err := b.Client.Rooms(ctx, talkapi.RoomsQuery{NoLastMessages: true})
	if err != nil {
		return fmt.Errorf("read the list of rooms: %w", err)
	}
	change := broadcast.Change{Now: time.Now()}
	for _, room := range list.Rooms {
		if slices.Contains(rooms, room.Token) && room.LastCommonRead > b.seen[room.Token] {
			b.seen[room.Token] = room.LastCommonRead
			change.Seen = append(change.Seen, broadcast.Cursor{Room: room.Token, After: room.LastCommonRead})
		}
	}
	if len(change.Seen) > 0 {
		if _, err := b.Service.Commit(ctx, change); err != nil {
			return err
		}
	}
	if b.unnotified {
		// Nobody says where there is news: whoever has answered may cry yet.
		since := b.Client.Now().Add(-2 * b.Pace.Sweep)
		for _, room := range list.Rooms {
			if room.Type == talkapi.OneToOne && room.LastActivity.After(since) && !slices.Contains(rooms, room.Token) {
				rooms = append(rooms, room.Token)
			}
		}
	}
	for _, token := range rooms {
		if err := b.readDirect(ctx, token, 0); err != nil {
			return err
		}
	}
	return nil
}

// readDirect reads a one-to-one room to its end. Notified is the oldest message
// that a notification names, 0 when none does: a room that was never read is read
// from there at the latest.
func (b *Bot) readDirect(ctx context.Context, token string, notified int64) error {
	at, known, err := b.Service.Store.Cursor(ctx, token)
	if err != nil {
		return err
	}
	if !known {
		if at.After, err = b.seed(ctx, token, notified); err != nil {
			if errors.Is(err, talkapi.ErrNotFound) {
				return b.lose(ctx, token)
			}
			return err
		}
	}
	after := at.After
	for {
		batch, last, err := b.messages(ctx, token, talkapi.Query{After: after})
		if errors.Is(err, talkapi.ErrNotFound) {
			return b.lose(ctx, token)
		}
		if err != nil {
			return fmt.Errorf("read a one-to-one room: %w", err)
		}
		if known && after == at.After {
			back, err := b.isBack(ctx, token, at, last, batch.Messages)
			if err != nil {
				return err
			}
			if back {
				if err := b.goBack(ctx, token, at); err != nil {
					return err
				}
				return b.readDirect(ctx, token, 0)
			}
		}
		if batch.LastGiven <= after {
			break
		}
		if err := b.take(ctx, place{room: token, direct: true}, batch); err != nil {
			return err
		}
		after = batch.LastGiven
	}
	return nil
}

// lose plans anew what stood in a one-to-one room that does not exist any more:
// prompts go out into another.
func (b *Bot) lose(ctx context.Context, token string) error {
	b.Forget(token)
	_, err := b.Service.Commit(ctx, broadcast.Change{Now: time.Now(), Rewinds: []broadcast.Rewind{{Room: token}}})
	return err
}
