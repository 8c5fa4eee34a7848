package roster

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-vcard"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/unicode/norm"
)

// Limits of one card, photo not counted.
const (
	maxCardBytes = 1 << 20
	maxCardLines = 2000
	maxTextRunes = 200
	maxValues    = 50
	maxMailBytes = 320
)

// Card is what one vCard says, as far as the roster cares. All texts are clean:
// valid UTF-8, no control or bidi characters, at most 200 runes.
type Card struct {
	// UID is never empty; without a UID property it is the name of the file.
	UID string `json:"uid"`
	// Kind is lower case; "" is a person, like "individual".
	Kind string `json:"kind,omitempty"`
	// Name is FN, else put together from N; "" when the card has neither.
	Name      string     `json:"name,omitempty"`
	Nicknames []string   `json:"nicknames,omitempty"`
	Emails    []string   `json:"emails,omitempty"`
	Phones    []string   `json:"phones,omitempty"`
	Lang      string     `json:"lang,omitempty"`
	Groups    []string   `json:"groups,omitempty"`
	Relations []Relation `json:"relations,omitempty"`
	// Complaints are sentences about values that were left out.
	Complaints []string `json:"complaints,omitempty"`
}

// wanted are the properties that are asked for and read. Everything else is
// dropped, most of all PHOTO: each system card carries an avatar of 512 pixels.
var wanted = []string{
	"VERSION", "UID", "KIND", "X-ADDRESSBOOKSERVER-KIND", "FN", "N", "NICKNAME",
	"EMAIL", "TEL", "LANG", "CATEGORIES", "RELATED",
}

// parseCard reads the text of one vCard, version 2.1, 3.0 or 4.0. fallbackUID
// is for a card without UID. The error is a sentence for a person.
func parseCard(raw []byte, fallbackUID string) (Card, error) {
	text, err := prepare(raw)
	if err != nil {
		return Card{}, err
	}
	vc, err := vcard.NewDecoder(strings.NewReader(text)).Decode()
	if err != nil {
		return Card{}, fmt.Errorf("it is not a readable vCard: %w", err)
	}
	return readCard(vc, fallbackUID), nil
}

// prepare rewrites a vCard so that go-vcard reads it without loss. go-vcard
// takes no byte order mark, knows neither quoted-printable nor the bare
// parameters of version 2.1 (EMAIL;INTERNET:a@b loses the address), and undoes
// escapes before the value is split, so that a category with a comma becomes
// two. What comes out has the wanted properties only, one line each, and every
// backslash doubled: go-vcard then hands out values as they were escaped.
func prepare(raw []byte) (string, error) {
	raw = bytes.TrimPrefix(raw, []byte("\uFEFF"))
	var out strings.Builder
	var begun, ended bool
	lines := 0
	for len(raw) > 0 && !ended {
		var line []byte
		line, raw = nextProperty(raw)
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		p, ok := parseProperty(line)
		begins := ok && p.name == "BEGIN" && strings.EqualFold(p.value, "VCARD")
		switch {
		case begins && begun:
			return "", errors.New("there is a card inside the card")
		case begins:
			begun = true
		case !begun:
			return "", errors.New("it does not begin like a vCard")
		case ok && p.name == "END":
			ended = true
		case !ok || !slices.Contains(wanted, p.name):
			continue
		}
		if lines++; lines > maxCardLines {
			return "", fmt.Errorf("it has more than %d lines", maxCardLines)
		}
		p.write(&out)
		if out.Len() > maxCardBytes {
			return "", fmt.Errorf("it is larger than %d MiB without photo", maxCardBytes>>20)
		}
	}
	if !begun {
		return "", errors.New("it is empty")
	}
	if !ended {
		return "", errors.New("its end is missing")
	}
	return out.String(), nil
}

