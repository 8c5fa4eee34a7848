package who_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/anpi-bot/anpi/bot/who"
	"github.com/anpi-bot/anpi/roster"
)

// household is three generations in two languages, as address books have them:
// some cards say how people are related, most do not, and nobody says it twice.
func household() roster.Roster {
	related := func(typ, who string) roster.Relation { return roster.Relation{Type: typ, Who: who} }
	return roster.Roster{Members: []roster.Member{
		{ID: "card:sumire-1", Name: "山田 すみれ", Nicknames: []string{"おばあちゃん", "ばあば"}, Relations: []roster.Relation{related("child", "ken-1")}},
		{ID: "card:ichiro-1", Name: "山田一郎", Nicknames: []string{"じいじ"}, Relations: []roster.Relation{related("spouse", "山田すみれ")}},
		{ID: "card:rose-1", Name: "Rose Baker", Nicknames: []string{"Grandma Rose", "Nana"}, Relations: []roster.Relation{related("child", "Emily Yamada"), related("child", "Tom Baker")}},
		{ID: "card:ken-1", Name: "山田健", Nicknames: []string{"パパ"}, Groups: []string{"消防団"}},
		{ID: "talk:emily", Name: "Emily Yamada", Nicknames: []string{"ママ"}, Talk: "emily", Relations: []roster.Relation{related("spouse", "ken-1"), related("best-friend", "Jo March"), related("friend", "Jo March")}},
		{ID: "talk:hana", Name: "山田花子", Nicknames: []string{"はなちゃん"}, Talk: "hana", Groups: []string{"Kids"}, Relations: []roster.Relation{related("father", "ken-1"), related("parent", "emily")}},
		{ID: "talk:taro", Name: "山田 太郎", Nicknames: []string{"たろー"}, Talk: "taro", Groups: []string{"Kids"}, Relations: []roster.Relation{related("parent", "山田健"), related("mother", "Emily Yamada")}},
		{ID: "card:hanako-2", Name: "佐藤 花子", Groups: []string{"消防団"}, Relations: []roster.Relation{related("sibling", "urn:uuid:ken-1"), related("child", "佐藤 蓮")}},
		{ID: "card:ren-1", Name: "佐藤 蓮", Nicknames: []string{"れんれん"}},
		{ID: "card:tom-1", Name: "Tom Baker", Nicknames: []string{"Uncle Tom"}},
		{ID: "card:tommy-1", Name: "Tommy Lee", Relations: []roster.Relation{related("co-resident", "Jo March")}},
		{ID: "card:jo-1", Name: "Jo March"},
		{ID: "card:tanaka-1", Name: "田中 実", Nicknames: []string{"田中先生"}},
		{ID: "card:may-1", Name: "Aunt May"},
	}}
}

// short are the names by which the tests speak of the members.
var short = map[string]string{
	"card:sumire-1": "sumire", "card:ichiro-1": "ichiro", "card:rose-1": "rose", "card:ken-1": "ken", "talk:emily": "emily",
	"talk:hana": "hana", "talk:taro": "taro", "card:hanako-2": "hanako", "card:ren-1": "ren", "card:tom-1": "tom",
	"card:tommy-1": "tommy", "card:jo-1": "jo", "card:tanaka-1": "tanaka", "card:may-1": "may",
}

func member(t testing.TB, r roster.Roster, name string) roster.Member {
	t.Helper()
	i := slices.IndexFunc(r.Members, func(m roster.Member) bool { return short[m.ID] == name })
	if i < 0 {
		t.Fatalf("nobody is %s", name)
	}
	return r.Members[i]
}

// describe writes a match in one line: "ken", "ken? emily?" for candidates,
// "all: ken emily" for a group, "guess: ken".
func describe(m who.Match) string {
	var names []string
	for _, member := range m.Members {
		name := short[member.ID]
		if name == "" {
			name = member.Name
		}
		if len(m.Members) > 1 && !m.Group && !m.Everyone {
			name += "?"
		}
		names = append(names, name)
	}
	s := strings.Join(names, " ")
	if m.Group {
		s = "all: " + s
	}
	if m.Everyone {
		s = "everyone"
	}
	if m.Guess {
		s = "guess: " + s
	}
	return s
}

func TestAnEveningInTheFamily(t *testing.T) {
	r := household()
	say := func(speaker, word, want string) {
		t.Helper()
		if got := describe(who.Find(r, member(t, r, speaker), word)); got != want {
			t.Errorf("%s says %q: %q, want %q", speaker, word, got, want)
		}
	}
	// Hana has two grandmothers, and calls each by another word.
	say("hana", "おばあちゃん", "sumire")
	say("hana", "Nana", "rose")
	say("hana", "祖母", "sumire? rose?")
	say("hana", "母方の祖母", "rose")
	say("hana", "父の母", "sumire")
	say("hana", "母", "emily")
	// Two people are called 花子, and one of them speaks.
	say("hana", "花子", "hana? hanako?")
	say("hana", "はなちゃん", "hana")
	say("taro", "花子おばさん", "hanako")
	say("taro", "姉", "guess: hana")
	say("emily", "娘", "hana? taro?")
	// Tom has a dog, and Tommy is a friend of the house.
	say("hana", "Tom", "tom")
	say("hana", "Tommy", "tommy")
	say("hana", "Tom's dog", "")
	say("hana", "犬のトミー", "")
	// Nothing tells that Hanako is no uncle.
	say("hana", "Uncle", "hanako? tom?")
	say("hana", "Uncle Tom", "tom")
	// Ken's mother is Sumire, whatever nickname his wife has.
	say("ken", "母", "sumire")
	say("ken", "ママ", "sumire? emily?")
	say("ken", "奥さん", "emily")
	say("ken", "妹", "guess: hanako")
	say("sumire", "孫たち", "all: hana taro ren")
	say("sumire", "息子", "ken? hanako?")
	say("hanako", "甥", "hana? taro?")
	say("hanako", "母", "sumire")
	say("emily", "義母", "sumire")
	say("emily", "kids", "all: hana taro")
	say("tom", "my sister", "emily")
	say("tom", "mum", "rose")
	// Those whose cards say nothing mean whoever is called so.
	say("tanaka", "おばあちゃん", "sumire")
	say("tanaka", "子どもたち", "all: hana taro")
	say("tanaka", "my kids", "guess: all: hana taro")
	// A nickname makes nobody the mother of everybody.
	say("tanaka", "ママ", "emily")
	say("tanaka", "母", "guess: emily")
	say("jo", "Mum", "guess: emily")
	say("jo", "flatmate", "tommy")
	say("jo", "my friend Emily", "emily")
	say("tanaka", "みんな", "everyone")
}
