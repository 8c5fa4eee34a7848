package answer

// claims are the senses that say how somebody is.
const claims = safe | good | harm | trap | able | aid | cry | danger | damage | plight | distress | bad | middling | collapse | lack | supply | fetch | relief | strike | flaw

// level is how grave a claim is.
type level int

const (
	silent   level = iota
	well           // safe
	doubtful       // unclear, unless the writer also says to be well
	uneasy         // unclear, whatever else is said
	wounded        // injured
	calling        // asks for help, or cannot get away
)

// levels names them for Why.
var levels = [...]string{"none", "safe", "trouble", "unclear", "harm", "help"}

// claim is what one word of a clause says about its subject.
type claim struct {
	level   level
	why     string
	past    bool // it was so, and may be over
	over    bool // told in the past tense
	denied  bool // help, which is not needed
	lasting bool // it troubles even somebody who says to be well
}

// statement is a word that claims something, with all that bears on it.
type statement struct {
	clause
	k      int // where the word stands
	word   token
	sub    subject
	mood   mood
	no     bool // it is denied
	unsure bool // it is denied more than once
	asked  bool
	unreal bool // it is wished for, forbidden, or true only if
}

// judge weighs the word at k, which is said of somebody.
func (c clause) judge(k int, sub subject) claim {
	m := c.moodOf(k)
	return statement{
		clause: c, k: k, word: c.tokens[k], sub: sub, mood: m,
		no: m.denied%2 == 1, unsure: m.denied > 1,
		asked: c.asks() || m.has(ask), unreal: m.has(given | wish | ban),
	}.claim()
}

// claim weighs a statement by the gravest sense of its word.
func (s statement) claim() claim {
	switch t := s.word; {
	case t.has(cry):
		return s.cries()
	case t.has(offer) && !t.has(claims):
		return s.nothing()
	case t.has(fetch) && !t.has(aid):
		return s.fetches()
	case t.has(aid):
		return s.helps()
	case t.has(trap):
		return s.trapped()
	case t.has(able):
		return s.unable()
	case t.has(harm), t.has(strike) && (s.limb || s.near(s.k)):
		return s.hurt()
	case t.has(strike) && (s.limb || s.has(body)):
		return s.nothing()
	case t.has(collapse) && !s.sub.thing:
		return s.fell()
	case t.has(safe), t.has(good) && s.wellNear(s.k):
		return s.wellbeing()
	case t.has(flaw):
		return s.faultless()
	case t.has(arrive):
		return s.arrived()
	case t.has(relief):
		return s.say(doubtful)
	case t.has(supply) && !t.has(danger|damage|collapse):
		return s.wants()
	}
	return s.trouble()
}

// say makes a claim of the word.
func (s statement) say(l level) claim {
	why := levels[l] + ":" + s.word.text
	if s.no {
		why += ",negated"
	}
	if s.mood.has(hedge) {
		why += ",hedged"
	}
	over := s.mood.has(past)
	return claim{
		level: l, why: why,
		past:    over && s.word.has(trap|able),
		over:    over,
		denied:  s.no && s.word.has(aid|cry),
		lasting: !over && s.word.has(distress|plight|ruin|bad) && s.word.text != "shaken" && s.word.text != "shaky",
	}
}

// nothing is what a word claims that is asked, wished or denied, and that was
// understood by that.
func (s statement) nothing() claim {
	if s.no || s.asked || s.unreal {
		return s.understood()
	}
	return claim{}
}

// understood is the claim of a word that says nothing, but was understood.
func (s statement) understood() claim { return claim{why: "none:" + s.word.text} }

// trapped weighs a word for not getting away.
func (s statement) trapped() claim {
	switch {
	case s.asked, s.unreal:
		return s.nothing()
	case s.no && !s.word.latin && !s.word.has(able):
		return s.say(well)
	case s.no:
		return s.say(doubtful)
	}
	return s.say(calling)
}

