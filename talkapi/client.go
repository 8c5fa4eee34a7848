package talkapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-resty/resty/v2"
)

const (
	defaultUserAgent = "Anpi (+https://github.com/anpi-bot/anpi)"
	defaultTimeout   = 30 * time.Second
	defaultBodyLimit = 1 << 20
	defaultHold      = 15 * time.Minute
	dialTimeout      = 5 * time.Second

	// A long poll lasts what was asked, plus up to 25 s that Nextcloud's
	// brute-force protection may sleep, plus the way.
	longPollGrace = 35 * time.Second
	maxWait       = 30 * time.Second // the server clamps longer waits

	chatAPI          = "/ocs/v2.php/apps/spreed/api/v1"
	roomAPI          = "/ocs/v2.php/apps/spreed/api/v4"
	notificationsAPI = "/ocs/v2.php/apps/notifications/api/v2"
)

// Options say which server to talk to and as whom.
type Options struct {
	URL       string            // address of the Nextcloud, https://cloud.example.org; may have a path
	User      string            // login name
	Password  Secret            // app password; the account password works but costs the server a password hash per request
	UserAgent string            // default "Anpi (+https://github.com/anpi-bot/anpi)"
	Transport http.RoundTripper // default: own connections with a dial time-out of 5 s, proxy from the environment
	Timeout   time.Duration     // of one call; zero means 30 s. A waiting Messages call gets its wait plus 35 s
	BodyLimit int64             // largest answer in bytes after decompression; zero means 1 MiB

	// UnauthorizedHold is how long no authenticated call is made after a
	// 401. Zero means 15 min: at most two tries in 30 min, as Nextcloud
	// locks out the whole address after ten failures in that time.
	UnauthorizedHold time.Duration
}

// Client speaks to one Nextcloud as one user. It is safe for concurrent use.
type Client struct {
	wire wire
	user string
	pass hidden
	gate gate
}

// New checks the options and makes a client. It does not connect.
func New(o Options) (*Client, error) {
	w, err := newWire(o)
	if err != nil {
		return nil, err
	}
	if o.UnauthorizedHold <= 0 {
		o.UnauthorizedHold = defaultHold
	}
	return &Client{wire: w, user: o.User, pass: hide(o.Password), gate: gate{hold: o.UnauthorizedHold}}, nil
}

// do makes one authenticated call, unless a recent 401 forbids it.
func (c *Client) do(ctx context.Context, rq request) (answer, error) {
	probe, err := c.gate.enter(rq.op)
	if err != nil {
		return answer{}, err
	}
	rq.user, rq.pass = c.user, c.pass()
	a, err := c.wire.send(ctx, rq)
	c.gate.leave(probe, err)
	return a, err
}

// request is one call before it is sent.
type request struct {
	op     string     // for errors: "send message"
	method string     //
	path   string     // escaped, below the base URL
	query  url.Values //
	body   any        // encoded as JSON; nil for none
	form   url.Values // instead of body
	header http.Header
	wait   time.Duration // longest the server may hold the answer on purpose

	user    string // empty: anonymous
	pass    string
	secrets []string // room tokens and the like that must not show in errors
	plain   bool     // the answer has no OCS envelope
	bad     error    // what a 400 means here; nil for ErrInvalid
}

// answer is a good response: 2xx with an envelope, 204, or 304.
type answer struct {
	status int
	header http.Header
	data   json.RawMessage // ocs.data, or the body of a plain call
}

// wire builds, sends and judges every request of the package.
type wire struct {
	base      *url.URL
	http      *resty.Client
	userAgent string
	timeout   time.Duration
	bodyLimit int64
	clock     *clock
}

func newWire(o Options) (wire, error) {
	base, err := parseBase(o.URL)
	if err != nil {
		return wire{}, err
	}
	if o.Transport == nil {
		o.Transport = DefaultTransport()
	}
	w := wire{base: base, userAgent: o.UserAgent, timeout: o.Timeout, bodyLimit: o.BodyLimit, clock: new(clock)}
	if w.userAgent == "" {
		w.userAgent = defaultUserAgent
	}
	if w.timeout <= 0 {
		w.timeout = defaultTimeout
	}
	if w.bodyLimit <= 0 {
		w.bodyLimit = defaultBodyLimit
	}
	// resty.New would bring a cookie jar (sessions of one account leaking
	// into another's calls); its retries repeat a POST, so there are none.
	w.http = resty.NewWithClient(&http.Client{Transport: o.Transport, CheckRedirect: checkRedirect}).
		SetLogger(silence{}).
		SetDisableWarn(true).
		SetRetryCount(0)
	return w, nil
}

