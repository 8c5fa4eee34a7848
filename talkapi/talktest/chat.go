package talktest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	maxLength = 32000 // characters of a message
	maxWait   = 30    // seconds of a long poll
	editable  = 24 * time.Hour
)

// actor is who did something.
type actor struct{ kind, id, name string }

func userActor(u *account) actor { return actor{"users", u.id, u.name} }

// system is who did what nobody did.
var system = actor{"guests", "system", ""}

// message is one entry of a room.
type message struct {
	id        int64
	room      *room
	by        actor
	at        int64 // unix
	text      string
	system    string // kind of a system message
	reference string
	silent    bool
	parent    *message
	subject   *actor         // whom a system message is about
	object    map[string]any // of a shared object
	file      *file          // shared with this message
	poll      *poll          // of system messages about polls
	deleted   bool
	deletedBy actor
	editedBy  actor
	editedAt  int64
	expires   int64
	reactions []reaction // oldest first
}

// thread is the topmost message of the replies.
func (m *message) thread() int64 {
	for m.parent != nil {
		m = m.parent
	}
	return m.id
}

// Message is a message as seen from the server.
type Message struct {
	ID          int64
	Room        string // token
	ActorType   string
	Actor       string // user id; of others see Outsider.ID
	ActorName   string
	Time        time.Time
	Text        string // as written, with @mentions; of a reaction the emoji
	System      string // kind of system message; "" for what people write
	ReferenceID string
	ReplyTo     int64               // or the message a system message is about; 0 for none
	Reactions   map[string][]string // emoji to user ids, in the order they came
	Place       string              // name of a shared place
	File        string              // name of a shared file; Text is {file} then, or the caption
	Deleted     bool
	Edited      bool
	Silent      bool
}

// Messages lists all of a room, oldest first, system messages included.
func (s *Server) Messages(token string) []Message {
	s.mu.Lock()
	defer s.unlock()
	r := s.rooms[token]
	if r == nil {
		return nil
	}
	var ms []Message
	for _, m := range r.messages {
		ms = append(ms, m.public())
	}
	return ms
}

func (m *message) public() Message {
	p := Message{ID: m.id, Room: m.room.token, ActorType: m.by.kind, Actor: m.by.id, ActorName: m.by.name, Time: time.Unix(m.at, 0),
		Text: m.text, System: m.system, ReferenceID: m.reference, Deleted: m.deleted, Edited: m.editedAt != 0, Silent: m.silent}
	if m.parent != nil {
		p.ReplyTo = m.parent.id
	}
	for _, r := range m.reactions {
		if p.Reactions == nil {
			p.Reactions = map[string][]string{}
		}
		p.Reactions[r.emoji] = append(p.Reactions[r.emoji], r.by.id)
	}
	if m.object["type"] == "geo-location" {
		p.Place, _ = m.object["name"].(string)
	}
	if m.file != nil {
		p.File = m.file.name
	}
	return p
}

// add puts a message into a room and tells everybody who wants to know.
func (s *Server) add(r *room, m *message) *message {
	s.lastID++
	m.id, m.room, m.at = s.lastID, r, s.now().Unix()
	if r.expire > 0 {
		m.expires = m.at + r.expire
	}
	r.messages = append(r.messages, m)
	if m.system != "reaction" {
		r.quiet = quiet{}
	}
	switch m.system {
	case "reaction", "reaction_revoked", "message_edited", "message_deleted", "poll_voted":
	default:
		r.last, r.lastActivity = m, m.at
	}
	if r.lastActivity == 0 {
		r.lastActivity = m.at
	}
	r.wake()
	rp, mp := r.public(), m.public()
	for _, f := range s.onMessage {
		s.pending = append(s.pending, func() { f(rp, mp) })
	}
	s.ring(r, m)
	return m
}

// system adds a system message.
func (s *Server) system(r *room, by actor, kind string, parent *message, subject *actor) *message {
	return s.add(r, &message{by: by, system: kind, parent: parent, subject: subject})
}

