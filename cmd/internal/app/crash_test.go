package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email/emailtest"
	"github.com/anpi-bot/anpi/broadcast/longtest"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// errDead is what everything answers once the process has been killed.
var errDead = errors.New("killed")

// life is one life of the program: it ends at the nth moment at which a kill
// makes a difference, which is before or after something is written, here or on
// a server.
type life struct {
	mu     sync.Mutex
	left   int // moments until the end; 0: lives on
	dead   bool
	killed chan struct{}
}

// moment passes, and returns errDead when the program did not outlive it.
func (l *life) moment() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return errDead
	}
	if l.left > 0 {
		if l.left--; l.left == 0 {
			l.dead = true
			close(l.killed)
			return errDead
		}
	}
	return nil
}

// countdown begins to count the moments until the end.
func (l *life) countdown(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.left = n
}

func (l *life) over() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// mortalStore is a ledger that the dead can neither read nor write.
type mortalStore struct {
	broadcast.Store
	life *life
}

func (s mortalStore) Commit(ctx context.Context, c broadcast.Change) (broadcast.Committed, error) {
	if err := s.life.moment(); err != nil {
		return broadcast.Committed{}, err
	}
	done, err := s.Store.Commit(ctx, c)
	if dead := s.life.moment(); dead != nil {
		return broadcast.Committed{}, dead
	}
	return done, err
}

func (s mortalStore) Claim(ctx context.Context, channel broadcast.ChannelName, now, lease time.Time, limit int) ([]broadcast.Delivery, error) {
	if s.life.over() {
		return nil, errDead
	}
	claimed, err := s.Store.Claim(ctx, channel, now, lease, limit)
	if len(claimed) > 0 {
		if dead := s.life.moment(); dead != nil {
			return nil, dead
		}
	}
	return claimed, err
}

// mortalTransport carries requests until the end. What the last one wrote may
// have taken effect, but its answer never comes.
type mortalTransport struct {
	http.RoundTripper
	life *life
}

func (t mortalTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	writes := r.Method == http.MethodPost || r.Method == http.MethodPut
	if t.life.over() {
		return nil, errDead
	}
	if writes {
		if err := t.life.moment(); err != nil {
			return nil, err
		}
	}
	resp, err := t.RoundTripper.RoundTrip(r)
	if err == nil && (writes && t.life.moment() != nil || t.life.over()) {
		resp.Body.Close()
		return nil, errDead
	}
	return resp, err
}

// TestKilledAtEveryMoment kills Anpi at each moment of a check in turn and
// starts it again. Whatever the moment: everybody is asked, nobody twice by the
// same step, no answer is lost, and the cry for help arrives.
func TestKilledAtEveryMoment(t *testing.T) { everyMoment(t, 50, tale{func(*family) {}, aCheck}) }

// The same with questions that Anpi asks back: whatever the moment, each is asked
// once, and what is answered counts once.
func TestKilledAtEveryMomentOfADialogue(t *testing.T) {
	everyMoment(t, 30, tale{twoHanakos, aDialogue})
}

// tale is a story, and what was so before it.
type tale struct {
	before func(f *family)
	tell   func(t *testing.T, f *family)
}

// everyMoment tells a story again and again, with a kill at each moment in turn,
// or at one in seven: that is before some writes, and after others.
func everyMoment(t *testing.T, atLeast int, story tale) {
	const storytellers = 4
	step := longtest.Every(7)
	var mu sync.Mutex
	kills, last := 0, 0
	for first := range storytellers {
		t.Run(strconv.Itoa(first), func(t *testing.T) {
			t.Parallel()
			for n := first*step + 1; ; n += storytellers * step {
				survived := false
				synctest.Test(t, func(t *testing.T) { survived = !killedAt(t, n, story) })
				if t.Failed() {
					t.Fatalf("it was killed at moment %d", n)
				}
				if survived {
					return
				}
				mu.Lock()
				kills, last = kills+1, max(last, n)
				mu.Unlock()
			}
		})
	}
	t.Cleanup(func() {
		t.Logf("killed at %d moments, the last of them moment %d", kills, last)
		if last < atLeast && !t.Failed() {
			t.Errorf("there are only about %d moments: the story does not reach what it should", last)
		}
	})
}

// killedAt tells the story with a kill at the nth moment, and reports whether
// there was one.
func killedAt(t *testing.T, n int, story tale) (killed bool) {
	f := newFamily(t)
	defer f.mail.Close()
	story.before(f)
	life := &life{killed: make(chan struct{})}
	mortal := f.options
	mortal.Transport = mortalTransport{f, life}
	mortal.Store = func(s broadcast.Store) broadcast.Store { return mortalStore{s, life} }
	mortal.DialMail = func(ctx context.Context, network, address string) (net.Conn, error) {
		if err := life.moment(); err != nil {
			return nil, err
		}
		return f.mail.Dial(ctx, network, address)
	}
	// The moment between the mail server's taking a mail and its saying so.
	f.mail.OnMail(func(emailtest.Mail) { _ = life.moment() })

	immortal := f.options
	f.options = mortal
	f.quiet, f.dies = true, true
	f.start()
	life.countdown(n)
	ended, revived := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(revived)
		select {
		case <-life.killed:
		case <-ended:
			return
		}
		killed = true
		f.stop()
		f.options, f.dies = immortal, false
		time.Sleep(5 * time.Second)
		f.start()
	}()

	story.tell(t, f)
	close(ended)
	<-revived
	f.stop()
	return killed
}

