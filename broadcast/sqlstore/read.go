package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
)

const checkColumns = `id, kind, start_key, question, started_by, started_at, deadline, closed_at, closed_by, ladder, next_rung, next_due, nonce`

const deliveryColumns = `id, check_id, member_id, channel, step, address, purpose, answer_carrier, about_id, body, taps, reference, state, due_at, attempt, doubt, maybe_twice, reason, room, message_id, sent_at, seen_at`

type scanner interface{ Scan(...any) error }

func scanCheck(row scanner) (c broadcast.Check, err error) {
	var started, deadline, closed, due int64
	var ladder string
	err = row.Scan(&c.ID, &c.Kind, &c.Key, &c.Question, &c.StartedBy, &started, &deadline, &closed, &c.ClosedBy, &ladder, &c.NextRung, &due, &c.Nonce)
	if err != nil {
		return c, err
	}
	c.StartedAt, c.Deadline, c.ClosedAt, c.NextDue = fromMS(started), fromMS(deadline), fromMS(closed), fromMS(due)
	if err := json.Unmarshal([]byte(ladder), &c.Ladder); err != nil {
		return c, fmt.Errorf("read the ladder of check %d: %w", c.ID, err)
	}
	return c, nil
}

// Check returns one check, or broadcast.ErrNoCheck.
func (s *Store) Check(ctx context.Context, id int64) (broadcast.Check, error) {
	defer s.hold()()
	c, err := scanCheck(s.db.QueryRowContext(ctx, `SELECT `+checkColumns+` FROM checks WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return c, broadcast.ErrNoCheck
	}
	return c, wrapRead("read the check", err)
}

// Checks returns the newest checks, newest first.
func (s *Store) Checks(ctx context.Context, limit int) ([]broadcast.Check, error) {
	defer s.hold()()
	rows, err := s.db.QueryContext(ctx, `SELECT `+checkColumns+` FROM checks ORDER BY id DESC LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("read the checks: %w", err)
	}
	return collect(rows, scanCheck)
}

// Members returns the roster as it was when the check began.
func (s *Store) Members(ctx context.Context, checkID int64) ([]roster.Member, error) {
	defer s.hold()()
	rows, err := s.db.QueryContext(ctx, `SELECT member FROM check_members WHERE check_id = $1 ORDER BY position`, checkID)
	if err != nil {
		return nil, fmt.Errorf("read the members of check %d: %w", checkID, err)
	}
	return collect(rows, func(row scanner) (m roster.Member, err error) {
		var body string
		if err := row.Scan(&body); err != nil {
			return m, err
		}
		return m, json.Unmarshal([]byte(body), &m)
	})
}

// Answers returns all answers of the check in the order they were recorded.
func (s *Store) Answers(ctx context.Context, checkID int64) ([]broadcast.Answer, error) {
	defer s.hold()()
	rows, err := s.db.QueryContext(ctx, `SELECT id, check_id, member_id, status, body, place, source, carrier, reported_by, answered_at, recorded_at, stranded, claimed, confirmed
		FROM answers WHERE check_id = $1 ORDER BY id`, checkID)
	if err != nil {
		return nil, fmt.Errorf("read the answers of check %d: %w", checkID, err)
	}
	return collect(rows, func(row scanner) (a broadcast.Answer, err error) {
		var place string
		var at, recorded int64
		err = row.Scan(&a.ID, &a.CheckID, &a.MemberID, &a.Status, &a.Text, &place, &a.Source, &a.Carrier, &a.ReportedBy, &at, &recorded, &a.Stranded, &a.Claimed, &a.Confirmed)
		if err != nil {
			return a, err
		}
		a.At, a.RecordedAt = fromMS(at), fromMS(recorded)
		if place != "" {
			a.Place = new(broadcast.Place)
			err = json.Unmarshal([]byte(place), a.Place)
		}
		return a, err
	})
}

// Deliveries returns all deliveries of the check in the order of creation.
func (s *Store) Deliveries(ctx context.Context, checkID int64) ([]broadcast.Delivery, error) {
	defer s.hold()()
	rows, err := s.db.QueryContext(ctx, `SELECT `+deliveryColumns+` FROM deliveries WHERE check_id = $1 ORDER BY id`, checkID)
	if err != nil {
		return nil, fmt.Errorf("read the deliveries of check %d: %w", checkID, err)
	}
	return scanDeliveries(rows)
}

func scanDeliveries(rows *sql.Rows) ([]broadcast.Delivery, error) {
	return collect(rows, func(row scanner) (d broadcast.Delivery, err error) {
		var due, sent, seen int64
		var taps string
		err = row.Scan(&d.ID, &d.CheckID, &d.MemberID, &d.Channel, &d.Step, &d.Address, &d.Purpose, &d.AnswerCarrier, &d.AboutID, &d.Body, &taps, &d.Reference,
			&d.State, &due, &d.Attempt, &d.Doubt, &d.MaybeTwice, &d.Reason, &d.Receipt.Room, &d.Receipt.MessageID, &sent, &seen)
		d.DueAt, d.SentAt, d.SeenAt = fromMS(due), fromMS(sent), fromMS(seen)
		if taps != "" {
			d.Taps = strings.Fields(taps)
		}
		return d, err
	})
}

// Prompt finds the delivery that a message in a room carried.
func (s *Store) Prompt(ctx context.Context, reference string, r broadcast.Receipt) (broadcast.Delivery, bool, error) {
	defer s.hold()()
	rows, err := s.db.QueryContext(ctx, `SELECT `+deliveryColumns+` FROM deliveries
		WHERE reference = $1 AND $1 <> '' OR room = $2 AND message_id = $3 AND message_id <> 0 ORDER BY id LIMIT 1`, reference, r.Room, r.MessageID)
	if err != nil {
		return broadcast.Delivery{}, false, fmt.Errorf("find a prompt: %w", err)
	}
	found, err := scanDeliveries(rows)
	if err != nil || len(found) == 0 {
		return broadcast.Delivery{}, false, err
	}
	return found[0], true, nil
}

// SilentRooms returns the one-to-one rooms with a prompt of an open check whose
// member has not answered.
func (s *Store) SilentRooms(ctx context.Context) ([]string, error) {
	defer s.hold()()
	rows, err := s.db.QueryContext(ctx, `SELECT DISTINCT d.room FROM deliveries d JOIN checks c ON c.id = d.check_id
		WHERE c.closed_at = 0 AND d.channel = $1 AND d.room <> '' AND d.purpose IN ($2, $3) AND NOT `+answered("d")+`
		ORDER BY d.room`, broadcast.Direct, broadcast.Ask, broadcast.Remind)
	if err != nil {
		return nil, fmt.Errorf("find silent rooms: %w", err)
	}
	return collect(rows, func(row scanner) (room string, err error) { return room, row.Scan(&room) })
}

// Cursor returns up to which message a room was read.
func (s *Store) Cursor(ctx context.Context, room string) (c broadcast.Cursor, ok bool, err error) {
	defer s.hold()()
	var at int64
	err = s.db.QueryRowContext(ctx, `SELECT room, last_given, written_at FROM cursors WHERE room = $1`, room).Scan(&c.Room, &c.After, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	c.At = fromMS(at)
	return c, err == nil, wrapRead("read a cursor", err)
}

// Link returns the link with the hash.
func (s *Store) Link(ctx context.Context, hash string) (l broadcast.Link, ok bool, err error) {
	defer s.hold()()
	var made int64
	err = s.db.QueryRowContext(ctx, `SELECT hash, check_id, member_id, made_at FROM links WHERE hash = $1`, hash).Scan(&l.Hash, &l.CheckID, &l.MemberID, &made)
	if errors.Is(err, sql.ErrNoRows) {
		return l, false, nil
	}
	l.MadeAt = fromMS(made)
	return l, err == nil, wrapRead("find a link", err)
}

// Document returns a named document, nil when there is none.
func (s *Store) Document(ctx context.Context, name string) ([]byte, error) {
	defer s.hold()()
	var body string
	err := s.db.QueryRowContext(ctx, `SELECT body FROM documents WHERE name = $1`, name).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return []byte(body), wrapRead("read "+name, err)
}

// answered is the condition that the member of a delivery in the table has
// answered its check, and has not taken that back.
func answered(table string) string {
	return strings.ReplaceAll(`EXISTS (SELECT 1 FROM answers a WHERE a.check_id = d.check_id AND a.member_id = d.member_id AND a.claimed = 0 AND a.status <> 'pending'
		AND NOT EXISTS (SELECT 1 FROM answers b WHERE b.check_id = a.check_id AND b.member_id = a.member_id AND b.claimed = 0 AND b.status = 'pending' AND b.id > a.id))`,
		"d.", table+".")
}

// collect reads all rows and closes them.
func collect[T any](rows *sql.Rows, scan func(scanner) (T, error)) (all []T, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		t, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read a row: %w", err)
		}
		all = append(all, t)
	}
	return slices.Clip(all), rows.Err()
}
