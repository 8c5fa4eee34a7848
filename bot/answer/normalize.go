package answer

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Normalize makes texts that mean the same look the same: width, case, kana,
// skin tones, stretched vowels and runs of blanks aside. Marks that end a
// sentence stay, as does one line break between lines. Normalizing twice
// changes nothing.
func Normalize(text string) string {
	// What is dropped may have kept two runes apart that now compose.
	for range 8 {
		next, _ := flatten(norm.NFKC.String(text))
		if next == text {
			break
		}
		text = next
	}
	return text
}

// flatten does the work of Normalize on a text in NFKC. For every byte of the
// result, and for its end, at says which byte of the text it comes from.
func flatten(text string) (result string, at []int) {
	var out strings.Builder
	var last, run rune // the last rune written, and how often it came
	write := func(r rune, from int) {
		before := out.Len()
		out.WriteRune(r)
		for range out.Len() - before {
			at = append(at, from)
		}
		if r != last {
			run = 0
		}
		last, run = r, run+1
	}
	blank := -1 // where the blanks before the next rune begin
	for i, r := range text {
		r = unicode.ToLower(r)
		switch {
		case r == '\n', r == '\r', r == '\u2028', r == '\u2029':
			r = '\n'
		case unicode.IsSpace(r):
			r = ' '
		case r >= 'ァ' && r <= 'ヶ':
			r -= 'ァ' - 'ぁ'
		case r == 'ヽ', r == 'ヾ':
			r -= 'ヽ' - 'ゝ'
		case strings.ContainsRune("’‘`´′", r):
			r = '\''
		}
		if r == 'ぇ' && last == 'ね' {
			r = 'え' // ねぇ often is ない
		}
		switch {
		case !shows(r):
			continue
		case r == ' ', r == '\n':
			if blank < 0 || r == '\n' && text[blank] != '\n' {
				blank = i
			}
			continue
		case lengthens(r, last):
			continue
		case r == last && run >= 2 && unicode.IsLetter(r):
			continue
		}
		if blank >= 0 && out.Len() > 0 {
			if c := text[blank]; c == '\n' || c == '\r' {
				write('\n', blank)
			} else {
				write(' ', blank)
			}
		}
		blank = -1
		write(r, i)
	}
	return out.String(), append(at, len(text))
}

// shows reports whether a rune is more than a mark on another one: variation
// selectors, joiners, skin tones, genders and loose accents are not.
func shows(r rune) bool {
	switch {
	case r == '\n':
		return true
	case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Me, r), unicode.Is(unicode.Cf, r), unicode.IsControl(r), r == unicode.ReplacementChar:
		return false
	case r >= 0x1f3fb && r <= 0x1f3ff, r == '♀', r == '♂':
		return false
	}
	return true
}

// lengthens reports whether a rune only stretches the sound before it, as in
// だよ〜, だよぉ and ヘルプー.
func lengthens(r, before rune) bool {
	if strings.ContainsRune("ー〜~～ｰ", r) {
		return true
	}
	return before != 0 && strings.ContainsRune(stretched[r], before)
}

// stretched has, for every small kana, those whose sound it can stretch.
var stretched = map[rune]string{
	'ぁ': "あかがさざただなはばぱまやゃらわ",
	'ぃ': "いきぎしじちぢにひびぴみり",
	'ぅ': "うくぐすずつづぬふぶぷむゆゅる",
	'ぇ': "えけげせぜてでねへべぺめれ",
	'ぉ': "おこごそぞとどのほぼぽもよょろを",
	'っ': "っ",
}

func isKanji(r rune) bool    { return unicode.Is(unicode.Han, r) || r == '々' }
func isKana(r rune) bool     { return unicode.Is(unicode.Hiragana, r) || unicode.Is(unicode.Katakana, r) }
func isJapanese(r rune) bool { return isKana(r) || isKanji(r) }
func isLatin(r rune) bool    { return unicode.Is(unicode.Latin, r) }
