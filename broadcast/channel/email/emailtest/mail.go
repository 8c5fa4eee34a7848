package emailtest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"
)

// Mail is a mail that the server has taken.
type Mail struct {
	// From and To stood on the envelope, without quotes.
	From string
	To   []string
	// At is when the server took it.
	At time.Time
	// Connection is the same for the mails that came over one connection, and
	// greater for later connections.
	Connection int
	// ID is the Message-ID with its brackets, and Subject is decoded.
	ID, Subject string
	// Header holds the other headers as they were sent.
	Header mail.Header
	// Body is the decoded text; its lines end with \n.
	Body string
	// HTML is the other form of the text, decoded likewise; empty when there is
	// none.
	HTML string
	// Raw is the whole mail as it was sent.
	Raw string
}

// parse reads a mail of text, which may come with the same in HTML behind it.
func parse(raw string) (Mail, error) {
	m := Mail{Raw: raw}
	message, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		return m, fmt.Errorf("read the mail: %w", err)
	}
	m.Header, m.ID = message.Header, message.Header.Get("Message-ID")
	if m.Subject, err = new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject")); err != nil {
		return m, fmt.Errorf("read the subject: %w", err)
	}
	kind, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		return m, fmt.Errorf("read what kind of mail it is: %w", err)
	}
	if kind != "multipart/alternative" {
		m.Body, err = decode(textproto.MIMEHeader(message.Header), "text/plain", message.Body)
		return m, err
	}
	parts := multipart.NewReader(message.Body, parameters["boundary"])
	for _, form := range []struct {
		kind string
		text *string
	}{{"text/plain", &m.Body}, {"text/html", &m.HTML}} {
		part, err := parts.NextRawPart()
		if err != nil {
			return m, fmt.Errorf("look for the part in %s: %w", form.kind, err)
		}
		if *form.text, err = decode(part.Header, form.kind, part); err != nil {
			return m, err
		}
	}
	if _, err := parts.NextRawPart(); !errors.Is(err, io.EOF) {
		return m, fmt.Errorf("there is a part behind the one in text/html (%v)", err)
	}
	return m, nil
}

// decode reads text of the kind in UTF-8.
func decode(header textproto.MIMEHeader, want string, body io.Reader) (string, error) {
	kind, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || kind != want || !strings.EqualFold(parameters["charset"], "utf-8") {
		return "", fmt.Errorf("it is %s in %s (%v), not %s in UTF-8", kind, parameters["charset"], err, want)
	}
	switch encoding := header.Get("Content-Transfer-Encoding"); strings.ToLower(encoding) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	default:
		return "", fmt.Errorf("it is encoded as %q", encoding)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return "", fmt.Errorf("read the text: %w", err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n"), nil
}
