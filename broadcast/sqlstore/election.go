package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// ErrTaken is returned by [TryLead] when another process leads.
var ErrTaken = errors.New("another process is sending already")

// TryLead makes this process the one that sends for the ledger at the path, or
// returns [ErrTaken]. The kernel gives the lead back when the process dies.
func TryLead(path string) (release func(), err error) {
	return TryLock(path + ".lead")
}

// TryLock takes the lock in the file at the path, which it makes when there is
// none, or returns [ErrTaken].
func TryLock(path string) (release func(), err error) {
	f, err := openLock(path)
	if unwritable(path, err) != nil || errors.Is(err, os.ErrNotExist) {
		// Nobody can hold what cannot be made, or has no folder.
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	return flock(f, unix.LOCK_EX|unix.LOCK_NB)
}

// Lead waits until this process may send for the ledger at the path.
func Lead(ctx context.Context, path string) (release func(), err error) {
	type lead struct {
		release func()
		err     error
	}
	f, err := openLock(path + ".lead")
	if err != nil {
		return nil, err
	}
	got := make(chan lead, 1)
	go func() {
		release, err := flock(f, unix.LOCK_EX)
		got <- lead{release, err}
	}()
	select {
	case l := <-got:
		return l.release, l.err
	case <-ctx.Done():
		// Waiting for a lock cannot be called off: whoever gets it later gives
		// it back at once.
		go func() {
			if l := <-got; l.err == nil {
				l.release()
			}
		}()
		return nil, ctx.Err()
	}
}

func lockFile(path string) (unlock func(), err error) {
	f, err := openLock(path)
	if err != nil {
		return nil, err
	}
	return flock(f, unix.LOCK_EX)
}

func openLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if unwritable(path, err) != nil {
		// A lock can be taken in a file that cannot be written.
		if f, err := os.Open(path); err == nil {
			return f, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	return f, nil
}

// flock takes the lock on an open file, which it closes when it cannot.
func flock(f *os.File, how int) (release func(), err error) {
	for {
		err = unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrTaken
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("take the lock: %w", err), f.Close())
	}
	return func() { f.Close() }, nil
}

// maxSocketPath is the longest path that a unix socket can have on Linux.
const maxSocketPath = 107

// ListenPokes calls wake whenever another process pokes the ledger at the path,
// until stop is called. Only the process that leads may listen.
func ListenPokes(path string, wake func()) (stop func(), err error) {
	path += ".poke"
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("the path %s is %d characters too long for a socket: choose a shorter data folder", path, len(path)-maxSocketPath)
	}
	// What is left of a process that died would be in the way.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("listen for pokes: %w", err)
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("listen for pokes: %w", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buf := make([]byte, 1); ; {
			if _, _, err := conn.ReadFromUnix(buf); err != nil {
				return
			}
			wake()
		}
	}()
	return func() { conn.Close(); <-done }, nil
}

// Listens reports whether a process leads that can be poked, without poking it.
func Listens(path string) bool {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path + ".poke", Net: "unixgram"})
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// Poke tells the process that leads that there is something to do. It reports
// whether anybody listens, and never waits for them.
func Poke(path string) bool {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path + ".poke", Net: "unixgram"})
	if err != nil {
		return false
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		return false
	}
	var sent error
	err = raw.Write(func(fd uintptr) (done bool) {
		_, sent = unix.Write(int(fd), []byte{1})
		return true
	})
	// A queue that is full holds pokes that have not been read yet: one more
	// would tell nothing new, and a listener that hangs must not hold us up.
	return err == nil && (sent == nil || errors.Is(sent, unix.EAGAIN))
}
