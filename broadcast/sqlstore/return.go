package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/anpi-bot/anpi/broadcast"
)

// Return brings a ledger that lives in memory back to its disk, with all that
// came in meanwhile, there and here. While the disk still takes nothing it
// returns one of [ErrFull], [ErrReadOnly] and [ErrFails], and the ledger stays
// where it is. A guest may only return when nothing of it is under way.
func (s *Store) Return(ctx context.Context) error {
	s.mu.Lock()
	if s.why == nil || s.refuge == nil {
		defer s.mu.Unlock()
		return s.why
	}
	err := s.moveOut(ctx)
	s.mu.Unlock()
	if err == nil {
		s.tell()
	}
	return err
}

func (s *Store) moveOut(ctx context.Context) error {
	disk, err := openFile(ctx, s.path)
	if err == nil {
		if err = s.merge(ctx, disk); err == nil {
			memory := s.db
			s.db, s.why, s.before = disk, nil, before{}
			s.moves++
			return memory.Close()
		}
		err = errors.Join(err, disk.Close())
	}
	if why := unwritable(s.path, err); why != nil {
		return why
	}
	return fmt.Errorf("%w: %w", ErrFails, err)
}

// merge writes what is in memory to the disk, all of it or nothing.
func (s *Store) merge(ctx context.Context, disk *sql.DB) error {
	tx, err := disk.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("go back to the disk: %w", err)
	}
	defer tx.Rollback()
	m := &merger{ctx: ctx, memory: s.db, disk: tx, guest: s.refuge.Guest, before: s.before}
	m.part()
	m.keepClosed()
	m.bring("checks", m.ours("id", s.before.checks), "INSERT OR REPLACE")
	m.bring("check_members", m.ours("check_id", s.before.checks), "INSERT OR IGNORE")
	m.bring("deliveries", m.ours("id", s.before.rows-1), "INSERT OR REPLACE")
	m.bring("answers", m.ours("id", s.before.rows-1), "INSERT OR IGNORE")
	if m.guest {
		m.bring("cursors", "", "INSERT OR IGNORE")
	} else {
		m.forward()
		m.bringDocuments()
		// A board that was closed stays closed.
		m.exec(tx, `DELETE FROM links WHERE member_id = ''`)
	}
	m.bring("links", "", "INSERT OR IGNORE")
	if m.err != nil {
		return fmt.Errorf("go back to the disk: %w", m.err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("go back to the disk: %w", err)
	}
	return nil
}

// merger brings rows from memory to the disk. After the first error it does
// nothing more.
type merger struct {
	ctx    context.Context
	memory *sql.DB
	disk   *sql.Tx
	guest  bool
	before before
	err    error
}

// ours selects what this process is to write: everything, or as a guest what it
// has made itself.
func (m *merger) ours(column string, above int64) string {
	if !m.guest {
		return ""
	}
	return fmt.Sprintf(` WHERE %s > %d`, column, above)
}

func (m *merger) bring(table, where, how string) {
	if m.err != nil {
		return
	}
	err := eachRow(m.ctx, m.memory, `SELECT * FROM `+table+where, nil, func(columns []string, values []any) error {
		return insert(m.ctx, m.disk, how, table, columns, values)
	})
	if err != nil {
		m.err = fmt.Errorf("bring %s: %w", table, err)
	}
}

// part keeps apart two checks that were begun under one number, here and on the
// disk. The one that nobody here works with gets another number.
func (m *merger) part() {
	highest := max(m.number(m.disk, `SELECT COALESCE(MAX(id), 0) FROM checks`), m.number(m.memory, `SELECT COALESCE(MAX(id), 0) FROM checks`))
	for id := m.before.checks + 1; m.err == nil && id <= highest; id++ {
		here, there := m.word(m.memory, `SELECT start_key FROM checks WHERE id = $1`, id), m.word(m.disk, `SELECT start_key FROM checks WHERE id = $1`, id)
		if here == "" || there == "" || here == there {
			continue
		}
		highest++
		if m.guest {
			m.renumber(m.memory, id, highest)
		} else {
			m.renumber(m.disk, id, highest)
		}
	}
}

func (m *merger) renumber(db execer, from, to int64) {
	m.exec(db, `UPDATE checks SET id = $1 WHERE id = $2`, to, from)
	for _, table := range []string{"check_members", "deliveries", "answers", "links"} {
		m.exec(db, `UPDATE `+table+` SET check_id = $1 WHERE check_id = $2`, to, from)
	}
}

// keepClosed ends the checks in memory that somebody has ended on the disk.
func (m *merger) keepClosed() {
	if m.err != nil || m.guest {
		return
	}
	type closed struct{ id, at, by any }
	var all []closed
	m.err = eachRow(m.ctx, m.disk, `SELECT id, closed_at, closed_by FROM checks WHERE closed_at <> 0`, nil, func(_ []string, v []any) error {
		all = append(all, closed{v[0], v[1], v[2]})
		return nil
	})
	for _, c := range all {
		m.exec(m.memory, `UPDATE checks SET closed_at = $1, closed_by = $2, next_due = 0 WHERE id = $3 AND closed_at = 0`, c.at, c.by, c.id)
	}
}

// forward moves the cursors on the disk to where they are in memory, and back only
// where the chat server was put back meanwhile.
func (m *merger) forward() {
	rewinds := m.word(m.memory, `SELECT body FROM documents WHERE name = $1`, broadcast.RewindsDocument)
	back := rewinds != m.before.documents[broadcast.RewindsDocument]
	if m.err != nil {
		return
	}
	m.err = eachRow(m.ctx, m.memory, `SELECT room, last_given, written_at FROM cursors`, nil, func(_ []string, v []any) error {
		m.exec(m.disk, `INSERT INTO cursors (room, last_given, written_at) VALUES ($1, $2, $3)
			ON CONFLICT (room) DO UPDATE SET last_given = excluded.last_given, written_at = excluded.written_at WHERE $4 OR excluded.last_given > cursors.last_given`, append(v, flag(back))...)
		return m.err
	})
}

// bringDocuments writes the documents that are new in memory. The others may be
// newer on the disk.
func (m *merger) bringDocuments() {
	if m.err != nil {
		return
	}
	all, err := documents(m.ctx, m.memory)
	m.err = err
	for name, body := range all {
		if was, known := m.before.documents[name]; !known || was != body {
			m.exec(m.disk, `INSERT INTO documents (name, body) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET body = excluded.body`, name, body)
		}
	}
}

// documents are all that there are, by name.
func documents(ctx context.Context, db *sql.DB) (map[string]string, error) {
	all := map[string]string{}
	err := eachRow(ctx, db, `SELECT name, body FROM documents`, nil, func(_ []string, v []any) error {
		all[fmt.Sprint(v[0])] = fmt.Sprint(v[1])
		return nil
	})
	return all, err
}

type execer interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}

func (m *merger) exec(db execer, query string, args ...any) {
	if m.err != nil {
		return
	}
	_, m.err = db.ExecContext(m.ctx, query, args...)
}

type rower interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

func (m *merger) number(db rower, query string, args ...any) (n int64) {
	if m.err == nil {
		m.err = db.QueryRowContext(m.ctx, query, args...).Scan(&n)
	}
	return n
}

// word is empty when there is no row.
func (m *merger) word(db rower, query string, args ...any) (word string) {
	if m.err == nil {
		if err := db.QueryRowContext(m.ctx, query, args...).Scan(&word); !errors.Is(err, sql.ErrNoRows) {
			m.err = err
		}
	}
	return word
}
