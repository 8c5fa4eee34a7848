package cli

import (
	"context"
	_ "embed"
	"encoding/csv"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"golang.org/x/text/unicode/norm"

	"github.com/anpi-bot/anpi/bot/command"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/app"
)

// formats are the forms of a report.
var formats = []string{"text", "json", "csv", "html"}

// report reports on a check: as text, for a program, for a spreadsheet, or as a
// page that needs nothing else.
func (t *Terminal) report() *cobra.Command {
	var format string
	c := t.command(command.Report)
	c.Use, c.Args = "report "+t.texts.T("emergency.use_id"), atMostOne
	c.Example = t.examples("emergency.examples_report")
	c.Flags().StringVar(&format, "format", "text", t.texts.T("emergency.flag_format"))
	t.complete(c, "format", func(*app.App) []string { return formats })
	tell := t.with(zerolog.FatalLevel, func(ctx context.Context, a *app.App, words []string) error {
		v, ok, err := t.seeCheck(ctx, a, words)
		if err != nil || !ok {
			return err
		}
		t.show(v)
		switch {
		case t.json:
			return nil
		case format == "csv":
			return t.writeCSV(t.Out, v)
		case format == "html":
			return t.writeHTML(t.Out, v)
		default:
			t.say(t.heading(v.Tally.Check))
			t.say(t.texts.Mark(v.Tally.Check.Drill()) + strings.Join(slices.Concat(t.words().Tally(v.Tally), t.saidLines(v), t.words().Curve(v.Report), t.course(v)), "\n"))
			return nil
		}
	})
	c.RunE = func(c *cobra.Command, words []string) error {
		if !slices.Contains(formats, format) {
			return &usageError{&locale.Problem{Key: "emergency.bad_format", Data: locale.Data{"Word": plain(format)}}}
		}
		t.json = t.json || format == "json"
		return tell(c, words)
	}
	return c
}

// course words how a check has gone, beside the tally. Of one that is open nobody
// can say yet who never answered.
func (t *Terminal) course(v view) []string {
	r := v.Report
	if !r.Tally.Check.Open() {
		return t.words().Report(r)[2:]
	}
	r.Tally.Standings = slices.DeleteFunc(slices.Clone(r.Tally.Standings), func(s broadcast.Standing) bool { return s.Status == broadcast.Pending })
	lines := t.words().Report(r)
	return lines[2 : len(lines)-1]
}

// saidLines word what everybody has said, person by person.
func (t *Terminal) saidLines(v view) []string {
	var lines []string
	for _, s := range v.Tally.Standings {
		for i, a := range v.answersOf(s) {
			if i == 0 {
				lines = append(lines, t.texts.T("status_of.line", locale.Data{"Name": plain(s.Member.Name), "Icon": s.Status.Icon(), "Status": s.Status.Word(t.texts)}))
			}
			lines = append(lines, t.said(v, a))
		}
	}
	return lines
}

func (v view) answersOf(s broadcast.Standing) []broadcast.Answer {
	return slices.DeleteFunc(slices.Clone(v.Answers), func(a broadcast.Answer) bool { return a.MemberID != s.Member.ID })
}

// row is what a table tells of one member.
type row struct {
	Name, Icon, Status, Text, Place, Map, At, Source, By, Trouble string
}

// rows are those of the table, whoever needs somebody first. The times are worded
// by when.
func (t *Terminal) rows(v view, when func(time.Time) string) []row {
	var rows []row
	for _, s := range v.Tally.Standings {
		r := row{Name: plain(s.Member.Name), Icon: s.Status.Icon(), Status: s.Status.Word(t.texts), Text: plain(s.Answer.Text), By: plain(v.name(s.Answer.ReportedBy))}
		if s.Answer.Stranded {
			r.Status += t.texts.T("tally.stranded")
		}
		if p := s.Answer.Place; p != nil {
			r.Place, r.Map = plain(p.Name), p.Map()
			if r.Place == "" {
				r.Place = t.texts.T("tally.shared_place")
			}
		}
		if !s.Answer.At.IsZero() {
			r.At, r.Source = when(s.Answer.At), t.texts.T("source."+string(s.Answer.Source))
		}
		if s.Trouble != "" && !s.Answered && !hasReached(s) {
			r.Trouble = t.texts.Reason(s.Trouble)
		}
		rows = append(rows, r)
	}
	return rows
}

// columns are the heads of the table.
func (t *Terminal) columns() []string {
	var heads []string
	for _, name := range []string{"name", "status", "text", "place", "at", "source", "by", "trouble"} {
		heads = append(heads, t.texts.T("emergency.column_"+name))
	}
	return heads
}

// writeCSV writes the table for a spreadsheet, with a mark at its beginning by
// which spreadsheets know that it is UTF-8. No cell is taken for a formula.
func (t *Terminal) writeCSV(out io.Writer, v view) error {
	if _, err := io.WriteString(out, "\ufeff"); err != nil {
		return err
	}
	w := csv.NewWriter(out)
	w.UseCRLF = true
	rows := [][]string{append([]string{t.texts.T("emergency.column_kind"), t.texts.T("emergency.column_check")}, t.columns()...)}
	kind := t.texts.Mark(v.Tally.Check.Drill()) + t.texts.T("kind."+string(v.Tally.Check.Kind))
	zoned := func(at time.Time) string { return at.In(t.zone).Format("2006-01-02 15:04:05") }
	for _, r := range t.rows(v, zoned) {
		place := strings.TrimSpace(r.Place + " " + r.Map)
		rows = append(rows, []string{kind, zoned(v.Tally.Check.StartedAt), r.Name, r.Status, r.Text, place, r.At, r.Source, r.By, r.Trouble})
	}
	for _, cells := range rows {
		for i, cell := range cells {
			cells[i] = harmless(cell)
		}
		if err := w.Write(cells); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// harmless keeps a spreadsheet from taking a text for a formula, which could
// send the table away. Spreadsheets read wide signs as they do narrow ones.
func harmless(cell string) string {
	first, _ := utf8.DecodeRuneInString(norm.NFKC.String(strings.TrimSpace(cell)))
	if strings.ContainsRune("=+-@|%", first) && cell != "" {
		return "'" + cell
	}
	return cell
}

//go:embed report.html
var reportPage string

var reportTemplate = template.Must(template.New("report").Parse(reportPage))

// writeHTML writes a page that holds everything it needs.
func (t *Terminal) writeHTML(out io.Writer, v view) error {
	c := v.Tally.Check
	tally := t.words().Tally(v.Tally)
	return reportTemplate.Execute(out, map[string]any{
		"Lang": t.texts.Lang, "Mark": t.texts.Mark(c.Drill()), "Drill": c.Drill(), "Title": t.heading(c), "Question": plain(c.Question),
		"Tally": tally, "Curve": t.words().Curve(v.Report), "Lines": t.course(v), "Columns": t.columns(), "Rows": t.rows(v, t.texts.When),
		"Made": t.texts.T("board.as_of", locale.Data{"When": t.texts.When(time.Now())}),
	})
}
