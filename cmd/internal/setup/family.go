package setup

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/ask"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
)

// source reads the address books of the account.
func (s *session) source(books []string) (*roster.Source, error) {
	return roster.NewSource(roster.Options{URL: s.url, User: s.user, Password: roster.Secret(s.password.Reveal()), Transport: s.Transport, Books: books})
}

// askBooks asks which address books hold the family.
func (s *session) askBooks(ctx context.Context) error {
	source, err := s.source(nil)
	if err != nil {
		return err
	}
	there, err := source.AddressBooks(ctx)
	if err != nil {
		return s.bookProblem(err)
	}
	// The Nextcloud fills some books by itself, with whom the account mailed last.
	there = slices.DeleteFunc(there, func(b roster.BookInfo) bool { return strings.HasPrefix(path.Base(b.Path), "z-app-generated--") })
	system := s.Texts.T("setup.accounts")
	var names []string
	for _, b := range there {
		if b.System {
			names = append([]string{system}, names...)
		} else {
			names = append(names, b.Name)
		}
	}
	if len(names) == 0 {
		return &locale.Problem{Key: "setup.no_books"}
	}
	otherwise := names[:1]
	if was, ok := s.lists["roster.books"]; ok {
		otherwise = nil
		for _, name := range was {
			if name == "" {
				name = system
			}
			otherwise = append(otherwise, name)
		}
	}
	s.Say("setup.books")
	s.list(names)
	answer, err := s.Text(ctx, ask.Question{Name: "books", Key: "setup.ask_books", Default: strings.Join(otherwise, ", "), Check: pickBooks(names, there)})
	if err != nil {
		return err
	}
	for _, name := range ask.Split(answer) {
		if name == system {
			name = ""
		}
		s.books = append(s.books, name)
	}
	s.setList("roster.books", s.books)
	return nil
}

// pickBooks takes the names of the list; the accounts have that of the server,
// too, which is the same in every language.
func pickBooks(names []string, there []roster.BookInfo) func(string) (string, error) {
	pick := ask.Pick(names, true, false)
	return func(answer string) (string, error) {
		var words []string
		for _, word := range ask.Split(answer) {
			if slices.ContainsFunc(there, func(b roster.BookInfo) bool { return b.System && (b.Name == word || word == "accounts") }) {
				word = names[0]
			}
			words = append(words, word)
		}
		return pick(strings.Join(words, ", "))
	}
}

// list prints names with their numbers.
func (s *session) list(names []string) {
	for i, name := range names {
		fmt.Fprintf(s.Out, "  %d  %s\n", i+1, locale.OneLine(name, 100))
	}
}

// askMembers reads the books, and asks who is nobody's and who may start checks.
func (s *session) askMembers(ctx context.Context) error {
	state, err := s.sync(ctx)
	if err != nil {
		return err
	}
	exclude := s.lists["roster.exclude"]
	members := s.build(state, nil, nil)
	if len(members.Members) == 0 {
		return &locale.Problem{Key: "start.empty_roster"}
	}
	s.Say("setup.members")
	s.list(describe(members.Members))
	if _, asked := s.lists["roster.exclude"]; !asked {
		for _, m := range members.Members {
			if m.Talk == "admin" {
				exclude = []string{"admin"}
			}
		}
	}
	answer, err := s.Text(ctx, ask.Question{Name: "exclude", Key: "setup.ask_exclude", Default: strings.Join(exclude, ", "), Optional: true, Check: pickMembers(members.Members, true)})
	if err != nil {
		return err
	}
	exclude = ask.Split(answer)
	s.setList("roster.exclude", exclude)
	members = s.build(state, exclude, nil)
	if len(members.Members) == 0 {
		return &locale.Problem{Key: "setup.nobody_left"}
	}
	if len(exclude) > 0 {
		// With other numbers than before.
		s.Say("setup.members")
		s.list(describe(members.Members))
	}
	organisers := s.lists["roster.organisers"]
	answer, err = s.Text(ctx, ask.Question{Name: "organisers", Key: "setup.ask_organisers", Default: strings.Join(organisers, ", "), Check: pickMembers(members.Members, false)})
	if err != nil {
		return err
	}
	organisers = ask.Split(answer)
	s.setList("roster.organisers", organisers)
	s.members = s.build(state, exclude, organisers)
	return nil
}

