package bot

import (
	"testing"
	"time"
)

func TestDays(t *testing.T) {
	now := time.Date(2026, 12, 20, 15, 4, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"12/24-12/26":             "2026-12-24 2026-12-27",
		"12月28日から1月3日":            "2026-12-28 2027-01-04",
		"from 12/28 until 1/3":    "2026-12-28 2027-01-04",
		"2027-08-10 - 2027-08-20": "2027-08-10 2027-08-21",
		"１２／２４～１２／２６":             "2026-12-24 2026-12-27",
		"12/18-12/22":             "2026-12-18 2026-12-23",
		"until 12/22":             "2026-12-20 2026-12-23",
		"2/30-3/2":                "",
		"13/1-13/2":               "",
		"2027-08-20 2027-08-10":   "",
		"2026-01-01 2026-01-03":   "",
		"tomorrow":                "",
		"":                        "",
	} {
		_, days := cutDays(text)
		got := ""
		if from, until, ok := readDays(days, now); ok {
			got = from.Format(time.DateOnly) + " " + until.Format(time.DateOnly)
		}
		if got != want {
			t.Errorf("%q is read as %q, not %q", text, got, want)
		}
	}
	for text, want := range map[string]string{"Mum 8/10-8/20": "Mum", "おばあちゃん　8月10日": "おばあちゃん", "Mum from 8/10": "Mum", "8/10": "", "until 8/10": "", "Mum off": "Mum off"} {
		if name, _ := cutDays(text); name != want {
			t.Errorf("%q names %q, not %q", text, name, want)
		}
	}
}
