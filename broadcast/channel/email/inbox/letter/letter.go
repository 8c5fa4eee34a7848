// Package letter reads a mail as it came from the mailbox: who wrote it, what
// it replies to, what kind of mail it is, and what the person wrote in it.
//
// It does no I/O and remembers nothing. Mails come from strangers and from
// programs that break every rule, so [Read] takes what it can get: bad header
// lines are skipped, missing boundaries end with the mail, a wrong or missing
// charset is guessed. Its time is linear in the size of the mail, of which the
// first [MaxSize] bytes are read.
//
//	m, err := letter.Read(raw)
//	switch m.Kind {
//	case letter.Bounce: // m.Failed says which mail came back, and why
//	case letter.Reply:  // m.Text is what the person wrote, without what they quote
//	}
//
// Whether a person or a program wrote it is often in doubt: m.Automation tells
// what speaks for a program, and what follows from that is for the caller.
//
// What is taken out of a text is only what a known program writes by itself:
// quoted lines, the line that introduces them, signatures. Where that is in
// doubt the words stay: somebody may have asked for help in them.
package letter

import (
	"errors"
	"net/mail"
	"regexp"
	"time"
	"unicode/utf8"
)

// Bounds on what is read.
const (
	// MaxSize is how many bytes of a mail are read; the rest is ignored.
	MaxSize = 1 << 20
	// MaxText is how many characters there are in [Mail.Text] at most.
	MaxText = 2000

	maxDepth = 8   // multiparts within each other
	maxParts = 100 // in the whole mail
)

// Kind is what kind of mail it is.
type Kind string

// The kinds.
const (
	Reply  Kind = "reply"  // it replies to some mail
	Bounce Kind = "bounce" // a mail did not arrive, or is late
	Other  Kind = "other"  // somebody wrote of their own accord
)

// Mail is a mail as it was read.
type Mail struct {
	Kind Kind
	// Automation is what speaks for a program having written it; empty for a
	// bounce.
	Automation Automation
	// From is the writer; the address is without quotes and may be one that
	// breaks the rules (a..b@docomo.ne.jp). Anybody can write any address here.
	From mail.Address
	// To holds the addresses of To, Cc and Delivered-To and its like, the last
	// ones first: they name the mailbox that took the mail.
	To []string
	// MessageID, InReplyTo and References are without angle brackets.
	MessageID             string
	InReplyTo, References []string
	Subject               string
	// Date is when it was written, on the writer's clock; zero when the mail
	// does not say.
	Date time.Time
	// Text is what the person wrote, with lines that end in \n but for the last.
	Text string
	// Attachments reports that there is something besides the text.
	Attachments bool
	// Failed is set for a bounce.
	Failed Failed
}

// Failed is the mail that a bounce is about.
type Failed struct {
	// Recipient is the address that was not reached; empty when unknown.
	Recipient string
	// OriginalID is the Message-ID of the mail, without angle brackets; empty
	// when the bounce does not say.
	OriginalID string
	// Permanent is false for a notice that the mail is late.
	Permanent bool
	// Status is an enhanced status code such as 5.1.1; empty when unknown.
	Status string
	// Diagnostic is what the server said, on one line; empty when unknown.
	Diagnostic string
}

// ErrNoMail is returned for bytes that have no header of a mail.
var ErrNoMail = errors.New("these bytes are no mail")

// Read reads a mail. The error is [ErrNoMail].
func Read(raw []byte) (Mail, error) {
	raw = raw[:min(len(raw), MaxSize)]
	whole := split(raw)
	if len(whole.header) == 0 {
		return Mail{}, ErrNoMail
	}
	h := whole.header
	m := Mail{
		From:       h.from(),
		To:         h.recipients(),
		MessageID:  first(ids(h.get("Message-Id"))),
		InReplyTo:  ids(h.get("In-Reply-To")),
		References: ids(h.get("References")),
		Subject:    h.text("Subject"),
		Date:       h.date(),
	}
	c := gather(whole)
	m.Attachments = c.attachments
	if m.Kind = kind(h, c, m); m.Kind == Bounce {
		m.Failed = failed(h, c, m)
		return m, nil
	}
	m.Text = shorten(written(c.text(), m.From.Name))
	m.Automation = automation(h, m)
	return m, nil
}

// kind tells what kind of mail it is.
func kind(h header, c contents, m Mail) Kind {
	switch {
	case bounces(h, c, m):
		return Bounce
	case len(m.InReplyTo)+len(m.References) > 0 || replyPrefix.MatchString(m.Subject):
		return Reply
	default:
		return Other
	}
}

// replyPrefix is how the subject of a reply begins.
var replyPrefix = regexp.MustCompile(`(?i)^\s*(?:re|aw|sv|antw|回复|答复|返信)(?:\s?[\[(]?\d{0,3}[\])]?)\s*[:：>＞]`)

// shorten keeps the beginning and the end of a text that is too long: what
// matters is more likely to stand there than in between.
func shorten(s string) string {
	if utf8.RuneCountInString(s) <= MaxText {
		return s
	}
	r := []rune(s)
	const half = MaxText/2 - 2
	return string(r[:half]) + " … " + string(r[len(r)-half:])
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}
