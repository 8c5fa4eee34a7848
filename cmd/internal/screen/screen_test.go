package screen

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/screen/screentest"
	"github.com/anpi-bot/anpi/roster"
)

var update = flag.Bool("update", false, "write the golden screens anew")

// at is half past eight and so many minutes.
func at(minutes int) time.Time {
	return time.Date(2026, 11, 22, 8, 30+minutes, 0, 0, time.UTC)
}

// sent is a first prompt to a member, as far as it has come.
func sent(member string, over broadcast.ChannelName, state broadcast.State, reason string) broadcast.Delivery {
	return broadcast.Delivery{MemberID: member, Channel: over, Purpose: broadcast.Ask, State: state, Reason: reason}
}

// standing is where somebody stands who has answered.
func standing(name string, status broadcast.Status, text string, minutes int) broadcast.Standing {
	return broadcast.Standing{
		Member: roster.Member{ID: name, Name: name}, Status: status, Answered: true, Reached: broadcast.Sent,
		Answer: broadcast.Answer{Text: text, At: at(minutes)},
	}
}

// silent is where somebody stands who has not.
func silent(name string, reached broadcast.State, trouble string) broadcast.Standing {
	return broadcast.Standing{Member: roster.Member{ID: name, Name: name}, Status: broadcast.Pending, Reached: reached, Trouble: trouble}
}

// midway is a check after some minutes: one needs help, one cannot be reached,
// and the mail server is down.
func midway(lang string) View {
	names := map[string][]string{
		"en": {"Grandma", "Kenta", "Mum", "Akari", "Uncle Hiroshi from Kumamoto", "Dad", "Aunt 🌸"},
		"ja": {"おばあちゃん", "けんた", "お母さん", "あかり", "熊本の大きな家のひろしおじさん", "お父さん", "はな🌸おばさん"},
	}[lang]
	said := map[string][]string{
		"en": {"A strong earthquake", "Help! I'm stuck under the wardrobe and cannot get out by myself", "I cut my hand", "Central Park", "anpi serve is not running. Keep this open: when it closes, nobody reads the answers or asks again."},
		"ja": {"強い地震がありました", "たすけて！たんすの下から出られません。一人では動けません", "手を切りました", "中央公園", "anpi serve が動いていません。このまま開いておいてください。閉じると、返事を読むことも、もう一度聞くことも止まります。"},
	}[lang]
	stranded := standing(names[5], broadcast.Safe, "", 1)
	stranded.Answer.Stranded = true
	placed := standing(names[6], broadcast.Safe, "", 4)
	placed.Answer.Place = &broadcast.Place{Name: said[3]}
	return View{
		Texts:   locale.For(lang, time.UTC),
		Notices: []string{said[4]},
		Tally: broadcast.Tally{
			Check: broadcast.Check{ID: 7, Kind: broadcast.Real, Question: said[0], StartedAt: at(0), NextDue: at(5)},
			Standings: []broadcast.Standing{
				standing(names[0], broadcast.Help, said[1], 3),
				standing(names[1], broadcast.Injured, said[2], 2),
				silent(names[2], broadcast.Seen, ""),
				silent(names[3], broadcast.Sent, ""),
				silent(names[4], broadcast.Due, "mail-unreachable: connection refused"),
				stranded,
				placed,
			},
		},
		Deliveries: []broadcast.Delivery{
			sent(names[0], broadcast.Room, broadcast.Sent, ""), sent(names[1], broadcast.Room, broadcast.Sent, ""),
			sent(names[2], broadcast.Room, broadcast.Seen, ""), sent(names[3], broadcast.Room, broadcast.Seen, ""),
			sent(names[5], broadcast.Room, broadcast.Failed, "not-in-room"), sent(names[5], broadcast.Direct, broadcast.Sent, ""),
			sent(names[4], broadcast.Email, broadcast.Due, "mail-unreachable: connection refused"), sent(names[6], broadcast.Email, broadcast.Sent, ""),
		},
	}
}

// many is a drill of a school.
func many(lang string, members int) View {
	v := View{Texts: locale.For(lang, time.UTC), Tally: broadcast.Tally{Check: broadcast.Check{ID: 3, Kind: broadcast.Drill, StartedAt: at(0), NextDue: at(5)}}}
	for i := range members {
		name := fmt.Sprintf("Pupil %d", i+1)
		if i < 2 {
			v.Tally.Standings = append(v.Tally.Standings, standing(name, broadcast.Unclear, "?", 1))
		} else {
			v.Tally.Standings = append(v.Tally.Standings, silent(name, broadcast.Due, ""))
		}
		v.Deliveries = append(v.Deliveries, sent(name, broadcast.Room, broadcast.Due, ""))
	}
	return v
}

