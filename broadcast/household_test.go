package broadcast_test

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/roster"
)

// post is a channel in memory: what arrives stays, can be looked for by its
// reference, and can be edited. A script decides what goes wrong.
type post struct {
	name   broadcast.ChannelName
	settle time.Duration
	width  int
	blind  bool // cannot look, as mail
	// fate decides what becomes of a message; nil means that all arrive.
	fate func(n int, m broadcast.Message) fate
	// lookErr is what a look fails with; nil means that it works.
	lookErr func() error

	mu      sync.Mutex
	tries   []try
	arrived []broadcast.Message
	looks   []time.Time
	edits   []try
}

// fate is what becomes of one message.
type fate struct {
	err       error
	arrives   bool // although err says otherwise
	takes     time.Duration
	unreached broadcast.Unreached
}

type try struct {
	at time.Time
	m  broadcast.Message
}

func (p *post) Name() broadcast.ChannelName { return p.name }
func (p *post) Settle() time.Duration       { return p.settle }
func (p *post) Width() int                  { return max(p.width, 1) }

func (p *post) Send(ctx context.Context, m broadcast.Message) (broadcast.Receipt, broadcast.Unreached, error) {
	p.mu.Lock()
	p.tries = append(p.tries, try{time.Now(), m})
	n := len(p.tries)
	f := fate{arrives: true}
	if p.fate != nil {
		f = p.fate(n, m)
		f.arrives = f.arrives || f.err == nil
	}
	p.mu.Unlock()
	if f.takes > 0 {
		select {
		case <-time.After(f.takes):
		case <-ctx.Done():
			return broadcast.Receipt{}, nil, &broadcast.Failure{Reason: "talk-unclear", Doubt: true, Down: true, Err: ctx.Err()}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.arrives {
		p.arrived = append(p.arrived, m)
	}
	if f.err != nil {
		return broadcast.Receipt{}, nil, f.err
	}
	return p.receipt(len(p.arrived)), f.unreached, nil
}

func (p *post) receipt(n int) broadcast.Receipt {
	if p.name == broadcast.Email {
		return broadcast.Receipt{}
	}
	return broadcast.Receipt{Room: "room of " + string(p.name), MessageID: int64(n)}
}

func (p *post) Find(_ context.Context, m broadcast.Message, _ time.Time) (broadcast.Receipt, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.looks = append(p.looks, time.Now())
	if p.blind {
		return broadcast.Receipt{}, false, broadcast.ErrCannotLook
	}
	if p.lookErr != nil {
		if err := p.lookErr(); err != nil {
			return broadcast.Receipt{}, false, err
		}
	}
	i := slices.IndexFunc(p.arrived, func(a broadcast.Message) bool { return a.Reference == m.Reference })
	return p.receipt(i + 1), i >= 0, nil
}

func (p *post) Edit(_ context.Context, _ broadcast.Receipt, m broadcast.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.edits = append(p.edits, try{time.Now(), m})
	return nil
}

// meanwhile changes what the channel's script depends on, while it is in use.
func (p *post) meanwhile(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// of lists the tries of messages with the purpose.
func (p *post) of(purpose broadcast.Purpose) []try {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.tries), func(t try) bool { return t.m.Purpose != purpose })
}

// got counts how often a message with the purpose arrived for the member; "" is
// anybody.
func (p *post) got(purpose broadcast.Purpose, member string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, m := range p.arrived {
		if m.Purpose == purpose && (member == "" || slices.ContainsFunc(m.Members, func(r roster.Member) bool { return r.ID == member })) {
			n++
		}
	}
	return n
}

// house is a service and a dispatcher on a real ledger, with channels in
// memory, in fake time.
type house struct {
	t                  *testing.T
	room, direct, mail *post
	service            *broadcast.Service
	store              broadcast.Store
	members            []roster.Member
	stop               func()
}

// The family: Dad organises, Grandma has both ways, Kenta only Talk, Uncle only
// mail, the cat has nothing.
var (
	dad     = roster.Member{ID: "dad", Name: "Dad", Talk: "dad", Emails: []string{"dad@example.net", "dad@work.example"}, Organiser: true}
	grandma = roster.Member{ID: "grandma", Name: "Grandma", Talk: "grandma", Emails: []string{"g@docomo.example"}}
	kenta   = roster.Member{ID: "kenta", Name: "Kenta", Talk: "kenta"}
	uncle   = roster.Member{ID: "uncle", Name: "Uncle", Emails: []string{"u@example.org", "u@work.example"}}
	cat     = roster.Member{ID: "cat", Name: "Cat"}
)

func story(t *testing.T, tell func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		defer func() {
			if h.stop != nil {
				h.stop()
			}
			h.store.Close()
		}()
		tell(t, h)
	})
}

