package roster

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-webdav/carddav"
)

// systemBook is the last path element of the address book that Nextcloud
// itself writes, one card for each account. Nobody else's book can have this
// name: one that is shared gets the name of its owner behind it.
const systemBook = "z-server-generated--system"

// Secret is a password that does not print: fmt and JSON show "[secret]".
type Secret string

// Format implements fmt.Formatter, for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[secret]")) }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// Options say where the address books are.
type Options struct {
	// URL is the one that opens Nextcloud in a browser, with http or https. The
	// URL of any CardDAV server, or of its DAV root, works as well.
	URL string
	// User and Password log in. Use an app password: with the password of the
	// account every request pays for a password hash.
	User     string
	Password Secret
	// Transport sends requests; nil is http.DefaultTransport.
	Transport http.RoundTripper
	// Books are display names, or last path elements, of the address books to
	// read; "" stands for Nextcloud's accounts. Empty: only these.
	Books []string
	// FullEvery is the longest time between two complete lists of a book. In
	// between the server is asked for changes only, and Nextcloud forgets old
	// deletions without saying so. Default (zero) 24 h.
	FullEvery time.Duration
}

// BookInfo is an address book that the account can see.
type BookInfo struct {
	Name   string // display name, clean; the last path element when it has none
	Path   string // on the server, ends in a slash
	System bool   // Nextcloud's accounts
	// ReadOnly is false also when the server does not say.
	ReadOnly bool

	token string // sync token at the time of asking, "" = none
}

// Source reads address books from one CardDAV server. It is safe for
// concurrent use.
type Source struct {
	options Options
	wire    *wire
	dav     *carddav.Client

	mu    sync.Mutex
	books []BookInfo // what discovery found, nil = look again
	asked time.Time  // when it found it, by the clock that Sync is given
}

// NewSource checks the options; it sends nothing.
func NewSource(o Options) (*Source, error) {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		// The text of err may quote a password that stands in the URL.
		return nil, errors.New("address book URL must look like https://cloud.example")
	case u.User != nil:
		return nil, errors.New("address book URL must not hold a user name or password: give them by themselves")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("address book URL must not have a ? or # in it")
	case o.User == "":
		return nil, errors.New("address book user is missing")
	case o.FullEvery < 0:
		return nil, fmt.Errorf("time between two complete lists must not be negative: %v", o.FullEvery)
	}
	if o.FullEvery == 0 {
		o.FullEvery = 24 * time.Hour
	}
	if len(o.Books) == 0 {
		o.Books = []string{""}
	}
	w := newWire(o, u)
	dav, err := carddav.NewClient(w, u.String())
	if err != nil {
		return nil, fmt.Errorf("set up address book client: %w", err)
	}
	// The password lives in the wire only.
	o.Password = ""
	return &Source{options: o, wire: w, dav: dav}, nil
}

// AddressBooks asks the server which address books this account can see, in the
// order of the server. Errors are those of [Source.Sync].
func (s *Source) AddressBooks(ctx context.Context) ([]BookInfo, error) {
	home, err := s.findHome(ctx)
	if err != nil {
		return nil, fmt.Errorf("find address books: %w", err)
	}
	books, err := s.list(ctx, home)
	if err != nil {
		return nil, fmt.Errorf("list address books: %w", err)
	}
	return books, nil
}

// findHome walks from the URL over the principal to the address book home.
func (s *Source) findHome(ctx context.Context) (string, error) {
	var failed error
	for _, endpoint := range s.endpoints() {
		home, err := s.homeFrom(ctx, endpoint)
		if err == nil {
			return home, nil
		}
		// A redirect that leads away is only one entrance that is shut.
		if ctx.Err() != nil || hopeless(err) && !errors.Is(err, ErrRedirect) {
			return "", err
		}
		if failed == nil {
			failed = fmt.Errorf("at %s: %w", endpoint.Path, err)
		} else {
			failed = fmt.Errorf("%w; at %s: %w", failed, endpoint.Path, err)
		}
	}
	return "", failed
}

