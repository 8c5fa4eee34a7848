package broadcast

import (
	"time"

	"github.com/anpi-bot/anpi/roster"
)

// Kind tells a real check from a drill.
type Kind string

// The kinds of check. Every message of a drill says that it is one.
const (
	Real  Kind = "check"
	Drill Kind = "drill"
)

// Check is one question to everybody: are you safe?
type Check struct {
	ID   int64
	Kind Kind
	// Key names what started the check: a chat message, a planned drill, a
	// command. The same key never starts a second check.
	Key string
	// Nonce is random. The references of the check's messages are made with it,
	// so that nobody can guess them and write as if in reply to one.
	Nonce string
	// Question holds the organiser's own words, empty for the plain question.
	Question string
	// StartedBy is the name of whoever started it, for people to read; empty
	// for a schedule.
	StartedBy string
	StartedAt time.Time
	// Deadline is when the check ends by itself.
	Deadline time.Time
	// ClosedAt is zero while the check is open.
	ClosedAt time.Time
	ClosedBy string
	Ladder   Ladder
	// NextRung is the index of the rung that comes next, and NextDue when; zero
	// when the ladder has ended.
	NextRung int
	NextDue  time.Time
}

// Open reports whether the check still asks people.
func (c Check) Open() bool { return c.ClosedAt.IsZero() }

// Drill reports whether the check is for practice.
func (c Check) Drill() bool { return c.Kind == Drill }

// Takes reports whether an answer given at the time given still counts for the
// check: while it is open, and for [LateAnswers] after it closed.
func (c Check) Takes(at time.Time) bool {
	return c.Open() || at.Before(c.ClosedAt.Add(LateAnswers))
}

// LateAnswers is how long after its end a check still takes answers.
const LateAnswers = 72 * time.Hour

// Standing is where one member stands in a check.
type Standing struct {
	Member roster.Member
	Status Status
	// Answer is the answer that made the status; zero while pending.
	Answer Answer
	// Last is the number of the newest answer of the member, whether it counts or not.
	Last int64
	// Answered reports whether anything at all came from the member, even if it
	// did not say how they are; not when they have taken it back.
	Answered bool
	// Told reports that the member's own words or taps said last that they need
	// help or are hurt; a "safe" that was told for them on purpose ends that.
	Told bool
	// Cries is how often the member has called for help, and LastCry when that
	// was recorded last.
	Cries   int
	LastCry time.Time
	// Reached is the best that is known of the prompts: [Due] when nothing has
	// gone out yet, [Failed] when every prompt failed, [Sent] or [Seen] else.
	Reached State
	// Trouble is why the newest failed prompt did not arrive, in the words that
	// an organiser reads; empty when nothing failed.
	Trouble string
}
