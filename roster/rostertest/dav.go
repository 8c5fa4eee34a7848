package rostertest

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	davNS      = "DAV:"
	carddavNS  = "urn:ietf:params:xml:ns:carddav"
	calendarNS = "http://calendarserver.org/ns/"
)

// ServeHTTP answers one request as Nextcloud 32 does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 8<<20))
	if err != nil {
		fail(w, http.StatusRequestEntityTooLarge, "RequestTooLarge", "The request is too large")
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var report element
	asked := r.Method
	if r.Method == "REPORT" && xml.Unmarshal(body, &report) == nil {
		asked += " " + report.XMLName.Local
	}
	s.mu.Lock()
	s.requests = append(s.requests, asked+" "+r.URL.Path)
	around := s.intercept
	s.mu.Unlock()
	var h http.Handler = http.HandlerFunc(s.serve)
	if around != nil {
		h = around(h)
	}
	h.ServeHTTP(w, r)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/.well-known/carddav" {
		// The web server does this, before Nextcloud asks for a password.
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Location", "http://"+r.Host+dav)
		w.WriteHeader(http.StatusMovedPermanently)
		return
	}
	if s.maintenance {
		w.Header().Set("X-Nextcloud-Maintenance-Mode", "1")
		fail(w, http.StatusServiceUnavailable, "ServiceUnavailable", "System is in maintenance mode.")
		return
	}
	if user, password, _ := r.BasicAuth(); user != s.user || password != s.password {
		w.Header().Set("WWW-Authenticate", `Basic realm="Nextcloud", charset="UTF-8"`)
		fail(w, http.StatusUnauthorized, "NotAuthenticated", "No public access to this resource., Username or password was incorrect")
		return
	}
	path := r.URL.EscapedPath()
	rest, inHome := strings.CutPrefix(path, s.home())
	uri, file, _ := strings.Cut(rest, "/")
	file, err := url.PathUnescape(file)
	b := s.book(uri)
	switch {
	case err != nil:
		fail(w, http.StatusBadRequest, "BadRequest", "The path can't be read")
	case r.Method == "PROPFIND":
		s.propfind(w, r, b, file, inHome)
	case inHome && r.Method == "MKCOL" && b == nil && file == "":
		s.makeBook(w, r, uri)
	case !inHome || uri == "":
		fail(w, http.StatusNotFound, "NotFound", "File not found")
	case b == nil:
		fail(w, http.StatusNotFound, "NotFound", fmt.Sprintf("Addressbook with name '%s' could not be found", uri))
	case r.Method == "REPORT" && file == "":
		s.report(w, r, b)
	case file != "":
		serveCard(w, r, b, file)
	default:
		fail(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "The requested resource does not support this method.")
	}
}

// element is any XML element.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []element  `xml:",any"`
}

func (e element) child(space, local string) *element {
	for i, c := range e.Children {
		if c.XMLName == (xml.Name{Space: space, Local: local}) {
			return &e.Children[i]
		}
	}
	return nil
}

func (e element) attr(local string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}

// A resource is what properties are asked of: their content as XML, by name.
type resource struct {
	href  string
	props map[xml.Name]string
}

func davName(local string) xml.Name     { return xml.Name{Space: davNS, Local: local} }
func cardName(local string) xml.Name    { return xml.Name{Space: carddavNS, Local: local} }
func href(path string) string           { return "<d:href>" + escape(path) + "</d:href>" }
func (s *Server) path(b *book) string   { return s.home() + b.uri + "/" }
func privileges(names ...string) string { return wrap("<d:privilege><d:", "/></d:privilege>", names) }

func wrap(before, after string, names []string) string {
	var out strings.Builder
	for _, n := range names {
		out.WriteString(before + n + after)
	}
	return out.String()
}

func escape(s string) string {
	var out strings.Builder
	// A strings.Builder never fails.
	_ = xml.EscapeText(&out, []byte(s))
	return out.String()
}

