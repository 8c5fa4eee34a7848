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
	var current subject
	for i := 0; i < len(c.tokens); i++ {
		t := c.tokens[i]
		begin := i
		end, found := f.person(c.tokens, i)
		if found {
			n := name{text: f.src.as(c.tokens[begin].from, c.tokens[end-1].to)}
			n.text = bare(n.text)
			held[i] = current
			i = end - 1
			next := token{}
			if end < len(c.tokens) {
				next = c.tokens[end]
			}
			after := token{}
			if end+1 < len(c.tokens) {
				after = c.tokens[end+1]
			}
			switch role(c.tokens, begin, end, next, after) {
			case asSubject:
				if current.given && len(current.names) > 0 && joined(c.tokens, begin) || current.me && joined(c.tokens, begin) {
					current.names = append(current.names, n)
				} else {
					was := current
					current = subject{names: []name{n}, given: true}
					if was.me && joined(c.tokens, begin) {
						current.me = true
					}
				}
				current.also = len(current.names) == 1 && (next.has(also) && !next.latin || next.latin && c.has(also)) && !after.has(me|person)
				f.last = current.names
				f.mine = false
			case asCompanion:
				f.companion = latest(f.companion, n)
			case asSource:
				current = subject{names: []name{n}, given: true}
				f.last = current.names
				f.mine = false
			default:
				f.weak = latest(f.weak, n)
			}
			for k := begin; k <= i; k++ {
				held[k] = current
			}
			continue
		}
		switch {
		case t.has(all) && !t.has(we):
			if isFollowed(c.tokens, i, of) && !t.latin {
				break
			}
			n := name{text: bare(f.src.as(t.from, t.to)), all: true}
			switch {
			case len(current.names) > 0 && current.given && !current.names[0].all:
				current.pair = true
			case current.me && !t.latin:
				current = subject{names: []name{n}, all: true, me: true, given: true}
			case isPair(t.text) && len(f.companion) > 0:
				current = subject{names: f.companion, me: true, given: true, pair: true}
			case isPair(t.text) && len(f.last) > 0 && !t.latin:
				current = subject{names: f.last, given: true, pair: true}
			case current.we:
				current.names = []name{n}
				current.all = true
				f.last = nil
			case t.text == "all" && !startsSubject(c.tokens, i):
				// "that's all"
			default:
				current = subject{names: []name{n}, all: true, given: true, also: false}
				f.last = nil
			}
		case t.has(we):
			if t.latin && (t.text == "us" || t.text == "our") {
				break
			}
			was := current
			current = subject{we: true, given: true}
			if was.all {
				current.names = was.names
				current.all = true
			} else {
				current.names = []name{{text: f.src.as(t.from, t.to), all: true}}
			}
			f.mine = false
		case current.we && strings.HasPrefix(t.text, "all "):
			current.names = []name{{text: f.src.as(t.from, t.from+3), all: true}}
			current.all = true
		case t.has(me) && !t.has(pronoun):
			if t.latin && t.text != "i" && t.text != "me" || isFollowed(c.tokens, i, of) && !t.latin {
				break
			}
			if t.latin && t.text == "me" && !joined(c.tokens, i) && !isFollowed(c.tokens, i, and|also|joint) {
				break
			}
			if len(current.names) > 0 && (joined(c.tokens, i) || isFollowed(c.tokens, i, also)) && c.tokens[max(i-1, 0)].text != "but" {
				current.me = true
			} else {
				current = subject{me: true, given: true}
				f.mine = true
			}
		case t.has(you) && !(t.text == "your" || t.text == "yours"):
			current = subject{you: true, given: true}
		case t.has(pronoun):
			switch {
			case (t.text == "his" || t.text == "her" || t.text == "their") && isFollowed(c.tokens, i, thing|body) && len(f.last) > 0:
				current = subject{names: f.last, given: true}
			case t.text == "them" || t.text == "him" || t.text == "his" || t.text == "their" || t.text == "her":
			default:
				names := f.last
				if len(names) == 0 {
					names = f.weak
				}
				if len(names) == 0 {
					names = f.companion
				}
				if len(names) == 0 {
					names = []name{{text: f.src.as(t.from, t.to)}}
				}
				current = subject{names: names, given: true, also: isFollowed(c.tokens, i, also) && !t.latin}
				f.mine = false
			}
		case t.has(thing) && i > 0 && len(current.names) > 0 && (c.tokens[i-1].has(of) || c.tokens[i-1].has(pronoun)):
			// What is theirs stands for them.
		case t.has(thing) && (isFollowed(c.tokens, i, topic|also|link) || bareThing(c.tokens, i)):
			if !t.latin && len(current.names) == 0 || !current.given {
				current = subject{thing: true, given: true}
			}
		}
		held[i] = current
	}
	return held
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
		before := token{}
		if begin > 0 {
			before = tokens[begin-1]
			if before.text == "my" || before.text == "the" || before.text == "our" || before.text == "a" || before.text == "your" || before.text == "his" || before.text == "her" {
				if begin > 1 {
					before = tokens[begin-2]
				} else {
					before = token{}
				}
			}
		}
		switch {
		case begin == 0 && next.text == "here" && after.text == "", begin == 0 && end < len(tokens) && (clause{tokens: tokens}).calls(end):
			return asOther
		case next.text == "'s" && (after.has(thing|body) || after.text == "place" || after.text == "home"):
			if after.has(body) {
				return asSubject
			}
			return asOther
		case before.has(contact):
			return asSource
		case before.has(with):
			return asCompanion
		case before.text == "from":
			return asSource
		case before.text == "to" || before.text == "for" || before.text == "at" || before.text == "by" || before.text == "about" || before.text == "of":
			return asOther
		case next.has(hear):
			return asSource
		}
		return asSubject
	}
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
	case next.text == "と" && (after.text == "電話" || after.text == "でんわ" || after.text == "連絡" || strings.HasPrefix(after.text, "話")):
		return asSource
	case next.text == "に" && after.has(harm|flaw):
		return asSubject
	case next.has(with), next.text == "と" && after.has(with):
		return asCompanion
	case next.text == "と" && !after.has(person|me|title|all) && after.known:
		return asCompanion
	case next.has(topic | also), next.has(and), next.text == "を" && after.has(aid):
		return asSubject
	case next.has(of):
		// What happens to somebody's body or home happens to them.
		if after.has(body|harm|refuge) || after.text == "うち" || after.text == "会社" || after.text == "学校" || after.text == "店" {
			return asSubject
		}
		return asOther
	case next.text == "のところ", next.text == "のとこ", next.text == "んち", next.text == "とこ":
		return asSubject
	case next.text == "に" || next.text == "を" || next.text == "へ" || next.text == "から" || next.text == "まで" || next.text == "より" || next.text == "で":
		return asOther
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
