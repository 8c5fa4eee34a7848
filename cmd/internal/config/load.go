package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	// A small system may lack the time zones.
	_ "time/tzdata"

	"filippo.io/age"
	"github.com/BurntSushi/toml"
	"github.com/caarlos0/env/v11"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/talkapi"
)

// file is the configuration as it is written. The names of its fields in the
// file and in the environment are the names that people see in error messages.
type file struct {
	Language string `toml:"language" env:"LANGUAGE"`
	Timezone string `toml:"timezone" env:"TIMEZONE"`
	Data     string `toml:"data" env:"DATA"`
	Contact  string `toml:"contact" env:"CONTACT"`
	Minute   string `toml:"minute" env:"MINUTE"`

	Nextcloud struct {
		URL          string `toml:"url" env:"URL"`
		User         string `toml:"user" env:"USER"`
		Password     string `toml:"-" env:"PASSWORD"`
		PasswordFile string `toml:"password_file" env:"PASSWORD_FILE"`
		Room         string `toml:"room" env:"ROOM"`
	} `toml:"nextcloud" envPrefix:"NEXTCLOUD_"`

	Roster struct {
		Books      []string          `toml:"books" env:"BOOKS"`
		Organisers []string          `toml:"organisers" env:"ORGANISERS"`
		Exclude    []string          `toml:"exclude" env:"EXCLUDE"`
		Groups     []string          `toml:"groups" env:"GROUPS"`
		Accounts   map[string]string `toml:"accounts" env:"ACCOUNTS"`
		Names      map[string]string `toml:"names" env:"NAMES"`
		Every      string            `toml:"every" env:"EVERY"`
	} `toml:"roster" envPrefix:"ROSTER_"`

	Mail  mailTable    `toml:"mail" envPrefix:"MAIL_"`
	Relay []relayTable `toml:"relay"`
	Inbox inboxTable   `toml:"inbox" envPrefix:"INBOX_"`

	Web struct {
		Listen  string   `toml:"listen" env:"LISTEN"`
		URL     string   `toml:"url" env:"URL"`
		Board   string   `toml:"board_file" env:"BOARD_FILE"`
		Proxies []string `toml:"trusted_proxies" env:"TRUSTED_PROXIES"`
	} `toml:"web" envPrefix:"WEB_"`

	Doctor struct {
		Every      string `toml:"every" env:"EVERY"`
		Off        bool   `toml:"off" env:"OFF"`
		Probe      string `toml:"probe" env:"PROBE"`
		OwnAddress string `toml:"own_address" env:"OWN_ADDRESS"`
	} `toml:"doctor" envPrefix:"DOCTOR_"`

	Health struct {
		Listen string `toml:"listen" env:"LISTEN"`
		Public bool   `toml:"public" env:"PUBLIC"`
	} `toml:"health" envPrefix:"HEALTH_"`

	Backup struct {
		To        string `toml:"to" env:"TO"`
		Every     string `toml:"every" env:"EVERY"`
		Recipient string `toml:"recipient" env:"RECIPIENT"`
		Keep      int    `toml:"keep" env:"KEEP"`
	} `toml:"backup" envPrefix:"BACKUP_"`

	Drill []struct {
		Name     string `toml:"name"`
		Cron     string `toml:"cron"`
		Question string `toml:"question"`
	} `toml:"drill"`
}

type mailTable struct {
	From         string `toml:"from" env:"FROM"`
	Host         string `toml:"host" env:"HOST"`
	Port         int    `toml:"port" env:"PORT"`
	Security     string `toml:"security" env:"SECURITY"`
	User         string `toml:"user" env:"USER"`
	Password     string `toml:"-" env:"PASSWORD"`
	PasswordFile string `toml:"password_file" env:"PASSWORD_FILE"`
	PerMinute    int    `toml:"per_minute" env:"PER_MINUTE"`
}

type relayTable struct {
	Host         string `toml:"host"`
	Port         int    `toml:"port"`
	Security     string `toml:"security"`
	User         string `toml:"user"`
	PasswordFile string `toml:"password_file"`
}

