package answer

import "testing"

// Only whole clauses about the writer say that a danger is over. Beside anything
// else they are words like any others, and the writer is asked.
func TestOver(t *testing.T) {
	for _, text := range []string{
		"I'm out now", "I am out, thank you", "They got me out. I'm fine", "false alarm!", "Pressed it by mistake, I'm fine", "Sorry, wrong button.",
		"もう大丈夫です", "助かりました。ありがとう", "救助されました", "押し間違えました。無事です", "外に出ました",
	} {
		if !Over(text) {
			t.Errorf("%q does not say that it is over", text)
		}
	}
	for _, text := range []string{
		"", "I am safe", "大丈夫です", "はい",
		"I pressed safe by mistake", "さっきの無事は間違いでした", "無事は押し間違いです", "safe was by mistake", "I said I was safe by mistake",
		"Mum got out, I'm ok", "the dog was freed, I'm ok", "母が救助された。私は無事", "助かったのは母だけ。私は大丈夫",
		"I'm ok, will be rescued soon", "never got out, I'm ok", "脱出できそう。大丈夫です", "No one got me out yet. I'm ok",
		"I'm out of air, I am safe", "I got out of bed, I'm fine", "I'm safe now, he's outside the door", "unsafe now",
		"もう大丈夫ではなくなった", "もう大丈夫だと言われた", "もう大丈夫。犯人が外にいる", "もう大丈夫ですか？", "are they out now?",
		"I drank bleach by accident, I'm fine", "もう大丈夫、血が出てるだけ", "助かりましたか。私は無事です",
	} {
		if Over(text) {
			t.Errorf("%q says that it is over", text)
		}
	}
}

// A yes to "are you really safe now?" is a yes, and no plea.
func TestAssents(t *testing.T) {
	for _, text := range []string{"yes", "Yes, I am.", "はい", "うん、大丈夫", "ok", "I am safe", "もう大丈夫です", "はい、無事です"} {
		if !Assents(text) {
			t.Errorf("%q is no yes", text)
		}
	}
	for _, text := range []string{"", "please", "お願いします", "頼む", "send", "go", "ああああ", "my leg hurts so much", "足が痛い", "I was fine this morning", "はい、お願いします", "yes please", "yes but my leg", "1?", "no", "いいえ"} {
		if Assents(text) {
			t.Errorf("%q is a yes", text)
		}
	}
}
