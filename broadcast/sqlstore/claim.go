package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
)

// waiting selects the deliveries that a dispatcher still has to deal with.
const waiting = `state IN ('due', 'sending')`

// Claim leases up to limit messages that are due. See broadcast.Store.
func (s *Store) Claim(ctx context.Context, channel broadcast.ChannelName, now, lease time.Time, limit int) (claimed []broadcast.Delivery, err error) {
	err = s.write(ctx, func(db *sql.DB) (err error) {
		claimed, err = claim(ctx, db, channel, now, lease, limit)
		return err
	})
	return claimed, err
}

func claim(ctx context.Context, db *sql.DB, channel broadcast.ChannelName, now, lease time.Time, limit int) (claimed []broadcast.Delivery, err error) {
	// Looking costs no transaction; most of the time there is nothing.
	var due int
	err = db.QueryRowContext(ctx, `SELECT COUNT(*) FROM deliveries WHERE channel = $1 AND `+waiting+` AND due_at <= $2`, channel, ms(now)).Scan(&due)
	if err != nil || due == 0 {
		return nil, wrapRead("look for what is due", err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	defer tx.Rollback()
	// Whoever has answered meanwhile is not asked any more, and nobody is once
	// the check has ended: a prompt can come back from a failed attempt, or be
	// planned by somebody who did not know yet. A prompt in doubt (sending) is
	// still looked for, so that it is known what was sent.
	_, err = tx.ExecContext(ctx, `UPDATE deliveries SET state = $1
		WHERE channel = $2 AND state = $3 AND due_at <= $4 AND (purpose IN ($5, $6)
			AND `+answered("deliveries")+`
		OR purpose IN ($5, $6, $7, $8)
			AND EXISTS (SELECT 1 FROM checks c WHERE c.id = deliveries.check_id AND c.closed_at <> 0))`,
		broadcast.Dropped, channel, broadcast.Due, ms(now), broadcast.Ask, broadcast.Remind, broadcast.Silence, broadcast.Clarify)
	if err != nil {
		return nil, fmt.Errorf("drop what is not needed: %w", err)
	}
	order, err := firstDue(ctx, tx, channel, now, limit)
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	rows, err := tx.QueryContext(ctx, `UPDATE deliveries
		SET doubt = CASE WHEN state = 'sending' THEN 1 ELSE doubt END, state = 'sending', due_at = $4, attempt = attempt + 1
		WHERE `+firstMessages+` RETURNING `+deliveryColumns, channel, ms(now), limit, ms(lease))
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	claimed, err = scanDeliveries(rows)
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	slices.SortFunc(claimed, func(a, b broadcast.Delivery) int { return order[a.ID] - order[b.ID] })
	if err := tx.Commit(); err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	return claimed, nil
}

// firstMessages selects the deliveries of the messages of channel $1 that are
// due first at the time $2, at most $3 messages, each with all it is for.
const firstMessages = `channel = $1 AND ` + waiting + ` AND (due_at <= $2 OR state = 'due') AND reference IN (
	SELECT reference FROM deliveries WHERE channel = $1 AND ` + waiting + ` AND due_at <= $2
	GROUP BY reference ORDER BY MIN(CASE WHEN purpose = 'alarm' THEN 0 ELSE 1 END), MIN(due_at), MIN(id) LIMIT $3)`

// firstDue tells the place of each delivery in the order of the due times. The
// claim itself cannot: it overwrites them.
func firstDue(ctx context.Context, tx *sql.Tx, channel broadcast.ChannelName, now time.Time, limit int) (map[int64]int, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id FROM deliveries WHERE `+firstMessages+` ORDER BY CASE WHEN purpose = 'alarm' THEN 0 ELSE 1 END, due_at, id`, channel, ms(now), limit)
	if err != nil {
		return nil, err
	}
	ids, err := collect(rows, func(row scanner) (id int64, err error) { return id, row.Scan(&id) })
	order := make(map[int64]int, len(ids))
	for i, id := range ids {
		order[id] = i
	}
	return order, err
}

// NextDue is when the next delivery, rung or deadline is due.
func (s *Store) NextDue(ctx context.Context) (time.Time, bool, error) {
	defer s.hold()()
	var at sql.NullInt64
	err := s.db.QueryRowContext(ctx, `SELECT MIN(at) FROM (
		SELECT MIN(due_at) AS at FROM deliveries WHERE `+waiting+`
		UNION ALL SELECT MIN(next_due) FROM checks WHERE closed_at = 0 AND next_due <> 0
		UNION ALL SELECT MIN(deadline) FROM checks WHERE closed_at = 0) AS pending`).Scan(&at)
	if err != nil || !at.Valid {
		return time.Time{}, false, wrapRead("look for what is due next", err)
	}
	return time.UnixMilli(at.Int64), true, nil
}

func wrapRead(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
