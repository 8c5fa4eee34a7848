package ask

import (
	"os"

	"golang.org/x/sys/unix"
)

// hide keeps the terminal from showing what is typed, until show is called. A
// terminal that cannot do so shows it.
func hide(f *os.File) (show func()) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return func() {}
	}
	silent := *before
	silent.Lflag &^= unix.ECHO
	_ = unix.IoctlSetTermios(fd, setTermios, &silent) // it is shown then
	return func() { _ = unix.IoctlSetTermios(fd, setTermios, before) }
}

// width is how many columns the terminal has. One that does not say has the
// usual eighty.
func width(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 {
		return 80
	}
	return int(size.Col)
}
