package who_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/anpi-bot/anpi/bot/who"
	"github.com/anpi-bot/anpi/broadcast/longtest"
	"github.com/anpi-bot/anpi/broadcast/worktest"
	"github.com/anpi-bot/anpi/roster"
)

// people makes a roster of cards: "name, nickname, ... | type:who ...".
func people(cards ...string) roster.Roster {
	var r roster.Roster
	for i, card := range cards {
		names, relations, _ := strings.Cut(card, "|")
		m := roster.Member{ID: fmt.Sprintf("card:%d", i)}
		for j, name := range strings.Split(names, ",") {
			if j == 0 {
				m.Name = strings.TrimSpace(name)
			} else {
				m.Nicknames = append(m.Nicknames, strings.TrimSpace(name))
			}
		}
		for relation := range strings.FieldsSeq(relations) {
			types, related, _ := strings.Cut(relation, ":")
			m.Relations = append(m.Relations, roster.Relation{Type: types, Who: related})
		}
		r.Members = append(r.Members, m)
	}
	return r
}

func TestWhatCardsLeaveOpen(t *testing.T) {
	for name, c := range map[string]struct {
		roster roster.Roster // the first member speaks
		words  map[string]string
	}{
		"one parent, who may be either": {
			people("太郎|parent:健", "健"),
			map[string]string{"母": "guess: 健", "父": "guess: 健", "親": "健", "両親": "all: 健"},
		},
		"one parent, and somebody called Mum": {
			people("Tom|parent:Kim", "Kim", "Ann,Mum"),
			map[string]string{"mum": "Kim? Ann?", "dad": "guess: Kim"},
		},
		"two mothers": {
			people("Tom|mother:Ann mother:Eve", "Ann,Mum", "Eve,Mama"),
			map[string]string{"Mum": "Ann", "Mama": "Eve", "my mother": "Ann? Eve?", "母": "Ann? Eve?", "parents": "all: Ann Eve"},
		},
		"the mother is known, the other parent is not": {
			people("Tom|mother:Ann parent:Kim", "Ann", "Kim"),
			map[string]string{"mum": "Ann", "dad": "guess: Kim"},
		},
		"a card that names two people": {
			people("太郎|mother:花子", "山田 花子", "佐藤 花子|child:次郎", "次郎"),
			map[string]string{"母": "山田 花子? 佐藤 花子?", "兄弟": ""},
		},
		"the inverse, and two steps": {
			people("Ann|spouse:Bob", "Bob", "Tom|parent:Bob", "Sue|parent:Bob", "Pam|parent:Tom", "Zoe|parent:Sue"),
			map[string]string{"my husband": "Bob", "kids": "guess: all: Tom Sue", "grandchildren": "all: Pam Zoe", "Tom's sister": "guess: Sue", "Pam's cousin": "Zoe", "Pam's grandma": "Ann? Bob?"},
		},
		"a grandmother named outright": {
			people("Tom|grandmother:Rose aunt:Sue", "Rose", "Sue", "Bob"),
			map[string]string{"Granny": "Rose", "aunt": "Sue", "uncle": "", "Rose's grandson": "guess: Tom"},
		},
		"a second wife": {
			people("Tom|parent:Bob", "Bob,Dad|spouse:Eve", "Eve"),
			map[string]string{"mum": "guess: Eve", "dad": "Bob", "parents": "all: Bob Eve"},
		},
		"the speaker's relations win over a nickname": {
			people("Tom|grandmother:Rose mother:Ann", "Rose", "Kiyo,おばあちゃん,Nana", "Ann", "Eve,Mum"),
			map[string]string{"おばあちゃん": "Rose", "Nana": "Rose", "Mum": "Ann", "お母さん": "Ann"},
		},
		"a grandmother whom no card relates": {
			people("Tom|grandmother:Kiyo", "Rose,Nana", "Kiyo,ばあば"),
			map[string]string{"Nana": "Rose? Kiyo?", "ばあば": "Kiyo", "grandma": "Kiyo"},
		},
		"both are called おばあちゃん": {
			people("花", "きよ,おばあちゃん", "ふみ,おばあちゃん"),
			map[string]string{"おばあちゃん": "きよ? ふみ?", "ふみおばあちゃん": "ふみ", "grandma": "きよ? ふみ?", "祖父母": "all: きよ ふみ"},
		},
		"she is called so herself": {
			people("きよ,おばあちゃん,おばば", "花", "ふみ,おばあちゃん"),
			map[string]string{"おばあちゃん": "guess: ふみ", "ばあば": "guess: ふみ", "おばば": "", "きよ": "きよ"},
		},
		"a card with no other name": {
			people("おばあちゃん|child:お母さん", "お母さん", "Grandpa"),
			map[string]string{"おばあちゃん": "guess: おばあちゃん", "お母さん": "お母さん", "娘": "お母さん", "Grandpa": "Grandpa", "じいじ": "Grandpa"},
		},
		"names without blanks": {
			people("林健太郎", "鈴木太郎", "佐々木蓮", "たかはしふみか", "山﨑はなこ", "斎藤優"),
			map[string]string{"太郎": "林健太郎? 鈴木太郎?", "健太郎": "guess: 林健太郎", "林さん": "guess: 林健太郎", "鈴木さん": "鈴木太郎", "佐々木": "guess: 佐々木蓮", "みか": "guess: たかはしふみか", "はなこ": "山﨑はなこ", "山崎さん": "山﨑はなこ", "齋藤さん": "guess: 斎藤優", "優くん": "guess: 斎藤優", "木": ""},
		},
		"a family name that another card sets apart": {
			people("佐々木 一", "佐々木蓮", "田中丸太郎", "田中 実"),
			map[string]string{"蓮": "佐々木蓮", "佐々木さん": "佐々木蓮", "田中さん": "田中丸太郎? 田中 実?"},
		},
		"foreign names": {
			people("José García", "Tom・Smith", "Zoë O'Neil", "Anne-Marie Jones", "Mike van Dyke", "ミカ・ロス"),
			map[string]string{"Jose": "José García", "garcia": "José García", "トム": "", "tom smith": "Tom・Smith", "Zoe": "Zoë O'Neil", "ONeil": "Zoë O'Neil", "O’Neil’s": "Zoë O'Neil", "anne-marie": "Anne-Marie Jones", "Annemarie": "Anne-Marie Jones", "Marie": "Anne-Marie Jones", "van": "", "dyke": "Mike van Dyke", "Mika": "ミカ・ロス", "みかちゃん": "ミカ・ロス", "ろす": "ミカ・ロス"},
		},
		"names that are also words for kin": {
			people("Ann|grandmother:Rose", "Rose,Nana", "Nana Tanaka", "Otto Braun", "Heung Son", "Mr Brown"),
			map[string]string{"Nana": "Rose? Nana Tanaka?", "Otto": "Otto Braun", "grandma": "Rose", "Nana Tanaka": "Nana Tanaka", "Mrs Brown": "Mr Brown", "son": "Heung Son"},
		},
		"one letter wrong": {
			people("Ann", "Marie Poe", "Maria Doe", "Sarah Poe", "Hannah"),
			map[string]string{"Marib": "", "Sara": "guess: Sarah Poe", "Sarahh": "guess: Sarah Poe", "Hanna": "guess: Hannah", "Hannah": "Hannah", "Hanah": "guess: Hannah", "Anna": "", "Ana": ""},
		},
		"a reading that no card has": {
			people("Ann|sibling:美香", "美香", "次郎"),
			map[string]string{"妹のみか": "guess: 美香", "my sister Mika": "guess: 美香", "妹の美佳": "", "みか": "", "弟の次郎": "guess: 次郎"},
		},
		"words that only begin or end like others": {
			people("花", "まさ", "佐藤 健", "きみえ,おばちゃん", "Otto", "おばら", "さとる,旦那"),
			map[string]string{"まさとも": "", "佐藤みな": "", "おばーちゃん": "", "おばーちゃーん": "", "husband": "guess: さとる", "夫": "guess: さとる", "Otto": "Otto", "おばら": "おばら", "おばらさん": "おばら", "さとみ": "", "まさーー！": "まさ", "おばちゃーん": "きみえ", "まさと花": "all: 花 まさ", "みんなとまさ": "everyone", "somebody and Otto": "Otto"},
		},
		"types that say nothing, and several at once": {
			people("Ann|emergency,child:Bob contact:Sue me:Ann :Sue kin:Zoe", "Bob", "Sue", "Zoe"),
			map[string]string{"kid": "Bob", "friend": "", "relative": "guess: Zoe"},
		},
	} {
		for word, want := range c.words {
			if got := describe(who.Find(c.roster, c.roster.Members[0], word)); got != want {
				t.Errorf("%s: %q is %q, want %q", name, word, got, want)
			}
		}
	}
}

