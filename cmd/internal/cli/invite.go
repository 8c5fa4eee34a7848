package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/ask"
	"github.com/anpi-bot/anpi/cmd/internal/invite"
)

// invite brings a new member in. Each question is a flag as well.
func (t *Terminal) invite() *cobra.Command {
	var file, folder string
	given := map[string]string{}
	c := &cobra.Command{
		Use: "invite " + t.texts.T("invite.words"), Short: t.texts.T("invite.about"), Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, words []string) error {
			name := locale.OneLine(strings.Join(words, " "), 64)
			if name == "" {
				return &usageError{&locale.Problem{Key: "invite.needs_name"}}
			}
			answers, err := answersFrom(file, invite.Names)
			if err != nil {
				return err
			}
			for name, value := range given {
				answers[name] = value
			}
			config, err := t.load()
			if err != nil {
				return err
			}
			return asMistake(invite.Run(c.Context(), invite.Options{Config: config, Name: name, Folder: folder, Ask: ask.New(t.In, t.Out, t.texts, answers)}))
		},
	}
	c.Flags().StringVar(&file, "answers", "", t.texts.T("setup.flag_answers"))
	c.Flags().StringVar(&folder, "sheet", ".", t.texts.T("invite.flag_sheet"))
	c.Flags().SortFlags = false
	for _, name := range invite.Names {
		c.Flags().Var(reply{name, given}, name, t.texts.T("invite.ask_"+name, locale.Data{"Name": "…"}))
	}
	return c
}
