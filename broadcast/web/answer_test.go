package web_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
)

func TestGrandmaAnswersFromHerMail(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Real, "大きな地震がありました")
		link := h.link(check, grandma)
		time.Sleep(5 * time.Minute)

		p := h.page(link)
		wants(t, "the page", p.html, `<html lang="ja">`, "おばあちゃん のページ", "無事ですか", "大きな地震がありました", "Dad が 1月1日(土) 朝9:00 に聞いています", "まだです", "Dad 090-0000-0000")
		lacks(t, "the page", p.html, "記録しました", "訓練", "home@docomo.example", "03-0000-0000")

		p = p.press("safe", "庭に\nいます")
		wants(t, "the page", p.html, "記録しました", "あなたの返事（朝9:05）", "✅ 無事", "変わったら")
		st := h.standing(check, grandma)
		if st.Status != broadcast.Safe || st.Answer.Source != broadcast.ByLink || st.Answer.Text != "庭に います" || st.Answer.ReportedBy != "" || !st.Answer.At.Equal(time.Now()) {
			t.Errorf("recorded as %+v", st.Answer)
		}

		time.Sleep(time.Minute)
		p = p.press("stranded", "")
		wants(t, "the page", p.html, "（朝9:06）", "✅ 無事（家に帰れない）")
		if a := h.standing(check, grandma).Answer; a.Status != broadcast.Safe || !a.Stranded {
			t.Errorf("recorded as %+v", a)
		}

		time.Sleep(time.Minute)
		p = p.press("help", "")
		wants(t, "the page", p.html, "（朝9:07）", "🆘 助けが必要", "いま家族に知らせています")
		if n := h.alarms(check); n != 3 {
			t.Errorf("%d alarms are on their way, want one in the room and two to Dad", n)
		}

		// The day after, the page says which day it was.
		time.Sleep(24 * time.Hour)
		p = h.page(link)
		wants(t, "the page", p.html, "1月1日(土) 朝9:07")
		lacks(t, "a page that was only opened", p.html, "記録しました")
	})
}

// alarms counts the alarms that are on their way.
func (h *house) alarms(c broadcast.Check) int {
	h.t.Helper()
	all, err := h.store.Deliveries(h.ctx, c.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	n := 0
	for _, d := range all {
		if d.Purpose == broadcast.Alarm {
			n++
		}
	}
	return n
}

func TestThePageSpeaksTheLanguageThatWasChosen(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Real, "")
		p := h.page(h.link(check, grandma))
		wants(t, "Grandma's page", p.html, `<html lang="ja">`, `href="?lang=en"`, ">English</a>")
		p = h.page(p.path + "?lang=en")
		wants(t, "the page in English", p.html, `<html lang="en">`, `href="?lang=ja"`, ">日本語</a>", "not yet")
		wants(t, "the page after the button", p.press("injured", "").html, `<html lang="en">`, "Noted. Thank you.", "(9:00 am)", "🩹 hurt")
		// The uncle's card names no language: the house decides.
		wants(t, "the uncle's page", h.page(h.link(check, uncle)).html, `<html lang="en">`)
		wants(t, "a page in no language", h.page(h.link(check, uncle)+"?lang=xx").html, `<html lang="en">`)
	})
}