type inboxTable struct {
	Host         string `toml:"host" env:"HOST"`
	Port         int    `toml:"port" env:"PORT"`
	Security     string `toml:"security" env:"SECURITY"`
	User         string `toml:"user" env:"USER"`
	Password     string `toml:"-" env:"PASSWORD"`
	PasswordFile string `toml:"password_file" env:"PASSWORD_FILE"`
	Mailbox      string `toml:"mailbox" env:"MAILBOX"`
	Address      string `toml:"address" env:"ADDRESS"`
}

// envPrefix begins the name of every variable of the environment.
const envPrefix = "ANPI_"

// advice is what to write instead, by setting: the end of a key config.want_…
// of the catalogue. Other settings are texts.
var advice = map[string]string{
	"language": "language", "timezone": "zone", "minute": "duration",
	"nextcloud": "table", "nextcloud.url": "url",
	"roster": "table", "roster.books": "list", "roster.organisers": "list", "roster.exclude": "list", "roster.groups": "list",
	"roster.accounts": "accounts", "roster.names": "names", "roster.every": "duration",
	"mail": "table", "mail.from": "address", "mail.host": "host", "mail.port": "port", "mail.security": "security",
	"mail.per_minute": "rate",
	"relay":           "relay", "relay.host": "host", "relay.port": "port", "relay.security": "security",
	"inbox": "table", "inbox.host": "host", "inbox.port": "port", "inbox.security": "security", "inbox.address": "address",
	"web": "table", "web.listen": "listen", "web.url": "url", "web.trusted_proxies": "proxies",
	"doctor": "table", "doctor.every": "duration", "doctor.off": "switch", "doctor.probe": "url", "doctor.own_address": "url",
	"health": "table", "health.listen": "loopback", "health.public": "switch",
	"backup": "table", "backup.every": "duration", "backup.recipient": "recipient", "backup.keep": "count",
	"drill": "drill", "drill.name": "name", "drill.cron": "cron",
}

// DefaultPath is where the configuration is looked for when nobody says where:
// beside the caller, else in /etc.
func DefaultPath() string {
	if _, err := os.Stat("anpi.toml"); err == nil {
		return "anpi.toml"
	}
	return "/etc/anpi/anpi.toml"
}

// Load reads the configuration. The path may be empty for [DefaultPath]; then
// the file need not exist, and everything may come from the environment, given
// as in os.Environ. Every mistake is reported, not only the first; with an
// error only the Language of the Config counts, and it is empty when none was
// chosen.
func Load(path string, environ []string) (Config, error) {
	r := reader{path: path, environ: env.ToMap(environ), variables: map[string]string{}, meant: map[string]bool{}}
	if path == "" {
		r.path, r.optional = DefaultPath(), true
	}
	if err := r.read(); err != nil {
		return Config{Language: r.file.Language}, err
	}
	c := r.config()
	if len(r.mistakes) > 0 {
		return Config{Language: r.file.Language}, r.err()
	}
	return c, nil
}

// reader collects the mistakes while it makes the configuration.
type reader struct {
	path      string
	optional  bool
	found     bool // the file is there
	file      file
	lines     lines // of the file
	environ   map[string]string
	variables map[string]string // those of environ that are Anpi's
	// meant are settings that were given, but wrongly: they are not missing.
	meant     map[string]bool
	mistakes  []mistake
	passwords []string // the files that were read
}

type mistake struct {
	line int // 0: not in the file
	err  error
}

func (r *reader) mistake(key string, data locale.Data) { r.mistakeAt(0, key, data) }

func (r *reader) mistakeAt(line int, key string, data locale.Data) {
	r.mistakes = append(r.mistakes, mistake{line, &locale.Problem{Key: "config." + key, Data: data}})
}

