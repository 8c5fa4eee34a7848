package answer

import "strings"

// person returns where somebody's name ends that begins at token i.
func (f *finder) person(tokens []token, i int) (end int, found bool) {
	t := tokens[i]
	if t.latin {
		return f.english(tokens, i)
	}
	if t.text == "まま" && i > 0 && tokens[i-1].to == t.from && !tokens[i-1].has(comma|stop|mark) {
		return i, false // 座ったまま
	}
	if t.has(person) && !t.has(me) {
		end = i + 1
		for end < len(tokens) && (tokens[end].has(title) && tokens[end].text != "先生" || tokens[end].text == "たち" || tokens[end].text == "達" || tokens[end].text == "ら") {
			end++
		}
		return end, true
	}
	return f.named(tokens, i)
}

// named finds a Japanese name: what stands before さん, or a word that the
// lexicon does not have, before は, が, も and って. Names in kana look like
// small words put together, so at the beginning of a clause these count too.
func (f *finder) named(tokens []token, i int) (end int, found bool) {
	begins := i == 0 || tokens[i-1].has(and|joint|comma|of|also) || tokens[i-1].to < tokens[i].from
	if t := tokens[i]; t.has(claims|joint|deny|title|me|all|you|stop|comma|mark|of|topic|also|given) || t.has(tail) && !begins || demonstrative[t.text] {
		return i, false
	}
	unknown := false
	for end = i; end < len(tokens) && tokens[end].to-tokens[i].from <= 24; end++ {
		w := tokens[end]
		run := f.src.text[tokens[i].from:w.from]
		_, known := lexicon[run]
		switch {
		case w.latin || w.has(stop|comma|mark|joint|of) && end > i, end > i && (w.text == "を" || w.text == "から" || w.text == "まで" || w.text == "より" || w.text == "で" && isKanji(first(tokens[end-1].text))),
			end > i && known && w.has(topic|also):
			return i, false
		case w.has(title) && end > i && !(known && len(run) > 6 && lexicon[run]&(tail|claims) != 0):
			for end < len(tokens) && (tokens[end].has(title) || tokens[end].text == "たち" || tokens[end].text == "ら") {
				end++
			}
			return end, true
		case end > i && !known && (w.has(topic|also) && len(w.text) == 3 || w.text == "って" || w.has(contact)):
			return end, (unknown || begins && !w.has(contact)) && speaksOfPeople(tokens[end:], w.text == "が")
		}
		// 花 is unknown, and 子 a word; 子 in 花子 is none.
		part := end > i && len(w.text) == 3
		if w.has(body) {
			return i, false
		}
		if w.known && !part && (w.has(claims&^strike|me|person|all|you|deny|pronoun|with) || len(w.text) > 6) {
			return i, false
		}
		unknown = unknown || !w.known
	}
	return i, false
}

// demonstrative are the words that point at what is spoken of.
var demonstrative = map[string]bool{"この": true, "その": true, "あの": true, "どの": true, "ここ": true, "そこ": true, "あそこ": true, "これ": true, "それ": true, "あれ": true, "こちら": true, "今": true}

// speaksOfPeople reports whether what is said behind a particle is said of
// people. Behind が it is more often a thing.
func speaksOfPeople(tokens []token, particular bool) bool {
	limb := false
	for _, t := range tokens {
		switch {
		case t.has(safe|harm|trap|aid|contact|cry) && !particular, t.has(harm|able|plight|distress) && !t.has(damage|strike):
			return true
		case t.has(collapse|trap) && !t.has(damage|strike|danger) && !particular:
			return true
		case t.has(strike) && limb, t.has(bad) && !particular:
			return true
		case particular && t.has(safe|aid):
			return true
		}
		limb = limb || t.has(body)
	}
	return false
}

// english finds a kin word or a name with a verb behind it.
func (f *finder) english(tokens []token, i int) (end int, found bool) {
	t := tokens[i]
	if t.has(person) {
		end = i + 1
		for end < len(tokens) && (tokens[end].has(person) && tokens[end].from >= tokens[end-1].to || !tokens[end].known && tokens[end].capital) {
			end++
		}
		return end, true
	}
	if t.known || len(t.text) < 2 || strings.ContainsAny(t.text, "'") {
		return i, false
	}
	next := token{}
	if i+1 < len(tokens) {
		next = tokens[i+1]
	}
	before := token{}
	if i > 0 {
		before = tokens[i-1]
	}
	if before.text == "the" || before.text == "a" || before.text == "an" || before.text == "at" || before.text == "in" && !t.capital || before.has(link) && !next.has(hear|safe) {
		return i, false
	}
	if strings.HasSuffix(t.text, "ing") && !t.capital {
		return i, false
	}
	if next.has(link|hear) && (t.capital || (i == 0 || before.has(joint|contact|plain)) && saidOfPeople(tokens[i+1:])) && !before.has(link) && before.text != "my" || t.capital && (before.text == "from" || before.has(contact) || next.has(and|also|safe|trap|cry) || next.has(harm|strike|collapse) && (happens[next.text] || has(tokens[i:], pronoun)) || before.has(and) || before.text == "from" || before.has(with)) {
		return i + 1, true
	}
	return i, false
}

// saidOfPeople reports whether the next words are said of people rather than
// of things.
func saidOfPeople(tokens []token) bool {
	for _, t := range tokens[:min(len(tokens), 6)] {
		if t.has(safe | harm | trap | cry | hear) {
			return true
		}
	}
	return false
}

// happens are verbs for what happens to somebody, which are no nouns.
var happens = map[string]bool{"fell": true, "broke": true, "hurt": true, "tripped": true, "collapsed": true, "slipped": true, "fainted": true, "crashed": true}

func has(tokens []token, s sense) bool { return clause{tokens: tokens}.has(s) }

// bare cuts what does not belong to a name.
func bare(name string) string {
	name = strings.TrimSpace(name)
	for _, article := range []string{"my ", "our ", "the ", "My ", "Our ", "The "} {
		name = strings.TrimPrefix(name, article)
	}
	for _, t := range []string{"さん", "ちゃん", "くん", "クン", "君", "さま", "様", "ﾁｬﾝ", "チャン", "サン", "先輩", "氏"} {
		if root, ok := strings.CutSuffix(name, t); ok && root != "" {
			if kin := lexicon[Normalize(name)]; kin&person != 0 {
				return name
			}
			if lexicon[Normalize(root)]&person != 0 && !kinRoot[Normalize(root)] {
				return name
			}
			return root
		}
	}
	return name
}

// kinRoot are kin words that stand without さん.
var kinRoot = map[string]bool{"弟": true, "妹": true, "旦那": true, "嫁": true, "息子": true, "娘": true, "叔父": true, "叔母": true, "伯父": true, "伯母": true}