func TestGrandmaAnswersForGrandpaToo(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Drill, "")
		link := h.link(check, grandma)
		p := h.page(link)
		wants(t, "the page", p.html, "おじいちゃん（いまは ⏳ 連絡待ち）")
		lacks(t, "the page", p.html, "Uncle", "card:grandpa")

		p = p.press("safe", "", "おじいちゃん")
		wants(t, "the page", p.html, "いっしょに記録した人：おじいちゃん")
		st := h.standing(check, grandpa)
		if st.Status != broadcast.Safe || st.Answer.ReportedBy != grandma.ID {
			t.Errorf("recorded for Grandpa: %+v", st.Answer)
		}
		wants(t, "Grandpa's page", h.page(h.link(check, grandpa)).html, "✅ 無事", "おばあちゃん が代わりに答えました")

		// Grandma goes on with an old page, after Grandpa has called for help.
		time.Sleep(time.Minute)
		p = h.page(link)
		h.says(check, grandpa, broadcast.Help)
		time.Sleep(time.Minute)
		p = p.press("safe", "", "おじいちゃん")
		if st := h.standing(check, grandpa); st.Status != broadcast.Help {
			t.Errorf("Grandpa's cry for help became %s", st.Status)
		}
		lacks(t, "the page", p.html, "いっしょに記録した人")
		wants(t, "the page", p.html, "おじいちゃん（いまは 🆘 助けが必要）")

		// What he has said himself stands, and the organisers hear that she says
		// something else; any cry for help counts.
		time.Sleep(time.Minute)
		h.page(link).press("safe", "", "おじいちゃん")
		if st := h.standing(check, grandpa); st.Status != broadcast.Help || len(h.told) != 1 {
			t.Errorf("Grandpa is %s, want help; told %q", st.Status, h.told)
		}
		p = h.page(link)
		time.Sleep(time.Minute)
		h.says(check, grandpa, broadcast.Safe)
		p.press("help", "", "おじいちゃん")
		if st := h.standing(check, grandpa); st.Status != broadcast.Help {
			t.Errorf("Grandpa is %s, want help", st.Status)
		}
		// Nobody answers for people who live elsewhere.
		f := p.form("safe", "")
		sum := sha256.Sum256([]byte("household\x00" + uncle.ID))
		for _, key := range []string{hex.EncodeToString(sum[:8]), uncle.ID, "Uncle", ""} {
			f.Add("other", key+".0")
		}
		p.sends(f)
		if st := h.standing(check, uncle); st.Answered {
			t.Errorf("somebody answered for the uncle: %+v", st.Answer)
		}
	})
}

// TestWhoeverWritesHelpIsNotSafe: frightened people hit the wrong button.
func TestWhoeverWritesHelpIsNotSafe(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		for _, row := range []struct {
			button, words string
			want          broadcast.Status
		}{
			{"safe", "助けて！動けない", broadcast.Help},
			{"stranded", "we are trapped", broadcast.Help},
			{"injured", "help", broadcast.Help},
			{"safe", "足にけがをした", broadcast.Injured},
			{"safe", "けがはありません", broadcast.Safe},
			{"help", "大丈夫", broadcast.Help},
			{"safe", "お隣の家にいます", broadcast.Safe},
			{"safe", "大丈夫じゃない", broadcast.Unclear},
		} {
			check := h.check(broadcast.Real, "")
			h.page(h.link(check, grandma)).press(row.button, row.words)
			if st := h.standing(check, grandma); st.Status != row.want {
				t.Errorf("%s with %q is %s, want %s", row.button, row.words, st.Status, row.want)
			}
			h.closes(check)
		}
	})
}

// TestWordsAboutOthers: what somebody writes beside the button about others has the
// effect that it has in the room, and never changes the writer.
func TestWordsAboutOthers(t *testing.T) {
	for _, row := range []struct {
		words        string
		dad, grandma broadcast.Status
		grandpa      broadcast.Status
		told         string
	}{
		{words: "Grandma is trapped under a shelf, send help", dad: broadcast.Safe, grandma: broadcast.Help, grandpa: broadcast.Pending},
		{words: "おばあちゃんが棚の下敷きです。助けて", dad: broadcast.Safe, grandma: broadcast.Help, grandpa: broadcast.Pending},
		{words: "おじいちゃんはけがをしました", dad: broadcast.Safe, grandma: broadcast.Pending, grandpa: broadcast.Injured},
		{words: "おばあちゃんは無事です", dad: broadcast.Safe, grandma: broadcast.Safe, grandpa: broadcast.Pending},
		{words: "Cousin Bob is trapped, send help", dad: broadcast.Safe, grandma: broadcast.Pending, grandpa: broadcast.Pending, told: "Dad: help “Cousin Bob is trapped, send help”"},
		{words: "いとこがけがをしました", dad: broadcast.Safe, grandma: broadcast.Pending, grandpa: broadcast.Pending, told: "Dad: injured “いとこがけがをしました”"},
		{words: "Grandma is trapped and I'm hurt", dad: broadcast.Injured, grandma: broadcast.Help, grandpa: broadcast.Pending},
	} {
		t.Run(row.words, func(t *testing.T) {
			story(t, func(t *testing.T, h *house) {
				check := h.check(broadcast.Real, "")
				h.page(h.link(check, dad)).press("safe", row.words)
				for m, want := range map[string]broadcast.Status{dad.ID: row.dad, grandma.ID: row.grandma, grandpa.ID: row.grandpa} {
					i := slices.IndexFunc(h.members, func(x roster.Member) bool { return x.ID == m })
					st := h.standing(check, h.members[i])
					if st.Status != want {
						t.Errorf("%s is %s, want %s", m, st.Status, want)
					}
					if m != dad.ID && st.Answered && st.Answer.ReportedBy != dad.ID {
						t.Errorf("the answer of %s is reported by %q", m, st.Answer.ReportedBy)
					}
				}
				if alarms := h.alarms(check); (row.grandma == broadcast.Help) != (alarms > 0) {
					t.Errorf("%d alarms", alarms)
				}
				if got := strings.Join(h.told, ", "); got != row.told {
					t.Errorf("told %q, want %q", got, row.told)
				}
			})
		})
	}
	// What she has said of herself stands, and the organisers hear that somebody says
	// something else.
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Real, "")
		h.says(check, grandma, broadcast.Help)
		time.Sleep(time.Minute)
		h.page(h.link(check, dad)).press("safe", "おばあちゃんは無事です")
		if st := h.standing(check, grandma); st.Status != broadcast.Help || len(h.told) != 1 || !strings.HasPrefix(h.told[0], "Dad:  “") {
			t.Errorf("Grandma is %s; told %q", st.Status, h.told)
		}
	})
}

