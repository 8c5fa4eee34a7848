package doctor_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Disks that are small, full and read-only, for whoever may mount some.
func TestDisks(t *testing.T) {
	for _, c := range []struct {
		size, want string
		flags      uintptr
	}{
		{"1m", "bad disk: The disk is full: 1 MB", 0},
		{"200m", "advice disk: Only 200 MB are free", 0},
		{"1g", "bad disk: Nothing can be written", unix.MS_RDONLY},
		{"1g", "", 0},
	} {
		h := newHouse(t)
		h.o.Data = t.TempDir()
		if err := unix.Mount("none", h.o.Data, "tmpfs", c.flags, "size="+c.size); err != nil {
			t.Skipf("no disk can be mounted here: %v", err)
		}
		wrong, _ := h.look()
		if err := unix.Unmount(h.o.Data, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
		if got := strings.Join(wrong, "\n"); !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("on a disk of %s (flags %d):\n%s\nwant %s", c.size, c.flags, got, c.want)
		}
	}
}
