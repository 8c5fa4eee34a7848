package storetest

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
)

var claiming = []promise{
	{"nothing is claimed before it is due, or from another channel", func(l *ledger) {
		l.begin("quake", directly, "mother")
		expect(l, "too early", l.claim(broadcast.Direct, start.Add(-time.Millisecond), 9), nil)
		expect(l, "another channel", l.claim(broadcast.Email, start, 9), nil)
		expect(l, "in time", members(l.claim(broadcast.Direct, start, 9)), []string{"mother"})
	}},
	{"a claimed delivery is leased and counted", func(l *ledger) {
		check := l.begin("quake", directly, "mother")
		claimed := l.claim(broadcast.Direct, at(1), 9)
		d := claimed[0]
		expect(l, "state", d.State, broadcast.Sending)
		expect(l, "end of the lease", d.DueAt, at(1).Add(lease))
		expect(l, "attempt", d.Attempt, 1)
		expect(l, "doubt", d.Doubt, false)
		expect(l, "what the ledger says", l.deliveries(check), claimed)
	}},
	{"one message to many is claimed together and counts as one", func(l *ledger) {
		l.begin("quake", inRoom, "mother", "father", "son")
		l.begin("drill", inRoom, "aunt", "uncle")
		expect(l, "first", members(l.claim(broadcast.Room, start, 1)), []string{"mother", "father", "son"})
		expect(l, "second", members(l.claim(broadcast.Room, start, 1)), []string{"aunt", "uncle"})
		expect(l, "third", l.claim(broadcast.Room, start, 1), nil)
	}},
	{"what is due first is claimed first, up to the limit", func(l *ledger) {
		check := l.begin("quake", nil, "mother")
		var waiting []broadcast.Delivery
		for i, minutes := range []float64{3, 1, 4, 1, 5} {
			d := prompt("m"+strconv.Itoa(i), broadcast.Direct, "1")
			d.CheckID, d.DueAt = check.ID, at(minutes)
			waiting = append(waiting, d)
		}
		l.commit(broadcast.Change{Deliveries: waiting})
		expect(l, "first three", members(l.claim(broadcast.Direct, at(9), 3)), []string{"m1", "m3", "m0"})
		expect(l, "the rest", members(l.claim(broadcast.Direct, at(9), 3)), []string{"m2", "m4"})
	}},
	{"a leased delivery is not claimed a second time", func(l *ledger) {
		l.begin("quake", directly, "mother")
		l.claim(broadcast.Direct, start, 9)
		expect(l, "just before the lease ends", l.claim(broadcast.Direct, start.Add(lease-time.Millisecond), 9), nil)
	}},
	{"many who claim at once share the work", func(l *ledger) {
		var ids []string
		for i := range 30 {
			ids = append(ids, "m"+strconv.Itoa(100+i))
		}
		l.begin("quake", directly, ids...)
		const claimers = 4
		var wg sync.WaitGroup
		got := make([][]string, claimers)
		errs := make([]error, claimers)
		for i := range claimers {
			wg.Go(func() {
				for {
					claimed, err := l.store.Claim(l.ctx(), broadcast.Direct, start, start.Add(lease), 2)
					errs[i] = err
					if err != nil || len(claimed) == 0 {
						return
					}
					got[i] = append(got[i], members(claimed)...)
				}
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			l.Fatal(err)
		}
		all := slices.Concat(got...)
		slices.Sort(all)
		expect(l, "each once", all, ids)
	}},
	{"a delivery whose lease has ended is in doubt", func(l *ledger) {
		check := l.begin("quake", directly, "mother", "father")
		claimed := l.claim(broadcast.Direct, start, 1)
		l.begin("drill", directly, "aunt")
		again := l.claim(broadcast.Direct, start.Add(lease), 9)
		doubts := map[string]bool{}
		for _, d := range again {
			doubts[d.MemberID] = d.Doubt
		}
		expect(l, "in doubt", doubts, map[string]bool{"mother": true, "father": false, "aunt": false})
		expect(l, "attempt of the one in doubt", l.deliveries(check)[0].Attempt, 2)
		expect(l, "reference of the one in doubt", l.deliveries(check)[0].Reference, claimed[0].Reference)
	}},
	{"whoever has answered is not asked any more", func(l *ledger) {
		check := l.begin("quake", nil, "mother", "father")
		l.commit(broadcast.Change{Answers: []broadcast.Answer{says(check, "mother", "ok")}})
		// The answer came while the next prompts were being planned.
		late := []broadcast.Delivery{prompt("mother", broadcast.Direct, "1"), prompt("father", broadcast.Direct, "1")}
		alarm := broadcast.Delivery{MemberID: "mother", Channel: broadcast.Direct, Step: "alarm-1", Purpose: broadcast.Alarm, State: broadcast.Due, DueAt: start, Reference: "alarm"}
		for i := range late {
			late[i].CheckID, late[i].Purpose = check.ID, broadcast.Remind
		}
		alarm.CheckID = check.ID
		l.commit(broadcast.Change{Deliveries: append(late, alarm)})
		expect(l, "claimed", members(l.claim(broadcast.Direct, start, 9)), []string{"mother", "father"}) // the alarm first
		expect(l, "deliveries", l.states(check), []string{"mother direct 1: dropped", "father direct 1: sending", "mother direct alarm-1: sending"})
	}},
	{"whoever has taken an answer back is asked again", func(l *ledger) {
		check := l.begin("quake", nil, "mother", "father")
		back := says(check, "mother", "back")
		back.Status = broadcast.Pending
		l.commit(broadcast.Change{Answers: []broadcast.Answer{says(check, "mother", "ok")}})
		l.commit(broadcast.Change{Answers: []broadcast.Answer{back}})
		ask := func(step string) {
			d := prompt("mother", broadcast.Direct, step)
			d.CheckID, d.Purpose = check.ID, broadcast.Remind
			l.commit(broadcast.Change{Deliveries: []broadcast.Delivery{d}})
		}
		ask("1")
		expect(l, "claimed", members(l.claim(broadcast.Direct, start, 9)), []string{"mother"})
		l.commit(broadcast.Change{Answers: []broadcast.Answer{says(check, "mother", "ok again")}})
		ask("2")
		expect(l, "claimed after another answer", members(l.claim(broadcast.Direct, start, 9)), nil)
	}},
	{"a prompt in doubt is looked for even after an answer", func(l *ledger) {
		check := l.begin("quake", directly, "mother")
		l.claim(broadcast.Direct, start, 9)
		l.commit(broadcast.Change{Answers: []broadcast.Answer{says(check, "mother", "ok")}})
		again := l.claim(broadcast.Direct, start.Add(lease), 9)
		expect(l, "claimed", members(again), []string{"mother"})
		expect(l, "doubt", again[0].Doubt, true)
	}},
	{"what failed for now comes back when its time comes", func(l *ledger) {
		check := l.begin("quake", directly, "mother")
		d := l.claim(broadcast.Direct, start, 9)[0]
		l.commit(broadcast.Change{Results: []broadcast.Result{{ID: d.ID, State: broadcast.Due, DueAt: at(10), Reason: "the server is in maintenance mode"}}})
		expect(l, "before", l.claim(broadcast.Direct, at(9), 9), nil)
		expect(l, "the reason meanwhile", l.deliveries(check)[0].Reason, "the server is in maintenance mode")
		again := l.claim(broadcast.Direct, at(10), 9)
		expect(l, "then", members(again), []string{"mother"})
		expect(l, "attempt", again[0].Attempt, 2)
		expect(l, "doubt", again[0].Doubt, false)
	}},
	{"doubt stays until it is cleared up", func(l *ledger) {
		check := l.begin("quake", directly, "mother")
		d := l.claim(broadcast.Direct, start, 9)[0]
		l.commit(broadcast.Change{Results: []broadcast.Result{{ID: d.ID, State: broadcast.Due, DueAt: at(10), Doubt: true}}})
		expect(l, "claimed again", l.claim(broadcast.Direct, at(10), 9)[0].Doubt, true)
		l.commit(broadcast.Change{Results: []broadcast.Result{{ID: d.ID, State: broadcast.Sent}}})
		expect(l, "once sent", l.deliveries(check)[0].Doubt, false)
	}},
	{"a result in doubt is claimed when the server has settled", func(l *ledger) {
		l.begin("quake", directly, "mother")
		d := l.claim(broadcast.Direct, start, 9)[0]
		l.commit(broadcast.Change{Results: []broadcast.Result{{ID: d.ID, State: broadcast.Sending, DueAt: at(3), Doubt: true}}})
		expect(l, "before", l.claim(broadcast.Direct, at(2), 9), nil)
		expect(l, "then", l.claim(broadcast.Direct, at(3), 9)[0].Doubt, true)
	}},
	{"what was sent, failed or dropped is not claimed again", func(l *ledger) {
		check := l.begin("quake", directly, "mother", "father", "son")
		claimed := l.claim(broadcast.Direct, start, 2)
		l.commit(broadcast.Change{
			Now: at(1),
			Results: []broadcast.Result{
				{ID: claimed[0].ID, State: broadcast.Sent},
				{ID: claimed[1].ID, State: broadcast.Failed, Reason: "no such user"},
			},
			Answers: []broadcast.Answer{says(check, "son", "ok")},
		})
		expect(l, "claimed a day later", l.claim(broadcast.Direct, at(24*60), 9), nil)
		got := l.deliveries(check)
		expect(l, "sent at", got[0].SentAt, at(1))
		expect(l, "failed was never sent", got[1].SentAt, time.Time{})
		expect(l, "why", got[1].Reason, "no such user")
	}},
	{"what the others have read is seen", func(l *ledger) {
		check := l.begin("quake", []broadcast.ChannelName{broadcast.Direct, broadcast.Email}, "mother", "father", "son")
		l.sent(broadcast.Direct, "with ") // as messages 1, 2 and 3
		l.sent(broadcast.Email, "")
		l.commit(broadcast.Change{Now: at(2), Seen: []broadcast.Cursor{{Room: "with mother", After: 9}, {Room: "with father", After: 1}, {Room: "", After: 9}}})
		l.commit(broadcast.Change{Now: at(3), Seen: []broadcast.Cursor{{Room: "with mother", After: 10}}})
		got := l.deliveries(check)
		expect(l, "deliveries", l.states(check), []string{
			"mother direct 0: seen", "mother email 0: sent",
			"father direct 0: sent", // read up to the message before
			"father email 0: sent", "son direct 0: sent", "son email 0: sent",
		})
		expect(l, "seen at first", got[0].SeenAt, at(2))
		expect(l, "sent at", got[0].SentAt, start)
	}},
}
