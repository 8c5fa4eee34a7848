package talk_test

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/channel/talk"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// home is a Talk server with a family room, and the channels of the bot's
// account. The bot is no moderator of the room.
type home struct {
	t        *testing.T
	srv      *talktest.Server
	dad, mum *talktest.User
	token    string
	client   *talkapi.Client
	talk     *talk.Talk
}

// story runs a story in fake time.
func story(t *testing.T, tell func(t *testing.T, h *home)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { tell(t, newHome(t)) })
}

func newHome(t *testing.T) *home {
	h := &home{t: t, srv: talktest.NewServer(talktest.Options{})}
	anpi := h.srv.AddUser("anpi", "Anpi", talktest.UserOptions{})
	h.dad = h.srv.AddUser("dad", "Dad", talktest.UserOptions{})
	h.mum = h.srv.AddUser("mum", "Mum", talktest.UserOptions{})
	h.srv.Welcome(anpi) // no family room either
	h.token = h.srv.AddGroup("Family", h.dad, anpi, h.mum)
	client, err := talkapi.New(talkapi.Options{BodyLimit: 16 << 20, URL: h.srv.URL(), User: "anpi", Password: talkapi.Secret(anpi.AppPassword()), Transport: h.srv.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	h.client = client
	h.talk = h.at("Family")
	return h
}

// at returns the channels for a family room of that name or token.
func (h *home) at(room string) *talk.Talk {
	return talk.New(talk.Options{Client: h.client, User: "anpi", Room: room, Language: "en", Zone: time.UTC})
}

var (
	dad     = roster.Member{ID: "dad", Name: "Dad", Talk: "dad", Lang: "en"}
	mum     = roster.Member{ID: "mum", Name: "Mum", Talk: "mum", Lang: "en"}
	grandma = roster.Member{ID: "grandma", Name: "おばあちゃん", Talk: "grandma", Lang: "ja"}
)

// ask is the first prompt of a check.
func ask(kind broadcast.Kind, members ...roster.Member) broadcast.Message {
	return broadcast.Message{
		Purpose: broadcast.Ask, Reference: broadcast.Reference("test", "0", broadcast.Room), Members: members,
		Check: broadcast.Check{ID: 1, Kind: kind, StartedAt: time.Now()}, Now: time.Now(),
	}
}

// last is the newest message that the bot wrote into the room.
func (h *home) last(token string) talktest.Message {
	h.t.Helper()
	for _, m := range slices.Backward(h.srv.Messages(token)) {
		if m.Actor == "anpi" && m.System == "" {
			return m
		}
	}
	h.t.Fatal("the bot has written nothing")
	return talktest.Message{}
}

// written counts what the bot wrote into the room.
func (h *home) written(token string) int {
	n := 0
	for _, m := range h.srv.Messages(token) {
		if m.Actor == "anpi" && m.System == "" {
			n++
		}
	}
	return n
}

func taps(m talktest.Message) string {
	var all string
	for _, tap := range []string{"✅", "🩹", "🆘"} {
		if slices.Equal(m.Reactions[tap], []string{"anpi"}) {
			all += tap
		}
	}
	return all
}

func TestOneMessageAsksEverybody(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		receipt, unreached, err := h.talk.Room().Send(t.Context(), ask(broadcast.Real, dad, mum))
		if err != nil || len(unreached) > 0 {
			t.Fatalf("unreached %v, %v", unreached, err)
		}
		m := h.last(h.token)
		if receipt.Room != h.token || receipt.MessageID != m.ID || m.ReferenceID == "" {
			t.Errorf("the receipt %+v is not that of message %d with reference %q", receipt, m.ID, m.ReferenceID)
		}
		if m.Silent || strings.Count(m.Text, "@all") != 1 || taps(m) != "✅🩹🆘" {
			t.Errorf("silent %v, taps %s:\n%s", m.Silent, taps(m), m.Text)
		}
	})
}