// err joins the mistakes: those of the file in its order, then the others.
func (r *reader) err() error {
	slices.SortStableFunc(r.mistakes, func(a, b mistake) int {
		if (a.line == 0) != (b.line == 0) {
			return b.line - a.line
		}
		return a.line - b.line
	})
	var all []error
	for _, m := range r.mistakes {
		all = append(all, m.err)
	}
	return errors.Join(all...)
}

// read reads the file, then the environment over it.
func (r *reader) read() error {
	text, err := os.ReadFile(r.path)
	missing := errors.Is(err, fs.ErrNotExist)
	r.found = !missing
	if err == nil {
		err = r.decode(string(text))
	} else if !missing {
		err = &locale.Problem{Key: "config.unreadable", Data: locale.Data{"Path": r.path, "Detail": reasonOf(err)}, Err: err}
	}
	r.environment()
	if missing && (!r.optional || len(r.variables) == 0) {
		return &locale.Problem{Key: "config.not_found", Data: locale.Data{"Path": r.path}, Err: err}
	}
	if missing {
		return nil
	}
	return err
}

// config checks what was read, and fills in what was not.
func (r *reader) config() Config {
	f := &r.file
	c := Config{
		Language: orElse(f.Language, "ja"), Data: r.beside(orElse(f.Data, r.defaultData())), Contact: f.Contact,
		Zone: r.zone(), Ladder: broadcast.DefaultLadder(),
		Nextcloud: Nextcloud{URL: f.Nextcloud.URL, User: f.Nextcloud.User, Room: f.Nextcloud.Room},
		Roster: Roster{Books: trimmed(f.Roster.Books), Organisers: trimmed(f.Roster.Organisers), Exclude: trimmed(f.Roster.Exclude),
			Groups: trimmed(f.Roster.Groups), Accounts: f.Roster.Accounts, Names: names(f.Roster.Names), Every: r.duration("roster.every", f.Roster.Every, time.Hour)},
	}
	if c.Language != "ja" && c.Language != "en" {
		r.reject("language", f.Language)
	}
	c.Ladder = c.Ladder.Scale(float64(r.duration("minute", f.Minute, time.Minute)) / float64(time.Minute))
	r.require("nextcloud.url", f.Nextcloud.URL)
	if f.Nextcloud.URL != "" && !isAddress(f.Nextcloud.URL) {
		value := f.Nextcloud.URL
		// There may be a password in front of the host.
		if i := strings.LastIndex(value, "@"); i >= 0 {
			value = "…" + value[i:]
		}
		r.reject("nextcloud.url", value)
	}
	r.require("nextcloud.user", f.Nextcloud.User)
	c.Nextcloud.Password = r.secret("nextcloud", f.Nextcloud.Password, f.Nextcloud.PasswordFile, true)
	r.require("nextcloud.room", f.Nextcloud.Room)
	c.Mail = r.mail()
	c.Inbox = r.inbox()
	c.Web = r.web()
	c.Drills = r.drills()
	c.Doctor = r.doctor()
	c.Health = r.health()
	c.Backup = r.backup()
	c.PasswordFiles = r.passwords
	if r.found {
		c.File = r.beside(filepath.Base(r.path))
	}
	return c
}

// isAddress reports whether the address can be that of a Nextcloud.
func isAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Hostname() != "" && (u.Scheme == "https" || u.Scheme == "http") &&
		u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

func (r *reader) zone() *time.Location {
	name := orElse(r.file.Timezone, "Asia/Tokyo")
	zone, err := time.LoadLocation(name)
	if err != nil || !IsZone(name) {
		r.reject("timezone", name)
		return time.UTC
	}
	return zone
}

