package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anpi-bot/anpi/bot/command"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/cmd/internal/app"
)

// Broadcast is the tree of commands for an emergency.
func Broadcast(t *Terminal) *cobra.Command {
	root := &cobra.Command{Use: "broadcast", Short: t.texts.T("usage.broadcast"), Example: t.examples("emergency.examples")}
	root.PersistentFlags().Bool("json", false, t.texts.T("emergency.flag_json"))
	root.AddCommand(
		t.start(broadcast.Real), t.start(broadcast.Drill), t.announce(), t.closing(),
		t.status(), t.answer(), t.members(), t.history(), t.report(), t.outbox(),
		t.completion(), t.manual(Broadcast),
	)
	return root
}

// command is one of those that the chat has, too, under the same names.
func (t *Terminal) command(name command.Name) *cobra.Command {
	c := command.Of(name)
	return &cobra.Command{Use: string(name), Aliases: c.Words, Short: c.Summary(t.texts), Args: noArguments}
}

// examples are lines to be typed, as help shows them.
func (t *Terminal) examples(key string) string {
	return "  " + strings.ReplaceAll(t.texts.T(key), "\n", "\n  ")
}

func (t *Terminal) words() broadcast.Words {
	return broadcast.Words{Texts: t.texts, Plain: plain}
}

// plain puts what people wrote on one line.
func plain(s string) string { return locale.OneLine(s, 500) }

// needRoster reads the address books when there is no roster yet, so that there
// is somebody to name.
func (t *Terminal) needRoster(ctx context.Context, a *app.App) error {
	if len(a.Service.Roster().Members) > 0 {
		return nil
	}
	t.say(t.texts.T("cli.waiting_roster"))
	return a.Refresh(ctx)
}

// lead makes this process the one that sends. Alone is false when another one
// does so already.
func lead(a *app.App) (release func(), alone bool, err error) {
	release, err = a.TryLead()
	if errors.Is(err, sqlstore.ErrTaken) {
		return func() {}, false, nil
	}
	return release, err == nil, err
}

// sayIfAbandoned tells that nobody looks after an open check.
func (t *Terminal) sayIfAbandoned(a *app.App, c broadcast.Check) error {
	if !c.Open() {
		return nil
	}
	left, err := abandoned(a)
	if left {
		t.say(t.texts.T("cli.abandoned"))
	}
	return err
}
