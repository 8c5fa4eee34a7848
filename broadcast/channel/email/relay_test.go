package email_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email"
	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
)

// street is a family whose own server comes before that of its provider.
type street struct {
	*family
	own, provider *emailtest.Server
}

// inStreet runs a test in fake time.
func inStreet(t *testing.T, test func(s *street)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		own := emailtest.Options{Host: "mail.home.example", Users: map[string]string{"anpi": "secret"}}
		provider := emailtest.Options{Host: "smtp.provider.example", Users: map[string]string{"family": "hidden"}}
		s := &street{own: emailtest.NewServer(own), provider: emailtest.NewServer(provider)}
		defer s.own.Close()
		defer s.provider.Close()
		s.family = newFamily(t, emailtest.Options{}, func(o *email.Options) {
			o.Relays = []email.Relay{relay(s.own, own), relay(s.provider, provider)}
			o.Dial = emailtest.Dial(s.own, s.provider)
		})
		defer s.family.server.Close()
		test(s)
	})
}

// taken is how many mails each server took.
func (s *street) taken() [2]int { return [2]int{len(s.own.Mails()), len(s.provider.Mails())} }

func (s *street) mustAsk() {
	s.Helper()
	if failure := s.send(ask(bob, broadcast.Real)); failure != nil {
		s.Fatal(failure)
	}
}

// The family's own server burned down with the house next to it. Mail leaves by
// the provider in the same moment, and does not wait for the dead one each time;
// when the own one is back, it is used again.
func TestOwnServerIsTheOneThatIsDown(t *testing.T) {
	inStreet(t, func(s *street) {
		s.own.Refuse()
		began := time.Now()
		for range 10 {
			s.mustAsk()
		}
		if took := time.Since(began); took != 0 {
			s.Errorf("ten mails took %v", took)
		}
		if n := s.own.Dialled(); n != 1 {
			s.Errorf("the dead server was called %d times, want once", n)
		}
		s.own.Mend()
		time.Sleep(59 * time.Second)
		s.mustAsk()
		if diff := cmp.Diff([2]int{0, 11}, s.taken()); diff != "" {
			s.Errorf("while it rests (-want +got):\n%s", diff)
		}
		time.Sleep(time.Second)
		s.mustAsk()
		if diff := cmp.Diff([2]int{1, 11}, s.taken()); diff != "" {
			s.Errorf("after its rest (-want +got):\n%s", diff)
		}
	})
}

// A server that hangs costs one mail some seconds, and the next ones nothing.
func TestServerThatHangsIsLeftAlone(t *testing.T) {
	inStreet(t, func(s *street) {
		s.own.Fail(emailtest.Fault{At: emailtest.Recipient, Delay: time.Hour})
		began := time.Now()
		var slow []time.Duration // when a mail was held up, since the beginning
		for time.Since(began) < 2*time.Hour {
			at := time.Now()
			s.mustAsk()
			switch took := time.Since(at); took {
			case 0:
			case 10 * time.Second: // half of what an attempt may take
				slow = append(slow, at.Sub(began))
			default:
				s.Fatalf("a mail took %v", took)
			}
			time.Sleep(30 * time.Second)
		}
		// A rest of 1, 2, 4, 8, then always 15 minutes, after a mail of 10 s.
		var want []time.Duration
		for at, rest := time.Duration(0), time.Minute; at < 2*time.Hour; rest = min(2*rest, 15*time.Minute) {
			want = append(want, at)
			at += 10*time.Second + rest
		}
		if diff := cmp.Diff(want, slow); diff != "" {
			s.Errorf("mails were held up after (-want +got):\n%s", diff)
		}
		if n := len(s.own.Mails()); n != 0 {
			s.Errorf("the server that hangs took %d mails", n)
		}
	})
}

