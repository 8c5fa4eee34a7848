package letter_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox/letter"
	"github.com/anpi-bot/anpi/broadcast/longtest"
	"github.com/anpi-bot/anpi/broadcast/worktest"
)

const head = "From: hana@example.jp\nIn-Reply-To: <a@example.org>\nSubject: Re: x\n"

func readText(t *testing.T, body string) string {
	t.Helper()
	m, err := letter.Read([]byte(head + "Content-Type: text/plain; charset=utf-8\n\n" + body))
	if err != nil {
		t.Fatal(err)
	}
	return m.Text
}

// What a person wrote must not be taken for something that a program wrote: the
// words may be a cry for help.
func TestWordsOfPeopleStay(t *testing.T) {
	for _, text := range []string{
		"無事です\n-----\n足をけがした",
		"無事です\n--\n助けて",
		"無事です\n＊＊＊＊\n母が動けません 090-1111-2222",
		"父は大丈夫だと母が書きました\n私は助けてほしい",
		"避難所から送信\n水をください",
		"On the roof. Dad wrote:\nhelp us",
		"11月22日のメール：\n助けて",
		">_<\n助けて",
		"＞＜ 助けて",
		"From: the roof\nhelp",
		"件名: なし\n助けて",
		"元のメール\n助けて",
		"転送メール\n助けて",
		"Sent: two people for help",
	} {
		if got := readText(t, text); got != text {
			t.Errorf("of %q only %q is left", text, got)
		}
	}
}

func TestOnlyTheBeginningOfAHugeMailIsRead(t *testing.T) {
	text := readText(t, "無事です\n"+strings.Repeat("x", letter.MaxSize)+"beyond")
	if !strings.HasPrefix(text, "無事です") || strings.Contains(text, "beyond") {
		t.Errorf("of a mail beyond the limit the text begins with %.20q, and holds what stands beyond: %v", text, strings.Contains(text, "beyond"))
	}
	if n := utf8.RuneCountInString(text); n > letter.MaxText {
		t.Errorf("the text has %d characters, want %d at most", n, letter.MaxText)
	}
}

func TestALongTextKeepsItsEnd(t *testing.T) {
	text := readText(t, "揺れました\n"+strings.Repeat("こわい", letter.MaxText)+"\n助けて")
	if !strings.HasPrefix(text, "揺れました") || !strings.HasSuffix(text, "助けて") {
		t.Errorf("the text begins with %.30q and ends with %q", text, text[len(text)-30:])
	}
}

func TestBytesThatAreNoMail(t *testing.T) {
	for _, raw := range []string{"", "\r\n", "無事です", "\x00\x01", " folded: first"} {
		if m, err := letter.Read([]byte(raw)); !errors.Is(err, letter.ErrNoMail) {
			t.Errorf("%q is read as %+v (%v), want %v", raw, m, err, letter.ErrNoMail)
		}
	}
}

// hard are mails of about the size, each made of what could be hard to read.
func hard(size int) map[string]string {
	fill := func(unit string) string { return strings.Repeat(unit, size/len(unit)) }
	return map[string]string{
		"parts within parts":      "From: a@b\n" + fill("Content-Type: multipart/mixed; boundary=b\n\n--b\n") + "\ntext",
		"many parts":              "From: a@b\nContent-Type: multipart/mixed; boundary=b\n\n" + fill("--b\n\nx\n"),
		"introductions":           head + "\n" + fill("On 2026/01/17 5:51, Anpi <a@b> wrote:\n\n\n"),
		"beginnings of them":      head + "\n" + fill("On 2026/01/17 5:51, \n"),
		"header lines in text":    head + "\n" + fill("From: x\n"),
		"rulers":                  head + "\n" + fill("-----\n"),
		"signature marks":         head + "\n" + fill("-- \n"),
		"one long line":           head + "\n" + fill("On 1"),
		"a long line of marks":    head + "\n" + fill(">"),
		"long flowed text":        head + "Content-Type: text/plain; format=flowed; delsp=yes\n\n" + fill("x \n"),
		"deep HTML":               head + "Content-Type: text/html\n\n" + fill("<blockquote>"),
		"half entities":           head + "Content-Type: text/html\n\n" + fill("&am"),
		"header lines":            fill("References: <a@b>\n"),
		"one long header":         "From: " + fill("<a@b> "),
		"encoded words":           "Subject: " + fill("=?utf-8?B?44GC?= ") + "\n\n",
		"broken quoted-printable": head + "Content-Transfer-Encoding: quoted-printable\n\n" + fill("=  "),
		"kanji in no charset":     head + "\n" + fill("\x8e\x96"),
		"addresses in a bounce":   "From: MAILER-DAEMON@b\nSubject: failure notice\n\n" + fill("a@b "),
		"groups in a status":      "From: MAILER-DAEMON@b\nContent-Type: message/delivery-status\n\n" + fill("Action: x\n\n"),
	}
}