func TestBothLanguagesInAMixedFamily(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		if _, _, err := h.talk.Room().Send(t.Context(), ask(broadcast.Drill, dad, mum, grandma)); err != nil {
			t.Fatal(err)
		}
		text := h.last(h.token).Text
		if !strings.HasPrefix(text, "[DRILL] @all ") || strings.Count(text, "@all") != 1 || !strings.Contains(text, "\n\n【訓練】") || !strings.Contains(text, "無事ですか") {
			t.Errorf("want the mark first, everybody rung once, and both languages marked:\n%s", text)
		}
		cry := broadcast.Message{Purpose: broadcast.Alarm, Check: broadcast.Check{ID: 1, Kind: broadcast.Drill}, About: dad,
			Tally: broadcast.Tally{Standings: []broadcast.Standing{{Member: dad}, {Member: grandma}}}}
		if _, _, err := h.talk.Room().Send(t.Context(), cry); err != nil {
			t.Fatal(err)
		}
		text = h.last(h.token).Text
		if !strings.HasPrefix(text, "[DRILL] @all 🆘 Dad needs help.") || !strings.Contains(text, "【訓練】🆘 Dad が助けを求めています。") {
			t.Errorf("the cry for help:\n%s", text)
		}
	})
}

func TestADirectPromptSpeaksTheMembersLanguage(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.srv.AddUser("grandma", "おばあちゃん", talktest.UserOptions{})
		m := ask(broadcast.Drill, grandma)
		m.Purpose = broadcast.Remind
		if _, _, err := h.talk.Direct().Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		token, _ := h.srv.DirectRoom("anpi", "grandma")
		got := h.last(token)
		if !strings.HasPrefix(got.Text, "【訓練】") || strings.Contains(got.Text, "@all") || strings.Contains(got.Text, "DRILL") || taps(got) != "✅🩹🆘" {
			t.Errorf("taps %s:\n%s", taps(got), got.Text)
		}
	})
}

func TestThoseNotInTheRoomAreNamed(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		_, unreached, err := h.talk.Room().Send(t.Context(), ask(broadcast.Real, dad, mum, grandma))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(broadcast.Unreached{"grandma": broadcast.ReasonNotInRoom}, unreached); diff != "" {
			t.Error(diff)
		}
	})
}

// TestTapsSurviveAPassingFault: the prompt stands, and a moment later its taps
// do too; the prompt is not sent again for their sake.
func TestTapsSurviveAPassingFault(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		failing := 2
		h.srv.Fault(func(r *http.Request) *talktest.Fault {
			if failing > 0 && strings.Contains(r.URL.Path, "/reaction/") {
				failing--
				return &talktest.Fault{Status: 502}
			}
			return nil
		})
		if _, _, err := h.talk.Room().Send(t.Context(), ask(broadcast.Real, dad)); err != nil {
			t.Fatal(err)
		}
		if n := h.written(h.token); n != 1 || taps(h.last(h.token)) != "✅🩹🆘" {
			t.Errorf("%d prompts, taps %s", n, taps(h.last(h.token)))
		}
	})
}

// TestTapsThatFailForGood: without reactions on the server the prompt has
// arrived all the same.
func TestTapsThatFailForGood(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.srv.Disable("reactions")
		if _, _, err := h.talk.Room().Send(t.Context(), ask(broadcast.Real, dad)); err != nil {
			t.Fatal(err)
		}
		if n := h.written(h.token); n != 1 {
			t.Errorf("%d prompts", n)
		}
	})
}

// TestDoubtIsFound: the server took the prompt, but its answer never came.
func TestDoubtIsFound(t *testing.T) {
	for what, f := range map[string]talktest.Fault{
		"cut off":   {Applied: true, Cut: true},
		"502":       {Applied: true, Status: 502},
		"timed out": {Applied: true, Delay: 40 * time.Second},
		"HTML":      {Applied: true, Status: 200, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<p>Log in"},
	} {
		t.Run(what, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				if _, err := h.talk.Family(t.Context()); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				h.srv.Fault(talktest.Once(f))
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				m := ask(broadcast.Real, dad)
				_, _, err := h.talk.Room().Send(ctx, m)
				failed := new(broadcast.Failure)
				if !errors.As(err, &failed) || !failed.Doubt || failed.Permanent {
					t.Fatalf("want doubt, have %#v", err)
				}
				receipt, ok, err := h.talk.Room().Find(t.Context(), m, began.Add(-time.Minute))
				if err != nil || !ok || receipt.MessageID != h.last(h.token).ID || taps(h.last(h.token)) != "✅🩹🆘" {
					t.Errorf("found %v at %+v with taps %s, %v", ok, receipt, taps(h.last(h.token)), err)
				}
				m.Reference = broadcast.Reference("test", "1", broadcast.Room)
				if _, ok, err := h.talk.Room().Find(t.Context(), m, began.Add(-time.Minute)); ok || err != nil {
					t.Errorf("another message was found: %v, %v", ok, err)
				}
				if n := h.written(h.token); n != 1 {
					t.Errorf("%d prompts", n)
				}
				time.Sleep(time.Minute) // the slow answer comes to its end
			})
		})
	}
}