// postFields are what a sender may say.
type postFields struct {
	text, reference string
	replyTo         int64
	silent          bool
}

// writable is the refusal for a room nobody may write to.
func (r *room) writable() *failure {
	if r.readOnly {
		return &failure{403, []any{}}
	}
	return nil
}

// post is a text by a member.
func (s *Server) post(r *room, by *member, p postFields) (*message, *failure) {
	if f := r.writable(); f != nil {
		return nil, f
	}
	m, f := s.compose(r, by.who, p)
	if f != nil {
		return nil, f
	}
	s.fill(r)
	s.add(r, m)
	s.wrote(r, by, m)
	return m, nil
}

// postAsBot is a text by somebody who is no member.
func (s *Server) postAsBot(r *room, by actor, p postFields) (*message, *failure) {
	m, f := s.compose(r, by, p)
	if f != nil {
		return nil, f
	}
	s.fill(r)
	s.notifyMessage(r, s.add(r, m))
	return m, nil
}

// compose checks a text and makes a message that is not in the room yet.
func (s *Server) compose(r *room, by actor, p postFields) (*message, *failure) {
	text := strings.TrimSpace(p.text)
	if strings.HasPrefix(text, "//") {
		text = text[1:] // escape of the former slash commands
	}
	if text == "" {
		return nil, refusal(400, "message")
	}
	if utf8.RuneCountInString(text) > maxLength {
		return nil, refusal(413, "message")
	}
	m := &message{by: by, text: text, reference: cut(p.reference, 64), silent: p.silent}
	if p.replyTo != 0 {
		m.parent = r.find(p.replyTo)
		if m.parent == nil || m.parent.system != "" || m.parent.deleted {
			return nil, refusal(400, "reply-to")
		}
	}
	return m, nil
}

// wrote moves the writer's own marker and notifies the others.
func (s *Server) wrote(r *room, by *member, m *message) {
	by.lastRead = m.id
	s.notifyMessage(r, m)
}

func (s *Server) share(r *room, by *member, id string, meta map[string]any, reference string) (*message, *failure) {
	if f := r.writable(); f != nil {
		return nil, f
	}
	lat, ok1 := meta["latitude"].(string)
	lon, ok2 := meta["longitude"].(string)
	name, ok3 := meta["name"].(string)
	if !strings.HasPrefix(id, "geo:") || !ok1 || !ok2 || !ok3 {
		return nil, refusal(400, "object")
	}
	s.fill(r)
	m := s.add(r, &message{by: by.who, text: "{object}", reference: cut(reference, 64), object: map[string]any{
		"name": name, "latitude": lat, "longitude": lon, "type": "geo-location", "id": id, "icon-url": r.avatar()}})
	s.wrote(r, by, m)
	return m, nil
}

// mayChange is the refusal to edit or delete a message.
func (s *Server) mayChange(r *room, u *account, id int64) (*message, *failure) {
	m := r.find(id)
	switch {
	case m == nil:
		return nil, refusal(404, "message")
	case m.system != "" || m.deleted:
		return nil, refusal(405, "message")
	case m.by != userActor(u) && (r.kind == kindDirect || !r.member(u).moderates()):
		return nil, refusal(403, "permission")
	}
	return m, r.writable()
}

// edit returns the system message that tells of the edit. With a file it is the
// caption that changes.
func (s *Server) edit(r *room, u *account, id int64, text string) (*message, *failure) {
	m, f := s.mayChange(r, u, id)
	text = strings.TrimSpace(text)
	switch {
	case f != nil:
		return nil, f
	case m.object != nil:
		return nil, refusal(405, "message")
	case s.now().Sub(time.Unix(m.at, 0)) >= editable:
		return nil, refusal(400, "age")
	case text == "":
		return nil, refusal(400, "message")
	case utf8.RuneCountInString(text) > maxLength:
		return nil, refusal(413, "message")
	}
	m.text, m.editedBy, m.editedAt = text, userActor(u), s.now().Unix()
	return s.system(r, userActor(u), "message_edited", m, nil), nil
}

