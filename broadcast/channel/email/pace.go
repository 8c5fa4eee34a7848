package email

import (
	"context"
	"sync"
	"time"
)

// slowest is the least number of mails in a minute. With fewer, a mail could
// wait longer for its turn than one attempt may take.
const slowest = 6

// pace lets mails leave one interval after the other; zero is no limit.
type pace struct {
	interval time.Duration

	mu   sync.Mutex
	next time.Time // when the next mail may leave
}

// wait returns when it is the mail's turn, or with the error of the context. A
// mail in a hurry does not wait, and holds up no other.
func (p *pace) wait(ctx context.Context, hurry bool) error {
	if p.interval == 0 || hurry {
		return nil
	}
	p.mu.Lock()
	turn := time.Now()
	if p.next.After(turn) {
		turn = p.next
	}
	p.next = turn.Add(p.interval)
	p.mu.Unlock()
	select {
	case <-time.After(time.Until(turn)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
