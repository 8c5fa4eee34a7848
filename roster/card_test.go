package roster

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func lines(l ...string) string {
	return "BEGIN:VCARD\r\n" + strings.Join(l, "\r\n") + "\r\nEND:VCARD\r\n"
}

func TestParseCard(t *testing.T) {
	tests := map[string]struct {
		text string
		want Card
	}{
		"version 4": {
			lines("VERSION:4.0", "UID:urn:uuid:1a-2b", "FN:ネズミ", "N:;ネズミ;;;", "NICKNAME:チュー,Mouse",
				"EMAIL;TYPE=HOME:nezumi@example.net", "EMAIL;TYPE=WORK;PREF=1:nezumi@work.example",
				"TEL;VALUE=uri;TYPE=cell:tel:+81-90-0000-0001", "CATEGORIES:家族,Kids", "LANG;PREF=2:de", "LANG;PREF=1:ja-JP",
				"RELATED;TYPE=child;VALUE=text:お母さん", "RELATED;TYPE=spouse:urn:uuid:3c", "NOTE:private"),
			Card{UID: "1a-2b", Name: "ネズミ", Nicknames: []string{"チュー", "Mouse"},
				Emails: []string{"nezumi@work.example", "nezumi@example.net"}, Phones: []string{"+81-90-0000-0001"},
				Lang: "ja", Groups: []string{"家族", "Kids"}, Relations: []Relation{{"child", "お母さん"}, {"spouse", "3c"}}},
		},
		"version 3, TYPE=PREF, groups and folding": {
			lines("VERSION:3.0", "UID:x", "item1.EMAIL;TYPE=INTERNET:first@example.net", "item1.X-ABLABEL:Home",
				"EMAIL;TYPE=\"WORK,PREF\";X-ODD=\"a;b:c\":second@exam", " ple.net", "FN:Mike O\\'Neil\\, Jr."),
			Card{UID: "x", Name: "Mike O\\'Neil, Jr.", Emails: []string{"second@example.net", "first@example.net"}},
		},
		"version 2.1 of an old phone, Shift_JIS": {
			lines("VERSION:2.1", "N;CHARSET=SHIFT_JIS;ENCODING=QUOTED-PRINTABLE:=8ER=93c;=89=D4=8Eq;;;",
				"EMAIL;INTERNET;PREF:hana..ko@docomo.ne.jp", "TEL;CELL:09000000001"),
			Card{UID: "file", Name: "山田 花子", Emails: []string{"hana..ko@docomo.ne.jp"}, Phones: []string{"09000000001"}},
		},
		"version 2.1, UTF-8, soft line breaks": {
			lines("VERSION:2.1", "FN;QUOTED-PRINTABLE;CHARSET=UTF-8:=E5=B1=B1=E7=94=B0=", "=E3=80=80=E8=8A=B1=", "=E5=AD=90", "UID:q"),
			Card{UID: "q", Name: "山田　花子"},
		},
		"quoted-printable whose parameters are folded": {
			lines("VERSION:2.1", "FN;CHARSET=UTF-8;", " ENCODING=QUOTED-PRINTABLE:=E5=B1=", "=B1", "UID:q"),
			Card{UID: "q", Name: "山"},
		},
		"base64 name": {
			lines("VERSION:2.1", "FN;ENCODING=BASE64;CHARSET=UTF-8:5bGx", "UID:b"),
			Card{UID: "b", Name: "山"},
		},
		"byte order mark, blank lines, bare line feeds": {
			"\uFEFF\n\nBEGIN:vcard\nVERSION:3.0\nUID:bom\nFN:Bom\nend:VCARD",
			Card{UID: "bom", Name: "Bom"},
		},
		"categories with an escaped comma": {
			lines("UID:c", "CATEGORIES:family,tokyo\\,east,\\;x", "CATEGORIES:FAMILY"),
			Card{UID: "c", Groups: []string{"family", "tokyo,east", ";x"}},
		},
		"names with escapes": {
			lines("UID:n", "N:O\\;Neil;Anne,Marie;von\\Nhier\\\\;;"),
			Card{UID: "n", Name: "Anne,Marie von hier\\ O;Neil"},
		},
		"a character cut in two by folding": {
			lines("UID:f", "FN:\xe5\xb1\r\n \xb1\xe7\x94\xb0"),
			Card{UID: "f", Name: "山田"},
		},
		"what turns writing round, and what hides": {
			lines("UID:h\x00\x1b[31m", "FN:\u202eevil\u202c\u200b \x07name\ufeff\\n\U0001F468\u200d\U0001F469"),
			Card{UID: "h[31m", Name: "evil name \U0001F468\u200d\U0001F469"},
		},
		"a kanji variant stays": {
			lines("UID:k", "FN:\uFA19田"),
			Card{UID: "k", Name: "\uFA19田"},
		},
		"addresses that are none": {
			lines("UID:e", "EMAIL:mailto:a@b.example", "EMAIL:nobody", "EMAIL:x@y.example\\nBcc: all@y.example", "EMAIL:two words@y.example", "EMAIL:@", "EMAIL:", "EMAIL:A@B.example"),
			Card{UID: "e", Emails: []string{"a@b.example"}, Complaints: []string{
				`"nobody" is not an e-mail address, so no mail goes there`,
				`"x@y.example Bcc: all@y.example" is not an e-mail address, so no mail goes there`,
				`"two words@y.example" is not an e-mail address, so no mail goes there`,
				`"@" is not an e-mail address, so no mail goes there`,
			}},
		},
		"languages": {
			lines("UID:l", "LANG:nonsense-here", "LANG:de-CH", "LANG:EN_us", "LANG:jp"),
			Card{UID: "l", Lang: "en"},
		},
		"the country instead of the language": {lines("UID:l", "LANG:jp"), Card{UID: "l", Lang: "ja"}},
		"a group of Apple's":                  {lines("UID:g", "FN:Family", "X-ADDRESSBOOKSERVER-KIND:group"), Card{UID: "g", Name: "Family", Kind: "group"}},
		"a photo is not looked at": {
			lines("UID:p", "PHOTO;ENCODING=b:"+strings.Repeat("QUJD\r\n ", 400_000), "FN:P"),
			Card{UID: "p", Name: "P"},
		},
		"the second card of a file is another's": {lines("UID:1") + lines("UID:2", "FN:Two"), Card{UID: "1"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseCard([]byte(tt.text), "file")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnreadableCards(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"nothing":        {"", "it is empty"},
		"a web page":     {"<html>", "it does not begin like a vCard"},
		"a calendar":     {"BEGIN:VCALENDAR\r\n", "it does not begin like a vCard"},
		"half":           {"BEGIN:VCARD\r\nFN:x\r\n", "its end is missing"},
		"the wrong end":  {"BEGIN:VCARD\r\nEND:VCALENDAR\r\n", "it is not a readable vCard: vcard: invalid END value"},
		"card in a card": {lines("FN:a", "BEGIN:VCARD", "FN:b", "END:VCARD"), "there is a card inside the card"},
		"a million":      {lines(strings.Repeat("EMAIL:a@b\r\n", 3000)), "it has more than 2000 lines"},
		"2 MiB of name":  {lines("FN:" + strings.Repeat("x", 2<<20)), "it is larger than 1 MiB without photo"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if card, err := parseCard([]byte(tt.text), "file"); err == nil || err.Error() != tt.want {
				t.Errorf("got %+v, error %v, want %s", card, err, tt.want)
			}
		})
	}
}

// What go-webdav reads after mend is what was there before, but for ETags and
// cards; what is not XML is left alone.
func TestMend(t *testing.T) {
	tests := map[string]struct{ before, after string }{
		"ETags": {
			`<a xmlns="DAV:"><getetag>W/"1"</getetag><getetag>2</getetag><getetag>"3"</getetag><getetag/><x>W/"4"</x></a>`,
			`<a xmlns="DAV:"><getetag>&#34;1&#34;</getetag><getetag>&#34;2&#34;</getetag><getetag>&#34;3&#34;</getetag><getetag/><x>W/"4"</x></a>`,
		},
		"another's getetag": {`<a xmlns="other"><getetag>1</getetag></a>`, `<a xmlns="other"><getetag>1</getetag></a>`},
		"CDATA and comments": {
			`<a xmlns:d="DAV:"><!-- c --><d:getetag><![CDATA["1]]><!-- c -->"</d:getetag>&amp;</a>`,
			`<a xmlns:d="DAV:"><!-- c --><d:getetag>&#34;1&#34;</d:getetag>&amp;</a>`,
		},
		"a card": {
			`<c:address-data xmlns:c="urn:ietf:params:xml:ns:carddav">BEGIN:VCARD&#13;
CATEGORIES:a\,b&#13;
NOTE:x&#13;
END:VCARD</c:address-data>`,
			`<c:address-data xmlns:c="urn:ietf:params:xml:ns:carddav">BEGIN:VCARD&#xD;&#xA;CATEGORIES:a\\,b&#xD;&#xA;END:VCARD&#xD;&#xA;</c:address-data>`,
		},
		"no card":  {`<address-data xmlns="urn:ietf:params:xml:ns:carddav">x</address-data>`, `<address-data xmlns="urn:ietf:params:xml:ns:carddav"></address-data>`},
		"cut off":  {`<a xmlns="DAV:"><getetag>1</getetag><b>`, `<a xmlns="DAV:"><getetag>1</getetag><b>`},
		"not XML":  {`{"a": 1}`, `{"a": 1}`},
		"nothing":  {``, ``},
		"bad ends": {`<a xmlns="DAV:"><getetag>1</a>`, `<a xmlns="DAV:"><getetag>1</a>`},
	}
	for name, tt := range tests {
		if diff := cmp.Diff(tt.after, string(mend([]byte(tt.before)))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func FuzzParseCard(f *testing.F) {
	f.Add([]byte(lines("VERSION:4.0", "UID:1", "FN:ネズミ", "EMAIL;PREF=1:a@b.example", "LANG:ja", "CATEGORIES:a\\,b,c")))
	f.Add([]byte(lines("VERSION:2.1", "N;CHARSET=SHIFT_JIS;ENCODING=QUOTED-PRINTABLE:=8ER=93c;=", "=89=D4=8Eq", "TEL;CELL;PREF:1")))
	f.Add([]byte("\uFEFFBEGIN:VCARD\nitem1.FN;X=\"a:b\":\u202ex\n y\nRELATED;TYPE=child:urn:uuid:1\nEND:VCARD"))
	f.Add([]byte("BEGIN:VCARD\nFN;ENCODING=B:////\nN:;;;;;;;\\\nEND:VCARD"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		card, err := parseCard(raw, "file")
		if err != nil {
			return
		}
		texts := append([]string{card.UID, card.Kind, card.Name, card.Lang}, card.Complaints...)
		for _, list := range [][]string{card.Nicknames, card.Emails, card.Phones, card.Groups} {
			if len(list) > maxValues {
				t.Errorf("%d values", len(list))
			}
			texts = append(texts, list...)
		}
		for _, r := range card.Relations {
			texts = append(texts, r.Type, r.Who)
		}
		for _, s := range texts {
			// Types and complaints wrap a text in words of our own.
			if !utf8.ValidString(s) || utf8.RuneCountInString(s) > 5*maxTextRunes || strings.ContainsFunc(s, unicode.IsControl) || strings.ContainsAny(s, "\u202e\u2066\u200f") {
				t.Errorf("not clean: %q", s)
			}
		}
		if utf8.RuneCountInString(card.Name) > maxTextRunes || card.Name != strings.TrimSpace(card.Name) {
			t.Errorf("name: %q", card.Name)
		}
		for _, e := range card.Emails {
			if len(e) > maxMailBytes || !strings.Contains(e, "@") || strings.ContainsFunc(e, unicode.IsSpace) {
				t.Errorf("address: %q", e)
			}
		}
		// A member made of it can be named, however empty the card.
		state := State{Books: []Book{{Path: "/b/", Cards: map[string]Entry{"/b/x.vcf": {Card: &card}}}}}
		for _, m := range Build(state, Rules{}).Members {
			if m.Name == "" || m.ID == "card:" {
				t.Errorf("member %+v of %q", m, raw)
			}
		}
	})
}

// What can be read before mend can be read after it, and every ETag is quoted.
func FuzzMend(f *testing.F) {
	f.Add([]byte(`<d:multistatus xmlns:d="DAV:"><d:getetag>W/"1"</d:getetag></d:multistatus>`))
	f.Add([]byte(`<getetag xmlns="DAV:">W/W/"\"<!-- " -->&lt;</getetag>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if !wellFormed(body) {
			return
		}
		mended := mend(body)
		if !wellFormed(mended) {
			t.Fatalf("mended %q into %q", body, mended)
		}
		var answer struct {
			ETag *string `xml:"DAV: getetag"`
		}
		if xml.Unmarshal(mended, &answer) == nil && answer.ETag != nil && *answer.ETag != "" && !bytes.Contains(body, []byte("<!")) {
			if _, err := strconv.Unquote(*answer.ETag); err != nil && strings.Count(string(body), "getetag") == 2 {
				t.Errorf("ETag %q of %q", *answer.ETag, mended)
			}
		}
	})
}

func wellFormed(body []byte) bool {
	dec := xml.NewDecoder(bytes.NewReader(body))
	for {
		if _, err := dec.Token(); err != nil {
			return err == io.EOF
		}
	}
}

// Thirty members and three thousand: a hundred times the people should cost
// little more than a hundred times the time.
func BenchmarkBuild(b *testing.B) {
	perMember := make(map[int]float64)
	for _, n := range []int{30, 3000} {
		state := neighbourhood(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if r := Build(state, Rules{}); len(r.Members) != n {
					b.Fatalf("%d members", len(r.Members))
				}
			}
			perMember[n] = float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(n)
			b.ReportMetric(perMember[n], "ns/member")
			if perMember[30] > 0 {
				b.ReportMetric(perMember[n]/perMember[30], "times-30")
			}
		})
	}
}

// neighbourhood has everybody twice: as an account and in a book of the people
// who run it.
func neighbourhood(n int) State {
	accounts := Book{Path: "/accounts/", Name: "Accounts", System: true, Cards: make(map[string]Entry)}
	people := Book{Path: "/people/", Name: "People", Cards: make(map[string]Entry)}
	for i := range n {
		name, mail := fmt.Sprintf("Neighbour %d", i), fmt.Sprintf("n%d@example.net", i)
		accounts.Cards[fmt.Sprintf("/accounts/Database:n%d.vcf", i)] = Entry{ETag: "1", Card: &Card{UID: fmt.Sprintf("n%d", i), Name: name, Emails: []string{mail}}}
		people.Cards[fmt.Sprintf("/people/%d.vcf", i)] = Entry{ETag: "1", Card: &Card{UID: fmt.Sprintf("p%d", i), Name: name, Emails: []string{"home-" + mail, mail}, Groups: []string{"street"}}}
	}
	return State{Books: []Book{accounts, people}}
}
