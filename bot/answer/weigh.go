package answer

import "strings"

// account is what a text says of one person.
type account struct {
	name    name
	well    bool
	gravest level
	was     level // what may be over by now
	unread  level // how what was not understood sounds
}

func (a *account) add(cl claim) {
	l := cl.level
	switch {
	case l == well:
		a.well = true
	case l == calling && cl.past:
		a.was, l = calling, doubtful
	case l == doubtful && cl.lasting && a.well:
		// What comes last counts for more: safe, but everything is gone.
		l = uneasy
	}
	a.gravest = max(a.gravest, l)
}

// status decides by precedence.
func (a *account) status() Status {
	a.gravest = max(a.gravest, a.was)
	if a.gravest == well {
		a.gravest = max(a.gravest, a.unread)
	}
	switch a.gravest {
	case calling:
		return Help
	case wounded:
		return Injured
	case uneasy:
		return Unclear
	case doubtful:
		if a.well && a.unread < uneasy {
			return Safe
		}
		return Unclear
	case well:
		return Safe
	}
	return ""
}

// accounts are the accounts of several people, in the order in which they are
// named first.
type accounts struct {
	list  []*account
	index map[string]*account
}

// of returns somebody's account, a new one if there is none.
func (a *accounts) of(n name) *account {
	if a.index[n.text] == nil {
		a.index[n.text] = &account{name: n}
		a.list = append(a.list, a.index[n.text])
	}
	return a.index[n.text]
}

// troubled reports whether somebody of these is known not to be well.
func (a *accounts) troubled(names []name) bool {
	for _, n := range names {
		if known := a.index[n.text]; known != nil && known.gravest > well {
			return true
		}
	}
	return false
}

// scale weighs what the clauses of a text claim, each claim for whom it is
// about.
type scale struct {
	clauses []clause
	find    finder
	before  []name // who was spoken of before this clause
	own     account
	others  accounts
	self    Self
	why     []string
	alone   bool  // a doubt stands by itself
	wanted  bool  // things that people need were named
	latest  claim // the last that was made
	// trailing says that the text ends in "but", and what would have followed
	// is not said.
	trailing bool
}

// weigh reads the clauses of a text.
func weigh(src source, list []clause) Reading {
	s := scale{trailing: trailsOff(src.text), clauses: list, find: finder{src: src}, others: accounts{index: map[string]*account{}}}
	limb := false
	for i := range list {
		c := &list[i]
		s.before = s.find.last
		c.limb = limb
		limb = c.has(body) && !c.full
		held := s.find.find(*c)
		if about := sentence(list, i); about.meta && (about.question || c.has(please|given)) {
			s.note("mentioned")
			continue
		}
		if s.echoes(*c, held) {
			continue
		}
		if !s.claims(i, held) {
			s.rest(*c, held, i > 0 && !list[i-1].full || !c.full)
		}
	}
	if s.alone && s.own.gravest == silent && len(s.others.list) == 0 {
		s.own.add(claim{level: uneasy})
		s.note("doubt")
	}
	return s.reading()
}

// trailsOff reports whether a text ends where the rest would begin: "I'm ok
// but", 無事ですけど…
func trailsOff(text string) bool {
	end := strings.TrimRight(text, " .…,、。")
	if strings.HasSuffix(end, " but") {
		return true
	}
	return strings.HasPrefix(text[len(end):], "..") && (strings.HasSuffix(end, "けど") || strings.HasSuffix(end, "が") || strings.HasSuffix(end, "けれど"))
}

// reading is what is left in the end.
func (s *scale) reading() Reading {
	r := Reading{Status: s.own.status(), Why: s.why}
	for _, a := range s.others.list {
		if status := a.status(); status != "" {
			r.Reports = append(r.Reports, Report{Who: a.name.text, Everyone: a.name.all, Status: status})
		}
	}
	switch {
	case len(r.Reports) == 0:
	case r.Status != "":
		r.Self = SelfYes
	default:
		r.Self = s.self
	}
	return r
}

