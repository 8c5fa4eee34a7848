package config

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

func TestSchedulesThatAreHeld(t *testing.T) {
	for text, want := range map[string]string{
		"0 9 1 * *":                            "0 9 1 * *",
		" 0\t9 1  * MON ":                      "0 9 1 * MON",
		"TZ=Asia/Tokyo 0 9 1 * *":              "TZ=Asia/Tokyo 0 9 1 * *",
		" CRON_TZ=America/New_York\t0 9 1 * *": "CRON_TZ=America/New_York 0 9 1 * *",
	} {
		if got, err := Schedule(text); err != nil || got != want {
			t.Errorf("of %q it makes %q (%v), want %q", text, got, err, want)
		}
	}
}

// Whatever stands behind cron = …, it is a schedule that comes true, or a
// sentence in both languages says what to write.
func FuzzSchedule(f *testing.F) {
	for _, seed := range []string{
		"0 9 1 * *", "TZ=", "CRON_TZ=", "TZ=Asia/Tokyo", "TZ=Asia/Tokyo 0 9 1 * *", "TZ= 0 9 1 * *", "TZ=\t0\t9\t1\t*\t*", "CRON_TZ=../x 0 9 1 * *",
		"@hourly", "@every 1h", "0 0 30 2 *", "*/0 * * * *", "1-99999999999 * * * *", "0 9 * * SUN-MON", "TZ=UTC TZ=UTC 1 2 3 4", "? ? ? ? ?", "\u3000",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		schedule, err := Schedule(text)
		if p := new(locale.Problem); err != nil && !errors.As(err, &p) {
			t.Fatalf("%q is no sentence", err)
		} else if err != nil {
			for _, lang := range locale.Languages {
				if said := locale.For(lang, time.UTC).Error(err); strings.HasPrefix(said, "config.") || strings.ContainsAny(said, "\n\x00") {
					t.Errorf("of %q it says in %s: %q", text, lang, said)
				}
			}
			return
		}
		// The daemon plans it as it stands, or in the family's zone.
		if !strings.Contains(schedule, "TZ=") {
			schedule = "CRON_TZ=Asia/Tokyo " + schedule
		}
		if next, err := cron.ParseStandard(schedule); err != nil || next.Next(time.Now()).IsZero() {
			t.Errorf("%q is accepted and never held: %v", text, err)
		}
	})
}
