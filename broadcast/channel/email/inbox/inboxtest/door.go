package inboxtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"sync"
)

// door is a listener whose connections never leave the process.
type door struct {
	calls chan net.Conn
	done  chan struct{}
	close sync.Once
}

func newDoor() *door { return &door{calls: make(chan net.Conn), done: make(chan struct{})} }

func (d *door) knock(ctx context.Context) (net.Conn, error) {
	outside, inside := net.Pipe()
	select {
	case d.calls <- inside:
		return outside, nil
	case <-d.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (d *door) Accept() (net.Conn, error) {
	select {
	case c := <-d.calls:
		return c, nil
	case <-d.done:
		return nil, net.ErrClosed
	}
}

func (d *door) Close() error {
	d.close.Do(func() { close(d.done) })
	return nil
}

func (d *door) Addr() net.Addr { return &net.UnixAddr{Name: "door", Net: "pipe"} }

// listener hands out connections that can be cut, and that may fall silent.
type listener struct {
	net.Listener
	server *Server
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		s := l.server
		if s.o.ImplicitTLS {
			raw = tls.Server(raw, s.o.TLS)
		}
		c := &conn{Conn: raw, server: s}
		s.mu.Lock()
		away := s.away
		s.conns[c] = true
		s.mu.Unlock()
		if away {
			c.Close()
			continue
		}
		return c, nil
	}
}

type conn struct {
	net.Conn
	server *Server
}

func (c *conn) Close() error {
	c.server.mu.Lock()
	delete(c.server.conns, c)
	c.server.mu.Unlock()
	return c.Conn.Close()
}

func (c *conn) Write(b []byte) (int, error) {
	c.server.mu.Lock()
	deaf := c.server.deaf
	c.server.mu.Unlock()
	if deaf {
		return len(b), nil
	}
	out := b
	if c.server.o.NoIdle {
		out = bytes.ReplaceAll(b, []byte(" IDLE"), nil)
	}
	if _, err := c.Conn.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}
