package talkapi_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anpi-bot/anpi/talkapi"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

const (
	canaryPassword = "canary-password-4711"
	canaryRoom     = "canaryroom"
)

func client(t testing.TB, o talkapi.Options) *talkapi.Client {
	t.Helper()
	if o.User == "" {
		o.User, o.Password = "anpi", canaryPassword
	}
	c, err := talkapi.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// check fails the test unless err is of the kind, says whether the request
// may have happened, and gives no secret away.
func check(t *testing.T, err, kind error, happened bool) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("error %v, want %v", err, kind)
	}
	if got := talkapi.MayHaveHappened(err); got != happened {
		t.Errorf("may have happened: %v, want %v (%v)", got, happened, err)
	}
	var e *talkapi.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T", err)
	}
	for _, s := range []string{err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", e)} {
		if strings.Contains(s, canaryPassword) || strings.Contains(s, canaryRoom) {
			t.Errorf("secret in %s", s)
		}
	}
}

const envelope = `{"ocs":{"meta":{"status":"failure","statuscode":%d,"message":%q},"data":%s}}`

func TestJudge(t *testing.T) {
	canary := "see /room/" + canaryRoom + " with " + canaryPassword
	for _, tc := range []struct {
		name        string
		status      int
		contentType string
		header      [2]string
		body        string
		kind        error
		happened    bool
	}{
		{"wrong password", 401, "json", [2]string{}, fmt.Sprintf(envelope, 997, canary, "[]"), talkapi.ErrUnauthorized, false},
		{"password refused by a proxy", 401, "html", [2]string{}, "<h1>401</h1>", talkapi.ErrUnauthorized, false},
		{"read-only", 403, "json", [2]string{}, fmt.Sprintf(envelope, 403, "", "[]"), talkapi.ErrForbidden, false},
		{"room gone", 404, "json", [2]string{}, fmt.Sprintf(envelope, 404, "", "null"), talkapi.ErrNotFound, false},
		{"route missing", 404, "json", [2]string{}, fmt.Sprintf(envelope, 998, "", "[]"), talkapi.ErrUnsupported, false},
		{"no Nextcloud there", 404, "html", [2]string{}, "<h1>Not found</h1>", talkapi.ErrNotNextcloud, false},
		{"edit too old", 400, "json", [2]string{}, fmt.Sprintf(envelope, 400, "", `{"error":"age"}`), talkapi.ErrTooOld, false},
		{"bad reply", 400, "json", [2]string{}, fmt.Sprintf(envelope, 400, "", `{"error":"reply-to"}`), talkapi.ErrInvalid, false},
		{"not editable", 405, "", [2]string{}, "", talkapi.ErrInvalid, false},
		{"federated", 406, "json", [2]string{}, fmt.Sprintf(envelope, 406, "", "[]"), talkapi.ErrUnsupported, false},
		{"lobby", 412, "json", [2]string{}, fmt.Sprintf(envelope, 412, "", "[]"), talkapi.ErrLobby, false},
		{"header stripped", 412, "json", [2]string{}, `{"message":"CSRF check failed"}`, talkapi.ErrNoOCSHeader, false},
		{"WebDAV precondition", 412, "xml", [2]string{}, `<d:error/>`, talkapi.ErrInvalid, false},
		{"too long", 413, "json", [2]string{}, fmt.Sprintf(envelope, 413, "", `{"error":"message"}`), talkapi.ErrTooLong, false},
		{"too long for the proxy", 413, "html", [2]string{}, "<h1>413</h1>", talkapi.ErrTooLong, false},
		{"throttled", 429, "json", [2]string{}, fmt.Sprintf(envelope, 429, "", "[]"), talkapi.ErrThrottled, false},
		{"internal error", 500, "json", [2]string{}, fmt.Sprintf(envelope, 996, "", "[]"), talkapi.ErrUnavailable, true},
		{"bad gateway", 502, "html", [2]string{}, "<h1>502</h1>", talkapi.ErrUnavailable, true},
		{"overloaded", 503, "html", [2]string{}, "<h1>503</h1>", talkapi.ErrUnavailable, true},
		{"maintenance", 503, "json", [2]string{"X-Nextcloud-Maintenance-Mode", "1"}, fmt.Sprintf(envelope, 503, "", "[]"), talkapi.ErrMaintenance, false},
		{"maintenance page", 503, "html", [2]string{"X-Nextcloud-Maintenance-Mode", "1"}, "<h1>Wait</h1>", talkapi.ErrMaintenance, false},
		{"gateway timeout", 504, "html", [2]string{}, "<h1>504</h1>", talkapi.ErrUnavailable, true},
		{"login page", 200, "html", [2]string{}, "<form>log in</form>", talkapi.ErrNotNextcloud, true},
		{"wrong type", 201, "html", [2]string{}, fmt.Sprintf(envelope, 201, "", `{"id":1,"token":"canaryroom"}`), talkapi.ErrNotNextcloud, true},
		{"no envelope", 201, "json", [2]string{}, `{"id":1}`, talkapi.ErrNotNextcloud, true},
		{"half an envelope", 201, "json", [2]string{}, `{"ocs":{"meta":`, talkapi.ErrNotNextcloud, true},
		{"no data", 201, "json", [2]string{}, fmt.Sprintf(envelope, 201, "", "null"), talkapi.ErrNotNextcloud, true},
		{"no id", 201, "json", [2]string{}, fmt.Sprintf(envelope, 201, "", `{"token":"canaryroom"}`), talkapi.ErrNotNextcloud, true},
		{"another room", 201, "json", [2]string{}, fmt.Sprintf(envelope, 201, "", `{"id":1,"token":"other"}`), talkapi.ErrNotNextcloud, true},
		{"empty success", 204, "", [2]string{}, "", talkapi.ErrNotNextcloud, true},
		{"not modified", 304, "", [2]string{}, "", talkapi.ErrNotNextcloud, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch tc.contentType {
				case "json":
					w.Header().Set("Content-Type", "application/json; charset=utf-8")
				case "xml":
					w.Header().Set("Content-Type", "application/xml; charset=utf-8")
				case "html":
					w.Header().Set("Content-Type", "text/html")
				}
				if tc.header[0] != "" {
					w.Header().Set(tc.header[0], tc.header[1])
				}
				w.WriteHeader(tc.status)
				io.WriteString(w, tc.body)
			}))
			defer srv.Close()
			_, err := client(t, talkapi.Options{URL: srv.URL}).Send(t.Context(), canaryRoom, talkapi.Post{Text: "x"})
			check(t, err, tc.kind, tc.happened)
		})
	}
}

