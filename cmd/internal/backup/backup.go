package backup

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"
	"golang.org/x/sys/unix"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
)

// Options are what there is to keep, and how.
type Options struct {
	// Ledger is its path. While a backup is made, a copy of it lies beside it.
	Ledger string
	// Config is the path of the configuration file; empty when there is none.
	Config string
	// Passwords are the paths of the password files. They are kept only when the
	// backup is encrypted, and with the configuration that names them.
	Passwords []string
	// Recipients can open the backup; with none it is not encrypted.
	Recipients []age.Recipient
	// Now is when, in the zone for the file's name.
	Now time.Time
	// Keep is how many backups stay in the folder, this one included; zero keeps
	// all.
	Keep int
}

// Made is a backup that was made and checked.
type Made struct {
	Contents
	// Path is the file; empty for one that was streamed.
	Path      string
	Encrypted bool
}

// names are those of backups, by which they are sorted and found again.
var names = regexp.MustCompile(`^anpi-\d{8}-\d{6}\.tar(\.age)?$`)

func (o Options) name(at time.Time) string {
	name := "anpi-" + at.Format("20060102-150405") + ".tar"
	if len(o.Recipients) > 0 {
		name += ".age"
	}
	return name
}

// Write makes a backup in the folder, which must exist: a disk that is not
// connected must not go unnoticed. The file has its name only once it is whole,
// on the disk, and was opened and checked there; only then do earlier ones go.
func Write(ctx context.Context, o Options, folder string) (Made, error) {
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return Made{}, &locale.Problem{Key: "backup.no_folder", Data: locale.Data{"Path": folder}, Err: err}
	}
	release, err := o.begin(folder)
	if err != nil {
		return Made{}, err
	}
	defer release()
	at := o.Now
	for exists(filepath.Join(folder, o.name(at))) {
		at = at.Add(time.Second)
	}
	m := Made{Path: filepath.Join(folder, o.name(at)), Encrypted: len(o.Recipients) > 0}
	partial := filepath.Join(folder, "."+o.name(at)+unfinished)
	f, err := os.OpenFile(partial, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Made{}, o.problem(&diskError{err}, folder)
	}
	defer os.Remove(partial)
	if m.Contents, err = o.make(ctx, f); err != nil {
		return Made{}, errors.Join(o.problem(err, folder), f.Close())
	}
	if err := errors.Join(f.Close(), os.Rename(partial, m.Path), syncFolder(folder)); err != nil {
		return Made{}, o.problem(&diskError{err}, folder)
	}
	if err := prune(folder, filepath.Base(m.Path), o.Keep); err != nil {
		return m, &locale.Problem{Key: "backup.prune", Data: locale.Data{"Path": folder, "Detail": reasonOf(err)}, Err: err}
	}
	return m, nil
}

// Stream makes a backup and, once it was checked, writes it.
func Stream(ctx context.Context, o Options, w io.Writer) (Made, error) {
	folder := filepath.Dir(o.Ledger)
	release, err := o.begin(folder)
	if err != nil {
		return Made{}, err
	}
	defer release()
	f, err := os.CreateTemp(folder, ".anpi-*"+unfinished)
	if err != nil {
		return Made{}, o.problem(err, folder)
	}
	defer f.Close()
	defer os.Remove(f.Name())
	m := Made{Encrypted: len(o.Recipients) > 0}
	if m.Contents, err = o.make(ctx, f); err != nil {
		return Made{}, o.problem(err, folder)
	}
	if _, err = f.Seek(0, io.SeekStart); err == nil {
		_, err = io.Copy(w, f)
	}
	if err != nil {
		return Made{}, &locale.Problem{Key: "backup.cannot_write", Data: locale.Data{"Path": "-", "Detail": reasonOf(err)}, Err: err}
	}
	return m, nil
}

// What is left when a backup is broken off has one of these in its name.
const (
	unfinished = ".partial"
	staging    = ".backup-"
)

