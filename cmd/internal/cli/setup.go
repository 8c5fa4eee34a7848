package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/ask"
	"github.com/anpi-bot/anpi/cmd/internal/setup"
)

// setup asks for what Anpi must know. Each question is a flag as well, and can
// stand in a file of answers; a flag comes first.
func (t *Terminal) setup() *cobra.Command {
	var file string
	given := map[string]string{}
	c := &cobra.Command{
		Use: "setup", Short: t.texts.T("setup.about"), Args: noArguments,
		Example: "  anpi setup\n  anpi setup --drill yearly\n  anpi setup --answers answers.toml < /dev/null",
		RunE: func(c *cobra.Command, _ []string) error {
			answers, err := answersFrom(file, setup.Names)
			if err != nil {
				return err
			}
			for name, value := range given {
				answers[name] = value
			}
			err = setup.Run(t.log(c.Context(), zerolog.ErrorLevel), setup.Options{
				Path: cmp.Or(t.config, setup.Path()), Environ: t.Environ, Ask: ask.New(t.In, t.Out, t.texts, answers), Speak: t.lang,
			})
			return asMistake(err)
		},
	}
	c.Flags().StringVar(&file, "answers", "", t.texts.T("setup.flag_answers"))
	// In the order in which it is asked.
	c.Flags().SortFlags = false
	for _, name := range setup.Names {
		c.Flags().Var(reply{name, given}, name, t.texts.T("setup.ask_"+name, locale.Data{"User": "…", "Path": "…"}))
	}
	return c
}

// reply is a flag that answers a question.
type reply struct {
	name  string
	given map[string]string
}

var _ pflag.Value = reply{}

// Set keeps the answer.
func (r reply) Set(value string) error { r.given[r.name] = value; return nil }

// String is empty, as there is no default to show.
func (reply) String() string { return "" }

// Type stands for the value in the help.
func (reply) Type() string { return "…" }

// answersFrom reads a file of answers: texts, numbers, yes and no, and lists.
func answersFrom(path string, names []string) (map[string]string, error) {
	answers := map[string]string{}
	if path == "" {
		return answers, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &usageError{&locale.Problem{Key: "setup.answers_file", Data: locale.Data{"Path": path, "Detail": errors.Unwrap(err)}, Err: err}}
	}
	var values map[string]any
	if err := toml.Unmarshal(text, &values); err != nil {
		return nil, &usageError{&locale.Problem{Key: "setup.answers_file", Data: locale.Data{"Path": path, "Detail": locale.OneLine(err.Error(), 200)}, Err: err}}
	}
	for name, value := range values {
		if !slices.Contains(names, name) {
			near := ""
			for _, n := range names {
				if locale.Distance(n, name) < 3 {
					near = n
				}
			}
			return nil, &usageError{&locale.Problem{Key: "setup.answers_key", Data: locale.Data{"Path": path, "Word": locale.OneLine(name, 100), "Near": near}}}
		}
		switch v := value.(type) {
		case []any:
			var words []string
			for _, word := range v {
				words = append(words, fmt.Sprint(word))
			}
			answers[name] = strings.Join(words, ", ")
		default:
			answers[name] = fmt.Sprint(v)
		}
	}
	return answers, nil
}

// asMistake gives the exit status of a mistake to answers that cannot be.
func asMistake(err error) error {
	if wrong, ok := errors.AsType[*ask.Mistake](err); ok {
		return &usageError{wrong}
	}
	return err
}
