package broadcast

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/roster"
)

func TestTheDefaultLadder(t *testing.T) {
	var at []string
	for _, r := range DefaultLadder().Rungs {
		at = append(at, r.After.String())
	}
	want := []string{"5m0s", "15m0s", "30m0s", "1h30m0s", "2h30m0s", "3h30m0s", "4h30m0s", "16h30m0s", "28h30m0s", "40h30m0s", "52h30m0s", "64h30m0s"}
	if diff := cmp.Diff(want, at); diff != "" {
		t.Error(diff)
	}
	scaled := DefaultLadder().Scale(1.0 / 60)
	if scaled.Rungs[0].After != 5*time.Second || scaled.Deadline != 72*time.Minute || !scaled.Rungs[2].TellOrganisers {
		t.Errorf("scaled: %+v, %v", scaled.Rungs[0], scaled.Deadline)
	}
}

// TestRungsThatWereSleptThrough: a machine that slept asks everybody once, over
// all that was missed.
func TestRungsThatWereSleptThrough(t *testing.T) {
	c := Check{StartedAt: began, Ladder: DefaultLadder()}
	for _, row := range []struct {
		minute, next, last int
		all, tell, ok      bool
		over               []ChannelName
	}{
		{4, 0, 0, false, false, false, nil},
		{5, 0, 0, false, false, true, []ChannelName{Direct}},
		{14, 1, 0, false, false, false, nil},
		{15, 1, 1, false, false, true, []ChannelName{Email}},
		{20, 0, 1, false, false, true, []ChannelName{Direct, Email}},
		{35, 1, 2, true, true, true, []ChannelName{Email, Email}},
		{71 * 60, 12, 0, false, false, false, nil},
	} {
		c.NextRung = row.next
		rung, last, ok := c.due(at(row.minute))
		if ok != row.ok || last != row.last || rung.AllAddresses != row.all || rung.TellOrganisers != row.tell {
			t.Errorf("minute %d: rung %+v, last %d, %v", row.minute, rung, last, ok)
		}
		if diff := cmp.Diff(row.over, rung.Over); diff != "" {
			t.Errorf("minute %d: %s", row.minute, diff)
		}
	}
	if !c.rungDue(12).IsZero() || !c.rungDue(0).Equal(at(5)) {
		t.Errorf("rung 12 is due at %v, rung 0 at %v", c.rungDue(12), c.rungDue(0))
	}
}

func TestDetours(t *testing.T) {
	both := roster.Member{ID: "m", Talk: "m", Emails: []string{"a@x", "b@x"}}
	onlyTalk := roster.Member{ID: "m", Talk: "m"}
	c := Check{ID: 1, Key: "k"}
	for _, row := range []struct {
		name   string
		member roster.Member
		over   ChannelName
		to     string
		down   bool
		want   []string // channel and address
	}{
		{"not in the room", both, Room, "", false, []string{"direct "}},
		{"Talk is down", both, Room, "", true, []string{"email a@x"}},
		{"Talk is down, and there is no mail", onlyTalk, Room, "", true, nil},
		{"no chat with them", both, Direct, "", false, []string{"email a@x"}},
		{"no chat with them and no mail", onlyTalk, Direct, "", false, nil},
		{"the address bounced", both, Email, "a@x", false, []string{"email b@x"}},
		{"the last address bounced", both, Email, "b@x", false, nil},
		{"an address that is theirs no more", both, Email, "old@x", false, nil},
		{"mail is down", both, Email, "a@x", true, nil},
	} {
		d := Delivery{MemberID: "m", Step: "2", Purpose: Remind, Channel: row.over, Address: row.to}
		var got []string
		for _, n := range c.detour(d, row.member, row.down, at(1)) {
			got = append(got, string(n.Channel)+" "+n.Address)
			if n.Step != "2" || n.Purpose != Remind || n.MemberID != "m" || n.CheckID != 1 || n.State != Due || n.Reference == "" {
				t.Errorf("%s: %+v", row.name, n)
			}
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s: %s", row.name, diff)
		}
	}
	for _, p := range []Purpose{Alarm, TallyOf, ReportOf, Reply, Notice, Silence} {
		if got := c.detour(Delivery{MemberID: "m", Channel: Room, Purpose: p}, both, true, at(1)); got != nil {
			t.Errorf("%s takes a detour: %+v", p, got)
		}
	}
}

func TestBackoff(t *testing.T) {
	for attempt, want := range map[int]time.Duration{0: 2 * time.Second, 1: 2 * time.Second, 2: 4 * time.Second, 7: 128 * time.Second, 8: 5 * time.Minute, 1 << 30: 5 * time.Minute} {
		for range 50 {
			if got := backoff(attempt, 0); got < want*3/4 || got > want*5/4 {
				t.Fatalf("attempt %d waits %v, want %v a quarter more or less", attempt, got, want)
			}
		}
	}
	if got := backoff(1, time.Hour); got != time.Hour {
		t.Errorf("the server asked for an hour, it gets %v", got)
	}
}

func TestReferences(t *testing.T) {
	seen := map[string]bool{}
	for _, key := range []string{"a", "b"} {
		for _, step := range []string{"0", "1"} {
			for _, to := range [][]string{nil, {"m"}, {"m", "x"}, {"mx"}} {
				r := Reference(key, step, Direct, to...)
				if len(r) != 64 {
					t.Errorf("%q has %d characters", r, len(r))
				}
				seen[r] = true
			}
		}
	}
	if len(seen) != 16 {
		t.Errorf("only %d of 16 references differ", len(seen))
	}
	again := Reference("a", "0", Room)
	if again != Reference("a", "0", Room) {
		t.Error("the same message has two references")
	}
}
