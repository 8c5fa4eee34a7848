package broadcast

import (
	"slices"
	"time"

	"github.com/anpi-bot/anpi/roster"
)

// Report is what can be said about a check when it has ended.
type Report struct {
	Tally Tally
	// Over counts the first answers by how they came.
	Over map[Source]int
	// Quartiles are the times until 25, 50 and 75 % of the members had
	// answered; zero where that share was not reached.
	Quartiles [3]time.Duration
	// Times are how long after the start each member answered first, the
	// quickest one first.
	Times []time.Duration
	// Failures are the deliveries that did not arrive, in the order of the
	// roster.
	Failures []Delivery
	// Twice counts mails that may have arrived twice, because the program was
	// cut off while it sent them.
	Twice int

	// Answers and Deliveries are all there are of the check, which the rest was
	// made of.
	Answers    []Answer
	Deliveries []Delivery
}

// makeReport reports on a check from all that is known about it.
func makeReport(check Check, members []roster.Member, answers []Answer, deliveries []Delivery) Report {
	r := Report{Tally: count(check, stand(members, answers, deliveries)), Over: map[Source]int{}, Answers: answers, Deliveries: deliveries}
	first := map[string]Answer{}
	for _, a := range answers {
		if a.Claimed {
			continue
		}
		known, ok := first[a.MemberID]
		if !ok || a.At.Before(known.At) {
			first[a.MemberID] = a
		}
	}
	for _, a := range first {
		r.Over[a.Source]++
		r.Times = append(r.Times, a.At.Sub(check.StartedAt))
	}
	slices.Sort(r.Times)
	r.Quartiles = quartiles(r.Times, len(members))
	order := map[string]int{}
	for i, m := range members {
		order[m.ID] = i
	}
	for _, d := range deliveries {
		if d.State == Failed && d.MemberID != "" {
			r.Failures = append(r.Failures, d)
		}
		if d.MaybeTwice {
			r.Twice++
		}
	}
	slices.SortStableFunc(r.Failures, func(a, b Delivery) int { return order[a.MemberID] - order[b.MemberID] })
	return r
}
