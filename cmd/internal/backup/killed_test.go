package backup_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/cmd/internal/backup"
)

// TestMain is also the process that makes or restores backups without end until
// it is killed.
func TestMain(m *testing.M) {
	ledger, disk, file := os.Getenv("ANPI_TEST_LEDGER"), os.Getenv("ANPI_TEST_DISK"), os.Getenv("ANPI_TEST_FILE")
	if ledger == "" {
		os.Exit(m.Run())
	}
	fmt.Println("begins")
	for at := time.Now(); ; at = at.Add(time.Second) {
		if err := work(context.Background(), ledger, disk, file, at); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func work(ctx context.Context, ledger, disk, file string, at time.Time) error {
	if file == "" {
		_, err := backup.Write(ctx, backup.Options{Ledger: ledger, Now: at, Keep: 3}, disk)
		return err
	}
	o, err := backup.Open(ctx, file, nil, filepath.Dir(ledger))
	if err != nil {
		return err
	}
	defer o.Close()
	_, err = o.Install(ctx, backup.Places{Config: filepath.Join(filepath.Dir(ledger), "anpi.toml"), Ledger: ledger}, true, at)
	return err
}

// killedSoon runs the process and kills it after a while.
func killedSoon(t *testing.T, after time.Duration, environ ...string) {
	t.Helper()
	var wrong strings.Builder
	p := exec.Command(os.Args[0])
	p.Env, p.Stderr = append(os.Environ(), environ...), &wrong
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	out.Read(make([]byte, 1)) // it has begun
	time.Sleep(after)
	p.Process.Kill()
	p.Wait()
	if wrong.Len() > 0 {
		t.Fatal(wrong.String())
	}
}

// fill makes the ledger large enough for a backup of it to take a while.
func (h *home) fill() {
	h.t.Helper()
	s, err := sqlstore.Open(h.t.Context(), h.o.Ledger)
	if err != nil {
		h.t.Fatal(err)
	}
	defer s.Close()
	c := broadcast.Change{Now: noon}
	for n := range 800 {
		c.Answers = append(c.Answers, broadcast.Answer{CheckID: 1, MemberID: fmt.Sprint(n), Status: broadcast.Safe, Text: strings.Repeat("無事です。", 20), Carrier: fmt.Sprint(n), At: noon, RecordedAt: noon})
	}
	if _, err := s.Commit(h.t.Context(), c); err != nil {
		h.t.Fatal(err)
	}
}

// Whenever it is killed, each backup that has its name is whole, the earlier ones
// are there, and the next one cleans up.
func TestKilledWhileItMakesABackup(t *testing.T) {
	h := newHome(t)
	h.fill()
	h.o.Recipients = nil
	for n := range 3 {
		h.o.Now = noon.Add(time.Duration(n) * time.Second)
		h.backUp()
	}
	halves := 0
	for round := range 12 {
		killedSoon(t, time.Duration(7*round)*time.Millisecond, "ANPI_TEST_LEDGER="+h.o.Ledger, "ANPI_TEST_DISK="+h.disk)
		var named []string
		for _, name := range files(t, h.disk) {
			if strings.HasPrefix(name, ".") {
				halves++
				continue
			}
			named = append(named, name)
		}
		// It may die between the new name and the removal of the oldest.
		if len(named) < 3 || len(named) > 4 {
			t.Fatalf("round %d: on the disk there is %q", round, named)
		}
		for _, name := range named {
			o, err := backup.Open(t.Context(), filepath.Join(h.disk, name), nil, t.TempDir())
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			o.Close()
		}
	}
	h.o.Now, h.o.Keep = time.Now(), 1
	h.backUp()
	left := append(files(t, h.disk), files(t, filepath.Dir(h.o.Ledger))...)
	if slices.ContainsFunc(left, func(name string) bool { return strings.HasPrefix(name, ".") }) || len(files(t, h.disk)) != 1 {
		t.Errorf("left behind: %q", left)
	}
	t.Logf("%d halves were left by 12 kills, and none of them counted", halves)
}

// Whenever it is killed, the ledger in its place is the old one or the new one,
// whole.
func TestKilledWhileItRestores(t *testing.T) {
	h := newHome(t)
	h.fill()
	h.o.Recipients, h.o.Config = nil, ""
	file := h.backUp().Path
	for round := range 12 {
		killedSoon(t, time.Duration(5*round)*time.Millisecond, "ANPI_TEST_LEDGER="+h.o.Ledger, "ANPI_TEST_FILE="+file)
		if got := h.keys(h.o.Ledger); !slices.Equal(got, []string{"quake"}) {
			t.Fatalf("round %d: the ledger has the checks %q", round, got)
		}
	}
	if _, err := h.restore(file, filepath.Dir(h.o.Ledger), true); err != nil {
		t.Fatal(err)
	}
	if left := files(t, filepath.Dir(h.o.Ledger)); slices.ContainsFunc(left, func(name string) bool { return strings.HasPrefix(name, ".") }) {
		t.Errorf("left behind: %q", left)
	}
}
