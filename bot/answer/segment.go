package answer

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// token is a word of a text, or a run of letters that the lexicon does not
// have.
type token struct {
	text     string // as Normalize writes it
	from, to int    // where it stands, in bytes of the normalized text
	is       sense
	known    bool
	latin    bool
	capital  bool // written with a capital first letter
}

func (t token) has(s sense) bool { return t.is&s != 0 }

// japanese reports whether a word is written in Japanese letters.
func (t token) japanese() bool { return isJapanese(first(t.text)) }

// emoji reports whether a word is written in no letters at all.
func (t token) emoji() bool { return !t.latin && !t.japanese() }

// source is a normalized text that remembers how it was written.
type source struct {
	text    string
	written string
	at      []int // for every byte of text, the byte of written
}

// newSource prepares a text for reading.
func newSource(raw string) source {
	written := strings.ToValidUTF8(raw, "")
	var wide strings.Builder
	var from []int // for every byte of wide, the byte of written
	var parts norm.Iter
	parts.InitString(norm.NFKC, written)
	for begin := 0; !parts.Done(); begin = parts.Pos() {
		part := parts.Next()
		wide.Write(part)
		for range part {
			from = append(from, begin)
		}
	}
	from = append(from, len(written))
	text, at := flatten(wide.String())
	for i := range at {
		at[i] = from[at[i]]
	}
	return source{text, written, at}
}

// as returns what was written where the normalized text has these bytes.
func (s source) as(from, to int) string {
	begin, end := s.at[from], s.at[to]
	return strings.TrimSpace(s.written[begin:max(begin, end)])
}

// tokens splits a text into words.
func (s source) tokens() []token {
	var list []token
	for i := 0; i < len(s.text); {
		r, size := utf8.DecodeRuneInString(s.text[i:])
		end := i + size
		switch {
		case isJapanese(r):
			end = s.run(i, func(r rune) bool { return isJapanese(r) })
			// A blank between Japanese letters is a weak boundary.
			list = s.japanese(list, i, end)
		case isLatin(r):
			end = s.run(i, func(r rune) bool { return isLatin(r) || r == '\'' })
			list = s.latin(list, i, end)
		case unicode.IsNumber(r):
			end = s.run(i, unicode.IsNumber)
			list = append(list, token{text: s.text[i:end], from: i, to: end, is: lexicon[s.text[i:end]], known: true})
		case r == ' ', r == '-':
			// no word
		default:
			is, known := lexicon[s.text[i:end]]
			list = append(list, token{text: s.text[i:end], from: i, to: end, is: is, known: known || !unicode.IsLetter(r)})
		}
		i = end
	}
	return phrases(list)
}

// run returns where the letters of a kind end that begin at i.
func (s source) run(i int, is func(rune) bool) int {
	for j, r := range s.text[i:] {
		if !is(r) {
			return i + j
		}
	}
	return len(s.text)
}

// The costs of a reading: a word costs less than a letter that belongs to none,
// so the best reading leaves the fewest letters unexplained and uses the
// longest words.
const (
	costWord    = 10
	costKanji   = 16
	costUnknown = 14
)

// cost returns what a word of the lexicon costs. Short words in kana that are
// no endings are the ones most often seen where they are not.
func cost(w string, is sense) int {
	c := costWord - min(3, len(w)/6)
	if first, _ := utf8.DecodeRuneInString(w); isKana(first) && len(w) <= 6 && is&tail == 0 {
		c += 3
	}
	return c
}

