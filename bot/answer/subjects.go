package answer

import (
	"slices"
	"strings"
)

// subject is whom a clause speaks of.
type subject struct {
	names   []name
	me, all bool
	we      bool
	you     bool
	also    bool // も
	thing   bool // of something, not of somebody
	given   bool // said here, not carried over from before
	pair    bool // "both" of those named
}

type name struct {
	text string
	all  bool
}

func (s subject) none() bool {
	return len(s.names) == 0 && !s.me && !s.all && !s.we && !s.you && !s.thing
}

func (s subject) others() bool { return len(s.names) > 0 || s.all }

// finder looks for the subjects of the clauses of a text, one after the other.
type finder struct {
	src       source
	last      []name // who was spoken of last
	companion []name // who is with the writer
	weak      []name // named, but not as the subject
	mine      bool   // the writer was spoken of last
}

// find returns where in a clause which subject begins to hold.
func (f *finder) find(c clause) []subject {
	held := make([]subject, len(c.tokens))
	w := walk{finder: f, c: c}
	for i := 0; i < len(c.tokens); i++ {
		end, found := f.person(c.tokens, i)
		if !found {
			w.word(i)
			held[i] = w.current
			continue
		}
		w.somebody(i, end)
		for ; i < end; i++ {
			held[i] = w.current
		}
		i--
	}
	return held
}

// walk goes through a clause, word by word.
type walk struct {
	*finder
	c       clause
	current subject // whom it speaks of here
}

// at is a token; none where the clause has ended.
func (w *walk) at(i int) token {
	if i < 0 || i >= len(w.c.tokens) {
		return token{}
	}
	return w.c.tokens[i]
}

// somebody takes in a person who is named in the tokens begin to end.
func (w *walk) somebody(begin, end int) {
	tokens := w.c.tokens
	n := name{text: bare(w.src.as(tokens[begin].from, tokens[end-1].to))}
	next, after := w.at(end), w.at(end+1)
	switch role(tokens, begin, end, next, after) {
	case asSubject:
		goesOn := joined(tokens, begin)
		if goesOn && (w.current.me || w.current.given && len(w.current.names) > 0) {
			w.current.names = append(w.current.names, n)
		} else {
			w.current = subject{names: []name{n}, given: true}
		}
		isToo := next.has(also) && !next.latin || next.latin && w.c.has(also)
		w.current.also = len(w.current.names) == 1 && isToo && !after.has(me|person)
		w.last, w.mine = w.current.names, false
	case asCompanion:
		w.companion = latest(w.companion, n)
	case asSource:
		w.current = subject{names: []name{n}, given: true}
		w.last, w.mine = w.current.names, false
	default:
		w.weak = latest(w.weak, n)
	}
}

// word takes in a word that names nobody.
func (w *walk) word(i int) {
	t := w.at(i)
	switch {
	case t.has(all) && !t.has(we):
		w.everybody(i)
	case t.has(we):
		w.us(t)
	case w.current.we && strings.HasPrefix(t.text, "all "):
		w.current.names = []name{{text: w.src.as(t.from, t.from+3), all: true}}
		w.current.all = true
	case t.has(me) && !t.has(pronoun):
		w.self(i)
	case t.has(you) && !(t.text == "your" || t.text == "yours"):
		w.current = subject{you: true, given: true}
	case t.has(pronoun):
		w.pronoun(i)
	case t.has(thing) && len(w.current.names) > 0 && (w.at(i-1).has(of) || w.at(i-1).has(pronoun)):
		// What is theirs stands for them.
	case t.has(thing) && (isFollowed(w.c.tokens, i, topic|also|link) || bareThing(w.c.tokens, i)):
		if !t.latin && len(w.current.names) == 0 || !w.current.given {
			w.current = subject{thing: true, given: true}
		}
	}
}

