package roster_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/roster/rostertest"
	"github.com/google/go-cmp/cmp"
)

// on answers requests that match with h, all others as ever.
func on(matches func(asked string) bool, h http.HandlerFunc) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			if matches(r.Method + " " + r.URL.Path + " " + string(body)) {
				h(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func containing(s string) func(string) bool {
	return func(asked string) bool { return strings.Contains(asked, s) }
}

// rewriting changes the body of every answer to a request that contains s.
func rewriting(s string, change func(string) string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return on(containing(s), func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			for k, v := range rec.Header() {
				w.Header()[k] = v
			}
			w.WriteHeader(rec.Code)
			_, _ = io.WriteString(w, change(rec.Body.String()))
		})(next)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", code) }
}

// Whatever goes wrong with a request, a sync either sees the world as it is or
// fails and keeps the one before. What changed meanwhile: one card was deleted,
// one was added.
func TestFaults(t *testing.T) {
	const seen, kept = "seen", "kept"
	manyBytes := strings.Repeat("<!-- "+strings.Repeat("x", 1000)+" -->", 17<<10)
	tests := map[string]struct {
		fault func(http.Handler) http.Handler
		want  string
		is    error
	}{
		"token refused (403, Radicale)":   {on(containing("sync-token>http"), status(403)), seen, nil},
		"token refused (500, Xandikos)":   {on(containing("sync-token>http"), status(500)), seen, nil},
		"sync-collection not there":       {on(containing("<sync-collection"), status(501)), seen, nil},
		"changes cut off":                 {rewriting("sync-token>http", func(s string) string { return s[:len(s)/2] }), seen, nil},
		"changes with one card forbidden": {rewriting("sync-token>http", func(s string) string { return strings.Replace(s, "200 OK", "403 Forbidden", 1) }), seen, nil},
		"every list cut off":              {rewriting("", func(s string) string { return s[:len(s)/2] }), kept, nil},
		"a login page with 200":           {rewriting("", func(string) string { return "<html>Log in</html>" }), kept, nil},
		"a list of 17 MiB":                {rewriting("family", func(s string) string { return strings.Replace(s, "<d:response>", manyBytes+"<d:response>", 1) }), kept, roster.ErrTooLarge},
		"throttled":                       {on(containing("family"), status(429)), kept, roster.ErrThrottled},
		"proxy without server":            {on(containing("family"), status(502)), kept, roster.ErrUnavailable},
		"book not shared any more":        {on(containing("addressbooks/users/anpi/family"), status(403)), kept, roster.ErrForbidden},
		"book gone":                       {on(containing("addressbooks/users/anpi/family"), status(404)), kept, roster.ErrNotFound},
		"connection cut":                  {on(containing("family"), func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), kept, roster.ErrUnavailable},
		"batch refused":                   {on(containing("multiget"), status(413)), seen, nil},
		"batch cut off":                   {rewriting("multiget", func(s string) string { return s[:len(s)/2] }), seen, nil},
		"batch without the card": {rewriting("multiget", func(s string) string {
			return regexp.MustCompile(`(?s)<d:response>.*</d:response>`).ReplaceAllString(s, "")
		}), seen, nil},
		"batch and card time out":      {on(func(a string) bool { return strings.Contains(a, "multiget") || strings.HasPrefix(a, "GET") }, status(504)), kept, roster.ErrUnavailable},
		"weak ETags":                   {rewriting("", func(s string) string { return strings.ReplaceAll(s, "<d:getetag>&#34;", "<d:getetag>W/&#34;") }), seen, nil},
		"ETags without quotes":         {rewriting("", func(s string) string { return strings.ReplaceAll(s, "&#34;", "") }), seen, nil},
		"an answer with nothing in it": {rewriting("", func(string) string { return `<d:multistatus xmlns:d="DAV:"/>` }), kept, nil},
		"a login page instead of cards": {on(func(a string) bool { return strings.Contains(a, "multiget") || strings.HasPrefix(a, "GET") }, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = io.WriteString(w, "<html>Log in</html>")
		}), kept, nil},
		"token missing": {rewriting("family", func(s string) string {
			return regexp.MustCompile(`<d:sync-token>.*?</d:sync-token>`).ReplaceAllString(s, "")
		}), seen, nil},
		"deleted cards as missing properties": {rewriting("sync-token>http", func(s string) string {
			return strings.ReplaceAll(s, "<d:status>HTTP/1.1 404 Not Found</d:status></d:response>", "<d:propstat><d:prop><d:getetag/></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>")
		}), seen, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHousehold(t)
			h.server.PutCard("family", "leaves", vcard("UID:leaves", "FN:Leaves"))
			h.sync()
			before := h.state()
			h.server.DeleteCard("family", "leaves")
			h.server.PutCard("family", "comes", vcard("UID:comes", "FN:Comes"))

			h.server.Intercept(tt.fault)
			err := h.trySync()
			if tt.want == seen {
				if err != nil {
					t.Fatal(err)
				}
				h.wantNames("Comes", "お母さん", "お父さん", "ネズミ")
				return
			}
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) {
				t.Fatalf("error is %v, want %v", err, tt.is)
			}
			if roster.Advice(err) == "" || strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "remote.php") {
				t.Errorf("error %q, advice %q", err, roster.Advice(err))
			}
			if diff := cmp.Diff(before, h.state()); diff != "" {
				t.Errorf("the state changed:\n%s", diff)
			}
			h.server.Intercept(nil)
			h.sync()
			h.wantNames("Comes", "お母さん", "お父さん", "ネズミ")
		})
	}
}

