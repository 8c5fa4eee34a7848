package app

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/cmd/internal/config"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// disk is what lies in the folder for backups.
func (f *family) disk() (names []string) {
	f.t.Helper()
	entries, err := os.ReadDir(f.options.Config.Backup.To)
	if err != nil && !os.IsNotExist(err) {
		f.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (f *family) lastBackup(a *App) (last lastBackup) {
	f.t.Helper()
	body, err := a.store.Document(f.t.Context(), backupDocument)
	if err != nil {
		f.t.Fatal(err)
	}
	if body != nil {
		if err := json.Unmarshal(body, &last); err != nil {
			f.t.Fatal(err)
		}
	}
	return last
}

// A backup is made soon after the start and then each night; only the newest are
// kept, and nobody is told.
func TestBackupEachNight(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.options.Config.Backup = &config.Backup{To: t.TempDir(), Every: 24 * time.Hour, Keep: 3}
		a := f.start()
		f.rest(5 * time.Minute)
		if got := f.disk(); len(got) > 0 {
			t.Errorf("five minutes after the start there is %q", got)
		}
		f.rest(10 * time.Minute)
		first := f.disk()
		if len(first) != 1 {
			t.Fatalf("a quarter of an hour after the start there is %q", first)
		}
		if last := f.lastBackup(a); !last.Verified || last.File != first[0] || last.At.IsZero() || !last.FailingSince.IsZero() {
			t.Errorf("the ledger says %+v", last)
		}
		f.rest(5 * 24 * time.Hour)
		got := f.disk()
		if len(got) != 3 {
			t.Fatalf("after five days there is %q", got)
		}
		for _, name := range got {
			if !strings.Contains(name, "-0330") {
				t.Errorf("%s was not made at half past three in the night", name)
			}
		}
		if told := f.alone(f.dad); len(told) > 0 {
			t.Errorf("Dad was told %q", texts(told))
		}
	})
}

// The disk is not connected for days. Dad is told once, and once more when it
// works again; a restart makes no difference.
func TestBackupThatFailsIsToldOnce(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		disk := filepath.Join(t.TempDir(), "usb")
		f.options.Config.Backup = &config.Backup{To: disk, Every: 24 * time.Hour, Keep: 3}
		f.start()
		f.rest(30 * time.Hour)
		f.stop()
		a := f.start()
		f.rest(30 * time.Hour)
		f.once("the failure", f.alone(f.dad), "did not succeed")
		f.once("the reason", f.alone(f.dad), "Connect its disk")
		if len(f.alone(f.mum)) > 0 || count(f.mails("dad@example.net"), "") > 0 {
			t.Error("others were told, or Dad by mail, too")
		}
		if last := f.lastBackup(a); last.Verified || last.FailingSince.IsZero() {
			t.Errorf("the ledger says %+v", last)
		}
		if err := os.Mkdir(disk, 0o700); err != nil {
			t.Fatal(err)
		}
		f.rest(2 * time.Hour)
		f.once("the success", f.alone(f.dad), "works again")
		if last := f.lastBackup(a); !last.Verified || !last.FailingSince.IsZero() || len(f.disk()) != 1 {
			t.Errorf("the ledger says %+v, on the disk is %q", last, f.disk())
		}
		f.rest(48 * time.Hour)
		if n := len(f.alone(f.dad)); n != 2 {
			t.Errorf("Dad was told %q", texts(f.alone(f.dad)))
		}
	})
}

// A check has just begun: the backup waits for an hour, not for its end.
func TestBackupWaitsWhileACheckBegins(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.options.Config.Backup = &config.Backup{To: t.TempDir(), Every: 24 * time.Hour, Keep: 3}
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(50 * time.Minute)
		if got := f.disk(); len(got) > 0 {
			t.Errorf("in the first hour there is %q", got)
		}
		f.rest(40 * time.Minute)
		if got := f.disk(); len(got) != 1 {
			t.Errorf("after the first hour there is %q", got)
		}
	})
}