// TestFromHelpToSafeIsAQuestion: pressing another button does not take a cry for
// help back; the button under the question does, once, and only for that cry.
func TestFromHelpToSafeIsAQuestion(t *testing.T) {
	for _, from := range []broadcast.Status{broadcast.Help, broadcast.Injured} {
		for _, button := range []string{"safe", "stranded", "injured"} {
			if string(from) == button {
				continue
			}
			story(t, func(t *testing.T, h *house) {
				check := h.check(broadcast.Real, "")
				link := h.link(check, grandma)
				h.page(link).press(string(from), "")
				time.Sleep(time.Minute)
				p := h.page(link).press(button, "")
				if st := h.standing(check, grandma); st.Status != from {
					t.Errorf("after %s Grandma is %s, want %s", button, st.Status, from)
				}
				lacks(t, "the page", p.html, "記録しました")
				wants(t, "the page", p.html, "もう本当に大丈夫ですか？", "いいえ。そのままにします")
				lacks(t, "a page that was only opened", h.page(link).html, "もう本当に大丈夫ですか？")
				// She cries once more before she presses yes on the old page.
				time.Sleep(time.Minute)
				h.page(link).press("help", "")
				time.Sleep(time.Minute)
				old := p.sure()
				if st := h.standing(check, grandma); st.Status != broadcast.Help {
					t.Errorf("a yes to the old question makes her %s", st.Status)
				}
				time.Sleep(time.Minute)
				old.sure()
				want, away := broadcast.Status(button), button == "stranded"
				if away {
					want = broadcast.Safe
				}
				if st := h.standing(check, grandma); st.Status != want || st.Answer.Stranded != away {
					t.Errorf("after yes Grandma is %s, want %s", st.Status, want)
				}
			})
		}
	}
}

// TestAnOldPageTakesNoNewerCryBack: neither with a tick, nor with words, nor by the
// question of before.
func TestAnOldPageTakesNoNewerCryBack(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Real, "")
		hers, dads := h.page(h.link(check, grandma)), h.page(h.link(check, dad))
		time.Sleep(time.Minute)
		h.says(check, grandpa, broadcast.Help)
		time.Sleep(time.Minute)
		for range 2 {
			hers.press("injured", "", "おじいちゃん")
		}
		if st := h.standing(check, grandpa); st.Status != broadcast.Help {
			t.Errorf("a tick on an old page makes Grandpa %s", st.Status)
		}
		// Somebody else has called for help for the uncle.
		change := broadcast.Change{Now: time.Now()}
		h.service.PlanReport(&change, check, h.standing(check, uncle), broadcast.Answer{Status: broadcast.Help, ReportedBy: grandma.ID, Source: broadcast.ByRoom, Carrier: "talk:1", At: time.Now()})
		h.commit(change)
		time.Sleep(time.Minute)
		dads.press("safe", "Uncle is fine")
		if st := h.standing(check, uncle); st.Status != broadcast.Help || len(h.told) != 1 {
			t.Errorf("words on an old page make the uncle %s; told %q", st.Status, h.told)
		}
	})
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Real, "")
		p := h.page(h.link(check, grandma))
		p.press("help", "")
		time.Sleep(time.Minute)
		asked := p.press("safe", "")
		time.Sleep(10 * time.Minute)
		p.press("help", "")
		time.Sleep(time.Minute)
		asked.sure()
		if st := h.standing(check, grandma); st.Status != broadcast.Help {
			t.Errorf("the question of before the second cry makes her %s", st.Status)
		}
	})
}