func TestWhatTheNextRelayGets(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault emailtest.Fault
		want  [2]int // mails taken by the own server and by the provider
		fails string
	}{
		{"cut before the greeting", emailtest.Fault{At: emailtest.Greeting, Drop: true}, [2]int{0, 1}, ""},
		{"too many connections", emailtest.Fault{At: emailtest.Greeting, Code: 421, Text: "4.7.0 Too many"}, [2]int{0, 1}, ""},
		{"our address is on a list", emailtest.Fault{At: emailtest.Greeting, Code: 554, Text: "5.7.1 Go away"}, [2]int{0, 1}, ""},
		{"wrong password", emailtest.Fault{At: emailtest.Login, Code: 535, Text: "5.7.8 Bad"}, [2]int{0, 1}, ""},
		{"logins do not work for now", emailtest.Fault{At: emailtest.Login, Code: 454, Text: "4.7.0 Later"}, [2]int{0, 1}, ""},
		{"our sender is refused", emailtest.Fault{At: emailtest.Sender, Code: 550, Text: "Not yours"}, [2]int{0, 1}, ""},
		{"not allowed to relay", emailtest.Fault{At: emailtest.Recipient, Code: 554, Text: "5.7.1 Relay access denied"}, [2]int{0, 1}, ""},
		{"no more mails today", emailtest.Fault{At: emailtest.Recipient, Code: 452, Text: "4.3.1 Over quota"}, [2]int{0, 1}, ""},
		{"cut before the mail was through", emailtest.Fault{At: emailtest.Content, Drop: true}, [2]int{0, 1}, ""},
		{"confused", emailtest.Fault{At: emailtest.Recipient, Code: 503, Text: "5.5.1 Bad sequence of commands"}, [2]int{0, 1}, ""},
		{"looks like spam", emailtest.Fault{At: emailtest.End, Code: 554, Text: "5.7.1 Looks like spam"}, [2]int{0, 1}, ""},
		{"disk full", emailtest.Fault{At: emailtest.End, Code: 451, Text: "4.3.0 Disk full"}, [2]int{0, 1}, ""},

		{"unknown user", emailtest.Fault{At: emailtest.Recipient, Code: 550, Text: "5.1.1 No such user"}, [2]int{0, 0}, "mail-rejected: 550 5.1.1 No such user"},
		{"unknown user, in the old way", emailtest.Fault{At: emailtest.Recipient, Code: 550, Text: "No such user"}, [2]int{0, 0}, "mail-rejected: 550 No such user"},
		{"mailbox full", emailtest.Fault{At: emailtest.End, Code: 552, Text: "5.2.2 Full"}, [2]int{0, 0}, "mail-rejected: 552 5.2.2 Full"},
		{"cut after the end, not taken", emailtest.Fault{At: emailtest.End, Drop: true}, [2]int{0, 0}, "mail-unconfirmed"},
		{"cut after the end, taken", emailtest.Fault{At: emailtest.Taken, Drop: true}, [2]int{1, 0}, "mail-unconfirmed"},
		{"no word after the end", emailtest.Fault{At: emailtest.Taken, Delay: time.Hour}, [2]int{1, 0}, "mail-unconfirmed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inStreet(t, func(s *street) {
				s.own.Fail(c.fault)
				failure := s.send(ask(bob, broadcast.Real))
				if c.fails == "" && failure != nil {
					s.Errorf("failure: %v", failure)
				}
				if c.fails != "" && (failure == nil || failure.Reason != c.fails || failure.Permanent == failure.Doubt) {
					s.Errorf("failure: %+v, want %q", failure, c.fails)
				}
				if diff := cmp.Diff(c.want, s.taken()); diff != "" {
					s.Errorf("taken (-want +got):\n%s", diff)
				}
				if c.fails != "" && s.provider.Dialled() != 0 {
					s.Error("the provider was called all the same")
				}
			})
		})
	}
}

// A provider that sees a wrong password often locks the account, so it is asked
// once in a quarter of an hour and no mail is held up by it.
func TestWrongPasswordIsNotTriedAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFamily(t, emailtest.Options{Users: map[string]string{"anpi": "secret"}})
		defer f.server.Close()
		f.server.Fail(emailtest.Fault{At: emailtest.Login, Code: 535, Text: "5.7.8 Bad"})
		f.send(ask(bob, broadcast.Real))
		time.Sleep(5 * time.Minute)
		got := f.send(ask(bob, broadcast.Real))
		if got == nil {
			t.Fatal("it was sent")
		}
		got.Err = nil
		want := &broadcast.Failure{Down: true, After: 10 * time.Minute, Reason: "mail-auth: 535 5.7.8 Bad"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("failure (-want +got):\n%s", diff)
		}
		if n := f.server.Dialled(); n != 1 {
			t.Errorf("the server was called %d times, want once", n)
		}
		f.server.Mend()
		time.Sleep(got.After)
		f.mustSend(ask(bob, broadcast.Real))
	})
}

