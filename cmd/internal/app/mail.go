package app

import (
	"context"
	"net"
	"net/http"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/bot"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email"
	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/broadcast/web"
	"github.com/anpi-bot/anpi/roster"
)

// page is the public address of the pages; empty when there are none.
func (a *App) page() string {
	if a.config.Web == nil {
		return ""
	}
	return a.config.Web.URL
}

// openMail makes the channel that mail goes out by and, where it is configured,
// the inbox that replies are read from.
func (a *App) openMail(o Options) (broadcast.Channel, error) {
	c := a.config
	if c.Inbox != nil {
		in := c.Inbox
		intake := &inbox.Intake{
			Service: a.Service, Hear: a.hear, Language: c.Language, Zone: c.Zone,
			Plain: bot.Plain,
		}
		var err error
		a.inbox, err = inbox.New(inbox.Options{
			Host: in.Host, Port: in.Port, Security: email.Security(in.Security), User: in.User, Password: email.Secret(in.Password.Reveal()),
			Mailbox: in.Mailbox, Dial: o.DialInbox,
		}, intake)
		if err != nil {
			return nil, err
		}
	}
	if c.Mail == nil {
		return email.None(), nil
	}
	options := a.mailOptions()
	options.Dial = o.DialMail
	return email.New(options)
}

// hear tells what a text of a member says that did not come over the chat.
func (a *App) hear(text string, from roster.Member) broadcast.Heard {
	return bot.Hear(a.Service.Roster(), from, text)
}

func (a *App) mailOptions() email.Options {
	c := a.config
	options := email.Options{
		From: c.Mail.From, Language: c.Language, Location: c.Zone, Contact: c.Contact, Page: a.page(),
		Replies: c.Inbox != nil, PerMinute: c.Mail.PerMinute,
	}
	if c.Inbox != nil {
		options.ReplyTo = c.Inbox.Address
	}
	for _, relay := range c.Mail.Relays {
		options.Relays = append(options.Relays, email.Relay{
			Host: relay.Host, Port: relay.Port, Security: email.Security(relay.Security),
			User: relay.User, Password: email.Secret(relay.Password.Reveal()),
		})
	}
	return options
}

// openPages makes the answer page and the board, where they are configured.
func (a *App) openPages() {
	c := a.config
	if c.Web == nil {
		return
	}
	a.site = web.New(web.Options{
		Service: a.Service, Language: c.Language, Zone: c.Zone, Contact: c.Contact, Page: a.page(), TrustedProxies: c.Web.Proxies,
		Hear: func(text string, from roster.Member) broadcast.Heard {
			return bot.HearBeside(a.Service.Roster(), from, text)
		},
		Tell: a.tellOf,
	})
}

// Pages serves the answer page and the board; nil when there are none.
func (a *App) Pages() http.Handler {
	if a.site == nil {
		return nil
	}
	return a.site.Handler()
}

// readMail reads replies until the context ends.
func (a *App) readMail(ctx context.Context) {
	if a.inbox != nil {
		a.inbox.Run(ctx)
	}
}

// servePages serves the pages until the context ends. When the address is taken
// everything else goes on: mails can still be answered by replying.
func (a *App) servePages(ctx context.Context) {
	if a.site == nil || a.config.Web.Listen == "" {
		return
	}
	log := zerolog.Ctx(ctx)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", a.config.Web.Listen)
	if err != nil {
		log.Error().Err(err).Msg("the answer page cannot be served; check web.listen in the configuration")
		return
	}
	if err := a.site.Serve(ctx, listener); err != nil {
		log.Error().Err(err).Msg("the answer page is served no more")
	}
}

// copyBoard keeps the copy of the board until the context ends.
func (a *App) copyBoard(ctx context.Context) {
	if a.site != nil && a.config.Web.Board != "" {
		a.site.StaticBoard(ctx, a.config.Web.Board, a.boardNews)
	}
}

// CheckMail looks at the mail servers and at what the world knows of the
// sender, and sends nothing.
func (a *App) CheckMail(ctx context.Context) ([]email.Finding, error) {
	if a.config.Mail == nil {
		return nil, &locale.Problem{Key: "reason.mail-none"}
	}
	return email.Check(ctx, a.mailOptions())
}
