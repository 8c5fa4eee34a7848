package letter

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"mime"
	"regexp"
	"strings"
)

// part is a mail or a part of one: its header, and its body as it was sent.
type part struct {
	header header
	body   []byte
}

// contents is what was found in the parts of a mail.
type contents struct {
	plain, html []string
	attachments bool
	// status is the machine's half of a bounce, and returned the mail, or its
	// header, that came back; nil when there is none.
	status   []header
	returned header
	parts    int
}

// text is what stands in the mail for a person to read.
func (c contents) text() string {
	plain := strings.Join(c.plain, "\n")
	if strings.TrimSpace(plain) == "" {
		return strings.Join(c.html, "\n")
	}
	return plain
}

// gather walks through the parts.
func gather(whole part) contents {
	var c contents
	c.walk(whole, 0)
	return c
}

func (c *contents) walk(p part, depth int) {
	if c.parts++; c.parts > maxParts || depth > maxDepth {
		c.attachments = true
		return
	}
	kind, params := mediaType(p.header.get("Content-Type"))
	disposition, _, _ := strings.Cut(strings.ToLower(p.header.get("Content-Disposition")), ";")
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		if params["boundary"] == "" {
			// Without one the parts cannot be told apart; the words are there.
			c.plain = append(c.plain, decode(p.decoded(), ""))
			return
		}
		for _, inner := range p.parts(params["boundary"]) {
			c.walk(inner, depth+1)
		}
	case kind == "message/delivery-status", kind == "message/global-delivery-status":
		c.status = append(c.status, groups(p.decoded())...)
	case depth > 0 && (kind == "message/rfc822" || kind == "message/global" || kind == "text/rfc822-headers" || kind == "message/global-headers"):
		c.attachments = true
		if c.returned == nil {
			c.returned = split(p.decoded()).header
		}
	case strings.TrimSpace(disposition) == "attachment":
		c.attachments = true
	case kind == "text/html":
		c.html = append(c.html, plainText(decode(p.decoded(), params["charset"])))
	case kind == "text/plain":
		text := lines(decode(p.decoded(), params["charset"]))
		if strings.EqualFold(params["format"], "flowed") {
			text = unflow(text, strings.EqualFold(params["delsp"], "yes"))
		}
		c.plain = append(c.plain, text)
	default:
		c.attachments = true
	}
}

// charsetOf finds the charset in a Content-Type that breaks the rules.
var charsetOf, boundaryOf = regexp.MustCompile(`(?i)charset\s*=\s*"?([A-Za-z0-9_.:-]+)`), regexp.MustCompile(`(?i)boundary\s*=\s*(?:"([^"]+)"|([^\s;]+))`)

// mediaType reads a Content-Type; a missing one is plain text.
func mediaType(s string) (kind string, params map[string]string) {
	if s == "" {
		return "text/plain", nil
	}
	kind, params, err := mime.ParseMediaType(s)
	if err == nil {
		return kind, params
	}
	kind, _, _ = strings.Cut(s, ";")
	params = map[string]string{}
	if m := charsetOf.FindStringSubmatch(s); m != nil {
		params["charset"] = m[1]
	}
	if m := boundaryOf.FindStringSubmatch(s); m != nil {
		params["boundary"] = m[1] + m[2]
	}
	kind = strings.ToLower(strings.TrimSpace(kind))
	if kind == "text" || !strings.Contains(kind, "/") {
		kind = "text/plain" // of before MIME
	}
	return kind, params
}

