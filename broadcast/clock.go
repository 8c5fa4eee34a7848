package broadcast

import "time"

// bigJump is the smallest step of the clock that what is due moves along with.
// Less is the usual correction of a clock that runs fast or slow.
const bigJump = 2 * time.Minute

// wallClock notices when the clock on the wall is set: a machine without a clock
// chip starts in the past and then jumps. Time that passes is measured beside it
// by the clock that nobody can set.
type wallClock struct {
	began time.Time // with its monotonic reading
	ahead time.Duration
}

func newWallClock(now time.Time) *wallClock { return &wallClock{began: now} }

// jumped returns by how much the clock was set since the last call; zero when
// it was not.
func (c *wallClock) jumped(now time.Time) time.Duration {
	return c.step(now.Round(0).Sub(c.began.Round(0)), now.Sub(c.began))
}

// step compares how much later it is on the wall with how much time has passed.
func (c *wallClock) step(wall, passed time.Duration) time.Duration {
	jump := wall - passed - c.ahead
	if jump.Abs() < bigJump {
		return 0
	}
	c.ahead += jump
	return jump
}
