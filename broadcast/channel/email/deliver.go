package email

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
)

// deliver hands the letter to one of the relays. Every error is a
// *broadcast.Failure.
func (c *Channel) deliver(ctx context.Context, l letter) error {
	if err := c.turn(ctx, l); err != nil {
		return &broadcast.Failure{Reason: "mail-later", Err: fmt.Errorf("wait for the turn of the mail: %w", err)}
	}
	defer func() { <-c.slots }()

	bounded, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	order, refusals := c.order(time.Now())
	for i, r := range order {
		if bounded.Err() != nil {
			break
		}
		f := c.try(bounded, r, l, len(order)-i)
		if f == nil {
			if r.works() {
				zerolog.Ctx(ctx).Info().Str("relay", r.server()).Msg("a relay works again")
			}
			zerolog.Ctx(ctx).Debug().Str("relay", r.server()).Str("reference", l.reference).Msg("a relay has taken the mail")
			return nil
		}
		if ctx.Err() != nil {
			// We were told to stop; the server is not to blame.
			f.Down = false
			return f.Failure
		}
		if r.rest(f, time.Now()) {
			zerolog.Ctx(ctx).Warn().Err(f.Err).Str("relay", r.server()).Msg("a relay does not work and rests")
		}
		if f.final {
			return f.Failure
		}
		refusals = append(refusals, f)
	}
	return sum(refusals, len(c.relays))
}

// turn waits for a free connection, and as long as the pace wants.
func (c *Channel) turn(ctx context.Context, l letter) error {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := c.pace.wait(ctx, l.hurry); err != nil {
		<-c.slots
		return err
	}
	return nil
}

// order lists the relays to try: those that work in the order of the options,
// then those that rest, whose rest ends first, because somebody has to take the
// mail. A relay that refuses our password is left alone, so that it
// does not lock us out; its refusal comes back instead.
func (c *Channel) order(now time.Time) (order []*relay, barred []*refusal) {
	until := map[*relay]time.Time{}
	for _, r := range c.relays {
		end, f := r.resting(now)
		if f != nil {
			barred = append(barred, f)
			continue
		}
		until[r] = end
		order = append(order, r)
	}
	slices.SortStableFunc(order, func(a, b *relay) int { return until[a].Compare(until[b]) })
	return order, barred
}

// try hands the letter to the relay, which gets one share of the time that is
// left when so many relays are still to be tried.
func (c *Channel) try(ctx context.Context, r *relay, l letter, shares int) *refusal {
	end, _ := ctx.Deadline()
	share, cancel := context.WithTimeout(ctx, time.Until(end)/time.Duration(shares))
	defer cancel()
	if s := r.reuse(); s != nil {
		at, err := s.again(ctx, share, l)
		f := r.settle(ctx, s, at, err)
		// What goes wrong on a connection that was used before may be for its
		// age, so that is tried once more on a new one.
		if f == nil || f.final || share.Err() != nil {
			return f
		}
	}
	s, at, err := r.connect(share)
	if err != nil {
		return r.judge(at, err)
	}
	at, err = s.send(ctx, share, l)
	return r.settle(ctx, s, at, err)
}

// sum makes one failure of why none of so many relays took the mail. It says
// what the first one said whose mind may change, and is permanent only when
// nobody's will.
func sum(refusals []*refusal, relays int) *broadcast.Failure {
	var errs []error
	for _, f := range refusals {
		errs = append(errs, f.Err)
	}
	one := broadcast.Failure{Reason: "mail-unreachable"}
	if i := slices.IndexFunc(refusals, func(f *refusal) bool { return !f.Permanent }); i >= 0 {
		one = *refusals[i].Failure
	} else if len(refusals) == relays {
		one = *refusals[0].Failure
	}
	one.Err = errors.Join(errs...)
	one.Down = len(refusals) == relays
	for _, f := range refusals {
		one.Down = one.Down && f.Down
		if !f.Permanent {
			one.After = min(one.After, f.After)
		}
	}
	if len(refusals) < relays {
		one.After = 0 // there was no time for one that may take it
	}
	return &one
}
