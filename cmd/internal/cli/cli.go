// Package cli is what people type: the commands of anpi and of broadcast.
//
// The exit status is 0 when all went well, 1 when something could not be done,
// 2 for a mistake in the words typed or in the configuration, and 3 when nobody
// could be reached. What goes wrong is said in one sentence, in the language of
// the configuration, else of the environment. With --json, broadcast prints one
// [document] instead, and its sentences go to the error output.
package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/mattn/go-runewidth"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/app"
	"github.com/anpi-bot/anpi/cmd/internal/config"
)

// Exit statuses.
const (
	ok      = 0
	failed  = 1
	mistake = 2
	nobody  = 3
)

// Terminal is where a command is typed, and what it was typed with.
type Terminal struct {
	Args     []string // without the name of the program
	In       io.Reader
	Out, Err io.Writer
	Environ  []string

	config  string // --config
	lang    string // --lang
	verbose bool   // --verbose
	json    bool   // --json
	texts   *locale.Texts
	zone    *time.Location
	doc     document
	lost    bool // something could not be kept
}

// Main runs a program for the process: with its arguments, until it is done or
// told to stop. It returns the exit status.
func Main(tree func(*Terminal) *cobra.Command) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Run(ctx, &Terminal{Args: os.Args[1:], In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Environ: os.Environ()}, tree)
}

// Run runs a program and returns its exit status.
func Run(ctx context.Context, t *Terminal, tree func(*Terminal) *cobra.Command) int {
	t.texts, t.zone = locale.For(t.guessLanguage(), time.Local), time.Local
	root := tree(t)
	t.dress(root)
	root.SetArgs(t.Args)
	// A mistake in the other options is told as a document, too.
	t.json = root.PersistentFlags().Lookup("json") != nil && slices.Contains(t.Args, "--json")
	status, err := judge(root.ExecuteContext(ctx))
	if err != nil {
		if text := t.texts.Error(app.LedgerProblem(err)); text != "" {
			t.problem(text)
		}
	}
	if status == ok && t.lost {
		status = failed
	}
	if t.json && (t.doc.filled || status != ok) {
		t.print(status)
	}
	return status
}

// judge returns the exit status for an error, and what is still to be told.
func judge(err error) (int, error) {
	if err == nil {
		return ok, nil
	}
	if usage, ok := errors.AsType[*usageError](err); ok {
		// There may be several mistakes in it, with a line each.
		return mistake, usage.error
	}
	if none, ok := errors.AsType[*nobodyError](err); ok {
		return nobody, none.error
	}
	return failed, err
}

// usageError is a mistake in what was typed or configured.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func usage(key string, data locale.Data) error {
	return &usageError{&locale.Problem{Key: "usage." + key, Data: data}}
}

// nobodyError is why nobody at all could be reached.
type nobodyError struct{ error }

func (e *nobodyError) Unwrap() error { return e.error }

// errQuiet is a failure that has been told already.
var errQuiet = errors.New("")

// guessLanguage is that of --lang, which must be known before the flags are
// described, else that of the environment.
func (t *Terminal) guessLanguage() string {
	for i, arg := range t.Args {
		value, ok := strings.CutPrefix(arg, "--lang=")
		if arg == "--lang" && i+1 < len(t.Args) {
			value, ok = t.Args[i+1], true
		}
		if ok && slices.Contains(locale.Languages, value) {
			return value
		}
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		for _, v := range t.Environ {
			if value, ok := strings.CutPrefix(v, name+"="); ok && value != "" {
				return value
			}
		}
	}
	return "en"
}

// dress gives the tree of commands its flags, its help and its errors, in the
// language of the person.
func (t *Terminal) dress(root *cobra.Command) {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(t.helpCommand(root))
	root.SetOut(t.Out)
	root.SetErr(t.Err)
	flags := root.PersistentFlags()
	flags.BoolP("help", "h", false, t.texts.T("usage.flag_help"))
	flags.StringVar(&t.config, "config", "", t.texts.T("usage.flag_config"))
	flags.StringVar(&t.lang, "lang", "", t.texts.T("usage.flag_lang"))
	flags.BoolVarP(&t.verbose, "verbose", "v", false, t.texts.T("usage.flag_log"))
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { t.help(c) })
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if t.lang != "" && !slices.Contains(locale.Languages, t.lang) {
			return usage("bad_lang", locale.Data{"Word": t.lang})
		}
		return nil
	}
	root.Args = noArguments
	root.RunE = func(c *cobra.Command, _ []string) error {
		// Nothing was asked for, and nothing was done.
		if !t.json {
			t.help(c)
		}
		return &usageError{errQuiet}
	}
}

// helpCommand is "help", which many people type before they think of a flag.
func (t *Terminal) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "help", Hidden: true, Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, words []string) error {
			c, rest, err := root.Find(words)
			if err != nil || len(rest) > 0 {
				return notACommand(root, words[0])
			}
			t.help(c)
			return nil
		},
	}
}