// mail is nil when nothing about mail is configured at all.
func (r *reader) mail() *Mail {
	f := &r.file.Mail
	if *f == (mailTable{}) {
		return nil
	}
	own := r.server(toml.Key{"mail"}, Server{Host: f.Host, Port: f.Port, Security: f.Security, User: f.User}, smtp)
	own.Password = r.secret("mail", f.Password, f.PasswordFile, f.User != "")
	if f.Password != "" || f.PasswordFile != "" {
		r.require("mail.user", f.User)
	}
	m := &Mail{Relays: []Server{own}, PerMinute: f.PerMinute}
	r.require("mail.from", f.From)
	m.From = r.address("mail.from", f.From)
	if f.PerMinute != 0 && f.PerMinute < 6 {
		r.reject("mail.per_minute", strconv.Itoa(f.PerMinute))
	}
	for i, t := range r.file.Relay {
		key := toml.Key{"relay", strconv.Itoa(i)}
		relay := r.server(key, Server{Host: t.Host, Port: t.Port, Security: t.Security, User: t.User}, smtp)
		relay.Password = r.secret("relay", "", t.PasswordFile, t.User != "")
		m.Relays = append(m.Relays, relay)
	}
	return m
}

// protocol is how servers of a kind are reached.
type protocol struct {
	security string         // the default
	ports    map[string]int // the usual ones, by security
}

var (
	smtp = protocol{"starttls", map[string]int{"starttls": 587, "tls": 465, "none": 25}}
	imap = protocol{"tls", map[string]int{"tls": 993, "starttls": 143, "none": 143}}
)

// server checks what every mail server needs, and fills in what was not said.
// The password is for the caller to find.
func (r *reader) server(at toml.Key, s Server, p protocol) Server {
	key := func(name string) toml.Key { return below(at, name) }
	if s.Host == "" && at[0] == "relay" {
		r.bad(key("host"), s.Host)
	} else {
		r.require(at.String()+".host", s.Host)
	}
	if strings.ContainsAny(s.Host, ":/@ ") && net.ParseIP(s.Host) == nil {
		r.bad(key("host"), s.Host)
	}
	s.Security = orElse(s.Security, p.security)
	if p.ports[s.Security] == 0 {
		r.bad(key("security"), s.Security)
	}
	if s.Port < 0 || s.Port > 65535 {
		r.bad(key("port"), s.Port)
	}
	if s.Port == 0 {
		s.Port = p.ports[s.Security]
	}
	return s
}

func (r *reader) address(key, value string) mail.Address {
	if value == "" {
		return mail.Address{}
	}
	a, err := mail.ParseAddress(value)
	if err != nil {
		r.reject(key, value)
		return mail.Address{}
	}
	return *a
}

// inbox is nil when nothing about it is configured. Its user and password are
// those of the mail account unless they are others.
func (r *reader) inbox() *Inbox {
	f := &r.file.Inbox
	if *f == (inboxTable{}) {
		return nil
	}
	in := &Inbox{Server: r.server(toml.Key{"inbox"}, Server{Host: f.Host, Port: f.Port, Security: f.Security, User: f.User}, imap), Mailbox: f.Mailbox}
	if f.User == "" && r.file.Mail.User != "" {
		in.User = r.file.Mail.User
	}
	r.require("inbox.user", in.User)
	switch {
	case f.Password == "" && f.PasswordFile == "" && f.User == "":
		in.Password = r.secret("mail", r.file.Mail.Password, r.file.Mail.PasswordFile, false)
	default:
		in.Password = r.secret("inbox", f.Password, f.PasswordFile, true)
	}
	in.Address = r.address("inbox.address", f.Address).Address
	return in
}

// web is nil when no page is configured.
func (r *reader) web() *Web {
	f := &r.file.Web
	if f.Listen == "" && f.URL == "" && f.Board == "" && len(f.Proxies) == 0 {
		return nil
	}
	w := &Web{Listen: f.Listen, URL: strings.TrimRight(f.URL, "/")}
	if f.Board != "" {
		w.Board = r.beside(f.Board)
	}
	if f.URL != "" && !isAddress(f.URL) {
		r.reject("web.url", f.URL)
	}
	if f.URL != "" || f.Board == "" {
		r.require("web.url", f.URL)
		r.require("web.listen", f.Listen)
	}
	if _, _, err := net.SplitHostPort(f.Listen); f.Listen != "" && err != nil {
		r.reject("web.listen", f.Listen)
	}
	for _, p := range trimmed(f.Proxies) {
		prefix, err := netip.ParsePrefix(p)
		if addr, single := netip.ParseAddr(p); single == nil {
			prefix, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			r.reject("web.trusted_proxies", p)
			continue
		}
		w.Proxies = append(w.Proxies, prefix)
	}
	return w
}

