package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/broadcast/sqlstore/storetest"
	"github.com/anpi-bot/anpi/roster"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestLedgerInAFile(t *testing.T) {
	storetest.Run(t, func(t *testing.T) broadcast.Store {
		return open(t, ledgerPath(t))
	})
}

// The daemon and the command line have the same file open: whatever one of them
// writes, the other one knows.
func TestLedgerInAFileThatIsOpenTwice(t *testing.T) {
	storetest.Run(t, func(t *testing.T) broadcast.Store {
		path := ledgerPath(t)
		return &inTurn{stores: [2]*sqlstore.Store{open(t, path), open(t, path)}}
	})
}

// inTurn sends every call to the other one of two stores.
type inTurn struct {
	stores [2]*sqlstore.Store
	calls  atomic.Int64
}

func (s *inTurn) next() *sqlstore.Store { return s.stores[s.calls.Add(1)%2] }

func (s *inTurn) Commit(ctx context.Context, c broadcast.Change) (broadcast.Committed, error) {
	return s.next().Commit(ctx, c)
}

func (s *inTurn) Claim(ctx context.Context, channel broadcast.ChannelName, now, lease time.Time, limit int) ([]broadcast.Delivery, error) {
	return s.next().Claim(ctx, channel, now, lease, limit)
}
func (s *inTurn) NextDue(ctx context.Context) (time.Time, bool, error) { return s.next().NextDue(ctx) }
func (s *inTurn) Check(ctx context.Context, id int64) (broadcast.Check, error) {
	return s.next().Check(ctx, id)
}
func (s *inTurn) Checks(ctx context.Context, limit int) ([]broadcast.Check, error) {
	return s.next().Checks(ctx, limit)
}
func (s *inTurn) Members(ctx context.Context, id int64) ([]roster.Member, error) {
	return s.next().Members(ctx, id)
}
func (s *inTurn) Answers(ctx context.Context, id int64) ([]broadcast.Answer, error) {
	return s.next().Answers(ctx, id)
}
func (s *inTurn) Deliveries(ctx context.Context, id int64) ([]broadcast.Delivery, error) {
	return s.next().Deliveries(ctx, id)
}
func (s *inTurn) Prompt(ctx context.Context, reference string, r broadcast.Receipt) (broadcast.Delivery, bool, error) {
	return s.next().Prompt(ctx, reference, r)
}
func (s *inTurn) SilentRooms(ctx context.Context) ([]string, error) { return s.next().SilentRooms(ctx) }
func (s *inTurn) Cursor(ctx context.Context, room string) (broadcast.Cursor, bool, error) {
	return s.next().Cursor(ctx, room)
}
func (s *inTurn) Link(ctx context.Context, hash string) (broadcast.Link, bool, error) {
	return s.next().Link(ctx, hash)
}
func (s *inTurn) Document(ctx context.Context, name string) ([]byte, error) {
	return s.next().Document(ctx, name)
}
func (s *inTurn) Close() error { return nil } // each of the two is closed by the test

func TestFolderNamesWithOddCharacters(t *testing.T) {
	for _, name := range []string{
		"my data", "安否確認", "a?mode=memory", "a#b", "100%", "%41%2F", "file:x", "it's \"odd\"", "a;b&c=d+e", "*", `back\slash`,
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), name)
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			remembers(t, filepath.Join(folder, name+".db"))
			if entries, err := os.ReadDir(filepath.Dir(folder)); err != nil || len(entries) != 1 {
				t.Errorf("beside the folder there is %v (%v)", entries, err)
			}
		})
	}
}

func TestRelativePaths(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, path := range []string{"anpi.db", "./anpi2.db", ":memory:"} {
		remembers(t, path)
	}
}

// remembers checks that what is written at the path is there again when it is
// opened a second time, and is nobody else's to read.
func remembers(t *testing.T, path string) {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	begin(t, s)
	for _, file := range []string{path, path + "-wal"} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("the mode of %s is %v, want only the owner to read it", file, mode)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if checks, err := open(t, path).Checks(t.Context(), 9); err != nil || len(checks) != 1 {
		t.Errorf("opened again it has the checks %v (%v)", checks, err)
	}
}

func TestWhatCannotBeOpenedIsNamed(t *testing.T) {
	folder := t.TempDir()
	isFolder := filepath.Join(folder, "folder.db")
	isText := filepath.Join(folder, "text.db")
	readOnly := filepath.Join(folder, "locked", "anpi.db")
	for _, err := range []error{
		os.Mkdir(isFolder, 0o700),
		os.WriteFile(isText, []byte(strings.Repeat("not a ledger ", 500)), 0o600),
		os.Mkdir(filepath.Dir(readOnly), 0o500),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ path, want string }{
		{isFolder, "is a directory"},
		{isText, "not a database"},
		{filepath.Join(isText, "anpi.db"), "not a directory"},
		{readOnly, "permission denied"},
	} {
		err := openAsNobody(t, c.path, folder)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), filepath.Dir(c.path)) {
			t.Errorf("opening %s says %v, want %q and the path", c.path, err, c.want)
		}
	}
}

