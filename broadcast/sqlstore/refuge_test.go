package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/broadcast/sqlstore/storetest"
	"github.com/anpi-bot/anpi/roster"
)

// In memory a ledger keeps the same promises as on a disk.
func TestLedgerInMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) broadcast.Store {
		disk := storetest.NewDisk(t)
		do(t, disk.ReadOnly(true))
		s := open(t, filepath.Join(disk.Path, "anpi.db"))
		do(t, s.Outlive(t.Context(), sqlstore.Refuge{Told: func(error) {}}))
		return s
	})
}

// small is a ledger on a disk that can be filled.
type small struct {
	t    *testing.T
	disk *storetest.Disk
	path string
}

func newSmall(t *testing.T) *small {
	disk := storetest.NewDisk(t)
	return &small{t, disk, filepath.Join(disk.Path, "anpi.db")}
}

// outlives opens the ledger, which may live on in memory. The other result tells
// what was told of it.
func (s *small) outlives(guest bool) (*sqlstore.Store, *[]error) {
	told := new([]error)
	l := open(s.t, s.path)
	do(s.t, l.Outlive(s.t.Context(), sqlstore.Refuge{Guest: guest, Told: func(why error) { *told = append(*told, why) }}))
	return l, told
}

// asks commits a check that asks the members in the room.
func asks(t *testing.T, s *sqlstore.Store, key string, members ...string) broadcast.Check {
	t.Helper()
	start := &broadcast.Start{Check: broadcast.Check{Kind: broadcast.Real, Key: key, StartedAt: noon, Deadline: noon.Add(72 * time.Hour)}}
	for _, m := range members {
		start.Members = append(start.Members, roster.Member{ID: m, Name: m})
		start.Deliveries = append(start.Deliveries, broadcast.Delivery{MemberID: m, Channel: broadcast.Room, Step: "start", Purpose: broadcast.Ask, Reference: key, State: broadcast.Due, DueAt: noon})
	}
	return commits(t, s, broadcast.Change{Start: start}).Started
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func commits(t *testing.T, s *sqlstore.Store, c broadcast.Change) broadcast.Committed {
	t.Helper()
	c.Now = noon
	done, err := s.Commit(t.Context(), c)
	do(t, err)
	return done
}

func says(check broadcast.Check, who string) broadcast.Change {
	return broadcast.Change{Answers: []broadcast.Answer{{CheckID: check.ID, MemberID: who, Status: broadcast.Safe, Carrier: "talk:" + check.Key + who, At: noon}}}
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// summary is what stands in a ledger: of each check its key, who has answered,
// and how far each delivery is.
func summary(t *testing.T, s *sqlstore.Store) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	checks, err := s.Checks(t.Context(), 100)
	do(t, err)
	for _, c := range checks {
		var lines []string
		if !c.Open() {
			lines = append(lines, "closed")
		}
		members, err := s.Members(t.Context(), c.ID)
		do(t, err)
		for _, m := range members {
			lines = append(lines, m.ID)
		}
		answers, err := s.Answers(t.Context(), c.ID)
		do(t, err)
		for _, a := range answers {
			lines = append(lines, a.MemberID+" answered")
		}
		deliveries, err := s.Deliveries(t.Context(), c.ID)
		do(t, err)
		for _, d := range deliveries {
			lines = append(lines, d.MemberID+" "+string(d.State))
		}
		all[c.Key] = lines
	}
	return all
}

// The disk runs full in the middle of a check. Nothing stops, and when there is
// room again, the disk has it all.
func TestDiskRunsFull(t *testing.T) {
	small := newSmall(t)
	s, told := small.outlives(false)
	check := asks(t, s, "quake", "dad", "mum")
	do(t, small.disk.Fill())
	commits(t, s, says(check, "dad"))
	if len(*told) != 1 || !errors.Is((*told)[0], sqlstore.ErrFull) || !errors.Is(s.InMemory(), sqlstore.ErrFull) {
		t.Fatalf("told %v", *told)
	}
	claimed, err := s.Claim(t.Context(), broadcast.Room, noon, noon.Add(time.Minute), 10)
	do(t, err)
	if len(claimed) != 1 || claimed[0].MemberID != "mum" {
		t.Fatalf("claimed %v", claimed)
	}
	aftershock := asks(t, s, "aftershock", "dad")
	commits(t, s, broadcast.Change{Documents: map[string][]byte{"roster": []byte("new")}, Cursors: []broadcast.Cursor{{Room: "family", After: 7}}})
	if err := s.Return(t.Context()); !errors.Is(err, sqlstore.ErrFull) {
		t.Errorf("back on a full disk: %v", err)
	}
	do(t, small.disk.MakeRoom())
	do(t, s.Return(t.Context()))
	if len(*told) != 2 || (*told)[1] != nil || s.InMemory() != nil {
		t.Errorf("told %v", *told)
	}
	// What was under way in memory ends on the disk.
	commits(t, s, broadcast.Change{Results: []broadcast.Result{{ID: claimed[0].ID, State: broadcast.Sent}}})
	commits(t, s, says(aftershock, "dad"))
	want := map[string][]string{
		"quake":      {"dad", "mum", "dad answered", "dad dropped", "mum sent"},
		"aftershock": {"dad", "dad answered", "dad dropped"},
	}
	for what, l := range map[string]*sqlstore.Store{"here": s, "opened anew": open(t, small.path)} {
		if diff := cmp.Diff(want, summary(t, l)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
		document, err := l.Document(t.Context(), "roster")
		do(t, err)
		if after, _, err := l.Cursor(t.Context(), "family"); err != nil || after.After != 7 || string(document) != "new" {
			t.Errorf("%s: read up to %d (%v), the roster is %q", what, after.After, err, document)
		}
	}
}

// While one process is in memory, another one writes to the disk, on which there
// is room again. Neither loses anything.
func TestSomebodyElseWritesMeanwhile(t *testing.T) {
	for _, guest := range []bool{false, true} {
		t.Run(fmt.Sprintf("guest %v", guest), func(t *testing.T) {
			small := newSmall(t)
			other := open(t, small.path)
			old := asks(t, other, "yesterday", "dad")
			s, _ := small.outlives(guest)
			do(t, small.disk.Fill())
			mine := asks(t, s, "quake", "dad", "mum")
			commits(t, s, says(mine, "mum"))
			if guest {
				// What waits there is the other one's.
				claimed, err := s.Claim(t.Context(), broadcast.Room, noon, noon.Add(time.Minute), 10)
				do(t, err)
				if len(claimed) != 1 || claimed[0].CheckID != mine.ID {
					t.Errorf("claimed %v", claimed)
				}
				commits(t, s, broadcast.Change{Results: []broadcast.Result{{ID: claimed[0].ID, State: broadcast.Sent}}})
			}
			do(t, small.disk.MakeRoom())
			theirs := asks(t, other, "aftershock", "akari")
			commits(t, other, says(old, "dad"))
			commits(t, other, says(theirs, "akari"))
			commits(t, other, broadcast.Change{Close: &broadcast.Close{CheckID: old.ID}})
			if mine.ID != theirs.ID {
				t.Fatalf("the checks are %d and %d, and should clash", mine.ID, theirs.ID)
			}
			do(t, s.Return(t.Context()))
			want := map[string][]string{
				"yesterday":  {"closed", "dad", "dad answered", "dad dropped"},
				"quake":      {"dad", "mum", "mum answered", "dad due", "mum dropped"},
				"aftershock": {"akari", "akari answered", "akari dropped"},
			}
			if guest {
				want["quake"][3] = "dad sent"
			} else {
				// The one that leads drops it when it gets there.
				want["yesterday"][3] = "dad due"
			}
			if diff := cmp.Diff(want, summary(t, other)); diff != "" {
				t.Errorf("on the disk (-want +got):\n%s", diff)
			}
			// Whoever works with a check still has it under its number.
			keeper, kept := s, mine
			if guest {
				keeper, kept = other, theirs
			}
			if c, err := keeper.Check(t.Context(), kept.ID); err != nil || c.Key != kept.Key {
				t.Errorf("check %d is %q (%v), and was %q", kept.ID, c.Key, err, kept.Key)
			}
			if claimed, err := s.Claim(t.Context(), broadcast.Room, noon, noon.Add(time.Minute), 10); err != nil || slices.ContainsFunc(claimed, func(d broadcast.Delivery) bool { return d.CheckID == old.ID }) {
				t.Errorf("claimed %v, %v", claimed, err)
			}
		})
	}
}

// On a read-only disk the ledger can be read, and nothing is pretended.
func TestReadOnlyDisk(t *testing.T) {
	small := newSmall(t)
	s := open(t, small.path)
	check := asks(t, s, "quake", "dad")
	do(t, s.Close())
	release, err := sqlstore.TryLead(small.path)
	do(t, err)
	release()
	do(t, small.disk.ReadOnly(true))

	s = open(t, small.path)
	if want := map[string][]string{"quake": {"dad", "dad due"}}; !cmp.Equal(want, summary(t, s)) {
		t.Errorf("there is %v, want %v", summary(t, s), want)
	}
	if _, err := s.Commit(t.Context(), says(check, "dad")); !errors.Is(err, sqlstore.ErrReadOnly) {
		t.Errorf("an answer on a read-only disk: %v", err)
	}
	// Only one process leads all the same.
	release, err = sqlstore.TryLead(small.path)
	do(t, err)
	if _, err := sqlstore.TryLead(small.path); !errors.Is(err, sqlstore.ErrTaken) {
		t.Errorf("a second one leads: %v", err)
	}
	release()

	again, told := small.outlives(false)
	commits(t, again, says(check, "dad"))
	if len(*told) != 1 || !errors.Is((*told)[0], sqlstore.ErrReadOnly) {
		t.Errorf("told %v", *told)
	}
	do(t, small.disk.ReadOnly(false))
	do(t, again.Return(t.Context()))
	if got := summary(t, open(t, small.path))["quake"]; !slices.Contains(got, "dad answered") {
		t.Errorf("the disk has %v", got)
	}
}

// Going back is all or nothing: a disk with too little room has what it had.
func TestThereIsTooLittleRoom(t *testing.T) {
	small := newSmall(t)
	s, _ := small.outlives(false)
	check := asks(t, s, "quake", "dad")
	do(t, small.disk.Fill())
	commits(t, s, says(check, "dad"))
	long := make([]byte, small.disk.Size)
	commits(t, s, broadcast.Change{Documents: map[string][]byte{"long": long}})
	do(t, small.disk.MakeRoom())
	if err := s.Return(t.Context()); !errors.Is(err, sqlstore.ErrFull) {
		t.Errorf("back on a disk that is too small: %v", err)
	}
	commits(t, s, broadcast.Change{Documents: map[string][]byte{"long": []byte("")}})
	do(t, s.Return(t.Context()))
	if got := summary(t, open(t, small.path))["quake"]; !slices.Contains(got, "dad answered") {
		t.Errorf("the disk has %v", got)
	}
}

// Several write at the moment when the disk runs full. Each of them goes on.
func TestManyWriteWhenTheDiskRunsFull(t *testing.T) {
	small := newSmall(t)
	s, told := small.outlives(false)
	check := asks(t, s, "quake", "dad")
	do(t, small.disk.Fill())
	var wg sync.WaitGroup
	failed := make([]error, 20)
	for i := range failed {
		wg.Go(func() {
			_, failed[i] = s.Commit(t.Context(), says(check, fmt.Sprint("member ", i)))
		})
	}
	wg.Wait()
	do(t, errors.Join(failed...))
	if answers, err := s.Answers(t.Context(), check.ID); err != nil || len(answers) != len(failed) || len(*told) != 1 {
		t.Errorf("%d answers of %d (%v), told %v", len(answers), len(failed), err, *told)
	}
}

// A process was killed, and there is no room for the index of what it has written
// last. That counts all the same.
func TestLastWordsAreRead(t *testing.T) {
	elsewhere := filepath.Join(t.TempDir(), "anpi.db")
	s := open(t, elsewhere)
	check := asks(t, s, "quake", "dad")
	raw, err := sql.Open("sqlite", elsewhere)
	do(t, err)
	_, err = raw.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	do(t, errors.Join(err, raw.Close()))
	commits(t, s, says(check, "dad"))

	for what, spoil := range map[string]func(*storetest.Disk) error{
		"full":      (*storetest.Disk).Fill,
		"read-only": func(d *storetest.Disk) error { return d.ReadOnly(true) },
	} {
		t.Run(what, func(t *testing.T) {
			small := newSmall(t)
			for _, file := range []string{"", "-wal"} {
				written, err := os.ReadFile(elsewhere + file)
				do(t, err)
				do(t, os.WriteFile(small.path+file, written, 0o600))
			}
			do(t, spoil(small.disk))
			s, told := small.outlives(false)
			if got := summary(t, s)["quake"]; len(*told) != 1 || !slices.Contains(got, "dad answered") {
				t.Errorf("told %v, there is %v", *told, got)
			}
		})
	}
}

// There is room again while somebody is still being told that there is none. The
// last word is the right one.
func TestMovesAreToldInOrder(t *testing.T) {
	small := newSmall(t)
	s := open(t, small.path)
	var told []error
	var wg sync.WaitGroup
	do(t, s.Outlive(t.Context(), sqlstore.Refuge{Told: func(why error) {
		if why != nil {
			wg.Go(func() {
				if err := errors.Join(small.disk.MakeRoom(), s.Return(t.Context())); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(200 * time.Millisecond)
		}
		told = append(told, why)
	}}))
	check := asks(t, s, "quake", "dad")
	do(t, small.disk.Fill())
	commits(t, s, says(check, "dad"))
	wg.Wait()
	if len(told) != 2 || told[0] == nil || told[1] != nil {
		t.Errorf("told %v", told)
	}
}

// A disk comes and goes while several write. Nothing that was taken is lost.
func TestDiskComesAndGoes(t *testing.T) {
	small := newSmall(t)
	s, _ := small.outlives(false)
	check := asks(t, s, "quake", "dad")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	var taken, failed [3]int
	for i := range taken {
		wg.Go(func() {
			for ; ctx.Err() == nil; taken[i]++ {
				if _, err := s.Commit(t.Context(), says(check, fmt.Sprint(i, " ", taken[i]))); err != nil {
					failed[i]++
				}
				time.Sleep(25 * time.Millisecond) // the disk is small
			}
		})
	}
	wg.Go(func() {
		for ; ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
			_ = s.Return(t.Context()) // it may be full again
		}
	})
	for ; ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		do(t, small.disk.Fill())
		time.Sleep(50 * time.Millisecond)
		do(t, small.disk.MakeRoom())
	}
	wg.Wait()
	do(t, s.Return(t.Context()))
	want := taken[0] + taken[1] + taken[2]
	if answers, err := open(t, small.path).Answers(t.Context(), check.ID); err != nil || len(answers) != want || failed != [3]int{} {
		t.Errorf("%d answers of %d (%v), %v failed", len(answers), want, err, failed)
	}
}

// To go back takes room for what is new, not for all that there has ever been.
func TestALittleRoomIsEnough(t *testing.T) {
	small := newSmall(t)
	s, _ := small.outlives(false)
	check := asks(t, s, "quake", "dad")
	commits(t, s, broadcast.Change{Documents: map[string][]byte{"long": make([]byte, small.disk.Size/3)}})
	do(t, small.disk.Fill())
	commits(t, s, says(check, "mum"))
	do(t, small.disk.MakeRoom())
	do(t, os.WriteFile(filepath.Join(small.disk.Path, "other"), make([]byte, small.disk.Size/2), 0o600))
	do(t, s.Return(t.Context()))
	if got := summary(t, open(t, small.path))["quake"]; !slices.Contains(got, "mum answered") {
		t.Errorf("the disk has %v", got)
	}
}

// A disk with next to no room is full, whatever small things it still takes.
func TestNextToNoRoomIsNone(t *testing.T) {
	small := newSmall(t)
	do(t, sqlstore.DiskState(small.path))
	do(t, os.WriteFile(filepath.Join(small.disk.Path, "other"), make([]byte, small.disk.Size-100_000), 0o600))
	if err := sqlstore.DiskState(small.path); !errors.Is(err, sqlstore.ErrFull) {
		t.Errorf("the disk is said to be %v", err)
	}
}

// Somebody else has kept a new roster on the disk. What this process has only read
// does not take its place.
func TestNewerDocumentsStay(t *testing.T) {
	small := newSmall(t)
	s, _ := small.outlives(false)
	keeps := func(s *sqlstore.Store, name, body string) {
		commits(t, s, broadcast.Change{Documents: map[string][]byte{name: []byte(body)}})
	}
	keeps(s, "roster", "old")
	keeps(s, "doctor", "old")
	other := open(t, small.path)
	do(t, small.disk.Fill())
	keeps(s, "doctor", "new")
	do(t, small.disk.MakeRoom())
	keeps(other, "roster", "new")
	do(t, s.Return(t.Context()))
	for _, name := range []string{"roster", "doctor"} {
		if body, err := s.Document(t.Context(), name); err != nil || string(body) != "new" {
			t.Errorf("the %s is %q, %v", name, body, err)
		}
	}
}

// A link to the board that was taken back in memory stays so.
func TestBoardStaysClosed(t *testing.T) {
	small := newSmall(t)
	s, _ := small.outlives(false)
	commits(t, s, broadcast.Change{Links: []broadcast.Link{{Hash: "board", MadeAt: noon}}})
	do(t, small.disk.Fill())
	commits(t, s, broadcast.Change{CloseBoard: true})
	do(t, small.disk.MakeRoom())
	do(t, s.Return(t.Context()))
	if _, ok, err := open(t, small.path).Link(t.Context(), "board"); ok || err != nil {
		t.Errorf("the board is open: %v, %v", ok, err)
	}
}

// A mistake is no reason to leave the disk.
func TestOtherMistakesStay(t *testing.T) {
	small := newSmall(t)
	s, told := small.outlives(false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Commit(ctx, broadcast.Change{Cursors: []broadcast.Cursor{{Room: "a", After: 1}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("a commit that was called off: %v", err)
	}
	raw, err := sql.Open("sqlite", small.path)
	do(t, err)
	defer raw.Close()
	_, err = raw.Exec(`DROP TABLE cursors`)
	do(t, err)
	if _, err := s.Commit(t.Context(), broadcast.Change{Cursors: []broadcast.Cursor{{Room: "a", After: 1}}}); err == nil {
		t.Error("a cursor was kept where there is no table")
	}
	if len(*told) > 0 || s.InMemory() != nil {
		t.Errorf("told %v", *told)
	}
}
