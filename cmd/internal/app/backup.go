package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/cmd/internal/backup"
	"github.com/anpi-bot/anpi/cmd/internal/config"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
)

// backupDocument holds in the ledger how the last backup went.
const backupDocument = "backup"

// lastBackup is what backupDocument says.
type lastBackup struct {
	// At is when the last backup was made that was checked.
	At       time.Time `json:"at,omitzero"`
	Verified bool      `json:"verified"`
	File     string    `json:"file,omitempty"`
	// FailingSince is when the organisers were told that it does not work; zero
	// while it does.
	FailingSince time.Time `json:"failing_since,omitzero"`
}

func readLastBackup(ctx context.Context, store broadcast.Store) (last lastBackup, err error) {
	body, err := store.Document(ctx, backupDocument)
	if err != nil || body == nil {
		return last, err
	}
	if err := json.Unmarshal(body, &last); err != nil {
		// Then it was never made, and will be now.
		return lastBackup{}, nil
	}
	return last, nil
}

func (l *lastBackup) made(m backup.Made) {
	l.At, l.Verified, l.File = m.Made, true, filepath.Base(m.Path)
}

// into adds the document to a change.
func (l lastBackup) into(c *broadcast.Change) error {
	body, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("note the backup: %w", err)
	}
	c.Documents = map[string][]byte{backupDocument: body}
	return nil
}

// BackUp makes a backup of the household's ledger and configuration in the
// folder, or writes it to the output when there is one. It works beside a
// daemon. The error is for a person to read.
func BackUp(ctx context.Context, c config.Config, recipients []age.Recipient, keep int, folder string, out io.Writer) (backup.Made, error) {
	o := backupOptions(c, recipients, keep)
	if out != nil {
		return backup.Stream(ctx, o, out)
	}
	made, err := backup.Write(ctx, o, folder)
	if err != nil || c.Backup != nil && !sameFile(folder, c.Backup.To) {
		// One that goes somewhere else takes the place of none on the schedule.
		return made, err
	}
	if err := noteBackup(ctx, o.Ledger, made); err != nil {
		// It is only known to fewer: the backup is made.
		zerolog.Ctx(ctx).Warn().Err(err).Msg("the backup cannot be noted in the ledger")
	}
	return made, nil
}