// openAsNobody opens the ledger as somebody for whom permissions count, even
// when root runs the tests. The folder is given to them.
func openAsNobody(t *testing.T, path, folder string) error {
	t.Helper()
	if os.Geteuid() != 0 {
		_, err := sqlstore.Open(t.Context(), path)
		return err
	}
	const nobody = 65534
	err := filepath.Walk(filepath.Dir(folder), func(p string, _ os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(p, nobody, nobody)
	})
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error)
	go func() {
		// The file system user belongs to the thread, which ends with the
		// goroutine because it stays locked to it.
		runtime.LockOSThread()
		if err := unix.Setfsuid(nobody); err != nil {
			result <- err
			return
		}
		_, err := sqlstore.Open(t.Context(), path)
		result <- err
	}()
	return <-result
}

func TestLedgerOfANewerAnpiIsRefused(t *testing.T) {
	path := ledgerPath(t)
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9001, 1)`); err != nil {
		t.Fatal(err)
	}
	_, err = sqlstore.Open(t.Context(), path)
	if err == nil || !strings.Contains(err.Error(), "newer Anpi (schema 9001, this one knows 5): update Anpi") {
		t.Errorf("opening it says %v", err)
	}
}

// A power cut leaves the database as it was synced last, and any part of what
// was being appended to the log. Whatever was acknowledged must be there.
func TestPowerCutLosesNothingThatWasAcknowledged(t *testing.T) {
	path := ledgerPath(t)
	s := open(t, path)
	check := begin(t, s)
	for i := range 3 {
		answer(t, s, check, i)
	}
	database, acknowledged := read(t, path), len(read(t, path+"-wal"))
	for i := range 2 {
		answer(t, s, check, 3+i)
	}
	log := read(t, path+"-wal")
	if diff := cmp.Diff(database, read(t, path)); diff != "" || len(log) <= acknowledged {
		t.Fatal("the log was folded into the database meanwhile: this test would prove nothing")
	}

	after := func(log []byte) (answers int) {
		path := ledgerPath(t)
		for file, content := range map[string][]byte{path: database, path + "-wal": log} {
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s := open(t, path)
		all, err := s.Answers(t.Context(), check)
		if err != nil {
			t.Fatal(err)
		}
		answer(t, s, check, 9) // and it goes on
		return len(all)
	}
	if n := after(log[:acknowledged-1]); n != 2 {
		t.Fatalf("one byte less leaves %d answers, want 2: the log is not what this test takes it for", n)
	}
	for cut := acknowledged; cut <= len(log); cut += 613 {
		torn := append([]byte(nil), log...)
		for i := cut; i < len(torn); i++ {
			torn[i] ^= 0x5a
		}
		for how, log := range map[string][]byte{"cut": log[:cut], "torn": torn} {
			if n := after(log); n < 3 {
				t.Fatalf("%s at byte %d of %d only %d of 3 answers are left", how, cut, len(log), n)
			}
		}
	}
}

// BenchmarkCommit compares results that are committed one by one with results
// that share a commit. The ratio says how many times faster the latter is.
func BenchmarkCommit(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "anpi.db"))
	check := begin(b, s)
	const group = 64
	var single, grouped time.Duration
	n := 0
	for b.Loop() {
		from := time.Now()
		for range group {
			answer(b, s, check, n)
			n++
		}
		single += time.Since(from)
		var answers []broadcast.Answer
		for range group {
			answers = append(answers, nth(check, n))
			n++
		}
		from = time.Now()
		if _, err := s.Commit(b.Context(), broadcast.Change{Now: from, Answers: answers}); err != nil {
			b.Fatal(err)
		}
		grouped += time.Since(from)
	}
	b.ReportMetric(float64(single)/float64(grouped), "ratio")
	b.ReportMetric(float64(n/2)/single.Seconds(), "commits/s")
}

func ledgerPath(t testing.TB) string { return filepath.Join(t.TempDir(), "anpi.db") }

func open(t testing.TB, path string) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// begin starts a check and returns its number.
func begin(t testing.TB, s *sqlstore.Store) int64 {
	t.Helper()
	done, err := s.Commit(t.Context(), broadcast.Change{Now: time.Now(), Start: &broadcast.Start{Check: broadcast.Check{Key: "quake"}}})
	if err != nil {
		t.Fatal(err)
	}
	return done.Started.ID
}

// answer commits the nth answer.
func answer(t testing.TB, s *sqlstore.Store, check int64, n int) {
	t.Helper()
	if _, err := s.Commit(t.Context(), broadcast.Change{Now: time.Now(), Answers: []broadcast.Answer{nth(check, n)}}); err != nil {
		t.Fatal(err)
	}
}

func nth(check int64, n int) broadcast.Answer {
	return broadcast.Answer{CheckID: check, MemberID: "mother", Status: broadcast.Safe, Carrier: fmt.Sprintf("message %d", n)}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
