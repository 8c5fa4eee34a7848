package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/anpi-bot/anpi/broadcast"
)

// Why nothing can be written to the disk of a ledger.
var (
	ErrFull     = errors.New("the disk is full")
	ErrReadOnly = errors.New("the disk is read-only")
	ErrFails    = errors.New("the disk fails")
)

// Refuge is how a ledger lives on in memory while nothing can be written to its
// disk. What is in memory alone is lost when the process ends.
type Refuge struct {
	// Guest says that another process leads. What waited when the disk failed is
	// that one's work and is left out here, and [Store.Return] changes nothing
	// of what was there before.
	Guest bool
	// Told is called when the ledger has moved into memory, and with nil when it
	// is on its disk again. The last call is always right. It must not write to
	// the ledger.
	Told func(why error)
}

// Outlive lets the ledger move into memory as soon as a write fails for one of
// [ErrFull], [ErrReadOnly] and [ErrFails]. Without it that write fails.
func (s *Store) Outlive(ctx context.Context, r Refuge) error {
	err := s.outlive(ctx, r)
	if err == nil && s.InMemory() != nil {
		s.tell()
	}
	return err
}

func (s *Store) outlive(ctx context.Context, r Refuge) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why != nil && s.refuge == nil {
		// What was read when this began may be old: others have gone on.
		fresh, err := Open(ctx, s.path)
		if err != nil {
			return err
		}
		s.db.Close()
		s.db, s.why, s.before = fresh.db, fresh.why, fresh.before
	}
	if s.why != nil && r.Guest {
		if err := leaveOut(ctx, s.db); err != nil {
			return err
		}
	}
	s.refuge = &r
	s.moves++
	return nil
}

// tell tells of the newest move, unless that has been done.
func (s *Store) tell() {
	s.telling.Lock()
	defer s.telling.Unlock()
	s.mu.RLock()
	moves, why, told := s.moves, s.why, s.refuge.Told
	s.mu.RUnlock()
	if moves != s.toldOf {
		s.toldOf = moves
		told(why)
	}
}

// InMemory is why the ledger lives in memory: one of [ErrFull], [ErrReadOnly]
// and [ErrFails]; nil while it is on its disk.
func (s *Store) InMemory() error {
	defer s.hold()()
	return s.why
}

// write writes to the ledger where it is, and moves it into memory if it has to.
func (s *Store) write(ctx context.Context, do func(*sql.DB) error) error {
	db, err := s.attempt(do)
	// A disk that comes and goes may fail again at once.
	for range 3 {
		why := unwritable(s.path, err)
		if why == nil || s.refuge == nil {
			return err
		}
		if err := s.flee(ctx, db, why); err != nil {
			return fmt.Errorf("%w; go on in memory: %w", why, err)
		}
		db, err = s.attempt(do)
	}
	return err
}

func (s *Store) attempt(do func(*sql.DB) error) (*sql.DB, error) {
	defer s.hold()()
	if s.why != nil && s.refuge == nil {
		return s.db, s.why
	}
	return s.db, do(s.db)
}

// flee moves the ledger from where a write has failed into memory.
func (s *Store) flee(ctx context.Context, from *sql.DB, why error) error {
	s.mu.Lock()
	if s.db != from {
		// Somebody else was faster.
		s.mu.Unlock()
		return nil
	}
	if s.why != nil {
		// Memory itself is what fails.
		defer s.mu.Unlock()
		return s.why
	}
	err := s.moveIn(ctx, from, why)
	if err == nil && s.refuge.Guest {
		err = leaveOut(ctx, s.db)
	}
	s.mu.Unlock()
	if err == nil {
		from.Close()
		s.tell()
	}
	return err
}

// rowsApart is how far the ids of rows that are made in memory lie from those on
// the disk, so that nobody else uses them meanwhile.
const rowsApart = 1 << 32

