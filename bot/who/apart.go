package who

import (
	"slices"
	"strings"
)

// apart looks up a word that is made of several.
func (f *finder) apart(view int, word string) result {
	for _, read := range []func(int, string) result{f.listed, f.numbered, f.titled, f.household, f.owned, f.andOthers} {
		if res := read(view, word); !res.none() {
			return res
		}
	}
	return result{}
}

// andOthers reads 花子たち: Hanako and others, nobody knows who.
func (f *finder) andOthers(_ int, word string) result {
	for _, ending := range []string{"たち", "達"} {
		if first, ok := strings.CutSuffix(word, ending); ok {
			return f.named(strings.TrimSpace(first))
		}
	}
	return result{}
}

// numbered reads 子ども二人, "both kids" and 孫みんな.
func (f *finder) numbered(view int, word string) result {
	if first, rest, ok := strings.Cut(word, " "); ok && counts[first] > 0 {
		return f.find(view, rest).ifGroup().counted(counts[first])
	}
	if who, ok := strings.CutSuffix(strings.TrimSuffix(word, "に"), "とも"); ok && who != "" {
		return f.find(view, who).ifGroup()
	}
	for count, n := range counts {
		if who, ok := strings.CutSuffix(word, count); ok && who != "" && !isLatin(count) {
			return f.find(view, several(who)).ifGroup().counted(n)
		}
	}
	for _, ending := range allOf {
		if who, ok := strings.CutSuffix(word, ending); ok && who != "" {
			return f.find(view, several(who)).ifGroup()
		}
	}
	return result{}
}

// ifGroup is nobody unless several are meant together: まさとも is not まさ, nor
// is 佐藤みな all the 佐藤.
func (r result) ifGroup() result {
	if !r.group {
		return result{}
	}
	return r
}

// counted is certain only if the number fits.
func (r result) counted(n int) result {
	r.guess = r.guess || len(r.found) != n
	return r
}

// listed reads "Mum and Dad" and 太郎と花子. What stands before the first "and"
// is no list.
func (f *finder) listed(view int, word string) result {
	for _, and := range []string{" and ", "と"} {
		for at := range indices(word, and) {
			left, right := strings.TrimSpace(word[:at]), strings.TrimSpace(word[at+len(and):])
			if left == "" || right == "" {
				continue
			}
			first := f.unlisted(view, left)
			if first.none() && and == "と" {
				// ひとみ is no list, nor is さとみ.
				continue
			}
			rest := f.find(view, right)
			switch {
			case rest.none() && and == "と":
				continue
			case rest.none() || first.everyone:
				return first
			case first.none() || rest.everyone:
				return rest
			}
			certain := (first.one() || first.group && !first.guess) && (rest.one() || rest.group && !rest.guess)
			return result{found: union(first.found, rest.found), group: certain}
		}
	}
	return result{}
}

// unlisted looks up a word that is no list.
func (f *finder) unlisted(view int, word string) result {
	if res := f.unowned(view, word); !res.none() {
		return res
	}
	return f.owned(view, word)
}

// unowned looks up a word that has no owner.
func (f *finder) unowned(view int, word string) result {
	for _, w := range f.forms(word) {
		if res := f.whole(view, w); !res.none() {
			return res
		}
	}
	return f.titled(view, word)
}

// several makes a Japanese word mean several people.
func several(word string) string {
	return strings.TrimSuffix(strings.TrimSpace(word), "たち") + "たち"
}

// owned reads "Tom's mum" and 太郎の母 from where Tom stands, and 妹の花子 as
// somebody who is both. Whoever has an owner that is not known is nobody:
// 友だちのお母さん is not the speaker's, and 犬のトミー is a dog.
func (f *finder) owned(view int, word string) result {
	for _, possessive := range []string{"'s", "s'", "の"} {
		for at := range indices(word, possessive) {
			owner, rest := strings.TrimSpace(word[:at]), word[at+len(possessive):]
			if possessive == "s'" {
				owner += "s"
			}
			if owner == "" || possessive == "の" && rest == "" || possessive != "の" && rest != "" && rest[0] != ' ' {
				continue
			}
			if rest == "" {
				// "Mum's" is "Mum is".
				return f.find(view, owner)
			}
			if res := f.ownedBy(view, owner, strings.TrimSpace(rest)); !res.none() {
				return res
			}
		}
	}
	return result{}
}

