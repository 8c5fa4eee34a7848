package app

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/anpi-bot/anpi/"

// allowed says which packages of this module each one may import, test files
// aside. "*" allows all. Leaves have none.
var allowed = map[string][]string{
	"talkapi":           {},
	"talkapi/talktest":  {"talkapi"},
	"roster":            {},
	"roster/rostertest": {},
	"broadcast/locale":  {},
	"bot/answer":        {},
	"bot/command":       {"broadcast/locale"},
	"bot/who":           {"roster"},
	// The domain speaks no protocol.
	"broadcast":                               {"roster", "broadcast/locale"},
	"broadcast/sqlstore":                      {"broadcast", "roster"},
	"broadcast/sqlstore/storetest":            {"broadcast", "roster"},
	"broadcast/channel/talk":                  {"broadcast", "broadcast/locale", "roster", "talkapi"},
	"broadcast/channel/email":                 {"broadcast", "broadcast/locale", "roster"},
	"broadcast/channel/email/emailtest":       {},
	"broadcast/channel/email/inbox":           {"broadcast", "broadcast/locale", "broadcast/channel/email", "broadcast/channel/email/inbox/letter", "roster"},
	"broadcast/channel/email/inbox/inboxtest": {},
	"broadcast/channel/email/inbox/letter":    {"broadcast/locale"},
	"broadcast/web":                           {"broadcast", "broadcast/locale", "roster"},
	"bot":                                     {"broadcast", "broadcast/locale", "bot/answer", "bot/command", "bot/who", "roster", "talkapi"},
	// Nothing below cmd knows the configuration; only app and demo know all.
	"cmd/internal/backup": {"broadcast/locale", "broadcast/sqlstore"},
	"cmd/internal/config": {"broadcast", "broadcast/locale", "talkapi"},
	"cmd/internal/doctor": {"broadcast", "broadcast/locale", "broadcast/channel/email", "broadcast/channel/email/inbox", "roster", "talkapi"},
	"cmd/internal/health": {"broadcast", "cmd/internal/doctor", "roster"},
	"cmd/internal/app":    {"*"},
	"cmd/internal/demo":   {"*"},
	"cmd/internal/ask":    {"broadcast/locale"},
	"cmd/internal/invite": {"broadcast/channel/talk", "broadcast/locale", "cmd/internal/ask", "cmd/internal/config", "cmd/internal/qrcode", "talkapi"},
	"cmd/internal/qrcode": {},
	"cmd/internal/setup":  {"broadcast", "broadcast/channel/email", "broadcast/channel/email/inbox", "broadcast/channel/talk", "broadcast/locale", "cmd/internal/ask", "cmd/internal/config", "cmd/internal/qrcode", "roster", "talkapi"},
	"cmd/internal/cli":    {"bot/answer", "bot/command", "bot/who", "broadcast", "broadcast/channel/email", "broadcast/locale", "broadcast/sqlstore", "cmd/internal/app", "cmd/internal/ask", "cmd/internal/config", "cmd/internal/demo", "cmd/internal/invite", "cmd/internal/setup", "roster", "cmd/internal/screen", "cmd/internal/doctor", "cmd/internal/backup"},
	"cmd/anpi":            {"cmd/internal/cli"},
	"cmd/broadcast":       {"cmd/internal/cli"},
	// What is drawn on a terminal knows no configuration either.
	"cmd/internal/screen":            {"broadcast", "broadcast/locale"},
	"cmd/internal/screen/screentest": {},
	"broadcast/longtest":             {},
	"broadcast/worktest":             {},
}

// protocols are what the domain must not know.
var protocols = []string{"net/http", "database/sql", "net/smtp", "net/mail", "text/template", "html/template"}

// TestImportsPointInwards holds every package to the directions above.
func TestImportsPointInwards(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		pkg := path.Dir(filepath.ToSlash(rel))
		seen[pkg] = true
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		may, known := allowed[pkg]
		if !known {
			t.Errorf("%s: no import directions are set for the package %s", rel, pkg)
		}
		for _, spec := range parsed.Imports {
			name := strings.Trim(spec.Path.Value, `"`)
			if pkg == "broadcast" && slices.Contains(protocols, name) {
				t.Errorf("%s: the domain speaks no protocol, but imports %s", rel, name)
			}
			own, inside := strings.CutPrefix(name, module)
			if inside && !slices.Contains(may, own) && !slices.Contains(may, "*") {
				t.Errorf("%s: %s must not import %s", rel, pkg, own)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range allowed {
		if !seen[pkg] {
			t.Errorf("import directions are set for %s, which is not there", pkg)
		}
	}
}
