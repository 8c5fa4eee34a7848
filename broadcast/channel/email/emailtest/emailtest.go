// Package emailtest is a small real mail server in memory, for tests and for
// the demo. It speaks SMTP with STARTTLS and logins, keeps every mail that it
// takes, and fails where it is told to.
//
// It is reached through [Server.Dial] without a socket, which also works in a
// testing/synctest bubble, or over loopback once [Server.Start] was called:
//
//	server := emailtest.NewServer(emailtest.Options{})
//	defer server.Close()
//	channel, err := email.New(email.Options{
//		Relays: []email.Relay{{Host: emailtest.Host, TLSConfig: server.TLSConfig()}},
//		Dial: server.Dial, …
//	})
//
// Several servers are told apart by their names; see [Dial]. [DNS] answers
// questions for the records of mail domains.
package emailtest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Host is the name in a server's certificate unless its options say another.
const Host = "mail.example.org"

// Options say what kind of server it is. The zero value offers STARTTLS and
// knows no users.
type Options struct {
	// Host is the name of the server and in its certificate; empty means [Host].
	Host string
	// Users are passwords by user. With any, mail is taken after a login only.
	Users map[string]string
	// NoTLS leaves out STARTTLS.
	NoTLS bool
	// ImplicitTLS encrypts from the first byte.
	ImplicitTLS bool
	// Expired makes a certificate that has run out.
	Expired bool
	// Valid is how much longer the certificate is good for; zero means 90 days.
	Valid time.Duration
	// ASCII leaves out SMTPUTF8.
	ASCII bool
}

// Server is a running mail server.
type Server struct {
	o         Options
	smtp      *smtp.Server
	pipes     *pipes
	cert      certificate
	listeners []net.Listener
	done      chan struct{} // closed when the server ends

	mu      sync.Mutex
	faults  []Fault
	refuses bool
	dialled int
	begun   int // conversations so far; encryption begins a new one
	open    map[*session]bool
	most    int // conversations at one time
	mails   []Mail
	onMail  []func(Mail)
}

// Step is a point in the conversation at which something goes wrong.
type Step string

// The steps.
const (
	Greeting  Step = "greeting"  // instead of the first line
	Login     Step = "login"     // at AUTH
	Sender    Step = "sender"    // at MAIL FROM
	Recipient Step = "recipient" // at RCPT TO
	Content   Step = "content"   // when the first bytes of the mail arrive
	End       Step = "end"       // when all of it is here; it is not taken
	Taken     Step = "taken"     // when it was taken, before the server says so
)

// Fault is something that goes wrong. First comes the delay, then either the
// line is dropped or the code is replied; with neither the server goes on.
type Fault struct {
	At Step
	// To limits the fault to mail for one address, from Recipient on; empty
	// means all mail.
	To string
	// Times is how often it happens; zero means always.
	Times int

	Delay time.Duration
	// Drop cuts the connection.
	Drop bool
	// Code is replied, with Text. At Taken it has no effect.
	Code int
	Text string
}

// NewServer starts a server. It ends with Close.
func NewServer(o Options) *Server {
	if o.Host == "" {
		o.Host = Host
	}
	if o.Valid == 0 {
		o.Valid = 90 * 24 * time.Hour
	}
	if o.Expired {
		o.Valid = -time.Hour
	}
	s := &Server{o: o, pipes: newPipes(), cert: newCertificate(o.Host, o.Valid), done: make(chan struct{}), open: map[*session]bool{}}
	s.smtp = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return s.begin(c), nil
	}))
	s.smtp.Domain = o.Host
	s.smtp.EnableSMTPUTF8 = !o.ASCII
	s.smtp.AllowInsecureAuth = true
	// What a server writes about cut connections is of no interest here.
	s.smtp.ErrorLog = log.New(io.Discard, "", 0)
	if !o.NoTLS {
		s.smtp.TLSConfig = s.cert.server
	}
	s.serve(s.pipes)
	return s
}

func (s *Server) serve(l net.Listener) {
	s.listeners = append(s.listeners, l)
	go s.smtp.Serve(&line{Listener: l, server: s})
}

// Close ends the server and cuts its connections.
func (s *Server) Close() error {
	err := s.smtp.Close()
	// It knows only listeners that it has begun to serve.
	for _, l := range s.listeners {
		l.Close()
	}
	if err == nil {
		close(s.done)
	}
	return err
}

// sleep waits, but not beyond the end of the server.
func (s *Server) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.done:
	}
}

// Dial connects to the server, whatever the address, without a socket.
func (s *Server) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	s.mu.Lock()
	s.dialled++
	refuses := s.refuses
	s.mu.Unlock()
	if refuses {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	return s.pipes.dial(ctx)
}

// Dial connects to that of the servers whose name is in the address, as DNS
// would; servers that nobody has heard of cannot be found.
func Dial(servers ...*Server) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("read the address: %w", err)
		}
		for _, s := range servers {
			if s.o.Host == host {
				return s.Dial(ctx, network, address)
			}
		}
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
}

// Start makes the server reachable over loopback, and returns the address.
func (s *Server) Start() (*net.TCPAddr, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for mail: %w", err)
	}
	s.serve(l)
	return l.Addr().(*net.TCPAddr), nil
}

// TLSConfig trusts the certificate of the server.
func (s *Server) TLSConfig() *tls.Config {
	return &tls.Config{RootCAs: s.cert.pool, ServerName: s.o.Host}
}