// everybody takes in "all", "everybody" or "both".
func (w *walk) everybody(i int) {
	t, current := w.at(i), w.current
	if isFollowed(w.c.tokens, i, of) && !t.latin {
		return
	}
	n := name{text: bare(w.src.as(t.from, t.to)), all: true}
	switch {
	case len(current.names) > 0 && current.given && !current.names[0].all:
		w.current.pair = true
	case current.me && !t.latin:
		w.current = subject{names: []name{n}, all: true, me: true, given: true}
	case isPair(t.text) && len(w.companion) > 0:
		w.current = subject{names: w.companion, me: true, given: true, pair: true}
	case isPair(t.text) && len(w.last) > 0 && !t.latin:
		w.current = subject{names: w.last, given: true, pair: true}
	case current.we:
		w.current.names, w.current.all = []name{n}, true
		w.last = nil
	case t.text == "all" && !startsSubject(w.c.tokens, i):
		// "that's all"
	default:
		w.current = subject{names: []name{n}, all: true, given: true}
		w.last = nil
	}
}

// us takes in "we".
func (w *walk) us(t token) {
	if t.latin && (t.text == "us" || t.text == "our") {
		return
	}
	was := w.current
	w.current = subject{we: true, given: true, names: []name{{text: w.src.as(t.from, t.to), all: true}}}
	if was.all {
		w.current.names, w.current.all = was.names, true
	}
	w.mine = false
}

// self takes in the writer.
func (w *walk) self(i int) {
	t, tokens := w.at(i), w.c.tokens
	switch {
	case t.latin && t.text != "i" && t.text != "me", isFollowed(tokens, i, of) && !t.latin:
		return
	case t.latin && t.text == "me" && !joined(tokens, i) && !isFollowed(tokens, i, and|also|joint):
		return
	}
	if len(w.current.names) > 0 && (joined(tokens, i) || isFollowed(tokens, i, also)) && tokens[max(i-1, 0)].text != "but" {
		w.current.me = true
		return
	}
	w.current = subject{me: true, given: true}
	w.mine = true
}

// pronoun takes in "he", "she" or "they": whoever was spoken of last.
func (w *walk) pronoun(i int) {
	t := w.at(i)
	switch t.text {
	case "his", "her", "their":
		if isFollowed(w.c.tokens, i, thing|body) && len(w.last) > 0 {
			w.current = subject{names: w.last, given: true}
		}
		return
	case "them", "him":
		return
	}
	names := []name{{text: w.src.as(t.from, t.to)}}
	for _, known := range [][]name{w.last, w.weak, w.companion} {
		if len(known) > 0 {
			names = known
			break
		}
	}
	w.current = subject{names: names, given: true, also: isFollowed(w.c.tokens, i, also) && !t.latin}
	w.mine = false
}

// latest adds somebody to the few who are remembered.
func latest(names []name, n name) []name {
	names = append(slices.Clip(names), n)
	return names[max(0, len(names)-6):]
}

// bareThing reports whether a thing is spoken of without a particle: 電気ついてない.
func bareThing(tokens []token, i int) bool {
	return !tokens[i].latin && i+1 < len(tokens) && tokens[i+1].has(damage|danger|collapse) && !tokens[i+1].has(safe)
}

// the roles that somebody has in a clause.
const (
	asOther = iota
	asSubject
	asCompanion
	asSource
)

// role says what somebody named in tokens begin to end does there.
func role(tokens []token, begin, end int, next, after token) int {
	if tokens[end-1].latin {
		return roleInEnglish(tokens, begin, end, next, after)
	}
	return roleInJapanese(tokens, begin, end, next, after)
}

func roleInEnglish(tokens []token, begin, end int, next, after token) int {
	before := token{}
	if k := begin - 1; k >= 0 {
		if slices.Contains([]string{"my", "the", "our", "a", "your", "his", "her"}, tokens[k].text) {
			k--
		}
		if k >= 0 {
			before = tokens[k]
		}
	}
	switch {
	case begin == 0 && next.text == "here" && after.text == "", begin == 0 && end < len(tokens) && (clause{tokens: tokens}).calls(end):
		return asOther
	case next.text == "'s" && after.has(body):
		return asSubject
	case next.text == "'s" && (after.has(thing) || after.text == "place" || after.text == "home"):
		return asOther
	case before.has(contact), before.text == "from":
		return asSource
	case before.has(with):
		return asCompanion
	case slices.Contains([]string{"to", "for", "at", "by", "about", "of"}, before.text):
		return asOther
	case next.has(hear):
		return asSource
	}
	return asSubject
}

