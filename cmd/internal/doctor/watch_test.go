package doctor_test

import (
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/cmd/internal/doctor"
)

// story lets a watch look every quarter of an hour, and returns what it tells: a
// word for each look. A letter is what it sees of the mail server: g is good, a
// advice, b bad, u unknown, and a dot that it is not there; R is a restart.
func story(looks string) string {
	watch, document, now := doctor.NewWatch(nil), []byte(nil), time.Unix(0, 0)
	var told []string
	for _, look := range looks {
		if look == 'R' {
			watch = doctor.NewWatch(document)
			continue
		}
		now = now.Add(15 * time.Minute)
		findings := []doctor.Finding{{Name: "ledger", Grade: doctor.Good}}
		if grade := map[rune]doctor.Grade{'g': doctor.Good, 'a': doctor.Advice, 'b': doctor.Bad, 'u': doctor.Unknown}[look]; grade != "" {
			findings = append(findings, doctor.Finding{Name: "mail-relay", About: "mail.example.org:25", Grade: grade})
		}
		next, changes := watch.See(now, findings)
		word := "-"
		for _, c := range changes {
			word = string(c.Grade)
		}
		if next.Changed(watch) {
			document = next.Document()
		} else if word != "-" {
			word += " but not written"
		}
		told = append(told, word)
		watch = next
	}
	return strings.Join(told, " ")
}

func TestEachChangeIsToldOnce(t *testing.T) {
	for _, c := range []struct{ what, looks, want string }{
		{"nothing happens", "ggggg", "- - - - -"},
		{"it breaks and stays so", "ggbbbbb", "- - - bad - - -"},
		{"it was broken from the start", "bbbb", "- bad - -"},
		{"advice from the start is for whoever sets it up", "aaaa", "- - - -"},
		{"advice that comes later is told", "gggaaa", "- - - - advice -"},
		{"one bad moment is not told", "gggbggbgg", "- - - - - - - - -"},
		{"it is well again", "gggbbggggg", "- - - - bad - - - good -"},
		{"what is not known changes nothing", "gggbbuuuuugbgb", "- - - - bad - - - - - - - - -"},
		{"a restart tells nothing again", "gggbbbRbbb", "- - - - bad - - - -"},
		{"after a restart it goes on", "gggbbRgggg", "- - - - bad - good - -"},
		{"what is gone is forgotten", "gggbb..ggg", "- - - - bad - - - - -"},
	} {
		if got := story(c.looks); got != c.want {
			t.Errorf("%s (%s): told %q, want %q", c.what, c.looks, got, c.want)
		}
	}
}

// Something that breaks and mends itself for a day is told a few times and not a
// hundred.
func TestWhatComesAndGoesIsDamped(t *testing.T) {
	told := strings.Fields(story(strings.Repeat("bbbbgggg", 12)))
	n := 0
	for _, word := range told {
		if word != "-" {
			n++
		}
	}
	if n < 2 || n > 6 {
		t.Errorf("in a day it was told %d times: %v", n, told)
	}
}
