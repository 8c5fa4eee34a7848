package config

import (
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

const before = `# our family
language = "en" # for all

[nextcloud] # at home
url = "https://cloud.example.org"
room = """
Family"""

[roster]
organisers = [
  "dad", # he knows
  "mum",
]
# kept
[[drill]]
name = "monthly"
cron = "0 9 1 * *"
`

// TestEditing changes settings and leaves the rest to the letter.
func TestEditing(t *testing.T) {
	for name, c := range map[string]struct {
		before   string
		settings []Setting
		want     string
	}{
		"values change in their place": {before, []Setting{
			{"language", "ja"}, {"nextcloud.room", "家族 \"A\""}, {"roster.organisers", []string{"dad"}}, {"drill.0.cron", "0 10 1 9 *"},
		}, `# our family
language = "ja" # for all

[nextcloud] # at home
url = "https://cloud.example.org"
room = "家族 \"A\""

[roster]
organisers = ["dad"]
# kept
[[drill]]
name = "monthly"
cron = "0 10 1 9 *"
`},
		"keys and tables are added": {before, []Setting{
			{"timezone", "UTC"}, {"nextcloud.user", "anpi"}, {"mail.host", "smtp.example.org"}, {"mail.port", 25}, {"drill.1.name", "yearly"},
		}, `# our family
language = "en" # for all
timezone = "UTC"

[nextcloud] # at home
url = "https://cloud.example.org"
room = """
Family"""
user = "anpi"

[roster]
organisers = [
  "dad", # he knows
  "mum",
]
# kept
[[drill]]
name = "monthly"
cron = "0 9 1 * *"

[mail]
host = "smtp.example.org"
port = 25

[[drill]]
name = "yearly"
`},
		"keys go": {"a = 1\n[mail]\nport = 25 # odd\nhost = \"x\"", []Setting{{"mail.port", nil}, {"mail.user", nil}}, "a = 1\n[mail]\nhost = \"x\""},
		"a file begins": {"", []Setting{{"language", "ja"}, {"nextcloud.url", "https://x"}, {"contact", "a\\b\n"}},
			"language = \"ja\"\ncontact = \"a\\\\b\\u000A\"\n\n[nextcloud]\nurl = \"https://x\"\n"},
		"before the first table":   {"# hello\n[mail]\nhost = \"x\"\n", []Setting{{"language", "ja"}}, "# hello\nlanguage = \"ja\"\n\n[mail]\nhost = \"x\"\n"},
		"behind a line unfinished": {"[mail]\nhost = \"x\"", []Setting{{"mail.port", 25}, {"inbox.host", "y"}}, "[mail]\nhost = \"x\"\nport = 25\n\n[inbox]\nhost = \"y\"\n"},
		"an inline table":          {"mail = { host = \"x\", port = 25 }\n", []Setting{{"mail.port", 26}}, "mail = { host = \"x\", port = 26 }\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Edit(c.before, c.settings)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff("[mail]\nhost = \"x\"\n[[drill]]\nname = \"b\"\n", RemoveTable("[mail]\nhost = \"x\"\n[[drill]]\nname = \"a\"\n# old\n[[drill]]\nname = \"b\"\n", "drill.0")); diff != "" {
		t.Errorf("a table taken away (-want +got):\n%s", diff)
	}
}

// FuzzEdit changes a setting in any valid text: the result is valid, too, and
// holds the value.
func FuzzEdit(f *testing.F) {
	f.Add(before, "room", "家族")
	f.Add("nextcloud.room = 'x'", "room", "a\"b\\")
	f.Add("[nextcloud]", "url", "")
	f.Add("nextclouD.room = 'x'", "room", "another")
	f.Add("a = [ [1,\n2], {b = 'c'} ]\r\n", "user", "\x00")
	f.Fuzz(func(t *testing.T, text, name, value string) {
		var tree map[string]any
		if name != "room" && name != "url" || toml.Unmarshal([]byte(text), &tree) != nil {
			return
		}
		if v, there := tree["nextcloud"]; there {
			// One that is written in another way than as a table of its own is
			// refused by the check that follows every edit.
			if _, table := v.(map[string]any); !table || scan(text).spans["nextcloud"] != (span{}) {
				return
			}
		}
		edited := Edit(text, []Setting{{"nextcloud." + name, value}})
		// A tree, as the program reads it: fields of a struct would match keys
		// that only differ in their case.
		var got map[string]any
		if err := toml.Unmarshal([]byte(edited), &got); err != nil {
			t.Skip() // dotted keys can have begun the table elsewhere: refused by the check
		}
		nextcloud, _ := got["nextcloud"].(map[string]any)
		if s, _ := nextcloud[name].(string); s != value && toValid(value) {
			t.Errorf("%q is %q in\n%s", name, s, edited)
		}
	})
}

func toValid(s string) bool { return string([]rune(s)) == s }
