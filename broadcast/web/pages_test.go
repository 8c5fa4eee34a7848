package web_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
)

// TestAPersonCanReadThePages renders the pages in both languages into files,
// which are to be read through whenever they change.
func TestAPersonCanReadThePages(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		story(t, func(t *testing.T, h *house) {
			check := h.check(broadcast.Drill, "大きな地震がありました")
			link := h.link(check, grandma)
			time.Sleep(30*time.Minute + time.Second)
			golden(t, "drill."+lang, h.page(link+"?lang="+lang).html)
			h.closes(check)

			check = h.check(broadcast.Real, "")
			link = h.link(check, grandma)
			board := h.board()
			golden(t, "board-empty."+lang, h.page(board+"?lang="+lang).html)
			h.says(check, uncle, broadcast.Unclear)
			time.Sleep(5 * time.Minute)
			p := h.page(link+"?lang="+lang).press("safe", "", "おじいちゃん")
			golden(t, "safe."+lang, p.html)
			time.Sleep(5 * time.Minute)
			golden(t, "help."+lang, p.press("help", "").html)
			golden(t, "board."+lang, h.page(board+"?lang="+lang).html)
			h.closes(check)
			golden(t, "late."+lang, h.page(link+"?lang="+lang).html)
			golden(t, "board-closed."+lang, h.page(board+"?lang="+lang).html)
			time.Sleep(31 * 24 * time.Hour)
			golden(t, "ended."+lang, h.get(link+"?lang="+lang).Body.String())
			golden(t, "board-nothing."+lang, h.page(board+"?lang="+lang).html)
			golden(t, "nothing."+lang, h.get("/?lang="+lang).Body.String())
		})
	}
}

// TestTheAnswerPageIsLight: one response of at most 14,000 bytes, headers
// included, with the longest names, question and words that there can be.
func TestTheAnswerPageIsLight(t *testing.T) {
	const most = 14000
	story(t, func(t *testing.T, h *house) {
		long := strings.Repeat("寿", 200)
		big := grandma
		big.Name = long
		h.members = []roster.Member{big, {ID: "card:x", Name: long, Emails: big.Emails}}
		h.service.Roster = func() roster.Roster { return roster.Roster{Members: h.members} }
		check := h.check(broadcast.Drill, strings.Repeat("震", 2000))
		p := h.page(h.link(check, big)+"?lang=ja").press("help", "", "寿")
		h.closes(check)
		w := h.get(p.path)
		n := w.Body.Len()
		for name, values := range w.Header() {
			n += len(name) + len(": \r\n") + len(values[0])
		}
		if n > most {
			t.Errorf("the longest page of two people has %d bytes, more than %d", n, most)
		}
		t.Logf("the longest page of two people has %d bytes", n)

		// A household of eight with names as people have them.
		h.members = []roster.Member{grandma}
		for i := range 7 {
			h.members = append(h.members, roster.Member{ID: fmt.Sprint("card:", i), Name: "長谷川 小百合（" + strconv.Itoa(i) + "番目の娘）", Emails: grandma.Emails})
		}
		check = h.check(broadcast.Drill, "大きな地震がありました。みんな無事ですか？")
		p = h.page(h.link(check, grandma))
		if n := len(p.html); n > most {
			t.Errorf("the page of a household of eight has %d bytes, more than %d", n, most)
		}
		t.Logf("the page of a household of eight has %d bytes", len(p.html))
		h.closes(check)

		h.members = nil
		for i := range 30 {
			h.members = append(h.members, roster.Member{ID: fmt.Sprint("card:", i), Name: "長谷川 小百合（" + strconv.Itoa(i) + "番目の娘）"})
		}
		h.check(broadcast.Drill, "")
		if n := h.get(h.board() + "?lang=ja").Body.Len(); n > most {
			t.Errorf("the board of thirty people has %d bytes, more than %d", n, most)
		} else {
			t.Logf("the board of thirty people has %d bytes", n)
		}
	})
}

// TestEveryResponseIsGuarded checks the headers of every kind of response.
func TestEveryResponseIsGuarded(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Real, "")
		link, board := h.link(check, grandma), h.board()
		p := h.page(link)
		responses := map[string]*httptest.ResponseRecorder{
			"answer page":     h.get(link),
			"answer":          p.sends(p.form("safe", "")),
			"board":           h.get(board),
			"nothing":         h.get("/"),
			"unknown link":    h.get("/a/" + broadcast.NewToken()),
			"unknown board":   h.get("/b/" + broadcast.NewToken()),
			"bad form":        p.sends(p.form("", "")),
			"other site":      p.sends(p.form("safe", ""), func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }),
			"method":          h.request(httptest.NewRequest(http.MethodDelete, link, nil)),
			"method on board": h.request(httptest.NewRequest(http.MethodPost, board, nil)),
			"options":         h.request(httptest.NewRequest(http.MethodOptions, "/", nil)),
		}
		for range 100 {
			responses["too often"] = h.get(link)
		}
		h.closes(check)
		time.Sleep(31 * 24 * time.Hour)
		responses["ended"] = h.get(link)
		h.store.Close()
		responses["no ledger"] = h.get(link)
		codes := map[string]int{}
		for name, w := range responses {
			codes[name] = w.Code
			hash := ""
			if m := styleOf.FindString(w.Body.String()); m != "" {
				sum := sha256.Sum256([]byte(strings.TrimSuffix(strings.TrimPrefix(m, "<style>"), "</style>")))
				hash = base64.StdEncoding.EncodeToString(sum[:])
			} else if name != "answer" {
				t.Errorf("%s: no page", name)
			}
			referrer := "no-referrer"
			if name == "answer page" {
				// See showAnswer.
				referrer = "same-origin"
			}
			want := http.Header{
				"Content-Type":           {"text/html; charset=utf-8"},
				"X-Content-Type-Options": {"nosniff"},
				"Referrer-Policy":        {referrer},
				"Cache-Control":          {"no-store"},
				"X-Robots-Tag":           {"noindex"},
			}
			got := w.Header().Clone()
			csp := got.Get("Content-Security-Policy")
			for _, name := range []string{"Content-Length", "Content-Security-Policy", "Allow", "Retry-After", "Location"} {
				got.Del(name)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: headers (-want +got):\n%s", name, diff)
			}
			for _, part := range []string{"default-src 'none'; ", "style-src 'sha256-" + hash, "; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"} {
				if !strings.Contains(csp, part) {
					t.Errorf("%s: the policy %q lacks %q", name, csp, part)
				}
			}
		}
		want := map[string]int{
			"answer page": 200, "answer": 303, "board": 200, "nothing": 404, "unknown link": 404, "unknown board": 404, "bad form": 400,
			"other site": 403, "method": 405, "method on board": 405, "options": 404, "too often": 429, "ended": 410, "no ledger": 503,
		}
		if diff := cmp.Diff(want, codes); diff != "" {
			t.Errorf("codes (-want +got):\n%s", diff)
		}
	})
}

