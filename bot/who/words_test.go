package who_test

import (
	"testing"

	"github.com/anpi-bot/anpi/bot/who"
)

func TestWords(t *testing.T) {
	r := household()
	for speaker, words := range map[string]map[string]string{
		"hana": {
			// Every form of a word for the parents.
			"母": "emily", "お母さん": "emily", "おかーさん": "emily", "おかあさーーん": "emily", "オカン": "emily", "ｵｶｱｻﾝ": "emily", "お母 さん": "emily",
			"かあちゃん": "emily", "ﾏﾏ": "emily", "ままー": "emily", "mum": "emily", "Mom": "emily", "my mother": "emily", "MUMMY": "emily", "muuum": "emily",
			"okaasan": "emily", "okasan": "emily", "うちの母": "emily", "私のお母さん": "emily", "母親": "emily", "Mum's": "emily",
			"父": "ken", "お父さん": "ken", "おとーさん": "ken", "とーちゃん": "ken", "おとん": "ken", "親父": "ken", "otousan": "ken", "Dad": "ken", "our daddy": "ken", "パパ": "ken",
			"両親": "all: ken emily", "parents": "all: ken emily", "my mum and dad": "all: ken emily", "Mum & Dad": "all: ken emily", "父と母": "all: ken emily", "両親とも": "all: ken emily",
			// Grandparents.
			"ばーば": "sumire", "ばぁば": "sumire", "お婆ちゃん": "sumire? rose?", "おばーちゃん": "sumire", "おばあちゃーん": "sumire", "granny": "sumire? rose?", "obaachan": "sumire? rose?", "Obāchan": "sumire? rose?",
			"Grandma Rose": "rose", "grandma rose": "rose", "Gran Rose": "rose", "すみればあちゃん": "sumire", "山田のおばあちゃん": "sumire",
			"Mum's mum": "rose", "ママのママ": "rose", "父方のおばあちゃん": "sumire", "じいじ": "ichiro", "じーじ": "ichiro", "おじいちゃん": "ichiro", "祖父": "ichiro", "Grandpa": "ichiro",
			"祖父母": "all: sumire ichiro rose", "grandparents": "all: sumire ichiro rose", "父方の祖父母": "all: sumire ichiro",
			// Others of the family.
			"弟": "guess: taro", "my brother": "guess: taro", "my brother Taro": "taro", "弟の太郎": "taro", "弟くん": "guess: taro", "兄弟": "all: taro", "siblings": "all: taro",
			"おばさん": "hanako? may?", "叔母": "hanako? may?", "おばちゃん": "hanako? may?", "いとこ": "ren", "cousin": "ren", "いとこの蓮": "ren", "Aunt May": "may", "Auntie May": "may", "May": "may",
			// Names.
			"太郎": "taro", "うちの太郎": "taro", "太郎くん": "taro", "たろう": "taro", "タロー": "taro", "Taro": "taro", "taro-kun": "taro", "山田太郎": "taro", "太郎 山田": "taro", "太郎たち": "taro",
			"佐藤花子": "hanako", "佐藤さん": "hanako? ren?", "蓮くん": "ren", "れんれん": "ren", "すみれさん": "sumire", "すみれ": "sumire", "Sumire": "sumire", "一郎": "ichiro", "健": "ken",
			"田中さん": "tanaka", "田中先生": "tanaka", "Emily": "emily", "emily yamada": "emily", "Yamada Emily": "emily", "ＥＭＩＬＹ": "emily", "Emly": "guess: emily", "Emliy": "guess: emily", "えみり": "", "Mrs Yamada": "emily",
			"Tom": "tom", "TOM": "tom", "Tommy": "tommy", "Tomy": "guess: tommy", "Tim": "", "Mr Baker": "rose? tom?", "Jo": "jo", "Joe": "",
			"花子ちゃん": "hana? hanako?", "hana": "hana", "はな": "hana", "花子": "hana? hanako?", "私": "hana", "me": "hana",
			// Several together.
			"みんな": "everyone", "家族全員": "everyone", "うちの家族": "everyone", "everybody": "everyone", "the whole family": "everyone", "all of us": "everyone", "家のみんな": "everyone",
			"Kids": "all: hana taro", "子どもたち": "all: hana taro", "消防団": "all: ken hanako", "佐藤家": "all: hanako ren", "佐藤さん一家": "all: hanako ren", "佐藤さんち": "all: hanako ren", "佐藤ファミリー": "all: hanako ren", "the Bakers": "all: rose tom", "Baker family": "all: rose tom",
			"太郎と蓮くん": "all: taro ren", "Tom and Emily": "all: emily tom", "Tom and somebody": "tom", "花子と太郎": "hana? taro? hanako?",
			// Owners.
			"太郎の母": "emily", "太郎のお父さん": "ken", "Tom's mum": "rose", "Tom’s sister Emily": "emily", "れんれんのママ": "guess: hanako", "佐藤さんの花子さん": "hanako", "太郎くんのおばあちゃん": "sumire",
			// Nobody.
			"": "", "　": "", "???": "", "👵": "", "友だち": "", "友だちのお母さん": "", "彼のお母さん": "", "his brother": "", "隣の犬": "", "猫": "", "the dog": "", "夫": "", "husband": "", "息子": "", "太郎の家族": "",
			"太": "", "郎": "", "花": "", "kid brother of Joe": "", "ロバート": "", "Robert": "", "子": "",
		},
		"emily": {
			"夫": "ken", "旦那": "ken", "主人": "ken", "hubby": "ken", "my husband": "ken", "my husband Ken": "guess: ken", "お父さん": "guess: ken", "父": "", "パパ": "ken",
			"子どもたち": "all: hana taro", "the kids": "all: hana taro", "both kids": "all: hana taro", "two kids": "all: hana taro", "子ども二人": "all: hana taro", "二人の子ども": "all: hana taro", "子供3人": "guess: all: hana taro",
			"子どもたち全員": "all: hana taro", "息子": "hana? taro?", "長男": "hana? taro?", "son Taro": "taro", "子ども": "hana? taro?", "my kids": "all: hana taro",
			"義母": "sumire", "姑": "sumire", "お義母さん": "sumire", "my mother-in-law": "sumire", "mother in law": "sumire", "義父": "ichiro", "in-laws": "all: sumire ichiro", "夫の両親": "all: sumire ichiro",
			"義妹": "guess: hanako", "母": "rose", "mum": "rose", "兄": "tom", "brother": "tom", "my big brother Tom": "tom", "甥": "guess: ren", "友だち": "guess: jo", "best friend": "guess: jo", "友だちの Jo": "jo", "ママ": "rose",
		},
		"ken": {
			"母": "sumire", "おふくろ": "sumire", "嫁": "emily", "妻": "emily", "家内": "emily", "wife": "emily", "パートナー": "emily", "妹": "guess: hanako", "妹の花子": "hanako", "妻の母": "rose", "甥っ子": "guess: ren", "太郎と花": "",
			"父": "ichiro", "親": "sumire? ichiro?", "娘の花子": "hana",
		},
		"rose": {
			"grandchildren": "all: hana taro", "my grandson": "hana? taro?", "the kids": "guess: all: emily tom", "son-in-law": "ken", "Nana": "", "my daughter": "emily", "娘婿": "ken", "son": "tom",
		},
		"sumire": {
			"じいさん": "guess: ichiro", "夫": "ichiro", "嫁": "emily", "息子の嫁": "emily", "息子": "ken? hanako?", "孫": "hana? taro? ren?", "ひ孫": "", "ばあば": "", "花子": "hana? hanako?", "孫の花子": "hana", "娘の花子": "hanako",
		},
	} {
		for word, want := range words {
			if got := describe(who.Find(r, member(t, r, speaker), word)); got != want {
				t.Errorf("%s says %q: %q, want %q", speaker, word, got, want)
			}
		}
	}
}
