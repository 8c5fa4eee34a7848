package talkapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// RoomType is the kind of a room. A room may change its type.
type RoomType int

// Room types, as Talk numbers them.
const (
	OneToOne       RoomType = 1
	Group          RoomType = 2
	Public         RoomType = 3
	Changelog      RoomType = 4
	FormerOneToOne RoomType = 5 // the other account was deleted
	NoteToSelf     RoomType = 6
)

// Permissions are the bits of what we may do in a room.
type Permissions int

// The bits that matter to a bot. PermitReact exists from Talk 24; before,
// reacting needs PermitChat.
const (
	PermitIgnoreLobby Permissions = 8
	PermitChat        Permissions = 128
	PermitReact       Permissions = 256
)

// Room is a conversation as seen by the client's user.
type Room struct {
	Token          string // secret enough to stay out of logs
	Type           RoomType
	Name           string // in a one-to-one room the user id of the other
	DisplayName    string
	Description    string
	ActorType      string // who we are in it, "users"
	ActorID        string
	AttendeeID     int64
	Moderator      bool
	Sample         bool // made by Talk for a new account, to try things out in
	ReadOnly       bool
	Lobby          bool
	Permissions    Permissions
	NotifyLevel    NotifyLevel
	Expiry         time.Duration // how long messages live; zero for ever
	LastActivity   time.Time
	LastRead       int64 // our read marker; may be -2 or 0, and may move backwards
	LastCommonRead int64 // what everybody has read; 0 while our own read status is private
	Unread         int
	UnreadMention  bool
	LastMessage    *Message // nil when there is none, in sensitive and in federated rooms
}

// CanChat tells whether messages may be written: enough permissions and no
// read-only room. A lobby stops us only without moderator rights.
func (r Room) CanChat() bool { return !r.ReadOnly && r.Permissions&PermitChat != 0 }

// RoomsQuery narrows Rooms. The zero value lists all rooms with their last
// message.
type RoomsQuery struct {
	// ModifiedSince, in the server's unix seconds from the last
	// RoomList.ModifiedBefore, lists only rooms with newer texts. New
	// reactions don't count as news, and rooms that vanished are never
	// reported. Zero lists all.
	ModifiedSince  int64
	NoLastMessages bool // saves the server much work; Talk 22 and later
}

// RoomList is the answer of Rooms.
type RoomList struct {
	Rooms          []Room
	ModifiedBefore int64  // next RoomsQuery.ModifiedSince; 0 when the server does not say
	Hash           string // changes when the capabilities changed
}

// Rooms lists the rooms we are in.
func (c *Client) Rooms(ctx context.Context, q RoomsQuery) (RoomList, error) {
	const op = "list rooms"
	v := url.Values{"noStatusUpdate": {"1"}}
	if q.ModifiedSince > 0 {
		v.Set("modifiedSince", strconv.FormatInt(q.ModifiedSince, 10))
	}
	if q.NoLastMessages {
		v.Set("includeLastMessage", "false")
	}
	a, err := c.do(ctx, request{op: op, method: http.MethodGet, path: roomAPI + "/room", query: v})
	if err != nil {
		return RoomList{}, err
	}
	var wire list[wireRoom]
	if err := a.decode(op, &wire); err != nil {
		return RoomList{}, err
	}
	l := RoomList{ModifiedBefore: headerInt(a.header, "X-Nextcloud-Talk-Modified-Before"), Hash: a.header.Get("X-Nextcloud-Talk-Hash")}
	for _, w := range wire {
		l.Rooms = append(l.Rooms, w.room())
	}
	return l, nil
}

// Room reads one room. Don't probe tokens with it: the server counts a 404
// here as an attack by the whole address. Rooms is the safe way to look.
func (c *Client) Room(ctx context.Context, token string) (Room, error) {
	return c.roomCall(ctx, request{op: "read room", method: http.MethodGet, path: roomPath(token), secrets: []string{token}})
}

// OneToOne finds or creates the room shared with one other user. The other
// one gets to see it with the first message. Unknown users are ErrNotFound,
// users we may not contact (and ourselves) are ErrForbidden.
func (c *Client) OneToOne(ctx context.Context, userID string) (Room, error) {
	return c.roomCall(ctx, request{op: "open one-to-one room", method: http.MethodPost, path: roomAPI + "/room",
		body: map[string]any{"roomType": OneToOne, "invite": userID}})
}

