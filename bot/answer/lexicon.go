package answer

import (
	"strings"
	"sync"
)

// sense is what a word means to the reader. A word may have several.
type sense uint64

// What a word is about.
const (
	safe     sense = 1 << iota // says that somebody is well
	good                       // says so only behind a verb such as "am" or "feeling"
	harm                       // an injury
	strike                     // an injury when a part of the body is near
	body                       // a part of the body
	trap                       // somebody cannot get away
	able                       // to move, breathe or get out: grave when denied
	aid                        // help itself: rescue, an ambulance
	cry                        // a call that needs no verb: SOS
	supply                     // what people need: water, medicine
	fetch                      // what one asks others to do: come, bring, call
	danger                     // grave even for somebody who says to be well
	damage                     // broken things, cut lines
	plight                     // on the way, cut off, cold, hungry
	distress                   // fear and worry
	bad                        // simply not well
	middling                   // neither well nor not: so-so
	collapse                   // people who do so are hurt, things are broken
	lack                       // none left, and that is bad
	person                     // somebody besides the writer
	pronoun                    // he, she, they: whoever was named last
	title                      // makes a name of what stands before it
	all                        // everybody
	me
	we
	you
	thing   // what can break
	when    // a time or a place, never a name
	deny    // not
	ban     // do not
	hedge   // perhaps
	ask     // makes a question
	wish    // hoped for, not so
	given   // if
	please  // makes a request
	need    // is wanted
	hear    // somebody else said so
	offer   // the writer will do it
	contact // a word was heard from somebody
	with    // in company of
	topic   // marks what is spoken of
	also    // marks what is so too
	of      // marks what belongs to somebody
	and     // joins persons
	tail    // endings and particles: carries what was said before it
	te      // a verb that goes on, or asks when nothing follows
	ended   // a verb or adjective that can end a sentence
	joint   // ends a clause
	stop    // ends a sentence
	comma
	mark   // a question mark
	plain  // harmless, whatever is done to it
	relief // got out, was rescued
	stem   // what ん behind it denies
	link   // is, am, are, get: joins a subject to what is said of it
	query  // begins an English question
	past
	arrive // got somewhere
	refuge // home, a shelter
	flaw   // a fault: well when denied, grave when stated
	now    // by now
	ruin   // damage that leaves somebody in need
	soothe // tells others not to worry
	meta   // a button, a menu: words about the question itself
)

// lexicon has Japanese words by themselves and English ones by phrase, as
// Normalize writes them.
var (
	lexicon                        map[string]sense
	longestJapanese, longestPhrase int
)

// ready makes the lexicon when somebody reads first: most commands never do.
var ready = sync.OnceFunc(func() { lexicon, longestJapanese, longestPhrase = build() })

func build() (map[string]sense, int, int) {
	b := builder{}
	japanese(b)
	endings(b)
	persons(b)
	english(b)
	b.large()
	bytes, words := 0, 0
	for w := range b {
		if strings.ContainsFunc(w, isJapanese) {
			bytes = max(bytes, len(w))
		} else {
			words = max(words, strings.Count(w, " ")+1)
		}
	}
	return b, bytes, words
}

// builder collects the lexicon.
type builder map[string]sense

// words adds words that are separated by blanks.
func (b builder) words(is sense, list string) {
	for w := range strings.FieldsSeq(list) {
		b[strings.Trim(strings.ReplaceAll(Normalize(w), "-", " "), " ")] |= is
	}
}

// phrases adds lines of phrases that are separated by commas.
func (b builder) phrases(is sense, list string) {
	for p := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == '\n' }) {
		if p = strings.ReplaceAll(Normalize(p), "-", " "); p != "" {
			b[p] |= is
		}
	}
}

var (
	smallToLarge = strings.NewReplacer("ゃ", "や", "ゅ", "ゆ", "ょ", "よ", "っ", "つ")
	longToShort  = strings.NewReplacer("ょう", "ょ", "ゅう", "ゅ", "ゆう", "ゆ", "とうさ", "とさ", "とうち", "とち", "かあさ", "かさ", "かあち", "かち", "ばあち", "ばち", "ばあさ", "ばさ", "じいち", "じち", "にいち", "にち", "ねえち", "ねち")
)

