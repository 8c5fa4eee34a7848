package letter

import (
	"bytes"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
)

// japaneseLabels are the names under which Japanese text comes. Programs write
// several of them for what is really one superset.
var japaneseLabels = map[string]encoding.Encoding{
	"iso-2022-jp": japanese.ISO2022JP, "iso-2022-jp-ms": japanese.ISO2022JP, "iso-2022-jp-1": japanese.ISO2022JP,
	"iso-2022-jp-2": japanese.ISO2022JP, "iso-2022-jp-3": japanese.ISO2022JP, "iso-2022-jp-2004": japanese.ISO2022JP,
	"cp50220": japanese.ISO2022JP, "cp50221": japanese.ISO2022JP, "cp50222": japanese.ISO2022JP, "csiso2022jp": japanese.ISO2022JP, "jis": japanese.ISO2022JP,
	"shift_jis": japanese.ShiftJIS, "shift-jis": japanese.ShiftJIS, "sjis": japanese.ShiftJIS, "x-sjis": japanese.ShiftJIS, "ms_kanji": japanese.ShiftJIS,
	"cp932": japanese.ShiftJIS, "ms932": japanese.ShiftJIS, "windows-31j": japanese.ShiftJIS, "x-ms-cp932": japanese.ShiftJIS, "cswindows31j": japanese.ShiftJIS,
	"euc-jp": japanese.EUCJP, "eucjp": japanese.EUCJP, "x-euc-jp": japanese.EUCJP, "x-euc": japanese.EUCJP, "euc-jp-ms": japanese.EUCJP, "cp51932": japanese.EUCJP, "cseucpkdfmtjapanese": japanese.EUCJP,
}

// decode makes UTF-8 of text in the charset. A label that does not fit the bytes
// is not believed: then the charset is guessed, of those that are written in
// Japan.
func decode(raw []byte, label string) string {
	label = strings.ToLower(strings.Trim(label, `"' `))
	escapes := bytes.Contains(raw, []byte("\x1b$")) || bytes.Contains(raw, []byte("\x1b("))
	beyond := bytes.ContainsFunc(raw, func(r rune) bool { return r >= utf8.RuneSelf })
	switch {
	case !beyond && !escapes && japaneseLabels[label] != japanese.ISO2022JP && sevenBit(label):
		return clean(string(raw))
	case label == "utf-8" || label == "utf8" || label == "us-ascii" || label == "ascii" || label == "" || label == "unknown" || label == "iso-8859-1":
		// The last ones are what a program writes that does not know better.
		if utf8.Valid(raw) && !escapes {
			return clean(string(raw))
		}
		return guess(raw, label)
	}
	if e := japaneseLabels[label]; e != nil {
		text := with(e, raw)
		if !strings.ContainsRune(text, utf8.RuneError) {
			return text
		}
		return guess(raw, label)
	}
	r, err := charset.Reader(label, bytes.NewReader(raw))
	if err != nil {
		return guess(raw, label)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return guess(raw, label)
	}
	return clean(string(text))
}

// sevenBit reports whether bytes below 0x80 mean in the charset what they mean
// in ASCII.
func sevenBit(label string) bool {
	return !strings.HasPrefix(label, "utf-16") && !strings.HasPrefix(label, "utf-32") && !strings.HasPrefix(label, "utf-7") && !strings.HasPrefix(label, "hz") && !strings.HasPrefix(label, "iso-2022")
}

func with(e encoding.Encoding, raw []byte) string {
	// These decoders do not fail: what cannot be read becomes U+FFFD.
	text, _ := e.NewDecoder().Bytes(raw)
	return clean(string(text))
}

// clean makes the text valid UTF-8 and takes out what a ledger or a terminal
// would stumble over.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' || r == '\ufeff' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// guess reads the text in the charset in which it looks most like Japanese.
func guess(raw []byte, label string) string {
	candidates := []string{clean(string(raw)), with(japanese.ISO2022JP, raw), with(japanese.ShiftJIS, raw), with(japanese.EUCJP, raw)}
	if r, err := charset.Reader("windows-1252", bytes.NewReader(raw)); err == nil && label != "" {
		if text, err := io.ReadAll(r); err == nil {
			candidates = append(candidates, clean(string(text)))
		}
	}
	best, most := candidates[0], looks(candidates[0])
	for _, c := range candidates[1:] {
		if score := looks(c); score > most {
			best, most = c, score
		}
	}
	return best
}

// looks scores how much a text looks like one that a person wrote.
func looks(s string) int {
	score := 0
	for _, r := range s {
		switch {
		case r == utf8.RuneError:
			score -= 20
		case r < utf8.RuneSelf:
		case unicode.Is(unicode.Hiragana, r):
			score += 4
		case r >= 'ｦ' && r <= 'ﾟ', unicode.Is(unicode.Co, r), unicode.Is(unicode.Cc, r):
			score -= 2
		case unicode.Is(unicode.Katakana, r), unicode.Is(unicode.Han, r):
			score += 2
		}
	}
	return score
}