// CreateGroup creates a group room with the given users in it. A user that
// can't be added fails the call, and the half-made room is deleted again.
//
// The users are named at creation and then compared with who arrived:
// servers before Talk 21.1 ignore the list and have them added one by one.
func (c *Client) CreateGroup(ctx context.Context, name string, users []string) (Room, error) {
	body := map[string]any{"roomType": Group, "roomName": name}
	if len(users) > 0 {
		body["participants"] = map[string]any{"users": users}
	}
	room, err := c.roomCall(ctx, request{op: "create room", method: http.MethodPost, path: roomAPI + "/room", body: body})
	if err != nil || len(users) == 0 {
		return room, err
	}
	if err := c.addMissing(ctx, room.Token, users); err != nil {
		// Tidy up even when the caller gave up meanwhile.
		tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), defaultTimeout)
		defer cancel()
		return Room{}, errors.Join(err, c.DeleteRoom(tidy, room.Token))
	}
	return room, nil
}

func (c *Client) addMissing(ctx context.Context, token string, users []string) error {
	in, err := c.Participants(ctx, token)
	if err != nil {
		return err
	}
	have := map[string]bool{}
	for _, p := range in {
		if p.ActorType == "users" {
			have[p.ActorID] = true
		}
	}
	for _, u := range users {
		if have[u] {
			continue
		}
		if err := c.AddParticipant(ctx, token, u); err != nil {
			return err
		}
	}
	return nil
}

// DeleteRoom deletes a group or public room for everybody.
func (c *Client) DeleteRoom(ctx context.Context, token string) error {
	_, err := c.do(ctx, request{op: "delete room", method: http.MethodDelete, path: roomPath(token), secrets: []string{token}})
	return err
}

// LeaveRoom takes ourselves out of a room. The last moderator can't leave.
func (c *Client) LeaveRoom(ctx context.Context, token string) error {
	_, err := c.do(ctx, request{op: "leave room", method: http.MethodDelete,
		path: roomPath(token) + "/participants/self", secrets: []string{token}})
	return err
}

// SetReadOnly locks a room for everybody's texts, or opens it again.
func (c *Client) SetReadOnly(ctx context.Context, token string, readOnly bool) error {
	return c.setState(ctx, "lock room", token, "/read-only", readOnly)
}

// SetLobby sends everybody but moderators to the lobby, or lets them in.
func (c *Client) SetLobby(ctx context.Context, token string, closed bool) error {
	return c.setState(ctx, "set lobby", token, "/webinar/lobby", closed)
}

func (c *Client) setState(ctx context.Context, op, token, path string, on bool) error {
	state := 0
	if on {
		state = 1
	}
	_, err := c.do(ctx, request{op: op, method: http.MethodPut, path: roomPath(token) + path,
		body: map[string]int{"state": state}, secrets: []string{token}})
	return err
}

// NotifyLevel says which messages of a room make notifications for us.
type NotifyLevel int

// Notification levels. The default is always in one-to-one rooms, and what
// the administrator chose (usually mentions) elsewhere.
const (
	NotifyDefault NotifyLevel = iota
	NotifyAlways
	NotifyMention
	NotifyNever
)

// SetNotifyLevel chooses which messages of a room notify us.
func (c *Client) SetNotifyLevel(ctx context.Context, token string, level NotifyLevel) error {
	_, err := c.do(ctx, request{op: "set notification level", method: http.MethodPost, path: roomPath(token) + "/notify",
		body: map[string]any{"level": level}, secrets: []string{token}})
	return err
}

// Participant is somebody or something in a room. Groups and teams that were
// added show beside their members.
type Participant struct {
	AttendeeID  int64
	ActorType   string // users, guests, emails, groups, circles, federated_users, phones
	ActorID     string // exactly as the server spells it
	DisplayName string
	Moderator   bool
	Permissions Permissions
}

// Participants lists who is in a room.
func (c *Client) Participants(ctx context.Context, token string) ([]Participant, error) {
	const op = "list participants"
	a, err := c.do(ctx, request{op: op, method: http.MethodGet, path: roomPath(token) + "/participants", secrets: []string{token}})
	if err != nil {
		return nil, err
	}
	var wire list[struct {
		AttendeeID  integer `json:"attendeeId"`
		ActorType   text    `json:"actorType"`
		ActorID     text    `json:"actorId"`
		DisplayName text    `json:"displayName"`
		Type        integer `json:"participantType"`
		Permissions integer `json:"permissions"`
	}]
	if err := a.decode(op, &wire); err != nil {
		return nil, err
	}
	var ps []Participant
	for _, w := range wire {
		ps = append(ps, Participant{AttendeeID: int64(w.AttendeeID), ActorType: string(w.ActorType), ActorID: string(w.ActorID),
			DisplayName: string(w.DisplayName), Moderator: moderates(w.Type), Permissions: Permissions(w.Permissions)})
	}
	return ps, nil
}

