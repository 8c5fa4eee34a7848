package web_test

import (
	"context"
	"flag"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/bot"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/broadcast/web"
	"github.com/anpi-bot/anpi/roster"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The family: Dad organises; Grandma and Grandpa share a mail address, and the
// uncle lives elsewhere.
var (
	dad     = roster.Member{ID: "talk:dad", Name: "Dad", Talk: "dad", Emails: []string{"dad@example.net"}, Lang: "en", Organiser: true}
	grandma = roster.Member{ID: "card:grandma", Name: "おばあちゃん", Emails: []string{"home@docomo.example"}, Phones: []string{"03-0000-0000"}, Lang: "ja"}
	grandpa = roster.Member{ID: "card:grandpa", Name: "おじいちゃん", Emails: []string{"home@docomo.example"}, Lang: "ja"}
	uncle   = roster.Member{ID: "card:uncle", Name: "Uncle", Emails: []string{"uncle@example.org"}}
)

// house is a family with a real ledger and its pages.
type house struct {
	t       testing.TB
	ctx     context.Context
	store   broadcast.Store
	service *broadcast.Service
	site    *web.Site
	members []roster.Member
	checks  int
	told    []string
}

var tokyo = time.FixedZone("JST", 9*60*60)

func newHouse(t testing.TB) *house {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), filepath.Join(t.TempDir(), "anpi.db"))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, ctx: t.Context(), store: store, members: []roster.Member{dad, grandma, grandpa, uncle}}
	h.service = &broadcast.Service{
		Store: store, Ladder: broadcast.DefaultLadder(), Links: true, Wake: func() {},
		Roster: func() roster.Roster { return roster.Roster{Members: h.members} },
	}
	h.site = web.New(web.Options{Service: h.service, Language: "en", Zone: tokyo, Contact: "Dad 090-0000-0000", Hear: h.hear, Tell: h.tell})
	return h
}

// hear reads words as the program does.
func (h *house) hear(text string, from roster.Member) broadcast.Heard {
	return bot.HearBeside(h.service.Roster(), from, text)
}

// tell keeps what is told of people who are not named clearly.
func (h *house) tell(_ *broadcast.Change, _ broadcast.Check, from roster.Member, status broadcast.Status, a broadcast.Answer) {
	h.told = append(h.told, from.Name+": "+string(status)+" “"+a.Text+"”")
}

// story tells a story in fake time, which begins on a Saturday at 9 in the
// morning.
func story(t *testing.T, tell func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer h.store.Close()
		tell(t, h)
	})
}

// check starts a check by Dad.
func (h *house) check(kind broadcast.Kind, question string) broadcast.Check {
	h.t.Helper()
	h.checks++
	done, err := h.service.Start(h.ctx, time.Now(), broadcast.StartRequest{Kind: kind, Key: strconv.Itoa(h.checks), Question: question, By: "Dad"})
	if err != nil {
		h.t.Fatal(err)
	}
	return done.Started
}

func (h *house) closes(c broadcast.Check) {
	h.t.Helper()
	change := broadcast.Change{Now: time.Now()}
	h.service.PlanClose(&change, c, "Dad")
	h.commit(change)
}

func (h *house) commit(c broadcast.Change) {
	h.t.Helper()
	if _, err := h.service.Commit(h.ctx, c); err != nil {
		h.t.Fatal(err)
	}
}

// link makes the link that a mail to the member carries.
func (h *house) link(c broadcast.Check, m roster.Member) string {
	h.t.Helper()
	token := broadcast.NewToken()
	h.commit(broadcast.Change{Now: time.Now(), Links: []broadcast.Link{{Hash: broadcast.HashToken(token), CheckID: c.ID, MemberID: m.ID, MadeAt: time.Now()}}})
	return "/a/" + token
}

// board makes a link to the board.
func (h *house) board() string {
	h.t.Helper()
	token := broadcast.NewToken()
	h.commit(broadcast.Change{Now: time.Now(), Links: []broadcast.Link{{Hash: broadcast.HashToken(token), MadeAt: time.Now()}}})
	return "/b/" + token
}

// says stores an answer that came another way.
func (h *house) says(c broadcast.Check, m roster.Member, status broadcast.Status) {
	h.t.Helper()
	change := broadcast.Change{Now: time.Now()}
	h.service.PlanAnswer(&change, c, h.standing(c, m), broadcast.Answer{Status: status, Source: broadcast.ByTap, Carrier: "talk:" + time.Now().String(), At: time.Now()})
	h.commit(change)
}

// standing is where the member stands.
func (h *house) standing(c broadcast.Check, m roster.Member) broadcast.Standing {
	h.t.Helper()
	tally, err := h.service.Tally(h.ctx, c)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, st := range tally.Standings {
		if st.Member.ID == m.ID {
			return st
		}
	}
	h.t.Fatalf("%s is not asked", m.Name)
	return broadcast.Standing{}
}

