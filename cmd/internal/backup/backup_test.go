package backup_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/broadcast/longtest"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/cmd/internal/backup"
)

// home is a household's machine: its ledger, its configuration, and a disk for
// backups.
type home struct {
	t    *testing.T
	key  *age.X25519Identity
	disk string
	o    backup.Options
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func newHome(t *testing.T) *home {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	h := &home{t: t, key: key, disk: t.TempDir(), o: backup.Options{
		Ledger: filepath.Join(dir, "data", "anpi.db"), Config: filepath.Join(dir, "anpi.toml"), Now: noon,
		Passwords:  []string{filepath.Join(dir, "secrets", "nextcloud"), filepath.Join(t.TempDir(), "mail")},
		Recipients: []age.Recipient{key.Recipient()},
	}}
	h.write(h.o.Config, "# the configuration\n")
	h.write(h.o.Passwords[0], "open sesame")
	h.write(h.o.Passwords[1], "swordfish")
	if err := os.MkdirAll(filepath.Dir(h.o.Ledger), 0o700); err != nil {
		t.Fatal(err)
	}
	h.check(h.o.Ledger, "quake")
	return h
}

func (h *home) write(path, text string) {
	h.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		h.t.Fatal(err)
	}
}

// check adds a check to a ledger.
func (h *home) check(path, key string) {
	h.t.Helper()
	s, err := sqlstore.Open(h.t.Context(), path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Commit(h.t.Context(), broadcast.Change{Now: noon, Start: &broadcast.Start{Check: broadcast.Check{Key: key, StartedAt: noon}}}); err != nil {
		h.t.Fatal(err)
	}
}

// keys are those of the checks in a ledger, the newest first.
func (h *home) keys(path string) (keys []string) {
	h.t.Helper()
	s, err := sqlstore.Open(h.t.Context(), path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer s.Close()
	checks, err := s.Checks(h.t.Context(), 99)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, c := range checks {
		keys = append(keys, c.Key)
	}
	return keys
}

func (h *home) backUp() backup.Made {
	h.t.Helper()
	m, err := backup.Write(h.t.Context(), h.o, h.disk)
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

// files are the names in a folder, hidden ones included.
func files(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// restore puts a backup into a folder on another machine.
func (h *home) restore(path, into string, force bool, keys ...age.Identity) (backup.Installed, error) {
	h.t.Helper()
	o, err := backup.Open(h.t.Context(), path, keys, into)
	if err != nil {
		return backup.Installed{}, err
	}
	defer o.Close()
	return o.Install(h.t.Context(), backup.Places{Config: filepath.Join(into, "anpi.toml"), Ledger: filepath.Join(into, "anpi.db")}, force, noon)
}

// says fails the test unless the error is the problem with the key, worded in
// both languages.
func says(t *testing.T, what string, err error, key string) {
	t.Helper()
	p, ok := errors.AsType[*locale.Problem](err)
	if !ok || p.Key != "backup."+key {
		t.Errorf("%s: the error is %v, want backup.%s", what, err, key)
		return
	}
	for _, lang := range locale.Languages {
		if text := locale.For(lang, time.UTC).Error(err); strings.Contains(text, "<no value>") || strings.Contains(text, "\n") {
			t.Errorf("%s: it is worded as %q", what, text)
		}
	}
}

// The machine is lost. On a new one everything comes back from the encrypted
// backup: ledger, configuration and passwords, and nobody else can read them.
func TestEverythingComesBackOnANewMachine(t *testing.T) {
	h := newHome(t)
	m := h.backUp()
	if want := filepath.Join(h.disk, "anpi-20261122-120000.tar.age"); m.Path != want || !m.Encrypted || !m.Passwords() || m.Checks != 1 {
		t.Errorf("the backup is %+v, want %s", m, want)
	}
	if got := files(t, h.disk); len(got) != 1 {
		t.Errorf("on the disk there is %q", got)
	}
	if got := files(t, filepath.Dir(h.o.Ledger)); slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, ".") }) {
		t.Errorf("beside the ledger there is %q", got)
	}
	sealed, err := os.ReadFile(m.Path)
	if err != nil || bytes.Contains(sealed, []byte("sesame")) || bytes.Contains(sealed, []byte("SQLite")) {
		t.Errorf("the backup can be read without a key (%v)", err)
	}
	into := t.TempDir()
	done, err := h.restore(m.Path, into, false, h.key)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"anpi.toml": "# the configuration\n", "secrets/nextcloud": "open sesame", "password-2": "swordfish"} {
		path := filepath.Join(into, name)
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("%s holds %q (%v), want %q", name, got, err, want)
		}
		if info, err := os.Stat(path); err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v", name, info.Mode())
		}
	}
	if want := map[string]string{filepath.Join(into, "password-2"): h.o.Passwords[1]}; !cmp.Equal(want, done.Strays) {
		t.Errorf("strays are %q, want %q", done.Strays, want)
	}
	if got := h.keys(filepath.Join(into, "anpi.db")); !slices.Equal(got, []string{"quake"}) {
		t.Errorf("the ledger has the checks %q", got)
	}
	// Doing it again changes nothing but asks about the ledger.
	_, err = h.restore(m.Path, into, false, h.key)
	says(t, "again", err, "taken")
}

