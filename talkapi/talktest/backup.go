package talktest

import (
	"maps"
	"slices"
)

// Backup keeps the rooms, what was said in them and the notifications as they are
// now. Restore puts them back, as an administrator does with the backup of a
// database: what was said meanwhile is gone, and its ids are given anew.
func (s *Server) Backup() (restore func()) {
	s.mu.Lock()
	defer s.unlock()
	rooms, lastID, lastNotice := maps.Clone(s.rooms), s.lastID, s.lastNotice
	kept := map[*room]room{}
	members := map[*member]member{}
	messages := map[*message]message{}
	for _, r := range rooms {
		was := *r
		was.members, was.messages = slices.Clone(r.members), slices.Clone(r.messages)
		kept[r] = was
		for _, m := range r.members {
			members[m] = *m
		}
		for _, m := range r.messages {
			was := *m
			was.reactions = slices.Clone(m.reactions)
			messages[m] = was
		}
	}
	notices := map[*account][]*notice{}
	for _, u := range s.users {
		notices[u] = slices.Clone(u.notices)
	}
	return func() {
		s.mu.Lock()
		defer s.unlock()
		s.rooms, s.lastID, s.lastNotice = maps.Clone(rooms), lastID, lastNotice
		for r, was := range kept {
			was.changed, was.quiet = r.changed, quiet{}
			was.members, was.messages = slices.Clone(was.members), slices.Clone(was.messages)
			*r = was
			r.wake()
		}
		for m, was := range members {
			*m = was
		}
		for m, was := range messages {
			was.reactions = slices.Clone(was.reactions)
			*m = was
		}
		for _, u := range s.users {
			u.notices = slices.Clone(notices[u])
		}
	}
}
