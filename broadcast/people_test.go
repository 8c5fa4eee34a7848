package broadcast_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
)

// plan commits what the function plans.
func (h *house) plan(add func(*broadcast.Change)) {
	h.t.Helper()
	change := broadcast.Change{Now: time.Now()}
	add(&change)
	if _, err := h.service.Commit(h.t.Context(), change); err != nil {
		h.t.Fatal(err)
	}
}

// where is where a member stands.
func (h *house) where(c broadcast.Check, m roster.Member) broadcast.Standing {
	h.t.Helper()
	st, ok, err := h.service.Standing(h.t.Context(), c, m)
	if err != nil || !ok {
		h.t.Fatal(m.ID, ok, err)
	}
	return st
}

func TestThatHelpIsNeededNoMoreIsToldLikeTheCry(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.start()
		c := h.check(broadcast.Real)
		h.says(c, kenta, broadcast.Help, "talk:20")
		h.rest(time.Second)
		// What was written before the cry and is read after it is no relief.
		h.plan(func(ch *broadcast.Change) {
			h.service.PlanAnswer(ch, c, h.where(c, kenta), broadcast.Answer{Status: broadcast.Safe, Source: broadcast.ByDirect, Carrier: "talk:10", At: time.Now().Add(-time.Minute)})
		})
		h.rest(time.Minute)
		if n := h.room.got(broadcast.Relief, "") + h.direct.got(broadcast.Relief, "dad"); n != 0 || h.where(c, kenta).Status != broadcast.Help {
			t.Errorf("%d reliefs, Kenta is %s", n, h.where(c, kenta).Status)
		}
		h.says(c, kenta, broadcast.Safe, "talk:25")
		h.rest(time.Minute)
		if n := h.room.got(broadcast.Relief, "") + h.direct.got(broadcast.Relief, "dad"); n != 0 || h.where(c, kenta).Status != broadcast.Help {
			t.Errorf("not confirmed: %d reliefs, Kenta is %s", n, h.where(c, kenta).Status)
		}
		h.plan(func(ch *broadcast.Change) {
			h.service.PlanAnswer(ch, c, h.where(c, kenta), broadcast.Answer{Status: broadcast.Safe, Confirmed: true, Source: broadcast.ByTap, Carrier: "talk:30", At: time.Now()})
		})
		h.rest(time.Minute)
		if room, alone, mail := len(h.room.of(broadcast.Relief)), h.direct.got(broadcast.Relief, "dad"), h.mail.got(broadcast.Relief, "dad"); room != 1 || alone != 1 || mail != 2 {
			t.Errorf("told %d times in the room, %d to Dad alone, %d by mail", room, alone, mail)
		}
		if m := h.direct.of(broadcast.Relief)[0].m; m.About.ID != "kenta" || m.Answer.Status != broadcast.Safe {
			t.Errorf("it is about %s, who is %s", m.About.ID, m.Answer.Status)
		}
	})
}

func TestManyCriesOfOnePerson(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.start()
		c := h.check(broadcast.Real)
		for i := range 200 {
			h.says(c, kenta, broadcast.Help, fmt.Sprintf("talk:%d", 100+i))
			h.rest(300 * time.Millisecond)
		}
		if n := h.direct.got(broadcast.Alarm, "dad"); n != 5 {
			t.Errorf("Dad was told %d times in a minute", n)
		}
		h.rest(6 * time.Minute)
		h.says(c, kenta, broadcast.Help, "talk:999")
		h.says(c, grandma, broadcast.Help, "talk:1000")
		h.rest(time.Minute)
		if n := h.direct.got(broadcast.Alarm, "dad"); n != 7 {
			t.Errorf("with Kenta's cry after a pause and Grandma's Dad was told %d times", n)
		}
	})
}