func roleInJapanese(tokens []token, begin, end int, next, after token) int {
	before := token{}
	if begin > 0 {
		before = tokens[begin-1]
	}
	switch {
	case next.has(contact), next.text == "から" && tells(tokens[end:]):
		return asSource
	case called(tokens, end):
		return asOther
	case next.has(te|cry) && next.has(fetch|aid) || next.has(aid) && next.has(fetch):
		return asOther // calls to somebody
	case introduces(next) && !before.has(claims):
		return asOther
	case next.text == "と":
		return roleBesides(next, after)
	case next.text == "に" && after.has(harm|flaw):
		return asSubject
	case next.has(with):
		return asCompanion
	case next.has(topic | also), next.has(and), next.text == "を" && after.has(aid):
		return asSubject
	case next.has(of):
		// What happens to somebody's body or home happens to them.
		if after.has(body|harm|refuge) || slices.Contains([]string{"うち", "会社", "学校", "店"}, after.text) {
			return asSubject
		}
		return asOther
	case slices.Contains([]string{"に", "を", "へ", "から", "まで", "より", "で"}, next.text):
		return asOther
	}
	return asSubject
}

// roleBesides says what somebody does behind whom と stands.
func roleBesides(next, after token) int {
	talks := slices.Contains([]string{"電話", "でんわ", "連絡"}, after.text) || strings.HasPrefix(after.text, "話")
	switch {
	case talks:
		return asSource
	case next.has(with), after.has(with), after.known && !after.has(person|me|title|all):
		return asCompanion
	}
	return asSubject
}

// tells reports whether a word came from somebody: 妹からさっき連絡きた.
func tells(tokens []token) bool {
	for _, t := range tokens {
		for _, word := range []string{"連絡", "れんらく", "電話", "でんわ", "返事", "返信", "既読", "めーる", "らいん"} {
			if strings.HasPrefix(t.text, word) {
				return true
			}
		}
	}
	return false
}

// called reports whether who is named before token end is called for help:
// まま はやくきて.
func called(tokens []token, end int) bool {
	for k := end; k < min(len(tokens), end+3); k++ {
		if tokens[k].has(aid|cry|fetch) && (clause{tokens: tokens}).calls(k) {
			return true
		}
	}
	return false
}

// introduces reports whether a word behind a name makes it the writer's:
// 母です。
func introduces(t token) bool {
	switch t.text {
	case "です", "だけど", "ですが", "ですけど", "だよ", "だ", "や", "やで", "じゃ", "やけど", "でございます", "でーす":
		return true
	}
	return false
}

// joined reports whether what begins at token i goes on with those before it.
func joined(tokens []token, i int) bool {
	for i--; i >= 0; i-- {
		t := tokens[i]
		switch {
		case t.has(and) || t.has(also) && !t.latin:
			return true
		case t.text == "my" || t.text == "the" || t.text == "our" || t.text == "、" || t.text == "は":
			continue
		case t.has(person) && !t.latin:
			return true
		}
		return false
	}
	return false
}

// isFollowed reports whether the word behind token i has one of the senses.
func isFollowed(tokens []token, i int, s sense) bool {
	return i+1 < len(tokens) && tokens[i+1].has(s)
}

// startsSubject reports whether "all" at i stands for people: we're all, all of
// us, are all.
func startsSubject(tokens []token, i int) bool {
	return i+1 < len(tokens) && tokens[i+1].has(safe|harm|link|we|person|trap|aid|cry)
}

func isPair(word string) bool {
	return strings.HasSuffix(word, "とも") || strings.HasPrefix(word, "両方") || word == "both" || word == "どちらも" || strings.HasPrefix(word, "both")
}
