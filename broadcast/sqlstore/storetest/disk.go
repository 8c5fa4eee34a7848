package storetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Disk is a small disk of its own, in memory. Only root on Linux can make one.
type Disk struct {
	// Path is the folder where it is.
	Path string
	// Size is how much it holds, in bytes.
	Size int
}

// NewDisk makes an empty disk for the test, which is skipped where it cannot.
func NewDisk(t testing.TB) *Disk {
	t.Helper()
	d, err := MountDisk(t.TempDir())
	if errors.Is(err, unix.EPERM) || errors.Is(err, errors.ErrUnsupported) {
		t.Skip("nobody may make a small disk here, to fill it")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Unmount() })
	return d
}

// MountDisk makes an empty disk in a folder that exists.
func MountDisk(path string) (*Disk, error) {
	d := &Disk{Path: path, Size: 4 << 20}
	if err := d.mount(false, false); err != nil {
		return nil, fmt.Errorf("make a disk: %w", err)
	}
	return d, nil
}

// Fill leaves no room on it.
func (d *Disk) Fill() error {
	f, err := os.Create(d.ballast())
	if err != nil {
		return err
	}
	defer f.Close()
	for page := make([]byte, 4096); ; {
		if _, err := f.Write(page); errors.Is(err, unix.ENOSPC) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// MakeRoom undoes Fill.
func (d *Disk) MakeRoom() error { return os.Remove(d.ballast()) }

func (d *Disk) ballast() string { return filepath.Join(d.Path, "ballast") }

// ReadOnly makes it refuse everything, or take it again. It cannot while a file
// on it is open for writing.
func (d *Disk) ReadOnly(on bool) error { return d.mount(true, on) }
