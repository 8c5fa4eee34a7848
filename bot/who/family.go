package who

import (
	"slices"
	"strings"

	"github.com/anpi-bot/anpi/roster"
)

// step is one relation between two people; kin further away is a path of steps.
type step byte

const (
	parent step = iota
	child
	sibling
	spouse
	partner
	housemate
	friend
	colleague
	neighbour
	relative
)

// back is the step from the other person.
func (s step) back() step {
	switch s {
	case parent:
		return child
	case child:
		return parent
	}
	return s
}

type gender byte

const (
	anyGender gender = iota
	female
	male
)

// age tells older from younger siblings.
type age byte

const (
	anyAge age = iota
	older
	younger
)

// kinship is one meaning of words for kin.
type kinship struct {
	paths  [][]step // ways to get there, the usual one first
	gender gender
	age    age
	many   bool // the words mean several people together
	one    bool // people have one of these
	title  bool // the words also stand with a name: Aunt May
	words  string
}

func (k *kinship) isSpouse() bool { return slices.Equal(k.paths[0], []step{spouse}) }

// isClose is true of family and of those who share a home.
func (k *kinship) isClose() bool { return k.paths[0][0] <= housemate }

// isForAll is true of words that a whole family uses of one person, as the
// children do; a husband or an in-law is so to somebody only.
func (k *kinship) isForAll() bool {
	return k.title || slices.Equal(k.paths[0], []step{parent}) || len(k.paths[0]) > 1 && k.paths[0][0] == parent
}

// same reports whether two words may mean the same: brother and 兄, but not 兄
// and 弟.
func (k *kinship) same(other *kinship) bool {
	return slices.Equal(k.paths[0], other.paths[0]) &&
		(k.gender == other.gender || k.gender == anyGender || other.gender == anyGender) &&
		(k.age == other.age || k.age == anyAge || other.age == anyAge)
}

func path(steps ...step) [][]step { return [][]step{steps} }

// closest are the relations in which people know each other best.
var closest = [][]step{{parent}, {child}, {sibling}, {spouse}, {parent, parent}, {child, child}}

// edge is what one member is to another as a card says it.
type edge struct {
	path []step
	to   int
	// certain is false when the card has a name that several members have.
	certain bool
}

// calling is a word for kin by which a member is called.
type calling struct {
	key string // "" for a title beside the name
	kin *kinship
}

// family is the members, what they are to each other and what they are called.
type family struct {
	members []roster.Member
	names
	edges    [][]edge
	callings [][]calling
	genders  []gender
	groups   map[string][]int
}

func newFamily(members []roster.Member) family {
	f := family{
		members:  members,
		names:    newNames(members),
		edges:    make([][]edge, len(members)),
		callings: make([][]calling, len(members)),
		genders:  make([]gender, len(members)),
		groups:   make(map[string][]int),
	}
	hints := make([][]gender, len(members))
	for i, m := range members {
		f.callings[i] = callings(f.folded[i])
		for _, c := range f.callings[i] {
			hints[i] = append(hints[i], c.kin.gender)
		}
		for _, name := range f.folded[i] {
			first, _, _ := strings.Cut(name, " ")
			hints[i] = append(hints[i], addressed[first])
		}
		for _, g := range m.Groups {
			if k := key(fold(g)); k != "" {
				f.groups[k] = union(f.groups[k], []int{i})
			}
		}
		for _, r := range m.Relations {
			for _, k := range kinTypes(r.Type) {
				targets := f.cardsOf(r.Who, i)
				for _, to := range targets {
					f.relate(i, to, k, len(targets) == 1)
					if len(targets) == 1 {
						hints[to] = append(hints[to], k.gender)
					}
				}
			}
		}
	}
	for i := range members {
		isFemale, isMale := slices.Contains(hints[i], female), slices.Contains(hints[i], male)
		switch {
		case isFemale && !isMale:
			f.genders[i] = female
		case isMale && !isFemale:
			f.genders[i] = male
		}
	}
	return f
}

// relate notes what a card says, and what it means for the other one.
func (f *family) relate(from, to int, k *kinship, certain bool) {
	for _, p := range k.paths {
		f.edges[from] = append(f.edges[from], edge{p, to, certain})
		if !certain {
			continue
		}
		back := make([]step, 0, len(p))
		for _, s := range slices.Backward(p) {
			back = append(back, s.back())
		}
		f.edges[to] = append(f.edges[to], edge{back, from, true})
	}
}

// kinTypes are the meanings of the types of a RELATED property.
func kinTypes(types string) []*kinship {
	var kin []*kinship
	for t := range strings.SplitSeq(types, ",") {
		meanings, _ := kinWord(key(fold(t)))
		if len(meanings) > 0 {
			kin = append(kin, meanings[0])
		}
	}
	return kin
}