// notACommand is the mistake of somebody who typed an unknown command.
func notACommand(c *cobra.Command, word string) error {
	c.SuggestionsMinimumDistance = 2
	near := ""
	if s := c.SuggestionsFor(word); len(s) > 0 {
		near = c.CommandPath() + " " + s[0]
	}
	return usage("unknown_command", locale.Data{"Word": locale.OneLine(word, 100), "Near": near, "Help": c.CommandPath() + " --help"})
}

// flagError is the mistake of somebody who typed a wrong option.
func flagError(c *cobra.Command, err error) error {
	data := locale.Data{"Help": c.CommandPath() + " --help"}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		data["Flag"] = dashed(unknown.GetSpecifiedName())
		return usage("unknown_flag", data)
	}
	if bare, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		data["Flag"] = dashed(bare.GetSpecifiedName())
		return usage("bare_flag", data)
	}
	data["Detail"] = err.Error()
	return usage("bad_flag", data)
}

// dashed is the name of a flag as it is typed.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + locale.OneLine(name, 100)
}

// help describes a command.
func (t *Terminal) help(c *cobra.Command) {
	fmt.Fprintf(t.Out, "%s\n\n%s\n  %s\n", c.Short, t.texts.T("usage.usage"), t.usageLine(c))
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(t.Out, "\n%s\n", t.texts.T("usage.commands"))
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				t.row(sub.Name(), sub.Short)
			}
		}
	}
	if c.Example != "" {
		fmt.Fprintf(t.Out, "\n%s\n%s\n", t.texts.T("usage.examples"), c.Example)
	}
	fmt.Fprintf(t.Out, "\n%s\n", t.texts.T("usage.flags"))
	t.visitFlags(c, func(f *pflag.Flag) { t.row(flagRow(f)) })
}

// usageLine is how a command is typed.
func (t *Terminal) usageLine(c *cobra.Command) string {
	line := c.CommandPath()
	if c.HasAvailableSubCommands() {
		line += " [" + t.texts.T("usage.command") + "]"
	}
	if _, words, ok := strings.Cut(c.Use, " "); ok {
		line += " " + words
	}
	return line + " [" + t.texts.T("usage.options") + "]"
}

// visitFlags goes through the options of a command, its own first.
func (t *Terminal) visitFlags(c *cobra.Command, do func(*pflag.Flag)) {
	c.LocalNonPersistentFlags().VisitAll(do)
	c.Root().PersistentFlags().VisitAll(do)
}

// flagRow is how an option is typed and what it means.
func flagRow(f *pflag.Flag) (name, text string) {
	value, text := pflag.UnquoteUsage(f)
	name = "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	return strings.TrimSpace(name + " " + value), text
}

// row prints a name and what it means. Japanese letters are two columns wide.
func (t *Terminal) row(name, text string) {
	fmt.Fprintf(t.Out, "  %s %s\n", runewidth.FillRight(name, 18), text)
}

// noArguments refuses words that a command has no use for.
func noArguments(c *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case c.HasAvailableSubCommands():
		return notACommand(c, args[0])
	default:
		return usage("extra_argument", locale.Data{"Word": locale.OneLine(args[0], 100), "Help": c.CommandPath() + " --help"})
	}
}

// load reads the configuration, and from here on speaks its language.
func (t *Terminal) load() (config.Config, error) {
	c, err := config.Load(t.config, t.Environ)
	if c.Language != "" && t.lang == "" {
		t.texts = locale.For(c.Language, time.Local)
	}
	if err != nil {
		return c, &usageError{err}
	}
	t.texts, t.zone = locale.For(cmp.Or(t.lang, c.Language), c.Zone), c.Zone
	return c, nil
}

// open reads the configuration and opens the program.
func (t *Terminal) open(ctx context.Context) (*app.App, error) {
	c, err := t.load()
	if err != nil {
		return nil, err
	}
	return app.Open(ctx, app.Options{Config: c, Speak: t.lang})
}

// with makes what a command does that needs the program: it is opened, with a
// log from the level on, and closed again.
func (t *Terminal) with(level zerolog.Level, do func(context.Context, *app.App, []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, words []string) error {
		ctx := t.log(c.Context(), level)
		a, err := t.open(ctx)
		if err != nil {
			return err
		}
		defer a.Close()
		return do(ctx, a, words)
	}
}

// say prints a sentence: where it is not in the way of a document.
func (t *Terminal) say(sentence string) {
	out := t.Out
	if t.json {
		out = t.Err
	}
	fmt.Fprintln(out, sentence)
}

// problem prints what could not be done, and keeps it for the document.
func (t *Terminal) problem(sentence string) {
	t.doc.Problems = append(t.doc.Problems, strings.Split(sentence, "\n")...)
	fmt.Fprintln(t.Err, sentence)
}

// log returns the context with a log on the error output, from the level on: in
// colour for a person, as JSON for a machine.
func (t *Terminal) log(ctx context.Context, level zerolog.Level) context.Context {
	if t.verbose {
		level = zerolog.DebugLevel
	}
	out := t.Err
	if f, isFile := t.Err.(*os.File); isFile && isatty.IsTerminal(f.Fd()) {
		out = zerolog.ConsoleWriter{Out: f, TimeFormat: time.TimeOnly}
	}
	log := zerolog.New(out).Level(level).With().Timestamp().Logger()
	return log.WithContext(ctx)
}
