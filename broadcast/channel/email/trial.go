package email

import (
	"context"
	"fmt"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
)

// Trial sends one plain mail, to see whether it arrives. Every error is a
// *broadcast.Failure.
func (c *Channel) Trial(ctx context.Context, to, subject, text string) error {
	a, err := address(to)
	if err != nil {
		return &broadcast.Failure{Reason: "mail-address", Permanent: true, Err: err}
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := msg.From(c.o.From.String()); err != nil {
		return &broadcast.Failure{Reason: "mail-address", Permanent: true, Err: fmt.Errorf("name the sender: %w", err)}
	}
	if err := msg.To(a.String()); err != nil {
		return &broadcast.Failure{Reason: "mail-address", Permanent: true, Err: fmt.Errorf("address the mail: %w", err)}
	}
	msg.Subject(locale.OneLine(subject, 200))
	msg.SetDateWithValue(time.Now().In(c.o.Location))
	msg.SetMessageIDWithValue("trial." + broadcast.NewToken() + "@" + c.domain)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, crlf(text), gomail.WithPartEncoding(encoding(text)))
	return c.deliver(ctx, letter{
		from: envelope(c.o.From), to: envelope(*a), international: !ascii(c.o.From.Address) || !ascii(a.Address), hurry: true, reference: "trial", Msg: msg,
	})
}
