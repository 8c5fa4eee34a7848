package app

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
)

// told is what a supervisor has been told. The zero value has heard nothing.
type told struct {
	mu  sync.Mutex
	all []string
}

func (l *told) tell(state string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, state)
}

// forget returns what was told since the last time.
func (l *told) forget() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.all
	l.all = nil
	return all
}

// hanging is a ledger on a disk that stops answering.
type hanging struct {
	broadcast.Store
	hangs atomic.Bool
}

func (h *hanging) NextDue(ctx context.Context) (time.Time, bool, error) {
	if h.hangs.Load() {
		<-ctx.Done()
		return time.Time{}, false, ctx.Err()
	}
	return h.Store.NextDue(ctx)
}

// The machine starts while its Nextcloud is not there yet: Anpi waits for it,
// says so once, and goes to work when it comes.
func TestTheFirstStartWaits(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		var heard told
		f.supervisor = Supervisor{Wait: true, Tell: heard.tell}
		f.talk.SetMaintenance(true)
		f.start()
		f.rest(10 * time.Minute)
		want := "Anpi waits and tries again. Nextcloud is in maintenance. Switch that off, or wait until it has ended."
		if len(f.said) != 1 || f.said[0] != want {
			t.Errorf("said %q, want once %q", f.said, want)
		}
		if got := heard.forget(); len(got) != 1 || got[0] != "READY=1\nSTATUS="+want {
			t.Errorf("the supervisor was told %q", got)
		}
		f.talk.SetMaintenance(false)
		f.rest(time.Minute)
		if got := heard.forget(); !slices.Equal(got, []string{"READY=1\nSTATUS=Anpi is running for a family of 6."}) {
			t.Errorf("the supervisor was told %q", got)
		}
		f.dad.Say(f.room, "!check now")
		f.rest(5 * time.Second)
		f.prompt()
		f.stop()
		if got := heard.forget(); !slices.Equal(got, []string{"STOPPING=1"}) {
			t.Errorf("the supervisor was told %q", got)
		}
	})
}

// A password that is wrong from the start is sent twice in half an hour, however
// long Anpi waits: Nextcloud locks out the whole family after ten.
func TestTheFirstStartSendsAWrongPasswordTwice(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.supervisor = Supervisor{Wait: true}
		f.anpi.RevokeAppPasswords()
		f.dav.SetPassword("another")
		f.start()
		f.rest(29 * time.Minute)
		refused := 0
		for _, r := range f.talk.Requests() {
			if r.User != "" {
				refused++
			}
		}
		if refused == 0 || refused > 2 {
			t.Errorf("the password was sent %d times in half an hour, want 1 or 2", refused)
		}
		if len(f.said) != 1 || !strings.Contains(f.said[0], "refuses the password of the account anpi") {
			t.Errorf("said %q", f.said)
		}
	})
}

// As long as the daemon is well it gives a sign of life three times in the
// supervisor's patience; when its ledger hangs, or the loop that sends, no more.
func TestSignsOfLife(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		var heard told
		f.supervisor = Supervisor{Tell: heard.tell, Patience: 3 * time.Minute}
		disk := &hanging{}
		f.options.Store = func(s broadcast.Store) broadcast.Store { disk.Store = s; return disk }
		f.start()
		heard.forget()
		f.rest(10 * time.Minute)
		if got := heard.forget(); len(got) != 10 || got[0] != "WATCHDOG=1" {
			t.Errorf("in ten minutes the supervisor was told %q", got)
		}
		disk.hangs.Store(true)
		f.rest(time.Minute)
		heard.forget()
		f.rest(10 * time.Minute)
		if got := heard.forget(); len(got) != 0 {
			t.Errorf("the ledger hangs, but the supervisor was told %q", got)
		}
		disk.hangs.Store(false)
		f.rest(2 * time.Minute)
		if got := heard.forget(); len(got) == 0 {
			t.Error("the ledger is well again, but the supervisor was told nothing")
		}
	})
}

// The loop that sees to what is due is not there: that is no sign of life.
func TestNobodyDispatches(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		a, err := Open(t.Context(), f.options)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := a.answers(ctx); err != nil {
			t.Errorf("standing by is well, but: %v", err)
		}
		a.leads.Store(true)
		if err := a.answers(ctx); err == nil {
			t.Error("nobody dispatches, and that counts as a sign of life")
		}
	})
}
