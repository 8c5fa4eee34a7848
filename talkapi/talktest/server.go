package talktest

import (
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	v1  = "/ocs/v2.php/apps/spreed/api/v1"
	v4  = "/ocs/v2.php/apps/spreed/api/v4"
	ocs = "/ocs/v2.php"

	// Nextcloud answers 429 after more than this many failures in half an hour.
	maxFailures   = 10
	failureWindow = 30 * time.Minute
)

// Options change a server. The zero value is fine.
type Options struct {
	Now func() time.Time // clock of all time stamps; default time.Now, which is fake inside synctest

	// MemoryCache makes the server one with a memory cache, as most are:
	// for up to 30 s it keeps a reaction from who reads a room at an offset
	// after which there was nothing. A text in the room ends that.
	MemoryCache bool
}

// Server is a Nextcloud with Talk. It is an http.Handler and safe for
// concurrent use.
type Server struct {
	now    func() time.Time
	cached bool // has a memory cache
	mux    *http.ServeMux

	mu           sync.Mutex
	users        map[string]*account
	groups       map[string]bool // of accounts
	rooms        map[string]*room
	bots         []*Bot
	polls        map[int64]*poll
	logins       []*login
	lastID       int64 // of messages, over the whole server
	lastRoom     int64
	lastAttendee int64
	lastNotice   int64
	lastPoll     int64
	lastFile     int64
	off          map[string]bool // features and apps switched off
	maintenance  bool
	down         bool
	failures     map[string][]time.Time // by brute-force action
	fault        func(*http.Request) *Fault
	requests     []Request
	onMessage    []func(Room, Message)
	pending      []func() // to run without the lock
	draining     bool
}

// NewServer makes an empty server.
func NewServer(o Options) *Server {
	s := &Server{now: o.Now, cached: o.MemoryCache, mux: http.NewServeMux(), users: map[string]*account{}, groups: map[string]bool{"admin": true}, rooms: map[string]*room{},
		polls: map[int64]*poll{}, off: map[string]bool{}, failures: map[string][]time.Time{}}
	if s.now == nil {
		s.now = time.Now
	}
	s.routes()
	return s
}

// URL is the address to give to a client together with Transport.
func (s *Server) URL() string { return "http://cloud.test" }

// Start listens on the loopback interface until stop is called.
func (s *Server) Start() (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("start talk server: %w", err)
	}
	hs := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	// Long polls end with the base context, or stopping would wait for them.
	ctx, cancel := context.WithCancel(context.Background())
	hs.BaseContext = func(net.Listener) context.Context { return ctx }
	go hs.Serve(l)
	return "http://" + l.Addr().String(), func() { cancel(); hs.Close() }, nil
}

// SetMaintenance switches maintenance mode.
func (s *Server) SetMaintenance(on bool) {
	s.mu.Lock()
	defer s.unlock()
	s.maintenance = on
}

// SetDown makes the server unreachable: Transport refuses the connection,
// and over a listener the connection is closed without an answer.
func (s *Server) SetDown(down bool) {
	s.mu.Lock()
	defer s.unlock()
	s.down = down
}

// Disable switches off a Talk feature ("edit-messages", "reactions",
// "conversation-creation-all") or a whole app ("spreed", "notifications").
func (s *Server) Disable(names ...string) { s.setOff(true, names) }

// Enable switches features and apps back on.
func (s *Server) Enable(names ...string) { s.setOff(false, names) }

func (s *Server) setOff(off bool, names []string) {
	s.mu.Lock()
	defer s.unlock()
	for _, n := range names {
		s.off[n] = off
	}
}

// OnMessage calls f after each new message, system messages included, in
// order and outside of the server's lock: f may use the server and its
// people.
func (s *Server) OnMessage(f func(Room, Message)) {
	s.mu.Lock()
	defer s.unlock()
	s.onMessage = append(s.onMessage, f)
}

// unlock releases the lock after running what had to wait for that. One
// goroutine runs the waiting functions at a time, so that they keep their
// order.
func (s *Server) unlock() {
	if !s.draining {
		s.draining = true
		for len(s.pending) > 0 {
			f := s.pending[0]
			s.pending = s.pending[1:]
			s.mu.Unlock()
			f()
			s.mu.Lock()
		}
		s.draining = false
	}
	s.mu.Unlock()
}

