package inbox_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http/httptest"
	"net/mail"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email"
	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/roster"
)

// nobody owns the mailboxes of the test.
const nobody = 65534

// spool is where OpenSMTPD queues mail, whatever its configuration says, and
// socket what it listens on for its own commands.
const spool, socket = "/var/spool/smtpd", "/var/run/smtpd.sock"

// office is OpenSMTPD and Dovecot on loopback: the mailboxes anpi and hana at
// home.example.org, and a way to the server of away.example, which knows nobody.
type office struct {
	*testing.T
	dir        string
	smtp, imap string // addresses
	pool       *x509.CertPool
}

// needTools skips the test where it cannot run, unless it has to.
func needTools(t *testing.T) {
	t.Helper()
	missing := ""
	version, err := exec.Command("dovecot", "--version").Output()
	_, noMTA := exec.LookPath("smtpd")
	_, running := os.Stat(socket)
	switch {
	case err != nil || noMTA != nil:
		missing = "Dovecot or OpenSMTPD is not installed (apt-get install dovecot-imapd opensmtpd)"
	case !strings.HasPrefix(string(version), "2.3."):
		missing = "the configuration of this test is for Dovecot 2.3, not " + strings.TrimSpace(string(version))
	case os.Getuid() != 0:
		missing = "only root can start mail servers"
	case running == nil:
		missing = "another OpenSMTPD is running on this machine"
	default:
		return
	}
	if strings.Contains(os.Getenv("REQUIRED_TEST_TOOLS"), "dovecot") {
		t.Fatal(missing)
	}
	t.Skip(missing)
}