// remove returns the system message that tells of the deletion.
func (s *Server) remove(r *room, u *account, id int64) (*message, *failure) {
	m, f := s.mayChange(r, u, id)
	if f != nil {
		return nil, f
	}
	m.deleted, m.deletedBy, m.text, m.object, m.file, m.reactions = true, userActor(u), "", nil, nil, nil
	m.editedAt, m.editedBy = 0, actor{}
	return s.system(r, userActor(u), "message_deleted", m, nil), nil
}

func (r *room) find(id int64) *message {
	for _, m := range r.messages {
		if m.id == id {
			return m
		}
	}
	return nil
}

// lastShown is the id of the message that lists of rooms show; 0 without one.
func (s *Server) lastShown(r *room) int64 {
	if r.last == nil {
		return 0
	}
	return r.last.id
}

func (s *Server) setRead(r *room, m *member, id int64) {
	m.lastRead = id
	s.readNoticesUpTo(m.user, r, id)
	r.wake()
}

func (c *call) readChat() {
	r, m := c.room()
	if r == nil || c.answer(c.s.lobbyBlocks(r, c.user)) {
		return
	}
	if !c.flag("lookIntoFuture", false) {
		c.history(r)
		return
	}
	after := c.num("lastKnownMessageId", 0)
	if c.flag("setReadMarker", true) && after > m.lastRead {
		m.lastRead = after
		r.wake()
	}
	if c.flag("markNotificationsAsRead", true) {
		c.s.readNotices(c.user, r)
	}
	timer := time.NewTimer(time.Duration(min(max(c.num("timeout", maxWait), 0), maxWait)) * time.Second)
	defer timer.Stop()
	waited := c.num("timeout", maxWait) <= 0
	for {
		page := c.s.since(r, after, c.limit())
		if len(page) > 0 {
			c.page(r, page)
			return
		}
		if known := c.num("lastCommonReadId", 0); known != 0 && known != r.commonRead() {
			c.commonRead(r)
			c.ok(200, []any{})
			return
		}
		if waited {
			c.w.WriteHeader(304)
			return
		}
		changed := r.changed
		var forgotten <-chan time.Time
		if r.quiet.after == after && !r.quiet.until.IsZero() {
			forgotten = time.After(time.Until(r.quiet.until))
		}
		c.s.unlock()
		select {
		case <-changed:
		case <-forgotten:
		case <-timer.C:
			waited = true
		case <-c.r.Context().Done():
			c.s.mu.Lock() // as the caller expects
			panic(http.ErrAbortHandler)
		}
		c.s.mu.Lock()
		if r.member(c.user) == nil {
			c.fail(404, "", []any{})
			return
		}
		if c.answer(c.s.lobbyBlocks(r, c.user)) {
			return
		}
	}
}

// quiet is what a server with a memory cache remembers of a room: that there was
// nothing after this message.
type quiet struct {
	after int64
	until time.Time
}

// since is up to limit messages after an offset, for all that the memory cache
// lets the server know.
func (s *Server) since(r *room, after int64, limit int) []*message {
	if r.quiet.after == after && time.Now().Before(r.quiet.until) {
		return nil
	}
	var page []*message
	for _, m := range r.messages {
		if m.id > after && len(page) < limit {
			page = append(page, m)
		}
	}
	if s.cached && len(page) == 0 {
		r.quiet = quiet{after, time.Now().Add(30 * time.Second)}
	}
	return page
}

func (c *call) history(r *room) {
	before := c.num("lastKnownMessageId", 0)
	var page []*message
	for _, m := range slices.Backward(r.messages) {
		if (before == 0 || m.id < before) && len(page) < c.limit() {
			page = append(page, m)
		}
	}
	if len(page) == 0 {
		c.w.WriteHeader(304)
		return
	}
	c.page(r, page)
}

func (c *call) limit() int { return int(min(max(c.num("limit", 100), 1), 200)) }

