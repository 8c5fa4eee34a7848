package sqlstore

import (
	"path/filepath"
	"testing"
)

// Whether a commit reaches the disk cannot be seen without cutting the power;
// that SQLite was told to see to it, can.
func TestSettingsOnWhichCommitsDepend(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "anpi.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "busy_timeout": "10000"} {
		var got string
		if err := s.db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", pragma, got, err, want)
		}
	}
	if n := s.db.Stats().MaxOpenConnections; n != 1 {
		t.Errorf("there may be %d connections, want 1", n)
	}
}
