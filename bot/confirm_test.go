package bot_test

import (
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// cried begins a check in which Akari has tapped 🆘.
func (h *home) cried() (prompt int64) {
	h.t.Helper()
	h.start()
	prompt = h.check()
	h.akari.React(h.room, prompt, "🆘")
	h.rest(5 * time.Second)
	h.stillNeedsHelp("after the tap")
	return prompt
}

func (h *home) stillNeedsHelp(when string) {
	h.t.Helper()
	h.isAt(h.akari, broadcast.Help, when)
	if n := count(h.wrote(h.room), "Akari needed help and is now"); n != 0 {
		h.t.Errorf("%s the family was told that it is over: %q", when, h.wrote(h.room))
	}
}

// Whoever needs help is not safe by one slip of the finger or one usual word: they
// are asked, alone, and say it once more.
func TestHelpIsNotTakenBackByASlip(t *testing.T) {
	for name, slip := range map[string]func(h *home, prompt int64){
		"a tap on ✅":                 func(h *home, p int64) { h.akari.React(h.room, p, "✅") },
		"a thumb":                    func(h *home, p int64) { h.akari.React(h.room, p, "👍") },
		"a tap on 🩹":                 func(h *home, p int64) { h.akari.React(h.room, p, "🩹") },
		"the tap on 🆘 taken away":    func(h *home, p int64) { h.akari.Unreact(h.room, p, "🆘") },
		"words in the room":          func(h *home, p int64) { h.akari.Say(h.room, "I am safe") },
		"words in Japanese":          func(h *home, p int64) { h.akari.Say(h.room, "大丈夫です") },
		"words alone":                func(h *home, p int64) { h.akari.SayDirect("anpi", "I'm fine") },
		"a command":                  func(h *home, p int64) { h.akari.Say(h.room, "!safe") },
		"a hurt in words":            func(h *home, p int64) { h.akari.Say(h.room, "I'm hurt") },
		"a reply to the prompt":      func(h *home, p int64) { h.akari.Reply(h.room, p, "1") },
		"well, with a danger beside": func(h *home, p int64) { h.akari.Say(h.room, "大丈夫だけど酸素がもうすぐ切れる") },
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				slip(h, h.cried())
				h.rest(10 * time.Second)
				h.stillNeedsHelp("after " + name)
				h.confirms(h.akari, "✅")
				h.isAt(h.akari, broadcast.Safe, "confirmed")
				if n := count(h.wrote(h.room), "Akari needed help and is now ✅ safe"); n != 1 {
					t.Errorf("the family was told %d times: %q", n, h.wrote(h.room))
				}
			})
		})
	}
}

// From a hurt down to safe is the same question.
func TestAHurtIsNotTakenBackByASlip(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		p := h.check()
		h.akari.React(h.room, p, "🩹")
		h.rest(5 * time.Second)
		h.akari.React(h.room, p, "✅")
		h.rest(5 * time.Second)
		h.isAt(h.akari, broadcast.Injured)
		h.confirms(h.akari, "✅")
		h.isAt(h.akari, broadcast.Safe, "confirmed")
	})
}

// What is said to the question counts, in a tap, a number or a word.
func TestTheAnswersToTheQuestion(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(h *home, room string, question int64)
		want   broadcast.Status
	}{
		"✅":          {func(h *home, room string, q int64) { h.akari.React(room, q, "✅") }, broadcast.Safe},
		"🩹":          {func(h *home, room string, q int64) { h.akari.React(room, q, "🩹") }, broadcast.Injured},
		"🆘":          {func(h *home, room string, q int64) { h.akari.React(room, q, "🆘") }, broadcast.Help},
		"yes":        {func(h *home, room string, q int64) { h.akari.SayDirect("anpi", "yes") }, broadcast.Safe},
		"no":         {func(h *home, room string, q int64) { h.akari.SayDirect("anpi", "no") }, broadcast.Help},
		"はい":         {func(h *home, room string, q int64) { h.akari.Reply(room, q, "はい") }, broadcast.Safe},
		"1":          {func(h *home, room string, q int64) { h.akari.SayDirect("anpi", "1") }, broadcast.Safe},
		"3":          {func(h *home, room string, q int64) { h.akari.SayDirect("anpi", "3") }, broadcast.Help},
		"I am safe":  {func(h *home, room string, q int64) { h.akari.SayDirect("anpi", "I am safe") }, broadcast.Safe},
		"a plea":     {func(h *home, room string, q int64) { h.akari.SayDirect("anpi", "お願いします") }, broadcast.Help},
		"a pain":     {func(h *home, room string, q int64) { h.akari.SayDirect("anpi", "my leg hurts so much") }, broadcast.Help},
		"a question": {func(h *home, room string, q int64) { h.akari.SayDirect("anpi", "what do you mean?") }, broadcast.Help},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				p := h.cried()
				h.akari.React(h.room, p, "✅")
				h.rest(5 * time.Second)
				room := h.directRoom("akari")
				c.answer(h, room, h.asks(room, "Are you really safe now?"))
				h.rest(5 * time.Second)
				if s := h.stands(h.newest(), h.akari); s.Status != c.want {
					t.Errorf("Akari stands at %s, want %s; she was told %q", s.Status, c.want, h.alone(h.akari))
				}
			})
		})
	}
}

// Words that say that the danger is over need no question.
func TestWordsThatSayThatItIsOver(t *testing.T) {
	for _, words := range []string{"I'm out now", "救助されました", "I'm out now, all good", "Pressed it by mistake, I'm fine", "もう大丈夫です", "助かりました。無事です"} {
		t.Run(words, func(t *testing.T) {
			story(t, func(t *testing.T, h *home) {
				h.cried()
				h.akari.Say(h.room, words)
				h.rest(5 * time.Second)
				h.isAt(h.akari, broadcast.Safe)
			})
		})
	}
}