// TestWhatMayBeDoneNext: each way in which a server fails, the reason that an
// organiser reads, and whether the same message may be sent again.
func TestWhatMayBeDoneNext(t *testing.T) {
	none := http.Header{}
	for _, c := range []struct {
		name   string
		breaks func(h *home)
		want   broadcast.Failure
	}{
		{"the room is read-only", func(h *home) { h.srv.SetReadOnly(h.token, true) }, broadcast.Failure{Reason: "talk-forbidden", Permanent: true}},
		{"the lobby is closed", func(h *home) { h.srv.SetLobby(h.token, true) }, broadcast.Failure{Reason: "talk-forbidden", Permanent: true}},
		{"maintenance", func(h *home) { h.srv.SetMaintenance(true) }, broadcast.Failure{Reason: "talk-maintenance", Down: true, After: 30 * time.Second}},
		{"down", func(h *home) { h.srv.SetDown(true) }, broadcast.Failure{Reason: "talk-unreachable", Down: true}},
		{"500", fault(talktest.Fault{Status: 500}), broadcast.Failure{Reason: "talk-unreachable", Down: true, Doubt: true}},
		{"401", fault(talktest.Fault{Status: 401}), broadcast.Failure{Reason: "talk-unauthorized", Down: true, After: 15 * time.Minute}},
		{"429", fault(talktest.Fault{Status: 429, Header: none}), broadcast.Failure{Reason: "talk-throttled", Down: true, After: time.Minute}},
		{"429 with a wish", fault(talktest.Fault{Status: 429, Header: http.Header{"Retry-After": {"120"}}}), broadcast.Failure{Reason: "talk-throttled", Down: true, After: 2 * time.Minute}},
		{"413", fault(talktest.Fault{Status: 413}), broadcast.Failure{Reason: "talk-refused", Permanent: true}},
		{"400", fault(talktest.Fault{Status: 400}), broadcast.Failure{Reason: "talk-refused", Permanent: true}},
		{"a redirect", fault(talktest.Fault{Status: 302, Header: http.Header{"Location": {"https://elsewhere.example/"}}}), broadcast.Failure{Reason: "talk-unclear", Down: true}},
		{"Talk is off", func(h *home) { h.srv.Disable("spreed") }, broadcast.Failure{Reason: "talk-unclear", Down: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				if _, err := h.talk.Family(t.Context()); err != nil {
					t.Fatal(err)
				}
				c.breaks(h)
				_, _, err := h.talk.Room().Send(t.Context(), ask(broadcast.Real, dad))
				got := new(broadcast.Failure)
				if !errors.As(err, &got) {
					t.Fatalf("want a failure, have %v", err)
				}
				if talk.Reason(got.Err) != got.Reason {
					t.Errorf("Reason says %s", talk.Reason(got.Err))
				}
				if strings.Contains(err.Error(), h.token) {
					t.Errorf("the token of the room is in the error: %v", err)
				}
				have := *got
				have.Err = nil
				if diff := cmp.Diff(c.want, have); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func fault(f talktest.Fault) func(*home) {
	return func(h *home) {
		h.srv.Fault(func(*http.Request) *talktest.Fault { return &f })
	}
}

func TestWhoeverHasNoAccountAnyMore(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		reason := func(m roster.Member) string {
			_, _, err := h.talk.Direct().Send(t.Context(), ask(broadcast.Real, m))
			f := new(broadcast.Failure)
			if !errors.As(err, &f) || !f.Permanent || f.Down || f.Doubt {
				t.Fatalf("want a failure for good of this one message, have %#v", err)
			}
			return f.Reason
		}
		if got := reason(roster.Member{ID: "gone", Talk: "gone"}); got != "talk-gone" {
			t.Errorf("an unknown account: %s", got)
		}
		if got := reason(roster.Member{ID: "uncle"}); got != broadcast.ReasonNoWay {
			t.Errorf("no account at all: %s", got)
		}
		// The room with Mum is known; then her account is deleted.
		if _, _, err := h.talk.Direct().Send(t.Context(), ask(broadcast.Real, mum)); err != nil {
			t.Fatal(err)
		}
		h.srv.RemoveUser("mum")
		if got := reason(mum); got != "talk-forbidden" && got != "talk-gone" {
			t.Errorf("a deleted account: %s", got)
		}
	})
}

func TestTheBotWasPutOutOfTheRoom(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		if _, err := h.talk.Family(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.srv.RemoveMember(h.token, "anpi")
		for try := range 2 {
			_, _, err := h.talk.Room().Send(t.Context(), ask(broadcast.Real, dad))
			f := new(broadcast.Failure)
			if !errors.As(err, &f) || !f.Permanent || f.Doubt {
				t.Errorf("try %d: want a failure for good, have %#v", try, err)
			}
		}
	})
}

func TestTheFamilyRoomIsFound(t *testing.T) {
	for _, c := range []struct{ name, asked string }{
		{"Family", "Family"}, {"Family", "family"}, {"Family", "  Ｆａｍｉｌｙ "}, {"家族ﾙｰﾑ", "家族ルーム"}, {"Straße", "STRASSE"},
	} {
		t.Run(c.asked, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				want := h.token
				if c.name != "Family" {
					room, err := h.client.CreateGroup(t.Context(), c.name, nil)
					if err != nil {
						t.Fatal(err)
					}
					want = room.Token
				}
				if got, err := h.at(c.asked).Family(t.Context()); got != want || err != nil {
					t.Errorf("found %q, want %q: %v", got, want, err)
				}
			})
		})
	}
	story(t, func(t *testing.T, h *home) {
		if got, err := h.at(h.token).Family(t.Context()); got != h.token || err != nil {
			t.Errorf("by token: found %q: %v", got, err)
		}
		// A one-to-one chat with somebody called Dad is no family room.
		h.dad.SayDirect("anpi", "hello")
		_, err := h.at("Dad").Family(t.Context())
		missing := new(talk.NoRoom)
		if !errors.As(err, &missing) {
			t.Fatalf("want NoRoom, have %v", err)
		}
		if diff := cmp.Diff(&talk.NoRoom{User: "anpi", Room: "Dad", Rooms: []string{"Family"}}, missing); diff != "" {
			t.Error(diff)
		}
		if got := talk.Reason(err); got != "talk-no-room" {
			t.Errorf("Reason says %s", got)
		}
	})
}

