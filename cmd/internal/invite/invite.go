// Package invite brings a new member in: an account on the Nextcloud, a place in
// the family room, and a sheet of paper with a code that the apps scan.
//
// The administrator's password is used and forgotten. The account gets a random
// password that nobody learns, so the code on the sheet is the only key; it is in
// the picture and nowhere else, and is not shown a second time. The key is made
// last: whatever goes wrong before, there is none lying about. [Run] may be
// repeated with the same name, and goes on where it stopped.
package invite

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/anpi-bot/anpi/broadcast/channel/talk"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/ask"
	"github.com/anpi-bot/anpi/cmd/internal/config"
	"github.com/anpi-bot/anpi/cmd/internal/qrcode"
	"github.com/anpi-bot/anpi/talkapi"
)

// Options say who is invited, and who is asked about it.
type Options struct {
	Config config.Config
	// Name is what the family calls the new member.
	Name string
	// Folder is where the sheet is written.
	Folder string
	Ask    *ask.Asker
	// Transport carries the requests to Nextcloud; nil means the network.
	Transport http.RoundTripper
}

// Names are the questions in their order: the names of the flags. The text of
// each is invite.ask_ and its name.
var Names = []string{"admin", "admin-password-file", "account", "language", "email", "group", "server", "again"}

type session struct {
	Options
	*ask.Asker

	admin, bot *talkapi.Client
	adminID    string
	room       string // token of the family room
	member     talkapi.NewAccount
	server     string   // as the phone reaches it
	done       []string // what was done, in words
}

// Run asks what is needed, makes the account and writes the sheet. The errors are
// for a person to read: they say what was done, and what to do next.
func Run(ctx context.Context, o Options) error {
	s := &session{Options: o, Asker: o.Ask}
	if err := s.run(ctx); err != nil {
		if errors.Is(err, ask.ErrStopped) || errors.Is(err, context.Canceled) {
			err = &locale.Problem{Key: "invite.stopped", Err: err}
		}
		if len(s.done) > 0 {
			return &locale.Problem{Key: "invite.halfway", Data: locale.Data{"List": strings.Join(s.done, s.Texts.T("comma")), "Reason": err}, Err: err}
		}
		return err
	}
	return nil
}

func (s *session) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{s.findRoom, s.logIn, s.askMember, s.makeAccount, s.join, s.handOver} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) client(user string, password talkapi.Secret) (*talkapi.Client, error) {
	return talkapi.New(talkapi.Options{URL: s.Config.Nextcloud.URL, User: user, Password: password, Transport: s.Transport, BodyLimit: 16 << 20})
}

// findRoom looks first for what needs no administrator.
func (s *session) findRoom(ctx context.Context) (err error) {
	n := s.Config.Nextcloud
	if s.bot, err = s.client(n.User, n.Password); err != nil {
		return &locale.Problem{Key: "start.failed", Data: locale.Data{"Detail": err}, Err: err}
	}
	s.room, err = talk.New(talk.Options{Client: s.bot, User: n.User, Room: n.Room}).Family(ctx)
	noRoom := new(talk.NoRoom)
	switch {
	case errors.As(err, &noRoom) && noRoom.Several:
		return &locale.Problem{Key: "start.several_rooms", Data: locale.Data{"User": noRoom.User, "Room": noRoom.Room}, Err: err}
	case errors.As(err, &noRoom):
		rooms := &locale.Problem{Key: "start.rooms", Data: locale.Data{"Rooms": s.Texts.Names(noRoom.Rooms)}}
		return &locale.Problem{Key: "start.no_room", Data: locale.Data{"User": noRoom.User, "Room": noRoom.Room, "Rooms": rooms}, Err: err}
	case errors.Is(err, talkapi.ErrUnauthorized):
		return &locale.Problem{Key: "start.unauthorized", Data: locale.Data{"User": n.User}, Err: err}
	}
	return s.problem(err)
}

// logIn asks for an administrator until the server knows them.
func (s *session) logIn(ctx context.Context) error {
	for {
		name, err := s.Text(ctx, ask.Question{Name: "admin", Key: "invite.ask_admin", Default: "admin"})
		if err != nil {
			return err
		}
		password, err := s.Text(ctx, ask.Question{Name: "admin-password", Key: "invite.ask_admin-password", Secret: true})
		if err != nil {
			return err
		}
		if s.admin, err = s.client(name, talkapi.Secret(password)); err != nil {
			return &locale.Problem{Key: "start.failed", Data: locale.Data{"Detail": err}, Err: err}
		}
		me, err := s.admin.CurrentUser(ctx)
		if err == nil {
			s.adminID = me.ID
			return nil
		}
		if !errors.Is(err, talkapi.ErrUnauthorized) {
			return s.problem(err)
		}
		err = &locale.Problem{Key: "invite.admin_refused", Data: locale.Data{"User": name}, Err: err}
		if !s.Again("admin-password-file") {
			return err
		}
		fmt.Fprintln(s.Out, s.Texts.Error(err))
	}
}

