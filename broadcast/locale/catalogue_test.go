package locale_test

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

var update = flag.Bool("update", false, "write the golden files anew")

// catalogue reads the texts of a language: by key, then by plural form.
func catalogue(t *testing.T, lang string) map[string]map[string]string {
	t.Helper()
	var tree map[string]any
	if _, err := toml.DecodeFile(lang+".toml", &tree); err != nil {
		t.Fatal(err)
	}
	texts := map[string]map[string]string{}
	var walk func(key string, v any)
	walk = func(key string, v any) {
		switch v := v.(type) {
		case string:
			at, form := key, "other"
			if i := strings.LastIndexByte(key, '.'); i >= 0 && (key[i+1:] == "one" || key[i+1:] == "other") {
				at, form = key[:i], key[i+1:]
			}
			if texts[at] == nil {
				texts[at] = map[string]string{}
			}
			texts[at][form] = v
		case map[string]any:
			for name, inner := range v {
				walk(strings.TrimPrefix(key+"."+name, "."), inner)
			}
		default:
			t.Errorf("%s.toml: %s is neither text nor table", lang, key)
		}
	}
	walk("", tree)
	return texts
}

var placeholder = regexp.MustCompile(`\{\{[^}]*\.([A-Z][A-Za-z0-9]*)[^}]*\}\}`)

