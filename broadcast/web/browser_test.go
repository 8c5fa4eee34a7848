package web_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/longtest"
)

// browse opens a browser on a phone of 320 by 640 pixels, beside those of other
// tests.
func browse(t *testing.T, flags ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	t.Parallel()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if strings.Contains(os.Getenv("REQUIRED_TEST_TOOLS"), "chromium") {
			t.Fatal("chromium is required here and is not installed")
		}
		t.Skip("chromium is not installed, so no browser has seen the pages")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	if os.Getuid() == 0 {
		// Chromium refuses its sandbox to root.
		options = append(options, chromedp.NoSandbox)
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(options, flags...)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	// The first call starts the browser, whose life is that of its context.
	do(t, ctx, chromedp.EmulateViewport(320, 640, chromedp.EmulateMobile, chromedp.EmulateScale(2)))
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func do(t *testing.T, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

func run[T any](t *testing.T, ctx context.Context, action chromedp.Action[T]) T {
	t.Helper()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// click presses what the selector finds, and waits for the page that it leads
// to.
func click(t *testing.T, ctx context.Context, selector string) {
	t.Helper()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		t.Fatal(err)
	}
}

// shot keeps a picture of the whole page where ANPI_SCREENSHOTS says, for a
// person to look at.
func shot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	folder := os.Getenv("ANPI_SCREENSHOTS")
	if folder == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), run(t, ctx, chromedp.FullScreenshot(100)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, ctx context.Context) string {
	t.Helper()
	return run(t, ctx, chromedp.Text(chromedp.CSS("body")))
}

// open serves the site to browsers, and counts what they ask for.
func (h *house) open(t *testing.T) (address string, seen *traffic) {
	t.Helper()
	seen = &traffic{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.add(r)
		h.site.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, seen
}

// traffic is what a browser has asked for.
type traffic struct {
	mu       sync.Mutex
	requests []string
}

func (s *traffic) add(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	place, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	s.requests = append(s.requests, r.Method+" "+place)
}

// take returns what was asked for since it was called last.
func (s *traffic) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.requests
	s.requests = nil
	return taken
}

// TestGrandmaAnswersOnHerPhone walks through the pages in a real browser.
func TestGrandmaAnswersOnHerPhone(t *testing.T) {
	for _, lang := range []string{"ja", "en"} {
		t.Run(lang, func(t *testing.T) { walk(t, browse(t), lang) })
	}
}

func TestGrandmaAnswersWithoutScripts(t *testing.T) {
	ctx := browse(t, chromedp.Flag("blink-settings", "scriptEnabled=false"))
	l := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<p>quiet</p><script>document.body.textContent = "loud"</script>`))
	}))
	defer l.Close()
	do(t, ctx, chromedp.Navigate(l.URL))
	if said := text(t, ctx); !strings.Contains(said, "quiet") {
		t.Fatalf("scripts run in this browser: %q", said)
	}
	walk(t, ctx, "ja")
}

// walk goes through a drill and a check in a browser.
func walk(t *testing.T, ctx context.Context, lang string) {
	h := newHouse(t)
	defer h.store.Close()
	site, seen := h.open(t)
	question := map[string]string{"ja": "大きな地震がありました", "en": "A strong earthquake"}[lang]
	onePage := func(what string, want ...string) {
		t.Helper()
		if got := seen.take(); !slices.Equal(got, want) {
			t.Errorf("%s: the browser asked for %q, want %q", what, got, want)
		}
		if width := run(t, ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth`)); width > 320 {
			t.Errorf("%s is %d pixels wide, more than the phone", what, width)
		}
		small := run(t, ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll("button:not([hidden]),a,summary,label.pick")]
			.filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 48).map(e => e.outerHTML)`))
		if len(small) > 0 {
			t.Errorf("%s: too small for a finger: %q", what, small)
		}
		shot(t, ctx, what+"."+lang)
	}

	drill := h.check(broadcast.Drill, question)
	do(t, ctx, chromedp.Navigate(site+h.link(drill, grandma)+"?lang="+lang))
	onePage("drill", "GET a")
	wants(t, "the drill", text(t, ctx), map[string]string{"ja": "【訓練】", "en": "[DRILL]"}[lang])
	h.closes(drill)

	check := h.check(broadcast.Real, question)
	do(t, ctx, chromedp.Navigate(site+h.link(check, grandma)+"?lang="+lang))
	onePage("first", "GET a")
	click(t, ctx, "button.safe")
	onePage("safe", "POST a", "GET a")
	if st := h.standing(check, grandma); st.Status != broadcast.Safe {
		t.Fatalf("Grandma is %s, want safe", st.Status)
	}
	do(t, ctx, chromedp.Click(chromedp.CSS("summary")), chromedp.Click(chromedp.CSS("label.pick")),
		chromedp.SendKeys(chromedp.CSS("textarea"), "二人とも庭です"))
	onePage("more")
	click(t, ctx, "button.stranded")
	onePage("both", "POST a", "GET a")
	if st := h.standing(check, grandpa); st.Status != broadcast.Safe || st.Answer.ReportedBy != grandma.ID {
		t.Errorf("Grandpa is %+v", st)
	}
	if st := h.standing(check, grandma); !st.Answer.Stranded || st.Answer.Text != "二人とも庭です" {
		t.Errorf("Grandma is %+v", st)
	}
	click(t, ctx, "button.help")
	onePage("help", "POST a", "GET a")
	if st := h.standing(check, grandma); st.Status != broadcast.Help {
		t.Errorf("Grandma is %s, want help", st.Status)
	}

	h.says(check, uncle, broadcast.Unclear)
	do(t, ctx, chromedp.Navigate(site+h.board()+"?lang="+lang))
	onePage("board", "GET b")
	wants(t, "the board", text(t, ctx), "おばあちゃん", "Uncle", "Dad")
	click(t, ctx, ".top a")
	onePage("board in the other language", "GET b")
}

// TestTheKeyboardDoesNotAnswer: Enter in a form presses its first button, which
// would make "safe" of a cry for help that somebody types.
func TestTheKeyboardDoesNotAnswer(t *testing.T) {
	ctx := browse(t)
	h := newHouse(t)
	defer h.store.Close()
	check := h.check(broadcast.Real, "")
	site, seen := h.open(t)
	do(t, ctx, chromedp.Navigate(site+h.link(check, grandma)),
		chromedp.Click(chromedp.CSS("summary")),
		chromedp.SendKeys(chromedp.CSS("textarea"), "a few words"+kb.Enter))
	if _, err := chromedp.RunResponse(ctx, chromedp.SendKeys(chromedp.CSS("label.pick input"), kb.Enter)); err != nil {
		t.Fatal(err)
	}
	if got := seen.take(); !slices.Equal(got, []string{"GET a", "POST a"}) {
		t.Errorf("Enter has sent %q", got)
	}
	wants(t, "the page after Enter", text(t, ctx), "まだ記録していない")
	if all := h.answers(check); len(all) > 0 {
		t.Errorf("Enter has answered: %+v", all)
	}
}

// TestABrowserThatSaysLittleAnswers: on a plain connection, as in the house's
// own network, browsers do not say what kind of page a form comes from; old
// ones never do.
func TestABrowserThatSaysLittleAnswers(t *testing.T) {
	ctx := browse(t, chromedp.Flag("host-resolver-rules", "MAP anpi.test 127.0.0.1"))
	h := newHouse(t)
	defer h.store.Close()
	check := h.check(broadcast.Real, "")
	site, _ := h.open(t)
	site = strings.Replace(site, "127.0.0.1", "anpi.test", 1)
	do(t, ctx, chromedp.Navigate(site+h.link(check, grandma)))
	click(t, ctx, "button.help")
	if st := h.standing(check, grandma); st.Status != broadcast.Help {
		t.Errorf("Grandma is %s, want help: %s", st.Status, text(t, ctx))
	}

	// A page elsewhere that sends the form gets nothing, though it has the link.
	link := h.link(check, uncle)
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<form method="post" action="` + site + link + `"><input name="nonce" value="AAAAAAAAAAAAAAAAAAAAAAAAAA"><button name="status" value="safe">win</button></form>`))
	}))
	defer evil.Close()
	do(t, ctx, chromedp.Navigate(evil.URL))
	click(t, ctx, "button")
	wants(t, "the page", text(t, ctx), "Nothing was noted yet")
	if st := h.standing(check, uncle); st.Answered {
		t.Errorf("another site has answered: %+v", st.Answer)
	}
}