// When nobody works, everybody is tried all the same: somebody's life may hang
// on this mail.
func TestRestingServersAreBetterThanNone(t *testing.T) {
	inStreet(t, func(s *street) {
		s.own.Refuse()
		s.provider.Refuse()
		got := s.send(ask(bob, broadcast.Real))
		if got == nil || !got.Down || got.Permanent || got.Reason != "mail-unreachable" || got.After != 0 {
			s.Fatalf("failure: %+v", got)
		}
		for _, host := range []string{"mail.home.example", "smtp.provider.example"} {
			if !strings.Contains(got.Error(), host) {
				s.Errorf("the log does not tell of %s: %v", host, got)
			}
		}
		s.provider.Mend()
		s.mustAsk()
		if diff := cmp.Diff([2]int{0, 1}, s.taken()); diff != "" {
			s.Errorf("taken (-want +got):\n%s", diff)
		}
	})
}

// What fails while it rests rests no longer for that: mails that try it for want
// of a better one must not keep it away.
func TestTryingOnesLuckMakesNoRestLonger(t *testing.T) {
	inStreet(t, func(s *street) {
		s.own.Refuse()
		s.provider.Refuse()
		for range 6 {
			s.send(ask(bob, broadcast.Real))
			time.Sleep(9 * time.Second)
		}
		s.provider.Mend()
		s.mustAsk()
		s.own.Mend()
		time.Sleep(6 * time.Second) // a minute after the first mail
		s.mustAsk()
		if diff := cmp.Diff([2]int{1, 1}, s.taken()); diff != "" {
			s.Errorf("taken (-want +got):\n%s", diff)
		}
	})
}

