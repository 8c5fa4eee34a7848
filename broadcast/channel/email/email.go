// Package email carries messages by mail, over SMTP servers that the family may
// use: its own first, then its provider's.
//
// A mail cannot be looked up once it was sent. So a [Channel] distinguishes
// three ends of an attempt: a server took the mail, it certainly did not, or
// the connection broke off after the whole mail was handed over and before the
// server said so. Only the last one is in doubt, and a mail that is then sent a
// second time carries the same Message-ID, by which many mailboxes show it once.
//
// The family's own server may be the very thing that is down. While a mail has
// certainly not been taken, the next [Relay] gets it within the same attempt; a
// mail in doubt goes to no other, and neither does one whose address was refused
// for good. A relay that failed rests, so that no mail waits for it as long as
// another one works. [Check] tries all of this beforehand, without sending.
//
// Everything that a person reads is worded by broadcast.Words; the reasons of
// failures are keys of the catalogues in package locale. A connection is always
// encrypted where that is configured: the channel gives up rather than fall
// back to plain text.
package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
)

// Options say which servers take the mail and what stands in it.
type Options struct {
	// Relays are the servers that take the mail, the preferred one first. At
	// least one is required.
	Relays []Relay
	// From is the sender. Its address is required.
	From mail.Address
	// ReplyTo is the mailbox that replies are read from. A mail with a link of
	// its own asks for replies to this address with the token of the link behind
	// a plus (anpi+TOKEN@example.org); other mails do not mention it. Empty means
	// that people reply to From.
	ReplyTo string
	// Hello is the name by which the servers are greeted; empty means the domain
	// of From.
	Hello string

	// Language is that of members whose own is not known.
	Language string
	// Location is the time zone of the family; nil means that of the machine.
	Location *time.Location
	// Contact says whom to call when nothing else works.
	Contact string
	// Page is the address of the answer page without a slash at its end; empty
	// when there is none.
	Page string
	// Replies says that replies to mails are read.
	Replies bool

	// PerMinute is how many mails may leave in a minute, for a provider that
	// limits it: at least 6, or zero for no limit. A cry for help never waits.
	PerMinute int
	// Timeout bounds one attempt, from connecting to the last reply, over all
	// relays; zero means 20 s. A relay gets an even share of what is left of it.
	Timeout time.Duration
	// Dial connects to a server; nil means a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Resolver answers the questions of [Check]; nil means that of the machine.
	Resolver *net.Resolver
}

// Relay is an SMTP server that takes mail for others.
type Relay struct {
	// Host is the name of the server. It is required.
	Host string
	// Port is that of the server; zero means 587, 465 or 25, as Security
	// suggests.
	Port int
	// Security is [StartTLS] when empty.
	Security Security
	// User and Password log in; without a user nobody does.
	User     string
	Password Secret
	// TLSConfig replaces the usual one, for a server with a certificate of its
	// own. Nil verifies the certificate for Host with the machine's roots.
	TLSConfig *tls.Config
}

// Security is how the connection to a server is protected.
type Security string

// The kinds of protection.
const (
	StartTLS Security = "starttls" // encrypted from the STARTTLS command on, or given up
	TLS      Security = "tls"      // encrypted from the first byte
	Plain    Security = "none"     // not at all, for a server on the same machine
)

var ports = map[Security]int{StartTLS: 587, TLS: 465, Plain: 25}

// Secret is a password that prints as *** wherever it is formatted or encoded.
type Secret string

const masked = "***"

// Format prints *** for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(masked)) }