// parts cuts a multipart body into its parts. The last boundary may be missing.
func (p part) parts(boundary string) []part {
	mark := []byte("--" + boundary)
	var inner []part
	begin := -1
	for at := 0; at < len(p.body); {
		end := bytes.IndexByte(p.body[at:], '\n')
		next := len(p.body)
		if end >= 0 {
			next = at + end + 1
		}
		rest, ok := bytes.CutPrefix(p.body[at:next], mark)
		rest = bytes.TrimRight(rest, " \t\r\n")
		if last := string(rest) == "--"; ok && (last || len(rest) == 0) {
			if begin >= 0 {
				inner = append(inner, cut(p.body[begin:at]))
			}
			if begin = next; last {
				return inner
			}
			if len(inner) > maxParts {
				return inner
			}
		}
		at = next
	}
	if begin >= 0 {
		inner = append(inner, cut(p.body[begin:]))
	}
	return inner
}

// cut reads a part, which may have no header at all.
func cut(raw []byte) part {
	if p := split(raw); p.header != nil {
		return p
	}
	return part{body: bytes.TrimPrefix(bytes.TrimPrefix(raw, []byte("\r")), []byte("\n"))}
}

// decoded is the body without its transfer encoding. What is broken in it ends
// it or is skipped.
func (p part) decoded() []byte {
	switch strings.ToLower(strings.TrimSpace(p.header.get("Content-Transfer-Encoding"))) {
	case "base64":
		return fromBase64(p.body)
	case "quoted-printable":
		return fromQuotedPrintable(p.body)
	default:
		return p.body
	}
}

// fromQuotedPrintable decodes the body; what only looks encoded stays as it is.
func fromQuotedPrintable(body []byte) []byte {
	text := make([]byte, 0, len(body))
	for len(body) > 0 {
		i := bytes.IndexByte(body, '=')
		if i < 0 {
			return append(text, body...)
		}
		text, body = append(text, body[:i]...), body[i+1:]
		var b [1]byte
		if len(body) >= 2 {
			if _, err := hex.Decode(b[:], body[:2]); err == nil {
				text, body = append(text, b[0]), body[2:]
				continue
			}
		}
		// A "=" at the end of a line, perhaps with blanks behind it, joins it
		// with the next one.
		rest := bytes.TrimLeft(body, " \t\r")
		if len(rest) == 0 || rest[0] == '\n' {
			body = bytes.TrimPrefix(rest, []byte("\n"))
			continue
		}
		text = append(text, '=')
	}
	return text
}

// fromBase64 decodes what is base64 in the body and ignores all else, such as
// the footer of a mailing list.
func fromBase64(body []byte) []byte {
	var clean []byte
	for _, line := range bytes.Split(body, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if bytes.ContainsFunc(line, func(r rune) bool {
			return !(r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '+' || r == '/' || r == '=')
		}) {
			continue
		}
		clean = append(clean, line...)
		if bytes.HasSuffix(line, []byte("=")) {
			break
		}
	}
	clean = bytes.TrimRight(clean, "=")
	text := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
	n, _ := base64.RawStdEncoding.Decode(text, clean)
	return text[:n]
}

// groups reads the groups of fields of a delivery status (RFC 3464, section 2).
func groups(body []byte) []header {
	var all []header
	for len(body) > 0 && len(all) < maxParts {
		p := split(bytes.TrimLeft(body, "\r\n"))
		if p.header == nil {
			return all
		}
		all = append(all, p.header)
		body = p.body
	}
	return all
}

// lines makes every line end in \n.
func lines(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// unflow joins the lines that a program has broken by itself (RFC 3676).
func unflow(text string, delSp bool) string {
	var b strings.Builder
	joining, depth := false, 0
	for i, line := range strings.Split(text, "\n") {
		now := len(line) - len(strings.TrimLeft(line, ">"))
		content := strings.TrimPrefix(line[now:], " ")
		signature := content == "-- "
		if !joining || now != depth || signature {
			if i > 0 {
				b.WriteByte('\n')
			}
			if b.WriteString(strings.Repeat(">", now)); now > 0 {
				b.WriteByte(' ')
			}
		}
		joining, depth = strings.HasSuffix(content, " ") && !signature, now
		if joining && delSp {
			content = strings.TrimSuffix(content, " ")
		}
		b.WriteString(content)
	}
	return b.String()
}