func backupOptions(c config.Config, recipients []age.Recipient, keep int) backup.Options {
	return backup.Options{
		Ledger: filepath.Join(c.Data, ledgerFile), Config: c.File, Passwords: c.PasswordFiles,
		Recipients: recipients, Now: time.Now().In(c.Zone), Keep: keep,
	}
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

func noteBackup(ctx context.Context, ledger string, made backup.Made) (err error) {
	store, err := sqlstore.Open(ctx, ledger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	last, err := readLastBackup(ctx, store)
	if err != nil {
		return err
	}
	last.made(made)
	change := broadcast.Change{Now: time.Now()}
	if err := last.into(&change); err != nil {
		return err
	}
	_, err = store.Commit(ctx, change)
	return err
}

// How the schedule of backups behaves.
const (
	backupAfterStart = 10 * time.Minute // the clock is right by then, and the network there
	backupRetry      = time.Hour
	backupBusy       = 15 * time.Minute // until the next look while a check has just begun
	backupDisturbs   = time.Hour        // for so long a check has the machine to itself
)

// keepBackups makes backups on the schedule until the context ends.
func (a *App) keepBackups(ctx context.Context) {
	if a.config.Backup == nil {
		return
	}
	wait := backupAfterStart
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		var err error
		wait, err = a.backUpIfDue(ctx, time.Now())
		if err != nil && ctx.Err() == nil {
			zerolog.Ctx(ctx).Error().Err(err).Msg("no backup was made; trying again in an hour")
			wait = backupRetry
		}
	}
}

// backUpIfDue makes a backup when it is time, and returns how long to wait until
// the next look: an hour at most, because timers do not follow a clock that is
// set.
func (a *App) backUpIfDue(ctx context.Context, now time.Time) (wait time.Duration, err error) {
	last, err := readLastBackup(ctx, a.store)
	if err != nil {
		return 0, err
	}
	// One in the future was made while the clock was wrong.
	due := nextBackup(last.At, a.config.Backup.Every, a.config.Zone)
	if now.Before(due) && !last.At.After(now) {
		return min(due.Sub(now), time.Hour), nil
	}
	open, err := a.Service.Open(ctx)
	if err != nil {
		return 0, err
	}
	for _, check := range open {
		if now.Sub(check.StartedAt) < backupDisturbs {
			return backupBusy, nil
		}
	}
	var recipients []age.Recipient
	if a.config.Backup.Recipient != nil {
		recipients = append(recipients, a.config.Backup.Recipient)
	}
	made, err := backup.Write(ctx, backupOptions(a.config, recipients, a.config.Backup.Keep), a.config.Backup.To)
	debug.FreeOSMemory()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	return backupRetry, errors.Join(err, a.tellOfBackup(ctx, now, last, made, err))
}

// tellOfBackup notes how a backup went. The organisers are told of the first
// failure and of the first success after it; nothing is written of further
// failures.
func (a *App) tellOfBackup(ctx context.Context, now time.Time, last lastBackup, made backup.Made, failure error) error {
	change := broadcast.Change{Now: now}
	failing := !last.FailingSince.IsZero()
	if made.Path != "" {
		last.made(made)
	}
	switch {
	case failure != nil && failing && made.Path == "":
		return nil
	case failure != nil && !failing:
		last.FailingSince = now
		a.whisper(&change, "backup-failed-"+now.UTC().Format(time.RFC3339), func(t *locale.Texts) string {
			return t.T("backup.failed", locale.Data{"Reason": t.Error(failure)})
		})
	case failure == nil && failing:
		last.FailingSince = time.Time{}
		a.whisper(&change, "backup-works-"+now.UTC().Format(time.RFC3339), func(t *locale.Texts) string {
			return t.T("backup.works", locale.Data{"Path": made.Path})
		})
	}
	if err := last.into(&change); err != nil {
		return err
	}
	_, err := a.Service.Commit(ctx, change)
	return err
}

// whisper plans to tell every organiser something in their language.
func (a *App) whisper(c *broadcast.Change, id string, text func(*locale.Texts) string) {
	a.Service.PlanWhisper(c, id, func(o roster.Member) string {
		return talkapi.Escape(locale.OneLine(text(locale.For(cmp.Or(o.Lang, a.config.Language), a.config.Zone)), 500))
	})
}

// nextBackup is when the next backup is due: where it is made daily or less often,
// in the night, when nobody minds.
func nextBackup(last time.Time, every time.Duration, zone *time.Location) time.Time {
	if last.IsZero() {
		return last
	}
	const day = 24 * time.Hour
	if every < day {
		return last.Add(every)
	}
	earliest := last.Add(every - day/2).In(zone)
	night := time.Date(earliest.Year(), earliest.Month(), earliest.Day(), 3, 30, 0, 0, zone)
	if !night.After(earliest) {
		night = night.AddDate(0, 0, 1)
	}
	return night
}

// RestoreOptions say what to put back, and where.
type RestoreOptions struct {
	// File is the backup, and Identities open it.
	File       string
	Identities []age.Identity
	// Config is where the configuration belongs. It says where the ledger
	// belongs, with the environment.
	Config  string
	Environ []string
	// Into is the folder for everything; empty for the usual places.
	Into string
	// Force replaces what is there.
	Force bool
}

// Restored tells what was put back.
type Restored struct {
	backup.Contents
	backup.Places
	backup.Installed
	// Configured is the folder where the configuration expects the ledger, when
	// that is outside Into; else empty.
	Configured string
	// Open are the checks that go on.
	Open []broadcast.Check
}

// Restore checks a backup and puts it back. What the ledger takes for unsent is
// put in doubt, because it may have been sent since: whoever sends next looks for
// it first. The error is for a person to read.
func Restore(ctx context.Context, o RestoreOptions) (Restored, error) {
	contents, text, err := backup.Peek(o.File, o.Identities)
	if err != nil {
		return Restored{}, err
	}
	r := Restored{Contents: contents, Places: backup.Places{Config: o.Config}}
	if o.Into != "" {
		if o.Into, err = filepath.Abs(o.Into); err != nil {
			return r, err
		}
		r.Places.Config = filepath.Join(o.Into, "anpi.toml")
	}
	if text == nil {
		// It goes on with the configuration that is here, if any.
		text, _ = os.ReadFile(r.Places.Config)
	}
	data := config.DataFolder(r.Places.Config, string(text), o.Environ)
	if o.Into != "" && !strings.HasPrefix(data+"/", o.Into+"/") {
		data, r.Configured = o.Into, data
	}
	r.Places.Ledger = filepath.Join(data, ledgerFile)
	if err := os.MkdirAll(data, 0o700); err != nil {
		return r, &locale.Problem{Key: "config.data_folder", Data: locale.Data{"Path": data, "Detail": errors.Unwrap(err)}, Err: err}
	}
	release, err := sqlstore.TryLead(r.Places.Ledger)
	if errors.Is(err, sqlstore.ErrTaken) {
		return r, &locale.Problem{Key: "backup.running", Data: locale.Data{"Path": r.Places.Ledger}, Err: err}
	}
	if err != nil {
		return r, &locale.Problem{Key: "start.ledger", Data: locale.Data{"Detail": err}, Err: err}
	}
	defer release()
	opened, err := backup.Open(ctx, o.File, o.Identities, data)
	if err != nil {
		return r, err
	}
	defer opened.Close()
	now := time.Now()
	if r.Open, err = resume(ctx, opened.Ledger(), now); err != nil {
		return r, &locale.Problem{Key: "backup.cannot_restore", Data: locale.Data{"Detail": err}, Err: err}
	}
	r.Installed, err = opened.Install(ctx, r.Places, o.Force, now)
	return r, err
}

// resume makes a ledger from a backup ready to go on, and returns the checks that
// are open. What has come due since is planned now, so that it is in doubt with
// the rest.
func resume(ctx context.Context, path string, now time.Time) (open []broadcast.Check, err error) {
	store, err := sqlstore.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err = errors.Join(err, store.Close()); err == nil {
			err = sqlstore.Fold(ctx, path)
		}
	}()
	_, members, err := readRoster(ctx, store)
	if err != nil {
		return nil, err
	}
	s := &broadcast.Service{Store: store, Roster: func() roster.Roster { return members }, Wake: func() {}}
	if open, err = s.Open(ctx); err != nil {
		return nil, err
	}
	for _, check := range open {
		if err := catchUp(ctx, s, check.ID, now); err != nil {
			return nil, err
		}
	}
	return open, store.Doubt(ctx)
}

