package config

import (
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
)

// small is the least that a configuration holds.
const small = `[nextcloud]
url = "https://cloud.example.org"
user = "anpi"
password_file = "password"
room = "家族"
`

func TestAWholeConfiguration(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, map[string]string{"mail-password": "  swordfish\n", "anpi.toml": `
language = "en"
timezone = "Europe/Berlin"
data = "ledger"
contact = "Dad 090-0000-0000"
minute = "1s"

[nextcloud]
url = "https://cloud.example.org/nextcloud/"
user = "anpi"
password_file = "password"
room = "Family"

[roster]
books = ["", "Family"]
organisers = ["dad", "mum@example.org"]
exclude = ["admin"]
groups = ["family"]
accounts = { "card-1" = "grandma" }
every = "2h"

[mail]
from = "Anpi <anpi@example.org>"
host = "smtp.example.org"
security = "tls"
user = "anpi@example.org"
password_file = "mail-password"

[doctor]
every = "1h"
probe = "https://probe.example/?page={url}"
own_address = "https://address.example"

[health]
listen = "127.0.0.1:9086"

[[drill]]
name = "monthly"
cron = "0 9 1 * *"
question = "Practice"
[[drill]]
name = "disaster day"
cron = "0 10 1 9 *"
`})
	got, err := Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Language: "en", Zone: zone, Data: filepath.Join(dir, "ledger"), Contact: "Dad 090-0000-0000",
		Nextcloud: Nextcloud{URL: "https://cloud.example.org/nextcloud/", User: "anpi", Password: canary, Room: "Family"},
		Roster: Roster{
			Books: []string{"", "Family"}, Organisers: []string{"dad", "mum@example.org"}, Exclude: []string{"admin"},
			Groups: []string{"family"}, Accounts: map[string]string{"card-1": "grandma"}, Every: 2 * time.Hour,
		},
		Mail: &Mail{From: mail.Address{Name: "Anpi", Address: "anpi@example.org"}, Relays: []Server{
			{Host: "smtp.example.org", Port: 465, Security: "tls", User: "anpi@example.org", Password: "swordfish"},
		}},
		Drills: []Drill{{"monthly", "0 9 1 * *", "Practice"}, {"disaster day", "0 10 1 9 *", ""}},
		Doctor: Doctor{Every: time.Hour, Probe: "https://probe.example/?page={url}", OwnAddress: "https://address.example"},
		Health: &Health{Listen: "127.0.0.1:9086"},
		File:   path, PasswordFiles: []string{filepath.Join(dir, "password"), filepath.Join(dir, "mail-password")},
		Ladder: broadcast.DefaultLadder().Scale(1. / 60),
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
}

func TestDefaults(t *testing.T) {
	path := write(t, t.TempDir(), map[string]string{"anpi.toml": small})
	c, err := Load(path, []string{"STATE_DIRECTORY=/var/lib/private/anpi"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Language != "ja" || c.Zone.String() != "Asia/Tokyo" || c.Roster.Every != time.Hour || c.Doctor.Every != 15*time.Minute || c.Health != nil || c.Data != "/var/lib/private/anpi" || c.Mail != nil {
		t.Errorf("the defaults are %+v", c)
	}
	if diff := cmp.Diff(broadcast.DefaultLadder(), c.Ladder); diff != "" {
		t.Errorf("the ladder (-default +got):\n%s", diff)
	}
	// Each way to a mail server has its port.
	for security, port := range map[string]int{"": 587, "starttls": 587, "tls": 465, "none": 25} {
		c, err := Load(path, []string{"ANPI_MAIL_HOST=smtp.example.org", "ANPI_MAIL_FROM=anpi@example.org", "ANPI_MAIL_SECURITY=" + security})
		if err != nil {
			t.Fatal(err)
		}
		if c.Mail.Relays[0].Port != port {
			t.Errorf("with security %q the port is %d, want %d", security, c.Mail.Relays[0].Port, port)
		}
	}
}

// A backup each day, to a disk beside the configuration.
func TestBackup(t *testing.T) {
	const recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
	dir := t.TempDir()
	path := write(t, dir, map[string]string{"anpi.toml": small + "[backup]\nto = \"disk\"\nrecipient = \"" + recipient + "\"\n"})
	c, err := Load(path, []string{"ANPI_BACKUP_KEEP=30"})
	if err != nil {
		t.Fatal(err)
	}
	b := c.Backup
	if b.To != filepath.Join(dir, "disk") || b.Every != 24*time.Hour || b.Keep != 30 || b.Recipient.(fmt.Stringer).String() != recipient {
		t.Errorf("the backup is %+v", b)
	}
	// Whoever puts the secret key there does not see it again in an error.
	const secret = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
	_, err = Load(path, []string{"ANPI_BACKUP_RECIPIENT=" + secret, "ANPI_BACKUP_KEEP=many"})
	if err == nil || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), "begins with age1") || !strings.Contains(err.Error(), "ANPI_BACKUP_KEEP") {
		t.Errorf("a secret key as recipient: %v", err)
	}
	if folder := DataFolder(path, "data = 'here'\nnonsense = 1", nil); folder != filepath.Join(dir, "here") {
		t.Errorf("the data folder is %s", folder)
	}
	if folder := DataFolder(path, "not TOML", []string{"STATE_DIRECTORY=/var/lib/anpi"}); folder != "/var/lib/anpi" {
		t.Errorf("the data folder is %s", folder)
	}
}

