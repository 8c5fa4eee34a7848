package who

import (
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// fold makes words that are the same look the same: width, case, kana, accents,
// old kanji of names, and marks of length, which become the vowel that they
// lengthen (おばーちゃん is not おばちゃん). What remains is words of letters and
// digits with one blank in between, and apostrophes inside or after them.
func fold(s string) string {
	runes := []rune(plain(s))
	var b strings.Builder
	last := ' ' // what was written last
	write := func(r rune) {
		b.WriteRune(r)
		last = r
	}
	for i, r := range runes {
		switch {
		case isLong(r) && unicode.Is(unicode.Hiragana, last):
			// A vowel that is written out already is not lengthened again.
			if v := vowelOf(last); v != 0 && v != last && !endsInN(runes[i+1:]) {
				write(v)
			}
		case r == '&':
			if last != ' ' {
				write(' ')
			}
			b.WriteString("and")
			write(' ')
		case r == '\'' && unicode.IsLetter(last), unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r) && !isSelector(r):
			write(r)
		case isSelector(r):
		case last != ' ':
			write(' ')
		}
	}
	return strings.TrimSpace(calm(b.String()))
}

// plain is the text in small Latin letters without accents, in hiragana, in full
// width and in today's kanji.
func plain(s string) string {
	s = strings.ReplaceAll(strings.ToLower(norm.NFKC.String(s)), "ß", "ss")
	var b strings.Builder
	var last rune
	for _, r := range norm.NFD.String(s) {
		switch {
		case r == '\u0304' && strings.ContainsRune("aie", last):
			// obāchan; Tarō is mostly written Taro.
			b.WriteRune(last)
		case r >= '\u0300' && r <= '\u036f':
		case r == '’' || r == '‘' || r == '`' || r == '＇':
			b.WriteByte('\'')
		default:
			b.WriteRune(r)
		}
		last = r
	}
	return strings.Map(func(r rune) rune {
		if r >= 'ァ' && r <= 'ヶ' {
			r -= 'ァ' - 'ぁ'
		}
		if full, ok := fullKana[r]; ok {
			return full
		}
		if today, ok := todaysKanji[r]; ok {
			return today
		}
		return r
	}, norm.NFC.String(b.String()))
}

// isLong reports whether a character stands for a long vowel after kana; people
// type several kinds of dash for it.
func isLong(r rune) bool { return strings.ContainsRune("ー〜~-‐―−─", r) }

// endsInN is true before the ん at the end of a word, which is called out, not
// long: はなちゃーん.
func endsInN(rest []rune) bool {
	for len(rest) > 0 && isLong(rest[0]) {
		rest = rest[1:]
	}
	return len(rest) > 0 && rest[0] == 'ん' && (len(rest) == 1 || !unicode.IsLetter(rest[1]))
}

// isSelector is true of the marks that choose among shapes of one character.
func isSelector(r rune) bool {
	return r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0100 && r <= 0xe01ef
}

// vowelOf is the vowel that makes a kana long, 0 when there is none.
func vowelOf(r rune) rune {
	for i, row := range kanaRows {
		if strings.ContainsRune(row, r) {
			return []rune(lengthenedBy)[i]
		}
	}
	return 0
}

// calm writes a letter once that was written three times or more: muuum.
func calm(s string) string {
	runes := []rune(s)
	var b strings.Builder
	for i := 0; i < len(runes); {
		n := i + 1
		for n < len(runes) && runes[n] == runes[i] {
			n++
		}
		count := n - i
		if count > 2 && unicode.IsLetter(runes[i]) {
			count = 1
		}
		for range count {
			b.WriteRune(runes[i])
		}
		i = n
	}
	return b.String()
}

// key is a folded word without blanks and apostrophes, as it is looked up.
func key(folded string) string { return joined.Replace(folded) }

var joined = strings.NewReplacer(" ", "", "'", "")

