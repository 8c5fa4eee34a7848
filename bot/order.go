package bot

import (
	"context"
	"slices"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
)

// What was said is read late at times, and in the light of what has happened
// since. It is put into order by the numbers of the server's messages, and by the
// server's clock: ours may show any time.

const (
	// earlyTime is how long before a check began somebody who was hurt is heard.
	// Whoever called for help is heard however long ago.
	earlyTime = 5 * time.Minute
	// blur is by how much two clocks may differ that were compared over the
	// network and tell whole seconds.
	blur = 2 * time.Second
)

// began is when the check began, on the clock of the server.
func (b *Bot) began(check broadcast.Check) time.Time {
	return check.StartedAt.Add(b.Client.Now().Sub(time.Now().Round(0)))
}

// follows reports whether what was said came after the check had begun: after one
// of its messages, or at that time or later, but for so much.
func (h *hearing) follows(ctx context.Context, check broadcast.Check, but time.Duration) (bool, error) {
	if n := broadcast.TalkNumber(check.Key); n != 0 {
		return h.number > n, nil
	}
	if !h.at.Before(h.began(check).Truncate(time.Second).Add(but)) {
		return true, nil
	}
	deliveries, err := h.Service.Store.Deliveries(ctx, check.ID)
	for _, d := range deliveries {
		if id := d.Receipt.MessageID; id != 0 && d.Purpose != broadcast.Ack && h.id > id {
			return true, err
		}
	}
	return false, err
}

// checkOf is the check that the text is about: the one whose prompt it replies
// to, else the current one. What was written before that one began is early: "OK"
// was about something else.
func (h *hearing) checkOf(ctx context.Context) (check broadcast.Check, asked, early bool, err error) {
	now := h.change.Now
	d, ok, err := h.promptAbove(ctx)
	if err != nil {
		return check, false, false, err
	}
	if ok && d.CheckID != 0 {
		check, err := h.Service.Store.Check(ctx, d.CheckID)
		return check, err == nil && check.Takes(now), false, err
	}
	check, ok, err = h.Service.Current(ctx, now)
	if err != nil || !ok {
		return check, false, false, err
	}
	follows, err := h.follows(ctx, check, 0)
	return check, follows, !follows, err
}

// rewrites reports whether an earlier message was edited that was written before
// the check began: whoever puts an old word right does not answer.
func (h *hearing) rewrites(ctx context.Context, check broadcast.Check) (bool, error) {
	if !h.edited {
		return false, nil
	}
	original := *h
	original.id, original.number, original.at = h.message.ID, h.rewinds.number(h.message), h.message.Time
	follows, err := original.follows(ctx, check, 0)
	return !follows, err
}

// stale reports whether a command that begins something is not to be obeyed
// without a question: it was written more than a minute ago, or before the newest
// check began. The check that it has begun itself, under the key, makes it none.
func (h *hearing) stale(ctx context.Context, key string) (bool, error) {
	checks, err := h.Service.Store.Checks(ctx, 20)
	if err != nil || slices.ContainsFunc(checks, func(c broadcast.Check) bool { return c.Key == key }) {
		return false, err
	}
	if h.late() || len(checks) == 0 {
		return h.late(), nil
	}
	follows, err := h.follows(ctx, checks[0], 0)
	return !follows, err
}

// late reports whether more than a minute has passed since it was written.
func (h *hearing) late() bool { return h.Client.Now().Sub(h.at) > confirmTime }

// confirmUntil is until when an answer to the question is waited for, whether a
// command is meant: a minute from when it was written, or from now.
func (h *hearing) confirmUntil(fromNow bool) time.Time {
	if fromNow {
		return h.Client.Now().Add(confirmTime)
	}
	return h.at.Add(confirmTime)
}

// asOf adds to a question when the command was written that it is about, where
// nobody remembers it any more.
func (h *hearing) asOf(stale bool, text string) string {
	if !stale {
		return text
	}
	w := h.words()
	return w.T("confirm.stale", locale.Data{"When": w.When(h.at)}) + "\n" + text
}

// old plans what follows from words of before the check began, which are no
// answer to it: the organisers are told who called for help then, and when. Own
// is set when the worst that was said is about the writer.
func (h *hearing) old(check broadcast.Check, worst broadcast.Status, own bool, a broadcast.Answer) {
	lately := h.at.After(h.began(check).Add(-earlyTime))
	title := "alarm.old"
	if !own {
		title = "alarm.old_tells"
	}
	switch {
	case worst == broadcast.Help && (lately || h.place.direct) && h.spare(h.cries, maxAlarms, alarmTime):
		h.Service.PlanNotice(h.change, "cry-"+a.Carrier, func(o roster.Member) string { return h.cryText(o.Lang, "", broadcast.Check{}, title, a) })
	case worst == broadcast.Help:
		h.murmur(broadcast.Check{}, title, a)
	case worst == broadcast.Injured && lately:
		h.murmur(broadcast.Check{}, "alarm.old_hurt", a)
	}
}
