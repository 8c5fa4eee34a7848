package web

import (
	"context"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// mostConnections is how many are open at the same time; whoever comes after
	// them waits.
	mostConnections = 512
	// lastWords is how long what is under way may take when the site closes.
	lastWords = 5 * time.Second
)

// Serve serves the site on the listener until the context ends, and closes the
// listener. Its error is nil when the context ended it.
func (s *Site) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          stdlog.New(zerolog.Ctx(ctx), "", 0),
		// The logger goes along; what is under way may end after the context.
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(newCap(l, mostConnections)) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve the pages: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("some pages were cut off")
		return server.Close()
	}
	return nil
}

// capped accepts only so many connections at the same time.
type capped struct {
	net.Listener
	free   chan struct{}
	closed chan struct{}
	once   sync.Once
}

func newCap(l net.Listener, most int) *capped {
	return &capped{Listener: l, free: make(chan struct{}, most), closed: make(chan struct{})}
}

func (l *capped) Accept() (net.Conn, error) {
	select {
	case l.free <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.free
		return nil, err
	}
	return &counted{Conn: c, release: sync.OnceFunc(func() { <-l.free })}, nil
}

func (l *capped) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// counted gives its place back when it is closed.
type counted struct {
	net.Conn
	release func()
}

func (c *counted) Close() error {
	c.release()
	return c.Conn.Close()
}