func (f *finder) ownedBy(view int, owner, rest string) result {
	if n := counts[key(owner)]; n > 0 {
		return f.find(view, several(rest)).ifGroup().counted(n)
	}
	if side, ok := sides[key(owner)]; ok {
		return f.onSide(view, side, rest)
	}
	if members := f.groups[key(owner)]; len(members) > 0 && !isKin(owner) {
		return f.find(view, rest).among(members)
	}
	if isKin(withoutModifiers(owner)) && !isKin(withoutModifiers(rest)) {
		if res := f.titledAs(view, withoutModifiers(owner), rest); !res.none() {
			return res
		}
	}
	of := f.unowned(view, owner)
	if of.none() {
		return result{}
	}
	if !isKin(withoutModifiers(owner)) && isKin(withoutModifiers(rest)) {
		// The grandmother who is a Yamada.
		if res := f.find(view, rest).among(of.found); !res.none() {
			return res
		}
	}
	return f.belonging(of, rest)
}

func (r result) among(members []int) result {
	r.found = intersection(r.found, members)
	return r
}

// onSide reads 父方の祖母: of the speaker's grandmothers the one who is the
// father's mother.
func (f *finder) onSide(view int, parentWord, rest string) result {
	res := f.find(view, rest)
	of := f.find(view, parentWord)
	var theirs []int
	for _, p := range of.found {
		for _, paths := range [][][]step{path(parent), path(sibling), path(parent, parent), path(sibling, child)} {
			theirs = union(theirs, f.reach(p, paths))
		}
	}
	res.found = intersection(res.found, theirs)
	res.guess = res.guess || of.guess || len(of.found) > 1
	return res
}

// belonging finds the rest of a word from where its owner stands. A name stays
// what it is, and the owner says which one: 山田さんの花子.
func (f *finder) belonging(of result, rest string) result {
	if of.everyone || len(of.found) > maxOwners {
		return result{}
	}
	meanings, _ := kinWord(key(withoutModifiers(rest)))
	if len(meanings) == 0 {
		named := f.find(f.speaker, rest)
		if both := intersection(named.found, of.found); len(both) > 0 && !named.everyone {
			named.found = both
			return named
		}
	}
	var res result
	for _, owner := range of.found {
		its := f.find(owner, rest)
		if len(meanings) == 0 {
			// "Tom's wife Mary" is found as Mary, so she must be of his kin.
			its.found = intersection(its.found, f.kinOf(owner))
		}
		res = res.or(its)
	}
	res.guess = res.guess || of.guess || len(of.found) > 1
	return res
}

// titled reads a name with a word for kin: Grandma Rose, my brother Tom,
// 花子おばあちゃん.
func (f *finder) titled(view int, word string) result {
	for title, name := range titles(word) {
		if res := f.titledAs(view, title, name); !res.none() {
			return res
		}
	}
	return result{}
}

func (f *finder) titledAs(view int, title, name string) result {
	named := f.named(name)
	meanings, _ := kinWord(key(title))
	var kin result
	for _, k := range meanings {
		kin = kin.or(f.kin(view, key(title), k, false))
	}
	if both := intersection(named.found, kin.found); len(both) > 0 {
		return result{found: both}
	}
	if named.none() && len(kin.found) == 1 && !f.readable[kin.found[0]] && (isKana(key(name)) || isLatin(key(name))) {
		// Mika may be how 美香 is read.
		return result{found: kin.found, guess: true}
	}
	k := meanings[0]
	named.found = slices.DeleteFunc(f.ofGender(named.found, k.gender), func(i int) bool { return i == f.speaker })
	// A friend Tom need not be the Tom of the family; nor is May an aunt for
	// certain when the card names another one.
	named.guess = !k.isClose() || alsoNames[key(title)] || !kin.none()
	return named
}

// household reads 田中家 and "the Smiths".
func (f *finder) household(_ int, word string) result {
	if strings.HasSuffix(word, "'s") {
		return result{}
	}
	for _, ending := range householdEndings {
		name, ok := strings.CutSuffix(key(word), ending)
		if !ok {
			continue
		}
		name, _ = withoutHonorific(name)
		if isLatin(name) && !f.surnames[name] {
			continue
		}
		if members := f.parts[name]; len(members) > 0 {
			return result{found: members, group: true}
		}
	}
	return result{}
}
