package app

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/email"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/broadcast/sqlstore"
	"github.com/anpi-bot/anpi/cmd/internal/doctor"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
)

// Examine looks at everything once, for a person or a program that asks. It goes
// on when the ledger cannot be opened.
func Examine(ctx context.Context, o Options) ([]doctor.Finding, error) {
	a, err := Open(ctx, o)
	if err != nil {
		return examineWithout(ctx, o, err)
	}
	defer a.Close()
	return a.examine(ctx), nil
}

// examineWithout looks at everything but the ledger, which cannot be opened. An
// empty one in a folder of its own stands in for it.
func examineWithout(ctx context.Context, o Options, broken error) ([]doctor.Finding, error) {
	data := o.Config.Data
	folder, err := os.MkdirTemp("", "anpi-doctor-*")
	if err != nil {
		return nil, broken
	}
	defer os.RemoveAll(folder)
	o.Config.Data = folder
	a, err := Open(ctx, o)
	if err != nil {
		return nil, broken
	}
	defer a.Close()
	options := a.doctorOptions()
	options.Data, options.Write, options.Broken = data, true, broken
	options.PutBack, options.Store, options.Memory, options.Integrity, options.Roster, options.Books = nil, nil, nil, nil, nil, nil
	return doctor.New(options).Look(ctx), nil
}

func (a *App) examine(ctx context.Context) []doctor.Finding {
	log := zerolog.Ctx(ctx)
	options := a.doctorOptions()
	options.Write = true
	options.BooksEvery = 0
	last := a.readRefusal(ctx)
	if last.same(a.config.Nextcloud.User, a.config.Nextcloud.Password) && (time.Since(last.At) < refusalHolds || a.isLed()) {
		options.Refused = last.At
	}
	options.Books = func(ctx context.Context) doctor.Books {
		// What the books say is not kept: looking changes nothing.
		if _, err := a.household.refresh(ctx, time.Now(), a.Service, false); err != nil {
			return doctor.Books{Err: a.household.problem(err)}
		}
		return doctor.Books{Read: time.Now(), Held: a.Held()}
	}
	found := doctor.New(options).Look(ctx)
	if options.Refused.IsZero() {
		if err := a.keepRefusal(ctx, found); err != nil {
			log.Warn().Err(err).Msg("cannot keep whether the password was refused")
		}
	}
	return found
}

// putBack tells whether Nextcloud was put back to an earlier state.
func (a *App) putBack(ctx context.Context) (doctor.PutBack, error) {
	behind, last, err := a.bot.PutBack(ctx)
	return doctor.PutBack{Behind: behind, Found: last.Found, Kept: last.Kept}, err
}

// isLed reports whether a daemon runs.
func (a *App) isLed() bool {
	release, err := a.TryLead()
	if err == nil {
		release()
	}
	return errors.Is(err, sqlstore.ErrTaken)
}

// doctorOptions are those for the daemon, which writes nothing and asks little.
func (a *App) doctorOptions() doctor.Options {
	c := a.config
	o := doctor.Options{
		Nextcloud: c.Nextcloud.URL, Transport: a.options.Transport, Client: a.client, Room: a.talk.Look, Explain: a.problem,
		PutBack: a.putBack, Books: a.household.outcome, BooksEvery: c.Roster.Every, Roster: a.household.Roster,
		Probe: c.Doctor.Probe, OwnAddress: c.Doctor.OwnAddress, Resolver: a.options.Resolver,
		Proc: filepath.Join("/", a.options.Machine, "proc"), Sys: filepath.Join("/", a.options.Machine, "sys"),
		Data: c.Data, Store: a.store, Memory: a.InMemory, Integrity: func(ctx context.Context) error { return sqlstore.Check(ctx, a.path) },
	}
	if c.Web != nil {
		o.Web = c.Web.URL
	}
	if c.Mail != nil {
		o.Mail = func(ctx context.Context) ([]email.Finding, error) {
			mail := a.mailOptions()
			mail.Dial, mail.Resolver = a.options.DialMail, cmp.Or(a.options.Resolver, net.DefaultResolver)
			return email.Check(ctx, mail)
		}
	}
	if a.inbox != nil {
		o.Inbox, o.InboxHost = a.inbox.Check, net.JoinHostPort(c.Inbox.Host, strconv.Itoa(c.Inbox.Port))
	}
	return o
}

// refusal is what the ledger remembers of a password that Nextcloud refused. It
// locks out whole households for trying too often, and monitoring may call
// anpi doctor each minute.
type refusal struct {
	At time.Time `json:"at,omitzero"`
	// Salt and Mark tell whether a password is the same. The mark is so short
	// that it gives nothing away; a new password is taken for the old one once
	// in 65,536 times, and then has to wait.
	Salt string `json:"salt,omitempty"`
	Mark string `json:"mark,omitempty"`
}

const (
	refusalDocument = "password-refused"
	refusalHolds    = 30 * time.Minute
)

func mark(salt, user string, password talkapi.Secret) string {
	h := hmac.New(sha256.New, []byte(salt))
	h.Write([]byte(user + "\x00" + password.Reveal()))
	return hex.EncodeToString(h.Sum(nil)[:2])
}

func (r refusal) same(user string, password talkapi.Secret) bool {
	return !r.At.IsZero() && mark(r.Salt, user, password) == r.Mark
}

func (a *App) readRefusal(ctx context.Context) (r refusal) {
	body, err := a.store.Document(ctx, refusalDocument)
	if err == nil && body != nil {
		// What cannot be read costs one more try.
		_ = json.Unmarshal(body, &r)
	}
	return r
}

