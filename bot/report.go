package bot

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/anpi-bot/anpi/bot/answer"
	"github.com/anpi-bot/anpi/bot/who"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
)

// told is what a member has told about somebody else.
type told struct {
	// Word says whom, as they wrote it, or Member, by id, whom they mentioned.
	// Both are empty for everybody around.
	Word   string           `json:"word,omitempty"`
	Member string           `json:"member,omitempty"`
	Status broadcast.Status `json:"status"`
}

// outsider is the id of somebody mentioned who is not on the roster.
const outsider = "-"

// reported plans what a text says about others, and about its writer.
func (h *hearing) reported(ctx context.Context, check broadcast.Check, r answer.Reading, mentioned map[string]roster.Member, a broadcast.Answer) error {
	if a.Status != "" {
		if err := h.record(ctx, check, a); err != nil {
			return err
		}
	}
	var open []told
	for _, report := range r.Reports {
		t := told{Word: report.Who, Status: broadcast.Status(report.Status)}
		if member, ok := mentioned[strings.ToLower(report.Who)]; ok {
			t.Word, t.Member = member.Name, cmp.Or(member.ID, outsider)
		}
		if report.Everyone {
			t.Word = ""
		}
		open = append(open, t)
	}
	return h.resolve(ctx, check, open, a)
}

// andYou asks somebody who has spoken of others only how they are themselves.
func (h *hearing) andYou(ctx context.Context, check broadcast.Check) error {
	standing, ok, err := h.Service.Standing(ctx, check, h.member)
	told := slices.ContainsFunc(h.change.Answers, func(a broadcast.Answer) bool { return a.MemberID == standing.Member.ID })
	if err == nil && ok && !told && !standing.Answered && check.Open() {
		h.Service.PlanClarify(h.change, check, standing.Member)
	}
	return err
}

// resolve finds out whom the words mean and records what was told of everybody
// whom they name clearly, the gravest first: a question about one holds up
// nobody else. Then the member is asked back for the others, one after the other,
// and at last for whom "everybody" stands. Whoever only speaks of others is asked
// about themselves when nothing else is asked: nobody can tell what a number means
// that answers two questions.
func (h *hearing) resolve(ctx context.Context, check broadcast.Check, open []told, a broadcast.Answer) error {
	slices.SortStableFunc(open, func(a, b told) int {
		return slices.Index(broadcast.Statuses(), a.Status) - slices.Index(broadcast.Statuses(), b.Status)
	})
	var unsure []question
	var everybody []told
	for _, t := range open {
		match := h.meant(t)
		switch {
		case isCertain(match):
			if err := h.recordFor(ctx, check, match.Members, t.Status, a, false); err != nil {
				return err
			}
			continue
		case match.Everyone && t.Status == broadcast.Safe:
			everybody = append(everybody, t)
			continue
		case t.Status == broadcast.Help && a.Status != broadcast.Help:
			// Whoever it is, everybody must know now.
			h.cry(check, "alarm.tells", a)
		case t.Status.Grave():
			h.tell(check, "told.somebody", a)
		}
		if !match.Everyone {
			unsure = append(unsure, question{Kind: askWho, CheckID: check.ID, Told: t, Candidates: ids(match.Members), Answer: a})
		}
	}
	switch {
	case len(unsure) > 0:
		q := unsure[0]
		for _, other := range unsure[1:] {
			q.Rest = append(q.Rest, other.Told)
		}
		q.Rest = append(q.Rest, everybody...)
		return h.askWho(check, q)
	case len(everybody) > 0:
		return h.askWith(ctx, check, question{Kind: askWith, CheckID: check.ID, Told: everybody[0], Answer: a})
	case a.Status == "":
		return h.andYou(ctx, check)
	}
	return nil
}

// meant are those of whom something was told.
func (h *hearing) meant(t told) who.Match {
	m, ok := h.Service.Roster().ByID(t.Member)
	switch {
	case ok:
		return who.Match{Members: []roster.Member{m}}
	case t.Member != "":
		return who.Match{} // called so, perhaps, but not the one on the roster
	case t.Word == "":
		return who.Match{Everyone: true}
	}
	return who.Find(h.Service.Roster(), h.member, t.Word)
}

// isCertain reports whether it is known who is meant.
func isCertain(m who.Match) bool {
	return !m.Everyone && !m.Guess && (len(m.Members) == 1 || m.Group && len(m.Members) > 0)
}

// recordFor plans an answer that the member gives for others. Meant is set when
// they have named the person and the status on purpose, with a command; else see
// [broadcast.Service.PlanReport].
func (h *hearing) recordFor(ctx context.Context, check broadcast.Check, others []roster.Member, status broadcast.Status, a broadcast.Answer, meant bool) error {
	w := h.words()
	var lines []string
	for _, other := range others {
		standing, ok, err := h.Service.Standing(ctx, check, other)
		if err != nil {
			return err
		}
		name := locale.Data{"Name": Plain(other.Name), "Icon": status.Icon(), "Status": status.Word(w.Texts)}
		if other.ID == h.member.ID {
			own := a
			own.Status = status
			if err := h.record(ctx, check, own); err != nil {
				return err
			}
			continue
		}
		if !ok {
			lines = append(lines, w.T("told.unasked", name))
			continue
		}
		report := a
		report.Status, report.ReportedBy, report.Place, report.Stranded = status, h.member.ID, nil, false
		switch {
		case meant && len(others) == 1:
			report.Confirmed = standing.Status.Grave()
			h.Service.PlanAnswer(h.change, check, standing, report)
			lines = append(lines, w.T("told.noted", name))
		case h.Service.PlanReport(h.change, check, standing, report):
			lines = append(lines, w.T("told.held", locale.Data{"Name": Plain(other.Name), "Icon": standing.Status.Icon(), "Status": standing.Status.Word(w.Texts)}))
			h.tell(check, "told.against", a)
		default:
			lines = append(lines, w.T("told.noted", name))
		}
	}
	if len(lines) > 0 && h.patient(status == broadcast.Help) {
		h.say("told-"+a.Carrier+"-"+others[0].ID, w.Mark(check.Drill())+strings.Join(lines, "\n"))
	}
	return nil
}

// tell whispers to the organisers what the member wrote about somebody.
func (h *hearing) tell(check broadcast.Check, key string, a broadcast.Answer) {
	h.Service.PlanWhisper(h.change, key+"-"+a.Carrier, func(o roster.Member) string {
		t := h.texts(o.Lang)
		return t.Mark(check.Drill()) + t.T(key, locale.Data{"Name": Plain(h.member.Name)}) + "\n" + t.T("alarm.text", locale.Data{"Text": Plain(a.Text)})
	})
}

func ids(members []roster.Member) (all []string) {
	for _, m := range members {
		all = append(all, m.ID)
	}
	return all
}

// pendingOthers are those of the check that nothing good or bad is known of,
// besides the member.
func (h *hearing) pendingOthers(ctx context.Context, check broadcast.Check) ([]roster.Member, error) {
	tally, err := h.Service.Tally(ctx, check)
	if err != nil {
		return nil, err
	}
	var others []roster.Member
	for _, s := range tally.Standings {
		self := s.Member.ID == h.member.ID || s.Member.Talk != "" && s.Member.Talk == h.member.Talk
		told := slices.ContainsFunc(h.change.Answers, func(a broadcast.Answer) bool { return a.MemberID == s.Member.ID })
		if !self && !told && (s.Status == broadcast.Pending || s.Status == broadcast.Unclear) {
			others = append(others, s.Member)
		}
	}
	return others, nil
}