// A family whose mails can be answered: a page, a mailbox, and a second relay for
// the day on which the own one is down.
func TestAnswersByMail(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, map[string]string{"mail-password": "swordfish", "provider-password": "tuna", "anpi.toml": small + `
[mail]
from = "anpi@example.org"
host = "mail.home"
user = "anpi"
password_file = "mail-password"
per_minute = 60

[[relay]]
host = "smtp.provider.example"
security = "tls"
user = "family"
password_file = "provider-password"

[inbox]
host = "mail.home"
address = "anpi@example.org"

[web]
listen = ":8086"
url = "https://anpi.example.org/"
board_file = "board.html"
trusted_proxies = ["10.0.0.0/8", "192.168.1.1"]
`})
	c, err := Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantMail := &Mail{From: mail.Address{Address: "anpi@example.org"}, PerMinute: 60, Relays: []Server{
		{Host: "mail.home", Port: 587, Security: "starttls", User: "anpi", Password: "swordfish"},
		{Host: "smtp.provider.example", Port: 465, Security: "tls", User: "family", Password: "tuna"},
	}}
	if diff := cmp.Diff(wantMail, c.Mail); diff != "" {
		t.Errorf("mail (-want +got):\n%s", diff)
	}
	wantInbox := &Inbox{Server: Server{Host: "mail.home", Port: 993, Security: "tls", User: "anpi", Password: "swordfish"}, Address: "anpi@example.org"}
	if diff := cmp.Diff(wantInbox, c.Inbox); diff != "" {
		t.Errorf("inbox (-want +got):\n%s", diff)
	}
	wantWeb := &Web{Listen: ":8086", URL: "https://anpi.example.org", Board: filepath.Join(dir, "board.html"),
		Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.1.1/32")}}
	if diff := cmp.Diff(wantWeb, c.Web, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("web (-want +got):\n%s", diff)
	}
}