// aCheck is the main job: asked, tapped, cried, reminded, ended.
func aCheck(t *testing.T, f *family) {
	f.dad.Say(f.room, "!check now")
	p := f.await("a prompt", func() (talktest.Message, bool) { return find(f.wrote(f.room), "are you safe?") })
	f.akari.React(f.room, p.ID, "✅")
	f.kenta.Say(f.room, "Help! I'm stuck")
	f.rest(8 * time.Minute)
	f.grandma.SayDirect("anpi", "I am safe")
	f.rest(5 * time.Minute)
	f.closes("!close")
	f.rest(5 * time.Minute)

	f.once("the prompt in the room", f.wrote(f.room), "are you safe?")
	f.once("the alarm in the room", f.wrote(f.room), "Kenta needs help")
	f.once("the tally", f.wrote(f.room), "Who is safe")
	f.once("the report", f.wrote(f.room), "has ended")
	f.once("the alarm to Dad", f.alone(f.dad), "Kenta needs help")
	for _, u := range []*talktest.User{f.mum, f.grandma} {
		f.once("the prompt to "+u.ID+" alone", f.alone(u), "not heard from you")
	}
	f.once("Grandma's receipt", f.alone(f.grandma), "Noted")
	if got := f.alone(f.akari); len(got) > 0 {
		t.Errorf("Akari has answered and was asked again: %q", texts(got))
	}
	prompt, _ := find(f.wrote(f.room), "are you safe?")
	for _, tap := range []string{"✅", "🩹", "🆘"} {
		if !strings.Contains(strings.Join(prompt.Reactions[tap], " "), "anpi") {
			t.Errorf("the prompt is without its %s", tap)
		}
	}
	report, _ := find(f.wrote(f.room), "has ended")
	wants(t, "the report", report.Text, "3 of 6 answered", "tapped 1", "wrote in the family room 1", "wrote to Anpi 1")
	wants(t, "the tally", f.tally(), "🆘 needs help 1: Kenta", "✅ safe 2", "ended")
	// Mail cannot be looked for: a kill may double one, and only one.
	if twice := f.mail.Twice(); len(twice) > 1 {
		t.Errorf("%d mails went out twice", len(twice))
	}
	for who, subject := range map[string]string{"uncle@example.org": "Are you safe?", "dad@example.net": "Kenta needs help"} {
		if count(f.mails(who), subject) == 0 {
			t.Errorf("%s has the mails %q", who, f.mails(who))
		}
	}
}

func twoHanakos(f *family) {
	f.card("hanako1", "Hanako Sato", "sato@example.org")
	f.card("hanako2", "Hanako Suzuki", "suzuki@example.org")
}

// aDialogue is a check that is confirmed, and a report about somebody whose name
// two members have.
func aDialogue(t *testing.T, f *family) {
	f.dad.Say(f.room, "!check A strong earthquake")
	q := f.await("a question", func() (talktest.Message, bool) { return find(f.wrote(f.room), "within 60 seconds") })
	f.dad.React(f.room, q.ID, "✅")
	f.rest(2 * time.Minute)
	if _, ok := find(f.wrote(f.room), "That was too late"); ok {
		// The question came late, because it was in doubt.
		f.once("the refusal", f.wrote(f.room), "That was too late")
		f.dad.Say(f.room, "!check now A strong earthquake")
	}
	f.await("a prompt", func() (talktest.Message, bool) { return find(f.wrote(f.room), "@all Safety check") })
	f.akari.Say(f.room, "Hanako is hurt")
	q = f.await("a question", func() (talktest.Message, bool) { return find(f.wrote(f.room), "Whom do you mean") })
	f.akari.React(f.room, q.ID, "2️⃣")
	f.rest(4 * time.Minute)
	f.dad.Say(f.room, "!close")
	f.rest(5 * time.Minute)

	f.once("the prompt in the room", f.wrote(f.room), "@all Safety check")
	f.once("the question whether it is meant", f.wrote(f.room), "within 60 seconds")
	f.once("the question who is meant", f.wrote(f.room), "Whom do you mean")
	f.once("the receipt", f.wrote(f.room), "Noted for Hanako Suzuki")
	f.once("the report", f.wrote(f.room), "has ended")
	wants(t, "the tally", f.tally(), "🩹 hurt 1: Hanako Suzuki")
}

// await lets time pass until the thing is there, for at most five minutes.
func (f *family) await(what string, look func() (talktest.Message, bool)) talktest.Message {
	f.t.Helper()
	for range 300 {
		if m, ok := look(); ok {
			return m
		}
		f.rest(time.Second)
	}
	f.t.Fatalf("there is no %s after five minutes", what)
	return talktest.Message{}
}

func find(messages []talktest.Message, words string) (talktest.Message, bool) {
	for _, m := range messages {
		if strings.Contains(m.Text, words) {
			return m, true
		}
	}
	return talktest.Message{}, false
}

// once fails the test unless exactly one of the messages has the words.
func (f *family) once(what string, messages []talktest.Message, words string) {
	f.t.Helper()
	if n := count(texts(messages), words); n != 1 {
		f.t.Errorf("%s was sent %d times: %q", what, n, texts(messages))
	}
}
