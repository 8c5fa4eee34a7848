package bot

import (
	"context"
	"slices"
	"strings"

	"github.com/anpi-bot/anpi/bot/command"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
)

// roster words who belongs to the family, and who cannot be reached and why.
// Addresses are for an organiser alone.
func (h *hearing) roster(ctx context.Context) error {
	w := h.words()
	members := h.Service.Roster().Members
	preferences, err := broadcast.ReadPreferences(ctx, h.Service.Store)
	if err != nil {
		return err
	}
	trouble, err := h.trouble(ctx)
	if err != nil {
		return err
	}
	lines := []string{w.T("roster.title", locale.Data{"Count": len(members), "Number": len(members)})}
	for _, m := range members {
		line := w.T("roster.line", locale.Data{"Name": Plain(m.Name)})
		if m.Organiser {
			line += w.T("roster.organiser")
		}
		if h.member.Organiser && h.place.direct {
			line += w.T("roster.ways", locale.Data{"Ways": h.ways(m)})
		}
		if p := preferences[m.ID]; p.Away(h.change.Now) {
			line += w.T("roster.away", locale.Data{"Until": w.Day(p.AwayUntil.Add(-1))})
		}
		lines = append(lines, line)
		switch reason := trouble[m.ID]; {
		case m.Talk == "" && len(m.Emails) == 0:
			lines = append(lines, w.T("roster.unreached", locale.Data{"Reason": w.T("reason.no-way")}))
		case reason != "":
			lines = append(lines, w.T("roster.unreached", locale.Data{"Reason": Plain(w.Reason(reason))}))
		case m.Talk == "" || len(m.Emails) == 0:
			lines = append(lines, w.T("roster.one_way", locale.Data{"Way": h.onlyWay(m)}))
		}
	}
	h.reply(strings.Join(lines, "\n"))
	return nil
}

// onlyWay names the one channel over which somebody can be reached.
func (h *hearing) onlyWay(m roster.Member) string {
	if m.Talk != "" {
		return h.words().T("channel.direct")
	}
	return h.words().T("channel.email")
}

// trouble is why the members whom no prompt of the newest check reached were not
// reached, by member id. What a server said may hold an address and is left out.
func (h *hearing) trouble(ctx context.Context) (map[string]string, error) {
	checks, err := h.Service.Store.Checks(ctx, 1)
	if err != nil || len(checks) == 0 {
		return nil, err
	}
	tally, err := h.Service.Tally(ctx, checks[0])
	if err != nil {
		return nil, err
	}
	trouble := map[string]string{}
	for _, s := range tally.Unreached() {
		trouble[s.Member.ID], _, _ = strings.Cut(s.Trouble, ": ")
	}
	return trouble, nil
}

// groups words the groups of the address book and who is in each.
func (h *hearing) groups() string {
	w := h.words()
	in := map[string][]roster.Member{}
	var names []string
	for _, m := range h.Service.Roster().Members {
		for _, g := range m.Groups {
			if in[g] == nil {
				names = append(names, g)
			}
			in[g] = append(in[g], m)
		}
	}
	if len(names) == 0 {
		return w.T("groups.none")
	}
	slices.Sort(names)
	lines := []string{w.T("groups.title")}
	for _, g := range names {
		lines = append(lines, w.T("groups.line", locale.Data{"Group": Plain(g), "Names": h.names(in[g])}))
	}
	return strings.Join(lines, "\n")
}

// maxHistory is how many checks the history shows.
const maxHistory = 10

// history words how the latest checks went.
func (h *hearing) history(ctx context.Context) error {
	w := h.words()
	checks, err := h.Service.Store.Checks(ctx, maxHistory)
	if err != nil {
		return err
	}
	if len(checks) == 0 {
		h.reply(w.T("bot.nothing_ever"))
		return nil
	}
	lines := []string{w.T("history.title")}
	for _, c := range checks {
		report, err := h.Service.Report(ctx, c)
		if err != nil {
			return err
		}
		line := w.T("history.line", locale.Data{"When": w.When(c.StartedAt), "Kind": w.T("kind." + string(c.Kind)), "Answered": report.Tally.Answered(), "All": len(report.Tally.Standings)})
		if half := report.Quartiles[1]; half > 0 {
			line += w.T("history.half", locale.Data{"Span": w.Span(half)})
		}
		if c.Open() {
			line += w.T("history.open")
		}
		lines = append(lines, line)
	}
	h.reply(strings.Join(lines, "\n"))
	return nil
}

// next words which drills are planned.
func (h *hearing) next() string {
	w := h.words()
	var planned []Planned
	if h.Next != nil {
		planned = h.Next()
	}
	if len(planned) == 0 {
		return w.T("next.none")
	}
	lines := []string{w.T("next.title")}
	for _, p := range planned {
		lines = append(lines, w.T("next.line", locale.Data{"Name": Plain(p.Name), "When": w.When(p.At)}))
	}
	return strings.Join(lines, "\n")
}

// languages are the words for each language that Anpi speaks.
var languages = map[string][]string{
	"ja": {"ja", "japanese", "日本語", "にほんご", "jp"},
	"en": {"en", "english", "英語", "えいご"},
}

// language plans to speak to the member in another language.
func (h *hearing) language(ctx context.Context, word string) error {
	for _, lang := range locale.Languages {
		if !slices.Contains(languages[lang], strings.ToLower(word)) {
			continue
		}
		h.reply(h.texts(lang).T("language.changed"))
		return h.Service.PlanPreference(ctx, h.change, h.member, func(p *broadcast.Preference) { p.Lang = lang })
	}
	w := h.words()
	h.reply(w.T("language.which", locale.Data{"Usage": command.Of(command.Language).Usage(w.Texts, h.sign())}))
	return nil
}

// pause plans not to chase a member between two days, or to do so again.
func (h *hearing) pause(ctx context.Context, words string) error {
	w := h.words()
	name, days := cutDays(words)
	usage := locale.Data{"Usage": command.Of(command.Pause).Usage(w.Texts, h.sign())}
	member := h.member
	if first, last := name, ""; name != "" {
		if i := strings.LastIndexAny(name, " 　"); i >= 0 {
			first, last = strings.TrimSpace(name[:i]), strings.TrimSpace(name[i:])
		}
		switch {
		case isOff(name):
			first, last = "", name
		case isOff(last):
		default:
			first, last = name, ""
		}
		if first != "" {
			found, ok := h.person(first)
			if !ok {
				h.reply(w.T("status_of.nobody", locale.Data{"Word": Plain(first)}))
				return nil
			}
			member = found
		}
		if last != "" {
			h.reply(w.T("pause.ended", locale.Data{"Name": Plain(member.Name)}))
			return h.Service.PlanPreference(ctx, h.change, member, func(p *broadcast.Preference) {
				p.AwayFrom, p.AwayUntil = h.change.Now, h.change.Now
			})
		}
	}
	from, until, ok := readDays(days, h.change.Now.In(h.zone()))
	if !ok {
		h.reply(w.T("pause.when", usage))
		return nil
	}
	h.reply(w.T("pause.noted", locale.Data{"Name": Plain(member.Name), "From": w.Day(from), "Until": w.Day(until.AddDate(0, 0, -1))}))
	return h.Service.PlanPreference(ctx, h.change, member, func(p *broadcast.Preference) { p.AwayFrom, p.AwayUntil = from, until })
}
