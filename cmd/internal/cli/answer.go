package cli

import (
	"context"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/anpi-bot/anpi/bot/command"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/app"
	"github.com/anpi-bot/anpi/roster"
)

// answer notes what somebody has said on the phone.
func (t *Terminal) answer() *cobra.Command {
	var text string
	c := t.command(command.Answer)
	c.Use, c.Args = "answer "+t.texts.T("emergency.use_answer"), cobra.ArbitraryArgs
	c.Example = t.examples("emergency.examples_answer")
	c.Flags().StringVar(&text, "text", "", t.texts.T("emergency.flag_text"))
	c.ValidArgsFunction = t.suggest(memberNames, []string{string(broadcast.Safe), string(broadcast.Injured), string(broadcast.Help)})
	note := t.with(zerolog.FatalLevel, func(ctx context.Context, a *app.App, words []string) error {
		name, status, _ := cutStatus(words)
		release, alone, err := t.stepIn(ctx, a)
		if err != nil {
			return err
		}
		defer release()
		if err := t.needRoster(ctx, a); err != nil {
			return err
		}
		m, err := t.findOne(a.Service.Roster(), name)
		if err != nil {
			return err
		}
		return t.note(ctx, a, alone, m, status, strings.TrimSpace(text))
	})
	c.RunE = func(c *cobra.Command, words []string) error {
		if _, _, ok := cutStatus(words); !ok {
			return missing(c)
		}
		return note(c, words)
	}
	return c
}

// cutStatus parts the words into a name and the status at their end.
func cutStatus(words []string) (name string, status broadcast.Status, ok bool) {
	if len(words) < 2 {
		return "", "", false
	}
	last := len(words) - 1
	found, _ := command.Find(words[last])
	status = map[command.Name]broadcast.Status{
		command.Safe: broadcast.Safe, command.Injured: broadcast.Injured, command.SOS: broadcast.Help, command.Help: broadcast.Help,
	}[found.Name]
	return strings.Join(words[:last], " "), status, status != ""
}

// note writes an answer down, and sends a cry for help on its way.
func (t *Terminal) note(ctx context.Context, a *app.App, alone bool, m roster.Member, status broadcast.Status, text string) error {
	change := broadcast.Change{Now: time.Now()}
	check, err := a.PlanPhone(ctx, &change, m, status, text)
	if err != nil {
		return err
	}
	reached, all, err := t.carry(ctx, a, change, alone)
	if err != nil {
		return err
	}
	t.doc.filled = true
	mark := ""
	if check.ID != 0 {
		sent := t.doc.Deliveries
		v, err := see(ctx, a.Service, check)
		if err != nil {
			return err
		}
		t.show(v.only(m))
		t.doc.Deliveries = sent
		mark = t.texts.Mark(check.Drill())
	}
	t.say(mark + t.texts.T("told.noted", locale.Data{"Name": plain(m.Name), "Icon": status.Icon(), "Status": status.Word(t.texts)}))
	if reached > 0 {
		t.say(t.texts.T("emergency.told"))
	}
	if alone && check.ID != 0 && check.Open() {
		t.say(t.texts.T("cli.abandoned"))
	}
	return reachedOf(reached, all)
}