// Fail makes the faults happen from now on. Of several that fit, the first one
// happens.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Mend takes away all faults.
func (s *Server) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.refuses = nil, false
}

// Refuse makes Dial fail as it does where no server runs. Connections over
// loopback are cut as soon as they are made.
func (s *Server) Refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuses = true
}

// Dialled is how often somebody tried to connect through Dial.
func (s *Server) Dialled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dialled
}

// Connections is how many conversations are going on.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// HangUp cuts all connections, as a server does that starts anew.
func (s *Server) HangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.open {
		cut(session.conn.Conn())
	}
}

// Most is how many conversations went on at the same time at most.
func (s *Server) Most() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

func (s *Server) begin(conn *smtp.Conn) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++
	session := &session{server: s, conn: conn, nth: s.begun}
	s.open[session] = true
	s.most = max(s.most, len(s.open))
	return session
}

// Mails returns what the server has taken, in that order.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Twice returns the Message-IDs that were taken more than once for the same
// address.
func (s *Server) Twice() []string {
	seen, twice := map[string]int{}, []string(nil)
	for _, m := range s.Mails() {
		for _, to := range m.To {
			if key := m.ID + " " + to; seen[key] == 1 {
				twice = append(twice, m.ID)
			}
			seen[m.ID+" "+to]++
		}
	}
	return twice
}

// OnMail calls f with every mail from now on, once it was taken.
func (s *Server) OnMail(f func(Mail)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onMail = append(s.onMail, f)
}

func (s *Server) take(m Mail) {
	s.mu.Lock()
	s.mails = append(s.mails, m)
	hooks := slices.Clone(s.onMail)
	s.mu.Unlock()
	for _, f := range hooks {
		f(m)
	}
}

// fault finds what goes wrong at the step, for one of the recipients.
func (s *Server) fault(at Step, to ...string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.At != at || f.To != "" && !slices.Contains(to, f.To) {
			continue
		}
		if f.Times == 1 {
			s.faults = slices.Delete(s.faults, i, i+1)
		} else if f.Times > 1 {
			s.faults[i].Times--
		}
		return f, true
	}
	return Fault{}, false
}

// errDropped is the end of a session whose connection was cut.
var errDropped = errors.New("the line was cut")

// strike lets happen what goes wrong at the step; nil means that nothing did.
func (s *Server) strike(conn net.Conn, at Step, to ...string) error {
	f, ok := s.fault(at, to...)
	if !ok {
		return nil
	}
	s.sleep(f.Delay)
	if f.Drop {
		cut(conn)
		return errDropped
	}
	if f.Code != 0 {
		return &smtp.SMTPError{Code: f.Code, EnhancedCode: smtp.NoEnhancedCode, Message: f.Text}
	}
	return nil
}

// cut closes the connection without the farewell that TLS would send.
func cut(conn net.Conn) {
	if encrypted, ok := conn.(*tls.Conn); ok {
		conn = encrypted.NetConn()
	}
	conn.Close()
}

// line is a listener whose connections may fail before the first word.
type line struct {
	net.Listener
	server *Server
}

func (l *line) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		l.server.mu.Lock()
		refuses := l.server.refuses
		l.server.mu.Unlock()
		if refuses {
			conn.Close()
			continue
		}
		if f, ok := l.server.fault(Greeting); ok {
			go func() {
				l.server.sleep(f.Delay)
				if !f.Drop {
					fmt.Fprintf(conn, "%d %s\r\n", f.Code, f.Text)
				}
				conn.Close()
			}()
			continue
		}
		if l.server.o.ImplicitTLS {
			conn = tls.Server(conn, l.server.cert.server)
		}
		return conn, nil
	}
}

// session is the conversation with one client.
type session struct {
	server   *Server
	conn     *smtp.Conn
	nth      int // of all conversations
	loggedIn bool
	from     string
	utf8     bool // addresses may go beyond ASCII
	to       []string
}

func (s *session) strike(at Step) error { return s.server.strike(s.conn.Conn(), at, s.to...) }

func (s *session) AuthMechanisms() []string {
	if len(s.server.o.Users) == 0 {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if err := s.strike(Login); err != nil {
			return err
		}
		if known, ok := s.server.o.Users[user]; !ok || known != password {
			return smtp.ErrAuthFailed
		}
		s.loggedIn = true
		return nil
	}), nil
}

func (s *session) Mail(from string, o *smtp.MailOptions) error {
	if len(s.server.o.Users) > 0 && !s.loggedIn {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.from, s.utf8 = from, o.UTF8
	return s.strike(Sender)
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := s.server.strike(s.conn.Conn(), Recipient, to); err != nil {
		return err
	}
	if !s.utf8 && strings.ContainsFunc(to, func(r rune) bool { return r > unicode.MaxASCII }) {
		return &smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 6, 7}, Message: "Addresses beyond ASCII need SMTPUTF8"}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	if err := s.strike(Content); err != nil {
		return err
	}
	var raw strings.Builder
	if _, err := io.Copy(&raw, r); err != nil {
		return err
	}
	if err := s.strike(End); err != nil {
		return err
	}
	m, err := parse(raw.String())
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: err.Error()}
	}
	m.From, m.To, m.At, m.Connection = s.from, slices.Clone(s.to), time.Now(), s.nth
	s.server.take(m)
	s.strike(Taken)
	return nil
}

func (s *session) Reset() { s.from, s.to = "", nil }

func (s *session) Logout() error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	delete(s.server.open, s)
	return nil
}
