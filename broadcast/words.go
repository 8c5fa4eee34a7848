package broadcast

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
)

// Icon is the picture of a status. Those of safe, injured and help are also
// the reactions that answer a prompt.
func (s Status) Icon() string {
	switch s {
	case Safe:
		return "✅"
	case Injured:
		return "🩹"
	case Help:
		return "🆘"
	case Unclear:
		return "❓"
	default:
		return "⏳"
	}
}

// Taps are the reactions that answer a prompt, in the order in which they are
// offered.
var Taps = []Status{Safe, Injured, Help}

// Word is the status in words.
func (s Status) Word(t *locale.Texts) string { return t.T("status." + string(s)) }

// Words turns messages into text in one language. Plain makes what people wrote
// (names, answers) harmless for the place where it will be shown.
type Words struct {
	*locale.Texts
	Plain func(string) string
	// Contact says whom to call when nothing else works, from the
	// configuration.
	Contact string
	// Page is the address of the answer page without a slash at its end; empty
	// when there is none.
	Page string
	// Replies says that replies to mails are read.
	Replies bool
}

// Chat words a message for a chat. The mark of a drill comes first, then the
// mention of whom it is for.
func (w Words) Chat(m Message, mention string) string {
	return w.Mark(m.drill()) + mention + strings.Join(w.lines(m), "\n")
}

// Mail words a message for a mail: its subject and its text.
func (w Words) Mail(m Message) (subject, body string) {
	subject = w.T("mark.real")
	if m.drill() {
		subject = w.Mark(true)
	}
	lines := w.lines(m)
	switch m.Purpose {
	case Ask, Remind:
		subject += w.T("mail.subject_ask")
		lines = append(lines, "")
		lines = append(lines, w.howToAnswer(m)...)
		lines = append(lines, "", w.from(m))
	case Clarify, Confirm:
		subject += w.T("mail.subject_ask")
		lines = append(lines, "")
		lines = append(lines, w.howToAnswer(m)...)
	case Relief:
		subject += w.T("mail.subject_relief", locale.Data{"Name": w.Plain(m.About.Name)})
	case Announce:
		subject = w.T("mail.subject_announce")
	case Alarm:
		subject += w.T("mail.subject_alarm", locale.Data{"Name": w.Plain(m.About.Name)})
	case Silence:
		subject += w.T("mail.subject_silence")
	default:
		// A notice that belongs to no check may still be about a drill.
		drill := m.drill() || strings.HasPrefix(m.Body, w.Mark(true))
		subject = w.Mark(drill) + w.T("mail.subject_notice")
	}
	signature := "mail.signature"
	if w.Replies {
		signature = "mail.signature_replies"
	}
	lines = append(lines, "", w.T(signature))
	return subject, w.Mark(m.drill()) + strings.Join(lines, "\n") + "\n"
}

func (m Message) drill() bool { return m.Check.Drill() }

// lines words what every channel says.
func (w Words) lines(m Message) []string {
	switch m.Purpose {
	case Ask:
		return w.prompt(m, "prompt.ask")
	case Remind:
		return w.prompt(m, "prompt.remind")
	case TallyOf:
		return w.Tally(m.Tally)
	case Clarify:
		return []string{w.T("prompt.clarify")}
	case Confirm:
		return []string{w.T("prompt.confirm", locale.Data{"Icon": m.Answer.Status.Icon(), "Status": m.Answer.Status.Word(w.Texts), "When": w.When(m.Answer.At)})}
	case Alarm:
		return w.alarm(m)
	case Relief:
		return w.relief(m)
	case Announce:
		if m.About.Name == "" {
			return []string{w.T("emergency.announcement", locale.Data{"Text": w.Plain(m.Body)})}
		}
		return []string{w.T("announce.text", locale.Data{"Name": w.Plain(m.About.Name), "Text": w.Plain(m.Body)})}
	case Silence:
		return w.silence(m)
	case ReportOf:
		return w.Report(m.Report)
	case BoardLink:
		return []string{w.T("board.posted"), w.Page + "/b/" + m.Token}
	default:
		return []string{m.Body}
	}
}

