package web_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
)

// gone makes a request of somebody who is not there any more.
func gone(r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	cancel()
	*r = *r.WithContext(ctx)
}

// TestALinkScannerAnswersForNobody: mail systems open every link before the
// person does.
func TestALinkScannerAnswersForNobody(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Real, "")
		links := []string{h.link(check, dad), h.link(check, grandma), h.link(check, grandpa), h.link(check, uncle), h.board()}
		for _, link := range links {
			for range 3 {
				for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
					for _, header := range []string{"", "Sec-Purpose: prefetch;prerender", "Purpose: prefetch", "X-Moz: prefetch"} {
						for _, query := range []string{"", "?lang=ja", "?lang=en&done", "?status=safe&nonce=AAAAAAAAAAAAAAAAAAAAAAAAAA"} {
							r := httptest.NewRequest(method, link+query, nil)
							if name, value, ok := strings.Cut(header, ": "); ok {
								r.Header.Set(name, value)
							}
							h.request(r)
						}
					}
				}
				h.request(httptest.NewRequest(http.MethodPost, link, nil))
			}
		}
		if all := h.answers(check); len(all) > 0 {
			t.Errorf("a scanner has answered: %+v", all)
		}
		// The people behind the links can still answer.
		time.Sleep(time.Minute)
		h.page(links[1]).press("safe", "")
	})
}

func TestOnlyAFormOfThePageAnswers(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Real, "")
		link := h.link(check, grandma)
		p := h.page(link)
		good := p.form("safe", "")
		without := func(field string) url.Values {
			f := url.Values{}
			for k, v := range good {
				f[k] = v
			}
			f.Del(field)
			return f
		}
		with := func(field, value string) url.Values {
			f := without(field)
			f.Set(field, value)
			return f
		}
		header := func(name, value string) func(*http.Request) {
			return func(r *http.Request) { r.Header.Set(name, value) }
		}
		none := func(*http.Request) {}
		for _, row := range []struct {
			what   string
			form   url.Values
			change func(*http.Request)
			code   int
		}{
			{"no nonce", without("nonce"), none, 400},
			{"a short nonce", with("nonce", "A"), none, 400},
			{"no button", without("status"), none, 400},
			{"a button that is not there", with("status", "pending"), none, 400},
			{"a form in the address", url.Values{}, func(r *http.Request) { r.URL.RawQuery = "lang=ja&" + good.Encode() }, 400},
			{"a body that is no form", good, header("Content-Type", "text/plain"), 400},
			{"a book", with("text", strings.Repeat("長", 10000)), none, 413},
			{"another site", good, header("Sec-Fetch-Site", "cross-site"), 403},
			{"a neighbour", good, header("Sec-Fetch-Site", "same-site"), 403},
			{"another site in an old browser", good, header("Origin", "https://evil.example"), 403},
			{"a sandbox in an old browser", good, header("Origin", "null"), 403},
			{"another method", good, func(r *http.Request) { r.Method = http.MethodPut }, 405},
		} {
			w := p.sends(row.form, row.change)
			if w.Code != row.code {
				t.Errorf("%s: %d, want %d", row.what, w.Code, row.code)
			}
			wants(t, row.what, w.Body.String(), "まだ記録していない")
		}
		if all := h.answers(check); len(all) > 0 {
			t.Errorf("recorded: %+v", all)
		}
		for _, change := range []func(*http.Request){
			header("Sec-Fetch-Site", "same-origin"), header("Origin", "http://example.com"), header("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"),
		} {
			if w := p.sends(good, change); w.Code != http.StatusSeeOther {
				t.Errorf("a form of the page: %d", w.Code)
			}
		}
	})
}

func TestWhoeverHasNoLinkGetsOneSentence(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Real, "")
		answer, board := h.link(check, grandma), h.board()
		want := h.get("/").Body.String()
		wants(t, "the root", want, "There is no page here")
		for _, path := range []string{
			"/", "/a", "/a/", "/b/", "/favicon.ico", "/robots.txt", "/.git/config", "/a/" + broadcast.NewToken(), "/b/" + broadcast.NewToken(), "/a/x", answer + "/", answer + "x",
			strings.Replace(answer, "/a/", "/b/", 1), strings.Replace(board, "/b/", "/a/", 1), "//a/" + answer[3:], "/a/../b/x", "/a/%00", "/a/%2e%2e%2f", "/healthz",
		} {
			w := h.get(path)
			if w.Code != http.StatusNotFound || w.Body.String() != want {
				t.Errorf("GET %s: %d\n%s", path, w.Code, w.Body)
			}
		}
		// A link that was typed by hand works, whatever the case of its letters.
		h.page("/a/" + strings.ToLower(answer[3:]))
	})
}

