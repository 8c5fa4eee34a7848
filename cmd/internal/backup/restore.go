package backup

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"golang.org/x/sys/unix"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
)

// sealedStart is how a file begins that was encrypted with age.
const sealedStart = "age-encryption.org/"

// errSealed is returned for an encrypted backup without a key.
var errSealed = errors.New("the backup is encrypted")

// opened returns the archive in a file, decrypted if need be.
func opened(r io.Reader, identities ...age.Identity) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	start, err := b.Peek(len(sealedStart))
	if err != nil && err != io.EOF {
		return nil, err
	}
	if string(start) != sealedStart {
		return b, nil
	}
	identities = slices.DeleteFunc(identities, func(i age.Identity) bool { return i == nil })
	if len(identities) == 0 {
		return nil, errSealed
	}
	return age.Decrypt(b, identities...)
}

// Peek reads a backup as far as the configuration, which says where the rest
// belongs. The rest is not looked at.
func Peek(path string, identities []age.Identity) (Contents, []byte, error) {
	c, small, err := read(path, identities, func(r io.Reader) (Contents, map[string][]byte, error) { return unpack(r, "") })
	return c, small[configName], err
}

// Opened is a backup that was opened and checked.
type Opened struct {
	Contents
	small  map[string][]byte
	folder string
}

// restoring is in the name of the folder where a backup lies opened.
const restoring = ".restore-"

// Open opens a backup and checks all of it. Its files lie in a folder inside the
// given one, which must exist, until Close. What an earlier one has left there is
// taken away; the caller sees to it that no other is under way.
func Open(ctx context.Context, path string, identities []age.Identity, within string) (*Opened, error) {
	sweep(within, restoring+"*")
	folder, err := os.MkdirTemp(within, restoring)
	if err != nil {
		return nil, &locale.Problem{Key: "backup.cannot_write", Data: locale.Data{"Path": within, "Detail": reasonOf(err)}, Err: err}
	}
	o := &Opened{folder: folder}
	o.Contents, o.small, err = read(path, identities, func(r io.Reader) (Contents, map[string][]byte, error) { return check(ctx, r, folder) })
	if err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

// Ledger is the path of the ledger of the backup, which may be changed before it
// is installed.
func (o *Opened) Ledger() string { return filepath.Join(o.folder, ledgerName) }

// Close takes away what was not installed.
func (o *Opened) Close() error { return os.RemoveAll(o.folder) }

// read reads a backup file, and words what is wrong with it.
func read(path string, identities []age.Identity, do func(io.Reader) (Contents, map[string][]byte, error)) (c Contents, small map[string][]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return c, nil, &locale.Problem{Key: "backup.no_file", Data: locale.Data{"Path": path, "Detail": reasonOf(err)}, Err: err}
	}
	defer f.Close()
	plain, err := opened(f, identities...)
	if err == nil {
		c, small, err = do(plain)
	}
	data := locale.Data{"Path": path}
	disk := new(diskError)
	switch {
	case err == nil:
		return c, small, nil
	case errors.Is(err, errSealed):
		err = &locale.Problem{Key: "backup.sealed", Data: data, Err: err}
	case errors.As(err, new(*age.NoIdentityMatchError)):
		err = &locale.Problem{Key: "backup.wrong_identity", Data: data, Err: err}
	case errors.Is(err, errNewer):
		err = &locale.Problem{Key: "backup.newer", Data: data, Err: err}
	case errors.Is(err, errForeign):
		err = &locale.Problem{Key: "backup.foreign", Data: data, Err: err}
	case errors.Is(err, errTruncated), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		err = &locale.Problem{Key: "backup.truncated", Data: data, Err: err}
	case errors.Is(err, unix.ENOSPC):
		err = &locale.Problem{Key: "backup.restore_full", Err: err}
	case errors.As(err, &disk):
		err = &locale.Problem{Key: "backup.cannot_restore", Data: locale.Data{"Detail": reasonOf(err)}, Err: err}
	default:
		err = &locale.Problem{Key: "backup.damaged", Data: data, Err: err}
	}
	return c, nil, err
}

// Places are where a backup belongs.
type Places struct {
	// Config is the path of the configuration file; passwords belong beside it.
	Config string
	// Ledger is on the same file system as the folder in which the backup was
	// opened.
	Ledger string
}

// Installed tells what was done.
type Installed struct {
	// Aside are the files that were there before, under their new names.
	Aside []string
	// Strays are the passwords that belong outside the folder of the
	// configuration, by where they lie now.
	Strays map[string]string
}

// Install puts the files into their places: the ledger last, and each of them at
// once, so that after a power cut each is the old one or the new one. What is
// there already, and is not the same, is replaced only by force, and kept under
// another name. With an error nothing was replaced, but for one of the disk in
// the last moment. The caller must have the lead on the ledger.
func (o *Opened) Install(ctx context.Context, p Places, force bool, now time.Time) (done Installed, err error) {
	targets := o.targets(p, &done)
	var taken []string
	for _, t := range targets {
		if t.stands() {
			taken = append(taken, t.path)
		}
	}
	if len(taken) > 0 && !force {
		return Installed{}, &locale.Problem{Key: "backup.taken", Data: locale.Data{"List": strings.Join(taken, " ")}}
	}
	for _, step := range []func(*target) error{
		// Whatever can go wrong does so before anything is replaced.
		func(t *target) error { return t.prepare(ctx, now) },
		(*target).put,
	} {
		for _, t := range targets {
			if err := step(t); err != nil {
				for _, t := range targets {
					t.giveUp()
				}
				return Installed{}, t.problem(err)
			}
		}
	}
	for _, t := range targets {
		if t.aside != "" {
			done.Aside = append(done.Aside, t.aside)
		}
	}
	return done, nil
}

