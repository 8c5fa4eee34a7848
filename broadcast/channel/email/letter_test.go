package email_test

import (
	"mime"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
	"github.com/anpi-bot/anpi/roster"
	"github.com/google/go-cmp/cmp"
)

func TestAddressesThatPeopleReallyHave(t *testing.T) {
	f := newFamily(t, emailtest.Options{})
	for _, c := range []struct{ written, onEnvelope string }{
		{"bob@example.com", "bob@example.com"},
		{" bob@example.com ", "bob@example.com"},
		{"a..b@docomo.ne.jp", "a..b@docomo.ne.jp"},
		{"a.@docomo.ne.jp", "a.@docomo.ne.jp"},
		{".a-_!#$%&'*+/=?^`{|}~@ezweb.ne.jp", ".a-_!#$%&'*+/=?^`{|}~@ezweb.ne.jp"},
		{`"a..b"@docomo.ne.jp`, "a..b@docomo.ne.jp"},
		{`"two words"@example.com`, "two words@example.com"},
		{`"bob@home"@example.com`, "bob@home@example.com"},
		{"Bob <bob@example.com>", "bob@example.com"},
		{"花子@例え.jp", "花子@例え.jp"},
	} {
		m := ask(bob, broadcast.Real)
		m.Address = c.written
		got := f.mustSend(m)
		if diff := cmp.Diff([]string{c.onEnvelope}, got.To); diff != "" {
			t.Errorf("%q on the envelope (-want +got):\n%s", c.written, diff)
		}
		to, err := got.Header.AddressList("To")
		if err != nil || len(to) != 1 || to[0].Address != c.onEnvelope || to[0].Name != bob.Name {
			t.Errorf("%q reads back as %v (%v)", c.written, to, err)
		}
	}
}