// fetching adds verbs by which people ask others to do something, in their て
// form.
func (b builder) fetching(list string) {
	b.words(fetch|te, list)
	for w := range strings.FieldsSeq(list) {
		root := strings.TrimSuffix(strings.TrimSuffix(w, "て"), "で")
		if len(root) > 3 {
			b.words(fetch, root)
		}
	}
}

// large adds words as they are written by people who do not find the small
// kana, だいじようぶ, and by those who write ー, which Normalize drops.
func (b builder) large() {
	for w, is := range b {
		if is&(claims|please|person) == 0 || is&tail != 0 {
			continue
		}
		for _, other := range []string{smallToLarge.Replace(w), longToShort.Replace(w)} {
			if _, taken := b[other]; !taken && len(other) >= 9 {
				b[other] = is
			}
		}
	}
}

// ichidan adds Japanese verbs that end in る and keep the rest in every form.
func (b builder) ichidan(is sense, list string) {
	for w := range strings.FieldsSeq(list) {
		root := Normalize(strings.TrimSuffix(w, "る"))
		b[root] |= is | stem
		b[root+"る"] |= is | ended
		b[root+"ろ"] |= is | ended
		b[root+"れ"] |= is | stem // 出れない, and ば
		b[root+"られ"] |= is | stem
		b[root+"さし"] |= is
		b[root+"よう"] |= is | ended | offer
	}
}

// rows has the last kana of a godan verb in the forms that come before
// ない, ます, た, the dictionary form, ば and う.
var rows = map[string][6]string{
	"う": {"わ", "い", "っ", "う", "え", "お"}, "つ": {"た", "ち", "っ", "つ", "て", "と"},
	"る": {"ら", "り", "っ", "る", "れ", "ろ"}, "む": {"ま", "み", "ん", "む", "め", "も"},
	"ぶ": {"ば", "び", "ん", "ぶ", "べ", "ぼ"}, "ぬ": {"な", "に", "ん", "ぬ", "ね", "の"},
	"く": {"か", "き", "い", "く", "け", "こ"}, "ぐ": {"が", "ぎ", "い", "ぐ", "げ", "ご"},
	"す": {"さ", "し", "し", "す", "せ", "そ"},
}

// godan adds Japanese verbs whose last kana changes.
func (b builder) godan(is sense, list string) {
	for w := range strings.FieldsSeq(list) {
		w = Normalize(w)
		root, last := w[:len(w)-3], w[len(w)-3:]
		row := rows[last]
		then := row[2]
		if w == "行く" || w == "いく" {
			then = "っ"
		}
		b[root+row[0]] |= is | stem
		b[root+row[1]] |= is
		b[root+row[3]] |= is | ended
		b[root+row[4]] |= is | stem
		b[root+row[5]+"う"] |= is | ended | offer
		// What is done to somebody: 挟まれる, 打たれた.
		b[root+row[0]+"れ"] |= is | stem
		b[root+row[0]+"れる"] |= is | ended
		t, d := "て", "た"
		if last == "む" || last == "ぶ" || last == "ぬ" || last == "ぐ" {
			t, d = "で", "だ"
		}
		b[root+then+t] |= is | te
		b[root+then+d] |= is | ended | past
		b[root+then] |= is
	}
}

// adjective adds Japanese adjectives in い.
func (b builder) adjective(is sense, list string) {
	for w := range strings.FieldsSeq(list) {
		w = Normalize(w)
		root := strings.TrimSuffix(w, "い")
		for _, form := range []string{"い", "く", "かっ", "けれ", "さ", "み", "そう", "すぎ", "ぅ", "ぇ", "くて", "かった", "うて", "か", "かばい", "かけん"} {
			b[Normalize(root+form)] |= is | ended
		}
	}
}
