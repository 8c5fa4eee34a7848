// Package app puts the program together: it is the only package that knows all
// the others. The daemon, the command line, the demo and the stories in its
// tests all run this same assembly.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/bot"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email/inbox"
	"github.com/anpi-bot/anpi/broadcast/channel/talk"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/broadcast/web"
	"github.com/anpi-bot/anpi/cmd/internal/config"
	"github.com/anpi-bot/anpi/cmd/internal/health"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
)

// Options are a configuration, and what tests and the demo put in the place of
// the network.
type Options struct {
	Config config.Config
	// Transport carries the requests to Nextcloud; nil means the network.
	Transport http.RoundTripper
	// DialMail connects to the mail server; nil means the network.
	DialMail func(ctx context.Context, network, address string) (net.Conn, error)
	// Speak is the language for whoever runs the program; empty means that of
	// the configuration.
	Speak string
	// DialInbox connects to the mailbox; nil means the network.
	DialInbox func(ctx context.Context, network, address string) (net.Conn, error)
	// Resolver looks up names; nil means that of the machine.
	Resolver *net.Resolver
	// Machine is the folder that holds proc and sys; empty means /.
	Machine string
	// Settle is how long Nextcloud may work on a request that was cut off; zero
	// means the channel's default.
	Settle time.Duration
	// Pace is how often the bot looks for news; zero means the bot's default.
	Pace bot.Pace
	// Alone says that no other process uses the ledger, so that there is nobody
	// to be poked by.
	Alone bool
	// Store wraps the ledger, for tests that make it fail; nil leaves it.
	Store func(broadcast.Store) broadcast.Store
}

// App is the whole program, assembled and not yet running.
type App struct {
	config    config.Config
	path      string // of the ledger
	ledger    *sqlstore.Store
	store     broadcast.Store // the ledger, as the rest knows it
	client    *talkapi.Client
	talk      *talk.Talk
	Service   *broadcast.Service
	household *household

	inbox *inbox.Inbox // nil when replies are not read
	site  *web.Site    // nil when there are no pages
	// boardNews has something when the copy of the board may be old.
	boardNews chan struct{}
	// drills is the schedule while it runs.
	drills atomic.Pointer[gocron.Scheduler]

	mail       broadcast.Channel
	options    Options
	lastLook   atomic.Pointer[look]
	lookNow    chan struct{}  // has something when the doctor should not wait
	joined     chan struct{}  // has something when the roster may be old
	moved      chan struct{}  // has something when the ledger has moved into memory
	requests   health.Counter // to Nextcloud
	dispatcher *broadcast.Dispatcher
	bot        *bot.Bot
	alone      bool
	guest      bool // see Outlive
	// theirs are the checks that were open when a guest began.
	theirs []broadcast.Check
	speak  string
	// leads is set while this process is the one that sends and listens.
	leads atomic.Bool
}

// ledgerFile is the name of the ledger in the data folder.
const ledgerFile = "anpi.db"

// Open opens the ledger and makes the clients; it calls nobody. Its errors are
// for a person to read.
func Open(ctx context.Context, o Options) (*App, error) {
	a := &App{
		config: o.Config, options: o, path: filepath.Join(o.Config.Data, ledgerFile), alone: o.Alone, speak: cmp.Or(o.Speak, o.Config.Language),
		boardNews: make(chan struct{}, 1), lookNow: make(chan struct{}, 1), joined: make(chan struct{}, 1), moved: make(chan struct{}, 1),
	}
	store, err := sqlstore.Open(ctx, a.path)
	if folder, ok := errors.AsType[*os.PathError](err); ok && folder.Op == "mkdir" {
		return nil, &locale.Problem{Key: "config.data_folder", Data: locale.Data{"Path": o.Config.Data, "Detail": folder.Err}, Err: err}
	}
	if err != nil {
		return nil, &locale.Problem{Key: "start.ledger", Data: locale.Data{"Detail": err}, Err: err}
	}
	a.ledger, a.store = store, store
	if o.Store != nil {
		a.store = o.Store(store)
	}
	if err := a.assemble(ctx, o); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return a, nil
}