func (r *reader) doctor() Doctor {
	f := &r.file.Doctor
	d := Doctor{Every: r.duration("doctor.every", f.Every, 15*time.Minute), Probe: f.Probe, OwnAddress: f.OwnAddress}
	if f.Off {
		d.Every = 0
	}
	for key, value := range map[string]string{"doctor.probe": f.Probe, "doctor.own_address": f.OwnAddress} {
		if value != "" && !isPage(value) {
			r.reject(key, value)
		}
	}
	return d
}

// isPage reports whether the address can be that of a page.
func isPage(s string) bool {
	u, err := url.Parse(strings.ReplaceAll(s, "{url}", "x"))
	return err == nil && u.Hostname() != "" && (u.Scheme == "https" || u.Scheme == "http")
}

// health is nil when nobody may ask. It tells strangers when a house is helpless,
// so an address that others can reach must be meant.
func (r *reader) health() *Health {
	f := &r.file.Health
	if f.Listen == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(f.Listen)
	ip := net.ParseIP(host)
	if own := host == "localhost" || ip != nil && ip.IsLoopback(); err != nil || !own && !f.Public {
		r.reject("health.listen", f.Listen)
	}
	return &Health{Listen: f.Listen}
}

// backup is nil when nothing about it is configured.
func (r *reader) backup() *Backup {
	f := &r.file.Backup
	if f.To == "" && f.Every == "" && f.Recipient == "" && f.Keep == 0 {
		return nil
	}
	r.require("backup.to", f.To)
	b := &Backup{Every: r.duration("backup.every", f.Every, 24*time.Hour), Keep: 7}
	if f.To != "" {
		b.To = r.beside(f.To)
	}
	if f.Keep < 0 {
		r.bad(toml.Key{"backup", "keep"}, f.Keep)
	}
	if f.Keep > 0 {
		b.Keep = f.Keep
	}
	if f.Recipient == "" {
		return b
	}
	found, err := age.ParseRecipients(strings.NewReader(f.Recipient))
	if err != nil {
		value := f.Recipient
		if strings.Contains(strings.ToUpper(value), "SECRET") {
			// Somebody has mixed up the two keys; this one is nobody's to see.
			value = "AGE-SECRET-KEY…"
		}
		r.reject("backup.recipient", value)
		return b
	}
	b.Recipient = found[0]
	return b
}

// DataFolder is the folder of the ledger according to the text of a
// configuration at the path, whatever else is wrong with it, as an absolute
// path. The text may be empty.
func DataFolder(path, text string, environ []string) string {
	r := reader{path: path, environ: env.ToMap(environ), variables: map[string]string{}, meant: map[string]bool{}}
	// What cannot be read says nothing about the folder.
	_ = r.decode(text)
	r.environment()
	return r.beside(orElse(r.file.Data, r.defaultData()))
}

func (r *reader) drills() []Drill {
	var drills []Drill
	names := map[string]bool{}
	for i, d := range r.file.Drill {
		at := func(name string) toml.Key { return toml.Key{"drill", strconv.Itoa(i), name} }
		schedule, err := Schedule(d.Cron)
		if key := at("cron"); err != nil && !r.meant[key.String()] {
			r.badFor(key, d.Cron, err)
		}
		if key := at("name"); (d.Name == "" || names[d.Name]) && !r.meant[key.String()] {
			r.bad(key, d.Name)
		}
		names[d.Name] = true
		drills = append(drills, Drill{Name: d.Name, Cron: schedule, Question: d.Question})
	}
	return drills
}

