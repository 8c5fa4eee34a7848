package email

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

// Finding is one thing that [Check] has looked at.
type Finding struct {
	Grade Grade
	// About is the relay, as name:port, or the mail domain.
	About string
	// Reason is why a relay takes no mail, as in broadcast.Failure; else empty.
	Reason string
	// Err is what happened, for the log; may be nil.
	Err error
	// Until is when the certificate of a relay that takes mail ends; zero for
	// other findings, and without encryption.
	Until time.Time

	key  string
	data locale.Data
}

// Grade is how good a finding is.
type Grade string

// The grades.
const (
	Good   Grade = "good"
	Advice Grade = "advice" // mail goes out, but may not arrive everywhere or for ever
	Bad    Grade = "bad"    // no mail goes out this way
)

// Name says what was looked at, whatever came of it: relay, plain, certificate,
// alone, spf, dkim, dmarc, or dns when the records could not be looked up.
func (f Finding) Name() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(f.key, "mail.check_"), "_")
	return name
}

// Text says what was found and what to do, in one or two sentences.
func (f Finding) Text(t *locale.Texts) string {
	data := locale.Data{"About": f.About, "Reason": t.Reason(f.Reason)}
	for name, value := range f.data {
		if at, ok := value.(time.Time); ok {
			value = t.When(at)
		}
		data[name] = value
	}
	return t.T(f.key, data)
}

// Check tries everything that sending needs, without sending: each relay is
// greeted, encrypted, logged in to and told the sender, and the records of the
// sender's domain are looked up by which other servers judge its mail. It takes
// no longer than the time-out of the options for each. The error says which
// option is wrong.
func Check(ctx context.Context, o Options) ([]Finding, error) {
	c, err := New(o)
	if err != nil {
		return nil, err
	}
	looks := []func(context.Context) []Finding{c.checkSPF, c.checkDKIM, c.checkDMARC}
	found := make([][]Finding, len(c.relays)+len(looks))
	var wg sync.WaitGroup
	look := func(i int, at func(context.Context) []Finding) {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
			defer cancel()
			found[i] = at(ctx)
		})
	}
	for i, r := range c.relays {
		look(i, func(ctx context.Context) []Finding { return r.check(ctx, envelope(c.o.From)) })
	}
	for i, at := range looks {
		look(len(c.relays)+i, at)
	}
	wg.Wait()
	var all []Finding
	for _, f := range found {
		all = append(all, f...)
	}
	if len(c.relays) == 1 {
		all = append(all, Finding{Grade: Advice, About: c.relays[0].server(), key: "mail.check_alone"})
	}
	return all, nil
}

// CheckRelays tries the relays alone, as [Check] does.
func CheckRelays(ctx context.Context, o Options) ([]Finding, error) {
	c, err := New(o)
	if err != nil {
		return nil, err
	}
	var all []Finding
	for _, r := range c.relays {
		ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
		all = append(all, r.check(ctx, envelope(c.o.From))...)
		cancel()
	}
	return all, nil
}

// soon is how long before its end a certificate should have been renewed; those
// that renew themselves do so a month before.
const soon = 21 * 24 * time.Hour

func (r *relay) check(ctx context.Context, from string) []Finding {
	finding := func(g Grade, key string) Finding { return Finding{Grade: g, About: r.server(), key: key} }
	s, at, err := r.connect(ctx)
	if err == nil {
		defer s.quit()
		at, err = s.introduce(ctx, from)
	}
	if err != nil {
		f := r.judge(at, err)
		bad := finding(Bad, "mail.check_relay_bad")
		bad.Reason, bad.Err = f.Reason, f.Err
		return []Finding{bad}
	}
	takes := finding(Good, "mail.check_relay")
	state, encrypted := s.client.TLSConnectionState()
	if encrypted {
		takes.Until = state.PeerCertificates[0].NotAfter
	}
	all := []Finding{takes}
	if end := takes.Until; !encrypted && !r.local() {
		all = append(all, finding(Advice, "mail.check_plain"))
	} else if encrypted && time.Until(end) < soon {
		ending := finding(Advice, "mail.check_certificate")
		ending.data = locale.Data{"When": end}
		all = append(all, ending)
	}
	return all
}

