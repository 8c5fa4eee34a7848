// Package backup keeps what Anpi cannot do without in one file, and puts it back.
//
// That is the ledger, the configuration, and, when the file is encrypted, the
// passwords. [Write] makes a backup beside earlier ones, [Stream] sends it
// somewhere; both have it opened and checked before they say that it is made.
// [Open] checks a backup, and [Opened.Install] puts its files into their places.
//
// The file is a tar archive of the plainest kind (ustar), encrypted with age when
// there is somebody to encrypt it to: "age -d -i key FILE | tar x" opens it
// without Anpi. Its first entry, contents.json, lists the others in their order
// with size and checksum. Encryption hides a backup from others; it does not
// prove who made it.
//
// Errors are for a person to read; see package locale.
package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/anpi-bot/anpi/broadcast/sqlstore"
)

// Names of the entries. Passwords are named password-1 and so on: the names of
// their files stand in the contents only, and no entry says where it goes.
const (
	contentsName = "contents.json"
	configName   = "anpi.toml"
	ledgerName   = "anpi.db"
)

// format is the version of what contents.json says.
const format = 1

// Limits for what is read into memory, in bytes. The ledger goes to the disk; in
// a ustar archive each of its bytes is one of the file, so that a small file
// cannot fill a disk.
const (
	maxContents = 1 << 20
	maxSmall    = 1 << 20
	maxFiles    = 100
)

// Contents tell what is in a backup.
type Contents struct {
	Format int `json:"format"`
	// Made is when.
	Made time.Time `json:"made"`
	// Schema, Checks and Answers are those of the ledger.
	Schema  int64 `json:"schema"`
	Checks  int64 `json:"checks"`
	Answers int64 `json:"answers"`
	// Files are the entries that follow, the ledger last.
	Files []File `json:"files"`
}

