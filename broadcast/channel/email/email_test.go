package email_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email"
	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
	"github.com/anpi-bot/anpi/roster"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden mails anew")

var (
	tokyo       = time.FixedZone("JST", 9*60*60)
	earthquake  = time.Date(2026, 1, 17, 5, 50, 0, 0, tokyo)
	grandmother = roster.Member{ID: "card:1", Name: "山田ハナ", Lang: "ja", Emails: []string{"hana..yamada@docomo.ne.jp"}, Phones: []string{"+81 90 1234 5678"}}
	bob         = roster.Member{ID: "talk:bob", Name: "Bob O'Neill, Jr.", Lang: "en", Talk: "bob", Emails: []string{"bob@example.com"}, Organiser: true}
	sakura      = roster.Member{ID: "talk:sakura", Name: "さくら 🌸", Talk: "sakura", Emails: []string{"sakura@example.jp"}, Organiser: true}
)

// family is a mail server and the channel that uses it.
type family struct {
	*testing.T
	server  *emailtest.Server
	channel *email.Channel
}

func newFamily(t *testing.T, server emailtest.Options, change ...func(*email.Options)) *family {
	t.Helper()
	f := &family{T: t, server: emailtest.NewServer(server)}
	t.Cleanup(func() { f.server.Close() })
	o := email.Options{
		Relays: []email.Relay{relay(f.server, server)},
		From:   mail.Address{Name: "安否 Anpi", Address: "anpi@home.example.org"}, Language: "ja", Location: tokyo, Contact: "太郎 090-0000-0000",
		Dial: f.server.Dial,
	}
	for _, c := range change {
		c(&o)
	}
	channel, err := email.New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.channel = channel
	return f
}

// relay is how the channel reaches a server with the options.
func relay(s *emailtest.Server, o emailtest.Options) email.Relay {
	r := email.Relay{Host: emailtest.Host, TLSConfig: s.TLSConfig()}
	if o.Host != "" {
		r.Host = o.Host
	}
	for user, password := range o.Users {
		r.User, r.Password = user, email.Secret(password)
	}
	return r
}

// send sends and returns the failure, nil for none.
func (f *family) send(m broadcast.Message) *broadcast.Failure {
	f.Helper()
	_, unreached, err := f.channel.Send(f.Context(), m)
	if len(unreached) > 0 {
		f.Errorf("a mail to one person does not reach %v", unreached)
	}
	if err == nil {
		return nil
	}
	var failure *broadcast.Failure
	if !errors.As(err, &failure) {
		f.Fatalf("the error is %v, want a failure", err)
	}
	return failure
}

// mustSend sends and returns the mail that arrived.
func (f *family) mustSend(m broadcast.Message) emailtest.Mail {
	f.Helper()
	if failure := f.send(m); failure != nil {
		f.Fatal(failure)
	}
	mails := f.server.Mails()
	return mails[len(mails)-1]
}

func ask(to roster.Member, kind broadcast.Kind) broadcast.Message {
	return broadcast.Message{
		Purpose: broadcast.Ask, Reference: broadcast.Reference("quake", "0", broadcast.Email, to.ID),
		Check:   broadcast.Check{ID: 1, Kind: kind, StartedBy: sakura.Name, StartedAt: earthquake},
		Members: []roster.Member{to}, Address: to.Emails[0], Now: earthquake.Add(2 * time.Second),
	}
}

// The phones are dead, and grandmother has no Talk account. The mail server has
// too many connections at first, then takes the mail and breaks off before it
// says so; what is sent again is the same mail.
func TestGrandmotherIsAskedByMail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFamily(t, emailtest.Options{Users: map[string]string{"anpi": "secret"}})
		defer f.server.Close()
		f.server.Fail(
			emailtest.Fault{At: emailtest.Greeting, Times: 1, Code: 421, Text: "4.7.0 Too many connections"},
			emailtest.Fault{At: emailtest.Taken, Times: 1, Drop: true},
		)
		prompt := ask(grandmother, broadcast.Real)
		if failure := f.send(prompt); failure == nil || failure.Doubt || failure.Permanent || failure.Reason != "mail-later: 421 4.7.0 Too many connections" {
			t.Fatalf("with too many connections: %+v", failure)
		}
		if n := len(f.server.Mails()); n != 0 {
			t.Fatalf("%d mails were taken without a connection", n)
		}
		if failure := f.send(prompt); failure == nil || !failure.Doubt || failure.Permanent {
			t.Fatalf("without a confirmation: %+v", failure)
		}
		if _, _, err := f.channel.Find(t.Context(), prompt, earthquake); !errors.Is(err, broadcast.ErrCannotLook) {
			t.Fatalf("looking for the mail says %v", err)
		}
		time.Sleep(f.channel.Settle())
		if failure := f.send(prompt); failure != nil {
			t.Fatalf("sent again: %v", failure)
		}
		mails := f.server.Mails()
		if len(mails) != 2 || mails[0].Raw != mails[1].Raw {
			t.Fatalf("the mails differ: %+v", mails)
		}
		want := []string{"<" + prompt.Reference + "@home.example.org>"}
		if diff := cmp.Diff(want, f.server.Twice()); diff != "" {
			t.Errorf("twice in the mailbox (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"hana..yamada@docomo.ne.jp"}, mails[0].To); diff != "" {
			t.Errorf("on the envelope (-want +got):\n%s", diff)
		}
	})
}

