package cli_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/broadcast/sqlstore/storetest"
	"github.com/anpi-bot/anpi/cmd/internal/cli"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

func TestMain(m *testing.M) {
	// The scripts wait more than they work.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	testscript.Main(m, map[string]func(){
		"anpi":      func() { os.Exit(cli.Main(cli.Anpi)) },
		"broadcast": func() { os.Exit(cli.Main(cli.Broadcast)) },
	})
}

// TestScripts types what a person types. Every script has a household of its
// own, with its configuration in anpi.toml, what that needs in $NEXTCLOUD,
// $PASSWORD and $SMTP_PORT, and the administrator's password in admin-password.
// Beside the usual commands it knows:
//
//	exits STATUS PROGRAM ARGS   run the program; it must exit so
//	start NAME PROGRAM ARGS     run it beside the script
//	terminal NAME COLUMNS ROWS PROGRAM ARGS
//	                            the same on a terminal, whose screen await sees
//	resize NAME COLUMNS ROWS    the window of the terminal changes its size
//	press NAME KEYS             somebody types; ^C is ctrl-C
//	signal NAME [SIGNAL]        tell it to stop: INT (default), TERM or KILL
//	ends NAME STATUS            wait until it has ended so
//	await [-count=N] AT REGEXP  wait until it stands there (N times); AT is room,
//	                            mails, a person, or the name of a program
//	recorded                    wait until it is known of all that was sent what came of it:
//	                            after a kill in that moment it would take a minute and more
//	later DURATION              so much time has passed since the check began
//	never AT REGEXP             it must not stand there now
//	say WHO TEXT                somebody writes in the family room
//	tap WHO EMOJI               somebody taps under the newest prompt
//	nextcloud STATE             works, maintenance, down, hangs, or page (something else)
//	mail STATE                  works or refuses
//	revoke                      the app password is taken back
//	leave                       Anpi leaves the family room
//	gone WHO…                   accounts vanish from the address book
//	set REGEXP TEXT             change the configuration
//	disk STATE                  that of the data folder is full, roomy, read-only or works;
//	                            new makes one, which only root can
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			h, err := newHousehold()
			if err != nil {
				return err
			}
			s := &script{household: h, programs: map[string]*program{}}
			e.Defer(s.close)
			e.Values["script"] = s
			e.Vars = append(e.Vars, "LANG=en_US.UTF-8", "NEXTCLOUD="+h.url, "PASSWORD="+h.password(), "SMTP_PORT="+strconv.Itoa(h.smtp.Port), "STATE_DIRECTORY="+filepath.Join(e.WorkDir, "state"))
			if err := os.WriteFile(filepath.Join(e.WorkDir, "admin-password"), []byte(h.people["admin"].AccountPassword()), 0o600); err != nil {
				return err
			}
			return h.configure(e.WorkDir, `language = "en"`, `timezone = "UTC"`)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "start": startProgram, "terminal": terminal, "resize": resize, "press": press, "signal": signal, "ends": ends, "await": awaitText, "never": never,
			"say": say, "tap": tap, "nextcloud": nextcloud, "mail": mailServer, "revoke": revoke, "leave": leave, "gone": gone, "set": set, "disk": disk, "recorded": recorded, "later": later,
		},
		Condition: func(name string) (bool, error) {
			if name != "disk" {
				return false, fmt.Errorf("there is no condition %q", name)
			}
			return canMakeDisks(), nil
		},
	})
}

// script is what one script plays with.
type script struct {
	*household
	programs map[string]*program
	disk     *storetest.Disk
}

func (s *script) close() {
	for _, p := range s.programs {
		p.kill()
	}
	if s.disk != nil {
		_ = s.disk.Unmount()
	}
	s.stop()
}

// of returns the script, after a look at how it used the command.
func of(ts *testscript.TestScript, neg bool, args []string, atLeast int) *script {
	if neg || len(args) < atLeast {
		ts.Fatalf("that is not how this command is used: %q", args)
	}
	return ts.Value("script").(*script)
}

