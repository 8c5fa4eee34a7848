package who

import (
	"strings"
	"sync"
)

// kinships are the words for kin, household and friends by meaning. Words in
// katakana, and in Latin letters for those in kana, follow by themselves; a "-"
// stands for a blank.
var kinships = []kinship{
	{paths: path(parent), gender: female, one: true, words: `母 はは お母さん おかあさん 母さん かあさん お母ちゃん おかあちゃん 母ちゃん かあちゃん お母様 おかあさま 母様 母上 母親 おかん おかあ かか おふくろ お袋 まま ままん まみい
		mum mummy mom mommy momma mam mammy mama ma mother mumsy mumma okasan kaachan`},
	{paths: path(parent), gender: male, one: true, words: `父 ちち お父さん おとうさん 父さん とうさん お父ちゃん おとうちゃん 父ちゃん とうちゃん お父様 おとうさま 父様 父上 父親 おとん おとう とと おやじ 親父 ぱぱ だでぃ
		dad daddy da dada papa pa pop pops father`},
	{paths: path(parent), words: `親 おや 片親 parent`},
	{paths: path(parent), many: true, words: `両親 りょうしん 父母 親御さん ご両親 二親 ふた親
		parents folks mum-and-dad mom-and-dad dad-and-mum dad-and-mom ryoshin`},
	{paths: path(parent, parent), gender: female, title: true, words: `祖母 そぼ おばあちゃん おばあさん お婆ちゃん お婆さん お祖母ちゃん お祖母さん ばあちゃん 婆ちゃん ばあさん 婆さん ばあば ばば ばあ おばあ ばあや ばっちゃん ばっちゃ おばば
		grandma grandmother grandmom grandmum grandmama gramma granma granny gran grannie nan nana nanna nanny nannan grammy gram grams oma nonna abuela babushka`},
	{paths: path(parent, parent), gender: male, title: true, words: `祖父 そふ おじいちゃん おじいさん お爺ちゃん お爺さん お祖父ちゃん お祖父さん じいちゃん 爺ちゃん じいさん 爺さん じいじ じじ じい おじい じいや じっちゃん じっちゃ おじじ
		grandpa grandfather granddad grandad grandpop grandpapa grampa granpa gramps grandda granda gramp opa nonno abuelo`},
	{paths: path(parent, parent), words: `grandparent`},
	{paths: path(parent, parent), many: true, words: `祖父母 そふぼ grandparents gran-and-grandad grandma-and-grandpa nan-and-grandad`},
	{paths: path(parent, parent, parent), gender: female, title: true, words: `曽祖母 曾祖母 ひいおばあちゃん ひいおばあさん ひいばあちゃん ひいばあば ひいばあ ひいばば ひい婆ちゃん 大ばあちゃん 大おばあちゃん
		great-grandma great-grandmother great-gran great-granny great-nan`},
	{paths: path(parent, parent, parent), gender: male, title: true, words: `曽祖父 曾祖父 ひいおじいちゃん ひいおじいさん ひいじいちゃん ひいじいじ ひいじい ひいじじ ひい爺ちゃん 大じいちゃん 大おじいちゃん
		great-grandpa great-grandfather great-grandad great-granddad`},

	{paths: path(spouse), gender: male, one: true, words: `夫 おっと 旦那 だんな 旦那さん 旦那様 だんなさん だんな様 主人 しゅじん ご主人 亭主 うちの人 だありん husband hubby`},
	{paths: path(spouse), gender: female, one: true, words: `妻 つま 奥さん おくさん 奥様 おくさま 家内 かない 女房 にょうぼう かみさん おかみさん わいふ wife wifey missus`},
	{paths: [][]step{{spouse}, {partner}}, one: true, words: `配偶者 つれあい 連れ合い ぱあとなあ 伴侶 相方 spouse partner other-half better-half significant-other`},
	{paths: path(partner), gender: male, words: `彼氏 かれし boyfriend`},
	{paths: path(partner), gender: female, words: `girlfriend`},
	{paths: path(partner), words: `恋人 婚約者 こんやくしゃ ふぃあんせ fiance fiancee sweetheart date crush`},
	{paths: [][]step{{spouse}, {child, spouse}}, gender: female, words: `嫁 よめ 嫁さん よめさん お嫁さん およめさん 嫁はん`},

	{paths: path(child), gender: male, words: `息子 むすこ 息子さん せがれ 倅 長男 次男 二男 三男 四男 坊主 ぼうず 坊や ぼうや 一人息子 son boy sonny`},
	{paths: path(child), gender: female, words: `娘 むすめ 娘さん 長女 次女 二女 三女 四女 一人娘 お嬢さん daughter girl`},
	{paths: path(child), words: `子ども こども 子供 子 子どもさん 子供さん お子さん 末っ子 すえっこ 一人っ子 ひとりっ子 我が子 わが子 わがこ 赤ちゃん あかちゃん 赤ん坊 ちび ちびちゃん child kid baby little-one toddler infant`},
	{paths: path(child), many: true, words: `children kids kiddos kiddies babies little-ones ちびっこ 双子 ふたご twins bairns`},
	{paths: path(child), gender: male, many: true, words: `sons boys`},
	{paths: path(child), gender: female, many: true, words: `daughters girls`},
	{paths: path(child, child), words: `孫 まご 孫っ子 お孫さん 初孫 grandchild grandkid`},
	{paths: path(child, child), gender: male, words: `孫息子 まごむすこ grandson`},
	{paths: path(child, child), gender: female, words: `孫娘 まごむすめ granddaughter grand-daughter`},
	{paths: path(child, child), many: true, words: `grandchildren grandkids`},
	{paths: path(child, child), gender: male, many: true, words: `grandsons`},
	{paths: path(child, child), gender: female, many: true, words: `granddaughters`},
	{paths: path(child, child, child), words: `ひ孫 ひまご 曽孫 曾孫 great-grandchild great-grandson great-granddaughter`},
	{paths: path(child, child, child), many: true, words: `great-grandchildren great-grandkids`},

	{paths: path(sibling), gender: male, age: older, title: true, words: `兄 あに お兄さん おにいさん 兄さん にいさん お兄ちゃん おにいちゃん 兄ちゃん にいちゃん 兄貴 あにき にいに おにい 兄上 お兄様 長兄 次兄 onichan onisan`},
	{paths: path(sibling), gender: female, age: older, title: true, words: `姉 あね お姉さん おねえさん 姉さん ねえさん お姉ちゃん おねえちゃん 姉ちゃん ねえちゃん 姉貴 あねき ねえね おねえ 姉上 お姉様 長姉 次姉 onechan onesan`},
	{paths: path(sibling), gender: male, age: younger, words: `弟 おとうと 弟さん 弟くん`},
	{paths: path(sibling), gender: female, age: younger, words: `妹 いもうと 妹さん 妹ちゃん`},
	{paths: path(sibling), gender: male, words: `brother bro`},
	{paths: path(sibling), gender: female, words: `sister sis`},
	{paths: path(sibling), words: `sibling`},
	{paths: path(sibling), many: true, words: `兄弟 きょうだい 兄弟姉妹 兄妹 姉弟 siblings`},
	{paths: path(sibling), gender: male, many: true, words: `brothers bros`},
	{paths: path(sibling), gender: female, many: true, words: `姉妹 しまい sisters`},

	{paths: [][]step{{parent, sibling}, {parent, sibling, spouse}}, gender: female, title: true, words: `おばさん おば 伯母 叔母 伯母さん 叔母さん おばちゃん おばさま 小母さん aunt auntie aunty tante`},
	{paths: [][]step{{parent, sibling}, {parent, sibling, spouse}}, gender: male, title: true, words: `おじさん おじ 伯父 叔父 伯父さん 叔父さん おじちゃん おじさま 小父さん おっちゃん uncle`},
	{paths: [][]step{{parent, sibling}, {parent, sibling, spouse}}, gender: female, many: true, words: `aunts aunties`},
	{paths: [][]step{{parent, sibling}, {parent, sibling, spouse}}, gender: male, many: true, words: `uncles`},
	{paths: path(parent, sibling, child), title: true, words: `いとこ 従兄弟 従姉妹 従兄 従弟 従姉 従妹 従兄妹 従姉弟 cousin cuz`},
	{paths: path(parent, sibling, child), many: true, words: `cousins`},
	{paths: [][]step{{sibling, child}, {spouse, sibling, child}}, gender: male, words: `甥 甥っ子 おいっこ 甥御さん nephew`},
	{paths: [][]step{{sibling, child}, {spouse, sibling, child}}, gender: female, words: `姪 姪っ子 めいっこ 姪御さん niece`},
	{paths: [][]step{{sibling, child}, {spouse, sibling, child}}, gender: male, many: true, words: `nephews`},
	{paths: [][]step{{sibling, child}, {spouse, sibling, child}}, gender: female, many: true, words: `nieces`},
	{paths: [][]step{{parent, parent, sibling}, {parent, parent, sibling, spouse}}, gender: female, words: `大おば 大叔母 大伯母 great-aunt great-auntie`},
	{paths: [][]step{{parent, parent, sibling}, {parent, parent, sibling, spouse}}, gender: male, words: `大おじ 大叔父 大伯父 great-uncle`},

	{paths: path(spouse, parent), gender: female, one: true, words: `義母 ぎぼ 姑 しゅうとめ お姑さん 義理の母 義理の母親 義理のお母さん お義母さん 義母さん お義母ちゃん mother-in-law`},
	{paths: path(spouse, parent), gender: male, one: true, words: `義父 ぎふ 舅 しゅうと 義理の父 義理の父親 義理のお父さん お義父さん 義父さん お義父ちゃん father-in-law`},
	{paths: path(spouse, parent), many: true, words: `義父母 義両親 義理の両親 義理の親 in-laws parents-in-law`},
	{paths: path(child, spouse), gender: male, words: `婿 むこ お婿さん 婿さん 娘婿 義理の息子 義息子 son-in-law`},
	{paths: path(child, spouse), gender: female, words: `息子の嫁 義理の娘 義娘 daughter-in-law`},
	{paths: [][]step{{spouse, sibling}, {sibling, spouse}}, gender: male, words: `義兄 義弟 義理の兄 義理の弟 義理のお兄さん お義兄さん brother-in-law`},
	{paths: [][]step{{spouse, sibling}, {sibling, spouse}}, gender: female, words: `義姉 義妹 義理の姉 義理の妹 義理のお姉さん お義姉さん 兄嫁 sister-in-law`},

	{paths: path(friend), words: `友だち 友達 ともだち 友 友人 ゆうじん 親友 しんゆう だち まぶだち friend mate buddy pal bestie best-friend acquaintance`},
	{paths: path(friend), many: true, words: `friends mates buddies pals 友人一同`},
	{paths: path(housemate), words: `同居人 どうきょにん るうむめいと るうめいと はうすめいと roommate flatmate housemate room-mate co-resident`},
	{paths: path(housemate), many: true, words: `roommates flatmates housemates`},
	{paths: path(colleague), words: `同僚 どうりょう colleague co-worker workmate`},
	{paths: path(colleague), many: true, words: `colleagues co-workers workmates`},
	{paths: path(neighbour), words: `お隣さん おとなりさん 隣人 ご近所さん neighbour neighbor`},
	{paths: path(neighbour), many: true, words: `neighbours neighbors`},
	{paths: path(relative), words: `kin relative`},
	{paths: path(relative), many: true, words: `親戚 しんせき 親類 relatives relations`},
}

