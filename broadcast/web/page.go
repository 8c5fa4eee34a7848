package web

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/url"
	"time"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

//go:embed page.html style.css
var files embed.FS

var (
	pages = template.Must(template.ParseFS(files, "page.html"))
	style = mustRead("style.css")
	// policy allows this one style and a form that leads back here, nothing
	// else.
	policy = "default-src 'none'; style-src '" + hash(style) + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

func mustRead(name string) string {
	body, err := files.ReadFile(name)
	if err != nil {
		panic(err) // it is part of the program
	}
	return string(body)
}

// hash names a style in a Content-Security-Policy.
func hash(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// head is what every page begins with.
type head struct {
	Lang  string
	Title string
	Style template.CSS
	// Mark and Practice are empty unless the page is about a drill.
	Mark, Practice string
	// Refresh is after how many seconds the page is loaded again; zero for
	// never.
	Refresh int
	// For says whom the page is for; empty when for everybody.
	For string
	// Other leads to the page in the other language; nil when there is none.
	Other *language
}

// language is a link to the page in another language, in words of that
// language.
type language struct{ Lang, Name string }

func (s *Site) head(t *locale.Texts, title string, drill bool) head {
	h := head{Lang: t.Lang, Title: t.Mark(drill) + title, Style: template.CSS(style)}
	if drill {
		h.Mark, h.Practice = t.Mark(true), t.T("prompt.practice")
	}
	return h
}

// otherLanguage is the one that the page is not in.
func otherLanguage(t *locale.Texts) *language {
	lang := "en"
	if t.Lang == "en" {
		lang = "ja"
	}
	return &language{Lang: lang, Name: t.T("web.other_language")}
}

// sentencePage is a page that says why there is no other.
type sentencePage struct {
	head
	Sentences []string
}

// plain keeps what people wrote on its line; that it is harmless in HTML is the
// template's work.
func plain(s string) string { return locale.OneLine(s, 200) }

// clock words a moment: the time alone when it was today.
func (s *Site) clock(t *locale.Texts, at, now time.Time) string {
	if day := time.DateOnly; at.In(s.Zone).Format(day) == now.In(s.Zone).Format(day) {
		return t.Clock(at)
	}
	return t.When(at)
}

// originOf is the origin of an address as browsers name it.
func originOf(page string) (string, bool) {
	u, err := url.Parse(page)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return "", false
	}
	return u.Scheme + "://" + u.Host, true
}