// endpoints are the places to begin, likeliest first. A path in the URL means
// that several things live on this host, and .well-known may be another's.
func (s *Source) endpoints() []*url.URL {
	origin := s.wire.origin
	wellKnown := &url.URL{Scheme: origin.Scheme, Host: origin.Host, Path: "/.well-known/carddav"}
	nextcloud := origin.JoinPath("/remote.php/dav/")
	switch {
	case strings.Contains(origin.Path, "/remote.php/"):
		return []*url.URL{origin, wellKnown}
	case strings.Trim(origin.Path, "/") != "":
		return []*url.URL{nextcloud, wellKnown, origin}
	}
	return []*url.URL{wellKnown, nextcloud, origin.JoinPath("/")}
}

func (s *Source) homeFrom(ctx context.Context, endpoint *url.URL) (string, error) {
	dav, err := carddav.NewClient(s.wire, endpoint.String())
	if err != nil {
		return "", err
	}
	principal, err := dav.FindCurrentUserPrincipal(ctx)
	if err != nil {
		return "", fmt.Errorf("ask who we are: %w", err)
	}
	if principal == "" {
		return "", errors.New("ask who we are: the server does not know")
	}
	home, err := dav.FindAddressBookHomeSet(ctx, principal)
	if err != nil {
		return "", fmt.Errorf("ask for the home of the address books: %w", err)
	}
	if home == "" {
		return "", errors.New("ask for the home of the address books: there is none")
	}
	return home, nil
}

const listBooks = `<?xml version="1.0" encoding="utf-8"?>
<d:propfind xmlns:d="DAV:"><d:prop><d:resourcetype/><d:displayname/><d:sync-token/><d:current-user-privilege-set/></d:prop></d:propfind>`

// list asks for the address books in home. go-webdav's FindAddressBooks tells
// neither the privileges nor the sync token, which a complete list without
// sync-collection needs.
func (s *Source) list(ctx context.Context, home string) ([]BookInfo, error) {
	u := *s.wire.origin
	u.Path = home
	req, err := http.NewRequestWithContext(ctx, "PROPFIND", u.String(), strings.NewReader(listBooks))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Depth", "1")
	req.Header.Set("Content-Type", "application/xml; charset=utf-8")
	resp, err := s.wire.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer bookList
	if err := xml.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return answer.books(), nil
}

type bookList struct {
	XMLName   xml.Name `xml:"DAV: multistatus"`
	Responses []struct {
		Href     string `xml:"DAV: href"`
		PropStat []struct {
			Status string `xml:"DAV: status"`
			Prop   struct {
				Name  string `xml:"DAV: displayname"`
				Token string `xml:"DAV: sync-token"`
				Type  struct {
					AddressBook *struct{} `xml:"urn:ietf:params:xml:ns:carddav addressbook"`
				} `xml:"DAV: resourcetype"`
				Privileges *struct {
					List []struct {
						All   *struct{} `xml:"DAV: all"`
						Write *struct{} `xml:"DAV: write"`
						Bind  *struct{} `xml:"DAV: bind"`
					} `xml:"DAV: privilege"`
				} `xml:"DAV: current-user-privilege-set"`
			} `xml:"DAV: prop"`
		} `xml:"DAV: propstat"`
	} `xml:"DAV: response"`
}

func (l bookList) books() []BookInfo {
	var books []BookInfo
	for _, r := range l.Responses {
		href, err := url.Parse(strings.TrimSpace(r.Href))
		if err != nil || href.Path == "" {
			continue
		}
		b := BookInfo{Path: strings.TrimSuffix(href.Path, "/") + "/"}
		isBook := false
		for _, ps := range r.PropStat {
			if !strings.Contains(ps.Status, " 200") {
				continue
			}
			isBook = isBook || ps.Prop.Type.AddressBook != nil
			if ps.Prop.Name != "" {
				b.Name = clean(ps.Prop.Name)
			}
			if ps.Prop.Token != "" {
				b.token = strings.TrimSpace(ps.Prop.Token)
			}
			if p := ps.Prop.Privileges; p != nil {
				b.ReadOnly = true
				for _, may := range p.List {
					if may.All != nil || may.Write != nil || may.Bind != nil {
						b.ReadOnly = false
					}
				}
			}
		}
		if !isBook {
			continue
		}
		b.System = path.Base(b.Path) == systemBook
		if b.Name == "" {
			b.Name = clean(path.Base(b.Path))
		}
		books = append(books, b)
	}
	return books
}

