package broadcast

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
)

var began = time.Date(2026, 1, 17, 5, 46, 0, 0, time.UTC)

// at is a number of minutes after the start of the check.
func at(minutes int) time.Time { return began.Add(time.Duration(minutes) * time.Minute) }

// says is an answer of Kenta's.
func says(status Status, minute int) Answer {
	return Answer{MemberID: "kenta", Status: status, At: at(minute), Source: ByRoom}
}

// chatted is an answer of Kenta's with the number that the chat server gave it.
func chatted(status Status, id int64, minute int) Answer {
	a := says(status, minute)
	a.Carrier = "talk:" + strconv.FormatInt(id, 10)
	return a
}

func mailed(status Status, minute int) Answer {
	a := says(status, minute)
	a.Source, a.Carrier = ByMail, "mail:1"
	return a
}

func place(name string, minute int) Answer {
	return Answer{MemberID: "kenta", Place: &Place{Name: name}, At: at(minute), Source: ByPlace}
}

func confirmed(s Status, minute int) Answer {
	a := says(s, minute)
	a.Confirmed = true
	return a
}

func TestWhereSomebodyStands(t *testing.T) {
	for _, c := range []struct {
		name     string
		answers  []Answer // in the order they were recorded
		want     Status
		place    string
		answered bool
	}{
		{"nothing came", nil, Pending, "", false},
		{"one answer", []Answer{says(Safe, 1)}, Safe, "", true},
		{"the newer one counts", []Answer{says(Safe, 1), says(Help, 2)}, Help, "", true},
		{"a mere safe does not undo a cry for help", []Answer{says(Help, 1), says(Safe, 2)}, Help, "", true},
		{"nor does a hurt", []Answer{says(Help, 1), says(Injured, 2)}, Help, "", true},
		{"nor does a tap taken away", []Answer{says(Help, 1), says(Pending, 2)}, Help, "", true},
		{"a mere safe does not undo a hurt", []Answer{says(Injured, 1), says(Safe, 2)}, Injured, "", true},
		{"help is over", []Answer{says(Help, 1), confirmed(Safe, 2)}, Safe, "", true},
		{"help is over but for a hurt", []Answer{says(Help, 1), confirmed(Injured, 2)}, Injured, "", true},
		{"a hurt is over", []Answer{says(Injured, 1), confirmed(Safe, 2)}, Safe, "", true},
		{"what was confirmed before a cry", []Answer{says(Help, 1), confirmed(Safe, 2), says(Help, 3), says(Safe, 4)}, Help, "", true},
		{"an older mail comes late", []Answer{says(Injured, 5), mailed(Safe, 1)}, Injured, "", true},
		{"a mail comes last", []Answer{says(Safe, 1), mailed(Injured, 5)}, Injured, "", true},
		{"the clock of the chat server stepped back", []Answer{chatted(Safe, 1, 60), chatted(Help, 2, 1)}, Help, "", true},
		{"something unclear does not undo a cry for help", []Answer{says(Help, 1), says(Unclear, 2)}, Help, "", true},
		{"something unclear does undo a word of safety", []Answer{says(Safe, 1), says(Unclear, 2)}, Unclear, "", true},
		{"at the same moment the one recorded last counts", []Answer{says(Safe, 1), says(Help, 1)}, Help, "", true},
		{"a place alone says where, not how", []Answer{place("park", 1)}, Unclear, "park", true},
		{"a place before the answer", []Answer{place("park", 1), says(Safe, 2)}, Safe, "park", true},
		{"a place after the answer", []Answer{says(Help, 1), place("park", 2)}, Help, "park", true},
		{"the newest place", []Answer{place("park", 1), says(Safe, 2), place("school", 3)}, Safe, "school", true},
		{"words that say nothing", []Answer{{MemberID: "kenta", At: at(1)}}, Unclear, "", true},
		{"somebody who was not asked", []Answer{{MemberID: "stranger", Status: Help, At: at(1)}}, Pending, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := stand([]roster.Member{{ID: "kenta"}}, c.answers, nil)[0]
			where := ""
			if s.Answer.Place != nil {
				where = s.Answer.Place.Name
			}
			if s.Status != c.want || where != c.place || s.Answered != c.answered {
				t.Errorf("stands at %s in %q, answered %v; want %s in %q, %v", s.Status, where, s.Answered, c.want, c.place, c.answered)
			}
		})
	}
}

func TestWhatIsKnownOfThePrompts(t *testing.T) {
	member := []roster.Member{{ID: "kenta"}}
	of := func(states ...State) []Delivery {
		var all []Delivery
		for _, s := range states {
			d := Delivery{MemberID: "kenta", Purpose: Ask, State: s}
			if s == Failed {
				d.Reason = "talk-gone"
			}
			all = append(all, d)
		}
		return all
	}
	for _, c := range []struct {
		deliveries []Delivery
		want       State
		trouble    string
	}{
		{nil, Failed, ""},
		{of(Due), Due, ""},
		{of(Failed), Failed, "talk-gone"},
		{of(Failed, Due), Due, "talk-gone"},
		{of(Sent, Failed), Sent, "talk-gone"},
		{of(Seen, Sent), Seen, ""},
		{[]Delivery{{MemberID: "kenta", Purpose: Alarm, State: Sent}}, Failed, ""},
	} {
		s := stand(member, nil, c.deliveries)[0]
		if s.Reached != c.want || s.Trouble != c.trouble {
			t.Errorf("%v: reached %s, trouble %q; want %s, %q", c.deliveries, s.Reached, s.Trouble, c.want, c.trouble)
		}
	}
}

