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

// tellOf plans the answer of a command such as "!safe" or "!safe Grandma".
func (h *hearing) tellOf(ctx context.Context, o order) error {
	status := map[command.Name]broadcast.Status{command.Safe: broadcast.Safe, command.Injured: broadcast.Injured, command.SOS: broadcast.Help}[o.Name]
	a := broadcast.Answer{Carrier: h.carrier(), At: h.at, Source: h.place.source(), Status: status, Text: strings.TrimSpace(h.message.PlainText())}
	check, asked, early, err := h.checkOf(ctx)
	if err != nil {
		return err
	}
	other, named := h.person(o.rest)
	own := o.rest == "" || aboutSelf(o.rest) || named && other.ID == h.member.ID
	switch {
	case early && status.Grave():
		h.old(check, status, own, a)
		return nil
	case early:
		h.reply(h.words().T("bot.early", locale.Data{"When": h.words().When(check.StartedAt)}))
		return nil
	case status == broadcast.Help && (!asked || !check.Open()):
		title := "alarm.title"
		if !own {
			title = "alarm.tells"
		}
		h.cry(broadcast.Check{}, title, a)
		return nil
	case !asked:
		h.reply(h.words().T("bot.nothing"))
		return nil
	}
	if o.rest == "" {
		return h.record(ctx, check, a)
	}
	match, outside := h.find(o.rest)
	switch {
	case isCertain(match):
		return h.recordFor(ctx, check, match.Members, status, a, true)
	case len(match.Members) > 0 && !match.Everyone:
		return h.askWho(check, question{Kind: askWho, CheckID: check.ID, Told: told{Word: o.rest, Status: status}, Candidates: ids(match.Members), Answer: a})
	}
	if !outside && aboutSelf(o.rest) {
		return h.record(ctx, check, a)
	}
	return h.tellOfNobody(ctx, check, o.rest, outside, a)
}

// tellOfNobody plans what follows when nobody has the name behind a command. It
// may be a slip, or words about the writer, whom it changes only when they say so.
// Whoever it is about: a cry for help is told at once.
func (h *hearing) tellOfNobody(ctx context.Context, check broadcast.Check, name string, outside bool, a broadcast.Answer) error {
	t := told{Word: name, Status: a.Status}
	a.Status = ""
	switch t.Status {
	case broadcast.Help:
		h.cry(check, "alarm.tells", a)
	case broadcast.Injured:
		h.tell(check, "told.somebody", a)
	}
	if outside {
		h.reply(h.words().T("status_of.nobody", locale.Data{"Word": Plain(name)}))
		return nil
	}
	return h.askWho(check, question{Kind: askWho, CheckID: check.ID, Told: t, Candidates: []string{h.member.ID}, Answer: a})
}

// Words that begin or end what somebody says of themselves behind a command: where
// they are. Anything else may be a name, as 田中 is.
var (
	selfBegins = []string{"at", "in", "on", "near", "with"}
	selfAlone  = []string{"here", "home", "now", "already", "自宅", "家", "会社", "学校"}
	selfEnds   = []string{"にいます", "にいる", "にいるよ", "にて", "着きました"}
)

// aboutSelf reports whether the words behind a command such as "!safe" go on to
// speak of the writer, as in "!safe at the office".
func aboutSelf(words string) bool {
	words = strings.TrimRight(strings.ToLower(words), "。．.!！")
	first, _ := command.Cut(words)
	ends := slices.ContainsFunc(selfEnds, func(end string) bool { return strings.HasSuffix(words, end) })
	return slices.Contains(selfBegins, first) || slices.Contains(selfAlone, words) || ends && !strings.Contains(words, "が")
}

// status words where everybody stands, or one person.
func (h *hearing) status(ctx context.Context, name string) error {
	w := h.words()
	checks, err := h.Service.Store.Checks(ctx, 1)
	if err != nil {
		return err
	}
	if len(checks) == 0 {
		h.reply(w.T("bot.nothing_ever"))
		return nil
	}
	check := checks[0]
	if name == "" {
		tally, err := h.Service.Tally(ctx, check)
		if err != nil {
			return err
		}
		h.reply(w.Mark(check.Drill()) + strings.Join(w.Tally(tally), "\n"))
		return nil
	}
	match, _ := h.find(name)
	if len(match.Members) == 0 {
		h.reply(w.T("status_of.nobody", locale.Data{"Word": Plain(name)}))
		return nil
	}
	var lines []string
	for _, m := range match.Members {
		about, err := h.about(ctx, check, m)
		if err != nil {
			return err
		}
		lines = append(lines, about...)
	}
	h.reply(w.Mark(check.Drill()) + strings.Join(lines, "\n"))
	return nil
}

// about words where one member stands: how they are, what they said and when, on
// a way home from them, and, for an organiser alone, how they can be reached.
func (h *hearing) about(ctx context.Context, check broadcast.Check, m roster.Member) ([]string, error) {
	w := h.words()
	standing, ok, err := h.Service.Standing(ctx, check, m)
	if err != nil {
		return nil, err
	}
	if !ok {
		return []string{w.T("status_of.unasked", locale.Data{"Name": Plain(m.Name)})}, nil
	}
	lines := []string{w.T("status_of.line", locale.Data{"Name": Plain(m.Name), "Icon": standing.Status.Icon(), "Status": standing.Status.Word(w.Texts)})}
	answers, err := h.Service.Store.Answers(ctx, check.ID)
	if err != nil {
		return nil, err
	}
	answers = slices.DeleteFunc(answers, func(a broadcast.Answer) bool { return a.MemberID != standing.Member.ID || a.Claimed })
	for _, a := range answers[max(len(answers)-maxSaid, 0):] {
		lines = append(lines, h.saidLine(a))
	}
	if h.member.Organiser && h.place.direct {
		lines = append(lines, h.ways(m))
	}
	return lines, nil
}

// maxSaid is how many of somebody's latest answers are shown.
const maxSaid = 5

// saidLine words one answer: when, what, how it came, and from whom.
func (h *hearing) saidLine(a broadcast.Answer) string {
	w := h.words()
	text := Plain(a.Text)
	if a.Place != nil {
		text = strings.TrimSpace(text + " " + Plain(a.Place.Name) + " " + a.Place.Map())
	}
	data := locale.Data{"When": w.When(a.At), "Icon": "", "Source": w.T("source." + string(a.Source)), "Text": text}
	if a.Status != "" {
		data["Icon"] = a.Status.Icon()
	}
	line := w.T("status_of.said", data)
	if by, ok := h.Service.Roster().ByID(a.ReportedBy); ok {
		line += w.T("status_of.by", locale.Data{"Name": Plain(by.Name)})
	}
	return line
}

// ways words how somebody can be reached.
func (h *hearing) ways(m roster.Member) string {
	w := h.words()
	var ways []string
	if m.Talk != "" {
		ways = append(ways, w.T("channel.direct"))
	}
	for _, way := range slices.Concat(m.Emails, m.Phones) {
		ways = append(ways, Plain(way))
	}
	if len(ways) == 0 {
		return w.T("reason.no-way")
	}
	return w.Names(ways)
}
