// Package deploy_test holds the files that put Anpi on a machine to what they
// promise: the unit, the packages, the containers and their scripts.
package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// root is the top folder of the project.
const root = "../../.."

// TestMain is also the programs that the tests need beside themselves; see
// programs.
func TestMain(m *testing.M) {
	if program := programs[os.Getenv("ANPI_TEST_PROGRAM")]; program != nil {
		os.Exit(program(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// programs are what this test binary is when the environment says so.
var programs = map[string]func(args []string) int{
	"nextcloud": runNextcloud, "mail": runMail, "ask": ask,
}

// needs skips the test where there is no such tool, or fails it where that tool
// is required.
func needs(t *testing.T, tool string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err == nil {
		return path
	}
	if slices.Contains(strings.Split(os.Getenv("REQUIRED_TEST_TOOLS"), ","), tool) {
		t.Fatalf("%s is required here and is not installed", tool)
	}
	t.Skipf("%s is not installed", tool)
	return ""
}

// run runs a command and returns what it prints.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// systemd finds nothing wrong with the unit, and what it may do is little: of
// an exposure from 0 to 10 it keeps under 2.
func TestUnit(t *testing.T) {
	systemd := needs(t, "systemd-analyze")
	text, err := os.ReadFile("anpi.service")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "anpi.service")
	// The program need not be installed here.
	if err := os.WriteFile(unit, []byte(strings.ReplaceAll(string(text), "/usr/bin/anpi", program)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := run(t, systemd, "verify", "--man=no", unit); out != "" {
		t.Errorf("systemd says of the unit:\n%s", out)
	}
	run(t, systemd, "security", "--offline=true", "--threshold=19", unit)
}

// shellcheck finds nothing wrong with the scripts.
func TestShell(t *testing.T) {
	shellcheck := needs(t, "shellcheck")
	scripts, err := filepath.Glob("*.sh")
	if err != nil || len(scripts) < 4 {
		t.Fatalf("the scripts are %q, %v", scripts, err)
	}
	run(t, shellcheck, append(scripts, root+"/.ci/run")...)
}

// "make install" puts the programs, the unit and the account's name where
// systemd finds them, and "make uninstall" takes all of it away again.
func TestInstall(t *testing.T) {
	if testing.Short() {
		t.Skip("this builds the programs")
	}
	needs(t, "make")
	dest := t.TempDir()
	run(t, "make", "-C", root, "install", "DESTDIR="+dest)
	want := []string{
		"/usr/local/bin/anpi", "/usr/local/bin/broadcast",
		"/usr/local/lib/systemd/system/anpi.service", "/usr/local/lib/sysusers.d/anpi.conf",
	}
	if diff := cmp.Diff(want, files(t, dest)); diff != "" {
		t.Errorf("installed are (-want +got):\n%s", diff)
	}
	unit, err := os.ReadFile(filepath.Join(dest, want[2]))
	if err != nil || !strings.Contains(string(unit), "ExecStart=/usr/local/bin/anpi serve") {
		t.Errorf("the unit does not start what was installed: %v\n%s", err, unit)
	}
	run(t, "make", "-C", root, "uninstall", "DESTDIR="+dest)
	if left := files(t, dest); len(left) != 0 {
		t.Errorf("uninstalling left %q", left)
	}
}

// files lists the files below a folder, as seen from it.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
