package config

import (
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// lines tells on which line of a TOML text each key stands, by the key as
// toml.Key writes it. The members of an array have their number as a key:
// drill.0.name. The decoder keeps this to itself.
type lines map[string]int

// of is the line of the key, else of the table that it is in; 0 when neither is
// known.
func (l lines) of(key toml.Key) int {
	for ; len(key) > 0; key = key[:len(key)-1] {
		if n := l[key.String()]; n > 0 {
			return n
		}
	}
	return 0
}

// linesOf reads a text that the decoder has found to be valid.
func linesOf(text string) lines {
	return scan(text).found
}

func scan(text string) *scanner {
	s := &scanner{text: text, found: lines{}, spans: map[string]span{}, heads: []head{{}}}
	members := map[string]int{}
	var table toml.Key
	for s.skip(" \t\r\n"); s.pos < len(s.text); s.skip(" \t\r\n") {
		from := s.pos
		if !s.take("[") {
			s.pair(table)
			s.heads[len(s.heads)-1].end = s.pos
			continue
		}
		array := s.take("[")
		table = s.key(nil)
		s.take("]")
		if array {
			s.take("]")
			name := table.String()
			table = below(table, strconv.Itoa(members[name]))
			s.note(table)
			members[name]++
		}
		s.heads = append(s.heads, head{name: table.String(), from: from, end: s.pos})
	}
	return s
}

type scanner struct {
	text  string
	pos   int
	found lines
	spans map[string]span // where the values stand
	heads []head          // where the tables begin, in their order
}

// span is a piece of the text.
type span struct{ from, to int }

// head is the line that begins a table.
type head struct {
	name string // with its number in an array: drill.0
	from int
	end  int // of the last thing that stands in the table
}

// note keeps the line on which the scanner stands for the key, if it is the
// first.
func (s *scanner) note(key toml.Key) {
	if name := key.String(); s.found[name] == 0 {
		s.found[name] = 1 + strings.Count(s.text[:s.pos], "\n")
	}
}

// skip goes past blanks and comments.
func (s *scanner) skip(blanks string) {
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; {
		case strings.IndexByte(blanks, c) >= 0:
			s.pos++
		case c == '#':
			s.until("\n")
		default:
			return
		}
	}
}

// until goes on to the next of the characters, or to the end.
func (s *scanner) until(chars string) {
	if i := strings.IndexAny(s.text[s.pos:], chars); i >= 0 {
		s.pos += i
	} else {
		s.pos = len(s.text)
	}
}

// take goes past the words if they come next.
func (s *scanner) take(words string) bool {
	if !strings.HasPrefix(s.text[s.pos:], words) {
		return false
	}
	s.pos += len(words)
	return true
}

// key reads a key, dotted or not, that stands in the table.
func (s *scanner) key(table toml.Key) toml.Key {
	key := table
	for {
		s.skip(" \t")
		start, part := s.pos, ""
		if s.pos < len(s.text) && (s.text[s.pos] == '"' || s.text[s.pos] == '\'') {
			s.str()
			quoted := s.text[start:s.pos]
			part = strings.Trim(quoted, `"'`)
			if plain, err := strconv.Unquote(quoted); err == nil && quoted[0] == '"' {
				part = plain
			}
		} else {
			s.until(" \t\r\n.=]")
			part = s.text[start:s.pos]
		}
		key = below(key, part)
		s.note(key)
		if s.skip(" \t"); !s.take(".") {
			return key
		}
	}
}

// pair reads a key and its value.
func (s *scanner) pair(table toml.Key) {
	start := s.pos
	key := s.key(table)
	if !s.take("=") && s.pos == start {
		s.pos++
	}
	s.skip(" \t")
	from := s.pos
	s.value(key)
	s.spans[key.String()] = span{from, from + len(strings.TrimRight(s.text[from:s.pos], " \t\r"))}
}

func (s *scanner) value(key toml.Key) {
	s.skip(" \t")
	switch {
	case s.pos == len(s.text):
	case s.text[s.pos] == '"' || s.text[s.pos] == '\'':
		s.str()
	case s.take("["):
		for n := 0; s.more("]"); n++ {
			s.value(below(key, strconv.Itoa(n)))
		}
	case s.take("{"):
		for s.more("}") {
			s.pair(key)
		}
	default:
		s.until(",]}\n#")
	}
}

// more goes on to the next member of an array or inline table, or past its end.
func (s *scanner) more(end string) bool {
	for s.skip(" \t\r\n"); s.take(","); s.skip(" \t\r\n") {
	}
	return s.pos < len(s.text) && !s.take(end)
}

// str goes past a string of any of the four kinds.
func (s *scanner) str() {
	quote := s.text[s.pos : s.pos+1]
	literal, end := quote == "'", quote
	if long := strings.Repeat(quote, 3); s.take(long) {
		end = long
	} else {
		s.take(quote)
	}
	for s.pos < len(s.text) && !s.take(end) {
		if s.text[s.pos] == '\\' && !literal {
			s.pos++
		}
		s.pos = min(s.pos+1, len(s.text))
	}
	// The text of a long string may end with quotes of its own.
	for len(end) == 3 && s.take(quote) {
	}
}

// below is a key of the table; it shares nothing with its other keys.
func below(table toml.Key, name string) toml.Key {
	return append(table[:len(table):len(table)], name)
}