// call is one request on its way through the server.
type call struct {
	s      *Server
	w      http.ResponseWriter
	r      *http.Request
	user   *account // nil: anonymous
	viaApp *string  // the app password used; nil with the account password
	params map[string]any
}

// routes lists every endpoint there is.
func (s *Server) routes() {
	s.mux.HandleFunc("GET /status.php", s.statusPage)
	s.mux.HandleFunc("POST /index.php/login/v2", s.startLogin)
	s.mux.HandleFunc("POST /index.php/login/v2/poll", s.pollLogin)
	s.mux.HandleFunc("POST /login/v2/poll", s.pollLogin)
	s.mux.HandleFunc("PUT /remote.php/dav/files/{user}/{path...}", s.upload)

	for pattern, h := range map[string]func(*call){
		"GET " + ocs + "/cloud/capabilities":    (*call).capabilities,
		"GET " + ocs + "/cloud/user":            (*call).ownAccount,
		"GET " + ocs + "/core/getapppassword":   (*call).makeAppPassword,
		"DELETE " + ocs + "/core/apppassword":   (*call).revokeAppPassword,
		"POST " + ocs + "/cloud/users":          (*call).createUser,
		"GET " + ocs + "/cloud/users/{user}":    (*call).readUser,
		"DELETE " + ocs + "/cloud/users/{user}": (*call).deleteUser,
		"PUT " + ocs + "/cloud/users/{user}":    (*call).changeUser,

		"POST " + ocs + "/cloud/users/{user}/groups": (*call).addToGroup,
		"POST " + ocs + "/cloud/groups":              (*call).createGroup,

		"POST " + ocs + "/apps/files_sharing/api/v1/shares": (*call).createShare,
	} {
		s.handle(pattern, "", true, h)
	}
	for pattern, h := range map[string]func(*call){
		"GET /room":                              (*call).listRooms,
		"POST /room":                             (*call).createRoom,
		"GET /room/{token}":                      (*call).readRoom,
		"DELETE /room/{token}":                   (*call).deleteRoom,
		"GET /room/{token}/participants":         (*call).listParticipants,
		"POST /room/{token}/participants":        (*call).addParticipant,
		"DELETE /room/{token}/participants/self": (*call).leaveRoom,
		"DELETE /room/{token}/attendees":         (*call).removeAttendee,
		"POST /room/{token}/moderators":          (*call).promote,
		"PUT /room/{token}/read-only":            (*call).setReadOnly,
		"PUT /room/{token}/webinar/lobby":        (*call).setLobby,
		"PUT /room/{token}/description":          (*call).setDescription,
		"POST /room/{token}/message-expiration":  (*call).setExpiration,
		"POST /room/{token}/notify":              (*call).setNotifyLevel,
		"POST /room/{token}/important":           (*call).setImportant,
	} {
		s.handle(at(v4, pattern), "spreed", true, h)
	}
	for pattern, h := range map[string]func(*call){
		"GET /chat/{token}":             (*call).readChat,
		"POST /chat/{token}":            (*call).sendMessage,
		"POST /chat/{token}/share":      (*call).shareObject,
		"PUT /chat/{token}/{id}":        (*call).editMessage,
		"DELETE /chat/{token}/{id}":     (*call).deleteMessage,
		"POST /chat/{token}/read":       (*call).markRead,
		"GET /reaction/{token}/{id}":    (*call).listReactions,
		"POST /reaction/{token}/{id}":   (*call).addReaction,
		"DELETE /reaction/{token}/{id}": (*call).removeReaction,
		"POST /poll/{token}":            (*call).createPoll,
		"GET /poll/{token}/{id}":        (*call).readPoll,
		"POST /poll/{token}/{id}":       (*call).vote,
		"DELETE /poll/{token}/{id}":     (*call).closePoll,
	} {
		s.handle(at(v1, pattern), "spreed", true, h)
	}
	for pattern, h := range map[string]func(*call){
		"POST /bot/{token}/message":         (*call).botMessage,
		"POST /bot/{token}/reaction/{id}":   (*call).botReact,
		"DELETE /bot/{token}/reaction/{id}": (*call).botUnreact,
	} {
		s.handle(at(v1, pattern), "spreed", false, h)
	}
	for pattern, h := range map[string]func(*call){
		"GET /notifications":         (*call).listNotifications,
		"DELETE /notifications":      (*call).clearNotifications,
		"DELETE /notifications/{id}": (*call).clearNotification,
	} {
		s.handle(at(ocs+"/apps/notifications/api/v2", pattern), "notifications", true, h)
	}
	s.handle("/ocs/v2.php/", "", true, func(c *call) { c.noRoute() })
}

