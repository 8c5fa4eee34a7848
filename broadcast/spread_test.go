package broadcast_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/roster"
)

// school is a service with many members who have a mail address only, and one
// organiser with a Talk account, too.
func school(t *testing.T) *broadcast.Service {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), filepath.Join(t.TempDir(), "anpi.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	everybody := roster.Roster{Members: []roster.Member{{ID: "head", Talk: "head", Emails: []string{"head@example.org"}, Organiser: true}}}
	for i := range 200 {
		id := fmt.Sprint("pupil", i)
		everybody.Members = append(everybody.Members, roster.Member{ID: id, Emails: []string{id + "@example.org"}})
	}
	return &broadcast.Service{Store: store, Roster: func() roster.Roster { return everybody }, Ladder: broadcast.DefaultLadder(), Wake: func() {}}
}

func plan(t *testing.T, s *broadcast.Service, now time.Time, kind broadcast.Kind) []broadcast.Delivery {
	t.Helper()
	c := broadcast.Change{Now: now}
	if err := s.PlanStart(t.Context(), &c, broadcast.StartRequest{Kind: kind, Key: "monthly"}); err != nil {
		t.Fatal(err)
	}
	return c.Start.Deliveries
}

func TestMailsOfADrillAreSpread(t *testing.T) {
	s := school(t)
	// One that begins on the minute, as schedules do, and one whose mails pass
	// the next minute.
	for _, began := range []time.Time{time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), time.Date(2026, 3, 1, 9, 0, 50, 0, time.UTC)} {
		deliveries := plan(t, s, began, broadcast.Drill)
		perSecond := map[int]int{}
		for _, d := range deliveries {
			wait := d.DueAt.Sub(began)
			if d.Channel != broadcast.Email {
				if wait != 0 {
					t.Errorf("%s over %s waits %v", d.Purpose, d.Channel, wait)
				}
				continue
			}
			if wait < 0 || wait > 21*time.Second {
				t.Errorf("the mail to %s waits %v", d.MemberID, wait)
			}
			perSecond[d.DueAt.Second()]++
		}
		if perSecond[0] > 0 {
			t.Errorf("%d mails leave at second 0", perSecond[0])
		}
		for second, n := range perSecond {
			if n > 40 {
				t.Errorf("%d of 200 mails leave at second %d", n, second)
			}
		}
	}
}

func TestNothingRealWaits(t *testing.T) {
	s := school(t)
	began := time.Date(2026, 3, 11, 14, 46, 0, 0, time.UTC)
	for _, d := range plan(t, s, began, broadcast.Real) {
		if !d.DueAt.Equal(began) {
			t.Errorf("%s over %s to %s is due at %v", d.Purpose, d.Channel, d.MemberID, d.DueAt)
		}
	}
	drill := broadcast.Check{ID: 1, Kind: broadcast.Drill, Key: "monthly", StartedAt: began}
	c := broadcast.Change{Now: began}
	s.PlanAnswer(&c, drill, broadcast.Standing{Member: s.Roster().Members[1]}, broadcast.Answer{Status: broadcast.Help, Carrier: "x"})
	mails := 0
	for _, d := range c.Deliveries {
		if !d.DueAt.Equal(began) {
			t.Errorf("in a drill a cry for help over %s is due at %v", d.Channel, d.DueAt)
		}
		if d.Channel == broadcast.Email {
			mails++
		}
	}
	if mails != 1 {
		t.Errorf("a cry for help makes %d mails, want 1", mails)
	}
}