// openOffice starts the servers.
func openOffice(t *testing.T, away *net.TCPAddr) *office {
	t.Helper()
	o := &office{T: t, dir: t.TempDir(), smtp: freePort(t), imap: freePort(t)}
	// The servers read and write here as other users; the folder above is the
	// test's alone, too.
	for _, dir := range []string{filepath.Dir(o.dir), o.dir} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, user := range []string{"anpi", "hana"} {
		home := filepath.Join(o.dir, user)
		if err := os.Mkdir(home, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(home, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	o.certificate()
	_, smtpPort, _ := net.SplitHostPort(o.smtp)
	_, imapPort, _ := net.SplitHostPort(o.imap)
	if _, err := os.Stat(spool); os.IsNotExist(err) {
		t.Cleanup(func() { os.RemoveAll(spool) })
	}
	o.run("smtpd", o.write("smtpd.conf", fmt.Sprintf(`
table users { "anpi" = "%[1]d:%[1]d:%[2]s/anpi", "hana" = "%[1]d:%[1]d:%[2]s/hana" }
listen on 127.0.0.1 port %[3]s hostname home.example.org
action "local" maildir "%[2]s/%%{user.username}/Maildir" userbase <users>
action "away" relay host smtp://%[4]s
match from any for domain "home.example.org" action "local"
match from any for domain "away.example" action "away"
`, nobody, o.dir, smtpPort, away)), "-d", "-f")
	o.run("dovecot", o.write("dovecot.conf", fmt.Sprintf(`
base_dir = %[2]s/run
state_dir = %[2]s/state
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <%[2]s/cert.pem
ssl_key = <%[2]s/key.pem
mail_location = maildir:%[2]s/%%n/Maildir
first_valid_uid = 1
first_valid_gid = 1
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=%[1]d gid=%[1]d home=%[2]s/%%n
}
service imap-login {
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = %[3]s
    ssl = yes
  }
}
`, nobody, o.dir, imapPort)), "-F", "-c")
	o.answers(o.smtp)
	o.answers(o.imap)
	return o
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (o *office) write(name, text string) string {
	o.Helper()
	path := filepath.Join(o.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		o.Fatal(err)
	}
	return path
}

// certificate borrows the one of Go's own test server, which is for 127.0.0.1.
func (o *office) certificate() {
	o.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	key, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		o.Fatal(err)
	}
	o.write("cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	o.write("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	o.pool = x509.NewCertPool()
	o.pool.AddCert(s.Certificate())
}

// run runs a server in the foreground until the test ends.
func (o *office) run(server, config string, flags ...string) {
	o.Helper()
	cmd := exec.Command(server, append(flags, config)...)
	said := &logbook{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		o.Fatal(err)
	}
	o.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
		late.Stop()
		if o.Failed() {
			o.Logf("%s said:\n%s", server, said.text())
		}
	})
}

func (l *logbook) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// answers waits until a server takes connections.
func (o *office) answers(address string) {
	o.Helper()
	o.until("a server listens on "+address, func() bool {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// until waits for something that a server of another program does.
func (o *office) until(what string, done func() bool) {
	o.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			o.Fatalf("waited a minute until %s", what)
		}
	}
}

// mail waits for the first mail in the mailbox of the user.
func (o *office) mail(user string) *mail.Message {
	o.Helper()
	var raw []byte
	o.until("a mail is in the mailbox of "+user, func() bool {
		files, _ := filepath.Glob(filepath.Join(o.dir, user, "Maildir", "new", "*"))
		if len(files) == 0 {
			return false
		}
		raw, _ = os.ReadFile(files[0])
		return len(raw) > 0
	})
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		o.Fatal(err)
	}
	return m
}

// TestRealServersCarryAQuestionAndItsAnswer goes the whole way: a mail leaves
// over a real server and bounces, the next address is tried, and a reply to that
// one becomes an answer.
func TestRealServersCarryAQuestionAndItsAnswer(t *testing.T) {
	needTools(t)
	elsewhere := emailtest.NewServer(emailtest.Options{NoTLS: true})
	defer elsewhere.Close()
	elsewhere.Fail(emailtest.Fault{At: emailtest.Recipient, Code: 550, Text: "5.1.1 no such user here"})
	away, err := elsewhere.Start()
	if err != nil {
		t.Fatal(err)
	}
	o := openOffice(t, away)

	hana := roster.Member{ID: "card:hana", Name: "ハナ", Emails: []string{"gone@away.example", "hana@home.example.org"}, Lang: "ja"}
	store, err := sqlstore.Open(t.Context(), filepath.Join(o.dir, "anpi.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	service := &broadcast.Service{
		Store: store, Ladder: broadcast.DefaultLadder(), Links: true,
		Roster: func() roster.Roster { return roster.Roster{Members: []roster.Member{hana}} },
	}
	_, port, _ := net.SplitHostPort(o.smtp)
	smtpPort, _ := strconv.Atoi(port)
	channel, err := email.New(email.Options{
		Relays: []email.Relay{{Host: "127.0.0.1", Port: smtpPort, Security: email.Plain}},
		From:   mail.Address{Name: "Anpi", Address: "anpi@home.example.org"}, ReplyTo: "anpi@home.example.org",
		Language: "ja", Location: time.UTC, Replies: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ = net.SplitHostPort(o.imap)
	imapPort, _ := strconv.Atoi(port)
	box, err := inbox.New(inbox.Options{
		Host: "127.0.0.1", Port: imapPort, User: "anpi", Password: "secret", TLSConfig: &tls.Config{RootCAs: o.pool},
	}, &inbox.Intake{Service: service, Hear: hear, Language: "ja", Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	log := &logbook{}
	ctx, cancel := context.WithCancel(zerolog.New(log).WithContext(t.Context()))
	dispatcher := broadcast.NewDispatcher(service, channel)
	service.Wake = dispatcher.Wake
	ended := make(chan struct{}, 2)
	go func() { dispatcher.Run(ctx); ended <- struct{}{} }()
	go func() { box.Run(ctx); ended <- struct{}{} }()
	defer func() {
		cancel()
		<-ended
		<-ended
		if t.Failed() {
			t.Logf("the log:\n%s", log.text())
		}
	}()
	o.until("the mailbox is open", func() bool {
		_, err := os.Stat(filepath.Join(o.dir, "anpi", "Maildir", "cur"))
		_, known, _ := store.Cursor(ctx, "imap:anpi@127.0.0.1/INBOX")
		return err == nil && known
	})

	done, err := service.Start(ctx, time.Now(), broadcast.StartRequest{Kind: broadcast.Real, Key: "test", By: "太郎"})
	if err != nil {
		t.Fatal(err)
	}
	asked := o.mail("hana")
	deliveries, err := store.Deliveries(ctx, done.Started.ID)
	if err != nil {
		t.Fatal(err)
	}
	if d := deliveries[0]; d.Address != "gone@away.example" || d.State != broadcast.Failed || !strings.HasPrefix(d.Reason, "mail-bounced") {
		t.Errorf("the first mail is %+v, want one that came back", d)
	}

	replyTo, err := mail.ParseAddress(asked.Header.Get("Reply-To"))
	if err != nil {
		t.Fatal(err)
	}
	reply := fmt.Sprintf("From: hana@home.example.org\r\nTo: %s\r\nDate: %s\r\nMessage-ID: <reply@home.example.org>\r\nIn-Reply-To: %s\r\nSubject: Re: hello\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n無事です\r\n",
		replyTo.Address, time.Now().Format(time.RFC1123Z), asked.Header.Get("Message-Id"))
	if err := smtp.SendMail(o.smtp, nil, "hana@home.example.org", []string{replyTo.Address}, []byte(reply)); err != nil {
		t.Fatal(err)
	}
	o.until("the reply is an answer", func() bool {
		answers, err := store.Answers(ctx, done.Started.ID)
		return err == nil && len(answers) == 1 && answers[0].Status == broadcast.Safe && answers[0].Text == "無事です" && !answers[0].Claimed
	})
}
