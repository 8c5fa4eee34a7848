package answer

import (
	"strings"
	"unicode/utf8"
)

// wellbeing weighs a word that says that somebody is well.
func (s statement) wellbeing() claim {
	switch {
	case s.sub.you:
		return s.nothing()
	case s.asked && (s.no || s.mood.has(hedge) && (s.sub.me || !s.word.latin && !s.question)):
		return s.say(uneasy)
	case s.asked:
		return s.nothing()
	case s.unreal && s.mood.has(given) && !s.mood.has(wish) && s.mood.has(hedge):
		return s.say(uneasy)
	case !s.word.latin && !s.unreal && s.has(deny) && s.names(s.k):
		return s.say(uneasy) // 安全なところじゃない
	case s.unreal, s.names(s.k), s.hopes(), !s.sub.others() && s.suits(s.k):
		return s.nothing()
	case s.sub.thing && !s.word.latin && s.no:
		return s.say(doubtful)
	case s.sub.thing && !s.word.latin:
		return s.nothing()
	case s.no, s.unsure, s.concedes(s.k), s.mood.has(hedge), s.k+1 < len(s.tokens) && s.tokens[s.k+1].text == "が":
		return s.say(uneasy)
	case s.mood.unsure && !s.sub.others() && !s.sub.we:
		return s.say(uneasy)
	case !s.word.latin && s.undone(s.k, s.mood.through):
		return s.say(uneasy)
	case s.word.latin && s.k > 1 && s.tokens[s.k-2].has(link) && !s.tokens[s.k-1].known && len(s.tokens[s.k-1].text) <= 4 && s.tokens[s.k-1].text[0] == 'n':
		return s.say(uneasy) // i'm nit ok
	case s.encourages(), s.word.emoji() && s.acknowledges():
		return s.nothing()
	case s.mood.has(past) && s.earlier():
		return s.say(doubtful)
	}
	return s.say(well)
}

// acknowledges reports whether the clause says that a message was read.
func (c clause) acknowledges() bool {
	for _, t := range c.tokens {
		switch t.text {
		case "了解", "りょうかい", "りょかい", "りょ", "了解です", "承知", "把握", "noted", "roger", "got it", "will do", "kk", "thanks", "わかった", "わかりました", "分かった", "分かりました", "おけまる":
			return true
		}
	}
	return false
}

// earlier reports whether the clause tells of a time that is over: who was well
// an hour ago may not be now.
func (c clause) earlier() bool {
	for i, t := range c.tokens {
		switch t.text {
		case "昨日", "きのう", "昨夜", "昨晩", "今朝", "けさ", "さっき", "先ほど", "先程", "最初", "はじめ", "ついさっき", "一時間前", "前":
			return isFollowed(c.tokens, i, topic) || isFollowed(c.tokens, i, plain) || t.text == "昨日" || t.text == "前"
		case "まで":
			return i > 0 && c.tokens[i-1].has(when)
		case "earlier", "ago", "before", "till", "until", "yesterday", "first", "last":
			return true
		}
	}
	return false
}

// hopes reports whether the Japanese clause goes on to wish or to ask for what
// the word says: 無事着きますように. It also covers what only goes well:
// 無事に終わりました.
func (s statement) hopes() bool {
	if s.word.latin {
		return false
	}
	for i := s.mood.through; i < len(s.tokens) && !s.tokens[i].has(safe|harm|joint); i++ {
		t := s.tokens[i]
		switch {
		case t.has(wish|given|please) && t.has(tail) && !s.tokens[i-1].has(soothe):
			return true
		case strings.HasPrefix(s.word.text, "無事") || s.word.text == "ぶじ":
			for _, event := range []string{"終わ", "おわ", "届", "済", "復旧", "解決", "開催", "合格", "完了", "終了", "卒業", "退院", "開始", "始ま"} {
				if strings.HasPrefix(t.text, event) {
					return true
				}
			}
		}
	}
	return false
}

// encourages reports whether the word tells others to stay alive: 生きてて！
func (s statement) encourages() bool {
	if s.word.text != "生き" && s.word.text != "いき" || !s.mood.ends {
		return false
	}
	return s.mood.te || s.k+1 < len(s.tokens) && s.tokens[s.k+1].text == "てて"
}

// faultless weighs a word for a fault, such as 異常: there is none, or there is.
func (s statement) faultless() claim {
	switch {
	case s.asked, s.unreal:
		return s.nothing()
	case s.no && s.mood.has(hedge):
		return s.say(uneasy)
	case s.no:
		return s.say(well)
	case s.k+1 < len(s.tokens) && s.tokens[s.k+1].text == "が", s.mood.has(ended) && !s.mood.has(hear):
		return s.say(uneasy)
	}
	return s.nothing()
}

// arrived weighs a word for having come somewhere: who is at home or in a
// shelter is safe.
func (s statement) arrived() claim {
	if s.asked || s.unreal || s.no || s.mood.has(hedge) || !s.has(refuge) || s.sub.thing || s.tokens[len(s.tokens)-1].text == "の" {
		return s.nothing()
	}
	return s.say(well)
}

