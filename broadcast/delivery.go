package broadcast

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// ChannelName names a way to reach people.
type ChannelName string

// The channels.
const (
	Room   ChannelName = "room"   // the family's Talk room
	Direct ChannelName = "direct" // a one-to-one Talk chat
	Email  ChannelName = "email"
)

// State is how far a delivery has come.
type State string

// The states of a delivery.
const (
	Due     State = "due"     // to be sent when its time comes
	Sending State = "sending" // claimed by a dispatcher until its lease ends
	Sent    State = "sent"
	Seen    State = "seen"    // sent, and the other side has read that far
	Failed  State = "failed"  // for good; Reason says why
	Dropped State = "dropped" // not needed any more: answered, or the check ended
)

// Purpose is what a delivery wants to say.
type Purpose string

// The purposes.
const (
	Ask       Purpose = "ask"      // the first prompt
	Remind    Purpose = "remind"   // a prompt to somebody who is silent
	Clarify   Purpose = "clarify"  // asks once more whose answer was not understood
	Confirm   Purpose = "confirm"  // asks whether a cry for help or a hurt is really over
	Alarm     Purpose = "alarm"    // somebody needs help
	Relief    Purpose = "relief"   // somebody who needed help does so no more
	Silence   Purpose = "silence"  // organisers are told who is silent
	TallyOf   Purpose = "tally"    // the tally in the room, edited in place
	ReportOf  Purpose = "report"   // the report at the end of a check
	BoardLink Purpose = "board"    // a link to the board, for the room
	Announce  Purpose = "announce" // what an organiser says to everybody, in Body
	Reply     Purpose = "reply"    // the answer to a command or to a member, in Body
	Notice    Purpose = "notice"   // something organisers should know, in Body
	Ack       Purpose = "ack"      // a reaction on a member's own message, which is in Receipt
)

// Prompts reports whether a delivery with the purpose asks a member who is
// silent for an answer.
func (p Purpose) Prompts() bool { return p == Ask || p == Remind }

// Answerable reports whether the status can be tapped under a message with the
// purpose.
func (p Purpose) Answerable() bool { return p.Prompts() || p == Clarify || p == Confirm }

// Insists reports whether a message with the purpose goes another way when one
// way fails.
func (p Purpose) Insists() bool { return p.Answerable() || p == Announce }

// Delivery is the record of one message on its way to one member over one
// channel. No two deliveries have the same check, member, channel, step and
// address.
type Delivery struct {
	ID int64
	// CheckID is 0 for a message that belongs to no check.
	CheckID int64
	// MemberID is empty when the message is for the room as a whole.
	MemberID string
	Channel  ChannelName
	// Step names the step of the check that wants the message: "0" the first
	// prompt, "1" and up the rungs of the ladder, else a word and the id of
	// what caused it.
	Step    string
	Purpose Purpose
	// Address is the mail address; empty for other channels.
	Address string
	// AnswerCarrier is the carrier of the answer that an alarm, a relief or a
	// question whether that is over is about, and AboutID the member whose answer
	// it is, or who announces.
	AnswerCarrier, AboutID string
	// Body is the ready text of a reply or notice; other purposes are worded by
	// the channel when they are sent.
	Body string
	// Taps are reactions that the bot puts under a reply, so that it can be
	// answered with one tap. Of an [Ack], the first is put under the member's
	// message, and the others are taken away from it.
	Taps []string
	// Reference is the same for the same message however often it is tried;
	// deliveries with the same reference are one message. See [Reference].
	Reference string

	State State
	// DueAt is when it is to be sent; while [Sending], when its lease ends.
	DueAt   time.Time
	Attempt int
	// Doubt is set when an earlier attempt may have arrived although nobody
	// knows; then the channel must look before it sends.
	Doubt bool
	// MaybeTwice is set when it was sent again without a way to look.
	MaybeTwice bool
	// Reason tells a person why it failed or what holds it up.
	Reason string
	// Receipt tells where the message stands once it was sent; of an [Ack], on
	// which message it goes.
	Receipt Receipt
	SentAt  time.Time
	SeenAt  time.Time
}

// Receipt is what a channel knows about a message that it sent.
type Receipt struct {
	// Room and MessageID find the message on a chat server.
	Room      string
	MessageID int64
}

// Reference makes the reference of a message: 64 hexadecimal digits that
// depend on what started the check, the step, the channel and the target, so
// that every attempt to send the same message carries the same one.
func Reference(key, step string, channel ChannelName, target ...string) string {
	parts := append([]string{"anpi", key, step, string(channel)}, target...)
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}