// TestScreens draws on real pseudo-terminals and compares what stands there
// with golden screens. Run it with -update to write them.
func TestScreens(t *testing.T) {
	for _, lang := range locale.Languages {
		for _, size := range []struct{ columns, rows int }{{40, 30}, {120, 30}, {40, 12}} {
			t.Run(fmt.Sprintf("%s-%dx%d", lang, size.columns, size.rows), func(t *testing.T) {
				terminal, s := open(t, size.columns, size.rows, "TERM=xterm")
				show(t, terminal, s, midway(lang))
				golden(t, terminal)
			})
		}
	}
	t.Run("school-40x12", func(t *testing.T) {
		terminal, s := open(t, 40, 12, "TERM=xterm")
		show(t, terminal, s, many("en", 1200))
		golden(t, terminal)
	})
}

// The window changes its size, and the picture with it; nothing of the old one
// is left. Whoever types meanwhile, or presses return, spoils nothing.
func TestTheWindowChangesItsSize(t *testing.T) {
	terminal, s := open(t, 120, 30, "TERM=xterm")
	fmt.Fprint(terminal.File, "$ broadcast check\r\n")
	show(t, terminal, s, midway("en"))
	for _, size := range [][2]int{{40, 12}, {60, 40}, {25, 8}, {120, 30}} {
		if err := terminal.Resize(size[0], size[1]); err != nil {
			t.Fatal(err)
		}
		if err := terminal.Type("\r\rx"); err != nil {
			t.Fatal(err)
		}
		await(t, terminal, func(text string) bool { return strings.HasSuffix(text, "\nx\n") })
		show(t, terminal, s, midway("en"))
		fresh, other := open(t, size[0], size[1], "TERM=xterm")
		show(t, fresh, other, midway("en"))
		want := fresh.Text()
		await(t, terminal, func(text string) bool { return text == want })
	}
	if text := terminal.Text(); strings.Contains(text, "$ broadcast") {
		t.Errorf("what was there before is in the picture:\n%s", text)
	}
}

// Between two pictures there is nothing that would have to be restored: the
// cursor can be seen, below the picture, and long lines wrap.
func TestNothingHasToBeRestored(t *testing.T) {
	terminal, s := open(t, 40, 30, "TERM=xterm")
	show(t, terminal, s, midway("en"))
	row, visible := terminal.Cursor()
	if lines := strings.Count(terminal.Text(), "\n"); !visible || row != lines {
		t.Errorf("the cursor is in row %d (visible: %v), want row %d, below the picture", row, visible, lines)
	}
	fmt.Fprint(terminal.File, "panic: "+strings.Repeat("long ", 10))
	await(t, terminal, func(text string) bool {
		return strings.HasSuffix(text, "\npanic: long long long long long long lon\ng long long long\n")
	})
}

// A picture that stands there already is not drawn again.
func TestNothingIsWrittenWhileNothingChanges(t *testing.T) {
	terminal, s := open(t, 40, 30, "TERM=xterm")
	show(t, terminal, s, midway("en"))
	fmt.Fprint(terminal.File, "\x1b[H\x1b[J")
	await(t, terminal, func(text string) bool { return text == "\n" })
	if err := s.Show(midway("en")); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(terminal.File, "end")
	await(t, terminal, func(text string) bool { return text == "end\n" })
}

func TestWhereNothingIsDrawn(t *testing.T) {
	terminal, err := screentest.New(80, 24)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, ok := Open(terminal.File, []string{"TERM=dumb"}); ok {
		t.Error("it draws on a dumb terminal")
	}
	if _, ok := Open(terminal.File, nil); ok {
		t.Error("it draws on a terminal of which nothing is known")
	}
	if _, ok := Open(file, []string{"TERM=xterm"}); ok {
		t.Error("it draws into a file")
	}
	if _, ok := Open(new(strings.Builder), []string{"TERM=xterm"}); ok {
		t.Error("it draws where there is no terminal")
	}
}