func TestTheEnvironmentWins(t *testing.T) {
	path := write(t, t.TempDir(), map[string]string{"anpi.toml": small})
	c, err := Load(path, []string{
		"ANPI_NEXTCLOUD_ROOM=Family", "ANPI_NEXTCLOUD_USER=", "ANPI_NEXTCLOUD_PASSWORD=from the environment",
		"PATH=/bin", "ANPI=1",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Nextcloud{URL: "https://cloud.example.org", User: "anpi", Password: "from the environment", Room: "Family"}
	if diff := cmp.Diff(want, c.Nextcloud); diff != "" {
		t.Errorf("the account (-want +got):\n%s", diff)
	}
}

// A container needs no file.
func TestEverythingFromTheEnvironment(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := Load("", []string{
		"ANPI_LANGUAGE=en", "ANPI_TIMEZONE=UTC", "ANPI_DATA=/data", "ANPI_CONTACT=Dad", "ANPI_MINUTE=30s",
		"ANPI_NEXTCLOUD_URL=http://nextcloud", "ANPI_NEXTCLOUD_USER=anpi", "ANPI_NEXTCLOUD_PASSWORD=hunter2", "ANPI_NEXTCLOUD_ROOM=Family",
		"ANPI_ROSTER_BOOKS=,Family", "ANPI_ROSTER_ORGANISERS=dad, mum", "ANPI_ROSTER_EXCLUDE=admin", "ANPI_ROSTER_GROUPS=home",
		"ANPI_ROSTER_ACCOUNTS=card-1:grandma", "ANPI_ROSTER_EVERY=5m",
		"ANPI_DOCTOR_OFF=true", "ANPI_HEALTH_LISTEN=:9086", "ANPI_HEALTH_PUBLIC=true",
		"ANPI_MAIL_FROM=anpi@example.org", "ANPI_MAIL_HOST=mail", "ANPI_MAIL_PORT=2525", "ANPI_MAIL_SECURITY=none", "ANPI_MAIL_USER=anpi", "ANPI_MAIL_PASSWORD=hunter2",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Language: "en", Health: &Health{Listen: ":9086"}, Zone: time.UTC, Data: "/data", Contact: "Dad", Ladder: broadcast.DefaultLadder().Scale(0.5),
		Nextcloud: Nextcloud{URL: "http://nextcloud", User: "anpi", Password: canary, Room: "Family"},
		Roster: Roster{
			Books: []string{"", "Family"}, Organisers: []string{"dad", "mum"}, Exclude: []string{"admin"}, Groups: []string{"home"},
			Accounts: map[string]string{"card-1": "grandma"}, Every: 5 * time.Minute,
		},
		Mail: &Mail{From: mail.Address{Address: "anpi@example.org"}, Relays: []Server{{Host: "mail", Port: 2525, Security: "none", User: "anpi", Password: canary}}},
	}
	if diff := cmp.Diff(want, c, cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
}

func TestWithoutAFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, path := range []string{"", filepath.Join(dir, "elsewhere.toml")} {
		_, err := Load(path, []string{"HOME=/home/dad"})
		if p, ok := errors.AsType[*locale.Problem](err); !ok || p.Key != "config.not_found" {
			t.Errorf("Load(%q) = %v, want that there is no file", path, err)
		}
	}
	if err := os.Mkdir("anpi.toml", 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Load("", nil)
	if p, ok := errors.AsType[*locale.Problem](err); !ok || p.Key != "config.unreadable" {
		t.Errorf("Load of a folder = %v, want that it cannot be read", err)
	}
}

// The group of a service may read its password; everybody may not.
func TestWhoMayReadThePassword(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, map[string]string{"anpi.toml": small})
	for mode, want := range map[os.FileMode]bool{0o400: true, 0o600: true, 0o640: true, 0o644: false, 0o604: false, 0o660: false, 0o602: false} {
		if err := os.Chmod(filepath.Join(dir, "password"), mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path, nil); (err == nil) != want {
			t.Errorf("with mode %o: %v", mode, err)
		}
	}
}

// With a mistake, only the language that was chosen is known.
func TestTheLanguageOfMistakes(t *testing.T) {
	for text, want := range map[string]string{"language = 'en'\nroom = 1\n": "en", "room = 1\n": "", "room = \n": ""} {
		c, err := Load(write(t, t.TempDir(), map[string]string{"anpi.toml": text}), nil)
		if err == nil || c.Language != want {
			t.Errorf("Load(%q) = language %q and %v, want language %q", text, c.Language, err, want)
		}
	}
}

func TestLines(t *testing.T) {
	text := strings.ReplaceAll(`# "a" = 1
top = "x" # [no table]
dotted . key.deep=1
"quoted key" = 2
'literal' = 3
"esc\"aped" = 4
long = """
not = "a key"
\""" [no]
""""
list = [ # not = 1
  "a", 'b]',
  { inner = 1 },
]
inline = { one = 1, two = { three = "}" } }
[table]
name = '''
[not]'''
[ table . "sub table" ]
x = 1979-05-27T07:32:00Z
[[drill]]
name = "a"
[[drill]]
name = "b"
`, "\n", "\r\n")
	want := lines{
		"top": 2, "dotted": 3, "dotted.key": 3, "dotted.key.deep": 3, `"quoted key"`: 4, "literal": 5, `"esc\"aped"`: 6,
		"long": 7, "list": 11, "list.2.inner": 13, "inline": 15, "inline.one": 15, "inline.two": 15, "inline.two.three": 15,
		"table": 16, "table.name": 17, `table."sub table"`: 19, `table."sub table".x`: 20,
		"drill": 21, "drill.0": 21, "drill.0.name": 22, "drill.1": 23, "drill.1.name": 24,
	}
	if diff := cmp.Diff(want, linesOf(text)); diff != "" {
		t.Errorf("linesOf (-want +got):\n%s", diff)
	}
	if got := want.of([]string{"table", "unknown", "deeper"}); got != 16 {
		t.Errorf("what is not found stands on line %d, want that of its table", got)
	}
}

// Whatever stands in the file, a mistake is a sentence with the catalogue's
// words in both languages.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		small, "room = 5", "[nextcloud]\nurl = 'x'\n[mail]\nport = 'x'", "[[drill]]\ncron = '* * * * *'", "[[drill]]\ncron = 'CRON_TZ='", "drill = [{name = 1}, {}]", "drill = [1]",
		"nextcloud = []", "a = {b = [{c = {}}]}\n\"\\u0000\" = 1", "password = hunter2", "a.b.c = '''x'''", "[a.\"b]\"]\nx = nan", "\ufefflanguage = 'en'",
	} {
		f.Add(seed, "ANPI_MAIL_PORT=x")
	}
	f.Add("", "ANPI_\xe8=x")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text, variable string) {
		path := write(t, dir, map[string]string{"anpi.toml": text})
		_, err := Load(path, []string{variable})
		if err == nil {
			return
		}
		all := []error{err}
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			all = joined.Unwrap()
		}
		for _, err := range all {
			if _, ok := errors.AsType[*locale.Problem](err); !ok {
				t.Errorf("%q is no sentence", err)
			}
			for _, lang := range locale.Languages {
				said := locale.For(lang, time.UTC).Error(err)
				if !utf8.ValidString(said) || strings.Contains(said, "<no value>") || strings.Contains(said, "map[") || strings.Contains(said, "\n") || strings.HasPrefix(said, "config.") {
					t.Errorf("in %s it says %q", lang, said)
				}
			}
		}
	})
}
