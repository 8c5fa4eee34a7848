package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/roster"
)

// FuzzForm feeds forms of strangers to the reader.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		"", "nonce=AAAAAAAAAAAAAAAAAAAAAAAAAA&status=safe&text=%E7%84%A1%E4%BA%8B&other=0123456789abcdef.7", "status=stranded&nonce=" + strings.Repeat("n", 100),
		"nonce=AAAAAAAAAAAAAAAAAAAAAAAAAA&status=help&text=%ff%00%e2%80%ae&other=.&other=x.99999999999999999999", "%", "a;b", "status=help&status=safe&nonce=AAAAAAAAAAAAAAAAAAAAAAAAAA",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPost, "/a/x", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		got, err := readForm(httptest.NewRecorder(), r)
		if err != nil {
			return
		}
		if got.status != broadcast.Safe && got.status != broadcast.Injured && got.status != broadcast.Help {
			t.Errorf("a form says %q", got.status)
		}
		sent, _ := url.ParseQuery(body)
		if pressed := sent.Get("status"); (pressed == "help" || pressed == "injured") && got.status == broadcast.Safe {
			t.Errorf("the button %s became safe", pressed)
		}
		if n := utf8.RuneCountInString(got.text); n > longestText+1 || !utf8.ValidString(got.text) || strings.ContainsFunc(got.text, unicode.IsControl) {
			t.Errorf("the words %q of %d characters", got.text, n)
		}
		st := broadcast.Standing{Answer: broadcast.Answer{ID: 7}}
		first := got.carrier(st, got.status)
		st.Answer = broadcast.Answer{ID: 8, Carrier: first, Status: got.status}
		if again := got.carrier(st, got.status); again != first {
			t.Errorf("the same form came in %q and in %q", first, again)
		}
		got.nonce += "x"
		if other := got.carrier(st, got.status); strings.HasPrefix(other, first) {
			t.Errorf("another form came in %q as well", other)
		}
	})
}

// FuzzRequest knocks at every door without a key.
func FuzzRequest(f *testing.F) {
	for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "PROPFIND"} {
		for _, path := range []string{"/", "/a/", "/a/AAAAAAAAAAAAAAAAAAAAAAAAAA", "/b/%00", "/a/../b/x", "//a/x", "/a/ａ", "*", ""} {
			f.Add(method, path, "lang=ja", "192.0.2.1, ::1%eth0")
		}
	}
	store, err := sqlstore.Open(f.Context(), filepath.Join(f.TempDir(), "anpi.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { store.Close() })
	service := &broadcast.Service{
		Store: store, Ladder: broadcast.DefaultLadder(), Wake: func() {},
		Roster: func() roster.Roster {
			return roster.Roster{Members: []roster.Member{{ID: "card:grandma", Name: "Grandma", Emails: []string{"g@example.net"}}}}
		},
	}
	done, err := service.Start(f.Context(), time.Now(), broadcast.StartRequest{Kind: broadcast.Real, Key: "fuzz"})
	if err != nil {
		f.Fatal(err)
	}
	token := broadcast.NewToken()
	_, err = service.Commit(f.Context(), broadcast.Change{Now: time.Now(), Links: []broadcast.Link{{Hash: broadcast.HashToken(token), CheckID: done.Started.ID, MemberID: "card:grandma"}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, path, query, forwarded string) {
		site := New(Options{Service: service, Language: "ja", Zone: time.UTC, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Method, r.URL = method, &url.URL{Path: path, RawQuery: query}
		r.Header.Set("X-Forwarded-For", forwarded)
		w := httptest.NewRecorder()
		site.Handler().ServeHTTP(w, r)
		switch w.Code {
		case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusBadRequest:
		default:
			t.Errorf("%s %q without a key: %d", method, path, w.Code)
		}
		if w.Header().Get("Content-Security-Policy") != policy || strings.Contains(w.Body.String(), "Grandma") {
			t.Errorf("%s %q: %v\n%s", method, path, w.Header(), w.Body)
		}
		if answers, err := store.Answers(t.Context(), done.Started.ID); err != nil || len(answers) > 0 {
			t.Errorf("%s %q has answered: %v, %v", method, path, answers, err)
		}
	})
}
