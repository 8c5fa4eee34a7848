package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/anpi-bot/anpi/talkapi"
)

// nextcloud is one look at Nextcloud. Several probes share what was asked: its
// state, which anybody may ask for, what Anpi's account may do, and its room.
type nextcloud struct {
	d      *Doctor
	status func() (status, error)
	signed func() (talkapi.Capabilities, error)
	room   func() (talkapi.Room, error)
}

// errRefused is returned instead of trying a password that was refused lately.
var errRefused = fmt.Errorf("not tried again: %w", talkapi.ErrUnauthorized)

func (d *Doctor) nextcloud(ctx context.Context) *nextcloud {
	n := &nextcloud{d: d}
	n.status = sync.OnceValues(func() (status, error) { return d.status(ctx) })
	n.signed = sync.OnceValues(func() (talkapi.Capabilities, error) {
		if !d.o.Refused.IsZero() {
			return talkapi.Capabilities{}, errRefused
		}
		return d.o.Client.Capabilities(ctx)
	})
	n.room = sync.OnceValues(func() (talkapi.Room, error) {
		if _, err := n.signed(); err != nil {
			return talkapi.Room{}, err
		}
		return d.o.Room(ctx)
	})
	return n
}

// status is what Nextcloud tells anybody about itself.
type status struct {
	Installed    bool   `json:"installed"`
	Maintenance  bool   `json:"maintenance"`
	NeedsUpgrade bool   `json:"needsDbUpgrade"`
	Version      string `json:"versionstring"`

	// ahead is how much our clock is ahead of the server's, give or take a
	// second; told is false when the server does not tell its time.
	ahead time.Duration
	told  bool
	until time.Time // the end of its certificate; zero without encryption
}

var errNoNextcloud = fmt.Errorf("no state of a Nextcloud: %w", talkapi.ErrNotNextcloud)

func (d *Doctor) status(ctx context.Context) (status, error) {
	before := time.Now()
	r, err := d.get(ctx, strings.TrimRight(d.o.Nextcloud, "/")+"/status.php")
	if err != nil {
		return status{}, err
	}
	s := status{until: end(r.tls)}
	if at, err := http.ParseTime(r.header.Get("Date")); err == nil {
		// The server cut the fraction of its second off.
		middle := before.Add(time.Since(before) / 2)
		s.ahead, s.told = middle.Sub(at.Add(time.Second/2)), true
	}
	if json.Unmarshal(r.body, &s) != nil || !s.Installed || s.Version == "" {
		return s, errNoNextcloud
	}
	return s, nil
}

// reachable is whether Nextcloud answers, and is not being worked on.
func (n *nextcloud) reachable(context.Context) []Finding {
	const name = "nextcloud"
	s, err := n.status()
	switch {
	case errors.Is(err, talkapi.ErrNotNextcloud):
		return []Finding{bad(name, "start.not_nextcloud", values{"URL": n.d.o.Nextcloud})}
	case err != nil:
		return []Finding{bad(name, "reason.talk-unreachable", nil)}
	case s.Maintenance:
		return []Finding{bad(name, "reason.talk-maintenance", nil)}
	case s.NeedsUpgrade:
		return []Finding{bad(name, "doctor.upgrade", nil)}
	}
	return []Finding{good(name, "doctor.nextcloud", values{"Version": s.Version})}
}

// certificate is whether that of Nextcloud is good, and for how long.
func (n *nextcloud) certificate(context.Context) []Finding {
	s, err := n.status()
	return certificate(host(n.d.o.Nextcloud), s.until, err)
}

// The clock may be off by so much before somebody should look, and before times
// in messages are wrong and certificates seem to have ended.
const (
	clockOff   = 10 * time.Second
	clockWrong = 5 * time.Minute
)

// clock is whether this machine and the server have the same time.
func (n *nextcloud) clock(context.Context) []Finding {
	const name = "clock"
	s, err := n.status()
	off := s.ahead.Abs().Round(time.Second)
	key := "doctor.clock_ahead"
	if s.ahead < 0 {
		key = "doctor.clock_behind"
	}
	switch {
	case !s.told && err != nil:
		return []Finding{unknown(name, "doctor.not_asked", nil)}
	case !s.told:
		return []Finding{unknown(name, "doctor.clock_untold", nil)}
	case off >= clockWrong:
		return []Finding{bad(name, key, values{"Span": off})}
	case off >= clockOff:
		return []Finding{advice(name, key, values{"Span": off})}
	}
	return []Finding{good(name, "doctor.clock", nil)}
}

// password is whether Nextcloud takes it.
func (n *nextcloud) password(context.Context) []Finding {
	const name = "talk-password"
	_, err := n.signed()
	switch {
	case errors.Is(err, errRefused):
		return []Finding{bad(name, "doctor.refused", values{"When": n.d.o.Refused, "Reason": n.d.o.Explain(err)})}
	case errors.Is(err, talkapi.ErrUnauthorized):
		return []Finding{{Name: name, Grade: Bad, words: explained(n.d.o.Explain(err))}}
	case err != nil && !errors.Is(err, talkapi.ErrTalkMissing):
		return []Finding{n.failed(name, err)}
	}
	return []Finding{good(name, "doctor.password", nil)}
}

// wanted are features of Talk that Anpi can do without, but a family should
// not: the taps under a prompt, and the tally that is kept up to date.
var wanted = []string{"reactions", "edit-messages"}

// talk is whether Talk is there and new enough.
func (n *nextcloud) talk(context.Context) []Finding {
	const name = "talk"
	c, err := n.signed()
	if err != nil {
		return []Finding{n.failed(name, err)}
	}
	var missing []string
	for _, feature := range wanted {
		if !c.Has(feature) {
			missing = append(missing, feature)
		}
	}
	if len(missing) > 0 {
		return []Finding{advice(name, "doctor.talk_lacks", values{"Version": c.Talk, "Names": missing})}
	}
	return []Finding{good(name, "doctor.talk", values{"Version": c.Talk})}
}

