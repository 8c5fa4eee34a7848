package app

import (
	"bufio"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// tidyUp gives back the memory that only the start has needed: that of the heap,
// and the pages of the program itself. A small machine has better use for them;
// what is needed again is read again from the file.
func tidyUp() {
	debug.FreeOSMemory()
	program, err := os.Executable()
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		// 00400000-00c5e000 r-xp 00000000 fe:00 262345 /usr/bin/anpi
		f := strings.Fields(lines.Text())
		if len(f) < 6 || f[5] != program || strings.Contains(f[1], "w") {
			continue
		}
		begin, end, _ := strings.Cut(f[0], "-")
		from, err1 := strconv.ParseUint(begin, 16, 64)
		to, err2 := strconv.ParseUint(end, 16, 64)
		if err1 != nil || err2 != nil || from >= to {
			continue
		}
		// The pages are those of a file that is only read: dropping them loses
		// nothing. Where the kernel will not, they stay.
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(from), uintptr(to-from), uintptr(unix.MADV_DONTNEED))
	}
}