// hostile are names and texts that try to ring people, to format, or to begin
// lines of their own.
var hostile = []string{
	"@all", "@dad", `@"dad"`, " @all ", "@@all", "x @all", "-@all", "{mention-call1}", "{object}", "*bold*", "_it_", "`code`", "~~gone~~",
	"[link](https://evil.example)", "<b>", "a\n# heading", "a\n@all", "| a | b |", "\u202e@all", "@\u200ball", "\x00@all", strings.Repeat("@all ", 9000),
}

// TestNamesRingNobodyAndFormatNothing sends each hostile text in every place
// where somebody's words are shown.
func TestNamesRingNobodyAndFormatNothing(t *testing.T) {
	mark := regexp.MustCompile(`(^|[^\\])[*_~` + "`" + `\[\]<>#|]`)
	story(t, func(t *testing.T, h *home) {
		for _, s := range hostile {
			who := roster.Member{ID: "x", Name: s, Talk: "dad", Lang: "en", Phones: []string{s}, Organiser: true}
			standing := broadcast.Standing{Member: who, Status: broadcast.Help, Trouble: s, Answer: broadcast.Answer{Text: s, Place: &broadcast.Place{Name: s}}}
			check := broadcast.Check{ID: 1, Kind: broadcast.Real, Question: s, StartedBy: s, ClosedBy: s}
			silent := broadcast.Standing{Member: who, Status: broadcast.Pending, Reached: broadcast.Failed, Trouble: s}
			tally := broadcast.Tally{Check: check, Standings: []broadcast.Standing{standing, silent}}
			m := broadcast.Message{Members: []roster.Member{who}, Check: check, About: who, Answer: standing.Answer, Tally: tally,
				Report: broadcast.Report{Tally: tally, Failures: []broadcast.Delivery{{MemberID: "x", Channel: broadcast.Direct, Reason: "talk-refused: " + s}}}}
			for _, purpose := range []broadcast.Purpose{broadcast.Ask, broadcast.Remind, broadcast.Alarm, broadcast.Silence, broadcast.TallyOf, broadcast.ReportOf} {
				m.Purpose = purpose
				for _, channel := range []broadcast.Channel{h.talk.Room(), h.talk.Direct()} {
					receipt, _, err := channel.Send(t.Context(), m)
					if err != nil {
						t.Fatalf("%s over %s: %v", purpose, channel.Name(), err)
					}
					text := h.last(receipt.Room).Text
					rung := 0
					if channel.Name() == broadcast.Room && (m.Purpose.Prompts() || purpose == broadcast.Alarm) {
						rung = 1
					}
					text = strings.Replace(text, "@all ", "", rung)
					// The map's address is the program's own.
					text = regexp.MustCompile(`https://www\.openstreetmap\.org/\S+`).ReplaceAllString(text, "")
					if strings.Contains(text, "@all") || strings.Contains(text, "@dad") || strings.Contains(text, `@"`) || strings.Contains(text, "{mention") || strings.Contains(text, "{object") {
						t.Errorf("%s over %s with %.40q rings somebody:\n%.300s", purpose, channel.Name(), s, text)
					}
					if mark.MatchString(text) {
						t.Errorf("%s over %s with %.40q formats %q:\n%.300s", purpose, channel.Name(), s, mark.FindString(text), text)
					}
				}
			}
		}
	})
}

