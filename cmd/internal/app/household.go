package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/config"
	"github.com/anpi-bot/anpi/cmd/internal/doctor"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
)

// household keeps the last good roster: in the ledger, so that a check works
// while Nextcloud is away, and in memory.
type household struct {
	store  broadcast.Store
	client *talkapi.Client
	config config.Config
	source *roster.Source

	mu       sync.Mutex
	members  roster.Roster // as the address books say
	spoken   roster.Roster // the same, with what members have told Anpi
	warned   map[roster.Warning]bool
	held     []roster.Member // see App.Held
	refreshM sync.Mutex
	read     time.Time // when the address books were last read without an error
	trouble  error     // what went wrong at the last try, for a person to read
	self     string    // the bot's own user id, once the server has told it
}

// The documents in the ledger that hold the roster: what a sync must remember,
// and the roster that was last built from it.
const (
	syncDocument   = "roster-sync"
	rosterDocument = "roster"
)

func openHousehold(ctx context.Context, store broadcast.Store, client *talkapi.Client, c config.Config, transport http.RoundTripper) (*household, error) {
	source, err := roster.NewSource(roster.Options{
		URL: c.Nextcloud.URL, User: c.Nextcloud.User, Password: roster.Secret(c.Nextcloud.Password.Reveal()), Transport: transport, Books: c.Roster.Books,
	})
	if err != nil {
		return nil, &locale.Problem{Key: "start.failed", Data: locale.Data{"Detail": err}, Err: err}
	}
	h := &household{store: store, client: client, config: c, source: source, warned: map[roster.Warning]bool{}}
	return h, h.load(ctx)
}

// Roster returns the last good roster.
func (h *household) Roster() roster.Roster {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.spoken
}

