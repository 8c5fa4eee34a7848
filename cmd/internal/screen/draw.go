package screen

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
)

// View is what there is to see of a check.
type View struct {
	// Texts are those of whoever looks at the screen.
	Texts      *locale.Texts
	Tally      broadcast.Tally
	Deliveries []broadcast.Delivery
	// Notices are sentences that stay in sight, the most important one first.
	Notices []string
}

// Draw draws the view in lines that are at most so many columns wide, and at
// most so many. What does not fit is left out from the end: of the members the
// last ones, who need nobody.
func Draw(v View, width, height int, colour bool) []string {
	head, title, members := v.head(width), v.title(), v.members(width)
	if len(head)+1+len(title)+len(members) <= height {
		head = append(head, line{})
	}
	// Half of a small screen belongs to the people, and the title above them goes
	// before the rest.
	people := min(len(members), max(height/2, 1))
	title = title[:min(len(title), max(height-people-1, 1))]
	head = head[:min(len(head), max(height-people-len(title), 0))]
	lines := slices.Concat(head, title, v.fit(members, height-len(head)-len(title)))
	drawn := make([]string, len(lines))
	for i, l := range lines {
		drawn[i] = l.draw(width, colour)
	}
	return drawn
}

// line is one line of the screen.
type line struct {
	style style
	text  string
}

// style is how a line looks in colour: the numbers of an SGR sequence.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "1;31"
	yellow style = "33"
	green  style = "32"
	loud   style = "1;7" // swapped colours, which are loud on every background
)

// draw is the line as it goes to the terminal, cut to the width.
func (l line) draw(width int, colour bool) string {
	text := cut(l.text, width)
	if !colour || l.style == plain || text == "" {
		return text
	}
	return "\x1b[" + string(l.style) + "m" + text + "\x1b[m"
}

// head is the upper part: which check it is, what to know, and how far each
// channel has come.
func (v View) head(width int) []line {
	check := v.Tally.Check
	key := "screen.check"
	if check.Drill() {
		key = "screen.drill"
	}
	top := v.Texts.Mark(check.Drill()) + v.Texts.T(key, locale.Data{"ID": check.ID, "Clock": v.Texts.Clock(check.StartedAt)})
	if check.Question != "" {
		top += " " + v.Texts.T("prompt.question", locale.Data{"Question": locale.OneLine(check.Question, 200)})
	}
	lines := []line{{bold, top}}
	for _, notice := range v.Notices {
		for _, text := range wrap(locale.OneLine(notice, 1000), width) {
			lines = append(lines, line{loud, text})
		}
	}
	return append(lines, v.channels(width)...)
}

// progress is how far the first prompts over one channel have come.
type progress struct {
	name              string
	all, sent, failed int
	troubles          []string // what holds some of them up, each once
}

func (v View) progress() []progress {
	var all []progress
	for _, channel := range []broadcast.ChannelName{broadcast.Room, broadcast.Direct, broadcast.Email} {
		p := progress{name: v.Texts.T("channel." + string(channel))}
		for _, d := range v.Deliveries {
			if d.Channel != channel || d.Purpose != broadcast.Ask || d.State == broadcast.Dropped {
				continue
			}
			p.all++
			switch d.State {
			case broadcast.Sent, broadcast.Seen:
				p.sent++
			case broadcast.Failed:
				p.failed++
			default:
				trouble := locale.OneLine(v.Texts.Reason(d.Reason), 500)
				if trouble != "" && !slices.Contains(p.troubles, trouble) {
					p.troubles = append(p.troubles, trouble)
				}
			}
		}
		if p.all > 0 {
			all = append(all, p)
		}
	}
	return all
}

// channels draws a bar for each channel, and below them what is wrong.
func (v View) channels(width int) []line {
	all := v.progress()
	widest := 0
	for _, p := range all {
		widest = max(widest, columns(p.name))
	}
	var lines, troubles []line
	for _, p := range all {
		l := line{plain, fill(p.name, widest) + " " + bar(p.sent, p.failed, p.all, width/4) + " " + strconv.Itoa(p.sent) + "/" + strconv.Itoa(p.all)}
		switch {
		case p.failed > 0:
			l.style = yellow
			l.text += " " + v.Texts.T("screen.failed", locale.Data{"Number": p.failed})
		case p.sent == p.all:
			l.style = green
		}
		lines = append(lines, l)
		for _, trouble := range p.troubles {
			for _, text := range wrap(v.Texts.T("cli.trouble", locale.Data{"Channel": p.name, "Reason": trouble}), width) {
				troubles = append(troubles, line{yellow, text})
			}
		}
	}
	return append(lines, troubles...)
}