// japanese appends the words of a run of Japanese letters: of all ways to
// split it the one with the lowest cost.
func (s source) japanese(list []token, from, to int) []token {
	text := s.text[from:to]
	// best[i] is the lowest cost of the first i bytes, back[i] where its last
	// word begins.
	best := make([]int, len(text)+1)
	back := make([]int, len(text)+1)
	for i := range best {
		best[i] = 1 << 30
	}
	best[0] = 0
	for i, r := range text {
		reach := func(end, cost int) {
			if c := best[i] + cost; c < best[end] {
				best[end], back[end] = c, i
			}
		}
		unknown := costUnknown
		if isKanji(r) {
			unknown = costKanji
		}
		size := utf8.RuneLen(r)
		reach(i+size, unknown)
		for end := i + size; end <= len(text) && end-i <= longestJapanese; {
			if is, ok := lexicon[text[i:end]]; ok {
				reach(end, cost(text[i:end], is))
			}
			if end == len(text) {
				break
			}
			_, n := utf8.DecodeRuneInString(text[end:])
			end += n
		}
	}
	first := len(list)
	for end := len(text); end > 0; end = back[end] {
		word := text[back[end]:end]
		is, known := lexicon[word]
		list = append(list, token{text: word, from: from + back[end], to: from + end, is: is, known: known})
	}
	for i, j := first, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

// contractions are written out, so that a negation is a word of its own. The
// forms without an apostrophe are as common.
var contractions = map[string]string{
	"can't": "can not", "cant": "can not", "cannot": "can not", "won't": "will not", "wont": "will not", "ain't": "is not", "aint": "is not",
	"shan't": "shall not", "im": "i am", "i'm": "i am", "ive": "i have", "youre": "you are", "theyre": "they are", "hes": "he is", "shes": "she is",
	"dont": "do not", "doesnt": "does not", "didnt": "did not", "isnt": "is not", "arent": "are not", "wasnt": "was not", "werent": "were not",
	"havent": "have not", "hasnt": "has not", "hadnt": "had not", "couldnt": "could not", "wouldnt": "would not", "shouldnt": "should not",
	"dunno": "do not know", "nt": "not", "n't": "not", "nto": "not", "nott": "not", "dnt": "do not", "cnt": "can not", "cnat": "can not", "nee": "need", "ned": "need", "neeed": "need", "gonna": "going to", "gotta": "have to", "wanna": "want to", "whos": "who is", "wheres": "where is", "hows": "how is",
	"lets": "let us", "thats": "that is", "whats": "what is", "theres": "there is", "everyones": "everyone is", "everybodys": "everybody is",
	"sum1": "someone", "some1": "someone", "any1": "anyone", "gimme": "give me", "lemme": "let me", "couldn": "could not", "mustnt": "must not", "needn't": "need not", "y'all": "you all", "weve": "we have",
	"mums": "mum 's", "moms": "mom 's", "dads": "dad 's", "grans": "gran 's", "nans": "nan 's", "grandmas": "grandma 's", "grandpas": "grandpa 's", "alls": "all is", "powers": "power is",
}

// endingsOfWords are what a contraction ends in.
var endingsOfWords = []struct{ short, long string }{
	{"n't", "not"}, {"'re", "are"}, {"'m", "am"}, {"'ve", "have"}, {"'ll", "will"}, {"'d", "would"}, {"'s", "'s"},
}

// latin appends the words of a run of Latin letters and apostrophes.
func (s source) latin(list []token, from, to int) []token {
	raw := s.text[from:to]
	word := strings.Trim(raw, "'")
	capital := false
	if r, _ := utf8.DecodeRuneInString(s.written[s.at[from]:]); unicode.IsUpper(r) {
		capital = true
	}
	add := func(w string) {
		is, known := lexicon[w]
		if !known {
			if short := single(w); short != w {
				if is, known = lexicon[short]; known {
					w = short
				}
			}
		}
		if !known && !capital {
			if right, ok := repaired(w); ok {
				w, is, known = right, lexicon[right], true
			}
		}
		list = append(list, token{text: w, from: from, to: to, is: is, known: known, latin: true, capital: capital})
	}
	if long, ok := contractions[word]; ok {
		for w := range strings.FieldsSeq(long) {
			add(w)
		}
		return list
	}
	for _, e := range endingsOfWords {
		if root, ok := strings.CutSuffix(word, e.short); ok && root != "" {
			end := to
			to = from + strings.Index(raw, word) + len(root)
			add(root)
			from, to = to, end
			capital = false
			add(e.long)
			return list
		}
	}
	if word != "" {
		add(word)
	}
	return list
}

// single writes doubled letters once: heelpp, safee.
func single(word string) string {
	var out strings.Builder
	var last rune
	for _, r := range word {
		if r != last {
			out.WriteRune(r)
		}
		last = r
	}
	return out.String()
}

// phrases joins English words that mean something together, the longest first.
func phrases(list []token) []token {
	list = spaced(weAre(list))
	out := list[:0:0]
	for i := 0; i < len(list); i++ {
		t := list[i]
		if t.latin || !t.known || strings.HasPrefix(t.text, "1") || strings.HasPrefix(t.text, "9") {
			joined := t.text
			for j := i + 1; j < len(list) && j-i < longestPhrase && (list[j].latin || unicode.IsNumber(rune(list[j].text[0]))); j++ {
				joined += " " + list[j].text
				if is, ok := lexicon[joined]; ok {
					t = token{text: joined, from: list[i].from, to: list[j].to, is: is, known: true, latin: true, capital: list[i].capital}
				}
			}
			if n := strings.Count(t.text, " "); n > 0 {
				i += n
			}
		}
		out = append(out, t)
	}
	return out
}

// spaced joins Japanese words that mean something together, where people who
// write mostly in kana put blanks in between: ち が でた.
func spaced(list []token) []token {
	out := list[:0:0]
	for i := 0; i < len(list); i++ {
		t := list[i]
		joined, blank, begin := t.text, false, i
		for j := i + 1; t.japanese() && j < min(len(list), begin+5) && list[j].japanese() && len(joined) <= longestJapanese; j++ {
			joined += list[j].text
			blank = blank || list[j].from > list[j-1].to
			if is, known := lexicon[joined]; known && blank && is&claims != 0 {
				t = token{text: joined, from: t.from, to: list[j].to, is: is, known: true}
				i = j
			}
		}
		out = append(out, t)
	}
	return out
}

// weAre reads "were" as "we're" where a statement begins with it: were all ok.
func weAre(list []token) []token {
	for i := 0; i+1 < len(list); i++ {
		next := list[i+1]
		if list[i].text != "were" || i > 0 && !list[i-1].has(stop|comma|joint) || !next.has(safe|good|all|trap|harm) {
			continue
		}
		are := list[i]
		are.text, are.is = "are", lexicon["are"]
		list[i].text, list[i].is = "we", lexicon["we"]
		list = slices.Insert(list, i+1, are)
	}
	return list
}