// page answers with rows. Expired ones don't show, but count for the limit
// and the offset.
func (c *call) page(r *room, rows []*message) {
	list := []any{}
	for _, m := range rows {
		if m.expires == 0 || m.expires > c.s.now().Unix() {
			list = append(list, c.s.messageJSON(m, c.user, true))
		}
	}
	c.w.Header().Set("X-Chat-Last-Given", strconv.FormatInt(rows[len(rows)-1].id, 10))
	c.commonRead(r)
	c.ok(200, list)
}

func (c *call) commonRead(r *room) {
	c.w.Header().Set("X-Chat-Last-Common-Read", strconv.FormatInt(r.commonRead(), 10))
}

// wrote answers with a new message or a refusal.
func (c *call) wrote(status int, r *room, m *message, f *failure) {
	if c.answer(f) {
		return
	}
	c.commonRead(r)
	c.ok(status, c.s.messageJSON(m, c.user, false))
}

func (c *call) sendMessage() {
	r, by := c.room()
	if r == nil || c.answer(c.s.lobbyBlocks(r, c.user)) {
		return
	}
	m, f := c.s.post(r, by, postFields{text: c.str("message"), reference: c.str("referenceId"), replyTo: c.num("replyTo", 0), silent: c.flag("silent", false)})
	c.wrote(201, r, m, f)
}

func (c *call) shareObject() {
	r, by := c.room()
	if r == nil || c.answer(c.s.lobbyBlocks(r, c.user)) {
		return
	}
	var meta map[string]any
	if json.Unmarshal([]byte(c.str("metaData")), &meta) != nil || c.str("objectType") != "geo-location" {
		c.refuse(400, "object")
		return
	}
	m, f := c.s.share(r, by, c.str("objectId"), meta, c.str("referenceId"))
	c.wrote(201, r, m, f)
}

func (c *call) editMessage() {
	if c.s.off["edit-messages"] {
		c.noRoute()
		return
	}
	r, _ := c.room()
	if r == nil || c.answer(c.s.lobbyBlocks(r, c.user)) {
		return
	}
	m, f := c.s.edit(r, c.user, c.pathID(), c.str("message"))
	c.wrote(200, r, m, f)
}

func (c *call) deleteMessage() {
	r, _ := c.room()
	if r == nil || c.answer(c.s.lobbyBlocks(r, c.user)) {
		return
	}
	m, f := c.s.remove(r, c.user, c.pathID())
	c.wrote(200, r, m, f)
}

func (c *call) markRead() {
	r, m := c.room()
	if r == nil {
		return
	}
	c.s.setRead(r, m, c.num("lastReadMessage", c.s.lastShown(r)))
	c.commonRead(r)
	c.ok(200, c.s.roomJSON(r, m, true))
}

// messageJSON is a message as one reader gets it. lists is true in the chat
// stream, where the reader's own reactions are told as well.
func (s *Server) messageJSON(m *message, reader *account, lists bool) map[string]any {
	j := s.bareJSON(m, reader, lists)
	if m.parent != nil {
		j["parent"] = s.bareJSON(m.parent, reader, lists)
	}
	return j
}

func (s *Server) bareJSON(m *message, reader *account, lists bool) map[string]any {
	text, params := s.content(m, reader)
	kind := "comment"
	switch {
	case m.deleted:
		kind = "comment_deleted"
	case m.file != nil && m.file.voice:
		kind = "voice-message"
	case m.system != "":
		kind = "system"
	}
	counts := map[string]int{}
	self := []string{}
	for _, r := range m.reactions {
		counts[r.emoji]++
		if r.by == userActor(reader) {
			self = append(self, r.emoji)
		}
	}
	j := map[string]any{
		"id": m.id, "token": m.room.token, "actorType": m.by.kind, "actorId": m.by.id, "actorDisplayName": m.by.name,
		"timestamp": m.at, "message": text, "messageParameters": orList(params), "systemMessage": m.system, "messageType": kind,
		"isReplyable": m.system == "" && !m.deleted, "referenceId": m.reference, "reactions": counts,
		"expirationTimestamp": m.expires, "markdown": m.system == "", "threadId": m.thread(),
	}
	if m.deleted {
		j["deleted"] = true
		switch m.deletedBy {
		case userActor(reader):
			j["message"] = "Message deleted by you"
		case m.by:
			j["message"] = "Message deleted by author"
		default:
			j["message"] = "Message deleted by {actor}"
		}
		j["messageParameters"] = map[string]any{"actor": s.person(m.deletedBy)}
	}
	if m.silent {
		j["silent"] = true
	}
	if lists && len(self) > 0 {
		j["reactionsSelf"] = self
	}
	if m.editedAt != 0 {
		j["lastEditActorType"], j["lastEditActorId"] = m.editedBy.kind, m.editedBy.id
		j["lastEditActorDisplayName"], j["lastEditTimestamp"] = m.editedBy.name, m.editedAt
	}
	return j
}