// configured returns the address books of the options, each once. What
// discovery found is remembered, because it costs four requests.
func (s *Source) configured(ctx context.Context, now time.Time) ([]BookInfo, error) {
	there, err := s.known(ctx, now)
	if err != nil {
		return nil, err
	}
	var books []BookInfo
	for _, name := range s.options.Books {
		b, err := pick(there, name)
		if err != nil {
			// The person may be about to make or share it.
			s.forget()
			return nil, err
		}
		if !slices.ContainsFunc(books, func(have BookInfo) bool { return have.Path == b.Path }) {
			books = append(books, b)
		}
	}
	return books, nil
}

func (s *Source) known(ctx context.Context, now time.Time) ([]BookInfo, error) {
	s.mu.Lock()
	there, asked := s.books, s.asked
	s.mu.Unlock()
	if there != nil && !now.Before(asked) && now.Sub(asked) < s.options.FullEvery {
		return there, nil
	}
	there, err := s.AddressBooks(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books, s.asked = there, now
	return there, nil
}

// forget makes the next sync look for the address books again.
func (s *Source) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books = nil
}

// ownName is what the owner calls a book. Nextcloud shows one that is shared as
// "Family (Dad)".
func ownName(b BookInfo) string {
	if !strings.Contains(path.Base(b.Path), "_shared_by_") || !strings.HasSuffix(b.Name, ")") {
		return b.Name
	}
	// The owner's name may have brackets in it, too.
	depth := 0
	for i := len(b.Name) - 1; i > 0; i-- {
		switch b.Name[i] {
		case ')':
			depth++
		case '(':
			depth--
		}
		if depth == 0 {
			return strings.TrimSpace(b.Name[:i])
		}
	}
	return b.Name
}

// pick finds the book that somebody called name in a configuration.
func pick(there []BookInfo, name string) (BookInfo, error) {
	matches := []func(BookInfo) bool{
		func(b BookInfo) bool { return name == "" && b.System },
		func(b BookInfo) bool { return strings.Trim(b.Path, "/") == strings.Trim(name, "/") },
		func(b BookInfo) bool { return b.Name == name },
		func(b BookInfo) bool { return fold(b.Name) == fold(name) },
		func(b BookInfo) bool { return fold(path.Base(b.Path)) == fold(name) },
		func(b BookInfo) bool { return fold(ownName(b)) == fold(name) },
	}
	if name == "" {
		matches = matches[:1]
	}
	for _, is := range matches {
		var found []BookInfo
		for _, b := range there {
			if is(b) {
				found = append(found, b)
			}
		}
		switch {
		case len(found) == 1:
			return found[0], nil
		case len(found) > 1:
			return BookInfo{}, fmt.Errorf("%w: %d are called %q; name one by its path: %s", ErrNoBook, len(found), name, listOf(found, func(b BookInfo) string { return b.Path }))
		}
	}
	names := listOf(there, func(b BookInfo) string { return strconv.Quote(b.Name) })
	if name == "" {
		return BookInfo{}, fmt.Errorf("%w: the server shows no book of its accounts; there are: %s", ErrNoBook, names)
	}
	return BookInfo{}, fmt.Errorf("%w: %q; there are: %s", ErrNoBook, name, names)
}

func listOf(books []BookInfo, what func(BookInfo) string) string {
	var list []string
	for _, b := range books {
		list = append(list, what(b))
	}
	return cmp.Or(strings.Join(list, ", "), "none")
}
