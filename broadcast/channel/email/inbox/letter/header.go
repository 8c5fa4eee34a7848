package letter

import (
	"bytes"
	"io"
	"mime"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

// field is one line of a header, unfolded.
type field struct{ name, value string }

// header is the fields of a mail or of a part, in their order.
type header []field

// Bounds on headers.
const (
	maxFields = 500
	maxField  = 16 << 10 // bytes
	maxIDs    = 50
	maxID     = 250 // bytes
	maxName   = 200 // characters
	// maxAddress is the longest address that mail can be sent to, in bytes
	// (RFC 5321: 64 before the @, 255 behind it).
	maxAddress = 320
	maxLine    = 500 // characters
)

// split parts the header from the body. Lines that are no field are skipped;
// bytes that do not begin with a field have no header.
func split(raw []byte) part {
	var h header
	// Mailboxes of some kinds begin with a line of their own.
	if bytes.HasPrefix(raw, []byte("From ")) {
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			return part{h, rest}
		}
		raw = rest
		if line[0] == ' ' || line[0] == '\t' {
			if n := len(h); n > 0 && len(h[n-1].value) < maxField {
				h[n-1].value += " " + value(line)
			}
			continue
		}
		name, said, ok := bytes.Cut(line, []byte(":"))
		name = bytes.TrimRight(name, " \t")
		if !ok || len(name) == 0 || bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
			if len(h) == 0 {
				return part{}
			}
			continue
		}
		if len(h) < maxFields {
			h = append(h, field{strings.ToLower(string(name)), value(said)})
		}
	}
	return part{h, nil}
}

// value is what a line of a field says. A carriage return within a line ends
// nothing, and is a blank like any other.
func value(line []byte) string {
	line = bytes.ReplaceAll(line[:min(len(line), maxField)], []byte("\r"), []byte(" "))
	return string(bytes.TrimSpace(bytes.ReplaceAll(line, []byte("\t"), []byte(" "))))
}

// get is the first field with the name as it was written; "" when there is none.
func (h header) get(name string) string {
	name = strings.ToLower(name)
	if i := slices.IndexFunc(h, func(f field) bool { return f.name == name }); i >= 0 {
		return h[i].value
	}
	return ""
}

func (h header) has(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(h, func(f field) bool { return f.name == name })
}

// text is the field on one line, with its encoded words decoded.
func (h header) text(name string) string {
	return locale.OneLine(clean(decodeWords(h.get(name))), maxLine)
}

var words = mime.WordDecoder{CharsetReader: func(label string, in io.Reader) (io.Reader, error) {
	raw, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	return strings.NewReader(decode(raw, label)), nil
}}

// decodeWords decodes a field; bytes beyond ASCII that stand in it as they are
// are guessed.
func decodeWords(s string) string {
	if !utf8.ValidString(s) || strings.Contains(s, "\x1b") {
		s = decode([]byte(s), "")
	}
	if decoded, err := words.DecodeHeader(s); err == nil {
		return decoded
	}
	return s
}

// date reads the Date; zero when it cannot be read.
func (h header) date() time.Time {
	at, err := mail.ParseDate(h.get("Date"))
	if err != nil {
		return time.Time{}
	}
	return at
}

// from is the writer, as far as it can be read.
func (h header) from() mail.Address {
	raw := h.get("From")
	parser := mail.AddressParser{WordDecoder: &words}
	// A group of nobody ("undisclosed-recipients:;") is a list of none.
	if list, err := parser.ParseList(raw); err == nil && len(list) > 0 {
		if len(list[0].Address) > maxAddress {
			return mail.Address{}
		}
		return mail.Address{Name: locale.OneLine(clean(list[0].Name), maxName), Address: clean(list[0].Address)}
	}
	found := addresses(raw)
	if len(found) == 0 {
		return mail.Address{}
	}
	name, _, _ := strings.Cut(raw, "<")
	if strings.Contains(name, found[0]) {
		name = ""
	}
	name = strings.Trim(decodeWords(strings.TrimSpace(name)), `" `)
	return mail.Address{Name: locale.OneLine(clean(name), maxName), Address: found[0]}
}

// recipients are the addresses that the mail was for.
func (h header) recipients() []string {
	var all []string
	for _, name := range []string{"Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To", "Cc"} {
		for _, f := range h {
			if f.name == strings.ToLower(name) && len(all) < maxIDs {
				all = append(all, addresses(f.value)...)
			}
		}
	}
	return all
}

var (
	quotedLocal = regexp.MustCompile(`"([^"\\\s]{1,64})"@([A-Za-z0-9.-]{1,253})`)
	anyAddress  = regexp.MustCompile(`[^\s<>()\[\]:;,"@\\]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?`)
)

// addresses finds the addresses in a text, also those that carriers have issued
// against the rules.
func addresses(s string) []string {
	s = clean(s)
	return anyAddress.FindAllString(quotedLocal.ReplaceAllString(s, "$1@$2"), maxIDs)
}

var bracketed = regexp.MustCompile(`<\s*([^<>\s]+)\s*>`)

// ids finds the Message-IDs in a field. Of too many the last are kept: the mail
// that is replied to comes last.
func ids(s string) []string {
	s = clean(s)
	var all []string
	for _, m := range bracketed.FindAllStringSubmatch(s, -1) {
		if len(m[1]) <= maxID {
			all = append(all, m[1])
		}
	}
	// Some programs leave out the brackets.
	if bare := strings.TrimSpace(s); all == nil && strings.Count(bare, "@") == 1 && !strings.ContainsAny(bare, " \t\r\n<>") && len(bare) <= maxID {
		all = []string{bare}
	}
	return all[max(len(all)-maxIDs, 0):]
}
