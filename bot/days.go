package bot

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// aDay is a day as people write it: 8/10, 8-10, 8月10日, 2026-08-10.
var aDay = regexp.MustCompile(`(?:(\d{4})[-/年.])?(\d{1,2})[-/月.](\d{1,2})日?`)

// cutDays parts the name from the days behind it.
func cutDays(words string) (name, days string) {
	words = norm.NFKC.String(words)
	at := aDay.FindStringIndex(words)
	if at == nil {
		return strings.TrimSpace(words), ""
	}
	name = strings.TrimSpace(words[:at[0]])
	// "Mum from 8/10", "until 8/20"
	for _, particle := range []string{"from", "until", "till", "to"} {
		if cut, ok := strings.CutSuffix(name, particle); ok && (cut == "" || strings.HasSuffix(cut, " ")) {
			name = strings.TrimSpace(cut)
		}
	}
	return name, words[at[0]:]
}

// readDays reads two days, or one until which something lasts from now on. Until
// is the beginning of the day after the last. Without a year the next such day
// is meant. ok is false for anything else.
func readDays(text string, now time.Time) (from, until time.Time, ok bool) {
	found := aDay.FindAllStringSubmatch(text, 3)
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch len(found) {
	case 1:
		last, ok := day(found[0], today)
		return today, last.AddDate(0, 0, 1), ok
	case 2:
		first, ok := day(found[0], today.AddDate(0, -1, 0))
		if !ok {
			return from, until, false
		}
		last, ok := day(found[1], first)
		return first, last.AddDate(0, 0, 1), ok && last.After(today.AddDate(0, 0, -1))
	default:
		return from, until, false
	}
}

// day is the first such day on or after the time given; with a year, the very
// one, unless that lies before it.
func day(m []string, after time.Time) (time.Time, bool) {
	number := func(s string) int {
		n, _ := strconv.Atoi(s) // at most four digits
		return n
	}
	year := after.Year()
	if m[1] != "" {
		year = number(m[1])
	}
	d := time.Date(year, time.Month(number(m[2])), number(m[3]), 0, 0, 0, 0, after.Location())
	if m[1] == "" && d.Before(after) {
		d = time.Date(year+1, d.Month(), d.Day(), 0, 0, 0, 0, after.Location())
	}
	// 2/30 becomes a day of March.
	return d, int(d.Month()) == number(m[2]) && d.Day() == number(m[3]) && !d.Before(after)
}