// Eight times the mail may be some eight times as much work, not sixty-four times.
func TestReadingTakesAsLongAsTheMailIs(t *testing.T) {
	const size = 32 << 10
	small, large := hard(size), hard(8*size)
	names := slices.Sorted(maps.Keys(small))
	worktest.Measure(t, []string{"strings", "bytes", "regexp", "golang.org/x/net/html"}, func(of func(func()) int) {
		for i := 0; i < len(names); i += longtest.Every(3) {
			read := func(raw string) int {
				return of(func() {
					if _, err := letter.Read([]byte(raw)); err != nil {
						t.Error(err)
					}
				})
			}
			name := names[i]
			if one, eight := read(small[name]), read(large[name]); eight > 16*one {
				t.Errorf("%s: %d bytes are the work %d, %d bytes %d", name, len(small[name]), one, len(large[name]), eight)
			}
		}
	})
}

// sound fails the test where a reading holds what a ledger or a terminal would
// stumble over, or more than there may be.
func sound(t *testing.T, m letter.Mail) {
	t.Helper()
	if n := utf8.RuneCountInString(m.Text); n > letter.MaxText {
		t.Errorf("the text has %d characters", n)
	}
	all := append([]string{m.From.Name, m.From.Address, m.MessageID, m.Subject, m.Failed.Recipient, m.Failed.OriginalID, m.Failed.Status, m.Failed.Diagnostic}, m.To...)
	all = append(append(all, m.InReplyTo...), m.References...)
	for _, s := range all {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || len(s) > 4000 {
			t.Errorf("something was read as %q", s)
		}
	}
	if !utf8.ValidString(m.Text) || strings.ContainsFunc(m.Text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
		t.Errorf("the text is %q", m.Text)
	}
	if m.Kind == letter.Bounce && (m.Text != "" || m.Automation != "") {
		t.Errorf("a bounce says %q, and is %q", m.Text, m.Automation)
	}
	if rest := letter.WithoutDirections(m.Text); len(rest) > len(m.Text) {
		t.Errorf("without the directions there is more left: %q", rest)
	}
	if m.Kind != letter.Bounce && m.Failed != (letter.Failed{}) {
		t.Errorf("a mail of the kind %s came back: %+v", m.Kind, m.Failed)
	}
}

func FuzzRead(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "corpus", "*.eml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := letter.Read(raw)
		if err != nil && !errors.Is(err, letter.ErrNoMail) {
			t.Fatal(err)
		}
		sound(t, m)
	})
}

// FuzzStatus reads delivery reports around any machine's half.
func FuzzStatus(f *testing.F) {
	f.Add("Reporting-MTA: dns; a\n\nFinal-Recipient: rfc822; hana@example.jp\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no\n", "Message-ID: <a@b>\n")
	f.Add("Action: delayed\nStatus: 4.0.0\n", "")
	f.Add("Final-Recipient: \nStatus: 5\n\n\n\nAction: FAILED", "Subject: x\n\nMessage-ID: <no@header>\n")
	f.Fuzz(func(t *testing.T, status, returned string) {
		raw := "From: MAILER-DAEMON@b\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"=_edge of it_=\"\n\n" +
			"--=_edge of it_=\nContent-Type: message/delivery-status\n\n" + status +
			"\n--=_edge of it_=\nContent-Type: text/rfc822-headers\n\n" + returned + "\n--=_edge of it_=--\n"
		m, err := letter.Read([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind != letter.Bounce {
			t.Errorf("a delivery report is read as %s", m.Kind)
		}
		sound(t, m)
	})
}
