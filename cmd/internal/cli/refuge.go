package cli

import (
	"context"
	"slices"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/app"
)

// stepIn lets a command do the work of a daemon when none runs, which alone tells,
// and go on from memory when the disk is full or read-only.
func (t *Terminal) stepIn(ctx context.Context, a *app.App) (release func(), alone bool, err error) {
	release, alone, err = lead(a)
	if err != nil {
		return release, alone, err
	}
	if err := a.Outlive(ctx, !alone, func(error) {}); err != nil {
		release()
		return nil, alone, err
	}
	return release, alone, nil
}

// inMemory is what people must know while the ledger lives in memory; empty
// while it is on its disk.
func (t *Terminal) inMemory(a *app.App) string {
	why := a.InMemory()
	if why == nil {
		return ""
	}
	return t.texts.T("memory.go_on", locale.Data{"Reason": t.texts.Error(why)})
}

// settle keeps what is in memory, when a command has done its work. It is lost
// where the disk still takes nothing, and that is told.
func (t *Terminal) settle(ctx context.Context, a *app.App) {
	if t.inMemory(a) == "" {
		return
	}
	if why := a.Return(context.WithoutCancel(ctx)); why != nil {
		t.problem(t.texts.T("memory.lost", locale.Data{"Reason": t.texts.Error(why)}))
		t.lost = true
		return
	}
	t.say(t.texts.T("memory.back"))
}

// mindMemory tells when the ledger moves into memory, and when it is back.
func (w *watch) mindMemory() {
	text := w.t.inMemory(w.app)
	if text == w.memory {
		return
	}
	w.notices = slices.DeleteFunc(w.notices, func(s string) bool { return s == w.memory })
	w.memory = text
	switch {
	case text == "" && w.screen == nil:
		w.t.say(w.t.texts.T("memory.back"))
	case text == "":
	case w.screen == nil:
		w.t.problem(text)
	default:
		w.notices = append(w.notices, text)
	}
}
