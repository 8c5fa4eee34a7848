// Package ask asks a person questions, one at a time, on a terminal.
//
// What was given beforehand, by flags or a file, is not asked. Where nobody
// answers because the input has ended, as under a scheduler, the default of a
// question is its answer, and a question without one is a [Mistake] that names
// the flag. Somebody who ends the input of a terminal wants to stop.
package ask

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/mattn/go-isatty"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

// Asker asks. Make one with [New].
type Asker struct {
	// Texts are those of the language that is spoken; they may be replaced.
	Texts *locale.Texts
	Out   io.Writer
	// Given are answers by the name of the question.
	Given map[string]string

	in    *bufio.Reader
	file  *os.File // the terminal; nil when the input is none
	ended bool
}

// New makes an asker that reads lines from the input.
func New(in io.Reader, out io.Writer, texts *locale.Texts, given map[string]string) *Asker {
	a := &Asker{Texts: texts, Out: out, Given: given, in: bufio.NewReader(in)}
	if f, ok := in.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		a.file = f
	}
	return a
}

// Question is one question.
type Question struct {
	// Name is that of the flag and of the entry in a file of answers.
	Name string
	// Key is the text of the question, in the catalogue.
	Key  string
	Data locale.Data
	// Default is the answer of somebody who only presses the enter key, and where
	// nobody answers.
	Default string
	// Suggest stands in for Default where somebody answers.
	Suggest string
	// Optional says that the answer may be empty. Who wants none where there is a
	// default types a hyphen.
	Optional bool
	// Secret answers are not shown. Beforehand they come from a file, whose path
	// is given under the name with "-file" behind it.
	Secret bool
	// Check looks at an answer and may put it right; the error is told, and the
	// question asked again. Nil takes everything.
	Check func(string) (string, error)
}

// Mistake is an answer given beforehand that cannot be, or one that is missing.
type Mistake struct{ error }

func (m *Mistake) Unwrap() error { return m.error }

// ErrStopped is returned when the person at the terminal does not go on.
var ErrStopped = errors.New("stopped")

// Text asks for a line.
func (a *Asker) Text(ctx context.Context, q Question) (string, error) {
	if value, ok, err := a.given(q); ok || err != nil {
		if err == nil && value == "" && !q.Optional {
			return "", a.missing(q)
		}
		return a.check(q, value, err)
	}
	for {
		offer := q.Default
		if q.Suggest != "" && !a.ended {
			offer = q.Suggest
		}
		prompt := a.Texts.T(q.Key, q.Data)
		if offer != "" && !q.Secret {
			prompt += " [" + offer + "]"
		}
		fmt.Fprint(a.Out, prompt+a.Texts.T("setup.colon"))
		line, err := a.line(ctx, q.Secret)
		if err != nil {
			return "", err
		}
		if a.ended {
			if q.Secret {
				fmt.Fprintln(a.Out)
			} else {
				fmt.Fprintln(a.Out, q.Default)
			}
			if q.Default == "" && !q.Optional {
				return "", a.missing(q)
			}
			return a.check(q, q.Default, nil)
		}
		switch {
		case line == "":
			line = offer
		case line == "-" && q.Optional:
			line = ""
		}
		if line == "" && !q.Optional {
			a.Say("setup.needed")
			continue
		}
		value, err := a.good(q, line)
		if err == nil {
			return value, nil
		}
		fmt.Fprintln(a.Out, a.Texts.Error(err))
	}
}

// Yes asks for yes or no.
func (a *Asker) Yes(ctx context.Context, q Question, otherwise bool) (bool, error) {
	word := map[bool]string{true: a.Texts.T("setup.word_yes"), false: a.Texts.T("setup.word_no")}
	q.Default = word[otherwise]
	q.Check = func(answer string) (string, error) {
		switch strings.ToLower(answer) {
		case "y", "yes", "true", "はい", "うん", "ｙ":
			return "yes", nil
		case "n", "no", "false", "いいえ", "ｎ":
			return "no", nil
		}
		return "", &locale.Problem{Key: "setup.yes_or_no"}
	}
	answer, err := a.Text(ctx, q)
	return answer == "yes", err
}

