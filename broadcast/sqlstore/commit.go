package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
)

// Commit writes the change whole or not at all.
func (s *Store) Commit(ctx context.Context, c broadcast.Change) (done broadcast.Committed, err error) {
	err = s.write(ctx, func(db *sql.DB) (err error) {
		done, err = commit(ctx, db, c, s.before.rows)
		return err
	})
	return done, err
}

// commit writes the change. New deliveries and answers have ids from first on.
func commit(ctx context.Context, db *sql.DB, c broadcast.Change, first int64) (done broadcast.Committed, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return done, fmt.Errorf("begin to write: %w", err)
	}
	defer func() {
		if err != nil {
			done = broadcast.Committed{}
			tx.Rollback()
		}
	}()
	w := &writer{ctx: ctx, tx: tx, now: c.Now, first: first}
	if c.ClockJump != 0 {
		w.jump(c.ClockJump)
	}
	if c.Start != nil {
		w.start(*c.Start, c.Close, &done)
	}
	for _, a := range c.Answers {
		w.answer(a, &done)
	}
	for _, r := range c.Results {
		w.result(r)
	}
	if c.Climb != nil {
		done.Climbed = w.climb(*c.Climb)
	}
	if c.Close != nil {
		done.Closed = w.close(*c.Close)
	}
	for _, d := range c.Deliveries {
		w.deliver(d)
	}
	if !c.Hold.IsZero() {
		w.exec(`UPDATE deliveries SET due_at = $1 WHERE state = $2 AND purpose IN ($3, $4) AND due_at < $1`, ms(c.Hold), broadcast.Due, broadcast.Remind, broadcast.Silence)
	}
	for _, r := range c.Rewinds {
		w.rewind(r)
	}
	for _, cursor := range c.Cursors {
		w.cursor(cursor)
	}
	for _, seen := range c.Seen {
		w.exec(`UPDATE deliveries SET state = $1, seen_at = $2 WHERE room = $3 AND message_id <= $4 AND message_id <> 0 AND state = $5`,
			broadcast.Seen, ms(c.Now), seen.Room, seen.After, broadcast.Sent)
	}
	if c.CloseBoard {
		w.exec(`DELETE FROM links WHERE member_id = ''`)
	}
	for _, l := range c.Links {
		w.exec(`INSERT INTO links (hash, check_id, member_id, made_at) VALUES ($1, $2, $3, $4) ON CONFLICT (hash) DO NOTHING`,
			l.Hash, l.CheckID, l.MemberID, ms(l.MadeAt))
	}
	for name, body := range c.Documents {
		w.exec(`INSERT INTO documents (name, body) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET body = excluded.body`, name, string(body))
	}
	if w.err != nil {
		return done, w.err
	}
	if err = tx.Commit(); err != nil {
		return done, fmt.Errorf("commit: %w", err)
	}
	return done, nil
}

// writer writes the parts of a change in one transaction. After the first error
// it does nothing more.
type writer struct {
	ctx context.Context
	tx  *sql.Tx
	now time.Time
	// first is the least id for new deliveries and answers.
	first int64
	next  map[string]int64
	err   error
}

// exec returns how many rows changed.
func (w *writer) exec(query string, args ...any) int64 {
	if w.err != nil {
		return 0
	}
	res, err := w.tx.ExecContext(w.ctx, query, args...)
	if err != nil {
		w.err = fmt.Errorf("write: %w", err)
		return 0
	}
	n, err := res.RowsAffected()
	if err != nil {
		w.err = fmt.Errorf("write: %w", err)
	}
	return n
}

// id makes the next id of a table. Nobody else can write at the same time.
func (w *writer) id(table string) int64 {
	if w.next == nil {
		w.next = map[string]int64{}
	}
	if w.next[table] == 0 && w.err == nil {
		var highest int64
		if err := w.tx.QueryRowContext(w.ctx, `SELECT COALESCE(MAX(id), 0) FROM `+table).Scan(&highest); err != nil {
			w.err = fmt.Errorf("number a row of %s: %w", table, err)
		}
		if table != "checks" {
			highest = max(highest, w.first-1)
		}
		w.next[table] = highest
	}
	w.next[table]++
	return w.next[table]
}

// jump moves the times of what is not over yet.
func (w *writer) jump(by time.Duration) {
	n := by.Milliseconds()
	w.exec(`UPDATE checks SET started_at = started_at + $1, deadline = deadline + $1,
		next_due = CASE WHEN next_due = 0 THEN 0 ELSE next_due + $1 END WHERE closed_at = 0`, n)
	w.exec(`UPDATE deliveries SET due_at = due_at + $1 WHERE `+waiting, n)
}

