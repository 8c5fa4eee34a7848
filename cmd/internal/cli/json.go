package cli

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
)

// document is what --json prints: one shape for every command, in which what a
// command has nothing to say about is left out. It is described in docs/json.md;
// names and meanings stay, new ones may join them.
type document struct {
	Version  int      `json:"version"`
	Status   int      `json:"status"`   // the exit status
	Problems []string `json:"problems"` // sentences for a person
	DryRun   bool     `json:"dry_run,omitempty"`

	Check      *checkDoc     `json:"check,omitempty"`
	Checks     []checkDoc    `json:"checks,omitempty"`
	Members    []memberDoc   `json:"members,omitempty"`
	Answers    []answerDoc   `json:"answers,omitempty"`
	Deliveries []deliveryDoc `json:"deliveries,omitempty"`

	// filled is set by a command that has come to an end.
	filled bool
}

// Times are RFC 3339 in the family's zone; empty ones are left out.
type checkDoc struct {
	ID         int64                    `json:"id,omitempty"`
	Kind       broadcast.Kind           `json:"kind"`
	Question   string                   `json:"question,omitempty"`
	Open       bool                     `json:"open"`
	StartedBy  string                   `json:"started_by,omitempty"`
	StartedAt  string                   `json:"started_at,omitempty"`
	ClosedBy   string                   `json:"closed_by,omitempty"`
	ClosedAt   string                   `json:"closed_at,omitempty"`
	Deadline   string                   `json:"deadline,omitempty"`
	Asked      int                      `json:"asked"`
	Answered   int                      `json:"answered"`
	Statuses   map[broadcast.Status]int `json:"statuses"`
	Over       map[broadcast.Source]int `json:"over,omitempty"`
	Quarter    float64                  `json:"quarter_answered_after,omitempty"` // seconds, as the next two
	Half       float64                  `json:"half_answered_after,omitempty"`
	Most       float64                  `json:"three_quarters_answered_after,omitempty"`
	MaybeTwice int                      `json:"maybe_twice,omitempty"` // mails
}

type memberDoc struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Nicknames []string `json:"nicknames,omitempty"`
	Talk      string   `json:"talk,omitempty"`
	Emails    []string `json:"emails,omitempty"`
	Phones    []string `json:"phones,omitempty"`
	Lang      string   `json:"lang,omitempty"`
	Groups    []string `json:"groups,omitempty"`
	Organiser bool     `json:"organiser,omitempty"`
	// Of a check:
	Status  broadcast.Status `json:"status,omitempty"`
	Reached broadcast.State  `json:"reached,omitempty"`
	Trouble string           `json:"trouble,omitempty"`
	Answer  *answerDoc       `json:"answer,omitempty"` // the one that made the status
}

type answerDoc struct {
	Member     string           `json:"member"`
	Name       string           `json:"name"`
	Status     broadcast.Status `json:"status,omitempty"`
	Text       string           `json:"text,omitempty"`
	Place      *placeDoc        `json:"place,omitempty"`
	Stranded   bool             `json:"stranded,omitempty"`
	Claimed    bool             `json:"claimed,omitempty"`
	Source     broadcast.Source `json:"source"`
	ReportedBy string           `json:"reported_by,omitempty"`
	At         string           `json:"at"`
}