// family is whether the room is there and may be written in.
func (n *nextcloud) family(context.Context) []Finding {
	const name = "room"
	room, err := n.room()
	switch {
	case err != nil:
		return []Finding{n.failed(name, err)}
	case !room.CanChat():
		return []Finding{bad(name, "reason.talk-forbidden", nil)}
	case room.Lobby && !room.Moderator && room.Permissions&talkapi.PermitIgnoreLobby == 0:
		return []Finding{bad(name, "doctor.room_lobby", values{"Room": room.DisplayName})}
	}
	return []Finding{good(name, "doctor.room", values{"Room": room.DisplayName})}
}

// present is whether everybody with an account is in the room.
func (n *nextcloud) present(ctx context.Context) []Finding {
	const name = "room-members"
	if n.d.o.Roster == nil || len(n.d.o.Roster().Members) == 0 {
		return nil
	}
	room, err := n.room()
	if err != nil {
		return []Finding{unknown(name, "doctor.not_asked", nil)}
	}
	participants, err := n.d.o.Client.Participants(ctx, room.Token)
	if err != nil {
		return []Finding{n.failed(name, err)}
	}
	in := map[string]bool{}
	for _, p := range participants {
		if p.ActorType == "users" {
			in[p.ActorID] = true
		}
	}
	var absent []string
	for _, m := range n.d.o.Roster().Members {
		if m.Talk != "" && !in[m.Talk] {
			absent = append(absent, m.Name)
		}
	}
	if len(absent) > 0 {
		return []Finding{advice(name, "doctor.absent", values{"Names": absent})}
	}
	return []Finding{good(name, "doctor.present", nil)}
}

// backNews is how long it is told that Nextcloud was put back.
const backNews = 7 * 24 * time.Hour

// history is whether what Anpi has read of the room is still there.
func (n *nextcloud) history(ctx context.Context) []Finding {
	const name = "room-history"
	if n.d.o.PutBack == nil {
		return nil
	}
	if _, err := n.room(); err != nil {
		return []Finding{unknown(name, "doctor.not_asked", nil)}
	}
	back, err := n.d.o.PutBack(ctx)
	switch {
	case err != nil:
		return []Finding{n.failed(name, err)}
	case back.Behind:
		return []Finding{bad(name, "doctor.put_back", nil)}
	case !back.Found.IsZero() && time.Since(back.Found) < backNews:
		return []Finding{advice(name, "doctor.was_put_back", values{"When": back.Found})}
	}
	return []Finding{good(name, "doctor.history", nil)}
}

// failed is a finding that came of an error. What could not be asked is not
// known; the probe of what is in the way says why.
func (n *nextcloud) failed(name string, err error) Finding {
	for _, passing := range []error{
		talkapi.ErrUnreachable, talkapi.ErrUnavailable, talkapi.ErrMaintenance, talkapi.ErrUnauthorized,
		talkapi.ErrNotNextcloud, context.DeadlineExceeded, context.Canceled,
	} {
		if errors.Is(err, passing) {
			return unknown(name, "doctor.not_asked", nil)
		}
	}
	if errors.Is(err, talkapi.ErrThrottled) {
		return Finding{Name: name, Grade: Unknown, words: explained(n.d.o.Explain(err))}
	}
	return Finding{Name: name, Grade: Bad, words: explained(n.d.o.Explain(err))}
}

// response is the answer to a look at a page.
type response struct {
	status int
	header http.Header
	tls    *tls.ConnectionState
	body   []byte
}

// get looks at a page, of which a small answer is expected.
func (d *Doctor) get(ctx context.Context, page string) (response, error) {
	rq, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return response{}, err
	}
	rq.Header.Set("User-Agent", "Anpi doctor")
	rs, err := (&http.Client{Transport: d.o.Transport}).Do(rq)
	if err != nil {
		return response{}, err
	}
	defer rs.Body.Close()
	body, err := io.ReadAll(io.LimitReader(rs.Body, 64<<10))
	return response{status: rs.StatusCode, header: rs.Header, tls: rs.TLS, body: body}, err
}

func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

// end is when the certificate of a connection ends; zero when it is not
// encrypted.
func end(state *tls.ConnectionState) time.Time {
	if state == nil || len(state.PeerCertificates) == 0 {
		return time.Time{}
	}
	return state.PeerCertificates[0].NotAfter
}

// renewal is how long before its end a certificate should have been renewed;
// those that renew themselves do so a month before.
const renewal = 21 * 24 * time.Hour

// certificate judges one: by when it ends, or by the error that it caused. There
// is no finding where there is none, or where it was not seen.
func certificate(about string, until time.Time, err error) []Finding {
	const name = "certificate"
	data := values{"Host": about, "When": until}
	var f Finding
	refused, isRefused := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case isRefused && ended(refused):
		data["When"] = refused.UnverifiedCertificates[0].NotAfter
		f = bad(name, "doctor.certificate_ended", data)
	case isRefused:
		data["Detail"] = refused.Err.Error()
		f = bad(name, "doctor.certificate_refused", data)
	case until.IsZero():
		return nil
	case time.Until(until) < renewal:
		f = advice(name, "doctor.certificate_ends", data)
	default:
		f = good(name, "doctor.certificate", data)
	}
	f.About = about
	return []Finding{f}
}

func ended(e *tls.CertificateVerificationError) bool {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](e.Err)
	return ok && invalid.Reason == x509.Expired && len(e.UnverifiedCertificates) > 0 && time.Now().After(e.UnverifiedCertificates[0].NotAfter)
}
