package broadcast

import (
	"cmp"
	"slices"
	"time"

	"github.com/anpi-bot/anpi/roster"
)

// Tally counts the statuses of a check and says who is in which.
type Tally struct {
	Check Check
	// Standings holds every member once: the worst first, then in the order of
	// the roster.
	Standings []Standing
	// Updated is when the newest answer was given; zero when there is none.
	Updated time.Time
}

// urgency orders the statuses for people: who needs somebody comes first.
var urgency = []Status{Help, Injured, Unclear, Pending, Safe}

// Statuses returns all statuses in the order in which people should read them:
// whoever needs somebody first.
func Statuses() []Status { return slices.Clone(urgency) }

// count tallies the standings of a check.
func count(c Check, standings []Standing) Tally {
	t := Tally{Check: c, Standings: slices.Clone(standings)}
	slices.SortStableFunc(t.Standings, func(a, b Standing) int {
		return slices.Index(urgency, a.Status) - slices.Index(urgency, b.Status)
	})
	for _, s := range t.Standings {
		if s.Answer.At.After(t.Updated) {
			t.Updated = s.Answer.At
		}
	}
	return t
}

// lowers reports whether the status would take back the grave one that somebody
// stands at: help, or a hurt.
func (st Standing) lowers(status Status) bool {
	switch st.Status {
	case Help:
		return status == Safe || status == Injured || status == Pending
	case Injured:
		return status == Safe || status == Pending
	default:
		return false
	}
}

// stand works out where each member stands, in the order of the roster. The
// last answer that says something makes the status. Nothing unclear undoes a cry
// for help or a hurt, nor does a "safe" that was not confirmed: it may be a slip.
func stand(members []roster.Member, answers []Answer, deliveries []Delivery) []Standing {
	standings := make([]Standing, len(members))
	of := map[string]*Standing{}
	for i, m := range members {
		standings[i] = Standing{Member: m, Status: Pending, Reached: Failed}
		of[m.ID] = &standings[i]
	}
	for _, a := range inOrder(answers) {
		s := of[a.MemberID]
		if s == nil || a.Claimed {
			continue
		}
		s.Last = max(s.Last, a.ID)
		if s.lowers(a.Status) && !a.Confirmed {
			s.Answered = true
			continue
		}
		s.Answered = a.Status != Pending
		if a.Status == Help {
			s.Cries, s.LastCry = s.Cries+1, a.RecordedAt
		}
		switch {
		case a.Status.Grave():
			s.Told = s.Told || a.ReportedBy == ""
		case a.Status == Safe || a.Status == Pending:
			s.Told = false
		}
		switch {
		case a.Status == Pending:
			s.Status, s.Answer = Pending, Answer{}
		case a.Status == "" && s.Status == Pending:
			// A place alone says where, not how.
			s.Status, s.Answer = Unclear, a
		case a.Status == "":
			if a.Place != nil {
				s.Answer.Place = a.Place
			}
		case a.Status == Unclear && s.Status.Grave():
		default:
			if a.Place == nil {
				a.Place = s.Answer.Place
			}
			s.Status, s.Answer = a.Status, a
		}
	}
	for _, d := range deliveries {
		s := of[d.MemberID]
		if s == nil || !d.Purpose.Prompts() {
			continue
		}
		if d.Reason != "" {
			s.Trouble = d.Reason
		}
		s.Reached = better(s.Reached, d.State)
	}
	return standings
}

// inOrder puts answers into the order in which they were given, however late
// they were read: a mail that was long on its way, a chat that was read after
// another one. A chat server numbers its messages in that order, which holds
// even when somebody sets its clock.
func inOrder(answers []Answer) []Answer {
	answers = slices.Clone(answers)
	slices.SortStableFunc(answers, func(a, b Answer) int {
		return cmp.Compare(a.number(), b.number())
	})
	var latest time.Time
	for i := range answers {
		if answers[i].number() == 0 {
			continue
		}
		if answers[i].At.Before(latest) {
			answers[i].At = latest
		}
		latest = answers[i].At
	}
	slices.SortStableFunc(answers, func(a, b Answer) int { return a.At.Compare(b.At) })
	return answers
}

// better is the state that says more about whether a member was reached.
func better(a, b State) State {
	order := []State{Failed, Dropped, Due, Sending, Sent, Seen}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

// Who returns the standings with the status, in the order of the roster.
func (t Tally) Who(status Status) []Standing {
	var who []Standing
	for _, s := range t.Standings {
		if s.Status == status {
			who = append(who, s)
		}
	}
	return who
}

// Answered is how many members have answered.
func (t Tally) Answered() int {
	return len(t.Standings) - len(t.Who(Pending))
}

// Unreached returns the pending members whose every prompt has failed, or who
// have no address at all.
func (t Tally) Unreached() []Standing {
	var who []Standing
	for _, s := range t.Who(Pending) {
		if s.Reached == Failed {
			who = append(who, s)
		}
	}
	return who
}

// quartiles returns how long after the start 25, 50 and 75 % of the members
// had answered for the first time; zero for a share that was not reached. The
// times are sorted.
func quartiles(times []time.Duration, members int) (q [3]time.Duration) {
	for i := range q {
		// The share counts as reached with the member that completes it.
		need := (members*(i+1) + 3) / 4
		if need > 0 && need <= len(times) {
			q[i] = max(times[need-1], time.Millisecond)
		}
	}
	return q
}
