package app

import (
	"context"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/cmd/internal/doctor"
	"github.com/anpi-bot/anpi/cmd/internal/health"
)

// Health answers monitoring.
func (a *App) Health() http.Handler {
	return health.Handler(health.Options{
		Store: a.store, Roster: a.household.Roster,
		RosterRead: func() time.Time { return a.household.outcome(context.Background()).Read },
		Findings: func() (time.Time, []doctor.Finding) {
			if last := a.lastLook.Load(); last != nil {
				return last.at, last.findings
			}
			return time.Time{}, nil
		},
		Expected: a.config.Doctor.Every > 0, Requests: &a.requests, Version: version(),
	})
}

// version is that of the program, as it was built.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// serveHealth answers monitoring until the context ends. When the address is
// taken everything else goes on.
func (a *App) serveHealth(ctx context.Context) {
	if a.config.Health == nil {
		return
	}
	log := zerolog.Ctx(ctx)
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", a.config.Health.Listen)
	if err != nil {
		log.Error().Err(err).Msg("monitoring cannot be answered; check health.listen in the configuration")
		return
	}
	if err := health.Serve(ctx, listener, a.Health()); err != nil {
		log.Error().Err(err).Msg("monitoring is answered no more")
	}
}