// ids are the names of accounts that need no care anywhere.
var ids = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)

func (s *session) askMember(ctx context.Context) error {
	account, err := s.Text(ctx, ask.Question{Name: "account", Key: "invite.ask_account", Data: locale.Data{"Name": s.Name}, Default: s.likelyAccount(ctx), Check: func(id string) (string, error) {
		if !ids.MatchString(id) {
			return "", &locale.Problem{Key: "invite.bad_account"}
		}
		if id == s.adminID || id == s.Config.Nextcloud.User {
			return "", &locale.Problem{Key: "invite.not_theirs", Data: locale.Data{"User": id}}
		}
		return id, nil
	}})
	if err != nil {
		return err
	}
	lang, err := s.Text(ctx, ask.Question{Name: "language", Key: "invite.ask_language", Default: s.Config.Language, Check: ask.Pick(locale.Languages, false, false)})
	if err != nil {
		return err
	}
	address, err := s.Text(ctx, ask.Question{Name: "email", Key: "invite.ask_email", Optional: true, Check: func(text string) (string, error) {
		a, err := mail.ParseAddress(text)
		if err != nil {
			return "", &locale.Problem{Key: "invite.bad_email"}
		}
		return a.Address, nil
	}})
	if err != nil {
		return err
	}
	group, err := s.Text(ctx, ask.Question{Name: "group", Key: "invite.ask_group", Optional: true})
	if err != nil {
		return err
	}
	s.server, err = s.Text(ctx, ask.Question{Name: "server", Key: "invite.ask_server", Default: strings.TrimRight(s.Config.Nextcloud.URL, "/"), Check: func(text string) (string, error) {
		if _, err := talkapi.New(talkapi.Options{URL: text}); err != nil {
			return "", &locale.Problem{Key: "config.want_url"}
		}
		return strings.TrimRight(text, "/"), nil
	}})
	s.member = talkapi.NewAccount{ID: account, Name: s.Name, Email: address, Language: lang}
	if group != "" {
		s.member.Groups = []string{group}
	}
	return err
}

// likelyAccount is that of somebody of the name who is in the room already, else
// the name itself if it can be one.
func (s *session) likelyAccount(ctx context.Context) string {
	if in, err := s.bot.Participants(ctx, s.room); err == nil {
		for _, p := range in {
			if p.ActorType == "users" && p.DisplayName == s.Name {
				return p.ActorID
			}
		}
	}
	if id := strings.ToLower(strings.Join(strings.Fields(s.Name), ".")); ids.MatchString(id) {
		return id
	}
	return ""
}

// makeAccount makes the account, or takes the one that is there.
func (s *session) makeAccount(ctx context.Context) error {
	there, err := s.admin.Account(ctx, s.member.ID)
	switch {
	case err == nil:
		return s.takeAccount(ctx, there)
	case !errors.Is(err, talkapi.ErrNotFound):
		return s.problem(err)
	}
	s.member.Password = newPassword()
	err = s.admin.CreateAccount(ctx, s.member)
	if errors.Is(err, talkapi.ErrNoGroup) {
		if err := s.admin.CreateAccountGroup(ctx, s.member.Groups[0]); err != nil {
			return s.problem(err)
		}
		s.did("invite.did_group", s.member.Groups[0])
		err = s.admin.CreateAccount(ctx, s.member)
	}
	if err != nil {
		return s.problem(err)
	}
	s.did("invite.did_account", s.member.ID)
	return nil
}

// takeAccount gives an account a new password, which is the only way to make a
// key for it. What was not said stays as it is.
func (s *session) takeAccount(ctx context.Context, there talkapi.Account) error {
	if slices.Contains(there.Groups, "admin") {
		return &locale.Problem{Key: "invite.is_admin", Data: locale.Data{"User": there.ID}}
	}
	s.Say("invite.there", locale.Data{"User": there.ID, "Name": locale.OneLine(there.DisplayName, 100)})
	if there.Used {
		again, err := s.Yes(ctx, ask.Question{Name: "again", Key: "invite.ask_again"}, false)
		if err != nil {
			return err
		}
		if !again {
			return &locale.Problem{Key: "invite.has_account", Data: locale.Data{"User": there.ID}}
		}
	}
	type change struct {
		field talkapi.AccountField
		value string
		was   string
	}
	name := s.Name
	if there.DisplayName != there.ID {
		name = "" // somebody chose it; an account that was made by halves has none yet
	}
	for _, c := range []change{
		{talkapi.AccountName, name, there.DisplayName},
		{talkapi.AccountLanguage, s.member.Language, there.Language}, {talkapi.AccountEmail, s.member.Email, there.Email},
	} {
		if c.value == "" || c.value == c.was {
			continue
		}
		if err := s.admin.SetAccount(ctx, there.ID, c.field, talkapi.Secret(c.value)); err != nil {
			return s.problem(err)
		}
	}
	for _, group := range s.member.Groups {
		if slices.Contains(there.Groups, group) {
			continue
		}
		err := s.admin.AddToGroup(ctx, there.ID, group)
		if errors.Is(err, talkapi.ErrNoGroup) {
			if err = s.admin.CreateAccountGroup(ctx, group); err == nil {
				err = s.admin.AddToGroup(ctx, there.ID, group)
			}
		}
		if err != nil {
			return s.problem(err)
		}
		s.did("invite.did_group", group)
	}
	s.member.Password = newPassword()
	if err := s.admin.SetAccount(ctx, there.ID, talkapi.AccountPassword, s.member.Password); err != nil {
		return s.problem(err)
	}
	s.did("invite.did_password", there.ID)
	return nil
}

