package ask

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast/locale"
)

func asker(in string, given map[string]string) (*Asker, *strings.Builder) {
	var out strings.Builder
	return New(strings.NewReader(in), &out, locale.For("en", time.UTC), given), &out
}

// TestAnswers come from whom they can come from: beforehand, from a person, and
// where nobody is, from the default.
func TestAnswers(t *testing.T) {
	q := Question{Name: "url", Key: "setup.ask_url"}
	even := func(s string) (string, error) {
		if len(s)%2 == 1 {
			return "", errors.New("that is odd")
		}
		return strings.ToUpper(s), nil
	}
	for name, c := range map[string]struct {
		in    string
		given map[string]string
		ask   func(*Question)
		want  string
		says  string // of the error
	}{
		"typed":                   {in: " a \n", want: "a"},
		"without an enter key":    {in: "a", want: "a"},
		"given":                   {in: "b\n", given: map[string]string{"url": "a"}, want: "a"},
		"checked":                 {in: "odd\neven\n", ask: func(q *Question) { q.Check = even }, want: "EVEN"},
		"given and wrong":         {in: "even\n", given: map[string]string{"url": "odd"}, ask: func(q *Question) { q.Check = even }, says: "The answer to --url cannot be used. that is odd"},
		"the default":             {in: "\n", ask: func(q *Question) { q.Default = "a" }, want: "a"},
		"the suggestion":          {in: "\n", ask: func(q *Question) { q.Default, q.Suggest = "a", "b" }, want: "b"},
		"nobody is there":         {ask: func(q *Question) { q.Default, q.Suggest = "a", "b" }, want: "a"},
		"none":                    {in: "-\n", ask: func(q *Question) { q.Default, q.Optional = "a", true }, want: ""},
		"none, beforehand":        {given: map[string]string{"url": "-"}, ask: func(q *Question) { q.Optional = true }, want: ""},
		"needed":                  {in: "\n\na\n", want: "a"},
		"needed and nobody there": {says: "There is no answer to “Address of your Nextcloud”. Give it with --url"},
		"given empty":             {given: map[string]string{"url": ""}, says: "There is no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			a, out := asker(c.in, c.given)
			q := q
			if c.ask != nil {
				c.ask(&q)
			}
			got, err := a.Text(t.Context(), q)
			if c.says != "" {
				if wrong := new(Mistake); !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), c.says) {
					t.Errorf("said %v, want %s", err, c.says)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got %q (%v), want %q:\n%s", got, err, c.want, out)
			}
		})
	}
}

func TestSecretsComeFromFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	given, _ := asker("", map[string]string{"password-file": path})
	got, err := given.Text(t.Context(), Question{Name: "password", Key: "setup.ask_password", Secret: true})
	if err != nil || got != "hunter2" {
		t.Errorf("got %q (%v)", got, err)
	}
	a, out := asker("\n", nil)
	if got, err := a.Text(t.Context(), Question{Name: "password", Key: "setup.ask_password", Secret: true, Default: "hunter2"}); err != nil || got != "hunter2" || strings.Contains(out.String(), got) {
		t.Errorf("got %q (%v):\n%s", got, err, out)
	}
}

func TestYesAndNo(t *testing.T) {
	for in, want := range map[string]bool{"y\n": true, "YES\n": true, "はい\n": true, "いいえ\n": false, "n\n": false, "\n": true, "": true, "perhaps\nno\n": false} {
		a, _ := asker(in, nil)
		if got, err := a.Yes(t.Context(), Question{Name: "write", Key: "setup.ask_url"}, true); err != nil || got != want {
			t.Errorf("%q is %v (%v), want %v", in, got, err, want)
		}
	}
}

// TestCtrlC ends a question that nobody answers.
func TestCtrlC(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	a := New(r, &strings.Builder{}, locale.For("ja", time.UTC), nil)
	if _, err := a.Text(ctx, Question{Name: "url", Key: "setup.ask_url"}); !errors.Is(err, ErrStopped) {
		t.Errorf("said %v", err)
	}
}

func TestPick(t *testing.T) {
	names := []string{"dad", "mum", "2"}
	for answer, want := range map[string]string{"1": "dad", "1,3": "dad, 2", "Mum、dad": "mum, dad", "2": "2", "1, 1": "dad", "4": "", "x": ""} {
		got, err := Pick(names, true, false)(answer)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q picks %q (%v), want %q", answer, got, err, want)
		}
	}
	if got, err := Pick(names, false, true)("a, b"); err != nil || got != "a, b" {
		t.Errorf("a new name is %q (%v)", got, err)
	}
}
