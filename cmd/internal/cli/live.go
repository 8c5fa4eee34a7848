package cli

import (
	"context"
	"slices"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/cmd/internal/app"
	"github.com/anpi-bot/anpi/cmd/internal/screen"
)

// watch returns a watch over the check, which draws where it can. A log would
// be in the way of a picture.
func (t *Terminal) watch(a *app.App, check int64) *watch {
	w := &watch{t: t, app: a, service: a.Service, id: check, began: time.Now()}
	if s, ok := screen.Open(t.Out, t.Environ); ok && !t.verbose && !t.json {
		w.screen = s
	}
	return w
}

// keepWatching shows a check that another process looks after.
func (t *Terminal) keepWatching(ctx context.Context, a *app.App, c broadcast.Check) error {
	_, err := t.watch(a, c.ID).follow(ctx)
	return err
}

// follow shows the check until it has ended or the person stops, and returns
// what there is to see then.
func (w *watch) follow(ctx context.Context) (view, error) {
	var minded time.Time
	for {
		r, err := w.look(context.WithoutCancel(ctx))
		if err != nil {
			return r, err
		}
		open := r.Tally.Check.Open()
		if open && time.Since(minded) > 10*time.Second {
			if err := w.mind(); err != nil {
				return r, err
			}
			minded = time.Now()
		}
		w.show(r)
		if !open && !slices.ContainsFunc(r.Deliveries, soon) {
			return r, nil
		}
		select {
		case <-ctx.Done():
			w.leave()
			return r, nil
		case <-time.After(pause(r)):
		}
	}
}

// mind warns when nobody looks after the check, for as long as it is so.
func (w *watch) mind() error {
	left, err := abandoned(w.app)
	sentence := w.t.texts.T("cli.abandoned")
	if left {
		w.warn(sentence)
	} else {
		w.notices = slices.DeleteFunc(w.notices, func(s string) bool { return s == sentence })
	}
	return err
}

// abandoned reports whether nobody looks after an open check.
func abandoned(a *app.App) (bool, error) {
	release, alone, err := lead(a)
	if !alone {
		return false, err
	}
	release()
	return true, nil
}

// warn tells the person once what they must not overlook: on a screen it stays.
func (w *watch) warn(sentence string) {
	if w.screen == nil {
		w.once(sentence, sentence)
	} else if !slices.Contains(w.notices, sentence) {
		w.notices = append(w.notices, sentence)
	}
}

// show tells how far the check has come: as a picture on a screen, else in lines
// where something has changed.
func (w *watch) show(r view) {
	if w.screen == nil {
		w.showProgress(r)
		w.showTally(r)
		return
	}
	// Sending goes on when nobody can look any more.
	_ = w.screen.Show(screen.View{Texts: w.t.texts, Tally: r.Tally, Deliveries: r.Deliveries, Notices: w.notices})
}

// leave makes room for the last words below the picture.
func (w *watch) leave() {
	if w.screen != nil {
		_ = w.screen.Leave() // nobody may be there to see it
	}
}

// pause is how long to wait before the next look. A school is not counted five
// times a second.
func pause(r view) time.Duration {
	if len(r.Tally.Standings) > 100 {
		return time.Second
	}
	return 200 * time.Millisecond
}
