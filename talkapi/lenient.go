package talkapi

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The types in this file read what PHP writes: an empty map arrives as [],
// numbers arrive as strings and the other way round, and null stands for
// anything.

// integer reads a number, a decimal string, a bool or null.
type integer int64

func (i *integer) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	switch s {
	case "", "null", "false", "[]", "{}":
		*i = 0
		return nil
	case "true":
		*i = 1
		return nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		*i = integer(n)
		return nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != f || f > 1<<53 || f < -(1<<53) {
		*i = 0 // not a number at all: as good as absent
		return nil
	}
	*i = integer(f)
	return nil
}

func (i integer) time() time.Time {
	if i <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(i), 0)
}

// text reads a string, a number, a bool or null; anything else is empty.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	switch {
	case json.Unmarshal(b, &s) == nil:
		*t = text(s)
	case len(b) > 0 && (b[0] == '{' || b[0] == '['):
		*t = ""
	default:
		*t = text(b)
	}
	return nil
}

// truth reads a bool, 0/1, "0"/"1", "true"/"false" or null.
type truth bool

func (t *truth) UnmarshalJSON(b []byte) error {
	switch strings.Trim(string(b), `"`) {
	case "", "0", "false", "null", "[]", "{}":
		*t = false
	default:
		*t = true
	}
	return nil
}

// dict reads an object, or [] and null as an empty one.
type dict[T any] map[string]T

func (d *dict[T]) UnmarshalJSON(b []byte) error {
	*d = nil
	if !bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		return nil
	}
	var m map[string]T
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*d = m
	return nil
}

// list reads an array, an object with numbered keys (how PHP writes an array
// with gaps), or null.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(b []byte) error {
	*l = nil
	if !bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		var s []T
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*l = s
		return nil
	}
	var m map[string]T
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	keys := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	})
	for _, k := range keys {
		*l = append(*l, m[k])
	}
	return nil
}

// section reads an object into T, or leaves it zero for [] and null.
type section[T any] struct{ is T }

func (s *section[T]) UnmarshalJSON(b []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) {
		return nil
	}
	return json.Unmarshal(b, &s.is)
}

func atoi(t text) int {
	n, _ := strconv.Atoi(string(t))
	return n
}
