package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox/inboxtest"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/ask"
	"github.com/anpi-bot/anpi/cmd/internal/config"
	"github.com/anpi-bot/anpi/roster/rostertest"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// house is a family with a Nextcloud and a mail account, and an empty folder.
type house struct {
	t    *testing.T
	talk *talktest.Server
	dav  *rostertest.Server
	mail *emailtest.Server
	imap *inboxtest.Server // nil for most
	anpi *talktest.User
	dir  string
	said strings.Builder // all that was printed in all runs
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, talk: talktest.NewServer(talktest.Options{}), dir: t.TempDir()}
	h.mail = emailtest.NewServer(emailtest.Options{Host: inboxtest.Host, Users: map[string]string{inboxtest.User: inboxtest.Password}})
	t.Cleanup(func() { h.mail.Close() })
	h.anpi = h.talk.AddUser("anpi", "Anpi", talktest.UserOptions{})
	h.talk.Welcome(h.anpi)
	h.dav = rostertest.New("anpi", h.anpi.AppPassword())
	h.dav.AddBook("z-app-generated--contactsinteraction--recent", "Recently contacted")
	for _, p := range []struct{ id, name, mail string }{{"admin", "admin", ""}, {"dad", "お父さん", "dad@example.net"}, {"grandma", "おばあちゃん", ""}, {"mum", "お母さん", "mum@example.net"}} {
		h.talk.AddUser(p.id, p.name, talktest.UserOptions{Email: p.mail})
		h.dav.AddAccount(p.id, p.name, p.mail)
	}
	h.dav.AddBook("family", "Family")
	h.dav.PutCard("family", "uncle", "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:uncle\r\nFN:ひろしおじさん\r\nEMAIL:uncle@example.org\r\nEND:VCARD\r\n")
	return h
}

func (h *house) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.Path, "/remote.php/") || strings.HasPrefix(r.URL.Path, "/.well-known/") {
		return h.dav.Transport().RoundTrip(r)
	}
	if name := r.Header.Get("User-Agent"); strings.HasSuffix(r.URL.Path, "/login/v2") && (!strings.HasPrefix(name, "Anpi") || strings.Contains(name, "http")) {
		h.t.Errorf("the person is asked to let %q in", name)
	}
	return h.talk.Transport().RoundTrip(r)
}

func (h *house) path() string { return filepath.Join(h.dir, "anpi.toml") }

func (h *house) config() string {
	text, err := os.ReadFile(h.path())
	if err != nil {
		h.t.Fatal(err)
	}
	return string(text)
}

// files are the names in the folder.
func (h *house) files() string {
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			h.t.Errorf("%s has the rights %v (%v)", e.Name(), info.Mode(), err)
		}
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// run runs the setup with somebody who answers; nil for nobody.
func (h *house) run(ctx context.Context, given map[string]string, p *person) (string, error) {
	var in io.Reader = strings.NewReader("")
	out := &screen{house: h}
	if p != nil {
		p.screen, in = out, p
	}
	var dialInbox func(context.Context, string, string) (net.Conn, error)
	if h.imap != nil {
		dialInbox = h.imap.Dial
	}
	if given["mail-security"] == "" {
		given = with(given, "mail-security", "none")
	}
	err := Run(ctx, Options{
		Path: h.path(), Environ: []string{"TZ=Europe/Berlin"}, Transport: h, DialMail: h.mail.Dial, DialInbox: dialInbox,
		Ask: ask.New(in, out, locale.For("en", time.UTC), given),
	})
	h.said.WriteString(out.text())
	return out.text(), err
}

func with(m map[string]string, name, value string) map[string]string {
	n := map[string]string{name: value}
	for k, v := range m {
		n[k] = v
	}
	return n
}

// screen is what is printed. Who sees the address of a login confirms it as Anpi.
type screen struct {
	house *house
	mu    sync.Mutex
	all   strings.Builder
	deny  bool
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	s.all.Write(b)
	s.mu.Unlock()
	if url := regexp.MustCompile(`http\S+/flow/\S+`).Find(b); url != nil && !s.deny {
		s.house.talk.Grant(string(url), s.house.anpi)
		account, _ := s.house.talk.Account("anpi")
		s.house.dav.SetPassword(account.AppPasswords[len(account.AppPasswords)-1])
	}
	return len(b), nil
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.String()
}