// moveIn makes a ledger in memory that holds what the other one does; nil is an
// empty one.
func (s *Store) moveIn(ctx context.Context, from *sql.DB, why error) error {
	memory, err := openMemory(ctx)
	if err != nil {
		return err
	}
	if err := copyRows(ctx, from, memory); err != nil {
		return errors.Join(err, memory.Close())
	}
	var rows int64
	err = memory.QueryRowContext(ctx, `SELECT (SELECT COALESCE(MAX(id), 0) FROM checks),
		(SELECT MAX((SELECT COALESCE(MAX(id), 0) FROM deliveries), (SELECT COALESCE(MAX(id), 0) FROM answers)))`).Scan(&s.before.checks, &rows)
	if err != nil {
		return errors.Join(fmt.Errorf("look into memory: %w", err), memory.Close())
	}
	if s.before.documents, err = documents(ctx, memory); err != nil {
		return errors.Join(fmt.Errorf("look into memory: %w", err), memory.Close())
	}
	s.before.rows = rows + rowsApart + rand.Int64N(rowsApart)
	s.db, s.why = memory, why
	s.moves++
	return nil
}

// leaveOut takes everything off the list of what is still to be done.
func leaveOut(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, `UPDATE deliveries SET state = $1 WHERE `+waiting, broadcast.Dropped); err != nil {
		return fmt.Errorf("leave out what another process does: %w", err)
	}
	if _, err := db.ExecContext(ctx, `UPDATE checks SET closed_at = $1, next_due = 0 WHERE closed_at = 0`, ms(time.Now())); err != nil {
		return fmt.Errorf("leave out what another process does: %w", err)
	}
	return nil
}

// openInMemory opens the ledger at the path, to which nothing can be written.
func openInMemory(ctx context.Context, path string, why error) (*Store, error) {
	s := &Store{path: path}
	from, err := openBeside(ctx, path)
	if err != nil {
		return nil, err
	}
	if from != nil {
		defer from.Close()
	}
	if err := s.moveIn(ctx, from, why); err != nil {
		return nil, err
	}
	return s, nil
}

// openBeside opens a ledger to read it where SQLite may not be able to make the
// files that it wants beside it; nil when there is nothing to read.
func openBeside(ctx context.Context, path string) (*sql.DB, error) {
	if info, err := os.Stat(path); errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil, nil
	}
	var failed error
	for _, how := range waysToRead(path) {
		db, err := openToRead(path, how)
		if err != nil {
			return nil, err
		}
		var c Contents
		if c, err = contents(ctx, db); err == nil {
			err = knows(db, c)
		}
		if err == nil {
			return db, nil
		}
		failed = errors.Join(err, db.Close())
		if errors.Is(err, ErrNewer) {
			break
		}
	}
	return nil, fmt.Errorf("read the ledger %s: %w", path, failed)
}

// waysToRead are the options with which a ledger may be read, the best first.
// What was committed last may stand in the log beside the file alone, and must
// not be overlooked. SQLite reads it without a file that it would have to make
// when it need not share it: because it has the ledger to itself, or because
// nobody can write there.
func waysToRead(path string) []string {
	const alone = "&_pragma=locking_mode(EXCLUSIVE)"
	ways := []string{"mode=ro", "mode=rw" + alone}
	if errors.Is(DiskState(path), ErrReadOnly) {
		ways = append(ways, "mode=ro&vfs=unix-none"+alone)
	}
	if info, err := os.Stat(path + "-wal"); errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0 {
		ways = append(ways, "mode=ro&immutable=1")
	}
	return ways
}

// memories counts the ledgers in memory, each of which has a name.
var memories atomic.Int64

