package doctor_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email"
	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox"
	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox/inboxtest"
	"github.com/anpi-bot/anpi/broadcast/channel/talk"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/cmd/internal/doctor"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// house is one where everything works, until something is broken.
type house struct {
	t     *testing.T
	o     doctor.Options
	skew  time.Duration // of the server's clock
	talk  *talktest.Server
	anpi  *talktest.User
	room  string
	store *sqlstore.Store
	path  string // of the ledger

	members []roster.Member
	books   doctor.Books
	back    doctor.PutBack
	mail    *emailtest.Server
	box     *inboxtest.Server
	relay   email.Options
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, mail: emailtest.NewServer(emailtest.Options{}), box: inboxtest.NewServer(inboxtest.Options{})}
	t.Cleanup(func() { h.mail.Close(); h.box.Close() })
	h.talk = talktest.NewServer(talktest.Options{Now: func() time.Time { return time.Now().Add(h.skew) }})
	h.anpi = h.talk.AddUser("anpi", "Anpi", talktest.UserOptions{})
	dad, mum := h.talk.AddUser("dad", "Dad", talktest.UserOptions{}), h.talk.AddUser("mum", "Mum", talktest.UserOptions{})
	h.room = h.talk.AddGroup("Family", dad, mum, h.anpi)
	h.members = []roster.Member{
		{ID: "talk:dad", Name: "Dad", Talk: "dad", Emails: []string{"dad@example.net"}, Organiser: true},
		{ID: "talk:mum", Name: "Mum", Talk: "mum", Emails: []string{"mum@example.net"}},
	}
	client, err := talkapi.New(talkapi.Options{URL: h.talk.URL(), User: "anpi", Password: talkapi.Secret(h.anpi.AppPassword()), Transport: h.talk.Transport()})
	must(t, err)
	family := talk.New(talk.Options{Client: client, User: "anpi", Room: "Family"})
	h.path = filepath.Join(t.TempDir(), "anpi.db")
	h.store, err = sqlstore.Open(t.Context(), h.path)
	must(t, err)
	t.Cleanup(func() { h.store.Close() })
	h.document(`{"at":"` + time.Now().Add(-time.Hour).Format(time.RFC3339) + `","verified":true}`)
	h.practised(time.Now().Add(-24 * time.Hour))
	h.books = doctor.Books{Read: time.Now()}
	h.relay = email.Options{
		Relays: []email.Relay{{Host: emailtest.Host, TLSConfig: h.mail.TLSConfig()}, {Host: emailtest.Host, Port: 465, TLSConfig: h.mail.TLSConfig()}},
		Dial:   h.mail.Dial, Resolver: emailtest.DNS{
			"example.org": {"v=spf1 mx ~all"}, "_dmarc.example.org": {"v=DMARC1; p=none"}, "mail._domainkey.example.org": {"v=DKIM1; p=abc"},
		}.Resolver(),
	}
	h.relay.From.Address = "anpi@example.org"
	box, err := inbox.New(inbox.Options{Host: inboxtest.Host, Security: email.Plain, User: inboxtest.User, Password: inboxtest.Password, Dial: h.box.Dial}, nil)
	must(t, err)
	h.o = doctor.Options{
		Nextcloud: h.talk.URL(), Transport: h.talk.Transport(), Client: client, Room: family.Look, Explain: func(err error) error { return err },
		PutBack: func(context.Context) (doctor.PutBack, error) { return h.back, nil },
		Books:   func(context.Context) doctor.Books { return h.books }, BooksEvery: time.Hour,
		Roster: func() roster.Roster { return roster.Roster{Members: h.members} },
		Mail:   func(ctx context.Context) ([]email.Finding, error) { return email.Check(ctx, h.relay) },
		Inbox:  box.Check, InboxHost: "imap.example.org:993",
		Data: filepath.Dir(h.path), Write: true, Store: h.store,
		Integrity: func(ctx context.Context) error { return sqlstore.Check(ctx, h.path) },
		Proc:      t.TempDir(), Sys: t.TempDir(),
	}
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// document writes the one that a backup leaves.
func (h *house) document(body string) {
	_, err := h.store.Commit(h.t.Context(), broadcast.Change{Now: time.Now(), Documents: map[string][]byte{doctor.BackupDocument: []byte(body)}})
	must(h.t, err)
}