func TestWithoutEncryptionNoPasswordLeaves(t *testing.T) {
	h := newHome(t)
	h.o.Recipients = nil
	m := h.backUp()
	if !strings.HasSuffix(m.Path, "-120000.tar") || m.Encrypted || m.Passwords() || !m.Config() {
		t.Errorf("the backup is %+v", m)
	}
	text, err := os.ReadFile(m.Path)
	if err != nil || bytes.Contains(text, []byte("sesame")) || bytes.Contains(text, []byte("swordfish")) {
		t.Errorf("there is a password in it (%v)", err)
	}
	// Any tar opens it.
	out, err := exec.Command("tar", "tf", m.Path).CombinedOutput()
	if err != nil || string(out) != "contents.json\nanpi.toml\nanpi.db\n" {
		t.Errorf("tar says %q (%v)", out, err)
	}
	if _, err := h.restore(m.Path, t.TempDir(), false); err != nil {
		t.Error(err)
	}
}

func TestStreamedBackupIsTheSame(t *testing.T) {
	h := newHome(t)
	h.o.Config = "" // all settings come from the environment
	var out bytes.Buffer
	m, err := backup.Stream(t.Context(), h.o, &out)
	if err != nil || m.Path != "" || m.Config() || m.Passwords() {
		t.Fatalf("the backup is %+v (%v)", m, err)
	}
	path := filepath.Join(h.disk, "streamed")
	h.write(path, out.String())
	into := t.TempDir()
	if _, err := h.restore(path, into, false, h.key); err != nil {
		t.Fatal(err)
	}
	if got := h.keys(filepath.Join(into, "anpi.db")); !slices.Equal(got, []string{"quake"}) {
		t.Errorf("the ledger has the checks %q", got)
	}
}

func TestOnlyTheNewestAreKept(t *testing.T) {
	h := newHome(t)
	h.write(filepath.Join(h.disk, "anpi-diary.tar"), "nobody's backup")
	h.o.Keep = 3
	for range 4 {
		h.backUp()
		h.o.Now = h.o.Now.Add(time.Second)
	}
	h.o.Now = h.o.Now.Add(-time.Second)
	h.backUp() // a second one in that second
	// The clock of this machine has gone back: what was just made stays all the same.
	h.o.Now = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	h.backUp()
	want := []string{"anpi-19700101-000000.tar.age", "anpi-20261122-120003.tar.age", "anpi-20261122-120004.tar.age", "anpi-diary.tar"}
	if diff := cmp.Diff(want, files(t, h.disk)); diff != "" {
		t.Errorf("on the disk there is (-want +got):\n%s", diff)
	}
}