// unable weighs what people need to be able to do: to move, to breathe.
func (s statement) unable() claim {
	switch {
	case s.answersCalls(s.k):
		return s.understood()
	case s.asked, s.unreal && !s.mood.has(wish):
		return s.nothing()
	case s.no && (!s.word.latin || s.cannot(s.k)):
		return s.say(calling)
	}
	return s.nothing()
}

// hurt weighs a word for an injury.
func (s statement) hurt() claim {
	onlyStrike := s.word.has(strike) && !s.word.has(harm)
	switch {
	case s.word.has(joint) && s.k > 0 && !s.tokens[s.k-1].has(tail|body|when):
		return claim{} // ぐちゃぐちゃやけど, which is no burn
	case s.asked && (s.no || !s.mood.has(past)) && !s.sub.me, s.unreal:
		return s.nothing()
	case s.no && s.word.latin && s.slightly(s.k):
		return s.say(wounded)
	case s.no && onlyStrike && s.word.latin:
		return s.say(well)
	case s.no && onlyStrike:
		return s.say(wounded) // 足が上がらない
	case s.no && s.mood.has(hedge), s.unsure:
		return s.say(uneasy)
	case s.no && s.word.text == "意識":
		return s.say(calling)
	case s.no:
		return s.say(well)
	case (s.sub.thing || s.has(thing) && s.word.text == "ひび") && !s.has(body):
		return s.say(doubtful)
	}
	return s.say(wounded)
}

// fell weighs what makes people hurt and things broken.
func (s statement) fell() claim {
	switch {
	case s.asked, s.unreal, s.no:
		return s.nothing()
	case s.sub.others() && !s.word.latin && !s.word.has(damage) && !s.has(thing|refuge):
		return s.say(wounded)
	}
	return s.say(doubtful)
}

// trouble weighs what is neither: danger, damage, plight and fear.
func (s statement) trouble() claim {
	t := s.word
	if s.asked || s.unreal && !t.has(middling|lack) || s.no {
		return s.nothing()
	}
	switch {
	case t.has(danger) && s.mood.has(past):
		return s.say(doubtful)
	case t.has(danger):
		return s.say(uneasy)
	case t.has(damage | collapse):
		switch {
		case s.mood.has(hear) && !s.sub.others():
			return s.nothing() // 電車止まってるらしい
		case t.text == "dead" && s.sub.others():
			return s.say(uneasy)
		}
		return s.say(doubtful)
	case t.has(plight|bad|distress) && s.sub.you:
		return s.nothing()
	case t.has(plight) && !s.sub.thing && !s.mood.has(past):
		return s.say(uneasy)
	case t.has(plight | bad | distress | middling | lack):
		return s.say(doubtful)
	}
	return s.nothing()
}

// answersCalls reports whether 出る at k is said of a call or a meeting:
// 電話に出られなくてごめん.
func (c clause) answersCalls(k int) bool {
	if k < 2 || c.tokens[k-1].text != "に" {
		return false
	}
	switch c.tokens[k-2].text {
	case "電話", "でんわ", "携帯", "スマホ", "会議", "仕事", "授業", "通話", "訓練":
		return true
	}
	return false
}

// cannot reports whether an English verb at k is denied with can, or able.
func (c clause) cannot(k int) bool {
	for j := max(0, k-4); j < k; j++ {
		if w := c.tokens[j].text; w == "can" || w == "could" || w == "able" || w == "unable to" || w == "hardly" || w == "barely" || w == "cannot" {
			return true
		}
	}
	return false
}

// slightly reports whether a denial before k only says how badly somebody is
// hurt: not badly hurt, no serious injuries.
func (c clause) slightly(k int) bool {
	for _, t := range c.tokens[max(0, k-4):k] {
		switch t.text {
		case "badly", "seriously", "severely", "serious", "major", "severe", "much", "too", "not too", "not very", "not so", "not that", "not all that", "not particularly", "bad", "life":
			return true
		}
	}
	return false
}

// near reports whether a part of the body stands close to the word at k.
func (c clause) near(k int) bool {
	for j := max(0, k-6); j < min(len(c.tokens), k+7); j++ {
		if c.tokens[j].has(body) && j != k {
			return true
		}
	}
	return false
}
