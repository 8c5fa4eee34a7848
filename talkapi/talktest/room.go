package talktest

import (
	"cmp"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kinds of rooms, by Talk's numbers.
const (
	kindDirect    = 1
	kindGroup     = 2
	kindPublic    = 3
	kindChangelog = 4
	kindFormer    = 5 // one-to-one whose partner was deleted
)

// Participant types, by Talk's numbers.
const (
	owner      = 1
	moderator  = 2
	plain      = 3
	guest      = 4
	selfJoined = 5 // a user who came by the link
)

// room is a conversation.
type room struct {
	id           int64
	token        string
	kind         int
	name         string
	description  string
	sample       bool      // made by the server for a new account
	pair         [2]string // of a one-to-one room: both user ids
	readOnly     bool
	lobby        bool
	expire       int64 // seconds messages live; 0 for ever
	members      []*member
	messages     []*message // by id
	last         *message   // shown in lists: not reactions, edits, deletions and votes
	lastActivity int64      // unix
	bots         map[*Bot]bool
	changed      chan struct{} // closed at the next change
	quiet        quiet         // zero without a memory cache
}

// member is somebody in a room.
type member struct {
	attendee  int64
	who       actor
	user      *account // nil for who has no account here
	kind      int
	lastRead  int64
	level     int // notification level, 0 default
	important bool
}

// failure is a refusal: status and data of the answer.
type failure struct {
	status int
	data   any
}

func refusal(status int, reason string) *failure {
	return &failure{status, map[string]any{"error": reason}}
}

// Room is a room as seen from the server.
type Room struct {
	Token   string
	Name    string   // of a one-to-one room empty
	Direct  bool     // one-to-one
	Members []string // user ids, in the order they came
}

// Room looks up a room; ok is false when there is none.
func (s *Server) Room(token string) (Room, bool) {
	s.mu.Lock()
	defer s.unlock()
	r := s.rooms[token]
	if r == nil {
		return Room{}, false
	}
	return r.public(), true
}

// DirectRoom finds the one-to-one room of two users.
func (s *Server) DirectRoom(a, b string) (token string, ok bool) {
	s.mu.Lock()
	defer s.unlock()
	if r := s.direct(a, b); r != nil {
		return r.token, true
	}
	return "", false
}

// AddGroup makes a group room of which the first user is the owner.
func (s *Server) AddGroup(name string, users ...*User) (token string) {
	s.mu.Lock()
	defer s.unlock()
	r := s.newRoom(kindGroup, name, users[0].acc)
	for _, u := range users[1:] {
		s.join(r, u.acc, users[0].acc)
	}
	return r.token
}

// AddMember brings a user into a room, as a moderator would.
func (s *Server) AddMember(token, userID string) {
	s.mu.Lock()
	defer s.unlock()
	r, u := s.rooms[token], s.users[userID]
	if r == nil || u == nil || r.kind == kindDirect {
		panic("talktest: " + userID + " can't be added to the room")
	}
	s.join(r, u, r.members[0].user)
}

// RemoveMember takes a user out of a room, as a moderator would.
func (s *Server) RemoveMember(token, userID string) {
	s.mu.Lock()
	defer s.unlock()
	r, u := s.rooms[token], s.users[userID]
	if r == nil || u == nil || r.member(u) == nil {
		panic("talktest: " + userID + " is not in the room")
	}
	s.expel(r, r.member(u), r.members[0].user)
}

// SetReadOnly locks a room, or opens it.
func (s *Server) SetReadOnly(token string, on bool) {
	s.mu.Lock()
	defer s.unlock()
	s.rooms[token].readOnly = on
}

// SetExpiry makes new messages of a room vanish after a time; zero for never.
func (s *Server) SetExpiry(token string, after time.Duration) {
	s.mu.Lock()
	defer s.unlock()
	s.rooms[token].expire = int64(after / time.Second)
}

// SetLobby sends everybody but moderators to the lobby, or lets them in.
func (s *Server) SetLobby(token string, on bool) {
	s.mu.Lock()
	defer s.unlock()
	s.rooms[token].lobby = on
	s.rooms[token].wake()
}

func (r *room) public() Room {
	p := Room{Token: r.token, Name: r.name, Direct: r.kind == kindDirect}
	for _, m := range r.members {
		if m.user != nil {
			p.Members = append(p.Members, m.user.id)
		}
	}
	return p
}

func (s *Server) sortedRooms() []*room {
	return slices.SortedFunc(maps.Values(s.rooms), func(a, b *room) int { return cmp.Compare(a.id, b.id) })
}

func (s *Server) newRoom(kind int, name string, creator *account) *room {
	r := s.makeRoom(kind, name)
	m := s.addMember(r, userActor(creator), owner)
	created := s.system(r, userActor(creator), "conversation_created", nil, nil)
	m.lastRead = created.id
	return r
}

// makeRoom makes a room that is still empty.
func (s *Server) makeRoom(kind int, name string) *room {
	s.lastRoom++
	r := &room{id: s.lastRoom, token: random(8), kind: kind, name: name, bots: map[*Bot]bool{}, changed: make(chan struct{})}
	s.rooms[r.token] = r
	return r
}

func (s *Server) addMember(r *room, who actor, kind int) *member {
	s.lastAttendee++
	m := &member{attendee: s.lastAttendee, who: who, kind: kind, lastRead: s.lastShown(r)}
	if who.kind == "users" {
		m.user = s.users[who.id]
	}
	r.members = append(r.members, m)
	return m
}

// join adds a user to a group, told as a system message and, unless they came
// by themselves, as a notification.
func (s *Server) join(r *room, u, by *account) {
	if r.member(u) != nil {
		return
	}
	kind := plain
	if u == by {
		kind = selfJoined
	}
	m := s.addMember(r, userActor(u), kind)
	s.system(r, userActor(by), "user_added", nil, &m.who)
	if u != by {
		s.notify(u, &notice{room: r, kind: "room", by: userActor(by), subject: "{user} invited you to a group conversation: {call}"})
	}
}

func (s *Server) openDirect(a, b *account) (r *room, created bool) {
	if r := s.direct(a.id, b.id); r != nil {
		if r.member(a) == nil {
			s.addMember(r, userActor(a), owner)
		}
		return r, false
	}
	r = s.newRoom(kindDirect, "", a)
	r.pair = [2]string{a.id, b.id}
	return r, true
}

func (s *Server) direct(a, b string) *room {
	for _, r := range s.sortedRooms() {
		if r.kind == kindDirect && (r.pair == [2]string{a, b} || r.pair == [2]string{b, a}) {
			return r
		}
	}
	return nil
}

// fill attaches both people to a one-to-one room; Talk does that with every
// message.
func (s *Server) fill(r *room) {
	if r.kind != kindDirect {
		return
	}
	for _, id := range r.pair {
		if u := s.users[id]; u != nil && r.member(u) == nil {
			s.addMember(r, userActor(u), owner)
		}
	}
}

func (s *Server) expel(r *room, m *member, by *account) {
	r.members = slices.DeleteFunc(r.members, func(x *member) bool { return x == m })
	switch m.who.kind { // guests go without a word
	case "users":
		s.system(r, userActor(by), "user_removed", nil, &m.who)
	case "federated_users":
		s.system(r, userActor(by), "federated_user_removed", nil, &m.who)
	}
	r.wake()
}

func (s *Server) leave(r *room, m *member) {
	if r.kind == kindDirect {
		r.members = slices.DeleteFunc(r.members, func(x *member) bool { return x == m })
		r.wake()
		return
	}
	s.expel(r, m, m.user)
}

func (r *room) member(u *account) *member {
	for _, m := range r.members {
		if m.user != nil && m.user == u {
			return m
		}
	}
	return nil
}

// attending is who takes part as this actor; nil for nobody.
func (r *room) attending(who actor) *member {
	for _, m := range r.members {
		if m.who == who {
			return m
		}
	}
	return nil
}

func (m *member) moderates() bool { return m.kind == owner || m.kind == moderator }

// permissions are start call, join call, audio, video, screen and chat; and
// ignore lobby for moderators.
func (m *member) permissions() int {
	if m.moderates() {
		return 254
	}
	return 246
}

// wake lets every long poll of the room look again.
func (r *room) wake() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// lobbyBlocks is the refusal for somebody who has to wait in the lobby.
func (s *Server) lobbyBlocks(r *room, u *account) *failure {
	if m := r.member(u); r.lobby && m != nil && !m.moderates() {
		return &failure{412, []any{}}
	}
	return nil
}

// room finds the room of the path if the caller is in it. Otherwise it has
// answered.
func (c *call) room() (*room, *member) {
	r := c.s.rooms[c.r.PathValue("token")]
	if r != nil {
		if m := r.member(c.user); m != nil {
			return r, m
		}
	}
	c.fail(404, "", []any{})
	return nil, nil
}

// moderated is room for calls that need a moderator.
func (c *call) moderated() (*room, *member) {
	r, m := c.room()
	if r != nil && !m.moderates() {
		c.fail(403, "", []any{})
		return nil, nil
	}
	return r, m
}

func (c *call) answer(f *failure) bool {
	if f != nil {
		c.fail(f.status, "", f.data)
	}
	return f != nil
}

func (c *call) listRooms() {
	since := c.num("modifiedSince", 0)
	list := []any{}
	for _, r := range c.s.sortedRooms() {
		m := r.member(c.user)
		if m == nil || r.lastActivity < since {
			continue
		}
		list = append(list, c.s.roomJSON(r, m, c.flag("includeLastMessage", true)))
	}
	c.w.Header().Set("X-Nextcloud-Talk-Modified-Before", strconv.FormatInt(c.s.now().Unix(), 10))
	c.w.Header().Set("X-Nextcloud-Talk-Hash", c.s.hash())
	c.ok(200, list)
}

func (c *call) readRoom() {
	if c.s.throttled("talkRoomToken") {
		c.fail(429, "", []any{})
		return
	}
	r := c.s.rooms[c.r.PathValue("token")]
	if r == nil || r.member(c.user) == nil {
		c.s.failed("talkRoomToken")
		c.w.Header().Set("X-Nextcloud-Bruteforce-Throttled", "200ms")
		c.fail(404, "", []any{})
		return
	}
	c.w.Header().Set("X-Nextcloud-Talk-Hash", c.s.hash())
	c.ok(200, c.s.roomJSON(r, r.member(c.user), true))
}

func (c *call) createRoom() {
	if c.num("roomType", 0) == kindDirect {
		c.createDirect()
		return
	}
	kind, name := int(c.num("roomType", 0)), c.str("roomName")
	switch {
	case c.user.cannotCreate:
		c.refuse(403, "permissions")
		return
	case kind != kindGroup && kind != kindPublic:
		c.refuse(400, "type")
		return
	case name == "" || len([]rune(name)) > 255:
		c.refuse(400, "name")
		return
	}
	var invite []*account
	var invalid []string
	if !c.s.off["conversation-creation-all"] {
		p, _ := c.params["participants"].(map[string]any)
		ids, _ := p["users"].([]any)
		for _, id := range ids {
			id, _ := id.(string)
			if u := c.s.users[id]; u != nil {
				invite = append(invite, u)
			} else {
				invalid = append(invalid, id)
			}
		}
	}
	if len(invalid) > 0 && len(invite) == 0 {
		c.refuse(404, "invite")
		return
	}
	r := c.s.newRoom(kind, name, c.user)
	r.description = c.str("description")
	for _, u := range invite {
		c.s.join(r, u, c.user)
	}
	status, data := 201, c.s.roomJSON(r, r.member(c.user), true)
	if len(invalid) > 0 {
		status = 202
		data["invalidParticipants"] = map[string]any{"users": invalid}
	}
	c.ok(status, data)
}

func (c *call) createDirect() {
	other := c.s.users[c.str("invite")]
	switch {
	case other == nil:
		c.refuse(404, "invite")
		return
	case other == c.user:
		c.refuse(403, "invite")
		return
	}
	r, created := c.s.openDirect(c.user, other)
	status := 200
	if created {
		status = 201
	}
	c.ok(status, c.s.roomJSON(r, r.member(c.user), true))
}

func (c *call) deleteRoom() {
	r, _ := c.moderated()
	if r == nil {
		return
	}
	if r.kind == kindDirect {
		c.fail(400, "", nil)
		return
	}
	delete(c.s.rooms, r.token)
	for _, u := range c.s.users {
		c.s.readNotices(u, r)
	}
	r.members = nil
	r.wake()
	c.ok(200, nil)
}

func (c *call) listParticipants() {
	r, _ := c.room()
	if r == nil || c.answer(c.s.lobbyBlocks(r, c.user)) {
		return
	}
	list := []any{}
	withStatus := c.flag("includeStatus", false)
	for _, m := range r.members {
		p := map[string]any{"roomToken": r.token, "inCall": 0, "lastPing": 0, "sessionIds": []any{}, "participantType": m.kind,
			"attendeeId": m.attendee, "actorId": m.who.id, "actorType": m.who.kind, "displayName": m.who.name, "permissions": m.permissions(),
			"attendeePermissions": 0, "attendeePin": "", "phoneNumber": "", "callId": ""}
		if m.user != nil && withStatus {
			p["status"], p["statusIcon"], p["statusMessage"], p["statusClearAt"] = "offline", nil, nil, nil
		}
		list = append(list, p)
	}
	if withStatus {
		c.w.Header().Set("X-Nextcloud-Has-User-Statuses", "1")
	}
	c.ok(200, list)
}

func (c *call) addParticipant() {
	r, _ := c.moderated()
	if r == nil {
		return
	}
	who := c.str("newParticipant")
	switch {
	case r.kind == kindDirect:
		c.refuse(400, "room-type")
	case c.str("source") == "emails":
		sum := sha256.Sum256([]byte(strings.ToLower(who)))
		c.s.addMember(r, actor{"emails", hex.EncodeToString(sum[:]), who}, guest)
		r.kind = kindPublic // inviting by e-mail opens the room, silently
		c.ok(200, map[string]any{"type": kindPublic})
	case c.s.users[who] == nil:
		c.refuse(404, "new-participant")
	default:
		c.s.join(r, c.s.users[who], c.user)
		c.ok(200, []any{})
	}
}

func (c *call) leaveRoom() {
	r, m := c.room()
	if r == nil {
		return
	}
	others := 0
	for _, x := range r.members {
		if x != m && x.moderates() {
			others++
		}
	}
	if r.kind != kindDirect && m.moderates() && others == 0 {
		c.refuse(400, "last-moderator")
		return
	}
	c.s.leave(r, m)
	c.ok(200, nil)
}

func (c *call) attendee(r *room) *member {
	id := c.num("attendeeId", 0)
	i := slices.IndexFunc(r.members, func(m *member) bool { return m.attendee == id })
	if i < 0 {
		c.refuse(404, "participant")
		return nil
	}
	return r.members[i]
}

func (c *call) removeAttendee() {
	r, _ := c.moderated()
	if r == nil {
		return
	}
	m := c.attendee(r)
	switch {
	case m == nil:
	case r.kind == kindDirect:
		c.refuse(400, "room-type")
	case m.kind == owner:
		c.refuse(403, "owner")
	default:
		c.s.expel(r, m, c.user)
		c.ok(200, nil)
	}
}

func (c *call) promote() {
	r, _ := c.moderated()
	if r == nil {
		return
	}
	m := c.attendee(r)
	switch {
	case m == nil:
	case m.kind != plain:
		c.fail(400, "", nil)
	default:
		m.kind = moderator
		c.s.system(r, userActor(c.user), "moderator_promoted", nil, &m.who)
		c.ok(200, nil)
	}
}

func (c *call) setReadOnly() {
	r, m := c.moderated()
	if r == nil {
		return
	}
	r.readOnly = c.num("state", 0) == 1
	kind := "read_only_off"
	if r.readOnly {
		kind = "read_only"
	}
	c.s.system(r, userActor(c.user), kind, nil, nil)
	c.ok(200, c.s.roomJSON(r, m, true))
}

func (c *call) setLobby() {
	r, m := c.moderated()
	if r == nil {
		return
	}
	r.lobby = c.num("state", 0) == 1
	kind := "lobby_none"
	if r.lobby {
		kind = "lobby_non_moderators"
	}
	c.s.system(r, userActor(c.user), kind, nil, nil)
	c.ok(200, c.s.roomJSON(r, m, true))
}

func (c *call) setDescription() {
	r, m := c.moderated()
	if r == nil {
		return
	}
	r.description = c.str("description")
	c.s.system(r, userActor(c.user), "description_set", nil, nil)
	c.ok(200, c.s.roomJSON(r, m, true))
}

func (c *call) setExpiration() {
	r, m := c.moderated()
	if r == nil {
		return
	}
	r.expire = c.num("seconds", 0)
	kind := "message_expiration_disabled"
	if r.expire > 0 {
		kind = "message_expiration_enabled"
	}
	c.s.system(r, userActor(c.user), kind, nil, nil)
	c.ok(200, c.s.roomJSON(r, m, true))
}

func (c *call) setNotifyLevel() {
	r, m := c.room()
	if r == nil {
		return
	}
	level := c.num("level", -1)
	if level < 0 || level > 3 {
		c.fail(400, "", nil)
		return
	}
	m.level = int(level)
	c.ok(200, nil)
}

func (c *call) setImportant() {
	r, m := c.room()
	if r == nil {
		return
	}
	m.important = true
	c.ok(200, c.s.roomJSON(r, m, true))
}

// titles are name and display name of a room for one of its members.
func (s *Server) titles(r *room, u *account) (name, display string) {
	switch r.kind {
	case kindDirect, kindFormer:
	case kindChangelog:
		return u.id, r.name
	default:
		return r.name, r.name
	}
	name = r.pair[0]
	if name == u.id {
		name = r.pair[1]
	}
	if other := s.users[name]; other != nil {
		return name, other.name
	}
	return name, name
}

// callType is the kind of a room as parameters tell it.
func (r *room) callType() string {
	return map[int]string{kindGroup: "group", kindPublic: "public", kindDirect: "one2one", kindFormer: "one2one", kindChangelog: "group"}[r.kind]
}

func (r *room) avatarVersion() string {
	sum := sha1.Sum([]byte(r.token))
	return hex.EncodeToString(sum[:4])
}

func (r *room) avatar() string {
	return "http://cloud.test" + v1 + "/room/" + r.token + "/avatar?v=" + r.avatarVersion()
}

func (s *Server) roomJSON(r *room, m *member, withLast bool) map[string]any {
	name, display := s.titles(r, m.user)
	level := m.level
	if level == 0 {
		level = 2
		if r.kind == kindDirect {
			level = 1
		}
	}
	j := map[string]any{
		"id": r.id, "token": r.token, "type": r.kind, "name": name, "displayName": display, "description": r.description,
		"objectType": "", "objectId": "", "participantType": m.kind, "participantFlags": 0, "readOnly": bit(r.readOnly),
		"hasPassword": false, "hasCall": false, "callStartTime": 0, "callRecording": 0, "canStartCall": true,
		"lastActivity": r.lastActivity, "lastReadMessage": m.lastRead, "unreadMessages": 0, "unreadMention": false,
		"unreadMentionDirect": false, "isFavorite": false, "canLeaveConversation": true,
		"canDeleteConversation": m.moderates() && r.kind != kindDirect, "notificationLevel": level, "notificationCalls": 1,
		"lobbyState": bit(r.lobby), "lobbyTimer": 0, "lastPing": 0, "sessionId": "0", "sipEnabled": 0,
		"actorType": "users", "actorId": m.user.id, "attendeeId": m.attendee, "permissions": m.permissions(),
		"attendeePermissions": 0, "callPermissions": 0, "defaultPermissions": 0, "canEnableSIP": false, "attendeePin": "",
		"lastCommonReadMessage": r.commonRead(), "listable": 0, "callFlag": 0, "messageExpiration": r.expire,
		"avatarVersion": r.avatarVersion(), "isCustomAvatar": false, "breakoutRoomMode": 0, "breakoutRoomStatus": 0,
		"recordingConsent": 0, "mentionPermissions": 0, "isArchived": false, "isImportant": m.important, "isSensitive": false,
	}
	if r.sample {
		j["objectType"], j["objectId"] = "sample", m.user.id
	}
	if s.lobbyBlocks(r, m.user) != nil {
		return j
	}
	unread := 0
	for _, msg := range r.messages {
		if msg.id > m.lastRead && msg.system == "" && !msg.deleted {
			unread++
			if slices.Contains(s.mentioned(r, msg.text), m.user.id) {
				j["unreadMention"], j["unreadMentionDirect"] = true, true
			}
		}
	}
	j["unreadMessages"] = unread
	if withLast && r.last != nil {
		j["lastMessage"] = s.bareJSON(r.last, m.user, false)
	}
	return j
}

// commonRead is how far everybody has read.
func (r *room) commonRead() int64 {
	var least int64
	for i, m := range r.members {
		if m.user != nil && (i == 0 || m.lastRead < least) {
			least = m.lastRead
		}
	}
	return least
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