// answers are all that the ledger holds.
func (h *house) answers(c broadcast.Check) []broadcast.Answer {
	h.t.Helper()
	all, err := h.store.Answers(h.ctx, c.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// request asks the site for something, as nobody in particular.
func (h *house) request(r *http.Request) *httptest.ResponseRecorder {
	h.t.Helper()
	if log := zerolog.Ctx(r.Context()); log.GetLevel() == zerolog.Disabled {
		r = r.WithContext(zerolog.New(zerolog.NewTestWriter(h.t)).WithContext(r.Context()))
	}
	w := httptest.NewRecorder()
	h.site.Handler().ServeHTTP(w, r)
	return w
}

func (h *house) get(path string) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.request(httptest.NewRequest(http.MethodGet, path, nil))
}

// page opens a page that must be there.
func (h *house) page(path string) page {
	h.t.Helper()
	w := h.get(path)
	if w.Code != http.StatusOK {
		h.t.Fatalf("GET of a page: %d\n%s", w.Code, w.Body)
	}
	return page{h: h, path: path, html: w.Body.String()}
}

// page is a page as a browser has it.
type page struct {
	h          *house
	path, html string
}

var (
	nonceField = regexp.MustCompile(`name="nonce" value="([^"]+)"`)
	actionOf   = regexp.MustCompile(`action="([^"]*)"`)
	pick       = regexp.MustCompile(`name="other" value="([^"]+)"><span>([^<]+)`)
)

// form fills in the form of the page: the button, the words, and for whom else
// by the beginning of their names.
func (p page) form(button, words string, others ...string) url.Values {
	p.h.t.Helper()
	nonce := nonceField.FindStringSubmatch(p.html)
	if nonce == nil {
		p.h.t.Fatalf("no form:\n%s", p.html)
	}
	f := url.Values{"nonce": {nonce[1]}, "status": {button}, "text": {words}}
	for _, name := range others {
		found := false
		for _, m := range pick.FindAllStringSubmatch(p.html, -1) {
			if strings.HasPrefix(html.UnescapeString(m[2]), name) {
				f.Add("other", m[1])
				found = true
			}
		}
		if !found {
			p.h.t.Fatalf("the page does not offer to answer for %s:\n%s", name, p.html)
		}
	}
	return f
}

// sends posts a form to where the page says.
func (p page) sends(f url.Values, change ...func(*http.Request)) *httptest.ResponseRecorder {
	p.h.t.Helper()
	path, _, _ := strings.Cut(p.path, "?")
	r := httptest.NewRequest(http.MethodPost, path+html.UnescapeString(actionOf.FindStringSubmatch(p.html)[1]), strings.NewReader(f.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range change {
		c(r)
	}
	return p.h.request(r)
}

// press presses a button, and returns the page that it leads to.
func (p page) press(button, words string, others ...string) page {
	p.h.t.Helper()
	return p.follows(button, p.sends(p.form(button, words, others...)))
}

// follows returns the page that a press leads to.
func (p page) follows(button string, w *httptest.ResponseRecorder) page {
	p.h.t.Helper()
	if w.Code != http.StatusSeeOther {
		p.h.t.Fatalf("pressing %s: %d\n%s", button, w.Code, w.Body)
	}
	path, _, _ := strings.Cut(p.path, "?")
	return p.h.page(path + w.Header().Get("Location"))
}

// wants fails the test unless the text contains all the words.
func wants(t *testing.T, what, text string, words ...string) {
	t.Helper()
	text = html.UnescapeString(text)
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s lacks %q:\n%s", what, w, text)
		}
	}
}

// lacks fails the test if the text contains any of the words.
func lacks(t *testing.T, what, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if strings.Contains(text, w) {
			t.Errorf("%s has %q:\n%s", what, w, text)
		}
	}
}

var (
	styleOf    = regexp.MustCompile(`(?s)<style>.*</style>`)
	nonceValue = regexp.MustCompile(`(name="nonce" value=")[^"]+`)
)

// golden compares a page with a file, without what is new each time and without
// the style.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got = styleOf.ReplaceAllString(got, "<style>…</style>")
	got = nonceValue.ReplaceAllString(got, "${1}…")
	path := filepath.Join("testdata", name+".html")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not what the site says any more; read the difference, then run with -update (-file +site):\n%s", path, diff)
	}
}

var sureForm = regexp.MustCompile(`(?s)name="nonce" value="([^"]+)">\n<input type="hidden" name="sure" value="([^"]+)">.*?name="status" value="([^"]+)"`)

// sure presses the button under the question whether it is really over, which the
// page must ask.
func (p page) sure() page {
	p.h.t.Helper()
	m := sureForm.FindStringSubmatch(p.html)
	if m == nil {
		p.h.t.Fatalf("the page does not ask whether it is over:\n%s", p.html)
	}
	return p.follows("yes", p.sends(url.Values{"nonce": {m[1]}, "sure": {m[2]}, "status": {m[3]}}))
}