// newPassword has what policies ask for: capitals, small letters, digits and
// signs, and 130 bits.
func newPassword() talkapi.Secret {
	return talkapi.Secret(rand.Text()[:13] + "-" + strings.ToLower(rand.Text()[:13]) + "-7")
}

// join puts the account into the family room: by Anpi, else by the
// administrator, one of whom is a moderator there.
func (s *session) join(ctx context.Context) error {
	in, err := s.bot.Participants(ctx, s.room)
	if err != nil {
		return s.problem(err)
	}
	if slices.ContainsFunc(in, func(p talkapi.Participant) bool { return p.ActorType == "users" && p.ActorID == s.member.ID }) {
		return nil
	}
	err = s.bot.AddParticipant(ctx, s.room, s.member.ID)
	if errors.Is(err, talkapi.ErrForbidden) && slices.ContainsFunc(in, func(p talkapi.Participant) bool { return p.ActorID == s.adminID && p.Moderator }) {
		err = s.admin.AddParticipant(ctx, s.room, s.member.ID)
	}
	if errors.Is(err, talkapi.ErrForbidden) {
		return &locale.Problem{Key: "invite.no_moderator", Data: locale.Data{"User": s.Config.Nextcloud.User, "Name": s.member.ID, "Room": s.Config.Nextcloud.Room}, Err: err}
	}
	if err != nil {
		return s.problem(err)
	}
	s.did("invite.did_room", s.Config.Nextcloud.Room)
	return nil
}

// handOver makes the key and puts it onto the sheet. When that cannot be
// written, the key is taken back.
func (s *session) handOver(ctx context.Context) error {
	own, err := s.client(s.member.ID, s.member.Password)
	if err != nil {
		return s.problem(err)
	}
	key, err := own.AppPassword(ctx)
	if errors.Is(err, talkapi.ErrUnauthorized) {
		return &locale.Problem{Key: "invite.no_key", Data: locale.Data{"User": s.member.ID}, Err: err}
	}
	if err != nil {
		return s.problem(err)
	}
	code, err := qrcode.New(link(s.server, s.member.ID, key))
	var paths []string
	if err == nil {
		paths, err = s.writeSheet(code)
	}
	if err != nil {
		s.takeBack(ctx, key)
		return err
	}
	if s.Shows(code.Width()) {
		fmt.Fprintf(s.Out, "\n%s\n", code.Terminal(true))
	}
	s.Say("invite.ready", locale.Data{"Name": s.Name, "Path": paths[0], "File": paths[1]})
	s.Say("invite.then", locale.Data{"Name": s.Name})
	return nil
}

func (s *session) takeBack(ctx context.Context, key talkapi.Secret) {
	tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if holder, err := s.client(s.member.ID, key); err == nil {
		_ = holder.RevokeAppPassword(tidy) // nobody has it in any case
	}
}

// link is what the apps read from a code: as the security page of Nextcloud
// writes it, in that order, because an app may go by it. Only what would end a
// value is escaped, and accounts and keys hold none of it.
func link(server, user string, key talkapi.Secret) string {
	escape := strings.NewReplacer("%", "%25", "&", "%26", " ", "%20")
	return "nc://login/user:" + escape.Replace(user) + "&password:" + escape.Replace(key.Reveal()) + "&server:" + escape.Replace(server)
}

func (s *session) did(key, what string) {
	text := s.Texts.T(key, locale.Data{"Word": locale.OneLine(what, 100)})
	fmt.Fprintln(s.Out, "✅ "+text)
	s.done = append(s.done, text)
}

// problem words what is wrong with Nextcloud.
func (s *session) problem(err error) error {
	wrong := new(talkapi.Error)
	switch {
	case !errors.As(err, &wrong):
		return err
	case errors.Is(err, talkapi.ErrForbidden):
		return &locale.Problem{Key: "invite.no_admin", Data: locale.Data{"User": s.adminID}, Err: err}
	case errors.Is(err, talkapi.ErrInvalid):
		return &locale.Problem{Key: "invite.refused", Data: locale.Data{"Detail": locale.OneLine(cmp.Or(wrong.Message, fmt.Sprintf("HTTP %d", wrong.Status)), 200)}, Err: err}
	case wrong.Err == nil:
		return ask.ErrStopped
	default:
		return &locale.Problem{Key: "reason." + talk.Reason(err), Err: err}
	}
}
