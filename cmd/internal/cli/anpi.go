package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/anpi-bot/anpi/broadcast/channel/email"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/app"
	"github.com/anpi-bot/anpi/cmd/internal/demo"
	"github.com/anpi-bot/anpi/roster"
)

// Anpi is the tree of commands of the daemon and its household.
func Anpi(t *Terminal) *cobra.Command {
	root := &cobra.Command{Use: "anpi", Short: t.texts.T("usage.anpi")}
	root.AddCommand(t.serve(), t.demo(), t.roster(), t.mail(), t.read(), t.setup(), t.invite(), t.alive(), t.doctor(), t.backup(), t.restore())
	return root
}

func (t *Terminal) serve() *cobra.Command {
	var s app.Supervisor
	serve := &cobra.Command{
		Use: "serve", Short: t.texts.T("usage.serve"), Args: noArguments,
		RunE: t.with(zerolog.InfoLevel, func(ctx context.Context, a *app.App, _ []string) error {
			return a.ServeUnder(ctx, t.say, underSystemd(ctx, s))
		}),
	}
	serve.Flags().BoolVar(&s.Wait, "wait", false, t.texts.T("deploy.flag_wait"))
	return serve
}

func (t *Terminal) demo() *cobra.Command {
	return &cobra.Command{
		Use: "demo", Short: t.texts.T("usage.demo"), Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return demo.Run(t.log(c.Context(), zerolog.Disabled), t.Out, t.texts.Lang)
		},
	}
}

func (t *Terminal) roster() *cobra.Command {
	show := &cobra.Command{
		Use: "roster", Short: t.texts.T("usage.roster"), Args: noArguments,
		RunE: t.with(zerolog.ErrorLevel, func(ctx context.Context, a *app.App, _ []string) error {
			err := a.Refresh(ctx)
			if err != nil && len(a.Service.Roster().Members) > 0 {
				t.say(t.texts.T("roster.earlier"))
			}
			t.printRoster(a.Service.Roster())
			if gone := a.Held(); len(gone) > 0 {
				t.say(t.texts.T("roster.held", locale.Data{"Count": len(gone), "Number": len(gone), "Names": t.names(gone)}))
			}
			return err
		}),
	}
	show.AddCommand(&cobra.Command{
		Use: "accept", Short: t.texts.T("usage.roster_accept"), Args: noArguments,
		RunE: t.with(zerolog.ErrorLevel, func(ctx context.Context, a *app.App, _ []string) error {
			if err := a.AcceptRoster(ctx); err != nil {
				return err
			}
			n := len(a.Service.Roster().Members)
			t.say(t.texts.T("roster.accepted", locale.Data{"Count": n, "Number": n}))
			return nil
		}),
	})
	return show
}

func (t *Terminal) names(members []roster.Member) string {
	var names []string
	for _, m := range members {
		names = append(names, locale.OneLine(m.Name, 100))
	}
	return t.texts.Names(names)
}

func (t *Terminal) mail() *cobra.Command {
	mail := &cobra.Command{Use: "mail", Short: t.texts.T("usage.mail")}
	mail.AddCommand(&cobra.Command{
		Use: "check", Short: t.texts.T("usage.mail_check"), Args: noArguments,
		RunE: t.with(zerolog.ErrorLevel, func(ctx context.Context, a *app.App, _ []string) error {
			findings, err := a.CheckMail(ctx)
			if err != nil {
				return err
			}
			bad := false
			for _, f := range findings {
				t.say(map[email.Grade]string{email.Good: "✅ ", email.Advice: "💡 ", email.Bad: "❌ "}[f.Grade] + f.Text(t.texts))
				bad = bad || f.Grade == email.Bad
			}
			if bad {
				return errQuiet
			}
			return nil
		}),
	})
	return mail
}

// printRoster prints a line for each member: who they are, and over what they
// can be reached.
func (t *Terminal) printRoster(r roster.Roster) {
	for _, m := range r.Members {
		var over []string
		if m.Talk != "" {
			over = append(over, t.texts.T("channel.direct")+" "+m.Talk)
		}
		for _, address := range m.Emails {
			over = append(over, t.texts.T("channel.email")+" "+locale.OneLine(address, 200))
		}
		if len(over) == 0 {
			over = append(over, t.texts.T("reason.no-way"))
		}
		name := locale.OneLine(m.Name, 100)
		if m.Organiser {
			name += t.texts.T("roster.organiser")
		}
		fmt.Fprintf(t.Out, "%s: %s\n", name, strings.Join(over, t.texts.T("comma")))
	}
	for _, w := range r.Warnings {
		key := "roster.warning"
		if w.Book == "" {
			key = "roster.rule_warning"
		}
		t.say(t.texts.T(key, locale.Data{"Book": locale.OneLine(w.Book, 100), "Card": locale.OneLine(w.Card, 100), "Reason": w.Reason}))
	}
}
