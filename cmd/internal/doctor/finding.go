package doctor

import (
	"slices"
	"strings"
	"time"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

// Finding is one thing that was looked at.
type Finding struct {
	// Name says what it is, such as "talk-password". It never changes.
	Name string
	// About says which one of several, such as a mail server; else empty.
	About string
	Grade Grade

	words words
	// sure says that one look is enough to tell of it.
	sure bool
}

// Grade is how good a finding is.
type Grade string

// The grades.
const (
	Good    Grade = "good"
	Advice  Grade = "advice"  // it works, and somebody should look at it soon
	Unknown Grade = "unknown" // it could not be looked at
	Bad     Grade = "bad"     // it does not work
)

// severity puts the grades in order.
var severity = []Grade{Good, Advice, Unknown, Bad}

// Worst is the worst grade of the findings, [Good] when there are none.
func Worst(findings []Finding) Grade {
	worst := 0
	for _, f := range findings {
		worst = max(worst, slices.Index(severity, f.Grade))
	}
	return severity[worst]
}

// Icon is the sign of the grade.
func (g Grade) Icon() string {
	switch g {
	case Good:
		return "✅"
	case Advice:
		return "💡"
	case Bad:
		return "❌"
	default:
		return "❔"
	}
}

// ID tells the finding from all others: its name, and what it is about.
func (f Finding) ID() string {
	if f.About == "" {
		return f.Name
	}
	return f.Name + " " + f.About
}

// Title is what was looked at, in a word or two.
func (f Finding) Title(t *locale.Texts) string {
	name := f.Name
	if strings.HasPrefix(name, "mail-") {
		name = "mail"
	}
	return t.T("doctor.title_" + name)
}

// Text says what was found and what to do, in one or two sentences on one line.
// Plain makes harmless what comes from people and servers; nil leaves it.
func (f Finding) Text(t *locale.Texts, plain func(string) string) string {
	if plain == nil {
		plain = func(s string) string { return s }
	}
	return strings.ReplaceAll(f.words(t, func(s string) string { return plain(locale.OneLine(s, 300)) }), "\n", " ")
}

// words are what a finding says, once a language is known.
type words func(t *locale.Texts, plain func(string) string) string

// values are the placeholders of a text. Besides what [locale.Data] may hold,
// they are times, spans, errors for a person, and names.
type values map[string]any

func say(key string, data values) words {
	return func(t *locale.Texts, plain func(string) string) string {
		shown := locale.Data{}
		for name, v := range data {
			shown[name] = show(t, plain, v)
		}
		return t.T(key, shown)
	}
}

func show(t *locale.Texts, plain func(string) string, v any) any {
	switch v := v.(type) {
	case string:
		return plain(v)
	case []string:
		var names []string
		for _, name := range v {
			names = append(names, plain(name))
		}
		return t.Names(names)
	case error:
		return plain(t.Error(v))
	case time.Time:
		return t.When(v)
	case time.Duration:
		return t.Span(v)
	case locale.Key:
		return t.T(string(v))
	default:
		return v
	}
}

// explained says an error that has been worded for a person.
func explained(err error) words {
	return func(t *locale.Texts, plain func(string) string) string { return plain(t.Error(err)) }
}

func good(name, key string, data values) Finding {
	return Finding{Name: name, Grade: Good, words: say(key, data)}
}

func advice(name, key string, data values) Finding {
	return Finding{Name: name, Grade: Advice, words: say(key, data)}
}

func bad(name, key string, data values) Finding {
	return Finding{Name: name, Grade: Bad, words: say(key, data)}
}

func unknown(name, key string, data values) Finding {
	return Finding{Name: name, Grade: Unknown, words: say(key, data)}
}

// GradeOf is the grade of the first finding of the name; [Unknown] when there is
// none.
func GradeOf(findings []Finding, name string) Grade {
	for _, f := range findings {
		if f.Name == name {
			return f.Grade
		}
	}
	return Unknown
}