// at puts a base path into a pattern of the form "GET /x".
func at(base, pattern string) string {
	method, path, _ := strings.Cut(pattern, " ")
	return method + " " + base + path
}

// handle registers an OCS endpoint of an app. The handler runs with the lock
// held.
func (s *Server) handle(pattern, app string, needUser bool, h func(*call)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		c := &call{s: s, w: w, r: r}
		var err error
		c.params, err = parameters(r)
		s.mu.Lock()
		defer s.unlock()
		switch {
		case s.maintenance:
			w.Header().Set("X-Nextcloud-Maintenance-Mode", "1")
			c.fail(503, "Service unavailable", []any{})
		case needUser && !c.login():
		case r.Header.Get("OCS-APIRequest") == "":
			c.json(412, map[string]any{"message": "CSRF check failed"})
		case err != nil:
			c.reply(500, 996, "Invalid JSON", []any{})
		case app != "" && s.off[app]:
			c.noRoute()
		default:
			h(c)
		}
	})
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, pattern := s.mux.Handler(r)
	method, path, _ := strings.Cut(pattern, " ")
	if path == "" {
		method, path = r.Method, pattern
	}
	user, _, _ := r.BasicAuth()
	s.mu.Lock()
	s.requests = append(s.requests, Request{Method: method, Pattern: path, Path: r.URL.Path, Query: r.URL.Query(), User: user, Time: s.now()})
	down, fault := s.down, s.fault
	s.unlock()
	if down {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
	if fault != nil {
		if f := fault(r); f != nil {
			f.serve(w, r, s.mux)
			return
		}
	}
	s.mux.ServeHTTP(w, r)
}

// login checks the credentials. After a failure it has answered.
func (c *call) login() bool {
	if c.s.throttled("login") {
		c.fail(429, "", []any{})
		return false
	}
	name, pass, ok := c.r.BasicAuth()
	for _, u := range c.s.users {
		if !ok || u.id != name && (u.email == "" || u.email != name) {
			continue
		}
		if i := slices.Index(u.appPasswords, pass); i >= 0 {
			c.user, c.viaApp = u, &pass
			u.seen = c.s.now()
			c.w.Header().Set("X-User-Id", u.id)
			return true
		}
		if u.password == pass {
			c.user = u
			u.seen = c.s.now()
			c.w.Header().Set("X-User-Id", u.id)
			return true
		}
	}
	if ok {
		c.s.failed("login")
	}
	c.reply(401, 997, "Unauthorised", []any{})
	return false
}

func (s *Server) failed(action string) {
	s.failures[action] = append(s.failures[action], s.now())
}

func (s *Server) throttled(action string) bool {
	n := 0
	for _, at := range s.failures[action] {
		if s.now().Sub(at) < failureWindow {
			n++
		}
	}
	return n > maxFailures
}

// parameters merges query, form and JSON body, as Nextcloud does.
func parameters(r *http.Request) (map[string]any, error) {
	p := map[string]any{}
	for k, v := range r.URL.Query() {
		p[k] = v[0]
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) == 0 {
		return p, err
	}
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.UseNumber()
	return p, dec.Decode(&p)
}