func (s *Server) propfind(w http.ResponseWriter, r *http.Request, b *book, file string, inHome bool) {
	var ask element
	if err := xml.NewDecoder(r.Body).Decode(&ask); err != nil || ask.child(davNS, "prop") == nil {
		fail(w, http.StatusBadRequest, "BadRequest", "The request body can't be read")
		return
	}
	me := map[xml.Name]string{davName("current-user-principal"): href(s.principal())}
	var found []resource
	path := strings.TrimSuffix(r.URL.EscapedPath(), "/") + "/"
	switch {
	case path == dav:
		found = append(found, resource{dav, me})
	case path == s.principal():
		me[cardName("addressbook-home-set")] = href(s.home())
		found = append(found, resource{path, me})
	case path == s.home():
		me[davName("resourcetype")] = "<d:collection/>"
		me[davName("current-user-privilege-set")] = privileges("all", "read", "write", "write-properties", "write-content", "unlock", "bind", "unbind", "write-acl", "read-acl", "read-current-user-privilege-set")
		found = append(found, resource{path, me})
		if r.Header.Get("Depth") == "1" {
			for _, b := range s.books {
				found = append(found, s.bookResource(b))
			}
		}
	case inHome && b != nil && file == "":
		found = append(found, s.bookResource(b))
		if r.Header.Get("Depth") == "1" {
			for _, name := range slices.Sorted(maps.Keys(b.cards)) {
				found = append(found, s.cardResource(b, name))
			}
		}
	default:
		fail(w, http.StatusNotFound, "NotFound", "File not found")
		return
	}
	var out strings.Builder
	for _, f := range found {
		f.answer(&out, ask.child(davNS, "prop").Children)
	}
	multistatus(w, out.String())
}

func (s *Server) bookResource(b *book) resource {
	props := map[xml.Name]string{
		davName("resourcetype"): "<d:collection/><card:addressbook/>",
		davName("displayname"):  escape(b.name),
		cardName("supported-address-data"): `<card:address-data-type content-type="text/vcard" version="3.0"/>` +
			`<card:address-data-type content-type="text/vcard" version="4.0"/>` +
			`<card:address-data-type content-type="application/vcard+json" version="4.0"/>`,
		davName("sync-token"):                 b.syncToken(),
		{Space: calendarNS, Local: "getctag"}: strconv.Itoa(b.token),
		davName("current-user-privilege-set"): privileges("write-properties", "write", "write-content", "unlock", "bind", "unbind", "write-acl", "read", "read-acl", "read-current-user-privilege-set"),
		cardName("addressbook-description"):   escape(b.description),
	}
	if b.description == "" {
		delete(props, cardName("addressbook-description"))
	}
	if b.readOnly {
		props[davName("current-user-privilege-set")] = privileges("write-properties", "read", "read-acl", "read-current-user-privilege-set")
	}
	if strings.HasPrefix(b.uri, "z-app-generated--") {
		delete(props, davName("sync-token"))
		props[xml.Name{Space: calendarNS, Local: "getctag"}] = tokenPrefix + "0"
		props[davName("current-user-privilege-set")] = privileges("read", "read-acl", "read-current-user-privilege-set")
	}
	return resource{s.path(b), props}
}

func (s *Server) cardResource(b *book, file string) resource {
	c := b.cards[file]
	return resource{s.path(b) + (&url.URL{Path: file}).EscapedPath(), map[xml.Name]string{
		davName("resourcetype"):     "",
		davName("getetag"):          escape(`"` + c.etag + `"`),
		davName("getcontenttype"):   "text/vcard; charset=utf-8",
		davName("getcontentlength"): strconv.Itoa(len(c.data)),
	}}
}

// answer writes the properties that were asked for, and which of them are not
// there.
func (f resource) answer(out *strings.Builder, asked []element) {
	var there, missing strings.Builder
	for _, a := range asked {
		if content, ok := f.props[a.XMLName]; ok {
			tag(&there, a.XMLName, content)
		} else {
			tag(&missing, a.XMLName, "")
		}
	}
	out.WriteString("<d:response>" + href(f.href))
	for _, ps := range []struct{ props, status string }{{there.String(), "200 OK"}, {missing.String(), "404 Not Found"}} {
		if ps.props != "" {
			out.WriteString("<d:propstat><d:prop>" + ps.props + "</d:prop><d:status>HTTP/1.1 " + ps.status + "</d:status></d:propstat>")
		}
	}
	out.WriteString("</d:response>")
}

func tag(out *strings.Builder, name xml.Name, content string) {
	prefix, ns := "x1:", ` xmlns:x1="`+escape(name.Space)+`"`
	switch name.Space {
	case davNS:
		prefix, ns = "d:", ""
	case carddavNS:
		prefix, ns = "card:", ""
	}
	out.WriteString("<" + prefix + name.Local + ns + ">" + content + "</" + prefix + name.Local + ">")
}

func multistatus(w http.ResponseWriter, content string) {
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.WriteHeader(http.StatusMultiStatus)
	fmt.Fprintf(w, "<?xml version=\"1.0\"?>\n<d:multistatus xmlns:d=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\" xmlns:card=\"%s\" xmlns:oc=\"http://owncloud.org/ns\" xmlns:nc=\"http://nextcloud.org/ns\">%s</d:multistatus>\n", carddavNS, content)
}