func (w *writer) start(s broadcast.Start, closing *broadcast.Close, done *broadcast.Committed) {
	if w.err != nil {
		return
	}
	known, err := scanCheck(w.tx.QueryRowContext(w.ctx, `SELECT `+checkColumns+` FROM checks WHERE start_key = $1`, s.Check.Key))
	if err == nil {
		done.Started, done.Again = known, true
		return
	}
	if !errors.Is(err, sql.ErrNoRows) {
		w.err = fmt.Errorf("look for the check: %w", err)
		return
	}
	var ending int64
	if closing != nil {
		ending = closing.CheckID
	}
	open, err := scanCheck(w.tx.QueryRowContext(w.ctx, `SELECT `+checkColumns+` FROM checks WHERE closed_at = 0 AND id <> $1 ORDER BY id DESC LIMIT 1`, ending))
	switch {
	case err == nil && s.Only:
		w.err = &broadcast.OpenError{Check: open}
		return
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		w.err = fmt.Errorf("look for an open check: %w", err)
		return
	}
	c := s.Check
	c.ID = w.id("checks")
	w.exec(`INSERT INTO checks (id, kind, start_key, question, started_by, started_at, deadline, ladder, next_rung, next_due, nonce)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		c.ID, c.Kind, c.Key, c.Question, c.StartedBy, ms(c.StartedAt), ms(c.Deadline), w.json(c.Ladder), c.NextRung, ms(c.NextDue), c.Nonce)
	for i, m := range s.Members {
		w.exec(`INSERT INTO check_members (check_id, position, member_id, member) VALUES ($1, $2, $3, $4)`, c.ID, i, m.ID, w.json(m))
	}
	for _, d := range s.Deliveries {
		d.CheckID = c.ID
		w.deliver(d)
	}
	done.Started = c
}

func (w *writer) deliver(d broadcast.Delivery) {
	w.exec(`INSERT INTO deliveries (id, check_id, member_id, channel, step, address, purpose, answer_carrier, about_id, body, taps, reference, state, due_at, reason, room, message_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
		ON CONFLICT (check_id, member_id, channel, step, address) DO NOTHING`,
		w.id("deliveries"), d.CheckID, d.MemberID, d.Channel, d.Step, d.Address, d.Purpose, d.AnswerCarrier, d.AboutID, d.Body, strings.Join(d.Taps, " "), d.Reference, d.State, ms(d.DueAt), d.Reason, d.Receipt.Room, d.Receipt.MessageID)
}

func (w *writer) answer(a broadcast.Answer, done *broadcast.Committed) {
	a.ID = w.id("answers")
	place := ""
	if a.Place != nil {
		place = w.json(a.Place)
	}
	n := w.exec(`INSERT INTO answers (id, check_id, member_id, status, body, place, source, carrier, reported_by, answered_at, recorded_at, stranded, claimed, confirmed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		ON CONFLICT (carrier, check_id, member_id) DO NOTHING`,
		a.ID, a.CheckID, a.MemberID, a.Status, a.Text, place, a.Source, a.Carrier, a.ReportedBy, ms(a.At), ms(a.RecordedAt), flag(a.Stranded), flag(a.Claimed), flag(a.Confirmed))
	if n == 0 {
		return
	}
	done.Answers = append(done.Answers, a)
	if a.Claimed || a.Status == broadcast.Pending {
		return
	}
	w.exec(`UPDATE deliveries SET state = $1 WHERE check_id = $2 AND member_id = $3 AND state = $4 AND purpose IN ($5, $6)`,
		broadcast.Dropped, a.CheckID, a.MemberID, broadcast.Due, broadcast.Ask, broadcast.Remind)
}

func (w *writer) result(r broadcast.Result) {
	sentAt := int64(0)
	if r.State == broadcast.Sent {
		sentAt = ms(w.now)
	}
	w.exec(`UPDATE deliveries SET state = $1, due_at = $2, doubt = $3, maybe_twice = $4, reason = $5, room = $6, message_id = $7, sent_at = $8 WHERE id = $9`,
		r.State, ms(r.DueAt), flag(r.Doubt), flag(r.MaybeTwice), r.Reason, r.Receipt.Room, r.Receipt.MessageID, sentAt, r.ID)
}

func (w *writer) climb(c broadcast.Climb) bool {
	return w.exec(`UPDATE checks SET next_rung = $1, next_due = $2, deadline = CASE WHEN $3 = 0 THEN deadline ELSE $3 END
		WHERE id = $4 AND next_rung = $5 AND closed_at = 0`,
		c.Next, ms(c.NextDue), ms(c.Deadline), c.CheckID, c.Rung) > 0
}

func (w *writer) close(c broadcast.Close) bool {
	if w.exec(`UPDATE checks SET closed_at = $1, closed_by = $2, next_due = 0 WHERE id = $3 AND closed_at = 0`, ms(w.now), c.By, c.CheckID) == 0 {
		return false
	}
	w.exec(`UPDATE deliveries SET state = $1 WHERE check_id = $2 AND state = $3 AND purpose IN ($4, $5, $6, $7, $8)`,
		broadcast.Dropped, c.CheckID, broadcast.Due, broadcast.Ask, broadcast.Remind, broadcast.Clarify, broadcast.Silence, broadcast.TallyOf)
	return true
}

func (w *writer) cursor(c broadcast.Cursor) {
	if c.IfNew {
		w.exec(`INSERT INTO cursors (room, last_given, written_at) VALUES ($1, $2, $3) ON CONFLICT (room) DO NOTHING`, c.Room, c.After, ms(c.At))
		return
	}
	w.exec(`INSERT INTO cursors (room, last_given, written_at) VALUES ($1, $2, $3)
		ON CONFLICT (room) DO UPDATE SET last_given = excluded.last_given, written_at = excluded.written_at WHERE excluded.last_given > cursors.last_given`, c.Room, c.After, ms(c.At))
}

// noticeNews is how long a notice that is lost is still worth telling again.
const noticeNews = 24 * time.Hour

// rewind takes back what is known of messages in a room above a number. What is due
// again is in doubt: it may have been sent since.
func (w *writer) rewind(r broadcast.Rewind) {
	const (
		lost      = `room = $1 AND message_id > $2`
		sendAgain = `UPDATE deliveries SET state = $3, due_at = $4, attempt = 0, doubt = 1, reason = '', room = '', message_id = 0, sent_at = 0, seen_at = 0 WHERE ` + lost + ` AND state IN ($5, $6)`
		ofOpen    = `EXISTS (SELECT 1 FROM checks c WHERE c.id = deliveries.check_id AND c.closed_at = 0)`
	)
	w.exec(sendAgain+` AND purpose IN ($7, $8, $9, $10, $11) AND `+ofOpen+`
		AND NOT (purpose IN ($7, $8) AND EXISTS (SELECT 1 FROM deliveries l WHERE l.check_id = deliveries.check_id AND l.member_id = deliveries.member_id
			AND l.channel = deliveries.channel AND l.id > deliveries.id AND l.room = $1 AND l.message_id > $2 AND l.purpose IN ($7, $8)))
		AND NOT (purpose = $11 AND EXISTS (SELECT 1 FROM deliveries l WHERE l.check_id = deliveries.check_id AND l.id > deliveries.id AND l.purpose = $11))`,
		r.Room, r.Above, broadcast.Due, ms(w.now), broadcast.Sent, broadcast.Seen,
		broadcast.Ask, broadcast.Remind, broadcast.Clarify, broadcast.Confirm, broadcast.TallyOf)
	w.exec(sendAgain+` AND (purpose = $7 AND sent_at > $10 OR purpose IN ($8, $9) AND `+ofOpen+`)`,
		r.Room, r.Above, broadcast.Due, ms(w.now), broadcast.Sent, broadcast.Seen, broadcast.Notice, broadcast.Alarm, broadcast.Relief, ms(w.now.Add(-noticeNews)))
	w.exec(`UPDATE deliveries SET state = $3 WHERE `+lost+` AND purpose = $4 AND `+waiting, r.Room, r.Above, broadcast.Dropped, broadcast.Ack)
	w.exec(`UPDATE deliveries SET room = '', message_id = 0 WHERE `+lost, r.Room, r.Above)
	w.exec(`UPDATE cursors SET last_given = $1, written_at = $2 WHERE room = $3`, r.From.After, ms(r.From.At), r.Room)
}

func (w *writer) json(v any) string {
	b, err := json.Marshal(v)
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("write: %w", err)
	}
	return string(b)
}

// ms is the time as the ledger keeps it: Unix milliseconds, 0 for none.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMS(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
