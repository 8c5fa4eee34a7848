package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/cmd/internal/cli"
)

var docs = flag.Bool("docs", false, "write the examples in docs/json.md anew")

// example is a command in the page and what it prints.
var example = regexp.MustCompile("(?m)^```\n\\$ broadcast (.*)\n((?s:.*?))^```$")

// changing are the parts of a document that are others each time.
var changing = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+09:00"`), `"2026-11-22T08:30:00+09:00"`},
	{regexp.MustCompile(`_after": [0-9.]+`), `_after": 42.195`},
	{regexp.MustCompile(`announce-cli:[A-Z2-7]{26}`), `announce-cli:XUPRC3LHAAWBNGVXQMSG4WFUDZ`},
}

// TestDocumentsAreAsThePageSays types every command of docs/json.md in the order
// of the page, and compares what is printed with it.
func TestDocumentsAreAsThePageSays(t *testing.T) {
	t.Parallel()
	h, err := newHousehold()
	if err != nil {
		t.Fatal(err)
	}
	defer h.stop()
	dir := t.TempDir()
	if err := h.configure(dir, `language = "en"`, `timezone = "Asia/Tokyo"`); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan int)
	go func() {
		served <- cli.Run(ctx, &cli.Terminal{Args: []string{"serve", "--config", filepath.Join(dir, "anpi.toml")}, Out: io.Discard, Err: io.Discard}, cli.Anpi)
	}()
	defer func() { stop(); <-served }()
	if !await(func() bool { return daemonUp(dir) }) {
		t.Fatal("the daemon does not run")
	}

	path := filepath.Join("..", "..", "..", "docs", "json.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	got := example.ReplaceAllStringFunc(string(page), func(block string) string {
		seen++
		line := example.FindStringSubmatch(block)[1]
		text, status := typed(t, dir, strings.Fields(line)...)
		var d struct{ Status *int }
		if err := json.Unmarshal([]byte(text), &d); err != nil || d.Status == nil || *d.Status != status {
			t.Errorf("broadcast %s: exit status %d, %v:\n%s", line, status, err, text)
		}
		for _, c := range changing {
			text = c.pattern.ReplaceAllString(text, c.instead)
		}
		// What goes out by itself a moment later has gone before the next one.
		if !await(func() bool {
			out, _ := typed(t, dir, "outbox", "--json")
			return !strings.Contains(out, `"sending"`) && !strings.Contains(out, `"due"`)
		}) {
			t.Fatal("something does not go out")
		}
		return "```\n$ broadcast " + line + "\n" + text + "```"
	})
	if seen < 11 {
		t.Errorf("the page has %d examples", seen)
	}
	if *docs {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(page), got); diff != "" {
		t.Errorf("docs/json.md shows something else; run with -docs and read the difference (-page +program):\n%s", diff)
	}
}

// typed runs broadcast and returns what it prints on the standard output.
func typed(t *testing.T, dir string, args ...string) (string, int) {
	t.Helper()
	var out, sentences bytes.Buffer
	args = append([]string{"--config", filepath.Join(dir, "anpi.toml")}, args...)
	status := cli.Run(t.Context(), &cli.Terminal{Args: args, Out: &out, Err: &sentences}, cli.Broadcast)
	return out.String(), status
}

// daemonUp reports whether somebody sends for the household in the folder.
func daemonUp(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "data", "anpi.db.poke"))
	return err == nil
}
