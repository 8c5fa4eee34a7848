package app

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox/inboxtest"
	"github.com/anpi-bot/anpi/cmd/internal/config"
)

// mailbox gives the family a page and a mailbox for replies.
func (f *family) mailbox() *inboxtest.Server {
	server := inboxtest.NewServer(inboxtest.Options{})
	f.options.Config.Web = &config.Web{URL: "https://anpi.example.org"}
	f.options.Config.Inbox = &config.Inbox{
		Server:  config.Server{Host: inboxtest.Host, Port: 143, Security: "none", User: inboxtest.User, Password: inboxtest.Password},
		Address: "anpi@example.org",
	}
	f.options.DialInbox = server.Dial
	return server
}

// uncleReplies puts Uncle's reply to a mail of ours into the mailbox.
func uncleReplies(box *inboxtest.Server, asked emailtest.Mail, text string) {
	box.Deliver("From: Uncle <uncle@example.org>\r\nTo: anpi@example.org\r\nSubject: Re: x\r\nMessage-ID: <1@example.org>\r\n" +
		"In-Reply-To: " + asked.Header.Get("Message-Id") + "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text)
}

// mailTo is the newest mail to an address.
func (f *family) mailTo(to string) emailtest.Mail {
	f.t.Helper()
	var newest emailtest.Mail
	for _, m := range f.mail.Mails() {
		for _, r := range m.To {
			if r == to {
				newest = m
			}
		}
	}
	if newest.Raw == "" {
		f.t.Fatalf("there is no mail to %s", to)
	}
	return newest
}

var answerLink = regexp.MustCompile(`https://anpi\.example\.org(/a/[A-Za-z0-9]+)`)

// link is the path of the answer page in a mail.
func link(t *testing.T, m emailtest.Mail) string {
	t.Helper()
	found := answerLink.FindStringSubmatch(m.Body)
	if found == nil {
		t.Fatalf("the mail has no link:\n%s", m.Body)
	}
	return found[1]
}

// visit asks for a page as a browser does.
func visit(a *App, method, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://anpi.example.org"+path, strings.NewReader(form.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	w := httptest.NewRecorder()
	a.Pages().ServeHTTP(w, r)
	return w
}

var nonce = regexp.MustCompile(`name="nonce" value="([^"]+)"`)

// Uncle has no Talk: he opens the link in his mail and presses a button. What
// scans his mail opens the link before him, and answers nothing.
func TestAnswerOnThePage(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		defer f.mailbox().Close()
		a := f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(5 * time.Second)
		path := link(t, f.mailTo("uncle@example.org"))
		for range 3 {
			visit(a, http.MethodGet, path, nil)
			visit(a, http.MethodHead, path, nil)
		}
		f.rest(10 * time.Second)
		wants(t, "the tally", f.tally(), "0 of 6 answered")

		page := visit(a, http.MethodGet, path, nil).Body.String()
		wants(t, "the page", page, "Are you safe?", "not yet")
		form := url.Values{"nonce": {nonce.FindStringSubmatch(page)[1]}, "status": {"help"}, "text": {"the bridge is gone"}}
		if w := visit(a, http.MethodPost, path, form); w.Code != http.StatusSeeOther {
			t.Fatalf("pressing the button gave %d: %s", w.Code, w.Body)
		}
		f.rest(10 * time.Second)
		wants(t, "the tally", f.tally(), "🆘 needs help 1: Uncle")
		f.once("the alarm in the room", f.wrote(f.room), "Uncle needs help")
		f.once("the alarm to Dad", f.alone(f.dad), "the bridge is gone")

		f.rest(30 * time.Minute)
		if got := f.mails("uncle@example.org"); len(got) != 1 {
			t.Errorf("Uncle was asked again although he had answered: %q", got)
		}
	})
}

// Uncle replies to the mail instead, quoting it all.
func TestAnswerByReplying(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		box := f.mailbox()
		defer box.Close()
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(5 * time.Second)
		asked := f.mailTo("uncle@example.org")
		wants(t, "the mail", asked.Body, "reply to this mail")
		uncleReplies(box, asked, "I am safe\r\n\r\nOn Sat, 1 Jan 2000, Anpi wrote:\r\n> Safety check: are you safe?\r\n> help\r\n")
		f.rest(time.Minute)
		wants(t, "the tally", f.tally(), "✅ safe 1: Uncle")
	})
}

// Uncle tells of Grandma, too, who is with him; Kenta has called for help himself,
// which no mail of Uncle's undoes.
func TestReplyingForOthers(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		box := f.mailbox()
		defer box.Close()
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(5 * time.Second)
		f.kenta.React(f.room, f.prompt().ID, "🆘")
		f.rest(5 * time.Second)
		asked := f.mailTo("uncle@example.org")
		uncleReplies(box, asked, "I am safe. Grandma is fine, she is with me. Kenta is fine.\r\n")
		f.rest(time.Minute)
		wants(t, "the tally", f.tally(), "✅ safe 2: Grandma, Uncle", "🆘 needs help 1: Kenta")
	})
}

