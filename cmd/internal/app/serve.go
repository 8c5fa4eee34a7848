package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
)

// Say prints a sentence for the person who runs the program.
type Say func(sentence string)

// Serve runs the daemon until the context ends: it keeps the roster fresh,
// fires drills, listens and sends. While another process sends for the same
// ledger it stands by, and takes over when that one ends.
//
// On a first start it returns an error for a person when something is wrong
// with Nextcloud, because then nothing works yet. Later it runs on with what it
// knows: mail still goes out, and whatever else works again is used again.
func (a *App) Serve(ctx context.Context, say Say) error {
	return a.ServeUnder(ctx, say, Supervisor{})
}

// ServeUnder runs the daemon as Serve does, for somebody who looks after it.
func (a *App) ServeUnder(ctx context.Context, say Say, s Supervisor) error {
	t := a.Texts()
	defer s.watch(ctx, a.answers)()
	release, err := sqlstore.TryLead(a.path)
	if errors.Is(err, sqlstore.ErrTaken) {
		say(t.T("cli.standby"))
		s.ready(t.T("cli.standby"))
		release, err = sqlstore.Lead(ctx, a.path)
		if ctx.Err() != nil {
			return nil
		}
	}
	if err != nil {
		return err
	}
	defer release()
	err = a.Outlive(ctx, false, func(why error) {
		if why == nil {
			say(t.T("memory.back"))
		} else {
			say(t.T("memory.serve_on", locale.Data{"Reason": t.Error(why)}))
		}
	})
	if err != nil {
		return err
	}
	if err := a.household.load(ctx); err != nil {
		return err
	}
	first := len(a.household.Roster().Members) == 0
	err = a.getReady(ctx)
	if err != nil && first && s.Wait {
		err = a.awaitRoster(ctx, err, say, s)
		first = len(a.household.Roster().Members) == 0
	}
	switch {
	case ctx.Err() != nil:
		return nil
	case err != nil && first:
		return err
	case err != nil:
		say(t.T("cli.degraded", locale.Data{"Reason": t.Error(err)}))
	}
	n := len(a.household.Roster().Members)
	serving := t.T("cli.serving", locale.Data{"Count": n, "Number": n})
	say(serving)
	schedule, err := a.schedule(ctx, say)
	if err != nil {
		return err
	}
	defer schedule()
	// On a small machine, what starting has left behind goes back soon and not
	// some day: after the first look of the doctor, too.
	tidy := time.AfterFunc(2*afterStart, tidyUp)
	defer tidy.Stop()
	s.ready(serving)
	err = a.Work(ctx, a.keepRoster, a.keepWell, a.serveHealth, a.keepBackups)
	say(t.T("cli.stopping"))
	s.tell("STOPPING=1")
	// There may be room again since the last try, and this is the last one.
	if why := a.Return(context.WithoutCancel(ctx)); why != nil {
		say(t.T("memory.serve_lost", locale.Data{"Reason": t.Error(why)}))
	}
	return err
}

// getReady asks Nextcloud for what the daemon needs, and reads the address
// books.
func (a *App) getReady(ctx context.Context) error {
	if err := a.lookAround(ctx); err != nil {
		return err
	}
	return a.Refresh(ctx)
}

// awaitRoster tries again after the error, until there is a roster. A password
// that was refused costs no further request for a quarter of an hour: the client
// sees to that, and can only do so while the program goes on.
func (a *App) awaitRoster(ctx context.Context, err error, say Say, s Supervisor) error {
	t := a.Texts()
	said := ""
	for err != nil && len(a.household.Roster().Members) == 0 {
		waiting := t.T("deploy.waiting", locale.Data{"Reason": t.Error(err)})
		if waiting != said {
			say(waiting)
			s.ready(waiting)
			said = waiting
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(30 * time.Second):
		}
		// The command line may have found the roster meanwhile.
		if err := a.household.load(ctx); err != nil {
			return err
		}
		err = a.getReady(ctx)
	}
	return err
}

// Work sends and listens until the context ends, beside whatever else is to be
// done meanwhile. The caller must have the lead.
func (a *App) Work(ctx context.Context, also ...func(context.Context)) error {
	if !a.alone && !a.guest {
		stop, err := a.listenPokes(ctx)
		if err != nil {
			return err
		}
		defer stop()
	}
	heard := []<-chan struct{}{a.bot.Heard()}
	if a.inbox != nil && !a.guest {
		heard = append(heard, a.inbox.Heard())
	}
	a.dispatcher.Await(heard...)
	a.leads.Store(true)
	defer a.leads.Store(false)
	var wg sync.WaitGroup
	wg.Go(func() { a.dispatcher.Run(ctx) })
	wg.Go(func() { a.bot.Run(ctx) })
	if !a.guest {
		also = append(also, a.readMail, a.servePages, a.copyBoard, a.keepLedger)
	}
	for _, f := range also {
		wg.Go(func() { f(ctx) })
	}
	wg.Wait()
	return nil
}

// poked looks at what another process has written: a check, or a new roster.
func (a *App) poked(ctx context.Context) {
	if a.ledger.InMemory() != nil {
		// Somebody could write, so perhaps the disk is well again.
		_ = a.ledger.Return(ctx)
	}
	if err := a.household.load(ctx); err != nil && ctx.Err() == nil {
		zerolog.Ctx(ctx).Error().Err(err).Msg("cannot read the roster that another process has kept")
	}
	a.wake()
}

// TryLead makes this process the one that sends, or returns
// sqlstore.ErrTaken.
func (a *App) TryLead() (release func(), err error) { return sqlstore.TryLead(a.path) }

// keepRoster looks at the address books now and then, and when somebody has come
// into the family room: whoever was invited must be heard the same minute.
func (a *App) keepRoster(ctx context.Context) {
	log := zerolog.Ctx(ctx)
	last := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.joined:
		case <-time.After(a.config.Roster.Every):
		}
		err := a.Refresh(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			last = ""
		case err.Error() != last:
			log.Warn().Err(err).Msg("cannot read the address books; the roster stays as it is")
			last = err.Error()
		}
	}
}