func fail(w http.ResponseWriter, status int, exception, message string, extra ...string) {
	w.Header().Set("Content-Type", "application/xml; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<d:error xmlns:d=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\">\n  <s:exception>Sabre\\DAV\\Exception\\%s</s:exception>\n  <s:message>%s</s:message>\n%s</d:error>\n", exception, escape(message), strings.Join(extra, ""))
}

func (s *Server) report(w http.ResponseWriter, r *http.Request, b *book) {
	var ask element
	if err := xml.NewDecoder(r.Body).Decode(&ask); err != nil {
		fail(w, http.StatusBadRequest, "BadRequest", "The request body can't be read")
		return
	}
	var props []element
	if p := ask.child(davNS, "prop"); p != nil {
		props = p.Children
	}
	var out strings.Builder
	switch ask.XMLName {
	case davName("sync-collection"):
		if err := s.syncCollection(&out, b, ask, props); err != nil {
			fail(w, http.StatusForbidden, "InvalidSyncToken", "Invalid or unknown sync token", "  <d:valid-sync-token/>\n")
			return
		}
	case cardName("addressbook-multiget"):
		// A card that is gone is left out without a word.
		for _, c := range ask.Children {
			if c.XMLName != davName("href") {
				continue
			}
			u, err := url.Parse(strings.TrimSpace(c.Text))
			if err != nil {
				continue
			}
			file, inBook := strings.CutPrefix(u.Path, s.path(b))
			if _, there := b.cards[file]; inBook && there {
				s.converted(b, file, props).answer(&out, props)
			}
		}
	case cardName("addressbook-query"):
		if f := ask.child(carddavNS, "filter"); f != nil && len(f.Children) > 0 {
			fail(w, http.StatusNotImplemented, "NotImplemented", "This server has no filters")
			return
		}
		for _, file := range slices.Sorted(maps.Keys(b.cards)) {
			s.converted(b, file, props).answer(&out, props)
		}
	default:
		fail(w, http.StatusUnsupportedMediaType, "ReportNotSupported", "The report is not known")
		return
	}
	multistatus(w, out.String())
}

// syncCollection tells what changed since a token. "init_<n>_<token>" goes on
// with a first list that was cut off after n cards.
func (s *Server) syncCollection(out *strings.Builder, b *book, ask element, props []element) error {
	var since string
	if t := ask.child(davNS, "sync-token"); t != nil {
		since = strings.TrimSpace(t.Text)
	}
	number, ours := strings.CutPrefix(since, tokenPrefix)
	var first int
	if rest, goesOn := strings.CutPrefix(number, "init_"); goesOn {
		n, _, _ := strings.Cut(rest, "_")
		var err error
		if first, err = strconv.Atoi(n); err != nil || first < 0 {
			return errBadToken
		}
	}
	if since == "" || first > 0 {
		files := slices.Sorted(maps.Keys(b.cards))
		files = files[min(first, len(files)):]
		next := b.syncToken()
		if len(files) > s.truncation {
			files = files[:s.truncation]
			next = fmt.Sprintf("%sinit_%d_%d", tokenPrefix, first+len(files), b.token)
			out.WriteString("<d:response>" + href(s.path(b)) + "<d:status>HTTP/1.1 507 Insufficient Storage</d:status><d:error><d:number-of-matches-within-limits/></d:error></d:response>")
		}
		for _, file := range files {
			s.stored(b, file).answer(out, props)
		}
		out.WriteString("<d:sync-token>" + next + "</d:sync-token>")
		return nil
	}
	token, err := strconv.Atoi(number)
	if !ours || err != nil {
		return errBadToken
	}
	var updated, deleted []string
	for _, c := range b.changes {
		if c.token <= token || slices.Contains(updated, c.file) || slices.Contains(deleted, c.file) {
			continue
		}
		if _, there := b.cards[c.file]; there {
			updated = append(updated, c.file)
		} else {
			deleted = append(deleted, c.file)
		}
	}
	for _, file := range updated {
		s.stored(b, file).answer(out, props)
	}
	for _, file := range deleted {
		out.WriteString("<d:response>" + href(s.cardResource(b, file).href) + "<d:status>HTTP/1.1 404 Not Found</d:status></d:response>")
	}
	out.WriteString("<d:sync-token>" + b.syncToken() + "</d:sync-token>")
	return nil
}

// stored is a card with its text as it was written, which is what
// sync-collection gives.
func (s *Server) stored(b *book, file string) resource {
	f := s.cardResource(b, file)
	f.props[cardName("address-data")] = escape(b.cards[file].data)
	return f
}