// kinByWord holds the kinships under every form of their words.
var kinByWord = sync.OnceValue(func() map[string][]*kinship {
	by := make(map[string][]*kinship)
	for i := range kinships {
		for _, w := range strings.Fields(kinships[i].words) {
			k := key(fold(w))
			by[k] = append(by[k], &kinships[i])
		}
	}
	for i := range kinships {
		for _, w := range strings.Fields(kinships[i].words) {
			// Shorter ones are too often something else, and Otto is a name.
			if latin := romaji(fold(w)); isKana(fold(w)) && len(latin) >= 4 && by[latin] == nil && latin != "otto" {
				by[latin] = []*kinship{&kinships[i]}
			}
		}
	}
	return by
})

// kinWord finds the meanings of a key, and whether it means several people
// together.
func kinWord(k string) (meanings []*kinship, many bool) {
	meanings = kinByWord()[k]
	if len(meanings) == 0 && isLatin(k) {
		meanings = kinByWord()[shortVowels.Replace(k)]
	}
	if len(meanings) > 0 {
		return meanings, meanings[0].many
	}
	for _, ending := range []string{"たち", "達", "ら", "tachi"} {
		one, ok := strings.CutSuffix(k, ending)
		// 子ら are children, but おばら is a name.
		if ok && len(kinByWord()[one]) > 0 && !(ending == "ら" && isKana(one)) {
			return kinByWord()[one], true
		}
	}
	return nil, false
}