// placeholders of a text, sorted, each once.
func placeholders(text string) []string {
	var all []string
	for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestBothCataloguesSayTheSame(t *testing.T) {
	ja, en := catalogue(t, "ja"), catalogue(t, "en")
	if diff := cmp.Diff(slices.Sorted(maps.Keys(en)), slices.Sorted(maps.Keys(ja))); diff != "" {
		t.Errorf("the keys differ (-en +ja):\n%s", diff)
	}
	for key, forms := range en {
		want := placeholders(forms["other"])
		for lang, all := range map[string]map[string]string{"en": forms, "ja": ja[key]} {
			if all["other"] == "" {
				t.Errorf("%s: %s has no text for several", lang, key)
			}
			for form, text := range all {
				if diff := cmp.Diff(want, placeholders(text)); diff != "" {
					t.Errorf("%s: the placeholders of %s (%s) are others than in English:\n%s", lang, key, form, diff)
				}
				if strings.TrimSpace(text) == "" {
					t.Errorf("%s: %s (%s) is empty", lang, key, form)
				}
			}
		}
		if len(ja[key]) > 1 {
			t.Errorf("ja: %s has a plural, which Japanese does not", key)
		}
	}
}

// dynamic are the beginnings of keys that are completed when the program runs;
// what completes them stands in the source as a text of its own.
var dynamic = []string{"channel.", "config.", "config.want_", "reason.", "source.", "status.", "usage.", "demo.name_", "demo.scene_", "mail.how_", "command.", "command_word.", "command_words.", "command_more.", "kind.", "setup.ask_", "invite.ask_", "emergency.state_", "emergency.purpose_", "emergency.column_", "emergency.man_", "emergency.examples_", "doctor.title_"}

var (
	literal = regexp.MustCompile(`"([A-Za-z0-9_.-]+)(?:: )?"`)
	asked   = regexp.MustCompile(`(?:\bT\(|\bKey: |\bKey\()"([a-z0-9_.-]+)"([,)}]| \+)`)
)

// source lists the program's own files.
func source(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		body, err := os.ReadFile(path)
		files[path] = string(body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestEveryKeyOfTheSourceExists(t *testing.T) {
	en := catalogue(t, "en")
	found := 0
	for path, body := range source(t) {
		for _, m := range asked.FindAllStringSubmatch(body, -1) {
			found++
			if m[2] == " +" {
				if !slices.ContainsFunc(dynamic, func(d string) bool { return d == m[1] }) {
					t.Errorf("%s: keys that begin with %q are not listed as dynamic in this test", path, m[1])
				}
				continue
			}
			if en[m[1]] == nil && strings.Contains(m[1], ".") {
				t.Errorf("%s: there is no text %q", path, m[1])
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d keys were found in the source: this test does not see what it should", found)
	}
}

// spare are texts that nothing says yet.
var spare = []string{"start.no_roster"}

func TestEveryTextIsUsed(t *testing.T) {
	said := map[string]bool{}
	for _, body := range source(t) {
		for _, m := range literal.FindAllStringSubmatch(body, -1) {
			said[m[1]] = true
		}
	}
	for key := range catalogue(t, "en") {
		used := said[key] || slices.Contains(spare, key)
		for _, d := range dynamic {
			if rest, ok := strings.CutPrefix(key, d); ok && said[rest] {
				used = true
			}
		}
		if !used {
			t.Errorf("nobody says %s", key)
		}
	}
}

// samples are what the placeholders of the golden file hold.
var samples = locale.Data{
	"Name": "Kenta", "Names": "Kenta, Mum", "By": "Dad", "When": "‹when›", "Clock": "‹clock›", "Icon": "✅", "Status": "‹status›",
	"Place": "Central Park", "Text": "I am stuck", "Question": "A strong earthquake", "Phones": "090-0000-0000", "Contact": "Dad 090-0000-0000",
	"Reason": "‹reason›", "Channel": "‹channel›", "Source": "‹source›", "List": "‹list›", "Detail": "‹detail›", "Word": "chek", "Near": "check", "Help": "anpi --help",
	"Path": "anpi.toml", "Line": 12, "Key": "mail.port", "Env": "ANPI_MAIL_PORT", "Value": "abc", "Want": "‹what it should be›", "URL": "https://cloud.example",
	"User": "anpi", "Room": "Family", "Rooms": "‹rooms›", "Card": "‹card›", "Emoji": "🆘", "From": "Anpi", "To": "Grandma", "Subject": "‹subject›",
	"All": 6, "Answered": 4, "Sent": 3, "Failed": 1, "ID": 7, "H": 1, "M": 2, "S": 3, "Q1": "‹q1›", "Q2": "‹q2›", "Q3": "‹q3›",
	"Link": "https://anpi.example/a/‹link›",
}

// TestAPersonCanReadAllTexts renders every text in both languages into one file
// each, which is to be read through whenever it changes. Run the tests of this
// package with -update to write it.
func TestAPersonCanReadAllTexts(t *testing.T) {
	for _, lang := range locale.Languages {
		texts := locale.For(lang, time.UTC)
		all := catalogue(t, lang)
		var b strings.Builder
		section := ""
		for _, key := range slices.Sorted(maps.Keys(all)) {
			if s, _, _ := strings.Cut(key, "."); s != section {
				section = s
				fmt.Fprintf(&b, "\n== %s ==\n", section)
			}
			counts := []int{2}
			if len(all[key]) > 1 {
				counts = []int{1, 2}
			}
			for _, n := range counts {
				data := maps.Clone(samples)
				data["Count"], data["Number"] = n, n
				for _, p := range placeholders(all[key]["other"]) {
					if data[p] == nil {
						data[p] = "‹" + strings.ToLower(p) + "›"
					}
				}
				text := texts.T(key, data)
				if strings.Contains(text, "{{") || strings.Contains(text, "<no value>") || strings.Contains(text, "map[") {
					t.Errorf("%s: %s is rendered as %q", lang, key, text)
				}
				fmt.Fprintf(&b, "%-26s %s\n", key, strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+strings.Repeat(" ", 27)))
			}
		}
		golden(t, filepath.Join("testdata", "messages."+lang+".txt"), strings.TrimLeft(b.String(), "\n"))
	}
}

// golden compares a text with a file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
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
		t.Errorf("%s is not what the program says any more; read the difference, then run with -update (-file +program):\n%s", path, diff)
	}
}