// begin sees to it that only one backup of the ledger is under way, and takes
// away what is left of those that were broken off.
func (o Options) begin(folder string) (release func(), err error) {
	if !exists(o.Ledger) {
		return nil, &locale.Problem{Key: "backup.no_ledger", Data: locale.Data{"Path": o.Ledger}}
	}
	release, err = sqlstore.TryLock(o.Ledger + ".backup")
	if errors.Is(err, sqlstore.ErrTaken) {
		return nil, &locale.Problem{Key: "backup.busy", Err: err}
	}
	if err != nil {
		return nil, o.problem(err, folder)
	}
	sweep(filepath.Dir(o.Ledger), staging+"*")
	sweep(folder, ".anpi-*"+unfinished)
	return release, nil
}

// sweep takes away what was broken off. What it cannot remove is in nobody's way,
// and is tried again next time.
func sweep(folder, pattern string) {
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		if left, _ := filepath.Match(pattern, e.Name()); left {
			_ = os.RemoveAll(filepath.Join(folder, e.Name()))
		}
	}
}

// make writes a backup into the file, reads it back, and opens what it has read.
func (o Options) make(ctx context.Context, f *os.File) (Contents, error) {
	folder, err := os.MkdirTemp(filepath.Dir(o.Ledger), staging)
	if err != nil {
		return Contents{}, err
	}
	defer os.RemoveAll(folder)
	copied := filepath.Join(folder, ledgerName)
	held, err := sqlstore.Copy(ctx, o.Ledger, copied)
	if err != nil {
		return Contents{}, err
	}
	c := Contents{Format: format, Made: o.Now.Truncate(time.Second), Schema: held.Schema, Checks: held.Checks, Answers: held.Answers}
	small, err := o.gather(&c)
	if err != nil {
		return Contents{}, err
	}
	identity, err := o.write(f, c, small, copied)
	if err != nil {
		return Contents{}, err
	}
	// The copy makes room for the one that is read back.
	if err := os.Remove(copied); err != nil {
		return Contents{}, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return Contents{}, &diskError{err}
	}
	plain, err := opened(f, identity)
	if err == nil {
		_, _, err = check(ctx, plain, folder)
	}
	if err != nil {
		return Contents{}, fmt.Errorf("check the backup: %w", err)
	}
	return c, nil
}

// gather reads the small files and lists them all.
func (o Options) gather(c *Contents) (map[string][]byte, error) {
	small := map[string][]byte{}
	add := func(f File, path string) error {
		body, err := os.ReadFile(path)
		if err != nil || len(body) > maxSmall {
			return &locale.Problem{Key: "backup.cannot_read", Data: locale.Data{"Path": path}, Err: err}
		}
		small[f.Name] = body
		c.Files = append(c.Files, f)
		return nil
	}
	if o.Config != "" {
		if err := add(File{Name: configName}, o.Config); err != nil {
			return nil, err
		}
	}
	if o.Config != "" && len(o.Recipients) > 0 {
		for i, path := range o.Passwords {
			f := File{Name: "password-" + strconv.Itoa(i+1), Path: path}
			if within, err := filepath.Rel(filepath.Dir(o.Config), path); err == nil && filepath.IsLocal(within) {
				f.Path = within
			}
			if err := add(f, path); err != nil {
				return nil, err
			}
		}
	}
	c.Files = append(c.Files, File{Name: ledgerName})
	return small, nil
}

