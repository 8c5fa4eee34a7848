package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/anpi-bot/anpi/bot/command"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/app"
)

// wish is how a check was asked for.
type wish struct {
	groups, names           []string
	noMail, mailNow, dryRun bool
}

// start makes the commands that begin a check of the kind.
func (t *Terminal) start(kind broadcast.Kind) *cobra.Command {
	var w wish
	c := t.command(command.Name(kind))
	c.Use, c.Args = string(kind)+" ["+t.texts.T("usage.words")+"]", cobra.ArbitraryArgs
	c.Example = t.examples("emergency.examples_" + string(kind))
	flags := c.Flags()
	t.chosen(c, &w.names, &w.groups)
	flags.BoolVar(&w.mailNow, "mail-now", false, t.texts.T("emergency.flag_mail_now"))
	flags.BoolVar(&w.noMail, "no-mail", false, t.texts.T("emergency.flag_no_mail"))
	flags.BoolVar(&w.dryRun, "dry-run", false, t.texts.T("emergency.flag_dry_run"))
	c.RunE = t.with(zerolog.FatalLevel, func(ctx context.Context, a *app.App, words []string) error {
		return t.ask(ctx, a, w, broadcast.StartRequest{Kind: kind, Key: "cli:" + rand.Text(), Question: strings.Join(words, " ")})
	})
	return c
}

// refine adds to the request what the options say.
func (w wish) refine(t *Terminal, a *app.App, r *broadcast.StartRequest) (err error) {
	switch {
	case w.noMail && w.mailNow:
		return &usageError{&locale.Problem{Key: "emergency.mail_both"}}
	case w.noMail:
		r.Mail = broadcast.MailNever
	case w.mailNow:
		r.Mail = broadcast.MailNow
	}
	r.Members, err = t.choose(a.Service.Roster(), w.names, w.groups)
	return err
}

// ask starts a check and stays until everybody has been asked. When no daemon
// runs, this process does its work, until the check has ended.
func (t *Terminal) ask(ctx context.Context, a *app.App, w wish, r broadcast.StartRequest) error {
	release, alone, err := t.stepIn(ctx, a)
	if err != nil {
		return err
	}
	defer release()
	if err := t.needRoster(ctx, a); err != nil {
		return &nobodyError{err}
	}
	if err := w.refine(t, a, &r); err != nil {
		return err
	}
	if w.dryRun {
		return t.rehearse(ctx, a, r)
	}
	started, err := a.Start(ctx, r)
	if open := new(broadcast.OpenError); alone && errors.As(err, &open) {
		return errors.Join(err, &locale.Problem{Key: "cli.abandoned"})
	}
	if err != nil {
		return err
	}
	n := len(r.Members)
	if n == 0 {
		n = len(a.Service.Roster().Members)
	}
	t.say(t.texts.Mark(r.Kind == broadcast.Drill) + t.texts.T("cli.asking", locale.Data{"Count": n, "Number": n}))
	v := t.watch(a, started.Started.ID)
	v.mailNow, v.guest = w.mailNow, !alone
	switch {
	case a.InMemory() != nil:
		// A daemon does not know of this check: it is this process that asks.
	case !alone:
		return v.untilAsked(ctx)
	default:
		v.warn(t.texts.T("cli.alone"))
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	worked := make(chan error, 1)
	go func() { worked <- a.Work(ctx) }()
	err = v.untilClosed(ctx, worked)
	cancel()
	t.settle(ctx, a)
	switch {
	case v.guest && t.lost:
		t.say(t.texts.T("cli.stopped"))
	case v.guest:
		t.say(t.texts.T("cli.goes_on"))
	}
	return err
}

// rehearse tells who would be asked over what. It sends nothing and begins
// nothing.
func (t *Terminal) rehearse(ctx context.Context, a *app.App, r broadcast.StartRequest) error {
	change := broadcast.Change{Now: time.Now()}
	if err := a.PlanStart(ctx, &change, r); err != nil {
		return err
	}
	start := change.Start
	t.doc.DryRun = true
	t.show(planned(start))
	t.say(t.texts.Mark(r.Kind == broadcast.Drill) + t.texts.T("emergency.dry_run"))
	reached := 0
	for _, m := range start.Members {
		var over []string
		for _, d := range start.Deliveries {
			if d.MemberID == m.ID && d.State != broadcast.Failed {
				over = append(over, t.channel(d))
			} else if d.MemberID == m.ID {
				t.problem(t.texts.T("cli.member_failed", locale.Data{"Name": plain(m.Name), "Reason": t.texts.Reason(d.Reason)}))
			}
		}
		if len(over) > 0 {
			reached++
			t.say(t.texts.T("emergency.dry_line", locale.Data{"Name": plain(m.Name), "Ways": t.texts.Names(over)}))
		}
	}
	return reachedOf(reached, len(start.Members))
}

// planned is what there is to see of a check that has not begun.
func planned(start *broadcast.Start) view {
	v := view{broadcast.Report{Tally: broadcast.Tally{Check: start.Check}, Deliveries: start.Deliveries}}
	for _, m := range start.Members {
		v.Tally.Standings = append(v.Tally.Standings, broadcast.Standing{Member: m, Status: broadcast.Pending, Reached: broadcast.Due})
	}
	return v
}

// channel names the way of a delivery, with the address.
func (t *Terminal) channel(d broadcast.Delivery) string {
	name := t.texts.T("channel." + string(d.Channel))
	if d.Address != "" {
		name += " " + plain(d.Address)
	}
	return name
}

// reachedOf is the outcome for the exit status, of what has been told already.
func reachedOf(reached, all int) error {
	switch reached {
	case all:
		return nil
	case 0:
		return &nobodyError{errQuiet}
	default:
		return errQuiet
	}
}

// isPersonal reports whether a reason is about one person, and not about the
// whole channel.
func isPersonal(reason string) bool {
	key, _, _ := strings.Cut(reason, ": ")
	return slices.Contains([]string{
		broadcast.ReasonNoWay, broadcast.ReasonNoMail, broadcast.ReasonNotInRoom, broadcast.ReasonUnconfirmed,
		"talk-gone", "mail-rejected", "mail-bounced", "mail-address",
	}, key)
}