// A server in trouble is left alone: no complete list after a failed one.
func TestAServerInTroubleIsAskedOnce(t *testing.T) {
	for _, code := range []int{401, 429, 502, 503, 504} {
		h := newHousehold(t)
		h.sync()
		h.server.Intercept(on(containing("family"), status(code)))
		h.server.Requests()
		if err := h.trySync(); err == nil {
			t.Errorf("%d: no error", code)
		}
		// One for the accounts, one for the family.
		if asked := h.server.Requests(); len(asked) != 2 {
			t.Errorf("%d: requests %v", code, asked)
		}
	}
}

// An answer without end is given up.
func TestAnEndlessAnswer(t *testing.T) {
	endless := roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 207, Header: http.Header{}, Body: io.NopCloser(zeros{}), Request: r}, nil
	})
	src, err := roster.NewSource(roster.Options{URL: "http://nextcloud.test", User: "anpi", Transport: endless})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.AddressBooks(t.Context()); !errors.Is(err, roster.ErrTooLarge) {
		t.Errorf("error is %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// Two Nextclouds on one host: .well-known leads to the other one.
func TestNextcloudBelowAPath(t *testing.T) {
	ours, other := rostertest.New("anpi", "secret"), rostertest.New("anpi", "secret")
	ours.AddBook("ours", "Ours")
	below := roundTripper(func(r *http.Request) (*http.Response, error) {
		path, ok := strings.CutPrefix(r.URL.Path, "/cloud")
		if !ok {
			return other.Transport().RoundTrip(r)
		}
		r = r.Clone(r.Context())
		r.URL.Path = path
		resp, err := ours.Transport().RoundTrip(r)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body = io.NopCloser(strings.NewReader(strings.ReplaceAll(string(body), "/remote.php", "/cloud/remote.php")))
		return resp, err
	})
	src, err := roster.NewSource(roster.Options{URL: "http://nextcloud.test/cloud", User: "anpi", Password: "secret", Transport: below})
	if err != nil {
		t.Fatal(err)
	}
	books, err := src.AddressBooks(t.Context())
	if err != nil || len(books) != 3 || books[2].Name != "Ours" {
		t.Errorf("books %v, error %v", books, err)
	}
}

// Weak and plain ETags are the same card: a proxy that starts to compress must
// not make every card look new.
func TestWeakETagsAreTheSameETags(t *testing.T) {
	h := newHousehold(t)
	h.sync()
	h.server.Intercept(rewriting("", func(s string) string { return strings.ReplaceAll(s, "<d:getetag>&#34;", "<d:getetag>W/&#34;") }))
	h.now = h.now.Add(25 * time.Hour)
	h.server.Requests()
	h.sync()
	for _, asked := range h.server.Requests() {
		if strings.Contains(asked, "multiget") || strings.HasPrefix(asked, "GET") {
			t.Errorf("fetched again: %s", asked)
		}
	}
}

func TestABookLongerThanAFirstListTells(t *testing.T) {
	h := newHousehold(t)
	h.server.SetTruncation(20)
	for i := range 120 {
		h.server.PutCard("family", fmt.Sprint(i), vcard(fmt.Sprint("UID:", i), fmt.Sprint("FN:Neighbour ", i)))
	}
	if r := h.sync(); len(r.Members) != 123 {
		t.Fatalf("%d members, want 123", len(r.Members))
	}
	// From here on changes are enough.
	h.server.DeleteCard("family", "7")
	h.server.Requests()
	if r := h.sync(); len(r.Members) != 122 {
		t.Fatalf("%d members, want 122", len(r.Members))
	}
	if asked := h.server.Requests(); len(asked) != 2 {
		t.Errorf("requests: %v", asked)
	}
}

// In a batch of fifty one card is unreadable: the other forty-nine are read.
func TestAMalformedCardInABatch(t *testing.T) {
	h := newHousehold(t)
	for i := range 50 {
		h.server.PutCard("family", fmt.Sprint(i), vcard(fmt.Sprint("UID:", i), fmt.Sprint("FN:Neighbour ", i)))
	}
	h.server.PutCard("family", "13", "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Thirteen\r\n")
	r := h.sync()
	if len(r.Members) != 52 || len(r.Warnings) != 1 || r.Warnings[0].Card != "13.vcf" {
		t.Errorf("%d members, warnings %v", len(r.Members), r.Warnings)
	}
}

// Radicale and Xandikos answer 404 for a card that went between list and
// batch, which costs go-webdav the batch.
func TestADeletedCardInABatch(t *testing.T) {
	h := newHousehold(t)
	h.server.PutCard("family", "goes", vcard("UID:goes", "FN:Goes"))
	h.server.PutCard("family", "stays", vcard("UID:stays", "FN:Stays"))
	h.server.Intercept(func(next http.Handler) http.Handler {
		return on(containing("multiget"), func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "family") {
				h.server.DeleteCard("family", "goes")
			}
			next.ServeHTTP(w, r)
		})(rewriting("family/goes.vcf", func(s string) string {
			return strings.Replace(s, "</d:multistatus>", "<d:response><d:href>/remote.php/dav/addressbooks/users/anpi/family/goes.vcf</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response></d:multistatus>", 1)
		})(next))
	})
	r := h.sync()
	h.wantNames("Stays", "お母さん", "お父さん", "ネズミ")
	if len(r.Warnings) > 0 {
		t.Errorf("warnings: %v", r.Warnings)
	}
}

