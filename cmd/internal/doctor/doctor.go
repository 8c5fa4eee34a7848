// Package doctor looks at everything that must work on the day: Nextcloud and
// its room, the address books, mail, the pages, the machine and its disk.
//
// Every line of its report is a probe of its own. They all run at the same time,
// each is given up when it takes too long, and none can break another:
//
//	d := doctor.New(doctor.Options{…})
//	for _, f := range d.Look(ctx) {
//		fmt.Println(f.Grade.Icon(), f.Title(texts), f.Text(texts, nil))
//	}
//
// A [Finding] says what was found and what to do. A [Watch] remembers what the
// organisers were told, so that they hear of each change once.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
)

// Options say where everything is. What is nil or empty is not looked at,
// unless its field says otherwise.
type Options struct {
	// Nextcloud is its address, and Transport carries requests to it and to the
	// pages; nil means the network.
	Nextcloud string
	Transport http.RoundTripper
	// Client speaks to Nextcloud as Anpi. Room finds the family room.
	Client *talkapi.Client
	Room   func(context.Context) (talkapi.Room, error)
	// PutBack tells whether Nextcloud was put back to an earlier state.
	PutBack func(context.Context) (PutBack, error)
	// Refused is when Nextcloud refused the password lately, so that it is not
	// tried again; zero when it did not.
	Refused time.Time
	// Explain words an error of Nextcloud for a person.
	Explain func(error) error

	// Books tells how reading the address books goes; they are looked at every
	// BooksEvery.
	Books      func(context.Context) Books
	BooksEvery time.Duration
	// Roster is the last good one; nil when there is no telling.
	Roster func() roster.Roster

	// Mail checks sending; nil when no mail server is configured, which is a
	// finding, too.
	Mail func(context.Context) ([]email.Finding, error)
	// Inbox tries to read the mailbox. Until is when the certificate of its
	// server ends, zero without encryption.
	Inbox     func(context.Context) (until time.Time, err error)
	InboxHost string

	// Web is the public address of the pages.
	Web string
	// Probe is the address of a service outside that looks at a page: {url} in it
	// is replaced by the page's address, and it answers 200 when it could be read.
	Probe string
	// OwnAddress is the address of a service outside that answers with the
	// address of whoever asks.
	OwnAddress string
	// Resolver looks up names; nil means that of the machine.
	Resolver *net.Resolver

	// Data is the folder of the ledger. Write says that its disk may be tried by
	// writing to it; a daemon at rest writes nothing.
	Data  string
	Write bool
	// Store is the ledger, Memory is why it lives in memory, for a person to read,
	// nil while it is on its disk. Integrity reads all of it. Broken is why it
	// cannot be opened.
	Store     broadcast.Store
	Memory    func() error
	Integrity func(context.Context) error
	Broken    error

	// Proc and Sys are where the kernel tells about itself: /proc and /sys by
	// default.
	Proc, Sys string
	// Patience is how long a probe may take; zero means 20 s.
	Patience time.Duration
}

// Books is how reading the address books goes.
type Books struct {
	// Read is when they were last read without an error; zero when never.
	Read time.Time
	// Held are members who have gone from them, but so many at once that the
	// earlier roster stays.
	Held []roster.Member
	// Err is what went wrong at the last try, for a person to read; nil for
	// nothing.
	Err error
}

// PutBack is whether Nextcloud was put back to an earlier state.
type PutBack struct {
	// Behind says that it was, and that nobody has made that good yet.
	Behind bool
	// Found is when that was found last, and Kept when the newest message was written
	// that was still there; zero for never.
	Found, Kept time.Time
}

// Doctor looks at everything. Make one with [New].
type Doctor struct {
	o Options

	mu sync.Mutex
	// stuck are probes that were given up and still have not come back, such as
	// those of a disk that hangs. They are not begun a second time.
	stuck map[string]bool
}

// New returns a doctor that has not looked yet.
func New(o Options) *Doctor {
	o.Proc, o.Sys = cmp.Or(o.Proc, "/proc"), cmp.Or(o.Sys, "/sys")
	if o.Patience == 0 {
		o.Patience = 20 * time.Second
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	return &Doctor{o: o, stuck: map[string]bool{}}
}

// probe is one line of the report, or several of a kind.
type probe struct {
	name string
	look func(context.Context) []Finding
}

// Look looks at everything once. The findings stand in the order of a report,
// and no two have the same [Finding.ID].
func (d *Doctor) Look(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, d.o.Patience)
	defer cancel()
	probes := d.probes(ctx)
	found := make([][]Finding, len(probes))
	var wg sync.WaitGroup
	for i, p := range probes {
		wg.Go(func() { found[i] = d.try(ctx, p) })
	}
	wg.Wait()
	var all []Finding
	seen := map[string]bool{}
	for _, f := range slices.Concat(found...) {
		if !seen[f.ID()] {
			all = append(all, f)
		}
		seen[f.ID()] = true
	}
	return all
}

func (d *Doctor) probes(ctx context.Context) []probe {
	n := d.nextcloud(ctx)
	return []probe{
		{"nextcloud", n.reachable}, {"certificate", n.certificate}, {"clock", n.clock},
		{"talk-password", n.password}, {"talk", n.talk}, {"room", n.family}, {"room-members", n.present}, {"room-history", n.history},
		{"address-book", n.books}, {"members", d.members}, {"organisers", d.organisers},
		{"mail", d.mail}, {"inbox", d.inbox},
		{"web-name", d.webName}, {"web-outside", d.webOutside}, {"certificate", d.webCertificate},
		{"disk", d.disk}, {"disk-speed", d.diskSpeed}, {"ledger", d.ledger}, {"backup", d.backup},
		{"raid", d.raid}, {"power", d.power}, {"drill", d.drill},
	}
}

// try runs a probe, and goes on without it when it does not come back.
func (d *Doctor) try(ctx context.Context, p probe) []Finding {
	if d.isStuck(p.name) {
		return []Finding{unknown(p.name, "doctor.no_end", nil)}
	}
	done := make(chan []Finding, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				done <- []Finding{unknown(p.name, "doctor.stumbled", values{"Detail": fmt.Sprint(v)})}
			}
			d.setStuck(p.name, false)
		}()
		done <- p.look(ctx)
	}()
	select {
	case found := <-done:
		return found
	case <-ctx.Done():
	}
	// Whoever heeds the context comes back in a moment, and knows more.
	select {
	case found := <-done:
		return found
	case <-time.After(time.Second):
		d.setStuck(p.name, true)
		return []Finding{unknown(p.name, "doctor.no_end", nil)}
	}
}

func (d *Doctor) isStuck(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stuck[name]
}

func (d *Doctor) setStuck(name string, stuck bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stuck[name] = stuck
}
