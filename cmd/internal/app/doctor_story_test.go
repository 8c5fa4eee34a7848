package app

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
	"github.com/anpi-bot/anpi/cmd/internal/doctor"
	"github.com/anpi-bot/anpi/talkapi"
)

// The resolver of package net shares a channel among all; whoever asks first in
// a bubble of fake time would keep it there.
func init() { _, _ = emailtest.DNS{}.Resolver().LookupTXT(context.Background(), "example.org.") }

// watched gives the family a doctor who looks every quarter of an hour, and a
// machine of its own.
func (f *family) watched() {
	f.options.Config.Doctor.Every = 15 * time.Minute
	f.options.Machine = f.t.TempDir()
	f.options.Resolver = emailtest.DNS{}.Resolver()
}

// machine writes what the kernel tells about the machine.
func (f *family) machine(path, text string) {
	f.t.Helper()
	path = filepath.Join(f.options.Machine, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// What breaks is told to the organiser once, and that it is well again; over
// mail when Talk is what is broken.
func TestTheOrganiserHearsOfTheMachine(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.watched()
		f.machine("proc/mdstat", "md0 : active raid1 sdb1[1] sda1[0]\n  976630464 blocks super 1.2 [2/2] [UU]\n")
		f.start()
		f.rest(24 * time.Hour)
		if got := texts(f.alone(f.dad)); len(got) != 0 {
			t.Errorf("nothing has happened, and Dad was told %q", got)
		}

		f.machine("proc/mdstat", "md0 : active raid1 sdb1[1](F) sda1[0]\n  976630464 blocks super 1.2 [2/1] [U_]\n")
		f.rest(24 * time.Hour)
		got := texts(f.alone(f.dad))
		if len(got) != 1 || !strings.Contains(got[0], "❌ RAID: md0 runs without one of its disks. Replace it") {
			t.Errorf("Dad was told %q", got)
		}
		if got := texts(f.alone(f.mum)); len(got) != 0 {
			t.Errorf("Mum is no organiser and was told %q", got)
		}
		if n := len(f.mail.Mails()); n != 0 {
			t.Errorf("%d mails went out although Talk works", n)
		}
		// A restart tells nothing again.
		f.stop()
		f.start()
		f.rest(24 * time.Hour)
		if got := texts(f.alone(f.dad)); len(got) != 1 {
			t.Errorf("after a restart Dad was told %q", got)
		}
		f.machine("proc/mdstat", "md0 : active raid1 sdb1[1] sda1[0]\n  976630464 blocks super 1.2 [2/2] [UU]\n")
		f.rest(24 * time.Hour)
		if got := texts(f.alone(f.dad)); len(got) != 2 || !strings.Contains(got[1], "✅ RAID: md0 is whole.") {
			t.Errorf("Dad was told %q", got)
		}

		f.talk.SetDown(true)
		f.rest(time.Hour)
		if got := f.mails("dad@example.net"); count(got, "A note from Anpi") != 1 {
			t.Errorf("Nextcloud is down, and Dad has the mails %q", got)
		}
		f.talk.SetDown(false)
		f.rest(3 * time.Hour)
		if got := f.mails("dad@example.net"); count(got, "A note from Anpi") != 2 {
			t.Errorf("Nextcloud is back, and Dad has the mails %q", got)
		}
	})
}

// A password that is refused is tried at most twice in half an hour, by the
// daemon and by whoever calls the doctor together.
func TestTheDoctorLocksNobodyOut(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.watched()
		f.start()
		f.rest(time.Minute)
		f.anpi.RevokeAppPasswords()
		f.rest(time.Hour)
		f.talk.ResetRequests()
		began := time.Now()
		for range 30 {
			f.rest(time.Minute)
			found, err := Examine(t.Context(), f.options)
			if err != nil || doctor.GradeOf(found, "talk-password") != doctor.Bad {
				t.Errorf("the password is %s (%v)", doctor.GradeOf(found, "talk-password"), err)
			}
		}
		var tries []time.Duration
		for _, r := range f.talk.Requests() {
			if r.User != "" {
				tries = append(tries, r.Time.Sub(began))
			}
		}
		if len(tries) > 2 {
			t.Errorf("the password was tried %d times in half an hour: %v", len(tries), tries)
		}
	})
}

// Without a daemon, whoever calls the doctor tries a refused password once in
// half an hour, and a new one at once.
func TestTheDoctorTriesOnce(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.watched()
		f.start()
		f.stop()
		f.anpi.RevokeAppPasswords()
		f.talk.ResetRequests()
		examine := func(want doctor.Grade, tries int) {
			t.Helper()
			found, err := Examine(t.Context(), f.options)
			if got := doctor.GradeOf(found, "talk-password"); err != nil || got != want {
				t.Errorf("the password is %s (%v), want %s", got, err, want)
			}
			n := 0
			for _, r := range f.talk.Requests() {
				if r.User != "" {
					n++
				}
			}
			if n != tries && tries >= 0 {
				t.Errorf("%d requests carried a password, want %d", n, tries)
			}
		}
		examine(doctor.Bad, 1)
		f.rest(29 * time.Minute)
		examine(doctor.Bad, 1)
		f.rest(2 * time.Minute)
		examine(doctor.Bad, 2)
		f.options.Config.Nextcloud.Password = talkapi.Secret(f.anpi.AccountPassword())
		examine(doctor.Good, -1)
	})
}

