package inbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"github.com/anpi-bot/anpi/broadcast/channel/email"
	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox/letter"
	"github.com/anpi-bot/anpi/broadcast/locale"
)

// line is a connection to the server, logged in.
type line struct {
	client  *imapclient.Client
	conn    net.Conn
	timeout time.Duration
	idle    bool
	// until is when the certificate of the server ends; zero without encryption.
	until time.Time
	// news holds a token when the server has spoken of new mail.
	news    chan struct{}
	release func() bool
}

// mailbox is the mailbox as it was when it was opened.
type mailbox struct {
	validity uint32
	next     imap.UID // 0 when the server does not say
	mails    uint32
}

// ErrRefused is found in an error when the server does not accept the user or password.
var ErrRefused = errors.New("the mail server refuses the user name or password of the mailbox")

// connect connects and logs in. It gives up rather than go on without the
// encryption that was asked for.
func connect(ctx context.Context, o Options) (*line, error) {
	dialling, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	conn, err := o.Dial(dialling, "tcp", o.server())
	if err != nil {
		return nil, fmt.Errorf("connect to the mailbox: %w", err)
	}
	l := &line{conn: conn, timeout: o.Timeout, news: make(chan struct{}, 1)}
	// The client knows no context; what it waits for ends with the connection.
	l.release = context.AfterFunc(ctx, func() { conn.Close() })
	if err := l.start(dialling, o); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *line) start(ctx context.Context, o Options) error {
	o.TLSConfig = o.TLSConfig.Clone()
	o.TLSConfig.VerifyConnection = func(state tls.ConnectionState) error {
		l.until = state.PeerCertificates[0].NotAfter
		return nil
	}
	options := &imapclient.Options{TLSConfig: o.TLSConfig, UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(m *imapclient.UnilateralDataMailbox) {
			if m.NumMessages != nil {
				l.poke()
			}
		},
	}}
	switch o.Security {
	case email.TLS:
		encrypted := tls.Client(l.conn, o.TLSConfig)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("encrypt the connection to the mailbox: %w", err)
		}
		l.client = imapclient.New(encrypted, options)
	case email.StartTLS:
		err := l.within(func() (err error) {
			l.client, err = imapclient.NewStartTLS(l.conn, options)
			return err
		})
		if err != nil {
			return fmt.Errorf("encrypt the connection to the mailbox: %w", err)
		}
	default:
		l.client = imapclient.New(l.conn, options)
	}
	if err := l.within(l.client.WaitGreeting); err != nil {
		return fmt.Errorf("greet the server of the mailbox: %w", said(err))
	}
	if err := l.login(o); err != nil {
		return err
	}
	var caps imap.CapSet
	if err := l.within(func() error { caps = l.client.Caps(); return nil }); err != nil {
		return err
	}
	l.idle = caps.Has(imap.CapIdle) || caps.Has(imap.CapIMAP4rev2)
	return nil
}

// login uses the safer of the two ways that servers know.
func (l *line) login(o Options) error {
	err := l.within(func() error {
		caps := l.client.Caps()
		switch {
		case caps.Has(imap.AuthCap("PLAIN")):
			return l.client.Authenticate(sasl.NewPlainClient("", o.User, string(o.Password)))
		case caps.Has(imap.CapLoginDisabled):
			return errors.New("the server allows no login here")
		default:
			return l.client.Login(o.User, string(o.Password)).Wait()
		}
	})
	var no *imap.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &no) && no.Type == imap.StatusResponseTypeNo && no.Code != imap.ResponseCodeUnavailable && no.Code != imap.ResponseCodeInUse && no.Code != imap.ResponseCodeLimit:
		return fmt.Errorf("log in to the mailbox: %w (%s)", ErrRefused, locale.OneLine(no.Text, 200))
	default:
		return fmt.Errorf("log in to the mailbox: %w", said(err))
	}
}

// said keeps on one line what a server said.
func said(err error) error {
	var status *imap.Error
	if errors.As(err, &status) {
		return fmt.Errorf("the server says %s %s", status.Type, locale.OneLine(string(status.Code)+" "+status.Text, 200))
	}
	return err
}