// TestALongTallyFits: a school's tally is cut rather than refused, and those
// who need help stand before the cut.
func TestALongTallyFits(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		var all []broadcast.Standing
		for i := range 3000 {
			s := broadcast.Standing{Member: roster.Member{ID: "m", Name: strings.Repeat("長", 20)}, Status: broadcast.Pending}
			if i == 0 {
				s.Member.Name, s.Status = "Kenta", broadcast.Help
			}
			all = append(all, s)
		}
		m := broadcast.Message{Purpose: broadcast.TallyOf, Check: broadcast.Check{ID: 1, Kind: broadcast.Real}, Tally: broadcast.Tally{Standings: all}}
		receipt, _, err := h.talk.Room().Send(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		text := h.last(h.token).Text
		if n := utf8.RuneCountInString(text); n < 30_000 || n > 32_000 || !strings.Contains(text, "needs help 1: Kenta") || !strings.HasSuffix(text, "…") {
			t.Errorf("%d characters, which end in %q", n, text[len(text)-10:])
		}
		if err := h.talk.Room().Edit(t.Context(), receipt, m); err != nil {
			t.Errorf("edit: %v", err)
		}
	})
}

func TestTheTallyIsEditedInPlace(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		tally := func(status broadcast.Status) broadcast.Message {
			return broadcast.Message{Purpose: broadcast.TallyOf, Check: broadcast.Check{ID: 1, Kind: broadcast.Real},
				Tally: broadcast.Tally{Standings: []broadcast.Standing{{Member: dad, Status: status}}}}
		}
		receipt, _, err := h.talk.Room().Send(t.Context(), tally(broadcast.Pending))
		if err != nil {
			t.Fatal(err)
		}
		if !h.last(h.token).Silent {
			t.Error("the tally rings")
		}
		if err := h.talk.Room().Edit(t.Context(), receipt, tally(broadcast.Safe)); err != nil {
			t.Fatal(err)
		}
		if m := h.last(h.token); m.ID != receipt.MessageID || !strings.Contains(m.Text, "✅ safe 1: Dad") {
			t.Errorf("the tally reads %q", m.Text)
		}
		time.Sleep(24 * time.Hour)
		if err := h.talk.Room().Edit(t.Context(), receipt, tally(broadcast.Help)); !errors.Is(err, broadcast.ErrTooOld) {
			t.Errorf("after a day: %v", err)
		}
		if err := h.talk.Room().Edit(t.Context(), broadcast.Receipt{Room: h.token, MessageID: 999}, tally(broadcast.Help)); !errors.Is(err, broadcast.ErrTooOld) {
			t.Errorf("a message that has gone: %v", err)
		}
	})
}