// In the middle of a check the machine is lost, an hour after its last backup. On
// a new one Anpi goes on with the check: it takes the answers that came
// meanwhile, asks nobody twice by the same step, and asks on whoever is silent.
func TestCheckGoesOnAfterARestore(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(2 * time.Minute)
		prompt := f.prompt()
		f.akari.React(f.room, prompt.ID, "✅")
		f.rest(time.Minute)
		// The backup knows of one answer, and of nothing that is sent from here on.
		c := f.options.Config
		c.Backup = &config.Backup{To: t.TempDir()}
		made, err := BackUp(t.Context(), c, nil, 0, c.Backup.To, nil)
		if err != nil {
			t.Fatal(err)
		}
		f.rest(5 * time.Minute) // the silent ones are asked alone
		f.mum.SayDirect("anpi", "I am safe")
		f.rest(20 * time.Minute)
		f.stop()
		f.kenta.Say(f.room, "I am safe") // while nobody listens
		asked := map[*talktest.User]int{}
		for _, u := range []*talktest.User{f.akari, f.kenta, f.mum} {
			asked[u] = len(f.alone(u))
		}

		f.options.Config.Data = filepath.Join(t.TempDir(), "new")
		r, err := Restore(t.Context(), RestoreOptions{
			File: made.Path, Config: filepath.Join(t.TempDir(), "anpi.toml"), Environ: []string{"ANPI_DATA=" + f.options.Config.Data},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Open) != 1 || r.Places.Ledger != filepath.Join(f.options.Config.Data, "anpi.db") {
			t.Errorf("restored: %+v", r)
		}
		f.start()
		f.rest(10 * time.Minute)
		f.once("the prompt in the room", f.wrote(f.room), "are you safe?")
		f.once("the prompt to Grandma alone", f.alone(f.grandma), "not heard from you")
		wants(t, "the tally", f.tally(), "3 of 6 answered")
		f.rest(2 * time.Hour)
		if n := count(texts(f.alone(f.grandma)), "not heard from you"); n < 2 {
			t.Errorf("Grandma is not asked on: %q", texts(f.alone(f.grandma)))
		}
		for u, before := range asked {
			if got := texts(f.alone(u)); count(got[before:], "not heard from you") > 0 {
				t.Errorf("%s has answered and is asked on: %q", u.ID, got)
			}
		}
		// Mail cannot be looked for: each may have gone out once more.
		t.Logf("%d mails went out twice", len(f.mail.Twice()))
		if twice := f.mail.Twice(); len(twice) > 5 {
			t.Errorf("%d mails went out twice", len(twice))
		}
	})
}

// The daemon runs on the very ledger: nothing is put in its place.
func TestNothingIsRestoredUnderADaemon(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		a := f.start()
		made, err := BackUp(t.Context(), f.options.Config, nil, 0, t.TempDir(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if last := f.lastBackup(a); !last.Verified {
			t.Errorf("a backup by hand is not in the ledger: %+v", last)
		}
		o := RestoreOptions{File: made.Path, Config: filepath.Join(t.TempDir(), "anpi.toml"), Environ: []string{"ANPI_DATA=" + f.options.Config.Data}, Force: true}
		if _, err := Restore(t.Context(), o); err == nil || !strings.Contains(err.Error(), "Stop it") {
			t.Errorf("under a daemon, Restore says %v", err)
		}
		f.stop()
		if r, err := Restore(t.Context(), o); err != nil || len(r.Aside) != 1 {
			t.Errorf("Restore says %v, %+v", err, r)
		}
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(time.Minute)
		f.once("the prompt in the room", f.wrote(f.room), "are you safe?")
	})
}

func TestWhenTheNextBackupIsDue(t *testing.T) {
	tokyo := time.FixedZone("JST", 9*3600)
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, tokyo) }
	for _, c := range []struct {
		last  time.Time
		every time.Duration
		want  time.Time
	}{
		{time.Time{}, 24 * time.Hour, time.Time{}},
		{at(1, 3, 30), 24 * time.Hour, at(2, 3, 30)},
		{at(1, 3, 40), 24 * time.Hour, at(2, 3, 30)}, // a bit late does not shift it
		{at(1, 14, 0), 24 * time.Hour, at(2, 3, 30)}, // made by hand in the afternoon
		{at(1, 17, 0), 24 * time.Hour, at(3, 3, 30)}, // in the evening
		{at(1, 3, 30), 7 * 24 * time.Hour, at(8, 3, 30)},
		{at(1, 3, 30), 6 * time.Hour, at(1, 9, 30)},
	} {
		if got := nextBackup(c.last, c.every, tokyo); !got.Equal(c.want) {
			t.Errorf("after %s, every %s: %s, want %s", c.last, c.every, got, c.want)
		}
	}
}