// bodyLimit is the largest answer that is taken from Nextcloud: the list of some
// thousand rooms.
const bodyLimit = 16 << 20

func (a *App) assemble(ctx context.Context, o Options) (err error) {
	c := o.Config
	o.Transport = a.requests.Around(cmp.Or(o.Transport, talkapi.DefaultTransport()))
	a.client, err = talkapi.New(talkapi.Options{URL: c.Nextcloud.URL, User: c.Nextcloud.User, Password: c.Nextcloud.Password, Transport: o.Transport, BodyLimit: bodyLimit})
	if err != nil {
		return &locale.Problem{Key: "config.bad_value", Data: locale.Data{"Key": "nextcloud.url", "Value": c.Nextcloud.URL, "Want": locale.Key("config.want_url")}, Err: err}
	}
	known, err := a.store.Document(ctx, roomDocument)
	if err != nil {
		return err
	}
	a.talk = talk.New(talk.Options{
		Client: a.client, User: c.Nextcloud.User, Room: c.Nextcloud.Room, Known: string(known), Remember: a.rememberRoom,
		Language: c.Language, Zone: c.Zone, Contact: c.Contact, Page: a.page(), Settle: o.Settle,
	})
	a.household, err = openHousehold(ctx, a.store, a.client, c, o.Transport)
	if err != nil {
		return err
	}
	a.Service = &broadcast.Service{Store: a.store, Roster: a.household.Roster, Ladder: c.Ladder, Links: a.page() != "", Reload: a.household.load, Wake: a.wake}
	a.mail, err = a.openMail(o)
	if err != nil {
		return &locale.Problem{Key: "start.failed", Data: locale.Data{"Detail": err}, Err: err}
	}
	a.openPages()
	a.dispatcher = broadcast.NewDispatcher(a.Service, a.talk.Room(), a.talk.Direct(), a.mail)
	a.bot = bot.New(bot.Options{
		Client: a.client, Service: a.Service, User: c.Nextcloud.User, Family: a.talk.Family, Forget: a.talk.Forget, Joined: func() { notify(a.joined) }, Language: c.Language, Zone: c.Zone, Next: a.planned, Pace: o.Pace,
		Fleeting: func() bool { return a.ledger.InMemory() != nil },
	})
	return nil
}

// roomDocument holds the token of the family room in the ledger, so that another
// room of the same name cannot take its place.
const roomDocument = "family-room"

func (a *App) rememberRoom(token string) {
	// When this fails the room is found by its name again.
	_, _ = a.store.Commit(context.Background(), broadcast.Change{Now: time.Now(), Documents: map[string][]byte{roomDocument: []byte(token)}})
}

// Close closes the ledger.
func (a *App) Close() error { return a.store.Close() }

// Texts are the texts for whoever runs the program.
func (a *App) Texts() *locale.Texts { return locale.For(a.speak, a.config.Zone) }

// wake is called after each commit of this process: it wakes whoever sends,
// here or in another process.
func (a *App) wake() {
	if !a.leads.Load() {
		sqlstore.Poke(a.path)
		return
	}
	a.dispatcher.Wake()
	a.bot.Wake()
	notify(a.boardNews)
}

// Start begins a check from the command line or a schedule.
func (a *App) Start(ctx context.Context, r broadcast.StartRequest) (broadcast.Committed, error) {
	for _, c := range a.theirs {
		// A drill is in nobody's way when it is real.
		if a.ledger.InMemory() != nil && (r.Kind == broadcast.Drill || !c.Drill()) {
			return broadcast.Committed{}, a.obstacle(&broadcast.OpenError{Check: c})
		}
	}
	done, err := a.Service.Start(ctx, time.Now(), r)
	return done, a.obstacle(err)
}

// PlanStart plans what Start would do.
func (a *App) PlanStart(ctx context.Context, c *broadcast.Change, r broadcast.StartRequest) error {
	return a.obstacle(a.Service.PlanStart(ctx, c, r))
}

