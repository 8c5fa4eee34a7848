package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/cmd/internal/doctor"
)

// page writes figures in the text format of Prometheus
// (https://prometheus.io/docs/instrumenting/exposition_formats/).
type page struct {
	w   io.Writer
	err error
}

// family begins the figures of a name.
func (p *page) family(name, kind, help string) {
	p.print("# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// figure writes one value; labels are names and values in turn.
func (p *page) figure(name string, value float64, labels ...string) {
	var all []string
	for i := 0; i+1 < len(labels); i += 2 {
		all = append(all, labels[i]+`="`+escaper.Replace(labels[i+1])+`"`)
	}
	if len(all) > 0 {
		name += "{" + strings.Join(all, ",") + "}"
	}
	p.print("%s %v\n", name, value)
}

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (p *page) print(format string, values ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, values...)
	}
}

// write writes all figures.
func (o Options) write(ctx context.Context, p *page, now time.Time) error {
	p.family("anpi_build_info", "gauge", "The version that runs; always 1.")
	p.figure("anpi_build_info", 1, "version", o.Version, "go", runtime.Version())
	if err := o.writeChecks(ctx, p); err != nil {
		return err
	}
	if err := o.writeLag(ctx, p, now); err != nil {
		return err
	}
	o.Requests.write(p)
	o.writeDoctor(p)
	members := o.Roster()
	p.family("anpi_roster_members", "gauge", "Members on the roster.")
	p.figure("anpi_roster_members", float64(len(members.Members)))
	p.family("anpi_roster_organisers", "gauge", "Organisers on the roster.")
	p.figure("anpi_roster_organisers", float64(len(members.Organisers())))
	if read := o.RosterRead(); !read.IsZero() {
		p.family("anpi_roster_age_seconds", "gauge", "Time since the address books were last read.")
		p.figure("anpi_roster_age_seconds", now.Sub(read).Seconds())
	}
	return p.err
}

// recent is how many checks are looked through for those that are open.
const recent = 20

// writeChecks writes the figures of the checks that are open, else of the newest
// one.
func (o Options) writeChecks(ctx context.Context, p *page) error {
	checks, err := o.Store.Checks(ctx, recent)
	if err != nil {
		return err
	}
	open := map[broadcast.Kind]int{}
	answers := map[broadcast.Status]int{}
	type way struct {
		channel broadcast.ChannelName
		state   broadcast.State
	}
	sent := map[way]int{}
	for i, c := range checks {
		if c.Open() {
			open[c.Kind]++
		}
		if !c.Open() && i > 0 {
			continue
		}
		tally, err := (&broadcast.Service{Store: o.Store}).Tally(ctx, c)
		if err != nil {
			return err
		}
		for _, s := range tally.Standings {
			answers[s.Status]++
		}
		deliveries, err := o.Store.Deliveries(ctx, c.ID)
		if err != nil {
			return err
		}
		for _, d := range deliveries {
			sent[way{d.Channel, d.State}]++
		}
	}
	p.family("anpi_checks_open", "gauge", "Checks that are open.")
	for _, kind := range []broadcast.Kind{broadcast.Real, broadcast.Drill} {
		p.figure("anpi_checks_open", float64(open[kind]), "kind", string(kind))
	}
	p.family("anpi_members_by_status", "gauge", "Where members stand in the checks that are open, else in the newest one.")
	for _, status := range broadcast.Statuses() {
		p.figure("anpi_members_by_status", float64(answers[status]), "status", string(status))
	}
	p.family("anpi_deliveries", "gauge", "Messages of the checks that are open, else of the newest one.")
	for _, channel := range []broadcast.ChannelName{broadcast.Room, broadcast.Direct, broadcast.Email} {
		for _, state := range []broadcast.State{broadcast.Due, broadcast.Sending, broadcast.Sent, broadcast.Seen, broadcast.Failed, broadcast.Dropped} {
			p.figure("anpi_deliveries", float64(sent[way{channel, state}]), "channel", string(channel), "state", string(state))
		}
	}
	return nil
}

// writeLag writes for how long something has been waiting that should have been
// sent or decided.
func (o Options) writeLag(ctx context.Context, p *page, now time.Time) error {
	due, ok, err := o.Store.NextDue(ctx)
	if err != nil {
		return err
	}
	lag := 0.
	if ok {
		lag = max(now.Sub(due).Seconds(), 0)
	}
	p.family("anpi_dispatcher_lag_seconds", "gauge", "How long the oldest message or step that is due has been waiting.")
	p.figure("anpi_dispatcher_lag_seconds", lag)
	return nil
}

func (o Options) writeDoctor(p *page) {
	at, found := o.Findings()
	if at.IsZero() {
		return
	}
	p.family("anpi_doctor_look_timestamp_seconds", "gauge", "When the doctor looked last, in Unix time.")
	p.figure("anpi_doctor_look_timestamp_seconds", float64(at.Unix()))
	p.family("anpi_doctor_findings", "gauge", "Findings of the doctor.")
	counted := map[[2]string]int{}
	var order [][2]string
	for _, f := range found {
		key := [2]string{f.Name, string(f.Grade)}
		if counted[key] == 0 {
			order = append(order, key)
		}
		counted[key]++
	}
	for _, key := range order {
		p.figure("anpi_doctor_findings", float64(counted[key]), "name", key[0], "grade", key[1])
	}
	p.family("anpi_doctor_worst", "gauge", "The worst finding of the doctor: 0 good, 1 advice or unknown, 2 bad.")
	p.figure("anpi_doctor_worst", map[doctor.Grade]float64{doctor.Good: 0, doctor.Advice: 1, doctor.Unknown: 1, doctor.Bad: 2}[doctor.Worst(found)])
}

// Counter counts requests by what came of them.
type Counter struct {
	fine, refused, unauthorized, throttled, failed, broken atomic.Int64
}

// Around counts the requests that the transport carries.
func (c *Counter) Around(inner http.RoundTripper) http.RoundTripper { return counting{c, inner} }

type counting struct {
	counter *Counter
	inner   http.RoundTripper
}

func (t counting) RoundTrip(r *http.Request) (*http.Response, error) {
	rs, err := t.inner.RoundTrip(r)
	c := t.counter
	switch {
	case errors.Is(err, context.Canceled):
	case err != nil:
		c.broken.Add(1)
	case rs.StatusCode == http.StatusUnauthorized:
		c.unauthorized.Add(1)
	case rs.StatusCode == http.StatusTooManyRequests:
		c.throttled.Add(1)
	case rs.StatusCode >= 500:
		c.failed.Add(1)
	case rs.StatusCode >= 400:
		c.refused.Add(1)
	default:
		c.fine.Add(1)
	}
	return rs, err
}

func (c *Counter) write(p *page) {
	if c == nil {
		return
	}
	const name = "anpi_nextcloud_requests_total"
	p.family(name, "counter", "Requests to Nextcloud since the start.")
	for _, f := range []struct {
		outcome string
		n       *atomic.Int64
	}{
		{"ok", &c.fine}, {"refused", &c.refused}, {"unauthorized", &c.unauthorized}, {"throttled", &c.throttled},
		{"server_error", &c.failed}, {"unreachable", &c.broken},
	} {
		p.figure(name, float64(f.n.Load()), "outcome", f.outcome)
	}
}
