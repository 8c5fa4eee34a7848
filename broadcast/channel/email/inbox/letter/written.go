package letter

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// written is what a person wrote in a text: without what they quote or pass on
// and without their signature. Name is that of the writer, which often begins a
// signature.
//
// A mail that quotes with ">" may hold the answer above, below or between the
// quoted lines; one that quotes without a mark holds it above.
func written(text, name string) string {
	all := strings.Split(lines(text), "\n")
	var kept []string
	for i := 0; i < len(all); i++ {
		line := strings.TrimRightFunc(all[i], unicode.IsSpace)
		switch {
		case quoted(line):
			continue
		case all[i] == "-- ":
			// What follows the mark of RFC 3676 is a signature up to the end, or
			// up to the quote that some put below it.
			i = nextQuote(all, i) - 1
			continue
		case separates(all, i):
			return finish(kept, name)
		}
		if n := introduces(all, i); n > 0 && quotedFrom(all, i+n) {
			i += n - 1
			continue
		} else if n > 0 && certain.MatchString(strings.Join(all[i:i+n], " ")) {
			return finish(kept, name)
		}
		kept = append(kept, line)
	}
	return finish(kept, name)
}

// quoted reports whether the line is a quoted one. Faces such as >_< are not.
func quoted(line string) bool {
	s := strings.TrimLeft(line, " \t　")
	return (strings.HasPrefix(s, ">") || strings.HasPrefix(s, "＞")) && !face.MatchString(s)
}

var face = regexp.MustCompile(`^[>＞][^\s\p{L}\p{N}<＜>＞]{0,3}[<＜]|^[>＞][^\s\p{L}\p{N}<＜>＞]{0,2}[oOωдД口皿][^\s\p{L}\p{N}]{0,2}[<＜]`)

// nextQuote is the index of the first line from i on that is quoted or
// introduces a quote, else the number of lines.
func nextQuote(all []string, i int) int {
	for ; i < len(all); i++ {
		if quoted(all[i]) || introduces(all, i) > 0 {
			return i
		}
	}
	return i
}

// quotedFrom reports whether the next line from i on that is not empty is
// quoted.
func quotedFrom(all []string, i int) bool {
	for ; i < len(all); i++ {
		if strings.TrimSpace(all[i]) != "" {
			return quoted(all[i])
		}
	}
	return true
}

const (
	// stamp is a date as programs write it before what they quote.
	stamp = `(?:\d{4}年\s?\d{1,2}月\s?\d{1,2}日|\d{4}[/.-]\d{1,2}[/.-]\d{1,2}|\d{1,2}月\d{1,2}日|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?,? .{0,12}\d)`
	// who is an address as it stands there.
	who = `<?(?:mailto:)?[^\s<>@]{1,64}@[^\s<>@、,:：]{1,253}>?`
)

// attributions are the lines that introduce what is quoted; each has to match a
// whole line, or two or three joined.
var attributions = []*regexp.Regexp{
	// Gmail, Apple Mail, Thunderbird in English.
	regexp.MustCompile(`^On .{0,40}\d.{0,200}\bwrote\s?:$`),
	// Gmail in Japanese, on the web and on phones.
	regexp.MustCompile(`^` + stamp + `.{0,150}` + who + `\s?[:：]$`),
	// Apple Mail in Japanese; Yahoo! JAPAN; docomo.
	regexp.MustCompile(`^` + stamp + `.{0,20}\d{1,2}[:：時]\s?\d{2}.{0,200}(?:のメール|のメッセージ)\s?[:：]$`),
	// Thunderbird, Becky!, Outlook.com in Japanese, with a date or a name first.
	regexp.MustCompile(`^.{0,200}(?:さんは|さんが|は|が)(?:書きました|かきました|書いた|wrote)\s?[:：]?$`),
	// Yahoo! JAPAN and older programs.
	regexp.MustCompile(`^(?:-{2,5} )?.{1,80}` + who + `(?:,)? wrote\s?:$`),
	regexp.MustCompile(`^` + stamp + `.{0,100}\bwrote\s?:$`),
}

