package config

import (
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

// Schedule checks when a drill is to be held, and returns it with one blank
// between its parts: five fields of cron, which come true one day. Before them
// may stand CRON_TZ= or TZ= and a time zone, for one that is not the family's.
// The error is a sentence that says what to write instead.
func Schedule(text string) (string, error) {
	fields := strings.Fields(text)
	times := fields
	if len(fields) > 0 {
		if name, zone, _ := strings.Cut(fields[0], "="); name == "TZ" || name == "CRON_TZ" {
			times = fields[1:]
			// A zone without times lacks more than the name of a zone.
			if len(times) > 0 && !IsZone(zone) {
				return "", &locale.Problem{Key: "config.want_cron_zone", Data: locale.Data{"Word": shown(zone)}}
			}
		}
	}
	// The parser panics over a zone with nothing behind it, and has names for
	// schedules such as @hourly: it gets five fields only.
	if len(times) != 5 {
		return "", &locale.Problem{Key: "config.want_cron"}
	}
	if schedule, err := cron.ParseStandard(strings.Join(times, " ")); err != nil || schedule.Next(time.Now()).IsZero() {
		return "", &locale.Problem{Key: "config.want_cron"}
	}
	return strings.Join(fields, " "), nil
}

// IsZone reports whether there is a time zone of the name. That of the machine,
// whichever it is, has none.
func IsZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil && name != "" && name != "Local"
}
