// Package screentest is a terminal for tests: a real pseudo-terminal, and
// somebody who looks at what is drawn on it. It understands only what package
// screen writes; anything else shows on it as a mistake.
package screentest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"
	"github.com/mattn/go-runewidth"
)

// Terminal is a pseudo-terminal and what stands on its screen.
type Terminal struct {
	// File is what a program takes for its terminal.
	File *os.File
	pty  *os.File

	mu       sync.Mutex
	cells    [][]string // rows of columns; a wide letter leaves the next cell empty
	row, col int
	hidden   bool // the cursor
	pictures int  // that are complete: the cursor comes back last
	noWrap   bool
	pending  string // a sequence or letter of which the rest has not come yet
	marks    int    // that Settle wrote and that have been read
	done     chan struct{}
}

// wide measures as package screen does, whatever the environment says.
var wide = &runewidth.Condition{}

// New opens a terminal of so many columns and rows.
func New(columns, rows int) (*Terminal, error) {
	master, file, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	t := &Terminal{File: file, pty: master, done: make(chan struct{})}
	if err := t.Resize(columns, rows); err != nil {
		return nil, err
	}
	go t.read()
	return t, nil
}

// Close closes the terminal.
func (t *Terminal) Close() {
	t.File.Close()
	t.pty.Close()
	<-t.done
}

// Start starts the program on the terminal, as a shell would.
func (t *Terminal) Start(c *exec.Cmd) error {
	c.Stdin, c.Stdout, c.Stderr = t.File, t.File, t.File
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	return c.Start()
}

// Type types on the keyboard; "\x03" is ctrl-C.
func (t *Terminal) Type(keys string) error {
	_, err := io.WriteString(t.pty, keys)
	return err
}

// Resize changes the size of the window. What does not fit is lost.
func (t *Terminal) Resize(columns, rows int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	cells := make([][]string, rows)
	for i := range cells {
		cells[i] = make([]string, columns)
		if i < len(t.cells) {
			copy(cells[i], t.cells[i])
		}
	}
	t.cells = cells
	t.row, t.col = min(t.row, rows-1), min(t.col, columns-1)
	return pty.Setsize(t.pty, &pty.Winsize{Rows: uint16(rows), Cols: uint16(columns)})
}

// Text is what stands on the screen, without blanks at the ends of lines and
// without empty lines at the end.
func (t *Terminal) Text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for _, row := range t.cells {
		before := false
		for _, cell := range row {
			switch {
			case cell != "":
				b.WriteString(cell)
			case !before:
				b.WriteByte(' ')
			}
			before = wide.StringWidth(cell) > 1
		}
		b.WriteByte('\n')
	}
	lines := strings.Split(b.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
}

// Settle waits until all that was written so far stands on the screen. Nobody may
// write meanwhile but programs that have ended.
func (t *Terminal) Settle() {
	t.mu.Lock()
	before := t.marks
	t.mu.Unlock()
	if _, err := io.WriteString(t.File, mark); err != nil {
		return // it is closed: nothing more comes
	}
	for seen := before; seen == before; time.Sleep(time.Millisecond) {
		select {
		case <-t.done:
			return
		default:
		}
		t.mu.Lock()
		seen = t.marks
		t.mu.Unlock()
	}
}

// mark is a letter that no program writes.
const mark = "\x00"

// Pictures is how many pictures have been drawn to their end.
func (t *Terminal) Pictures() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.pictures
}

// Cursor tells in which row the cursor is, from 0, and whether it can be seen.
func (t *Terminal) Cursor() (row int, visible bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.row, !t.hidden
}

func (t *Terminal) read() {
	defer close(t.done)
	for buf := make([]byte, 4096); ; {
		n, err := t.pty.Read(buf)
		t.mu.Lock()
		t.write(t.pending + string(buf[:n]))
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

var sequence = regexp.MustCompile(`^\x1b\[(\??[0-9;]*)([A-Za-z])`)

func (t *Terminal) write(text string) {
	for text != "" {
		if m := sequence.FindStringSubmatch(text); m != nil {
			t.control(m[1] + m[2])
			text = text[len(m[0]):]
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		if r == '\x1b' && len(text) < 16 || !utf8.FullRuneInString(text) {
			break
		}
		if string(r) == mark {
			t.marks++
		} else {
			t.put(r)
		}
		text = text[size:]
	}
	t.pending = text
}

func (t *Terminal) control(sequence string) {
	switch {
	case sequence == "H":
		t.row, t.col = 0, 0
	case sequence == "2K":
		clear(t.cells[t.row])
	case sequence == "J":
		clear(t.cells[t.row][t.col:])
		for _, row := range t.cells[t.row+1:] {
			clear(row)
		}
	case sequence == "?25h", sequence == "?25l":
		t.hidden = sequence == "?25l"
		if !t.hidden {
			t.pictures++
		}
	case sequence == "?7h", sequence == "?7l":
		t.noWrap = sequence == "?7l"
	case strings.HasSuffix(sequence, "m"):
	default:
		for _, r := range "‹unknown sequence " + sequence + "›" {
			t.put(r)
		}
	}
}

func (t *Terminal) put(r rune) {
	width := wide.RuneWidth(r)
	columns := len(t.cells[0])
	switch {
	case r == '\r':
		t.col = 0
		return
	case r == '\n':
		t.feed()
		return
	case width == 0:
		return
	case t.col+width > columns && t.noWrap:
		t.col = columns - width
	case t.col+width > columns:
		t.col = 0
		t.feed()
	}
	t.cells[t.row][t.col] = string(r)
	for i := 1; i < width; i++ {
		t.cells[t.row][t.col+i] = ""
	}
	t.col += width
}

// feed goes to the next line; below the last one everything moves up.
func (t *Terminal) feed() {
	if t.row < len(t.cells)-1 {
		t.row++
		return
	}
	t.cells = append(t.cells[1:], make([]string, len(t.cells[0])))
}
