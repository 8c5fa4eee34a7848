package cli

import (
	"context"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/anpi-bot/anpi/bot/command"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/app"
)

// outbox shows what a check has sent to each person over each channel, and what
// came of it.
func (t *Terminal) outbox() *cobra.Command {
	c := t.command(command.Outbox)
	c.Use, c.Args = "outbox "+t.texts.T("emergency.use_id"), atMostOne
	c.RunE = t.with(zerolog.FatalLevel, func(ctx context.Context, a *app.App, words []string) error {
		v, ok, err := t.seeCheck(ctx, a, words)
		if err != nil || !ok {
			return err
		}
		t.show(v)
		t.say(t.heading(v.Tally.Check))
		for _, s := range v.Tally.Standings {
			line := t.texts.T("status_of.line", locale.Data{"Name": plain(s.Member.Name), "Icon": s.Status.Icon(), "Status": s.Status.Word(t.texts)})
			if !s.Answer.At.IsZero() {
				line += t.texts.T("emergency.at", locale.Data{"Clock": t.texts.Clock(s.Answer.At)})
			}
			t.say(line)
			t.sent(v, s.Member.ID)
		}
		t.say(t.texts.T("channel.room"))
		t.sent(v, "")
		// Organisers who are not asked are told things all the same.
		for _, d := range v.Deliveries {
			if d.MemberID == "" || v.has(d.MemberID) {
				continue
			}
			m, ok := a.Service.Roster().ByID(d.MemberID)
			if !ok {
				m.Name = d.MemberID
			}
			t.say(plain(m.Name) + t.texts.T("comma") + strings.TrimSpace(t.became(d)))
		}
		return t.sayIfAbandoned(a, v.Tally.Check)
	})
	return c
}

// sent prints a line for each delivery to the member; "" is the room.
func (t *Terminal) sent(v view, member string) {
	for _, d := range v.Deliveries {
		if d.MemberID == member {
			t.say(t.became(d))
		}
	}
}

// became words a delivery: over what, what for, and what came of it.
func (t *Terminal) became(d broadcast.Delivery) string {
	data := locale.Data{"Clock": t.texts.Clock(d.DueAt), "Reason": t.texts.Reason(d.Reason), "Seen": t.texts.Clock(d.SeenAt)}
	if arrived(d) {
		data["Clock"] = t.texts.Clock(d.SentAt)
	}
	state := t.texts.T("emergency.state_"+string(d.State), data)
	if d.Reason != "" && d.State != broadcast.Failed && !arrived(d) && d.State != broadcast.Dropped {
		state += t.texts.T("emergency.because", data)
	}
	if d.MaybeTwice {
		state += t.texts.T("emergency.maybe_twice")
	}
	return t.texts.T("emergency.outbox_line", locale.Data{"Channel": t.channel(d), "Purpose": t.texts.T("emergency.purpose_" + string(d.Purpose)), "State": state})
}

// atMostOne refuses more than one word.
func atMostOne(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return noArguments(c, args[1:])
	}
	return nil
}
