package broadcast

import (
	"testing"
	"time"
)

// A Pi without a clock chip boots in 1970, hears the time from the network, and
// is corrected a little now and then.
func TestWallClockNoticesJumps(t *testing.T) {
	c := newWallClock(time.Now())
	years := 56 * 365 * 24 * time.Hour
	for _, at := range []struct {
		what         string
		wall, passed time.Duration
		want         time.Duration
	}{
		{"time passes", time.Minute, time.Minute, 0},
		{"the network tells the time", years + 2*time.Minute, 2 * time.Minute, years},
		{"time passes again", years + 5*time.Minute, 5 * time.Minute, 0},
		{"a small correction", years + 6*time.Minute + time.Second, 6 * time.Minute, 0},
		{"somebody sets it back an hour", years - 50*time.Minute, 10 * time.Minute, -time.Hour},
		{"and time passes", years - 30*time.Minute, 30 * time.Minute, 0},
	} {
		if got := c.step(at.wall, at.passed); got != at.want {
			t.Errorf("%s: jumped by %v, want %v", at.what, got, at.want)
		}
	}
	if got := newWallClock(time.Now()).jumped(time.Now()); got != 0 {
		t.Errorf("a clock that nobody touches jumped by %v", got)
	}
}