// practised lets the family have a drill at the time.
func (h *house) practised(at time.Time) {
	_, err := h.store.Commit(h.t.Context(), broadcast.Change{Now: at, Start: &broadcast.Start{
		Check: broadcast.Check{Kind: broadcast.Drill, Key: at.String(), StartedAt: at, Deadline: at.Add(time.Hour)},
	}})
	must(h.t, err)
}

// write puts a file below a folder that stands for /proc or /sys.
func (h *house) write(folder, path, text string) {
	path = filepath.Join(folder, path)
	must(h.t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(h.t, os.WriteFile(path, []byte(text), 0o644))
}

// look returns what is not good, a line for each, in English; and all that is
// known by its ID.
func (h *house) look() (wrong []string, all map[string]doctor.Grade) {
	h.t.Helper()
	en, ja := locale.For("en", time.UTC), locale.For("ja", time.UTC)
	all = map[string]doctor.Grade{}
	for _, f := range doctor.New(h.o).Look(h.t.Context()) {
		all[f.ID()] = f.Grade
		if f.Grade != doctor.Good {
			wrong = append(wrong, string(f.Grade)+" "+f.ID()+": "+f.Text(en, nil))
		}
		for _, t := range []*locale.Texts{en, ja} {
			text := f.Title(t) + f.Text(t, nil)
			if strings.Contains(text, "doctor.") && !strings.Contains(text, "doctor.probe") && !strings.Contains(text, "doctor.own") || strings.Contains(text, "<no value>") || strings.Contains(text, "\n") {
				h.t.Errorf("%s is worded %q", f.ID(), text)
			}
		}
	}
	return wrong, all
}

func TestAllIsWell(t *testing.T) {
	h := newHouse(t)
	h.back.Found = time.Now().Add(-8 * 24 * time.Hour) // that is long ago
	wrong, all := h.look()
	if len(wrong) > 0 {
		t.Errorf("something is wrong in a good house:\n%s", strings.Join(wrong, "\n"))
	}
	for _, id := range []string{
		"nextcloud", "clock", "talk-password", "talk", "room", "room-members", "room-history", "address-book", "members", "organisers",
		"mail-relay mail.example.org:587", "certificate mail.example.org:587", "mail-spf example.org", "inbox",
		"disk", "disk-speed", "ledger", "backup", "drill",
	} {
		if all[id] != doctor.Good {
			t.Errorf("%s is %q", id, all[id])
		}
	}
}

// Each line is broken in turn, and finds that.
func TestEachLineIsBroken(t *testing.T) {
	for _, c := range []struct {
		name  string
		wreck func(*house)
		want  string // how a line begins
		words string // and what it says
	}{
		{"unreachable", func(h *house) { h.talk.SetDown(true) }, "bad nextcloud", "cannot be reached"},
		{"maintenance", func(h *house) { h.talk.SetMaintenance(true) }, "bad nextcloud", "maintenance"},
		{"something else answers", func(h *house) { h.answers(200, "<title>Welcome to nginx!</title>") }, "bad nextcloud", "does not answer like a Nextcloud"},
		{"waits for an upgrade", func(h *house) {
			h.answers(200, `{"installed":true,"needsDbUpgrade":true,"versionstring":"32.0.1"}`)
		}, "bad nextcloud", "occ upgrade"},
		{"a clock that is off", func(h *house) { h.skew = -30 * time.Second }, "advice clock", "30 s ahead"},
		{"a clock of last Tuesday", func(h *house) { h.skew = 49 * time.Hour }, "bad clock", "behind Nextcloud"},
		{"a password taken back", func(h *house) { h.anpi.RevokeAppPasswords() }, "bad talk-password", "wrong or revoked"},
		{"a password refused lately", func(h *house) { h.o.Refused = time.Now().Add(-time.Minute) }, "bad talk-password", "half an hour"},
		{"no Talk", func(h *house) { h.talk.Disable("spreed") }, "bad talk", "no Talk here"},
		{"an old Talk", func(h *house) { h.talk.Disable("reactions") }, "advice talk", "lacks reactions"},
		{"not in the room", func(h *house) { h.talk.RemoveMember(h.room, "anpi") }, "bad room", "in no room"},
		{"a room to read only", func(h *house) { h.talk.SetReadOnly(h.room, true) }, "bad room", "may not write"},
		{"a closed lobby", func(h *house) { h.talk.SetLobby(h.room, true) }, "bad room", "lobby"},
		{"somebody not in the room", func(h *house) { h.talk.RemoveMember(h.room, "mum") }, "advice room-members", "Mum"},
		{"put back and not noticed", func(h *house) { h.back.Behind = true }, "bad room-history", "put back to an earlier state"},
		{"put back lately", func(h *house) { h.back.Found = time.Now().Add(-time.Hour) }, "advice room-history", "has read the rooms again"},
		{"books that cannot be read", func(h *house) { h.books.Err = errors.New("no such book") }, "advice address-book", "no such book"},
		{"books not read for long", func(h *house) { h.books.Read = time.Now().Add(-4 * time.Hour) }, "advice address-book", "last read"},
		{"half of the family gone", func(h *house) { h.books.Held = h.members }, "advice address-book", "Dad, Mum"},
		{"no roster yet", func(h *house) { h.members = nil }, "bad members", "no roster yet"},
		{"one way only", func(h *house) { h.members[1].Emails = nil }, "advice members", "Mum"},
		{"no way at all", func(h *house) { h.members[1] = roster.Member{Name: "Mum"} }, "bad members", "Nothing reaches Mum"},
		{"mail alone, and there is none", func(h *house) { h.o.Mail, h.members[1].Talk = nil, "" }, "bad members", "Only mail reaches Mum, and no mail server is configured."},
		{"no organiser", func(h *house) { h.members[0].Organiser = false }, "bad organisers", "Nobody is an organiser"},
		{"no mail server", func(h *house) { h.o.Mail = nil }, "advice mail", "No mail server"},
		{"a relay that is down", func(h *house) { h.mail.Refuse() }, "bad mail-relay mail.example.org:587", "cannot be reached"},
		{"no SPF", func(h *house) { h.relay.Resolver = emailtest.DNS{}.Resolver() }, "advice mail-spf example.org", "no SPF record"},
		{"a relay's certificate that ends", func(h *house) { h.certificate(emailtest.Options{Valid: 20 * 24 * time.Hour}) }, "advice certificate mail.example.org:587", "ends on"},
		{"a relay's certificate that has ended", func(h *house) { h.certificate(emailtest.Options{Expired: true}) }, "bad certificate mail.example.org:587", "ended on"},
		{"a mailbox that refuses", func(h *house) { h.box.Refuse(true) }, "bad inbox", "refuses the user name"},
		{"a mailbox that is away", func(h *house) { h.box.Away(true) }, "bad inbox", "cannot be read"},
		{"a web name that leads nowhere", func(h *house) { h.o.Web, h.o.Resolver = "https://anpi.example.org", emailtest.DNS{}.Resolver() }, "bad web-name", "leads nowhere"},
		{"a web name that leads astray", func(h *house) {
			h.o.Web, h.o.Resolver = "https://anpi.example.org", emailtest.DNS{"anpi.example.org": {"192.0.2.7"}}.Resolver()
			h.o.OwnAddress = h.outside(200, "192.0.2.1\n")
		}, "bad web-name", "leads to 192.0.2.7, but this house is at 192.0.2.1"},
		{"pages that cannot be seen from outside", func(h *house) {
			h.o.Web, h.o.Resolver = "https://192.0.2.7", emailtest.DNS{}.Resolver()
			h.o.Probe = h.outside(502, "") + "?page={url}"
		}, "bad web-outside", "cannot be seen from outside"},
		{"a service outside that is away", func(h *house) {
			h.o.Web, h.o.Probe = "https://192.0.2.7", "http://127.0.0.1:1/{url}"
			h.o.Transport = http.DefaultTransport
		}, "unknown web-outside", "does not answer"},
		{"a folder that is gone", func(h *house) { h.o.Data = "/nowhere" }, "bad disk", "cannot be used"},
		{"a folder that cannot be written", func(h *house) { h.o.Data = "/proc" }, "bad disk-speed", "fails"},
		{"a ledger that is damaged", (*house).damage, "bad ledger", "damaged"},
		{"a ledger that cannot be opened", func(h *house) { h.o.Broken = errors.New("out of luck") }, "bad ledger", "out of luck"},
		{"no backup", func(h *house) { h.document(`{}`) }, "advice backup", "no backup"},
		{"an old backup", func(h *house) { h.document(`{"at":"2020-01-02T03:04:05Z","verified":true}`) }, "advice backup", "Make a new one"},
		{"a backup that nobody could open", func(h *house) { h.document(`{"at":"2020-01-02T03:04:05Z"}`) }, "bad backup", "could not be opened"},
		{"no drill for long", func(h *house) { h.practised(time.Now().Add(-101 * 24 * time.Hour)) }, "advice drill", "101 days ago"},
		{"no drill ever", (*house).begin, "advice drill", "none yet"},
		{"half of a mirror", func(h *house) { h.write(h.o.Proc, "mdstat", mdstat) }, "bad raid md0", "without one of its disks"},
		{"a mirror that is rebuilt", func(h *house) { h.write(h.o.Proc, "mdstat", mdstat) }, "advice raid md1", "rebuilt"},
		{"an array that does not run", func(h *house) { h.write(h.o.Proc, "mdstat", mdstat) }, "bad raid md2", "does not run"},
		{"no mains power", func(h *house) { h.battery("Discharging", "80") }, "advice power", "runs on its battery (80 %)"},
		{"an empty battery", func(h *house) { h.battery("Discharging", "12") }, "bad power", "nearly empty (12 %)"},
		{"a check that panics", func(h *house) { h.o.Roster = func() roster.Roster { panic("oh no") } }, "unknown members", "stumbled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			c.wreck(h)
			wrong, all := h.look()
			found := false
			for _, line := range wrong {
				found = found || strings.HasPrefix(line, c.want+": ") && strings.Contains(line, c.words)
			}
			if !found {
				t.Errorf("there is no line %q with %q, but\n%s", c.want, c.words, strings.Join(wrong, "\n"))
			}
			if len(all) < 12 {
				t.Errorf("it broke other lines: %v", all)
			}
		})
	}
}

