package web

import (
	"strconv"
	"testing"
	"time"
)

func TestALimitFillsNoMemory(t *testing.T) {
	l := newLimiter(1, 3)
	now := time.Date(2026, 11, 22, 8, 30, 0, 0, time.UTC)
	for range 3 {
		l.take("busy", now)
	}
	for i := range 50 * mostKeys {
		if !l.take(strconv.Itoa(i), now) {
			t.Fatalf("somebody new is held up after %d others", i)
		}
		if i%1000 == 0 && l.take("busy", now) {
			t.Fatalf("whoever is held up gets in after %d others", i)
		}
		if n := len(l.young) + len(l.old); n > 2*mostKeys {
			t.Fatalf("%d keys are kept, want at most %d", n, 2*mostKeys)
		}
	}
}

func TestALimitFollowsTheClock(t *testing.T) {
	l := newLimiter(1, 3)
	now := time.Date(2026, 11, 22, 8, 30, 0, 0, time.UTC)
	spend := func() (n int) {
		for l.take("home", now) {
			n++
		}
		return n
	}
	for _, row := range []struct {
		pass time.Duration
		want int
	}{{0, 3}, {time.Second, 1}, {2500 * time.Millisecond, 2}, {500 * time.Millisecond, 1}, {-time.Hour, 0}, {time.Second, 1}, {20 * 365 * 24 * time.Hour, 3}} {
		now = now.Add(row.pass)
		if n := spend(); n != row.want {
			t.Errorf("after %v there were %d, want %d", row.pass, n, row.want)
		}
	}
}
