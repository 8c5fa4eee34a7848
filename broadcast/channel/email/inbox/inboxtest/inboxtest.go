// Package inboxtest is a small real IMAP server in memory, for tests and for the
// demo: one user with one mailbox, into which mails are put by [Server.Deliver].
//
// It is reached through [Server.Dial] without a socket, which also works in a
// testing/synctest bubble, or over loopback once [Server.Start] was called:
//
//	server := inboxtest.NewServer(inboxtest.Options{})
//	defer server.Close()
//	box, err := inbox.New(inbox.Options{
//		Host: inboxtest.Host, Security: email.Plain, User: inboxtest.User,
//		Password: inboxtest.Password, Dial: server.Dial,
//	}, intake)
package inboxtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// The account that the server knows.
const (
	Host     = "localhost"
	User     = "anpi"
	Password = "correct horse"
	Mailbox  = "INBOX"
)

// Options say what kind of server it is. The zero value speaks without
// encryption and can IDLE.
type Options struct {
	// NoIdle leaves out IDLE.
	NoIdle bool
	// TLS, when set, is offered by STARTTLS, and with ImplicitTLS from the first
	// byte.
	TLS         *tls.Config
	ImplicitTLS bool
}

func (o Options) startTLS() *tls.Config {
	if o.ImplicitTLS {
		return nil
	}
	return o.TLS
}

// Server is a running server.
type Server struct {
	o    Options
	imap *imapserver.Server
	door *door

	mu      sync.Mutex
	user    *imapmemserver.User
	number  int // of times the mailbox was numbered
	conns   map[*conn]bool
	logins  []time.Time
	refuses bool // logins
	away    bool // nobody answers the door
	deaf    bool // replies to nothing
}

// NewServer starts a server. It ends with Close.
func NewServer(o Options) *Server {
	s := &Server{o: o, door: newDoor(), conns: map[*conn]bool{}}
	s.user = s.mailbox()
	s.imap = imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return &session{UserSession: imapmemserver.NewUserSession(s.user), server: s}, nil, nil
		},
		TLSConfig: o.startTLS(),
		// With TLS from the first byte the library does not see it.
		InsecureAuth: o.startTLS() == nil,
		// What a server writes about cut connections is of no interest here.
		Logger: log.New(io.Discard, "", 0),
	})
	go s.imap.Serve(&listener{Listener: s.door, server: s})
	return s
}

// Close ends the server and cuts its connections.
func (s *Server) Close() error {
	s.door.Close()
	return s.imap.Close()
}

// mailbox makes the account with an empty mailbox, numbered as never before.
func (s *Server) mailbox() *imapmemserver.User {
	u := imapmemserver.NewUser(User, Password)
	// Each mailbox of a user gets the next number.
	for i := range s.number {
		must(u.Create(fmt.Sprintf("before %d", i), nil))
	}
	s.number++
	must(u.Create(Mailbox, nil))
	return u
}

// must ends the program on an error that the memory server cannot have.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Dial connects to the server, whatever the address, without a socket.
func (s *Server) Dial(ctx context.Context, network, _ string) (net.Conn, error) {
	s.mu.Lock()
	away := s.away
	s.mu.Unlock()
	if away {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	return s.door.knock(ctx)
}

// Start makes the server reachable over loopback, and returns the address.
func (s *Server) Start() (*net.TCPAddr, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for readers of mail: %w", err)
	}
	go s.imap.Serve(&listener{Listener: l, server: s})
	return l.Addr().(*net.TCPAddr), nil
}

// Deliver puts a mail into the mailbox. Its lines may end in \n.
func (s *Server) Deliver(raw string) {
	raw = strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\n", "\r\n")
	s.mu.Lock()
	u := s.user
	s.mu.Unlock()
	_, err := u.Append(Mailbox, literal{bytes.NewReader([]byte(raw))}, &imap.AppendOptions{})
	must(err)
}

type literal struct{ *bytes.Reader }

// Cut cuts all connections.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Conn.Close()
	}
}

// Away lets nobody connect, or somebody again, and cuts all connections.
func (s *Server) Away(away bool) {
	s.mu.Lock()
	s.away = away
	s.mu.Unlock()
	s.Cut()
}

// Deaf leaves every command without a reply from now on, or replies again.
func (s *Server) Deaf(deaf bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaf = deaf
}

// Refuse makes every login fail from now on, or succeed again.
func (s *Server) Refuse(refuse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuses = refuse
}

// Renumber puts an empty mailbox with other numbers (UIDVALIDITY) in the place
// of the old one, and cuts all connections.
func (s *Server) Renumber() {
	s.mu.Lock()
	s.user = s.mailbox()
	s.mu.Unlock()
	s.Cut()
}

// Logins tells when somebody tried to log in.
func (s *Server) Logins() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.logins)
}

// Mail is a mail in the mailbox.
type Mail struct {
	UID   uint32
	Flags []string
}

// observer logs in without being counted.
const observer = "observer"

// Mails returns what is in the mailbox.
func (s *Server) Mails(ctx context.Context) ([]Mail, error) {
	c, err := s.door.knock(ctx)
	if err != nil {
		return nil, err
	}
	client := imapclient.New(c, nil)
	defer client.Close()
	if err := client.Login(observer, "").Wait(); err != nil {
		return nil, fmt.Errorf("look into the mailbox: %w", err)
	}
	opened, err := client.Select(Mailbox, nil).Wait()
	if err != nil || opened.NumMessages == 0 {
		return nil, err
	}
	all, err := client.Fetch(imap.SeqSet{{Start: 1}}, &imap.FetchOptions{UID: true, Flags: true}).Collect()
	var mails []Mail
	for _, m := range all {
		mail := Mail{UID: uint32(m.UID)}
		for _, f := range m.Flags {
			mail.Flags = append(mail.Flags, strings.ToLower(string(f)))
		}
		mails = append(mails, mail)
	}
	return mails, err
}

// session is the conversation with one client.
type session struct {
	*imapmemserver.UserSession
	server *Server
}

func (s *session) Login(user, password string) error {
	if user == observer {
		return nil
	}
	s.server.mu.Lock()
	s.server.logins = append(s.server.logins, time.Now())
	refuses := s.server.refuses
	s.server.mu.Unlock()
	if refuses {
		return imapserver.ErrAuthFailed
	}
	return s.UserSession.Login(user, password)
}
