package bot

import (
	"context"
	"fmt"
	"slices"

	"github.com/anpi-bot/anpi/bot/answer"
	"github.com/anpi-bot/anpi/broadcast"
)

// A cry for help or a hurt is taken back by a plain act only: a finger slips, and
// "I am fine" is said by people who are not. Whoever stands at one and is safe now
// is asked once more, alone, and what they stand at holds until they answer that.

// doubt plans to ask whether a cry or a hurt is really over, and to show that
// nothing has changed yet. The organisers read what was said.
func (h *hearing) doubt(check broadcast.Check, st broadcast.Standing, a broadcast.Answer) {
	h.adds(check, st, a)
	if !h.patient(false) {
		return
	}
	h.Service.PlanConfirm(h.change, check, st, a)
	if !h.place.direct && a.Source != broadcast.ByTap {
		h.ack(a.Carrier, broadcast.Unclear)
	}
}

// confirmed reports whether an answer that would take back what the member stands
// at leaves no doubt: a tap or a number under the question whether it is over, a yes
// to it, or words that say so by themselves.
func (h *hearing) confirmed(ctx context.Context, check broadcast.Check, st broadcast.Standing, a broadcast.Answer) (bool, error) {
	if a.Source != broadcast.ByTap {
		_, number := answer.Choice(a.Text)
		switch {
		case !st.Status.Grave():
			return false, nil
		case answer.Over(a.Text):
			return true, nil
		case !number && !answer.Assents(a.Text):
			return false, nil // "my leg hurts so much" answers no question
		}
	}
	d, ok, err := h.promptAbove(ctx)
	if err != nil || ok && st.Confirms(d) {
		return ok, err
	}
	if a.Source == broadcast.ByTap || h.message.Parent != nil {
		return false, nil
	}
	return h.confirming(ctx, check, st)
}

// confirming reports whether the question whether it is over is the last that the
// member was told alone, in this room: a "yes" much later is about something else.
func (h *hearing) confirming(ctx context.Context, check broadcast.Check, st broadcast.Standing) (bool, error) {
	if !h.place.direct || !st.Status.Grave() {
		return false, nil
	}
	deliveries, err := h.Service.Store.Deliveries(ctx, check.ID)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(deliveries, func(d broadcast.Delivery) bool {
		return d.MemberID == st.Member.ID && st.Confirms(d) && d.Receipt.MessageID != 0 && d.Receipt.Room == h.place.room && h.id > d.Receipt.MessageID
	})
	if i < 0 {
		return false, nil
	}
	before, err := h.Client.History(ctx, h.place.room, h.id, 20)
	if err != nil {
		return false, fmt.Errorf("look what was asked last: %w", err)
	}
	for _, m := range before.Messages {
		if m.System == "" && m.ActorID != h.message.ActorID {
			d, ok, err := h.Service.Store.Prompt(ctx, m.ReferenceID, broadcast.Receipt{Room: h.place.room, MessageID: m.ID})
			return ok && st.Confirms(d), err
		}
	}
	return false, nil
}

// answersWhether reports what a text answers to the question whether it is over, if
// it answers that at all: yes, that the danger is over, or no.
func (h *hearing) answersWhether(ctx context.Context, check broadcast.Check, text string) (status broadcast.Status, err error) {
	agrees, isAgreement := answer.Agree(text)
	over := answer.Over(text)
	if !over && !isAgreement && !answer.Assents(text) {
		return "", nil
	}
	st, asked, err := h.Service.Standing(ctx, check, h.member)
	if err != nil || !asked || !st.Status.Grave() {
		return "", err
	}
	if over {
		return broadcast.Safe, nil
	}
	d, quotes, err := h.promptAbove(ctx)
	if err != nil {
		return "", err
	}
	it := quotes && st.Confirms(d)
	if h.message.Parent == nil {
		if it, err = h.confirming(ctx, check, st); err != nil {
			return "", err
		}
	}
	switch {
	case it && answer.Assents(text):
		return broadcast.Safe, nil
	case it && isAgreement && !agrees:
		return broadcast.Unclear, nil // what they stand at holds
	}
	return "", nil
}
