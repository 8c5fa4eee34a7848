package broadcast_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
)

// BenchmarkAnswersOfASchool compares what one answer costs in a family of 30 and
// in a school of 3,000, of whom all have answered but a hundred: to record it,
// and to count where everybody stands. The figure "times" is 100 when both grow
// with the members.
func BenchmarkAnswersOfASchool(b *testing.B) {
	for b.Loop() {
		family, school := answerLast(b, 30), answerLast(b, 3000)
		b.ReportMetric(float64(family.Microseconds()), "µs/answer@30")
		b.ReportMetric(float64(school.Microseconds()), "µs/answer@3000")
		b.ReportMetric(float64(school)/float64(family), "times")
	}
}

// answerLast has all of so many members answer, and returns the time for each of
// the last.
func answerLast(b *testing.B, members int) time.Duration {
	h := newHouse(b)
	defer h.store.Close()
	h.members = nil
	for i := range members {
		id := fmt.Sprintf("m%04d", i)
		h.members = append(h.members, roster.Member{ID: id, Name: id, Talk: id, Emails: []string{id + "@example.org"}})
	}
	began := time.Now()
	started, err := h.service.Start(b.Context(), began, broadcast.StartRequest{Kind: broadcast.Real, Key: "school"})
	if err != nil {
		b.Fatal(err)
	}
	check := started.Started
	answer := func(m roster.Member) broadcast.Answer {
		return broadcast.Answer{CheckID: check.ID, MemberID: m.ID, Status: broadcast.Safe, Source: broadcast.ByTap, Carrier: "talk:" + m.ID, At: began}
	}
	early := broadcast.Change{Now: began}
	last := min(100, members)
	for _, m := range h.members[:members-last] {
		early.Answers = append(early.Answers, answer(m))
	}
	if _, err := h.service.Commit(b.Context(), early); err != nil {
		b.Fatal(err)
	}
	began = time.Now()
	for _, m := range h.members[members-last:] {
		c := broadcast.Change{Now: began}
		standing, ok, err := h.service.Standing(b.Context(), check, m)
		if err != nil || !ok {
			b.Fatal(ok, err)
		}
		h.service.PlanAnswer(&c, check, standing, answer(m))
		if _, err := h.service.Commit(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		if _, err := h.service.Tally(b.Context(), check); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began) / time.Duration(last)
}