func (c *call) str(name string) string {
	switch v := c.params[name].(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

func (c *call) num(name string, absent int64) int64 {
	if _, ok := c.params[name]; !ok || c.params[name] == nil {
		return absent
	}
	if c.params[name] == true {
		return 1
	}
	n, _ := strconv.ParseInt(c.str(name), 10, 64)
	return n
}

func (c *call) flag(name string, absent bool) bool {
	if _, ok := c.params[name]; !ok {
		return absent
	}
	v := c.str(name)
	return v != "" && v != "0" && v != "false"
}

// pathID is the {id} of the path; 0 when it is no number.
func (c *call) pathID() int64 {
	n, _ := strconv.ParseInt(c.r.PathValue("id"), 10, 64)
	return n
}

// ok answers with success.
func (c *call) ok(status int, data any) { c.reply(status, status, "OK", data) }

// fail answers with failure; data is often {"error": reason}.
func (c *call) fail(status int, message string, data any) { c.reply(status, status, message, data) }

// refuse answers with a failure that has a reason.
func (c *call) refuse(status int, reason string) { c.fail(status, "", map[string]any{"error": reason}) }

// noRoute is the answer to what this server doesn't know at all.
func (c *call) noRoute() {
	c.reply(404, 998, "Invalid query, please check the syntax. API specifications are here: http://www.freedesktop.org/wiki/Specifications/open-collaboration-services.", []any{})
}

func (c *call) reply(status, code int, message string, data any) {
	word := "ok"
	if status >= 300 {
		word = "failure"
	}
	accept := c.r.Header.Get("Accept")
	if !strings.Contains(accept, "application/json") && c.r.URL.Query().Get("format") != "json" {
		// Nextcloud's default. The data is of no use to us in XML.
		c.w.Header().Set("Content-Type", "application/xml; charset=utf-8")
		c.w.WriteHeader(status)
		fmt.Fprintf(c.w, "<?xml version=\"1.0\"?>\n<ocs><meta><status>%s</status><statuscode>%d</statuscode></meta><data/></ocs>\n", word, code)
		return
	}
	c.json(status, map[string]any{"ocs": map[string]any{
		"meta": map[string]any{"status": word, "statuscode": code, "message": message}, "data": data}})
}

func (c *call) json(status int, v any) { writeJSON(c.w, status, v) }

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

func (s *Server) statusPage(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	maintenance := s.maintenance
	s.unlock()
	writeJSON(w, 200, map[string]any{"installed": true, "maintenance": maintenance, "needsDbUpgrade": false,
		"version": "32.0.1.2", "versionstring": "32.0.1", "edition": "", "productname": "Nextcloud", "extendedSupport": false})
}

// features are those of Talk 22 that a chat client may ask for.
var features = []string{"chat-v2", "conversation-v4", "favorites", "system-messages", "delete-messages", "mention-flag",
	"notification-levels", "invite-groups-and-mails", "read-only-rooms", "chat-read-marker", "chat-unread", "webinary-lobby",
	"chat-replies", "chat-read-status", "rich-object-sharing", "geo-location-sharing", "chat-permission", "silent-send",
	"talk-polls", "chat-get-context", "chat-keep-notifications", "bots-v1", "markdown-messages", "note-to-self",
	"delete-messages-unlimited", "edit-messages", "silent-send-state", "chat-read-last", "chat-reference-id",
	"conversation-creation-all", "important-conversations", "message-expiration", "reactions"}

func (s *Server) activeFeatures() []string {
	return slices.DeleteFunc(slices.Clone(features), func(f string) bool { return s.off[f] })
}

// hash changes when the capabilities change.
func (s *Server) hash() string {
	sum := sha1.Sum([]byte(strings.Join(s.activeFeatures(), " ")))
	return hex.EncodeToString(sum[:])
}

func (c *call) capabilities() {
	caps := map[string]any{"core": map[string]any{"pollinterval": 60, "webdav-root": "remote.php/webdav"}}
	if !c.s.off["spreed"] {
		caps["spreed"] = map[string]any{
			"features":       c.s.activeFeatures(),
			"features-local": []string{"favorites", "chat-read-status"},
			"config": map[string]any{
				"chat":          map[string]any{"max-length": maxLength, "read-privacy": 0, "typing-privacy": 0},
				"conversations": map[string]any{"can-create": !c.user.cannotCreate},
			},
			"config-local": map[string]any{"chat": []string{"read-privacy", "typing-privacy"}},
			"version":      "22.0.0",
		}
	}
	if !c.s.off["notifications"] {
		caps["notifications"] = map[string]any{"ocs-endpoints": []string{"list", "get", "delete", "delete-all"}}
	}
	c.ok(200, map[string]any{
		"version":      map[string]any{"major": 32, "minor": 0, "micro": 1, "string": "32.0.1", "edition": "", "extendedSupport": false},
		"capabilities": caps,
	})
}

// random makes n characters of an alphabet like Nextcloud's for tokens.
func random(n int) string {
	const alphabet = "23456789abcdefghijkmnopqrstwxyz"
	b := make([]byte, n)
	rand.Read(b)
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}