func TestErrorDetails(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(429)
		fmt.Fprintf(w, envelope, 429, "slow\ndown", `{"error":"mentions"}`)
	}))
	defer srv.Close()
	_, err := client(t, talkapi.Options{URL: srv.URL}).Send(t.Context(), canaryRoom, talkapi.Post{Text: "x"})
	var e *talkapi.Error
	if !errors.As(err, &e) || e.Op != "send message" || e.Status != 429 || e.Code != 429 || e.Reason != "mentions" || e.Message != "slow down" || e.RetryAfter != 7*time.Second {
		t.Errorf("details %#v", e)
	}
	if want := "send message: too many requests (HTTP 429, mentions): slow down"; err.Error() != want {
		t.Errorf("text %q, want %q", err, want)
	}
}

// TestBroken cuts, delays and hides real connections.
func TestBroken(t *testing.T) {
	send := func(t *testing.T, ctx context.Context, url string, o talkapi.Options) error {
		o.URL = url
		_, err := client(t, o).Send(ctx, canaryRoom, talkapi.Post{Text: "x"})
		return err
	}
	// raw serves one connection by hand, after reading the request.
	raw := func(t *testing.T, answer func(net.Conn)) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
						answer(c)
					}
				}()
			}
		}()
		return "http://" + l.Addr().String()
	}
	// piped is the same over a pipe in memory, for fake time.
	piped := func(answer func(net.Conn)) talkapi.Options {
		return talkapi.Options{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				defer there.Close()
				if _, err := http.ReadRequest(bufio.NewReader(there)); err == nil {
					answer(there)
				}
			}()
			return here, nil
		}}}
	}

	t.Run("refused", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		check(t, send(t, t.Context(), "http://"+l.Addr().String(), talkapi.Options{}), talkapi.ErrUnreachable, false)
	})
	t.Run("unknown host", func(t *testing.T) {
		check(t, send(t, t.Context(), "http://no-such-host.invalid", talkapi.Options{}), talkapi.ErrUnreachable, false)
	})
	t.Run("dial time-out", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			over := make(chan struct{})
			defer close(over)
			tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				<-over // as with SYN packets that get lost
				return nil, context.Canceled
			}}
			err := send(t, t.Context(), "http://cloud.test", talkapi.Options{Transport: tr})
			check(t, err, talkapi.ErrUnreachable, false)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v does not tell of the time-out", err)
			}
		})
	})
	t.Run("certificate", func(t *testing.T) {
		srv := httptest.NewUnstartedServer(http.NotFoundHandler())
		srv.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of the refusal
		srv.StartTLS()
		defer srv.Close()
		check(t, send(t, t.Context(), srv.URL, talkapi.Options{}), talkapi.ErrUnreachable, false)
	})
	t.Run("cut before the answer", func(t *testing.T) {
		check(t, send(t, t.Context(), raw(t, func(net.Conn) {}), talkapi.Options{}), talkapi.ErrUnreachable, true)
	})
	t.Run("cut in the header", func(t *testing.T) {
		url := raw(t, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 201 Created\r\nContent-") })
		check(t, send(t, t.Context(), url, talkapi.Options{}), talkapi.ErrUnreachable, true)
	})
	t.Run("cut in the body", func(t *testing.T) {
		url := raw(t, func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"ocs\"")
		})
		check(t, send(t, t.Context(), url, talkapi.Options{}), talkapi.ErrUnreachable, true)
	})
	t.Run("refusal cut in the body", func(t *testing.T) {
		url := raw(t, func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"ocs\"")
		})
		check(t, send(t, t.Context(), url, talkapi.Options{}), talkapi.ErrUnreachable, false)
	})
	t.Run("not HTTP", func(t *testing.T) {
		url := raw(t, func(c net.Conn) { io.WriteString(c, "220 "+canaryRoom+" ESMTP\r\n") })
		check(t, send(t, t.Context(), url, talkapi.Options{}), talkapi.ErrUnreachable, true)
	})
	t.Run("no answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			err := send(t, t.Context(), "http://cloud.test", piped(func(c net.Conn) { io.Copy(io.Discard, c) }))
			check(t, err, talkapi.ErrUnreachable, true)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v does not tell of the time-out", err)
			}
		})
	})
	t.Run("one byte at a time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			err := send(t, t.Context(), "http://cloud.test", piped(func(c net.Conn) {
				_, err := io.WriteString(c, "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
				for err == nil {
					time.Sleep(time.Second)
					_, err = io.WriteString(c, " ")
				}
			}))
			time.Sleep(time.Second) // the server notices
			check(t, err, talkapi.ErrUnreachable, true)
		})
	})
	t.Run("caller gives up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		defer close(done)
		err := send(t, ctx, raw(t, func(net.Conn) { cancel(); <-done }), talkapi.Options{})
		check(t, err, context.Canceled, true)
		if errors.Is(err, talkapi.ErrUnreachable) {
			t.Errorf("%v blames the server", err)
		}
	})
	t.Run("caller gave up before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		check(t, send(t, ctx, "http://127.0.0.1:1", talkapi.Options{}), context.Canceled, false)
	})
	t.Run("silent transport of the caller", func(t *testing.T) {
		tr := roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("lost " + canaryRoom) })
		check(t, send(t, t.Context(), "http://cloud.test", talkapi.Options{Transport: tr}), talkapi.ErrUnreachable, true)
	})
	t.Run("idle connection closed by the server", func(t *testing.T) {
		// net/http may notice before it writes, and then dials again, or
		// after. Whichever it is: no message arrives twice, and one that
		// may have arrived is never called undone.
		var mu sync.Mutex
		seen := map[string]int{}
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var body struct{ Message string }
			json.NewDecoder(r.Body).Decode(&body)
			mu.Lock()
			seen[body.Message]++
			mu.Unlock()
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, envelope, 201, "", `{"id":1,"token":"canaryroom"}`)
		}))
		defer srv.Close()
		c := client(t, talkapi.Options{URL: srv.URL})
		for i := range 50 {
			text := fmt.Sprint("message ", i)
			_, err := c.Send(t.Context(), canaryRoom, talkapi.Post{Text: text})
			srv.CloseClientConnections()
			mu.Lock()
			n := seen[text]
			mu.Unlock()
			if n > 1 || err == nil && n != 1 || n == 1 && err != nil && !talkapi.MayHaveHappened(err) {
				t.Errorf("%s arrived %d times: %v", text, n, err)
			}
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestDeadlines lets a server hang: an ordinary call ends after 30 s, a long
// poll 35 s after its wait.
func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := roundTripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		c := client(t, talkapi.Options{URL: "http://cloud.test", Transport: hang})
		for wait, want := range map[time.Duration]time.Duration{0: 30 * time.Second, 10 * time.Second: 45 * time.Second, time.Hour: 65 * time.Second} {
			start := time.Now()
			_, err := c.Messages(t.Context(), canaryRoom, talkapi.Query{Wait: wait})
			check(t, err, talkapi.ErrUnreachable, true)
			if took := time.Since(start); took != want {
				t.Errorf("waiting %v took %v, want %v", wait, took, want)
			}
		}
	})
}

