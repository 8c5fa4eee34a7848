package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

// manual writes the manual pages of a tree of commands into a folder: in English
// into man1, in other languages into their own folders, as man looks for them.
// It is for whoever packs the program, and not shown.
func (t *Terminal) manual(tree func(*Terminal) *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use: "man " + t.texts.T("emergency.use_folder"), Short: t.texts.T("emergency.man"), Hidden: true, Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, words []string) error {
			if len(words) == 0 {
				return missing(c)
			}
			if err := atMostOne(c, words); err != nil {
				return err
			}
			for _, lang := range locale.Languages {
				other := *t
				other.texts = locale.For(lang, t.zone)
				root := tree(&other)
				other.dress(root)
				folder := filepath.Join(words[0], lang, "man1")
				if lang == "en" {
					folder = filepath.Join(words[0], "man1")
				}
				if err := other.writePages(folder, root); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// writePages writes the page of a command and of those below it.
func (t *Terminal) writePages(folder string, c *cobra.Command) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("write the manual: %w", err)
	}
	name := strings.ReplaceAll(c.CommandPath(), " ", "-")
	if err := os.WriteFile(filepath.Join(folder, name+".1"), []byte(t.page(name, c)), 0o644); err != nil {
		return fmt.Errorf("write the manual: %w", err)
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			if err := t.writePages(folder, sub); err != nil {
				return err
			}
		}
	}
	return nil
}

// page is the manual page of a command, in the language of man.
func (t *Terminal) page(name string, c *cobra.Command) string {
	var b strings.Builder
	section := func(key string) { fmt.Fprintf(&b, ".SH %s\n", roff(t.texts.T("emergency.man_"+key))) }
	entry := func(name, text string) { fmt.Fprintf(&b, ".TP\n\\fB%s\\fR\n%s\n", roff(name), roff(text)) }
	fmt.Fprintf(&b, ".TH %s 1\n", roff(strings.ToUpper(name)))
	section("name")
	fmt.Fprintf(&b, "%s \\- %s\n", roff(name), roff(c.Short))
	section("synopsis")
	fmt.Fprintf(&b, "%s\n", roff(t.usageLine(c)))
	if c.HasAvailableSubCommands() {
		section("commands")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				entry(sub.Name(), sub.Short)
			}
		}
	}
	section("options")
	t.visitFlags(c, func(f *pflag.Flag) {
		name, text := flagRow(f)
		entry(name, text)
	})
	if c.Example != "" {
		section("examples")
		fmt.Fprintf(&b, ".nf\n%s\n.fi\n", roff(c.Example))
	}
	section("exit")
	for i, key := range []string{"emergency.exit_ok", "emergency.exit_failed", "emergency.exit_mistake", "emergency.exit_nobody"} {
		entry(fmt.Sprint(i), t.texts.T(key))
	}
	return b.String()
}

// roff makes a text mean nothing but itself in a manual page.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
