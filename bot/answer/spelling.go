package answer

import (
	"strings"
	"unicode/utf8"
)

// vital are the English words that are repaired when they are misspelt, in the
// order in which they are tried: the gravest first.
var vital = strings.Fields(`help trapped stuck rescue hurt injured bleeding broken broke bruised bruises sprained fractured
	trouble scared flooded ambulance safe okay fine alright unharmed unhurt`)

// neighbours has, for every letter, those next to it on a keyboard.
var neighbours = map[byte]string{
	'q': "wa", 'w': "qes", 'e': "wrd", 'r': "etf", 't': "ryg", 'y': "tuh", 'u': "yij", 'i': "uok", 'o': "ipl", 'p': "ol",
	'a': "qsz", 's': "adwx", 'd': "sfec", 'f': "dgrv", 'g': "fhtb", 'h': "gjyn", 'j': "hkum", 'k': "jlim", 'l': "kop",
	'z': "xa", 'x': "zcs", 'c': "xvd", 'v': "cbf", 'b': "vng", 'n': "bmh", 'm': "njk",
}

// repaired returns the vital word that an unknown one is a slip of. Short words
// are other words too easily, so of these only swapped letters and a key next
// to the right one count.
func repaired(word string) (string, bool) {
	if len(word) < 4 || len(word) > 12 {
		return "", false
	}
	for _, right := range vital {
		if word[0] == right[0] && slips(word, right) {
			return right, true
		}
	}
	return "", false
}

// slips reports whether a word is another one with one slip of a finger.
func slips(word, right string) bool {
	i := 0
	for i < len(word) && i < len(right) && word[i] == right[i] {
		i++
	}
	switch len(word) - len(right) {
	case 0:
		switch {
		case i == len(word):
			return false
		case i+1 < len(word) && word[i] == right[i+1] && word[i+1] == right[i] && word[i+2:] == right[i+2:]:
			return true
		}
		return word[i+1:] == right[i+1:] && (len(word) >= 6 || strings.IndexByte(neighbours[right[i]], word[i]) >= 0)
	case 1:
		return len(right) >= 5 && word[i+1:] == right[i:]
	case -1:
		return len(right) >= 5 && word[i:] == right[i+1:]
	}
	return false
}

// slipped returns the kana for a consonant that a keyboard left between kana,
// as in たすkて: what makes the longest word of the lexicon together with the
// kana around it.
func slipped(before, letter, behind string) (kana string, ok bool) {
	if vowel, size := utf8.DecodeRuneInString(behind); size > 0 {
		if i := strings.IndexRune("あいうえお", vowel); i >= 0 {
			kana = syllables[letter+string("aiueo"[i/3])]
			return strings.TrimSuffix(kana, string(vowel)), kana != ""
		}
	}
	options := []string{syllables[letter+"e"], syllables[letter+"a"], syllables[letter+"u"], syllables[letter+"i"], syllables[letter+"o"]}
	if letter == "n" {
		options = append([]string{"ん"}, options...)
	}
	longest := 0
	for _, option := range options {
		if option == "" {
			continue
		}
		if n := spans(before, option, behind); n > longest {
			longest, kana = n, option
		}
	}
	if longest == 0 && letter == "n" {
		return "ん", true
	}
	return kana, longest > 0
}

// spans returns how long the longest word of the lexicon is that reaches from
// before or from the middle itself over the middle, in bytes. A word that says
// something counts for more than any other.
func spans(before, middle, behind string) int {
	longest := 0
	text := before + middle + behind
	for from := range text {
		if from > len(before) {
			break
		}
		for to := max(from+6, len(before)+len(middle)); to <= len(text); to++ {
			length := to - from
			if lexicon[text[from:to]]&(claims|deny|please) != 0 {
				length += len(text)
			}
			if length > longest && lexicon[text[from:to]] != 0 {
				longest = length
			}
		}
	}
	return longest
}
