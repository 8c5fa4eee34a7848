package talktest

import (
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"
)

// Fault is what happens to one request instead of the usual.
//
// The order is: the request takes effect if Applied, then Delay and Hold
// pass, then the connection is cut or the answer goes out. Without Applied,
// Cut and Status the request is served as usual after the delay, and takes
// effect even if the client has given up by then, as with PHP.
type Fault struct {
	Applied bool            // the request takes effect although the answer below is given
	Delay   time.Duration   // before the answer
	Hold    <-chan struct{} // no answer until it is closed
	Cut     bool            // close the connection without an answer
	CutBody bool            // close the connection in the middle of the answer's body
	Status  int             // answer with this instead; 0: the usual answer
	Header  http.Header     // with Status
	Body    string          // with Status
}

// Fault asks f about each request before it is served; nil from f means no
// fault. It replaces an earlier f; nil ends all faults.
func (s *Server) Fault(f func(*http.Request) *Fault) {
	s.mu.Lock()
	defer s.unlock()
	s.fault = f
}

func (f *Fault) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	usual := &recorder{header: http.Header{}}
	if f.Applied {
		next.ServeHTTP(usual, r)
	}
	if f.Delay > 0 {
		time.Sleep(f.Delay)
	}
	if f.Hold != nil {
		<-f.Hold
	}
	if f.Cut {
		panic(http.ErrAbortHandler)
	}
	if f.Status == 0 && !f.Applied {
		next.ServeHTTP(usual, r)
	}
	if f.Status != 0 {
		usual = &recorder{header: f.Header, status: f.Status, body: []byte(f.Body)}
	}
	maps.Copy(w.Header(), usual.header)
	w.WriteHeader(usual.code())
	if f.CutBody {
		_, _ = w.Write(usual.body[:len(usual.body)/2])
		if fl, ok := w.(http.Flusher); ok {
			fl.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(usual.body) // the client may be gone
}

// Request is one request as the server saw it.
type Request struct {
	Method  string
	Pattern string // path with {token}, {id} and {user} in place of what differs
	Path    string
	Query   url.Values
	User    string // login name given, right or wrong; "" for none
	Time    time.Time
}

// Requests lists what was asked since the start or the last ResetRequests.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.unlock()
	return append([]Request(nil), s.requests...)
}

// ResetRequests forgets the requests so far.
func (s *Server) ResetRequests() {
	s.mu.Lock()
	defer s.unlock()
	s.requests = nil
}

// Transport calls the server in process. It reports its steps to
// net/http/httptrace as a real transport does.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ s *Server }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	trace := httptrace.ContextClientTrace(ctx)
	if trace != nil && trace.GetConn != nil {
		trace.GetConn(r.URL.Host)
	}
	t.s.mu.Lock()
	down := t.s.down
	t.s.unlock()
	if down {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	body := []byte(nil)
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	if trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	in := r.Clone(ctx)
	in.Body = io.NopCloser(&chunk{b: body, end: io.EOF})
	in.RequestURI = r.URL.RequestURI()
	in.Host = r.URL.Host
	done := make(chan *http.Response, 1)
	go func() {
		rec := &recorder{header: http.Header{}}
		defer func() {
			p := recover()
			if p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
			if p != nil && rec.status == 0 {
				done <- nil // cut before the answer
				return
			}
			end := io.EOF
			if p != nil {
				end = io.ErrUnexpectedEOF
			}
			done <- &http.Response{StatusCode: rec.code(), Status: http.StatusText(rec.code()), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
				Header: rec.header.Clone(), Body: io.NopCloser(&chunk{b: rec.body, end: end}), ContentLength: -1, Request: r}
		}()
		t.s.ServeHTTP(rec, in)
	}()
	select {
	case rs := <-done:
		if rs == nil {
			return nil, errCut
		}
		return rs, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

var errCut = errors.New("connection closed by the server")

// recorder keeps an answer in memory.
type recorder struct {
	header http.Header
	status int
	body   []byte
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(200)
	r.body = append(r.body, b...)
	return len(b), nil
}

func (r *recorder) code() int {
	if r.status == 0 {
		return 200
	}
	return r.status
}

// chunk reads b and then ends with an error.
type chunk struct {
	b   []byte
	end error
}

func (c *chunk) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, c.end
	}
	n := copy(p, c.b)
	c.b = c.b[n:]
	return n, nil
}

// Once is a script for Server.Fault: the next request meets the fault, all
// later ones none.
func Once(f Fault) func(*http.Request) *Fault {
	var used atomic.Bool
	return func(*http.Request) *Fault {
		if used.Swap(true) {
			return nil
		}
		return &f
	}
}
