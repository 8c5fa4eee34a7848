package answer

import "strings"

// mood is what the words around a claim do to it.
type mood struct {
	denied  int
	is      sense
	ends    bool // nothing of the clause stands behind it
	te      bool // ends in て
	unsure  bool // by hearsay that may also be a guess
	through int  // the first token that does not belong to it
}

func (m mood) has(s sense) bool { return m.is&s != 0 }

// moodOf reads what the words around the one at k do to it: Japanese says it
// behind, English mostly before.
func (c clause) moodOf(k int) mood {
	t := c.tokens[k]
	japanese := func(i int) bool { return i < len(c.tokens) && !c.tokens[i].latin }
	var m mood
	switch {
	case t.latin:
		m = before(c.tokens, k)
		if japanese(k + 1) { // OKじゃない
			behind := after(c.tokens, k)
			m.denied += behind.denied
			m.is |= behind.is
			m.ends = behind.ends
		}
		if c.forbids() {
			m.is |= ban
		}
	case t.emoji():
		m = after(c.tokens, k)
		m.denied = 0
		m.is |= before(c.tokens, k).is
	default:
		m = after(c.tokens, k)
	}
	m.is |= t.is & past
	m.is |= c.overall()
	return m
}

// forbids reports whether an English clause begins with "don't get" or "don't
// be".
func (c clause) forbids() bool {
	return len(c.tokens) > 2 && c.tokens[0].text == "do" && c.tokens[1].text == "not" && (c.tokens[2].text == "get" || c.tokens[2].text == "be")
}

// after reads the endings behind a Japanese word.
func after(tokens []token, k int) mood {
	m := mood{ends: true}
	m.te = tokens[k].has(te)
	j := k + 1
	for ; j < len(tokens); j++ {
		t := tokens[j]
		if t.latin && t.has(claims) {
			m.ends = false
			break
		}
		if (t.text == "ん" || t.text == "ね") && j == k+1 && tokens[k].has(stem) {
			m.denied++
			continue
		}
		if !t.has(tail) && !t.has(given) && !t.has(joint) {
			if (tokens[j-1].has(also|and) || tokens[j-1].text == "、") && (t.has(harm|flaw|damage|danger|thing|plight) || !t.known) && tokens[k].has(harm|flaw|damage|danger) {
				continue // 怪我も病気もない
			}
			if t.has(hedge|please|contact) && t.known {
				m.is |= t.is & (hedge | please)
				continue
			}
			m.ends = !t.known && len(t.text) <= 3 || !t.known && !t.japanese()
			break
		}
		if t.has(deny) {
			m.denied++
		}
		if t.has(hear) && t.has(hedge) {
			m.unsure = true
			m.is |= hear
		} else {
			m.is |= t.is & (hedge | hear)
		}
		m.is |= t.is & (ask | wish | given | please | need | ban | past)
		switch {
		case t.has(te):
			m.te = true
		case t.text == "よ" || t.text == "ね" || t.text == "や" || t.text == "な" || t.text == "え" || t.text == "か" || t.text == "さ":
			// 来てよ still asks.
		default:
			m.te = false
		}
	}
	m.through = j
	return m
}

// before reads the words before an English one.
func before(tokens []token, k int) mood {
	m := mood{ends: k == len(tokens)-1, through: k + 1}
	for j := k - 1; j >= 0 && j >= k-6; j-- {
		t := tokens[j]
		if t.has(joint) && !t.has(and) {
			break
		}
		answers := t.text == "no" && j == 0 && tokens[1].has(deny|me|we) // "no, I'm not"
		if t.has(deny) && !answers {
			m.denied++
		}
		m.is |= t.is & (hedge | wish | given | please | need | hear | offer | past)
		if t.has(safe|harm|trap|aid|cry) && !t.has(tail) {
			break
		}
	}
	for j := k + 1; j < len(tokens) && j <= k+4; j++ {
		t := tokens[j]
		if t.has(deny) && (t.has(tail) || strings.HasPrefix(t.text, "nowhere") || strings.HasPrefix(t.text, "miles")) {
			m.denied++
		}
		if j <= k+2 {
			m.is |= t.is & need
		}
		if t.text == "until" {
			m.is |= hedge
		}
		if t.text == "yet" || t.text == "not" {
			m.is |= hedge
		}
		m.is |= t.is & please
	}
	return m
}

func (c clause) has(s sense) bool {
	for _, t := range c.tokens {
		if t.has(s) {
			return true
		}
	}
	return false
}

// overall is what holds for the whole clause, wherever it is said.
func (c clause) overall() sense {
	var s sense
	for _, t := range c.tokens {
		if t.has(tail) && !t.latin {
			continue
		}
		s |= t.is & (hedge | wish | given)
	}
	return s
}

// asks reports whether the clause is a question.
func (c clause) asks() bool {
	if c.question {
		return true
	}
	if len(c.tokens) == 0 {
		return false
	}
	first := c.tokens[0]
	if first.latin && first.has(query) && len(c.tokens) > 1 {
		next := c.tokens[1]
		return first.has(ask) || first.text == "anyone" || first.text == "anybody" || next.has(me|we|you|person|pronoun|all|query|thing) || next.text == "there" || next.text == "the" || next.text == "this" || next.text == "it" || !next.known && next.latin
	}
	for _, t := range c.tokens {
		if t.has(ask) && !t.has(tail) && !t.latin {
			return true
		}
	}
	for i := len(c.tokens) - 1; i >= 0; i-- {
		t := c.tokens[i]
		if t.latin {
			return false
		}
		if t.has(ask) && t.has(tail) {
			return true
		}
		if t.text == "ね" || t.text == "な" || t.text == "よ" {
			continue
		}
		return false
	}
	return false
}

// offers reports whether a question asks whether others need something.
func (c clause) offers() bool {
	if c.has(please) {
		return false
	}
	switch c.tokens[0].text {
	case "do", "does", "did", "who", "anyone", "anybody", "is", "are", "any", "where", "has", "have", "if":
		return true
	}
	return false
}
