package broadcast

import (
	"context"
	"errors"
	"time"

	"github.com/anpi-bot/anpi/roster"
)

// Store keeps the ledger. Everything that belongs together is written in one
// [Change]; after Commit has returned nil, a power cut loses none of it.
// Times are kept to the millisecond. The suite in sqlstore/storetest holds every
// store to this contract.
type Store interface {
	// Commit writes the change whole or not at all. It wakes nobody.
	Commit(ctx context.Context, c Change) (Committed, error)

	// Claim takes up to limit messages of the channel that are due, or whose
	// lease has ended, and leases them: alarms first, else in the order of their
	// due times. The
	// deliveries of one message (with the same reference) are claimed together
	// and count as one. Prompts to members who have answered, or of a check that
	// has ended, are dropped instead. Deliveries whose lease had ended come back with Doubt set.
	Claim(ctx context.Context, channel ChannelName, now, lease time.Time, limit int) ([]Delivery, error)
	// NextDue is when the next delivery, rung or deadline is due; ok is false
	// when nothing is.
	NextDue(ctx context.Context) (at time.Time, ok bool, err error)

	// Check returns one check, or [ErrNoCheck].
	Check(ctx context.Context, id int64) (Check, error)
	// Checks returns the newest checks, newest first.
	Checks(ctx context.Context, limit int) ([]Check, error)
	// Members returns the roster as it was when the check began.
	Members(ctx context.Context, checkID int64) ([]roster.Member, error)
	// Answers returns all answers of the check in the order they were recorded.
	Answers(ctx context.Context, checkID int64) ([]Answer, error)
	// Deliveries returns all deliveries of the check in the order of creation.
	Deliveries(ctx context.Context, checkID int64) ([]Delivery, error)
	// Prompt finds the delivery that a message in a room carried, by its
	// reference or by where it stands; people answer faster than it is recorded
	// where it stands. ok is false for any other message.
	Prompt(ctx context.Context, reference string, r Receipt) (d Delivery, ok bool, err error)
	// SilentRooms returns the one-to-one rooms with a prompt of an open check
	// whose member has not answered.
	SilentRooms(ctx context.Context) ([]string, error)
	// Cursor returns up to which message a room was read; ok is false when it
	// never was.
	Cursor(ctx context.Context, room string) (c Cursor, ok bool, err error)

	// Link returns the link with the hash; ok is false when there is none.
	Link(ctx context.Context, hash string) (l Link, ok bool, err error)

	// Document returns a named document, nil when there is none.
	Document(ctx context.Context, name string) ([]byte, error)

	Close() error
}

// Change is what one event changes, all of it or nothing. Fields that are
// empty change nothing.
type Change struct {
	// Now is when the change is made.
	Now time.Time
	// Start begins a check. When its key has been used before, the whole Start
	// is skipped and [Committed.Started] holds the check of that time. When it
	// wants to be the only one while another check is open that the change does
	// not close, nothing is written and the error is an [*OpenError].
	Start *Start
	// Deliveries are added to the ledger; those that are there already (same
	// check, member, channel, step and address) are skipped.
	Deliveries []Delivery
	// Answers are stored; those with a known carrier are skipped. A member's
	// prompts that are still due are dropped.
	Answers []Answer
	// Results tell what came of deliveries.
	Results []Result
	// Climb says that a rung was dealt with.
	Climb *Climb
	// Close ends a check; its prompts that are still due are dropped.
	Close *Close
	// Rewinds take back what is known of messages that the chat server has lost.
	Rewinds []Rewind
	// Cursors move on the places up to which rooms were read. They never move
	// back. Only reading a room begins its cursor: what was said before a message
	// of our own has been read by nobody.
	Cursors []Cursor
	// Seen says up to which message rooms have been read by the others.
	Seen []Cursor
	// Links are added; CloseBoard takes all links to the board away first.
	Links      []Link
	CloseBoard bool
	// Hold puts off until then what is due to the silent, and about them; zero for
	// no time.
	Hold time.Time
	// ClockJump moves the times of open checks, and of everything that waits to
	// be sent, because the clock was set by so much.
	ClockJump time.Duration
	// Documents replace named documents.
	Documents map[string][]byte
}

// Start is a check that begins, with everything that must be written before
// anything is sent. The store gives the check its number, here and in the
// deliveries.
type Start struct {
	Check      Check
	Members    []roster.Member
	Deliveries []Delivery
	// Only refuses the start while another check is open.
	Only bool
}

// Climb says that the rung of a check was dealt with, and which one comes
// next. It does nothing when another process has dealt with that rung.
type Climb struct {
	CheckID int64
	Rung    int
	Next    int
	// NextDue is zero when no rung is left.
	NextDue time.Time
	// Deadline moves the deadline of the check; zero leaves it.
	Deadline time.Time
}

// Close ends a check. It does nothing when the check has ended.
type Close struct {
	CheckID int64
	By      string
}

// Cursor is a place in a room: everything up to message After.
type Cursor struct {
	Room  string
	After int64
	// At is when the message was written, on the clock of its server; zero when no
	// message with that number was seen.
	At time.Time
	// IfNew sets the cursor only where the room has none yet.
	IfNew bool
}

// RewindsDocument holds how often the chat server was put back, and when.
const RewindsDocument = "rewinds"

// Rewind says that the chat server was put back to an earlier state: a room has no
// message any more above Above, and those numbers are given anew. What stood there
// stands nowhere; prompts of open checks are due again, for a member and channel
// only the newest, and so is what told of cries. The room is read again from a place
// before that.
type Rewind struct {
	Room  string
	Above int64
	From  Cursor
}

// Result is what came of a delivery: its new state, with Due for one that is
// to be tried again at DueAt.
type Result struct {
	ID         int64
	State      State
	DueAt      time.Time
	Doubt      bool
	MaybeTwice bool
	Reason     string
	Receipt    Receipt
}

// Committed tells what of a change was new.
type Committed struct {
	// Started is the check that began, or the earlier one with the same key.
	Started Check
	// Again reports that the key of Start had been used before.
	Again bool
	// Answers are those that were new.
	Answers []Answer
	// Climbed and Closed report whether Climb and Close took place.
	Climbed, Closed bool
}

// ErrNoCheck is returned when there is no such check.
var ErrNoCheck = errors.New("there is no such check")