// TestWhatPeopleWriteIsText puts names and questions that mean something to a
// browser on every page.
func TestWhatPeopleWriteIsText(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		for _, bad := range []string{
			`<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `"><svg onload=alert(1)>`, `'; alert(1); '`, `</title></style><b>`,
			`javascript:alert(1)`, `{{.Nonce}}`, `&lt;b&gt;`, "\u202eevil\u2066", "a\x00b\r\nSet-Cookie: a=b", "</textarea><form action=//evil.example>",
		} {
			person := roster.Member{ID: "card:1", Name: bad, Emails: []string{bad}}
			other := roster.Member{ID: "card:2", Name: "2" + bad, Emails: []string{bad}}
			h.members = []roster.Member{person, other}
			check := h.check(broadcast.Real, bad)
			p := h.page(h.link(check, person)+"?lang=ja").press("safe", bad)
			h.page(h.link(check, other)+"?lang=ja").press("safe", bad)
			board := h.page(h.board())
			for what, page := range map[string]string{"the page": p.html, "the page after another's answer": h.page(p.path).html, "the board": board.html} {
				body := styleOf.ReplaceAllString(page, "")
				lacks(t, what, body, "<script", "<img", "<svg", "<b>", "onerror=alert(1)>", "//evil.example>", "\u202e", "\u2066", "\x00")
				if n := strings.Count(body, "<form"); n > 1 {
					t.Errorf("%s has %d forms", what, n)
				}
			}
			// The name is there, for people to read.
			if name := strings.Map(visible, bad); !strings.Contains(strings.Map(visible, html.UnescapeString(board.html)), name) {
				t.Errorf("the board lacks %q:\n%s", name, board.html)
			}
			h.closes(check)
		}
	})
}

// visible leaves out what the pages leave out of names.
func visible(r rune) rune {
	if r <= ' ' || r == '\u202e' || r == '\u2066' {
		return -1
	}
	return r
}

var (
	rule   = regexp.MustCompile(`([^{}]+)\{([^}]*)\}`)
	colour = regexp.MustCompile(`(?:^|;)color:(#[0-9a-f]+)`)
	ground = regexp.MustCompile(`(?:^|;)background:(#[0-9a-f]+)`)
)

// TestEverybodyCanReadTheColours holds every pair of colours of the style to
// WCAG AA for small text, which is 4.5 to 1.
func TestEverybodyCanReadTheColours(t *testing.T) {
	css, err := os.ReadFile("style.css")
	if err != nil {
		t.Fatal(err)
	}
	pairs := 0
	for _, m := range rule.FindAllStringSubmatch(string(css), -1) {
		fg, bg := colour.FindStringSubmatch(m[2]), ground.FindStringSubmatch(m[2])
		if (fg == nil) != (bg == nil) {
			t.Errorf("%s sets one colour without the other, so nobody knows what it is read on", m[1])
		}
		if fg == nil || bg == nil {
			continue
		}
		pairs++
		if c := contrast(t, fg[1], bg[1]); c < 4.5 {
			t.Errorf("%s: %s on %s has a contrast of %.2f", strings.TrimSpace(m[1]), fg[1], bg[1], c)
		}
	}
	if pairs < 8 {
		t.Errorf("only %d pairs of colours were found: this test does not see what it should", pairs)
	}
	if c := contrast(t, "#fff", "#000000"); math.Abs(c-21) > 0.01 {
		t.Errorf("black on white has a contrast of %.2f, want 21", c)
	}
	for _, banned := range []string{"@import", "url(", "@font-face", "/*"} {
		lacks(t, "the style", string(css), banned)
	}
}

// contrast is the contrast ratio of WCAG 2.2, section 1.4.3.
func contrast(t *testing.T, a, b string) float64 {
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(t *testing.T, colour string) float64 {
	hex := strings.TrimPrefix(colour, "#")
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatalf("the colour %s: %v", colour, err)
	}
	sum := 0.0
	for i, weight := range []float64{0.0722, 0.7152, 0.2126} {
		c := float64(n>>(8*i)&0xff) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
