package talk

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/talkapi"
)

// Room is the channel to the whole family.
type Room struct{ t *Talk }

var (
	_ broadcast.Channel = Room{}
	_ broadcast.Editor  = Room{}
)

// Room returns the channel to the whole family.
func (t *Talk) Room() Room { return Room{t} }

// Name is broadcast.Room.
func (r Room) Name() broadcast.ChannelName { return broadcast.Room }

// Width is one, so that the prompt stands above its tally.
func (r Room) Width() int { return 1 }

// Settle is how long the server may still be working on a call given up.
func (r Room) Settle() time.Duration { return r.t.o.Settle }

// Send posts one message that serves everybody in the room. After a prompt it
// asks who is in the room, and returns those of the members who are not.
func (r Room) Send(ctx context.Context, m broadcast.Message) (broadcast.Receipt, broadcast.Unreached, error) {
	if m.Purpose == broadcast.Ack {
		return r.t.acknowledge(ctx, m)
	}
	for again := false; ; again = true {
		token, err := r.t.Family(ctx)
		if err != nil {
			return broadcast.Receipt{}, nil, failure(err, beforeSending)
		}
		receipt, err := r.t.post(ctx, token, limit(r.text(m)), m)
		if errors.Is(err, talkapi.ErrNotFound) && !again {
			// The room has gone; there may be a new one of that name.
			r.t.Forget(token)
			continue
		}
		if err != nil {
			return broadcast.Receipt{}, nil, failure(err, whileSending)
		}
		return receipt, r.absent(ctx, token, m), nil
	}
}

// Find looks for a message in the family room.
func (r Room) Find(ctx context.Context, m broadcast.Message, since time.Time) (broadcast.Receipt, bool, error) {
	if m.Purpose == broadcast.Ack {
		return m.Receipt, false, nil
	}
	for again := false; ; again = true {
		token, err := r.t.Family(ctx)
		if err != nil {
			return broadcast.Receipt{}, false, failure(err, beforeSending)
		}
		receipt, ok, err := r.t.find(ctx, token, m, since)
		if errors.Is(err, talkapi.ErrNotFound) && !again {
			r.t.Forget(token)
			continue
		}
		if err != nil {
			return receipt, ok, failure(err, beforeSending)
		}
		return receipt, ok, nil
	}
}

// Edit words a message anew, without ringing anybody.
func (r Room) Edit(ctx context.Context, receipt broadcast.Receipt, m broadcast.Message) error {
	_, err := r.t.o.Client.Edit(ctx, receipt.Room, receipt.MessageID, limit(r.text(m)))
	if errors.Is(err, talkapi.ErrUnsupported) {
		// A Talk before 19 edits nothing. The report will say how it ended.
		return nil
	}
	if errors.Is(err, talkapi.ErrTooOld) || errors.Is(err, talkapi.ErrNotFound) {
		return errors.Join(broadcast.ErrTooOld, err)
	}
	return err
}

// absent returns the members who are asked in the room but are not in it. When
// the server does not say, the ladder finds whoever stays silent.
func (r Room) absent(ctx context.Context, token string, m broadcast.Message) broadcast.Unreached {
	if !m.Purpose.Insists() {
		return nil
	}
	participants, err := r.t.o.Client.Participants(ctx, token)
	if err != nil {
		return nil
	}
	present := map[string]bool{}
	for _, p := range participants {
		if p.ActorType == "users" {
			present[p.ActorID] = true
		}
	}
	absent := broadcast.Unreached{}
	for _, member := range m.Members {
		if !present[member.Talk] {
			absent[member.ID] = broadcast.ReasonNotInRoom
		}
	}
	return absent
}

// text words a message for the room: prompts and cries for help in every
// language of the family, and with a mention that rings every phone.
func (r Room) text(m broadcast.Message) string {
	switch m.Purpose {
	case broadcast.Announce:
		return r.t.words("").Chat(m, "@all ")
	case broadcast.Ask, broadcast.Remind, broadcast.Alarm:
	default:
		return r.t.words("").Chat(m, "")
	}
	members := m.Members
	for _, s := range m.Tally.Standings {
		members = append(members, s.Member)
	}
	// The room is no organiser: it is shown no phone numbers.
	m.Members = nil
	var parts []string
	for i, lang := range r.t.languages(members) {
		mention := ""
		if i == 0 {
			mention = "@all "
		}
		w := r.t.words(lang)
		text := w.Chat(m, mention)
		if m.Purpose.Prompts() {
			text += "\n" + w.HowToTap()
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "\n\n")
}
