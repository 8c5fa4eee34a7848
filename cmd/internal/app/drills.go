package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/bot"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/config"
)

// schedule fires the drills of the configuration. Each planned run has a key
// made of its name and minute: fired twice, it starts one drill.
func (a *App) schedule(ctx context.Context, say Say) (stop func(), err error) {
	if len(a.config.Drills) == 0 {
		return func() {}, nil
	}
	s, err := gocron.NewScheduler(gocron.WithLocation(a.config.Zone))
	if err != nil {
		return nil, fmt.Errorf("make the schedule of drills: %w", err)
	}
	for _, d := range a.config.Drills {
		_, err := s.NewJob(gocron.CronJob(d.Cron, false), gocron.NewTask(func() { a.fire(ctx, d, time.Now()) }), gocron.WithName(d.Name))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("plan the drill %q: %w", d.Name, err), s.Shutdown())
		}
	}
	s.Start()
	a.drills.Store(&s)
	t := a.Texts()
	for _, d := range a.planned() {
		say(t.T("cli.drill_next", locale.Data{"Name": d.Name, "When": t.When(d.At)}))
	}
	return func() {
		a.drills.Store(nil)
		if err := s.Shutdown(); err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Msg("the schedule of drills did not stop")
		}
	}, nil
}

// planned tells when each drill starts next, the first one first.
func (a *App) planned() []bot.Planned {
	s := a.drills.Load()
	if s == nil {
		return nil
	}
	var planned []bot.Planned
	for _, job := range (*s).Jobs() {
		if next, err := job.NextRun(); err == nil {
			planned = append(planned, bot.Planned{Name: job.Name(), At: next})
		}
	}
	slices.SortFunc(planned, func(a, b bot.Planned) int { return a.At.Compare(b.At) })
	return planned
}

// fire starts a drill that is due. A drill never gets in the way of a check
// that is open.
func (a *App) fire(ctx context.Context, d config.Drill, now time.Time) {
	// A timer may fire a moment early.
	planned := now.Add(time.Second).Truncate(time.Minute).UTC()
	log := zerolog.Ctx(ctx).With().Str("drill", d.Name).Time("planned", planned).Logger()
	done, err := a.Start(ctx, broadcast.StartRequest{
		Kind: broadcast.Drill, Key: "drill:" + d.Name + ":" + planned.Format(time.RFC3339), Question: d.Question,
	})
	switch {
	case err != nil:
		log.Warn().Err(err).Msg("the drill was not started")
	case !done.Again:
		log.Info().Int64("check", done.Started.ID).Msg("the drill has started")
	}
}
