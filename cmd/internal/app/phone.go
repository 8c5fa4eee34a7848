package app

import (
	"cmp"
	"context"
	"crypto/rand"

	"github.com/anpi-bot/anpi/bot"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
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
		answer.Confirmed = standing.Status.Grave()
		a.Service.PlanAnswer(c, check, standing, answer)
		return check, nil
	case status == broadcast.Help:
		a.planCry(c, broadcast.Check{}, "alarm.title", m, answer)
		return broadcast.Check{}, nil
	case taken:
		return broadcast.Check{}, &locale.Problem{Key: "told.unasked", Data: locale.Data{"Name": locale.OneLine(m.Name, 100)}}
	default:
		return broadcast.Check{}, &locale.Problem{Key: "bot.nothing"}
	}
}

// planCry tells the room and the organisers of a cry for help that belongs to no
// check, or of nobody clearly.
func (a *App) planCry(c *broadcast.Change, check broadcast.Check, title string, m roster.Member, answer broadcast.Answer) {
	room := a.tale(a.config.Language, "@all ", check, title, m, answer)
	a.Service.PlanCry(c, "cry-"+answer.Carrier, room, func(o roster.Member) string { return a.tale(o.Lang, "", check, title, m, answer) })
}

// tellOf plans to tell of somebody whom a member does not name clearly on the
// answer page; see [web.Options.Tell].
func (a *App) tellOf(c *broadcast.Change, check broadcast.Check, from roster.Member, status broadcast.Status, answer broadcast.Answer) {
	key := "told.somebody"
	switch status {
	case broadcast.Help:
		a.planCry(c, check, "alarm.tells", from, answer)
		return
	case "":
		key = "told.against"
	}
	a.Service.PlanWhisper(c, key+"-"+answer.Carrier, func(o roster.Member) string { return a.tale(o.Lang, "", check, key, from, answer) })
}

// tale words what a member has said, for a chat.
func (a *App) tale(lang, mention string, check broadcast.Check, title string, m roster.Member, answer broadcast.Answer) string {
	w := broadcast.Words{Texts: locale.For(cmp.Or(lang, a.config.Language), a.config.Zone), Plain: bot.Plain}
	return w.Telling(check, mention, title, locale.Data{"Name": bot.Plain(m.Name)}, answer)
}
