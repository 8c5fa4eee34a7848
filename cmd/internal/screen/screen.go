// Package screen draws a check on a terminal, in place: how far each channel
// has come, and where everybody stands.
//
// [Draw] is the picture, as lines. A [Screen] puts it on the terminal, always
// from the upper left corner, so that neither a window that changes its size nor
// somebody who types meanwhile can bring it out of place.
//
// There is nothing to restore at the end. Each picture is written at once, with
// everything that it switches off switched on again, and leaves the cursor
// visible on the line below: whatever ends the program, what comes next stands
// under the last picture.
package screen

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Screen is a terminal that is drawn on.
type Screen struct {
	out    *os.File
	colour bool
	last   string // the picture that stands there
}

// Open returns the screen that the output is; ok is false when the output is no
// terminal, or one that cannot place its cursor (TERM=dumb). The environment
// says so, and whether it is drawn in colour: not when NO_COLOR is set.
func Open(out io.Writer, environ []string) (s *Screen, ok bool) {
	f, isFile := out.(*os.File)
	kind := lookup(environ, "TERM")
	if !isFile || !term.IsTerminal(int(f.Fd())) || kind == "" || kind == "dumb" {
		return nil, false
	}
	return &Screen{out: f, colour: lookup(environ, "NO_COLOR") == ""}, true
}

// lookup is the value of a variable; the last one counts.
func lookup(environ []string, name string) (value string) {
	for _, variable := range environ {
		if v, ok := strings.CutPrefix(variable, name+"="); ok {
			value = v
		}
	}
	return value
}

// What is written around a picture. Lines never wrap, although terminals differ
// on how wide some pictures are.
const (
	begin = "\x1b[?25l\x1b[?7l\x1b[H" // no cursor, no wrapping, to the corner
	empty = "\x1b[2K"                 // clears the line
	end   = "\x1b[J\x1b[?7h\x1b[?25h" // clears what is below; wrapping, cursor
)

// Show draws the view, unless it stands there already. What was on the terminal
// before moves up.
func (s *Screen) Show(v View) error {
	width, height, err := term.GetSize(int(s.out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		width, height = 80, 24
	}
	var picture strings.Builder
	picture.WriteString(begin)
	// The last line is for the cursor.
	for _, l := range Draw(v, width, max(height-1, 1), s.colour) {
		picture.WriteString(empty + l + "\r\n")
	}
	picture.WriteString(end)
	next := fmt.Sprint(width, height, picture.String())
	if next == s.last {
		return nil
	}
	before := ""
	if s.last == "" {
		before = strings.Repeat("\n", height-1)
	}
	s.last = next
	_, err = io.WriteString(s.out, before+picture.String())
	return err
}

// Leave clears the line of the cursor, where ctrl-C has left its mark: the next
// line that is printed stands there, below the last picture.
func (s *Screen) Leave() error {
	_, err := io.WriteString(s.out, "\r"+empty)
	return err
}