// phones are viewports of phones in points.
var phones = [][2]int64{{320, 568}, {360, 560}, {360, 640}, {390, 844}, {412, 915}}

// places are where the buttons of the answers stand in the window, by their value.
func places(t *testing.T, ctx context.Context) map[string][4]float64 {
	t.Helper()
	return run(t, ctx, chromedp.Evaluate[map[string][4]float64](`Object.fromEntries([...document.querySelectorAll("#answer button[name=status]")]
		.map(b => [b.value, b.getBoundingClientRect()]).map(([v, r]) => [v, [r.x, r.y, r.width, r.height]]))`))
}

// TestTheButtonsNeverMove: whatever the page has to say, a second tap at the same
// place is the same answer, and no tap there says that a cry for help is over.
func TestTheButtonsNeverMove(t *testing.T) {
	ctx := browse(t)
	long := longtest.Whole()
	for i, phone := range phones {
		for j, lang := range []string{"ja", "en"} {
			if !long && (i != 1 || j != 0) && (i != 4 || j != 1) {
				continue // a small phone in Japanese, a large one in English
			}
			h := newHouse(t)
			site, _ := h.open(t)
			do(t, ctx, chromedp.EmulateViewport(phone[0], phone[1], chromedp.EmulateMobile, chromedp.EmulateScale(2)))
			for _, kind := range []broadcast.Kind{broadcast.Real, broadcast.Drill} {
				if !long && kind == broadcast.Real && j == 0 {
					continue
				}
				check := h.check(kind, "大きな地震がありました。A strong earthquake, with a long question that fills some lines")
				do(t, ctx, chromedp.Navigate(site+h.link(check, grandma)+"?lang="+lang))
				first := places(t, ctx)
				if len(first) != 4 {
					t.Fatalf("%d buttons: %v", len(first), first)
				}
				want := broadcast.Status("")
				for _, value := range []string{"safe", "injured", "help", "stranded", "safe", "injured"} {
					place := first[value]
					if bottom := place[1] + place[3]; bottom > float64(phone[1]) {
						t.Errorf("%v %s: the button %s ends at %v, below the window", phone, lang, value, bottom)
					}
					switch {
					case value == "injured" && want != broadcast.Help:
						want = broadcast.Injured
					case value == "help":
						want = broadcast.Help
					case want == "":
						want = broadcast.Safe
					}
					for range 2 {
						if _, err := chromedp.RunResponse(ctx, chromedp.MouseClickXY(place[0]+place[2]/2, place[1]+place[3]/2)); err != nil {
							t.Fatal(err)
						}
						if now := places(t, ctx); !maps.Equal(now, first) {
							t.Errorf("%v %s %s: after %s the buttons stand at %v, not at %v", phone, lang, kind, value, now, first)
						}
						if st := h.standing(check, grandma); st.Status != want {
							t.Errorf("%v %s %s: after %s Grandma is %s, want %s", phone, lang, kind, value, st.Status, want)
						}
						if phone[0] == 360 {
							shot(t, ctx, fmt.Sprintf("%d-%s-%s-%s-%s", phone[1], kind, lang, want, value))
						}
					}
				}
				click(t, ctx, `button.injured[value="injured"]:not(#answer button)`)
				if st := h.standing(check, grandma); st.Status != broadcast.Injured {
					t.Errorf("%v %s %s: she is out, and is %s", phone, lang, kind, st.Status)
				}
				if now := places(t, ctx); !maps.Equal(now, first) {
					t.Errorf("%v %s %s: after the question the buttons stand at %v, not at %v", phone, lang, kind, now, first)
				}
				h.closes(check)
			}
			h.store.Close()
		}
	}
}
