package roster

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// requestTimeout is how long one request may take in all. A small home
	// server needs seconds for a book of thousands.
	requestTimeout = 60 * time.Second

	maxBodyBytes = 16 << 20
	maxRedirects = 5

	davNS     = "DAV:"
	carddavNS = "urn:ietf:params:xml:ns:carddav"
)

// wire is the HTTP client under go-webdav. It does what go-webdav and
// http.Client leave open: redirects keep their method and stay on the same
// origin, a status that is no success becomes an error that can be looked into,
// bodies have a limit, and answers are mended where go-webdav would choke.
type wire struct {
	client *http.Client
	origin *url.URL
	// authorise is a function, so that no %v of a wire can print the password.
	authorise func(*http.Request)
}

func newWire(o Options, origin *url.URL) *wire {
	return &wire{
		client: &http.Client{
			Transport: o.Transport,
			Timeout:   requestTimeout,
			// http.Client would turn a redirected PROPFIND into a GET.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		origin:    origin,
		authorise: func(r *http.Request) { r.SetBasicAuth(o.User, string(o.Password)) },
	}
}

// Do sends req. Other than with http.Client every status outside 2xx is an
// error, and the body is complete when Do returns.
func (w *wire) Do(req *http.Request) (*http.Response, error) {
	for range maxRedirects {
		if !sameOrigin(req.URL, w.origin) {
			return nil, fmt.Errorf("%w: %s://%s", ErrRedirect, req.URL.Scheme, req.URL.Host)
		}
		w.authorise(req)
		req.Header.Set("User-Agent", "anpi")
		resp, err := w.client.Do(req)
		if err != nil {
			return nil, unreachable(req.Context(), err)
		}
		body, err := readBody(resp)
		if err != nil {
			return nil, unreachable(req.Context(), err)
		}
		switch resp.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
			if req, err = redirected(req, resp); err != nil {
				return nil, err
			}
			continue
		}
		if resp.StatusCode < 200 || resp.StatusCode > 299 {
			return nil, newStatusError(resp)
		}
		kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		if kind == "text/html" && len(body) > 0 {
			return nil, errWebPage
		}
		if resp.StatusCode == http.StatusMultiStatus {
			body = mend(body)
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
		return resp, nil
	}
	return nil, fmt.Errorf("more than %d redirects: %w", maxRedirects, errServer)
}

// readBody reads all of it. Transfer encodings are undone by then, so a small
// compressed answer that grows without end meets the limit as well.
func readBody(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBodyBytes+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxBodyBytes {
		return nil, fmt.Errorf("answer of more than %d MiB: %w", maxBodyBytes>>20, ErrTooLarge)
	}
	return body, nil
}

// unreachable takes the URL out of a transport error: who reads it knows the
// server, and the path names the account.
func unreachable(ctx context.Context, err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	if ctx.Err() != nil || errors.Is(err, ErrTooLarge) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func redirected(req *http.Request, resp *http.Response) (*http.Request, error) {
	to, err := req.URL.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" {
		return nil, fmt.Errorf("redirect without a usable target: %w", errServer)
	}
	next := req.Clone(req.Context())
	next.URL, next.Host = to, ""
	if req.GetBody != nil {
		if next.Body, err = req.GetBody(); err != nil {
			return nil, fmt.Errorf("send the body again after a redirect: %w", err)
		}
	}
	return next, nil
}

func sameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if strings.EqualFold(u.Scheme, "http") {
		return "80"
	}
	return "443"
}

// mend rewrites a multistatus so that go-webdav can read it: ETags lose the W/
// that compressing proxies add and gain the quotes that some servers forget,
// and cards go through prepare. A card that prepare refuses becomes empty,
// which go-webdav reports, and the caller then asks for the cards one by one.
// What is not well-formed is returned as it is, for go-webdav to complain.
func mend(body []byte) []byte {
	dec := xml.NewDecoder(bytes.NewReader(body))
	var out bytes.Buffer
	var copied, start int64 // all before copied is in out; content begins at start
	var content []byte
	var inside func(string) string
	for {
		before := dec.InputOffset()
		token, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return body
		}
		switch t := token.(type) {
		case xml.StartElement:
			inside, content, start = mender(t.Name), content[:0], dec.InputOffset()
		case xml.CharData:
			if inside != nil {
				content = append(content, t...)
			}
		case xml.EndElement:
			if inside != nil && before > start {
				out.Write(body[copied:start])
				// A bytes.Buffer never fails.
				_ = xml.EscapeText(&out, []byte(inside(string(content))))
				copied = before
			}
			inside = nil
		}
	}
	out.Write(body[copied:])
	return out.Bytes()
}

func mender(name xml.Name) func(string) string {
	switch name {
	case xml.Name{Space: davNS, Local: "getetag"}:
		return func(s string) string { return strconv.Quote(plainETag(s)) }
	case xml.Name{Space: carddavNS, Local: "address-data"}:
		return func(s string) string {
			text, err := prepare([]byte(s))
			if err != nil {
				return ""
			}
			return text
		}
	}
	return nil
}

func plainETag(s string) string {
	s = strings.TrimPrefix(strings.TrimSpace(s), "W/")
	return strings.TrimSuffix(strings.TrimPrefix(s, `"`), `"`)
}
