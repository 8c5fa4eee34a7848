package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/caarlos0/env/v11"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

// Setting is a key of the file, such as mail.port or drill.0.cron, and what it
// is to be: a string, an int or a list of strings. Nil takes the key away.
type Setting struct {
	Key   string
	Value any
}

// Edit changes settings in the text of a configuration and leaves everything
// else as it stands: comments, order, and what nobody asked about. A table that
// is not there is begun at the end. Empty text is the beginning of a file. The
// text must be valid TOML.
func Edit(text string, settings []Setting) string {
	for _, s := range settings {
		text = edit(text, s)
	}
	return text
}

func edit(text string, s Setting) string {
	found := scan(text)
	at, exists := found.spans[s.Key]
	switch {
	case exists && s.Value == nil:
		from := strings.LastIndexByte(text[:at.from], '\n') + 1
		return text[:from] + text[lineEnd(text, at.to):]
	case exists:
		return text[:at.from] + written(s.Value) + text[at.to:]
	case s.Value == nil:
		return text
	}
	table, name := "", s.Key
	if i := strings.LastIndexByte(s.Key, '.'); i >= 0 {
		table, name = s.Key[:i], s.Key[i+1:]
	}
	line := name + " = " + written(s.Value) + "\n"
	if i := slices.IndexFunc(found.heads, func(h head) bool { return h.name == table }); i >= 0 && (i > 0 || found.heads[0].end > 0) {
		end := lineEnd(text, found.heads[i].end)
		return text[:end] + newlineBefore(text[:end]) + line + text[end:]
	}
	if table == "" {
		// Settings of no table stand before the first one.
		gap := ""
		if len(found.heads) > 1 {
			gap = "\n"
		}
		from := len(text)
		if len(found.heads) > 1 {
			from = found.heads[1].from
		}
		return text[:from] + newlineBefore(text[:from]) + line + gap + text[from:]
	}
	title := "[" + table + "]"
	if array, number, ok := strings.Cut(table, "."); ok {
		if _, err := strconv.Atoi(number); err == nil {
			title = "[[" + array + "]]"
		}
	}
	gap := newlineBefore(text)
	if text != "" {
		gap += "\n"
	}
	return text + gap + title + "\n" + line
}

// RemoveTable takes a table such as inbox or drill.0 away, with what stands in
// it and the comments there.
func RemoveTable(text, name string) string {
	found := scan(text)
	i := slices.IndexFunc(found.heads, func(h head) bool { return h.name == name })
	if i < 1 {
		return text
	}
	end := len(text)
	if i+1 < len(found.heads) {
		end = found.heads[i+1].from
	}
	return text[:found.heads[i].from] + text[end:]
}

// lineEnd is where the line with the position ends, behind its line break.
func lineEnd(text string, pos int) int {
	if i := strings.IndexByte(text[pos:], '\n'); i >= 0 {
		return pos + i + 1
	}
	return len(text)
}

func newlineBefore(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return ""
	}
	return "\n"
}

// written is a value as TOML writes it.
func written(value any) string {
	switch v := value.(type) {
	case string:
		return quoted(v)
	case []string:
		var all []string
		for _, s := range v {
			all = append(all, quoted(s))
		}
		return "[" + strings.Join(all, ", ") + "]"
	default:
		return fmt.Sprint(v)
	}
}

// quoted is a basic string; TOML knows fewer escapes than Go.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Check reads a text as if it were the file at the path, and reports every
// mistake as [Load] does.
func Check(path, text string, environ []string) error {
	r := reader{path: path, environ: env.ToMap(environ), variables: map[string]string{}, meant: map[string]bool{}}
	if err := r.decode(text); err != nil {
		return err
	}
	r.environment()
	r.config()
	if len(r.mistakes) > 0 {
		return r.err()
	}
	return nil
}

// Written is what stands in the text of a file, by key: texts and numbers as
// text, and lists. It is for showing what was chosen so far, so it takes what is
// not right as well; the error is that the text is no TOML.
func Written(path, text string) (texts map[string]string, lists map[string][]string, err error) {
	r := reader{path: path, environ: map[string]string{}, variables: map[string]string{}, meant: map[string]bool{}}
	if err := r.decode(text); err != nil {
		return nil, nil, err
	}
	texts, lists = map[string]string{}, map[string][]string{}
	var tree map[string]any
	if _, err := toml.Decode(text, &tree); err != nil {
		return nil, nil, &locale.Problem{Key: "config.unreadable", Data: locale.Data{"Path": path, "Detail": err.Error()}, Err: err}
	}
	collect("", tree, texts, lists)
	return texts, lists, nil
}

func collect(key string, value any, texts map[string]string, lists map[string][]string) {
	below := func(name string) string { return strings.TrimPrefix(key+"."+name, ".") }
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			collect(below(name), inner, texts, lists)
		}
	case []map[string]any:
		for i, inner := range v {
			collect(below(strconv.Itoa(i)), inner, texts, lists)
		}
	case []any:
		lists[key] = []string{}
		for _, inner := range v {
			lists[key] = append(lists[key], fmt.Sprint(inner))
		}
	default:
		texts[key] = fmt.Sprint(v)
	}
}