// load takes the roster from the ledger, where another process may have put a
// new one.
func (h *household) load(ctx context.Context) error {
	members, spoken, err := readRoster(ctx, h.store)
	if err != nil || len(members.Members) == 0 {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.members, h.spoken = members, spoken
	return nil
}

// readRoster reads the roster in a ledger: as the address books say, and with
// what members have told Anpi. Both are empty when there is none.
func readRoster(ctx context.Context, store broadcast.Store) (members, spoken roster.Roster, err error) {
	body, err := store.Document(ctx, rosterDocument)
	if err != nil || body == nil {
		return members, spoken, err
	}
	if err := json.Unmarshal(body, &members); err != nil {
		return members, spoken, fmt.Errorf("read the roster in the ledger: %w", err)
	}
	preferences, err := broadcast.ReadPreferences(ctx, store)
	if err != nil {
		return members, spoken, err
	}
	spoken = members
	spoken.Members = preferences.Speak(members.Members)
	return members, spoken, nil
}

// refresh reads the address books and plans to keep what they say; nil when
// nothing has changed. When more than a third of the members have gone, the
// roster stays as it is and the organisers are told, unless the loss is
// accepted.
func (h *household) refresh(ctx context.Context, now time.Time, s *broadcast.Service, accept bool) (*broadcast.Change, error) {
	h.refreshM.Lock()
	defer h.refreshM.Unlock()
	var state roster.State
	body, err := h.store.Document(ctx, syncDocument)
	if err != nil {
		return nil, err
	}
	if body != nil {
		if err := json.Unmarshal(body, &state); err != nil {
			// What was remembered is only there to save requests.
			state = roster.State{}
		}
	}
	if h.self == "" {
		me, err := h.client.CurrentUser(ctx)
		if err != nil {
			return nil, err
		}
		h.self = me.ID
	}
	next, err := h.source.Sync(ctx, state, now)
	if err != nil {
		return nil, err
	}
	members := roster.Build(next, h.rules())
	h.warn(ctx, members)
	if len(members.Members) == 0 {
		return nil, errEmpty
	}
	h.mu.Lock()
	old := h.members
	h.mu.Unlock()
	change := &broadcast.Change{Now: now}
	lost, tooMany := roster.LosesTooMany(old, members)
	h.keepHeld(lost, tooMany && !accept)
	if tooMany && !accept {
		h.hold(change, s, lost)
		zerolog.Ctx(ctx).Warn().Int("lost", len(lost)).Msg("many members have gone from the address book; the roster stays as it is")
		return change, nil
	}
	if reflect.DeepEqual(state, next) && reflect.DeepEqual(old.Members, members.Members) {
		return nil, nil
	}
	change.Documents = map[string][]byte{}
	for name, v := range map[string]any{syncDocument: next, rosterDocument: members} {
		if change.Documents[name], err = json.Marshal(v); err != nil {
			return nil, fmt.Errorf("keep the roster: %w", err)
		}
	}
	return change, nil
}

var errEmpty = errors.New("the address book is empty")

// rules are those of the configuration; the bot is never a member.
func (h *household) rules() roster.Rules {
	c := h.config.Roster
	exclude := append([]string{h.self, h.config.Nextcloud.User}, c.Exclude...)
	return roster.Rules{Exclude: exclude, Organisers: c.Organisers, Talk: c.Accounts, Groups: c.Groups, Names: c.Names}
}

// keepOutcome remembers how reading the address books went.
func (h *household) keepOutcome(now time.Time, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trouble = err
	if err == nil {
		h.read = now
	}
}

// outcome tells how reading the address books went.
func (h *household) outcome(context.Context) doctor.Books {
	h.mu.Lock()
	defer h.mu.Unlock()
	return doctor.Books{Read: h.read, Held: h.held, Err: h.trouble}
}

func (h *household) keepHeld(lost []roster.Member, held bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = nil
	if held {
		h.held = lost
	}
}

// hold tells the organisers of a loss, once for each different one.
func (h *household) hold(c *broadcast.Change, s *broadcast.Service, lost []roster.Member) {
	var ids, names []string
	for _, m := range lost {
		ids = append(ids, m.ID)
		names = append(names, talkapi.Escape(locale.OneLine(m.Name, 100)))
	}
	sum := sha256.Sum256([]byte(strings.Join(ids, "\n")))
	s.PlanNotice(c, "roster-"+hex.EncodeToString(sum[:8]), func(o roster.Member) string {
		lang := o.Lang
		if lang == "" {
			lang = h.config.Language
		}
		t := locale.For(lang, h.config.Zone)
		return t.T("roster.held", locale.Data{"Count": len(names), "Number": len(names), "Names": t.Names(names)})
	})
}

// warn logs what is odd in the address books, once.
func (h *household) warn(ctx context.Context, r roster.Roster) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, w := range r.Warnings {
		if !h.warned[w] {
			zerolog.Ctx(ctx).Warn().Str("book", w.Book).Str("card", w.Card).Msg(w.Reason)
		}
		h.warned[w] = true
	}
}

// problem words what is wrong with the address books for a person.
func (h *household) problem(err error) error {
	reason := &locale.Problem{Key: "start.failed", Data: locale.Data{"Detail": err}, Err: err}
	switch {
	case errors.Is(err, errEmpty):
		reason = &locale.Problem{Key: "start.empty_roster", Err: err}
	case errors.Is(err, roster.ErrUnauthorized), errors.Is(err, talkapi.ErrUnauthorized):
		reason = &locale.Problem{Key: "start.unauthorized", Data: locale.Data{"User": h.config.Nextcloud.User}, Err: err}
	case errors.Is(err, roster.ErrMaintenance), errors.Is(err, talkapi.ErrMaintenance):
		reason = &locale.Problem{Key: "reason.talk-maintenance", Err: err}
	case errors.Is(err, roster.ErrThrottled), errors.Is(err, talkapi.ErrThrottled):
		reason = &locale.Problem{Key: "reason.talk-throttled", Err: err}
	case errors.Is(err, roster.ErrUnavailable), errors.Is(err, talkapi.ErrUnreachable), errors.Is(err, talkapi.ErrUnavailable):
		reason = &locale.Problem{Key: "reason.talk-unreachable", Err: err}
	case errors.Is(err, roster.ErrNoBook):
		reason = &locale.Problem{Key: "start.no_book", Data: locale.Data{"Detail": err}, Err: err}
	case errors.Is(err, talkapi.ErrNotNextcloud):
		reason = &locale.Problem{Key: "start.not_nextcloud", Data: locale.Data{"URL": h.config.Nextcloud.URL}, Err: err}
	}
	return reason
}