func (w Words) prompt(m Message, key string) []string {
	var lines []string
	if m.drill() {
		lines = append(lines, w.T("prompt.practice"))
	}
	lines = append(lines, w.T(key))
	if m.Check.Question != "" {
		lines = append(lines, w.T("prompt.question", locale.Data{"Question": w.Plain(m.Check.Question)}))
	}
	return lines
}

// HowToTap tells how a prompt in a chat is answered.
func (w Words) HowToTap() string { return w.T("prompt.tap") + "\n" + w.T("prompt.choices") }

func (w Words) howToAnswer(m Message) []string {
	lines := []string{w.T("mail.how")}
	if link := w.AnswerLink(m); link != "" {
		lines = append(lines, w.T("mail.how_page"), link)
	}
	if w.Replies {
		lines = append(lines, w.T("mail.how_reply"))
	}
	if slices.ContainsFunc(m.Members, func(r roster.Member) bool { return r.Talk != "" }) {
		lines = append(lines, w.T("mail.how_talk"))
	}
	if w.Contact != "" {
		lines = append(lines, w.T("mail.how_call", locale.Data{"Contact": w.Contact}))
	} else {
		lines = append(lines, w.T("mail.how_call_family"))
	}
	return append(lines, w.T("mail.how_171"))
}

// AnswerLink leads to the page where the reader answers; empty when there is
// none.
func (w Words) AnswerLink(m Message) string {
	if w.Page == "" || m.Token == "" || !m.Purpose.Answerable() {
		return ""
	}
	return w.Page + "/a/" + m.Token
}

func (w Words) from(m Message) string {
	when := w.When(m.Check.StartedAt)
	if m.Check.StartedBy == "" {
		return w.T("mail.from_nobody", locale.Data{"When": when})
	}
	return w.T("mail.from", locale.Data{"By": w.Plain(m.Check.StartedBy), "When": when})
}

// Tally words a tally, a line for each status, whoever needs somebody first.
func (w Words) Tally(t Tally) []string {
	title := "tally.title"
	if !t.Check.Open() {
		title = "tally.closed"
	}
	lines := []string{w.T(title, locale.Data{"Answered": t.Answered(), "All": len(t.Standings)})}
	if !t.Updated.IsZero() {
		lines = append(lines, w.T("tally.updated", locale.Data{"When": w.When(t.Updated)}))
	}
	lines = append(lines, w.whoIs(t, Statuses()...)...)
	if who := t.Unreached(); len(who) > 0 {
		lines = append(lines, w.T("tally.unreached", locale.Data{"Names": w.names(who, false)}))
	}
	return lines
}

// whoIs names who has each of the statuses, in a line for each that somebody has.
func (w Words) whoIs(t Tally, statuses ...Status) (lines []string) {
	for _, status := range statuses {
		if who := t.Who(status); len(who) > 0 {
			lines = append(lines, w.T("tally.line", locale.Data{
				"Icon": status.Icon(), "Status": status.Word(w.Texts), "Number": len(who), "Names": w.names(who, true),
			}))
		}
	}
	return lines
}

// names joins the names, with the places that were shared.
func (w Words) names(who []Standing, places bool) string {
	var names []string
	for _, s := range who {
		name := w.Plain(s.Member.Name)
		if p := s.Answer.Place; p != nil && places {
			place := p.Name
			if place == "" {
				place = w.T("tally.shared_place")
			}
			name += w.T("tally.place", locale.Data{"Place": w.Plain(place)})
		}
		if s.Answer.Stranded {
			name += w.T("tally.stranded")
		}
		names = append(names, name)
	}
	return w.Names(names)
}