// bar draws how much of the whole is done, so many columns wide. It is drawn in
// letters that every terminal has and that are one column wide in every one.
func bar(sent, failed, all, width int) string {
	width = min(max(width-2, 1), 30)
	done, lost := sent*width/all, (sent+failed)*width/all-sent*width/all
	return "[" + strings.Repeat("#", done) + strings.Repeat("x", lost) + strings.Repeat(".", width-done-lost) + "]"
}

// title is what stands above the members: how many have answered, how many are
// in which status, and when the silent ones are asked again.
func (v View) title() []line {
	t, check := v.Texts, v.Tally.Check
	key := "tally.title"
	if !check.Open() {
		key = "tally.closed"
	}
	var counts []string
	for _, status := range broadcast.Statuses() {
		if n := len(v.Tally.Who(status)); n > 0 {
			counts = append(counts, status.Icon()+" "+strconv.Itoa(n))
		}
	}
	lines := []line{
		{bold, t.T(key, locale.Data{"Answered": v.Tally.Answered(), "All": len(v.Tally.Standings)})},
		{plain, strings.Join(counts, "  ")},
	}
	if check.Open() && !check.NextDue.IsZero() && v.Tally.Answered() < len(v.Tally.Standings) {
		lines = append(lines, line{dim, t.T("screen.next", locale.Data{"Clock": t.Clock(check.NextDue)})})
	}
	return lines
}

// members draws a line for each member, the worst first.
func (v View) members(width int) []line {
	widest := 0
	for _, s := range v.Tally.Standings {
		widest = max(widest, columns(name(s)))
	}
	widest = min(widest, width/3)
	lines := make([]line, len(v.Tally.Standings))
	for i, s := range v.Tally.Standings {
		lines[i] = line{looks[s.Status], s.Status.Icon() + " " + fill(cut(name(s), widest), widest) + "  " + v.detail(s)}
	}
	return lines
}

var looks = map[broadcast.Status]style{broadcast.Help: red, broadcast.Injured: red, broadcast.Unclear: yellow, broadcast.Safe: green}

func name(s broadcast.Standing) string { return locale.OneLine(s.Member.Name, 100) }

// detail is what is known of one member: what they said and when, or how far
// the question has come to them.
func (v View) detail(s broadcast.Standing) string {
	t := v.Texts
	word := s.Status.Word(t)
	switch {
	case s.Status != broadcast.Pending:
		word += " " + t.Clock(s.Answer.At)
		if p := s.Answer.Place; p != nil {
			word += t.T("tally.place", locale.Data{"Place": cmp.Or(locale.OneLine(p.Name, 100), t.T("tally.shared_place"))})
		}
		if s.Answer.Stranded {
			word += t.T("tally.stranded")
		}
		if s.Answer.Text != "" {
			word += " " + t.T("alarm.text", locale.Data{"Text": locale.OneLine(s.Answer.Text, 300)})
		}
		return word
	case s.Reached == broadcast.Seen:
		return word + t.T("comma") + t.T("screen.seen")
	case s.Reached == broadcast.Sent:
		return word
	case s.Trouble != "":
		return t.T("screen.unreached", locale.Data{"Reason": locale.OneLine(t.Reason(s.Trouble), 300)})
	default:
		return t.T("screen.waiting")
	}
}

// fit leaves out the last members when there are more than lines.
func (v View) fit(members []line, height int) []line {
	if len(members) <= height {
		return members
	}
	if height <= 0 {
		return nil
	}
	left := len(members) - (height - 1)
	return append(members[:height-1:height-1], line{dim, v.Texts.T("screen.more", locale.Data{"Count": left, "Number": left})})
}

// wide measures in columns of a terminal: Japanese letters and most pictures
// take two. Letters that are narrow or wide, as the font goes, count as narrow.
var wide = &runewidth.Condition{}

func columns(text string) int { return wide.StringWidth(text) }

func cut(text string, width int) string { return wide.Truncate(text, width, "…") }

func fill(text string, width int) string { return wide.FillRight(text, width) }

// wrap breaks a sentence into lines: between words, or anywhere in a word that
// is longer than a line. Japanese has no blanks.
func wrap(sentence string, width int) []string {
	var lines []string
	last := ""
	for word := range strings.SplitSeq(sentence, " ") {
		joined := strings.TrimPrefix(last+" "+word, " ")
		switch {
		case columns(joined) <= width:
			last = joined
		case columns(word) <= width:
			lines, last = append(lines, last), word
		default:
			broken := strings.Split(wide.Wrap(joined, width), "\n")
			for _, l := range broken[:len(broken)-1] {
				lines = append(lines, strings.TrimRight(l, " "))
			}
			last = broken[len(broken)-1]
		}
	}
	return append(lines, last)
}
