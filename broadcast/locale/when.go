package locale

import (
	"strconv"
	"time"
)

// When words a moment: 11月22日(日) 朝8:30, or Sun 22 Nov, 8:30 am.
func (t *Texts) When(at time.Time) string {
	if t.Lang == "ja" {
		return t.Day(at) + " " + t.Clock(at)
	}
	return t.Day(at) + ", " + t.Clock(at)
}

// Day words a day: 11月22日(日), or Sun 22 Nov.
func (t *Texts) Day(at time.Time) string {
	at = at.In(t.zone)
	if t.Lang == "ja" {
		return at.Format("1月2日") + "(" + []string{"日", "月", "火", "水", "木", "金", "土"}[at.Weekday()] + ")"
	}
	return at.Format("Mon 2 Jan")
}

// Clock words the time of day: 朝8:30, or 8:30 am. The 24-hour clock is read
// wrongly by tired people.
func (t *Texts) Clock(at time.Time) string {
	at = at.In(t.zone)
	if t.Lang != "ja" {
		return at.Format("3:04 pm")
	}
	part := "夜"
	switch h := at.Hour(); {
	case h < 4:
		part = "夜中"
	case h < 11:
		part = "朝"
	case h < 13:
		part = "昼"
	case h < 16:
		part = "午後"
	case h < 18:
		part = "夕方"
	}
	return part + strconv.Itoa((at.Hour()+11)%12+1) + at.Format(":04")
}

// Span words a length of time: 1分30秒, or 1 min 30 s.
func (t *Texts) Span(d time.Duration) string {
	d = d.Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h > 0:
		return t.T("span.hours", Data{"H": h, "M": m})
	case m > 0:
		return t.T("span.minutes", Data{"M": m, "S": s})
	default:
		return t.T("span.seconds", Data{"S": s})
	}
}
