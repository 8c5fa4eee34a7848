package email_test

import (
	"maps"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/broadcast/channel/email"
	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
	"github.com/anpi-bot/anpi/broadcast/locale"
)

// records are those of a domain whose mail nobody has a reason to refuse.
func records() emailtest.DNS {
	return emailtest.DNS{
		"home.example.org":                      {"some-verification=1", "v=spf1 mx include:provider.example ~all"},
		"selector1._domainkey.home.example.org": {"v=DKIM1; k=rsa; p=" + strings.Repeat("MIIBIjANBgkq", 30)},
		"_dmarc.example.org":                    {"v=DMARC1; p=none"},
	}
}

// check looks at two servers; change makes something wrong. It returns what was
// found: grade, what about, and the text.
func check(t *testing.T, dns emailtest.DNS, own emailtest.Options, change ...func(*email.Options)) []string {
	t.Helper()
	own.Host = "mail.home.example"
	second := emailtest.Options{Host: "smtp.provider.example", ImplicitTLS: true}
	servers := []*emailtest.Server{emailtest.NewServer(own), emailtest.NewServer(second)}
	o := email.Options{
		Relays: []email.Relay{relay(servers[0], own), relay(servers[1], second)}, From: mail.Address{Address: "anpi@home.example.org"},
		Dial: emailtest.Dial(servers...), Resolver: dns.Resolver(),
	}
	o.Relays[1].Security = email.TLS
	for _, c := range change {
		c(&o)
	}
	findings, err := email.Check(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range servers {
		if n := len(s.Mails()); n != 0 {
			t.Errorf("the check sent %d mails", n)
		}
		s.Close()
	}
	var texts []string
	for _, f := range findings {
		if f.Grade == email.Bad && f.Err == nil {
			t.Errorf("the log gets nothing to read of %+v", f)
		}
		if strings.Contains(f.Text(locale.For("ja", time.UTC)), "map[") {
			t.Errorf("in Japanese it reads %q", f.Text(locale.For("ja", time.UTC)))
		}
		texts = append(texts, string(f.Grade)+": "+f.Text(locale.For("en", time.UTC)))
	}
	return texts
}

func TestCheckOfAHouseInOrder(t *testing.T) {
	got := check(t, records(), emailtest.Options{Users: map[string]string{"anpi": "secret"}})
	want := []string{
		"good: mail.home.example:587 takes mail from Anpi.",
		"good: smtp.provider.example:465 takes mail from Anpi.",
		"good: home.example.org says which servers send its mail (SPF).",
		"good: home.example.org has a key to sign its mail with (DKIM).",
		"good: home.example.org says what becomes of forged mail (DMARC).",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
}

func TestCheckFindsWhatIsWrongWithAServer(t *testing.T) {
	users := map[string]string{"anpi": "secret"}
	for want, c := range map[string]struct {
		server emailtest.Options
		change func(*email.Options)
	}{
		"bad: mail.home.example:587 takes no mail from Anpi. The mail server refuses the user name or password. Check [mail] in the configuration. (535 5.7.8": {emailtest.Options{Users: users}, func(o *email.Options) { o.Relays[0].Password = "old" }},
		"bad: mail.home.example:587 takes no mail from Anpi. There is no safe connection to the mail server.":                                                  {emailtest.Options{Expired: true}, func(*email.Options) {}},
		"bad: mail.home.example:587 takes no mail from Anpi. The mail server refuses the user name or password. Check [mail] in the configuration. (530 5.7.0": {emailtest.Options{Users: users}, func(o *email.Options) { o.Relays[0].User, o.Relays[0].Password = "", "" }},
		"bad: mail.homme.example:587 takes no mail from Anpi. The mail server cannot be reached.":                                                              {emailtest.Options{}, func(o *email.Options) { o.Relays[0].Host = "mail.homme.example" }},
		"advice: The certificate of mail.home.example:587 ends on":                                                                                             {emailtest.Options{Valid: 13 * 24 * time.Hour}, func(*email.Options) {}},
		"advice: Mail to mail.home.example:25 is not encrypted.":                                                                                               {emailtest.Options{NoTLS: true}, func(o *email.Options) { o.Relays[0].Security = email.Plain }},
		"advice: There is no mail server but mail.home.example:587.":                                                                                           {emailtest.Options{}, func(o *email.Options) { o.Relays = o.Relays[:1] }},
	} {
		got := strings.Join(check(t, records(), c.server, c.change), "\n")
		if !strings.Contains(got, want) {
			t.Errorf("it found\n%s\nwant\n%s", got, want)
		}
		if strings.Contains(got, "bad: ") != strings.HasPrefix(want, "bad: ") || strings.Contains(got, "secret") {
			t.Errorf("it found\n%s", got)
		}
	}
}

func TestCheckFindsASenderThatIsNotOurs(t *testing.T) {
	server := emailtest.NewServer(emailtest.Options{})
	defer server.Close()
	server.Fail(emailtest.Fault{At: emailtest.Sender, Code: 553, Text: "5.7.1 Not your address"})
	findings, err := email.Check(t.Context(), email.Options{
		Relays: []email.Relay{relay(server, emailtest.Options{})}, From: mail.Address{Address: "anpi@home.example.org"},
		Dial: server.Dial, Resolver: records().Resolver(),
	})
	if err != nil || findings[0].Grade != email.Bad || findings[0].Reason != "mail-rejected: 553 5.7.1 Not your address" {
		t.Errorf("it found %+v (%v)", findings, err)
	}
}

func TestCheckAdvisesOnTheDomain(t *testing.T) {
	for want, change := range map[string]func(emailtest.DNS){
		"home.example.org has no SPF record":                       func(d emailtest.DNS) { d["home.example.org"] = []string{"v=spf10 mx"} },
		"home.example.org has more than one SPF record":            func(d emailtest.DNS) { d["home.example.org"] = []string{"v=spf1 mx -all", "v=spf1 a -all"} },
		"The SPF record of home.example.org lets anybody send":     func(d emailtest.DNS) { d["home.example.org"] = []string{"v=spf1 mx +all"} },
		"home.example.org has no DKIM key":                         func(d emailtest.DNS) { delete(d, "selector1._domainkey.home.example.org") },
		"home.example.org has no DMARC record, so its mail may be": func(d emailtest.DNS) { d["_dmarc.example.org"] = []string{"v=DMARC1; p=none", "v=DMARC1; p=reject"} },
	} {
		dns := maps.Clone(records())
		change(dns)
		var found []string
		for _, text := range check(t, dns, emailtest.Options{}) {
			if !strings.HasPrefix(text, "good: ") {
				found = append(found, text)
			}
		}
		if len(found) != 1 || !strings.HasPrefix(found[0], "advice: "+want) {
			t.Errorf("it advises %q, want %q", found, want)
		}
	}
	nobody := &net.Resolver{PreferGo: true, Dial: emailtest.Dial()}
	texts := check(t, records(), emailtest.Options{}, func(o *email.Options) { o.Resolver = nobody })
	if n := strings.Count(strings.Join(texts, "\n"), "advice: The DNS records of home.example.org cannot be looked up now."); n != 3 {
		t.Errorf("without DNS it found %q", texts)
	}
}

func TestCheckNeedsOptionsThatCanWork(t *testing.T) {
	_, err := email.Check(t.Context(), email.Options{})
	if err == nil || !strings.Contains(err.Error(), "sender of mail") {
		t.Errorf("the error is %v", err)
	}
}
