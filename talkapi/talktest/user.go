package talktest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// account is a user of the server.
type account struct {
	id, name, email, language string
	password                  string
	appPasswords              []string
	groups                    []string
	seen                      time.Time // when they last logged in; zero for never
	admin, cannotCreate       bool
	notices                   []*notice        // oldest first
	files                     map[string]*file // by path
}

// UserOptions are further properties of a user.
type UserOptions struct {
	Email        string
	Language     string // default en
	Password     string // of the account; default random
	Admin        bool   // is in the group admin: may create and delete users
	Groups       []string
	CannotCreate bool // may not create rooms
}

// User is a person who acts on the server.
type User struct {
	ID, Name string

	s   *Server
	acc *account
	app string
}

// AddUser adds a person with one app password.
func (s *Server) AddUser(id, name string, o UserOptions) *User {
	s.mu.Lock()
	defer s.unlock()
	if _, taken := s.users[id]; taken {
		panic("talktest: user " + id + " exists already")
	}
	u := &User{ID: id, Name: name, s: s, app: random(72), acc: s.newAccount(id, name, o)}
	u.acc.appPasswords = []string{u.app}
	return u
}

func (s *Server) newAccount(id, name string, o UserOptions) *account {
	if o.Language == "" {
		o.Language = "en"
	}
	if o.Password == "" {
		o.Password = random(20)
	}
	if name == "" {
		name = id
	}
	a := &account{id: id, name: name, email: o.Email, language: o.Language, password: o.Password, admin: o.Admin, cannotCreate: o.CannotCreate}
	if o.Admin {
		a.groups = []string{"admin"}
	}
	for _, g := range o.Groups {
		s.groups[g] = true
		a.groups = append(a.groups, g)
	}
	s.users[id] = a
	return a
}

// RemoveUser deletes an account: it leaves all rooms, and its messages stay.
func (s *Server) RemoveUser(id string) {
	s.mu.Lock()
	defer s.unlock()
	s.removeAccount(id)
}

func (s *Server) removeAccount(id string) {
	delete(s.users, id)
	for _, r := range s.rooms {
		r.members = slices.DeleteFunc(r.members, func(m *member) bool { return m.user != nil && m.user.id == id })
		if r.kind == kindDirect && slices.Contains(r.pair[:], id) {
			r.kind = kindFormer
			r.readOnly = true
		}
		r.wake()
	}
}

// AppPassword is for a client to log in with.
func (u *User) AppPassword() string { return u.app }

// AccountPassword is what the person types in the browser.
func (u *User) AccountPassword() string { return u.acc.password }

// RevokeAppPasswords makes every app password of this person invalid.
func (u *User) RevokeAppPasswords() {
	u.s.mu.Lock()
	defer u.s.unlock()
	u.acc.appPasswords = nil
}

// Rooms lists the tokens of the rooms this person is in, oldest first.
func (u *User) Rooms() []string {
	u.s.mu.Lock()
	defer u.s.unlock()
	var tokens []string
	for _, r := range u.s.sortedRooms() {
		if r.member(u.acc) != nil {
			tokens = append(tokens, r.token)
		}
	}
	return tokens
}

// Say writes into a room and returns the message's id.
func (u *User) Say(token, text string) int64 { return u.Reply(token, 0, text) }

// Reply answers a message of the room; 0 for a plain message.
func (u *User) Reply(token string, to int64, text string) int64 {
	var id int64
	u.act("say", token, func(r *room) *failure {
		m, f := u.s.post(r, r.member(u.acc), postFields{text: text, replyTo: to})
		if f == nil {
			id = m.id
		}
		return f
	})
	return id
}

// SayDirect writes into the one-to-one room with another user, which is
// opened if need be.
func (u *User) SayDirect(to, text string) int64 {
	u.s.mu.Lock()
	other := u.s.users[to]
	if other == nil || other == u.acc {
		u.s.unlock()
		panic(fmt.Sprintf("talktest: %s can't write to %s", u.ID, to))
	}
	r, _ := u.s.openDirect(u.acc, other)
	u.s.unlock()
	return u.Say(r.token, text)
}