// NO_COLOR is heard, and without it colours tell who needs somebody.
func TestColours(t *testing.T) {
	terminal, coloured := open(t, 80, 24, "TERM=xterm", "NO_COLOR=")
	_, grey := open(t, 80, 24, "TERM=xterm", "NO_COLOR=1")
	if !coloured.colour || grey.colour {
		t.Errorf("NO_COLOR is heard wrongly: %v %v", coloured.colour, grey.colour)
	}
	show(t, terminal, coloured, midway("en"))
	with, without := strings.Join(Draw(midway("en"), 80, 24, true), "\n"), strings.Join(Draw(midway("en"), 80, 24, false), "\n")
	if strings.Contains(without, "\x1b") || terminal.Text() != without+"\n" {
		t.Errorf("colours change more than colours:\n%s", without)
	}
	for _, want := range []string{"\x1b[1;31m🆘 Grandma", "\x1b[32m✅ Dad", "\x1b[1;7manpi serve is not running."} {
		if !strings.Contains(with, want) {
			t.Errorf("the colours lack %q:\n%q", want, with)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		sentence string
		width    int
		want     []string
	}{
		{"", 10, []string{""}},
		{"one two three", 7, []string{"one two", "three"}},
		{"onetwothree", 4, []string{"onet", "woth", "ree"}},
		{"これは長い文です。", 8, []string{"これは長", "い文です", "。"}},
		{"anpi serve が動いていません。", 12, []string{"anpi serve", "が動いていま", "せん。"}},
	} {
		if diff := cmp.Diff(c.want, wrap(c.sentence, c.width)); diff != "" {
			t.Errorf("wrap(%q, %d) (-want +got):\n%s", c.sentence, c.width, diff)
		}
	}
}

// FuzzDraw draws whatever people are called and write on screens of any size: no
// line is too wide, there are never too many, and nothing but colours is a
// control character.
func FuzzDraw(f *testing.F) {
	for _, s := range []string{"Kenta", "👨‍👩‍👧", "\x1b[31mred", "a\nb\rc", "ＡＢＣ　全角", "e\u0301\u0301", "\u202eevil", "ｶﾞ", strings.Repeat("長", 300)} {
		f.Add(s, s, 40, 10, true)
	}
	f.Fuzz(func(t *testing.T, name, text string, width, height int, colour bool) {
		width, height = min(max(width, 1), 300), min(max(height, 1), 100)
		v := midway("ja")
		v.Notices = append(v.Notices, text)
		v.Tally.Check.Question = text
		v.Tally.Standings[0] = standing(name, broadcast.Help, text, 1)
		v.Tally.Standings[2] = silent(name, broadcast.Due, text)
		lines := Draw(v, width, height, colour)
		if len(lines) > height || len(lines) == 0 {
			t.Errorf("%d lines on a screen of %d", len(lines), height)
		}
		for _, line := range lines {
			bare := line
			if colour && strings.HasPrefix(line, "\x1b[") {
				_, bare, _ = strings.Cut(strings.TrimSuffix(line, "\x1b[m"), "m")
			}
			if columns(bare) > width {
				t.Errorf("%q has %d columns on a screen of %d", bare, columns(bare), width)
			}
			if strings.ContainsFunc(bare, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
				t.Errorf("%q has control characters", bare)
			}
		}
	})
}

// open opens a screen on a terminal of its own.
func open(t *testing.T, columns, rows int, environ ...string) (*screentest.Terminal, *Screen) {
	t.Helper()
	terminal, err := screentest.New(columns, rows)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(terminal.Close)
	s, ok := Open(terminal.File, environ)
	if !ok {
		t.Fatal("it is not taken for a terminal")
	}
	return terminal, s
}

// show draws, and waits until the picture stands there.
func show(t *testing.T, terminal *screentest.Terminal, s *Screen, v View) {
	t.Helper()
	before := terminal.Pictures()
	if err := s.Show(v); err != nil {
		t.Fatal(err)
	}
	await(t, terminal, func(string) bool { return terminal.Pictures() > before })
}

func await(t *testing.T, terminal *screentest.Terminal, so func(text string) bool) {
	t.Helper()
	for range 6000 {
		if so(terminal.Text()) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("that is not what stands on the screen:\n%s", terminal.Text())
}

// golden compares what stands on the terminal with a file.
func golden(t *testing.T, terminal *screentest.Terminal) {
	t.Helper()
	got, path := terminal.Text(), filepath.Join("testdata", filepath.Base(t.Name())+".txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not what stands on the screen; read the difference, then run with -update (-file +screen):\n%s", path, diff)
	}
}
