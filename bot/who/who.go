// Package who tells whom a word means: which members of the roster are "母",
// "うちの太郎", "my brother" or "the kids" when a certain member says so. It has no
// memory and does no I/O.
//
//	m := who.Find(members, hanako, "おばあちゃん")
//	switch {
//	case m.Everyone || m.Group: // all of m.Members are meant
//	case len(m.Members) == 1 && !m.Guess: // this one
//	case len(m.Members) > 0: // ask which one, or whether this one
//	default: // nobody of the roster, as far as the address book tells
//	}
//
// # What decides
//
// A word for kin is looked up in the relations of the speaker first: what the
// speaker's card says, what other cards say of the speaker, and what follows
// from several of them (a grandmother is the mother of a parent). Only then does
// it mean whoever is called so by name or nickname, in any form of the word:
// whoever has the nickname おばあちゃん is also ばあば and grandma. Any other word
// is a name or nickname, then a part of one, then the same sound in the other
// script, and at last a name written without blanks or with one wrong letter.
//
// A vCard does not say whether somebody is a man or a woman. It is known only
// where a nickname (ママ), a title (Aunt May) or the type of a relation (mother)
// gives it away, never from a given name.
//
// Taking one person for another may leave somebody in danger unnoticed, so what
// is not certain is either several members or a Guess.
package who

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/anpi-bot/anpi/roster"
)

// Match is whom a word means.
type Match struct {
	// Members are of the roster and in its order: none, one, or several of whom
	// one is meant; with Everyone or Group all of them are meant.
	Members []roster.Member
	// Everyone says that the word means the whole family, the speaker included.
	Everyone bool
	// Group says that the word means several people together, even if only one
	// of them is on the roster: the parents, the kids, a group of the roster.
	Group bool
	// Guess says that the one member or the group is likely, but that a person
	// should confirm it before anything good is believed.
	Guess bool
}

// Limits in characters. A name of the roster has at most 200; beyond the second
// limit, or with more owners in a row than anybody follows, a word is looked up
// as it stands, but not taken apart. Of more owners at once nobody can tell whose
// mother is meant.
const (
	maxWord   = 200
	maxApart  = 60
	maxChain  = 4
	maxOwners = 8
)

// Find tells whom a word means when the speaker says it. A speaker who is not on
// the roster has no relations.
func Find(r roster.Roster, speaker roster.Member, word string) Match {
	if len(word) > maxWord*utf8.UTFMax || utf8.RuneCountInString(word) > maxWord {
		return Match{}
	}
	f := newFinder(r, speaker)
	res := f.find(f.speaker, fold(word))
	if res.none() {
		// Marks of length at the end are mere calling: はなこーーー.
		res = f.find(f.speaker, fold(strings.TrimRightFunc(word, func(r rune) bool { return isLong(r) || unicode.IsPunct(r) })))
	}
	return f.match(res)
}

// finder looks up words for one speaker.
type finder struct {
	family
	speaker int // index of the member, -1 when not on the roster
}

func newFinder(r roster.Roster, speaker roster.Member) finder {
	return finder{
		family:  newFamily(r.Members),
		speaker: slices.IndexFunc(r.Members, func(m roster.Member) bool { return m.ID == speaker.ID }),
	}
}

// result is a Match whose members are indices, without repetition.
type result struct {
	found                  []int
	everyone, group, guess bool
}

func (r result) none() bool { return len(r.found) == 0 }

// one returns the member who is meant, if it is one and certain.
func (r result) one() bool { return len(r.found) == 1 && !r.guess && !r.everyone }

// or joins the candidates of two readings of one word.
func (r result) or(other result) result {
	switch {
	case r.none():
		return other
	case other.none():
		return r
	}
	return result{found: union(r.found, other.found), group: r.group && other.group, guess: r.guess || other.guess}
}

func (f *finder) match(res result) Match {
	found := slices.Sorted(slices.Values(res.found))
	m := Match{Everyone: res.everyone, Group: res.group, Guess: res.guess && (res.group || len(found) == 1)}
	for _, i := range found {
		m.Members = append(m.Members, f.members[i])
	}
	return m
}

// find looks up a folded word as somebody would mean it: as the speaker, or as
// the owner in "Tom's mum".
func (f *finder) find(view int, word string) result {
	for _, w := range f.forms(word) {
		if res := f.whole(view, w); !res.none() {
			// My kids are not the Kids of the address book for certain.
			res.guess = res.guess || res.group && isPossessed(word) && !f.isKinOfSpeaker(res.found)
			return res
		}
	}
	chain := strings.Count(word, "の") + strings.Count(word, "と") + strings.Count(word, "s ")
	if utf8.RuneCountInString(word) <= maxApart && chain <= maxChain {
		for _, w := range f.forms(word) {
			if res := f.apart(view, w); !res.none() {
				return res
			}
		}
	}
	for _, w := range f.forms(word) {
		if res := f.likely(w); !res.none() {
			return res
		}
	}
	return result{}
}

func (f *finder) isKinOfSpeaker(members []int) bool {
	return f.speaker >= 0 && len(intersection(f.kinOf(f.speaker), members)) > 0
}

// forms are the word as it stands and, if there is any, without what stands
// before it and changes nothing: うちの, my two older.
func (f *finder) forms(word string) []string {
	if bare := withoutModifiers(word); bare != word {
		return []string{word, bare}
	}
	return []string{word}
}

// whole looks up a word without taking it apart.
func (f *finder) whole(view int, word string) result {
	k := key(word)
	if k == "" {
		return result{}
	}
	meanings, many := kinWord(k)
	if len(meanings) > 0 {
		return f.kinOrName(view, word, meanings, many)
	}
	if res := f.named(word); !res.none() {
		return res
	}
	if members := f.groups[k]; len(members) > 0 {
		return result{found: members, group: true}
	}
	if view != f.speaker {
		return result{}
	}
	if everyoneWords[k] {
		return result{found: f.all(), everyone: true}
	}
	if selfWords[k] && f.speaker >= 0 {
		return result{found: []int{f.speaker}}
	}
	return result{}
}

// named finds members by name: the whole name or nickname, else a part of it,
// else the same sound in the other script.
func (f *finder) named(word string) result {
	name, polite := withoutHonorific(word)
	name = key(name)
	for _, found := range [][]int{f.exact[name], f.parts[name], f.soundingLike(name)} {
		if polite {
			// Nobody calls oneself さん.
			found = slices.DeleteFunc(slices.Clone(found), func(i int) bool { return i == f.speaker })
		}
		if len(found) > 0 {
			return result{found: found}
		}
	}
	return result{}
}

// likely finds members by what is probably a part of a name, or a name with one
// letter wrong, when only one member is near.
func (f *finder) likely(word string) result {
	name, _ := withoutHonorific(word)
	name = key(name)
	if kin, _ := kinWord(name); len(kin) > 0 {
		return result{}
	}
	if found := f.pieces[name]; len(found) > 0 {
		return result{found: found, guess: true}
	}
	if found := f.misspelt(name); len(found) == 1 {
		return result{found: found, guess: true}
	}
	return result{}
}
