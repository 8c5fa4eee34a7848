package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/anpi-bot/anpi/bot/command"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/app"
)

// outbox shows what a check has sent to each person over each channel, and what
// came of it, and the same of the newest announcement.
func (t *Terminal) outbox() *cobra.Command {
	c := t.command(command.Outbox)
	c.Use, c.Args = "outbox "+t.texts.T("emergency.use_id"), atMostOne
	c.RunE = t.with(zerolog.FatalLevel, func(ctx context.Context, a *app.App, words []string) error {
		v, ok, err := t.seeCheck(ctx, a, words)
		if err != nil {
			return err
		}
		if ok {
			t.sentBy(a, v)
		}
		if len(words) == 0 {
			if err := t.announced(ctx, a); err != nil {
				return err
			}
		}
		if !ok {
			return nil
		}
		return t.sayIfAbandoned(a, v.Tally.Check)
	})
	return c
}

// sentBy shows what a check has sent, person by person.
func (t *Terminal) sentBy(a *app.App, v view) {
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
		if d.MemberID != "" && !v.has(d.MemberID) {
			t.sentTo(a, d)
		}
	}
}

// announced shows what became of the newest announcement, if there was one.
func (t *Terminal) announced(ctx context.Context, a *app.App) error {
	all, err := a.Service.Store.Deliveries(ctx, 0) // those of no check
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(d broadcast.Delivery) bool { return d.Purpose != broadcast.Announce })
	if len(all) == 0 {
		return nil
	}
	newest := all[len(all)-1]
	all = slices.DeleteFunc(all, func(d broadcast.Delivery) bool { return d.Step != newest.Step })
	t.doc.Deliveries = append(t.doc.Deliveries, t.deliveries(a.Service.Roster().Members, all)...)
	t.say(t.texts.T("emergency.announcement", locale.Data{"Text": plain(newest.Body)}))
	for _, d := range all {
		t.sentTo(a, d)
	}
	return nil
}

// sentTo prints a line for a delivery, with the name of whom it is for.
func (t *Terminal) sentTo(a *app.App, d broadcast.Delivery) {
	m, ok := a.Service.Roster().ByID(d.MemberID)
	if !ok {
		m.Name = d.MemberID
	}
	t.say(plain(m.Name) + t.texts.T("comma") + strings.TrimSpace(t.became(d)))
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