func parseBase(s string) (*url.URL, error) {
	if s == "" {
		return nil, errors.New("the Nextcloud address is missing: give something like https://cloud.example.org")
	}
	u, err := url.Parse(strings.TrimRight(s, "/"))
	// The text of a parse error repeats the address, which may hold a password.
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("the Nextcloud address is not a web address: give something like https://cloud.example.org")
	}
	if u.User != nil {
		return nil, errors.New("the Nextcloud address contains a user name or password: give those on their own")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the Nextcloud address contains a ? or #: give only the part before it")
	}
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/index.php"), ""
	return u, nil
}

// DefaultTransport returns a transport like the one that a client without one
// makes for itself, for callers that wrap it.
func DefaultTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext
	t.TLSHandshakeTimeout = 10 * time.Second
	t.MaxIdleConnsPerHost = 8
	return t
}

// checkRedirect lets a read follow within the origin. Everything else comes
// back as the redirect itself, which the judge refuses: a POST through a 301
// would become a GET, and the password must never leave the origin.
func checkRedirect(rq *http.Request, via []*http.Request) error {
	first := via[0]
	reads := first.Method == http.MethodGet || first.Method == http.MethodHead
	if !reads || len(via) > 3 || rq.URL.Scheme != first.URL.Scheme || rq.URL.Host != first.URL.Host {
		return http.ErrUseLastResponse
	}
	return nil
}

// silence stands in for resty's own logger, which prints full URLs and with
// them room tokens.
type silence struct{}

func (silence) Errorf(string, ...any) {}
func (silence) Warnf(string, ...any)  {}
func (silence) Debugf(string, ...any) {}

// send makes one attempt and judges the outcome.
func (w *wire) send(ctx context.Context, rq request) (answer, error) {
	if err := ctx.Err(); err != nil {
		return answer{}, &Error{Op: rq.op, cause: context.Cause(ctx)}
	}
	limit := w.timeout
	if rq.wait > 0 {
		limit = rq.wait + longPollGrace
	}
	callCtx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var t trail
	r, err := w.build(httptrace.WithClientTrace(callCtx, t.trace()), rq)
	if err != nil {
		return answer{}, &Error{Op: rq.op, Err: ErrInvalid, cause: err}
	}
	target := w.base.String() + rq.path
	if len(rq.query) > 0 {
		target += "?" + rq.query.Encode()
	}
	rs, err := r.Execute(rq.method, target)
	if err != nil {
		return answer{}, w.broken(ctx, rq, 0, t.mayHaveArrived(err), err)
	}
	raw := rs.RawResponse
	w.clock.learn(raw.Header, rq.wait > 0)
	body, err := readBody(raw, w.bodyLimit)
	if err != nil {
		// The status line did arrive and says whether the server refused.
		unsure := raw.StatusCode < 300 || raw.StatusCode >= 500
		if errors.Is(err, ErrTooLarge) {
			return answer{}, &Error{Op: rq.op, Status: raw.StatusCode, Unsure: unsure, Err: ErrNotNextcloud, cause: err}
		}
		return answer{}, w.broken(ctx, rq, raw.StatusCode, unsure, err)
	}
	return judge(rq, raw, body)
}

func (w *wire) build(ctx context.Context, rq request) (*resty.Request, error) {
	// The body is read here, under a limit, and judged together with the
	// status; resty would try to interpret it.
	r := w.http.R().SetContext(ctx).SetDoNotParseResponse(true)
	for k, v := range rq.header {
		r.Header[k] = v
	}
	r.SetHeader("User-Agent", w.userAgent)
	r.SetHeader("Accept", "application/json")
	r.SetHeader("OCS-APIRequest", "true")
	if rq.user != "" || rq.pass != "" {
		r.SetBasicAuth(rq.user, rq.pass)
	}
	switch {
	case rq.form != nil:
		r.SetHeader("Content-Type", "application/x-www-form-urlencoded").SetBody([]byte(rq.form.Encode()))
	case rq.body != nil:
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(rq.body); err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		r.SetHeader("Content-Type", "application/json").SetBody(bytes.TrimSpace(b.Bytes()))
	}
	return r, nil
}

