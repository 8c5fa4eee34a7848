package locale

import (
	"strings"
	"unicode"
)

// OneLine puts a text from people on one line of at most max characters, and
// takes out what could turn the text around it: control characters and the
// marks that change the direction of writing.
func OneLine(s string, max int) string {
	var b strings.Builder
	n, blank := 0, true
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			r = ' '
			if blank {
				continue
			}
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar, r == '\ufeff':
			continue
		}
		if n == max {
			b.WriteRune('…')
			break
		}
		b.WriteRune(r)
		blank = r == ' '
		n++
	}
	return strings.TrimRight(b.String(), " ")
}
