package app

import (
	"context"
	"crypto/rand"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
)

// PlanPhone plans to note what a member has said on the phone, for the check that
// takes answers now. A cry for help is told even when there is none: then the
// check is zero. The error is for a person to read.
func (a *App) PlanPhone(ctx context.Context, c *broadcast.Change, m roster.Member, status broadcast.Status, text string) (broadcast.Check, error) {
	answer := broadcast.Answer{Status: status, Text: text, Source: broadcast.ByPhone, Carrier: "phone:" + rand.Text(), At: c.Now}
	check, taken, err := a.Service.Current(ctx, c.Now)
	if err != nil {
		return broadcast.Check{}, err
	}
	var standing broadcast.Standing
	asked := false
	if taken {
		if standing, asked, err = a.Service.Standing(ctx, check, m); err != nil {
			return broadcast.Check{}, err
		}
	}
	switch {
	case asked:
		answer.Confirmed = standing.Grave()
		a.Service.PlanAnswer(c, check, standing, answer)
		return check, nil
	case status == broadcast.Help:
		a.planCry(c, m, answer)
		return broadcast.Check{}, nil
	case taken:
		return broadcast.Check{}, &locale.Problem{Key: "told.unasked", Data: locale.Data{"Name": locale.OneLine(m.Name, 100)}}
	default:
		return broadcast.Check{}, &locale.Problem{Key: "bot.nothing"}
	}
}

// planCry tells the room and the organisers of a cry for help that belongs to no
// check.
func (a *App) planCry(c *broadcast.Change, m roster.Member, answer broadcast.Answer) {
	word := func(lang string) string {
		t := locale.For(lang, a.config.Zone)
		text := t.T("alarm.title", locale.Data{"Name": talkapi.Escape(locale.OneLine(m.Name, 100))})
		if answer.Text != "" {
			text += "\n" + t.T("alarm.text", locale.Data{"Text": talkapi.Escape(locale.OneLine(answer.Text, 500))})
		}
		return text + "\n" + t.T("alarm.when", locale.Data{"When": t.When(answer.At)})
	}
	a.Service.PlanCry(c, "cry-"+answer.Carrier, "@all "+word(a.config.Language), func(o roster.Member) string {
		if o.Lang == "" {
			return word(a.config.Language)
		}
		return word(o.Lang)
	})
}