// Mum goes away; the whole household is told what Anpi knows of it, in the
// language that each has asked for.
func TestAHouseholdTalksToAnpi(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		f.options.Config.Drills = []config.Drill{{Name: "monthly", Cron: "0 9 1 * *"}}
		f.options.Config.Roster.Names = map[string][]string{"grandma": {"ばあば"}}
		f.start()
		f.akari.SayDirect("anpi", "language 日本語")
		f.rest(2 * time.Minute)
		f.once("what Akari is told", f.alone(f.akari), "これからは日本語でお話しします。")
		f.dad.SayDirect("anpi", "pause Mum 1/1-1/3")
		f.rest(2 * time.Minute)
		f.once("what Dad is told", f.alone(f.dad), "Mum is away from Sat 1 Jan to Mon 3 Jan")
		f.dad.Say(f.room, "!next")
		f.rest(5 * time.Second)
		f.once("the next drill", f.wrote(f.room), "Sat 1 Jan, 9:00 am monthly")
		f.dad.Say(f.room, "!check")
		f.rest(5 * time.Second)
		asked, _ := find(f.wrote(f.room), "Tap ✅ within 60 seconds")
		f.dad.React(f.room, asked.ID, "✅")
		f.rest(40 * time.Minute)
		f.akari.Say(f.room, "ばあばは無事です")
		f.rest(5 * time.Second)
		wants(t, "the tally", f.tally(), "✅ safe 1: Grandma")
		if got := texts(f.alone(f.mum)); count(got, "not heard from you") != 0 || count(texts(f.alone(f.akari)), "まだ返事が届いていません") == 0 {
			t.Errorf("Mum was told %q, Akari %q", got, texts(f.alone(f.akari)))
		}
	})
}

// Somebody else writes in Uncle's name: it counts for nothing, and Dad hears
// of it.
func TestReplyFromAStranger(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		box := f.mailbox()
		defer box.Close()
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(5 * time.Second)
		asked := f.mailTo("uncle@example.org")
		box.Deliver("From: Uncle <somebody@elsewhere.example>\r\nTo: anpi@example.org\r\nMessage-ID: <2@example.org>\r\n" +
			"In-Reply-To: " + asked.Header.Get("Message-Id") + "\r\n\r\nI am safe\r\n")
		f.rest(time.Minute)
		wants(t, "the tally", f.tally(), "0 of 6 answered")
		if got := texts(f.alone(f.dad)); count(got, "Uncle") != 1 {
			t.Errorf("Dad was told %q", got)
		}
	})
}

// The mail to Uncle bounces: his other address is tried at once.
func TestMailBounces(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		box := f.mailbox()
		defer box.Close()
		f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(5 * time.Second)
		asked := f.mailTo("uncle@example.org")
		box.Deliver("From: MAILER-DAEMON@example.org\r\nTo: anpi@example.org\r\nSubject: Undelivered Mail\r\nMessage-ID: <3@example.org>\r\n" +
			"Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n" +
			"--b\r\nContent-Type: text/plain\r\n\r\nIt did not arrive.\r\n" +
			"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; example.org\r\n\r\n" +
			"Final-Recipient: rfc822; uncle@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 no such user\r\n\r\n" +
			"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: " + asked.Header.Get("Message-Id") + "\r\n\r\n--b--\r\n")
		f.rest(time.Minute)
		if got := f.mails("uncle@work.example"); len(got) != 1 {
			t.Errorf("Uncle's other address has the mails %q", got)
		}
	})
}

// Dad posts the board in the room; whoever has the link sees names and
// statuses, until he closes it.
func TestBoard(t *testing.T) {
	story(t, func(t *testing.T, f *family) {
		defer f.mailbox().Close()
		a := f.start()
		f.dad.Say(f.room, "!check now")
		f.rest(5 * time.Second)
		f.akari.Say(f.room, "I'm safe")
		f.dad.Say(f.room, "!board")
		f.rest(5 * time.Second)
		posted, ok := find(f.wrote(f.room), "https://anpi.example.org/b/")
		if !ok {
			t.Fatalf("no link to the board: %q", texts(f.wrote(f.room)))
		}
		path := posted.Text[strings.Index(posted.Text, "/b/"):]
		w := visit(a, http.MethodGet, path, nil)
		wants(t, "the board", w.Body.String(), "Akari", "Grandma")
		if strings.Contains(w.Body.String(), "@docomo.example") {
			t.Error("the board shows an address")
		}
		f.kenta.Say(f.room, "!board off")
		f.rest(5 * time.Second)
		if w := visit(a, http.MethodGet, path, nil); w.Code != http.StatusOK {
			t.Error("Kenta, who is no organiser, closed the board")
		}
		f.dad.Say(f.room, "!board off")
		f.rest(5 * time.Second)
		if w := visit(a, http.MethodGet, path, nil); w.Code != http.StatusNotFound {
			t.Errorf("the closed board answers %d", w.Code)
		}
	})
}