func (r *reader) require(key, value string) {
	table, _, _ := strings.Cut(key, ".")
	if value == "" && !r.meant[key] && !r.meant[table] {
		r.mistake("missing", locale.Data{"Key": key, "Env": variable(key), "Path": r.path})
	}
}

// reject notes that the value of a setting cannot be.
func (r *reader) reject(setting, value string) { r.bad(strings.Split(setting, "."), value) }

// bad notes a value that cannot be at the key, with what to write instead.
func (r *reader) bad(key toml.Key, value any) {
	r.badFor(key, value, &locale.Problem{Key: "config.want_" + orElse(advice[settingOf(key)], "text")})
}

// badFor notes a value that cannot be at the key; the error says what to write
// instead.
func (r *reader) badFor(key toml.Key, value any, want error) {
	setting := settingOf(key)
	r.meant[key.String()] = true
	text := fmt.Sprint(value)
	switch value.(type) {
	case map[string]any, []map[string]any, []any:
		text = "…"
	}
	data := locale.Data{"Key": setting, "Value": shown(text), "Want": want}
	line := 0
	if name := variable(setting); r.variables[name] != "" {
		data["Key"] = name
	} else if line = r.lines.of(key); line > 0 {
		data["Path"], data["Line"] = r.path, line
	}
	r.mistakeAt(line, "bad_value", data)
}

// shown puts what somebody wrote into an error message.
func shown(text string) string { return locale.OneLine(text, 100) }

func (r *reader) duration(key, value string, otherwise time.Duration) time.Duration {
	if value == "" {
		return otherwise
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		r.reject(key, value)
		return otherwise
	}
	return d
}

// secret is the password of a table: the value from the environment, else the
// content of the file, which others may not be able to read.
func (r *reader) secret(table, value, path string, required bool) talkapi.Secret {
	key := table + ".password_file"
	if value == "" && path == "" && required && !r.meant[key] && !r.meant[table] {
		r.mistake("missing", locale.Data{"Key": key, "Env": variable(table + ".password"), "Path": r.path})
	}
	if value != "" || path == "" {
		return talkapi.Secret(value)
	}
	path = r.beside(path)
	data := locale.Data{"Key": key, "Path": path}
	info, err := os.Stat(path)
	// A group of one's own, such as that of a service, may read it.
	if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o037 != 0 {
		r.mistake("secret_open", data)
		return ""
	}
	text, err := os.ReadFile(path)
	if err != nil {
		data["Detail"] = reasonOf(err)
		r.mistake("secret_file", data)
		return ""
	}
	if !slices.Contains(r.passwords, path) {
		r.passwords = append(r.passwords, path)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		r.mistake("secret_empty", data)
	}
	return talkapi.Secret(secret)
}

// beside is a path as seen from the folder of the configuration file, so that
// the daemon and the command line mean the same wherever they are started.
func (r *reader) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	path = filepath.Join(filepath.Dir(r.path), path)
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// trimmed takes away the blanks that people write between the members of a
// list.
func trimmed(list []string) []string {
	var all []string
	for _, s := range list {
		all = append(all, strings.TrimSpace(s))
	}
	return all
}

// names reads the further names of each member, with commas between them.
func names(of map[string]string) map[string][]string {
	if len(of) == 0 {
		return nil
	}
	all := map[string][]string{}
	for member, list := range of {
		all[member] = trimmed(strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(",、，", r) }))
	}
	return all
}

// variable is the name in the environment of a setting.
func variable(setting string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(setting, ".", "_"))
}

// reasonOf is what is wrong with a file, without its path, which is said
// already.
func reasonOf(err error) string {
	path := new(fs.PathError)
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// defaultData is the folder that systemd has made, else the usual one.
func (r *reader) defaultData() string {
	switch {
	case r.environ["STATE_DIRECTORY"] != "":
		return r.environ["STATE_DIRECTORY"]
	case r.environ["HOME"] == "" || os.Getuid() == 0:
		return "/var/lib/anpi"
	default:
		return filepath.Join(r.environ["HOME"], ".local", "state", "anpi")
	}
}
