package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzUnpack reads archives from strangers: whatever is in them, nothing is
// written but the one ledger, and never more than the archive is long.
func FuzzUnpack(f *testing.F) {
	ledger := filepath.Join(f.TempDir(), "ledger")
	if err := os.WriteFile(ledger, []byte("a ledger"), 0o600); err != nil {
		f.Fatal(err)
	}
	small := map[string][]byte{configName: []byte("language = 'en'"), "password-1": []byte("sesame")}
	for _, files := range [][]File{
		{{Name: ledgerName}},
		{{Name: configName}, {Name: ledgerName}},
		{{Name: configName}, {Name: "password-1", Path: "../../.ssh/authorized_keys"}, {Name: ledgerName}},
		{{Name: "../" + configName}, {Name: ledgerName}},
	} {
		body, err := os.Open(ledger)
		if err != nil {
			f.Fatal(err)
		}
		var b bytes.Buffer
		if err := pack(&b, Contents{Format: format, Files: files}, small, body); err != nil {
			f.Fatal(err)
		}
		body.Close()
		f.Add(b.Bytes())
		f.Add(b.Bytes()[:b.Len()/2])
	}
	f.Fuzz(func(t *testing.T, archive []byte) {
		folder := t.TempDir()
		path := filepath.Join(folder, ledgerName)
		c, small, err := unpack(bytes.NewReader(archive), path)
		entries, dirErr := os.ReadDir(folder)
		if dirErr != nil || len(entries) > 1 || len(entries) == 1 && entries[0].Name() != ledgerName {
			t.Fatalf("it has written %v (%v)", entries, dirErr)
		}
		total := 0
		for _, body := range small {
			total += len(body)
		}
		if info, statErr := os.Stat(path); statErr == nil {
			total += int(info.Size())
		}
		if total > len(archive) {
			t.Fatalf("%d bytes came out of %d", total, len(archive))
		}
		if err != nil {
			return
		}
		if !c.valid() || len(small) != len(c.Files)-1 {
			t.Errorf("accepted: %+v with %d small files", c, len(small))
		}
		body, err := os.ReadFile(path)
		if sum := sha256.Sum256(body); err != nil || hex.EncodeToString(sum[:]) != c.Files[len(c.Files)-1].SHA256 {
			t.Errorf("the ledger is another one than it says (%v)", err)
		}
	})
}

// FuzzOpened decides what a file is by how it begins.
func FuzzOpened(f *testing.F) {
	f.Add([]byte(sealedStart + "v1\n-> X25519 abc\nabc\n--- abc\n"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, file []byte) {
		plain, err := opened(bytes.NewReader(file))
		sealed := bytes.HasPrefix(file, []byte(sealedStart))
		if (err == errSealed) != sealed {
			t.Fatalf("it begins with %q: %v", file[:min(len(file), 30)], err)
		}
		if err != nil {
			return
		}
		if all, err := io.ReadAll(plain); err != nil || !bytes.Equal(all, file) {
			t.Errorf("something is lost: %q (%v)", all, err)
		}
	})
}

// Where a password goes is said by the backup, and by a stranger who has made it.
func TestPasswordsStayInTheFolder(t *testing.T) {
	for path, want := range map[string]bool{
		"nextcloud-password": true, "secrets/mail": true, "合言葉": true,
		"/etc/passwd": false, "../mail": false, "a/../../b": false, ".bashrc": false, ".ssh/authorized_keys": false, "a/.b/c": false,
		"anpi.toml": false, "other.toml": false, "anpi.db": false, "data/anpi.db-wal": false, "": false, "a//b": false, "a\x00b": false, `a\b`: false,
	} {
		if got := belongs(path); got != want {
			t.Errorf("a password at %q: %v, want %v", path, got, want)
		}
	}
}

func TestContentsAreOfAKnownShape(t *testing.T) {
	sum := strings.Repeat("0", 64)
	ledger := File{Name: ledgerName, SHA256: sum}
	configuration := File{Name: configName, SHA256: sum}
	for what, c := range map[string]Contents{
		"nothing":                {Format: 1},
		"no format":              {Files: []File{ledger}},
		"two ledgers":            {Format: 1, Files: []File{ledger, ledger}},
		"a password without":     {Format: 1, Files: []File{{Name: "password-1", Path: "p", SHA256: sum}, ledger}},
		"a password nowhere":     {Format: 1, Files: []File{configuration, {Name: "password-1", SHA256: sum}, ledger}},
		"a huge configuration":   {Format: 1, Files: []File{{Name: configName, Size: 1 << 40, SHA256: sum}, ledger}},
		"less than nothing":      {Format: 1, Files: []File{{Name: ledgerName, Size: -1, SHA256: sum}}},
		"a path for the ledger":  {Format: 1, Files: []File{{Name: ledgerName, Path: "/etc/passwd", SHA256: sum}}},
		"more than anybody has":  {Format: 1, Files: make([]File, maxFiles+1)},
		"no checksum":            {Format: 1, Files: []File{{Name: ledgerName}}},
		"the ledger first":       {Format: 1, Files: []File{ledger, configuration}},
		"a file of another name": {Format: 1, Files: []File{{Name: "notes.txt", SHA256: sum}, ledger}},
	} {
		if c.valid() {
			t.Errorf("%s: accepted", what)
		}
	}
	if whole := (Contents{Format: 1, Files: []File{configuration, ledger}}); !whole.valid() {
		t.Error("a backup without passwords is refused")
	}
}