// ErrTooLarge is an answer over Options.BodyLimit; it is ErrNotNextcloud too. Ask
// for less at a time.
var ErrTooLarge = errors.New("answer is too large")

// readBody reads at most limit bytes. net/http has decompressed by then, so
// a small bomb that grows counts in full.
func readBody(rs *http.Response, limit int64) ([]byte, error) {
	defer rs.Body.Close()
	b, err := io.ReadAll(io.LimitReader(rs.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, ErrTooLarge
	}
	return b, nil
}

// broken makes the error for a call that got no whole answer.
func (w *wire) broken(ctx context.Context, rq request, status int, unsure bool, err error) *Error {
	e := &Error{Op: rq.op, Status: status, Unsure: unsure, cause: scrub(err, rq)}
	if ctx.Err() == nil { // the caller still wants it: the server's side failed
		e.Err = ErrUnreachable
	}
	return e
}

// scrub takes the URL out of a transport error (it holds room tokens) and
// masks whatever else of the request's secrets shows in the text.
func scrub(err error, rq request) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	text := mask(err.Error(), rq)
	if text == err.Error() {
		return err
	}
	return &scrubbed{text: text, err: err}
}

func mask(s string, rq request) string {
	for _, secret := range append(rq.secrets, rq.pass) {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, masked)
		}
	}
	return s
}

// trail records how far one request got.
type trail struct {
	mu      sync.Mutex
	tried   bool // a transport that reports its steps took the request
	written bool // its headers went into a connection
}

func (t *trail) trace() *httptrace.ClientTrace {
	set := func(tried, written bool) {
		t.mu.Lock()
		t.tried, t.written = tried, written
		t.mu.Unlock()
	}
	return &httptrace.ClientTrace{
		// A second GetConn within one request means that net/http moves it
		// to a fresh connection. For requests that are not idempotent it
		// does so only when not one byte had been written before.
		GetConn:      func(string) { set(true, false) },
		WroteHeaders: func() { set(true, true) },
	}
}

// mayHaveArrived decides after a transport error. Headers and a short body
// share one flush, so written headers mean that all of it may have arrived.
func (t *trail) mayHaveArrived(err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tried {
		return t.written
	}
	// A transport of the caller's that does not report its steps: only a
	// failed dial is proof.
	var op *net.OpError
	var dns *net.DNSError
	return !(errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns))
}

// envelope is what OCS wraps around every answer.
type envelope struct {
	OCS *struct {
		Meta struct {
			Status     string  `json:"status"`
			StatusCode integer `json:"statuscode"`
			Message    text    `json:"message"`
		} `json:"meta"`
		Data json.RawMessage `json:"data"`
	} `json:"ocs"`
}