// Akari is asked whether it is over; before she answers, it gets worse. The old
// question does not take the new cry back.
func TestAnOldQuestionIsAboutTheOldCry(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		p := h.cried()
		h.akari.React(h.room, p, "✅")
		h.rest(5 * time.Second)
		room := h.directRoom("akari")
		q := h.asks(room, "Are you really safe now?")
		h.akari.Say(h.room, "help, I'm trapped again")
		h.rest(5 * time.Second)
		h.akari.React(room, q, "✅")
		h.rest(5 * time.Second)
		h.stillNeedsHelp("after the old question")
		h.confirms(h.akari, "✅")
		h.isAt(h.akari, broadcast.Safe, "confirmed")
	})
}

// Dad is asked whether it is over. Then he is told something else, alone, and says
// "ok" to that.
func TestAnOkToSomethingElse(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		h.start()
		p := h.check()
		h.dad.React(h.room, p, "🆘")
		h.rest(5 * time.Second)
		h.dad.React(h.room, p, "✅")
		h.rest(5 * time.Second)
		h.asks(h.directRoom("dad"), "Are you really safe now?")
		h.akari.Say(h.room, "help, I'm trapped")
		h.rest(5 * time.Second)
		h.dad.SayDirect("anpi", "ok")
		h.rest(5 * time.Second)
		h.isAt(h.dad, broadcast.Help)
	})
}

// 🆘 under the tally, and behind the word for a command, is a cry like any other.
func TestACryInAnUnusualPlace(t *testing.T) {
	for name, cry := range map[string]func(h *home){
		"under the tally":     func(h *home) { h.akari.React(h.room, h.asks(h.room, "Who is safe"), "🆘") },
		"behind !safe":        func(h *home) { h.akari.Say(h.room, "!safe not, I'm trapped") },
		"behind !無事":          func(h *home) { h.akari.Say(h.room, "!無事 じゃない、助けて") },
		"behind !status":      func(h *home) { h.akari.Say(h.room, "!status help I'm trapped") },
		"alone, after a safe": func(h *home) { h.akari.SayDirect("anpi", "助けて") },
	} {
		for _, notifications := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				story(t, func(t *testing.T, h *home) {
					wait := 15 * time.Second
					if !notifications {
						h.talk.Disable("notifications")
						wait = 4 * time.Minute
					}
					h.start()
					p := h.check()
					h.akari.React(h.room, p, "✅")
					h.rest(5 * time.Second)
					cry(h)
					h.rest(wait)
					h.isAt(h.akari, broadcast.Help, "notifications", notifications)
				})
			})
		}
	}
}

// Killed between the slip and the question, and between the question and its
// answer, nothing is lost.
func TestTheQuestionOutlivesTheProgram(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		p := h.cried()
		h.stop()
		h.akari.React(h.room, p, "✅")
		h.rest(time.Hour)
		h.start()
		h.rest(30 * time.Second)
		h.stillNeedsHelp("after the restart")
		h.stop()
		room := h.directRoom("akari")
		h.akari.React(room, h.asks(room, "Are you really safe now?"), "✅")
		h.rest(time.Hour)
		h.start()
		h.rest(30 * time.Second)
		h.isAt(h.akari, broadcast.Safe)
	})
}

// A name that nobody has changes nobody: not the one who was meant, and not the
// writer. A cry is told all the same.
func TestANameThatNobodyHas(t *testing.T) {
	for _, c := range []struct {
		command string
		ask     string
	}{
		{"!safe Cousin Bob", "Whom do you mean by “Cousin Bob”?"},
		{"!無事 いとこ", "Whom do you mean by “いとこ”?"},
		{"!safe Zebediah", "Whom do you mean by “Zebediah”?"},
		{"!無事 田中", "Whom do you mean by “田中”?"},
		{"!safe now Bob", "Whom do you mean by “now Bob”?"},
		{"!injured Cousin Bob", "Whom do you mean by “Cousin Bob”?"},
		{"!sos Cousin Bob", "Whom do you mean by “Cousin Bob”?"},
	} {
		for _, first := range []string{"", "🆘"} {
			t.Run(c.command+first, func(t *testing.T) {
				story(t, func(t *testing.T, h *home) {
					h.start()
					p := h.check()
					if first != "" {
						h.akari.React(h.room, p, first)
						h.rest(5 * time.Second)
					}
					before := h.stands(h.newest(), h.akari)
					h.akari.Say(h.room, c.command)
					h.rest(5 * time.Second)
					for _, u := range []*talktest.User{h.dad, h.mum, h.grandma} {
						if s := h.stands(h.newest(), u); s.Answered {
							t.Errorf("%s stands at %s", u.ID, s.Status)
						}
					}
					if s := h.stands(h.newest(), h.akari); s.Status != before.Status {
						t.Errorf("Akari stands at %s, was %s", s.Status, before.Status)
					}
					if n := count(h.wrote(h.room), c.ask); n != 1 {
						t.Errorf("Akari was asked %d times: %q", n, h.wrote(h.room))
					}
					if c.command[:4] == "!sos" && count(h.alone(h.dad), "Akari writes that somebody needs help") != 1 {
						t.Errorf("Dad was told %q", h.alone(h.dad))
					}
				})
			})
		}
	}
	// What follows the command may be about the writer.
	for _, command := range []string{"!safe at the office", "!無事 会社にいます"} {
		story(t, func(t *testing.T, h *home) {
			h.start()
			h.check()
			h.akari.Say(h.room, command)
			h.rest(5 * time.Second)
			h.isAt(h.akari, broadcast.Safe, command)
		})
	}
}