func TestWhatSomebodyElseSays(t *testing.T) {
	for name, tt := range map[string]struct {
		own, told broadcast.Status
		held      bool
		want      broadcast.Status
	}{
		"safe does not undo a cry for help": {broadcast.Help, broadcast.Safe, true, broadcast.Help},
		"safe does not undo a hurt":         {broadcast.Injured, broadcast.Safe, true, broadcast.Injured},
		"safe tells of the silent":          {"", broadcast.Safe, false, broadcast.Safe},
		"hurt is believed":                  {broadcast.Safe, broadcast.Injured, false, broadcast.Injured},
		"help is believed":                  {broadcast.Safe, broadcast.Help, false, broadcast.Help},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(t *testing.T, h *house) {
				c := h.check(broadcast.Real)
				if tt.own != "" {
					h.says(c, kenta, tt.own, "talk:1")
				}
				h.plan(func(ch *broadcast.Change) {
					a := broadcast.Answer{Status: tt.told, Source: broadcast.ByRoom, Carrier: "talk:2", ReportedBy: "dad", At: time.Now()}
					if held := h.service.PlanReport(ch, c, h.where(c, kenta), a); held != tt.held {
						t.Errorf("held: %v", held)
					}
				})
				if got := h.where(c, kenta).Status; got != tt.want {
					t.Errorf("Kenta is %s, not %s", got, tt.want)
				}
			})
		})
	}
}

func TestAnAnnouncementFindsItsWay(t *testing.T) {
	down := &broadcast.Failure{Reason: "talk-unreachable", Down: true}
	for name, tt := range map[string]struct {
		room                            fate
		alone                           bool // Talk works for one-to-one chats
		roomGot, aloneGot, kenta, mails int
	}{
		"all is well":          {fate{}, true, 1, 0, 0, 1},
		"Kenta has left":       {fate{unreached: broadcast.Unreached{"kenta": broadcast.ReasonNotInRoom}}, true, 1, 1, 1, 1},
		"the room is no more":  {fate{err: &broadcast.Failure{Permanent: true, Reason: "talk-gone"}}, true, 0, 3, 1, 1},
		"Talk cannot be found": {fate{err: down}, false, 0, 0, 0, 3},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, func(t *testing.T, h *house) {
				h.members = append(h.members, cat)
				h.room.fate = func(int, broadcast.Message) fate { return tt.room }
				if !tt.alone {
					h.direct.fate = func(int, broadcast.Message) fate { return fate{err: down} }
				}
				h.start()
				h.plan(func(ch *broadcast.Change) {
					if none := h.service.PlanAnnounce(ch, "talk:7", dad, "We meet at the school"); len(none) != 1 || none[0].ID != "cat" {
						t.Errorf("cannot be told: %v", none)
					}
				})
				h.rest(time.Minute)
				if n := h.room.got(broadcast.Announce, ""); n != tt.roomGot {
					t.Errorf("%d messages in the room", n)
				}
				if n := h.direct.got(broadcast.Announce, ""); n != tt.aloneGot || h.direct.got(broadcast.Announce, "kenta") != tt.kenta {
					t.Errorf("%d messages alone, %d to Kenta", n, h.direct.got(broadcast.Announce, "kenta"))
				}
				if n := h.mail.got(broadcast.Announce, ""); n != tt.mails {
					t.Errorf("%d mails", n)
				}
				for _, p := range []*post{h.room, h.direct, h.mail} {
					for _, try := range p.of(broadcast.Announce) {
						if try.m.About.ID != "dad" || try.m.Body != "We meet at the school" || len(try.m.Members) == 0 {
							t.Errorf("over %s goes %q of %s to %v", p.name, try.m.Body, try.m.About.ID, try.m.Members)
						}
					}
				}
			})
		})
	}
}

func TestAskedOnceMoreOnce(t *testing.T) {
	story(t, func(t *testing.T, h *house) {
		h.start()
		c := h.check(broadcast.Real)
		for i := range 3 {
			h.says(c, kenta, broadcast.Unclear, fmt.Sprintf("talk:%d", i+1))
			h.plan(func(ch *broadcast.Change) { h.service.PlanClarify(ch, c, kenta) })
			h.plan(func(ch *broadcast.Change) { h.service.PlanClarify(ch, c, uncle) })
			h.rest(time.Second)
		}
		if n, m := h.direct.got(broadcast.Clarify, "kenta"), h.mail.got(broadcast.Clarify, "uncle"); n != 1 || m != 1 {
			t.Errorf("Kenta was asked %d times, Uncle %d times by mail", n, m)
		}
	})
}