// judge is the one place that decides what a response means.
func judge(rq request, rs *http.Response, body []byte) (answer, error) {
	status := rs.StatusCode
	if status == http.StatusNotModified && rq.method == http.MethodGet || status == http.StatusNoContent {
		return answer{status: status, header: rs.Header}, nil
	}
	var env envelope
	isJSON := isJSONType(rs.Header.Get("Content-Type"))
	wrapped := isJSON && json.Unmarshal(body, &env) == nil && env.OCS != nil
	if status >= 200 && status < 300 {
		if wrapped && !rq.plain {
			return answer{status: status, header: rs.Header, data: env.OCS.Data}, nil
		}
		if rq.plain && isJSON && json.Valid(body) {
			return answer{status: status, header: rs.Header, data: body}, nil
		}
		return answer{}, &Error{Op: rq.op, Status: status, Unsure: true, Err: ErrNotNextcloud,
			Message: "got " + describe(rs.Header) + " instead of an OCS answer"}
	}
	e := &Error{Op: rq.op, Status: status, RetryAfter: retryAfter(rs.Header)}
	if wrapped {
		e.Code = int(env.OCS.Meta.StatusCode)
		e.Message = mask(shorten(string(env.OCS.Meta.Message)), rq)
		var data struct {
			Error text `json:"error"`
		}
		if json.Unmarshal(env.OCS.Data, &data) == nil {
			e.Reason = mask(shorten(string(data.Error)), rq)
		}
	}
	switch {
	case status < 400:
		e.Err = ErrNotNextcloud
		e.Message = "redirect refused"
		if to, err := rs.Location(); err == nil {
			e.Message = "redirect to " + to.Scheme + "://" + to.Host + " refused"
		}
	case status == http.StatusUnauthorized:
		e.Err = ErrUnauthorized
	case status == http.StatusForbidden:
		e.Err = ErrForbidden
	case status == http.StatusNotFound:
		switch {
		case wrapped && e.Code == 998:
			e.Err = ErrUnsupported
		case wrapped || rq.plain && isJSON:
			e.Err = ErrNotFound
		default:
			e.Err = ErrNotNextcloud
			e.Message = "is the address right, and does it lead to Nextcloud?"
		}
	case status == http.StatusPreconditionFailed:
		switch {
		case wrapped:
			e.Err = ErrLobby
		case isJSON:
			e.Err = ErrNoOCSHeader
			e.Message = "a proxy in front of Nextcloud must let OCS-APIRequest through"
		default: // WebDAV's If-Match, nothing this package sends
			e.Err = ErrInvalid
		}
	case status == http.StatusRequestEntityTooLarge:
		e.Err = ErrTooLong
	case status == http.StatusTooManyRequests:
		e.Err = ErrThrottled
	case status == http.StatusNotAcceptable, status == http.StatusNotImplemented:
		e.Err = ErrUnsupported
	case status == http.StatusBadRequest && e.Reason == "age":
		e.Err = ErrTooOld
	case status == http.StatusBadRequest && rq.bad != nil:
		e.Err = rq.bad
	case status < 500:
		e.Err = ErrInvalid
	case status == http.StatusServiceUnavailable && rs.Header.Get("X-Nextcloud-Maintenance-Mode") != "":
		e.Err = ErrMaintenance
	default:
		e.Err = ErrUnavailable
		e.Unsure = true
	}
	return answer{}, e
}

func isJSONType(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && (t == "application/json" || strings.HasSuffix(t, "+json"))
}

func describe(h http.Header) string {
	if t, _, err := mime.ParseMediaType(h.Get("Content-Type")); err == nil && !isJSONType(t) {
		return shorten(t)
	}
	return "other data"
}

// shorten keeps what a server says to a length fit for one line.
func shorten(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}

// retryAfter reads seconds or a date; RFC 9110 section 10.2.3. Nextcloud
// itself sends it in maintenance only, proxies do with 429 and 503.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil && s > 0 {
		return time.Duration(min(s, 24*60*60)) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	from, err := http.ParseTime(h.Get("Date")) // the server's own clock, ours may be off
	if err != nil {
		from = time.Now()
	}
	return min(max(at.Sub(from), 0), 24*time.Hour)
}

// gate holds back authenticated calls after a 401. When the hold is over one
// call goes ahead as a probe; the others are let through once it succeeded.
type gate struct {
	hold time.Duration

	mu      sync.Mutex
	refused *Error // nil: open
	until   time.Time
	probing bool
}

func (g *gate) enter(op string) (probe bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.refused == nil {
		return false, nil
	}
	if g.probing || time.Now().Before(g.until) {
		e := *g.refused
		e.Op = op
		return false, &e
	}
	g.probing = true
	return true, nil
}

func (g *gate) leave(probe bool, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if probe {
		g.probing = false
	}
	var e *Error
	switch {
	case errors.Is(err, ErrUnauthorized) && errors.As(err, &e):
		g.refused, g.until = e, time.Now().Add(g.hold)
	case probe && (err == nil || errors.Is(err, ErrForbidden) || errors.Is(err, ErrNotFound)):
		g.refused = nil // the server knew who was asking
	}
}

// decode reads data into v; failure means that a success made no sense.
func (a answer) decode(op string, v any) error {
	if err := json.Unmarshal(a.data, v); err != nil {
		return a.nonsense(op, "answer has an unknown shape")
	}
	return nil
}

// nonsense is the error for a success that cannot be right.
func (a answer) nonsense(op, what string) error {
	return &Error{Op: op, Status: a.status, Unsure: true, Err: ErrNotNextcloud, Message: what}
}
