// Package rostertest is a small CardDAV server that answers like Nextcloud. It
// serves tests of the roster, and the demo, which has no Nextcloud at hand.
//
//	s := rostertest.New("anpi", "app-password")
//	s.AddAccount("okasan", "お母さん", "okasan@example.net")
//	s.AddBook("family", "家族")
//	s.PutCard("family", "baby", "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:baby-1\r\nFN:Baby\r\nEND:VCARD\r\n")
//	src, err := roster.NewSource(roster.Options{
//		URL: s.URL(), User: "anpi", Password: "app-password", Transport: s.Transport(),
//	})
//
// [Server.Transport] calls the server in process, which works on fake time;
// [Server.Start] listens on loopback. It knows what a client needs to discover,
// list, follow, read and write cards of one account. Sync tokens behave as in
// Nextcloud: one that is newer than the book, or older than the log of
// changes, is accepted without a word.
package rostertest

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	dav       = "/remote.php/dav/"
	SystemURI = "z-server-generated--system" // the address book of all accounts
)

// Server is one account's view of a Nextcloud. It is safe for concurrent use.
type Server struct {
	user, password string

	mu          sync.Mutex
	books       []*book
	maintenance bool
	truncation  int
	intercept   func(http.Handler) http.Handler
	requests    []string
}

type book struct {
	uri, name, description string
	readOnly               bool
	token                  int
	cards                  map[string]card // by file name
	changes                []change
}

type card struct{ data, etag string }

type change struct {
	token   int // of the book after this change
	file    string
	deleted bool
}

// New makes a server with the system address book and an empty "contacts".
func New(user, password string) *Server {
	s := &Server{user: user, password: password, truncation: 2500}
	s.AddBook("contacts", "Contacts")
	s.AddBook(SystemURI, "Accounts")
	system := s.book(SystemURI)
	system.readOnly, system.description = true, "System address book which holds all accounts"
	return s
}

// AddBook makes an address book; uri is its last path element. One whose uri
// begins with "z-app-generated--" is read-only and has no sync token, like the
// books of apps.
func (s *Server) AddBook(uri, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books = append(s.books, &book{
		uri: uri, name: name, token: 1, cards: make(map[string]card),
		readOnly: strings.HasPrefix(uri, "z-app-generated--"),
	})
}

// RemoveBook takes an address book away with all its cards.
func (s *Server) RemoveBook(uri string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books = slices.DeleteFunc(s.books, func(b *book) bool { return b.uri == uri })
}

// AddAccount makes or changes a user of the server: the card in the system
// address book, with an avatar. email may be "".
func (s *Server) AddAccount(user, name, email string) {
	var v strings.Builder
	fmt.Fprintf(&v, "BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//Sabre//Sabre VObject 4.5.6//EN\r\nUID:%s\r\n", user)
	fmt.Fprintf(&v, "FN;X-NC-SCOPE=v2-federated:%s\r\nN;X-NC-SCOPE=v2-federated:%s;;;;\r\n", name, name)
	if email != "" {
		fmt.Fprintf(&v, "EMAIL;TYPE=OTHER;X-NC-SCOPE=v2-federated:%s\r\n", email)
	}
	v.WriteString("PHOTO;ENCODING=b;TYPE=image/png:iVBORw0KGgo=\r\n")
	fmt.Fprintf(&v, "X-SOCIALPROFILE;TYPE=NEXTCLOUD;X-NC-SCOPE=v2-published:http://127.0.0.1:808\r\n 0/index.php/u/%s\r\n", user)
	fmt.Fprintf(&v, "CLOUD:%s@http://127.0.0.1:8080\r\nEND:VCARD\r\n", user)
	s.PutCard(SystemURI, "Database:"+user, v.String())
}

// RemoveAccount deletes the card of a user.
func (s *Server) RemoveAccount(user string) { s.DeleteCard(SystemURI, "Database:"+user) }

// PutCard stores text as it is, readable or not, as uri/name.vcf.
func (s *Server) PutCard(uri, name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustBook(uri).put(name+".vcf", text)
}