func TestAddressIsQuotedOnTheWire(t *testing.T) {
	f := newFamily(t, emailtest.Options{})
	if m := f.mustSend(ask(grandmother, broadcast.Real)); !strings.Contains(m.Raw, `<"hana..yamada"@docomo.ne.jp>`) {
		t.Errorf("the address is not quoted in\n%s", m.Raw)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	f := newFamily(t, emailtest.Options{})
	for _, written := range []string{
		"", "@", "bob", "bob@", "@example.com", "two words@example.com", "bob@example..com", "bob@exa mple.com", "a@b@example.com",
		"bob@example.com\r\nRCPT TO:<eve@example.com>", "bob@example.com>\nDATA", "b\u202eob@example.com", "bob\x00@example.com",
		"bob@example.com, eve@example.com", "bob@example.com\u200b",
		strings.Repeat("b", 250) + "@example.com",
	} {
		m := ask(bob, broadcast.Real)
		m.Address = written
		got := f.send(m)
		if got == nil || !got.Permanent || got.Reason != "mail-address" {
			t.Errorf("%q gives %+v", written, got)
		}
	}
	if n := f.server.Dialled(); n != 0 {
		t.Errorf("the server was called %d times for them", n)
	}
}

func TestServerThatTakesNoJapaneseAddresses(t *testing.T) {
	f := newFamily(t, emailtest.Options{ASCII: true})
	m := ask(bob, broadcast.Real)
	m.Address = "花子@example.jp"
	if got := f.send(m); got == nil || !got.Permanent || got.Reason != "mail-rejected: 553 the server takes addresses in ASCII only" {
		t.Errorf("failure: %+v", got)
	}
}

func TestNamesStayNames(t *testing.T) {
	f := newFamily(t, emailtest.Options{})
	for name, want := range map[string]string{
		`Bob "the builder" O'Neill, Jr.`:                 `Bob "the builder" O'Neill, Jr.`,
		"bob@home.example":                               "bob@home.example",
		"Eve\r\nBcc: everybody@example.com\r\n\r\nhello": "Eve Bcc: everybody@example.com hello",
		"お母さん 👩‍👧‍👦 𠮷田":                                  "お母さん 👩‍👧‍👦 𠮷田",
		"evil\u202ename\u2066":                           "evilname",
		"=?utf-8?q?Eve=0D=0ABcc:_x?=":                    "=?utf-8?q?Eve=0D=0ABcc:_x?=",
		"\\\" <eve@example.com>":                         "\\\" <eve@example.com>",
		"nul\x00 and bell\a":                             "nul and bell",
		"":                                               "",
		strings.Repeat("とても長い名前", 12) + " " + "山田": strings.Repeat("とても長い名前", 12) + " 山田",
	} {
		m := ask(bob, broadcast.Real)
		m.Members = []roster.Member{{Name: name, Lang: "ja"}}
		m.Check.StartedBy, m.Check.Question = name, name
		got := f.mustSend(m)
		wellFormed(t, got)
		to, err := got.Header.AddressList("To")
		if err != nil || len(to) != 1 || to[0].Name != want || to[0].Address != bob.Emails[0] {
			t.Errorf("%q reads back as %v (%v), want %q", name, to, err, want)
		}
	}
}

func TestNoOtherAddressIsInTheMail(t *testing.T) {
	f := newFamily(t, emailtest.Options{})
	m := ask(bob, broadcast.Real)
	m.Purpose = broadcast.Silence
	m.Tally = broadcast.Tally{Standings: []broadcast.Standing{{Member: grandmother, Status: broadcast.Pending}, {Member: sakura, Status: broadcast.Pending}}}
	got := f.mustSend(m)
	for _, other := range []string{"docomo", "sakura@"} {
		if strings.Contains(got.Raw, other) || strings.Contains(got.Body, other) {
			t.Errorf("the mail to Bob tells of %s:\n%s", other, got.Body)
		}
	}
}

// headers are all that a mail of ours may have.
var headers = map[string]bool{
	"Auto-Submitted": true, "Date": true, "Importance": true, "Message-Id": true, "Mime-Version": true, "Priority": true, "Subject": true,
	"X-Auto-Response-Suppress": true, "X-Msmail-Priority": true, "X-Priority": true, "From": true, "To": true, "Reply-To": true,
	"Content-Transfer-Encoding": true, "Content-Type": true,
}

var loneBreak = regexp.MustCompile(`[^\r]\n|\r[^\n]`)

// wellFormed checks what every mail must hold to, whoever is named in it.
func wellFormed(t *testing.T, m emailtest.Mail) {
	t.Helper()
	if loneBreak.MatchString(m.Raw) {
		t.Errorf("a line does not end as lines of mail do in\n%q", m.Raw)
	}
	for _, line := range strings.Split(m.Raw, "\r\n") {
		// A Message-ID or an address has no place where it could be broken.
		if len(line) > 78 && strings.Contains(strings.TrimSpace(line), " ") || len(line) > 300 {
			t.Errorf("a line has %d characters: %q", len(line), line)
		}
		international := strings.ContainsFunc(m.To[0], func(r rune) bool { return r > '~' })
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' && !international }) {
			t.Errorf("a line has characters that do not belong into a mail: %q", line)
		}
	}
	read, err := mail.ReadMessage(strings.NewReader(m.Raw))
	if err != nil {
		t.Fatalf("it cannot be read: %v\n%q", err, m.Raw)
	}
	for key, values := range read.Header {
		if !headers[key] || len(values) != 1 {
			t.Errorf("it has the headers %s: %q", key, values)
		}
	}
	if decoded, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject")); err != nil || strings.ContainsAny(decoded, "\r\n") {
		t.Errorf("the subject is %q (%v)", decoded, err)
	}
	harmless(t, m)
	if !utf8.ValidString(m.Body) {
		t.Errorf("the text is not UTF-8: %q", m.Body)
	}
}

// Names and addresses come from address books that anybody may have filled in:
// whatever they hold, a mail has one recipient and no headers but ours.
func FuzzNamesAndAddresses(f *testing.F) {
	for _, seed := range [][2]string{
		{"Bob", "bob@example.com"}, {"山田ハナ", "hana..yamada@docomo.ne.jp"}, {"x\r\nBcc: a@b", "bob@example.com\r\nDATA"},
		{`"`, `"a b"@c`}, {"=?utf-8?b?DQo=?=", `"a\"b"@c.d`}, {"\u202e\xff", "花子@例え.jp"}, {"a", "a@[127.0.0.1]"}, {"(comment)", "a(c)@b"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, address string) {
		family := newFamily(t, emailtest.Options{})
		m := ask(bob, broadcast.Real)
		m.Members, m.Address = []roster.Member{{Name: name}}, address
		m.Purpose, m.About, m.Answer.Text = broadcast.Alarm, roster.Member{Name: name}, name
		if failure := family.send(m); failure != nil {
			if !failure.Permanent || len(family.server.Mails()) > 0 {
				t.Fatalf("failure: %+v", failure)
			}
			return
		}
		mails := family.server.Mails()
		if len(mails) != 1 || len(mails[0].To) != 1 {
			t.Fatalf("there are %d mails: %+v", len(mails), mails)
		}
		to, err := mails[0].Header.AddressList("To")
		if err != nil || len(to) != 1 || to[0].Address != mails[0].To[0] {
			t.Fatalf("it is for %v (%v), and on the envelope for %q", to, err, mails[0].To)
		}
		wellFormed(t, mails[0])
	})
}
