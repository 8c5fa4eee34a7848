package answer

import "strings"

// cries weighs a call that needs no verb, such as SOS.
func (s statement) cries() claim {
	first := s.tokens[0].text
	switch {
	case s.mood.has(given):
		return s.understood()
	case s.no && !s.word.emoji() && (s.mood.has(need) || first == "do" || s.forbidden() || strings.Contains(s.word.text, "need") || strings.HasPrefix(s.word.text, "want")):
		return s.say(well)
	case s.asked && s.word.latin && (s.offers() || strings.HasPrefix(s.word.text, "need")):
		return s.understood()
	}
	return s.say(calling)
}

// forbidden reports whether "do not" stands before the word, or "please don't".
func (s statement) forbidden() bool {
	return s.k >= 2 && s.tokens[s.k-1].text == "not" && s.tokens[s.k-2].text == "do" && !strings.HasSuffix(s.word.text, "die") && !(s.k > 2 && s.tokens[s.k-3].has(me|we|person|pronoun))
}

// fetches weighs a verb by which people ask others to come or to bring.
func (s statement) fetches() claim {
	if s.no || s.mood.has(ban) || s.sub.thing || s.carriesOn() {
		return s.nothing()
	}
	asks := s.word.has(te) && s.mood.te && s.mood.ends || s.mood.has(please) || s.asked && (s.word.has(please) || s.word.has(te) && s.favour(s.k))
	if s.word.latin {
		asks = s.has(supply) && (s.k == 0 || s.has(please) || s.begs(s.k)) || s.comes() && s.has(please) && !s.has(offer)
	}
	if asks {
		return s.say(calling)
	}
	return s.nothing()
}

// comes reports whether the English word is one for coming to the writer.
func (s statement) comes() bool {
	switch s.word.text {
	case "fetch", "fetching", "collect", "collecting", "rescuing", "picking":
		return true
	case "come", "coming":
		return !isFollowed(s.tokens, s.k, when)
	}
	return false
}

// carriesOn reports whether 来て only goes on with a harmless verb before it:
// 買ってきて.
func (s statement) carriesOn() bool {
	return (s.word.text == "きて" || s.word.text == "来て") && s.k > 0 && s.tokens[s.k-1].has(te) && s.tokens[s.k-1].has(plain)
}

// helps weighs a word for help itself.
func (s statement) helps() claim {
	for _, o := range s.tokens {
		if o.has(offer) && (!o.latin || strings.Contains(o.text, " ")) {
			return s.nothing()
		}
	}
	if s.word.latin {
		return s.helpsEnglish()
	}
	// 助け is a noun before が, and a verb before て.
	verb := s.word.has(fetch) && !isFollowed(s.tokens, s.k, topic|also|of) && !(s.k+1 < len(s.tokens) && (s.tokens[s.k+1].text == "を" || s.tokens[s.k+1].text == "に"))
	switch m := s.mood; {
	case s.has(ban), s.no && m.has(need):
		return s.say(well)
	case s.no, !verb && s.fails(s.k):
		return s.say(calling)
	case m.has(given) && !m.has(please):
		return s.nothing()
	case m.has(please), verb && m.te && m.ends, verb && s.asked && s.favour(s.k):
		return s.say(calling)
	case verb && m.ends && m.through == len(s.tokens) && m.is == 0 && len(s.tokens) <= s.k+2:
		return s.say(calling) // たすけ, and the hand slips
	case s.asked, verb && m.has(past):
		return s.nothing()
	case m.has(need), !verb && s.has(please), !verb && m.ends && m.through-s.k <= 3 && !m.has(hear):
		return s.say(calling)
	}
	return s.say(uneasy)
}

func (s statement) helpsEnglish() claim {
	if s.k > 0 && s.tokens[s.k-1].text == "to" && !s.no {
		return claim{why: "offered:" + s.word.text}
	}
	switch m := s.mood; {
	case m.has(ban), s.no && (s.has(need|please) || s.tokens[0].text == "do"):
		return s.say(well)
	case s.no:
		return s.say(calling)
	case m.has(given) && !m.has(please):
		return s.nothing()
	case m.has(please):
		return s.say(calling)
	case s.asked && s.word.text != "help":
		return s.nothing()
	case s.word.text == "help" && !m.has(offer), m.has(need), len(s.tokens) == 1, s.orders():
		return s.say(calling)
	}
	return s.say(doubtful)
}

// wants weighs what people need.
func (s statement) wants() claim {
	if s.word.latin {
		for _, t := range s.tokens[max(0, s.k-5):s.k] {
			if t.has(need) && !t.has(deny) && !s.asked && !s.no {
				return s.say(calling)
			}
		}
		return s.nothing()
	}
	switch {
	case s.mood.has(please) && !s.no:
		return s.say(calling)
	case s.asked, s.unreal:
		return s.nothing()
	case s.mood.has(need) && !s.no:
		return s.say(calling)
	case s.no, s.runsOut(s.k):
		return s.say(uneasy)
	}
	return s.nothing()
}

// favour reports whether a question asks for a favour behind a verb in て:
// 来てくれる？
func (c clause) favour(k int) bool {
	if k+1 >= len(c.tokens) {
		return false
	}
	next := c.tokens[k+1].text
	return next == "くれる" || next == "くれます" || next == "もらう" || next == "いただく" || strings.HasPrefix(next, "もらえ") || strings.HasPrefix(next, "いただけ")
}

// begs reports whether the words before an English verb at k ask others to do
// it: can someone bring.
func (c clause) begs(k int) bool {
	for _, t := range c.tokens[max(0, k-3):k] {
		if t.has(me | we) {
			return false
		}
		switch t.text {
		case "can", "could", "would", "will", "someone", "somebody", "anyone", "anybody":
			return true
		}
	}
	return false
}

// orders reports whether an English clause asks to get or send somebody.
func (c clause) orders() bool {
	switch c.tokens[0].text {
	case "get", "send", "call", "bring", "fetch", "ring", "phone", "find":
		return true
	}
	return c.has(please)
}

// fails reports whether help does not come: 助けが来ない.
func (c clause) fails(k int) bool {
	for _, t := range c.tokens[k+1:] {
		if t.has(claims) && !t.has(damage|fetch) {
			return false
		}
		if t.has(deny) && !t.has(need) || t.text == "来ない" || t.text == "来ません" {
			return true
		}
	}
	return false
}

// runsOut reports whether the thing at k is coming to its end: 薬が切れそう.
func (c clause) runsOut(k int) bool {
	for _, t := range c.tokens[k+1 : min(len(c.tokens), k+4)] {
		if t.has(lack) || strings.HasPrefix(t.text, "切れ") || strings.HasPrefix(t.text, "なくな") || t.has(damage) && strings.HasPrefix(t.text, "足り") {
			return true
		}
	}
	return false
}