// target is a file to be put into its place.
type target struct {
	path string
	body []byte
	from string // where the ledger lies now; empty for the others

	fresh string // what is to be put there; empty when it is there already
	aside string // the other name of what was there; empty when nothing was
	done  bool
}

func (o *Opened) targets(p Places, done *Installed) []*target {
	var all []*target
	home := filepath.Dir(p.Config)
	if o.Config() {
		for _, f := range o.passwords() {
			path := filepath.Join(home, f.Path)
			if !belongs(f.Path) || slices.ContainsFunc(all, func(t *target) bool { return t.path == path }) {
				path = filepath.Join(home, f.Name)
				if done.Strays == nil {
					done.Strays = map[string]string{}
				}
				done.Strays[path] = f.Path
			}
			all = append(all, &target{path: path, body: o.small[f.Name]})
		}
		all = append(all, &target{path: p.Config, body: o.small[configName]})
	}
	return append(all, &target{path: p.Ledger, from: o.Ledger()})
}

// belongs reports whether a password may be put there, as seen from the folder of
// the configuration: inside it, and nowhere where another program would read it.
func belongs(path string) bool {
	if !filepath.IsLocal(path) || strings.ContainsAny(path, "\\\x00") {
		return false
	}
	parts := strings.Split(path, "/")
	last := parts[len(parts)-1]
	return !slices.ContainsFunc(parts, func(s string) bool { return s == "" || s[0] == '.' }) &&
		!strings.HasSuffix(last, ".toml") && !strings.HasPrefix(last, ledgerName)
}

// stands reports whether something else is there already.
func (t *target) stands() bool {
	if t.from != "" {
		return exists(t.path)
	}
	now, err := os.ReadFile(t.path)
	return !errors.Is(err, fs.ErrNotExist) && !bytes.Equal(now, t.body)
}

// prepare lays the file beside its place, and gives what is there another name.
func (t *target) prepare(ctx context.Context, now time.Time) error {
	stands := t.stands()
	if !stands && t.from == "" && exists(t.path) {
		return nil
	}
	t.fresh = t.from
	if t.from == "" {
		if err := os.MkdirAll(filepath.Dir(t.path), 0o700); err != nil {
			return err
		}
		t.fresh = t.path + ".new"
		if err := os.RemoveAll(t.fresh); err != nil {
			return err
		}
		if err := save(t.fresh, bytes.NewReader(t.body)); err != nil {
			return err
		}
	}
	if err := t.dress(t.fresh); err != nil {
		return err
	}
	if err := syncFile(t.fresh); err != nil {
		return err
	}
	if !stands {
		return nil
	}
	aside := ""
	for at := now; aside == "" || exists(aside); at = at.Add(time.Second) {
		aside = t.path + ".before-" + at.Format("20060102-150405")
	}
	if err := t.keep(ctx, aside); err != nil {
		return err
	}
	t.aside = aside
	return nil
}

// put puts the file into its place, at once.
func (t *target) put() error {
	if t.fresh == "" {
		return nil
	}
	if err := os.Rename(t.fresh, t.path); err != nil {
		return err
	}
	t.done = true
	return syncFolder(filepath.Dir(t.path))
}

// giveUp takes away what was prepared and is not in use.
func (t *target) giveUp() {
	if t.done || t.fresh == "" {
		return
	}
	// What stays is in nobody's way.
	_ = os.Remove(t.fresh)
	if t.aside != "" {
		_ = os.Remove(t.aside)
	}
}

// problem words what got in the way.
func (t *target) problem(err error) error {
	if problem, ok := errors.AsType[*locale.Problem](err); ok {
		return problem
	}
	return &locale.Problem{Key: "backup.cannot_restore", Data: locale.Data{"Detail": t.path + ": " + reasonOf(err)}, Err: err}
}

// dress gives a file that root puts back to whoever owns the one in its place,
// else the folder: the daemon is somebody else.
func (t *target) dress(fresh string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	var like unix.Stat_t
	err := unix.Stat(t.path, &like)
	if err == nil {
		// A group may read what it could read before.
		err = os.Chmod(fresh, fs.FileMode(like.Mode&0o640|0o600))
	} else {
		err = unix.Stat(filepath.Dir(t.path), &like)
	}
	if err != nil {
		return err
	}
	return os.Chown(fresh, int(like.Uid), int(like.Gid))
}

// keep gives what is there a second name, under which it stays.
func (t *target) keep(ctx context.Context, aside string) error {
	if t.from != "" {
		// What is in the write-ahead log belongs to the old ledger and must not
		// get into the new one.
		// SQLite takes the log of a damaged ledger away: it is kept first.
		if err := missing(twin(t.path+"-wal", aside+"-wal")); err != nil {
			return err
		}
		err := sqlstore.Fold(ctx, t.path)
		switch {
		case err == nil:
			err = os.Remove(aside + "-wal")
		case errors.Is(err, sqlstore.ErrDamaged), errors.Is(err, sqlstore.ErrForeign):
			err = errors.Join(missing(os.Remove(t.path+"-wal")), missing(os.Remove(t.path+"-shm")))
		default:
			return &locale.Problem{Key: "backup.in_use", Data: locale.Data{"Path": t.path}, Err: errors.Join(err, missing(os.Remove(aside+"-wal")))}
		}
		if missing(err) != nil {
			return err
		}
	}
	return twin(t.path, aside)
}

// twin gives a file a second name. Where the file system has no second names, it
// makes a copy.
func twin(path, also string) error {
	err := os.Link(path, also)
	if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	old, err := os.Open(path)
	if err != nil {
		return err
	}
	defer old.Close()
	if err := save(also, old); err != nil {
		return err
	}
	return syncFile(also)
}

// missing is the error without that of a file that is not there.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
