package sqlstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
)

// roles are what a process does that a test starts: the test binary itself,
// with the role and the path of the ledger in its environment. What it prints
// is what it has acknowledged.
var roles = map[string]func(ctx context.Context, path string) error{
	"open": func(ctx context.Context, path string) error {
		s, err := sqlstore.Open(ctx, path)
		if err != nil {
			return err
		}
		return s.Close()
	},
	"answer without end": func(ctx context.Context, path string) error {
		s, err := sqlstore.Open(ctx, path)
		if err != nil {
			return err
		}
		done, err := s.Commit(ctx, broadcast.Change{Now: time.Now(), Start: &broadcast.Start{Check: broadcast.Check{Key: "quake"}}})
		if err != nil {
			return err
		}
		known, err := s.Answers(ctx, done.Started.ID)
		if err != nil {
			return err
		}
		for n := len(known); ; n++ {
			if _, err := s.Commit(ctx, broadcast.Change{Now: time.Now(), Answers: []broadcast.Answer{nth(done.Started.ID, n)}}); err != nil {
				return err
			}
			fmt.Println(n)
		}
	},
	"lead": func(ctx context.Context, path string) error {
		if _, err := sqlstore.Lead(ctx, path); err != nil {
			return err
		}
		if _, err := sqlstore.ListenPokes(path, func() { fmt.Println("poked") }); err != nil {
			return err
		}
		fmt.Println("leading")
		io.Copy(io.Discard, os.Stdin)
		return nil
	},
}

func TestMain(m *testing.M) {
	if role := roles[os.Getenv("ANPI_TEST_ROLE")]; role != nil {
		if err := role(context.Background(), os.Getenv("ANPI_TEST_LEDGER")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// process is a started process; what it says is read line by line.
type process struct {
	*exec.Cmd
	lines *bufio.Scanner
	wrong *strings.Builder
}

func begins(t *testing.T, role, path string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0]), wrong: &strings.Builder{}}
	p.Env = append(os.Environ(), "ANPI_TEST_ROLE="+role, "ANPI_TEST_LEDGER="+path)
	p.Stderr = p.wrong
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(out)
	// A process that leads does so until its input ends.
	if _, err := p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill() })
	return p
}

// kill ends the process as a power cut would and waits until it is gone.
func (p *process) kill() {
	p.Process.Kill()
	p.Wait()
}

func (p *process) says(t *testing.T, want string) {
	t.Helper()
	if !p.lines.Scan() || p.lines.Text() != want {
		t.Fatalf("the process said %q, want %q; %s", p.lines.Text(), want, p.wrong)
	}
}

func TestManyProcessesStartOnAFreshFile(t *testing.T) {
	path := ledgerPath(t)
	var processes []*process
	for range 6 {
		processes = append(processes, begins(t, "open", path))
	}
	for _, p := range processes {
		if err := p.Wait(); err != nil {
			t.Errorf("one of them could not open the ledger: %v: %s", err, p.wrong)
		}
	}
	begin(t, open(t, path))
}

func TestKilledProcessLosesNothingThatItAcknowledged(t *testing.T) {
	path := ledgerPath(t)
	acknowledged := 0
	for round := range 6 {
		p := begins(t, "answer without end", path)
		more := 1 + rand.IntN(40)
		for p.lines.Scan() {
			acknowledged++
			// It goes on writing while it is being killed; its last words are
			// still in the pipe.
			if more--; more == 0 {
				p.Process.Kill()
			}
		}
		p.Wait()
		if p.wrong.Len() > 0 {
			t.Fatalf("round %d: %s", round, p.wrong)
		}
		s := open(t, path)
		answers, err := s.Answers(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		// One may be written without having been acknowledged.
		if n := len(answers); n < acknowledged || n > acknowledged+1 {
			t.Fatalf("round %d: %d answers are there, %d were acknowledged", round, n, acknowledged)
		}
		acknowledged = len(answers)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLeadPassesOnWhenTheLeaderIsKilled(t *testing.T) {
	path := ledgerPath(t)
	leader := begins(t, "lead", path)
	leader.says(t, "leading")
	if _, err := sqlstore.TryLead(path); !errors.Is(err, sqlstore.ErrTaken) {
		t.Fatalf("beside a leader TryLead says %v, want %v", err, sqlstore.ErrTaken)
	}
	if !sqlstore.Poke(path) {
		t.Error("nobody listens to pokes")
	}
	leader.says(t, "poked")

	standby := begins(t, "lead", path)
	leader.kill()
	standby.says(t, "leading")
	if !sqlstore.Poke(path) {
		t.Error("the next leader does not listen to pokes")
	}
	standby.says(t, "poked")
	standby.kill()
	if sqlstore.Poke(path) {
		t.Error("a killed process seems to listen to pokes")
	}
	release, err := sqlstore.TryLead(path)
	if err != nil {
		t.Fatal(err)
	}
	release()
}

func TestWaitingForTheLeadCanBeCalledOff(t *testing.T) {
	path := ledgerPath(t)
	release, err := sqlstore.TryLead(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error)
	go func() {
		_, err := sqlstore.Lead(ctx, path)
		waited <- err
	}()
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Fatalf("waiting ended with %v, want %v", err, context.Canceled)
	}
	// Whoever was called off does not keep the lead.
	release()
	release, err = sqlstore.Lead(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	release()
}

func TestPokesAreHeardUntilTheListenerStops(t *testing.T) {
	path := ledgerPath(t)
	heard := make(chan struct{}, 1)
	stop, err := sqlstore.ListenPokes(path, func() { heard <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if !sqlstore.Poke(path) {
			t.Fatal("nobody listens")
		}
		<-heard
	}
	stop()
	if sqlstore.Poke(path) {
		t.Error("somebody still listens")
	}
	stop, err = sqlstore.ListenPokes(path, func() {})
	if err != nil {
		t.Fatalf("listening again: %v", err)
	}
	stop()
}

// The command line pokes a daemon that hangs, and must not hang with it.
func TestPokeDoesNotWaitForAListenerThatHangs(t *testing.T) {
	path := ledgerPath(t)
	hanging, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path + ".poke", Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Close()
	for range 2000 {
		if !sqlstore.Poke(path) {
			t.Fatal("nobody listens")
		}
	}
}

func TestPathTooLongForASocketIsSaid(t *testing.T) {
	path := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	_, err := sqlstore.ListenPokes(path, func() {})
	if err == nil || !strings.Contains(err.Error(), "choose a shorter data folder") {
		t.Errorf("listening says %v", err)
	}
	if sqlstore.Poke(path) {
		t.Error("somebody seems to listen")
	}
}
