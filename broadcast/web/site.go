// Package web is what a family opens in a browser: the page on which somebody
// answers without a login, and the board that shows who is safe.
//
//	GET  /a/{token}  the answer page: who asks, the answer so far, four buttons
//	POST /a/{token}  takes an answer, and leads back to the page
//	GET  /b/{token}  the board: names and statuses
//
// Everything else, and every token that lets nobody in, gets one sentence.
// [New] makes a [Site]; [Site.Serve] serves it, and [Site.StaticBoard] keeps a
// copy of the board in a file for a plain web server elsewhere.
//
// Only a POST with a form of the page answers. Mail systems open links before
// people do, some of them many times; whatever they open changes nothing.
//
// A page is one response without scripts, fonts, images or cookies, and small
// enough for a bad line. Whoever has the link is the member: it is neither
// logged nor passed on to other sites.
package web

import (
	"bytes"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
)

// Options say whose pages they are.
type Options struct {
	Service *broadcast.Service
	// Hear tells what words beside a button say. It is required.
	Hear func(text string, from roster.Member) broadcast.Heard
	// Tell plans to tell the organisers, and of a cry for help everybody, what the
	// words of the answer say of somebody whom they do not name clearly; status is
	// empty where they contradict what somebody has said of themselves. It is
	// required.
	Tell func(c *broadcast.Change, check broadcast.Check, from roster.Member, status broadcast.Status, a broadcast.Answer)
	// Language of the board, and of members whose own is not known: "ja" or
	// "en".
	Language string
	// Zone is the time zone of the family. It must not be nil.
	Zone *time.Location
	// Contact says whom to call when nothing else works; may be empty.
	Contact string
	// Page is the public address, such as https://anpi.example.org. It is needed
	// behind a proxy that changes the Host header; may be empty.
	Page string
	// TrustedProxies are the addresses whose X-Forwarded-For is believed. Nil
	// means this machine's own.
	TrustedProxies []netip.Prefix
}

// Site serves the pages. Its methods may be called from several goroutines.
type Site struct {
	Options
	csrf   *http.CrossOriginProtection
	limits limits
}

// New returns a site.
func New(o Options) *Site {
	if o.TrustedProxies == nil {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	s := &Site{Options: o, csrf: http.NewCrossOriginProtection(), limits: newLimits()}
	if origin, ok := originOf(o.Page); ok {
		// It has a scheme and a host, which is all that is asked of it.
		_ = s.csrf.AddTrustedOrigin(origin)
	}
	return s
}

// Handler serves all routes.
func (s *Site) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// serve finds the way without a ServeMux, which would answer some paths with
// redirects and sentences of its own.
func (s *Site) serve(w http.ResponseWriter, r *http.Request) {
	guard(w.Header())
	place, token := route(r.URL.Path)
	looks := r.Method == http.MethodGet || r.Method == http.MethodHead
	if !s.limits.allow(s.client(r), place, token, looks, time.Now()) {
		w.Header().Set("Retry-After", "60")
		s.say(w, r, http.StatusTooManyRequests, s.texts(r, "").T("web.busy"))
		return
	}
	switch {
	case place == answers && looks:
		s.showAnswer(w, r, token)
	case place == answers && r.Method == http.MethodPost:
		s.takeAnswer(w, r, token)
	case place == boards && looks:
		s.showBoard(w, r, token)
	case place == answers:
		w.Header().Set("Allow", "GET, HEAD, POST")
		s.say(w, r, http.StatusMethodNotAllowed, s.texts(r, "").T("web.refused"))
	case place == boards:
		w.Header().Set("Allow", "GET, HEAD")
		s.say(w, r, http.StatusMethodNotAllowed, s.texts(r, "").T("web.refused"))
	default:
		s.say(w, r, http.StatusNotFound, s.texts(r, "").T("web.nothing"))
	}
}

// The places that a path may lead to.
const (
	answers = "/a/"
	boards  = "/b/"
)

// route takes a path apart; place is empty where there is nothing.
func route(path string) (place, token string) {
	for _, place := range []string{answers, boards} {
		if token, ok := strings.CutPrefix(path, place); ok && token != "" && !strings.Contains(token, "/") {
			return place, token
		}
	}
	return "", ""
}

// guard sets the headers that every response has.
func guard(h http.Header) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex")
}

// texts are the texts for whoever asks: in the language chosen on the page,
// else in the language given, else in the site's.
func (s *Site) texts(r *http.Request, lang string) *locale.Texts {
	switch chosen := r.URL.Query().Get("lang"); {
	case chosen == "ja" || chosen == "en":
		lang = chosen
	case lang == "":
		lang = s.Language
	}
	return locale.For(lang, s.Zone)
}

// say answers with one sentence.
func (s *Site) say(w http.ResponseWriter, r *http.Request, code int, sentence string, more ...string) {
	t := s.texts(r, "")
	s.send(w, r, code, "sentence", sentencePage{head: s.head(t, "Anpi", false), Sentences: append([]string{sentence}, more...)})
}

// send renders a page whole before the first byte of it leaves.
func (s *Site) send(w http.ResponseWriter, r *http.Request, code int, name string, page any) {
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, name, page); err != nil {
		zerolog.Ctx(r.Context()).Error().Err(err).Str("page", name).Msg("cannot render a page")
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(code)
	// Whoever asked may have gone; there is nobody left to tell.
	_, _ = w.Write(body.Bytes())
}
