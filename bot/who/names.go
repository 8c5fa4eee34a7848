package who

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/anpi-bot/anpi/roster"
)

// names finds members by what they are named. The keys are folded and have no
// honorifics.
type names struct {
	folded [][]string       // of each member, the name first
	ids    map[string][]int // card UIDs and Talk user ids in small letters
	exact  map[string][]int // whole names and nicknames
	parts  map[string][]int // given and family names, Talk user ids
	pieces map[string][]int // what may be a part of a name written without blanks
	latin  map[string][]int // names and parts in Latin letters, long vowels short
	kana   map[string][]int // names and parts in kana, written in Latin letters
	// readable are those who have a name in Latin letters or kana.
	readable map[int]bool
	// surnames are the family names that a blank sets apart.
	surnames map[string]bool
}

func newNames(members []roster.Member) names {
	n := names{
		ids: make(map[string][]int), exact: make(map[string][]int), parts: make(map[string][]int), pieces: make(map[string][]int),
		latin: make(map[string][]int), kana: make(map[string][]int), readable: make(map[int]bool), surnames: make(map[string]bool),
	}
	for _, m := range members {
		folded := []string{fold(m.Name)}
		for _, nickname := range m.Nicknames {
			folded = append(folded, fold(nickname))
		}
		n.folded = append(n.folded, folded)
		words := strings.Fields(folded[0])
		switch {
		case len(words) < 2:
		case isLatin(key(words[0])):
			n.surnames[key(words[len(words)-1])] = true
		case len(words) == 2:
			n.surnames[words[0]] = true
		}
	}
	for i, m := range members {
		for _, id := range []string{m.ID, strings.TrimPrefix(strings.TrimPrefix(m.ID, "card:"), "talk:"), m.Talk} {
			add(n.ids, strings.ToLower(id), i)
		}
		if account := key(fold(m.Talk)); !isKin(account) {
			n.addTo(n.parts, account, i)
		}
		for _, name := range n.folded[i] {
			n.name(i, name)
		}
		n.split(i, n.folded[i][0])
		if name := key(n.folded[i][0]); alsoNames[name] {
			n.addTo(n.parts, name, i)
		}
	}
	return n
}

// name notes a whole name and its parts.
func (n *names) name(i int, name string) {
	if isKin(name) {
		add(n.exact, key(name), i)
		return
	}
	bare, _ := withoutHonorific(name)
	words := strings.Fields(bare)
	n.addTo(n.exact, key(bare), i)
	if len(words) == 2 {
		n.addTo(n.exact, key(words[1]+words[0]), i)
	}
	if title, rest := ownTitle(name); title != nil {
		words = strings.Fields(rest)
		n.addTo(n.parts, key(rest), i)
	}
	if len(words) < 2 {
		return
	}
	if last := len(words) - 1; last > 1 {
		n.addTo(n.parts, strings.Join(words[:last], ""), i)
		n.addTo(n.parts, strings.Join(words[1:], ""), i)
	}
	for _, w := range words {
		if utf8.RuneCountInString(w) > 1 && !particles[w] || isHan([]rune(w)[0]) {
			n.addTo(n.parts, key(w), i)
		}
	}
}

// split notes the parts of a Japanese name without blanks. They are certain
// where the family name is known from another card, where kanji meet kana, and
// where two kanji are followed by two; 健太郎 may be a 健 of the 太郎 or not.
func (n *names) split(i int, name string) {
	runes := []rune(name)
	if len(runes) < 2 || len(runes) > 10 || isKin(name) || slices.ContainsFunc(runes, func(r rune) bool { return !isHan(r) && !isKana(string(r)) }) {
		return
	}
	// The longest family name that is known decides: 田中丸 before 田中.
	for at := len(runes) - 1; at > 0; at-- {
		if n.surnames[string(runes[:at])] {
			n.addTo(n.parts, string(runes[:at]), i)
			n.addTo(n.parts, string(runes[at:]), i)
			return
		}
	}
	han := 0
	for _, r := range runes {
		if isHan(r) {
			han++
		}
	}
	for at := 1; at < len(runes); at++ {
		family, given := runes[:at], runes[at:]
		if han == 0 && (len(family) < 2 || len(given) < 2) {
			continue
		}
		into := n.pieces
		meets := at == han && at > 1 && len(given) > 1 && isHan(family[at-1]) && isKana(string(given))
		if meets || han == 4 && len(runes) == 4 && at == 2 {
			into = n.parts
		}
		n.addTo(into, string(family), i)
		n.addTo(into, string(given), i)
	}
}

// addTo notes a name, and how it sounds.
func (n *names) addTo(into map[string][]int, name string, i int) {
	add(into, name, i)
	switch {
	case isLatin(name):
		add(n.latin, shortVowels.Replace(name), i)
		n.readable[i] = true
	case isKana(name):
		add(n.kana, romaji(name), i)
		n.readable[i] = true
	}
}

func add(into map[string][]int, name string, i int) {
	// Members come in order, so a repetition is the last one.
	if have := into[name]; name != "" && (len(have) == 0 || have[len(have)-1] != i) {
		into[name] = append(have, i)
	}
}

// soundingLike finds names in the other script: Hanako for はなこ.
func (n *names) soundingLike(name string) []int {
	switch {
	case isKana(name):
		return n.latin[romaji(name)]
	case isLatin(name):
		return n.kana[shortVowels.Replace(name)]
	}
	return nil
}

// minTypo is the length from which a name is known with one letter wrong.
const minTypo = 5

// misspelt finds the names in Latin letters that are one letter away.
func (n *names) misspelt(name string) []int {
	if !isLatin(name) || len(name) < minTypo-1 {
		return nil
	}
	var found []int
	for _, in := range []map[string][]int{n.exact, n.parts} {
		for have, members := range in {
			if len(have) >= minTypo && isLatin(have) && oneApart(have, name) {
				found = append(found, members...)
			}
		}
	}
	return distinct(found)
}

// oneApart reports whether one letter was changed, added, left out or swapped
// with the next.
func oneApart(a, b string) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	if len(a)-len(b) > 1 || a == b {
		return false
	}
	i := 0
	for i < len(b) && a[i] == b[i] {
		i++
	}
	if len(a) > len(b) {
		return a[i+1:] == b[i:]
	}
	return a[i+1:] == b[i+1:] || i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