// Again reports whether the question of the name can be asked once more, after
// its answer has turned out to be wrong.
func (a *Asker) Again(name string) bool {
	_, given := a.Given[name]
	return !given && !a.ended
}

// Shows reports whether the output is a terminal of at least so many columns.
func (a *Asker) Shows(columns int) bool {
	f, ok := a.Out.(*os.File)
	return ok && isatty.IsTerminal(f.Fd()) && width(f) >= columns
}

// Say prints a text of the catalogue.
func (a *Asker) Say(key string, data ...locale.Data) { fmt.Fprintln(a.Out, a.Texts.T(key, data...)) }

// given is the answer that is known beforehand.
func (a *Asker) given(q Question) (string, bool, error) {
	if !q.Secret {
		value, ok := a.Given[q.Name]
		if value == "-" && q.Optional {
			value = ""
		}
		return value, ok, nil
	}
	path, ok := a.Given[q.Name+"-file"]
	if !ok {
		return "", false, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", true, &Mistake{&locale.Problem{Key: "setup.secret_file", Data: locale.Data{"Path": path, "Detail": errors.Unwrap(err)}, Err: err}}
	}
	return strings.TrimSpace(string(text)), true, nil
}

func (a *Asker) check(q Question, value string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	clean, err := a.good(q, value)
	if err != nil {
		return "", &Mistake{&locale.Problem{Key: "setup.wrong", Data: locale.Data{"Flag": "--" + q.Name, "Detail": err}, Err: err}}
	}
	return clean, nil
}

// good looks at an answer. Empty ones need no look.
func (a *Asker) good(q Question, value string) (string, error) {
	if q.Check == nil || value == "" && q.Optional {
		return value, nil
	}
	return q.Check(value)
}

func (a *Asker) missing(q Question) error {
	flag := "--" + q.Name
	if q.Secret {
		flag += "-file"
	}
	return &Mistake{&locale.Problem{Key: "setup.missing", Data: locale.Data{"Flag": flag, "Question": a.Texts.T(q.Key, q.Data)}}}
}

// line reads a line, and notes the end of the input.
func (a *Asker) line(ctx context.Context, secret bool) (string, error) {
	if a.ended {
		return "", ctx.Err()
	}
	if secret && a.file != nil {
		show := hide(a.file)
		defer func() {
			show()
			fmt.Fprintln(a.Out)
		}()
	}
	type read struct {
		line string
		err  error
	}
	got := make(chan read, 1)
	go func() {
		line, err := a.in.ReadString('\n')
		got <- read{line, err}
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(a.Out)
		return "", ErrStopped
	case r := <-got:
		line := strings.TrimSpace(r.line)
		switch {
		case r.err == nil || line != "":
			return line, nil
		case a.file != nil:
			fmt.Fprintln(a.Out)
			return "", ErrStopped
		case !errors.Is(r.err, io.EOF):
			return "", fmt.Errorf("read an answer: %w", r.err)
		}
		a.ended = true
		return "", nil
	}
}

// Pick returns a check for an answer that chooses from a list, by number or by
// name, several with commas between them. The names come back, with commas.
// Others than those of the list are taken when anything else may be typed.
func Pick(names []string, several, others bool) func(string) (string, error) {
	return func(answer string) (string, error) {
		words := []string{answer}
		if several {
			words = Split(answer)
		}
		var chosen []string
		for _, word := range words {
			i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, word) })
			if i < 0 {
				var n int
				if _, err := fmt.Sscanf(word, "%d", &n); err == nil && fmt.Sprint(n) == word && n >= 1 && n <= len(names) {
					i = n - 1
				}
			}
			switch {
			case i >= 0:
				word = names[i]
			case !others:
				return "", &locale.Problem{Key: "setup.not_in_list", Data: locale.Data{"Word": locale.OneLine(word, 100)}}
			}
			if !slices.Contains(chosen, word) {
				chosen = append(chosen, word)
			}
		}
		return strings.Join(chosen, ", "), nil
	}
}

// Split takes a list with commas apart.
func Split(list string) []string {
	var all []string
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(",、，", r) }) {
		if word = strings.TrimSpace(word); word != "" {
			all = append(all, word)
		}
	}
	return all
}