func TestWhoNeedsSomebodyComesFirst(t *testing.T) {
	var members []roster.Member
	var answers []Answer
	for i, status := range []Status{Safe, Pending, Help, Unclear, Injured, Help} {
		id := string(rune('a' + i))
		members = append(members, roster.Member{ID: id})
		if status != Pending {
			answers = append(answers, Answer{MemberID: id, Status: status, At: at(i)})
		}
	}
	tally := count(Check{}, stand(members, answers, nil))
	var order []string
	for _, s := range tally.Standings {
		order = append(order, s.Member.ID)
	}
	if diff := cmp.Diff([]string{"c", "f", "e", "d", "b", "a"}, order); diff != "" {
		t.Error(diff)
	}
	if tally.Answered() != 5 || !tally.Updated.Equal(at(5)) || len(tally.Unreached()) != 1 {
		t.Errorf("%d answered, the last at %v, %d unreached", tally.Answered(), tally.Updated, len(tally.Unreached()))
	}
}

func TestQuartiles(t *testing.T) {
	const none = time.Duration(0)
	minutes := func(all ...int) (times []time.Duration) {
		for _, n := range all {
			times = append(times, time.Duration(n)*time.Minute)
		}
		return times
	}
	for _, c := range []struct {
		name    string
		times   []time.Duration
		members int
		want    [3]time.Duration
	}{
		{"nobody", nil, 4, [3]time.Duration{}},
		{"no members", nil, 0, [3]time.Duration{}},
		{"one of one", minutes(1), 1, [3]time.Duration{time.Minute, time.Minute, time.Minute}},
		{"four", minutes(1, 2, 3, 4), 4, [3]time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute}},
		{"half of six", minutes(1, 2, 3), 6, [3]time.Duration{2 * time.Minute, 3 * time.Minute, none}},
		{"an answer before the start", minutes(-5), 1, [3]time.Duration{time.Millisecond, time.Millisecond, time.Millisecond}},
	} {
		if got := quartiles(c.times, c.members); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// The curve has a line for each time by which more had answered, up to the one
// by which all had who did.
func TestCurve(t *testing.T) {
	members := []roster.Member{{ID: "a"}, {ID: "b"}, {ID: "c"}, {ID: "d"}}
	for _, c := range []struct {
		name    string
		minutes map[string]int
		want    []string
	}{
		{"nobody", nil, nil},
		{"at once and late", map[string]int{"a": 0, "b": 4, "c": 100}, []string{
			"███░░░░░░░ 1 of 4 within 1 min", "█████░░░░░ 2 of 4 within 5 min", "████████░░ 3 of 4 within 2 h",
		}},
		{"after the end", map[string]int{"a": 80 * 60}, []string{"███░░░░░░░ 1 of 4 later"}},
	} {
		var answers []Answer
		for who, n := range c.minutes {
			answers = append(answers, Answer{MemberID: who, Status: Safe, Source: ByTap, At: at(n)}, Answer{MemberID: who, Status: Help, Source: ByTap, At: at(n + 1)})
		}
		r := makeReport(Check{StartedAt: began}, members, answers, nil)
		if diff := cmp.Diff(c.want, (Words{Texts: locale.For("en", time.UTC)}).Curve(r)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestOnlyFirstAnswersMakeTheCurve(t *testing.T) {
	r := makeReport(Check{StartedAt: began}, []roster.Member{{ID: "kenta"}},
		[]Answer{{MemberID: "kenta", Status: Help, Source: ByTap, At: at(1)}, {MemberID: "kenta", Status: Safe, Source: ByRoom, At: at(9)}},
		[]Delivery{{MemberID: "kenta", State: Failed, Purpose: Remind, Reason: "talk-gone"}, {State: Failed, Purpose: TallyOf}, {MemberID: "kenta", State: Sent, MaybeTwice: true}})
	if r.Over[ByTap] != 1 || r.Over[ByRoom] != 0 || r.Quartiles[2] != time.Minute || len(r.Failures) != 1 || r.Twice != 1 {
		t.Errorf("%+v", r)
	}
}

// A drill is marked in the subject of every mail that is about it, whether the
// message belongs to the check or not.
func TestANoticeAboutADrillSaysSo(t *testing.T) {
	for _, lang := range []string{"en", "ja"} {
		w := Words{Texts: locale.For(lang, time.UTC), Plain: func(s string) string { return s }}
		mark := w.Mark(true)
		for body, drill := range map[string]bool{mark + "somebody cries": true, "somebody cries": false} {
			subject, text := w.Mail(Message{Purpose: Notice, Body: body})
			if strings.HasPrefix(subject, mark) != drill || strings.Count(text, mark) > 1 {
				t.Errorf("%q has the subject %q and the text %q", body, subject, text)
			}
		}
	}
}
