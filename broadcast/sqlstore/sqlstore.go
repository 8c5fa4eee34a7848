// Package sqlstore keeps the ledger of package broadcast in SQLite.
//
// A file is opened by the daemon and by the command line at the same time.
// Every process writes over one connection, in immediate transactions, and with
// synchronous=FULL: what was committed survives a power cut. [Lead] elects the
// one process that sends, and [Poke] tells it that there is something to do;
// while nothing happens, nothing is written and nobody wakes.
//
// When the disk is full or read-only, a ledger can live on in memory
// ([Store.Outlive]) and go back later ([Store.Return]).
package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver
)

//go:embed migrations/*.sql
var migrations embed.FS

// Store is a ledger in a SQLite file. It implements broadcast.Store.
type Store struct {
	path string

	// mu is held while the ledger is moved, and shared while it is used.
	mu     sync.RWMutex
	db     *sql.DB
	refuge *Refuge // nil when the ledger may not be moved
	why    error   // why it is in memory; nil when it is not
	before before
	moves  int // how often it was moved

	// telling is held while somebody is told of a move; toldOf is the last one
	// that somebody was told of.
	telling sync.Mutex
	toldOf  int
}

// before is what there was when the ledger moved into memory: the highest number
// of a check, below which id all deliveries and answers lie, and the documents.
type before struct {
	checks, rows int64
	documents    map[string]string
}

// Open opens the ledger at the path, creates it and its folder when there is
// none, and brings its schema up to date. When nothing can be written there, it opens what can be read of it in memory; see [Store.InMemory]. A file
// that a newer Anpi has written is refused.
func Open(ctx context.Context, path string) (*Store, error) {
	db, err := openFile(ctx, path)
	if why := unwritable(path, err); why != nil {
		s, failed := openInMemory(ctx, path, why)
		if failed != nil {
			return nil, errors.Join(err, failed)
		}
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	return &Store{path: path, db: db}, nil
}

func openFile(ctx context.Context, path string) (*sql.DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the ledger: %w", err)
	}
	// The file may hold addresses and what people wrote about their health.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	f.Close()
	db, err := sql.Open("sqlite", dsn(path)+"?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	// Several connections of one process starve each other; see the measurements
	// in the decision record on the ledger.
	db.SetMaxOpenConns(1)
	if err := migrate(ctx, db, path); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// migrate brings the schema up to date. SQLite does not keep two first starts
// apart by itself, so a file lock does.
func migrate(ctx context.Context, db *sql.DB, path string) error {
	p, err := schema(db)
	if err != nil {
		return err
	}
	unlock, err := lockFile(path + ".migrate")
	if err != nil {
		return err
	}
	defer unlock()
	current, target, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the ledger %s: %w", path, err)
	}
	if current > target {
		return fmt.Errorf("the ledger %s was written by a newer Anpi (schema %d, this one knows %d): update Anpi", path, current, target)
	}
	if current == target {
		return nil
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bring the ledger %s up to date: %w", path, err)
	}
	return nil
}

// schema is what the ledger has to look like.
func schema(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return p, nil
}

// Close closes the ledger.
func (s *Store) Close() error {
	defer s.hold()()
	return s.db.Close()
}

// hold keeps the ledger where it is until it is let go.
func (s *Store) hold() (letGo func()) {
	s.mu.RLock()
	return s.mu.RUnlock
}
