package answer

// strange reports how a clause sounds of which nothing was understood.
func (c clause) strange(held []subject) level {
	if c.asks() {
		return silent
	}
	if last := c.tokens[len(c.tokens)-1]; last.text == "not" && len(c.tokens) > 1 && !c.has(thing) {
		return uneasy
	}
	if c.onlyDenies() || c.tokens[0].latin && c.has(given) && c.has(deny) {
		return uneasy
	}
	denied, limb := false, false
	for i, t := range c.tokens {
		switch {
		case t.has(ban), t.has(soothe):
			return silent
		case t.has(deny) && t.latin:
			denied = denied || c.unknown() || i > 0 && c.tokens[i-1].text == "can"
		case t.has(deny) && !t.has(safe|plain):
			denied = denied || !c.harmless(i) && !held[i].thing
		case t.has(please):
			if t.latin && (!isFollowed(c.tokens, i, plain|deny) || c.has(fetch)) || !t.latin && c.unknown() {
				denied = true
			}
		case t.has(body):
			limb = true
		}
	}
	limb = limb && c.unknown()
	if limb || denied || c.doubts() {
		return uneasy
	}
	return silent
}

// onlyDenies reports whether the clause is a bare denial of what was said:
// "but now I'm not".
func (c clause) onlyDenies() bool {
	denied := false
	for _, t := range c.tokens {
		switch {
		case t.has(deny) && t.latin && t.text != "no":
			denied = true
		case t.has(me|link|joint|now) || t.text == "do" || t.text == "really":
		default:
			return false
		}
	}
	return denied
}

// onlyAffirms reports whether the clause is a bare yes to what was denied:
// "but I do now".
func (c clause) onlyAffirms() bool {
	does := false
	for _, t := range c.tokens {
		switch {
		case t.text == "do" || t.text == "am":
			does = true
		case t.has(me|joint|now) && !t.has(deny) || t.text == "really":
		default:
			return false
		}
	}
	return does && c.has(now)
}

// takesBack reports whether the clause begins as if it quoted the one before:
// 大丈夫、と言いたいところですが.
func (c clause) takesBack() bool {
	switch c.tokens[0].text {
	case "と", "だと", "とは", "なんて", "って", "とか", "とはいえ", "とも", "とも言え":
		return len(c.tokens) > 1 && !c.has(hear)
	}
	for _, t := range c.tokens {
		if !t.has(tail) || t.latin {
			return false
		}
	}
	return c.has(hedge | deny)
}

// cannotDo reports whether an English clause begins by saying that its writer
// cannot do something: I can't find my way.
func (c clause) cannotDo() bool {
	i := 0
	if c.tokens[0].text == "i" {
		i = 1
	}
	return i+2 < len(c.tokens) && c.tokens[i].text == "can" && c.tokens[i+1].text == "not" && !c.tokens[i+2].has(plain)
}

// harmless reports whether what is denied at i is known not to matter.
func (c clause) harmless(i int) bool {
	for i--; i >= 0; i-- {
		t := c.tokens[i]
		if t.has(plain|thing|when) && t.known {
			return true
		}
		if !t.has(tail) {
			return false
		}
	}
	return false
}

// sends reports whether the clause asks to send something.
func (c clause) sends() bool {
	for i, t := range c.tokens {
		if t.latin && t.has(fetch) && (i == 0 || c.has(please)) && !c.has(deny) {
			return true
		}
		if t.text == "送って" || t.text == "おくって" || t.text == "ください" && i > 0 && c.tokens[i-1].text == "を" {
			m := after(c.tokens, i)
			return m.has(please) || m.te && m.ends || t.has(please)
		}
	}
	return false
}

// unknown reports whether the clause has a word that the lexicon has not.
func (c clause) unknown() bool {
	for _, t := range c.tokens {
		if !t.known {
			return true
		}
	}
	return false
}

// doubts reports whether the clause says nothing but a doubt: わからない, not
// really.
func (c clause) doubts() bool {
	if c.asks() {
		return false
	}
	doubt := false
	if c.tokens[0].has(hedge) && c.tokens[0].latin && c.has(me) || c.tokens[0].latin && c.cannotDo() {
		return true
	}
	for _, t := range c.tokens {
		switch {
		case t.has(hedge) && !t.has(tail), t.has(deny) && t.latin && len(t.text) > 5:
			doubt = true
		case t.has(tail | me | when | joint | stem | deny | link | now):
		default:
			return false
		}
	}
	return doubt
}
