package answer

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/anpi-bot/anpi/broadcast/longtest"
	"github.com/anpi-bot/anpi/broadcast/worktest"
)

// calls finds what only somebody in need writes, when nothing in the text
// could turn it into anything else.
var calls = regexp.MustCompile(`助けてください|たすけてください|助けてくれ$|助けて$|たすけて$|動けません$|救急車を呼んで$|\bhelp me$|\bhelp us$|^help$|\bplease help$|\bi'm trapped$|\bi need help$|🆘|\bsos$`)

// turns may turn a call into something else: a denial, a question, a wish, an
// offer, a quotation, somebody else's words or another word altogether.
var turns = regexp.MustCompile(`[?？「」『』"“”'’‘‹›«»]|ない|なし|いら|無用|不要|なら|たら|れば|もし|人|方|って|と(言|い|書)|ボタン|\b(if|not|no|n't|dont|never|without|says?|said|can|do|does|who|any\w*|when|unless|button|didn|one)\b`)

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"無事です", "助けて", "I'm ok", "👍🏽", "\xff\xfe", "？", "大丈夫。助けてください", "all good. help me", "母は無事です。助けて", "助けはいらない", "help is on the way", "ﾀﾞｲｼﾞｮｳﾌﾞ", "tasukete kudasai", "İ", "ᄀ\u200dᅡ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := Read(text)
		switch r.Status {
		case "", Safe, Unclear, Injured, Help:
		default:
			t.Errorf("Read(%q) is %q", text, r.Status)
		}
		for _, report := range r.Reports {
			if report.Who == "" || report.Status == "" || !utf8.ValidString(report.Who) {
				t.Errorf("Read(%q) reports %+v", text, report)
			}
		}
		if (r.Self == "") != (len(r.Reports) == 0) {
			t.Errorf("Read(%q) has %d reports and the writer's own status is %q", text, len(r.Reports), r.Self)
		}
		plain := strings.TrimRight(strings.ToLower(text), "!！。. ")
		if r.Status == Safe && calls.MatchString(plain) && !turns.MatchString(strings.ToLower(text)) {
			grave := false
			for _, report := range r.Reports {
				grave = grave || report.Status == Help
			}
			if !grave {
				t.Errorf("Read(%q) is safe although it calls for help: %v", text, r.Why)
			}
		}
	})
}

func FuzzNormalize(f *testing.F) {
	for _, seed := range []string{"ｶﾞｯｺｳ", "だいじょーぶぅぅ", "ＯＫ", "a\u0301", "ᄀ\u200dᅡ", "İ", "\n \n", "heeeelp", "👍🏽", "ヽ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := Normalize(text)
		if twice := Normalize(once); twice != once {
			t.Errorf("Normalize(%q) = %q, and of that %q", text, once, twice)
		}
	})
}

// Eight times the text may take some eight times as much work, not sixty-four
// times.
func TestReadingTakesAsLongAsTheTextIs(t *testing.T) {
	const size = maxRead / 8
	worktest.Measure(t, []string{"strings", "golang.org/x/text/unicode/norm"}, func(of func(func()) int) {
		units := []string{"あ", "無事", "母は無事です。", "母と父と", "not ", "x", "i'm ", "、", "。", "？", "た", "ない", "help me ", "kara ", "daijoubu ", "漢", "👍", "「", "a\u0301", "太郎は", "さん", "けど", "ん", "\n"}
		for i := 0; i < len(units); i += longtest.Every(3) {
			read := func(n int) int {
				text := strings.Repeat(units[i], n/utf8.RuneCountInString(units[i]))
				return of(func() { Read(text) })
			}
			if one, eight := read(size), read(8*size); eight > 16*one {
				t.Errorf("%q: %d characters are the work %d, %d are %d", units[i], size, one, 8*size, eight)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	for b.Loop() {
		Read("電車止まってるけど無事です。母も一緒に避難所にいます。けがはありません")
	}
}
