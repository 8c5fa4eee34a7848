package email_test

import (
	"net/mail"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email"
	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
)

// BenchmarkHundredMails sends a hundred mails over loopback with STARTTLS and a
// login, over one connection and over one each, and reports how many times as
// long the latter takes. Each round trip of a real line adds to it: a connection
// of its own costs a mail about six more.
func BenchmarkHundredMails(b *testing.B) {
	var one, each time.Duration
	for b.Loop() {
		one += hundred(b, false)
		each += hundred(b, true)
	}
	b.ReportMetric(float64(each)/float64(one), "times")
	b.ReportMetric(float64(one.Microseconds())/float64(b.N)/100, "µs/mail-reused")
	b.ReportMetric(float64(each.Microseconds())/float64(b.N)/100, "µs/mail-alone")
}

func hundred(b *testing.B, alone bool) time.Duration {
	server := emailtest.NewServer(emailtest.Options{Users: map[string]string{"anpi": "secret"}})
	defer server.Close()
	address, err := server.Start()
	if err != nil {
		b.Fatal(err)
	}
	o := email.Options{
		Relays: []email.Relay{{Host: address.IP.String(), Port: address.Port, User: "anpi", Password: "secret", TLSConfig: server.TLSConfig()}},
		From:   mail.Address{Address: "anpi@example.org"}, Location: tokyo,
	}
	channel, err := email.New(o)
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	for range 100 {
		if alone {
			if channel, err = email.New(o); err != nil {
				b.Fatal(err)
			}
		}
		if _, _, err := channel.Send(b.Context(), ask(bob, broadcast.Real)); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}
