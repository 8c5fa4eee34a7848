package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

var update = flag.Bool("update", false, "write the sentences of testdata/mistakes.txtar anew")

// TestMistakes makes the mistakes of testdata/mistakes.txtar, and reads what is
// said about them. A mistake is a folder there, with the configuration, the
// environment, password files, and the sentences in both languages. Files whose
// names end with .open can be read by everybody.
func TestMistakes(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/mistakes.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	files := map[string]map[string]string{}
	for _, f := range archive.Files {
		name, file, _ := strings.Cut(f.Name, "/")
		if files[name] == nil {
			files[name] = map[string]string{}
			names = append(names, name)
		}
		files[name][file] = string(f.Data)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := write(t, dir, files[name])
			_, err := Load(path, strings.Split(strings.TrimSpace(files[name]["environ"]), "\n"))
			if err == nil {
				t.Fatal("nothing is wrong, the program says")
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the error gives the password away: %v", err)
			}
			for _, lang := range locale.Languages {
				got := strings.ReplaceAll(locale.For(lang, time.UTC).Error(err), dir, "$DIR") + "\n"
				if *update {
					files[name][lang] = got
				}
				if diff := cmp.Diff(files[name][lang], got); diff != "" {
					t.Errorf("said in %s (-want +got):\n%s", lang, diff)
				}
			}
		})
	}
	if *update {
		for i, f := range archive.Files {
			name, file, _ := strings.Cut(f.Name, "/")
			archive.Files[i].Data = []byte(files[name][file])
		}
		if err := os.WriteFile("testdata/mistakes.txtar", txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// canary is every password in these tests.
const canary = "hunter2"

// write writes the files of a configuration, and returns the path of the
// configuration itself. There is a password in the file named password unless
// the files say otherwise.
func write(t testing.TB, dir string, files map[string]string) string {
	t.Helper()
	all := map[string]string{"password": canary}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		mode := os.FileMode(0o600)
		if strings.HasSuffix(name, ".open") {
			mode = 0o604
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "anpi.toml")
}