const mdstat = `Personalities : [raid1] [raid6]
md0 : active raid1 sdb1[1](F) sda1[0]
      976630464 blocks super 1.2 [2/1] [U_]
      bitmap: 0/8 pages [0KB], 65536KB chunk

md1 : active raid1 sdd1[2] sdc1[0]
      976630464 blocks super 1.2 [2/1] [U_]
      [==>..................]  recovery = 12.6% (123456/976630464) finish=127.5min speed=33440K/sec

md2 : inactive sde1[0](S)
      976630464 blocks super 1.2

md3 : active raid1 sdg1[1] sdf1[0]
      976630464 blocks super 1.2 [2/2] [UU]

unused devices: <none>
`

func TestAGoodArrayAndPower(t *testing.T) {
	h := newHouse(t)
	h.write(h.o.Proc, "mdstat", mdstat)
	h.write(h.o.Sys, "class/power_supply/AC/type", "Mains\n")
	h.write(h.o.Sys, "class/power_supply/AC/online", "1\n")
	h.write(h.o.Sys, "class/power_supply/BAT0/type", "Battery\n")
	h.write(h.o.Sys, "class/power_supply/BAT0/status", "Charging\n")
	h.write(h.o.Sys, "class/power_supply/BAT0/capacity", "5\n")
	h.write(h.o.Sys, "class/power_supply/mouse/type", "Battery\n")
	h.write(h.o.Sys, "class/power_supply/mouse/scope", "Device\n")
	h.write(h.o.Sys, "class/power_supply/mouse/status", "Discharging\n")
	_, all := h.look()
	if all["raid md3"] != doctor.Good || all["power"] != doctor.Good {
		t.Errorf("the array is %q, the power %q", all["raid md3"], all["power"])
	}
}

