package cli

import (
	"cmp"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"filippo.io/age"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/app"
	"github.com/anpi-bot/anpi/cmd/internal/backup"
	"github.com/anpi-bot/anpi/cmd/internal/config"
)

// backup makes a backup now.
func (t *Terminal) backup() *cobra.Command {
	var to, recipient, file string
	var keep int
	c := &cobra.Command{
		Use: "backup", Short: t.texts.T("backup.short"), Args: noArguments,
		Example: "  anpi backup --to /media/usb --recipient age1… --keep 7\n  anpi backup --to - --recipients-file family.txt | ssh nas 'cat > anpi.tar.age'",
	}
	flags := c.Flags()
	flags.StringVar(&to, "to", "", t.texts.T("backup.flag_to"))
	flags.StringVar(&recipient, "recipient", "", t.texts.T("backup.flag_recipient"))
	flags.StringVar(&file, "recipients-file", "", t.texts.T("backup.flag_recipients_file"))
	flags.IntVar(&keep, "keep", 0, t.texts.T("backup.flag_keep"))
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := t.log(c.Context(), zerolog.ErrorLevel)
		household, err := t.load()
		if err != nil {
			return err
		}
		if c.Flags().Changed("keep") && keep < 1 {
			return &usageError{&locale.Problem{Key: "backup.bad_keep"}}
		}
		planned := cmp.Or(household.Backup, &config.Backup{})
		if keep == 0 && to == "" {
			keep = planned.Keep
		}
		to = cmp.Or(to, planned.To)
		if to == "" {
			return &usageError{&locale.Problem{Key: "backup.nowhere"}}
		}
		recipients, err := recipientsOf(recipient, file, planned)
		if err != nil {
			return err
		}
		if to == "-" {
			made, err := app.BackUp(ctx, household, recipients, 0, "", t.Out)
			if err == nil {
				// The output is the backup.
				t.tellOfBackup(made, t.complainTo)
			}
			return err
		}
		made, err := app.BackUp(ctx, household, recipients, keep, to, nil)
		if made.Path != "" {
			t.say(t.texts.T("backup.made", locale.Data{"Path": made.Path}))
			t.tellOfBackup(made, t.say)
		}
		return err
	}
	return c
}

// recipientsOf are those that were asked for, else that of the configuration.
func recipientsOf(recipient, file string, planned *config.Backup) (all []age.Recipient, err error) {
	text := recipient + "\n"
	if file != "" {
		more, err := os.ReadFile(file)
		if err != nil {
			return nil, &usageError{&locale.Problem{Key: "backup.no_recipients_file", Data: locale.Data{"Path": file, "Detail": reasonOf(err)}, Err: err}}
		}
		text += string(more)
	}
	if recipient == "" && file == "" {
		if planned.Recipient != nil {
			all = append(all, planned.Recipient)
		}
		return all, nil
	}
	if all, err = backup.Recipients(text); err != nil {
		return nil, &usageError{err}
	}
	return all, nil
}

// tellOfBackup says what is in a backup and what is not.
func (t *Terminal) tellOfBackup(m backup.Made, say func(string)) {
	say(t.texts.T("backup.holds", locale.Data{"Checks": m.Checks, "Answers": m.Answers, "Config": m.Config(), "Passwords": m.Passwords()}))
	if !m.Config() {
		say(t.texts.T("backup.no_config_made"))
	}
	switch {
	case m.Encrypted:
		say(t.texts.T("backup.sealed_made"))
	case m.Config():
		say(t.texts.T("backup.open_made"))
	}
}

// restore puts a backup back.
func (t *Terminal) restore() *cobra.Command {
	var identity string
	o := app.RestoreOptions{Environ: t.Environ}
	c := &cobra.Command{
		Use: "restore " + t.texts.T("backup.file"), Short: t.texts.T("backup.restore_short"), Args: cobra.ArbitraryArgs,
		Example: "  anpi restore anpi-20261122-033000.tar.age --identity key.txt",
	}
	flags := c.Flags()
	flags.StringVar(&identity, "identity", "", t.texts.T("backup.flag_identity"))
	flags.StringVar(&o.Into, "into", "", t.texts.T("backup.flag_into"))
	flags.BoolVar(&o.Force, "force", false, t.texts.T("backup.flag_force"))
	c.RunE = func(c *cobra.Command, words []string) (err error) {
		ctx := t.log(c.Context(), zerolog.ErrorLevel)
		if len(words) != 1 {
			return &usageError{&locale.Problem{Key: "backup.one_file", Data: locale.Data{"Help": c.CommandPath() + " --help"}}}
		}
		o.File, o.Config = words[0], cmp.Or(t.config, config.DefaultPath())
		if o.Config, err = filepath.Abs(o.Config); err != nil {
			return err
		}
		if identity != "" {
			if o.Identities, err = backup.Identities(identity); err != nil {
				return &usageError{err}
			}
		}
		r, err := app.Restore(ctx, o)
		if err != nil {
			return err
		}
		t.tellOfRestore(r)
		return nil
	}
	return c
}

// tellOfRestore says what is where now, and what is left to do.
func (t *Terminal) tellOfRestore(r app.Restored) {
	t.say(t.texts.T("backup.restored", locale.Data{"When": t.texts.When(r.Made), "Path": r.Ledger}))
	if r.Contents.Config() {
		t.say(t.texts.T("backup.restored_config", locale.Data{"Path": r.Places.Config}))
		if !r.Passwords() {
			t.say(t.texts.T("backup.no_passwords"))
		}
	}
	for _, path := range r.Aside {
		t.say(t.texts.T("backup.aside", locale.Data{"Path": path}))
	}
	for _, path := range slices.Sorted(maps.Keys(r.Strays)) {
		t.say(t.texts.T("backup.stray", locale.Data{"To": locale.OneLine(r.Strays[path], 200), "Path": path}))
	}
	if r.Configured != "" {
		t.say(t.texts.T("backup.elsewhere", locale.Data{"Folder": filepath.Dir(r.Ledger)}))
	}
	for _, check := range r.Open {
		t.say(t.texts.T("backup.goes_on", locale.Data{"When": t.texts.When(check.StartedAt)}))
	}
	usual, err := filepath.Abs(config.DefaultPath())
	path := ""
	if err != nil || usual != r.Places.Config {
		path = r.Places.Config
	}
	t.say(t.texts.T("backup.then_serve", locale.Data{"Config": path}))
}

// complainTo prints a sentence where it does not get into the output.
func (t *Terminal) complainTo(sentence string) { _, _ = t.Err.Write([]byte(sentence + "\n")) }

// reasonOf is what is wrong with a file, without its path.
func reasonOf(err error) string {
	if path, ok := err.(*fs.PathError); ok {
		return path.Err.Error()
	}
	return err.Error()
}