func TestASpeakerWhoIsNotOnTheRoster(t *testing.T) {
	r := household()
	stranger := roster.Member{ID: "talk:visitor", Name: "Emily", Relations: []roster.Relation{{Type: "child", Who: "taro"}}}
	for word, want := range map[string]string{"おばあちゃん": "sumire", "太郎": "taro", "son": "", "太郎の母": "emily", "me": "", "みんな": "everyone", "Emily": "emily"} {
		if got := describe(who.Find(r, stranger, word)); got != want {
			t.Errorf("%q is %q, want %q", word, got, want)
		}
	}
	if m := who.Find(roster.Roster{}, stranger, "Emily"); len(m.Members) > 0 {
		t.Errorf("on an empty roster, Emily is %s", describe(m))
	}
}

// hard are words of about n characters, each made of what could be hard to take
// apart.
func hard(n int) []string {
	var words []string
	for _, unit := range []string{"の", "と", "太郎の", "太郎と", "とのと", "母の", "うちの", "my ", "Tom and ", "Tom's ", "mum's mum ", "ー", "あー", "たち", "おばあちゃん", "二人", "&", "'", "が゙", "ﷺ"} {
		words = append(words, strings.Repeat(unit, 1+n/len([]rune(unit))))
	}
	return words
}

// However long a word is, it is the work of a moment.
func TestAnyWordTakesAMomentOnly(t *testing.T) {
	r := household()
	speaker := member(t, r, "hana")
	worktest.Measure(t, counted, func(of func(func()) int) {
		for _, size := range []int{30, 59, 199, 1 << 20} {
			words := hard(size)
			for i := 0; i < len(words); i += longtest.Every(4) {
				if n := of(func() { who.Find(r, speaker, words[i]) }); n > 5_000_000 {
					t.Errorf("a word of %d characters that begins with %.20q is the work %d", len([]rune(words[i])), words[i], n)
				}
			}
		}
	})
}