// obstacle words why a check cannot begin.
func (a *App) obstacle(err error) error {
	open := new(broadcast.OpenError)
	switch {
	case errors.Is(err, broadcast.ErrNobody):
		return &locale.Problem{Key: "start.empty_roster", Err: err}
	case errors.As(err, &open):
		key := "cli.already"
		if open.Check.Drill() {
			key = "cli.already_drill"
		}
		return &locale.Problem{Key: key, Data: locale.Data{"When": a.Texts().When(open.Check.StartedAt)}, Err: err}
	}
	return err
}

// problem words what is wrong with Nextcloud for a person.
func (a *App) problem(err error) error {
	noRoom := new(talk.NoRoom)
	switch {
	case errors.As(err, &noRoom) && noRoom.Several:
		return &locale.Problem{Key: "start.several_rooms", Data: locale.Data{"User": noRoom.User, "Room": noRoom.Room}, Err: err}
	case errors.As(err, &noRoom):
		rooms := &locale.Problem{Key: "start.rooms", Data: locale.Data{"Rooms": a.Texts().Names(noRoom.Rooms)}}
		return &locale.Problem{Key: "start.no_room", Data: locale.Data{"User": noRoom.User, "Room": noRoom.Room, "Rooms": rooms}, Err: err}
	case errors.Is(err, talkapi.ErrUnauthorized):
		return &locale.Problem{Key: "start.unauthorized", Data: locale.Data{"User": a.config.Nextcloud.User}, Err: err}
	case errors.Is(err, talkapi.ErrTalkMissing):
		return &locale.Problem{Key: "start.talk_missing", Data: locale.Data{"User": a.config.Nextcloud.User}, Err: err}
	case errors.Is(err, talkapi.ErrNotNextcloud):
		return &locale.Problem{Key: "start.not_nextcloud", Data: locale.Data{"URL": a.config.Nextcloud.URL}, Err: err}
	default:
		return &locale.Problem{Key: "reason." + talk.Reason(err), Err: err}
	}
}

// lookAround asks Nextcloud once for what the program cannot do without, so
// that mistakes show when it starts and not on the day.
func (a *App) lookAround(ctx context.Context) error {
	if _, err := a.client.Capabilities(ctx); err != nil {
		return a.problem(err)
	}
	if _, err := a.talk.Family(ctx); err != nil {
		return a.problem(err)
	}
	return nil
}

// Refresh reads the address books now; the error is for a person to read.
func (a *App) Refresh(ctx context.Context) error {
	change, err := a.household.refresh(ctx, time.Now(), a.Service, false)
	if err != nil {
		err = a.household.problem(err)
	}
	a.household.keepOutcome(time.Now(), err)
	if err != nil {
		return err
	}
	return a.commitRoster(ctx, change)
}

// AcceptRoster reads the address books and uses what they say, however many
// members have gone.
func (a *App) AcceptRoster(ctx context.Context) error {
	change, err := a.household.refresh(ctx, time.Now(), a.Service, true)
	if err != nil {
		return a.household.problem(err)
	}
	return a.commitRoster(ctx, change)
}

// Held returns the members who have gone from the address books, when they were
// so many at the last look that the earlier roster stays.
func (a *App) Held() []roster.Member {
	a.household.mu.Lock()
	defer a.household.mu.Unlock()
	return a.household.held
}

func (a *App) commitRoster(ctx context.Context, change *broadcast.Change) error {
	if change == nil {
		return nil
	}
	if _, err := a.Service.Commit(ctx, *change); err != nil {
		return fmt.Errorf("keep the roster: %w", err)
	}
	before := a.household.Roster()
	if err := a.household.load(ctx); err != nil {
		return err
	}
	if now := a.household.Roster(); !reflect.DeepEqual(before.Members, now.Members) {
		zerolog.Ctx(ctx).Info().Int("members", len(a.household.Roster().Members)).Msg("the roster has changed")
	}
	return nil
}