func (s *session) sync(ctx context.Context) (roster.State, error) {
	source, err := s.source(s.books)
	if err != nil {
		return roster.State{}, err
	}
	state, err := source.Sync(ctx, roster.State{}, time.Now())
	if err != nil {
		return state, s.bookProblem(err)
	}
	return state, nil
}

// build applies the rules of the configuration.
func (s *session) build(state roster.State, exclude, organisers []string) roster.Roster {
	rules := roster.Rules{Exclude: append([]string{s.me.ID, s.user}, exclude...), Organisers: organisers, Groups: s.lists["roster.groups"], Talk: map[string]string{}}
	for key, account := range s.was {
		if card, ok := strings.CutPrefix(key, "roster.accounts."); ok {
			rules.Talk[card] = account
		}
	}
	return roster.Build(state, rules)
}

// handle is how a configuration names a member: by account, else by card.
func handle(m roster.Member) string {
	if m.Talk != "" {
		return m.Talk
	}
	return strings.TrimPrefix(m.ID, "card:")
}

func describe(members []roster.Member) []string {
	var lines []string
	for _, m := range members {
		line := m.Name
		if m.Talk != "" {
			line += " (" + m.Talk + ")"
		} else if len(m.Emails) > 0 {
			line += " (" + m.Emails[0] + ")"
		}
		lines = append(lines, line)
	}
	return lines
}

// pickMembers takes numbers, names, accounts and cards. What is on no list is
// taken only where it does no harm.
func pickMembers(members []roster.Member, others bool) func(string) (string, error) {
	var handles []string
	for _, m := range members {
		handles = append(handles, handle(m))
	}
	pick := ask.Pick(handles, true, others)
	return func(answer string) (string, error) {
		var words []string
		for _, word := range ask.Split(answer) {
			var called []string
			for i, m := range members {
				if m.Name == word || slices.Contains(m.Emails, word) {
					called = append(called, handles[i])
				}
			}
			if len(called) == 1 {
				word = called[0]
			}
			words = append(words, word)
		}
		return pick(strings.Join(words, ", "))
	}
}

// bookProblem words what is wrong with the address books.
func (s *session) bookProblem(err error) error {
	switch {
	case errors.Is(err, roster.ErrUnauthorized):
		return &locale.Problem{Key: "start.unauthorized", Data: locale.Data{"User": s.user}, Err: err}
	case errors.Is(err, roster.ErrThrottled):
		return &locale.Problem{Key: "reason.talk-throttled", Err: err}
	case errors.Is(err, roster.ErrMaintenance):
		return &locale.Problem{Key: "reason.talk-maintenance", Err: err}
	case errors.Is(err, roster.ErrUnavailable):
		return &locale.Problem{Key: "setup.unreachable", Data: locale.Data{"URL": s.url}, Err: err}
	case errors.Is(err, roster.ErrNoBook):
		return &locale.Problem{Key: "start.no_book", Data: locale.Data{"Detail": err}, Err: err}
	case errors.Is(err, context.Canceled):
		return ask.ErrStopped
	}
	return &locale.Problem{Key: "start.failed", Data: locale.Data{"Detail": err}, Err: err}
}

// room is the family room, or the plan for one.
type room struct {
	name    string
	token   string   // empty until it is made
	missing []string // accounts to be added
}

