package setup

import (
	"os"
	"strings"

	"github.com/anpi-bot/anpi/cmd/internal/config"
)

// guessZone is the time zone of this machine; Asia/Tokyo where it does not say,
// which is the program's default.
func guessZone(environ []string) string {
	var guesses []string
	for _, v := range environ {
		if name, ok := strings.CutPrefix(v, "TZ="); ok {
			guesses = append(guesses, strings.TrimPrefix(name, ":"))
		}
	}
	if to, err := os.Readlink("/etc/localtime"); err == nil {
		_, name, _ := strings.Cut(to, "zoneinfo/")
		guesses = append(guesses, name)
	}
	if name, err := os.ReadFile("/etc/timezone"); err == nil {
		guesses = append(guesses, strings.TrimSpace(string(name)))
	}
	for _, name := range guesses {
		// A server that keeps to UTC says nothing about where the family lives.
		if config.IsZone(name) && name != "UTC" && !strings.HasPrefix(name, "Etc/") {
			return name
		}
	}
	return "Asia/Tokyo"
}
