package invite

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/ask"
	"github.com/anpi-bot/anpi/cmd/internal/config"
	"github.com/anpi-bot/anpi/cmd/internal/qrcode"
	"github.com/anpi-bot/anpi/talkapi"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// house is a Nextcloud with an administrator, and a family room that Anpi has
// made.
type house struct {
	t           *testing.T
	talk        *talktest.Server
	admin, anpi *talktest.User
	room        string
	dir         string
	config      config.Config
	passwords   []string // that were set for accounts
	said        strings.Builder
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, talk: talktest.NewServer(talktest.Options{}), dir: t.TempDir()}
	h.admin = h.talk.AddUser("admin", "admin", talktest.UserOptions{Admin: true})
	h.anpi = h.talk.AddUser("anpi", "Anpi", talktest.UserOptions{})
	h.room = h.talk.AddGroup("家族", h.anpi, h.admin)
	h.config = config.Config{Language: "ja", Contact: "お父さん 090-0000-0000", Nextcloud: config.Nextcloud{URL: h.talk.URL() + "/", User: "anpi", Password: talkapi.Secret(h.anpi.AppPassword()), Room: "家族"}}
	return h
}

var sent = regexp.MustCompile(`"password":"([^"]+)"|"key":"password","value":"([^"]+)"`)

// RoundTrip notes the passwords that are set on their way.
func (h *house) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if m := sent.FindStringSubmatch(string(body)); m != nil {
			h.passwords = append(h.passwords, m[1]+m[2])
		}
	}
	return h.talk.Transport().RoundTrip(r)
}

// invite runs it with the answers; the administrator's are given.
func (h *house) invite(name string, given map[string]string) (string, error) {
	password := filepath.Join(h.t.TempDir(), "password")
	if err := os.WriteFile(password, []byte(h.admin.AccountPassword()+"\n"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	all := map[string]string{"admin": "admin", "admin-password-file": password}
	for k, v := range given {
		all[k] = v
	}
	var out strings.Builder
	err := Run(h.t.Context(), Options{Config: h.config, Name: name, Folder: h.dir, Transport: h, Ask: ask.New(strings.NewReader(""), &out, locale.For("en", time.UTC), all)})
	h.said.WriteString(out.String())
	if err != nil {
		h.said.WriteString(err.Error())
		for e := err; e != nil; e = errors.Unwrap(e) {
			h.said.WriteString(e.Error())
		}
	}
	return out.String(), err
}

// keys are the app passwords of an account.
func (h *house) keys(id string) []string {
	account, ok := h.talk.Account(id)
	if !ok {
		h.t.Fatalf("there is no account %s", id)
	}
	return account.AppPasswords
}

// noSecrets looks through everything that was written, printed and said wrong.
func (h *house) noSecrets(accounts ...string) {
	h.t.Helper()
	secrets := append([]string{h.admin.AccountPassword(), h.anpi.AppPassword()}, h.passwords...)
	for _, id := range accounts {
		secrets = append(secrets, h.keys(id)...)
	}
	everything := map[string]string{"the output": h.said.String()}
	err := filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := os.ReadFile(path)
		everything[path] = string(body)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	for where, text := range everything {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				h.t.Errorf("there is a secret in %s", where)
			}
		}
	}
}