// clean fails the script when an output gives a secret away.
func (s *script) clean(ts *testscript.TestScript, output string) {
	for _, secret := range []string{s.password(), s.room, s.people["admin"].AccountPassword()} {
		if strings.Contains(output, secret) {
			ts.Fatalf("there is a secret in the output:\n%s", output)
		}
	}
}

// settings are the variables by which scripts set something.
var settings = []string{
	"ANPI_LANGUAGE", "ANPI_TIMEZONE", "ANPI_MINUTE", "ANPI_DATA", "ANPI_NEXTCLOUD_URL", "ANPI_NEXTCLOUD_USER", "ANPI_NEXTCLOUD_PASSWORD", "ANPI_NEXTCLOUD_ROOM",
	"ANPI_ROSTER_BOOKS", "ANPI_MAIL_FROM", "ANPI_MAIL_HOST", "ANPI_MAIL_PORT", "ANPI_MAIL_SECURITY",
}

// environ is the environment of the script, which it may have changed.
func environ(ts *testscript.TestScript) []string {
	var all []string
	for _, name := range append([]string{"PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "STATE_DIRECTORY", "ANPI_HEALTH_LISTEN", "ANPI_DOCTOR_EVERY", "TERM", "NO_COLOR"}, settings...) {
		if value := ts.Getenv(name); value != "" {
			all = append(all, name+"="+value)
		}
	}
	return all
}

func (s *script) start(ts *testscript.TestScript, name string, args []string) *program {
	p, err := start(ts.MkAbs("."), environ(ts), args[0], args[1:]...)
	ts.Check(err)
	s.programs[name] = p
	return p
}

// finish waits for the end of a program, and shows what it has printed to the
// commands stdout and stderr, as one.
func (s *script) finish(ts *testscript.TestScript, p *program, want string) {
	status, err := p.end()
	printed := p.printed()
	ts.Stdout().Write([]byte(printed))
	ts.Check(err)
	s.clean(ts, printed)
	if strconv.Itoa(status) != want {
		ts.Fatalf("the exit status is %d, want %s:\n%s", status, want, printed)
	}
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 2)
	s.finish(ts, s.start(ts, "exits", args[1:]), args[0])
}

func startProgram(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 2)
	s.start(ts, args[0], args[1:])
}

func terminal(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 4)
	columns, rows := size(ts, args[1:])
	p, err := startOn(columns, rows, ts.MkAbs("."), environ(ts), args[3], args[4:]...)
	ts.Check(err)
	s.programs[args[0]] = p
}

func resize(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 3)
	ts.Check(s.programs[args[0]].terminal.Resize(size(ts, args[1:])))
}

func size(ts *testscript.TestScript, args []string) (columns, rows int) {
	columns, err := strconv.Atoi(args[0])
	ts.Check(err)
	rows, err = strconv.Atoi(args[1])
	ts.Check(err)
	return columns, rows
}

func press(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 2)
	ts.Check(s.programs[args[0]].terminal.Type(strings.ReplaceAll(args[1], "^C", "\x03")))
}

func signal(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 1)
	sig := syscall.SIGINT
	switch {
	case slices.Contains(args[1:], "TERM"):
		sig = syscall.SIGTERM
	case slices.Contains(args[1:], "KILL"):
		sig = syscall.SIGKILL
	}
	ts.Check(s.programs[args[0]].cmd.Process.Signal(sig))
}

func ends(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 2)
	s.finish(ts, s.programs[args[0]], args[1])
}

func (s *script) see(at string) string {
	if p := s.programs[at]; p != nil {
		return p.printed()
	}
	return s.look(at)
}

func awaitText(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 2)
	count := 0
	if n, ok := strings.CutPrefix(args[0], "-count="); ok {
		var err error
		count, err = strconv.Atoi(n)
		ts.Check(err)
		args = args[1:]
	}
	pattern := regexp.MustCompile("(?m)" + args[1])
	there := func() bool {
		n := len(pattern.FindAllString(s.see(args[0]), -1))
		return n > 0 && (n == count || count == 0)
	}
	if !await(there) {
		ts.Fatalf("%s has no %q (%d times):\n%s", args[0], args[1], count, s.see(args[0]))
	}
	s.clean(ts, s.see(args[0]))
	ts.Stdout().Write([]byte(s.see(args[0])))
}