// nextProperty takes one property off raw and undoes folding: a line that
// begins with a blank goes on where the last one stopped, and so does any line
// after a quoted-printable one that ends in "=". Of properties that nobody
// wants only the beginning is returned, so that a photo is never copied.
func nextProperty(raw []byte) (line, rest []byte) {
	line, rest = cutLine(raw)
	keep := isWanted(line)
	quoted := isQuotedPrintable(line)
	folded := false
	for len(rest) > 0 {
		soft := quoted && bytes.HasSuffix(line, []byte("="))
		if !soft && rest[0] != ' ' && rest[0] != '\t' {
			break
		}
		var more []byte
		more, rest = cutLine(rest)
		if soft {
			line = line[:len(line)-1]
		} else {
			more = more[1:]
		}
		if !keep {
			continue
		}
		if !folded {
			line, folded = bytes.Clone(line), true
		}
		line = append(line, more...)
		// The parameters of a property may be folded too.
		quoted = quoted || len(line) < 1000 && isQuotedPrintable(line)
	}
	return line, rest
}

func cutLine(raw []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(raw, []byte("\n"))
	return bytes.TrimRight(line, "\r"), rest
}

func isQuotedPrintable(line []byte) bool {
	head, _, _ := bytes.Cut(line, []byte(":"))
	return bytes.Contains(bytes.ToUpper(head), []byte("QUOTED-PRINTABLE"))
}

// isWanted is false for the properties that grow large.
func isWanted(line []byte) bool {
	name := line
	if i := bytes.IndexAny(line, ";:"); i >= 0 {
		name = line[:i]
	}
	if _, after, grouped := bytes.Cut(name, []byte(".")); grouped {
		name = after
	}
	switch strings.ToUpper(string(name)) {
	case "PHOTO", "LOGO", "SOUND", "KEY", "NOTE":
		return false
	}
	return true
}

// property is one line of a vCard, value still escaped.
type property struct {
	name  string // upper case, without group
	types []string
	pref  int // 1 to 100, 0 = not given
	value string
}

func parseProperty(line []byte) (property, bool) {
	head, value, ok := cutHead(line)
	if !ok {
		return property{}, false
	}
	name := head[0]
	if _, after, grouped := strings.Cut(name, "."); grouped {
		name = after
	}
	p := property{name: strings.ToUpper(strings.TrimSpace(name))}
	var transfer, charset string
	for _, param := range head[1:] {
		key, val, named := strings.Cut(param, "=")
		key = strings.ToUpper(strings.TrimSpace(key))
		val = strings.Trim(strings.TrimSpace(val), `"`)
		switch {
		case named && key == "ENCODING":
			transfer = strings.ToUpper(val)
		case !named && (key == "QUOTED-PRINTABLE" || key == "BASE64"):
			transfer = key
		case named && key == "CHARSET":
			charset = strings.ToUpper(val)
		case named && key == "PREF":
			if n, err := strconv.Atoi(val); err == nil && n >= 1 && n <= 100 {
				p.pref = n
			}
		case named && key == "TYPE":
			for t := range strings.SplitSeq(val, ",") {
				p.addType(t)
			}
		case !named:
			p.addType(key)
		}
	}
	p.value = decodeValue(value, transfer, charset)
	return p, true
}

// addType keeps plain words only; nothing else is a type anybody acts on.
func (p *property) addType(t string) {
	t = strings.ToLower(strings.Trim(strings.TrimSpace(t), `"`))
	for _, r := range t {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return
		}
	}
	if t != "" && len(t) <= 40 && len(p.types) < maxValues {
		p.types = append(p.types, t)
	}
}

