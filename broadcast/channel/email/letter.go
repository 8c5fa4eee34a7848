package email

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
)

// letter is a mail and what stands on its envelope.
type letter struct {
	from, to string // in angle brackets, quoted as SMTP wants it
	// international: an address has characters beyond ASCII, which a server must
	// be asked to take.
	international bool
	hurry         bool   // not to be held up by the pace
	reference     string // of the message, for the log
	*gomail.Msg
}

// compose words the message for the one person it is for. The error says what
// is wrong with the address.
func (c *Channel) compose(m broadcast.Message) (letter, error) {
	to, err := address(m.Address)
	if err != nil {
		return letter{}, err
	}
	lang := c.o.Language
	if len(m.Members) > 0 {
		to.Name = name(m.Members[0].Name)
		if m.Members[0].Lang != "" {
			lang = m.Members[0].Lang
		}
	}
	words := broadcast.Words{
		Texts: locale.For(lang, c.o.Location), Plain: plain,
		Contact: c.o.Contact, Page: c.o.Page, Replies: c.o.Replies,
	}
	subject, body := words.Mail(m)
	subject, body = locale.OneLine(subject, 200), strings.ReplaceAll(body, "\r\n", "\n")

	// The same mail has the same boundary, so that it is the same to the last
	// byte when it is sent again.
	msg := gomail.NewMsg(gomail.WithBoundary(fmt.Sprintf("%.24s", m.Reference)), gomail.WithNoDefaultUserAgent())
	if err := errors.Join(msg.From(c.o.From.String()), msg.To(to.String())); err != nil {
		return letter{}, fmt.Errorf("address the mail: %w", err)
	}
	if c.o.ReplyTo != "" && m.Token != "" {
		msg.ReplyToMailAddress(replyTo(c.o.ReplyTo, m.Token))
	}
	msg.Subject(subject)
	msg.SetDateWithValue(m.Now.In(c.o.Location))
	msg.SetMessageIDWithValue(m.Reference + "@" + c.domain)
	// Nobody's holiday notice shall come back, and no list shall pass it on.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	if urgent(m) {
		msg.SetImportance(gomail.ImportanceHigh)
	}
	msg.SetBodyString(gomail.TypeTextPlain, crlf(body), gomail.WithPartEncoding(encoding(body)))
	// Without its other form the text alone is a whole mail.
	if page, err := rich(words, m, subject, body); err == nil {
		msg.AddAlternativeString(gomail.TypeTextHTML, crlf(page), gomail.WithPartEncoding(encoding(page)))
	}
	return letter{
		from:          envelope(c.o.From),
		to:            envelope(*to),
		international: !ascii(c.o.From.Address) || !ascii(to.Address),
		hurry:         m.Purpose == broadcast.Alarm,
		reference:     m.Reference,
		Msg:           msg,
	}, nil
}

// urgent reports whether the mail shall stand out: a check that is no drill,
// and a cry for help in any case.
func urgent(m broadcast.Message) bool {
	return m.Purpose == broadcast.Alarm || m.Check.Kind == broadcast.Real && (m.Purpose.Prompts() || m.Purpose == broadcast.Silence)
}

// plain keeps what people wrote on its line, so that it cannot pass for what
// Anpi says.
func plain(s string) string { return locale.OneLine(s, 1000) }

// encoding is the one that makes the text shorter: quoted-printable leaves
// English readable and makes Japanese three times as long.
func encoding(text string) gomail.Encoding {
	beyond := 0
	for i := range len(text) {
		if text[i] >= 0x80 {
			beyond++
		}
	}
	if beyond > len(text)/6 {
		return gomail.EncodingB64
	}
	return gomail.EncodingQP
}

// crlf ends lines as lines of mail end.
func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

// longestAddress is the limit of RFC 5321, section 4.5.3.1.3, in bytes.
const longestAddress = 254

// address reads a mail address as it stands in an address book. Japanese
// carriers have issued some that break the rules (a..b@docomo.ne.jp); their
// local part is quoted when they are written.
func address(s string) (*mail.Address, error) {
	s = strings.TrimSpace(s)
	if len(s) > longestAddress {
		return nil, fmt.Errorf("a mail address has %d characters, which is more than there can be", len(s))
	}
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return nil, fmt.Errorf("the mail address %q has characters that cannot be seen", s)
	}
	a, err := mail.ParseAddress(s)
	if err != nil {
		if local := s[:max(strings.LastIndexByte(s, '@'), 0)]; !atoms(local) {
			return nil, fmt.Errorf("the mail address %q is not written correctly", s)
		}
		a = &mail.Address{Address: s}
	}
	a.Name = ""
	// What cannot be read back would be another address on its way, or none.
	if again, err := mail.ParseAddress(a.String()); err != nil || again.Address != a.Address {
		return nil, fmt.Errorf("the mail address %q is not written correctly", s)
	}
	return a, nil
}

// atoms reports whether s holds only what may stand in an address without
// quotes, and dots anywhere.
func atoms(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`()<>[]:;@\,"`, r) })
}

// longestLocal is the limit of RFC 5321, section 4.5.3.1.1, in bytes.
const longestLocal = 64

// mailbox reads the address for replies, which must have room for a token.
func mailbox(s string) (string, error) {
	a, err := address(s)
	if err != nil {
		return "", err
	}
	if to := replyTo(a.Address, broadcast.NewToken()); strings.LastIndexByte(to.Address, '@') > longestLocal {
		return "", fmt.Errorf("the part of %q before the @ is too long to put a token behind it", s)
	}
	return a.Address, nil
}

// replyTo puts the token behind the name of the mailbox, after a plus.
func replyTo(mailbox, token string) *mail.Address {
	at := strings.LastIndexByte(mailbox, '@')
	return &mail.Address{Address: mailbox[:at] + "+" + token + mailbox[at:]}
}

func domain(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}

// envelope is the address alone, in angle brackets.
func envelope(a mail.Address) string { return (&mail.Address{Address: a.Address}).String() }
