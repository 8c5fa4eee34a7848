package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// stage is how far the conversation with the server has come. What an error
// means depends on it.
type stage string

const (
	connecting stage = "connect to the mail server"
	greeting   stage = "greet the mail server"
	securing   stage = "encrypt the connection to the mail server"
	loggingIn  stage = "log in to the mail server"
	resuming   stage = "go on over an open connection to the mail server"
	naming     stage = "name the sender to the mail server"
	addressing stage = "address the mail"
	handing    stage = "hand the mail over"
	// confirming: the whole mail was handed over, and the server has not said
	// yet that it took it.
	confirming stage = "wait until the mail server takes the mail"
)

// session is a connection over which the server takes mail.
type session struct {
	conn       net.Conn
	client     *smtp.Client
	recipients int         // that the server was told of
	used       bool        // by a mail before
	expiry     *time.Timer // while it waits for the next mail
}

// connect returns a session that is ready for a mail, or the stage at which the
// error occurred.
func (r *relay) connect(ctx context.Context) (*session, stage, error) {
	conn, err := r.dial(ctx, "tcp", r.server())
	if err != nil {
		return nil, connecting, err
	}
	// The client below knows no context; what it waits for ends with the
	// connection.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	client, at, err := r.prepare(ctx, conn)
	if err == nil && !stop() {
		err = ctx.Err()
	}
	if err != nil {
		stop()
		conn.Close()
		return nil, at, err
	}
	return &session{conn: conn, client: client}, "", nil
}

// prepare greets, encrypts and logs in.
func (r *relay) prepare(ctx context.Context, conn net.Conn) (*smtp.Client, stage, error) {
	line := conn
	if r.Security == TLS {
		encrypted := tls.Client(conn, r.TLSConfig)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return nil, securing, err
		}
		line = encrypted
	}
	client, err := smtp.NewClient(line, r.Host)
	if err != nil {
		return nil, greeting, err
	}
	if err := client.Hello(r.hello); err != nil {
		return nil, greeting, err
	}
	if r.Security == StartTLS {
		if offered, _ := client.Extension("STARTTLS"); !offered {
			return nil, securing, errors.New("the server does not offer STARTTLS")
		}
		if err := client.StartTLS(r.TLSConfig); err != nil {
			return nil, securing, err
		}
	}
	if r.User != "" {
		if err := r.login(client); err != nil {
			return nil, loggingIn, err
		}
	}
	return client, loggingIn, nil
}

// login uses the safest way that the server offers. The password itself is sent
// over an encrypted connection only, or to this machine.
func (r *relay) login(client *smtp.Client) error {
	_, offered := client.Extension("AUTH")
	ways := strings.Fields(strings.ToUpper(offered))
	user, password := r.User, string(r.Password)
	for _, way := range []struct {
		name string
		auth smtp.Auth
	}{
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(user, password)},
		{"PLAIN", smtp.PlainAuth("", user, password, r.Host, false)},
		{"LOGIN", smtp.LoginAuth(user, password, r.Host, false)},
		{"CRAM-MD5", smtp.CRAMMD5Auth(user, password)},
	} {
		if slices.Contains(ways, way.name) {
			return client.Auth(way.auth)
		}
	}
	return fmt.Errorf("the server offers none of the known ways to log in, only %q", offered)
}

// again sends a letter over a connection that another one has left open.
func (s *session) again(ctx, share context.Context, l letter) (stage, error) {
	s.used = true
	// A server that has gone meanwhile may not even say so.
	const patience = 3 * time.Second
	soon, cancel := context.WithTimeout(share, patience)
	defer cancel()
	stop := context.AfterFunc(soon, func() { s.conn.Close() })
	err := s.client.Reset()
	if err == nil && !stop() {
		err = soon.Err()
	}
	if err != nil {
		return resuming, err
	}
	return s.send(ctx, share, l)
}

// send hands the letter over. The share of time ends before the end mark is
// sent; from there on the server has until the end of ctx. With an error comes
// the stage at which it occurred.
func (s *session) send(ctx, share context.Context, l letter) (stage, error) {
	defer context.AfterFunc(ctx, func() { s.conn.Close() })()
	stop := context.AfterFunc(share, func() { s.conn.Close() })
	defer stop()

	s.client.SkipSMTPUTF8(!l.international)
	if taken, _ := s.client.Extension("SMTPUTF8"); l.international && !taken {
		return addressing, errASCIIOnly
	}
	if err := s.client.Mail(l.from); err != nil {
		return naming, err
	}
	s.recipients++
	if err := s.client.Rcpt(l.to); err != nil {
		return addressing, err
	}
	body, err := s.client.Data()
	if err != nil {
		return handing, err
	}
	if _, err := l.WriteTo(body); err != nil {
		return handing, err
	}
	// Everything but the end mark leaves before it does, so that an error up to
	// here is certain: the server never had the whole mail.
	if err := s.client.Text.W.Flush(); err != nil {
		return handing, err
	}
	if !stop() {
		return handing, share.Err()
	}
	if err := body.Close(); err != nil {
		return confirming, err
	}
	return "", nil
}

// quit says goodbye, which a server may take two seconds for.
func (s *session) quit() {
	s.conn.SetDeadline(time.Now().Add(2 * time.Second))
	s.client.Quit() // whatever they reply
	s.conn.Close()
}