// certain is an introduction that no person writes; only below such a one may
// a quote have no marks.
var certain = regexp.MustCompile(stamp + `|` + who)

// introduces is how many lines from i on are one line that introduces a quote,
// broken by the program that sent it; 0 when they are none.
func introduces(all []string, i int) int {
	joined := ""
	for n := 1; n <= 3 && i+n <= len(all); n++ {
		line := strings.TrimSpace(all[i+n-1])
		if line == "" || len(line) > 400 || quoted(all[i+n-1]) {
			return 0
		}
		if n > 1 {
			joined += " "
		}
		joined += line
		if n == 1 && !begins.MatchString(line) && !ends.MatchString(line) {
			return 0
		}
		if !ends.MatchString(line) {
			continue
		}
		for _, a := range attributions {
			if a.MatchString(joined) {
				return n
			}
		}
	}
	return 0
}

// begins and ends tell quickly that a line is no part of an introduction.
var (
	begins = regexp.MustCompile(`^(?:On |-{2,5} |"|` + stamp + `)`)
	ends   = regexp.MustCompile(`(?:[:：]|書きました|かきました|書いた)$`)
)

// outlookLine is the line that Outlook draws above what it quotes.
const outlookLine = "________________________________"

var (
	// divider stands above a mail that is quoted or passed on whole.
	divider = regexp.MustCompile(`(?i)^[-_=*\s　]{0,60}(?:Original Message|Forwarded message|Begin forwarded message:?|Forwarded by .{0,80}|Reply message|` +
		`元のメッセージ|元のメール|オリジナル ?メッセージ|転送(?:された)?(?:メッセージ|メール)[:：]?|転送元(?:メッセージ|メール)|引用元メール|受信メール)[-_=*\s　]{0,60}$`)
	// dashed must be in a divider unless a header follows it.
	dashed = regexp.MustCompile(`^\s*[-_=*]{2}`)
	// fieldLine is a line of the header that stands below it.
	fieldLine = regexp.MustCompile(`(?i)^[*\s　]*(From|Sent|To|Cc|Date|Subject|Reply-To|差出人|送信者|送信元|送信日時|送信日|送信時間|日時|日付|受信日時|宛先|Cc|件名|題名)[*\s　]*[:：]`)
	fromLine  = regexp.MustCompile(`(?i)^[*\s　]*(From|差出人|送信者|送信元)[*\s　]*[:：]`)
)

// separates reports whether a mail that is quoted or passed on whole begins at
// line i.
func separates(all []string, i int) bool {
	line := strings.TrimSpace(all[i])
	switch {
	case line == "":
		return false
	case divider.MatchString(line):
		return dashed.MatchString(line) || strings.HasSuffix(line, ":") || strings.HasSuffix(line, "：") || fields(all, i+1) >= 2
	case fromLine.MatchString(line):
		return fields(all, i) >= 3
	case ruler(line):
		next := i + 1
		for next < len(all) && strings.TrimSpace(all[next]) == "" {
			next++
		}
		return next < len(all) && fieldLine.MatchString(strings.TrimSpace(all[next])) && fields(all, next) >= 2
	}
	return false
}

// fields counts the lines of a header from line i on.
func fields(all []string, i int) int {
	n := 0
	for _, line := range all[min(i, len(all)):min(i+10, len(all))] {
		if fieldLine.MatchString(strings.TrimSpace(line)) {
			n++
		} else if strings.TrimSpace(line) == "" && n > 0 {
			break
		}
	}
	return n
}

// ruler reports whether a line is drawn, rather than written.
func ruler(line string) bool {
	line = strings.TrimSpace(line)
	if utf8.RuneCountInString(line) < 3 {
		return false
	}
	drawn := 0
	for _, r := range line {
		if unicode.IsLetter(r) && r != 'ー' || unicode.IsNumber(r) {
			return false
		}
		if strings.ContainsRune("-_=*~+#─━―‐ー＝＊～☆★◆◇■□●○・*.。:｡･゜゚+｡", r) {
			drawn++
		}
	}
	return drawn*2 > utf8.RuneCountInString(line)
}