// openMemory makes an empty ledger in memory.
func openMemory(ctx context.Context) (*sql.DB, error) {
	db, err := sql.Open("sqlite", fmt.Sprintf("file:/anpi-%d?vfs=memdb&_txlock=immediate", memories.Add(1)))
	if err != nil {
		return nil, fmt.Errorf("open memory: %w", err)
	}
	// It lives as long as its connection.
	db.SetMaxOpenConns(1)
	p, err := schema(db)
	if err == nil {
		_, err = p.Up(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open memory: %w", err), db.Close())
	}
	return db, nil
}

// tables are all that hold something, in an order in which they can be filled.
var tables = []string{"checks", "check_members", "deliveries", "answers", "cursors", "documents", "links"}

// copyRows copies all rows into an empty ledger. The one that they come from may
// have an earlier schema, or none.
func copyRows(ctx context.Context, from, to *sql.DB) error {
	if from == nil {
		return nil
	}
	tx, err := to.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("copy the ledger: %w", err)
	}
	defer tx.Rollback()
	for _, table := range tables {
		err := eachRow(ctx, from, `SELECT * FROM `+table, nil, func(columns []string, values []any) error {
			return insert(ctx, tx, "INSERT", table, columns, values)
		})
		if err != nil && !strings.Contains(err.Error(), "no such table") {
			return fmt.Errorf("copy %s: %w", table, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("copy the ledger: %w", err)
	}
	return nil
}

// eachRow does something with each row of a query.
func eachRow(ctx context.Context, db interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}, query string, args []any, do func(columns []string, values []any) error) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, places := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		places[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			return err
		}
		if err := do(columns, values); err != nil {
			return err
		}
	}
	return rows.Err()
}

// insert adds a row, unless it is there as it is; how is INSERT with what becomes
// of another one in its place.
func insert(ctx context.Context, tx *sql.Tx, how, table string, columns []string, values []any) error {
	var marks, same []string
	for i, column := range columns {
		mark := fmt.Sprintf("$%d", i+1)
		marks, same = append(marks, mark), append(same, column+" = "+mark)
	}
	_, err := tx.ExecContext(ctx, how+` INTO `+table+` (`+strings.Join(columns, ", ")+`) SELECT `+strings.Join(marks, ", ")+
		` WHERE NOT EXISTS (SELECT 1 FROM `+table+` WHERE `+strings.Join(same, " AND ")+`)`, values...)
	return err
}

// Unwritable reports whether an error of something beside the ledger at the path
// means that its disk takes no writes.
func Unwritable(path string, err error) bool { return unwritable(path, err) != nil }

// unwritable is why an error of a write to the ledger at the path means that its
// disk takes none; nil when it means something else.
func unwritable(path string, err error) error {
	code := 0
	if failed, ok := errors.AsType[*sqlite.Error](err); ok {
		code = failed.Code() & 0xff
	}
	is := func(all ...error) bool {
		return slices.ContainsFunc(all, func(e error) bool { return errors.Is(err, e) })
	}
	switch {
	case err == nil || is(ErrFull, ErrReadOnly, ErrFails):
		return nil // it is told already
	case code == sqlite3.SQLITE_FULL || is(unix.ENOSPC, unix.EDQUOT):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case code == sqlite3.SQLITE_READONLY || is(unix.EROFS):
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case code != sqlite3.SQLITE_IOERR && code != sqlite3.SQLITE_CANTOPEN && !is(unix.EIO):
		return nil
	}
	// SQLite does not always say what stopped it.
	why := DiskState(path)
	if why == nil {
		why = ErrFails
	}
	return fmt.Errorf("%w: %w", why, err)
}

// aLittle is the room with which a disk counts as full: a ledger in memory may
// not find enough in it to go back, though a smaller change does.
const aLittle = 1 << 20

// readOnly is the flag of a disk that takes no writes: what Linux calls ST_RDONLY
// and others MNT_RDONLY.
const readOnly = 1

// DiskState is [ErrFull] or [ErrReadOnly] when the disk of the ledger at the
// path says that it is so, else nil.
func DiskState(path string) error {
	var fs unix.Statfs_t
	switch err := unix.Statfs(filepath.Dir(path), &fs); {
	case err != nil:
		return nil
	case fs.Flags&readOnly != 0:
		return ErrReadOnly
	case uint64(fs.Bavail)*uint64(fs.Bsize) < aLittle || fs.Files > 0 && fs.Ffree == 0:
		return ErrFull
	}
	return nil
}
