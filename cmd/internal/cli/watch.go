package cli

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/app"
	"github.com/anpi-bot/anpi/cmd/internal/screen"
)

// watch tells the person what becomes of a check.
type watch struct {
	t       *Terminal
	app     *app.App
	service *broadcast.Service
	id      int64
	began   time.Time
	mailNow bool // mail is wanted beside Talk
	guest   bool // a daemon runs, and this process works beside it

	screen  *screen.Screen // nil where nothing can be drawn
	notices []string       // that stay on it

	progress string
	tally    string
	memory   string // what was told of a ledger in memory
	told     map[string]bool
}

// patience is how long the command line waits for the daemon to ask everybody.
const patience = time.Minute

// untilAsked watches until everybody has been asked once over some channel, or
// cannot be right now. On a screen the answers are watched, too.
func (w *watch) untilAsked(ctx context.Context) error {
	if w.screen != nil {
		r, err := w.follow(ctx)
		if err != nil || !r.Tally.Check.Open() {
			return errors.Join(err, w.result(r))
		}
		if left, err := abandoned(w.app); left || err != nil {
			w.t.say(w.t.texts.T("cli.abandoned"))
			return errors.Join(err, w.result(r))
		}
		return w.end(r)
	}
	give := time.After(patience)
	for {
		r, err := w.look(ctx)
		if err != nil {
			return err
		}
		w.showProgress(r)
		if !w.underway(r) {
			return w.end(r)
		}
		select {
		case <-ctx.Done():
			return w.end(r)
		case <-give:
			return w.end(r)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// end tells how far the daemon has come, which goes on from here.
func (w *watch) end(r view) error {
	if err := w.result(r); err != nil {
		w.t.say(w.t.texts.T("cli.goes_on"))
		return err
	}
	w.t.say(w.t.texts.T("cli.all_asked"))
	return nil
}

// untilClosed watches until the check has ended or the person stops.
func (w *watch) untilClosed(ctx context.Context, worked <-chan error) error {
	for {
		r, err := w.look(ctx)
		if ctx.Err() == nil && err != nil {
			return err
		}
		if err == nil {
			w.mindMemory()
			w.show(r)
			if !r.Tally.Check.Open() && !slices.ContainsFunc(r.Deliveries, soon) {
				return w.result(r)
			}
		}
		select {
		case <-ctx.Done():
			<-worked
			w.leave()
			if !w.guest {
				w.t.say(w.t.texts.T("cli.stopped"))
			}
			r, err := w.look(context.WithoutCancel(ctx))
			if err != nil {
				return err
			}
			return w.result(r)
		case err := <-worked:
			return err
		case <-time.After(pause(r)):
		}
	}
}

// result is the outcome for the exit status: an error when somebody has not
// been reached, whom it names.
func (w *watch) result(r view) error {
	prompts := r
	prompts.Deliveries = slices.DeleteFunc(slices.Clone(r.Deliveries), func(d broadcast.Delivery) bool { return !d.Purpose.Prompts() })
	w.t.show(prompts)
	missed := unreached(r)
	for _, s := range missed {
		w.t.complain(s)
	}
	all := len(r.Tally.Standings)
	return reachedOf(all-len(missed), all)
}

// view is what there is to see of a check.
type view struct{ broadcast.Report }

func (w *watch) look(ctx context.Context) (view, error) {
	check, err := w.service.Store.Check(ctx, w.id)
	if err != nil {
		return view{}, err
	}
	return see(ctx, w.service, check)
}

// see looks at all there is of a check.
func see(ctx context.Context, s *broadcast.Service, check broadcast.Check) (view, error) {
	r, err := s.Report(ctx, check)
	return view{r}, err
}

// underway reports whether a message to somebody who has not been reached is
// about to be sent or being sent, or a mail that is wanted beside Talk. One that
// was tried in vain, and will be tried later, is not waited for.
func (w *watch) underway(r view) bool {
	missed := unreached(r)
	return slices.ContainsFunc(r.Deliveries, func(d broadcast.Delivery) bool {
		isMissed := slices.ContainsFunc(missed, func(s broadcast.Standing) bool { return s.Member.ID == d.MemberID })
		isMissed = isMissed || w.mailNow && d.Channel == broadcast.Email
		return isMissed && d.Purpose.Prompts() && soon(d)
	})
}

// soon reports whether more will be known about a delivery in a moment.
func soon(d broadcast.Delivery) bool {
	switch d.State {
	case broadcast.Sending:
		// One that may have arrived is looked for later.
		return d.Attempt <= 2 && (!d.Doubt || d.Reason == "")
	case broadcast.Due:
		return d.Attempt == 0 || d.Attempt == 1 && time.Until(d.DueAt) < 5*time.Second
	default:
		return false
	}
}

// unreached returns the members that no prompt has reached and who have not
// answered.
func unreached(r view) []broadcast.Standing {
	var missed []broadcast.Standing
	for _, s := range r.Tally.Standings {
		if !s.Answered && !hasReached(s) {
			missed = append(missed, s)
		}
	}
	return missed
}

// hasReached reports whether a prompt has reached the member.
func hasReached(s broadcast.Standing) bool {
	return s.Reached == broadcast.Sent || s.Reached == broadcast.Seen
}

// complain says why somebody has not been reached.
func (t *Terminal) complain(s broadcast.Standing) {
	data := locale.Data{"Name": plain(s.Member.Name), "Reason": t.texts.Reason(s.Trouble)}
	switch {
	case s.Trouble == "":
		t.problem(t.texts.T("cli.member_waiting", locale.Data{"Name": data["Name"]}))
	case s.Reached == broadcast.Failed:
		t.problem(t.texts.T("cli.member_failed", data))
	default:
		t.problem(t.texts.T("cli.member_trying", data))
	}
}

// slow is after how long a channel that says nothing is told of.
const slow = 3 * time.Second

// showProgress prints how many prompts have gone out over each channel, when
// that has changed, and what is wrong with a channel, once and at once.
func (w *watch) showProgress(r view) {
	var lines []string
	for _, channel := range []broadcast.ChannelName{broadcast.Room, broadcast.Direct, broadcast.Email} {
		var all, sent, failed, sending int
		name := w.t.texts.T("channel." + string(channel))
		for _, d := range r.Deliveries {
			if d.Channel != channel || d.Purpose != broadcast.Ask || d.State == broadcast.Dropped {
				continue
			}
			all++
			switch d.State {
			case broadcast.Sent, broadcast.Seen:
				sent++
			case broadcast.Failed:
				failed++
			case broadcast.Sending:
				sending++
			}
			if d.Reason != "" && !isPersonal(d.Reason) {
				w.trouble(r, channel, name, d.Reason)
			}
		}
		if sending > 0 && sent+failed == 0 && time.Since(w.began) > slow {
			w.once("slow "+name, w.t.texts.T("emergency.slow", locale.Data{"Channel": name}))
		}
		key := "cli.progress"
		if failed > 0 {
			key = "cli.progress_failed"
		}
		if all > 0 {
			lines = append(lines, w.t.texts.T(key, locale.Data{"Channel": name, "Sent": sent, "All": all, "Failed": failed}))
		}
	}
	if text := strings.Join(lines, "  "); text != w.progress && text != "" {
		w.progress = text
		w.t.say(text)
	}
}

// trouble tells what is wrong with a channel, and how it goes on from there.
func (w *watch) trouble(r view, channel broadcast.ChannelName, name, reason string) {
	text := w.t.texts.T("cli.trouble", locale.Data{"Channel": name, "Reason": w.t.texts.Reason(reason)})
	if channel != broadcast.Email && slices.ContainsFunc(r.Deliveries, func(d broadcast.Delivery) bool {
		return d.Channel == broadcast.Email && d.Purpose == broadcast.Ask && slices.ContainsFunc(r.Tally.Standings, func(s broadcast.Standing) bool {
			return s.Member.ID == d.MemberID && s.Member.Talk != ""
		})
	}) {
		text += w.t.texts.T("emergency.by_mail")
	}
	key, _, _ := strings.Cut(reason, ": ")
	w.once(name+key, text)
}

// once says a sentence about something once.
func (w *watch) once(about, sentence string) {
	if w.told == nil {
		w.told = map[string]bool{}
	}
	if !w.told[about] {
		w.t.say(sentence)
	}
	w.told[about] = true
}

func (w *watch) showTally(r view) {
	if r.Tally.Answered() == 0 && r.Tally.Check.Open() {
		return
	}
	if text := w.t.tally(r.Tally); text != w.tally {
		w.tally = text
		w.t.say("\n" + text)
	}
}

func (t *Terminal) tally(tally broadcast.Tally) string {
	return t.texts.Mark(tally.Check.Drill()) + strings.Join(t.words().Tally(tally), "\n")
}
