package answer

import (
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// Choice reads an answer to a question whose options were numbered, such as
// "2", "②", "2番です" and "#2". It is not ok when the text says anything else.
// に is no number: it is far more often something else.
func Choice(text string) (n int, ok bool) {
	s := strings.NewReplacer("one", "1", "two", "2", "three", "3", "four", "4").Replace(Normalize(text))
	s = strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) || unicode.IsSymbol(r) })
	for _, lead := range []string{"number ", "no. ", "no.", "option ", "answer "} {
		s = strings.TrimPrefix(s, lead)
	}
	for _, end := range []string{"お願いします", "おねがいします", "ですよ", "です", "だよ", "だ", "やで", "かな", "を選びます", "でお願いします", "で", "番目", "番", "ばん", "つ目", "please", "pls"} {
		s = strings.TrimSpace(strings.TrimSuffix(s, end))
	}
	s = strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsPunct(r) || unicode.IsSymbol(r) })
	if kanji := strings.Index("一二三四五六七八九", s); s != "" && kanji >= 0 && len(s) == 3 {
		return kanji/3 + 1, true
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && n >= 1 && n <= 9 && len(s) == 1
}

// yes and no are the answers to a question that asks for confirmation, as
// Normalize writes them and without marks.
var (
	yes = agreement(`はい うん ええ おお ああ そう そうです そうだ そうして そうしてください そうだね せや せやで ほい へい お願い お願いします お願いいたします おねがい おねがいします 頼む 頼みます たのむ 頼んます よろしく よろしくお願いします 送って 送ってください 送信 送信して おくって 送る 実行 開始 始めて ok オーケー おっけー おけ オッケー もちろん いいよ いいです いいですよ ええよ ええで 了解 それで それでいい それでお願いします 合ってる 合ってます 合っています あってる あってます 正しい その通り その通りです イエス どうぞ ぜひ 大丈夫 大丈夫です 間違いない 間違いありません 間違いないです hai un
		y yes yep yeah yup ya yea aye sure ok okay k go do confirm confirmed correct right absolutely definitely proceed please affirmative send true 👍 ✅ 🙆 👌 🆗 ⭕ ☑ ✔ 💯 🟢 ○ 〇 ◯ まる マル`,
		`go ahead, go on, do it, send it, yes please, of course, thats right, that's right, sure thing, ok go, please do, sounds good, start it, why not, all right, alright, go for it`)
	no = agreement(`いいえ いえ いや いやだ いやです ううん うーうん ちがう 違う 違います ちがいます ちゃう ちゃうで やめて やめてください やめる やめます やめとく やめとこう やめとき やめろ だめ ダメ 駄目 だめです あかん キャンセル 取り消し 取消 取り消して 取りやめ 中止 中止して 中断 送らない 送らないで 送らないでください 送信しない しない しないで しないでください 待って まって ストップ とめて 止めて 不要 いらない いりません 必要ない まだ まだです 間違い 間違えた 間違いです ノー 結構です 無し なし iie
		n no nope nah nay never cancel stop abort dont don't negative wrong false wait ❌ 🙅 👎 ✖ ✗ 🚫 ⛔ × ✕ ばつ バツ`,
		`no thanks, no thank you, do not, don't send, dont send, not now, not yet, no way, cancel it, stop it, never mind, nevermind, hold on, no cancel, please don't, please no`)
)

// agreement makes a list of words and phrases when it is first asked for.
func agreement(words, phrases string) func() map[string]bool {
	return sync.OnceValue(func() map[string]bool {
		set := builder{}
		set.words(safe, words)
		set.phrases(safe, phrases)
		list := make(map[string]bool, len(set))
		for w := range set {
			list[w] = true
		}
		return list
	})
}

// Agree reads an answer to a question that asks for confirmation. It is not ok
// when the text is anything but a yes or a no, or both.
func Agree(text string) (agreed, ok bool) {
	for part := range strings.FieldsFuncSeq(Normalize(text), func(r rune) bool { return strings.ContainsRune("。、.,!\n ・…", r) }) {
		switch {
		case yes()[trimmed(part)]:
			if ok && !agreed {
				return false, false
			}
			agreed, ok = true, true
		case no()[trimmed(part)]:
			if ok && agreed {
				return false, false
			}
			ok = true
		default:
			whole := strings.Trim(Normalize(text), "。、.,! \n")
			return yes()[whole], yes()[whole] || no()[whole]
		}
	}
	return agreed, ok
}

// trimmed cuts the particles that soften a yes or no, and repeated letters such as
// うんうん and 👍👍.
func trimmed(s string) string {
	if yes()[s] || no()[s] {
		return s
	}
	for _, end := range []string{"よ", "ね", "な", "わ", "です", "だよ"} {
		if root := strings.TrimSuffix(s, end); root != "" && (yes()[root] || no()[root]) {
			return root
		}
	}
	if n := len(s); n%2 == 0 && s[:n/2] == s[n/2:] {
		return s[:n/2]
	}
	return s
}