// converted is a card as version 3.0, and with the properties that were asked
// for only, which is what the other reports give.
func (s *Server) converted(b *book, file string, asked []element) resource {
	f := s.cardResource(b, file)
	text := b.cards[file].data
	for _, a := range asked {
		if a.XMLName != cardName("address-data") {
			continue
		}
		if a.attr("version") != "4.0" {
			text = version3(text)
		}
		var names []string
		for _, p := range a.Children {
			names = append(names, strings.ToUpper(p.attr("name")))
		}
		if len(names) > 0 {
			text = only(text, names)
		}
	}
	f.props[cardName("address-data")] = escape(text)
	return f
}

var prefParam = regexp.MustCompile(`(?m)^([A-Z]+);TYPE=([A-Za-z,]+);PREF=1:`)

func version3(text string) string {
	if !strings.Contains(text, "VERSION:4.0\r\n") {
		return text
	}
	text = strings.Replace(text, "VERSION:4.0\r\n", "VERSION:3.0\r\nPRODID:-//Sabre//Sabre VObject 4.5.6//EN\r\n", 1)
	return prefParam.ReplaceAllString(text, "$1;TYPE=$2,PREF:")
}

func only(text string, names []string) string {
	var out strings.Builder
	keep := true
	for line := range strings.Lines(text) {
		if line[0] != ' ' && line[0] != '\t' {
			name, _, _ := strings.Cut(strings.ToUpper(line[:max(strings.IndexAny(line, ";:"), 0)]), ";")
			if _, after, grouped := strings.Cut(name, "."); grouped {
				name = after
			}
			keep = name == "BEGIN" || name == "END" || name == "" || slices.Contains(names, name)
		}
		if keep {
			out.WriteString(line)
		}
	}
	return out.String()
}

func (s *Server) makeBook(w http.ResponseWriter, r *http.Request, uri string) {
	var ask struct {
		Name string `xml:"DAV: set>prop>displayname"`
	}
	if err := xml.NewDecoder(r.Body).Decode(&ask); err != nil {
		fail(w, http.StatusBadRequest, "BadRequest", "The request body can't be read")
		return
	}
	s.books = append(s.books, &book{uri: uri, name: ask.Name, token: 1, cards: make(map[string]card)})
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(http.StatusCreated)
}

// serveCard answers GET, PUT and DELETE of one card.
func serveCard(w http.ResponseWriter, r *http.Request, b *book, file string) {
	have, there := b.cards[file]
	tags := func(etag string) {
		w.Header().Set("ETag", `"`+etag+`"`)
		w.Header().Set("OC-ETag", `"`+etag+`"`)
	}
	if !there && r.Method != http.MethodPut {
		fail(w, http.StatusNotFound, "NotFound", "Card not found")
		return
	}
	if r.Method == http.MethodGet {
		tags(have.etag)
		w.Header().Set("Content-Type", "text/vcard; charset=utf-8")
		_, _ = io.WriteString(w, version3(have.data))
		return
	}
	if match := r.Header.Get("If-Match"); match != "" && match != `"`+have.etag+`"` {
		w.Header().Set("ETag", `"`+have.etag+`"`)
		fail(w, http.StatusPreconditionFailed, "PreconditionFailed", "An If-Match header was specified, but none of the specified ETags matched.", "  <s:header>If-Match</s:header>\n")
		return
	}
	if there && r.Header.Get("If-None-Match") == "*" {
		fail(w, http.StatusPreconditionFailed, "PreconditionFailed", "An If-None-Match header was specified, but the ETag matched (or * was specified).", "  <s:header>If-None-Match</s:header>\n")
		return
	}
	if b.readOnly {
		fail(w, http.StatusForbidden, "Forbidden", "This address book is read-only")
		return
	}
	switch r.Method {
	case http.MethodPut:
		data, err := io.ReadAll(r.Body)
		if err != nil || !bytes.HasPrefix(data, []byte("BEGIN:VCARD")) {
			fail(w, http.StatusUnsupportedMediaType, "UnsupportedMediaType", "This resource only supports valid vCard or jCard data. Parse error: This parser only supports VCARD and VCALENDAR files")
			return
		}
		b.put(file, string(data))
		tags(b.cards[file].etag)
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		if there {
			w.WriteHeader(http.StatusNoContent)
		} else {
			w.WriteHeader(http.StatusCreated)
		}
	case http.MethodDelete:
		b.remove(file)
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(http.StatusNoContent)
	default:
		fail(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "The requested resource does not support this method.")
	}
}
