package talktest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// login is a login through the browser that is under way.
type login struct {
	started    time.Time
	poll, flow string
	user       *account // set once granted
	app        string
}

const loginLifetime = 20 * time.Minute

// Grant confirms a login as a person does in the browser. loginURL is the
// address the client was told to open. It reports whether there is such a
// login.
func (s *Server) Grant(loginURL string, u *User) bool {
	s.mu.Lock()
	defer s.unlock()
	for _, l := range s.logins {
		if strings.HasSuffix(loginURL, "/"+l.flow) && s.now().Sub(l.started) < loginLifetime {
			l.user, l.app = u.acc, random(72)
			u.acc.appPasswords = append(u.acc.appPasswords, l.app)
			return true
		}
	}
	return false
}

func (s *Server) startLogin(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.unlock()
	l := &login{started: s.now(), poll: random(128), flow: random(128)}
	s.logins = append(s.logins, l)
	base := "http://" + r.Host
	writeJSON(w, 200, map[string]any{
		"poll":  map[string]any{"token": l.poll, "endpoint": base + "/login/v2/poll"},
		"login": base + "/login/v2/flow/" + l.flow,
	})
}

func (s *Server) pollLogin(w http.ResponseWriter, r *http.Request) {
	token := r.PostFormValue("token")
	s.mu.Lock()
	defer s.unlock()
	i := slices.IndexFunc(s.logins, func(l *login) bool {
		return l.poll == token && l.user != nil && s.now().Sub(l.started) < loginLifetime
	})
	if i < 0 {
		writeJSON(w, 404, []any{})
		return
	}
	l := s.logins[i]
	s.logins = slices.Delete(s.logins, i, i+1) // handed out once only
	writeJSON(w, 200, map[string]any{"server": "http://" + r.Host, "loginName": l.user.id, "appPassword": l.app})
}

func (c *call) makeAppPassword() {
	if c.viaApp != nil {
		c.fail(403, "You cannot request an new apppassword with an apppassword", []any{})
		return
	}
	app := random(72)
	c.user.appPasswords = append(c.user.appPasswords, app)
	c.ok(200, map[string]any{"apppassword": app})
}

func (c *call) revokeAppPassword() {
	if c.viaApp == nil {
		c.fail(403, "no app password in use", []any{})
		return
	}
	c.user.appPasswords = slices.DeleteFunc(c.user.appPasswords, func(p string) bool { return p == *c.viaApp })
	c.ok(200, []any{})
}
