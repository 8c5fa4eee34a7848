package bot

import (
	"context"
	"fmt"
	"slices"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/bot/answer"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
)

// tapped plans the answer of a reaction under a prompt, or to a question of the
// bot. It belongs to the check that the prompt asked for, even when that one has
// ended; only a cry for help under an old prompt goes to the check that is open
// now.
func (h *hearing) tapped(ctx context.Context, a broadcast.Answer) (alone bool, err error) {
	d, ok, err := h.under(ctx)
	if err != nil {
		return false, err
	}
	if !ok {
		return false, h.tappedElsewhere(ctx, a)
	}
	if !d.Purpose.Answerable() {
		return h.tappedQuestion(ctx, d)
	}
	check, err := h.Service.Store.Check(ctx, d.CheckID)
	if err != nil {
		return false, fmt.Errorf("find the check of a prompt: %w", err)
	}
	a.Source, a.Text = broadcast.ByTap, talkapi.NormalizeReaction(h.message.Text)
	if a.Status = tapStatus(h.message.Text); a.Status == "" {
		return false, nil
	}
	if talkapi.SameReaction(a.Status.Icon(), h.message.Text) {
		a.Text = ""
	}
	if !check.Open() && a.Status == broadcast.Help {
		current, some, err := h.Service.Current(ctx, h.change.Now)
		if err != nil {
			return false, err
		}
		switch {
		case some && current.Open():
			if follows, err := h.follows(ctx, current, 0); err != nil || !follows {
				h.old(current, a.Status, true, a)
				return false, err
			}
			check = current
		case check.Drill():
			// Long after a drill, nobody practises any more.
			h.cry(broadcast.Check{}, "alarm.title", a)
			return false, nil
		}
	}
	return false, h.record(ctx, check, a)
}

// tappedElsewhere plans what follows from 🆘 under a message of the bot that asks for
// nothing, such as the tally: it is a cry all the same.
func (h *hearing) tappedElsewhere(ctx context.Context, a broadcast.Answer) error {
	d, ours, err := h.promptAbove(ctx)
	if err != nil || !ours || d.Purpose == broadcast.Ack || !talkapi.SameReaction(broadcast.Help.Icon(), h.message.Text) {
		return err
	}
	a.Source, a.Status, a.Text = broadcast.ByTap, broadcast.Help, ""
	check, ok, err := h.Service.Current(ctx, h.change.Now)
	if err != nil || !ok || !check.Open() {
		return err
	}
	if follows, err := h.follows(ctx, check, 0); err != nil || !follows {
		return err
	}
	return h.record(ctx, check, a)
}

// tapStatus is what a reaction under a prompt means: one of the taps that are
// offered, or another sign such as 👍; empty when it says nothing.
func tapStatus(emoji string) broadcast.Status {
	for _, tap := range broadcast.Taps {
		if talkapi.SameReaction(tap.Icon(), emoji) {
			return tap
		}
	}
	return broadcast.Status(answer.Read(talkapi.NormalizeReaction(emoji)).Status)
}

// under is the message of the bot that a reaction is under; ok is false when it
// is under somebody else's.
func (h *hearing) under(ctx context.Context) (d broadcast.Delivery, ok bool, err error) {
	d, ok, err = h.promptAbove(ctx)
	return d, ok && (d.Purpose.Answerable() || len(d.Taps) > 0 && d.Purpose == broadcast.Reply), err
}

