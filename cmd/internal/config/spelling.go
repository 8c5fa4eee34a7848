package config

import (
	"reflect"
	"strings"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

// nearest is the known key that the unknown one was meant to be: the one that
// is spelled most like it, or that has the same name in another table. It is
// empty when none is near.
func nearest(unknown string) string {
	best, bestDistance := "", min(3, len(last(unknown)))
	for _, key := range fileKeys {
		d := locale.Distance(key, unknown)
		if last(key) == last(unknown) {
			d = min(d, 2)
		}
		if d < bestDistance {
			best, bestDistance = key, d
		}
	}
	return best
}

func last(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// nearestVariable is the known variable that is spelled most like the unknown
// one; empty when none is near.
func nearestVariable(unknown string) string {
	best, bestDistance := "", 3
	for _, name := range variables {
		if d := locale.Distance(name, unknown); d < bestDistance {
			best, bestDistance = name, d
		}
	}
	return best
}

// fileKeys are all keys of the file, and variables all variables of the
// environment.
var fileKeys, variables = settings(reflect.TypeFor[file](), "", envPrefix)

func settings(t reflect.Type, table, prefix string) (keys, names []string) {
	for f := range t.Fields() {
		inner := f.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		key := table + f.Tag.Get("toml")
		if f.Tag.Get("toml") != "-" {
			keys = append(keys, key)
		}
		if name := f.Tag.Get("env"); name != "" {
			names = append(names, prefix+name)
		}
		if inner.Kind() == reflect.Struct {
			k, n := settings(inner, key+".", prefix+f.Tag.Get("envPrefix"))
			keys, names = append(keys, k...), append(names, n...)
		}
	}
	return keys, names
}
