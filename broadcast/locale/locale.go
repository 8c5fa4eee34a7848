// Package locale holds every text that a person sees, in Japanese and English.
//
// The texts stand in the catalogues ja.toml and en.toml under the same keys; a
// test holds both to the same keys and placeholders. [For] returns the texts of
// one language. The package knows nothing of checks and channels: whoever words
// a message passes plain data.
//
// Texts that come from people (names, answers) must be made harmless for the
// place where they will be shown before they are passed in.
package locale

import (
	"embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed ja.toml en.toml
var catalogues embed.FS

// Languages are the languages that there are texts in.
var Languages = []string{"ja", "en"}

var bundle = sync()

// sync reads the catalogues; they are part of the program, so an error in them
// is a bug that every test finds.
func sync() *i18n.Bundle {
	b := i18n.NewBundle(language.English)
	b.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	for _, lang := range Languages {
		if _, err := b.LoadMessageFileFS(catalogues, lang+".toml"); err != nil {
			panic(err)
		}
	}
	return b
}

// Texts are the texts of one language, with times in one time zone.
type Texts struct {
	// Lang is "ja" or "en".
	Lang string
	zone *time.Location
	loc  *i18n.Localizer
}

// For returns the texts in the language, a tag such as "ja" or "ja-JP" or the
// value of LANG such as "ja_JP.UTF-8". Languages that there are no texts in get
// English. Times are shown in the zone.
func For(lang string, zone *time.Location) *Texts {
	base := "en"
	if strings.HasPrefix(strings.ToLower(lang), "ja") {
		base = "ja"
	}
	return &Texts{Lang: base, zone: zone, loc: i18n.NewLocalizer(bundle, base)}
}

// Data are the values of a text's placeholders.
type Data map[string]any

// T returns the text with the key. A value named Count chooses between the
// forms for one and for several.
func (t *Texts) T(key string, data ...Data) string {
	c := &i18n.LocalizeConfig{MessageID: key}
	if len(data) > 0 {
		c.TemplateData = map[string]any(data[0])
		if n, ok := data[0]["Count"]; ok {
			c.PluralCount = n
		}
	}
	text, err := t.loc.Localize(c)
	if err != nil {
		// Better an odd text than none: the person still sees the values.
		return fmt.Sprint(key, data)
	}
	return text
}

// has reports whether there is a text with the key.
func (t *Texts) has(key string) bool {
	_, err := t.loc.Localize(&i18n.LocalizeConfig{MessageID: key})
	return err == nil
}

// Mark is what stands first in every message of a drill, and nothing else.
func (t *Texts) Mark(drill bool) string {
	if drill {
		return t.T("mark.drill")
	}
	return ""
}

// Names joins names as the language does, or says that there is nobody.
func (t *Texts) Names(names []string) string {
	if len(names) == 0 {
		return t.T("nobody")
	}
	return strings.Join(names, t.T("comma"))
}

// Reason words the reason of a failure for an organiser. A reason is a key of
// the catalogue, with what a server said behind ": ", or just what it said.
func (t *Texts) Reason(reason string) string {
	key, detail, _ := strings.Cut(reason, ": ")
	if key == "" || !t.has("reason."+key) {
		return reason
	}
	text := t.T("reason." + key)
	if detail != "" {
		text += t.T("reason.said", Data{"Detail": detail})
	}
	return text
}

// Problem is an error for a person: a key of the catalogue and its values.
// [Texts.Error] words it in the person's language; Error, for the log, is in
// English. A value that is a [Key] or an error is worded, too.
type Problem struct {
	Key  string
	Data Data
	// Err is the cause, for the log; nil when there is none.
	Err error
}

// Key is the key of a text, as a value inside another text.
type Key string

func (p *Problem) Error() string {
	text := For("en", time.UTC).problem(p)
	if p.Err != nil {
		text += " [" + p.Err.Error() + "]"
	}
	return text
}

func (p *Problem) Unwrap() error { return p.Err }

func (t *Texts) problem(p *Problem) string {
	data := Data{}
	for name, value := range p.Data {
		switch v := value.(type) {
		case Key:
			value = t.T(string(v))
		case error:
			value = t.Error(v)
		}
		data[name] = value
	}
	return t.T(p.Key, data)
}

// Error words an error in the language: the [Problem] in its chain, or the error
// itself where there is none. Joined errors get a line each.
func (t *Texts) Error(err error) string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var lines []string
		for _, e := range joined.Unwrap() {
			lines = append(lines, t.Error(e))
		}
		return strings.Join(lines, "\n")
	}
	var p *Problem
	if errors.As(err, &p) {
		return t.problem(p)
	}
	return err.Error()
}