// DeleteCard removes uri/name.vcf.
func (s *Server) DeleteCard(uri, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustBook(uri).remove(name + ".vcf")
}

// ForgetChanges prunes the log from which changes since a token are told, as
// Nextcloud does after 60 days: deletions in it are never told any more.
func (s *Server) ForgetChanges(uri string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustBook(uri).changes = nil
}

// SetMaintenance switches maintenance mode on or off.
func (s *Server) SetMaintenance(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maintenance = on
}

// SetPassword revokes the app password by replacing it.
func (s *Server) SetPassword(password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.password = password
}

// SetTruncation is after how many cards a first sync-collection is cut off,
// 2,500 at the start.
func (s *Server) SetTruncation(cards int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.truncation = cards
}

// Intercept puts a handler around the server, for faults: it may answer itself,
// change what the server answers, wait, or panic with http.ErrAbortHandler to
// cut the connection. nil takes it away.
func (s *Server) Intercept(around func(next http.Handler) http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.intercept = around
}

// Requests returns what was asked since the last call, oldest first: method,
// name of the report if it is one, path.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.requests
	s.requests = nil
	return asked
}

// URL is the address to use with Transport. Nothing listens there.
func (s *Server) URL() string { return "http://nextcloud.test" }

// Start listens on loopback until stop is called.
func (s *Server) Start() (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("listen on loopback: %w", err)
	}
	srv := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		// It ends with http.ErrServerClosed only.
		_ = srv.Serve(l)
	}()
	return "http://" + l.Addr().String(), func() { _ = srv.Close(); <-done }, nil
}

// Transport calls the server in process.
func (s *Server) Transport() http.RoundTripper { return inProcess{s} }

type inProcess struct{ s *Server }

func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	got := req.Clone(req.Context())
	got.RequestURI = req.URL.RequestURI()
	if got.Body == nil {
		got.Body = http.NoBody
	}
	defer got.Body.Close()
	rec := &recorder{header: make(http.Header), status: http.StatusOK}
	done := make(chan error, 1)
	go func() {
		defer func() {
			switch p := recover(); p {
			case nil:
				done <- nil
			case http.ErrAbortHandler:
				done <- io.ErrUnexpectedEOF
			default:
				panic(p)
			}
		}()
		t.s.ServeHTTP(rec, got)
	}()
	select {
	case err := <-done:
		if err != nil {
			return nil, err
		}
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", rec.status, http.StatusText(rec.status)), StatusCode: rec.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: rec.header,
		Body: io.NopCloser(strings.NewReader(rec.body.String())), ContentLength: int64(rec.body.Len()), Request: req,
	}, nil
}

type recorder struct {
	header http.Header
	status int
	wrote  bool
	body   strings.Builder
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.status, r.wrote = status, true
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

func (s *Server) book(uri string) *book {
	for _, b := range s.books {
		if b.uri == uri {
			return b
		}
	}
	return nil
}

func (s *Server) mustBook(uri string) *book {
	b := s.book(uri)
	if b == nil {
		panic("rostertest: no address book " + uri)
	}
	return b
}

func (b *book) put(file, text string) {
	sum := md5.Sum([]byte(text))
	b.cards[file] = card{data: text, etag: hex.EncodeToString(sum[:])}
	b.token++
	b.changes = append(b.changes, change{token: b.token, file: file})
}

func (b *book) remove(file string) {
	delete(b.cards, file)
	b.token++
	b.changes = append(b.changes, change{token: b.token, file: file, deleted: true})
}

func (b *book) syncToken() string { return fmt.Sprintf("%s%d", tokenPrefix, b.token) }

const tokenPrefix = "http://sabre.io/ns/sync/"

var errBadToken = errors.New("sync token is not ours")

func (s *Server) home() string { return dav + "addressbooks/users/" + url.PathEscape(s.user) + "/" }

func (s *Server) principal() string { return dav + "principals/users/" + url.PathEscape(s.user) + "/" }
