package broadcast

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/anpi-bot/anpi/roster"
	"github.com/rs/zerolog"
)

// Dispatcher sends what is due. Only one may run on a store at a time; whoever
// assembles the program sees to that.
type Dispatcher struct {
	service  *Service
	channels []Channel
	board    *board
	lanes    []chan struct{}
	clock    chan struct{}
	asked    chan struct{}
	heard    []<-chan struct{}
}

// hearTime is how long the silent are left alone after a start, while what was
// said before it is being read.
const hearTime = 10 * time.Second

// sendTimeout bounds one attempt to send one message.
const sendTimeout = 30 * time.Second

// NewDispatcher returns a dispatcher that sends over the channels.
func NewDispatcher(s *Service, channels ...Channel) *Dispatcher {
	d := &Dispatcher{service: s, channels: channels, board: newBoard(s), clock: make(chan struct{}, 1), asked: make(chan struct{})}
	for range channels {
		d.lanes = append(d.lanes, make(chan struct{}, 1))
	}
	return d
}

// Await makes the dispatcher hear before it speaks: after Run has begun, nobody is
// chased as silent before the channels are closed, each by somebody who has read
// what was said while nothing ran, or 10 s have been tried. Everything else goes
// out at once. It must not be called after Run.
func (d *Dispatcher) Await(heard ...<-chan struct{}) { d.heard = heard }

// Wake makes the dispatcher look at the ledger. It never blocks.
func (d *Dispatcher) Wake() {
	for _, lane := range d.lanes {
		poke(lane)
	}
	poke(d.clock)
	poke(d.board.dirty)
}

