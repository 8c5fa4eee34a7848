package answer

import (
	"strings"
	"unicode/utf8"
)

// syllables has the kana for every syllable in Latin letters, in Hepburn and
// in the spellings of keyboards.
var syllables = syllabary()

func syllabary() map[string]string {
	table := map[string]string{"n": "ん", "n'": "ん", "m": "ん", "shi": "し", "chi": "ち", "tsu": "つ", "fu": "ふ", "ji": "じ", "wo": "を", "wa": "わ",
		"sha": "しゃ", "shu": "しゅ", "sho": "しょ", "she": "しぇ", "cha": "ちゃ", "chu": "ちゅ", "cho": "ちょ", "che": "ちぇ",
		"ja": "じゃ", "ju": "じゅ", "jo": "じょ", "je": "じぇ", "jya": "じゃ", "jyu": "じゅ", "jyo": "じょ", "fa": "ふぁ", "fi": "ふぃ", "fe": "ふぇ", "fo": "ふぉ"}
	rows := map[string]string{"": "あいうえお", "k": "かきくけこ", "s": "さしすせそ", "t": "たちつてと", "n": "なにぬねの", "h": "はひふへほ", "m": "まみむめも", "r": "らりるれろ",
		"g": "がぎぐげご", "z": "ざじずぜぞ", "d": "だぢづでど", "b": "ばびぶべぼ", "p": "ぱぴぷぺぽ"}
	for consonant, row := range rows {
		kana := []rune(row)
		for i, vowel := range []string{"a", "i", "u", "e", "o"} {
			table[consonant+vowel] = string(kana[i])
		}
		if consonant != "" {
			for vowel, small := range map[string]string{"a": "ゃ", "u": "ゅ", "o": "ょ"} {
				table[consonant+"y"+vowel] = string(kana[1]) + small
			}
		}
	}
	for vowel, kana := range map[string]string{"a": "や", "u": "ゆ", "o": "よ"} {
		table["y"+vowel] = kana
	}
	return table
}

// kana writes a word of Latin letters in kana. It is not ok when the word is
// none of Japanese.
func kana(word string) (text string, ok bool) {
	switch word {
	case "wa":
		return "は", true
	case "o":
		return "を", true
	case "e":
		return "へ", true
	}
	var out strings.Builder
	for i := 0; i < len(word); {
		if i+1 < len(word) && word[i] == word[i+1] && !strings.ContainsRune("aiueon", rune(word[i])) || strings.HasPrefix(word[i:], "tch") {
			out.WriteString("っ")
			i++
			continue
		}
		n := 3
		for ; n > 0; n-- {
			if i+n > len(word) {
				continue
			}
			part := word[i : i+n]
			if part == "m" && (i+1 == len(word) || !strings.ContainsRune("bpm", rune(word[i+1]))) {
				continue
			}
			if k, known := syllables[part]; known {
				out.WriteString(k)
				break
			}
		}
		if n == 0 {
			return "", false
		}
		i += n
	}
	return out.String(), out.Len() > 0
}

// telling reports whether kana begins with a word that only Japanese has, so
// that what stands around it is Japanese too.
func telling(latin, text string) bool {
	if len(latin) < 4 {
		return false
	}
	for _, english := range []string{latin, single(latin)} {
		if _, known := lexicon[english]; known {
			return false
		}
	}
	for end := len(text); end >= 6; end -= 3 {
		if is := lexicon[text[:end]]; is&(claims|refuge|person|all|please|wish|aid|hedge|deny) != 0 && (is&tail == 0 || is&please != 0) {
			return end == len(text) || sayable(text[end:])
		}
	}
	return false
}

// sayable reports whether kana are endings.
func sayable(text string) bool {
	for text != "" {
		end := min(len(text), longestJapanese)
		for ; end > 0 && lexicon[text[:end]]&tail == 0; end-- {
		}
		if end <= 0 {
			return false
		}
		text = text[end:]
	}
	return true
}

// around returns the kana and kanji, a few of them, before from and behind to.
func (s source) around(from, to int) (before, behind string) {
	begin, end := from, to
	for range 6 {
		if r, size := utf8.DecodeLastRuneInString(s.text[:begin]); isJapanese(r) {
			begin -= size
		}
		if r, size := utf8.DecodeRuneInString(s.text[end:]); isJapanese(r) {
			end += size
		}
	}
	return s.text[begin:from], s.text[to:end]
}

// inKana returns the text with Japanese in Latin letters written in kana. What
// is English stays.
func (s source) inKana() source {
	type piece struct {
		from, to int
		kana     string
		telling  bool
	}
	var pieces []piece
	told, foreign := 0, 0
	for i := 0; i < len(s.text); {
		c := s.text[i]
		if c < 'a' || c > 'z' {
			i++
			continue
		}
		end := s.run(i, func(r rune) bool { return isLatin(r) || r == '\'' })
		word := s.text[i:end]
		p := piece{from: i, to: end}
		k, ok := "", false
		if len(word) <= 40 {
			k, ok = kana(word)
		}
		switch {
		case !ok && lexicon[word]&tail == 0:
			foreign++
		case !ok:
		case telling(word, Normalize(k)):
			p.kana, p.telling = Normalize(k), true
			told++
		default:
			p.kana = Normalize(k)
		}
		if end == i+1 && i > 0 && !strings.ContainsAny(word, "aiueoxw") {
			before, behind := s.around(i, end)
			if k, ok := slipped(before, word, behind); before != "" && (behind != "" || word == "n") && ok {
				p.kana, p.telling = k, true
				told++
			}
		}
		pieces = append(pieces, p)
		i = end
	}
	if told == 0 {
		return s
	}
	var out strings.Builder
	var at []int
	copied := 0
	keep := func(to int) {
		out.WriteString(s.text[copied:to])
		at = append(at, s.at[copied:to]...)
		copied = to
	}
	for _, p := range pieces {
		if p.kana == "" || !p.telling && foreign > 0 {
			continue
		}
		keep(p.from)
		out.WriteString(p.kana)
		for range len(p.kana) {
			at = append(at, s.at[p.from])
		}
		copied = p.to
	}
	keep(len(s.text))
	return source{out.String(), s.written, append(at, s.at[len(s.text)])}
}