// claims weighs what clause i claims, and reports whether it was understood to
// claim anything.
func (s *scale) claims(i int, held []subject) (said bool) {
	c := s.clauses[i]
	for k, t := range c.tokens {
		if !t.has(claims | arrive) {
			continue
		}
		sub := s.find.carry(held[k], s.before)
		cl := c.judge(k, sub)
		if i == 0 && k == 0 && acknowledges(s.clauses) {
			cl = claim{why: "acknowledged:" + t.text}
		}
		said = said || cl.why != ""
		if cl.level == well && (i+1 < len(s.clauses) && s.clauses[i+1].takesBack() || i+1 == len(s.clauses) && s.trailing) {
			cl.level = uneasy
		}
		if cl.level == doubtful && !t.has(relief|safe) && c.tokens[0].latin && c.has(now) && i > 0 && !s.clauses[i-1].full {
			cl.level = uneasy // ok, but now it floods
		}
		if cl.level == well && cl.over && i > 0 && s.clauses[i-1].callsSomebody() {
			cl.level = uneasy // 健太、元気だったわ
		}
		if cl.level == well && c.has(now) || t.has(relief) {
			s.recover(sub)
		}
		if cl.level > silent {
			s.latest = cl
			s.note(strings.Split(cl.why, ",")...)
			s.add(c, k, s.find.resolve(c, held[k], sub, cl, k, &s.others), cl)
		}
	}
	if s.wanted && c.sends() {
		s.own.add(claim{level: calling})
		s.note("help:send")
		said = true
	}
	s.wanted = s.wanted || c.has(supply) && !c.asks()
	return said
}

// echoes reports whether a clause only says that what was said holds, or does
// not hold, once more: "and so is Mum", "but I do now".
func (s *scale) echoes(c clause, held []subject) bool {
	if s.latest.level == silent || c.asks() || c.has(claims) {
		return false
	}
	sub := held[len(held)-1]
	first := c.tokens[0]
	so := first.text == "so" || first.text == "as" && isFollowed(c.tokens, 0, link) || len(c.tokens) > 1 && first.has(and) && c.tokens[1].text == "so"
	switch {
	case len(sub.names) > 0 && sub.given && !sub.all && first.latin && (so || c.has(also)) && !c.has(deny):
	case len(sub.names) > 0 && sub.given && !first.latin && len(c.tokens) <= 3 && c.tokens[len(c.tokens)-1].has(also):
	case s.latest.level == well && s.latest.denied && c.onlyAffirms():
		s.own.add(claim{level: calling})
		s.note("help:now")
		return true
	default:
		return false
	}
	for _, n := range sub.names {
		s.others.of(n).add(s.latest)
		s.note("about:" + n.text)
	}
	if s.self == "" {
		s.self = SelfImplied
	}
	return true
}

// recover ends what people were before.
func (s *scale) recover(sub subject) {
	if !sub.others() {
		s.own.was = silent
	}
	for _, n := range sub.names {
		s.others.of(n).was = silent
	}
}

// add puts a claim on the accounts of those whom it is about.
func (s *scale) add(c clause, k int, sub subject, cl claim) {
	if sub.we && len(sub.names) == 1 && sub.names[0].all && cl.level != well && cl.level != wounded {
		sub = subject{me: true} // "We need help" is the writer's own cry.
	}
	if !sub.others() {
		if !sub.you || cl.level == calling {
			s.own.add(cl)
		}
		return
	}
	for _, n := range sub.names {
		s.others.of(n).add(cl)
		s.note("about:" + n.text)
	}
	switch {
	case sub.we || sub.all || sub.me:
		s.self = SelfYes
		s.own.add(cl)
	case cl.level == calling && c.forMe():
		s.own.add(cl)
	case s.self == "" && sub.also:
		s.self = SelfImplied
	case s.self == "":
		s.self = SelfNo
	}
}

// rest weighs a clause of which nothing was understood, and which is linked to
// another one of its sentence or stands by itself.
func (s *scale) rest(c clause, held []subject, linked bool) {
	sounds := c.strange(held)
	if linked && c.has(hedge) && !c.asks() {
		sounds = uneasy
	}
	s.alone = s.alone || c.doubts()
	sub := s.find.carry(held[len(held)-1], s.find.last)
	if !sub.others() {
		s.own.unread = max(s.own.unread, sounds)
		return
	}
	for _, n := range sub.names {
		if a := s.others.index[n.text]; a != nil {
			a.unread = max(a.unread, sounds)
		}
	}
}

// maxWhy is how many steps are kept.
const maxWhy = 60

func (s *scale) note(steps ...string) {
	if len(s.why) < maxWhy {
		s.why = append(s.why, steps...)
	}
}

