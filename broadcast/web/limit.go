package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
)

// limits bound how often one address and one link are served. Looking and
// answering are counted apart: a mail system that opens a link a hundred times
// must not take the buttons away from whoever it was sent to. An address may
// stand for a whole school, so it may do more than a link.
type limits struct {
	addressLooks, addressAnswers *limiter
	linkLooks, linkAnswers       *limiter
	boardLooks                   *limiter
}

func newLimits() limits {
	return limits{
		addressLooks:   newLimiter(5, 300),
		addressAnswers: newLimiter(5, 300),
		linkLooks:      newLimiter(1, 60),
		linkAnswers:    newLimiter(0.5, 20),
		boardLooks:     newLimiter(20, 300),
	}
}

// allow reports whether a request may be served. An address "" is not known and
// not counted.
func (l limits) allow(address, place, token string, looks bool, now time.Time) bool {
	byAddress, byLink := l.addressLooks, l.linkLooks
	switch {
	case !looks:
		byAddress, byLink = l.addressAnswers, l.linkAnswers
	case place == boards:
		byLink = l.boardLooks
	}
	if address != "" && !byAddress.take(address, now) {
		return false
	}
	return token == "" || byLink.take(broadcast.HashToken(token), now)
}

// limiter is a set of token buckets, one for each key. It forgets the keys that
// were not used for the longest time, so that nobody fills the memory.
type limiter struct {
	rate  float64 // a second
	burst float64

	mu sync.Mutex
	// young holds the keys used since it was last full, old those of before.
	young, old map[string]bucket
}

// bucket is what is left for a key at a time.
type bucket struct {
	left float64
	at   time.Time
}

// mostKeys is how many keys young and old may hold each.
const mostKeys = 5000

func newLimiter(rate, burst float64) *limiter {
	return &limiter{rate: rate, burst: burst, young: map[string]bucket{}}
}

// take takes one from the bucket of the key, if there is one left.
func (l *limiter) take(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.young[key]
	if !ok {
		if b, ok = l.old[key]; !ok {
			b = bucket{left: l.burst, at: now}
		}
		if len(l.young) >= mostKeys {
			l.old, l.young = l.young, map[string]bucket{}
		}
	}
	// A clock that was set back fills nothing.
	b.left = min(l.burst, b.left+l.rate*max(now.Sub(b.at).Seconds(), 0))
	b.at = now
	allowed := b.left >= 1
	if allowed {
		b.left--
	}
	l.young[key] = b
	return allowed
}

// client is the address that a request comes from: the last one on its way that
// is no proxy of the house's. It is "" when a proxy did not say. Of an IPv6
// address only the network counts, since one house has billions of them.
func (s *Site) client(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	hops := append(strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ","), host)
	for _, hop := range slices.Backward(hops) {
		a, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return ""
		}
		a = a.Unmap().WithZone("")
		if slices.ContainsFunc(s.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) }) {
			continue
		}
		if network, err := a.Prefix(64); a.Is6() && err == nil {
			return network.String()
		}
		return a.String()
	}
	return ""
}
