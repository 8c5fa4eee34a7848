package cli_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
	"github.com/anpi-bot/anpi/cmd/internal/screen/screentest"
	"github.com/anpi-bot/anpi/roster/rostertest"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// household is a family with its servers on the loopback interface: a Nextcloud
// with its people and their address book, and a mail server. Dad is the
// organiser; Uncle has nothing but mail.
type household struct {
	url  string
	talk *talktest.Server
	dav  *rostertest.Server
	mail *emailtest.Server
	smtp *net.TCPAddr
	room string

	people map[string]*talktest.User
	// page is set while something that is no Nextcloud answers.
	page atomic.Bool
	stop func()
}

func newHousehold() (*household, error) {
	h := &household{
		talk: talktest.NewServer(talktest.Options{}), mail: emailtest.NewServer(emailtest.Options{}),
		people: map[string]*talktest.User{},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h.url = "http://" + listener.Addr().String()
	if h.smtp, err = h.mail.Start(); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	// Long polls end with this context, or closing would wait for them.
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{Handler: h, BaseContext: func(net.Listener) context.Context { return ctx }}
	go server.Serve(listener)
	h.stop = func() {
		cancel()
		server.Close()
		h.mail.Close()
	}
	h.moveIn()
	return h, nil
}

// moveIn makes the accounts, the address books and the family room.
func (h *household) moveIn() {
	var all []*talktest.User
	for _, p := range []struct{ id, name, mail string }{
		{"anpi", "Anpi", ""}, {"dad", "Dad", "dad@example.net"}, {"mum", "Mum", "mum@example.net"},
		{"akari", "Akari", ""}, {"grandma", "Grandma", "grandma@docomo.example"},
	} {
		u := h.talk.AddUser(p.id, p.name, talktest.UserOptions{Email: p.mail})
		if p.id == "anpi" {
			h.dav = rostertest.New("anpi", u.AppPassword())
		}
		h.dav.AddAccount(p.id, p.name, p.mail)
		h.people[p.id] = u
		all = append(all, u)
	}
	h.people["admin"] = h.talk.AddUser("admin", "admin", talktest.UserOptions{Admin: true})
	h.dav.AddBook("family", "Family")
	h.dav.PutCard("family", "uncle", "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:uncle\r\nFN:Uncle\r\nEMAIL:uncle@example.org\r\nCATEGORIES:Far away\r\nEND:VCARD\r\n")
	h.room = h.talk.AddGroup("Family", all...)
	h.talk.AddGroup("Neighbours", h.people["anpi"], h.people["dad"])
}

// ServeHTTP is the one address of the Nextcloud: address books and the rest.
func (h *household) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case h.page.Load():
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!DOCTYPE html><title>Welcome to nginx!</title>")
	case strings.HasPrefix(r.URL.Path, "/remote.php/"), strings.HasPrefix(r.URL.Path, "/.well-known/"):
		h.dav.ServeHTTP(w, r)
	default:
		h.talk.ServeHTTP(w, r)
	}
}

// password is that of Anpi's account. It must stand in no output.
func (h *household) password() string { return h.people["anpi"].AppPassword() }

// configure writes a configuration and its password file into the folder. The
// lines come first in it.
func (h *household) configure(dir string, lines ...string) error {
	text := strings.Join(lines, "\n") + fmt.Sprintf(`
data = "data"
contact = "Dad 090-0000-0000"

[nextcloud]
url = %q
user = "anpi"
password_file = "password"
room = "Family"

[roster]
books = ["", "Family"]
organisers = ["dad"]

[mail]
from = "Anpi <anpi@example.org>"
host = %q
port = %d
security = "none"
`, h.url, h.smtp.IP.String(), h.smtp.Port)
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte(h.password()+"\n"), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "anpi.toml"), []byte(text), 0o600)
}

// wrote is what Anpi has written in a room, a message to a line.
func (h *household) wrote(room string) string {
	var b strings.Builder
	for _, m := range h.talk.Messages(room) {
		if m.Actor == "anpi" && m.System == "" && !m.Deleted {
			fmt.Fprintln(&b, strings.ReplaceAll(m.Text, "\n", " / "))
		}
	}
	return b.String()
}

// look shows what has happened: "room" is what Anpi wrote in the family room,
// "mails" are recipient and subject of each mail, and a name is what Anpi wrote
// to that person alone.
func (h *household) look(at string) string {
	switch at {
	case "room":
		return h.wrote(h.room)
	case "mails":
		var b strings.Builder
		for _, m := range h.mail.Mails() {
			fmt.Fprintf(&b, "%s: %s\n", strings.Join(m.To, ", "), m.Subject)
		}
		return b.String()
	default:
		room, ok := h.talk.DirectRoom("anpi", at)
		if !ok {
			return ""
		}
		return h.wrote(room)
	}
}

// prompt is the newest prompt in the family room; 0 when there is none.
func (h *household) prompt() int64 {
	var id int64
	for _, m := range h.talk.Messages(h.room) {
		if m.Actor == "anpi" && len(m.Reactions["✅"]) > 0 {
			id = m.ID
		}
	}
	return id
}

// program is a running anpi or broadcast. What it prints goes to a file, or to
// a terminal.
type program struct {
	cmd      *exec.Cmd
	output   string               // path
	terminal *screentest.Terminal // nil when it goes to the file
	ended    chan struct{}
}

// start starts a program in the folder.
func start(dir string, environ []string, name string, args ...string) (*program, error) {
	out, err := os.CreateTemp(dir, filepath.Base(name)+"-*.out")
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &program{cmd: exec.Command(name, args...), output: out.Name(), ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = dir, environ, out, out
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.wait()
	return p, nil
}

// startOn starts a program on a terminal of so many columns and rows.
func startOn(columns, rows int, dir string, environ []string, name string, args ...string) (*program, error) {
	terminal, err := screentest.New(columns, rows)
	if err != nil {
		return nil, err
	}
	p := &program{cmd: exec.Command(name, args...), terminal: terminal, ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = dir, environ
	if err := terminal.Start(p.cmd); err != nil {
		terminal.Close()
		return nil, err
	}
	p.wait()
	return p, nil
}

func (p *program) wait() {
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // its status is read from the process state
	}()
}

// printed is what the program has printed to its file, or what stands on its
// terminal now.
func (p *program) printed() string {
	if p.terminal != nil {
		return p.terminal.Text()
	}
	text, err := os.ReadFile(p.output)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// end waits until the program has ended, and returns its exit status; -1 when a
// signal ended it.
func (p *program) end() (int, error) {
	select {
	case <-p.ended:
		if p.terminal != nil {
			p.terminal.Settle()
		}
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(patience):
		return 0, fmt.Errorf("%s still runs after %s", p.cmd.Path, patience)
	}
}

// kill ends the program for good, however far it is.
func (p *program) kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.ended
	if p.terminal != nil {
		p.terminal.Close()
	}
}

// patience bounds every wait for something that happens in a moment. A machine
// may have much else to do.
const patience = time.Minute

// await waits until it is so, and reports whether it came to be.
func await(so func() bool) bool {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if so() {
			return true
		}
	}
	return so()
}
