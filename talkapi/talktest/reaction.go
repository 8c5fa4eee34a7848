package talktest

import (
	"slices"
	"strings"
)

// reaction is one emoji by one person.
type reaction struct {
	emoji string
	by    actor
	at    int64
}

// react tells whether the reaction is new.
func (s *Server) react(r *room, by actor, id int64, emoji string) (created bool, f *failure) {
	if f := r.writable(); f != nil {
		return false, f
	}
	m := r.find(id)
	switch {
	case m == nil:
		return false, &failure{404, nil}
	case m.system != "" || m.deleted || !isEmoji(emoji):
		return false, &failure{400, nil}
	}
	if slices.ContainsFunc(m.reactions, func(x reaction) bool { return x.emoji == emoji && x.by == by }) {
		return false, nil
	}
	m.reactions = append(m.reactions, reaction{emoji, by, s.now().Unix()})
	s.add(r, &message{by: by, system: "reaction", text: emoji, parent: m})
	s.notifyReaction(r, m, by, emoji)
	s.ringReaction(r, m, "Like", emoji)
	return true, nil
}

func (s *Server) unreact(r *room, by actor, id int64, emoji string) *failure {
	if f := r.writable(); f != nil {
		return f
	}
	m := r.find(id)
	if m == nil {
		return &failure{404, nil}
	}
	i := slices.IndexFunc(m.reactions, func(x reaction) bool { return x.emoji == emoji && x.by == by })
	if i < 0 {
		return &failure{404, nil}
	}
	m.reactions = slices.Delete(m.reactions, i, i+1)
	for _, x := range r.messages { // the old system message turns into another one
		if x.system == "reaction" && x.parent == m && x.by == by && x.text == emoji {
			x.system = "reaction_deleted"
		}
	}
	s.add(r, &message{by: by, system: "reaction_revoked", parent: m})
	s.ringReaction(r, m, "Undo", emoji)
	return nil
}

// isEmoji accepts one sign: a symbol, flag or keycap, with skin tones,
// selectors and joined parts.
func isEmoji(s string) bool {
	parts := strings.Split(s, "\u200d")
	for _, part := range parts {
		runes := []rune(strings.TrimRight(strings.ReplaceAll(part, "\ufe0f", ""), "\U0001F3FB\U0001F3FC\U0001F3FD\U0001F3FE\U0001F3FF"))
		switch {
		case len(runes) == 2 && regional(runes[0]) && regional(runes[1]):
		case len(runes) == 2 && strings.ContainsRune("#*0123456789", runes[0]) && runes[1] == 0x20E3:
		case len(runes) == 1 && !regional(runes[0]) && (runes[0] >= 0x203C && runes[0] <= 0x3299 || runes[0] >= 0x1F000 && runes[0] < 0x20000):
		default:
			return false
		}
	}
	return true
}

func regional(r rune) bool { return 0x1F1E6 <= r && r <= 0x1F1FF }

// reactionMap is who reacted, by emoji, the newest first.
func (m *message) reactionMap() map[string]any {
	all := map[string]any{}
	for _, r := range slices.Backward(m.reactions) {
		list, _ := all[r.emoji].([]any)
		all[r.emoji] = append(list, map[string]any{"actorType": r.by.kind, "actorId": r.by.id, "actorDisplayName": r.by.name, "timestamp": r.at})
	}
	return all
}

// reactionRoom is room for the reaction calls, which may be switched off.
func (c *call) reactionRoom() *room {
	if c.s.off["reactions"] {
		c.noRoute()
		return nil
	}
	r, _ := c.room()
	if r == nil || c.answer(c.s.lobbyBlocks(r, c.user)) {
		return nil
	}
	return r
}

func (c *call) listReactions() {
	r := c.reactionRoom()
	if r == nil {
		return
	}
	m := r.find(c.pathID())
	if m == nil || m.system != "" || m.deleted {
		c.fail(404, "", nil)
		return
	}
	c.ok(200, m.reactionMap())
}

func (c *call) addReaction() {
	r := c.reactionRoom()
	if r == nil {
		return
	}
	created, f := c.s.react(r, userActor(c.user), c.pathID(), c.str("reaction"))
	if c.answer(f) {
		return
	}
	status := 200
	if created {
		status = 201
	}
	c.ok(status, r.find(c.pathID()).reactionMap())
}

func (c *call) removeReaction() {
	r := c.reactionRoom()
	if r == nil || c.answer(c.s.unreact(r, userActor(c.user), c.pathID(), c.str("reaction"))) {
		return
	}
	c.ok(200, r.find(c.pathID()).reactionMap())
}
