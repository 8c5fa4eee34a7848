// Package command knows what people can tell Anpi to do: one tree for the chat
// and for the command line. What each does is the business of those two.
package command

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

// Name names a command. It is also what is typed for it in English, and the key
// of its texts in the catalogues.
type Name string

// The commands.
const (
	Check    Name = "check"
	Drill    Name = "drill"
	Close    Name = "close"
	Say      Name = "say"
	Status   Name = "status"
	Safe     Name = "safe"
	Injured  Name = "injured"
	SOS      Name = "sos"
	Roster   Name = "roster"
	Groups   Name = "groups"
	History  Name = "history"
	Next     Name = "next"
	Board    Name = "board"
	Pause    Name = "pause"
	Language Name = "language"
	Help     Name = "help"

	Answer Name = "answer"
	Report Name = "report"
	Outbox Name = "outbox"
)

// Command is one thing that people can tell Anpi to do.
type Command struct {
	Name Name
	// Words are what else may be typed for it, in Japanese first.
	Words []string
	// Organiser: only organisers may.
	Organiser bool
	// Bare: it takes no words behind it.
	Bare bool
	// Line: the command line has it, too, under the same name.
	Line bool
}

// Tree is all commands of the chat, in the order in which help shows them.
var Tree = []Command{
	{Name: Status, Words: []string{"状況", "まとめ", "集計", "stat"}, Line: true},
	{Name: Safe, Words: []string{"無事", "ぶじ", "ok"}},
	{Name: Injured, Words: []string{"けが", "怪我", "hurt"}},
	{Name: SOS, Words: []string{"助けて", "たすけて", "救助"}},
	{Name: Roster, Words: []string{"名簿", "members"}, Bare: true, Line: true},
	{Name: Groups, Words: []string{"グループ", "group"}, Bare: true},
	{Name: History, Words: []string{"履歴", "これまで"}, Bare: true, Line: true},
	{Name: Next, Words: []string{"次", "予定"}, Bare: true},
	{Name: Language, Words: []string{"言語", "ことば", "lang"}},
	{Name: Help, Words: []string{"ヘルプ", "使い方", "つかいかた", "commands"}},
	{Name: Check, Words: []string{"安否", "安否確認"}, Organiser: true, Line: true},
	{Name: Drill, Words: []string{"訓練"}, Organiser: true, Line: true},
	{Name: Say, Words: []string{"お知らせ", "announce", "announcement"}, Organiser: true, Line: true},
	{Name: Close, Words: []string{"終了", "おわり", "end"}, Organiser: true, Bare: true, Line: true},
	{Name: Pause, Words: []string{"休み", "お休み", "away"}, Organiser: true},
	{Name: Board, Words: []string{"掲示板"}, Organiser: true},
}

// LineTree is what only the command line has. In the chat nobody is shown it, and
// its words mean nothing there.
var LineTree = []Command{
	{Name: Answer, Words: []string{"返事"}, Line: true},
	{Name: Report, Words: []string{"報告"}, Line: true},
	{Name: Outbox, Words: []string{"送信"}, Line: true},
}

// Of returns the command with the name.
func Of(name Name) Command {
	all := slices.Concat(Tree, LineTree)
	return all[slices.IndexFunc(all, func(c Command) bool { return c.Name == name })]
}

// Find finds the command that a word means, however it is written.
func Find(word string) (Command, bool) {
	word = fold(word)
	i := slices.IndexFunc(Tree, func(c Command) bool {
		return word == string(c.Name) || slices.ContainsFunc(c.Words, func(w string) bool { return word == fold(w) })
	})
	if i < 0 {
		return Command{}, false
	}
	return Tree[i], true
}

// fold makes words that differ in width, case or kana only the same.
func fold(word string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'ァ' && r <= 'ヶ' {
			r -= 'ァ' - 'ぁ'
		}
		return r
	}, strings.ToLower(norm.NFKC.String(word)))
}

// Cut parts a text into its first word and the rest.
func Cut(text string) (word, rest string) {
	text = strings.TrimSpace(text)
	if i := strings.IndexFunc(text, unicode.IsSpace); i >= 0 {
		return text[:i], strings.TrimSpace(text[i:])
	}
	return text, ""
}

// CutPrefix takes the sign away by which a text in a group is known as a
// command: ! or ！, with something behind it. "!!!" and "！？" are exclamations.
func CutPrefix(text string) (rest string, ok bool) {
	text = strings.TrimSpace(text)
	for _, sign := range []string{"!", "！"} {
		if rest, ok = strings.CutPrefix(text, sign); ok {
			rest = strings.TrimSpace(rest)
			return rest, rest != "" && !strings.ContainsAny(rest[:1], "!?") && !strings.HasPrefix(rest, "！") && !strings.HasPrefix(rest, "？")
		}
	}
	return text, false
}

// Nearest is the word for a command, among those in the language and the names,
// that is spelled most like the word; ok is false when none is near.
func Nearest(word string, t *locale.Texts) (near string, ok bool) {
	word = fold(word)
	letters := []rune(word)
	// Of a short word little may be wrong.
	best := min(3, len(letters)/2+1)
	for _, c := range Tree {
		for _, w := range append([]string{c.Word(t), string(c.Name)}, c.Words...) {
			if d := locale.Distance(fold(w), word); d < best {
				best, near, ok = d, w, true
			}
		}
	}
	return near, ok
}

// Word is what is typed for the command in the language.
func (c Command) Word(t *locale.Texts) string { return t.T("command_word." + string(c.Name)) }

// Summary is what it does, in a few words.
func (c Command) Summary(t *locale.Texts) string { return t.T("command." + string(c.Name)) }

// Usage is how it is typed behind the sign: its word and what may follow.
func (c Command) Usage(t *locale.Texts, sign string) string {
	usage := sign + c.Word(t)
	if !c.Bare {
		usage += " " + t.T("command_words."+string(c.Name))
	}
	return usage
}

// Guide describes the commands: those for everybody, and, for an organiser, those
// that only organisers may use. The sign stands before each.
func Guide(t *locale.Texts, sign string, organiser bool) string {
	lines := []string{t.T("command_guide.sos"), t.T("command_guide.all")}
	for _, only := range []bool{false, true} {
		if only && !organiser {
			break
		}
		if only {
			lines = append(lines, t.T("command_guide.organisers"))
		}
		for _, c := range Tree {
			if c.Organiser == only {
				lines = append(lines, t.T("command_guide.line", locale.Data{"Usage": c.Usage(t, sign), "Summary": c.Summary(t)}))
			}
		}
	}
	return strings.Join(append(lines, t.T("command_guide.answer")), "\n")
}

// About describes one command at length.
func (c Command) About(t *locale.Texts, sign string) string {
	lines := []string{t.T("command_guide.line", locale.Data{"Usage": c.Usage(t, sign), "Summary": c.Summary(t)})}
	if more := t.T("command_more." + string(c.Name)); more != "-" {
		lines = append(lines, more)
	}
	return strings.Join(lines, "\n")
}