// alsoNames are words for kin that people are also named.
var alsoNames = set(`nan nana nanna son`)

// ownKin are the words that people use of their own kin only. Others are also
// used as the children of the house use them: a wife calls her husband お父さん.
var ownKin = set(`母 はは 母親 父 ちち 父親 親 両親 祖母 そぼ 祖父 そふ 兄 あに 姉 あね mother father grandmother grandfather parents`)

// everyoneWords mean the whole family.
var everyoneWords = set(`みんな みな 皆 皆んな みなさん 皆さん 皆様 みなさま 全員 ぜんいん 家族 かぞく 家族全員 家族みんな 家族皆 家族一同 家族の皆 家族のみんな 家族の全員 一家 一家全員 一同 我が家 わがや 家の者 みんな全員
	everyone everybody all allofus usall everyoneofus family wholefamily allthefamily allofthefamily allfamily entirefamily everyoneinthefamily everybodyinthefamily everyoneathome everybodyathome household thelotofus
	minna minnasan zenin kazoku`)

// selfWords mean the speaker.
var selfWords = set(`私 わたし わたくし あたし 僕 ぼく 俺 おれ 自分 わし i me myself watashi boku`)

// possessives make somebody the speaker's; latinPossessives do so among words
// with blanks.
var possessives = strings.Fields(`うちの わたしの 私の あたしの わたくしの 僕の ぼくの 俺の おれの わしの 自分の 私たちの`)

