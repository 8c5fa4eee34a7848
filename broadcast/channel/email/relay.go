package email

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"
)

// relay is a server with what is known of it and the connections to it that
// wait for the next mail.
type relay struct {
	Relay
	hello string
	dial  func(ctx context.Context, network, address string) (net.Conn, error)

	mu       sync.Mutex
	idle     []*session
	failures int       // since it last took a mail
	until    time.Time // when its rest ends
	barred   *refusal  // why it must not be called before; nil when it may
}

// A relay that failed rests for a minute, and twice as long each time it fails
// again, but not too long: it may be the only one.
const (
	firstRest   = time.Minute
	longestRest = 15 * time.Minute
)

// rest notes that the relay refused a mail, and reports whether its rest begins
// now. A relay that fails while it rests goes on resting as before.
func (r *relay) rest(f *refusal, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.barred {
		begins := r.barred == nil
		r.barred, r.until = f, now.Add(longestRest)
		return begins
	}
	if !f.ill || now.Before(r.until) {
		return false
	}
	wait := longestRest
	if r.failures < 4 {
		wait = firstRest << r.failures
	}
	r.failures++
	r.until = now.Add(max(wait, f.After))
	return true
}

// resting returns when the rest of the relay ends, the zero time when it does
// not rest. The refusal is set when nobody may call it until then.
func (r *relay) resting(now time.Time) (time.Time, *refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !now.Before(r.until) {
		r.barred = nil
		return time.Time{}, nil
	}
	if r.barred == nil {
		return r.until, nil
	}
	f := *r.barred.Failure
	f.After = r.until.Sub(now)
	return r.until, &refusal{Failure: &f}
}

// works notes that the relay took a mail, and reports whether it did not work
// before.
func (r *relay) works() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	again := !r.until.IsZero()
	r.failures, r.until, r.barred = 0, time.Time{}, nil
	return again
}

// A connection is kept for the next mail for a short while only: small servers
// have few. Many servers close one after a hundred mails by themselves.
const (
	keptFor       = 10 * time.Second
	perConnection = 100 // recipients
)

// settle judges how a mail went over the connection, and keeps the connection
// or closes it. One that was used before and gets on no more is closed, because
// that may be for its age.
func (r *relay) settle(ctx context.Context, s *session, at stage, err error) *refusal {
	var f *refusal
	if err != nil {
		f = r.judge(at, err)
	}
	switch {
	case ctx.Err() != nil || f != nil && (!f.healthy || s.used && !f.final):
		s.conn.Close()
	case s.recipients >= perConnection:
		s.quit()
	default:
		r.keep(s)
	}
	return f
}

func (r *relay) keep(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.expiry = time.AfterFunc(keptFor, func() {
		if r.forget(s) {
			s.quit()
		}
	})
	r.idle = append(r.idle, s)
}

// forget takes the connection away from those that wait; false when somebody
// else has.
func (r *relay) forget(s *session) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.idle, s)
	if i < 0 {
		return false
	}
	r.idle = slices.Delete(r.idle, i, i+1)
	return true
}

// reuse returns the connection that was used last; nil when none waits.
func (r *relay) reuse() *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.idle) == 0 {
		return nil
	}
	s := r.idle[len(r.idle)-1]
	r.idle = r.idle[:len(r.idle)-1]
	s.expiry.Stop()
	return s
}
