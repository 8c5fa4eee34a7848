// Package worktest counts what a function does, where a clock would tell how busy
// the machine is. The work of a function is how many statements it executes, by
// the counters of Go's coverage, and how many bytes it allocates. Both are the
// same on every machine, however busy.
//
// What is written in assembly, such as the search for a byte, counts as one
// statement.
package worktest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// counting is which of its functions a process of a test does the work of, and
// where it writes how many bytes that has allocated.
const counting, allocated = "ANPI_TEST_COUNTING", "ANPI_TEST_ALLOCATED"

// Measure runs a test that asks for the work of functions. Each of them is done
// once, in a process of its own that runs the test just for that, with counters
// in the package of the test and the others named.
func Measure(t *testing.T, others []string, test func(of func(func()) int)) {
	t.Helper()
	asked := 0
	if wanted := os.Getenv(counting); wanted != "" {
		test(func(f func()) int {
			if asked++; strconv.Itoa(asked) == wanted {
				allocate(t, f)
			}
			return 0
		})
		return
	}
	program := filepath.Join(t.TempDir(), "counting")
	build := exec.Command("go", "test", "-c", "-o", program, "-covermode=count", "-coverpkg="+strings.Join(append(others, "."), ","), ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the test with counters: %v\n%s", err, out)
	}
	nothing := count(t, program, 0)
	test(func(func()) int {
		asked++
		return count(t, program, asked) - nothing
	})
}

// allocate does the work, and writes how many bytes it has allocated.
func allocate(t *testing.T, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if err := os.WriteFile(os.Getenv(allocated), fmt.Append(nil, after.TotalAlloc-before.TotalAlloc), 0o600); err != nil {
		t.Fatal(err)
	}
}

// count is the work of the process that does one of the functions, or none.
func count(t *testing.T, program string, which int) (total int) {
	t.Helper()
	dir := t.TempDir()
	profile, bytes := filepath.Join(dir, "profile"), filepath.Join(dir, "bytes")
	cmd := exec.Command(program, "-test.run=^"+t.Name()+"$", "-test.coverprofile="+profile)
	cmd.Env = append(os.Environ(), counting+"="+strconv.Itoa(which), allocated+"="+bytes)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("count the work: %v\n%s", err, out)
	}
	text, err := os.ReadFile(profile)
	if err != nil {
		t.Fatal(err)
	}
	// A line is "file:from,to statements executed".
	_, lines, _ := strings.Cut(string(text), "\n")
	for line := range strings.Lines(lines) {
		fields := strings.Fields(line)
		statements, err1 := strconv.Atoi(fields[len(fields)-2])
		executed, err2 := strconv.Atoi(fields[len(fields)-1])
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		total += statements * executed
	}
	if which > 0 {
		text, err := os.ReadFile(bytes)
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(string(text))
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	return total
}