// device is the line that a program or a phone adds below every mail.
var device = regexp.MustCompile(`(?i)^(?:(?:私の|マイ)?\s?(?:iPhone|iPad|Android|スマートフォン|スマホ|Galaxy|Xperia|AQUOS|arrows|らくらく|docomo|ドコモ|au|SoftBank|ソフトバンク|Y!mobile|Yahoo!?|Outlook|Gmail|Windows|Thunderbird|Samsung|Huawei|携帯)[^。、]{0,40}?(?:から|より)(?:の?送信(?:しました|されました|されています)?)[。.]?` +
	`|Sent (?:from|with|via|using) .{1,60}|Get Outlook for .{1,40}|(?:Outlook for (?:iOS|Android)|.{0,20}版 Outlook) ?を?(?:入手|ダウンロード|取得).{0,80}|Yahoo!? Mail: .{1,40})$`)

// linked is the address that stands behind such a line where it was a link.
var linked = regexp.MustCompile(`\s*<?https?://\S+>?$`)

// finish takes the signature from the end of what was kept.
func finish(kept []string, name string) string {
	var text []string
	for _, line := range kept {
		if !device.MatchString(linked.ReplaceAllString(strings.TrimSpace(line), "")) {
			text = append(text, line)
		}
	}
	for i, line := range text {
		if ruler(line) && i > 0 && len(text)-i <= maxSignature && signature(text[i:], name) && strings.TrimSpace(strings.Join(text[:i], "")) != "" {
			text = text[:i]
			break
		}
	}
	return strings.TrimSpace(squeeze(strings.Join(text, "\n")))
}

// maxSignature is how many lines a signature has at most.
const maxSignature = 14

// contact is what stands in a signature and hardly in an answer.
var contact = regexp.MustCompile(`(?i)@[a-z0-9-]+\.|https?://|www\.|〒\s?\d|\b(?:tel|fax|phone|mobile|cell|mail|e-mail)\b\s*[.:：]?|(?:電話|携帯|住所|メール|アドレス)\s*[:：]|^[\s(+]*0\d{1,4}[-( ]{1,2}\d{1,4}[-) ]{1,2}\d{3,4}\s*$`)

// office is what a line in a signature is made of that says where one works.
var office = regexp.MustCompile(`株式会社|有限会社|合同会社|\b(?:Inc|Ltd|LLC|Corp|Co)\b\.?|(?:部|課|室|支店|営業所|学校|大学|病院)$`)

// signature reports whether the lines are a signature and surely nothing else:
// rulers, ways to be reached, where one works, and the writer's own name. A
// word beside these may be the one that matters.
func signature(text []string, name string) bool {
	reached := false
	for _, line := range text {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || ruler(line):
		case contact.MatchString(line):
			reached = true
		case office.MatchString(line) && utf8.RuneCountInString(line) <= 40:
		case isName(line, name):
		default:
			return false
		}
	}
	return reached || len(text) > 1 && named(text, name)
}

func named(text []string, name string) bool {
	for _, line := range text {
		if isName(strings.TrimSpace(line), name) {
			return true
		}
	}
	return false
}

// isName reports whether a line is the name of the writer, perhaps with its
// reading behind it.
func isName(line, name string) bool {
	bare := func(s string) string {
		return strings.ToLower(strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsNumber(r) {
				return r
			}
			return -1
		}, s))
	}
	line, _, _ = strings.Cut(strings.ReplaceAll(line, "（", "("), "(")
	l, n := bare(line), bare(name)
	return l != "" && n != "" && utf8.RuneCountInString(l) >= 2 && (l == n || strings.HasPrefix(n, l) || strings.HasSuffix(n, l) || strings.HasPrefix(l, n) && utf8.RuneCountInString(l) <= 2*utf8.RuneCountInString(n))
}

var manyBlank = regexp.MustCompile(`\n{3,}`)

// squeeze leaves one empty line where there were several.
func squeeze(s string) string { return manyBlank.ReplaceAllString(s, "\n\n") }
