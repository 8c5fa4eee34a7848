package letter

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// plainText makes text of HTML. What is quoted in it gets a ">" before each
// line, as in a text that was written without HTML. The parts that a browser
// does not show are left out.
func plainText(page string) string {
	w := &rendering{}
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			// An entity can stand for anything.
			return clean(w.b.String())
		case html.TextToken:
			w.text(string(z.Text()))
		case html.StartTagToken, html.SelfClosingTagToken:
			w.open(z)
		case html.EndTagToken:
			name, _ := z.TagName()
			w.end(atom.Lookup(name))
		}
	}
}

// rendering is a page being made text.
type rendering struct {
	b       strings.Builder
	quotes  int // blockquotes that are open
	hidden  atom.Atom
	begun   bool // something stands on the line
	blank   bool // the line ends with a blank
	verbose bool // inside <pre>
}

func (w *rendering) text(s string) {
	if w.hidden != 0 {
		return
	}
	for _, r := range s {
		if r == '\u00a0' {
			r = ' '
		}
		if w.verbose && r == '\n' {
			w.newline()
			continue
		}
		if r == ' ' || r == '\n' || r == '\t' || r == '\r' || r == '\f' {
			if w.begun && !w.blank {
				w.b.WriteByte(' ')
			}
			w.blank = true
			continue
		}
		if !w.begun && w.quotes > 0 {
			w.b.WriteString("> ")
		}
		w.b.WriteRune(r)
		w.begun, w.blank = true, false
	}
}

func (w *rendering) newline() {
	w.b.WriteByte('\n')
	w.begun, w.blank = false, false
}

// block begins a new line where none has begun.
func (w *rendering) block() {
	if w.begun {
		w.newline()
	}
}

var idName = []byte("id")

func (w *rendering) open(z *html.Tokenizer) {
	name, more := z.TagName()
	tag := atom.Lookup(name)
	if w.hidden != 0 {
		return
	}
	switch tag {
	case atom.Head, atom.Style, atom.Script, atom.Title, atom.Template:
		w.hidden = tag
	case atom.Br:
		w.newline()
	case atom.Blockquote:
		w.block()
		w.quotes++
	case atom.Pre:
		w.block()
		w.verbose = true
	case atom.Hr:
		w.block()
	case atom.Img:
		// Carriers send their little pictures so.
		for more {
			var key, value []byte
			key, value, more = z.TagAttr()
			if bytes.Equal(key, []byte("alt")) && len(value) > 0 && len(value) <= 20 {
				w.text(string(value))
			}
		}
	case atom.Div, atom.P, atom.Li, atom.Ul, atom.Ol, atom.Tr, atom.Table, atom.H1, atom.H2, atom.H3, atom.Body:
		w.block()
		for more {
			var key, value []byte
			key, value, more = z.TagAttr()
			// Outlook introduces what it quotes with a block of this name.
			if bytes.Equal(key, idName) && bytes.HasSuffix(value, []byte("divRplyFwdMsg")) {
				w.text(outlookLine)
				w.newline()
			}
		}
	}
}

func (w *rendering) end(tag atom.Atom) {
	if w.hidden != 0 {
		if tag == w.hidden {
			w.hidden = 0
		}
		return
	}
	switch tag {
	case atom.Blockquote:
		w.block()
		w.quotes = max(w.quotes-1, 0)
	case atom.Pre:
		w.block()
		w.verbose = false
	case atom.Div, atom.P, atom.Li, atom.Tr, atom.Table, atom.H1, atom.H2, atom.H3:
		w.block()
	}
}
