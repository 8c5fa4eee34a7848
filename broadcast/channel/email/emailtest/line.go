package emailtest

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// pipes is a listener whose connections never leave the process.
type pipes struct {
	calls chan net.Conn
	done  chan struct{}
	close sync.Once
}

func newPipes() *pipes {
	return &pipes{calls: make(chan net.Conn), done: make(chan struct{})}
}

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	there, back := newStream(), newStream()
	select {
	case p.calls <- &pipe{in: there, out: back}:
		return &pipe{in: back, out: there}, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.calls:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.close.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

// pipe is one end of a connection. Unlike that of net.Pipe it holds a little,
// as a network does: TLS says goodbye at both ends at the same time. It holds
// too little for a mail, so that a mail is not through before it is read.
type pipe struct{ in, out *stream }

const holds = 256 // bytes

func (p *pipe) Read(b []byte) (int, error)  { return p.in.read(b) }
func (p *pipe) Write(b []byte) (int, error) { return p.out.write(b) }

func (p *pipe) Close() error {
	p.out.change(func(s *stream) { s.ended = true })
	p.in.change(func(s *stream) { s.gone = true })
	return nil
}

func (p *pipe) LocalAddr() net.Addr  { return pipeAddr{} }
func (p *pipe) RemoteAddr() net.Addr { return pipeAddr{} }

func (p *pipe) SetDeadline(t time.Time) error {
	p.SetReadDeadline(t)
	return p.SetWriteDeadline(t)
}

func (p *pipe) SetReadDeadline(t time.Time) error {
	p.in.change(func(s *stream) { s.readBy = t })
	time.AfterFunc(time.Until(t), func() { p.in.change(func(*stream) {}) })
	return nil
}

func (p *pipe) SetWriteDeadline(t time.Time) error {
	p.out.change(func(s *stream) { s.writeBy = t })
	time.AfterFunc(time.Until(t), func() { p.out.change(func(*stream) {}) })
	return nil
}

// stream is one direction of a connection.
type stream struct {
	mu              sync.Mutex
	changed         *sync.Cond
	held            []byte
	ended           bool // nothing more will be written
	gone            bool // nobody reads any more
	readBy, writeBy time.Time
}

func newStream() *stream {
	s := &stream{}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *stream) change(f func(*stream)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
	s.changed.Broadcast()
}

func late(by time.Time) bool { return !by.IsZero() && !time.Now().Before(by) }

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.gone:
			return 0, net.ErrClosed
		case late(s.readBy):
			return 0, os.ErrDeadlineExceeded
		case len(s.held) > 0:
			n := copy(b, s.held)
			s.held = s.held[n:]
			s.changed.Broadcast()
			return n, nil
		case s.ended:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *stream) write(b []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.ended:
			return n, net.ErrClosed
		case s.gone:
			return n, syscall.EPIPE
		case late(s.writeBy):
			return n, os.ErrDeadlineExceeded
		case n == len(b):
			return n, nil
		case len(s.held) < holds:
			some := min(len(b)-n, holds-len(s.held))
			s.held = append(s.held, b[n:n+some]...)
			n += some
			s.changed.Broadcast()
			continue
		}
		s.changed.Wait()
	}
}