var latinPossessives = set(`my our own uchi`)

// modifiers stand before Japanese words, latinModifiers before others.
var modifiers = strings.Fields(`我が家の わがやの わが家の 家の 実家の じっかの 田舎の いなかの 同居の 同居してる 同居している
	上の 下の 一番上の 一番下の いちばん上の いちばん下の 真ん中の まん中の 末の 二番目の 三番目の 大きい 小さい ちいさい おおきい 年上の 年下の 実の`)

var latinModifiers = set(`the dear poor old big little older elder oldest eldest younger youngest middle baby twin beloved darling all whole entire of`)

// sides are the words for one side of the family, by the parent on it.
var sides = map[string]string{"父方": "父", "母方": "母", "ちちかた": "父", "ははかた": "母", "お父さん方": "父", "お母さん方": "母"}

// counts say how many are meant.
var counts = map[string]int{
	"二人": 2, "2人": 2, "ふたり": 2, "三人": 3, "3人": 3, "さんにん": 3, "四人": 4, "4人": 4, "五人": 5, "5人": 5,
	"both": 2, "two": 2, "three": 3, "four": 4, "five": 5, "2": 2, "3": 3, "4": 4, "5": 5,
}

// allOf stand after those who are meant without exception.
var allOf = strings.Fields(`全員 みんな 皆 みな`)

