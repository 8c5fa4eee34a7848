package locale_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

func TestFor(t *testing.T) {
	for tag, want := range map[string]string{
		"ja": "ja", "ja-JP": "ja", "ja_JP.UTF-8": "ja", "JA": "ja", "en": "en", "en-GB": "en", "de": "en", "": "en", "C": "en", "jv": "en",
	} {
		if got := locale.For(tag, time.UTC).Lang; got != want {
			t.Errorf("For(%q) speaks %s, want %s", tag, got, want)
		}
	}
}

func TestOneLine(t *testing.T) {
	for _, c := range []struct {
		text string
		max  int
		want string
	}{
		{"", 10, ""},
		{"Kenta", 10, "Kenta"},
		{"  two\r\n\tlines  ", 20, "two lines"},
		{"a\u2028b\u2029c\u0085d", 20, "a b c d"},
		{"全角　空白", 20, "全角 空白"},
		{"ab", 2, "ab"},
		{"abc", 2, "ab…"},
		{"日本語", 2, "日本…"},
		{"a\x00b\x1b[31mc\x7f", 20, "ab[31mc"},
		{"\u202eevil\u2066\u2069\u200f", 20, "evil"},
		{"a\xffb\xfe", 20, "ab"},
		{"\ufeffBOM", 20, "BOM"},
		{"\n\n\n", 20, ""},
		{"👨‍👩‍👧", 20, "👨‍👩‍👧"},
		{"abc", 0, "…"},
	} {
		if got := locale.OneLine(c.text, c.max); got != c.want {
			t.Errorf("OneLine(%q, %d) = %q, want %q", c.text, c.max, got, c.want)
		}
	}
}

func FuzzOneLine(f *testing.F) {
	for _, s := range []string{"", "a\nb", "\u202e@all", "\xff\xfe", strings.Repeat("長", 600), "  x  ", "a \n"} {
		f.Add(s, 5)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = min(max(limit, 0), 1000)
		got := locale.OneLine(s, limit)
		n := utf8.RuneCountInString(got)
		if n > limit+1 {
			t.Errorf("OneLine(%q, %d) has %d characters", s, limit, n)
		}
		if !utf8.ValidString(got) || strings.TrimSpace(got) != got {
			t.Errorf("OneLine(%q, %d) = %q", s, limit, got)
		}
		for _, r := range got {
			if unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r) || r != ' ' && unicode.IsSpace(r) {
				t.Errorf("OneLine(%q, %d) keeps %U", s, limit, r)
			}
		}
		if again := locale.OneLine(got, limit); n <= limit && again != got {
			t.Errorf("OneLine(%q, %d) = %q, and once more %q", s, limit, got, again)
		}
	})
}

func TestWhenAndClock(t *testing.T) {
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	ja, en := locale.For("ja", tokyo), locale.For("en", tokyo)
	at := func(hour, minute int) time.Time {
		return time.Date(2026, 11, 22, hour, minute, 0, 0, tokyo).UTC()
	}
	for _, c := range []struct {
		at             time.Time
		japan, english string
	}{
		{at(0, 0), "夜中12:00", "12:00 am"},
		{at(3, 59), "夜中3:59", "3:59 am"},
		{at(4, 0), "朝4:00", "4:00 am"},
		{at(8, 30), "朝8:30", "8:30 am"},
		{at(11, 5), "昼11:05", "11:05 am"},
		{at(12, 0), "昼12:00", "12:00 pm"},
		{at(13, 0), "午後1:00", "1:00 pm"},
		{at(16, 0), "夕方4:00", "4:00 pm"},
		{at(18, 0), "夜6:00", "6:00 pm"},
		{at(23, 59), "夜11:59", "11:59 pm"},
	} {
		if got := ja.Clock(c.at); got != c.japan {
			t.Errorf("%v is %q in Japanese, want %q", c.at, got, c.japan)
		}
		if got := en.Clock(c.at); got != c.english {
			t.Errorf("%v is %q in English, want %q", c.at, got, c.english)
		}
	}
	if got, want := ja.When(at(8, 30)), "11月22日(日) 朝8:30"; got != want {
		t.Errorf("When is %q, want %q", got, want)
	}
	if got, want := en.When(at(8, 30)), "Sun 22 Nov, 8:30 am"; got != want {
		t.Errorf("When is %q, want %q", got, want)
	}
}

func TestSpan(t *testing.T) {
	ja, en := locale.For("ja", time.UTC), locale.For("en", time.UTC)
	for _, c := range []struct {
		d              time.Duration
		japan, english string
	}{
		{time.Millisecond, "0秒", "0 s"},
		{499 * time.Millisecond, "0秒", "0 s"},
		{59*time.Second + 600*time.Millisecond, "1分0秒", "1 min 0 s"},
		{90 * time.Second, "1分30秒", "1 min 30 s"},
		{time.Hour, "1時間0分", "1 h 0 min"},
		{71*time.Hour + 59*time.Minute, "71時間59分", "71 h 59 min"},
	} {
		if got := ja.Span(c.d); got != c.japan {
			t.Errorf("%v is %q in Japanese, want %q", c.d, got, c.japan)
		}
		if got := en.Span(c.d); got != c.english {
			t.Errorf("%v is %q in English, want %q", c.d, got, c.english)
		}
	}
}

func TestReasonsAreWorded(t *testing.T) {
	en := locale.For("en", time.UTC)
	for reason, want := range map[string]string{
		"talk-gone":                 "The Talk room or account cannot be found.",
		"mail-rejected: no mailbox": "The mail server refused the mail. (no mailbox)",
		"something else: broke":     "something else: broke",
		"":                          "",
	} {
		if got := en.Reason(reason); got != want {
			t.Errorf("Reason(%q) = %q, want %q", reason, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	ja, en := locale.For("ja", time.UTC), locale.For("en", time.UTC)
	if got := ja.Names([]string{"父", "母"}) + " " + ja.Names(nil); got != "父、母 なし" {
		t.Error(got)
	}
	if got := en.Names([]string{"Dad", "Mum"}) + "; " + en.Names(nil); got != "Dad, Mum; nobody" {
		t.Error(got)
	}
}

// TestAProblemIsWorded: the person reads a sentence in their language, the log
// one in English with its cause.
func TestAProblemIsWorded(t *testing.T) {
	cause := errors.New("dial tcp: refused")
	p := &locale.Problem{Key: "start.failed", Data: locale.Data{"Detail": cause}, Err: cause}
	err := fmt.Errorf("start: %w", errors.Join(p, errors.New("and more")))
	if got, want := p.Error(), "That did not work: dial tcp: refused [dial tcp: refused]"; got != want {
		t.Errorf("the log reads %q, want %q", got, want)
	}
	if got, want := locale.For("ja", time.UTC).Error(p), "できませんでした：dial tcp: refused"; got != want {
		t.Errorf("the person reads %q, want %q", got, want)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	if got := locale.For("en", time.UTC).Error(errors.Join(p, errors.New("and more"))); got != "That did not work: dial tcp: refused\nand more" {
		t.Errorf("two problems read %q", got)
	}
}
