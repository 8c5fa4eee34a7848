package who

import "slices"

// kinOrName looks up a word for kin, which may be a real name as well: Nana.
func (f *finder) kinOrName(view int, word string, meanings []*kinship, many bool) result {
	var res result
	for _, k := range meanings {
		found := f.kin(view, key(word), k, many)
		// People have more friends than a roster knows.
		found.guess = found.guess || !k.isClose()
		res = res.or(found)
	}
	if named := f.parts[key(word)]; len(named) > 0 {
		res = res.or(result{found: named})
	}
	if !res.none() || view != f.speaker || f.speaker < 0 {
		return res
	}
	if key(fold(f.members[f.speaker].Name)) == key(word) {
		// おばあちゃん is all that the card has for a name.
		return result{found: []int{f.speaker}, guess: true}
	}
	return res
}

// kin finds the members that a word for kin means from where view stands.
func (f *finder) kin(view int, word string, k *kinship, many bool) result {
	if view < 0 {
		return f.called(word, k, many)
	}
	related := f.ofGender(f.reach(view, k.paths), k.gender)
	known := f.knownAs(related, k.gender)
	// Parents call each other ママ and お父さん, as their children do.
	spouses := f.bearing(f.reach(view, path(spouse)), word)
	exact := f.bearing(related, word)
	switch {
	case many:
		return f.together(view, word, k, related, len(known) == len(related))
	case len(exact) > 0:
		// Of two grandmothers one is ばあば and the other is Nana.
		return result{found: union(exact, spouses)}
	case k.one && len(known) > 0:
		related = known
	}
	if view != f.speaker {
		return result{found: related, guess: len(known) == 0 && !k.isSpouse()}
	}
	if len(related) == 0 {
		return f.called(word, k, false)
	}
	res := result{found: union(related, spouses)}
	if len(known) == 0 && !k.isSpouse() {
		// A parent is known, but not whether it is the mother.
		res = res.or(f.called(word, k, false))
		res.guess = true
	}
	if !k.one && len(f.calledThat(related, k)) == len(related) {
		// All of them are called something else, so it may be one whom no card
		// relates to the speaker.
		others := filter(f.all(), func(i int) bool { return i != f.speaker })
		res.found = union(res.found, f.bearing(others, word))
	}
	return res
}

// together finds the members that a word for several people means.
func (f *finder) together(view int, word string, k *kinship, related []int, known bool) result {
	if len(related) > 0 {
		// The kids of a grandmother may be her grandchildren.
		grown := slices.Equal(k.paths[0], []step{child}) && len(f.reach(view, path(child, child))) > 0
		return result{found: related, group: true, guess: !known || grown}
	}
	if view != f.speaker {
		return result{}
	}
	return f.called(word, k, true)
}

// called finds members by what they are called: exactly so, else by another word
// for the same. Whoever is known to be something else to the speaker is at best a
// guess, and so is somebody else's お母さん for 母.
func (f *finder) called(word string, k *kinship, many bool) result {
	if many {
		if members := f.groupOf(word, k); len(members) > 0 {
			return result{found: members, group: true}
		}
	}
	others := filter(f.all(), func(i int) bool { return i != f.speaker })
	own := f.speaker >= 0 && len(f.bearing([]int{f.speaker}, word)) > 0
	if exact := f.bearing(others, word); len(exact) > 0 && !many {
		return result{found: exact, guess: own || !k.isForAll()}
	}
	same := f.calledThat(others, k)
	guess := ownKin[word] || !k.isForAll()
	if f.speaker >= 0 && len(same) > 0 {
		something := f.kinOf(f.speaker)
		fitting := filter(same, func(i int) bool { return !slices.Contains(something, i) })
		guess = guess || len(fitting) == 0 || len(f.calledThat([]int{f.speaker}, k)) > 0
		if len(fitting) > 0 || ownKin[word] {
			same = fitting
		}
	}
	if many {
		// The parents of two households can't be told apart by nicknames.
		return result{found: same, group: true, guess: guess || len(same) > 2}
	}
	switch {
	case own:
		return result{}
	case len(same) == 0:
		return result{found: f.groups[word], guess: true}
	}
	return result{found: same, guess: guess}
}

// groupOf finds a group of the roster by a word for several people, in any form
// of the word: the group Kids for 子どもたち.
func (f *finder) groupOf(word string, k *kinship) []int {
	if members := f.groups[word]; len(members) > 0 {
		return members
	}
	var members []int
	for name, of := range f.groups {
		meanings, _ := kinWord(name)
		if slices.ContainsFunc(meanings, func(m *kinship) bool { return m.same(k) && m.gender == k.gender }) {
			members = union(members, of)
		}
	}
	return members
}
