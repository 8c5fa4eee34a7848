package cli

import (
	"context"
	"slices"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/app"
)

// carry makes the change and stays until what it wants to say is on its way, or
// cannot be for now. When no daemon runs, this process, which is alone, sends it.
// It names whom nothing has reached, and returns how many of all it has; the room
// counts as one.
func (t *Terminal) carry(ctx context.Context, a *app.App, c broadcast.Change, alone bool) (reached, all int, err error) {
	if _, err := a.Service.Commit(ctx, c); err != nil || len(c.Deliveries) == 0 {
		t.settle(ctx, a)
		return 0, 0, err
	}
	memory := t.inMemory(a)
	if memory != "" {
		t.problem(memory)
	}
	stop := func() {}
	if alone || memory != "" {
		working, cancel := context.WithCancel(ctx)
		worked := make(chan error, 1)
		go func() { worked <- a.Work(working) }()
		stop = func() { cancel(); <-worked }
	}
	sent, err := untilSent(ctx, a, c.Deliveries)
	stop()
	if err == nil {
		reached, all = t.outcome(a, sent)
	}
	t.settle(ctx, a)
	return reached, all, err
}

// untilSent waits until the deliveries are on their way, or cannot be for now,
// and returns what has become of them.
func untilSent(ctx context.Context, a *app.App, planned []broadcast.Delivery) ([]broadcast.Delivery, error) {
	give := time.After(patience)
	for waiting := true; ; {
		sent, err := fates(context.WithoutCancel(ctx), a.Service.Store, planned)
		if err != nil || !waiting || !slices.ContainsFunc(sent, soon) {
			return sent, err
		}
		select {
		case <-ctx.Done():
			waiting = false
		case <-give:
			waiting = false
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// fates reads what has become of the deliveries, and of those that took the
// place of one of them.
func fates(ctx context.Context, s broadcast.Store, planned []broadcast.Delivery) ([]broadcast.Delivery, error) {
	type step struct {
		check int64
		name  string
	}
	steps := map[step]bool{}
	checks := map[int64]bool{}
	for _, d := range planned {
		steps[step{d.CheckID, d.Step}] = true
		checks[d.CheckID] = true
	}
	var all []broadcast.Delivery
	for check := range checks {
		deliveries, err := s.Deliveries(ctx, check)
		if err != nil {
			return nil, err
		}
		for _, d := range deliveries {
			if steps[step{d.CheckID, d.Step}] {
				all = append(all, d)
			}
		}
	}
	return all, nil
}

// outcome names whom no message has reached, and counts whom one has.
func (t *Terminal) outcome(a *app.App, sent []broadcast.Delivery) (reached, all int) {
	t.doc.Deliveries = t.deliveries(a.Service.Roster().Members, sent)
	var order []string
	best := map[string]broadcast.Delivery{} // by member; "" is the room
	for _, d := range sent {
		known, ok := best[d.MemberID]
		if !ok {
			order = append(order, d.MemberID)
		}
		if !ok || !arrived(known) {
			best[d.MemberID] = d
		}
	}
	for _, id := range order {
		d := best[id]
		name := t.texts.T("channel.room")
		if m, ok := a.Service.Roster().ByID(id); ok {
			name = plain(m.Name)
		}
		data := locale.Data{"Name": name, "Reason": t.texts.Reason(d.Reason)}
		switch {
		case arrived(d):
			reached++
		case d.State == broadcast.Failed:
			t.problem(t.texts.T("cli.member_failed", data))
		case d.Reason == "":
			t.problem(t.texts.T("emergency.waiting", data))
		default:
			t.problem(t.texts.T("cli.member_trying", data))
		}
	}
	return reached, len(order)
}

// arrived reports whether a message has gone out.
func arrived(d broadcast.Delivery) bool {
	return d.State == broadcast.Sent || d.State == broadcast.Seen
}