// counted is whose work it is to find somebody, besides that of the package.
var counted = []string{"strings", "golang.org/x/text/unicode/norm"}

// village is n members, in families of four on each other's cards.
func village(n int) roster.Roster {
	var cards []string
	for i := range n {
		family := i / 4 * 4
		cards = append(cards, fmt.Sprintf("Name%d Family%d|parent:%d sibling:%d spouse:Name%d kin:0", i, family, max(family-3, 0), family+i%3, i/2))
	}
	return people(cards...)
}

// Eight times the roster may be some eight times as much work, not sixty-four
// times.
func TestFindingTakesAsLongAsTheRosterIs(t *testing.T) {
	small, large := village(400), village(3200)
	worktest.Measure(t, counted, func(of func(func()) int) {
		for _, word := range []string{"Name17", "my brother", "cousins", "Nome399", "祖父母", "みんな", "nobody at all"} {
			find := func(r roster.Roster) int { return of(func() { who.Find(r, r.Members[5], word) }) }
			if one, eight := find(small), find(large); eight > 16*one {
				t.Errorf("%q is the work %d among %d members, and %d among %d", word, one, len(small.Members), eight, len(large.Members))
			}
		}
	})
}

func BenchmarkFindInAVillage(b *testing.B) {
	r := village(3200)
	for b.Loop() {
		who.Find(r, r.Members[5], "my brother")
	}
}

func FuzzFind(f *testing.F) {
	for _, word := range []string{"おばあちゃん", "うちの太郎", "my brother Tom", "妹の花子", "Tom's mum", "子ども二人", "the Bakers", "ｵｶｰｻﾝ", "父方の祖父母", "Mum & Dad", "\xff", "ー", "'s"} {
		f.Add("花子", "太郎", "parent", "ば あば", word)
		f.Add(word, "Tom Baker", "grandmother,friend", word, "Tom")
	}
	f.Fuzz(func(t *testing.T, name, other, typ, nickname, word string) {
		r := household()
		r.Members = append(r.Members,
			roster.Member{ID: "card:x", Name: name, Nicknames: []string{nickname}, Groups: []string{nickname, other}, Relations: []roster.Relation{{Type: typ, Who: other}, {Type: typ, Who: "emily"}}},
			roster.Member{ID: "card:y", Name: other, Talk: nickname, Relations: []roster.Relation{{Type: typ, Who: name}, {Type: "child", Who: "x"}}})
		for _, speaker := range []roster.Member{r.Members[5], r.Members[len(r.Members)-1], {Name: name}} {
			m := who.Find(r, speaker, word)
			last := -1
			for _, found := range m.Members {
				i := slices.IndexFunc(r.Members, func(of roster.Member) bool { return of.ID == found.ID })
				if i <= last {
					t.Errorf("%q finds %q, who is no member or not in order", word, found.ID)
				}
				last = i
			}
			switch {
			case m.Everyone && (len(m.Members) != len(r.Members) || m.Group):
				t.Errorf("%q is everyone, but only %d of %d", word, len(m.Members), len(r.Members))
			case len(m.Members) == 0 && (m.Everyone || m.Group || m.Guess):
				t.Errorf("%q is nobody, but %s", word, describe(m))
			case m.Guess && len(m.Members) > 1 && !m.Group:
				t.Errorf("%q leaves open who is guessed: %s", word, describe(m))
			}
			if again := who.Find(r, speaker, word); describe(again) != describe(m) {
				t.Errorf("%q is %s, and then %s", word, describe(m), describe(again))
			}
		}
	})
}