// TestTheQuestionKeepsWhatTheWordsSaid: a yes to it is no more than was said.
func TestTheQuestionKeepsWhatTheWordsSaid(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Real, "")
		link := h.link(check, grandma)
		h.page(link).press("help", "")
		time.Sleep(time.Minute)
		h.page(link).press("safe", "足を骨折しました").sure()
		if st := h.standing(check, grandma); st.Status != broadcast.Injured {
			t.Errorf("Grandma is %s", st.Status)
		}
	})
}

func TestTheSameFormCountsOnce(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Real, "")
		link := h.link(check, grandma)
		p := h.page(link)
		for range 3 {
			time.Sleep(time.Second)
			p.press("safe", "", "おじいちゃん")
		}
		if n := len(h.answers(check)); n != 2 {
			t.Errorf("a form sent three times made %d answers for two people", n)
		}
		p = h.page(link)
		for range 3 {
			time.Sleep(time.Second)
			p.press("help", "", "おじいちゃん")
		}
		if n := len(h.answers(check)); n != 4 {
			t.Errorf("a cry for help sent three times: %d answers in all, want 4", n)
		}
	})
}

// TestGoingBackLosesNoCryForHelp: a page that is gone back to is the same form
// once more.
func TestGoingBackLosesNoCryForHelp(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Real, "")
		p := h.page(h.link(check, grandma))
		for i, button := range []string{"help", "safe", "help", "injured", "help"} {
			time.Sleep(time.Second)
			after := p.press(button, "")
			if button != "help" {
				after.sure()
			}
			if st := h.standing(check, grandma); string(st.Status) != button {
				t.Fatalf("after press %d, Grandma is %s, want %s", i+1, st.Status, button)
			}
		}
	})
}

// TestAnOldSafeDoesNotComeBack: a form that a phone sends once more, much later,
// neither undoes a cry for help nor claims to have been noted.
func TestAnOldSafeDoesNotComeBack(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Real, "")
		p := h.page(h.link(check, grandma))
		wants(t, "the page", p.press("safe", "").html, "記録しました")
		wants(t, "the page of a second press", p.press("safe", "").html, "記録しました")
		time.Sleep(time.Minute)
		h.says(check, grandma, broadcast.Help)
		time.Sleep(time.Minute)
		after := p.press("safe", "")
		wants(t, "the page", after.html, "🆘 助けが必要")
		lacks(t, "the page", after.html, "記録しました")
		after.press("safe", "").sure()
		if st := h.standing(check, grandma); st.Status != broadcast.Safe {
			t.Errorf("Grandma is %s, want safe from the new page", st.Status)
		}
	})
}

func TestALateAnswerIsTakenUntilTheLinkEnds(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Real, "")
		link := h.link(check, grandma)
		time.Sleep(time.Hour)
		h.closes(check)
		time.Sleep(29 * 24 * time.Hour)
		p := h.page(link)
		wants(t, "the page after the end", p.html, "この安否確認は終わりました。返事はまだ受けつけています。")
		wants(t, "the page after a late answer", p.press("help", "").html, "記録しました", "いま家族に知らせています")
		if n := h.alarms(check); n == 0 {
			t.Error("nobody is told of a late cry for help")
		}

		p = h.page(link)
		time.Sleep(2 * 24 * time.Hour)
		before := len(h.answers(check))
		for _, w := range []*httptest.ResponseRecorder{h.get(link), p.sends(p.form("safe", ""))} {
			if w.Code != http.StatusGone {
				t.Errorf("a link that has ended gets %d", w.Code)
			}
			wants(t, "the page", w.Body.String(), "30")
			lacks(t, "the page", w.Body.String(), "<form", "おばあちゃん")
		}
		if n := len(h.answers(check)); n != before {
			t.Errorf("a link that has ended still answers: %d answers, there were %d", n, before)
		}
	})
}

func TestAnAnswerThatArrivedIsKeptThoughTheLineBreaks(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		check := h.check(broadcast.Real, "")
		p := h.page(h.link(check, grandma))
		p.sends(p.form("help", ""), gone)
		if st := h.standing(check, grandma); st.Status != broadcast.Help {
			t.Errorf("Grandma is %s: her phone lost the line, and her answer with it", st.Status)
		}
	})
}
