package answer

import "testing"

func TestChoice(t *testing.T) {
	for text, want := range map[string]int{
		"1": 1, "２": 2, "③": 3, "2番": 2, "二": 2, "3です": 3, "#1": 1, "1.": 1, " 4 ": 4, "１番です": 1, "two": 2, "option 3": 3, "2でお願いします": 2, "(2)": 2, "2!": 2, "1️⃣": 1,
	} {
		if got, ok := Choice(text); !ok || got != want {
			t.Errorf("Choice(%q) = %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "に", "0", "12", "119", "1人で大丈夫", "2人とも無事", "2 people hurt", "無事", "一人", "-", "十", "1 2"} {
		if got, ok := Choice(text); ok {
			t.Errorf("Choice(%q) = %d, want none", text, got)
		}
	}
}

func TestAgree(t *testing.T) {
	for _, text := range []string{"はい", "はい！", "うん", "うんうん", "ええ", "お願いします", "はい、お願いします", "送って", "そうです", "ＯＫ", "おっけー", "yes", "Y", "yep", "Yes please", "sure", "ok go", "go ahead", "👍", "👍🏽", "✅", "🙆‍♀️", "はいです"} {
		if agreed, ok := Agree(text); !agreed || !ok {
			t.Errorf("Agree(%q) = %v, %v, want yes", text, agreed, ok)
		}
	}
	for _, text := range []string{"いいえ", "いえ", "ううん", "やめて", "だめ", "ダメです", "キャンセル", "no", "N", "nope", "Cancel!", "stop", "no thanks", "don't", "❌", "🙅", "👎", "いいえ、やめて"} {
		if agreed, ok := Agree(text); agreed || !ok {
			t.Errorf("Agree(%q) = %v, %v, want no", text, agreed, ok)
		}
	}
	for _, text := range []string{"", "？", "はい、でも足をけがしました", "yes no", "はい いいえ", "助けて", "ok?", "no problem, I'm ok", "無事です", "yes I'm hurt", "いいえ、助けて"} {
		if agreed, ok := Agree(text); ok {
			t.Errorf("Agree(%q) = %v, want neither", text, agreed)
		}
	}
}
