package cli_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/cmd/internal/cli"
)

// BenchmarkFirstPrompt measures from the start of "broadcast check", with no
// daemon and a roster that is known, until the first prompt is on the wire to a
// Nextcloud on this machine. What the system needs to start a process comes on
// top.
func BenchmarkFirstPrompt(b *testing.B) {
	h, err := newHousehold()
	if err != nil {
		b.Fatal(err)
	}
	defer h.stop()
	seed := b.TempDir()
	if err := h.configure(seed, `language = "en"`, `timezone = "UTC"`); err != nil {
		b.Fatal(err)
	}
	terminal := func(dir string, args ...string) *cli.Terminal {
		return &cli.Terminal{Args: append(args, "--config", filepath.Join(dir, "anpi.toml")), Out: io.Discard, Err: io.Discard}
	}
	if status := cli.Run(b.Context(), terminal(seed, "roster"), cli.Anpi); status != 0 {
		b.Fatalf("the roster cannot be read: exit status %d", status)
	}
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		if err := os.CopyFS(dir, os.DirFS(seed)); err != nil {
			b.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, "password"), 0o600); err != nil {
			b.Fatal(err)
		}
		h.talk.ResetRequests()
		ctx, stop := context.WithCancel(b.Context())
		ended := make(chan int)
		b.StartTimer()
		go func() { ended <- cli.Run(ctx, terminal(dir, "check"), cli.Broadcast) }()
		for !h.prompted() {
			time.Sleep(100 * time.Microsecond)
		}
		b.StopTimer()
		stop()
		<-ended
		b.StartTimer()
	}
}

// prompted reports whether a message has come in since the requests were
// forgotten.
func (h *household) prompted() bool {
	for _, r := range h.talk.Requests() {
		if r.Method == "POST" && strings.Contains(r.Path, "/api/v1/chat/") {
			return true
		}
	}
	return false
}
