package app

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/cmd/internal/config"
)

// Supervisor starts the daemon when the machine starts, and again when it has
// ended: systemd or a container engine. The zero value is a person at a
// terminal.
type Supervisor struct {
	// Wait makes the daemon try again, instead of ending, when something is
	// wrong with Nextcloud at a first start: whoever starts it again and again
	// would send a wrong password again and again, and Nextcloud would lock out
	// the family's address.
	Wait bool
	// Tell passes on how the daemon is, in the words of sd_notify(3); nil when
	// nobody wants to know.
	Tell func(state string)
	// Patience is for how long the supervisor waits for a sign of life before it
	// starts the daemon anew; zero is for ever.
	Patience time.Duration
}

func (s Supervisor) tell(state string) {
	if s.Tell != nil {
		s.Tell(state)
	}
}

// ready says that the start is over, and how the daemon is now.
func (s Supervisor) ready(status string) {
	s.tell("READY=1\nSTATUS=" + strings.ReplaceAll(status, "\n", " "))
}

// watch gives a sign of life three times in the supervisor's patience, as long
// as the daemon answers in time, until stop is called.
func (s Supervisor) watch(ctx context.Context, answers func(context.Context) error) (stop func()) {
	if s.Patience == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		every := s.Patience / 3
		for {
			look, done := context.WithTimeout(ctx, every)
			err := answers(look)
			done()
			switch {
			case ctx.Err() != nil:
				return
			case err == nil:
				s.tell("WATCHDOG=1")
			default:
				zerolog.Ctx(ctx).Error().Err(err).Msg("the daemon hangs; it will be started anew if that lasts")
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(every):
			}
		}
	})
	return func() { cancel(); wg.Wait() }
}

// answers reports whether the ledger can be read and, while this process leads,
// whether what is due would be seen to. It writes nothing and asks nobody else.
func (a *App) answers(ctx context.Context) error {
	if _, _, err := a.store.NextDue(ctx); err != nil {
		return err
	}
	if !a.leads.Load() {
		return nil
	}
	return a.dispatcher.Answers(ctx)
}

// Alive reports whether a process sends and listens for the ledger of the
// configuration. It does not disturb that process, and writes nothing.
func Alive(c config.Config) bool { return sqlstore.Listens(filepath.Join(c.Data, ledgerFile)) }