// person answers the questions in their order: what a question has in it, and
// the answer.
type person struct {
	*screen
	answers [][2]string
	rest    string
	seen    int
}

func (p *person) Read(b []byte) (int, error) {
	for p.rest == "" {
		if len(p.answers) == 0 {
			return 0, io.EOF
		}
		next := p.answers[0]
		p.answers = p.answers[1:]
		question := func() string { return p.text()[p.seen:] }
		for wait := 0; !strings.HasSuffix(question(), ": ") && !strings.HasSuffix(question(), "： "); wait++ {
			if wait > 6000 {
				return 0, fmt.Errorf("no question comes: %s", question())
			}
			time.Sleep(10 * time.Millisecond)
		}
		if lines := strings.Split(question(), "\n"); !strings.Contains(lines[len(lines)-1], next[0]) {
			return 0, fmt.Errorf("asked %q, not %q", lines[len(lines)-1], next[0])
		}
		p.seen, p.rest = len(p.text()), next[1]+"\n"
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// answers leave nothing to be asked.
func (h *house) answers() map[string]string {
	password := filepath.Join(h.t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(h.anpi.AppPassword()), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return map[string]string{"url": h.talk.URL(), "user": "anpi", "password-file": password, "organisers": "dad", "mail-host": ""}
}

// TestFromNothingToAFirstDrill answers every question as a newcomer does, in
// Japanese, with some mistakes on the way.
func TestFromNothingToAFirstDrill(t *testing.T) {
	h := newHouse(t)
	h.imap = inboxtest.NewServer(inboxtest.Options{})
	defer h.imap.Close()
	p := &person{answers: [][2]string{
		{"Language", "ja"},
		{"時間帯 [Europe/Berlin]", "Tokyo"}, {"時間帯", "Asia/Tokyo"},
		{"Nextcloud のアドレス", "ftp://cloud"}, {"Nextcloud のアドレス", h.talk.URL() + "/index.php/apps/dashboard/"},
		{"anpi として書きます", ""},
		{"住所録", "1, 7"}, {"住所録", "1、Family"},
		{"家族でない人（番号、いなければ - ） [admin]", ""},
		{"まとめ役", ""}, {"まとめ役", "お父さん"},
		{"家族の部屋（番号か、新しい名前） [家族]", ""},
		{"電話", "お父さん 090-0000-0000"},
		{"メールを送るサーバー", inboxtest.Host},
		{"ポート [25]", ""}, {"差出人", "anpi@example.org"}, {"ユーザー名", inboxtest.User}, {"パスワード", "wrong"},
		{"メールを送るサーバー", inboxtest.Host},
		{"ポート [25]", ""}, {"差出人", "anpi@example.org"}, {"ユーザー名", inboxtest.User}, {"パスワード", inboxtest.Password},
		{"ためしのメール", ""},
		{"返事を読むサーバー", inboxtest.Host}, {"暗号化", "none"}, {"ポート", ""},
		{"訓練の時", "3"},
		{"書きますか", ""},
		{"ためしのメッセージ", ""},
	}}
	said, err := h.run(t.Context(), nil, p)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	t.Log(said)
	if got, want := h.files(), "anpi.toml mail-password nextcloud-password"; got != want {
		t.Errorf("the files are %q, want %q", got, want)
	}
	c, err := config.Load(h.path(), nil)
	if err != nil {
		t.Fatal(err)
	}
	account, _ := h.talk.Account("anpi")
	if got, want := c.Nextcloud.Password.Reveal(), account.AppPasswords[1]; got != want {
		t.Error("the password is not that of the login")
	}
	if got := h.config(); got != golden {
		t.Errorf("the configuration is\n%s", got)
	}
	var room string
	for _, token := range h.anpi.Rooms() {
		if r, ok := h.talk.Room(token); ok && r.Name == "家族" {
			room = token
			if got := fmt.Sprint(len(r.Members)); got != "4" {
				t.Errorf("%s are in the room: %v", got, r.Members)
			}
		}
	}
	if room == "" {
		t.Error("there is no family room")
	}
	if mails := h.mail.Mails(); len(mails) != 1 || mails[0].To[0] != "dad@example.net" || mails[0].Subject != "Anpi のテスト" {
		t.Errorf("the mails are %v", mails)
	}
	if direct, ok := h.talk.DirectRoom("anpi", "dad"); !ok || !slices.ContainsFunc(h.talk.Messages(direct), func(m talktest.Message) bool { return strings.HasPrefix(m.Text, "Anpi からのテスト") }) {
		t.Error("no test message has come to Dad")
	}
	h.noSecrets(c.Nextcloud.Password.Reveal(), inboxtest.Password)

	// Running it again with nobody there changes nothing.
	before := h.config()
	if said, err := h.run(t.Context(), map[string]string{"mail-security": "none"}, nil); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if after := h.config(); after != before || len(h.mail.Mails()) != 1 {
		t.Errorf("the second run has changed the configuration:\n%s", after)
	}
	if got, want := h.files(), "anpi.toml mail-password nextcloud-password"; got != want {
		t.Errorf("the files are %q, want %q", got, want)
	}
}

const golden = `language = "ja"
timezone = "Asia/Tokyo"
contact = "お父さん 090-0000-0000"

[nextcloud]
url = "http://cloud.test"
user = "anpi"
room = "家族"
password_file = "nextcloud-password"

[roster]
books = ["", "Family"]
exclude = ["admin"]
organisers = ["dad"]

[mail]
from = "Anpi <anpi@example.org>"
host = "localhost"
security = "none"
user = "anpi"
password_file = "mail-password"

[inbox]
host = "localhost"
security = "none"

[[drill]]
name = "yearly"
cron = "0 10 1 9 *"
`

// noSecrets fails when a password stands in what was printed or in the
// configuration.
func (h *house) noSecrets(secrets ...string) {
	h.t.Helper()
	for _, secret := range secrets {
		if strings.Contains(h.said.String(), secret) || strings.Contains(h.config(), secret) {
			h.t.Error("a password is given away")
		}
	}
}

// TestWithoutATerminal gives every answer beforehand. What is missing and has no
// default is named.
func TestWithoutATerminal(t *testing.T) {
	h := newHouse(t)
	given := h.answers()
	for _, missing := range []struct{ name, says string }{
		{"url", `There is no answer to “Address of your Nextcloud”. Give it with --url`},
		{"password-file", `Give it with --password-file`},
		{"organisers", `Give it with --organisers`},
	} {
		less := with(given, "x", "")
		delete(less, missing.name)
		_, err := h.run(t.Context(), less, nil)
		if wrong := new(ask.Mistake); !errors.As(err, &wrong) || !strings.Contains(err.Error(), missing.says) {
			t.Errorf("without %s: %v", missing.name, err)
		}
	}
	for _, wrong := range []struct{ name, value string }{
		{"language", "de"}, {"timezone", "Local"}, {"books", "Friends"}, {"organisers", "nobody"}, {"drill", "now"}, {"drill", "TZ="}, {"drill", "TZ=Mars 0 9 1 * *"},
		{"url", "x://y"}, {"write", "maybe"}, {"mail-host", "a:b"},
	} {
		_, err := h.run(t.Context(), override(given, wrong.name, wrong.value), nil)
		if mistake := new(ask.Mistake); !errors.As(err, &mistake) || !strings.Contains(err.Error(), "The answer to --"+wrong.name+" cannot be used.") {
			t.Errorf("--%s %s: %v", wrong.name, wrong.value, err)
		}
	}
	if got := h.files(); got != "" {
		t.Errorf("after failures there are files: %s", got)
	}
	if said, err := h.run(t.Context(), given, nil); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if got, want := h.files(), "anpi.toml nextcloud-password"; got != want {
		t.Errorf("the files are %q, want %q", got, want)
	}
	// Nobody was there to be sent a test to.
	if _, ok := h.talk.DirectRoom("anpi", "dad"); ok {
		t.Error("a test message went out unasked")
	}
}

func override(m map[string]string, name, value string) map[string]string {
	n := with(m, "", "")
	n[name] = value
	return n
}

// TestRunningItAgain changes one thing; comments, further settings and what was
// not asked stay.
func TestRunningItAgain(t *testing.T) {
	h := newHouse(t)
	if _, err := h.run(t.Context(), h.answers(), nil); err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace(h.config(), "[roster]", "[roster] # ours\nnames = { grandma = \"ばあば\" }", 1)
	if err := os.WriteFile(h.path(), []byte("# do not touch\n"+edited), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := h.run(t.Context(), map[string]string{"drill": "0 7 * * 1", "organisers": "dad, mum"}, nil); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	got := h.config()
	for _, want := range []string{"# do not touch\n", "[roster] # ours\nnames = { grandma = \"ばあば\" }\n", `organisers = ["dad", "mum"]`, `cron = "0 7 * * 1"`, `name = "drill"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the configuration lacks %q:\n%s", want, got)
		}
	}
	// Without drills.
	if _, err := h.run(t.Context(), map[string]string{"drill": "none"}, nil); err != nil {
		t.Fatal(err)
	}
	if got := h.config(); strings.Contains(got, "drill") {
		t.Errorf("there is a drill left:\n%s", got)
	}
}

// TestARevokedPassword leads through the browser again, and takes the place of
// the old password.
func TestARevokedPassword(t *testing.T) {
	h := newHouse(t)
	if _, err := h.run(t.Context(), h.answers(), nil); err != nil {
		t.Fatal(err)
	}
	h.anpi.RevokeAppPasswords()
	said, err := h.run(t.Context(), nil, nil)
	if err != nil || !strings.Contains(said, "The earlier password of the account anpi does not work.") {
		t.Fatalf("%v\n%s", err, said)
	}
	account, _ := h.talk.Account("anpi")
	c, err := config.Load(h.path(), nil)
	if err != nil || c.Nextcloud.Password.Reveal() != account.AppPasswords[0] {
		t.Errorf("the new password is not in use (%v)", err)
	}
	if got, want := h.files(), "anpi.toml nextcloud-password-2"; got != want {
		t.Errorf("the files are %q, want %q", got, want)
	}
}

// TestStoppedAnywhere stops at every single question: nothing has changed then,
// neither here nor on the Nextcloud.
func TestStoppedAnywhere(t *testing.T) {
	answers := [][2]string{
		{"", "en"}, {"", "UTC"}, {"", "http://cloud.test"}, {"right", ""}, {"books", "1"}, {"not family", ""}, {"organisers", "dad"}, {"room", ""}, {"call", ""}, {"Mail server", "-"}, {"practise", ""}, {"Write", "no"},
	}
	for n := range answers {
		h := newHouse(t)
		rooms := h.anpi.Rooms()
		ctx, cancel := context.WithCancel(t.Context())
		stop := &stopper{person: person{answers: append([][2]string(nil), answers[:n+1]...)}, cancel: cancel, ended: make(chan struct{})}
		stop.screen = &screen{house: h}
		err := Run(ctx, Options{Path: h.path(), Transport: h, DialMail: h.mail.Dial, Ask: ask.New(stop, stop.screen, locale.For("en", time.UTC), nil)})
		close(stop.ended)
		if err == nil || !strings.Contains(err.Error(), "Stopped. The configuration is as it was.") {
			t.Errorf("stopped at question %d: %v", n, err)
		}
		account, _ := h.talk.Account("anpi")
		if got := h.files(); got != "" || len(account.AppPasswords) != 1 || !slices.Equal(h.anpi.Rooms(), rooms) {
			t.Errorf("stopped at question %d: files %q, %d app passwords, rooms %v", n, got, len(account.AppPasswords), h.anpi.Rooms())
		}
	}
}

// stopper presses Ctrl-C at the last question, unless that ends the setup by
// itself.
type stopper struct {
	person
	cancel func()
	ended  chan struct{} // closed when the setup has ended
}

func (s *stopper) Read(b []byte) (int, error) {
	if len(s.answers) == 1 && s.answers[0][0] != "Write" && s.rest == "" {
		s.cancel()
		<-s.ended
		return 0, io.EOF
	}
	return s.person.Read(b)
}

// TestThingsThatGoWrong are told in a sentence, and leave no files.
func TestThingsThatGoWrong(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(*house, map[string]string)
		says   string
	}{
		"down":         {func(h *house, _ map[string]string) { h.talk.SetDown(true) }, "http://cloud.test cannot be reached."},
		"maintenance":  {func(h *house, _ map[string]string) { h.talk.SetMaintenance(true) }, "maintenance"},
		"password":     {func(h *house, _ map[string]string) { h.anpi.RevokeAppPasswords() }, "refuses the password of the account anpi"},
		"no Talk":      {func(h *house, _ map[string]string) { h.talk.Disable("spreed") }, "has no Talk"},
		"old Talk":     {func(h *house, _ map[string]string) { h.talk.Disable("chat-reference-id") }, "is too old"},
		"books":        {func(h *house, _ map[string]string) { h.dav.SetPassword("another") }, "refuses the password"},
		"all excluded": {func(_ *house, g map[string]string) { g["exclude"] = "admin, dad, mum, grandma" }, "Nobody is left."},
		"mail login": {func(_ *house, g map[string]string) {
			g["mail-host"], g["mail-from"], g["mail-user"] = inboxtest.Host, "a@example.org", inboxtest.User
			g["mail-password-file"] = g["password-file"]
		}, "user name or password"},
		"mail down": {func(h *house, g map[string]string) {
			h.mail.Refuse()
			g["mail-host"], g["mail-from"], g["mail-user"] = inboxtest.Host, "a@example.org", "-"
		}, "cannot be reached"},
		"no password file": {func(_ *house, g map[string]string) { g["password-file"] = "/nowhere" }, "cannot be read"},
		"read-only": {func(h *house, _ map[string]string) {
			if err := os.WriteFile(filepath.Join(h.dir, "x"), nil, 0o600); err != nil {
				h.t.Fatal(err)
			}
			h.dir = filepath.Join(h.dir, "x")
		}, "cannot be"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			given := h.answers()
			c.breaks(h, given)
			said, err := h.run(t.Context(), given, nil)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v\n%s", err, said)
			}
			if _, err := os.Stat(h.path()); err == nil || !errors.Is(err, fs.ErrNotExist) && name != "read-only" {
				t.Error("there is a configuration all the same")
			}
			if strings.Contains(err.Error()+said, h.anpi.AppPassword()) {
				t.Error("the password is given away")
			}
		})
	}
}

// TestARoomOfOthers is one that Anpi is no moderator of.
func TestARoomOfOthers(t *testing.T) {
	h := newHouse(t)
	uncle := h.talk.AddUser("uncle", "Uncle", talktest.UserOptions{})
	h.talk.AddGroup("Family", uncle, h.anpi)
	said, err := h.run(t.Context(), h.answers(), nil)
	if err != nil || !strings.Contains(said, "anpi is no moderator and cannot add them") {
		t.Fatalf("%v\n%s", err, said)
	}
	if got := h.config(); !strings.Contains(got, `room = "Family"`) {
		t.Errorf("the room is not the only one there is:\n%s", got)
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"cloud.example.org":                                   "https://cloud.example.org",
		" https://cloud.example.org/ ":                        "https://cloud.example.org",
		"https://example.org/nextcloud/index.php/apps/spreed": "https://example.org/nextcloud",
		"https://cloud.example.org/call/abcd?x#y":             "https://cloud.example.org",
		"http://192.168.1.5:8080/login":                       "http://192.168.1.5:8080",
		"https://me:secret@cloud.example.org":                 "",
		"gopher://x":                                          "",
		"https://":                                            "",
	} {
		got, err := tidyAddress(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q (%v), want %q", text, got, err, want)
		}
	}
}