// What was there before is replaced only by force, and is not lost.
func TestOldLedgerIsKeptAside(t *testing.T) {
	h := newHome(t)
	m := h.backUp()
	h.check(h.o.Ledger, "aftershock")
	h.write(h.o.Config, "# another configuration\n")
	place := backup.Places{Config: h.o.Config, Ledger: h.o.Ledger}
	open := func() *backup.Opened {
		t.Helper()
		o, err := backup.Open(t.Context(), m.Path, []age.Identity{h.key}, filepath.Dir(h.o.Ledger))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { o.Close() })
		return o
	}
	_, err := open().Install(t.Context(), place, false, noon)
	says(t, "without force", err, "taken")
	if got := h.keys(h.o.Ledger); len(got) != 2 {
		t.Errorf("refused, the ledger has the checks %q", got)
	}
	// Somebody has it open.
	s, err := sqlstore.Open(t.Context(), h.o.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	_, err = open().Install(t.Context(), place, true, noon.Add(time.Second))
	says(t, "while it is open", err, "in_use")
	s.Close()
	if text, err := os.ReadFile(h.o.Config); err != nil || !strings.Contains(string(text), "another") {
		t.Errorf("refused, the configuration is %q (%v)", text, err)
	}

	done, err := open().Install(t.Context(), place, true, noon)
	if err != nil {
		t.Fatal(err)
	}
	if got := h.keys(h.o.Ledger); !slices.Equal(got, []string{"quake"}) {
		t.Errorf("the ledger has the checks %q", got)
	}
	if len(done.Aside) != 2 || !slices.Equal(h.keys(done.Aside[1]), []string{"aftershock", "quake"}) {
		t.Errorf("kept aside: %q", done.Aside)
	}
}

// The ledger was damaged, and still has a log beside it. Neither gets into the
// one that comes back.
func TestDamagedLedgerIsReplaced(t *testing.T) {
	h := newHome(t)
	m := h.backUp()
	h.write(h.o.Ledger, "scribble")
	h.write(h.o.Ledger+"-wal", "scribble")
	_, err := backup.Write(t.Context(), h.o, h.disk)
	says(t, "a backup of a damaged ledger", err, "ledger_damaged")
	o, err := backup.Open(t.Context(), m.Path, []age.Identity{h.key}, filepath.Dir(h.o.Ledger))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	done, err := o.Install(t.Context(), backup.Places{Config: h.o.Config, Ledger: h.o.Ledger}, true, noon)
	if err != nil {
		t.Fatal(err)
	}
	if got := h.keys(h.o.Ledger); !slices.Equal(got, []string{"quake"}) {
		t.Errorf("the ledger has the checks %q", got)
	}
	if len(done.Aside) != 1 || !slices.Contains(files(t, filepath.Dir(h.o.Ledger)), filepath.Base(done.Aside[0])+"-wal") {
		t.Errorf("kept aside: %q of %q", done.Aside, files(t, filepath.Dir(h.o.Ledger)))
	}
}

func TestBackupsThatCannotBeOpenedAreNamed(t *testing.T) {
	h := newHome(t)
	sealed := h.backUp().Path
	h.o.Recipients = nil
	plain := h.backUp().Path
	stranger, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	changed := func(path string, change func([]byte) []byte) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(t.TempDir(), "changed")
		h.write(to, string(change(text)))
		return to
	}
	cut := func(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:len(b)*n/100] } }
	flip := func(n int) func([]byte) []byte {
		return func(b []byte) []byte { b[len(b)*n/100] ^= 0xff; return b }
	}
	behind := func(b []byte) []byte { return append(b, "more"...) }
	newer := func(b []byte) []byte { return bytes.Replace(b, []byte(`"format": 1`), []byte(`"format": 9`), 1) }
	photo := filepath.Join(h.disk, "photo.jpg")
	h.write(photo, "\xff\xd8\xff\xe0"+strings.Repeat("x", 5000))
	empty := filepath.Join(h.disk, "empty")
	h.write(empty, "")
	tarball := filepath.Join(h.disk, "other.tar")
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: "../../etc/passwd", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"})
	w.Close()
	h.write(tarball, b.String())
	for _, c := range []struct {
		what, path string
		key        age.Identity
		want       string
	}{
		{"no such file", filepath.Join(h.disk, "nowhere"), nil, "no_file"},
		{"a folder", h.disk, nil, "damaged"},
		{"no key", sealed, nil, "sealed"},
		{"another key", sealed, stranger, "wrong_identity"},
		{"a photo", photo, nil, "foreign"},
		{"an empty file", empty, nil, "truncated"},
		{"another archive", tarball, nil, "foreign"},
		{"cut off, encrypted", changed(sealed, cut(60)), h.key, "damaged"},
		{"cut off in the header", changed(sealed, func(b []byte) []byte { return b[:100] }), h.key, "truncated"},
		{"the last byte is missing", changed(sealed, func(b []byte) []byte { return b[:len(b)-1] }), h.key, "damaged"},
		{"cut off", changed(plain, cut(60)), nil, "truncated"},
		{"a bit has fallen over, encrypted", changed(sealed, flip(50)), h.key, "damaged"},
		{"a bit has fallen over", changed(plain, flip(50)), nil, "damaged"},
		{"something behind it", changed(plain, behind), nil, "damaged"},
		{"something behind it, encrypted", changed(sealed, behind), h.key, "damaged"},
		{"a newer format", changed(plain, newer), nil, "newer"},
	} {
		into := t.TempDir()
		_, err := h.restore(c.path, into, false, c.key)
		says(t, c.what, err, c.want)
		if left := files(t, into); len(left) > 0 {
			t.Errorf("%s: it has left %q", c.what, left)
		}
	}
}