func TestNoRetry(t *testing.T) {
	var posts atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		posts.Add(1)
		panic(http.ErrAbortHandler)
	}))
	defer srv.Close()
	_, err := client(t, talkapi.Options{URL: srv.URL}).Send(t.Context(), canaryRoom, talkapi.Post{Text: "x"})
	check(t, err, talkapi.ErrUnreachable, true)
	if n := posts.Load(); n != 1 {
		t.Errorf("%d posts, want 1", n)
	}
}

func TestBodyLimit(t *testing.T) {
	big := fmt.Sprintf(envelope, 201, "", `{"id":1,"token":"canaryroom","message":"`+strings.Repeat("a", 2<<20)+`"}`)
	for _, packed := range []bool{false, true} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if packed {
				w.Header().Set("Content-Encoding", "gzip") // 2 MiB become 2 kB
				w.WriteHeader(201)
				z := gzip.NewWriter(w)
				io.WriteString(z, big)
				z.Close()
				return
			}
			w.WriteHeader(201)
			io.WriteString(w, big)
		}))
		_, err := client(t, talkapi.Options{URL: srv.URL}).Send(t.Context(), canaryRoom, talkapi.Post{Text: "x"})
		check(t, err, talkapi.ErrNotNextcloud, true)
		if m, err := client(t, talkapi.Options{URL: srv.URL, BodyLimit: 4 << 20}).Send(t.Context(), canaryRoom, talkapi.Post{Text: "x"}); err != nil || len(m.Text) != 2<<20 {
			t.Errorf("within the limit: %d bytes, %v", len(m.Text), err)
		}
		srv.Close()
	}
}

