package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
)

// The family answers while its ledger is copied: the copy is whole, nobody waits
// for it, and it can go on as a ledger of its own.
func TestLedgerIsCopiedWhileItIsWritten(t *testing.T) {
	path := ledgerPath(t)
	writer := begins(t, "answer without end", path)
	for range 20 {
		writer.lines.Scan()
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	c, err := sqlstore.Copy(t.Context(), path, copied)
	if err != nil {
		t.Fatal(err)
	}
	if c.Checks != 1 || c.Answers < 20 || c.Schema < 3 {
		t.Errorf("the copy holds %+v", c)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy has the mode %v (%v), want 0600", info.Mode(), err)
	}
	if !writer.lines.Scan() {
		t.Errorf("the writer has stopped: %s", writer.wrong)
	}
	s := open(t, copied)
	answers, err := s.Answers(t.Context(), 1)
	if err != nil || int64(len(answers)) != c.Answers {
		t.Errorf("the copy has %d answers (%v), want %d", len(answers), err, c.Answers)
	}
}

func TestUselessLedgersAreRefused(t *testing.T) {
	sound := filepath.Join(t.TempDir(), "sound.db")
	begin(t, open(t, sound))
	made := func(change func(path string)) string {
		path := filepath.Join(t.TempDir(), "copy.db")
		if _, err := sqlstore.Copy(t.Context(), sound, path); err != nil {
			t.Fatal(err)
		}
		change(path)
		return path
	}
	does := func(query string) func(string) {
		return func(path string) {
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Exec(query); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, bad := range map[string]struct {
		path string
		want error
	}{
		"a text":             {made(func(p string) { os.WriteFile(p, []byte("Dear diary"), 0o600) }), sqlstore.ErrForeign},
		"an empty file":      {made(func(p string) { os.Truncate(p, 0) }), sqlstore.ErrForeign},
		"half of it":         {made(func(p string) { os.Truncate(p, 4096*6) }), sqlstore.ErrDamaged},
		"a newer schema":     {made(does(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`)), sqlstore.ErrNewer},
		"another program's":  {made(does(`DROP TABLE goose_db_version`)), sqlstore.ErrForeign},
		"one that acts":      {made(does(`CREATE TRIGGER t AFTER INSERT ON answers BEGIN DELETE FROM checks; END`)), sqlstore.ErrForeign},
		"overwritten within": {made(scribble(t)), sqlstore.ErrDamaged},
	} {
		if _, err := sqlstore.Inspect(t.Context(), bad.path); !errors.Is(err, bad.want) {
			t.Errorf("%s: Inspect says %v, want %v", name, err, bad.want)
		}
	}
	if _, err := sqlstore.Inspect(t.Context(), "nowhere.db"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: Inspect says %v", err)
	}
	if _, err := sqlstore.Copy(t.Context(), sound, sound); !errors.Is(err, os.ErrExist) {
		t.Errorf("onto itself: Copy says %v", err)
	}
}

// scribble writes over the middle of a file.
func scribble(t *testing.T) func(string) {
	return func(path string) {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for page := int64(2); page < 8; page++ {
			if _, err := f.WriteAt([]byte("scribble scribble scribble"), page*4096); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestFoldWaitsForNobody(t *testing.T) {
	path := ledgerPath(t)
	s := open(t, path)
	begin(t, s)
	if err := sqlstore.Fold(t.Context(), path); err == nil {
		t.Error("a ledger that is open was folded")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := sqlstore.Fold(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlstore.Inspect(t.Context(), path); err != nil {
		t.Errorf("the one file is not whole: %v", err)
	}
}

// What a ledger from a backup takes for unsent is looked for before it is sent.
func TestWhatWaitsIsPutInDoubt(t *testing.T) {
	s := open(t, ledgerPath(t))
	now := time.UnixMilli(1_800_000_000_000)
	_, err := s.Commit(context.Background(), broadcast.Change{Now: now, Start: &broadcast.Start{
		Check:      broadcast.Check{Key: "quake", StartedAt: now},
		Deliveries: []broadcast.Delivery{{MemberID: "mum", Channel: broadcast.Direct, Step: "1", Reference: "r", State: broadcast.Due, DueAt: now, Purpose: broadcast.Ask}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Doubt(t.Context()); err != nil {
		t.Fatal(err)
	}
	claimed, err := s.Claim(t.Context(), broadcast.Direct, now, now.Add(time.Minute), 9)
	if err != nil || len(claimed) != 1 || !claimed[0].Doubt {
		t.Errorf("claimed %+v (%v), want one in doubt", claimed, err)
	}
}
