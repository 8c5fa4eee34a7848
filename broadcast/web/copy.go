package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

const (
	// copyPause is between a change and its copy, so that a burst of answers is
	// one write.
	copyPause = 3 * time.Second
	// copyRetry is how long it rests when it could not be written.
	copyRetry = 30 * time.Second
)

// StaticBoard keeps a copy of the board in a file, for a plain web server that
// lives on when this house is gone. It looks when it begins and whenever wake
// has something, and writes only when the board has changed; readers see the
// old file or the new one, never half of one. It returns when the context ends.
//
// What cannot be written is logged once and tried again until it can.
func (s *Site) StaticBoard(ctx context.Context, path string, wake <-chan struct{}) {
	log := zerolog.Ctx(ctx)
	c := boardCopy{site: s, path: path}
	failing := false
	for {
		err := c.update(ctx, time.Now())
		var retry <-chan time.Time
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if !failing {
				log.Error().Err(err).Msg("cannot write the copy of the board; trying again")
			}
			retry = time.After(copyRetry)
		case failing:
			log.Info().Msg("the copy of the board is written again")
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-wake:
		case <-retry:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(copyPause):
		}
	}
}

// boardCopy is the copy of the board in a file.
type boardCopy struct {
	site *Site
	path string
	// written is the board as it was written last, without the time of writing;
	// nil when it never was.
	written []byte
}

// update writes the board if it is not what the file shows.
func (c *boardCopy) update(ctx context.Context, now time.Time) error {
	t := locale.For(c.site.Language, c.site.Zone)
	p, err := c.site.boardPage(ctx, t, now)
	if err != nil {
		return err
	}
	p.Notes = nil
	var bare, whole bytes.Buffer
	if err := pages.ExecuteTemplate(&bare, "board", p); err != nil {
		return fmt.Errorf("render the board: %w", err)
	}
	if bytes.Equal(bare.Bytes(), c.written) {
		return nil
	}
	p.Notes = []string{t.T("board.copy", locale.Data{"When": t.When(now)})}
	if err := pages.ExecuteTemplate(&whole, "board", p); err != nil {
		return fmt.Errorf("render the board: %w", err)
	}
	if err := replaceFile(c.path, whole.Bytes()); err != nil {
		return fmt.Errorf("write the copy of the board: %w", err)
	}
	c.written = bare.Bytes()
	return nil
}

// replaceFile puts a file that everybody may read in the place of the one at
// the path. After a power cut there is the old one or the new one.
func replaceFile(path string, body []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(body)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