func (w Words) alarm(m Message) []string {
	lines := []string{w.T("alarm.title", locale.Data{"Name": w.Plain(m.About.Name)})}
	if m.Answer.Text != "" {
		lines = append(lines, w.T("alarm.text", locale.Data{"Text": w.Plain(m.Answer.Text)}))
	}
	if p := m.Answer.Place; p != nil {
		lines = append(lines, w.T("alarm.place", locale.Data{"Place": strings.TrimSpace(w.Plain(p.Name) + " " + p.Map())}), p.Geo())
	}
	if m.ReportedBy.ID != "" {
		lines = append(lines, w.T("alarm.by", locale.Data{"Name": w.Plain(m.ReportedBy.Name)}))
	}
	// Numbers are for the organisers, not for the room.
	if len(m.About.Phones) > 0 && len(m.Members) > 0 && m.Members[0].Organiser {
		lines = append(lines, w.T("alarm.phones", locale.Data{"Phones": w.plainly(m.About.Phones)}))
	}
	return append(lines, w.T("alarm.when", locale.Data{"When": w.When(m.Answer.At)}))
}

// Telling words what somebody has said for those who are told of it: the title with
// its data, their own words, and when. The check is zero for what belongs to none.
func (w Words) Telling(check Check, mention, title string, data locale.Data, a Answer) string {
	lines := []string{w.Mark(check.Drill()) + mention + w.T(title, data)}
	if a.Text != "" {
		lines = append(lines, w.T("alarm.text", locale.Data{"Text": w.Plain(a.Text)}))
	}
	return strings.Join(append(lines, w.T("alarm.when", locale.Data{"When": w.When(a.At)})), "\n")
}

// relief words that somebody who needed help does so no more.
func (w Words) relief(m Message) []string {
	key := "relief.title"
	if m.Answer.Status == Pending {
		key = "relief.taken_back"
	}
	lines := []string{w.T(key, locale.Data{"Name": w.Plain(m.About.Name), "Icon": m.Answer.Status.Icon(), "Status": m.Answer.Status.Word(w.Texts)})}
	if m.Answer.Text != "" {
		lines = append(lines, w.T("alarm.text", locale.Data{"Text": w.Plain(m.Answer.Text)}))
	}
	if m.ReportedBy.ID != "" {
		lines = append(lines, w.T("alarm.by", locale.Data{"Name": w.Plain(m.ReportedBy.Name)}))
	}
	return append(lines, w.T("alarm.when", locale.Data{"When": w.When(m.Answer.At)}))
}

// plainly joins texts from people.
func (w Words) plainly(texts []string) string {
	var plain []string
	for _, text := range texts {
		plain = append(plain, w.Plain(text))
	}
	return w.Names(plain)
}

// Map is a link that shows the place on a map.
func (p Place) Map() string {
	return fmt.Sprintf("https://www.openstreetmap.org/?mlat=%.6f&mlon=%.6f#map=17/%.6f/%.6f", p.Latitude, p.Longitude, p.Latitude, p.Longitude)
}

// Geo is the place as an address that maps on phones open (RFC 5870).
func (p Place) Geo() string { return fmt.Sprintf("geo:%.6f,%.6f", p.Latitude, p.Longitude) }

func (w Words) silence(m Message) []string {
	var who, away []Standing
	for _, s := range m.Tally.Who(Pending) {
		if m.Away[s.Member.ID] {
			away = append(away, s)
		} else {
			who = append(who, s)
		}
	}
	lines := []string{w.T("silence.title", locale.Data{"Count": len(who), "Number": len(who)})}
	for _, s := range who {
		line := w.T("silence.line", locale.Data{"Name": w.Plain(s.Member.Name)})
		if len(s.Member.Phones) > 0 {
			line = w.T("silence.line_phones", locale.Data{"Name": w.Plain(s.Member.Name), "Phones": w.plainly(s.Member.Phones)})
		}
		lines = append(lines, line)
		if s.Trouble != "" {
			lines = append(lines, w.T("silence.trouble", locale.Data{"Reason": w.Plain(w.Reason(s.Trouble))}))
		}
	}
	if len(away) > 0 {
		lines = append(lines, w.T("silence.away", locale.Data{"Names": w.names(away, false)}))
	}
	return append(lines, w.T("silence.advice"))
}

