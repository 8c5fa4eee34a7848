package inbox

import (
	"context"
	"fmt"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Check tries to connect, to log in and to open the mailbox, and changes nothing
// in it. Until is when the certificate of the server ends; zero without
// encryption. Errors.Is finds [ErrRefused] when the password is wrong.
func (b *Inbox) Check(ctx context.Context) (until time.Time, err error) {
	line, err := connect(ctx, b.o)
	if err != nil {
		return time.Time{}, err
	}
	defer line.close()
	until = line.until
	err = line.within(func() error {
		_, err := line.client.Select(b.o.Mailbox, &imap.SelectOptions{ReadOnly: true}).Wait()
		return err
	})
	if err != nil {
		return until, fmt.Errorf("open the mailbox %q: %w", b.o.Mailbox, said(err))
	}
	return until, nil
}
