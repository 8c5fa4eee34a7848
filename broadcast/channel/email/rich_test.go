package email_test

import (
	"html"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email"
	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
	"github.com/anpi-bot/anpi/roster"
)

const token = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// withPage is a family with an answer page that reads replies, too.
func withPage(t *testing.T) *family {
	return newFamily(t, emailtest.Options{}, func(o *email.Options) {
		o.Page, o.Replies, o.ReplyTo = "https://anpi.example.org", true, "anpi@home.example.org"
	})
}

func askWithLink(to roster.Member, kind broadcast.Kind) broadcast.Message {
	m := ask(to, kind)
	m.Token = token
	return m
}

var (
	tag        = regexp.MustCompile(`<(/?[A-Za-z!][A-Za-z0-9]*)[^>]*>`)
	attributes = regexp.MustCompile(`\s([a-z-]+)="([^"]*)"`)
	button     = regexp.MustCompile(`(?s)<table.*?<a href="([^"]*)".*?</table>`)
	link       = regexp.MustCompile(`<a href="([^"]*)">`)
	title      = regexp.MustCompile(`(?s)<head>.*</head>`)
	blank      = regexp.MustCompile(`\s+`)
)

// words is what somebody reads in the HTML part, with a button replaced by where
// it leads.
func words(page string) string {
	page = title.ReplaceAllString(page, "")
	page = button.ReplaceAllString(page, "$1")
	return strings.TrimSpace(blank.ReplaceAllString(html.UnescapeString(tag.ReplaceAllString(page, " ")), " "))
}

// harmless checks that the HTML part loads nothing, runs nothing, and leads
// nowhere but to the pages of Anpi and the map.
func harmless(t *testing.T, m emailtest.Mail) {
	t.Helper()
	known := map[string]bool{
		"!DOCTYPE": true, "html": true, "head": true, "meta": true, "title": true, "body": true, "div": true,
		"table": true, "tr": true, "td": true, "a": true,
	}
	plain := map[string]bool{
		"lang": true, "charset": true, "name": true, "content": true, "style": true, "role": true, "width": true, "cellspacing": true,
		"cellpadding": true, "align": true, "bgcolor": true,
	}
	for _, found := range tag.FindAllStringSubmatch(m.HTML, -1) {
		if !known[strings.TrimPrefix(found[1], "/")] {
			t.Errorf("there is a tag %q in\n%s", found[0], m.HTML)
		}
		for _, a := range attributes.FindAllStringSubmatch(found[0], -1) {
			switch {
			case a[1] == "href" && (strings.HasPrefix(a[2], "https://anpi.example.org/a/") || strings.HasPrefix(a[2], "https://www.openstreetmap.org/?")):
			case !plain[a[1]] || strings.Contains(a[2], "url("):
				t.Errorf("the tag %q has %s", found[0], a[1])
			}
		}
	}
	if size := len(m.Raw); size >= 12_000 {
		t.Errorf("the mail has %d bytes, which is too much for a bad line", size)
	}
}

func TestBothPartsSayTheSame(t *testing.T) {
	f := withPage(t)
	silence := ask(bob, broadcast.Real)
	silence.Purpose = broadcast.Silence
	silence.Tally = broadcast.Tally{Standings: []broadcast.Standing{{Member: grandmother, Status: broadcast.Pending, Trouble: "mail-later: <b>"}}}
	cry := ask(sakura, broadcast.Drill)
	cry.Purpose, cry.About = broadcast.Alarm, grandmother
	cry.Answer = broadcast.Answer{Text: `1 < 2 & "x"`, Place: &broadcast.Place{Name: "自宅", Latitude: 34.69, Longitude: 135.19}}
	for name, m := range map[string]broadcast.Message{
		"a link": askWithLink(grandmother, broadcast.Real), "a drill": askWithLink(bob, broadcast.Drill), "no link": ask(bob, broadcast.Real),
		"silence": silence, "a cry for help": cry,
	} {
		got := f.mustSend(m)
		wellFormed(t, got)
		if diff := cmp.Diff(strings.TrimSpace(blank.ReplaceAllString(got.Body, " ")), words(got.HTML)); diff != "" {
			t.Errorf("%s: what the parts say differs (-text +html):\n%s", name, diff)
		}
		if mark := strings.HasPrefix(words(got.HTML), "【訓練】") || strings.HasPrefix(words(got.HTML), "[DRILL]"); mark != m.Check.Drill() {
			t.Errorf("%s begins with %.40q", name, words(got.HTML))
		}
		lang := "en"
		if len(m.Members) > 0 && m.Members[0].Lang != "en" {
			lang = "ja"
		}
		if !strings.Contains(got.HTML, `<html lang="`+lang+`">`) {
			t.Errorf("%s is not in %q:\n%s", name, lang, got.HTML)
		}
	}
}