// TestNoByteCanChange turns every few bytes of a backup over, one at a time: it
// is either refused, or the byte does not matter, as in the padding.
func TestNoByteCanChange(t *testing.T) {
	h := newHome(t)
	h.o.Recipients = nil
	text, err := os.ReadFile(h.backUp().Path)
	if err != nil {
		t.Fatal(err)
	}
	step, harmless := 97*longtest.Every(10), 0
	path := filepath.Join(t.TempDir(), "changed")
	for i := 0; i < len(text); i += step {
		text[i] ^= 0x20
		h.write(path, string(text))
		text[i] ^= 0x20
		into := t.TempDir()
		_, err := h.restore(path, into, false)
		if err == nil {
			harmless++
			if got := h.keys(filepath.Join(into, "anpi.db")); !slices.Equal(got, []string{"quake"}) {
				t.Errorf("with byte %d changed the ledger has the checks %q", i, got)
			}
		}
	}
	t.Logf("%d of %d changes were in places that do not matter", harmless, len(text)/step)
}

func TestWhatStandsInTheWayOfABackupIsSaid(t *testing.T) {
	h := newHome(t)
	_, err := backup.Write(t.Context(), h.o, filepath.Join(h.disk, "usb"))
	says(t, "the disk is not connected", err, "no_folder")
	_, err = backup.Write(t.Context(), h.o, h.o.Config)
	says(t, "a file instead of a folder", err, "no_folder")
	release, err := sqlstore.TryLock(h.o.Ledger + ".backup")
	if err != nil {
		t.Fatal(err)
	}
	_, err = backup.Write(t.Context(), h.o, h.disk)
	says(t, "another backup is under way", err, "busy")
	release()
	gone := h.o
	gone.Passwords = []string{filepath.Join(h.disk, "nowhere")}
	_, err = backup.Write(t.Context(), gone, h.disk)
	says(t, "a password file is gone", err, "cannot_read")
	gone = h.o
	gone.Ledger = filepath.Join(h.disk, "nowhere.db")
	_, err = backup.Write(t.Context(), gone, h.disk)
	says(t, "there is no ledger", err, "no_ledger")
	if left := files(t, h.disk); len(left) > 0 {
		t.Errorf("on the disk there is %q", left)
	}
	_, err = backup.Recipients(h.key.String())
	says(t, "a secret key as recipient", err, "bad_recipient")
	_, err = backup.Identities(h.o.Config)
	says(t, "a file without a key", err, "bad_identity")
	if strings.Contains(fmt.Sprint(err), h.key.String()) {
		t.Error("the secret key is in the error")
	}
}

// The disk for backups is full: the earlier ones stay, nothing half is left, and
// when there is room again it goes on.
func TestFullDisk(t *testing.T) {
	h := newHome(t)
	if err := unix.Mount("tmpfs", h.disk, "tmpfs", 0, "size=400k"); err != nil {
		t.Skip("a small disk can be made by root only")
	}
	t.Cleanup(func() { unix.Unmount(h.disk, 0) })
	h.o.Keep = 1
	first := filepath.Base(h.backUp().Path)
	ballast := filepath.Join(h.disk, "films")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(f, strings.NewReader(strings.Repeat("film", 1<<20)))
	f.Close()
	_, err = backup.Write(t.Context(), h.o, h.disk)
	says(t, "a full disk", err, "full")
	if got := files(t, h.disk); !slices.Equal(got, []string{first, "films"}) {
		t.Errorf("on the disk there is %q", got)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	second := filepath.Base(h.backUp().Path)
	if got := files(t, h.disk); !slices.Equal(got, []string{second}) {
		t.Errorf("on the disk there is %q, want only %s", got, second)
	}
}
