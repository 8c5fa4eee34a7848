package talkapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// loginLifetime is how long Nextcloud keeps a login flow; afterwards it
// answers "not yet" for ever.
const loginLifetime = 20 * time.Minute

// Login is a login through the browser that waits to be confirmed (Login
// Flow v2). Show URL to the person, then call Poll every few seconds.
type Login struct {
	URL     string // to open in a browser; as good as a password until confirmed, so don't log it
	Expires time.Time

	wire  wire
	path  string // of the poll endpoint, below the base
	token hidden
}

// Credentials are the result of a login.
type Credentials struct {
	Server      string // the server's own idea of its address; may differ from the one given
	User        string // login name
	AppPassword Secret
}

// StartLogin begins a login. Of the options it needs URL only; User and
// Password are not used. UserAgent is shown to the person and names the app
// password in the list of devices.
func StartLogin(ctx context.Context, o Options) (Login, error) {
	const op = "start login"
	w, err := newWire(o)
	if err != nil {
		return Login{}, err
	}
	started := time.Now()
	a, err := w.send(ctx, request{op: op, method: http.MethodPost, path: "/index.php/login/v2", plain: true})
	if err != nil {
		return Login{}, err
	}
	var wire struct {
		Poll struct {
			Token    Secret `json:"token"`
			Endpoint string `json:"endpoint"`
		} `json:"poll"`
		Login string `json:"login"`
	}
	if err := a.decode(op, &wire); err != nil {
		return Login{}, err
	}
	if wire.Poll.Token == "" || wire.Login == "" {
		return Login{}, a.nonsense(op, "answer lacks the login address")
	}
	return Login{URL: wire.Login, Expires: started.Add(loginLifetime), wire: w,
		path: w.pollPath(wire.Poll.Endpoint), token: hide(wire.Poll.Token)}, nil
}

// pollPath takes the poll endpoint's path if it lies on our server. Servers
// often have a wrong idea of their own address, and the poll token must not
// go anywhere but where the login was started.
func (w *wire) pollPath(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err == nil && u.Scheme == w.base.Scheme && u.Host == w.base.Host {
		if path, ok := strings.CutPrefix(u.EscapedPath(), w.base.EscapedPath()+"/"); ok {
			return "/" + path
		}
	}
	return "/index.php/login/v2/poll"
}

// Poll asks whether the person has confirmed. ok is false until then. The
// server hands the credentials out only once: store them before anything
// else. After Expires it fails with ErrLoginExpired.
func (l Login) Poll(ctx context.Context) (cred Credentials, ok bool, err error) {
	const op = "wait for login"
	if !time.Now().Before(l.Expires) {
		return Credentials{}, false, &Error{Op: op, Err: ErrLoginExpired}
	}
	a, err := l.wire.send(ctx, request{op: op, method: http.MethodPost, path: l.path, plain: true,
		form: url.Values{"token": {l.token()}}, secrets: []string{l.token()}})
	if errors.Is(err, ErrNotFound) {
		return Credentials{}, false, nil
	}
	if err != nil {
		return Credentials{}, false, err
	}
	var wire struct {
		Server   string `json:"server"`
		User     text   `json:"loginName"`
		Password Secret `json:"appPassword"`
	}
	if err := a.decode(op, &wire); err != nil {
		return Credentials{}, false, err
	}
	if wire.User == "" || wire.Password == "" {
		return Credentials{}, false, a.nonsense(op, "answer lacks the credentials")
	}
	return Credentials{Server: wire.Server, User: string(wire.User), AppPassword: wire.Password}, true, nil
}

// AppPassword makes an app password from the account password this client
// was made with. With an app password it fails with ErrForbidden.
func (c *Client) AppPassword(ctx context.Context) (Secret, error) {
	const op = "make app password"
	a, err := c.do(ctx, request{op: op, method: http.MethodGet, path: "/ocs/v2.php/core/getapppassword"})
	if err != nil {
		return "", err
	}
	var w struct {
		Password Secret `json:"apppassword"`
	}
	if json.Unmarshal(a.data, &w) != nil || w.Password == "" {
		return "", a.nonsense(op, "answer lacks the app password")
	}
	return w.Password, nil
}

// RevokeAppPassword makes the app password this client uses invalid.
func (c *Client) RevokeAppPassword(ctx context.Context) error {
	_, err := c.do(ctx, request{op: "revoke app password", method: http.MethodDelete, path: "/ocs/v2.php/core/apppassword"})
	return err
}
