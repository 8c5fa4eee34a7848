package storetest

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// mount makes the disk, or makes it another one.
func (d *Disk) mount(again, readOnly bool) error {
	var flags uintptr
	if again {
		flags |= unix.MS_REMOUNT
	}
	if readOnly {
		flags |= unix.MS_RDONLY
	}
	return unix.Mount("tmpfs", d.Path, "tmpfs", flags, "size="+strconv.Itoa(d.Size))
}

// Unmount takes it away, with all that is on it.
func (d *Disk) Unmount() error { return unix.Unmount(d.Path, unix.MNT_DETACH) }
