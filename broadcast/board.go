package broadcast

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// editPause is how long the tally rests between two edits, so that a burst of
// answers costs one request.
const editPause = 3 * time.Second

// tallyAge is when a new message takes the place of the tally; chat servers
// refuse to edit older ones.
const tallyAge = 24*time.Hour - time.Minute

// repost is how long a tally that the room refused is not posted anew.
const repost = 5 * time.Minute

// board keeps the tally in the room up to date by editing one message.
type board struct {
	service *Service
	dirty   chan struct{}

	mu    sync.Mutex
	shown map[int64]string    // by check: the tally as the room shows it
	again map[int64]time.Time // by check: when a tally that failed was last posted anew
	// rewinds is the document of that name when shown was right.
	rewinds string
}

func newBoard(s *Service) *board {
	b := &board{service: s, dirty: make(chan struct{}, 1), shown: map[int64]string{}, again: map[int64]time.Time{}}
	// What the room shows when the program begins is not known.
	poke(b.dirty)
	return b
}

// shows notes that the room shows, or is about to show, the tally.
func (b *board) shows(t Tally) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shown[t.Check.ID] = fingerprint(t)
}

// forget notes that the room may not show the tally of the check.
func (b *board) forget(check int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.shown, check)
}

// isShown reports whether the room already shows the tally. What it showed
// before this process began is not known.
func (b *board) isShown(t Tally) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.shown[t.Check.ID] == fingerprint(t)
}

// fingerprint is equal for tallies that look the same to the family.
func fingerprint(t Tally) string {
	var s strings.Builder
	fmt.Fprint(&s, t.Check.Open())
	for _, st := range t.Standings {
		fmt.Fprintf(&s, "|%s=%s", st.Member.ID, st.Status)
		if st.Status == Pending && st.Reached == Failed {
			s.WriteString("!")
		}
		if p := st.Answer.Place; p != nil {
			fmt.Fprintf(&s, "@%v,%v", p.Latitude, p.Longitude)
		}
	}
	return s.String()
}

// run edits the tally whenever something has changed, at most once every few
// seconds.
func (b *board) run(ctx context.Context, editor Editor) {
	log := zerolog.Ctx(ctx)
	if err := b.assume(ctx, time.Now()); err != nil && ctx.Err() == nil {
		log.Warn().Err(err).Msg("cannot read the tallies of earlier checks")
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.dirty:
		}
		if err := b.update(ctx, editor, time.Now()); err != nil && ctx.Err() == nil {
			// The answers are safe; only what the room shows is old.
			log.Warn().Err(err).Msg("cannot update the tally; trying again")
			poke(b.dirty)
			sleep(ctx, 10*editPause)
		}
		sleep(ctx, editPause)
	}
}

// assume takes it that the room shows the tally of checks that closed long ago,
// so that a restart does not post them anew.
func (b *board) assume(ctx context.Context, now time.Time) error {
	checks, err := b.service.Store.Checks(ctx, 20)
	if err != nil {
		return fmt.Errorf("read the checks: %w", err)
	}
	for _, check := range checks {
		if check.Open() || !check.Takes(now) || now.Sub(check.ClosedAt) < tallyAge/2 {
			continue
		}
		tally, err := b.service.Tally(ctx, check)
		if err != nil {
			return err
		}
		b.shows(tally)
	}
	return nil
}

// update brings the tally of every check that takes answers up to date.
func (b *board) update(ctx context.Context, editor Editor, now time.Time) error {
	if err := b.doubt(ctx); err != nil {
		return err
	}
	checks, err := b.service.Store.Checks(ctx, 20)
	if err != nil {
		return fmt.Errorf("read the checks: %w", err)
	}
	for _, check := range checks {
		if !check.Takes(now) {
			continue
		}
		tally, err := b.service.Tally(ctx, check)
		if err != nil {
			return err
		}
		if b.isShown(tally) {
			continue
		}
		if err := b.edit(ctx, editor, tally, now); err != nil {
			return err
		}
	}
	return nil
}

// edit changes the newest message with the tally, or puts a new one in the
// place of one that has become too old.
func (b *board) edit(ctx context.Context, editor Editor, t Tally, now time.Time) error {
	newest, count, err := b.newest(ctx, t.Check)
	if err != nil {
		return err
	}
	switch newest.State {
	case Sent, Seen:
	case Failed:
		// The room refused it; it may take another one a while later.
		if now.Sub(b.again[t.Check.ID]) < repost {
			return nil
		}
		b.again[t.Check.ID] = now
	default:
		// It is on its way, and will be worded when it goes out.
		return nil
	}
	err = ErrTooOld
	if newest.State != Failed && now.Sub(newest.SentAt) < tallyAge {
		m := Message{Purpose: TallyOf, Reference: newest.Reference, Check: t.Check, Tally: t, Now: now}
		ctx, cancel := context.WithTimeout(ctx, sendTimeout)
		defer cancel()
		err = editor.Edit(ctx, newest.Receipt, m)
	}
	if errors.Is(err, ErrTooOld) {
		if now, _, err := b.newest(ctx, t.Check); err != nil || now.Receipt != newest.Receipt || now.State != newest.State {
			return err // meanwhile it was found to be lost, and is sent again
		}
		_, err = b.service.Commit(ctx, Change{Now: now, Deliveries: []Delivery{t.Check.tally(now, count+1)}})
		return err
	}
	if err != nil {
		return fmt.Errorf("edit the tally of check %d: %w", t.Check.ID, err)
	}
	b.shows(t)
	return nil
}

// newest is the newest message with the tally of the check, and how many there
// were.
func (b *board) newest(ctx context.Context, check Check) (newest Delivery, count int, err error) {
	deliveries, err := b.service.Store.Deliveries(ctx, check.ID)
	if err != nil {
		return newest, 0, fmt.Errorf("find the tally of check %d: %w", check.ID, err)
	}
	for _, d := range deliveries {
		if d.Purpose == TallyOf {
			newest = d
			count++
		}
	}
	return newest, count, nil
}

// doubt forgets what the room shows when the chat server was put back: its tallies
// are old then.
func (b *board) doubt(ctx context.Context) error {
	body, err := b.service.Store.Document(ctx, RewindsDocument)
	if err != nil {
		return fmt.Errorf("look whether the room was put back: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rewinds != string(body) {
		clear(b.shown)
	}
	b.rewinds = string(body)
	return nil
}
