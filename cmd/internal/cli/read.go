package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/anpi-bot/anpi/bot/answer"
)

// read shows how the bot would understand what people write: a line for each
// line of the input, with fields between tabs.
func (t *Terminal) read() *cobra.Command {
	var proxy, explain bool
	c := &cobra.Command{
		Use: "read", Short: t.texts.T("usage.read"), Args: noArguments,
		Example: "  echo " + t.texts.T("usage.example_answer") + " | anpi read --explain",
		RunE: func(*cobra.Command, []string) error {
			in, out := bufio.NewReader(t.In), bufio.NewWriter(t.Out)
			for {
				line, err := in.ReadString('\n')
				if line != "" {
					text := strings.TrimRight(line, "\r\n")
					fmt.Fprintln(out, understanding(text, proxy, explain))
				}
				if in.Buffered() == 0 || err != nil {
					// Whoever types sees the answer at once.
					if err := out.Flush(); err != nil {
						return err
					}
				}
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					return err
				}
			}
		},
	}
	c.Flags().BoolVar(&proxy, "proxy", false, t.texts.T("usage.flag_proxy"))
	c.Flags().BoolVar(&explain, "explain", false, t.texts.T("usage.flag_explain"))
	return c
}

// understanding is the label and the text; of a report about somebody else, if
// wanted, who, how they are and whether the writer's own status follows; and, if
// wanted, why.
func understanding(text string, proxy, explain bool) string {
	r := answer.Read(text)
	fields := []string{r.Label(), text}
	if proxy && len(r.Reports) > 0 {
		var whom, how []string
		for _, report := range r.Reports {
			whom, how = append(whom, report.Who), append(how, answer.Reading{Status: report.Status}.Label())
		}
		fields = append(fields, strings.Join(whom, ","), strings.Join(how, ","), string(r.Self))
	}
	if explain {
		fields = append(fields, strings.Join(r.Why, " "))
	}
	return strings.Join(fields, "\t")
}