// orList is how PHP writes a map: an empty one is a list.
func orList(m map[string]any) any {
	if len(m) == 0 {
		return []any{}
	}
	return m
}

// content is text and parameters of a message.
func (s *Server) content(m *message, reader *account) (string, map[string]any) {
	switch {
	case m.system == "reaction":
		return m.text, nil
	case m.system == "reaction_deleted":
		if m.by == userActor(reader) {
			return "Reaction deleted by you", nil
		}
		return "Reaction deleted by author", nil
	case m.system == "poll_voted":
		return "Someone voted on the poll {poll}", map[string]any{"poll": m.poll.object()}
	case m.system != "":
		params := map[string]any{"actor": s.person(m.by)}
		if m.subject != nil {
			params[m.subject.role()] = s.person(*m.subject)
		}
		if m.poll != nil {
			params["poll"] = m.poll.object()
		}
		return systemText(m, reader), params
	case m.object != nil:
		return m.text, map[string]any{"actor": s.person(m.by), "object": m.object}
	case m.file != nil:
		text, params := s.mentions(m.room, m.text)
		params["actor"], params["file"] = s.person(m.by), m.file.json()
		return text, params
	default:
		return s.mentions(m.room, m.text)
	}
}

// systemText is the English text of a system message.
func systemText(m *message, reader *account) string {
	what := map[string]string{
		"conversation_created": "created the conversation", "user_added": "added {user}", "user_removed": "removed {user}",
		"moderator_promoted": "promoted {user} to moderator", "read_only": "locked the conversation",
		"read_only_off": "unlocked the conversation", "lobby_non_moderators": "restricted the conversation to moderators",
		"lobby_none": "opened the conversation to everyone", "description_set": "set the description",
		"message_expiration_enabled": "set the message expiration", "message_expiration_disabled": "disabled message expiration",
		"message_edited": "edited a message", "message_deleted": "deleted a message", "reaction_revoked": "deleted a reaction",
		"poll_closed": "ended the poll {poll}", "guests_allowed": "allowed guests",
		"federated_user_added": "invited {federated_user}", "federated_user_removed": "removed {federated_user}",
	}[m.system]
	if m.subject != nil && *m.subject == m.by {
		switch m.system {
		case "user_added":
			what = "joined the conversation"
		case "user_removed":
			what = "left the conversation"
		case "federated_user_added":
			return "{federated_user} accepted the invitation"
		}
	}
	if m.by == system {
		return "System " + what
	}
	if m.by == userActor(reader) {
		return "You " + what
	}
	if m.subject != nil && *m.subject == userActor(reader) {
		what = strings.Replace(what, "{user}", "you", 1)
	}
	return "{actor} " + what
}

// person is the parameter that stands for somebody.
func (s *Server) person(a actor) map[string]any {
	p := map[string]any{"type": "user", "id": a.id, "name": a.name, "mention-id": a.mentionID()}
	switch a.kind {
	case "users":
	case "federated_users":
		p["id"], p["server"] = cutServer(a.id)
	case "guests", "emails":
		p["type"], p["id"] = "guest", a.mentionID()
		switch {
		case a == system:
			p["name"] = "System"
		case a.name == "":
			p["name"] = "Guest"
		default:
			p["name"] = a.name + " (guest)"
		}
	default: // Talk looks for a user of the bot's id, and finds none
		return map[string]any{"type": "highlight", "id": "deleted_users", "name": "Deleted user"}
	}
	return p
}