// cardsOf finds the members whom the card of another one names, by UID or name.
func (f *family) cardsOf(who string, except int) []int {
	others := func(found []int) []int {
		return slices.DeleteFunc(slices.Clone(found), func(i int) bool { return i == except })
	}
	if found := others(f.ids[strings.ToLower(strings.TrimPrefix(who, "urn:uuid:"))]); len(found) > 0 {
		return found
	}
	whole := fold(who)
	bare, _ := withoutHonorific(whole)
	for _, found := range [][]int{f.exact[key(whole)], f.exact[key(bare)], f.parts[key(bare)]} {
		if found = others(found); len(found) > 0 {
			return found
		}
	}
	return nil
}

// callings are the words for kin in the folded names of a member.
func callings(names []string) []calling {
	var all []calling
	for n, word := range names {
		if n == 0 && alsoNames[key(word)] {
			continue
		}
		if meanings, many := kinWord(key(word)); len(meanings) > 0 && !many {
			for _, k := range meanings {
				all = append(all, calling{key(word), k})
			}
			continue
		}
		if title, _ := ownTitle(word); title != nil {
			all = append(all, calling{kin: title})
		}
	}
	return all
}

// bearing are those of members who are called exactly so.
func (f *family) bearing(members []int, word string) []int {
	return filter(members, func(i int) bool {
		return slices.ContainsFunc(f.callings[i], func(c calling) bool { return c.key == word })
	})
}

// calledThat are those of members who are called by a word that may mean k.
func (f *family) calledThat(members []int, k *kinship) []int {
	return filter(members, func(i int) bool {
		return slices.ContainsFunc(f.callings[i], func(c calling) bool { return c.kin.same(k) })
	})
}

// ofGender leaves out whoever is known not to be of the gender.
func (f *family) ofGender(members []int, g gender) []int {
	return filter(members, func(i int) bool { return g == anyGender || f.genders[i] == anyGender || f.genders[i] == g })
}

// knownAs are those who are known to be of the gender; all of them when the word
// tells none.
func (f *family) knownAs(members []int, g gender) []int {
	return filter(members, func(i int) bool { return g == anyGender || f.genders[i] == g })
}

// reach finds everybody at the end of the paths from a member, the member
// excepted: whom a card names outright, and whom the steps lead to.
func (f *family) reach(from int, paths [][]step) []int {
	var found []int
	for _, p := range paths {
		reached := []int{from}
		for n, s := range p {
			var next []int
			for _, i := range reached {
				next = append(next, f.step(i, s, n == 0)...)
			}
			reached = distinct(next)
		}
		if len(p) > 1 {
			reached = append(reached, f.direct(from, true, p...)...)
		}
		found = append(found, reached...)
	}
	return slices.DeleteFunc(distinct(found), func(i int) bool { return i == from })
}

// direct are the members to whom an edge of exactly this path leads. Names that
// several members have count only where unsure is allowed.
func (f *family) direct(from int, unsure bool, p ...step) []int {
	var found []int
	for _, e := range f.edges[from] {
		if slices.Equal(e.path, p) && (e.certain || unsure) {
			found = append(found, e.to)
		}
	}
	return found
}

// step goes one step from a member, over cards of others where the member's own
// does not say it.
func (f *family) step(from int, s step, unsure bool) []int {
	found := f.direct(from, unsure, s)
	also := func(first, second step) {
		for _, i := range f.direct(from, false, first) {
			found = append(found, f.direct(i, false, second)...)
		}
	}
	switch s {
	case parent:
		if len(distinct(found)) < 2 {
			also(parent, spouse)
			also(sibling, parent)
		}
	case child:
		also(spouse, child)
		also(child, sibling)
	case sibling:
		also(parent, child)
		also(sibling, sibling)
	case spouse:
		if len(found) == 0 {
			also(child, parent)
		}
	}
	return slices.DeleteFunc(distinct(found), func(i int) bool { return i == from })
}

// kinOf is everybody who is anything to a member.
func (f *family) kinOf(from int) []int {
	var found []int
	for _, e := range f.edges[from] {
		found = append(found, e.to)
	}
	for _, p := range closest {
		found = append(found, f.reach(from, [][]step{p})...)
	}
	return distinct(found)
}

func (f *family) all() []int {
	all := make([]int, len(f.members))
	for i := range all {
		all[i] = i
	}
	return all
}

func filter(members []int, keep func(int) bool) []int {
	var kept []int
	for _, i := range members {
		if keep(i) {
			kept = append(kept, i)
		}
	}
	return kept
}

func union(a, b []int) []int { return distinct(slices.Concat(a, b)) }

func intersection(a, b []int) []int {
	in := make(map[int]bool, len(b))
	for _, i := range b {
		in[i] = true
	}
	return filter(a, func(i int) bool { return in[i] })
}

// distinct sorts members and leaves out repetitions.
func distinct(members []int) []int {
	members = slices.Clone(members)
	slices.Sort(members)
	return slices.Compact(members)
}