// The golden files are what people read, and the headers that matter; those in
// HTML are to be looked at in a browser.
func TestGoldenMails(t *testing.T) {
	check := broadcast.Check{ID: 1, Kind: broadcast.Real, Question: "津波警報です。高台へ！", StartedBy: sakura.Name, StartedAt: earthquake}
	cry := broadcast.Answer{
		MemberID: grandmother.ID, Status: broadcast.Help, Text: "たすけて\n動けない", At: earthquake.Add(90 * time.Second),
		Place: &broadcast.Place{Name: "自宅", Latitude: 34.69, Longitude: 135.19},
	}
	silent := broadcast.Tally{Check: check, Standings: []broadcast.Standing{
		{Member: grandmother, Status: broadcast.Pending, Trouble: "mail-rejected: 550 5.1.1 no such user"},
		{Member: sakura, Status: broadcast.Safe},
	}}
	for name, m := range map[string]broadcast.Message{
		"ask-ja":     {Purpose: broadcast.Ask, Check: check, Members: []roster.Member{grandmother}, Address: grandmother.Emails[0]},
		"drill-en":   {Purpose: broadcast.Remind, Check: broadcast.Check{ID: 2, Kind: broadcast.Drill, StartedAt: earthquake}, Members: []roster.Member{bob}, Address: bob.Emails[0]},
		"alarm-ja":   {Purpose: broadcast.Alarm, Check: check, Members: []roster.Member{sakura}, Address: sakura.Emails[0], Answer: cry, About: grandmother},
		"silence-en": {Purpose: broadcast.Silence, Check: check, Members: []roster.Member{bob}, Address: bob.Emails[0], Tally: silent},
		"link-ja":    {Purpose: broadcast.Ask, Check: check, Members: []roster.Member{grandmother}, Address: grandmother.Emails[0], Token: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
		"link-en":    {Purpose: broadcast.Remind, Check: broadcast.Check{ID: 2, Kind: broadcast.Drill, StartedAt: earthquake}, Members: []roster.Member{bob}, Address: bob.Emails[0], Token: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
		"notice-ja":  {Purpose: broadcast.Notice, Members: []roster.Member{sakura}, Address: sakura.Emails[0], Body: "アドレス帳から3人が消えました。"},
	} {
		t.Run(name, func(t *testing.T) {
			m.Reference = broadcast.Reference("quake", "golden", broadcast.Email, name)
			m.Now = earthquake.Add(2 * time.Second)
			f := newFamily(t, emailtest.Options{}, func(o *email.Options) {
				if m.Token != "" {
					o.Page, o.Replies, o.ReplyTo = "https://anpi.example.org", true, "anpi@home.example.org"
				}
			})
			got := f.mustSend(m)
			wellFormed(t, got)
			golden(t, filepath.Join("testdata", name+".txt"), readable(t, got))
			golden(t, filepath.Join("testdata", name+".html"), got.HTML)
		})
	}
}

// golden compares a text with a file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// readable is the mail as somebody sees it who looks at its headers, too.
func readable(t *testing.T, m emailtest.Mail) string {
	t.Helper()
	var s strings.Builder
	fmt.Fprintf(&s, "Envelope: %s -> %s\n", m.From, strings.Join(m.To, ", "))
	for _, key := range []string{"From", "To", "Reply-To"} {
		if m.Header.Get(key) == "" {
			continue
		}
		people, err := m.Header.AddressList(key)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range people {
			fmt.Fprintf(&s, "%s: %s <%s>\n", key, p.Name, p.Address)
		}
	}
	for _, key := range []string{"Date", "Message-Id", "Auto-Submitted", "X-Auto-Response-Suppress", "Importance", "User-Agent"} {
		if value := m.Header.Get(key); value != "" {
			fmt.Fprintf(&s, "%s: %s\n", key, value)
		}
	}
	fmt.Fprintf(&s, "Subject: %s\n\n%s", m.Subject, m.Body)
	return s.String()
}

func TestMailIsInTheLanguageOfItsReader(t *testing.T) {
	f := newFamily(t, emailtest.Options{})
	for _, c := range []struct{ lang, want string }{{"ja", "無事"}, {"en", "Are you safe?"}, {"de", "Are you safe?"}, {"", "無事"}} {
		reader := sakura
		reader.Lang = c.lang
		if m := f.mustSend(ask(reader, broadcast.Real)); !strings.Contains(m.Subject, c.want) {
			t.Errorf("in %q the subject is %q, want %q in it", c.lang, m.Subject, c.want)
		}
	}
	nobody := ask(sakura, broadcast.Real)
	nobody.Members = nil // whoever was taken off the roster meanwhile
	if m := f.mustSend(nobody); !strings.Contains(m.Subject, "無事") {
		t.Errorf("to nobody known the subject is %q", m.Subject)
	}
}

func TestDrillsAreMarkedAndNotUrgent(t *testing.T) {
	f := newFamily(t, emailtest.Options{})
	m := f.mustSend(ask(grandmother, broadcast.Drill))
	if !strings.HasPrefix(m.Subject, "【訓練】") || !strings.HasPrefix(m.Body, "【訓練】") {
		t.Errorf("a drill begins with %q and %.30q", m.Subject, m.Body)
	}
	if got := m.Header.Get("Importance"); got != "" {
		t.Errorf("the importance of a drill is %q", got)
	}
	alarm := ask(grandmother, broadcast.Drill)
	alarm.Purpose = broadcast.Alarm
	if got := f.mustSend(alarm).Header.Get("Importance"); got != "high" {
		t.Errorf("the importance of a cry for help in a drill is %q, want high", got)
	}
}

func TestEverythingThatCanGoWrong(t *testing.T) {
	const quarter = 15 * time.Minute
	for _, c := range []struct {
		name  string
		fault emailtest.Fault
		want  broadcast.Failure
		taken int
	}{
		{"unknown user", emailtest.Fault{At: emailtest.Recipient, To: "bob@example.com", Code: 550, Text: "5.1.1 No such\tuser \u202ehere"}, broadcast.Failure{Permanent: true, Reason: "mail-rejected: 550 5.1.1 No such user here"}, 0},
		{"mailbox full", emailtest.Fault{At: emailtest.Recipient, Code: 552, Text: "5.2.2 Over quota"}, broadcast.Failure{Permanent: true, Reason: "mail-rejected: 552 5.2.2 Over quota"}, 0},
		{"greylisting", emailtest.Fault{At: emailtest.Recipient, Code: 450, Text: "4.2.0 Greylisted"}, broadcast.Failure{After: time.Minute, Reason: "mail-later: 450 4.2.0 Greylisted"}, 0},
		{"refused for what it says", emailtest.Fault{At: emailtest.End, Code: 554, Text: "5.7.1 Looks like spam"}, broadcast.Failure{Permanent: true, Reason: "mail-rejected: 554 5.7.1 Looks like spam"}, 0},
		{"not taken for now", emailtest.Fault{At: emailtest.End, Code: 451, Text: "4.3.0 Try again"}, broadcast.Failure{After: time.Minute, Reason: "mail-later: 451 4.3.0 Try again"}, 0},
		{"too many connections", emailtest.Fault{At: emailtest.Greeting, Code: 421, Text: "Too many"}, broadcast.Failure{Reason: "mail-later: 421 Too many"}, 0},
		{"closing down between", emailtest.Fault{At: emailtest.Recipient, Code: 421, Text: "Bye"}, broadcast.Failure{Reason: "mail-later: 421 Bye"}, 0},
		{"our address is on a list", emailtest.Fault{At: emailtest.Greeting, Code: 554, Text: "Go away"}, broadcast.Failure{Down: true, After: quarter, Reason: "mail-rejected: 554 Go away"}, 0},
		{"our sender is refused", emailtest.Fault{At: emailtest.Sender, Code: 550, Text: "Not yours"}, broadcast.Failure{Down: true, After: quarter, Reason: "mail-rejected: 550 Not yours"}, 0},
		{"wrong password", emailtest.Fault{At: emailtest.Login, Code: 535, Text: "5.7.8 Bad"}, broadcast.Failure{Down: true, After: quarter, Reason: "mail-auth: 535 5.7.8 Bad"}, 0},
		{"logins do not work for now", emailtest.Fault{At: emailtest.Login, Code: 454, Text: "4.7.0 Later"}, broadcast.Failure{After: time.Minute, Reason: "mail-later: 454 4.7.0 Later"}, 0},
		{"a login is wanted after all", emailtest.Fault{At: emailtest.Recipient, Code: 530, Text: "Log in"}, broadcast.Failure{Down: true, After: quarter, Reason: "mail-auth: 530 Log in"}, 0},
		{"cut before the greeting", emailtest.Fault{At: emailtest.Greeting, Drop: true}, broadcast.Failure{Down: true, Reason: "mail-unreachable"}, 0},
		{"cut at the login", emailtest.Fault{At: emailtest.Login, Drop: true}, broadcast.Failure{Down: true, Reason: "mail-unreachable"}, 0},
		{"cut at the address", emailtest.Fault{At: emailtest.Recipient, Drop: true}, broadcast.Failure{Down: true, Reason: "mail-unreachable"}, 0},
		{"cut before the mail was through", emailtest.Fault{At: emailtest.Content, Drop: true}, broadcast.Failure{Down: true, Reason: "mail-unreachable"}, 0},
		{"cut after the end, not taken", emailtest.Fault{At: emailtest.End, Drop: true}, broadcast.Failure{Doubt: true, Reason: "mail-unconfirmed"}, 0},
		{"cut after the end, taken", emailtest.Fault{At: emailtest.Taken, Drop: true}, broadcast.Failure{Doubt: true, Reason: "mail-unconfirmed"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFamily(t, emailtest.Options{Users: map[string]string{"anpi": "secret"}})
				defer f.server.Close()
				f.server.Fail(c.fault)
				got := f.send(ask(bob, broadcast.Real))
				if got == nil {
					t.Fatal("it was sent")
				}
				if got.Err == nil || strings.Contains(got.Error(), "secret") {
					t.Errorf("the log reads %v", got)
				}
				got.Err = nil
				if diff := cmp.Diff(&c.want, got); diff != "" {
					t.Errorf("failure (-want +got):\n%s", diff)
				}
				if n := len(f.server.Mails()); n != c.taken {
					t.Errorf("%d mails were taken, want %d", n, c.taken)
				}
				f.server.Mend()
				time.Sleep(got.After)
				f.mustSend(ask(bob, broadcast.Real))
			})
		})
	}
}