// MarshalText returns ***, for encoders such as JSON and TOML.
func (Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

// Channel sends mail. It implements broadcast.Channel.
type Channel struct {
	o      Options
	domain string // of From, for Message-IDs
	relays []*relay
	slots  chan struct{} // one for each mail that is under way
	pace   pace
}

// New returns the channel of the relays. It calls nobody; the error says which
// option is wrong.
func New(o Options) (*Channel, error) {
	from, err := address(o.From.Address)
	if err != nil {
		return nil, fmt.Errorf("the sender of mail: %w", err)
	}
	from.Name = name(o.From.Name)
	o.From = *from
	if o.ReplyTo != "" {
		if o.ReplyTo, err = mailbox(o.ReplyTo); err != nil {
			return nil, fmt.Errorf("the address for replies: %w", err)
		}
	}
	if o.PerMinute < 0 || o.PerMinute > 0 && o.PerMinute < slowest {
		return nil, fmt.Errorf("%d mails in a minute are too few, the least is %d", o.PerMinute, slowest)
	}
	c := &Channel{domain: domain(o.From.Address)}
	if o.Hello == "" {
		o.Hello = c.domain
	}
	if o.Location == nil {
		o.Location = time.Local
	}
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if len(o.Relays) == 0 {
		return nil, errors.New("there is no mail server")
	}
	for _, r := range o.Relays {
		if err := r.complete(); err != nil {
			return nil, err
		}
		c.relays = append(c.relays, &relay{Relay: r, hello: o.Hello, dial: o.Dial})
	}
	if o.PerMinute > 0 {
		c.pace.interval = time.Minute / time.Duration(o.PerMinute)
	}
	c.o = o
	c.slots = make(chan struct{}, c.Width())
	return c, nil
}

// complete fills in what is usual. The error says what is wrong.
func (r *Relay) complete() error {
	if r.Host == "" {
		return errors.New("the name of the mail server is missing")
	}
	if r.Security == "" {
		r.Security = StartTLS
	}
	port, known := ports[r.Security]
	if !known {
		return fmt.Errorf("the security %q is not one of %s, %s, %s", string(r.Security), StartTLS, TLS, Plain)
	}
	if r.Port == 0 {
		r.Port = port
	}
	if r.User == "" && r.Password != "" {
		return errors.New("there is a password for the mail server but no user")
	}
	if r.TLSConfig == nil {
		r.TLSConfig = &tls.Config{}
	}
	r.TLSConfig = r.TLSConfig.Clone()
	if r.TLSConfig.ServerName == "" {
		r.TLSConfig.ServerName = r.Host
	}
	return nil
}

// server is the name and port of the relay.
func (r *Relay) server() string { return net.JoinHostPort(r.Host, strconv.Itoa(r.Port)) }

// Name is broadcast.Email.
func (c *Channel) Name() broadcast.ChannelName { return broadcast.Email }

// Settle is how long a mail server may go on working after a connection broke.
func (c *Channel) Settle() time.Duration { return 30 * time.Second }

// Width is how many connections to a relay there may be at once. Small servers
// and home providers refuse more; with a limit to the pace fewer are needed, and
// nobody waits for long.
func (c *Channel) Width() int {
	const widest = 4
	if c.o.PerMinute == 0 {
		return widest
	}
	return min(max(c.o.PerMinute/15, 1), widest)
}

// Find returns broadcast.ErrCannotLook.
func (c *Channel) Find(context.Context, broadcast.Message, time.Time) (broadcast.Receipt, bool, error) {
	return broadcast.Receipt{}, false, broadcast.ErrCannotLook
}

// Send sends one mail, over a connection that a mail before it has left open
// where there is one. The receipt is empty, and every error a
// *broadcast.Failure.
func (c *Channel) Send(ctx context.Context, m broadcast.Message) (broadcast.Receipt, broadcast.Unreached, error) {
	l, err := c.compose(m)
	if err != nil {
		return broadcast.Receipt{}, nil, &broadcast.Failure{Reason: "mail-address", Permanent: true, Err: err}
	}
	return broadcast.Receipt{}, nil, c.deliver(ctx, l)
}

// None is the channel of a family without a mail server: every mail fails at
// once, for a reason that says what to configure.
func None() broadcast.Channel { return none{} }

type none struct{}

func (none) Name() broadcast.ChannelName { return broadcast.Email }
func (none) Settle() time.Duration       { return 0 }
func (none) Width() int                  { return 64 }

func (none) Find(context.Context, broadcast.Message, time.Time) (broadcast.Receipt, bool, error) {
	return broadcast.Receipt{}, false, broadcast.ErrCannotLook
}

func (none) Send(context.Context, broadcast.Message) (broadcast.Receipt, broadcast.Unreached, error) {
	return broadcast.Receipt{}, nil, &broadcast.Failure{Reason: "mail-none", Permanent: true}
}

// name makes the name of a person fit for a header.
func name(s string) string { return locale.OneLine(s, 100) }