// Report words the report at the end of a check.
func (w Words) Report(r Report) []string {
	c := r.Tally.Check
	lines := []string{w.T("report.title")}
	if c.ClosedBy != "" {
		lines[0] = w.T("report.title_by", locale.Data{"By": w.Plain(c.ClosedBy)})
	}
	if text := w.Unrelieved(r.Tally); text != "" {
		lines = append(lines, text)
	}
	lines = append(lines, w.T("report.answered", locale.Data{"Answered": r.Tally.Answered(), "All": len(r.Tally.Standings)}))
	if r.Quartiles[0] > 0 {
		lines = append(lines, w.T("report.quartiles", locale.Data{
			"Q1": w.share(r.Quartiles[0]), "Q2": w.share(r.Quartiles[1]), "Q3": w.share(r.Quartiles[2]),
		}))
	}
	if len(r.Over) > 0 {
		lines = append(lines, w.T("report.over", locale.Data{"List": w.over(r.Over)}))
	}
	if who := r.Tally.Who(Pending); len(who) > 0 {
		lines = append(lines, w.T("report.silent", locale.Data{"Names": w.names(who, false)}))
	}
	if len(r.Failures) > 0 {
		lines = append(lines, w.T("report.failed"))
		lines = append(lines, w.failures(r)...)
	}
	if r.Twice > 0 {
		lines = append(lines, w.T("report.twice", locale.Data{"Count": r.Twice, "Number": r.Twice}))
	}
	return append(lines, w.T("report.late"))
}

// Unrelieved names who needs help or is hurt, in a line for each; empty when nobody
// does.
func (w Words) Unrelieved(t Tally) string { return strings.Join(w.whoIs(t, Help, Injured), "\n") }

// moments are the times for which the curve may have a line.
var moments = []time.Duration{
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 72 * time.Hour,
}

// Curve draws how the first answers came in over time, in lines of at most some
// forty columns: one for each moment by which there were more.
func (w Words) Curve(r Report) []string {
	var lines []string
	all, before := len(r.Tally.Standings), 0
	draw := func(n int, key string, number int) {
		if n > before {
			lines = append(lines, w.T(key, locale.Data{"Bar": bar(n, all), "Answered": n, "All": all, "Number": number}))
		}
		before = n
	}
	for _, at := range moments {
		n, _ := slices.BinarySearch(r.Times, at+1)
		if at < time.Hour {
			draw(n, "report.curve_minutes", int(at.Minutes()))
		} else {
			draw(n, "report.curve_hours", int(at.Hours()))
		}
	}
	draw(len(r.Times), "report.curve_later", 0)
	return lines
}

// bar is a share of all, ten columns long.
func bar(n, all int) string {
	const columns = 10
	full := min((n*columns+all-1)/max(all, 1), columns)
	return strings.Repeat("█", full) + strings.Repeat("░", columns-full)
}

func (w Words) share(d time.Duration) string {
	if d == 0 {
		return w.T("report.unknown_span")
	}
	return w.Span(d)
}

func (w Words) over(over map[Source]int) string {
	var items []string
	for _, source := range []Source{ByTap, ByRoom, ByDirect, ByPlace, ByVoice, ByLink, ByMail, ByPhone} {
		if over[source] > 0 {
			items = append(items, w.T("report.over_item", locale.Data{"Source": w.T("source." + string(source)), "Number": over[source]}))
		}
	}
	return w.Names(items)
}

// failures names what did not arrive, once for each member, channel and reason.
// What a server said about it stays with the organisers: it may hold an address.
func (w Words) failures(r Report) []string {
	members := map[string]roster.Member{}
	for _, s := range r.Tally.Standings {
		members[s.Member.ID] = s.Member
	}
	var lines []string
	for _, d := range r.Failures {
		reason, _, _ := strings.Cut(d.Reason, ": ")
		line := w.T("report.failed_line", locale.Data{
			"Name": w.Plain(members[d.MemberID].Name), "Channel": w.T("channel." + string(d.Channel)), "Reason": w.Plain(w.Reason(reason)),
		})
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}
