package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/mattn/go-runewidth"

	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// screen shows the family room, the one-to-one chats and the mail as they
// happen, on one terminal.
type screen struct {
	out   io.Writer
	t     *locale.Texts
	house *house

	events chan func()
	done   sync.WaitGroup
	shown  map[int64]string // what was last shown of a message
}

// nameWidth is how wide the column of names is, in columns of the terminal.
const nameWidth = 18

func newScreen(out io.Writer, t *locale.Texts, h *house) *screen {
	s := &screen{out: out, t: t, house: h, events: make(chan func(), 1000), shown: map[int64]string{}}
	s.done.Go(func() {
		for show := range s.events {
			show()
		}
	})
	h.talk.OnMessage(func(r talktest.Room, m talktest.Message) { s.events <- func() { s.message(r, m) } })
	h.mail.OnMail(func(m emailtest.Mail) { s.events <- func() { s.mail(m) } })
	return s
}

// close shows what is left to show.
func (s *screen) close() {
	s.house.talk.OnMessage(nil)
	s.house.mail.OnMail(nil)
	close(s.events)
	s.done.Wait()
}

func (s *screen) title(lines ...string) {
	s.events <- func() {
		for _, line := range lines {
			fmt.Fprintln(s.out, line)
		}
	}
}

// scene tells the audience what comes next.
func (s *screen) scene(text string) {
	s.events <- func() { fmt.Fprintf(s.out, "\n▶ %s\n", text) }
}

// message shows what happened in a chat.
func (s *screen) message(r talktest.Room, m talktest.Message) {
	who := m.ActorName
	if r.Direct {
		to := "Anpi"
		if m.Actor == "anpi" {
			to = s.house.partner(r)
		}
		who = s.t.T("demo.direct", locale.Data{"From": m.ActorName, "To": to})
	}
	switch {
	case m.System == "reaction" && m.Actor != "anpi":
		s.line("", s.t.T("demo.reacts", locale.Data{"Name": m.ActorName, "Emoji": m.Text}))
	case m.System == "message_edited":
		s.edited(r.Token, m.ReplyTo)
	case m.System != "":
	case m.Place != "":
		s.line(who, "📍 "+m.Place)
	default:
		s.shown[m.ID] = m.Text
		s.line(who, m.Text)
	}
}

// edited shows a message that was worded anew.
func (s *screen) edited(room string, id int64) {
	for _, m := range s.house.talk.Messages(room) {
		if m.ID == id && s.shown[id] != m.Text {
			s.shown[id] = m.Text
			s.line(m.ActorName+s.t.T("demo.edited"), m.Text)
		}
	}
}

func (s *screen) mail(m emailtest.Mail) {
	s.line(s.t.T("demo.mail"), s.t.T("demo.mail_to", locale.Data{"To": strings.Join(m.To, ", "), "Subject": m.Subject}))
	// The first mail is shown whole: it must be clear to Grandma.
	if strings.Contains(strings.Join(m.To, " "), "grandma") {
		s.line("", strings.TrimSpace(m.Body))
	}
}

// page shows what somebody does on the answer page.
func (s *screen) page(shows, pressed string) {
	s.events <- func() {
		s.line(s.t.T("demo.page"), shows)
		s.line("", pressed)
	}
}

// line prints a text beside the name of whoever said it.
func (s *screen) line(who, text string) {
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			who = ""
		}
		pad := max(nameWidth-runewidth.StringWidth(who), 0)
		fmt.Fprintf(s.out, "%s%s │ %s\n", strings.Repeat(" ", pad), who, strings.ReplaceAll(line, "\u2060", ""))
	}
}