// AddParticipant adds a user to a group or public room. Somebody who is in
// already is no error; an unknown user is ErrNotFound.
func (c *Client) AddParticipant(ctx context.Context, token, userID string) error {
	_, err := c.do(ctx, request{op: "add participant", method: http.MethodPost, path: roomPath(token) + "/participants",
		body: map[string]string{"newParticipant": userID, "source": "users"}, secrets: []string{token}})
	return err
}

// RemoveAttendee removes a participant by Participant.AttendeeID.
func (c *Client) RemoveAttendee(ctx context.Context, token string, attendeeID int64) error {
	_, err := c.do(ctx, request{op: "remove participant", method: http.MethodDelete, path: roomPath(token) + "/attendees",
		query: url.Values{"attendeeId": {strconv.FormatInt(attendeeID, 10)}}, secrets: []string{token}})
	return err
}

// Promote makes a participant a moderator, by Participant.AttendeeID.
func (c *Client) Promote(ctx context.Context, token string, attendeeID int64) error {
	_, err := c.do(ctx, request{op: "promote participant", method: http.MethodPost, path: roomPath(token) + "/moderators",
		body: map[string]int64{"attendeeId": attendeeID}, secrets: []string{token}})
	return err
}

func (c *Client) roomCall(ctx context.Context, rq request) (Room, error) {
	a, err := c.do(ctx, rq)
	if err != nil {
		return Room{}, err
	}
	var w wireRoom
	if err := a.decode(rq.op, &w); err != nil {
		return Room{}, err
	}
	if w.Token == "" {
		return Room{}, a.nonsense(rq.op, "answer names no room")
	}
	return w.room(), nil
}

func roomPath(token string) string { return roomAPI + "/room/" + url.PathEscape(token) }

// moderates is true for owner, moderator and guest moderator.
func moderates(participantType integer) bool {
	return participantType == 1 || participantType == 2 || participantType == 6
}

type wireRoom struct {
	Token          text            `json:"token"`
	Type           integer         `json:"type"`
	Name           text            `json:"name"`
	DisplayName    text            `json:"displayName"`
	Description    text            `json:"description"`
	ActorType      text            `json:"actorType"`
	ActorID        text            `json:"actorId"`
	AttendeeID     integer         `json:"attendeeId"`
	Participant    integer         `json:"participantType"`
	ObjectType     text            `json:"objectType"`
	ReadOnly       integer         `json:"readOnly"`
	Lobby          integer         `json:"lobbyState"`
	Permissions    integer         `json:"permissions"`
	NotifyLevel    integer         `json:"notificationLevel"`
	Expiry         integer         `json:"messageExpiration"`
	LastActivity   integer         `json:"lastActivity"`
	LastRead       integer         `json:"lastReadMessage"`
	LastCommonRead integer         `json:"lastCommonReadMessage"`
	Unread         integer         `json:"unreadMessages"`
	UnreadMention  truth           `json:"unreadMention"`
	LastMessage    json.RawMessage `json:"lastMessage"`
}

func (w wireRoom) room() Room {
	r := Room{Token: string(w.Token), Type: RoomType(w.Type), Name: string(w.Name), DisplayName: string(w.DisplayName),
		Description: string(w.Description), ActorType: string(w.ActorType), ActorID: string(w.ActorID),
		AttendeeID: int64(w.AttendeeID), Moderator: moderates(w.Participant), Sample: w.ObjectType == "sample", ReadOnly: w.ReadOnly != 0, Lobby: w.Lobby != 0,
		Permissions: Permissions(w.Permissions), NotifyLevel: NotifyLevel(w.NotifyLevel), Expiry: time.Duration(w.Expiry) * time.Second, LastActivity: w.LastActivity.time(),
		LastRead: int64(w.LastRead), LastCommonRead: int64(w.LastCommonRead), Unread: int(w.Unread), UnreadMention: bool(w.UnreadMention)}
	// Absent, [] or reduced without an id: then there is none to speak of.
	var m wireMessage
	if json.Unmarshal(w.LastMessage, &m) == nil && m.ID != 0 {
		msg := m.message()
		r.LastMessage = &msg
	}
	return r
}

// headerInt reads a decimal header; absent or broken is 0.
func headerInt(h http.Header, name string) int64 {
	n, _ := strconv.ParseInt(h.Get(name), 10, 64)
	return n
}