// honorifics stand after a name; polite ones nobody uses of oneself.
var honorifics = []struct {
	ending string
	polite bool
}{
	{"ちゃん", false}, {"さん", true}, {"くん", false}, {"君", false}, {"さま", true}, {"様", true}, {"先生", true}, {"せんせい", true},
	{"ちゃま", false}, {"たん", false}, {"氏", true}, {"殿", true}, {"先輩", true},
}

var latinHonorifics = map[string]bool{"san": true, "sama": true, "sensei": true, "chan": false, "kun": false, "jr": false, "sr": false}

// addressed are the forms of address before a name, by the gender they tell.
var addressed = map[string]gender{"mr": male, "mister": male, "mrs": female, "ms": female, "miss": female, "sir": male, "mx": anyGender, "dr": anyGender, "doctor": anyGender, "prof": anyGender}

// householdEndings make a family of a family name; the first that fits decides.
var householdEndings = strings.Fields(fold(`さん一家 さん家 さんち さんのところ さんとこ 一家 ファミリー 家 family household s`))

// particles are parts of names that nobody is called by.
var particles = set(`and of de da di del la le van von der den the jr sr dr mr mrs ms miss`)

// kanaRows are the kana of each vowel, and lengthenedBy how it is made long.
var kanaRows = []string{
	"あかさたなはまやらわがざだばぱゃ", "いきしちにひみりぎじぢびぴ", "うくすつぬふむゆるぐずづぶぷゅゔ", "えけせてねへめれげぜでべぺ", "おこそとのほもよろをごぞどぼぽょ",
}

const lengthenedBy = "あいうえう"

// fullKana are the small vowels, which people write for style: ばぁば.
var fullKana = map[rune]rune{'ぁ': 'あ', 'ぃ': 'い', 'ぅ': 'う', 'ぇ': 'え', 'ぉ': 'お'}

// todaysKanji are the kanji for which a name on a card may have an older shape
// that is hard to type.
var todaysKanji = pairs(`髙高 﨑崎 嵜崎 碕崎 齋斎 齊斉 邊辺 邉辺 澤沢 濵浜 濱浜 桒桑 廣広 國国 嶋島 嶌島 櫻桜 眞真 惠恵 德徳 榮栄 壽寿 條条 瀨瀬 龍竜 鐵鉄 圓円 與与 藏蔵 曾曽 豐豊 靜静 禮礼 彌弥 冨富 槇槙 淸清 𠮷吉`)

// latinOf are the Latin letters of each kana, as names are written in passports.
var latinOf = syllables(`あa いi うu えe おo かka きki くku けke こko さsa しshi すsu せse そso たta ちchi つtsu てte とto なna にni ぬnu ねne のno はha ひhi ふfu へhe ほho
	まma みmi むmu めme もmo やya ゆyu よyo らra りri るru れre ろro わwa をo んn がga ぎgi ぐgu げge ごgo ざza じji ずzu ぜze ぞzo だda ぢji づzu でde どdo
	ばba びbi ぶbu べbe ぼbo ぱpa ぴpi ぷpu ぺpe ぽpo ゔvu ゃa ゅu ょo`)

func set(words string) map[string]bool {
	in := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		in[key(fold(w))] = true
	}
	return in
}

func pairs(words string) map[rune]rune {
	by := make(map[rune]rune)
	for _, w := range strings.Fields(words) {
		r := []rune(w)
		by[r[0]] = r[1]
	}
	return by
}

func syllables(words string) map[rune]string {
	by := make(map[rune]string)
	for _, w := range strings.Fields(words) {
		r := []rune(w)
		by[r[0]] = string(r[1:])
	}
	return by
}