func TestOneButtonAndOnlyWithALink(t *testing.T) {
	f := withPage(t)
	page := "https://anpi.example.org/a/" + token
	got := f.mustSend(askWithLink(grandmother, broadcast.Real))
	if found := button.FindAllStringSubmatch(got.HTML, -1); len(found) != 1 || found[0][1] != page {
		t.Errorf("the buttons are %q, want one to %s", found, page)
	}
	if !strings.Contains(got.Body, "\n"+page+"\n") {
		t.Errorf("the text has no line with the link:\n%s", got.Body)
	}
	if got := f.mustSend(ask(grandmother, broadcast.Real)); strings.Contains(got.HTML, "<a ") || strings.Contains(got.HTML, "<table") {
		t.Errorf("there is a button without a link:\n%s", got.HTML)
	}
}

func TestOnlyOurLinksCanBePressed(t *testing.T) {
	f := withPage(t)
	evil := `"><script src="https://evil.example/x.js"></script><img src=x onerror=alert(1)> https://evil.example/ javascript:alert(1) </div>{{.}}`
	m := askWithLink(bob, broadcast.Real)
	m.Check.Question, m.Check.StartedBy = evil, evil
	cry := ask(sakura, broadcast.Real)
	cry.Purpose, cry.About = broadcast.Alarm, roster.Member{Name: evil, Phones: []string{evil}}
	cry.Answer = broadcast.Answer{Text: evil + " https://www.openstreetmap.org.evil.example/?", Place: &broadcast.Place{Name: evil, Latitude: 34.69, Longitude: 135.19}}
	note := ask(bob, broadcast.Real)
	note.Purpose, note.Body = broadcast.Notice, evil
	for _, m := range []broadcast.Message{m, cry, note} {
		got := f.mustSend(m)
		wellFormed(t, got)
		links := link.FindAllStringSubmatch(got.HTML, -1)
		if want := m.Purpose == broadcast.Alarm; len(links) > 1 || (len(links) == 1) != want {
			t.Errorf("the links are %q", links)
		}
		if !strings.Contains(got.HTML, "&lt;script") {
			t.Errorf("what was written is not shown as text:\n%s", got.HTML)
		}
	}
}

func TestMailsAreSmall(t *testing.T) {
	f := withPage(t)
	m := askWithLink(grandmother, broadcast.Drill)
	m.Check.Question = strings.Repeat("とても長い質問。", 60)
	m.Members[0].Name, m.Check.StartedBy = strings.Repeat("長い名前", 25), strings.Repeat("長い名前", 25)
	m.Members[0].Talk = "hana"
	wellFormed(t, f.mustSend(m))
	usual := len(f.mustSend(askWithLink(grandmother, broadcast.Real)).Raw)
	if usual > 6000 {
		t.Errorf("the usual mail has %d bytes", usual)
	}
	t.Logf("the usual mail has %d bytes", usual)
}

func TestReplyTo(t *testing.T) {
	f := withPage(t)
	if got := f.mustSend(askWithLink(bob, broadcast.Real)).Header.Get("Reply-To"); got != "<anpi+"+token+"@home.example.org>" {
		t.Errorf("replies go to %q", got)
	}
	if got := f.mustSend(ask(bob, broadcast.Real)).Header.Get("Reply-To"); got != "" {
		t.Errorf("without a token replies go to %q", got)
	}
	odd := newFamily(t, emailtest.Options{}, func(o *email.Options) { o.ReplyTo = " a..b@docomo.ne.jp" })
	if got := odd.mustSend(askWithLink(bob, broadcast.Real)).Header.Get("Reply-To"); got != `<"a..b+`+token+`"@docomo.ne.jp>` {
		t.Errorf("replies go to %q", got)
	}
}
