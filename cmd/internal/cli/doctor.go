package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/anpi-bot/anpi/cmd/internal/app"
	"github.com/anpi-bot/anpi/cmd/internal/doctor"
)

// doctor looks at everything that must work on the day. Its exit status is what
// monitoring expects: 0 when all is good, 1 when somebody should look at
// something, 2 when something does not work.
func (t *Terminal) doctor() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "doctor", Short: t.texts.T("doctor.usage"), Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			conf, err := t.load()
			if err != nil {
				return err
			}
			ctx := t.log(c.Context(), zerolog.Disabled)
			found, err := app.Examine(ctx, app.Options{Config: conf, Speak: t.lang})
			if err != nil {
				return &usageError{err}
			}
			if asJSON {
				err = t.printReport(found)
			} else {
				t.printFindings(found)
			}
			if err != nil {
				return err
			}
			switch doctor.Worst(found) {
			case doctor.Good:
				return nil
			case doctor.Bad:
				return &usageError{errQuiet}
			default:
				return errQuiet
			}
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, t.texts.T("doctor.usage_json"))
	return c
}

// printReport prints the findings for programs; see docs/json-doctor.md.
func (t *Terminal) printReport(found []doctor.Finding) error {
	e := json.NewEncoder(t.Out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(doctor.NewReport(time.Now(), found, t.texts))
}

// printFindings prints a line for each finding, with the titles in a column.
func (t *Terminal) printFindings(found []doctor.Finding) {
	width := 0
	for _, f := range found {
		width = max(width, runewidth.StringWidth(f.Title(t.texts)))
	}
	for _, f := range found {
		fmt.Fprintf(t.Out, "%s %s  %s\n", f.Grade.Icon(), runewidth.FillRight(f.Title(t.texts), width), f.Text(t.texts, nil))
	}
}