// acknowledges reports whether the text begins with an ok that answers what
// somebody said rather than how its writer is: "ok, I'll call her".
func acknowledges(list []clause) bool {
	switch list[0].tokens[0].text {
	case "ok", "okay", "okey", "okie", "oki", "alright", "all right", "おけ", "おっけ", "おっけい", "fine", "all good", "sure", "no problem", "no worries":
	default:
		return false
	}
	rest := list[0].tokens[1:]
	if len(rest) == 0 && len(list) > 1 && !list[0].question {
		rest = list[1].tokens
	}
	if len(rest) == 0 {
		return false
	}
	switch t := rest[0]; {
	case t.has(me | we):
		return len(rest) > 1 && (rest[1].text == "will" || rest[1].text == "would" || rest[1].text == "can" || !rest[1].known)
	case t.latin && list[0].tokens[0].latin && list[0].tokens[0].text != "fine" && list[0].tokens[0].text != "all good":
		return t.text == "on" || t.text == "got" || t.text == "see" || !t.has(claims|when|refuge|arrive|deny|person|joint|with|link|now|all|you|tail|ask) && !goesOn[t.text] || t.has(all)
	case t.latin:
		return false
	}
	if len(list[0].tokens) > 1 && rest[0].has(tail) {
		return false
	}
	for _, t := range rest {
		if t.has(safe|refuge|arrive) || t.has(when) && !t.has(tail) {
			return false
		}
	}
	return true
}

// goesOn are words behind an ok that do not make it an acknowledgement.
var goesOn = map[string]bool{"over": true, "and": true, "so far": true, "just": true, "but": true, "the": true, "my": true, "except": true, "apart": true, "as": true, "xx": true, "x": true, "phone": true, "very": true, "don": true, "house": true, "all": true, "one": true, "status": true, "sir": true, "from": true, "enough": true, "dear": true, "love": true, "after": true}

// scope is what holds for a whole sentence.
type scope struct{ question, meta bool }

// sentence looks at the sentence that clause i belongs to.
func sentence(list []clause, i int) scope {
	var s scope
	for n := 0; i > 0 && !list[i-1].full && n < 12; n++ {
		i--
	}
	for n := 0; i < len(list) && n < 12; i, n = i+1, n+1 {
		s.question = s.question || list[i].asks()
		s.meta = s.meta || list[i].has(meta)
		if list[i].full {
			break
		}
	}
	return s
}

// carry fills in who was spoken of last where a clause does not say.
func (f *finder) carry(sub subject, last []name) subject {
	if !sub.none() || f.mine || len(last) == 0 {
		return sub
	}
	return subject{names: last}
}

// resolve decides whose a claim is. A request that names nobody belongs to
// whom the text reports in trouble, or else to its writer.
func (f *finder) resolve(c clause, said, sub subject, cl claim, k int, others *accounts) subject {
	if c.tokens[k].has(soothe) && said.given && !said.all {
		return subject{}
	}
	if cl.level != calling || !sub.others() || said.given && !c.calls(k) {
		return sub
	}
	t := c.tokens[k]
	request := t.has(aid|cry|fetch|supply) && !t.has(trap|able)
	switch {
	case others.troubled(sub.names):
		return sub
	case request && !said.given, said.given && c.calls(k):
		return subject{}
	case len(others.list) == 0 && !said.given:
		// "Mum, I can't move" and "Mum: can't move" look the same.
		return subject{names: sub.names, me: true}
	}
	return sub
}

// calls reports whether the word at k is cried to somebody named right before
// it without a particle: おかあさん たすけて.
func (c clause) calls(k int) bool {
	t := c.tokens[k]
	if k == 0 || !t.has(aid|cry|fetch) || t.has(trap|able) {
		return false
	}
	if t.latin {
		// "Mummy come get me", not "Mum needs help".
		return k == 1 && c.tokens[0].has(person) && !strings.HasPrefix(t.text, "need") && !strings.HasPrefix(t.text, "want") && t.text != "dying" && !strings.HasPrefix(t.text, "going")
	}
	for k--; k > 0 && c.tokens[k].has(plain|please) && c.tokens[k].has(tail|please|when); k-- {
	}
	return c.tokens[k].has(person | title)
}

// callsSomebody reports whether the clause is nothing but an unknown word, which
// may be a name.
func (c clause) callsSomebody() bool {
	runes := 0
	for _, t := range c.tokens {
		if t.known && len(t.text) > 3 || t.latin {
			return false
		}
		runes += len([]rune(t.text))
	}
	return runes <= 5 && c.unknown()
}

// forMe reports whether what a clause asks is asked for its writer too.
func (c clause) forMe() bool {
	for i, t := range c.tokens {
		switch {
		case t.latin && (t.text == "us" || t.text == "me" || strings.HasSuffix(t.text, " us") || strings.HasSuffix(t.text, " me")):
			return true
		case !t.latin && t.has(me|we) && !isFollowed(c.tokens, i, of):
			return true
		}
	}
	return false
}