// local reports whether the relay is on this machine, where nobody listens in.
func (r *relay) local() bool {
	ip := net.ParseIP(r.Host)
	return r.Host == "localhost" || ip != nil && ip.IsLoopback()
}

// introduce names the sender to the server; hanging up takes it back.
func (s *session) introduce(ctx context.Context, from string) (stage, error) {
	defer context.AfterFunc(ctx, func() { s.conn.Close() })()
	s.client.SkipSMTPUTF8(ascii(from))
	return naming, s.client.Mail(from)
}

// checkSPF looks for the record that says which servers may send mail of the
// domain (RFC 7208).
func (c *Channel) checkSPF(ctx context.Context) []Finding {
	texts, err := c.records(ctx, c.domain, "v=spf1")
	switch {
	case err != nil:
		return c.about(Advice, "mail.check_dns", err)
	case len(texts) == 0:
		return c.about(Advice, "mail.check_spf_none", nil)
	case len(texts) > 1:
		return c.about(Advice, "mail.check_spf_twice", nil)
	}
	for _, term := range strings.Fields(strings.ToLower(texts[0])) {
		if term == "+all" || term == "all" {
			return c.about(Advice, "mail.check_spf_open", nil)
		}
	}
	return c.about(Good, "mail.check_spf", nil)
}

// selectors are the names under which signing keys usually stand. DNS does not
// tell which ones there are.
var selectors = []string{
	"default", "dkim", "mail", "smtp", "key1", "k1", "k2", "s1", "s2", "selector1", "selector2", "google", "fm1", "sig1", "stalwart", "dkim1", "protonmail",
}

// checkDKIM looks for a signing key of the domain (RFC 6376, section 3.6).
func (c *Channel) checkDKIM(ctx context.Context) []Finding {
	for _, selector := range selectors {
		texts, err := c.lookup(ctx, selector+"._domainkey."+c.domain)
		if err != nil {
			return c.about(Advice, "mail.check_dns", err)
		}
		for _, text := range texts {
			if strings.Contains(text, "p=") {
				return c.about(Good, "mail.check_dkim", nil)
			}
		}
	}
	return c.about(Advice, "mail.check_dkim_none", nil)
}

// checkDMARC looks for the policy of the domain or of one above it (RFC 7489,
// section 6.6.3).
func (c *Channel) checkDMARC(ctx context.Context) []Finding {
	for at := c.domain; strings.Contains(at, "."); _, at, _ = strings.Cut(at, ".") {
		texts, err := c.records(ctx, "_dmarc."+at, "v=dmarc1")
		if err != nil {
			return c.about(Advice, "mail.check_dns", err)
		}
		if len(texts) == 1 {
			return c.about(Good, "mail.check_dmarc", nil)
		}
	}
	return c.about(Advice, "mail.check_dmarc_none", nil)
}

func (c *Channel) about(g Grade, key string, err error) []Finding {
	return []Finding{{Grade: g, About: c.domain, Err: err, key: key}}
}

// records returns the texts at the name that are of the version.
func (c *Channel) records(ctx context.Context, name, version string) ([]string, error) {
	texts, err := c.lookup(ctx, name)
	var found []string
	for _, text := range texts {
		if v, _, _ := strings.Cut(strings.ReplaceAll(text, ";", " "), " "); strings.EqualFold(v, version) {
			found = append(found, text)
		}
	}
	return found, err
}

// lookup returns the texts at the name; none when there is no such name.
func (c *Channel) lookup(ctx context.Context, name string) ([]string, error) {
	// The dot at the end keeps the search domains of this machine out of it.
	texts, err := c.o.Resolver.LookupTXT(ctx, name+".")
	var missing *net.DNSError
	if errors.As(err, &missing) && missing.IsNotFound {
		return nil, nil
	}
	return texts, err
}
