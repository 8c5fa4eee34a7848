package talk

import (
	"context"
	"errors"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/talkapi"
)

// Direct is the channel to one member alone.
type Direct struct{ t *Talk }

var _ broadcast.Channel = Direct{}

// Direct returns the channel to one member alone.
func (t *Talk) Direct() Direct { return Direct{t} }

// Name is broadcast.Direct.
func (d Direct) Name() broadcast.ChannelName { return broadcast.Direct }

// Width leaves a home server workers for the family.
func (d Direct) Width() int { return 3 }

// Settle is how long the server may still be working on a call given up.
func (d Direct) Settle() time.Duration { return d.t.o.Settle }

// Send posts to the one-to-one room with the member, and makes the room when
// there is none.
func (d Direct) Send(ctx context.Context, m broadcast.Message) (broadcast.Receipt, broadcast.Unreached, error) {
	if m.Purpose == broadcast.Ack {
		return d.t.acknowledge(ctx, m)
	}
	member := m.Members[0]
	if member.Talk == "" {
		return broadcast.Receipt{}, nil, &broadcast.Failure{Permanent: true, Reason: broadcast.ReasonNoWay}
	}
	w := d.t.words(member.Lang)
	text := w.Chat(m, "")
	if m.Purpose.Answerable() {
		text += "\n" + w.HowToTap()
	}
	for again := false; ; again = true {
		room, err := d.t.oneToOne(ctx, member.Talk)
		if err != nil {
			return broadcast.Receipt{}, nil, failure(err, beforeSending)
		}
		receipt, err := d.t.post(ctx, room, limit(text), m)
		if errors.Is(err, talkapi.ErrNotFound) && !again {
			// The room that was known has gone; there may be a new one.
			d.t.Forget(room)
			continue
		}
		if err != nil {
			return broadcast.Receipt{}, nil, failure(err, whileSending)
		}
		return receipt, nil, nil
	}
}

// Find looks for a message in the one-to-one room with the member.
func (d Direct) Find(ctx context.Context, m broadcast.Message, since time.Time) (broadcast.Receipt, bool, error) {
	if m.Purpose == broadcast.Ack {
		return m.Receipt, false, nil
	}
	room, err := d.t.oneToOne(ctx, m.Members[0].Talk)
	if err != nil {
		return broadcast.Receipt{}, false, failure(err, beforeSending)
	}
	receipt, ok, err := d.t.find(ctx, room, m, since)
	if err != nil {
		return receipt, ok, failure(err, beforeSending)
	}
	return receipt, ok, nil
}
