package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/anpi-bot/anpi/broadcast"
)

// What can be wrong with a file that should hold a ledger.
var (
	ErrForeign = errors.New("this is no ledger of Anpi")
	ErrDamaged = errors.New("the ledger is damaged")
	ErrNewer   = errors.New("the ledger was written by a newer Anpi")
)

// Contents tell what is in a ledger.
type Contents struct {
	// Schema is the version of its tables.
	Schema int64
	// Checks and Answers are how many there are. They never become fewer.
	Checks, Answers int64
}

// Copy writes the ledger at the path, as it is at one moment, into a new file,
// which it then opens and inspects. It holds up nobody who writes meanwhile. What
// was deleted from the ledger is not in the copy.
func Copy(ctx context.Context, path, to string) (Contents, error) {
	db, err := openToRead(path, "mode=ro")
	if err != nil {
		return Contents{}, err
	}
	defer db.Close()
	before, err := contents(ctx, db)
	if err != nil {
		return Contents{}, fmt.Errorf("read the ledger %s: %w", path, err)
	}
	// SQLite would let others read the file.
	f, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Contents{}, fmt.Errorf("copy the ledger: %w", err)
	}
	f.Close()
	if _, err := db.ExecContext(ctx, `VACUUM INTO $1`, to); err != nil {
		return Contents{}, fmt.Errorf("copy the ledger: %w", judge(err))
	}
	copied, err := Inspect(ctx, to)
	if err != nil {
		return Contents{}, fmt.Errorf("open the copy of the ledger: %w", err)
	}
	if copied.Checks < before.Checks || copied.Answers < before.Answers {
		return Contents{}, fmt.Errorf("the copy of the ledger lacks something: it has %+v, the ledger %+v: %w", copied, before, ErrDamaged)
	}
	return copied, nil
}

// Inspect reads a ledger that nobody writes to, such as a copy, from its first
// page to its last. The error is [ErrForeign], [ErrDamaged] or [ErrNewer] when
// it cannot be used.
func Inspect(ctx context.Context, path string) (Contents, error) {
	db, err := openToRead(path, "mode=ro&immutable=1")
	if err != nil {
		return Contents{}, err
	}
	defer db.Close()
	c, err := contents(ctx, db)
	if err != nil {
		return c, err
	}
	if err := knows(db, c); err != nil {
		return c, err
	}
	var verdict string
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&verdict); err != nil {
		return c, judge(err)
	}
	if verdict != "ok" {
		return c, fmt.Errorf("%w: %s", ErrDamaged, verdict)
	}
	return c, nil
}

// Doubt makes everything that waits be looked for before it is sent. It is for a
// ledger from a backup: what that takes for unsent may have been sent since.
func (s *Store) Doubt(ctx context.Context) error {
	defer s.hold()()
	if _, err := s.db.ExecContext(ctx, `UPDATE deliveries SET doubt = 1 WHERE state = $1`, broadcast.Due); err != nil {
		return fmt.Errorf("put what waits in doubt: %w", err)
	}
	return nil
}

// Fold puts all of the ledger at the path into its one file, so that it can be
// moved. It fails while another process has the ledger open.
func Fold(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", dsn(path)+"?mode=rw&_pragma=busy_timeout(1000)")
	if err != nil {
		return fmt.Errorf("fold the ledger: %w", err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var mode string
	if err := db.QueryRowContext(ctx, `PRAGMA journal_mode=DELETE`).Scan(&mode); err != nil {
		return fmt.Errorf("fold the ledger: %w", judge(err))
	}
	return nil
}

// openToRead opens a ledger that is there.
func openToRead(path, how string) (*sql.DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	db, err := sql.Open("sqlite", dsn(path)+"?_pragma=busy_timeout(10000)&"+how)
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// dsn names the file to the driver. SQLite gives some relative names a meaning of
// their own (":memory:").
func dsn(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(path)}).String()
}

func contents(ctx context.Context, db *sql.DB) (c Contents, err error) {
	// Anpi makes tables and indexes. Anything that acts by itself comes from
	// somebody else.
	var acting int
	if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master WHERE type IN ('trigger', 'view')`).Scan(&acting); err != nil {
		return c, judge(err)
	}
	if acting > 0 {
		return c, fmt.Errorf("%w: it has triggers or views", ErrForeign)
	}
	if err := db.QueryRowContext(ctx, `SELECT MAX(version_id) FROM goose_db_version WHERE is_applied`).Scan(&c.Schema); err != nil {
		return c, judge(err)
	}
	err = db.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM checks), (SELECT COUNT(*) FROM answers)`).Scan(&c.Checks, &c.Answers)
	return c, judge(err)
}

// knows returns [ErrNewer] when a newer Anpi has written the ledger.
func knows(db *sql.DB, c Contents) error {
	p, err := schema(db)
	if err != nil {
		return err
	}
	versions := p.ListSources()
	if latest := versions[len(versions)-1].Version; c.Schema > latest {
		return fmt.Errorf("it has schema %d, this Anpi knows %d: %w", c.Schema, latest, ErrNewer)
	}
	return nil
}

// judge says what an error of SQLite means for the file.
func judge(err error) error {
	code := 0
	if failed, ok := errors.AsType[*sqlite.Error](err); ok {
		code = failed.Code() & 0xff
	}
	switch {
	case err == nil:
		return nil
	case code == sqlite3.SQLITE_NOTADB, strings.Contains(err.Error(), "no such table"):
		return fmt.Errorf("%w: %w", ErrForeign, err)
	case code == sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	default:
		return err
	}
}
