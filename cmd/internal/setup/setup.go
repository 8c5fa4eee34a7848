// Package setup leads from nothing to a first drill: it asks, one thing at a
// time, for what Anpi must know, tries each answer out at once, and writes the
// configuration at the very end.
//
// Nothing is changed before that: who stops half way finds everything as it was,
// also the list of devices of the account. [Run] may be repeated at any time;
// the answers so far are then the defaults, and what is not asked about stays in
// the file as it stands.
package setup

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/ask"
	"github.com/anpi-bot/anpi/cmd/internal/config"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
)

// Options say where the configuration is, and who is asked.
type Options struct {
	// Path is that of the configuration.
	Path    string
	Environ []string
	Ask     *ask.Asker
	// Speak is the language for whoever runs it; empty means that of the family.
	Speak string
	// Transport carries the requests to Nextcloud; nil means the network.
	Transport http.RoundTripper
	// DialMail and DialInbox connect to the mail servers; nil means the network.
	DialMail, DialInbox func(ctx context.Context, network, address string) (net.Conn, error)
}

// Names are the questions in their order: the names of the flags, and of the
// entries in a file of answers. The text of each is setup.ask_ and its name.
var Names = []string{
	"language", "timezone", "url", "login", "user", "password-file", "books", "exclude", "organisers", "room", "add-members", "contact",
	"mail-host", "mail-security", "mail-port", "mail-from", "mail-user", "mail-password-file", "mail-test",
	"inbox-host", "inbox-security", "inbox-port", "drill", "write", "test-to",
}

// Path is where the configuration is written that nobody named a place for: where
// it is read from if it is there, else in /etc for root and here for others.
func Path() string {
	path := config.DefaultPath()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && os.Getuid() != 0 {
		return "anpi.toml"
	}
	return path
}

// session is one run.
type session struct {
	Options
	*ask.Asker

	text  string              // of the configuration so far; empty when there is none
	was   map[string]string   // what stands in it
	lists map[string][]string // and the lists there

	lang     string // of the family
	zone     *time.Location
	url      string
	user     string
	password talkapi.Secret
	client   *talkapi.Client
	me       talkapi.User
	fresh    bool // the app password was made in this run

	books   []string // as in the configuration
	members roster.Roster
	room    room
	mail    *mailAccount // nil for none

	settings []config.Setting
	drop     []string // tables that go
	secrets  []secretFile
}

// Run asks and writes. The errors are for a person to read.
func Run(ctx context.Context, o Options) (err error) {
	s := &session{Options: o, Asker: o.Ask}
	if err := s.read(); err != nil {
		return err
	}
	defer func() {
		if err != nil && s.fresh {
			// Nobody will use it any more, so it does not stay in the account's list
			// of devices. If this fails it is only untidy.
			tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			_ = s.client.RevokeAppPassword(tidy)
		}
	}()
	for _, step := range []func(context.Context) error{
		s.askLanguage, s.askZone, s.askNextcloud, s.checkTalk, s.askBooks, s.askMembers, s.askRoom, s.askContact,
		s.askMail, s.askInbox, s.askDrill, s.askWrite, s.prepareRoom,
	} {
		if err := step(ctx); err != nil {
			return s.stopped(err)
		}
	}
	if err := s.write(); err != nil {
		return err
	}
	s.fresh = false
	s.Say("setup.written", locale.Data{"Path": s.Path})
	if err := s.askTest(ctx); err != nil && !errors.Is(err, ask.ErrStopped) {
		return err
	}
	s.Say("setup.next")
	return nil
}

// stopped words the end of somebody who did not want to go on.
func (s *session) stopped(err error) error {
	if errors.Is(err, ask.ErrStopped) || errors.Is(err, context.Canceled) {
		return &locale.Problem{Key: "setup.stopped", Err: err}
	}
	return err
}

// read takes in the configuration that is there.
func (s *session) read() error {
	text, err := os.ReadFile(s.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &locale.Problem{Key: "config.unreadable", Data: locale.Data{"Path": s.Path, "Detail": errors.Unwrap(err)}, Err: err}
	}
	s.text = string(text)
	s.was, s.lists, err = config.Written(s.Path, s.text)
	return err
}

// set notes a setting; an empty value takes it away. The last word counts.
func (s *session) set(key, value string) {
	s.forget(key)
	if s.was[key] == value {
		return
	}
	var v any
	if value != "" {
		v = value
	}
	s.settings = append(s.settings, config.Setting{Key: key, Value: v})
}

func (s *session) setList(key string, list []string) {
	if strings.Join(s.lists[key], "\n") == strings.Join(list, "\n") && (s.lists[key] == nil) == (list == nil) {
		return
	}
	var v any
	if len(list) > 0 {
		v = list
	}
	s.settings = append(s.settings, config.Setting{Key: key, Value: v})
}

func (s *session) setNumber(key string, n int) {
	s.forget(key)
	s.settings = append(s.settings, config.Setting{Key: key, Value: n})
}

func (s *session) forget(key string) {
	s.settings = slices.DeleteFunc(s.settings, func(x config.Setting) bool { return x.Key == key })
}

// beside is a path as seen from the folder of the configuration.
func (s *session) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(s.Path), path)
}

func (s *session) askLanguage(ctx context.Context) error {
	otherwise := s.was["language"]
	if otherwise == "" {
		otherwise = s.Texts.Lang
	}
	lang, err := s.Text(ctx, ask.Question{Name: "language", Key: "setup.ask_language", Default: otherwise, Check: ask.Pick(locale.Languages, false, false)})
	if err != nil {
		return err
	}
	s.lang = lang
	s.Texts = locale.For(cmp.Or(s.Speak, lang), time.Local)
	s.set("language", lang)
	return nil
}

func (s *session) askZone(ctx context.Context) error {
	otherwise := s.was["timezone"]
	if otherwise == "" {
		otherwise = guessZone(s.Environ)
	}
	zone, err := s.Text(ctx, ask.Question{Name: "timezone", Key: "setup.ask_timezone", Default: otherwise, Check: func(name string) (string, error) {
		if !config.IsZone(name) {
			return "", &locale.Problem{Key: "setup.bad_zone", Data: locale.Data{"Word": locale.OneLine(name, 100)}}
		}
		return name, nil
	}})
	if err != nil {
		return err
	}
	if s.zone, err = time.LoadLocation(zone); err != nil {
		return err
	}
	s.Texts = locale.For(s.Texts.Lang, s.zone)
	s.set("timezone", zone)
	return nil
}

func (s *session) askContact(ctx context.Context) error {
	contact, err := s.Text(ctx, ask.Question{Name: "contact", Key: "setup.ask_contact", Default: s.was["contact"], Optional: true})
	s.set("contact", locale.OneLine(contact, 200))
	return err
}
