package cli

import (
	"context"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/anpi-bot/anpi/bot/command"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/app"
)

// maxHistory is how many checks the history shows.
const maxHistory = 20

// history shows how the latest checks went.
func (t *Terminal) history() *cobra.Command {
	c := t.command(command.History)
	c.RunE = t.with(zerolog.FatalLevel, func(ctx context.Context, a *app.App, _ []string) error {
		checks, err := a.Service.Store.Checks(ctx, maxHistory)
		if err != nil {
			return err
		}
		t.doc.filled = true
		if len(checks) == 0 {
			t.say(t.texts.T("bot.nothing_ever"))
			return nil
		}
		t.say(t.texts.T("history.title"))
		for _, check := range checks {
			r, err := a.Service.Report(ctx, check)
			if err != nil {
				return err
			}
			t.doc.Checks = append(t.doc.Checks, t.checkOf(r))
			line := t.texts.T("emergency.history_line", locale.Data{"ID": check.ID, "When": t.texts.When(check.StartedAt), "Kind": t.texts.T("kind." + string(check.Kind)), "Answered": r.Tally.Answered(), "All": len(r.Tally.Standings)})
			if half := r.Quartiles[1]; half > 0 {
				line += t.texts.T("history.half", locale.Data{"Span": t.texts.Span(half)})
			}
			if check.Open() {
				line += t.texts.T("history.open")
			}
			t.say(line)
		}
		return nil
	})
	return c
}

// members shows the roster as it is known, without asking Nextcloud for it.
func (t *Terminal) members() *cobra.Command {
	c := t.command(command.Roster)
	c.RunE = t.with(zerolog.FatalLevel, func(ctx context.Context, a *app.App, _ []string) error {
		if err := t.needRoster(ctx, a); err != nil {
			return err
		}
		r := a.Service.Roster()
		t.doc.filled = true
		for _, m := range r.Members {
			t.doc.Members = append(t.doc.Members, memberOf(m))
		}
		out := t.Out
		if t.json {
			t.Out = t.Err
		}
		t.printRoster(r)
		t.Out = out
		return nil
	})
	return c
}