// battery gives the machine a battery, and takes the mains away.
func (h *house) battery(status, capacity string) {
	h.write(h.o.Sys, "class/power_supply/AC/type", "Mains\n")
	h.write(h.o.Sys, "class/power_supply/AC/online", "0\n")
	h.write(h.o.Sys, "class/power_supply/BAT0/type", "Battery\n")
	h.write(h.o.Sys, "class/power_supply/BAT0/status", status+"\n")
	h.write(h.o.Sys, "class/power_supply/BAT0/capacity", capacity+"\n")
}

// begin gives the family a new ledger.
func (h *house) begin() {
	store, err := sqlstore.Open(h.t.Context(), filepath.Join(h.t.TempDir(), "new.db"))
	must(h.t, err)
	h.t.Cleanup(func() { store.Close() })
	h.o.Store = store
}

// damage tears a page out of the ledger.
func (h *house) damage() {
	_, err := h.store.Commit(h.t.Context(), broadcast.Change{Now: time.Now(), Documents: map[string][]byte{"long": make([]byte, 1<<16)}})
	must(h.t, err)
	must(h.t, h.store.Close())
	body, err := os.ReadFile(h.path)
	must(h.t, err)
	for i := 8192; i < len(body); i++ {
		body[i] ^= 0x5a
	}
	must(h.t, os.WriteFile(h.path, body, 0o600))
	h.o.Store = nil
}