// TestGrandmaIsInvited is the whole way to a sheet of paper.
func TestGrandmaIsInvited(t *testing.T) {
	h := newHouse(t)
	said, err := h.invite("おばあちゃん", map[string]string{"account": "grandma", "email": "g@example.net", "group": "family", "server": "https://cloud.example.org/"})
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	account, _ := h.talk.Account("grandma")
	if account.Name != "おばあちゃん" || account.Language != "ja" || account.Email != "g@example.net" || !slices.Equal(account.Groups, []string{"family"}) || len(account.AppPasswords) != 1 {
		t.Errorf("the account is %+v", account)
	}
	if r, _ := h.talk.Room(h.room); !slices.Contains(r.Members, "grandma") {
		t.Errorf("in the room are %v", r.Members)
	}
	code, err := qrcode.New("nc://login/user:grandma&password:" + account.AppPasswords[0] + "&server:https://cloud.example.org")
	if err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile(filepath.Join(h.dir, "anpi-grandma.png"))
	if err != nil || !bytes.Equal(picture, code.PNG(8)) {
		t.Errorf("the picture is not the code of the account (%v)", err)
	}
	page, err := os.ReadFile(filepath.Join(h.dir, "anpi-grandma.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`lang="ja"`, "おばあちゃん さんへ", "「家族」を開いて", "data:image/png;base64,", "cloud.example.org", "090-0000-0000"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the sheet lacks %q", want)
		}
	}
	for _, name := range []string{"anpi-grandma.html", "anpi-grandma.png"} {
		if info, err := os.Stat(filepath.Join(h.dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	h.noSecrets("grandma")

	// Her phone logs in with it, and she says hello.
	phone, err := talkapi.New(talkapi.Options{URL: h.talk.URL(), User: "grandma", Password: talkapi.Secret(account.AppPasswords[0]), Transport: h.talk.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := phone.Send(t.Context(), h.room, talkapi.Post{Text: "こんにちは"}); err != nil {
		t.Error(err)
	}

	// Once more with the same name: she is there, and gets a new code only if it
	// is wanted.
	_, err = h.invite("おばあちゃん", nil)
	if err == nil || !strings.Contains(err.Error(), "grandma has been invited already.") {
		t.Errorf("invited twice: %v", err)
	}
	if said, err := h.invite("おばあちゃん", map[string]string{"again": "yes", "group": "choir"}); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
	if account, _ := h.talk.Account("grandma"); len(account.AppPasswords) != 2 || !slices.Contains(account.Groups, "choir") || account.Email != "g@example.net" {
		t.Errorf("the account is %+v", account)
	}
	h.noSecrets("grandma")
}

// TestFailureInTheMiddle says what was done, if anything was; the same command goes on from there.
func TestFailureInTheMiddle(t *testing.T) {
	given := map[string]string{"account": "grandma", "group": "family"}
	fails := func(method, path string) func(*http.Request) *talktest.Fault {
		return func(r *http.Request) *talktest.Fault {
			if r.Method == method && strings.HasSuffix(r.URL.Path, path) {
				return &talktest.Fault{Status: 500}
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		method, path string
		done         string
	}{
		"the account":  {"POST", "/cloud/users", ""},
		"the room":     {"POST", "/participants", "Done so far: group family set up, account grandma made."},
		"the password": {"GET", "/getapppassword", "Done so far: group family set up, account grandma made, put into the room “家族”."},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.talk.Fault(fails(c.method, c.path))
			_, err := h.invite("おばあちゃん", given)
			if err == nil || !strings.Contains(err.Error(), c.done) || strings.Contains(err.Error(), "Run the same command again") != (c.done != "") {
				t.Errorf("said: %v", err)
			}
			h.talk.Fault(nil)
			if said, err := h.invite("おばあちゃん", given); err != nil {
				t.Errorf("the second time: %v\n%s", err, said)
			}
			account, _ := h.talk.Account("grandma")
			if r, _ := h.talk.Room(h.room); len(account.AppPasswords) != 1 || !slices.Contains(r.Members, "grandma") || !slices.Equal(account.Groups, []string{"family"}) {
				t.Errorf("the account is %+v, in the room are %v", account, r.Members)
			}
			h.noSecrets("grandma")
		})
	}
}

// TestHalfAnAccount is what a server leaves behind that fails while it makes an
// account, such as one with a busy database: it says "Bad request", and the
// account is there, with its group and without its name and language.
func TestHalfAnAccount(t *testing.T) {
	h := newHouse(t)
	h.talk.Fault(func(r *http.Request) *talktest.Fault {
		if r.Method != "POST" || !strings.HasSuffix(r.URL.Path, "/cloud/users") {
			return nil
		}
		h.talk.AddUser("grandma", "", talktest.UserOptions{Groups: []string{"family"}})
		return &talktest.Fault{Status: 400, Header: http.Header{"Content-Type": {"application/json"}}, Body: `{"ocs":{"meta":{"status":"failure","statuscode":101,"message":"Bad request"},"data":[]}}`}
	})
	given := map[string]string{"account": "grandma", "group": "family"}
	if _, err := h.invite("おばあちゃん", given); err == nil || !strings.Contains(err.Error(), "Nextcloud refuses: “Bad request”.") {
		t.Errorf("said: %v", err)
	}
	h.talk.Fault(nil)
	if said, err := h.invite("おばあちゃん", given); err != nil {
		t.Fatalf("the second time: %v\n%s", err, said)
	}
	account, _ := h.talk.Account("grandma")
	if account.Name != "おばあちゃん" || account.Language != "ja" || !slices.Equal(account.Groups, []string{"family"}) {
		t.Errorf("the account is %+v", account)
	}
	// A name that somebody chose stays.
	h.talk.AddUser("hanako", "花子", talktest.UserOptions{})
	if said, err := h.invite("おばさん", map[string]string{"account": "hanako"}); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if account, _ := h.talk.Account("hanako"); account.Name != "花子" {
		t.Errorf("the account is called %s", account.Name)
	}
}

// TestASheetThatCannotBeWritten takes its key back.
func TestASheetThatCannotBeWritten(t *testing.T) {
	h := newHouse(t)
	if err := os.MkdirAll(filepath.Join(h.dir, "anpi-grandma.png", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := h.invite("Grandma", nil)
	if err == nil || !strings.Contains(err.Error(), "cannot be written, so the code was taken back") {
		t.Errorf("said: %v", err)
	}
	if keys := h.keys("grandma"); len(keys) != 0 {
		t.Errorf("%d keys are lying about", len(keys))
	}
	if _, err := os.Stat(filepath.Join(h.dir, "anpi-grandma.html")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half of the sheet is there: %v", err)
	}
	h.noSecrets("grandma")
}

// TestWhoAnpiDoesNotInvite are those whose password must not change, and
// whoever is asked by the wrong person.
func TestWhoAnpiDoesNotInvite(t *testing.T) {
	wrong := filepath.Join(t.TempDir(), "wrong")
	if err := os.WriteFile(wrong, []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		given map[string]string
		says  string
		set   func(*house)
	}{
		"the administrator":        {map[string]string{"account": "admin"}, "is the account of somebody else", nil},
		"Anpi":                     {map[string]string{"account": "anpi"}, "is the account of somebody else", nil},
		"another administrator":    {map[string]string{"account": "root"}, "root is an administrator", func(h *house) { h.talk.AddUser("root", "root", talktest.UserOptions{Admin: true}) }},
		"an odd account":           {map[string]string{"account": "お"}, "Write an account name of letters", nil},
		"no account":               {nil, "There is no answer to", nil},
		"an odd address":           {map[string]string{"account": "g", "email": "g"}, "Write a mail address", nil},
		"a wrong password":         {map[string]string{"account": "g", "admin-password-file": wrong}, "Nextcloud refuses the password of admin.", nil},
		"a room that is not there": {map[string]string{"account": "g"}, "is in no room “Choir”", func(h *house) { h.config.Nextcloud.Room = "Choir" }},
		"a Nextcloud that is down": {map[string]string{"account": "g"}, "cannot be reached", func(h *house) { h.talk.SetDown(true) }},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			if c.set != nil {
				c.set(h)
			}
			_, err := h.invite("おばあちゃん", c.given)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("said: %v", err)
			}
			if entries, _ := os.ReadDir(h.dir); len(entries) > 0 || len(h.passwords) > 0 {
				t.Errorf("there are files %v, or %d passwords were set", entries, len(h.passwords))
			}
			h.noSecrets()
		})
	}

	// Somebody who is no administrator.
	h := newHouse(t)
	dad := h.talk.AddUser("dad", "Dad", talktest.UserOptions{})
	h.admin = dad
	_, err := h.invite("Grandma", map[string]string{"admin": "dad"})
	if err == nil || !strings.Contains(err.Error(), "dad is no administrator who may do this.") {
		t.Errorf("said: %v", err)
	}
}

// TestANewMemberOfSomebodyElsesRoom: Anpi is no moderator, but the administrator
// is; where neither is, it is said.
func TestANewMemberOfSomebodyElsesRoom(t *testing.T) {
	h := newHouse(t)
	h.talk.RemoveMember(h.room, "anpi")
	h.room = h.talk.AddGroup("家族", h.admin, h.anpi)
	if said, err := h.invite("Grandma", nil); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	dad := h.talk.AddUser("dad", "Dad", talktest.UserOptions{})
	h.talk.RemoveMember(h.room, "anpi")
	h.room = h.talk.AddGroup("家族", dad, h.admin, h.anpi)
	_, err := h.invite("Uncle", nil)
	if err == nil || !strings.Contains(err.Error(), "Make anpi a moderator in Talk.") {
		t.Errorf("said: %v", err)
	}
}

func TestTheLink(t *testing.T) {
	got := link("https://cloud.example.org/next cloud", "a&b", "p%q")
	if want := "nc://login/user:a%26b&password:p%25q&server:https://cloud.example.org/next%20cloud"; got != want {
		t.Errorf("the link is %s, want %s", got, want)
	}
}