func TestWhatSeveralRefusalsMean(t *testing.T) {
	down := emailtest.Fault{At: emailtest.Greeting, Drop: true}
	password := emailtest.Fault{At: emailtest.Login, Code: 535, Text: "Bad"}
	policy := emailtest.Fault{At: emailtest.Recipient, Code: 554, Text: "5.7.1 Denied"}
	later := emailtest.Fault{At: emailtest.Recipient, Code: 450, Text: "4.2.0 Later"}
	unknown := emailtest.Fault{At: emailtest.Recipient, Code: 550, Text: "5.1.1 Unknown"}
	for _, c := range []struct {
		name          string
		own, provider emailtest.Fault
		want          broadcast.Failure
	}{
		{"both are down", down, password, broadcast.Failure{Down: true, Reason: "mail-unreachable"}},
		{"the wrong password waits no longer than it must", password, down, broadcast.Failure{Down: true, Reason: "mail-auth: 535 Bad"}},
		{"one is down, the other works in general", down, later, broadcast.Failure{Reason: "mail-unreachable"}},
		{"both may take it later", later, later, broadcast.Failure{Reason: "mail-later: 450 4.2.0 Later", After: time.Minute}},
		{"who refuses us today may be alone tomorrow", policy, down, broadcast.Failure{Reason: "mail-unreachable"}},
		{"nobody will ever", policy, policy, broadcast.Failure{Permanent: true, Reason: "mail-rejected: 554 5.7.1 Denied"}},
		{"the last word", policy, unknown, broadcast.Failure{Permanent: true, Reason: "mail-rejected: 550 5.1.1 Unknown"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inStreet(t, func(s *street) {
				s.own.Fail(c.own)
				s.provider.Fail(c.provider)
				got := s.send(ask(bob, broadcast.Real))
				if got == nil {
					s.Fatal("it was sent")
				}
				got.Err = nil
				if diff := cmp.Diff(&c.want, got); diff != "" {
					s.Errorf("failure (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestLogTellsWhoTookIt(t *testing.T) {
	inStreet(t, func(s *street) {
		var log bytes.Buffer
		ctx := zerolog.New(&log).WithContext(s.Context())
		s.own.Fail(emailtest.Fault{At: emailtest.Login, Code: 535, Text: "5.7.8 Bad"})
		m := ask(bob, broadcast.Real)
		m.Token = "TOKENTOKENTOKENTOKENTOKENT"
		for range 2 {
			if _, _, err := s.channel.Send(ctx, m); err != nil {
				s.Fatal(err)
			}
		}
		s.own.Mend()
		time.Sleep(15 * time.Minute)
		if _, _, err := s.channel.Send(ctx, m); err != nil {
			s.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 5 || !strings.Contains(lines[1], m.Reference) || !strings.Contains(lines[3], `"level":"info"`) || !strings.Contains(lines[0], `"level":"warn"`) || !strings.Contains(lines[0], "mail.home.example:587") ||
			!strings.Contains(lines[1], `"level":"debug"`) || !strings.Contains(lines[1], "smtp.provider.example:587") {
			s.Errorf("the log reads\n%s", log.String())
		}
		for _, secret := range []string{"secret", "hidden", m.Token, bob.Emails[0]} {
			if strings.Contains(log.String(), secret) {
				s.Errorf("the log tells of %q:\n%s", secret, log.String())
			}
		}
	})
}

func TestBurstGoesOverOneConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFamily(t, emailtest.Options{Users: map[string]string{"anpi": "secret"}})
		defer f.server.Close()
		// Dead addresses among them do no harm.
		f.server.Fail(emailtest.Fault{At: emailtest.Recipient, To: sakura.Emails[0], Code: 550, Text: "5.1.1 No such user"})
		for i := range 250 {
			who := bob
			if i%5 == 0 {
				who = sakura
			}
			if failure := f.send(ask(who, broadcast.Real)); (failure != nil) != (who.ID == sakura.ID) {
				t.Fatalf("mail %d: %v", i, failure)
			}
		}
		perConnection := map[int]int{}
		for _, m := range f.server.Mails() {
			perConnection[m.Connection]++
		}
		// Of each hundred recipients a fifth is refused.
		var counts []int
		for _, m := range f.server.Mails() {
			if n := perConnection[m.Connection]; n > 0 {
				counts = append(counts, n)
				perConnection[m.Connection] = 0
			}
		}
		if diff := cmp.Diff([]int{80, 80, 40}, counts); diff != "" {
			t.Errorf("mails over each connection (-want +got):\n%s", diff)
		}
		if n := f.server.Dialled(); n != 3 {
			t.Errorf("it took %d connections, want 3", n)
		}
		time.Sleep(9 * time.Second)
		if n := f.server.Connections(); n != 1 {
			t.Errorf("after 9 s there are %d connections, want 1", n)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := f.server.Connections(); n != 0 {
			t.Errorf("after 10 s there are %d connections, want none", n)
		}
		f.mustSend(ask(bob, broadcast.Real))
		if n := f.server.Dialled(); n != 4 {
			t.Errorf("it took %d connections, want 4", n)
		}
	})
}

// A connection that was open too long is nobody's failure.
func TestConnectionThatIsTooOld(t *testing.T) {
	for name, age := range map[string]func(*emailtest.Server){
		"the server hung up": func(s *emailtest.Server) { s.HangUp() },
		"enough on this connection": func(s *emailtest.Server) {
			s.Fail(emailtest.Fault{At: emailtest.Sender, Times: 1, Code: 421, Text: "Enough"})
		},
		"enough, said politely": func(s *emailtest.Server) {
			s.Fail(emailtest.Fault{At: emailtest.Recipient, Times: 1, Code: 452, Text: "Enough"})
		},
		"cut in between": func(s *emailtest.Server) { s.Fail(emailtest.Fault{At: emailtest.Content, Times: 1, Drop: true}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFamily(t, emailtest.Options{})
				defer f.server.Close()
				f.mustSend(ask(bob, broadcast.Real))
				age(f.server)
				synctest.Wait()
				f.mustSend(ask(sakura, broadcast.Real))
				mails := f.server.Mails()
				if len(mails) != 2 || mails[0].Connection == mails[1].Connection || f.server.Dialled() != 2 {
					t.Errorf("%d mails over %d connections, want 2 over 2", len(mails), f.server.Dialled())
				}
				synctest.Wait()
				if n := f.server.Connections(); n != 1 {
					t.Errorf("%d connections are left open, want 1", n)
				}
			})
		})
	}
}

// A server that knows no RSET takes one mail for each connection; its refusal is
// not about whoever the next mail is for.
func TestServerThatKnowsNoReset(t *testing.T) {
	dialled := 0
	channel, err := email.New(email.Options{
		Relays: []email.Relay{{Host: "localhost", Security: email.Plain}}, From: mail.Address{Address: "anpi@example.org"},
		Dial: func(context.Context, string, string) (net.Conn, error) {
			dialled++
			ours, theirs := net.Pipe()
			go simple(textproto.NewConn(theirs))
			return ours, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, _, err := channel.Send(t.Context(), ask(bob, broadcast.Real)); err != nil {
			t.Fatal(err)
		}
	}
	if dialled != 3 {
		t.Errorf("it took %d connections, want 3", dialled)
	}
}

// simple is a server that knows what RFC 821 could not do without, and no more.
func simple(c *textproto.Conn) {
	defer c.Close()
	c.PrintfLine("220 localhost")
	for {
		command, err := c.ReadLine()
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(command, " "); verb {
		case "HELO", "MAIL", "RCPT":
			c.PrintfLine("250 fine")
		case "DATA":
			c.PrintfLine("354 go on")
			if _, err := c.ReadDotLines(); err != nil {
				return
			}
			c.PrintfLine("250 taken")
		default:
			c.PrintfLine("500 what?")
		}
	}
}

// In doubt is in doubt, however old the connection: nothing is sent again here.
func TestConnectionThatBreaksInDoubt(t *testing.T) {
	inStreet(t, func(s *street) {
		s.mustAsk()
		s.own.Fail(emailtest.Fault{At: emailtest.Taken, Times: 1, Drop: true})
		if got := s.send(ask(grandmother, broadcast.Real)); got == nil || !got.Doubt {
			s.Errorf("failure: %+v", got)
		}
		if diff := cmp.Diff([2]int{2, 0}, s.taken()); diff != "" {
			s.Errorf("taken (-want +got):\n%s", diff)
		}
	})
}

func TestNoMoreConnectionsThanWidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFamily(t, emailtest.Options{})
		defer f.server.Close()
		f.server.Fail(emailtest.Fault{At: emailtest.End, Delay: time.Second})
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { f.send(ask(bob, broadcast.Real)) })
		}
		wg.Wait()
		if n := f.server.Most(); n != f.channel.Width() || n != 4 {
			t.Errorf("there were %d connections at once, want 4", n)
		}
		if n := f.server.Dialled(); n != 4 {
			t.Errorf("it took %d connections, want 4", n)
		}
	})
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFamily(t, emailtest.Options{}, func(o *email.Options) { o.PerMinute = 6 })
		defer f.server.Close()
		if n := f.channel.Width(); n != 1 {
			t.Errorf("the width is %d, want 1: nobody may wait for longer than an attempt", n)
		}
		began := time.Now()
		for range 3 {
			f.mustSend(ask(bob, broadcast.Real))
		}
		cry := ask(bob, broadcast.Real)
		cry.Purpose = broadcast.Alarm
		f.mustSend(cry)
		f.mustSend(ask(bob, broadcast.Real))
		var at []string
		for _, m := range f.server.Mails() {
			at = append(at, fmt.Sprint(m.At.Sub(began)))
		}
		if diff := cmp.Diff([]string{"0s", "10s", "20s", "20s", "30s"}, at); diff != "" {
			t.Errorf("mails left at (-want +got):\n%s", diff)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err := f.channel.Send(ctx, ask(bob, broadcast.Real))
		var failure *broadcast.Failure
		if !errors.As(err, &failure) || failure.Down || failure.Doubt || failure.Permanent || failure.Reason != "mail-later" {
			t.Errorf("called off while it waits: %+v", err)
		}
	})
}

func TestWidthFollowsThePace(t *testing.T) {
	for perMinute, want := range map[int]int{0: 4, 6: 1, 29: 1, 30: 2, 59: 3, 60: 4, 600: 4} {
		f := newFamily(t, emailtest.Options{}, func(o *email.Options) { o.PerMinute = perMinute })
		if n := f.channel.Width(); n != want {
			t.Errorf("with %d mails in a minute the width is %d, want %d", perMinute, n, want)
		}
	}
}