func (p property) write(out *strings.Builder) {
	out.WriteString(p.name)
	if len(p.types) > 0 {
		out.WriteString(";TYPE=" + strings.Join(p.types, ","))
	}
	if p.pref > 0 {
		out.WriteString(";PREF=" + strconv.Itoa(p.pref))
	}
	out.WriteString(":" + strings.ReplaceAll(p.value, `\`, `\\`) + "\r\n")
}

// cutHead splits a line at its first colon and the part before at semicolons;
// quoted parameter values may hold both.
func cutHead(line []byte) (head []string, value []byte, ok bool) {
	start, quoted := 0, false
	for i, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ';':
			head = append(head, string(line[start:i]))
			start = i + 1
		case c == ':':
			return append(head, string(line[start:i])), line[i+1:], true
		}
	}
	return nil, nil, false
}

// decodeValue undoes the transfer encodings and character sets of version 2.1,
// as phones of the 2000s export them. Line ends that this brings to light are
// escaped, so that the value stays one line.
func decodeValue(value []byte, transfer, charset string) string {
	switch transfer {
	case "QUOTED-PRINTABLE":
		// A broken escape at the end still leaves what stands before it.
		value, _ = io.ReadAll(quotedprintable.NewReader(bytes.NewReader(value)))
	case "BASE64", "B":
		if plain, err := base64.StdEncoding.DecodeString(string(value)); err == nil {
			value = plain
		}
	}
	if from := japaneseCharset(charset); from != nil && (transfer != "" || !utf8.Valid(value)) {
		if utf, err := from.NewDecoder().Bytes(value); err == nil {
			value = utf
		}
	}
	s := strings.ToValidUTF8(string(value), "\uFFFD")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.NewReplacer("\n", `\n`, "\r", `\n`).Replace(s)
}

func japaneseCharset(name string) encoding.Encoding {
	switch name {
	case "SHIFT_JIS", "SHIFT-JIS", "SJIS", "WINDOWS-31J", "CP932":
		return japanese.ShiftJIS
	case "EUC-JP":
		return japanese.EUCJP
	case "ISO-2022-JP":
		return japanese.ISO2022JP
	}
	return nil
}

// readCard takes what the roster needs out of a card that went through prepare.
func readCard(vc vcard.Card, fallbackUID string) Card {
	c := Card{UID: plainUID(vc.Value("UID")), Kind: strings.ToLower(text(vc.Value("KIND")))}
	if c.UID == "" {
		c.UID = clean(fallbackUID)
	}
	if c.Kind == "" {
		// Apple's and Nextcloud's groups in version 3.0.
		c.Kind = strings.ToLower(text(vc.Value("X-ADDRESSBOOKSERVER-KIND")))
	}
	for _, f := range byPreference(vc["FN"]) {
		if c.Name = text(f.Value); c.Name != "" {
			break
		}
	}
	for _, f := range vc["N"] {
		if c.Name == "" {
			c.Name = joinName(f.Value)
		}
	}
	for _, f := range byPreference(vc["NICKNAME"]) {
		for _, nick := range splitEscaped(f.Value, ',') {
			c.Nicknames = appendNew(c.Nicknames, nick)
		}
	}
	for _, f := range byPreference(vc["EMAIL"]) {
		address := unescape(strings.TrimSpace(f.Value))
		if len(address) > 7 && strings.EqualFold(address[:7], "mailto:") {
			address = address[7:]
		}
		switch {
		case address == "":
		case !sendable(address):
			if len(c.Complaints) < maxValues {
				c.Complaints = append(c.Complaints, fmt.Sprintf("%q is not an e-mail address, so no mail goes there", clean(address)))
			}
		default:
			c.Emails = appendNew(c.Emails, address)
		}
	}
	for _, f := range byPreference(vc["TEL"]) {
		number := text(f.Value)
		if len(number) > 4 && strings.EqualFold(number[:4], "tel:") {
			number = number[4:]
		}
		c.Phones = appendNew(c.Phones, number)
	}
	for _, f := range byPreference(vc["LANG"]) {
		lang := baseLanguage(f.Value)
		// The first language that the messages exist in counts; a person who
		// prefers German and reads English gets English.
		if c.Lang == "" || lang == "ja" || lang == "en" {
			c.Lang = lang
		}
		if c.Lang == "ja" || c.Lang == "en" {
			break
		}
	}
	for _, f := range vc["CATEGORIES"] {
		for _, group := range splitEscaped(f.Value, ',') {
			c.Groups = appendNew(c.Groups, group)
		}
	}
	for _, f := range vc["RELATED"] {
		who := plainUID(f.Value)
		if who != "" && len(c.Relations) < maxValues {
			c.Relations = append(c.Relations, Relation{Type: strings.Join(f.Params["TYPE"], ","), Who: who})
		}
	}
	return c
}

// byPreference sorts by PREF, 1 first; TYPE=PREF of version 3.0 is 1, and what
// says nothing comes last. Equals stay in the order of the card.
func byPreference(fields []*vcard.Field) []*vcard.Field {
	rank := func(f *vcard.Field) int {
		if n, err := strconv.Atoi(f.Params.Get("PREF")); err == nil {
			return n
		}
		if f.Params.HasType("pref") {
			return 1
		}
		return 101
	}
	sorted := slices.Clone(fields)
	slices.SortStableFunc(sorted, func(a, b *vcard.Field) int { return cmp.Compare(rank(a), rank(b)) })
	return sorted
}

// joinName writes the components of N in the order in which such names are
// said: family name first when it is written in Chinese or Japanese characters.
func joinName(n string) string {
	parts := splitEscaped(n, ';')
	part := func(i int) string {
		if i < len(parts) {
			return parts[i]
		}
		return ""
	}
	order := []string{part(1), part(2), part(0)}
	if strings.ContainsFunc(n, func(r rune) bool { return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) }) {
		order = []string{part(0), part(1), part(2)}
	}
	return clean(strings.Join(slices.DeleteFunc(order, func(s string) bool { return s == "" }), " "))
}

// plainUID drops the scheme of urn:uuid:, which some servers add when they
// convert a card and others take away.
func plainUID(s string) string {
	s = text(s)
	if len(s) > 9 && strings.EqualFold(s[:9], "urn:uuid:") {
		s = s[9:]
	}
	return s
}

// sendable refuses only what can't be an address at all; see [Member.Emails].
func sendable(address string) bool {
	at := strings.LastIndexByte(address, '@')
	return at > 0 && at < len(address)-1 && len(address) <= maxMailBytes &&
		!strings.ContainsFunc(address, func(r rune) bool { return unicode.IsSpace(r) || hidden(r) || r == utf8.RuneError })
}

// baseLanguage turns "ja-JP" into "ja"; "" when it is no language tag. "jp" is
// the country, and what people write.
func baseLanguage(tag string) string {
	tag = strings.ToLower(text(tag))
	base, _, _ := strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-")
	if len(base) < 2 || len(base) > 3 || strings.ContainsFunc(base, func(r rune) bool { return r < 'a' || r > 'z' }) {
		return ""
	}
	if base == "jp" || base == "jpn" {
		return "ja"
	}
	return base
}

// appendNew adds s unless it is empty, already there in other letters, or one
// too many.
func appendNew(list []string, s string) []string {
	if s == "" || len(list) >= maxValues || slices.ContainsFunc(list, func(have string) bool { return strings.EqualFold(have, s) }) {
		return list
	}
	return append(list, s)
}

func text(escaped string) string { return clean(unescape(escaped)) }

var unescaper = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";", `\:`, ":")

func unescape(s string) string { return unescaper.Replace(s) }

// splitEscaped splits at separators that are not escaped and cleans the parts.
func splitEscaped(s string, sep byte) []string {
	var parts []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case sep:
			parts = append(parts, text(s[start:i]))
			start = i + 1
		}
	}
	return append(parts, text(s[start:]))
}

// clean makes a text safe to show on one line. It does not normalise: NFC would
// swap the kanji variants that people write their names with (U+FA19, 神 in its
// older shape, would become U+795E).
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\u2028' || r == '\u2029':
			return ' '
		case hidden(r):
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) > maxTextRunes {
		s = strings.TrimSpace(string([]rune(s)[:maxTextRunes]))
	}
	return s
}

// hidden are control characters and the invisible ones that turn the direction
// of writing round or make two names look the same. The joiners and tags that
// emoji and Indic scripts are made of stay.
func hidden(r rune) bool {
	if r == '\u200c' || r == '\u200d' || r >= 0xE0020 && r <= 0xE007F {
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf)
}

// fold makes names comparable: width, case, blanks and composition don't count.
func fold(s string) string {
	return strings.Join(strings.Fields(strings.ToLower(norm.NFKC.String(s))), "")
}
