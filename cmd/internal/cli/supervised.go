package cli

import (
	"context"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/anpi-bot/anpi/cmd/internal/app"
)

// underSystemd has systemd told how the daemon is, when systemd has started it
// and wants to know.
func underSystemd(ctx context.Context, s app.Supervisor) app.Supervisor {
	log := zerolog.Ctx(ctx)
	s.Tell = func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			log.Warn().Err(err).Msg("cannot tell systemd how the daemon is")
		}
	}
	patience, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn().Err(err).Msg("systemd's watchdog is not used")
	}
	s.Patience = patience
	return s
}

// alive is for a container's health check: it prints nothing when all is well.
func (t *Terminal) alive() *cobra.Command {
	return &cobra.Command{
		Use: "alive", Short: t.texts.T("deploy.alive"), Args: noArguments, Hidden: true,
		RunE: func(*cobra.Command, []string) error {
			c, err := t.load()
			if err != nil {
				return err
			}
			if !app.Alive(c) {
				t.say(t.texts.T("cli.abandoned"))
				return errQuiet
			}
			return nil
		},
	}
}