type placeDoc struct {
	Name      string  `json:"name,omitempty"`
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

type deliveryDoc struct {
	Member     string                `json:"member,omitempty"` // empty: the room
	Name       string                `json:"name,omitempty"`
	Channel    broadcast.ChannelName `json:"channel"`
	Address    string                `json:"address,omitempty"`
	Purpose    broadcast.Purpose     `json:"purpose"`
	Step       string                `json:"step"`
	State      broadcast.State       `json:"state"`
	Attempts   int                   `json:"attempts"`
	DueAt      string                `json:"due_at,omitempty"`
	SentAt     string                `json:"sent_at,omitempty"`
	SeenAt     string                `json:"seen_at,omitempty"`
	MaybeTwice bool                  `json:"maybe_twice,omitempty"`
	Reason     string                `json:"reason,omitempty"` // a key; what a server said follows ": "
	Problem    string                `json:"problem,omitempty"`
}

// print prints the document.
func (t *Terminal) print(status int) {
	t.doc.Version, t.doc.Status = 1, status
	if t.doc.Problems == nil {
		t.doc.Problems = []string{}
	}
	e := json.NewEncoder(t.Out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	_ = e.Encode(t.doc) // nobody is left to be told
}

// show fills the document with all there is to see of a check.
func (t *Terminal) show(v view) {
	check := t.checkOf(v.Report)
	t.doc.filled, t.doc.Check = true, &check
	var members []roster.Member
	for _, s := range v.Tally.Standings {
		members = append(members, s.Member)
	}
	for _, s := range v.Tally.Standings {
		m := memberOf(s.Member)
		m.Status, m.Reached, m.Trouble = s.Status, s.Reached, s.Trouble
		if !s.Answer.At.IsZero() {
			a := t.answerOf(members, s.Answer)
			m.Answer = &a
		}
		t.doc.Members = append(t.doc.Members, m)
	}
	for _, a := range v.Answers {
		t.doc.Answers = append(t.doc.Answers, t.answerOf(members, a))
	}
	t.doc.Deliveries = t.deliveries(members, v.Deliveries)
}

func (t *Terminal) checkOf(r broadcast.Report) checkDoc {
	c := r.Tally.Check
	d := checkDoc{
		ID: c.ID, Kind: c.Kind, Question: c.Question, Open: c.Open(), StartedBy: c.StartedBy, StartedAt: t.stamp(c.StartedAt),
		ClosedBy: c.ClosedBy, ClosedAt: t.stamp(c.ClosedAt), Deadline: t.stamp(c.Deadline),
		Asked: len(r.Tally.Standings), Answered: r.Tally.Answered(), Statuses: map[broadcast.Status]int{}, Over: r.Over,
		Quarter: r.Quartiles[0].Seconds(), Half: r.Quartiles[1].Seconds(), Most: r.Quartiles[2].Seconds(), MaybeTwice: r.Twice,
	}
	for _, s := range broadcast.Statuses() {
		d.Statuses[s] = len(r.Tally.Who(s))
	}
	return d
}

func memberOf(m roster.Member) memberDoc {
	return memberDoc{
		ID: m.ID, Name: m.Name, Nicknames: m.Nicknames, Talk: m.Talk, Emails: m.Emails, Phones: m.Phones,
		Lang: m.Lang, Groups: m.Groups, Organiser: m.Organiser,
	}
}

func (t *Terminal) answerOf(members []roster.Member, a broadcast.Answer) answerDoc {
	d := answerDoc{
		Member: a.MemberID, Name: nameOf(members, a.MemberID), Status: a.Status, Text: a.Text, Stranded: a.Stranded,
		Claimed: a.Claimed, Source: a.Source, ReportedBy: a.ReportedBy, At: t.stamp(a.At),
	}
	if p := a.Place; p != nil {
		d.Place = &placeDoc{p.Name, p.Latitude, p.Longitude}
	}
	return d
}

// deliveries tell nothing of the rooms where the messages stand, and not what
// they say.
func (t *Terminal) deliveries(members []roster.Member, all []broadcast.Delivery) []deliveryDoc {
	var docs []deliveryDoc
	for _, d := range all {
		doc := deliveryDoc{
			Member: d.MemberID, Name: nameOf(members, d.MemberID), Channel: d.Channel, Address: d.Address, Purpose: d.Purpose, Step: d.Step,
			State: d.State, Attempts: d.Attempt, SentAt: t.stamp(d.SentAt), SeenAt: t.stamp(d.SeenAt), MaybeTwice: d.MaybeTwice, Reason: d.Reason,
		}
		if d.State == broadcast.Due {
			doc.DueAt = t.stamp(d.DueAt)
		}
		if d.Reason != "" {
			doc.Problem = t.texts.Reason(d.Reason)
		}
		docs = append(docs, doc)
	}
	return docs
}

func nameOf(members []roster.Member, id string) string {
	if i := slices.IndexFunc(members, func(m roster.Member) bool { return m.ID == id }); i >= 0 {
		return members[i].Name
	}
	return ""
}

// stamp is a time as documents have it; empty for none.
func (t *Terminal) stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.In(t.zone).Format(time.RFC3339)
}
