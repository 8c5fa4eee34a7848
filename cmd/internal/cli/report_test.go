package cli

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
)

// isFormula reports whether a spreadsheet would calculate the cell.
func isFormula(cell string) bool {
	first, _ := utf8.DecodeRuneInString(norm.NFKC.String(strings.TrimSpace(cell)))
	return cell != "" && strings.ContainsRune("=+-@", first)
}

// FuzzNoCellIsAFormula: whatever people are called and write, the table has a
// line for each and calculates nothing.
func FuzzNoCellIsAFormula(f *testing.F) {
	for _, text := range []string{"", "safe", "=1+1", "＝1+1", " =1", "\t=1", "+81 90", "-5", "@SUM(A1)", "a\"b,c\n=d", "\x00=1", "\u200f=1"} {
		f.Add(text)
	}
	t := &Terminal{texts: locale.For("en", time.UTC), zone: time.UTC}
	f.Fuzz(func(test *testing.T, text string) {
		v := view{}
		v.Tally.Check = broadcast.Check{ID: 1, Kind: broadcast.Drill}
		for range 2 {
			v.Tally.Standings = append(v.Tally.Standings, broadcast.Standing{
				Member: roster.Member{ID: text, Name: text}, Status: broadcast.Pending, Trouble: text,
				Answer: broadcast.Answer{Text: text, At: time.Unix(0, 0), Source: broadcast.ByTap, Place: &broadcast.Place{Name: text}},
			})
		}
		var out bytes.Buffer
		if err := t.writeCSV(&out, v); err != nil {
			test.Fatal(err)
		}
		lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(out.String(), "\ufeff"))).ReadAll()
		if err != nil || len(lines) != 3 {
			test.Fatalf("%d lines, %v:\n%s", len(lines), err, out.String())
		}
		for _, line := range lines {
			for _, cell := range line {
				if isFormula(cell) {
					test.Errorf("the cell %q is a formula", cell)
				}
			}
		}
		out.Reset()
		if err := t.writeHTML(&out, v); err != nil || strings.Count(out.String(), "<tr>") != 3 || !strings.Contains(out.String(), "<title>[DRILL] ") {
			test.Errorf("%v:\n%s", err, out.String())
		}
	})
}

func TestTheStatusStandsAtTheEnd(t *testing.T) {
	for words, want := range map[string]struct {
		name   string
		status broadcast.Status
	}{
		"Grandma safe": {"Grandma", broadcast.Safe}, "Uncle Bob hurt": {"Uncle Bob", broadcast.Injured}, "Mum HELP": {"Mum", broadcast.Help},
		"母 助けて": {"母", broadcast.Help}, "母 ブジ": {"母", broadcast.Safe}, "safe Grandma": {}, "safe": {}, "Grandma check": {}, "": {},
	} {
		name, status, ok := cutStatus(strings.Fields(words))
		if status != want.status || ok != (want.status != "") || ok && name != want.name {
			t.Errorf("%q: %q, %q, %v", words, name, status, ok)
		}
	}
}

func TestATextMeansNothingInAManualPage(t *testing.T) {
	if got, want := roff(".SH x\n'x\n\\fB a-b"), "\\&.SH x\n\\&'x\n\\efB a\\-b"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
