package answer

// persons adds the words for people, in both languages.
func persons(b builder) {
	b.words(me, `私ども わたくしども 私共 手前ども 我が身 私 わたし わたくし あたし あたい ぼく 僕 俺 おれ オレ わし ワシ わい おいら 自分 じぶん こっち こちら 当方 小生 わて うち うちら 我 わたしら 私自身 おい おいどん わっち うら わだし おら おらほ あて わだす あっし 本人 i me my myself mine`)
	b.words(we, `私たち 私達 わたしたち わたし達 僕ら 僕たち 俺ら 俺たち うちら 我々 われわれ 私ら ぼくたち ぼくら we us our ourselves`)
	b.words(all, `みんな みな 皆 みなさん 皆さん 皆様 みなさま 全員 ぜんいん 家族全員 家族みんな 一家全員 一同 みんなみんな 総員 家族一同 家中 二人とも ふたりとも 三人とも 四人とも 五人とも 六人とも 2人とも 3人とも 4人とも 5人とも 両方 両方とも どちらも 全家族 一家 家族 かぞく うちの家族 わが家 我が家 わがや みな全員 家族みな
		everyone everybody all both`)
	b.phrases(all, `all of us, both of us, the whole family, whole family, the family, my family, our family, the two of us, the three of us, the four of us, the five of us, us all, we all, the lot of us, every one of us, all here, each of us, family, fam`)
	b.words(you, `そっち そちら あなた あんた 君 きみ おまえ お前 そちらさん 貴方 you your yours yourself u ur`)
	b.words(pronoun, `彼 彼女 かれ かのじょ 彼ら あの人 あの子 あいつ 向こう むこう あちら he she they him them her his their hes shes`)
	b.words(person, `母 父 母親 父親 両親 りょうしん 親 おや 祖父 祖母 祖父母 曾祖母 曾祖父 義母 義父 お義母さん お義父さん 義母さん 義父さん 義両親 義理の母 義理の父 義兄 義姉 義弟 義妹 はは ちち お母さん おかあさん お母ちゃん おかあちゃん 母さん かあさん 母ちゃん かあちゃん おふくろ お袋 ママ おかん オカン おかぁさん おかん お父さん おとうさん お父ちゃん 父さん とうさん 父ちゃん とうちゃん おやじ 親父 オヤジ パパ おとん オトン
		おじいちゃん おじいさん じいちゃん じいさん じいじ じじ じぃじ おじい 祖父さん お祖父さん お爺さん 爺ちゃん 爺さん お爺ちゃん じじい おばあちゃん おばあさん ばあちゃん ばあさん ばあば ばば ばぁば おばあ お祖母さん お婆さん 婆ちゃん 婆さん お婆ちゃん ひいおばあちゃん ひいおじいちゃん ひいばあちゃん ひいじいちゃん おばぁちゃん おばば ばっちゃ じっちゃ ばっぱ じっぱ ばんば かっちゃ とっちゃ おっかあ おっかさん おっとう あんちゃん おんちゃん おばやん おじやん ばあや じいや ばあちゃ じいちゃ おばば おじじ じさま ばさま じっちゃん ばっちゃん じっさま ばっさま じいさま ばあさま おかさん おとさん おばさま おじさま
		おじさん おじちゃん おっちゃん 叔父 伯父 叔父さん 伯父さん おばさん おばちゃん 叔母 伯母 叔母さん 伯母さん おじ おば
		兄 姉 弟 妹 あに あね おとうと いもうと お兄ちゃん おにいちゃん お兄さん おにいさん 兄ちゃん にいちゃん 兄さん 兄貴 あにき お姉ちゃん おねえちゃん お姉さん おねえさん 姉ちゃん ねえちゃん 姉さん 姉貴 兄弟 きょうだい 姉妹 兄妹 姉弟 弟くん 妹ちゃん 弟たち 妹たち アニキ あねき
		夫 妻 旦那 だんな 旦那さん だんなさん 主人 ご主人 嫁 よめ 嫁さん 奥さん 家内 かみさん 女房 ダンナ うちの人 パートナー 彼氏 相方 婿 婿さん 夫婦 フィアンセ 婚約者
		娘 息子 むすめ むすこ 娘たち 息子たち 娘さん 息子さん 長男 次男 三男 長女 次女 三女 末っ子 上の子 下の子 真ん中の子 子ども 子供 こども 子どもたち 子供たち こどもたち 子供達 子ども達 こども達 子 子ら 赤ちゃん あかちゃん 赤ん坊 孫 まご 孫たち 双子 ふたご ちび チビ ちびたち チビたち 坊や ぼうず 子供ら 子ども二人 子供二人 うちの子 嬢ちゃん お嬢 坊ちゃん
		いとこ 従兄弟 従姉妹 従兄 従妹 甥 姪 めい 甥っ子 姪っ子 親戚 しんせき 親類 友達 ともだち 友人 友だち 同僚 上司 部下 先輩 後輩 隣人 隣の人 隣のおばあさん お隣 お隣さん となりの人 近所の人 ご近所さん 近所の方 大家さん 管理人さん 先生 生徒 児童 園児 社員 スタッフ 利用者 利用者さん 入居者 患者 患者さん お客さん お客様 仲間 チーム 部員 班員 クラスメイト 学生 職員 従業員 乗客 住民 町内会長 班長 ヘルパーさん 母子 親子 うちの者 メンバー
		犬 いぬ 猫 ねこ ネコ イヌ わんこ ワンコ にゃんこ 愛犬 愛猫 ペット うさぎ インコ
		mum mom mummy mommy mam ma mama mother dad daddy da papa pa father parents parent grandma grandpa granny gran grandad granddad grampa gramps grandmother grandfather grandparents nan nana nanna nanny nonna nonno oma opa mawmaw pops pop
		brother bro sister sis brothers sisters siblings sibling twin twins son sons daughter daughters kid kids child children baby toddler boy girl boys girls wife husband hubby partner spouse fiance fiancee boyfriend girlfriend bf gf missus wifey
		uncle aunt auntie aunty uncles aunts cousin cousins nephew niece nephews nieces grandson granddaughter grandkids grandchildren grandchild
		neighbour neighbor neighbours neighbors friend friends colleague colleagues coworker coworkers roommate flatmate housemate boss teacher students student class guests guest staff passenger passengers relatives
		dog dogs cat cats pet pets puppy kitten rabbit hamster stepdad stepmum stepmom stepson stepdaughter inlaws mil fil bil`)
	b.phrases(person, `mother in law, father in law, brother in law, sister in law, son in law, daughter in law, mother-in-law, father-in-law, great grandma, great gran, old man, old lady, the lads`)
	b.words(now, `もう 今 いま 今は いまは 現在 now anymore already since nowadays`)
	b.phrases(now, `out now, by now`)
	b.words(title, `さん ちゃん くん クン 君 さま 様 先輩 氏 たん っち 先生 ちゃま`)
	b.words(with, `一緒 いっしょ 一緒に いっしょに と一緒 と一緒に といっしょ といっしょに ともに と共に と二人 と合流 と2人 連れて つれて with together`)
	b.words(contact|hear, `から連絡 から電話 からメール から返事 から返信 からライン からLINE から聞いた から聞きました と連絡 と電話 と話せ と話し と連絡が に連絡 と会え に会え に会った に会いました と合流 に電話した に確認 を確認 を見つけ  かられんらく からでんわ に聞いた に聞いたら に電話したら によると によれば と通話 と電話できた を保護 からショートメール からショートメッセージ からSMS から伝言 に連絡したら から報告`)
}