func TestRedirects(t *testing.T) {
	var stolen []string
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stolen = append(stolen, r.Header.Get("Authorization"))
	}))
	defer thief.Close()
	var target string
	var seen []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method)
		if strings.HasSuffix(r.URL.Path, "/moved") {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, envelope, 200, "", `{"id":"anpi"}`)
			return
		}
		w.Header().Set("Location", target)
		w.WriteHeader(301)
	}))
	defer srv.Close()
	c := client(t, talkapi.Options{URL: srv.URL})

	target = thief.URL + "/room/" + canaryRoom
	_, err := c.Room(t.Context(), canaryRoom)
	check(t, err, talkapi.ErrNotNextcloud, false)
	if !strings.Contains(err.Error(), "redirect to "+thief.URL+" refused") {
		t.Errorf("%v does not say where to", err)
	}
	target = srv.URL + "/moved"
	_, err = c.Send(t.Context(), canaryRoom, talkapi.Post{Text: "x"})
	check(t, err, talkapi.ErrNotNextcloud, false)
	if u, err := c.CurrentUser(t.Context()); err != nil || u.ID != "anpi" {
		t.Errorf("a read did not follow within the server: %v", err)
	}
	target = srv.URL + "/round/and/round"
	_, err = c.CurrentUser(t.Context())
	check(t, err, talkapi.ErrNotNextcloud, false)
	if len(stolen) > 0 {
		t.Errorf("requests left the server with %q", stolen)
	}
	if got := strings.Join(seen, " "); got != "GET POST GET GET GET GET GET GET" {
		t.Errorf("requests %s", got)
	}
}

