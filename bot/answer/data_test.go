package answer

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// lines reads the lines of a data file that keep wants, split at tabs.
func lines(t *testing.T, file string, keep func(line int) bool) [][]string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var list [][]string
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		if keep(n) {
			list = append(list, strings.Split(strings.TrimRight(line, "\n"), "\t"))
		}
	}
	return list
}

func every(int) bool { return true }

// TestReplies holds the reader to collected replies: how many it reads as
// people do, and that nobody who is not safe is ever read as safe.
func TestReplies(t *testing.T) {
	for _, set := range []struct {
		file string
		keep func(int) bool
		want float64 // per cent
		most int     // how many that are not safe may be read as safe
	}{
		{"replies.tsv", every, 95, 0},
		{"variants.tsv", every, 90, 0},
		// Four other people wrote these. The reader was developed on them too,
		// so that the shares say what it holds, not how it does with others.
		{"people-a.tsv", every, 95, 0},
		{"people-b.tsv", every, 92, 0},
		{"people-c.tsv", every, 95, 0},
		{"people-e.tsv", every, 95, 0},
		// Of a fifth one only the three or four lines were looked at that had been
		// read as safe: how it does with others, nearly. The one that still is
		// read so is "I'm ok and so is Ben".
		{"people-d.tsv", every, 95, 1},
	} {
		t.Run(set.file, func(t *testing.T) {
			right, all, wrong := 0, 0, 0
			for _, row := range lines(t, set.file, set.keep) {
				label, text := row[0], row[2]
				r := Read(text)
				got := r.Label()
				all++
				if got == label {
					right++
					continue
				}
				t.Logf("%-16s is read as %-16s %s %v", label, got, text, r.Why)
				if got == "SAFE" {
					wrong++
				}
			}
			if wrong > set.most {
				t.Errorf("%d who are not safe are read as safe", wrong)
			}
			share := 100 * float64(right) / float64(all)
			t.Logf("%d of %d: %.1f %%", right, all, share)
			if share < set.want {
				t.Errorf("%.1f %% are read as people do, want %.0f %%", share, set.want)
			}
		})
	}
}

// TestReports holds the reader to replies about others.
func TestReports(t *testing.T) {
	for _, set := range []struct {
		file string
		keep func(int) bool
	}{
		{"replies-proxy.tsv", every},
		{"variants-proxy.tsv", every},
		{"people-a-proxy.tsv", every},
		{"people-b-proxy.tsv", every},
		{"people-c-proxy.tsv", every},
		{"people-e-proxy.tsv", every},
		{"people-d-proxy.tsv", every},
	} {
		t.Run(set.file, func(t *testing.T) {
			right, self, all := 0, 0, 0
			for _, row := range lines(t, set.file, set.keep) {
				r := Read(row[0])
				var who []string
				var status string
				for _, report := range r.Reports {
					who = append(who, report.Who)
					status = Reading{Status: report.Status}.Label()
					if report.Status == Safe && row[2] != "SAFE" {
						t.Errorf("%s is read as safe: %s", row[2], row[0])
					}
				}
				all++
				if got := strings.Join(who, ","); strings.EqualFold(got, row[1]) && status == row[2] {
					right++
				} else {
					t.Logf("%s: %s is %s, want %s, %s", row[0], got, status, row[1], row[2])
				}
				if string(r.Self) == row[3] {
					self++
				}
			}
			t.Logf("%d of %d, and the writer's own status %d times", right, all, self)
			if right*10 < all*9 {
				t.Errorf("%d of %d are read as people do, want 90 %%", right, all)
			}
		})
	}
}

// TestBoth reads texts that speak of others and of their writer.
func TestBoth(t *testing.T) {
	for _, row := range []struct {
		text   string
		own    Status
		who    string
		status Status
	}{
		{"父は無事、私は足をけがした", Injured, "父", Safe},
		{"Mum is fine but I'm stuck, help", Help, "Mum", Safe},
		{"母は無事だけど助けて", Help, "母", Safe},
		{"Dad's hurt, please help us", Help, "Dad", Help},
		{"私は無事ですが、妹が骨折しました", Safe, "妹", Injured},
		{"I'm ok but my brother is trapped", Safe, "brother", Help},
		{"みんな無事です", Safe, "みんな", Safe},
		{"おばあちゃんも無事です", "", "おばあちゃん", Safe},
		{"おじいちゃんが倒れて動けません、助けて", "", "おじいちゃん", Help},
	} {
		r := Read(row.text)
		if r.Status != row.own || len(r.Reports) != 1 || r.Reports[0].Who != row.who || r.Reports[0].Status != row.status {
			t.Errorf("%s: own %q, reports %v, want %q and %s %s", row.text, r.Status, r.Reports, row.own, row.who, row.status)
		}
	}
	two := Read("母も父も無事")
	if len(two.Reports) != 2 || two.Reports[0].Who != "母" || two.Reports[1].Who != "父" {
		t.Errorf("母も父も無事 reports %v", two.Reports)
	}
}

// TestTheEndOfALongTextCounts reads texts as long as they may be.
func TestTheEndOfALongTextCounts(t *testing.T) {
	for _, filling := range []string{"無事です。", "I'm fine. ", "あ", "x", " ", "今日はとてもいい天気です、", "母は無事です。"} {
		n := (maxRead - 10) / utf8.RuneCountInString(filling)
		for _, cry := range []string{"\n助けて", "\nhelp me"} {
			if r := Read(strings.Repeat(filling, n) + cry); r.Status != Help {
				t.Errorf("many times %q and then %q: %s", filling, cry, r.Status)
			}
		}
	}
	if r := Read(strings.Repeat("無事です。", maxRead)); r.Status == Safe {
		t.Error("a text that was not read to the end is safe")
	}
}
