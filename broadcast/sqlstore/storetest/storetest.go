// Package storetest holds every store of the ledger to the contract of
// broadcast.Store. A test of a store is one line:
//
//	storetest.Run(t, func(t *testing.T) broadcast.Store { … })
//
// Each promise is one subtest on an empty store, and is named after what a
// reader of the contract would want to rely on. Times are whole milliseconds
// throughout: a store need not keep anything finer.
package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
	"github.com/google/go-cmp/cmp"
)

// Run runs the suite. Open returns an empty store and sees to closing it when
// the test ends.
func Run(t *testing.T, open func(t *testing.T) broadcast.Store) {
	for _, promises := range [][]promise{writing, claiming, climbing, reading} {
		for _, p := range promises {
			t.Run(p.name, func(t *testing.T) {
				p.test(&ledger{T: t, store: open(t)})
			})
		}
	}
}

// promise is one sentence of the contract.
type promise struct {
	name string
	test func(l *ledger)
}

// ledger is an empty store in a test. Its methods fail the test on an error,
// so that a promise reads as what happens and what is expected.
type ledger struct {
	*testing.T
	store broadcast.Store
}

// start is the time at which the tests begin.
var start = time.Date(2026, 1, 17, 5, 46, 52, 123e6, time.UTC)

// at is a number of minutes after the start.
func at(minutes float64) time.Time {
	return start.Add(time.Duration(minutes * float64(time.Minute)))
}

// lease is how long the tests claim for.
const lease = time.Minute

func (l *ledger) ctx() context.Context { return l.Context() }

func (l *ledger) commit(c broadcast.Change) broadcast.Committed {
	l.Helper()
	if c.Now.IsZero() {
		c.Now = start
	}
	done, err := l.store.Commit(l.ctx(), c)
	if err != nil {
		l.Fatalf("commit: %v", err)
	}
	return done
}

// begin starts a check of the members with a prompt to each over each of the
// channels.
func (l *ledger) begin(key string, over []broadcast.ChannelName, members ...string) broadcast.Check {
	l.Helper()
	return l.commit(broadcast.Change{Start: newStart(key, over, members...)}).Started
}

func newStart(key string, over []broadcast.ChannelName, members ...string) *broadcast.Start {
	s := &broadcast.Start{Check: broadcast.Check{
		Kind: broadcast.Real, Key: key, StartedAt: start, Deadline: at(72 * 60),
		Ladder:  broadcast.Ladder{Rungs: []broadcast.Rung{{After: 5 * time.Minute}}, Deadline: 72 * time.Hour},
		NextDue: at(5),
	}}
	for _, id := range members {
		s.Members = append(s.Members, roster.Member{ID: id, Name: "Name of " + id})
		for _, channel := range over {
			d := prompt(id, channel, "0")
			d.Reference = key + "/" + d.Reference
			s.Deliveries = append(s.Deliveries, d)
		}
	}
	return s
}

// prompt is a first prompt to the member. A prompt in the room is one message
// for everybody.
func prompt(member string, channel broadcast.ChannelName, step string) broadcast.Delivery {
	d := broadcast.Delivery{
		MemberID: member, Channel: channel, Step: step, Purpose: broadcast.Ask, State: broadcast.Due, DueAt: start,
		Reference: fmt.Sprintf("%s/%s", channel, step),
	}
	if channel != broadcast.Room {
		d.Reference += "/" + member
	}
	return d
}

// says is an answer; each text is a message of its own.
func says(check broadcast.Check, member, text string) broadcast.Answer {
	return broadcast.Answer{
		CheckID: check.ID, MemberID: member, Status: broadcast.Safe, Text: text, Source: broadcast.ByRoom,
		Carrier: "message " + text, At: at(1), RecordedAt: at(1),
	}
}

// claim claims at the time given, and expects nothing about it.
func (l *ledger) claim(channel broadcast.ChannelName, now time.Time, limit int) []broadcast.Delivery {
	l.Helper()
	claimed, err := l.store.Claim(l.ctx(), channel, now, now.Add(lease), limit)
	if err != nil {
		l.Fatalf("claim %s: %v", channel, err)
	}
	return claimed
}

// members lists whom the deliveries are for, in their order.
func members(deliveries []broadcast.Delivery) []string {
	var ids []string
	for _, d := range deliveries {
		ids = append(ids, d.MemberID)
	}
	return ids
}

// states tells the state of each delivery of the check as "member channel
// step: state".
func (l *ledger) states(check broadcast.Check) []string {
	l.Helper()
	var all []string
	for _, d := range l.deliveries(check) {
		all = append(all, fmt.Sprintf("%s %s %s: %s", d.MemberID, d.Channel, d.Step, d.State))
	}
	return all
}

func (l *ledger) deliveries(check broadcast.Check) []broadcast.Delivery {
	l.Helper()
	return must(l, func(ctx context.Context) ([]broadcast.Delivery, error) { return l.store.Deliveries(ctx, check.ID) })
}

func (l *ledger) answers(check broadcast.Check) []broadcast.Answer {
	l.Helper()
	return must(l, func(ctx context.Context) ([]broadcast.Answer, error) { return l.store.Answers(ctx, check.ID) })
}

func (l *ledger) check(id int64) broadcast.Check {
	l.Helper()
	return must(l, func(ctx context.Context) (broadcast.Check, error) { return l.store.Check(ctx, id) })
}

func (l *ledger) checks() []broadcast.Check {
	l.Helper()
	return must(l, func(ctx context.Context) ([]broadcast.Check, error) { return l.store.Checks(ctx, 100) })
}

// cursor is up to where the room was read, and -1 for never.
func (l *ledger) cursor(room string) int64 {
	l.Helper()
	return must(l, func(ctx context.Context) (int64, error) {
		c, ok, err := l.store.Cursor(ctx, room)
		if !ok {
			c.After = -1
		}
		return c.After, err
	})
}

// nextDue is when something is due, and zero for nothing.
func (l *ledger) nextDue() time.Time {
	l.Helper()
	return must(l, func(ctx context.Context) (time.Time, error) {
		next, ok, err := l.store.NextDue(ctx)
		if !ok {
			next = time.Time{}
		}
		return next, err
	})
}

func must[T any](l *ledger, read func(context.Context) (T, error)) T {
	l.Helper()
	t, err := read(l.ctx())
	if err != nil {
		l.Fatal(err)
	}
	return t
}

// expect fails the test where got differs from want. Times are equal when they
// are the same moment.
func expect[T any](l *ledger, what string, got, want T) {
	l.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		l.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