// mentionID is what is written after the @ to mention somebody.
func (a actor) mentionID() string {
	switch a.kind {
	case "guests":
		return "guest/" + a.id
	case "emails":
		return "email/" + a.id
	case "federated_users":
		return "federated_user/" + a.id
	default:
		return a.id
	}
}

// role is the name of the parameter for whom a system message is about.
func (a actor) role() string {
	if a.kind == "federated_users" {
		return "federated_user"
	}
	return "user"
}

// cutServer parts the id of a federated user, kenta@other.example.
func cutServer(id string) (user, server string) {
	at := strings.LastIndexByte(id, '@')
	return id[:at], "https://" + id[at+1:]
}

// mention is @id or @"id"; Nextcloud wants a blank or one of -.@' before it.
var mention = regexp.MustCompile(`@("[\pL\pN_\-@.' /:]+"|[a-zA-Z0-9_\-@.']+)`)

// mentions replaces mentions by placeholders. Longer ones are numbered
// first, as Nextcloud does.
func (s *Server) mentions(r *room, text string) (string, map[string]any) {
	found := s.findMentions(r, text)
	slices.SortStableFunc(found, func(a, b string) int { return len(b) - len(a) })
	params := map[string]any{}
	counts := map[string]int{}
	var pairs []string
	for _, raw := range found {
		kind, whom := s.whom(r, strings.Trim(raw[1:], `"`))
		counts[kind]++
		key := fmt.Sprintf("mention-%s%d", kind, counts[kind])
		params[key] = whom
		pairs = append(pairs, raw, "{"+key+"}")
	}
	return strings.NewReplacer(pairs...).Replace(text), params
}

// whom is what a mention stands for: its kind and its parameter, nil when
// nobody is called so.
func (s *Server) whom(r *room, id string) (kind string, whom map[string]any) {
	if id == "all" {
		if r.kind == kindDirect {
			return "", nil
		}
		return "call", map[string]any{"type": "call", "id": r.token, "name": r.name, "call-type": r.callType(), "icon-url": r.avatar(), "mention-id": "all"}
	}
	for _, u := range s.users {
		if strings.EqualFold(u.id, id) { // told as it was typed
			return "user", map[string]any{"type": "user", "id": id, "name": u.name, "mention-id": id}
		}
	}
	for _, m := range r.members {
		if m.user == nil && m.who.mentionID() == id {
			kind, _, _ := strings.Cut(id, "/")
			whom := s.person(m.who)
			if m.who.name != "" { // here without a note that it is a guest
				whom["name"] = m.who.name
			}
			return strings.ReplaceAll(kind, "_", "-"), whom
		}
	}
	return "", nil
}

// findMentions lists the distinct mentions of a text, as written.
func (s *Server) findMentions(r *room, text string) []string {
	var found []string
	for _, at := range mention.FindAllStringIndex(text, -1) {
		before, _ := utf8.DecodeLastRuneInString(text[:at[0]])
		if at[0] > 0 && !strings.ContainsRune(" \t\n\r-.@'", before) {
			continue
		}
		raw := text[at[0]:at[1]]
		if _, whom := s.whom(r, strings.Trim(raw[1:], `"`)); whom != nil && !slices.Contains(found, raw) {
			found = append(found, raw)
		}
	}
	return found
}

// mentioned lists the user ids a text mentions, everybody for @all.
func (s *Server) mentioned(r *room, text string) []string {
	var ids []string
	for _, raw := range s.findMentions(r, text) {
		if id := strings.Trim(raw[1:], `"`); id != "all" {
			ids = append(ids, id)
			continue
		}
		for _, m := range r.members {
			if m.user != nil {
				ids = append(ids, m.user.id)
			}
		}
	}
	return ids
}

// cut keeps the first n characters.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}
