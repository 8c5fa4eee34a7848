package config

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/caarlos0/env/v11"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

// decode reads the text of the file. It fails only when the text is no TOML; a
// key or value that does not belong is noted, and the rest is read.
func (r *reader) decode(text string) error {
	var tree map[string]any
	_, err := toml.Decode(text, &tree)
	var parse toml.ParseError
	if errors.As(err, &parse) {
		line, detail := parse.Position.Line, parse.Message
		// The decoder quotes what it stumbles over.
		if written := strings.Split(text, "\n"); line < 1 || line > len(written) || strings.Contains(strings.ToLower(written[line-1]), "password") {
			detail, err = "", errors.New("invalid TOML near a password")
		}
		if strings.Contains(detail, "already been defined") {
			return &locale.Problem{Key: "config.twice", Data: locale.Data{"Path": r.path, "Line": line}, Err: err}
		}
		return &locale.Problem{Key: "config.syntax", Data: locale.Data{"Path": r.path, "Line": line, "Detail": shown(detail)}, Err: err}
	}
	if err != nil {
		return &locale.Problem{Key: "config.unreadable", Data: locale.Data{"Path": r.path, "Detail": err.Error()}, Err: err}
	}
	r.lines = linesOf(text)
	r.fill(reflect.ValueOf(&r.file).Elem(), tree, nil)
	return nil
}

// fill puts the values of a table into the fields that have their names.
func (r *reader) fill(fields reflect.Value, table map[string]any, at toml.Key) {
	known := map[string]reflect.Value{}
	for f, v := range fields.Fields() {
		known[f.Tag.Get("toml")] = v
	}
	delete(known, "-")
	for _, name := range slices.Sorted(maps.Keys(table)) {
		key := below(at, name)
		if field, ok := known[name]; !ok {
			r.unknown(key)
		} else if !r.set(field, table[name], key) {
			r.bad(key, table[name])
		}
	}
}

// set puts one value into a field. It reports whether the value has the right
// type.
func (r *reader) set(field reflect.Value, value any, key toml.Key) bool {
	switch v := value.(type) {
	case map[string]any:
		if field.Kind() == reflect.Struct {
			r.fill(field, v, key)
			return true
		}
		return setTexts(field, v)
	case []map[string]any:
		return r.setTables(field, v, key)
	case []any:
		return setList(field, v)
	}
	if v := reflect.ValueOf(value); v.CanConvert(field.Type()) && (v.Kind() == field.Kind() || v.Kind() == reflect.Int64 && field.Kind() == reflect.Int) {
		field.Set(v.Convert(field.Type()))
		return true
	}
	return false
}

// setTables puts an array of tables, such as the drills, into a field.
func (r *reader) setTables(field reflect.Value, tables []map[string]any, key toml.Key) bool {
	if field.Kind() != reflect.Slice || field.Type().Elem().Kind() != reflect.Struct {
		return false
	}
	for i, table := range tables {
		field.Set(reflect.Append(field, reflect.Zero(field.Type().Elem())))
		r.fill(field.Index(i), table, below(key, strconv.Itoa(i)))
	}
	return true
}

func setTexts(field reflect.Value, table map[string]any) bool {
	texts := map[string]string{}
	for name, value := range table {
		text, ok := value.(string)
		if !ok {
			return false
		}
		texts[name] = text
	}
	if field.Type() != reflect.TypeOf(texts) {
		return false
	}
	field.Set(reflect.ValueOf(texts))
	return true
}

func setList(field reflect.Value, list []any) bool {
	var texts []string
	for _, value := range list {
		text, ok := value.(string)
		if !ok {
			return false
		}
		texts = append(texts, text)
	}
	if field.Type() != reflect.TypeOf(texts) {
		return false
	}
	field.Set(reflect.ValueOf(texts))
	return true
}

// unknown notes a key that there is no setting for.
func (r *reader) unknown(key toml.Key) {
	data := locale.Data{"Path": r.path, "Line": r.lines.of(key), "Key": shown(settingOf(key))}
	if strings.EqualFold(key[len(key)-1], "password") {
		table := key[:len(key)-1].String()
		if !slices.Contains(fileKeys, table+".password_file") {
			table = "nextcloud"
		}
		data["Setting"], data["Env"] = table+".password_file", variable(table+".password")
		r.meant[table+".password_file"] = true
		r.mistakeAt(data["Line"].(int), "secret_in_file", data)
		return
	}
	near := nearest(settingOf(key))
	data["Near"] = near
	if len(key) == 3 && key[0] == "drill" {
		key = below(key[:2], last(near))
		near = key.String()
	}
	r.meant[near] = true
	r.mistakeAt(data["Line"].(int), "unknown_key", data)
}

// environment reads the variables over the file, and refuses those that there
// is no setting for.
func (r *reader) environment() {
	for _, name := range slices.Sorted(maps.Keys(r.environ)) {
		value := r.environ[name]
		if !strings.HasPrefix(name, envPrefix) || value == "" {
			continue
		}
		r.variables[name] = value
		if !slices.Contains(variables, name) {
			near := nearestVariable(name)
			for _, key := range fileKeys {
				r.meant[key] = r.meant[key] || near != "" && (variable(key) == near || variable(key) == near+"_FILE")
			}
			r.mistake("unknown_variable", locale.Data{"Env": shown(name), "Near": near})
		}
	}
	err := env.ParseWithOptions(&r.file, env.Options{Environment: r.variables, Prefix: envPrefix})
	var all env.AggregateError
	if errors.As(err, &all) {
		for _, err := range all.Errors {
			r.malformed(err)
		}
	} else if err != nil {
		r.malformed(err)
	}
}

// malformed notes a variable that cannot be read: those of numbers, tables and
// switches, whose names differ.
func (r *reader) malformed(err error) {
	parse, _ := errors.AsType[env.ParseError](err)
	for _, key := range []string{"mail.port", "backup.keep", "roster.accounts", "roster.names", "doctor.off", "health.public"} {
		if strings.EqualFold(last(key), parse.Name) {
			r.bad(toml.Key(strings.Split(key, ".")), r.variables[variable(key)])
			return
		}
	}
	r.mistakes = append(r.mistakes, mistake{err: &locale.Problem{Key: "start.failed", Data: locale.Data{"Detail": parse.Name}, Err: err}})
}

// settingOf is the setting that a key belongs to: the key without the numbers
// of array members.
func settingOf(key toml.Key) string {
	if len(key) == 3 && key[0] == "drill" {
		key = toml.Key{key[0], key[2]}
	}
	return strings.Join(key, ".")
}
