// Package bot listens to the family on Nextcloud Talk.
//
// It keeps one long poll on the family room, and asks the server's
// notifications which one-to-one rooms have news; then it reads those rooms.
// What it reads becomes answers and commands, and each is written together with
// the place up to which the room was read: a crash in between loses nothing and
// counts nothing twice. A notification is dismissed only afterwards, so that it
// stands until the answer is safe.
package bot

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
)

// Options say whom the bot serves.
type Options struct {
	Client  *talkapi.Client
	Service *broadcast.Service
	// User is the account's own name, which mentions of the bot carry.
	User string
	// Family returns the token of the family room, and Forget says that the
	// server does not know it any more.
	Family func(context.Context) (string, error)
	Forget func(room string)
	// Joined is told that somebody was added to the family room, who may be new to
	// the roster. It must not block; nil when nobody wants to know.
	Joined func()
	// Language is the one for the room and for members whose own is not known.
	Language string
	Zone     *time.Location
	// Next tells which drills are planned; nil when there are none.
	Next func() []Planned
	// Pace says how often to look; the zero value is [DefaultPace].
	Pace Pace
	// Fleeting reports whether what is written down now may be lost with the
	// process; nil when it never is.
	Fleeting func() bool
	// Beside says that another process listens, too, and obeys. This one has a
	// check of its own, and hears what is for that.
	Beside bool
}

// Planned is a drill that is going to start.
type Planned struct {
	Name string
	At   time.Time
}

// Pace says how often the bot asks the server for news.
type Pace struct {
	// Busy is between two looks at the notifications while a check is open and
	// people answer; in silence the pause grows to Quiet. Idle is the pause
	// while no check is open.
	Busy, Quiet, Idle time.Duration
	// Sweep is between two readings of every room with an unanswered prompt,
	// for servers whose notifications are off.
	Sweep time.Duration
}

// DefaultPace looks every 2 s while people answer, every 10 s when they have
// been silent for 5 minutes, a little more often than once a minute while no check
// is open, so that a command is heard within the minute in which it begins
// something, and sweeps every 3 minutes. A check that stays open for three days
// must not cost a request every 2 s.
var DefaultPace = Pace{Busy: 2 * time.Second, Quiet: 10 * time.Second, Idle: 50 * time.Second, Sweep: 3 * time.Minute}

// Bot listens and obeys.
type Bot struct {
	Options
	news chan struct{}
	// heard is closed when all that was said before Run has been read once.
	heard chan struct{}
	// family is held while what was read in the family room is taken in: two
	// goroutines read it.
	family sync.Mutex
	// turn has something while what was read is taken in, in whatever room:
	// documents such as what people prefer are read, changed and written whole.
	turn chan struct{}
	// rewinds are known while turn is held.
	rewinds rewinds
	// judged is, by room, at what place it was last looked whether the server was put
	// back, and when.
	judged map[string]judgement
	// unnotified is set where the server has no notifications; the goroutine's that
	// sweeps.
	unnotified bool
	// back is set when the server was put back, until the notifications are read anew.
	back atomic.Bool
	// replies are the times of the latest replies to each member, and cries those
	// of the alarms that each has raised outside a check.
	replies, cries map[string][]time.Time
	patience       sync.Mutex
	// waits is until when an answer to a question of the bot's is waited for, in
	// Unix milliseconds.
	waits atomic.Int64
	// seen is up to which message each room is known to have been read by the
	// others; only the goroutine that sweeps uses it.
	seen map[string]int64
	// direct tells which rooms are one-to-one; the same goroutine's.
	direct map[string]bool
	// standing are the notifications that were read and not dismissed; the same
	// goroutine's.
	standing map[int64]bool
}

// New returns a bot that does not listen yet.
func New(o Options) *Bot {
	if o.Pace == (Pace{}) {
		o.Pace = DefaultPace
	}
	if o.Forget == nil {
		o.Forget = func(string) {}
	}
	if o.Joined == nil {
		o.Joined = func() {}
	}
	if o.Fleeting == nil {
		o.Fleeting = func() bool { return false }
	}
	return &Bot{Options: o, standing: map[int64]bool{}, judged: map[string]judgement{}, heard: make(chan struct{}), news: make(chan struct{}, 1), turn: make(chan struct{}, 1), replies: map[string][]time.Time{}, cries: map[string][]time.Time{}, seen: map[string]int64{}, direct: map[string]bool{}}
}

// Wake tells the bot that a check may have begun, so that it looks more often.
// It never blocks.
func (b *Bot) Wake() {
	select {
	case b.news <- struct{}{}:
	default:
	}
}

// Heard is closed when all that was said before Run has been read once.
func (b *Bot) Heard() <-chan struct{} { return b.heard }

// awaits makes the bot look often for a time: it has asked somebody something.
func (b *Bot) awaits(d time.Duration) {
	b.waits.Store(time.Now().Add(d).UnixMilli())
	b.Wake()
}

// Run listens until the context ends. Whatever goes wrong meanwhile is logged
// once and tried again.
func (b *Bot) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { b.listenRoom(ctx) })
	wg.Go(func() { b.listenDirect(ctx) })
	wg.Wait()
}

func (b *Bot) texts(lang string) *locale.Texts {
	if lang == "" {
		lang = b.Language
	}
	return locale.For(lang, b.Zone)
}

func (b *Bot) zone() *time.Location {
	if b.Zone == nil {
		return time.Local
	}
	return b.Zone
}

// Plain makes a name or answer harmless in a chat.
func Plain(s string) string { return talkapi.Escape(locale.OneLine(s, 500)) }

// member finds who wrote a message; known is false for anybody who is not of
// the family, for guests and for other bots. Whoever was asked by the current
// check is heard even when the address book has lost them since. Names are
// never looked at.
func (b *Bot) member(ctx context.Context, m talkapi.Message) (member roster.Member, known bool, err error) {
	if m.ActorType != "users" || m.ActorID == "" {
		return member, false, nil
	}
	if member, known = b.Service.Roster().ByTalk(m.ActorID); known {
		return member, true, nil
	}
	check, ok, err := b.Service.Current(ctx, time.Now())
	if err != nil || !ok {
		return member, false, err
	}
	asked, err := b.Service.Store.Members(ctx, check.ID)
	if err != nil {
		return member, false, err
	}
	i := slices.IndexFunc(asked, func(r roster.Member) bool { return r.Talk == m.ActorID })
	if i < 0 {
		return member, false, nil
	}
	member = asked[i]
	member.Organiser = false // who may command is for the roster of today to say
	return member, true, nil
}

// trouble keeps a log from filling up while a server is away: each kind of
// trouble is reported once, and once when it is over.
type trouble struct {
	what string
	last string
	wait time.Duration
}

// failed notes an error and returns how long to wait before the next try.
func (t *trouble) failed(ctx context.Context, err error) time.Duration {
	if msg := err.Error(); msg != t.last {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("cannot " + t.what + "; trying again")
		t.last = msg
	}
	t.wait = min(max(2*t.wait, time.Second), time.Minute)
	return t.wait
}

func (t *trouble) over(ctx context.Context) {
	if t.last != "" {
		zerolog.Ctx(ctx).Info().Msg("can " + t.what + " again")
	}
	t.last, t.wait = "", 0
}

// sleep waits, or less when the context ends.
func sleep(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