func (l *line) poke() {
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// close hangs up without a farewell, which could take as long as the server
// likes.
func (l *line) close() {
	l.release()
	l.conn.Close()
	if l.client != nil {
		l.client.Close()
	}
}

// errSilent is the end of an exchange to which the server did not reply in time.
var errSilent = errors.New("the server of the mailbox does not reply")

// within bounds one exchange: the client itself would wait for ever on a
// connection that has silently died.
func (l *line) within(exchange func() error) error {
	late := make(chan struct{})
	timer := time.AfterFunc(l.timeout, func() { close(late); l.conn.Close() })
	err := exchange()
	if !timer.Stop() {
		<-late
		return errSilent
	}
	return err
}

// open opens the mailbox.
func (l *line) open(name string) (mailbox, error) {
	var data *imap.SelectData
	err := l.within(func() (err error) {
		data, err = l.client.Select(name, nil).Wait()
		return err
	})
	if err != nil {
		return mailbox{}, fmt.Errorf("open the mailbox %q: %w", name, said(err))
	}
	return mailbox{validity: data.UIDValidity, next: data.UIDNext, mails: data.NumMessages}, nil
}

// newest is the number of the newest mail, 0 when there is none.
func (l *line) newest(box mailbox) (uint32, error) {
	if box.next > 0 {
		return uint32(box.next) - 1, nil
	}
	if box.mails == 0 {
		return 0, nil
	}
	var all []*imapclient.FetchMessageBuffer
	err := l.within(func() (err error) {
		all, err = l.client.Fetch(imap.SeqSetNum(box.mails), &imap.FetchOptions{UID: true}).Collect()
		return err
	})
	if err != nil || len(all) == 0 {
		return 0, fmt.Errorf("find the newest mail: %w", errors.Join(said(err), errors.New("the server shows none")))
	}
	return uint32(all[0].UID), nil
}

// list returns the numbers of the mails after the place, in their order.
func (l *line) list(after uint32) ([]uint32, error) {
	var all []*imapclient.FetchMessageBuffer
	err := l.within(func() (err error) {
		all, err = l.client.Fetch(imap.UIDSet{{Start: imap.UID(after) + 1}}, &imap.FetchOptions{UID: true}).Collect()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for new mail: %w", said(err))
	}
	var uids []uint32
	for _, m := range all {
		// A server shows its last mail also where its number is too low.
		if uint32(m.UID) > after {
			uids = append(uids, uint32(m.UID))
		}
	}
	slices.Sort(uids)
	return slices.Compact(uids), nil
}

// fetch returns the beginning of one mail, as much as is read of it; ok is false
// when it is there no longer. It stays unseen.
func (l *line) fetch(uid uint32) (raw []byte, ok bool, err error) {
	section := &imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Size: letter.MaxSize}}
	var all []*imapclient.FetchMessageBuffer
	err = l.within(func() (err error) {
		all, err = l.client.Fetch(imap.UIDSetNum(imap.UID(uid)), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("fetch mail %d: %w", uid, said(err))
	}
	for _, m := range all {
		if raw = m.FindBodySection(section); raw != nil {
			return raw, true, nil
		}
	}
	return nil, false, nil
}

// markSeen marks a mail as seen.
func (l *line) markSeen(uid uint32) error {
	err := l.within(func() error {
		return l.client.Store(imap.UIDSetNum(imap.UID(uid)), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close()
	})
	var refused *imap.Error
	if errors.As(err, &refused) {
		// A mailbox that may only be read; that is enough.
		return nil
	}
	if err != nil {
		return fmt.Errorf("mark mail %d as seen: %w", uid, err)
	}
	return nil
}

// wait returns when there may be new mail. The error says that the connection
// has ended.
func (l *line) wait(ctx context.Context, poll time.Duration) error {
	if l.idle {
		return l.waitIdle(ctx)
	}
	timer := time.NewTimer(poll)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.news:
	case <-l.client.Closed():
		return errHungUp
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := l.within(func() error { return l.client.Noop().Wait() }); err != nil {
		return fmt.Errorf("ask for news: %w", said(err))
	}
	return nil
}

var errHungUp = errors.New("the server of the mailbox has hung up")

func (l *line) waitIdle(ctx context.Context) error {
	var idle *imapclient.IdleCommand
	err := l.within(func() (err error) {
		idle, err = l.client.Idle()
		return err
	})
	var refused *imap.Error
	if errors.As(err, &refused) {
		// It said that it could. From now on it is asked.
		l.idle = false
		return nil
	}
	if err != nil {
		return fmt.Errorf("wait for new mail: %w", err)
	}
	timer := time.NewTimer(renew)
	defer timer.Stop()
	var ended error
	select {
	case <-timer.C:
	case <-l.news:
	case <-l.client.Closed():
		ended = errHungUp
	case <-ctx.Done():
		ended = ctx.Err()
	}
	if ended != nil {
		// The connection goes, and what waits on it with it.
		l.conn.Close()
		idle.Close()
		return ended
	}
	err = l.within(func() error {
		if err := idle.Close(); err != nil {
			return err
		}
		return idle.Wait()
	})
	if err != nil {
		return fmt.Errorf("wait for new mail: %w", said(err))
	}
	return nil
}
