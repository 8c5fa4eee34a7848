package web_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
)

var (
	item       = regexp.MustCompile(`<h2><span aria-hidden="true">[^<]*</span> ([^<]*)</h2>|<li>([^<]*)</li>`)
	reloads    = regexp.MustCompile(`<meta http-equiv="refresh" content="(\d+)">`)
	everywhere = regexp.MustCompile(`(?s)^.*<body>\s*`)
)

// list is the board as a list of its titles and names.
func list(page string) (all []string) {
	for _, m := range item.FindAllStringSubmatch(page, -1) {
		all = append(all, m[1]+m[2])
	}
	return all
}

func TestTheFamilyLooksAtTheBoard(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		board := h.board()
		wants(t, "the board before anything", h.page(board).html, "There is no safety check right now")

		drill := h.check(broadcast.Drill, "")
		p := h.page(board)
		wants(t, "the board of a drill", p.html, "<title>[DRILL] Who is safe (0 of 4 answered)</title>", "There is no answer yet", "This is practice")
		if body := everywhere.ReplaceAllString(p.html, ""); !strings.HasPrefix(body, `<p class="drill">[DRILL] `) {
			t.Errorf("the mark of the drill does not come first:\n%s", body)
		}
		h.closes(drill)

		check := h.check(broadcast.Real, "")
		time.Sleep(time.Minute)
		h.says(check, dad, broadcast.Safe)
		time.Sleep(time.Minute)
		h.page(h.link(check, grandma)).press("stranded", "神社の前にいます", "おじいちゃん")
		time.Sleep(time.Minute)
		h.says(check, uncle, broadcast.Help)
		p = h.page(board)
		want := []string{"needs help 1", "Uncle", "safe 3", "おばあちゃん (can&#39;t get home)", "おじいちゃん (can&#39;t get home)", "Dad"}
		if diff := cmp.Diff(want, list(p.html)); diff != "" {
			t.Errorf("the board (-want +got):\n%s", diff)
		}
		wants(t, "the board", p.html, "Last answer: Sat 1 Jan, 9:03 am", `lang="ja" hreflang="ja">日本語</a>`)
		lacks(t, "the board", p.html, "神社", "home@docomo.example", "03-0000-0000", "DRILL", board[3:])
		if m := reloads.FindStringSubmatch(p.html); m == nil || m[1] != "30" {
			t.Errorf("an open board is loaded again after %v seconds", m)
		}
		wants(t, "the board in Japanese", h.page(board+"?lang=ja").html, "最後の返事：1月1日(土) 朝9:03", "助けが必要 1")

		h.closes(check)
		p = h.page(board)
		wants(t, "the board after the end", p.html, "ended, 4 of 4 answered")
		if reloads.MatchString(p.html) {
			t.Error("a board that does not change any more is loaded again")
		}

		h.commit(broadcast.Change{Now: time.Now(), CloseBoard: true})
		if w := h.get(board); w.Code != http.StatusNotFound {
			t.Errorf("a board that was closed: %d", w.Code)
		}
	})
}

// TestThirtyPeopleWatchTheBoard: they share one link, and it stays open to all.
func TestThirtyPeopleWatchTheBoard(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.check(broadcast.Real, "")
		board := h.board()
		for range 4 * 30 { // nobody can wait
			h.page(board)
		}
		for range 20 {
			for range 30 {
				wants(t, "the board", h.page(board).html, "0 of 4 answered")
			}
			time.Sleep(30 * time.Second)
		}
	})
}

func TestTheCopyOfTheBoardFollows(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		path := filepath.Join(t.TempDir(), "anpi.html")
		wake := make(chan struct{}, 1)
		h.service.Wake = func() {
			select {
			case wake <- struct{}{}:
			default:
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { h.site.StaticBoard(ctx, path, wake); close(done) }()
		defer func() { cancel(); <-done }()
		copied := func() (string, os.FileInfo) {
			t.Helper()
			synctest.Wait()
			body, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			return string(body), info
		}

		first, info := copied()
		wants(t, "the copy", first, "There is no safety check right now", "This is a copy as of Sat 1 Jan, 9:00 am.")
		if info.Mode().Perm() != 0o644 {
			t.Errorf("the copy has the mode %v: a web server could not read it", info.Mode())
		}
		time.Sleep(time.Minute)
		check := h.check(broadcast.Drill, "")
		time.Sleep(time.Minute)
		body, _ := copied()
		wants(t, "the copy", body, "[DRILL]", "0 of 4 answered", "9:01 am")
		lacks(t, "the copy", body, "hreflang", "This page keeps")

		// A burst is one write, a few seconds later.
		_, before := copied()
		h.says(check, dad, broadcast.Safe)
		time.Sleep(time.Second)
		h.says(check, uncle, broadcast.Safe)
		h.says(check, grandma, broadcast.Safe)
		if body, now := copied(); !os.SameFile(before, now) {
			t.Errorf("the copy was written again at once:\n%s", body)
		}
		time.Sleep(3 * time.Second)
		body, before = copied()
		wants(t, "the copy", body, "3 of 4 answered")

		// What does not change the board writes nothing.
		for range 3 {
			h.service.Wake()
			time.Sleep(time.Hour)
		}
		if body, now := copied(); !os.SameFile(before, now) {
			t.Errorf("the copy was written again for nothing:\n%s", body)
		}
		left, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(left) != 1 {
			t.Errorf("beside the copy there are %v (%v)", left, err)
		}
	})
}

func TestACopyThatCannotBeWrittenIsTriedAgain(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		folder := filepath.Join(t.TempDir(), "usb-stick")
		path := filepath.Join(folder, "anpi.html")
		var log bytes.Buffer
		ctx, cancel := context.WithCancel(zerolog.New(&log).WithContext(t.Context()))
		done := make(chan struct{})
		go func() { h.site.StaticBoard(ctx, path, nil); close(done) }()
		time.Sleep(time.Hour)
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		cancel()
		<-done
		if _, err := os.Stat(path); err != nil {
			t.Errorf("the copy was not written when it could be: %v", err)
		}
		wants(t, "the log", log.String(), "cannot write the copy of the board", "is written again")
		if n := strings.Count(log.String(), "\n"); n != 2 {
			t.Errorf("an hour of failing, and its end, made %d lines in the log:\n%s", n, log.String())
		}
	})
}