func TestTheLinkIsLimitedAndTheButtonsStay(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Real, "")
		link := h.link(check, grandma)
		p := h.page(link)
		var w *httptest.ResponseRecorder
		for range 100 {
			w = h.get(link)
		}
		if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
			t.Fatalf("the 101st look: %d", w.Code)
		}
		wants(t, "the page", w.Body.String(), "wait a minute")
		if w := p.sends(p.form("help", "")); w.Code != http.StatusSeeOther {
			t.Fatalf("the button after a hundred looks: %d", w.Code)
		}
		// Others are not held up.
		h.page(h.link(check, uncle))
		for range 100 {
			w = p.sends(p.form("safe", ""))
		}
		if w.Code != http.StatusTooManyRequests {
			t.Errorf("the 101st answer: %d", w.Code)
		}
		time.Sleep(time.Minute)
		h.page(link).press("safe", "")
	})
}

func TestAnAddressThatGuessesIsHeldUp(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		from := func(address, via string) int {
			r := httptest.NewRequest(http.MethodGet, "/a/"+broadcast.NewToken(), nil)
			r.RemoteAddr = address
			if via != "" {
				r.Header.Set("X-Forwarded-For", via)
			}
			return h.request(r).Code
		}
		flood := func(address, via string) (last int) {
			for range 1000 {
				last = from(address, via)
			}
			return last
		}
		for _, row := range []struct {
			what, address, via string
			want               int
		}{
			{"an address", "192.0.2.1:1000", "", 429},
			{"the same house", "192.0.2.1:2000", "", 429},
			{"another house", "192.0.2.2:1000", "", 404},
			{"a lie", "192.0.2.1:1000", "192.0.2.7", 429},
			{"behind the proxy", "127.0.0.1:1000", "192.0.2.1", 429},
			{"behind the proxy, with a lie", "[::1]:1000", "192.0.2.7, 192.0.2.1", 429},
			{"another house behind the proxy", "127.0.0.1:1000", "192.0.2.3", 404},
			{"a proxy that says nothing", "127.0.0.1:1000", "", 404},
			{"a proxy that says nonsense", "127.0.0.1:1000", "unknown", 404},
			{"no address", "@", "", 404},
		} {
			if row.what == "an address" {
				flood(row.address, row.via)
			}
			if code := from(row.address, row.via); code != row.want {
				t.Errorf("%s: %d, want %d", row.what, code, row.want)
			}
		}
		if flood("[2001:db8::1]:1", "") != 429 || from("[2001:db8::2]:1", "") != 429 || from("[2001:db8:0:1::1]:1", "") != 404 {
			t.Error("of an IPv6 address, the network counts")
		}
		time.Sleep(time.Minute)
		if code := from("192.0.2.1:1000", ""); code != 404 {
			t.Errorf("a minute later: %d", code)
		}
	})
}

// TestALedgerThatFailsIsAdmitted: nobody may believe that they have answered.
func TestALedgerThatFailsIsAdmitted(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Real, "")
		link, board := h.link(check, grandma), h.board()
		p := h.page(link)
		h.store.Close()
		var log bytes.Buffer
		quiet := func(r *http.Request) { *r = *r.WithContext(zerolog.New(&log).WithContext(r.Context())) }
		w := p.sends(p.form("help", ""), quiet)
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("an answer that could not be recorded: %d", w.Code)
		}
		wants(t, "the page", w.Body.String(), "記録できなかった", "Dad 090-0000-0000", "171")
		for _, path := range []string{link, board} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			quiet(r)
			if w := h.request(r); w.Code != http.StatusServiceUnavailable {
				t.Errorf("a page that could not be read: %d", w.Code)
			}
		}
		wants(t, "the log", log.String(), "cannot find out whose answer page to show", "cannot show the board")
		lacks(t, "the log", log.String(), link[3:], board[3:], broadcast.HashToken(link[3:]), p.form("safe", "").Get("nonce"))
	})
}