// keepRefusal notes when the password is refused for the first time, or taken
// again.
func (a *App) keepRefusal(ctx context.Context, found []doctor.Finding) error {
	user, password := a.config.Nextcloud.User, a.config.Nextcloud.Password
	last, next := a.readRefusal(ctx), refusal{}
	switch doctor.GradeOf(found, "talk-password") {
	case doctor.Bad:
		if last.same(user, password) && time.Since(last.At) < refusalHolds {
			return nil
		}
		next.At, next.Salt = time.Now().UTC(), rand.Text()
		next.Mark = mark(next.Salt, user, password)
	case doctor.Good:
		if last.At.IsZero() {
			return nil
		}
	default:
		return nil
	}
	body, err := json.Marshal(next)
	if err != nil {
		return err
	}
	_, err = a.Service.Commit(ctx, broadcast.Change{Now: time.Now(), Documents: map[string][]byte{refusalDocument: body}})
	return err
}

// look is what the daemon's doctor has found last.
type look struct {
	at       time.Time
	findings []doctor.Finding
}

// afterStart is how long the first look waits: what was due while the power was
// out goes first.
const afterStart = 5 * time.Second

// watchDocument holds what the organisers know about the machine.
const watchDocument = "doctor"

// keepWell looks at everything now and then, and tells the organisers of each
// change. While nothing changes, nothing is written.
func (a *App) keepWell(ctx context.Context) {
	every := a.config.Doctor.Every
	if every <= 0 {
		return
	}
	log := zerolog.Ctx(ctx)
	d := doctor.New(a.doctorOptions())
	body, err := a.store.Document(ctx, watchDocument)
	if err != nil {
		log.Error().Err(err).Msg("cannot read what the organisers know about this machine")
	}
	watch := doctor.NewWatch(body)
	wait := afterStart
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		case <-a.lookNow:
		}
		found := d.Look(ctx)
		if ctx.Err() != nil {
			return
		}
		a.lastLook.Store(&look{time.Now(), found})
		if err := a.keepRefusal(ctx, found); err != nil {
			log.Warn().Err(err).Msg("cannot keep whether the password was refused")
		}
		next, changes := watch.See(time.Now(), found)
		for _, f := range changes {
			log.Warn().Str("what", f.ID()).Str("grade", string(f.Grade)).Msg("something changed that must work on the day")
		}
		if err := a.tellChanges(ctx, watch, next, found, changes); err != nil {
			log.Error().Err(err).Msg("cannot tell the organisers about this machine; trying again")
		} else {
			watch = next
		}
		wait = every
		if watch.Unsettled() {
			wait = every / 3
		}
	}
}

// tellChanges writes down what the organisers are told, together with the
// message. When the ledger itself is what is broken, they are told without it.
func (a *App) tellChanges(ctx context.Context, before, next doctor.Watch, found, changes []doctor.Finding) error {
	if !next.Changed(before) {
		return nil
	}
	now := time.Now()
	text := func(o roster.Member) string { return a.newsFor(o, changes) }
	c := broadcast.Change{Now: now, Documents: map[string][]byte{watchDocument: next.Document()}}
	switch {
	case len(changes) == 0:
	case a.isTalkIn(found, changes):
		a.Service.PlanNotice(&c, next.Key(), text)
	default:
		a.Service.PlanWhisper(&c, next.Key(), text)
	}
	_, err := a.Service.Commit(ctx, c)
	if err == nil || len(changes) == 0 {
		return err
	}
	told := false
	for _, o := range a.household.Roster().Organisers() {
		told = a.tellNow(ctx, next.Key(), o, text(o), now) || told
	}
	if told {
		zerolog.Ctx(ctx).Error().Err(err).Msg("the ledger cannot be written; the organisers were told without it")
		return nil
	}
	return err
}

// tellNow tells one organiser at once, over the first channel that works.
func (a *App) tellNow(ctx context.Context, key string, o roster.Member, text string, now time.Time) bool {
	m := broadcast.Message{Purpose: broadcast.Notice, Members: []roster.Member{o}, Body: text, Now: now}
	if o.Talk != "" {
		m.Reference = broadcast.Reference(key, "notice", broadcast.Direct, o.ID)
		if _, _, err := a.talk.Direct().Send(ctx, m); err == nil {
			return true
		}
	}
	for _, address := range o.Emails {
		m.Address, m.Reference = address, broadcast.Reference(key, "notice", broadcast.Email, o.ID, address)
		if _, _, err := a.mail.Send(ctx, m); err == nil {
			return true
		}
	}
	return false
}

// isTalkIn reports whether Talk is what is broken or has just been, or reaches
// no organiser: then mail must carry the news, too.
func (a *App) isTalkIn(found, changes []doctor.Finding) bool {
	for _, name := range []string{"nextcloud", "talk-password", "talk", "room"} {
		if doctor.GradeOf(found, name) == doctor.Bad {
			return true
		}
		for _, f := range changes {
			if f.Name == name {
				return true
			}
		}
	}
	for _, o := range a.household.Roster().Organisers() {
		if o.Talk != "" {
			return false
		}
	}
	return true
}

// newsFor words the changes for an organiser.
func (a *App) newsFor(o roster.Member, changes []doctor.Finding) string {
	t := locale.For(cmp.Or(o.Lang, a.config.Language), a.config.Zone)
	lines := []string{t.T("doctor.news")}
	for _, f := range changes {
		lines = append(lines, t.T("doctor.news_line", locale.Data{"Icon": f.Grade.Icon(), "Title": f.Title(t), "Text": f.Text(t, talkapi.Escape)}))
	}
	return strings.Join(append(lines, t.T("doctor.news_more")), "\n")
}
