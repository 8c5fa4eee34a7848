package web_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
)

// serve serves the site on a real port until the test ends.
func (h *house) serve(t *testing.T, log io.Writer) (address string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(zerolog.New(log).WithContext(t.Context()))
	done := make(chan error, 1)
	go func() { done <- h.site.Serve(ctx, l) }()
	t.Cleanup(cancel)
	return l.Addr().String(), func() error {
		cancel()
		return <-done
	}
}

func TestTheSiteServesAndCloses(t *testing.T) {
	h := newHouse(t)
	defer h.store.Close()
	check := h.check(broadcast.Real, "")
	link := h.link(check, grandma)
	var log bytes.Buffer
	address, stop := h.serve(t, &log)
	resp, err := http.Get("http://" + address + link)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	wants(t, "the page", string(body), "無事ですか")
	head, err := http.Head("http://" + address + link)
	if err != nil || head.StatusCode != http.StatusOK || head.ContentLength != resp.ContentLength {
		t.Errorf("HEAD: %v, %v", head, err)
	}
	if err := stop(); err != nil {
		t.Errorf("closing: %v", err)
	}
	if _, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		t.Error("the site still listens")
	}
	lacks(t, "the log", log.String(), link[3:])
}

// pipes is a network in memory, which works in fake time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	p.conns <- there
	return here, nil
}

// TestSlowOnesDoNotShutPeopleOut: as many connections as the site takes are
// held open by somebody who never finishes asking. It waits a few seconds for
// each of them, and no longer.
func TestSlowOnesDoNotShutPeopleOut(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		link := h.link(h.check(broadcast.Real, ""), grandma)
		network := &pipes{conns: make(chan net.Conn, 1000), closed: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- h.site.Serve(ctx, network) }()
		var slow []net.Conn
		for range 512 {
			c, _ := network.dial(ctx, "", "")
			if _, err := io.WriteString(c, "GET /a/"); err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = io.Copy(io.Discard, c) }()
			slow = append(slow, c)
		}
		begin := time.Now()
		client := &http.Client{Transport: &http.Transport{DialContext: network.dial, DisableKeepAlives: true}}
		resp, err := client.Get("http://anpi.test" + link)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if took := time.Since(begin); resp.StatusCode != http.StatusOK || took < time.Second || took > 10*time.Second {
			t.Errorf("Grandma got %d after %v, want her page when the slow ones were sent away", resp.StatusCode, took)
		}
		for _, c := range slow {
			c.Close()
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

func TestAPortThatIsGoneIsAnError(t *testing.T) {
	h := newHouse(t)
	defer h.store.Close()
	network := &pipes{closed: make(chan struct{})}
	network.Close()
	if err := h.site.Serve(t.Context(), &gonePort{network}); err == nil || !strings.Contains(err.Error(), "serve the pages") {
		t.Errorf("Serve: %v", err)
	}
}

// gonePort may be closed again.
type gonePort struct{ *pipes }

func (*gonePort) Close() error { return nil }