func recorded(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 0)
	var printed string
	if !await(func() bool {
		p := s.start(ts, "outbox", []string{"broadcast", "outbox", "--json"})
		_, err := p.end()
		printed = p.printed()
		return err == nil && !strings.Contains(printed, `"sending"`) && !strings.Contains(printed, `"due"`)
	}) {
		ts.Fatalf("something is not recorded:\n%s", printed)
	}
}

// later is what a clock does that is set back: all that waits is due earlier.
func later(ts *testscript.TestScript, neg bool, args []string) {
	of(ts, neg, args, 1)
	passed, err := time.ParseDuration(args[0])
	ts.Check(err)
	path := ts.MkAbs("data/anpi.db")
	store, err := sqlstore.Open(context.Background(), path)
	ts.Check(err)
	_, err = store.Commit(context.Background(), broadcast.Change{Now: time.Now(), ClockJump: -passed})
	ts.Check(errors.Join(err, store.Close()))
	sqlstore.Poke(path) // nobody may run
}

func never(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 2)
	if text := s.see(args[0]); regexp.MustCompile("(?m)" + args[1]).MatchString(text) {
		ts.Fatalf("%s has %q:\n%s", args[0], args[1], text)
	}
}

func say(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 2)
	s.people[args[0]].Say(s.room, args[1])
}

func tap(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 2)
	if !await(func() bool { return s.prompt() != 0 }) {
		ts.Fatalf("there is no prompt to tap under:\n%s", s.look("room"))
	}
	s.people[args[0]].React(s.room, s.prompt(), args[1])
}

func nextcloud(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 1)
	s.talk.SetMaintenance(args[0] == "maintenance")
	s.dav.SetMaintenance(args[0] == "maintenance")
	s.talk.SetDown(args[0] == "down")
	s.page.Store(args[0] == "page")
	s.talk.Fault(nil)
	if args[0] == "hangs" {
		s.talk.Fault(func(r *http.Request) *talktest.Fault { return &talktest.Fault{Hold: r.Context().Done()} })
	}
}

func mailServer(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 1)
	s.mail.Mend()
	if args[0] == "refuses" {
		s.mail.Refuse()
	}
}

func revoke(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 0)
	s.people["anpi"].RevokeAppPasswords()
	s.dav.SetPassword("another")
}

func leave(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 0)
	s.talk.RemoveMember(s.room, "anpi")
}

func gone(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 1)
	for _, who := range args {
		s.dav.RemoveAccount(who)
	}
}

// canMakeDisks reports whether a small disk can be made here: by root, where root
// may do that.
var canMakeDisks = sync.OnceValue(func() bool {
	dir, err := os.MkdirTemp("", "anpi-disk-*")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	d, err := storetest.MountDisk(dir)
	if err != nil {
		return false
	}
	return d.Unmount() == nil
})

func disk(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts, neg, args, 1)
	var err error
	switch args[0] {
	case "new":
		ts.Check(os.Mkdir(ts.MkAbs("data"), 0o700))
		s.disk, err = storetest.MountDisk(ts.MkAbs("data"))
	case "full":
		err = s.disk.Fill()
	case "roomy":
		err = s.disk.MakeRoom()
	case "read-only":
		err = s.disk.ReadOnly(true)
	case "works":
		err = s.disk.ReadOnly(false)
	default:
		ts.Fatalf("a disk is not %s", args[0])
	}
	ts.Check(err)
}

func set(ts *testscript.TestScript, neg bool, args []string) {
	of(ts, neg, args, 2)
	path := ts.MkAbs("anpi.toml")
	text, err := os.ReadFile(path)
	ts.Check(err)
	pattern := regexp.MustCompile("(?m)" + args[0])
	if !pattern.Match(text) {
		ts.Fatalf("the configuration has no %q", args[0])
	}
	ts.Check(os.WriteFile(path, pattern.ReplaceAll(text, []byte(args[1])), 0o600))
}