// Answers asks the loop that sees to what is due for a sign of life. It returns
// an error when none comes before the context ends: Run has not been called, has
// ended, or hangs.
func (d *Dispatcher) Answers(ctx context.Context) error {
	select {
	case d.asked <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the dispatcher: %w", ctx.Err())
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run sends until the context ends, and then waits for the sends that are
// under way. Each channel has a lane of its own, so that a slow mail server
// holds up no chat message.
func (d *Dispatcher) Run(ctx context.Context) {
	var wg sync.WaitGroup
	heard := d.hold(ctx, time.Now())
	for i, channel := range d.channels {
		wg.Go(func() { d.runLane(ctx, channel, d.lanes[i]) })
		if editor, ok := channel.(Editor); ok && channel.Name() == Room {
			wg.Go(func() {
				select {
				case <-heard: // what the room shows is old until then, or not even there
				case <-ctx.Done():
				}
				d.board.run(ctx, editor)
			})
		}
	}
	wg.Go(func() { d.runClock(ctx, heard) })
	wg.Wait()
}

// hold puts off what is already due to the silent, and returns what is closed when
// the ladder may go on. When that cannot be written down, it is not waited for.
func (d *Dispatcher) hold(ctx context.Context, now time.Time) <-chan struct{} {
	done := make(chan struct{})
	open, err := d.service.Open(ctx)
	if err == nil && len(open) > 0 && len(d.heard) > 0 {
		_, err = d.service.Store.Commit(ctx, Change{Now: now, Hold: now.Add(hearTime)})
	}
	if err != nil && ctx.Err() == nil {
		zerolog.Ctx(ctx).Error().Err(err).Msg("cannot put off what is due to the silent")
	}
	go func() {
		defer close(done)
		end := time.NewTimer(hearTime)
		defer end.Stop()
		for _, heard := range d.heard {
			select {
			case <-heard:
			case <-end.C:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return done
}

// runClock wakes the lanes when something becomes due, and climbs the ladder once
// heard is closed.
func (d *Dispatcher) runClock(ctx context.Context, heard <-chan struct{}) {
	log := zerolog.Ctx(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	wall := newWallClock(time.Now())
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.asked:
			continue
		case <-d.clock:
		case <-timer.C:
		case <-heard:
			heard = nil
		}
		if jump := wall.jumped(time.Now()); jump != 0 {
			log.Warn().Dur("by", jump).Msg("the clock was set; what is due moves with it")
			if _, err := d.service.Commit(ctx, Change{Now: time.Now(), ClockJump: jump}); err != nil && ctx.Err() == nil {
				log.Error().Err(err).Msg("cannot move what is due along with the clock")
			}
		}
		if heard == nil {
			if err := d.service.Advance(ctx, time.Now()); err != nil && ctx.Err() == nil {
				log.Error().Err(err).Msg("cannot go on with the escalation; trying again")
				timer.Reset(5 * time.Second)
				continue
			}
		}
		for _, lane := range d.lanes {
			poke(lane)
		}
		at, ok, err := d.service.Store.NextDue(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			log.Error().Err(err).Msg("cannot read what is due next; trying again")
			timer.Reset(5 * time.Second)
		case ok:
			// What is overdue is being sent by a lane, which wakes this loop
			// when it is done; a second is for a lane that could not. A look
			// each minute is for a clock that was set meanwhile: timers do not
			// follow it.
			timer.Reset(min(max(time.Until(at), time.Second), time.Minute))
		default:
			timer.Stop()
		}
	}
}

// runLane sends what is due over one channel.
func (d *Dispatcher) runLane(ctx context.Context, channel Channel, wake chan struct{}) {
	log := zerolog.Ctx(ctx).With().Str("channel", string(channel.Name())).Logger()
	lane := &lane{service: d.service, board: d.board, channel: channel}
	for {
		sent, err := lane.work(log.WithContext(ctx), time.Now())
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			// The claimed rows keep their lease; when it ends they are looked
			// for before they are sent again.
			log.Error().Err(err).Msg("cannot use the ledger; trying again")
			sleep(ctx, 5*time.Second)
			continue
		}
		if sent > 0 {
			poke(d.clock)
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		}
	}
}

func sleep(ctx context.Context, t time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(t):
	}
}

// lane is one channel at work.
type lane struct {
	service *Service
	board   *board
	channel Channel
	of      int64 // the check that members are of
	members map[string]roster.Member
	down    bool // for the log: a channel that stays down is reported once
}

// attempt is one message being sent: the deliveries that share its reference,
// and what came of them.
type attempt struct {
	deliveries []Delivery
	check      Check
	members    map[string]roster.Member
	message    Message
	began      time.Time

	// needless is set for prompts that nobody has to answer any more; they are
	// looked for when in doubt, but not sent again.
	needless bool

	receipt   Receipt
	unreached Unreached
	twice     bool // sent again without a way to look
	dropped   bool // not sent, because needless
	err       error
}

// work claims what is due, sends it, and records what came of it. It returns
// how many messages were dealt with.
func (l *lane) work(ctx context.Context, now time.Time) (int, error) {
	lease := now.Add(sendTimeout + l.channel.Settle())
	claimed, err := l.service.Store.Claim(ctx, l.channel.Name(), now, lease, l.channel.Width())
	if err != nil {
		return 0, fmt.Errorf("claim what is due: %w", err)
	}
	if len(claimed) == 0 {
		return 0, nil
	}
	attempts, err := l.prepare(ctx, now, claimed)
	if err != nil {
		return 0, err
	}
	var wg sync.WaitGroup
	for _, a := range attempts {
		wg.Go(func() { l.send(ctx, a) })
	}
	wg.Wait()
	// What has arrived is recorded even when the program is being stopped. What
	// was broken off by that keeps its lease, and is looked for after the next
	// start; it says nothing about the channel.
	stopping := ctx.Err() != nil
	ctx = context.WithoutCancel(ctx)
	change := Change{Now: time.Now()}
	for _, a := range attempts {
		if !stopping || a.err == nil {
			l.record(ctx, &change, a)
		}
	}
	if _, err := l.service.Commit(ctx, change); err != nil {
		return 0, fmt.Errorf("record what was sent: %w", err)
	}
	return len(attempts), nil
}

// prepare gathers what the claimed deliveries want to say.
func (l *lane) prepare(ctx context.Context, now time.Time, claimed []Delivery) ([]*attempt, error) {
	byReference := map[string]*attempt{}
	var attempts []*attempt
	for _, d := range claimed {
		a := byReference[d.Reference]
		if a == nil {
			a = &attempt{}
			byReference[d.Reference] = a
			attempts = append(attempts, a)
		}
		a.deliveries = append(a.deliveries, d)
	}
	for _, a := range attempts {
		if err := l.compose(ctx, now, a); err != nil {
			return nil, err
		}
	}
	return attempts, l.makeLinks(ctx, now, attempts)
}

// makeLinks gives each message that leads to a page a token of its own. Its hash
// is in the ledger before the token leaves the house.
func (l *lane) makeLinks(ctx context.Context, now time.Time, attempts []*attempt) error {
	change := Change{Now: now}
	for _, a := range attempts {
		d := a.deliveries[0]
		if !l.service.Links || d.Purpose != BoardLink && !(d.Purpose.Answerable() && d.Channel == Email) {
			continue
		}
		a.message.Token = NewToken()
		change.Links = append(change.Links, Link{Hash: HashToken(a.message.Token), CheckID: d.CheckID, MemberID: d.MemberID, MadeAt: now})
	}
	if len(change.Links) == 0 {
		return nil
	}
	if _, err := l.service.Commit(ctx, change); err != nil {
		return fmt.Errorf("make links: %w", err)
	}
	return nil
}

// compose makes the message of an attempt.
func (l *lane) compose(ctx context.Context, now time.Time, a *attempt) error {
	d := a.deliveries[0]
	a.message = Message{Purpose: d.Purpose, Reference: d.Reference, Address: d.Address, Body: d.Body, Taps: d.Taps, Receipt: d.Receipt, Now: now}
	m := &a.message
	if d.CheckID != 0 {
		check, err := l.service.Store.Check(ctx, d.CheckID)
		if err != nil {
			return fmt.Errorf("read check %d: %w", d.CheckID, err)
		}
		a.check, m.Check = check, check
		if err := l.asked(ctx, a); err != nil {
			return err
		}
		// A prompt to one person needs no tally; thousands of them must not
		// count thousands each.
		if !d.Purpose.Prompts() || d.Channel == Room || d.Doubt {
			if m.Report, err = l.service.Report(ctx, check); err != nil {
				return err
			}
			m.Tally = m.Report.Tally
			a.needless = d.Purpose.Prompts() && !m.Tally.needs(a.deliveries)
		}
		if d.Purpose == Alarm || d.Purpose == Relief || d.Purpose == Confirm {
			if err := l.about(ctx, a, d); err != nil {
				return err
			}
		}
	}
	if d.Purpose == Silence {
		preferences, err := ReadPreferences(ctx, l.service.Store)
		if err != nil {
			return err
		}
		m.Away = preferences.away(now)
	}
	if d.Purpose == Announce {
		m.About = l.member(a, d.AboutID)
	}
	for _, d := range a.deliveries {
		if d.MemberID != "" {
			m.Members = append(m.Members, l.member(a, d.MemberID))
		}
	}
	return nil
}

// member is a member of the check of the attempt, else of the roster of today:
// an organiser need not have been a member then.
func (l *lane) member(a *attempt, id string) roster.Member {
	member, asked := a.members[id]
	now, known := l.service.Roster().ByID(id)
	switch {
	case !asked:
		return now
	case known:
		// They may have asked for another language since.
		member.Lang = now.Lang
	}
	return member
}

// asked adds the members as they were when the check began, who may have left
// the roster since.
func (l *lane) asked(ctx context.Context, a *attempt) error {
	if l.of != a.check.ID {
		members, err := l.service.Store.Members(ctx, a.check.ID)
		if err != nil {
			return fmt.Errorf("read the members of check %d: %w", a.check.ID, err)
		}
		l.of, l.members = a.check.ID, map[string]roster.Member{}
		for _, member := range members {
			l.members[member.ID] = member
		}
	}
	a.members = l.members
	return nil
}

// needs reports whether any of the prompts is still to be answered.
func (t Tally) needs(prompts []Delivery) bool {
	if !t.Check.Open() {
		return false
	}
	for _, s := range t.Standings {
		if !s.Answered && slices.ContainsFunc(prompts, func(d Delivery) bool { return d.MemberID == s.Member.ID }) {
			return true
		}
	}
	return false
}

// about finds the answer that an alarm or a relief tells of.
func (l *lane) about(ctx context.Context, a *attempt, d Delivery) error {
	answers, err := l.service.Store.Answers(ctx, a.check.ID)
	if err != nil {
		return fmt.Errorf("read the answers of check %d: %w", a.check.ID, err)
	}
	for _, answer := range answers {
		if answer.Carrier == d.AnswerCarrier && answer.MemberID == d.AboutID {
			a.message.Answer = answer
			a.message.About = l.member(a, d.AboutID)
			a.message.ReportedBy = l.member(a, answer.ReportedBy)
		}
	}
	return nil
}

// send sends one message, after looking for it when an earlier attempt may have
// arrived.
func (l *lane) send(ctx context.Context, a *attempt) {
	a.began = time.Now()
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	d := a.deliveries[0]
	if d.Doubt {
		since := a.check.StartedAt
		if since.IsZero() {
			since = a.began.Add(-LateAnswers)
		}
		receipt, found, err := l.channel.Find(ctx, a.message, since.Add(-time.Minute))
		blind := errors.Is(err, ErrCannotLook)
		switch {
		case blind && d.MaybeTwice:
			a.err = &Failure{Permanent: true, Reason: ReasonUnconfirmed, Err: err}
			return
		case err != nil && !blind && a.needless:
			a.dropped = true
			return
		case err != nil && !blind:
			// Without a look it stays in doubt, unless there is nothing left to
			// look at.
			a.err = doubtful(err)
			return
		case found:
			a.receipt = receipt
			return
		case a.needless:
			a.dropped = true
			return
		}
		a.twice = blind
	}
	if a.message.Purpose == TallyOf {
		l.board.shows(a.message.Tally)
	}
	a.receipt, a.unreached, a.err = l.channel.Send(ctx, a.message)
}

func doubtful(err error) error {
	f := Failure{Doubt: true, Err: err}
	if known := new(Failure); errors.As(err, &known) {
		if known.Permanent {
			return known
		}
		f.Reason, f.Down, f.After = known.Reason, known.Down, known.After
	}
	return &f
}

// record adds what came of the attempt to the change: the new state of each
// delivery, and the detours that take the place of what did not arrive.
func (l *lane) record(ctx context.Context, c *Change, a *attempt) {
	var f *Failure
	if a.err != nil && !errors.As(a.err, &f) {
		f = &Failure{Reason: a.err.Error(), Err: a.err}
	}
	l.note(ctx, f)
	// One message has one next attempt, whoever it is for.
	var wait time.Duration
	if f != nil {
		wait = backoff(a.deliveries[0].Attempt, f.After)
	}
	for _, d := range a.deliveries {
		r := Result{ID: d.ID, State: Sent, Receipt: a.receipt, MaybeTwice: d.MaybeTwice}
		detour, down := false, false
		if f == nil || f.Doubt {
			r.MaybeTwice = d.MaybeTwice || a.twice
		}
		switch {
		case a.dropped:
			r.State, r.MaybeTwice = Dropped, d.MaybeTwice
		case f == nil:
			if reason, missed := a.unreached[d.MemberID]; missed {
				r.State, r.Reason, detour = Failed, reason, true
			}
		case f.Permanent:
			r.State, r.Reason, detour, down = Failed, f.Reason, true, f.Down
		case f.Doubt:
			r.State, r.Doubt, r.Reason = Sending, true, f.Reason
			r.DueAt = c.Now.Add(max(l.channel.Settle(), f.After))
			detour, down = !f.Arrived, true
		default:
			r.State, r.Doubt, r.Reason = Due, d.Doubt, f.Reason
			r.DueAt = c.Now.Add(wait)
			detour, down = f.Down, f.Down
		}
		c.Results = append(c.Results, r)
		if d.Purpose == TallyOf && r.State != Sent {
			l.board.forget(d.CheckID)
		}
		if detour {
			c.Deliveries = append(c.Deliveries, a.check.detour(d, l.member(a, d.MemberID), down, c.Now)...)
		}
	}
}

// backoff is how long to wait after the nth attempt: 2 s, doubled each time up
// to 5 minutes, a quarter more or less, and at least as long as the server
// asked for.
func backoff(attempt int, after time.Duration) time.Duration {
	wait := 5 * time.Minute
	if attempt < 8 {
		wait = 2 * time.Second << max(attempt-1, 0)
	}
	return max(wait*3/4+rand.N(wait/2), after)
}

// note writes to the log when the channel stops or begins to work.
func (l *lane) note(ctx context.Context, f *Failure) {
	log := zerolog.Ctx(ctx)
	switch {
	case f == nil:
		if l.down {
			log.Info().Msg("the channel works again")
		}
		l.down = false
	case f.Down:
		if !l.down {
			log.Error().Err(f.Err).Msg(f.Reason)
		}
		l.down = true
	default:
		log.Warn().Err(f.Err).Bool("permanent", f.Permanent).Bool("doubt", f.Doubt).Msg(f.Reason)
	}
}
