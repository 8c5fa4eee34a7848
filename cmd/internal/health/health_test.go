package health

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/cmd/internal/doctor"
	"github.com/anpi-bot/anpi/roster"
)

// options are those of a program that has just started, on an empty ledger.
func options(t *testing.T) Options {
	store, err := sqlstore.Open(t.Context(), t.TempDir()+"/anpi.db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return Options{
		Store: store, Roster: func() roster.Roster { return roster.Roster{Members: []roster.Member{{ID: "a", Name: "Dad"}}} },
		RosterRead: func() time.Time { return time.Time{} },
		Findings:   func() (time.Time, []doctor.Finding) { return time.Time{}, nil },
		Expected:   true, Version: `1.0 "x"`,
	}
}

// Monitoring asks over the network.
func TestServe(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, listener, Handler(options(t))) }()
	ask := func(method, path string) (int, string) {
		rq, err := http.NewRequest(method, "http://"+listener.Addr().String()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		rs, err := http.DefaultClient.Do(rq)
		if err != nil {
			t.Fatal(err)
		}
		defer rs.Body.Close()
		body, err := io.ReadAll(rs.Body)
		if err != nil {
			t.Fatal(err)
		}
		return rs.StatusCode, string(body)
	}
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/healthz", 200, "ok\n"},
		{"HEAD", "/healthz", 200, ""},
		{"POST", "/healthz", 405, "Method Not Allowed\n"},
		{"GET", "/readyz", 503, `{"ready":false,"why":["starting"],"works":[],"broken":[]}` + "\n"},
		{"GET", "/", 404, "404 page not found\n"},
	} {
		if status, body := ask(c.method, c.path); status != c.status || body != c.body {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.path, status, body, c.status, c.body)
		}
	}
	_, figures := ask("GET", "/metrics")
	for _, want := range []string{`anpi_build_info{version="1.0 \"x\"",go="`, "\nanpi_checks_open{kind=\"check\"} 0\n", "\nanpi_roster_members 1\n"} {
		if !strings.Contains(figures, want) {
			t.Errorf("the figures lack %q:\n%s", want, figures)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestReady(t *testing.T) {
	finding := func(name string, g doctor.Grade) doctor.Finding { return doctor.Finding{Name: name, Grade: g} }
	talk := []doctor.Finding{finding("nextcloud", doctor.Good), finding("talk-password", doctor.Good), finding("room", doctor.Good)}
	for _, c := range []struct {
		what  string
		found []doctor.Finding
		why   string
	}{
		{"Talk works", talk, ""},
		{"only mail works", []doctor.Finding{finding("nextcloud", doctor.Bad), finding("mail-relay", doctor.Bad), finding("mail-relay", doctor.Good)}, ""},
		{"nothing works", []doctor.Finding{finding("nextcloud", doctor.Bad), finding("mail-relay", doctor.Bad)}, "channels"},
		{"the disk is full", append(talk, finding("disk", doctor.Bad)), "ledger"},
	} {
		o := options(t)
		o.Findings = func() (time.Time, []doctor.Finding) { return time.Now(), c.found }
		if s := o.state(t.Context()); strings.Join(s.Why, " ") != c.why || s.Ready != (c.why == "") {
			t.Errorf("%s: %+v, want %q", c.what, s, c.why)
		}
	}
	o := options(t)
	o.Roster = func() roster.Roster { return roster.Roster{} }
	o.Store = broken{o.Store}
	if got := strings.Join(o.state(t.Context()).Why, " "); got != "ledger roster starting" {
		t.Errorf("without ledger and roster: %q", got)
	}
}

// broken is a ledger that cannot be read.
type broken struct{ broadcast.Store }

func (broken) NextDue(context.Context) (time.Time, bool, error) {
	return time.Time{}, false, io.ErrUnexpectedEOF
}

// Requests are counted by what came of them.
func TestCounter(t *testing.T) {
	var c Counter
	for _, status := range []int{200, 304, 401, 404, 429, 503} {
		carrier := c.Around(transport(func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: status}, nil }))
		if _, err := carrier.RoundTrip(nil); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = c.Around(transport(func(*http.Request) (*http.Response, error) { return nil, io.EOF })).RoundTrip(nil)
	var b strings.Builder
	c.write(&page{w: &b})
	for _, want := range []string{`"ok"} 2`, `"refused"} 1`, `"unauthorized"} 1`, `"throttled"} 1`, `"server_error"} 1`, `"unreachable"} 1`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the figures lack %s:\n%s", want, b.String())
		}
	}
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }
