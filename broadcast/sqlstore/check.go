package sqlstore

import (
	"context"
	"errors"
	"fmt"
)

// Check reads all of the ledger at the path and returns an error when it is
// damaged. It writes nothing, and nobody who uses the ledger has to wait for it.
func Check(ctx context.Context, path string) (err error) {
	db, err := openToRead(path, "")
	if err != nil {
		return fmt.Errorf("check the ledger: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var found string
	// One mistake is enough.
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found); err != nil {
		return fmt.Errorf("check the ledger: %w", err)
	}
	if found != "ok" {
		return fmt.Errorf("check the ledger: %s", found)
	}
	return nil
}
