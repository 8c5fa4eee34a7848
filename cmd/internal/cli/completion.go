package cli

import (
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/app"
)

// shells are those that can complete what is typed.
var shells = []string{"bash", "zsh", "fish"}

// completion prints the script by which a shell completes commands, options and
// the names of the family.
func (t *Terminal) completion() *cobra.Command {
	return &cobra.Command{
		Use: "completion bash|zsh|fish", Short: t.texts.T("emergency.completion"), Example: t.examples("emergency.examples_completion"),
		Args: cobra.ArbitraryArgs, ValidArgs: shells,
		RunE: func(c *cobra.Command, words []string) error {
			if len(words) == 0 {
				return missing(c)
			}
			if err := atMostOne(c, words); err != nil {
				return err
			}
			switch words[0] {
			case "bash":
				return c.Root().GenBashCompletionV2(t.Out, true)
			case "zsh":
				return c.Root().GenZshCompletion(t.Out)
			case "fish":
				return c.Root().GenFishCompletion(t.Out, true)
			default:
				return &usageError{&locale.Problem{Key: "emergency.bad_shell", Data: locale.Data{"Word": plain(words[0])}}}
			}
		},
	}
}

// words from the ledger that a shell may offer.
func memberNames(a *app.App) []string { return named(a.Service.Roster().Members) }
func groupNames(a *app.App) []string  { return allGroups(a.Service.Roster()) }

// suggest offers what the ledger knows, and fixed words besides. Nothing is said
// when the ledger cannot be read: a shell has no place for that.
func (t *Terminal) suggest(known func(*app.App) []string, fixed []string) cobra.CompletionFunc {
	return func(c *cobra.Command, typed []string, _ string) ([]string, cobra.ShellCompDirective) {
		a, err := t.open(t.log(c.Context(), zerolog.Disabled))
		if err != nil {
			return fixed, cobra.ShellCompDirectiveNoFileComp
		}
		defer a.Close()
		if len(typed) > 0 && fixed != nil {
			return fixed, cobra.ShellCompDirectiveNoFileComp
		}
		return known(a), cobra.ShellCompDirectiveNoFileComp
	}
}

// complete offers what the ledger knows behind an option.
func (t *Terminal) complete(c *cobra.Command, flag string, known func(*app.App) []string) {
	if err := c.RegisterFlagCompletionFunc(flag, t.suggest(known, nil)); err != nil {
		panic(err) // there is no such option: a bug that every test finds
	}
}