// askRoom asks which room is the family's, and whether to add who is not in it.
func (s *session) askRoom(ctx context.Context) error {
	list, err := s.client.Rooms(ctx, talkapi.RoomsQuery{NoLastMessages: true})
	if err != nil {
		return s.problem(err)
	}
	var rooms []talkapi.Room
	var names []string
	for _, r := range list.Rooms {
		// Each account has a sample of its own: an Enter must not make that the family's.
		if (r.Type == talkapi.Group || r.Type == talkapi.Public) && !r.Sample {
			rooms, names = append(rooms, r), append(names, r.DisplayName)
		}
	}
	otherwise := s.was["nextcloud.room"]
	switch {
	case otherwise != "":
	case len(names) == 1:
		otherwise = names[0]
	default:
		otherwise = locale.For(s.lang, s.zone).T("setup.room_name")
	}
	if len(names) > 0 {
		s.Say("setup.rooms")
		s.list(names)
	}
	for {
		name, err := s.Text(ctx, ask.Question{Name: "room", Key: "setup.ask_room", Default: otherwise, Check: func(answer string) (string, error) {
			for _, r := range rooms {
				if r.Token == answer {
					return answer, nil
				}
			}
			// Names may have commas in them, and there may be two of one.
			return ask.Pick(names, false, true)(locale.OneLine(answer, 200))
		}})
		if err != nil {
			return err
		}
		err = s.chooseRoom(ctx, rooms, name)
		if err == nil || !s.Again("room") {
			return err
		}
		s.tell(err)
	}
}

func (s *session) chooseRoom(ctx context.Context, rooms []talkapi.Room, name string) error {
	s.room = room{name: name}
	var found []talkapi.Room
	for _, r := range rooms {
		if r.DisplayName == name || r.Token == name {
			found = append(found, r)
		}
	}
	var accounts []string
	for _, m := range s.members.Members {
		if m.Talk != "" {
			accounts = append(accounts, m.Talk)
		}
	}
	s.set("nextcloud.room", name)
	switch {
	case len(found) == 0:
		caps, err := s.client.Capabilities(ctx)
		if err != nil {
			return s.problem(err)
		}
		if !caps.CanCreate {
			return &locale.Problem{Key: "setup.may_not_create", Data: locale.Data{"User": s.me.ID}}
		}
		s.room.missing = accounts
		s.Say("setup.room_new", locale.Data{"Room": name, "Count": len(accounts), "Number": len(accounts)})
		return nil
	case len(found) > 1:
		return &locale.Problem{Key: "start.several_rooms", Data: locale.Data{"User": s.me.ID, "Room": name}}
	}
	s.room.token = found[0].Token
	in, err := s.client.Participants(ctx, s.room.token)
	if err != nil {
		return s.problem(err)
	}
	var missing, who []string
	for _, m := range s.members.Members {
		if m.Talk != "" && !slices.ContainsFunc(in, func(p talkapi.Participant) bool { return p.ActorType == "users" && p.ActorID == m.Talk }) {
			missing, who = append(missing, m.Talk), append(who, locale.OneLine(m.Name, 100))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if !found[0].Moderator {
		s.Say("setup.no_moderator", locale.Data{"User": s.me.ID, "Names": s.Texts.Names(who)})
		return nil
	}
	s.Say("setup.not_in_room", locale.Data{"Names": s.Texts.Names(who)})
	add, err := s.Yes(ctx, ask.Question{Name: "add-members", Key: "setup.ask_add-members"}, true)
	if add {
		s.room.missing = missing
	}
	return err
}

// prepareRoom makes the room, or adds who is missing. Done twice it changes
// nothing more: a room that is there is found by its name.
func (s *session) prepareRoom(ctx context.Context) error {
	if s.room.token == "" {
		made, err := s.client.CreateGroup(ctx, s.room.name, s.room.missing)
		if err != nil {
			return s.problem(err)
		}
		s.room.token = made.Token
		s.Say("setup.room_made", locale.Data{"Room": s.room.name})
		return nil
	}
	for _, account := range s.room.missing {
		if err := s.client.AddParticipant(ctx, s.room.token, account); err != nil {
			return &locale.Problem{Key: "setup.not_added", Data: locale.Data{"User": account, "Reason": s.problem(err)}, Err: err}
		}
	}
	return nil
}
