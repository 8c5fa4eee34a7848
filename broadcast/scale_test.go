package broadcast_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
)

// BenchmarkCheckOfASchool compares what a check costs for each member in a
// family of 30 and in a school of 3,000, none of whom is in the room, so that
// everybody is asked alone. The figure "times" is near 1 when the cost grows
// with the members, and near 100 when it grows with their square.
func BenchmarkCheckOfASchool(b *testing.B) {
	for b.Loop() {
		family, school := askAll(b, 30), askAll(b, 3000)
		b.ReportMetric(float64(family.Microseconds()), "µs/member@30")
		b.ReportMetric(float64(school.Microseconds()), "µs/member@3000")
		b.ReportMetric(float64(school)/float64(family), "times")
	}
}

// askAll asks so many members alone, and returns the time for each.
func askAll(b *testing.B, members int) time.Duration {
	h := newHouse(b)
	defer h.store.Close()
	h.members = nil
	absent := broadcast.Unreached{}
	for i := range members {
		id := fmt.Sprintf("m%04d", i)
		h.members = append(h.members, roster.Member{ID: id, Name: id, Talk: id, Emails: []string{id + "@example.org"}})
		absent[id] = broadcast.ReasonNotInRoom
	}
	h.room.fate = func(int, broadcast.Message) fate { return fate{unreached: absent} }
	ctx, cancel := context.WithCancel(zerolog.Nop().WithContext(b.Context()))
	d := broadcast.NewDispatcher(h.service, h.room, h.direct, h.mail)
	h.service.Wake = d.Wake
	began := time.Now()
	if _, err := h.service.Start(ctx, began, broadcast.StartRequest{Kind: broadcast.Real, Key: "school"}); err != nil {
		b.Fatal(err)
	}
	done := make(chan struct{})
	go func() { d.Run(ctx); close(done) }()
	for h.direct.got(broadcast.Ask, "") < members {
		time.Sleep(time.Millisecond)
	}
	took := time.Since(began)
	cancel()
	<-done
	return took / time.Duration(members)
}
