package talkapi

import (
	"net/http"
	"sync"
	"time"
)

// clock is the server's clock, as its answers tell it (Date, RFC 9110 section
// 6.6.1). Setting the clock of this machine does not move it.
type clock struct {
	mu   sync.Mutex
	date time.Time // the server's, in whole seconds; zero: not told yet
	at   time.Time // ours when it was told, with the monotonic reading
}

// learn reads the date of an answer. One that was held back may have been dated
// when the server began to wait: then it only tells that it is no earlier.
func (c *clock) learn(h http.Header, held bool) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if held && !c.date.IsZero() && date.Before(c.shows()) {
		return
	}
	c.date, c.at = date, time.Now()
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.date.IsZero() {
		return time.Now().Round(0)
	}
	return c.shows()
}

func (c *clock) shows() time.Time { return c.date.Add(time.Since(c.at)) }

// Now is what the server's clock shows, with which the times of its messages
// can be compared: behind by a second at most, and by what an answer was on its
// way. It asks nobody; before the first answer it is the time of this machine.
func (c *Client) Now() time.Time { return c.wire.clock.now() }
