package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
)

var (
	inRoom   = []broadcast.ChannelName{broadcast.Room}
	directly = []broadcast.ChannelName{broadcast.Direct}
	byMail   = []broadcast.ChannelName{broadcast.Email}
)

var writing = []promise{
	{"a change is written whole", func(l *ledger) {
		check := l.begin("quake", directly, "mother", "father")
		prompts := l.deliveries(check)
		mother := prompts[0]
		l.claim(broadcast.Direct, start, 1)
		father := prompt("father", broadcast.Email, "1")
		father.CheckID = check.ID
		l.commit(broadcast.Change{
			Now:        at(1),
			Answers:    []broadcast.Answer{says(check, "mother", "fine")},
			Results:    []broadcast.Result{{ID: mother.ID, State: broadcast.Sent, Receipt: broadcast.Receipt{Room: "room-m", MessageID: 7}}},
			Deliveries: []broadcast.Delivery{father},
			Climb:      &broadcast.Climb{CheckID: check.ID, Rung: 0, Next: 1},
			Cursors:    []broadcast.Cursor{{Room: "family", After: 41}},
			Documents:  map[string][]byte{"roster": []byte("{}")},
		})
		expect(l, "deliveries", l.states(check), []string{"mother direct 0: sent", "father direct 0: due", "father email 1: due"})
		expect(l, "answers", len(l.answers(check)), 1)
		expect(l, "rung", l.check(check.ID).NextRung, 1)
		expect(l, "cursor", l.cursor("family"), 41)
		expect(l, "document", string(must(l, func(ctx context.Context) ([]byte, error) { return l.store.Document(ctx, "roster") })), "{}")
	}},
	{"a change that cannot be written changes nothing", func(l *ledger) {
		check := l.begin("quake", directly, "mother")
		// Two members with one id: the second check cannot be written, and with
		// it nothing else of the change.
		bad := newStart("aftershock", directly, "father", "father")
		bad.Deliveries = bad.Deliveries[:1]
		_, err := l.store.Commit(l.ctx(), broadcast.Change{
			Now: at(1), Start: bad,
			Answers:   []broadcast.Answer{says(check, "mother", "fine")},
			Close:     &broadcast.Close{CheckID: check.ID},
			Cursors:   []broadcast.Cursor{{Room: "family", After: 41}},
			Documents: map[string][]byte{"roster": []byte("{}")},
		})
		if err == nil {
			l.Fatal("a roster with the same member twice was written")
		}
		expect(l, "checks", len(l.checks()), 1)
		expect(l, "deliveries", l.states(check), []string{"mother direct 0: due"})
		expect(l, "answers", len(l.answers(check)), 0)
		expect(l, "open", l.check(check.ID).Open(), true)
		expect(l, "cursor", l.cursor("family"), -1)
		expect(l, "document", must(l, func(ctx context.Context) ([]byte, error) { return l.store.Document(ctx, "roster") }), nil)
	}},
	{"a change that was called off changes nothing, and the next one works", func(l *ledger) {
		ctx, cancel := context.WithCancel(l.ctx())
		cancel()
		if _, err := l.store.Commit(ctx, broadcast.Change{Now: start, Start: newStart("quake", directly, "mother")}); !errors.Is(err, context.Canceled) {
			l.Errorf("the error is %v, want %v", err, context.Canceled)
		}
		expect(l, "checks", len(l.checks()), 0)
		l.begin("quake", directly, "mother")
		expect(l, "checks", len(l.checks()), 1)
	}},
	{"the same key starts one check", func(l *ledger) {
		first := l.commit(broadcast.Change{Start: newStart("quake", directly, "mother")})
		expect(l, "again", first.Again, false)
		second := l.commit(broadcast.Change{
			Now: at(1), Start: newStart("quake", byMail, "mother", "father"),
			Cursors: []broadcast.Cursor{{Room: "family", After: 41}},
		})
		expect(l, "again", second.Again, true)
		expect(l, "the check of that time", second.Started, first.Started)
		expect(l, "checks", l.checks(), []broadcast.Check{first.Started})
		expect(l, "deliveries", l.states(first.Started), []string{"mother direct 0: due"})
		expect(l, "the rest of the change", l.cursor("family"), 41)
	}},
	{"the same key starts one check, however many ask at once", func(l *ledger) {
		const askers = 8
		var wg sync.WaitGroup
		done := make([]broadcast.Committed, askers)
		errs := make([]error, askers)
		for i := range askers {
			wg.Go(func() {
				done[i], errs[i] = l.store.Commit(l.ctx(), broadcast.Change{Now: start, Start: newStart("quake", directly, "mother", "father")})
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			l.Fatal(err)
		}
		began := 0
		for _, d := range done {
			if !d.Again {
				began++
			}
			expect(l, "the check that each is told", d.Started.ID, done[0].Started.ID)
		}
		expect(l, "how many are told that theirs began", began, 1)
		expect(l, "deliveries", l.states(done[0].Started), []string{"mother direct 0: due", "father direct 0: due"})
	}},
	{"many who write at once lose nothing", func(l *ledger) {
		check := l.begin("quake", directly, "mother")
		const writers, each = 4, 10
		var wg sync.WaitGroup
		errs := make([]error, writers)
		for i := range writers {
			wg.Go(func() {
				for j := range each {
					a := says(check, "mother", fmt.Sprintf("%d-%d", i, j))
					_, err := l.store.Commit(l.ctx(), broadcast.Change{Now: start, Answers: []broadcast.Answer{a}})
					errs[i] = errors.Join(errs[i], err)
				}
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			l.Fatal(err)
		}
		ids := map[int64]bool{}
		for _, a := range l.answers(check) {
			ids[a.ID] = true
		}
		expect(l, "answers with a number of their own", len(ids), writers*each)
	}},
	{"the same carrier counts once for each member", func(l *ledger) {
		check := l.begin("quake", nil, "mother", "father")
		other := l.begin("drill", nil, "mother")
		tap := says(check, "mother", "ok")
		both := []broadcast.Answer{tap, says(check, "father", "ok"), says(other, "mother", "ok")}
		done := l.commit(broadcast.Change{Answers: []broadcast.Answer{tap, tap}})
		expect(l, "new at first", len(done.Answers), 1)
		done = l.commit(broadcast.Change{Now: at(2), Answers: both})
		var fresh []string
		for _, a := range done.Answers {
			fresh = append(fresh, fmt.Sprint(a.MemberID, " in ", a.CheckID-check.ID))
		}
		expect(l, "new later", fresh, []string{"father in 0", "mother in 1"})
		expect(l, "kept", len(l.answers(check)), 2)
	}},
	{"an answer keeps its number", func(l *ledger) {
		check := l.begin("quake", nil, "mother")
		done := l.commit(broadcast.Change{Answers: []broadcast.Answer{says(check, "mother", "one"), says(check, "mother", "two")}})
		expect(l, "answers as they were recorded", l.answers(check), done.Answers)
	}},
	{"an answer drops what is still due for that member", func(l *ledger) {
		check := l.begin("quake", []broadcast.ChannelName{broadcast.Room, broadcast.Direct}, "mother", "father")
		other := l.begin("drill", directly, "mother")
		silence := broadcast.Delivery{
			CheckID: check.ID, MemberID: "mother", Channel: broadcast.Direct, Step: "silence-1", Purpose: broadcast.Silence,
			State: broadcast.Due, DueAt: start, Reference: "silence",
		}
		l.commit(broadcast.Change{Deliveries: []broadcast.Delivery{silence}})
		l.claim(broadcast.Room, start, 1)
		l.commit(broadcast.Change{Answers: []broadcast.Answer{says(check, "mother", "ok")}})
		expect(l, "deliveries", l.states(check), []string{
			"mother room 0: sending", // under way: it cannot be called back
			"mother direct 0: dropped",
			"father room 0: sending",
			"father direct 0: due",
			"mother direct silence-1: due", // it asks nothing
		})
		expect(l, "another check", l.states(other), []string{"mother direct 0: due"})
	}},
	{"an answer without a status drops what is due, too", func(l *ledger) {
		check := l.begin("quake", directly, "mother")
		place := says(check, "mother", "here")
		place.Status, place.Place = "", &broadcast.Place{Latitude: 34.69, Longitude: 135.19}
		l.commit(broadcast.Change{Answers: []broadcast.Answer{place}})
		expect(l, "deliveries", l.states(check), []string{"mother direct 0: dropped"})
	}},
	{"a delivery is written once", func(l *ledger) {
		check := l.begin("quake", directly, "mother")
		again := prompt("mother", broadcast.Direct, "0")
		again.CheckID = check.ID
		again.Body, again.DueAt = "other words", at(3)
		byAddress := func(address string) broadcast.Delivery {
			d := prompt("mother", broadcast.Email, "0")
			d.CheckID, d.Address = check.ID, address
			return d
		}
		for range 2 {
			l.commit(broadcast.Change{Deliveries: []broadcast.Delivery{again, byAddress("a@example.org"), byAddress("b@example.org")}})
		}
		expect(l, "deliveries", l.states(check), []string{"mother direct 0: due", "mother email 0: due", "mother email 0: due"})
		expect(l, "the first is unchanged", l.deliveries(check)[0].DueAt, start)
	}},
	{"messages that belong to no check are kept apart by their step", func(l *ledger) {
		reply := broadcast.Delivery{Channel: broadcast.Room, Step: "reply-1", Purpose: broadcast.Reply, Body: "hello", State: broadcast.Due, DueAt: start, Reference: "r1"}
		other := reply
		other.Step, other.Reference = "reply-2", "r2"
		l.commit(broadcast.Change{Deliveries: []broadcast.Delivery{reply, other, reply}})
		expect(l, "claimed", len(l.claim(broadcast.Room, start, 9)), 2)
	}},
	{"cursors never move back", func(l *ledger) {
		expect(l, "a room that was never read", l.cursor("family"), -1)
		for _, step := range []struct {
			cursor broadcast.Cursor
			want   int64
		}{
			{broadcast.Cursor{Room: "family", After: 0, IfNew: true}, 0},
			{broadcast.Cursor{Room: "family", After: 50, IfNew: true}, 0},
			{broadcast.Cursor{Room: "family", After: 40}, 40},
			{broadcast.Cursor{Room: "family", After: 39}, 40},
			{broadcast.Cursor{Room: "family", After: 40}, 40},
			{broadcast.Cursor{Room: "other", After: 7}, 40},
			{broadcast.Cursor{Room: "family", After: 1 << 40}, 1 << 40},
		} {
			l.commit(broadcast.Change{Cursors: []broadcast.Cursor{step.cursor}})
			expect(l, fmt.Sprintf("cursor after %+v", step.cursor), l.cursor("family"), step.want)
		}
		expect(l, "another room", l.cursor("other"), 7)
	}},
	{"what is for the silent is put off, and nothing else", func(l *ledger) {
		check := l.begin("quake", directly, "mother", "father")
		var due []broadcast.Delivery
		for _, purpose := range []broadcast.Purpose{broadcast.Remind, broadcast.Silence, broadcast.Alarm, broadcast.Reply} {
			d := prompt("mother", broadcast.Email, string(purpose))
			d.CheckID, d.Purpose, d.DueAt, d.Reference = check.ID, purpose, at(1), "r-"+string(purpose)
			due = append(due, d)
		}
		later := prompt("father", broadcast.Email, "later")
		later.CheckID, later.Purpose, later.DueAt, later.Reference = check.ID, broadcast.Remind, at(9), "r-later"
		l.commit(broadcast.Change{Now: start, Deliveries: append(due, later)})
		l.commit(broadcast.Change{Now: at(2), Hold: at(3)})
		purposes := func(claimed []broadcast.Delivery) (all []string) {
			for _, d := range claimed {
				all = append(all, d.Step)
				l.commit(broadcast.Change{Results: []broadcast.Result{{ID: d.ID, State: broadcast.Sent}}})
			}
			return all
		}
		expect(l, "due before", purposes(l.claim(broadcast.Email, at(2), 9)), []string{"alarm", "reply"})
		expect(l, "due then", purposes(l.claim(broadcast.Email, at(3), 9)), []string{"remind", "silence"})
		expect(l, "due later", purposes(l.claim(broadcast.Email, at(8), 9)), nil)
		expect(l, "due last", purposes(l.claim(broadcast.Email, at(9), 9)), []string{"later"})
		expect(l, "the prompts", len(l.claim(broadcast.Direct, start, 9)), 2)
	}},
	{"a message of our own says nothing of what was read", func(l *ledger) {
		check := l.begin("quake", directly, "mother", "father")
		claimed := l.claim(broadcast.Direct, start, 9)
		l.commit(broadcast.Change{Cursors: []broadcast.Cursor{{Room: "known", After: 3}}})
		l.commit(broadcast.Change{Results: []broadcast.Result{
			{ID: claimed[0].ID, State: broadcast.Sent, Receipt: broadcast.Receipt{Room: "new", MessageID: 80}},
			{ID: claimed[1].ID, State: broadcast.Sent, Receipt: broadcast.Receipt{Room: "known", MessageID: 90}},
		}})
		expect(l, "deliveries", l.states(check), []string{"mother direct 0: sent", "father direct 0: sent"})
		expect(l, "a room that nobody has read", l.cursor("new"), -1)
		expect(l, "a room that was read", l.cursor("known"), 3)
	}},
	{"what the chat server has lost is nowhere, and asked again", func(l *ledger) {
		check := l.begin("quake", directly, "mother", "father")
		over := l.begin("over", directly, "mother")
		l.commit(broadcast.Change{Now: at(1), Close: &broadcast.Close{CheckID: over.ID}})
		sent := func(check broadcast.Check, member, step string, purpose broadcast.Purpose, over broadcast.ChannelName, room string, id int64) {
			d := prompt(member, over, step)
			d.CheckID, d.Purpose, d.DueAt, d.Reference = check.ID, purpose, at(50), fmt.Sprint(member, step, over, check.ID)
			l.commit(broadcast.Change{Now: at(1), Deliveries: []broadcast.Delivery{d}})
			for _, known := range l.deliveries(check) {
				if known.Reference == d.Reference {
					l.commit(broadcast.Change{Now: at(2), Results: []broadcast.Result{{ID: known.ID, State: broadcast.Sent, Receipt: broadcast.Receipt{Room: room, MessageID: id}}}})
				}
			}
		}
		for _, d := range l.claim(broadcast.Direct, start, 9) {
			l.commit(broadcast.Change{Now: at(2), Results: []broadcast.Result{{ID: d.ID, State: broadcast.Sent, Receipt: broadcast.Receipt{Room: "with " + d.MemberID, MessageID: 90}}}})
		}
		sent(check, "mother", "1", broadcast.Remind, broadcast.Direct, "with mother", 110)
		sent(check, "mother", "2", broadcast.Remind, broadcast.Direct, "with mother", 120)
		sent(check, "father", "2", broadcast.Remind, broadcast.Direct, "with father", 121)
		sent(check, "father", "2", broadcast.Remind, broadcast.Email, "", 0)
		sent(check, "mother", "alarm-x", broadcast.Alarm, broadcast.Direct, "with mother", 122)
		sent(check, "mother", "notice-x", broadcast.Notice, broadcast.Direct, "with mother", 125)
		sent(check, "", "tally-1", broadcast.TallyOf, broadcast.Room, "family", 123)
		sent(over, "mother", "1", broadcast.Remind, broadcast.Direct, "with mother", 124)
		l.commit(broadcast.Change{Now: at(3), Answers: []broadcast.Answer{says(check, "father", "fine")}, Cursors: []broadcast.Cursor{
			{Room: "family", After: 130, At: at(2)}, {Room: "with mother", After: 95, At: at(1)}, {Room: "imap:box", After: 1000}, {Room: "with father", After: 140, At: at(3)},
		}})
		for _, room := range []string{"family", "with mother", "with father", "nowhere"} {
			l.commit(broadcast.Change{Now: at(4), Rewinds: []broadcast.Rewind{{Room: room, Above: 100, From: broadcast.Cursor{After: 40}}}})
		}
		expect(l, "cursors", []int64{l.cursor("family"), l.cursor("with mother"), l.cursor("with father"), l.cursor("imap:box"), l.cursor("nowhere")}, []int64{40, 40, 40, 1000, -1})
		expect(l, "deliveries", l.states(check), []string{
			"mother direct 0: sent", "father direct 0: sent", "mother direct 1: sent", "mother direct 2: due", "father direct 2: due", "father email 2: sent",
			"mother direct alarm-x: due", "mother direct notice-x: due", " room tally-1: due",
		})
		expect(l, "of the check that is over", l.states(over), []string{"mother direct 0: dropped", "mother direct 1: sent"})
		for _, d := range append(l.deliveries(check), l.deliveries(over)...) {
			if id := d.Receipt.MessageID; id > 100 {
				l.Errorf("%s still stands at message %d", d.Step, id)
			}
			if d.State == broadcast.Due && (!d.Doubt || !d.DueAt.Equal(at(4))) {
				l.Errorf("%s is due at %v, in doubt: %v", d.Step, d.DueAt, d.Doubt)
			}
		}
		expect(l, "a message of that number", must(l, func(ctx context.Context) (bool, error) {
			_, ok, err := l.store.Prompt(ctx, "", broadcast.Receipt{Room: "with mother", MessageID: 120})
			return ok, err
		}), false)
		// Whoever has answered is not asked again.
		claimed := l.claim(broadcast.Direct, at(5), 9)
		expect(l, "claimed", len(claimed), 3)
		expect(l, "told again", claimed[0].MemberID+" "+claimed[0].Step, "mother alarm-x")
		expect(l, "asked again", claimed[1].MemberID+" "+claimed[1].Step, "mother 2")
		// A day later nobody wants to read an old notice.
		for _, d := range claimed {
			l.commit(broadcast.Change{Now: at(6), Results: []broadcast.Result{{ID: d.ID, State: broadcast.Sent, Receipt: broadcast.Receipt{Room: "with mother", MessageID: 200}}}})
		}
		l.commit(broadcast.Change{Now: at(25 * 60), Rewinds: []broadcast.Rewind{{Room: "with mother"}}})
		for _, d := range l.deliveries(check) {
			if d.Purpose == broadcast.Notice && d.State != broadcast.Sent {
				l.Errorf("a notice of the day before is %s again", d.State)
			}
		}
	}},
	{"documents are replaced whole", func(l *ledger) {
		read := func(name string) []byte {
			return must(l, func(ctx context.Context) ([]byte, error) { return l.store.Document(ctx, name) })
		}
		expect(l, "a document that is not there", read("roster"), nil)
		l.commit(broadcast.Change{Documents: map[string][]byte{"roster": []byte(odd), "etag": []byte("1")}})
		l.commit(broadcast.Change{Documents: map[string][]byte{"etag": []byte("2"), "empty": {}}})
		expect(l, "roster", string(read("roster")), odd)
		expect(l, "etag", string(read("etag")), "2")
		expect(l, "an empty document is there", read("empty"), []byte{})
	}},
}

// odd is text that storages have stumbled over.
const odd = "無事です 🙆🏽‍♀️ 𠮷野家 ﾌﾞｼﾞ e\u0301 ß \"' ; -- %s $1 ? \\ \t\r\n\u202e\u200b\ufeff\x01 Ω"

var reading = []promise{
	{"every field of a check comes back", func(l *ledger) {
		want := broadcast.Check{
			Kind: broadcast.Drill, Key: "key " + odd, Question: "question " + odd, StartedBy: "by " + odd,
			StartedAt: start, Deadline: at(60), NextRung: 2, NextDue: at(10),
			Ladder: broadcast.Ladder{
				Rungs:    []broadcast.Rung{{After: time.Nanosecond, Over: byMail, AllAddresses: true, TellOrganisers: true}, {}},
				Deadline: time.Hour,
			},
		}
		members := []roster.Member{
			{
				ID: "id " + odd, Name: odd, Nicknames: []string{"ばあば", odd}, Talk: "talk", Emails: []string{"a..b@docomo.ne.jp", odd},
				Phones: []string{"+81 90"}, Lang: "ja", Groups: []string{odd}, Relations: []roster.Relation{{Type: "child", Who: odd}}, Organiser: true,
			},
			{ID: "b", Name: "B"}, {ID: "a", Name: "A"},
		}
		started := l.commit(broadcast.Change{Start: &broadcast.Start{Check: want, Members: members}}).Started
		want.ID = started.ID
		expect(l, "the check that began", started, want)
		expect(l, "the check", l.check(want.ID), want)
		expect(l, "its members, in their order", must(l, func(ctx context.Context) ([]roster.Member, error) { return l.store.Members(ctx, want.ID) }), members)
		l.commit(broadcast.Change{Now: at(2), Close: &broadcast.Close{CheckID: want.ID, By: "closed by " + odd}})
		want.ClosedAt, want.ClosedBy, want.NextDue = at(2), "closed by "+odd, time.Time{}
		expect(l, "the check at its end", l.check(want.ID), want)
	}},
	{"a check of nothing but its key comes back", func(l *ledger) {
		started := l.commit(broadcast.Change{Start: &broadcast.Start{Check: broadcast.Check{Key: "k"}}}).Started
		expect(l, "the check", l.check(started.ID), broadcast.Check{ID: started.ID, Key: "k"})
		expect(l, "members", must(l, func(ctx context.Context) ([]roster.Member, error) { return l.store.Members(ctx, started.ID) }), nil)
		expect(l, "answers", l.answers(started), nil)
		expect(l, "deliveries", l.deliveries(started), nil)
	}},
	{"every field of an answer comes back", func(l *ledger) {
		check := l.begin("quake", nil, "mother")
		want := []broadcast.Answer{
			{
				CheckID: check.ID, MemberID: "mother", Status: broadcast.Injured, Text: odd,
				Place:  &broadcast.Place{Name: odd, Latitude: -34.690123456789, Longitude: 135.1955},
				Source: broadcast.ByPlace, Carrier: "carrier " + odd, ReportedBy: "father", At: at(-60), RecordedAt: at(1),
			},
			{CheckID: check.ID, MemberID: "mother", Carrier: "nothing else"},
			{CheckID: check.ID, MemberID: "mother", Carrier: "the middle of nowhere", Place: &broadcast.Place{}},
		}
		for i, a := range l.commit(broadcast.Change{Answers: want}).Answers {
			want[i].ID = a.ID
		}
		expect(l, "answers", l.answers(check), want)
	}},
	{"every field of a delivery comes back", func(l *ledger) {
		check := l.begin("quake", nil, "mother")
		want := broadcast.Delivery{
			CheckID: check.ID, MemberID: "mother " + odd, Channel: broadcast.Email, Step: "step " + odd, Purpose: broadcast.Alarm,
			Address: "a..b@docomo.ne.jp", AnswerCarrier: "carrier " + odd, Body: odd, Taps: []string{"1\ufe0f\u20e3", "❌"}, Reference: "reference " + odd,
			State: broadcast.Due, DueAt: at(1), Reason: "reason " + odd,
		}
		unreachable := broadcast.Delivery{CheckID: check.ID, MemberID: "father", Channel: broadcast.Email, Step: "0", State: broadcast.Failed, Reason: broadcast.ReasonNoWay}
		l.commit(broadcast.Change{Deliveries: []broadcast.Delivery{want, unreachable}})
		got := l.deliveries(check)
		want.ID, unreachable.ID = got[0].ID, got[1].ID
		expect(l, "deliveries", got, []broadcast.Delivery{want, unreachable})

		l.claim(broadcast.Email, at(1), 1)
		l.commit(broadcast.Change{Now: at(2), Results: []broadcast.Result{{
			ID: want.ID, State: broadcast.Sent, MaybeTwice: true, Reason: "late " + odd, Receipt: broadcast.Receipt{Room: "room " + odd, MessageID: 1 << 40},
		}}})
		want.State, want.DueAt, want.Attempt, want.MaybeTwice = broadcast.Sent, time.Time{}, 1, true
		want.Reason, want.Receipt, want.SentAt = "late "+odd, broadcast.Receipt{Room: "room " + odd, MessageID: 1 << 40}, at(2)
		expect(l, "once sent", l.deliveries(check)[0], want)
	}},
	{"a reaction knows its message before it is sent", func(l *ledger) {
		ack := broadcast.Delivery{Channel: broadcast.Room, Step: "ack-1", Purpose: broadcast.Ack, Taps: []string{"✅"}, State: broadcast.Due, DueAt: at(1), Receipt: broadcast.Receipt{Room: "family", MessageID: 7}, Reference: "ack"}
		l.commit(broadcast.Change{Deliveries: []broadcast.Delivery{ack}})
		claimed := l.claim(broadcast.Room, at(1), 9)
		expect(l, "the message", claimed[0].Receipt, ack.Receipt)
	}},
	{"the newest checks come first", func(l *ledger) {
		for _, key := range []string{"one", "two", "three"} {
			l.begin(key, nil, "mother")
		}
		var keys []string
		for _, c := range must(l, func(ctx context.Context) ([]broadcast.Check, error) { return l.store.Checks(ctx, 2) }) {
			keys = append(keys, c.Key)
		}
		expect(l, "checks", keys, []string{"three", "two"})
	}},
	{"a check that wants to be the only one does not start beside another", func(l *ledger) {
		first := l.begin("quake", nil, "mother")
		start := broadcast.Start{Check: broadcast.Check{Kind: broadcast.Real, Key: "second", StartedAt: start}, Only: true}
		_, err := l.store.Commit(l.ctx(), broadcast.Change{Now: start.Check.StartedAt, Start: &start, Cursors: []broadcast.Cursor{{Room: "m", After: 7}}})
		open := new(broadcast.OpenError)
		if !errors.As(err, &open) || open.Check.ID != first.ID {
			l.Errorf("the error is %v, want one that names check %d", err, first.ID)
		}
		if _, ok, err := l.store.Cursor(l.ctx(), "m"); ok || err != nil {
			l.Errorf("the rest of the change was written (%v)", err)
		}
		done, err := l.store.Commit(l.ctx(), broadcast.Change{Now: start.Check.StartedAt, Start: &start, Close: &broadcast.Close{CheckID: first.ID}})
		if err != nil || !done.Closed || done.Started.ID == first.ID {
			l.Errorf("it does not take the place of the one that the change closes: %+v, %v", done, err)
		}
	}},
	{"when the clock is set, what is due moves with it", func(l *ledger) {
		check := l.begin("quake", directly, "mother")
		l.commit(broadcast.Change{ClockJump: time.Hour})
		moved, err := l.store.Check(l.ctx(), check.ID)
		if err != nil {
			l.Fatal(err)
		}
		expect(l, "the start", moved.StartedAt.Sub(check.StartedAt), time.Hour)
		expect(l, "the deadline", moved.Deadline.Sub(check.Deadline), time.Hour)
		expect(l, "the next rung", moved.NextDue.Sub(check.NextDue), time.Hour)
		expect(l, "the prompt", l.deliveries(check)[0].DueAt.Sub(start), time.Hour)
	}},
	{"a link is found by its hash, and the board can be closed", func(l *ledger) {
		check := l.begin("quake", nil, "mother")
		l.commit(broadcast.Change{Links: []broadcast.Link{{Hash: "a", CheckID: check.ID, MemberID: "mother", MadeAt: start}, {Hash: "b", MadeAt: start}}})
		find := func(hash string) string {
			link, ok, err := l.store.Link(l.ctx(), hash)
			if err != nil {
				l.Fatal(err)
			}
			if !ok {
				return "none"
			}
			return fmt.Sprintf("%q board=%v at=%v", link.MemberID, link.Board(), link.MadeAt.Equal(start))
		}
		expect(l, "the link to answer", find("a"), `"mother" board=false at=true`)
		expect(l, "the link to the board", find("b"), `"" board=true at=true`)
		expect(l, "another hash", find("c"), "none")
		l.commit(broadcast.Change{CloseBoard: true, Links: []broadcast.Link{{Hash: "d", MadeAt: start}}})
		expect(l, "the closed board", find("b"), "none")
		expect(l, "the new board", find("d"), `"" board=true at=true`)
		expect(l, "the link to answer", find("a"), `"mother" board=false at=true`)
	}},
	{"a claimed answer is kept and stops nothing", func(l *ledger) {
		check := l.begin("quake", directly, "mother")
		claim := says(check, "mother", "ok")
		claim.Claimed, claim.Stranded = true, true
		l.commit(broadcast.Change{Answers: []broadcast.Answer{claim}})
		expect(l, "claimed from the ledger", members(l.claim(broadcast.Direct, start, 9)), []string{"mother"})
		answers, err := l.store.Answers(l.ctx(), check.ID)
		if err != nil || len(answers) != 1 || !answers[0].Claimed || !answers[0].Stranded {
			l.Errorf("the answers are %+v, %v", answers, err)
		}
	}},
	{"there is no check where none was started", func(l *ledger) {
		if _, err := l.store.Check(l.ctx(), 99); !errors.Is(err, broadcast.ErrNoCheck) {
			l.Errorf("the error is %v, want %v", err, broadcast.ErrNoCheck)
		}
	}},
	{"a message in a room leads to its prompt, by where it stands or by its reference", func(l *ledger) {
		check := l.begin("quake", directly, "mother", "father", "son")
		claimed := l.claim(broadcast.Direct, start, 2)
		l.commit(broadcast.Change{Results: []broadcast.Result{{ID: claimed[0].ID, State: broadcast.Sent, Receipt: broadcast.Receipt{Room: "m", MessageID: 7}}}})
		find := func(reference, room string, id int64) string {
			d, ok, err := l.store.Prompt(l.ctx(), reference, broadcast.Receipt{Room: room, MessageID: id})
			if err != nil {
				l.Fatal(err)
			}
			if !ok {
				return "none"
			}
			return fmt.Sprint(d.MemberID, " in ", d.CheckID-check.ID)
		}
		expect(l, "where it stands", find("", "m", 7), "mother in 0")
		expect(l, "where it stands, with a reference of another program", find("other", "m", 7), "mother in 0")
		// The answer was faster than the record of where the prompt stands.
		expect(l, "the reference alone", find(claimed[1].Reference, "f", 8), "father in 0")
		expect(l, "another message", find("", "m", 8), "none")
		expect(l, "another room", find("", "f", 7), "none")
		expect(l, "another reference", find("other", "f", 8), "none")
		expect(l, "no message at all", find("", "", 0), "none")
		expect(l, "a room and no message", find("", "m", 0), "none")
	}},
	{"silent rooms are those of an open check whose member has not answered", func(l *ledger) {
		check := l.begin("quake", []broadcast.ChannelName{broadcast.Room, broadcast.Direct}, "mother", "father", "son")
		over := l.begin("drill", directly, "aunt")
		l.sent(broadcast.Room, "family")
		l.sent(broadcast.Direct, "with ")
		rooms := func() []string { return must(l, l.store.SilentRooms) }
		expect(l, "at first", rooms(), []string{"with aunt", "with father", "with mother", "with son"})
		l.commit(broadcast.Change{Answers: []broadcast.Answer{says(check, "father", "ok"), says(over, "mother", "another check")}})
		l.commit(broadcast.Change{Close: &broadcast.Close{CheckID: over.ID}})
		expect(l, "after an answer and an end", rooms(), []string{"with mother", "with son"})
	}},
}

// sent claims everything that is due over the channel and records it as sent;
// a one-to-one room is named after its member.
func (l *ledger) sent(channel broadcast.ChannelName, room string) {
	l.Helper()
	var results []broadcast.Result
	for i, d := range l.claim(channel, start, 99) {
		var r broadcast.Receipt // mail leaves none
		switch channel {
		case broadcast.Direct:
			r = broadcast.Receipt{Room: room + d.MemberID, MessageID: int64(i + 1)}
		case broadcast.Room:
			r = broadcast.Receipt{Room: room, MessageID: int64(i + 1)}
		}
		results = append(results, broadcast.Result{ID: d.ID, State: broadcast.Sent, Receipt: r})
	}
	l.commit(broadcast.Change{Results: results})
}
