package inbox_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email"
	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox"
	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox/inboxtest"
)

func TestOptionsThatCannotWorkAreRefused(t *testing.T) {
	for want, o := range map[string]inbox.Options{
		"name of the mail server": {User: "anpi"},
		"user of the mailbox":     {Host: "imap.example.org"},
		"is not one of":           {Host: "imap.example.org", User: "anpi", Security: "ssl"},
		"for everybody to read":   {Host: "imap.example.org", User: "anpi", Security: email.Plain},
	} {
		_, err := inbox.New(o, &inbox.Intake{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v gives %v, want an error with %q", o, err, want)
		}
	}
	for _, o := range []inbox.Options{
		{Host: "imap.example.org", User: "anpi"},
		{Host: "imap.example.org", User: "anpi", Security: email.StartTLS},
		{Host: "localhost", User: "anpi", Security: email.Plain},
		{Host: "::1", User: "anpi", Security: email.Plain},
	} {
		if _, err := inbox.New(o, &inbox.Intake{}); err != nil {
			t.Errorf("%v is refused: %v", o, err)
		}
	}
	if got := fmt.Sprintf("%+v", inbox.Options{Password: "correct horse"}); strings.Contains(got, "horse") {
		t.Errorf("the options print the password: %s", got)
	}
}

// borrowed is the certificate of Go's own test server, which is for example.com,
// and a configuration that trusts it.
func borrowed(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	// A ticket is written while the client writes, too; over a pipe that holds
	// nothing both would wait for ever.
	return &tls.Config{Certificates: s.TLS.Certificates, SessionTicketsDisabled: true}, &tls.Config{RootCAs: pool, ServerName: "example.com"}
}

func TestTheMailboxIsReadEncrypted(t *testing.T) {
	server, client := borrowed(t)
	for security, o := range map[email.Security]inboxtest.Options{
		email.TLS:      {TLS: server, ImplicitTLS: true},
		email.StartTLS: {TLS: server},
	} {
		t.Run(string(security), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, o)
				defer h.end()
				h.options.Security, h.options.TLSConfig = security, client
				h.start()
				h.rest(time.Second)
				c := h.check(broadcast.Real)
				h.arrives(h.reply(h.asked(c, uncle), "bob@example.com", "I am safe"))
				h.expect(c, uncle, broadcast.Safe, "I am safe")
			})
		})
	}
}

func TestThePasswordIsNeverSentWithoutTheEncryptionThatWasAskedFor(t *testing.T) {
	server, client := borrowed(t)
	stranger := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "example.com"}
	for name, c := range map[string]struct {
		security email.Security
		server   inboxtest.Options
		client   *tls.Config
	}{
		"STARTTLS is not offered":         {email.StartTLS, inboxtest.Options{}, client},
		"the certificate is not trusted":  {email.StartTLS, inboxtest.Options{TLS: server}, stranger},
		"nor from the first byte":         {email.TLS, inboxtest.Options{TLS: server, ImplicitTLS: true}, stranger},
		"the server speaks in the open":   {email.TLS, inboxtest.Options{}, client},
		"it wants encryption, we do not":  {email.Plain, inboxtest.Options{TLS: server}, client},
		"the certificate is of another's": {email.TLS, inboxtest.Options{TLS: server, ImplicitTLS: true}, &tls.Config{RootCAs: client.RootCAs, ServerName: "mail.example.org"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, c.server)
				defer h.end()
				h.options.Security, h.options.TLSConfig = c.security, c.client
				h.start()
				h.rest(time.Hour)
				if n := len(h.server.Logins()); n != 0 {
					t.Errorf("%d logins", n)
				}
				if h.log.count("cannot read the mailbox") == 0 {
					t.Error("the log says nothing about it")
				}
			})
		})
	}
}
