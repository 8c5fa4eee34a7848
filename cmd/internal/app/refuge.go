package app

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
)

// Outlive lets the program go on from memory when the disk of the ledger is full
// or read-only. A guest works beside a daemon that leads, and leaves to that what
// is not its own. Told is called when it begins, and with nil when the disk has
// everything again.
func (a *App) Outlive(ctx context.Context, guest bool, told func(why error)) (err error) {
	if guest {
		// In memory the ledger leaves them out.
		if a.theirs, err = a.Service.Open(ctx); err != nil {
			return err
		}
	}
	a.guest, a.bot.Beside = guest, guest
	return a.ledger.Outlive(ctx, sqlstore.Refuge{Guest: guest, Told: func(why error) {
		notify(a.lookNow)
		if why != nil {
			notify(a.moved)
			zerolog.Ctx(ctx).Error().Err(why).Msg("the ledger goes on in memory")
		}
		told(LedgerProblem(why))
	}})
}

// notify puts something into a channel that has room for one.
func notify(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// InMemory is why the ledger lives in memory, for a person to read; nil while it
// is on its disk.
func (a *App) InMemory() error { return LedgerProblem(a.ledger.InMemory()) }

// Stale is why what the ledger says may be old, for a person to read: nothing can
// be written to its disk, so that a daemon goes on in its memory. It is nil when
// there is no such reason.
func (a *App) Stale() error { return LedgerProblem(sqlstore.DiskState(a.path)) }

// Return brings the ledger back to its disk, where it is not there. The error is
// for a person to read. Nothing of a guest may be under way.
func (a *App) Return(ctx context.Context) error {
	if a.ledger.InMemory() == nil {
		return nil
	}
	err := a.ledger.Return(ctx)
	if err == nil {
		a.wake() // a daemon goes on with it
	}
	return LedgerProblem(err)
}

// LedgerProblem words an error of the ledger for a person. Other errors stay as
// they are.
func LedgerProblem(err error) error {
	for key, why := range map[string]error{"memory.full": sqlstore.ErrFull, "memory.read_only": sqlstore.ErrReadOnly, "memory.fails": sqlstore.ErrFails} {
		if errors.Is(err, why) {
			return &locale.Problem{Key: key, Err: err}
		}
	}
	return err
}

// tryDiskEvery is how often a ledger in memory tries to go back.
const tryDiskEvery = 10 * time.Second

// keepLedger brings the ledger back to its disk as soon as that takes writes
// again. While it is there, this waits and does nothing.
func (a *App) keepLedger(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.moved:
		}
		for a.ledger.InMemory() != nil {
			select {
			case <-ctx.Done():
				return
			case <-time.After(tryDiskEvery):
			}
			if err := a.ledger.Return(ctx); err != nil {
				zerolog.Ctx(ctx).Debug().Err(err).Msg("the ledger stays in memory")
			}
		}
		a.poked(ctx)
	}
}

// listenPokes hears of what other processes write, until stop is called. Where
// the disk takes no writes it tries again until it does.
func (a *App) listenPokes(ctx context.Context) (stop func(), err error) {
	listen := func() (func(), error) { return sqlstore.ListenPokes(a.path, func() { a.poked(ctx) }) }
	stop, err = listen()
	if err == nil || a.ledger.InMemory() == nil && !sqlstore.Unwritable(a.path, err) {
		return stop, err
	}
	waiting, cancel := context.WithCancel(ctx)
	late := make(chan func(), 1)
	go func() {
		for {
			select {
			case <-waiting.Done():
				late <- func() {}
				return
			case <-time.After(tryDiskEvery):
			}
			if stop, err := listen(); err == nil {
				late <- stop
				return
			}
		}
	}()
	return func() { cancel(); (<-late)() }, nil
}
