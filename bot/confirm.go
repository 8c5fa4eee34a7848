package bot

import (
	"context"
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
// at leaves no doubt: a tap or a word under the question whether it is over, or
// words that say so by themselves.
func (h *hearing) confirmed(ctx context.Context, check broadcast.Check, st broadcast.Standing, a broadcast.Answer) (bool, error) {
	if !st.Grave() {
		return false, nil
	}
	if a.Source != broadcast.ByTap && answer.Over(a.Text) {
		return true, nil
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

// confirming reports whether the member has been asked alone, in this room,
// whether it is over, and has not answered that yet.
func (h *hearing) confirming(ctx context.Context, check broadcast.Check, st broadcast.Standing) (bool, error) {
	if !h.place.direct || !st.Grave() {
		return false, nil
	}
	deliveries, err := h.Service.Store.Deliveries(ctx, check.ID)
	return slices.ContainsFunc(deliveries, func(d broadcast.Delivery) bool {
		return d.MemberID == st.Member.ID && st.Confirms(d) && d.Receipt.MessageID != 0 && d.Receipt.Room == h.place.room && h.id > d.Receipt.MessageID
	}), err
}

// agrees reports whether a mere yes or no is the answer to the question whether it
// is over.
func (h *hearing) agrees(ctx context.Context, check broadcast.Check, text string) (yes, ok bool, err error) {
	yes, ok = answer.Agree(text)
	if !ok {
		return false, false, nil
	}
	st, asked, err := h.Service.Standing(ctx, check, h.member)
	if err != nil || !asked || !st.Grave() {
		return false, false, err
	}
	d, quotes, err := h.promptAbove(ctx)
	if err != nil || quotes {
		return yes, quotes && st.Confirms(d), err
	}
	if h.message.Parent != nil {
		return false, false, nil
	}
	ok, err = h.confirming(ctx, check, st)
	return yes, ok, err
}