// React puts an emoji under a message.
func (u *User) React(token string, id int64, emoji string) {
	u.act("react", token, func(r *room) *failure {
		_, f := u.s.react(r, userActor(u.acc), id, emoji)
		return f
	})
}

// Unreact takes the emoji away again.
func (u *User) Unreact(token string, id int64, emoji string) {
	u.act("unreact", token, func(r *room) *failure { return u.s.unreact(r, userActor(u.acc), id, emoji) })
}

// Edit changes the text of a message.
func (u *User) Edit(token string, id int64, text string) {
	u.act("edit", token, func(r *room) *failure {
		_, f := u.s.edit(r, u.acc, id, text)
		return f
	})
}

// Delete removes a message.
func (u *User) Delete(token string, id int64) {
	u.act("delete", token, func(r *room) *failure {
		_, f := u.s.remove(r, u.acc, id)
		return f
	})
}

// SharePlace posts a point on the map and returns the message's id.
func (u *User) SharePlace(token, name string, latitude, longitude float64) int64 {
	var id int64
	u.act("share a place", token, func(r *room) *failure {
		lat, lon := fmt.Sprint(latitude), fmt.Sprint(longitude)
		m, f := u.s.share(r, r.member(u.acc), "geo:"+lat+","+lon, map[string]any{"name": name, "latitude": lat, "longitude": lon}, "")
		if f == nil {
			id = m.id
		}
		return f
	})
	return id
}

// MarkRead reads a room to its end.
func (u *User) MarkRead(token string) {
	u.act("read", token, func(r *room) *failure {
		u.s.setRead(r, r.member(u.acc), u.s.lastShown(r))
		return nil
	})
}

// Join brings this person into a public room, as its link does.
func (u *User) Join(token string) {
	u.s.mu.Lock()
	defer u.s.unlock()
	r := u.s.rooms[token]
	if r == nil || r.kind != kindPublic {
		panic("talktest: " + u.ID + " can't join: no public room")
	}
	u.s.join(r, u.acc, u.acc)
}

// Leave takes this person out of a room.
func (u *User) Leave(token string) {
	u.act("leave", token, func(r *room) *failure {
		u.s.leave(r, r.member(u.acc))
		return nil
	})
}

// act does something in a room this person is in, or panics.
func (u *User) act(what, token string, do func(*room) *failure) {
	u.s.mu.Lock()
	f := &failure{status: 404}
	if r := u.s.rooms[token]; r != nil && r.member(u.acc) != nil {
		f = u.s.lobbyBlocks(r, u.acc)
		if f == nil {
			f = do(r)
		}
	}
	u.s.unlock()
	if f != nil {
		panic(fmt.Sprintf("talktest: %s can't %s: HTTP %d %v", u.ID, what, f.status, f.data))
	}
}

func (c *call) ownAccount() { c.ok(200, c.user.json()) }

func (a *account) json() map[string]any {
	login := int64(0)
	if !a.seen.IsZero() {
		login = a.seen.Unix()
	}
	groups := a.groups
	if groups == nil {
		groups = []string{}
	}
	return map[string]any{"enabled": true, "id": a.id, "email": a.email, "displayname": a.name, "display-name": a.name,
		"groups": groups, "language": a.language, "locale": "", "timezone": "", "additional_mail": []string{},
		"subadmin": []string{}, "manager": "", "phone": "", "lastLogin": login * 1000, "lastLoginTimestamp": login}
}

// Account tells what the server keeps of an account.
type Account struct {
	ID, Name, Email, Language string
	Groups                    []string
	AppPasswords              []string
}

