package cli_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var idle = flag.Duration("idle", 10*time.Second, "how long TestIdle watches the daemon at rest")

// TestIdle lets the daemon rest and reads from /proc what that costs: nothing
// is written to the disk, and it fits into a small machine. "go test -run Idle
// -v -idle 1m" prints the figures of a minute.
func TestIdle(t *testing.T) {
	if testing.Short() {
		t.Skip("this watches the daemon for a while")
	}
	t.Parallel()
	rss := idles(t)
	if rss > 30*1024 {
		// Go takes memory in pieces of 4 MB; whether it takes one more while
		// starting is a matter of timing.
		rss = min(rss, idles(t))
	}
	if rss > 30*1024 {
		t.Errorf("the resident memory is %d kB, want at most 30 MB", rss)
	}
}

// idles watches a daemon at rest, and returns its resident memory in kB.
func idles(t *testing.T) (rss int) {
	t.Helper()
	h, err := newHousehold()
	if err != nil {
		t.Fatal(err)
	}
	defer h.stop()
	dir := t.TempDir()
	if err := h.configure(dir, `language = "en"`); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "anpi")
	if out, err := exec.Command("go", "build", "-o", binary, "github.com/anpi-bot/anpi/cmd/anpi").CombinedOutput(); err != nil {
		t.Fatalf("build the daemon: %v\n%s", err, out)
	}
	p, err := start(dir, []string{"HOME=" + dir}, binary, "serve")
	if err != nil {
		t.Fatal(err)
	}
	defer p.kill()
	if !await(func() bool { return strings.Contains(p.printed(), "running") }) {
		t.Fatalf("the daemon does not run:\n%s", p.printed())
	}
	pid := p.cmd.Process.Pid
	syncs := countSyncs(t, dir, pid)
	before := rested(t, pid)
	if before["write_bytes"] == 0 {
		// A temporary folder may be in memory; then only its files tell.
		t.Log("the kernel counts no bytes written, even at the start")
	}
	files := ledger(t, dir)
	h.talk.ResetRequests()

	time.Sleep(*idle)

	after := usage(t, pid)
	asked := len(h.talk.Requests())
	wrote := after["write_bytes"] - before["write_bytes"]
	t.Logf("at rest for %s: %d bytes written to disk, %d write calls (sockets, too), %d requests to Nextcloud, %d ms of processor, VmRSS %.1f MB (of it anonymous %.1f MB), %d threads",
		*idle, wrote, after["syscw"]-before["syscw"], asked, after["cpu_ms"]-before["cpu_ms"],
		float64(after["VmRSS"])/1024, float64(after["RssAnon"])/1024, after["Threads"])
	if wrote != 0 {
		t.Errorf("%d bytes were written to disk at rest, want 0", wrote)
	}
	if now := ledger(t, dir); now != files {
		t.Errorf("the data folder has changed at rest:\n%s\nit was:\n%s", now, files)
	}
	if n := syncs(); n > 0 {
		t.Errorf("fsync was called %d times at rest, want never", n)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status, err := p.end(); err != nil || status != 0 {
		t.Errorf("the daemon ended with status %d and %v:\n%s", status, err, p.printed())
	}
	return after["VmRSS"]
}

// settled is for how long a daemon that has come to rest has written nothing:
// its doctor looks around some seconds after the start, and the first to read
// the ledger notes that in its index, a page in memory that may go to the disk.
const settled = 8 * time.Second

// rested waits until the daemon has come to rest, and returns the figures of
// then.
func rested(t *testing.T, pid int) map[string]int {
	t.Helper()
	last, since := usage(t, pid), time.Now()
	quiet := await(func() bool {
		now := usage(t, pid)
		if now["write_bytes"] != last["write_bytes"] {
			last, since = now, time.Now()
		}
		return time.Since(since) > settled
	})
	if !quiet {
		t.Fatal("the daemon does not come to rest")
	}
	return last
}

// usage reads the figures of a process from /proc: write_bytes and syscw since
// its start, VmRSS and RssAnon in kB, Threads, and cpu_ms in milliseconds.
func usage(t *testing.T, pid int) map[string]int {
	t.Helper()
	figures := map[string]int{}
	for _, name := range []string{"io", "status"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			key, value, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(line), " kB"), ":")
			if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
				figures[key] = n
			}
		}
	}
	for _, want := range []string{"write_bytes", "syscw", "VmRSS", "Threads"} {
		if _, ok := figures[want]; !ok {
			t.Fatalf("/proc says nothing of %s: %v", want, figures)
		}
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	// The times stand behind the name, which may hold blanks; in ticks of 10 ms.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		t.Fatal(err)
	}
	system, err := strconv.Atoi(fields[12])
	if err != nil {
		t.Fatal(err)
	}
	figures["cpu_ms"] = (user + system) * 10
	return figures
}

// ledger lists the files of the data folder, with size and time of change.
func ledger(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, e.Name(), info.Size(), info.ModTime().Format(time.RFC3339Nano))
	}
	return b.String()
}

// countSyncs counts the calls of fsync with strace, where there is one that may
// look at other processes.
func countSyncs(t *testing.T, dir string, pid int) (count func() int) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Log("fsync is not counted: there is no strace here")
		return func() int { return 0 }
	}
	out := filepath.Join(dir, "strace.out")
	cmd := exec.Command(strace, "-f", "-qq", "-e", "trace=fsync,fdatasync,sync_file_range,msync", "-o", out, "-p", strconv.Itoa(pid))
	if err := cmd.Start(); err != nil {
		t.Logf("fsync is not counted: %v", err)
		return func() int { return 0 }
	}
	return func() int {
		// It refuses with an exit status of its own before this, or ends by the
		// interrupt.
		_ = cmd.Process.Signal(os.Interrupt)
		err := cmd.Wait()
		text, readErr := os.ReadFile(out)
		if readErr != nil || cmd.ProcessState.Exited() && cmd.ProcessState.ExitCode() == 1 {
			t.Logf("fsync is not counted: %v", err)
			return 0
		}
		n := strings.Count(string(text), "sync(")
		t.Logf("fsync was called %d times", n)
		return n
	}
}
