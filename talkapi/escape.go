package talkapi

import "strings"

// Escape makes a text that a person wrote harmless inside a message: it
// mentions nobody (not even @all), opens no placeholder and formats nothing.
// Line breaks stay; take them out first where the text must not begin a line.
func Escape(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch r {
		case '@', '{':
			// A word joiner takes the meaning from the sign and cannot be seen.
			b.WriteRune(r)
			b.WriteRune('\u2060')
		case '\\', '*', '_', '~', '`', '[', ']', '<', '>', '#', '|':
			b.WriteRune('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