// untapped plans what follows when somebody takes a reaction away: what was
// known before holds again. A cry for help or a hurt that is taken away without
// a word is looked at by a person. Only somebody who stands by a tap is
// concerned.
func (h *hearing) untapped(ctx context.Context, a broadcast.Answer) error {
	d, ok, err := h.under(ctx)
	if err != nil || !ok {
		return err
	}
	if !d.Purpose.Answerable() {
		return h.untappedNumber(ctx, d, a)
	}
	check, err := h.Service.Store.Check(ctx, d.CheckID)
	if err != nil {
		return fmt.Errorf("find the check of a prompt: %w", err)
	}
	standing, ok, err := h.Service.Standing(ctx, check, h.member)
	if err != nil || !ok || standing.Answer.Source != broadcast.ByTap {
		return err
	}
	var left []broadcast.Status
	for _, emoji := range h.left(ctx) {
		left = append(left, tapStatus(emoji))
	}
	known, _, err := h.Service.StandingBut(ctx, check, h.member, func(a broadcast.Answer) bool {
		return a.Source == broadcast.ByTap && a.Status != broadcast.Pending && !slices.Contains(left, a.Status)
	})
	if err != nil {
		return err
	}
	a.Source, a.Status, a.Stranded, a.Place = broadcast.ByTap, known.Status, known.Answer.Stranded, known.Answer.Place
	if a.Status == standing.Status {
		return nil
	}
	if standing.Status.Grave() && a.Status != broadcast.Help {
		// It stands until they say that it is over.
		h.doubt(check, standing, a)
		return nil
	}
	if a.Status == broadcast.Pending && standing.Cries > 0 {
		// Not even when a ✅ in another room came in between.
		a.Status = broadcast.Unclear
	}
	return h.record(ctx, check, a)
}

// untappedNumber plans what follows when somebody takes back the number of a
// person who is with them: of that person holds again what was known without it.
func (h *hearing) untappedNumber(ctx context.Context, d broadcast.Delivery, a broadcast.Answer) error {
	q, ok, err := h.asked(ctx)
	if err != nil || !ok || q.Kind != askWith || d.Step != broadcast.ReplyStep(q.ID) {
		return err
	}
	check, err := h.Service.Store.Check(ctx, q.CheckID)
	if err != nil {
		return fmt.Errorf("find the check of a question: %w", err)
	}
	left := h.left(ctx)
	for i, m := range h.candidates(q) {
		if slices.ContainsFunc(left, func(emoji string) bool { return talkapi.SameReaction(emoji, keycaps(i + 1)[i]) }) {
			continue
		}
		now, asked, err := h.Service.Standing(ctx, check, m)
		if err != nil {
			return err
		}
		before, _, err := h.Service.StandingBut(ctx, check, m, func(a broadcast.Answer) bool {
			return a.Source == broadcast.ByTap && a.ReportedBy == h.member.ID && !a.RecordedAt.Before(q.Asked)
		})
		if err != nil {
			return err
		}
		if !asked || before.Status == now.Status {
			continue
		}
		a.Source = broadcast.ByTap
		if err := h.recordFor(ctx, check, []roster.Member{m}, before.Status, a, true); err != nil {
			return err
		}
	}
	return nil
}

// left are the reactions of the member that still stand under the message.
func (h *hearing) left(ctx context.Context) (left []string) {
	reactions, err := h.Client.Reactions(ctx, h.place.room, h.message.Parent.ID)
	if err != nil {
		// It must not hold up what others say.
		zerolog.Ctx(ctx).Warn().Err(err).Msg("cannot look which taps are left under a prompt")
	}
	for emoji, by := range reactions {
		if slices.ContainsFunc(by, func(r talkapi.Reaction) bool { return r.ActorType == "users" && r.ActorID == h.member.Talk }) {
			left = append(left, emoji)
		}
	}
	return left
}

// deleted plans to tell the organisers that a message was deleted which had
// carried an answer. The answer stays.
func (h *hearing) deleted(ctx context.Context) error {
	if h.message.Parent == nil {
		return nil
	}
	check, ok, err := h.Service.Current(ctx, h.change.Now)
	if err != nil || !ok {
		return err
	}
	answers, err := h.Service.Store.Answers(ctx, check.ID)
	if err != nil {
		return err
	}
	carrier := broadcast.TalkCarrier(h.rewinds.number(*h.message.Parent), h.message.Parent.Time)
	i := slices.IndexFunc(answers, func(a broadcast.Answer) bool { return a.Carrier == carrier })
	if i < 0 {
		return nil
	}
	h.Service.PlanWhisper(h.change, "deleted-"+carrier, func(o roster.Member) string {
		t := h.texts(o.Lang)
		text := t.Mark(check.Drill()) + t.T("deleted.title", locale.Data{"Name": Plain(h.member.Name)})
		if said := answers[i].Text; said != "" {
			text += "\n" + t.T("alarm.text", locale.Data{"Text": Plain(said)})
		}
		return text
	})
	return nil
}