// File is one entry.
type File struct {
	Name string `json:"name"`
	// Path is where a password belongs, as seen from the folder of the
	// configuration. One that stands elsewhere has its absolute path here, and
	// is not put back there.
	Path   string `json:"path,omitempty"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Passwords reports whether the passwords are in it.
func (c Contents) Passwords() bool { return len(c.passwords()) > 0 }

// Config reports whether a configuration is in it.
func (c Contents) Config() bool { return len(c.Files) > 0 && c.Files[0].Name == configName }

func (c Contents) passwords() []File {
	var all []File
	for _, f := range c.Files {
		if strings.HasPrefix(f.Name, "password-") {
			all = append(all, f)
		}
	}
	return all
}

// valid reports whether the contents could be those of a backup: the very names
// in the very order.
func (c Contents) valid() bool {
	if c.Format < 1 || len(c.Files) == 0 || len(c.Files) > maxFiles {
		return false
	}
	last := len(c.Files) - 1
	for i, f := range c.Files {
		want := "password-" + strconv.Itoa(i)
		switch i {
		case last:
			want = ledgerName
		case 0:
			want = configName
		}
		small := i == last || f.Size <= maxSmall
		if f.Name != want || f.Size < 0 || !small || len(f.SHA256) != 2*sha256.Size || (f.Path != "") != strings.HasPrefix(want, "password-") {
			return false
		}
	}
	return true
}

// pack writes the archive: the small files from memory, then the ledger. It fills
// in sizes and checksums.
func pack(w io.Writer, c Contents, small map[string][]byte, ledger *os.File) error {
	for i, f := range c.Files {
		size, sum := int64(len(small[f.Name])), sha256.New()
		sum.Write(small[f.Name])
		if f.Name == ledgerName {
			var err error
			if size, err = io.Copy(sum, ledger); err != nil {
				return fmt.Errorf("read the copy of the ledger: %w", err)
			}
		}
		c.Files[i].Size, c.Files[i].SHA256 = size, hex.EncodeToString(sum.Sum(nil))
	}
	listed, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("list the contents: %w", err)
	}
	t := tar.NewWriter(w)
	put := func(name string, size int64, body io.Reader) error {
		header := &tar.Header{Name: name, Size: size, Mode: 0o600, ModTime: c.Made, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if err := t.WriteHeader(header); err != nil {
			return err
		}
		_, err := io.Copy(t, body)
		return err
	}
	if err := put(contentsName, int64(len(listed)), bytes.NewReader(listed)); err != nil {
		return err
	}
	for _, f := range c.Files {
		var body io.Reader = bytes.NewReader(small[f.Name])
		if f.Name == ledgerName {
			if _, err := ledger.Seek(0, io.SeekStart); err != nil {
				return err
			}
			body = ledger
		}
		if err := put(f.Name, f.Size, body); err != nil {
			return err
		}
	}
	return t.Close()
}

// What can be wrong with a backup. Which of them it is decides what a person is
// told.
var (
	errForeign   = errors.New("this is no backup of Anpi")
	errDamaged   = errors.New("the backup is damaged")
	errTruncated = errors.New("the backup ends too early")
	errNewer     = errors.New("the backup was made by a newer Anpi")
)

// unpack reads an archive. The small files come back in memory; the ledger goes
// to the path, unless that is empty: then it is left unread, and so is whatever
// could be wrong from there on.
func unpack(r io.Reader, ledger string) (c Contents, small map[string][]byte, err error) {
	b := bufio.NewReader(r)
	start, err := b.Peek(len(contentsName))
	if !strings.HasPrefix(contentsName, string(start)) {
		return c, nil, errForeign
	}
	if err != nil {
		return c, nil, readError(err)
	}
	r = b
	t := tar.NewReader(r)
	listed, err := next(t, contentsName, -1)
	if err != nil {
		return c, nil, firstError(err)
	}
	body, err := io.ReadAll(listed)
	if err != nil {
		return c, nil, readError(err)
	}
	if err := json.Unmarshal(body, &c); err != nil {
		return c, nil, fmt.Errorf("%w: %w", errForeign, err)
	}
	if c.Format > format {
		return c, nil, errNewer
	}
	if !c.valid() {
		return c, nil, errForeign
	}
	small = map[string][]byte{}
	for _, f := range c.Files {
		if f.Name == ledgerName && ledger == "" {
			return c, small, nil
		}
		body, err := next(t, f.Name, f.Size)
		if err != nil {
			return c, nil, readError(err)
		}
		sum := sha256.New()
		if f.Name == ledgerName {
			err = save(ledger, io.TeeReader(body, sum))
		} else {
			small[f.Name], err = io.ReadAll(io.TeeReader(body, sum))
		}
		if err != nil {
			return c, nil, readError(err)
		}
		if hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
			return c, nil, fmt.Errorf("%w: %s has another checksum", errDamaged, f.Name)
		}
	}
	if _, err := t.Next(); err != io.EOF {
		return c, nil, readError(errors.Join(errDamaged, err))
	}
	// Only at the end is it known that nothing was cut off or put behind it.
	if n, err := io.Copy(io.Discard, io.LimitReader(r, 1)); err != nil || n > 0 {
		return c, nil, readError(errors.Join(errDamaged, err))
	}
	return c, small, nil
}

// next goes on to the entry with the name and size; a size of -1 is any that fits
// the contents. Links, sparse files and other kinds of tar are refused.
func next(t *tar.Reader, name string, size int64) (io.Reader, error) {
	h, err := t.Next()
	if err == io.EOF {
		return nil, io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	if h.Format != tar.FormatUSTAR || h.Typeflag != tar.TypeReg || h.Name != name || size >= 0 && h.Size != size || size < 0 && h.Size > maxContents {
		return nil, fmt.Errorf("%w: there is an entry %q of %d bytes", errDamaged, h.Name, h.Size)
	}
	return t, nil
}

// save writes a new file that only its owner can read.
func save(path string, r io.Reader) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return &diskError{err}
	}
	if _, err := io.Copy(onDisk{f}, r); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// diskError is an error of the disk that is written to, as opposed to one of the
// backup that is read.
type diskError struct{ error }

func (e *diskError) Unwrap() error { return e.error }

type onDisk struct{ io.Writer }

func (w onDisk) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		err = &diskError{err}
	}
	return n, err
}

// firstError judges an error in the first bytes of an archive, where a file that
// is something else shows.
func firstError(err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, errDamaged) {
		return fmt.Errorf("%w: %w", errForeign, err)
	}
	return readError(err)
}

// readError says what an error of reading means for the backup.
func readError(err error) error {
	switch {
	case errors.As(err, new(*diskError)), errors.As(err, new(*fs.PathError)):
		return err
	case errors.Is(err, errForeign), errors.Is(err, errDamaged), errors.Is(err, errNewer):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("%w: %w", errTruncated, err)
	default:
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
}

// check unpacks an archive into the folder and opens the ledger in it.
func check(ctx context.Context, r io.Reader, folder string) (Contents, map[string][]byte, error) {
	path := filepath.Join(folder, ledgerName)
	c, small, err := unpack(r, path)
	if err != nil {
		return c, nil, err
	}
	ledger, err := sqlstore.Inspect(ctx, path)
	switch {
	case errors.Is(err, sqlstore.ErrNewer):
		return c, nil, fmt.Errorf("%w: %w", errNewer, err)
	case err != nil:
		return c, nil, fmt.Errorf("%w: %w", errDamaged, err)
	case ledger != sqlstore.Contents{Schema: c.Schema, Checks: c.Checks, Answers: c.Answers}:
		return c, nil, fmt.Errorf("%w: its ledger holds %+v", errDamaged, ledger)
	}
	return c, small, nil
}