// withoutHonorific cuts さん, -kun and Mr off a folded name. polite is true of
// what nobody says of oneself.
func withoutHonorific(word string) (name string, polite bool) {
	words := strings.Fields(word)
	if len(words) > 1 {
		if _, ok := addressed[words[0]]; ok {
			return strings.Join(words[1:], " "), true
		}
		if p, ok := latinHonorifics[words[len(words)-1]]; ok {
			return strings.Join(words[:len(words)-1], " "), p
		}
	}
	for _, h := range honorifics {
		if name, ok := strings.CutSuffix(word, h.ending); ok && name != "" {
			return strings.TrimSpace(name), h.polite
		}
	}
	return word, false
}

// withoutModifiers cuts off what stands before a folded word and does not change
// whom it means.
func withoutModifiers(word string) string {
	for {
		bare := word
		for _, m := range slices.Concat(possessives, modifiers) {
			if rest, ok := strings.CutPrefix(bare, m); ok {
				bare = strings.TrimSpace(rest)
			}
		}
		if first, rest, ok := strings.Cut(bare, " "); ok && (latinModifiers[first] || latinPossessives[first]) {
			bare = rest
		}
		if bare == "" || bare == word {
			return word
		}
		word = bare
	}
}

// isPossessed reports whether a folded word says that somebody is the speaker's.
func isPossessed(word string) bool {
	return slices.ContainsFunc(possessives, func(p string) bool { return strings.HasPrefix(word, p) }) ||
		slices.ContainsFunc(strings.Fields(word), func(w string) bool { return latinPossessives[w] })
}

// ownTitle is the word for kin that a member carries in the name, as in Aunt May.
func ownTitle(name string) (title *kinship, rest string) {
	for title, rest := range titles(name) {
		// "Nana" also begins names.
		if meanings, _ := kinWord(key(title)); meanings[0].title && !alsoNames[key(title)] {
			return meanings[0], rest
		}
	}
	return nil, ""
}

// titles yields the ways to read a folded word as a word for kin and a name,
// the longest title first.
func titles(word string) iter.Seq2[string, string] {
	return func(yield func(title, name string) bool) {
		if strings.Contains(word, "'s ") || strings.Contains(word, "s' ") {
			return
		}
		words := strings.Fields(word)
		for n := len(words) - 1; n > 0; n-- {
			before, after := strings.Join(words[:n], " "), strings.Join(words[n:], " ")
			if isKin(before) && !yield(before, after) {
				return
			}
			if isKin(after) && !yield(after, before) {
				return
			}
		}
		if isLatin(key(word)) {
			return
		}
		for i := range word {
			title := word[i:]
			// 花子 ends in 子 and たまま in まま; longer words are no accident.
			if i == 0 || utf8.RuneCountInString(title) < 3 || strings.HasSuffix(word[:i], "の") {
				continue
			}
			if meanings, _ := kinWord(key(title)); len(meanings) > 0 && meanings[0].title && !yield(title, word[:i]) {
				return
			}
		}
	}
}

func isKin(word string) bool {
	meanings, _ := kinWord(key(word))
	return len(meanings) > 0
}

// indices yields where sep stands in s.
func indices(s, sep string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for from := 0; ; {
			i := strings.Index(s[from:], sep)
			if i < 0 || !yield(from+i) {
				return
			}
			from += i + len(sep)
		}
	}
}

func isKana(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.Is(unicode.Hiragana, r) })
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) || r == '々' }

func isLatin(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < 'a' || r > 'z' })
}

// romaji writes hiragana in Latin letters, long o and u short, as names are
// written: ゆうこ is yuko.
func romaji(kana string) string {
	var b []byte
	double := false
	for _, r := range kana {
		switch {
		case r == 'っ':
			double = true
			continue
		case strings.ContainsRune("ゃゅょ", r) && len(b) > 0 && b[len(b)-1] == 'i':
			b = b[:len(b)-1]
			vowel := latinOf[r]
			if !slices.Contains([]string{"sh", "ch"}, lastTwo(b)) && !strings.HasSuffix(string(b), "j") {
				vowel = "y" + vowel
			}
			b = append(b, vowel...)
		default:
			letters := latinOf[r]
			if double && letters != "" {
				b = append(b, letters[0])
			}
			b = append(b, letters...)
		}
		double = false
	}
	return shortVowels.Replace(string(b))
}

func lastTwo(b []byte) string { return string(b[max(0, len(b)-2):]) }

var shortVowels = strings.NewReplacer("ou", "o", "oo", "o", "uu", "u")
