package doctor

import (
	"context"
	"errors"

	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox"
	"github.com/anpi-bot/anpi/broadcast/locale"
)

// mail is whether each server takes mail, and others will believe it.
func (d *Doctor) mail(ctx context.Context) []Finding {
	if d.o.Mail == nil {
		return []Finding{advice("mail", "reason.mail-none", nil)}
	}
	checked, err := d.o.Mail(ctx)
	if err != nil {
		return []Finding{{Name: "mail", Grade: Bad, words: explained(err)}}
	}
	var all []Finding
	for _, f := range checked {
		if f.Name() == "certificate" {
			// Judged below with all others.
			continue
		}
		all = append(all, Finding{Name: "mail-" + f.Name(), About: f.About, Grade: Grade(f.Grade),
			words: func(t *locale.Texts, plain func(string) string) string { return plain(f.Text(t)) }})
	}
	for _, f := range checked {
		all = append(all, certificate(f.About, f.Until, f.Err)...)
	}
	return all
}

// inbox is whether replies can be read.
func (d *Doctor) inbox(ctx context.Context) []Finding {
	const name = "inbox"
	if d.o.Inbox == nil {
		return nil
	}
	until, err := d.o.Inbox(ctx)
	all := certificate(d.o.InboxHost, until, err)
	switch {
	case errors.Is(err, inbox.ErrRefused):
		return append(all, bad(name, "doctor.inbox_refused", nil))
	case err != nil:
		return append(all, bad(name, "doctor.inbox_failed", values{"Detail": err.Error()}))
	}
	return append([]Finding{good(name, "doctor.inbox", nil)}, all...)
}
