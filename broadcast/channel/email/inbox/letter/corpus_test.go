package letter_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox/letter"
)

// reading tells all that was read of a mail, in the form of the .want files:
// a line for each thing that is known, an empty line, the text.
func reading(m letter.Mail) string {
	var b strings.Builder
	say := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	say("kind", string(m.Kind))
	say("automation", string(m.Automation))
	say("from", m.From.Address)
	say("name", m.From.Name)
	say("to", strings.Join(m.To, " "))
	say("id", m.MessageID)
	say("in-reply-to", strings.Join(m.InReplyTo, " "))
	say("references", strings.Join(m.References, " "))
	say("subject", m.Subject)
	if !m.Date.IsZero() {
		say("date", m.Date.Format(time.RFC3339))
	}
	if m.Attachments {
		b.WriteString("attachments\n")
	}
	if m.Kind == letter.Bounce {
		say("recipient", m.Failed.Recipient)
		say("original", m.Failed.OriginalID)
		say("permanent", map[bool]string{true: "yes", false: "no"}[m.Failed.Permanent])
		say("status", m.Failed.Status)
		say("diagnostic", m.Failed.Diagnostic)
	}
	if m.Text != "" {
		b.WriteString("\n" + m.Text + "\n")
	}
	return b.String()
}

// TestEveryMailOfTheCorpusIsReadRight reads mails as the programs of carriers,
// webmails and servers write them; beside each stands what a person reads in it.
func TestEveryMailOfTheCorpusIsReadRight(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "corpus", "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 40 {
		t.Fatalf("the corpus has %d mails, want 40 at least", len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".eml"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(strings.TrimSuffix(file, ".eml") + ".want")
			if err != nil {
				t.Fatal(err)
			}
			m, err := letter.Read(raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), reading(m)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