// TestOneRequestOpensARoom: the room with a member is looked up once.
func TestOneRequestOpensARoom(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		for range 3 {
			if _, _, err := h.talk.Direct().Send(t.Context(), ask(broadcast.Real, mum)); err != nil {
				t.Fatal(err)
			}
		}
		opened := 0
		for _, r := range h.srv.Requests() {
			if r.Method == http.MethodPost && strings.HasSuffix(r.Pattern, "/v4/room") {
				opened++
			}
		}
		if opened != 1 {
			t.Errorf("the room was opened %d times", opened)
		}
	})
}

// TestARoomMadeAnew: the family room was deleted, and there is a new one of the
// same name. Messages go there, and those in doubt are looked for there.
func TestARoomMadeAnew(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		if _, err := h.talk.Family(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.srv.RemoveMember(h.token, "anpi")
		room, err := h.client.CreateGroup(t.Context(), "Family", []string{"dad", "mum"})
		if err != nil {
			t.Fatal(err)
		}
		m := ask(broadcast.Real, dad)
		if _, ok, err := h.talk.Room().Find(t.Context(), m, time.Now().Add(-time.Minute)); ok || err != nil {
			t.Errorf("a look in the new room: %v, %v", ok, err)
		}
		if receipt, _, err := h.at("Family").Room().Send(t.Context(), m); err != nil || receipt.Room != room.Token {
			t.Errorf("sent to the old room: %v, %v", receipt.Room == h.token, err)
		}
		h.srv.RemoveMember(room.Token, "anpi")
		again, err := h.client.CreateGroup(t.Context(), "Family", []string{"dad", "mum"})
		if err != nil {
			t.Fatal(err)
		}
		if receipt, _, err := h.talk.Room().Send(t.Context(), m); err != nil || receipt.Room != again.Token {
			t.Errorf("sent to the newest room: %v, %v", receipt.Room == again.Token, err)
		}
	})
}

// TestTwoRoomsOfThatName: anybody can make a room of the family's name and put
// the bot into it. One of the two is never taken at a guess.
func TestTwoRoomsOfThatName(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		other, err := h.client.CreateGroup(t.Context(), "FAMILY", []string{"mum"})
		if err != nil {
			t.Fatal(err)
		}
		for asked, want := range map[string]string{"Family": h.token, "FAMILY": other.Token} {
			if got, err := h.at(asked).Family(t.Context()); got != want || err != nil {
				t.Errorf("%s: the right one: %v, %v", asked, got == want, err)
			}
		}
		missing := new(talk.NoRoom)
		if _, err := h.at("family").Family(t.Context()); !errors.As(err, &missing) || !missing.Several {
			t.Errorf("one of two rooms was taken without a word: %v", err)
		}
		if _, err := h.client.CreateGroup(t.Context(), "Family", []string{"mum"}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.at("Family").Family(t.Context()); !errors.As(err, &missing) || !missing.Several {
			t.Errorf("one of two rooms was taken without a word: %v", err)
		}
		known := talk.New(talk.Options{Client: h.client, User: "anpi", Room: "Family", Known: h.token, Language: "en", Zone: time.UTC})
		if got, err := known.Family(t.Context()); got != h.token || err != nil {
			t.Errorf("the one that it was before: %v, %v", got == h.token, err)
		}
	})
}

// TestTapsAfterALongerFault: the server went away right after the prompt. It is
// found when the server is back, and has its taps then.
func TestTapsAfterALongerFault(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.srv.OnMessage(func(_ talktest.Room, x talktest.Message) {
			if x.Actor == "anpi" && x.System == "" {
				h.srv.SetMaintenance(true)
				time.AfterFunc(2*time.Minute, func() { h.srv.SetMaintenance(false) })
			}
		})
		m := ask(broadcast.Real, dad)
		_, _, err := h.talk.Room().Send(t.Context(), m)
		if f := new(broadcast.Failure); !errors.As(err, &f) || !f.Doubt {
			t.Fatalf("want doubt, have %v", err)
		}
		time.Sleep(3 * time.Minute)
		if _, ok, err := h.talk.Room().Find(t.Context(), m, m.Now.Add(-time.Minute)); !ok || err != nil || taps(h.last(h.token)) != "✅🩹🆘" {
			t.Errorf("found %v with taps %s, %v", ok, taps(h.last(h.token)), err)
		}
	})
}
