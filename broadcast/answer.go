package broadcast

import (
	"strconv"
	"strings"
	"time"

	"github.com/anpi-bot/anpi/roster"
)

// Status is what is known about one member.
type Status string

// The statuses. Pending (連絡待ち) means that no answer has come; nobody is
// ever called missing.
const (
	Pending Status = "pending"
	Safe    Status = "safe"
	Injured Status = "injured"
	Help    Status = "help"
	Unclear Status = "unclear"
)

// Grave reports whether somebody with the status needs help or is hurt: only a plain
// act takes that back.
func (s Status) Grave() bool { return s == Help || s == Injured }

// Source is how an answer arrived.
type Source string

// The sources.
const (
	ByTap    Source = "tap"    // a reaction under a prompt
	ByRoom   Source = "room"   // a text in the family room
	ByDirect Source = "direct" // a text in a one-to-one chat
	ByPlace  Source = "place"  // a shared place
	ByVoice  Source = "voice"  // a voice message, which a person must listen to
	ByLink   Source = "link"   // the page that a mail leads to
	ByMail   Source = "mail"   // a reply to a mail
	ByPhone  Source = "phone"  // a call that somebody at the command line took
)

// Place is a point on the map that a member shared.
type Place struct {
	Name      string  `json:"name,omitempty"`
	Latitude  float64 `json:"lat"`
	Longitude float64 `json:"lon"`
}

// TalkCarrier is the carrier of an answer in a message of a Talk server. Its number
// grows in the order of what is said, over all rooms; with the time at which it was
// written, no two have the same carrier, not even on a server that was put back to
// an earlier state and gives its numbers anew.
func TalkCarrier(number int64, written time.Time) string {
	return talkCarrier + strconv.FormatInt(number, 10) + "@" + strconv.FormatInt(written.Unix(), 10)
}

const talkCarrier = "talk:"

// TalkNumber is the number of the message that a carrier names; 0 for other
// carriers.
func TalkNumber(carrier string) int64 {
	digits, ok := strings.CutPrefix(carrier, talkCarrier)
	if !ok {
		return 0
	}
	digits, _, _ = strings.Cut(digits, "@")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// number is that of the message that carried the answer; 0 for other carriers.
func (a Answer) number() int64 { return TalkNumber(a.Carrier) }

// before reports whether the answer was given before the other, however late it
// is read.
func (a Answer) before(other Answer) bool {
	if n, m := a.number(), other.number(); n != 0 && m != 0 {
		return n < m
	}
	return a.At.Before(other.At)
}

// surelyBefore reports the same where one clock tells: two messages of one server, or
// a mail that was long on its way.
func (a Answer) surelyBefore(other Answer) bool {
	return (a.number() != 0 && other.number() != 0 || a.Source == ByMail) && a.before(other)
}

// Heard is what a text says, once it is known who is meant.
type Heard struct {
	// Status is how the writer is; empty when the text does not say.
	Status Status
	// Stranded adds to Safe that the writer cannot get home.
	Stranded bool
	// Yes says that the text is a mere yes, or says to be well and nothing else.
	Yes bool
	// Over says that the danger is past, as in "I'm out now".
	Over bool
	// Others are those whom the text also tells of.
	Others []Told
	// Somebody is the gravest of what it tells of people whom it does not name
	// clearly: help, a hurt, or empty.
	Somebody Status
}

// Told is what somebody tells of another member.
type Told struct {
	Member roster.Member
	Status Status
}

// Answer is what one member reported once. Answers are never changed or
// deleted; the newest one with a status is the member's status.
type Answer struct {
	ID       int64
	CheckID  int64
	MemberID string
	// Status is empty when the answer says nothing about how the member is, as
	// a place that follows a "safe". [Pending] takes back what was said before:
	// the member has taken their tap away, and is asked again.
	Status Status
	Text   string
	Place  *Place
	// Stranded adds to Safe that the member cannot get home.
	Stranded bool
	// Confirmed is set when the answer leaves no doubt that it is meant: it was
	// given twice, on being asked, or in words that say that the danger is over.
	// Only such a one takes a cry for help or a hurt back.
	Confirmed bool
	// Claimed is set when the answer did not come from the member for certain.
	// It is kept for the organisers and counts for nothing.
	Claimed bool
	Source  Source
	// Carrier names the thing that carried the answer, such as a message of a
	// chat server. The same carrier never counts twice.
	Carrier string
	// ReportedBy is the member who reported for somebody else; empty when the
	// member answered.
	ReportedBy string
	// At is when the member answered, on the clock of the server that took it.
	At time.Time
	// RecordedAt is when it was stored here.
	RecordedAt time.Time
}
