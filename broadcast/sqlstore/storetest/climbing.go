package storetest

import (
	"time"

	"github.com/anpi-bot/anpi/broadcast"
)

var climbing = []promise{
	{"a rung is climbed once", func(l *ledger) {
		check := l.begin("quake", nil, "mother")
		climb := &broadcast.Climb{CheckID: check.ID, Rung: 0, Next: 2, NextDue: at(30)}
		expect(l, "first", l.commit(broadcast.Change{Climb: climb}).Climbed, true)
		expect(l, "again", l.commit(broadcast.Change{Climb: climb}).Climbed, false)
		late := &broadcast.Climb{CheckID: check.ID, Rung: 1, Next: 9, NextDue: at(90)}
		expect(l, "a rung that was passed", l.commit(broadcast.Change{Climb: late}).Climbed, false)
		got := l.check(check.ID)
		expect(l, "next rung", got.NextRung, 2)
		expect(l, "next due", got.NextDue, at(30))
		last := &broadcast.Climb{CheckID: check.ID, Rung: 2, Next: 3}
		expect(l, "last", l.commit(broadcast.Change{Climb: last}).Climbed, true)
		expect(l, "nothing is left", l.check(check.ID).NextDue, time.Time{})
	}},
	{"a check ends once", func(l *ledger) {
		check := l.begin("quake", nil, "mother")
		expect(l, "first", l.commit(broadcast.Change{Now: at(1), Close: &broadcast.Close{CheckID: check.ID, By: "mother"}}).Closed, true)
		expect(l, "again", l.commit(broadcast.Change{Now: at(2), Close: &broadcast.Close{CheckID: check.ID, By: "father"}}).Closed, false)
		got := l.check(check.ID)
		expect(l, "closed at", got.ClosedAt, at(1))
		expect(l, "closed by", got.ClosedBy, "mother")
		climb := &broadcast.Climb{CheckID: check.ID, Rung: 0, Next: 1}
		expect(l, "climbing afterwards", l.commit(broadcast.Change{Climb: climb}).Climbed, false)
		expect(l, "a check that is not there", l.commit(broadcast.Change{Close: &broadcast.Close{CheckID: 99}}).Closed, false)
	}},
	{"the end drops the prompts that are still due, and nothing else", func(l *ledger) {
		check := l.begin("quake", directly, "mother", "father")
		other := l.begin("drill", directly, "mother")
		l.claim(broadcast.Direct, start, 1)
		report := broadcast.Delivery{CheckID: check.ID, Channel: broadcast.Room, Step: "report", Purpose: broadcast.ReportOf, State: broadcast.Due, DueAt: start, Reference: "report"}
		alarm := broadcast.Delivery{CheckID: check.ID, Channel: broadcast.Room, Step: "alarm-1", Purpose: broadcast.Alarm, State: broadcast.Due, DueAt: start, Reference: "alarm"}
		l.commit(broadcast.Change{Deliveries: []broadcast.Delivery{alarm}})
		l.commit(broadcast.Change{Close: &broadcast.Close{CheckID: check.ID}, Deliveries: []broadcast.Delivery{report}})
		expect(l, "deliveries", l.states(check), []string{
			"mother direct 0: sending", "father direct 0: dropped", " room alarm-1: due", " room report: due",
		})
		expect(l, "another check", l.states(other), []string{"mother direct 0: due"})
	}},
	{"a prompt that comes after the end is not sent", func(l *ledger) {
		check := l.begin("quake", directly, "mother", "father")
		d := l.claim(broadcast.Direct, start, 1)[0]
		l.commit(broadcast.Change{Close: &broadcast.Close{CheckID: check.ID}})
		// One send failed while the check was being closed, and a rung was
		// planned by somebody who did not know yet.
		planned := prompt("father", broadcast.Direct, "1")
		planned.CheckID, planned.Purpose = check.ID, broadcast.Remind
		l.commit(broadcast.Change{
			Results:    []broadcast.Result{{ID: d.ID, State: broadcast.Due, DueAt: at(1)}},
			Deliveries: []broadcast.Delivery{planned},
			Climb:      &broadcast.Climb{CheckID: check.ID, Rung: 0, Next: 1},
		})
		expect(l, "claimed", l.claim(broadcast.Direct, at(2), 9), nil)
		expect(l, "deliveries", l.states(check), []string{"mother direct 0: dropped", "father direct 0: dropped", "father direct 1: dropped"})
	}},
	{"late answers are kept", func(l *ledger) {
		check := l.begin("quake", directly, "mother")
		l.commit(broadcast.Change{Close: &broadcast.Close{CheckID: check.ID}})
		done := l.commit(broadcast.Change{Answers: []broadcast.Answer{says(check, "mother", "at last")}})
		expect(l, "new", len(done.Answers), 1)
		expect(l, "kept", l.answers(check), done.Answers)
	}},
	{"next due is the earliest of deliveries, leases, rungs and deadlines", func(l *ledger) {
		expect(l, "an empty ledger", l.nextDue(), time.Time{})
		check := l.begin("quake", directly, "mother")
		expect(l, "a delivery", l.nextDue(), start)
		d := l.claim(broadcast.Direct, start, 1)[0]
		expect(l, "the end of its lease", l.nextDue(), start.Add(lease))
		l.commit(broadcast.Change{Results: []broadcast.Result{{ID: d.ID, State: broadcast.Due, DueAt: at(4)}}})
		expect(l, "the next attempt", l.nextDue(), at(4))
		l.commit(broadcast.Change{Results: []broadcast.Result{{ID: d.ID, State: broadcast.Sent}}})
		expect(l, "a rung", l.nextDue(), at(5))
		l.commit(broadcast.Change{Climb: &broadcast.Climb{CheckID: check.ID, Rung: 0, Next: 1}})
		expect(l, "the deadline", l.nextDue(), check.Deadline)
		l.commit(broadcast.Change{Now: at(9), Close: &broadcast.Close{CheckID: check.ID}})
		expect(l, "after the end", l.nextDue(), time.Time{})
	}},
	{"what failed for good is never due", func(l *ledger) {
		l.commit(broadcast.Change{Deliveries: []broadcast.Delivery{{
			MemberID: "mother", Channel: broadcast.Email, Step: "0", Purpose: broadcast.Ask, State: broadcast.Failed, Reason: broadcast.ReasonNoWay,
		}}})
		expect(l, "next due", l.nextDue(), time.Time{})
		expect(l, "claimed", l.claim(broadcast.Email, at(99), 9), nil)
	}},
}
