package cli

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/anpi-bot/anpi/bot/command"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/app"
	"github.com/anpi-bot/anpi/cmd/internal/ask"
	"github.com/anpi-bot/anpi/roster"
)

// announce makes "say": it tells everybody something, or some of them, and asks
// for nothing.
func (t *Terminal) announce() *cobra.Command {
	var names, groups []string
	c := t.command(command.Say)
	c.Use, c.Args = "say "+t.texts.T("emergency.use_text"), cobra.ArbitraryArgs
	c.Example = t.examples("emergency.examples_say")
	t.chosen(c, &names, &groups)
	say := t.with(zerolog.FatalLevel, func(ctx context.Context, a *app.App, words []string) error {
		release, alone, err := t.stepIn(ctx, a)
		if err != nil {
			return err
		}
		defer release()
		if err := t.needRoster(ctx, a); err != nil {
			return &nobodyError{err}
		}
		to, err := t.choose(a.Service.Roster(), names, groups)
		if err != nil {
			return err
		}
		change := broadcast.Change{Now: time.Now()}
		none := a.Service.PlanAnnounce(&change, "cli:"+rand.Text(), roster.Member{}, strings.Join(words, " "), to...)
		for _, m := range none {
			t.problem(t.texts.T("cli.member_failed", locale.Data{"Name": plain(m.Name), "Reason": t.texts.Reason(broadcast.ReasonNoWay)}))
		}
		t.doc.filled = true
		reached, all, err := t.carry(ctx, a, change, alone)
		if err != nil {
			return err
		}
		if reached > 0 && reached == all {
			t.say(t.texts.T("emergency.said", locale.Data{"Count": all, "Number": all}))
		}
		return reachedOf(reached, all+len(none))
	})
	c.RunE = func(c *cobra.Command, words []string) error {
		if strings.TrimSpace(strings.Join(words, "")) == "" {
			return missing(c)
		}
		return say(c, words)
	}
	return c
}

// missing is the mistake of somebody who left out what a command needs.
func missing(c *cobra.Command) error {
	return &usageError{&locale.Problem{Key: "emergency.missing", Data: locale.Data{"Usage": c.Root().Name() + " " + c.Use, "Help": c.CommandPath() + " --help"}}}
}

// closing makes "close": it ends the check that is open. While somebody needs help
// it asks first.
func (t *Terminal) closing() *cobra.Command {
	anyway := false
	c := t.command(command.Close)
	c.Flags().BoolVar(&anyway, "anyway", false, t.texts.T("close.flag_anyway"))
	c.RunE = t.with(zerolog.FatalLevel, func(ctx context.Context, a *app.App, _ []string) error {
		// It is not ended in memory, where a daemon would not hear of it.
		release, alone, err := lead(a)
		if err != nil {
			return err
		}
		defer release()
		open, err := a.Service.Open(ctx)
		if err != nil {
			return err
		}
		if len(open) == 0 {
			return &locale.Problem{Key: "bot.nothing"}
		}
		if err := t.confirmClose(ctx, a, open[0], anyway); err != nil {
			return err
		}
		change := broadcast.Change{Now: time.Now()}
		a.Service.PlanClose(&change, open[0], "")
		reached, all, err := t.carry(ctx, a, change, alone)
		if err != nil {
			return err
		}
		check, err := a.Service.Store.Check(ctx, open[0].ID)
		if err != nil {
			return err
		}
		sent := t.doc.Deliveries
		v, err := see(ctx, a.Service, check)
		if err != nil {
			return err
		}
		t.show(v)
		t.doc.Deliveries = sent
		if !check.Open() {
			t.say(t.texts.Mark(check.Drill()) + strings.Join(t.words().Report(v.Report), "\n"))
		}
		if reached < all {
			return errQuiet
		}
		return nil
	})
	return c
}

// confirmClose names who needs help, and asks whether the check is to end all the
// same. Where nobody answers it goes on.
func (t *Terminal) confirmClose(ctx context.Context, a *app.App, check broadcast.Check, anyway bool) error {
	tally, err := a.Service.Tally(ctx, check)
	if err != nil || anyway || len(tally.Who(broadcast.Help)) == 0 {
		return err
	}
	asker := ask.New(t.In, t.Err, t.texts, nil)
	t.say(t.texts.Mark(check.Drill()) + t.words().Unrelieved(tally))
	yes, err := asker.Yes(ctx, ask.Question{Name: "anyway", Key: "close.ask"}, false)
	if err == nil && !yes {
		err = &locale.Problem{Key: "close.kept"}
	}
	return err
}