// catchUp climbs each rung that has come due by itself, as whoever had the ledger
// until now has done: a merged one would have another reference, and what was
// sent would not be found. Of the same message on several rungs only the last one
// is left, so that nobody gets all of them at once.
func catchUp(ctx context.Context, s *broadcast.Service, id int64, now time.Time) error {
	for {
		check, err := s.Store.Check(ctx, id)
		if err != nil {
			return err
		}
		if check.NextDue.IsZero() || now.Before(check.NextDue) {
			break
		}
		if err := s.Advance(ctx, check.NextDue); err != nil {
			return err
		}
	}
	deliveries, err := s.Store.Deliveries(ctx, id)
	if err != nil {
		return err
	}
	type way struct {
		member  string
		channel broadcast.ChannelName
		address string
		purpose broadcast.Purpose
	}
	later := map[way]bool{}
	change := broadcast.Change{Now: now}
	for _, d := range slices.Backward(deliveries) {
		if d.State != broadcast.Due || d.Purpose != broadcast.Remind && d.Purpose != broadcast.Silence {
			continue
		}
		w := way{d.MemberID, d.Channel, d.Address, d.Purpose}
		if later[w] {
			change.Results = append(change.Results, broadcast.Result{ID: d.ID, State: broadcast.Dropped})
		}
		later[w] = true
	}
	_, err = s.Store.Commit(ctx, change)
	return err
}
