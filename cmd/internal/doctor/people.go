package doctor

import (
	"context"
	"errors"
	"time"

	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
)

// books is whether the address books can be read, and are.
func (n *nextcloud) books(ctx context.Context) []Finding {
	const name = "address-book"
	d := n.d
	if d.o.Books == nil {
		return nil
	}
	// A password that was refused is not tried once more.
	var b Books
	if _, err := n.signed(); errors.Is(err, talkapi.ErrUnauthorized) {
		b.Err = d.o.Explain(err)
	} else {
		b = d.o.Books(ctx)
	}
	var held []string
	for _, m := range b.Held {
		held = append(held, m.Name)
	}
	switch {
	case b.Err != nil && d.o.Roster != nil && len(d.o.Roster().Members) == 0:
		return []Finding{{Name: name, Grade: Bad, words: explained(b.Err)}}
	case b.Err != nil:
		return []Finding{advice(name, "doctor.books_failed", values{"Reason": b.Err})}
	case len(held) > 0:
		return []Finding{advice(name, "roster.held", values{"Count": len(held), "Number": len(held), "Names": held})}
	case d.o.BooksEvery > 0 && time.Since(b.Read) > 3*d.o.BooksEvery:
		return []Finding{advice(name, "doctor.books_old", values{"When": b.Read})}
	}
	return []Finding{good(name, "doctor.books", nil)}
}

// members is whether everybody can be reached by two channels, as one of them
// may be down on the day.
func (d *Doctor) members(context.Context) []Finding {
	const name = "members"
	if d.o.Roster == nil {
		return []Finding{unknown(name, "doctor.no_ledger", nil)}
	}
	members := d.o.Roster().Members
	if len(members) == 0 {
		return []Finding{bad(name, "doctor.no_roster", nil)}
	}
	var none, unmailed, one []string
	for _, m := range members {
		switch ways := d.ways(m); {
		case ways == 0 && len(m.Emails) > 0:
			unmailed = append(unmailed, m.Name)
		case ways == 0:
			none = append(none, m.Name)
		case ways == 1:
			one = append(one, m.Name)
		}
	}
	switch {
	case len(none) > 0:
		return []Finding{bad(name, "doctor.no_way", values{"Names": none})}
	case len(unmailed) > 0:
		return []Finding{bad(name, "doctor.no_way_mail", values{"Names": unmailed})}
	case len(one) > 0:
		return []Finding{advice(name, "doctor.one_way", values{"Names": one})}
	}
	return []Finding{good(name, "doctor.members", values{"Count": len(members), "Number": len(members)})}
}

// ways counts the channels by which a member can be reached.
func (d *Doctor) ways(m roster.Member) int {
	n := 0
	if m.Talk != "" {
		n++
	}
	if len(m.Emails) > 0 && d.o.Mail != nil {
		n++
	}
	return n
}

// organisers is whether there is anybody whom a cry for help is told.
func (d *Doctor) organisers(context.Context) []Finding {
	const name = "organisers"
	if d.o.Roster == nil || len(d.o.Roster().Members) == 0 {
		return nil
	}
	var names []string
	for _, m := range d.o.Roster().Organisers() {
		names = append(names, m.Name)
	}
	if len(names) == 0 {
		return []Finding{bad(name, "doctor.no_organiser", nil)}
	}
	return []Finding{good(name, "doctor.organisers", values{"Names": names})}
}

// practice is how long ago the last drill may be. A real check is practice, too.
const practice = 100 * 24 * time.Hour

// drill is whether the family has practised lately.
func (d *Doctor) drill(ctx context.Context) []Finding {
	const name = "drill"
	if d.o.Store == nil {
		return nil
	}
	checks, err := d.o.Store.Checks(ctx, 1)
	switch {
	case err != nil:
		return []Finding{unknown(name, "doctor.no_ledger", nil)}
	case len(checks) == 0:
		return []Finding{advice(name, "doctor.no_drill", nil)}
	case time.Since(checks[0].StartedAt) > practice:
		return []Finding{advice(name, "doctor.drill_old", values{"Number": int(time.Since(checks[0].StartedAt).Hours() / 24)})}
	}
	return []Finding{good(name, "doctor.drill", values{"When": checks[0].StartedAt})}
}
