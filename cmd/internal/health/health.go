// Package health answers monitoring: whether the process lives, whether it can do
// its job, and figures about it.
//
//	/healthz  200 while the process lives
//	/readyz   200 when a check could be sent now, else 503; what works and what
//	          does not, as JSON
//	/metrics  figures in the text format of Prometheus, version 0.0.4
//
// No answer names a person, or holds a text that somebody wrote.
package health

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/cmd/internal/doctor"
	"github.com/anpi-bot/anpi/roster"
)

// Options say where the answers come from.
type Options struct {
	Store  broadcast.Store
	Roster func() roster.Roster
	// RosterRead is when the address books were last read; zero when never.
	RosterRead func() time.Time
	// Findings are the newest ones of the doctor and when it looked; the zero
	// time while it has not looked yet, or never does.
	Findings func() (at time.Time, found []doctor.Finding)
	// Expected says that the doctor will look.
	Expected bool
	// Requests counts those to Nextcloud; may be nil.
	Requests *Counter
	// Version is that of the program.
	Version string
}

// Handler answers monitoring.
func Handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", o.ready)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
		defer cancel()
		var body bytes.Buffer
		if err := o.write(ctx, &page{w: &body}, time.Now()); err != nil {
			zerolog.Ctx(r.Context()).Error().Err(err).Msg("cannot gather the figures for monitoring")
			http.Error(w, "the ledger cannot be read", http.StatusInternalServerError)
			return
		}
		reply(w, http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", body.Bytes())
	})
	return mux
}

func reply(w http.ResponseWriter, status int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// Whoever asked may have gone.
	_, _ = w.Write(body)
}

// Serve answers on the listener until the context ends.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 15 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 8 << 10, ErrorLog: stdlog.New(zerolog.Ctx(ctx), "", 0),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("answer monitoring: %w", err)
	case <-ctx.Done():
		return server.Close()
	}
}

// state is the answer of /readyz. Its shape only ever grows.
type state struct {
	Ready bool `json:"ready"`
	// Why says what stands in the way: ledger, roster, channels or starting.
	Why []string `json:"why,omitempty"`
	// Works and Broken are findings of the doctor by name.
	Works  []string `json:"works"`
	Broken []string `json:"broken"`
	// LookedAt is when the doctor looked last.
	LookedAt *time.Time `json:"looked_at,omitempty"`
}

func (o Options) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
	defer cancel()
	s := o.state(ctx)
	body, err := json.Marshal(s)
	if err != nil {
		panic(err) // texts and times always make JSON
	}
	status := http.StatusOK
	if !s.Ready {
		status = http.StatusServiceUnavailable
	}
	reply(w, status, "application/json", append(body, '\n'))
}

// state judges whether a check could be sent now: it needs the ledger, somebody
// to ask, and one channel that works.
func (o Options) state(ctx context.Context) state {
	s := state{Works: []string{}, Broken: []string{}}
	at, found := o.Findings()
	for _, f := range found {
		list := &s.Broken
		switch f.Grade {
		case doctor.Good, doctor.Advice:
			list = &s.Works
		case doctor.Unknown:
			continue
		}
		if n := len(*list); n == 0 || (*list)[n-1] != f.Name {
			*list = append(*list, f.Name)
		}
	}
	if _, _, err := o.Store.NextDue(ctx); err != nil || doctor.GradeOf(found, "ledger") == doctor.Bad || doctor.GradeOf(found, "disk") == doctor.Bad {
		s.Why = append(s.Why, "ledger")
	}
	if len(o.Roster().Members) == 0 {
		s.Why = append(s.Why, "roster")
	}
	switch {
	case !at.IsZero():
		at = at.UTC().Truncate(time.Second)
		s.LookedAt = &at
		if !reaches(found) {
			s.Why = append(s.Why, "channels")
		}
	case o.Expected:
		s.Why = append(s.Why, "starting")
	}
	s.Ready = len(s.Why) == 0
	return s
}

// reaches reports whether some channel works.
func reaches(found []doctor.Finding) bool {
	if doctor.GradeOf(found, "nextcloud") != doctor.Bad && doctor.GradeOf(found, "talk-password") == doctor.Good && doctor.GradeOf(found, "room") == doctor.Good {
		return true
	}
	for _, f := range found {
		if f.Name == "mail-relay" && f.Grade == doctor.Good {
			return true
		}
	}
	return false
}
