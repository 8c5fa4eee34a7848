package talk_test

import (
	"strconv"
	"testing"

	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// A school: the account is in 1,200 one-to-one rooms, of some 1.5 kB each.
func TestManyRooms(t *testing.T) {
	story(t, func(t *testing.T, h *home) {
		for i := range 1200 {
			h.srv.AddUser("u"+strconv.Itoa(i), "A name of usual length", talktest.UserOptions{}).SayDirect("anpi", "I am safe")
		}
		if _, err := h.talk.Family(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