// wellNear reports whether "good" at k is said of how somebody is.
func (c clause) wellNear(k int) bool {
	if len(c.tokens) == 1 {
		return c.tokens[0].text == "good" || c.tokens[0].text == "well"
	}
	for j := k - 1; j >= 0 && j >= k-4; j-- {
		t := c.tokens[j]
		if t.has(link|me|we|person|pronoun|all) || t.text == "doing" || t.text == "all" || t.text == "pretty" || t.text == "everything" || t.has(deny) {
			return t.text != "have" && t.text != "had" && t.text != "has" && t.text != "get"
		}
	}
	return k == 0 && c.tokens[k].text == "good" && len(c.tokens) <= 2
}

// names reports whether the word at k only names a place or a thing: a safe
// place, 無事の知らせ. Who is in a safe place is safe.
func (c clause) names(k int) bool {
	if c.tokens[k].latin {
		place := false
		for j := max(0, k-2); j < min(len(c.tokens), k+2); j++ {
			switch c.tokens[j].text {
			case "somewhere", "anywhere", "nowhere", "place", "spot", "area", "ground", "haven", "distance", "route", "zone", "room", "side":
				place = true
			case "is":
				place = place || j == k+1 && k == 0
			}
		}
		if !place {
			return false
		}
		for j := range k {
			switch c.tokens[j].text {
			case "in", "at", "am", "are", "reached", "made", "made it to", "got to", "found", "got":
				return false
			}
		}
		return true
	}
	if k+1 >= len(c.tokens) {
		return false
	}
	switch next := c.tokens[k+1]; next.text {
	case "を":
		for _, t := range c.tokens[k+2:] {
			if strings.HasPrefix(t.text, "報告") || strings.HasPrefix(t.text, "お知らせ") || strings.HasPrefix(t.text, "ご報告") {
				return false
			}
		}
		return true
	case "の":
		return k+2 < len(c.tokens) && !c.tokens[k+2].has(tail)
	case "な":
		if k+2 >= len(c.tokens) || c.tokens[k+2].has(tail|joint) && c.tokens[k+2].text != "ところ" {
			return false
		}
		for _, t := range c.tokens[k+2:] {
			switch {
			case t.has(deny | wish | given | ask | please):
				return true
			case t.has(arrive|past) || strings.HasPrefix(t.text, "い") && t.has(tail) || t.text == "おります" || t.text == "です":
				return false
			}
		}
		return true
	}
	return false
}

// suits reports whether the word at k says that something is all right with the
// writer, not that the writer is: 会議は大丈夫です, seven is fine.
func (c clause) suits(k int) bool {
	if c.tokens[k].latin {
		if k < 2 || !c.tokens[k-1].has(link) || c.tokens[k-1].text == "be" {
			return false
		}
		t := c.tokens[k-2]
		if c.tokens[k].text == "safe" && t.text == "it" || !t.known && t.latin {
			return true
		}
		return t.has(plain|thing|when) && !t.has(me|we|person|all|harm) && t.text != "everything" && t.text != "it" && t.text != "status" && t.text != "and" && t.text != "here" && t.text != "now" && t.text != "still" && t.text != "just" || isDigits(t.text)
	}
	j := k - 1
	for j > 0 && c.tokens[j].has(tail) && c.tokens[j].has(when) {
		j--
	}
	if j < 1 {
		return false
	}
	switch c.tokens[j].text {
	case "は", "が", "で", "でも":
		t := c.tokens[j-1]
		return t.has(plain) && t.known && !t.has(when|tail|me|we|person|body|arrive|ended|claims|refuge) && isKanji(first(t.text))
	}
	return false
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// concedes reports whether the word at k is granted only to be limited:
// 無事は無事, 生きてるだけ.
func (c clause) concedes(k int) bool {
	for j := k + 1; j < len(c.tokens) && j <= k+4; j++ {
		t := c.tokens[j]
		switch {
		case t.text == "だけ":
			return true
		case t.text == c.tokens[k].text && !t.latin && j > k+1:
			return true
		case !t.has(tail):
			return false
		}
	}
	return false
}

// undone reports whether what stands behind the endings of the word at k, from
// token i on, takes back what it says: 大丈夫とは申し上げられません. What comes
// last in a Japanese clause governs what comes first.
func (c clause) undone(k, i int) bool {
	quoted, manner := false, false
	for _, t := range c.tokens[k+1 : i] {
		quoted = quoted || t.text == "とは" || t.text == "と" || t.text == "って" || t.text == "だと" || t.text == "なんて"
		manner = manner || t.text == "に" || t.text == "で"
	}
	if quoted && i >= len(c.tokens) && c.tokens[len(c.tokens)-1].text == "とは" {
		return true
	}
	if i == k+1 && i < len(c.tokens) && !c.tokens[i].known && isKana(first(c.tokens[i].text)) {
		return true
	}
	for ; i < len(c.tokens) && !c.tokens[i].has(safe|harm|joint); i++ {
		t := c.tokens[i]
		switch {
		case t.has(deny) && (quoted || !manner || !c.tokens[i-1].has(plain)):
			return true
		case quoted && (!t.known || t.has(please) || t.text == "言って" || t.text == "いって"):
			return true
		case t.has(ask) && t.has(tail), manner && i == len(c.tokens)-1 && t.has(te):
			return true
		}
	}
	return false
}

func first(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}
