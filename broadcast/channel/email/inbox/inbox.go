// Package inbox reads what people mail back: their answers, and the bounces of
// mails that did not arrive.
//
// An [Inbox] follows one IMAP mailbox and hands every new mail to an [Intake],
// which plans what the mail says. What a mail says and the place up to which the
// mailbox was read are committed together, so that nothing is read twice and
// nothing is passed over, whenever the program is killed:
//
//	intake := &inbox.Intake{Service: service, Read: read, Language: "ja", Zone: zone}
//	box, err := inbox.New(inbox.Options{Host: "imap.example.org", User: "anpi", Password: secret}, intake)
//	box.Run(ctx) // until ctx ends
//
// The mailbox belongs to the family: nothing in it is ever moved or deleted, and
// only mails that were for Anpi are marked as seen, after they were taken in.
// What lay in it before Anpi came is not read. Package letter below reads a
// single mail.
package inbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email"
)

// Options say which mailbox is read.
type Options struct {
	// Host is the name of the IMAP server. It is required.
	Host string
	// Port is that of the server; zero means 993, or 143 without [email.TLS].
	Port int
	// Security is [email.TLS] when empty. [email.Plain] is for a server on this
	// machine only: New refuses it for any other.
	Security email.Security
	// User and Password log in. The user is required.
	User     string
	Password email.Secret
	// Mailbox is INBOX when empty.
	Mailbox string
	// Poll is how often a server is asked that cannot tell by itself that there
	// is new mail (IDLE); zero means a minute.
	Poll time.Duration
	// Timeout bounds each exchange with the server; zero means 30 s.
	Timeout time.Duration
	// TLSConfig replaces the usual one, for a server with a certificate of its
	// own. Nil verifies the certificate for Host with the machine's roots.
	TLSConfig *tls.Config
	// Dial connects to the server; nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// How patient an Inbox is.
const (
	// renew is how often IDLE begins anew, with a look at the mailbox. RFC 2177
	// wants it within 29 minutes; home routers forget a silent connection sooner.
	renew = 9 * time.Minute
	// shortest and longest are the waits between attempts to connect.
	shortest, longest = time.Second, 5 * time.Minute
	// refusedWait is the wait after the server refused the password: servers lock
	// out whoever keeps trying.
	refusedWait = 15 * time.Minute
	// tries is how often a mail is tried that cannot be taken in.
	tries = 3
)

// Inbox follows a mailbox. Make one with [New].
type Inbox struct {
	o      Options
	intake *Intake
	// failed counts, by UID, how often a mail of the room could not be taken in.
	failed map[uint32]int
	room   string
	// heard is closed when all that had arrived before Run has been read once.
	heard chan struct{}
	once  sync.Once
}

// Heard is closed when all that had arrived before Run has been read once.
func (b *Inbox) Heard() <-chan struct{} { return b.heard }

// New returns an inbox that does not read yet. It calls nobody; the error says
// which option is wrong.
func New(o Options, in *Intake) (*Inbox, error) {
	if o.Host == "" {
		return nil, errors.New("the name of the mail server to read from is missing")
	}
	if o.User == "" {
		return nil, errors.New("the user of the mailbox is missing")
	}
	port := 143
	switch o.Security {
	case "", email.TLS:
		o.Security, port = email.TLS, 993
	case email.StartTLS:
	case email.Plain:
		if !local(o.Host) {
			return nil, fmt.Errorf("the security %s would send the password to %s for everybody to read; it is for a server on this machine", email.Plain, o.Host)
		}
	default:
		return nil, fmt.Errorf("the security %q is not one of %s, %s, %s", string(o.Security), email.StartTLS, email.TLS, email.Plain)
	}
	if o.Port == 0 {
		o.Port = port
	}
	if o.Mailbox == "" {
		o.Mailbox = "INBOX"
	}
	if o.Poll == 0 {
		o.Poll = time.Minute
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.TLSConfig == nil {
		o.TLSConfig = &tls.Config{}
	}
	o.TLSConfig = o.TLSConfig.Clone()
	if o.TLSConfig.ServerName == "" {
		o.TLSConfig.ServerName = o.Host
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	return &Inbox{o: o, intake: in, failed: map[uint32]int{}, heard: make(chan struct{})}, nil
}

// local reports whether the host is this machine.
func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (o Options) server() string { return net.JoinHostPort(o.Host, strconv.Itoa(o.Port)) }

// Run reads until the context ends. Whatever goes wrong meanwhile is logged once
// and tried again.
func (b *Inbox) Run(ctx context.Context) {
	log := zerolog.Ctx(ctx)
	wait, last := time.Duration(0), ""
	for ctx.Err() == nil {
		err := b.follow(ctx, func() {
			b.once.Do(func() { close(b.heard) })
			if last != "" {
				log.Info().Msg("the mailbox can be read again")
			}
			wait, last = 0, ""
		})
		if ctx.Err() != nil {
			return
		}
		// An error that comes back after every try is the same trouble.
		if msg := err.Error(); msg != last {
			log.Warn().Err(err).Msg("cannot read the mailbox; trying again")
			last = msg
		}
		wait = min(max(2*wait, shortest), longest)
		pause := wait*3/4 + rand.N(wait/2)
		if errors.Is(err, ErrRefused) {
			pause = refusedWait + rand.N(time.Minute)
		}
		sleep(ctx, pause)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// follow reads over one connection until it breaks. Works is called whenever all
// that there is was read.
func (b *Inbox) follow(ctx context.Context, works func()) error {
	line, err := connect(ctx, b.o)
	if err != nil {
		return err
	}
	defer line.close()
	box, err := line.open(b.o.Mailbox)
	if err != nil {
		return err
	}
	after, err := b.begin(ctx, line, box)
	if err != nil {
		return err
	}
	for {
		if after, err = b.read(ctx, line, after); err != nil {
			return err
		}
		works()
		if err := line.wait(ctx, b.o.Poll); err != nil {
			return err
		}
	}
}

// begin finds the place up to which the mailbox was read. A mailbox that is new,
// or whose numbers are no longer those of before, is read from its newest mail.
func (b *Inbox) begin(ctx context.Context, line *line, box mailbox) (after uint32, err error) {
	name := "imap:" + b.o.User + "@" + strings.ToLower(b.o.Host) + "/" + b.o.Mailbox
	room := name + ";" + strconv.FormatUint(uint64(box.validity), 10)
	if room != b.room {
		b.room, b.failed = room, map[uint32]int{}
	}
	store := b.intake.Service.Store
	at, known, err := store.Cursor(ctx, room)
	if err != nil {
		return 0, fmt.Errorf("find where to read on: %w", err)
	}
	if known {
		return uint32(at.After), nil
	}
	newest, err := line.newest(box)
	if err != nil {
		return 0, err
	}
	// The name without the number remembers the number, for the log only.
	if was, ok, err := store.Cursor(ctx, name); err != nil {
		return 0, fmt.Errorf("find where to read on: %w", err)
	} else if ok && uint32(was.After) != box.validity {
		zerolog.Ctx(ctx).Warn().Int64("was", was.After).Uint32("is", box.validity).
			Msg("the server has numbered the mailbox anew; what arrived meanwhile is not read")
	}
	_, err = b.intake.Service.Commit(ctx, broadcast.Change{Now: time.Now(), Cursors: []broadcast.Cursor{
		{Room: room, After: int64(newest), IfNew: true}, {Room: name, After: int64(box.validity)},
	}})
	if err != nil {
		return 0, fmt.Errorf("begin to read the mailbox: %w", err)
	}
	return newest, nil
}

// read takes in all mails after the place, and returns the new place.
func (b *Inbox) read(ctx context.Context, line *line, after uint32) (uint32, error) {
	uids, err := line.list(after)
	if err != nil {
		return after, err
	}
	for _, uid := range uids {
		raw, ok, err := line.fetch(uid)
		if err != nil {
			return after, err
		}
		if !ok {
			// Somebody has taken it away meanwhile.
			after = uid
			continue
		}
		ours, err := b.take(ctx, uid, raw)
		if err != nil {
			if err := b.stumble(ctx, uid, err); err != nil {
				return after, err
			}
		}
		after = uid
		if ours {
			// A mark for people who look into the mailbox; nothing depends on it.
			if err := line.markSeen(uid); err != nil {
				return after, err
			}
		}
	}
	return after, nil
}

// take takes one mail in. A mail that makes the program stumble is an error as
// any other.
func (b *Inbox) take(ctx context.Context, uid uint32, raw []byte) (ours bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("take in mail %d: panic: %v", uid, v)
			zerolog.Ctx(ctx).Debug().Bytes("stack", debug.Stack()).Msg("a mail caused a panic")
		}
	}()
	return b.intake.commit(ctx, time.Now(), raw, broadcast.Cursor{Room: b.room, After: int64(uid)})
}

// stumble decides what becomes of a mail that could not be taken in. The error
// is nil when it is passed over for good, which organisers are told: a ledger
// that cannot be written at all costs no mail.
func (b *Inbox) stumble(ctx context.Context, uid uint32, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if b.failed[uid]++; b.failed[uid] < tries {
		return err
	}
	if skipped := b.intake.skip(ctx, time.Now(), broadcast.Cursor{Room: b.room, After: int64(uid)}); skipped != nil {
		return errors.Join(err, skipped)
	}
	delete(b.failed, uid)
	zerolog.Ctx(ctx).Error().Err(err).Uint32("uid", uid).Msg("a mail cannot be taken in and is passed over")
	return nil
}