// write writes the backup to the disk. It returns what opens it, now and never
// again: the key of the file, which is in the memory of this process only.
func (o Options) write(f *os.File, c Contents, small map[string][]byte, copied string) (age.Identity, error) {
	ledger, err := os.Open(copied)
	if err != nil {
		return nil, err
	}
	defer ledger.Close()
	buffer := bufio.NewWriterSize(onDisk{f}, 1<<16)
	if len(o.Recipients) == 0 {
		if err := pack(buffer, c, small, ledger); err != nil {
			return nil, err
		}
		return nil, flush(buffer, f)
	}
	recipients := slices.Clone(o.Recipients)
	witness := &witness{Recipient: recipients[0]}
	recipients[0] = witness
	sealed, err := age.Encrypt(buffer, recipients...)
	if err != nil {
		return nil, err
	}
	if err := pack(sealed, c, small, ledger); err != nil {
		return nil, err
	}
	if err := sealed.Close(); err != nil {
		return nil, err
	}
	return age.NewInjectedFileKeyIdentity(witness.key), flush(buffer, f)
}

func flush(buffer *bufio.Writer, f *os.File) error {
	if err := buffer.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return &diskError{err}
	}
	return nil
}

// witness is a recipient that remembers the key of the file. The key of whoever
// can open the backup is not on this machine, and yet it is to be opened once.
type witness struct {
	age.Recipient
	key []byte
}

func (w *witness) WrapWithLabels(key []byte) ([]*age.Stanza, []string, error) {
	w.key = bytes.Clone(key)
	if labelled, ok := w.Recipient.(age.RecipientWithLabels); ok {
		return labelled.WrapWithLabels(key)
	}
	stanzas, err := w.Recipient.Wrap(key)
	return stanzas, nil, err
}

// prune takes away all but the newest backups; the one just made always stays,
// whatever the clock says.
func prune(folder, made string, keep int) error {
	if keep == 0 {
		return nil
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var old []string
	for _, e := range entries {
		if e.Type().IsRegular() && names.MatchString(e.Name()) && e.Name() != made {
			old = append(old, e.Name())
		}
	}
	slices.Sort(old)
	var all []error
	for _, name := range old[:max(0, len(old)-keep+1)] {
		all = append(all, os.Remove(filepath.Join(folder, name)))
	}
	return errors.Join(all...)
}

// problem words what got in the way of a backup to the folder.
func (o Options) problem(err error, folder string) error {
	if problem, ok := errors.AsType[*locale.Problem](err); ok {
		return problem
	}
	path := filepath.Dir(o.Ledger)
	if errors.As(err, new(*diskError)) {
		path = folder
	}
	data := locale.Data{"Path": path, "Detail": reasonOf(err)}
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return &locale.Problem{Key: "backup.full", Data: data, Err: err}
	case errors.Is(err, errDamaged), errors.Is(err, errTruncated):
		return &locale.Problem{Key: "backup.unreadable", Data: locale.Data{"Path": folder}, Err: err}
	case errors.Is(err, sqlstore.ErrDamaged), errors.Is(err, sqlstore.ErrForeign):
		return &locale.Problem{Key: "backup.ledger_damaged", Data: locale.Data{"Path": o.Ledger}, Err: err}
	default:
		return &locale.Problem{Key: "backup.cannot_write", Data: data, Err: err}
	}
}

// reasonOf is what is wrong with a file, without its path, which is said already.
func reasonOf(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err.Error()
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return link.Err.Error()
	}
	return err.Error()
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// syncFolder makes the names in a folder outlive a power cut, where the file
// system can do that.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}

// Recipients reads recipients, such as age1…, one to a line. The error does not
// repeat what was written: it may be a secret key.
func Recipients(text string) ([]age.Recipient, error) {
	found, err := age.ParseRecipients(strings.NewReader(text))
	if err != nil {
		return nil, &locale.Problem{Key: "backup.bad_recipient"}
	}
	return found, nil
}

// Identities reads the secret keys in a file that age-keygen has written. The
// error does not repeat them.
func Identities(path string) ([]age.Identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &locale.Problem{Key: "backup.no_identity_file", Data: locale.Data{"Path": path, "Detail": reasonOf(err)}, Err: err}
	}
	defer f.Close()
	found, err := age.ParseIdentities(f)
	if err != nil {
		return nil, &locale.Problem{Key: "backup.bad_identity", Data: locale.Data{"Path": path}}
	}
	return found, nil
}