// The share settings of a Nextcloud may hide the card of an account that the
// list of accounts still has.
func TestACardThatMayNotBeRead(t *testing.T) {
	h := newHousehold(t)
	h.server.Intercept(func(next http.Handler) http.Handler {
		hidden := func(asked string) bool { return strings.HasPrefix(asked, "GET") && strings.Contains(asked, "otosan") }
		return on(hidden, status(403))(rewriting("multiget", func(s string) string {
			return regexp.MustCompile(`<d:response><d:href>[^<]*otosan.*?</d:response>`).ReplaceAllString(s, "")
		})(next))
	})
	r := h.sync()
	want := []roster.Warning{{Book: "Accounts", Card: "Database:otosan.vcf", Reason: "left out: the server does not let this account read it"}}
	if diff := cmp.Diff(want, r.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	h.wantNames("お母さん", "ネズミ")
	// A day later it may be read.
	h.server.Intercept(nil)
	h.now = h.now.Add(24 * time.Hour)
	h.sync()
	h.wantNames("お母さん", "お父さん", "ネズミ")
}

// Avatars are not asked for, and where a whole card is fetched they don't count.
func TestPhotos(t *testing.T) {
	h := newHousehold(t)
	photo := "PHOTO;ENCODING=b;TYPE=image/jpeg:" + strings.Repeat("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVpBQkNERUZHSElKS0xNTk9QUVJTVFVWV1g\r\n ", 20_000) + "QQ=="
	h.server.PutCard("family", "big", vcard("UID:big", photo, "FN:Big"))
	var received int
	h.server.Intercept(rewriting("multiget", func(s string) string { received += len(s); return s }))
	h.sync()
	if received > 10_000 {
		t.Errorf("the cards came with %d bytes", received)
	}
	h.server.PutCard("family", "broken", "nonsense")
	h.server.PutCard("family", "big", vcard("UID:big", photo, "FN:Bigger"))
	h.sync()
	h.wantNames("Bigger", "お母さん", "お父さん", "ネズミ")
}

func TestABookOfTooManyCards(t *testing.T) {
	h := newHousehold(t)
	h.server.SetTruncation(10_000)
	for i := range 5001 {
		h.server.PutCard("family", fmt.Sprint(i), vcard(fmt.Sprint("UID:", i), "FN:x"))
	}
	if err := h.trySync(); !errors.Is(err, roster.ErrTooLarge) || !strings.Contains(err.Error(), "more than 5000 cards") {
		t.Errorf("error is %v", err)
	}
}

// A redirect keeps the method, and the password goes nowhere else.
func TestRedirects(t *testing.T) {
	s := rostertest.New("anpi", "secret")
	s.AddAccount("okasan", "お母さん", "")
	tests := map[string]struct {
		location string
		ok       bool
	}{
		"as Nextcloud does":   {"http://nextcloud.test/remote.php/dav/", true},
		"with the port":       {"http://nextcloud.test:80/remote.php/dav/", true},
		"relative":            {"/remote.php/dav/", true},
		"to another host":     {"http://evil.test/remote.php/dav/", false},
		"to another port":     {"http://nextcloud.test:8080/remote.php/dav/", false},
		"to https":            {"https://nextcloud.test/remote.php/dav/", false},
		"to itself, for ever": {"/.well-known/carddav", false},
		"to nowhere":          {"", false},
	}
	for name, tt := range tests {
		for code := range map[int]bool{301: true, 302: true, 307: true, 308: true} {
			t.Run(fmt.Sprint(name, " ", code), func(t *testing.T) {
				var strayed []string
				wellKnownOnly := roundTripper(func(r *http.Request) (*http.Response, error) {
					if r.URL.Hostname() != "nextcloud.test" || r.URL.Scheme != "http" || r.URL.Port() == "8080" {
						strayed = append(strayed, r.URL.String())
					}
					return s.Transport().RoundTrip(r)
				})
				s.Intercept(func(next http.Handler) http.Handler {
					shut := on(func(asked string) bool { return !tt.ok && !strings.Contains(asked, ".well-known") }, status(405))
					return on(containing("PROPFIND /.well-known"), func(w http.ResponseWriter, _ *http.Request) {
						w.Header().Set("Location", tt.location)
						w.WriteHeader(code)
					})(shut(next))
				})
				src, err := roster.NewSource(roster.Options{URL: s.URL(), User: "anpi", Password: "secret", Transport: wellKnownOnly})
				if err != nil {
					t.Fatal(err)
				}
				_, err = src.AddressBooks(t.Context())
				if (err == nil) != tt.ok {
					t.Errorf("error is %v", err)
				}
				if strings.Contains(tt.location, "//") && !tt.ok && !errors.Is(err, roster.ErrRedirect) {
					t.Errorf("error %v is not ErrRedirect", err)
				}
				if strayed != nil {
					t.Errorf("asked elsewhere: %v", strayed)
				}
			})
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Without a redirect at .well-known the usual place is tried, and then the URL.
func TestDiscoveryFallsBack(t *testing.T) {
	s := rostertest.New("anpi", "secret")
	s.Intercept(on(containing("/.well-known"), status(404)))
	for _, url := range []string{"", "/", "/remote.php/dav"} {
		src, err := roster.NewSource(roster.Options{URL: s.URL() + url, User: "anpi", Password: "secret", Transport: s.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		if books, err := src.AddressBooks(t.Context()); err != nil || len(books) != 2 {
			t.Errorf("%q: books %v, error %v", url, books, err)
		}
	}
}

// A .well-known that leads away, as behind a proxy that hides https, is no
// reason to give up.
func TestDiscoveryGoesOnAfterARedirectElsewhere(t *testing.T) {
	s := rostertest.New("anpi", "secret")
	s.Intercept(on(containing("/.well-known"), func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://nextcloud.test/remote.php/dav/", http.StatusMovedPermanently)
	}))
	src, err := roster.NewSource(roster.Options{URL: s.URL(), User: "anpi", Password: "secret", Transport: s.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	if books, err := src.AddressBooks(t.Context()); err != nil || len(books) != 2 {
		t.Errorf("books %v, error %v", books, err)
	}
}

// A server that gives no ETags: a card that it says has changed has changed.
func TestCardsWithoutETags(t *testing.T) {
	h := newHousehold(t)
	h.server.Intercept(rewriting("", func(s string) string {
		return regexp.MustCompile(`<d:getetag>.*?</d:getetag>`).ReplaceAllString(s, "")
	}))
	h.sync()
	h.server.AddAccount("okasan", "Mother", "")
	h.sync()
	h.wantNames("Mother", "お父さん", "ネズミ")
}

// A card without UID is called after its file; in the system book that is the
// back end and the user id.
func TestCardsWithoutUID(t *testing.T) {
	h := newHousehold(t)
	h.server.PutCard("family", "a:b", "BEGIN:VCARD\r\nFN:A\r\nEND:VCARD\r\n")
	h.server.PutCard(rostertest.SystemURI, "LDAP:obasan", "BEGIN:VCARD\r\nFN:B\r\nEND:VCARD\r\n")
	r := h.sync()
	for _, id := range []string{"card:a:b", "talk:obasan"} {
		if _, ok := r.ByID(id); !ok {
			t.Errorf("%s is not among %v", id, ids(r.Members))
		}
	}
}

// A server that takes the request and never answers is given up after a minute.
func TestAServerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHousehold(t)
		h.sync()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		h.server.Intercept(on(containing("family"), func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		start := time.Now()
		_, err := h.source.Sync(ctx, h.state(), h.now)
		if waited := time.Since(start); !errors.Is(err, roster.ErrUnavailable) || waited != time.Minute {
			t.Errorf("after %v: %v", waited, err)
		}
		time.AfterFunc(time.Second, cancel)
		if _, err := h.source.Sync(ctx, h.state(), h.now); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
}

// No stored state is ever written to: who holds the one before still has it.
func TestSyncLeavesThePreviousStateAlone(t *testing.T) {
	h := newHousehold(t)
	h.server.PutCard("family", "a", vcard("UID:a", "FN:A"))
	h.sync()
	before, reference := h.state(), h.state()
	h.server.DeleteCard("family", "a")
	h.server.AddAccount("okasan", "Mother", "")
	if _, err := h.source.Sync(t.Context(), before, h.now); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(reference, before); diff != "" {
		t.Errorf("changed:\n%s", diff)
	}
}

func TestBadOptions(t *testing.T) {
	good := roster.Options{URL: "https://cloud.example", User: "anpi"}
	if _, err := roster.NewSource(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*roster.Options){
		"no URL":    func(o *roster.Options) { o.URL = "" },
		"no scheme": func(o *roster.Options) { o.URL = "cloud.example" },
		"ftp":       func(o *roster.Options) { o.URL = "ftp://cloud.example" },
		"query":     func(o *roster.Options) { o.URL += "?a=b" },
		"no user":   func(o *roster.Options) { o.User = "" },
		"negative":  func(o *roster.Options) { o.FullEvery = -1 },
	} {
		o := good
		spoil(&o)
		if _, err := roster.NewSource(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