func TestServersThatHangAreGivenUp(t *testing.T) {
	for _, c := range []struct {
		at   emailtest.Step
		want broadcast.Failure
	}{
		{emailtest.Greeting, broadcast.Failure{Down: true, Reason: "mail-unreachable"}},
		{emailtest.Login, broadcast.Failure{Down: true, Reason: "mail-unreachable"}},
		{emailtest.Recipient, broadcast.Failure{Down: true, Reason: "mail-unreachable"}},
		{emailtest.Content, broadcast.Failure{Down: true, Reason: "mail-unreachable"}},
		{emailtest.End, broadcast.Failure{Doubt: true, Reason: "mail-unconfirmed"}},
		{emailtest.Taken, broadcast.Failure{Doubt: true, Reason: "mail-unconfirmed"}},
	} {
		t.Run(string(c.at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFamily(t, emailtest.Options{Users: map[string]string{"anpi": "secret"}})
				defer f.server.Close()
				f.server.Fail(emailtest.Fault{At: c.at, Delay: time.Hour})
				began := time.Now()
				got := f.send(ask(bob, broadcast.Real))
				if got == nil {
					t.Fatal("it was sent")
				}
				if took := time.Since(began); took != 20*time.Second {
					t.Errorf("it was given up after %v, want 20s", took)
				}
				got.Err = nil
				if diff := cmp.Diff(&c.want, got); diff != "" {
					t.Errorf("failure (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestStoppingIsNobodysFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFamily(t, emailtest.Options{})
		defer f.server.Close()
		f.server.Fail(emailtest.Fault{At: emailtest.Recipient, Delay: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, _, err := f.channel.Send(ctx, ask(bob, broadcast.Real))
		var failure *broadcast.Failure
		if !errors.As(err, &failure) || failure.Down || failure.Doubt || failure.Permanent {
			t.Errorf("called off before the mail was through: %+v", err)
		}
	})
}

func TestServerThatIsNotThere(t *testing.T) {
	f := newFamily(t, emailtest.Options{})
	f.server.Refuse()
	got := f.send(ask(bob, broadcast.Real))
	if got == nil || !got.Down || got.Permanent || got.Doubt || got.Reason != "mail-unreachable" {
		t.Errorf("failure: %+v", got)
	}
}

// Without encryption nothing is sent, whatever the reason.
func TestNeverInPlainText(t *testing.T) {
	for _, c := range []struct {
		name   string
		server emailtest.Options
		change func(*email.Options)
		want   string
	}{
		{"STARTTLS is not offered", emailtest.Options{NoTLS: true}, func(*email.Options) {}, "the server does not offer STARTTLS"},
		{"the certificate has run out", emailtest.Options{Expired: true}, func(*email.Options) {}, "certificate has expired"},
		{"the certificate has run out, TLS from the start", emailtest.Options{Expired: true, ImplicitTLS: true}, func(o *email.Options) { o.Relays[0].Security = email.TLS }, "certificate has expired"},
		{"the certificate is for another name", emailtest.Options{}, func(o *email.Options) { o.Relays[0].TLSConfig.ServerName = "mail.example.net" }, "not mail.example.net"},
		{"nobody vouches for the certificate", emailtest.Options{}, func(o *email.Options) { o.Relays[0].TLSConfig = nil }, "unknown authority"},
		{"a server that speaks first in plain text", emailtest.Options{}, func(o *email.Options) { o.Relays[0].Security = email.TLS }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFamily(t, c.server, c.change)
			got := f.send(ask(bob, broadcast.Real))
			if got == nil || !got.Down || got.Permanent || got.Doubt || !strings.HasPrefix(got.Reason, "mail-tls: ") || !strings.Contains(got.Reason, c.want) {
				t.Errorf("failure: %+v, want %q", got, c.want)
			}
			if n := len(f.server.Mails()); n != 0 {
				t.Errorf("%d mails were sent", n)
			}
		})
	}
}

func TestPasswordIsNeverSentInPlainText(t *testing.T) {
	f := newFamily(t, emailtest.Options{NoTLS: true, Users: map[string]string{"anpi": "secret"}}, func(o *email.Options) { o.Relays[0].Security = email.Plain })
	got := f.send(ask(bob, broadcast.Real))
	if got == nil || !got.Down || !strings.HasPrefix(got.Reason, "mail-auth: ") || !strings.Contains(got.Reason, "unencrypted") {
		t.Errorf("failure: %+v", got)
	}
}

func TestServersThatTakeMail(t *testing.T) {
	users := map[string]string{"anpi": "secret"}
	for _, c := range []struct {
		name   string
		server emailtest.Options
		change func(*email.Options)
	}{
		{"STARTTLS and a login", emailtest.Options{Users: users}, func(*email.Options) {}},
		{"TLS and a login", emailtest.Options{Users: users, ImplicitTLS: true}, func(o *email.Options) { o.Relays[0].Security = email.TLS }},
		{"plain text without a login", emailtest.Options{NoTLS: true}, func(o *email.Options) { o.Relays[0].Security = email.Plain }},
		{"without SMTPUTF8", emailtest.Options{ASCII: true}, func(*email.Options) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFamily(t, c.server, c.change)
			f.mustSend(ask(bob, broadcast.Real))
			if n := f.server.Dialled(); n != 1 {
				t.Errorf("it took %d connections, want 1", n)
			}
		})
	}
}

func TestManyMailsAtOnce(t *testing.T) {
	f := newFamily(t, emailtest.Options{Users: map[string]string{"anpi": "secret"}})
	f.server.Fail(emailtest.Fault{At: emailtest.Recipient, To: bob.Emails[0], Code: 550, Text: "no such user"})
	people := []roster.Member{grandmother, bob, sakura, grandmother, bob, sakura, grandmother, bob}
	errs := make([]error, len(people))
	var wg sync.WaitGroup
	for i, who := range people {
		wg.Go(func() { _, _, errs[i] = f.channel.Send(t.Context(), ask(who, broadcast.Real)) })
	}
	wg.Wait()
	arrived := map[string]int{}
	for _, m := range f.server.Mails() {
		arrived[m.To[0]]++
	}
	if diff := cmp.Diff(map[string]int{grandmother.Emails[0]: 3, sakura.Emails[0]: 2}, arrived); diff != "" {
		t.Errorf("arrived (-want +got):\n%s", diff)
	}
	for i, who := range people {
		if failed := errs[i] != nil; failed != (who.ID == bob.ID) {
			t.Errorf("to %s: %v", who.Name, errs[i])
		}
	}
}

func TestOverLoopback(t *testing.T) {
	server := emailtest.NewServer(emailtest.Options{Users: map[string]string{"anpi": "secret"}})
	defer server.Close()
	address, err := server.Start()
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 1)
	server.OnMail(func(m emailtest.Mail) { heard <- m.Subject })
	channel, err := email.New(email.Options{
		Relays: []email.Relay{{Host: address.IP.String(), Port: address.Port, User: "anpi", Password: "secret", TLSConfig: server.TLSConfig()}},
		From:   mail.Address{Address: "anpi@example.org"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := channel.Send(t.Context(), ask(bob, broadcast.Real)); err != nil {
		t.Fatal(err)
	}
	if subject := <-heard; !strings.Contains(subject, "Are you safe?") {
		t.Errorf("the subject is %q", subject)
	}
}

func TestOptionsThatCannotWork(t *testing.T) {
	good := func() email.Options {
		return email.Options{Relays: []email.Relay{{Host: "mail.example.org"}}, From: mail.Address{Address: "anpi@example.org"}, ReplyTo: "anpi@example.org", PerMinute: 6}
	}
	if _, err := email.New(good()); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*email.Options){
		"there is no mail server":                    func(o *email.Options) { o.Relays = nil },
		"5 mails in a minute are too few":            func(o *email.Options) { o.PerMinute = 5 },
		"-1 mails in a minute are too few":           func(o *email.Options) { o.PerMinute = -1 },
		"for replies: the mail address \"anpi\"":     func(o *email.Options) { o.ReplyTo = "anpi" },
		"too long to put a token behind it":          func(o *email.Options) { o.ReplyTo = strings.Repeat("a", 38) + "@example.org" },
		"name of the mail server is missing":         func(o *email.Options) { o.Relays[0].Host = "" },
		`security "ssl" is not one of starttls, tls`: func(o *email.Options) { o.Relays[0].Security = "ssl" },
		"password for the mail server but no user":   func(o *email.Options) { o.Relays[0].Password = "secret" },
		"sender of mail: the mail address \"anpi\"":  func(o *email.Options) { o.From.Address = "anpi" },
	} {
		o := good()
		change(&o)
		if _, err := email.New(o); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}

func TestPortFollowsSecurity(t *testing.T) {
	for security, want := range map[email.Security]string{"": "587", email.StartTLS: "587", email.TLS: "465", email.Plain: "25"} {
		var dialled string
		channel, err := email.New(email.Options{
			Relays: []email.Relay{{Host: "2001:db8::1", Security: security}}, From: mail.Address{Address: "anpi@example.org"},
			Dial: func(_ context.Context, _, address string) (net.Conn, error) {
				dialled = address
				return nil, errors.New("no network here")
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		channel.Send(t.Context(), ask(bob, broadcast.Real))
		if dialled != "[2001:db8::1]:"+want {
			t.Errorf("with %q it dials %s, want port %s", security, dialled, want)
		}
	}
}

func TestPasswordsDoNotPrint(t *testing.T) {
	r := email.Relay{Password: "secret"}
	for _, got := range []string{fmt.Sprint(email.Options{Relays: []email.Relay{r}}), fmt.Sprintf("%+v %#v %q %x", r, r.Password, r.Password, r.Password)} {
		if strings.Contains(got, "secret") || strings.Contains(got, fmt.Sprintf("%x", "secret")) || !strings.Contains(got, "***") {
			t.Errorf("it prints as %s", got)
		}
	}
}

func TestWithoutAMailServer(t *testing.T) {
	_, _, err := email.None().Send(t.Context(), ask(bob, broadcast.Real))
	var failure *broadcast.Failure
	if !errors.As(err, &failure) || !failure.Permanent || failure.Reason != "mail-none" {
		t.Errorf("the error is %v", err)
	}
}