// Account looks an account up; ok is false when there is none.
func (s *Server) Account(id string) (account Account, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.users[id]
	if a == nil {
		return Account{}, false
	}
	return Account{ID: a.id, Name: a.name, Email: a.email, Language: a.language,
		Groups: slices.Clone(a.groups), AppPasswords: slices.Clone(a.appPasswords)}, true
}

// weakest is how many characters a password has at least, by the usual policy.
const weakest = 10

const tooWeak = "Password needs to be at least 10 characters long."

func (c *call) createUser() {
	groups := c.texts("groups")
	switch id := c.str("userid"); {
	case !c.user.admin:
		c.fail(403, "Logged in account must be at least a sub admin", []any{})
	case id == "":
		c.reply(400, 101, "Invalid input value", []any{})
	case c.s.users[id] != nil:
		c.reply(400, 102, "User already exists", []any{})
	case slices.ContainsFunc(groups, func(g string) bool { return !c.s.groups[g] }):
		c.reply(400, 104, "Group does not exist", []any{})
	case c.str("password") == "":
		c.reply(400, 108, "An email address is required, to send a password link to the user.", []any{})
	case len(c.str("password")) < weakest:
		c.reply(400, 107, tooWeak, []any{})
	default:
		c.s.newAccount(id, c.str("displayName"), UserOptions{Email: c.str("email"), Language: c.str("language"), Password: c.str("password"), Groups: groups})
		c.ok(200, map[string]any{"id": id})
	}
}

// texts is a list of texts; empty when it is absent.
func (c *call) texts(name string) []string {
	list, _ := c.params[name].([]any)
	var all []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

func (c *call) changeUser() {
	u, value := c.s.users[c.r.PathValue("user")], c.str("value")
	if u == nil || !c.user.admin && u != c.user {
		c.reply(404, 998, "", []any{})
		return
	}
	switch key := c.str("key"); {
	case key == "displayname" || key == "display":
		u.name = value
	case key == "email" && (value == "" || strings.Contains(value, "@")):
		u.email = value
	case key == "language" && slices.Contains([]string{"en", "ja", "de"}, value):
		u.language = value
	case key == "password" && len(value) < weakest:
		c.reply(400, 107, tooWeak, []any{})
		return
	case key == "password":
		u.password = value
	case key == "email" || key == "language":
		c.reply(400, 102, "", []any{})
		return
	default:
		c.reply(400, 113, "", []any{})
		return
	}
	c.ok(200, []any{})
}

func (c *call) addToGroup() {
	u, group := c.s.users[c.r.PathValue("user")], c.str("groupid")
	switch {
	case !c.user.admin:
		c.fail(403, "Logged in account must be at least a sub admin", []any{})
	case group == "":
		c.reply(400, 101, "", []any{})
	case !c.s.groups[group]:
		c.reply(400, 102, "", []any{})
	case u == nil:
		c.reply(400, 103, "", []any{})
	default:
		if !slices.Contains(u.groups, group) {
			u.groups = append(u.groups, group)
		}
		c.ok(200, []any{})
	}
}

func (c *call) createGroup() {
	switch group := c.str("groupid"); {
	case !c.user.admin:
		c.fail(403, "Logged in account must be an admin", []any{})
	case group == "":
		c.reply(400, 101, "Invalid group name", []any{})
	case c.s.groups[group]:
		c.reply(400, 102, "group exists", []any{})
	default:
		c.s.groups[group] = true
		c.ok(200, []any{})
	}
}

func (c *call) readUser() {
	u := c.s.users[c.r.PathValue("user")]
	if u == nil || !c.user.admin && u != c.user {
		c.reply(404, 998, "", []any{})
		return
	}
	c.ok(200, u.json())
}

func (c *call) deleteUser() {
	id := c.r.PathValue("user")
	switch {
	case !c.user.admin:
		c.fail(403, "Logged in account must be at least a sub admin", []any{})
	case c.s.users[id] == nil || id == c.user.id:
		c.reply(400, 101, "", []any{})
	default:
		c.s.removeAccount(id)
		c.ok(200, []any{})
	}
}