// answers makes something answer every request to Nextcloud.
func (h *house) answers(status int, body string) {
	h.talk.Fault(func(*http.Request) *talktest.Fault { return &talktest.Fault{Status: status, Body: body} })
}

// certificate gives the mail server another one.
func (h *house) certificate(o emailtest.Options) {
	h.mail.Close()
	h.mail = emailtest.NewServer(o)
	for i := range h.relay.Relays {
		h.relay.Relays[i].TLSConfig = h.mail.TLSConfig()
	}
	h.relay.Dial = h.mail.Dial
}

// outside is a service outside that answers so. Nextcloud is asked over the same
// transport as before.
func (h *house) outside(status int, body string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	h.t.Cleanup(s.Close)
	inner := h.o.Transport
	h.o.Transport = transport(func(r *http.Request) (*http.Response, error) {
		if "http://"+r.URL.Host == s.URL {
			return http.DefaultTransport.RoundTrip(r)
		}
		return inner.RoundTrip(r)
	})
	return s.URL
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// A certificate of a page is judged by the connection to it.
func TestCertificatesOfPages(t *testing.T) {
	for _, c := range []struct {
		name  string
		trust bool
		want  doctor.Grade
	}{{"trusted", true, doctor.Good}, {"signed by nobody", false, doctor.Bad}} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			s := httptest.NewTLSServer(h.talk)
			defer s.Close()
			roots := x509.NewCertPool()
			if c.trust {
				roots.AddCert(s.Certificate())
			}
			h.o.Nextcloud = s.URL
			h.o.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
			_, all := h.look()
			if got := all["certificate "+strings.TrimPrefix(s.URL, "https://")]; got != c.want {
				t.Errorf("the certificate is %q, want %q: %v", got, c.want, all)
			}
		})
	}
}

// A probe that hangs is given up, and not begun again while it hangs.
func TestAProbeThatHangs(t *testing.T) {
	h := newHouse(t)
	h.o.Patience = 100 * time.Millisecond
	began, release := make(chan bool, 9), make(chan bool)
	defer close(release)
	h.o.Books = func(context.Context) doctor.Books { began <- true; <-release; return doctor.Books{} }
	d := doctor.New(h.o)
	for range 2 {
		if got := doctor.GradeOf(d.Look(t.Context()), "address-book"); got != doctor.Unknown {
			t.Errorf("the address book is %q", got)
		}
	}
	<-began
	if len(began) > 0 {
		t.Errorf("the probe was begun %d times", 1+len(began))
	}
}
