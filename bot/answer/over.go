package answer

import (
	"strings"
	"sync"
)

// over are clauses that say of the writer that a danger is past, or that there was
// none, as they stand in a text that was made comparable. Each is a whole clause:
// "got out" within another may be about the dog.
var over = setOf(`
i'm out
i'm out now
i am out
i am out now
we're out
we're out now
we are out
we are out now
i got out
we got out
they got me out
they got us out
i was rescued
i've been rescued
i have been rescued
i am rescued
i'm rescued
we were rescued
i was freed
i'm free
i'm free now
i'm safe now
i am safe now
safe now
i'm fine now
i am fine now
i'm ok now
i'm okay now
i am ok now
i'm all right now
i'm alright now
false alarm
it was a false alarm
pressed it by mistake
i pressed it by mistake
pressed 🆘 by mistake
i pressed 🆘 by mistake
pressed sos by mistake
pressed help by mistake
i pressed help by mistake
pressed the wrong button
i pressed the wrong button
wrong button
もう大丈夫
もう大丈夫です
もう大丈夫だよ
もう大丈夫だ
もう大丈夫ですよ
もう無事です
もう平気
もう平気です
もう平気だよ
もう安全です
助かりました
助かった
助かったよ
助け出されました
救助されました
救出されました
脱出しました
脱出できました
外に出ました
外に出られました
出られました
出られた
間違えて押しました
間違って押しました
押し間違えました
押し間違いです
押し間違いでした
🆘は間違いです
🆘は間違いでした
助けては間違いでした
誤報です
誤報でした
`)

// reassuring are clauses that say no more than that the writer is well, or thank
// somebody, or say yes.
var reassuring = setOf(`
i'm safe
i am safe
i'm fine
i am fine
i'm ok
i am ok
i'm okay
i am okay
i'm all right
i'm alright
i am all right
i'm well
we're safe
we're fine
we're ok
all good
all is well
all well
safe
fine
ok
okay
yes i am
yes i'm safe
yes i am safe
really
sorry
thanks
thank you
thank you all
無事
無事です
無事だよ
大丈夫
大丈夫です
大丈夫だよ
大丈夫ですよ
元気
元気です
元気だよ
平気
平気です
平気だよ
けがはありません
けがはないです
本当に大丈夫
本当に大丈夫です
ほんとに大丈夫
ほんとうに大丈夫です
安心してください
心配しないで
心配しないでください
心配かけました
すみません
すみませんでした
ごめん
ごめんなさい
ありがとう
ありがとうございます
ありがとうございました
`)

// assent are the words that say yes to the question whether somebody is safe. Others
// ("please", "send", お願い) ask for something instead.
var assent = setOf(`
yes
y
yeah
yep
yup
yes i am
i am
はい
うん
ええ
そう
そうです
そうだよ
✅
👌
`)

// setOf makes a set of the lines, as [Normalize] writes them, when it is first asked
// for.
func setOf(text string) func() map[string]bool {
	return sync.OnceValue(func() map[string]bool {
		set := map[string]bool{}
		for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' }) {
			set[clauseOf(Normalize(line))] = true
		}
		return set
	})
}

// clauseOf makes a clause comparable: apostrophes are typed or not.
func clauseOf(s string) string {
	return strings.TrimFunc(strings.ReplaceAll(s, "'", ""), func(r rune) bool { return strings.ContainsRune(" ~ー〜", r) })
}

// pieces splits a text at marks and line breaks; a mark of a question stays.
func pieces(text string) (all []string) {
	for c := range strings.FieldsFuncSeq(Normalize(text), func(r rune) bool { return strings.ContainsRune("。、.,!\n;・…:", r) }) {
		if c = clauseOf(c); c != "" {
			all = append(all, c)
		}
	}
	return all
}

// Over reports whether a text says that the danger is over and nothing else, as in
// "I'm out now, thank you" or 「もう大丈夫です」. A mere "I am safe" does not: people
// say that of themselves in any state.
func Over(text string) bool {
	found := false
	for _, c := range pieces(text) {
		past := over()[c]
		if !past && !reassuring()[c] {
			return false
		}
		found = found || past
	}
	return found
}

// Assents reports whether a text answers the question whether its writer is really
// safe with a yes, or by saying so, and says nothing else.
func Assents(text string) bool {
	clauses := pieces(text)
	for _, c := range clauses {
		if !assent()[c] && !reassuring()[c] && !over()[c] {
			return false
		}
	}
	return len(clauses) > 0
}
