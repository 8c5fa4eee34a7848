package answer

// clause is a part of a text that says one thing, or little more.
type clause struct {
	tokens   []token
	question bool // ends in a question mark
	full     bool // a sentence ends behind it
	limb     bool // a part of the body was named just before it
}

// longestClause is after how many words a clause ends in any case, so that it
// can be looked through again and again.
const longestClause = 80

// clauses splits a text where one statement ends and the next begins.
func clauses(tokens []token) []clause {
	var list []clause
	begin := 0
	end := func(i int, question, full bool) {
		if i > begin {
			list = append(list, clause{tokens: tokens[begin:i:i], question: question, full: full})
		} else if len(list) > 0 {
			last := &list[len(list)-1]
			last.question = last.question || question
			last.full = last.full || full
		}
		begin = i + 1
	}
	said := false // an English predicate stands in this clause already
	for i, t := range tokens {
		if i-begin >= longestClause {
			end(i, false, false)
			begin = i
		}
		switch {
		case t.has(mark):
			end(i, true, true)
			said = false
		case t.has(stop):
			end(i, false, true)
			said = false
		case t.text == ":" && i > 0 && !tokens[i-1].latin:
			// 負傷：なし is one statement.
		case t.has(comma):
			end(i, false, false)
			said = false
		case t.latin && t.has(joint) && said && !(t.has(and) && !begins(tokens[i+1:])):
			end(i, false, false)
			said = false
		case t.latin && said && t.has(me|we|pronoun|person) && i+1 < len(tokens) && tokens[i+1].has(link) && !tokens[i-1].has(hedge|hear|of|also|wish):
			end(i, false, false)
			begin = i
			said = false
		case !t.latin && i > begin && t.has(you) && isFollowed(tokens, i, topic|also) && tokens[i-1].has(tail):
			end(i, false, true) // ぶじだよ そっちは？
			begin = i
			said = false
		case !t.latin && i > begin && parts(tokens, i):
			end(i+1, false, false)
			begin = i + 1
			said = false
		}
		if t.latin && t.has(claims|deny) && i >= begin {
			said = true
		}
	}
	end(len(tokens), false, true)
	return list
}

// begins reports whether English words begin a statement of their own.
func begins(tokens []token) bool {
	if len(tokens) > 2 && tokens[0].text == "so" && tokens[1].has(link) {
		return true
	}
	for _, t := range tokens[:min(len(tokens), 3)] {
		switch {
		case t.has(me|we|pronoun|person|trap|cry|aid|thing|harm|please) && t.text != "mine":
			return true
		case t.text == "my" || t.text == "the" || t.text == "our":
			continue
		}
		return false
	}
	return false
}

// parts reports whether a Japanese clause ends behind token i: at けど and at
// が, から, し and と behind a verb.
func parts(tokens []token, i int) bool {
	t := tokens[i]
	if t.has(joint) {
		return true
	}
	switch t.text {
	case "が", "から", "し":
		return tokens[i-1].has(ended)
	case "て", "で":
		// "He fell and" goes on with what that led to.
		return false
	}
	return false
}