func newHouse(t testing.TB) *house {
	h := &house{
		room:    &post{name: broadcast.Room, settle: 45 * time.Second},
		direct:  &post{name: broadcast.Direct, settle: 45 * time.Second, width: 3},
		mail:    &post{name: broadcast.Email, blind: true, settle: time.Minute, width: 4},
		members: []roster.Member{dad, grandma, kenta, uncle},
	}
	h.t, _ = t.(*testing.T)
	store, err := sqlstore.Open(t.Context(), filepath.Join(t.TempDir(), "anpi.db"))
	if err != nil {
		t.Fatal(err)
	}
	h.store = store
	h.service = &broadcast.Service{
		Store: store, Ladder: broadcast.DefaultLadder(), Wake: func() {},
		Roster: func() roster.Roster { return roster.Roster{Members: h.members} },
	}
	return h
}

// start begins to dispatch; heard is closed by whoever still reads what was said
// before.
func (h *house) start(heard ...<-chan struct{}) {
	ctx, cancel := context.WithCancel(zerolog.Nop().WithContext(h.t.Context()))
	d := broadcast.NewDispatcher(h.service, h.room, h.direct, h.mail)
	d.Await(heard...)
	h.service.Wake = d.Wake
	done := make(chan struct{})
	go func() { d.Run(ctx); close(done) }()
	h.stop = func() {
		cancel()
		<-done
		h.service.Wake = func() {}
		h.stop = nil
	}
}

func (h *house) rest(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// check starts a check of the kind.
func (h *house) check(kind broadcast.Kind) broadcast.Check {
	h.t.Helper()
	key := "test " + time.Now().String() + string(kind)
	done, err := h.service.Start(h.t.Context(), time.Now(), broadcast.StartRequest{Kind: kind, Key: key, By: "Dad"})
	if err != nil {
		h.t.Fatal(err)
	}
	return done.Started
}

// says stores an answer of a member.
func (h *house) says(c broadcast.Check, m roster.Member, status broadcast.Status, carrier string) {
	h.t.Helper()
	change := broadcast.Change{Now: time.Now()}
	st, ok, err := h.service.Standing(h.t.Context(), c, m)
	if err != nil || !ok {
		h.t.Fatal(m.ID, ok, err)
	}
	h.service.PlanAnswer(&change, c, st, broadcast.Answer{Status: status, Source: broadcast.ByTap, Carrier: carrier, At: time.Now()})
	if _, err := h.service.Commit(h.t.Context(), change); err != nil {
		h.t.Fatal(err)
	}
}

// closes ends a check.
func (h *house) closes(c broadcast.Check) {
	h.t.Helper()
	change := broadcast.Change{Now: time.Now()}
	h.service.PlanClose(&change, c, "Dad")
	if _, err := h.service.Commit(h.t.Context(), change); err != nil {
		h.t.Fatal(err)
	}
}

// deliveries of the check to the member over the channel.
func (h *house) deliveries(c broadcast.Check, member string, over broadcast.ChannelName) []broadcast.Delivery {
	h.t.Helper()
	all, err := h.store.Deliveries(h.t.Context(), c.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(d broadcast.Delivery) bool { return d.MemberID != member || d.Channel != over })
}
