package broadcast

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/anpi-bot/anpi/roster"
)

// Message is everything a channel needs to word one message and to carry it.
type Message struct {
	Purpose   Purpose
	Reference string
	Check     Check
	// Members are the people it is for: everybody who is to read a message in
	// the room (empty for one that mentions nobody), one person elsewhere.
	Members []roster.Member
	// Address is the mail address to use.
	Address string
	// Token opens a link of its own for the reader: to answer by mail, or to the
	// board. Empty when there are no links.
	Token string
	// Body is the ready text of a [Reply] or [Notice].
	Body string
	// Answer is what an [Alarm], a [Relief] or a [Confirm] is about, and About whose it is;
	// of an [Announce], About is who speaks. ReportedBy is who reported the
	// answer for them; zero when they answered.
	Answer     Answer
	About      roster.Member
	ReportedBy roster.Member
	// Taps and Receipt are those of the delivery; see [Delivery.Taps].
	Taps    []string
	Receipt Receipt
	// Tally is where the check stands, and Report how it went so far.
	Tally  Tally
	Report Report
	// Away are the members, by id, who are not chased right now; of a [Silence].
	Away map[string]bool
	// Now is the time of sending.
	Now time.Time
}

// Channel carries messages to people in one way.
//
// Send returns a nil error only when the message has certainly arrived at the
// server of the channel. Its errors say what may be done next: a [*Failure]
// with Permanent means never again, one with Doubt that the message may have
// arrived, and any other error that it certainly has not, so that it may be
// tried again.
type Channel interface {
	Name() ChannelName
	// Send sends one message. Unreached holds, by member id, those of
	// Message.Members whom it cannot reach although it was sent.
	Send(ctx context.Context, m Message) (Receipt, Unreached, error)
	// Find looks for a message that an earlier attempt may have sent. A channel
	// that cannot look returns [ErrCannotLook].
	Find(ctx context.Context, m Message, since time.Time) (Receipt, bool, error)
	// Settle is how long after an attempt was given up the server may still be
	// working on it, so that looking is of no use before.
	Settle() time.Duration
	// Width is how many messages may be on their way at the same time.
	Width() int
}

// Editor is a [Channel] that can change a message that it has sent.
type Editor interface {
	// Edit words the message anew. It returns [ErrTooOld] when the message can
	// no longer be changed.
	Edit(ctx context.Context, r Receipt, m Message) error
}

// Unreached tells, by member id, why a message did not reach some of those it
// was for, in words for an organiser.
type Unreached map[string]string

// ErrCannotLook is returned by a channel that cannot look for what it has sent,
// as mail.
var ErrCannotLook = errors.New("this channel cannot look for what it sent")

// ErrTooOld is returned when a message is too old to be edited.
var ErrTooOld = errors.New("the message is too old to be edited")

// Failure is why a message did not go out.
type Failure struct {
	// Reason is for an organiser to read; it says what to do.
	Reason string
	// Permanent: the same message will never arrive this way.
	Permanent bool
	// Doubt: the message may have arrived.
	Doubt bool
	// Arrived: it has, but it is not complete; looking for it completes it.
	Arrived bool
	// Down: not this message but the whole channel fails, so that people should
	// be reached another way at once.
	Down bool
	// After is how long the server wants to be left alone; zero for no wish.
	After time.Duration
	Err   error
}

func (f *Failure) Error() string {
	if f.Err == nil {
		return f.Reason
	}
	return fmt.Sprintf("%s: %v", f.Reason, f.Err)
}

func (f *Failure) Unwrap() error { return f.Err }