// Monitoring is told what works, and no name.
func TestMonitoring(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.watched()
		a := f.start()
		ask := func(path string) (int, string) {
			w := httptest.NewRecorder()
			a.Health().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			for _, secret := range []string{"Grandma", "Dad", "dad@", "Family", f.room, f.anpi.AppPassword()} {
				if strings.Contains(w.Body.String(), secret) {
					t.Errorf("%s tells %q:\n%s", path, secret, w.Body)
				}
			}
			return w.Code, w.Body.String()
		}
		if code, body := ask("/healthz"); code != 200 || body != "ok\n" {
			t.Errorf("/healthz says %d %s", code, body)
		}
		if code, body := ask("/readyz"); code != 503 || !strings.Contains(body, `"why":["starting"]`) {
			t.Errorf("before the first look /readyz says %d %s", code, body)
		}
		f.rest(10 * time.Second)
		code, body := ask("/readyz")
		wants(t, "/readyz", body, `"ready":true`, `"works":["nextcloud",`, `"mail-relay"`, `"looked_at":`)
		if code != 200 {
			t.Errorf("/readyz says %d %s", code, body)
		}
		f.dad.Say(f.room, "!check now A strong earthquake")
		f.rest(time.Second)
		f.akari.React(f.room, f.prompt().ID, "✅")
		f.kenta.Say(f.room, "Help! I'm stuck")
		f.rest(time.Minute)
		_, body = ask("/metrics")
		wants(t, "/metrics", body,
			"# TYPE anpi_build_info gauge\nanpi_build_info{version=",
			`anpi_checks_open{kind="check"} 1`, `anpi_checks_open{kind="drill"} 0`,
			`anpi_members_by_status{status="help"} 1`, `anpi_members_by_status{status="safe"} 1`, `anpi_members_by_status{status="pending"} 4`,
			`anpi_deliveries{channel="email",state="sent"} `, `anpi_deliveries{channel="room",state="failed"} 0`,
			"anpi_dispatcher_lag_seconds 0\n", `anpi_nextcloud_requests_total{outcome="ok"} `, `anpi_doctor_findings{name="nextcloud",grade="good"} 1`,
			"anpi_doctor_worst 1\n", "anpi_roster_members 6\n", "anpi_roster_organisers 1\n", "anpi_roster_age_seconds ")

		// It can do its job as long as one channel works.
		f.talk.SetDown(true)
		f.rest(time.Hour)
		code, body = ask("/readyz")
		wants(t, "/readyz", body, `"broken":["nextcloud"`)
		if code != 200 {
			t.Errorf("mail still works, and /readyz says %d %s", code, body)
		}
		f.mail.Refuse()
		f.rest(time.Hour)
		code, body = ask("/readyz")
		wants(t, "/readyz", body, `"why":["channels"]`)
		if code != 503 {
			t.Errorf("nothing works, and /readyz says %d %s", code, body)
		}
		f.mail.Mend()
		f.talk.SetDown(false)
		if code, _ := ask("/nothing"); code != 404 {
			t.Errorf("/nothing says %d", code)
		}
	})
}

// fullStore is a ledger on a disk that is full.
type fullStore struct {
	broadcast.Store
	full *atomic.Bool
}

func (s fullStore) Commit(ctx context.Context, c broadcast.Change) (broadcast.Committed, error) {
	if s.full.Load() {
		return broadcast.Committed{}, errors.New("database or disk is full")
	}
	return s.Store.Commit(ctx, c)
}

// What breaks is told even when nothing can be written down.
func TestTheLedgerIsWhatIsBroken(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.watched()
		full := new(atomic.Bool)
		f.options.Store = func(s broadcast.Store) broadcast.Store { return fullStore{s, full} }
		f.start()
		f.rest(time.Hour)
		full.Store(true)
		f.machine("sys/class/power_supply/BAT0/type", "Battery\n")
		f.machine("sys/class/power_supply/BAT0/status", "Discharging\n")
		f.machine("sys/class/power_supply/BAT0/capacity", "10\n")
		f.rest(3 * time.Hour)
		if got := texts(f.alone(f.dad)); len(got) != 1 || !strings.Contains(got[0], "❌ Power: The battery is nearly empty (10 %).") {
			t.Errorf("Dad was told %q", got)
		}
		f.talk.SetDown(true)
		f.rest(3 * time.Hour)
		if got := f.mails("dad@example.net"); count(got, "A note from Anpi") != 1 {
			t.Errorf("Nextcloud is down, too, and Dad has the mails %q", got)
		}
		full.Store(false)
		f.talk.SetDown(false)
	})
}

// countedStore counts what is written.
type countedStore struct {
	broadcast.Store
	commits *atomic.Int64
}

func (s countedStore) Commit(ctx context.Context, c broadcast.Change) (broadcast.Committed, error) {
	s.commits.Add(1)
	return s.Store.Commit(ctx, c)
}

// While nothing changes, the doctor writes nothing and asks little, however long
// that goes on.
func TestTheDoctorIsQuiet(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.watched()
		commits := new(atomic.Int64)
		f.options.Store = func(s broadcast.Store) broadcast.Store { return countedStore{s, commits} }
		f.start()
		f.rest(time.Hour)
		commits.Store(0)
		f.talk.ResetRequests()
		f.rest(20 * time.Hour)
		if n := commits.Load(); n != 0 {
			t.Errorf("%d changes were written while nothing happened", n)
		}
		looks := 0
		for _, r := range f.talk.Requests() {
			if strings.HasSuffix(r.Path, "/status.php") || strings.HasSuffix(r.Path, "/capabilities") || strings.HasSuffix(r.Path, "/room") || strings.HasSuffix(r.Path, "/participants") {
				looks++
			}
		}
		if looks > 4*4*20 {
			t.Errorf("the doctor asked Nextcloud %d times in 20 hours", looks)
		}
	})
}