// TestUnauthorizedHold counts what a server sees after the app password was
// revoked: Nextcloud locks the whole address out after ten failures in half
// an hour.
func TestUnauthorizedHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := talktest.NewServer(talktest.Options{})
		anpi := srv.AddUser("anpi", "Anpi", talktest.UserOptions{})
		c := client(t, talkapi.Options{URL: srv.URL(), User: "anpi", Password: talkapi.Secret(anpi.AppPassword()), Transport: srv.Transport()})
		if _, err := c.CurrentUser(t.Context()); err != nil {
			t.Fatal(err)
		}
		anpi.RevokeAppPasswords()
		srv.ResetRequests()
		for range 30 * 60 {
			_, err := c.CurrentUser(t.Context())
			if !errors.Is(err, talkapi.ErrUnauthorized) {
				t.Fatal(err)
			}
			if talkapi.MayHaveHappened(err) {
				t.Fatal("a call held back locally counts as perhaps done")
			}
			time.Sleep(time.Second)
		}
		if n := len(srv.Requests()); n != 2 {
			t.Errorf("%d tries in 30 minutes, want 2", n)
		}

		// A wrong password that becomes right again ends the hold with the
		// next probe, for all callers.
		srv.Fault(func(*http.Request) *talktest.Fault {
			return &talktest.Fault{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: fmt.Sprintf(envelope, 200, "", `{"id":"anpi"}`)}
		})
		for range 2 {
			if _, err := c.CurrentUser(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestHoldProbesAlone lets many callers wait for the end of the hold: one of
// them tries.
func TestHoldProbesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := talktest.NewServer(talktest.Options{})
		srv.Fault(func(*http.Request) *talktest.Fault {
			return &talktest.Fault{Delay: time.Second, Status: 401}
		})
		c := client(t, talkapi.Options{URL: srv.URL(), Transport: srv.Transport()})
		if _, err := c.CurrentUser(t.Context()); !errors.Is(err, talkapi.ErrUnauthorized) {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Minute)
		for range 20 {
			go c.CurrentUser(t.Context())
		}
		time.Sleep(2 * time.Second)
		if n := len(srv.Requests()); n != 2 {
			t.Errorf("%d requests, want the first and one probe", n)
		}
	})
}

func TestSecret(t *testing.T) {
	s := talkapi.Secret(canaryPassword)
	type config struct {
		Password talkapi.Secret
		List     []talkapi.Secret
	}
	c := config{s, []talkapi.Secret{s}}
	j, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	x, err := xml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{fmt.Sprint(s), fmt.Sprintf("%q %x %#v %+v %d", s, s, c, c, s), string(j), string(x), fmt.Sprint(&c), fmt.Errorf("x: %v", s).Error()} {
		if strings.Contains(got, canaryPassword) || strings.Contains(got, fmt.Sprintf("%x", canaryPassword)) || !strings.Contains(got, "***") {
			t.Errorf("printed %s", got)
		}
	}
	// fmt does not ask the methods of unexported fields.
	cl := client(t, talkapi.Options{URL: "http://cloud.test"})
	bot, err := talkapi.NewBot(talkapi.BotOptions{URL: "http://cloud.test", Secret: s})
	if err != nil {
		t.Fatal(err)
	}
	srv := talktest.NewServer(talktest.Options{})
	srv.Fault(func(*http.Request) *talktest.Fault {
		return &talktest.Fault{Status: 200, Header: http.Header{"Content-Type": {"application/json"}},
			Body: `{"poll":{"token":"` + canaryPassword + `","endpoint":"http://cloud.test/x"},"login":"http://cloud.test/y"}`}
	})
	login, err := talkapi.StartLogin(t.Context(), talkapi.Options{URL: "http://cloud.test", Transport: srv.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{cl, bot, login} {
		if got := fmt.Sprintf("%v %+v %#v", v, v, v); strings.Contains(got, canaryPassword) {
			t.Errorf("%T prints its secret: %s", v, got)
		}
	}
	if s.Reveal() != canaryPassword {
		t.Error("the secret is lost")
	}
}

func TestNewRefusesBadAddresses(t *testing.T) {
	for _, url := range []string{"", "cloud.example.org", "ftp://cloud.example.org", "https://", "https://u:" + canaryPassword + "@cloud.example.org", "https://cloud.example.org/?x=1", "https://cloud.example.org/%zz" + canaryPassword} {
		_, err := talkapi.New(talkapi.Options{URL: url})
		if err == nil || strings.Contains(err.Error(), canaryPassword) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", url, err)
		}
	}
}
