package broadcast

import "time"

// Rung is one step of escalation. Only members who are still silent when it is
// due are asked.
type Rung struct {
	// After counts from the start of the check.
	After time.Duration `json:"after"`
	// Over lists the channels of the step: [Direct], [Email] or both. A member
	// without a mail address is asked directly instead of by mail; one without
	// a Talk account waits for the next rung with mail.
	Over []ChannelName `json:"over"`
	// AllAddresses sends the mail to every address of the member, not only to
	// the preferred one.
	AllAddresses bool `json:"all,omitempty"`
	// TellOrganisers also tells the organisers who is silent.
	TellOrganisers bool `json:"tell,omitempty"`
}

// Ladder is how a check goes on for those who stay silent. The first prompt is
// not on it: that one goes to everybody, at once.
type Ladder struct {
	Rungs []Rung `json:"rungs"`
	// Deadline is how long after its start the check ends by itself.
	Deadline time.Duration `json:"deadline"`
	// NoMail asks nobody by mail, whatever fails; steps by mail go over Talk. Cries
	// for help and what the organisers must know still go out over everything.
	NoMail bool `json:"no_mail,omitempty"`
}

// DefaultLadder asks the silent ones directly after 5 minutes, by mail after
// 15, at every address after 30, then hourly four times, then twice a day, and
// ends after 72 hours.
func DefaultLadder() Ladder {
	both := []ChannelName{Direct, Email}
	l := Ladder{
		Deadline: 72 * time.Hour,
		Rungs: []Rung{
			{After: 5 * time.Minute, Over: []ChannelName{Direct}},
			{After: 15 * time.Minute, Over: []ChannelName{Email}},
			{After: 30 * time.Minute, Over: []ChannelName{Email}, AllAddresses: true, TellOrganisers: true},
		},
	}
	last := 30 * time.Minute
	for range 4 {
		last += time.Hour
		l.Rungs = append(l.Rungs, Rung{After: last, Over: both})
	}
	for last += 12 * time.Hour; last < l.Deadline; last += 12 * time.Hour {
		l.Rungs = append(l.Rungs, Rung{After: last, Over: both, TellOrganisers: true})
	}
	return l
}

// Scale returns the ladder with every time multiplied by the factor, as the
// demo needs it.
func (l Ladder) Scale(factor float64) Ladder {
	scaled := Ladder{Deadline: time.Duration(float64(l.Deadline) * factor), NoMail: l.NoMail}
	for _, r := range l.Rungs {
		r.After = time.Duration(float64(r.After) * factor)
		scaled.Rungs = append(scaled.Rungs, r)
	}
	return scaled
}

// due merges the rungs that are due: a check that slept through several of them
// asks everybody once, over all the channels it has missed. It returns the
// merged rung and the index of the last one in it; ok is false when none is due.
func (c Check) due(now time.Time) (merged Rung, last int, ok bool) {
	for i := c.NextRung; i < len(c.Ladder.Rungs); i++ {
		r := c.Ladder.Rungs[i]
		if c.StartedAt.Add(r.After).After(now) {
			break
		}
		merged.After = r.After
		merged.Over = append(merged.Over, r.Over...)
		merged.AllAddresses = merged.AllAddresses || r.AllAddresses
		merged.TellOrganisers = merged.TellOrganisers || r.TellOrganisers
		last, ok = i, true
	}
	return merged, last, ok
}

// rungDue is when the rung with the index is due; zero when there is none.
func (c Check) rungDue(i int) time.Time {
	if i >= len(c.Ladder.Rungs) {
		return time.Time{}
	}
	return c.StartedAt.Add(c.Ladder.Rungs[i].After)
}
