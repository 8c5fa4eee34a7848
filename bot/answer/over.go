package answer

import (
	"strings"
	"unicode/utf8"
)

// over are words that say that a danger is past, or that there was none, as they
// stand in a text that was made comparable.
var over = []string{
	"もう大丈夫",
	"もうだいじょうぶ",
	"もう無事",
	"もう平気",
	"もう安全",
	"助かった",
	"助かりました",
	"助け出され",
	"助けてもらいました",
	"救助され",
	"救出され",
	"脱出した",
	"脱出しました",
	"脱出でき",
	"出られた",
	"出られました",
	"外に出た",
	"外に出ました",
	"間違えて押",
	"間違って押",
	"まちがえて押",
	"まちがって押",
	"押し間違",
	"誤って押",
	"間違いでした",
	"まちがいでした",
	"誤報",
	"i'm out",
	"i am out",
	"im out",
	"we're out",
	"we are out",
	"got out",
	"got me out",
	"got us out",
	"rescued",
	"freed",
	"by mistake",
	"by accident",
	"accidentally",
	"wrong button",
	"false alarm",
	"safe now",
	"fine now",
	"ok now",
	"okay now",
	"all right now",
	"alright now",
}

// notOver are words beside which nothing is past for certain: a contrast, a
// negation, a condition, a question.
var notOver = []string{
	"けど",
	"けれど",
	"でも",
	"ただ",
	"しかし",
	"のに",
	"ない",
	"まだ",
	"ません",
	"たら",
	"れば",
	"たい",
	"以外",
	"か?",
	" not ",
	"n't",
	"nobody",
	"but",
	"except",
	"still",
	"until",
	"unless",
	"if ",
	"when ",
	"hope",
	"though",
	"almost",
	"?",
}

// longestOver is how many characters are read for such words: whoever writes more
// is asked.
const longestOver = 120

// Over reports whether a text says that the danger is over, as in "I'm out now" or
// 「もう大丈夫」. A mere "I am safe" does not: people say that of themselves in any
// state. What else the text says is for [Read].
func Over(text string) bool {
	if utf8.RuneCountInString(text) > longestOver {
		return false
	}
	text = " " + strings.ReplaceAll(Normalize(text), "’", "'") + " "
	return containsAny(text, over) && !containsAny(text, notOver)
}

func containsAny(text string, words []string) bool {
	for _, word := range words {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}
