package bot

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
)

// place is where a message was written.
type place struct {
	room   string
	direct bool
}

// channel is the way back to whoever wrote there.
func (p place) channel() broadcast.ChannelName {
	if p.direct {
		return broadcast.Direct
	}
	return broadcast.Room
}

// source is how what is written there arrives.
func (p place) source() broadcast.Source {
	if p.direct {
		return broadcast.ByDirect
	}
	return broadcast.ByRoom
}

// hearing is one message of a member being taken in: what it says is planned as
// a change, which is committed together with how far the room was read.
type hearing struct {
	*Bot
	change  *broadcast.Change
	place   place
	member  roster.Member
	message talkapi.Message
	// id and at are of what they wrote, tapped or edited, at on the server's
	// clock, and number tells its place in the order of all that was ever said;
	// edited says that the message is an earlier one.
	id, number int64
	at         time.Time
	edited     bool
	// before commits what the messages before this one have planned, so that
	// what follows is read in its light.
	before func() error
}

// take makes what a batch of messages says part of the ledger, together with
// the place up to which the room was read. Answers of several people are
// written together; where one depends on another, it is written first.
func (b *Bot) take(ctx context.Context, p place, batch talkapi.Batch) error {
	if batch.LastGiven == 0 {
		return nil
	}
	release, err := b.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer release()
	if b.rewinds, err = readRewinds(ctx, b.Service.Store); err != nil {
		return err
	}
	change := broadcast.Change{Now: time.Now()}
	var last talkapi.Message // that was read
	commit := func(upTo int64) error {
		cursor := broadcast.Cursor{Room: p.room, After: upTo}
		if last.ID == upTo {
			cursor.At = last.Time
		}
		change.Cursors = []broadcast.Cursor{cursor}
		_, err := b.Service.Commit(ctx, change)
		change = broadcast.Change{Now: time.Now()}
		if err != nil {
			return fmt.Errorf("record what was said: %w", err)
		}
		return nil
	}
	heard := map[string]bool{} // members with something planned
	for _, m := range batch.Messages {
		if m.System == "user_added" && !p.direct {
			b.Joined()
		}
		member, known, err := b.member(ctx, m)
		if err != nil {
			return err
		}
		if !known {
			last = m
			continue
		}
		h := &hearing{Bot: b, change: &change, place: p, member: member, message: m, id: m.ID, number: b.rewinds.number(m), at: m.Time}
		h.before = func() error {
			clear(heard)
			return commit(m.ID - 1)
		}
		if heard[member.ID] {
			// What somebody adds is read in the light of what they said before.
			if err := h.before(); err != nil {
				return err
			}
		}
		heard[member.ID] = true
		alone, err := h.listen(ctx)
		if err != nil {
			return err
		}
		if last = m; alone {
			// What comes after it must see what it did.
			if err := commit(m.ID); err != nil {
				return err
			}
			clear(heard)
		}
	}
	return commit(batch.LastGiven)
}

// takeTurn waits until nobody else takes in what was read, and keeps others from it
// until release is called.
func (b *Bot) takeTurn(ctx context.Context) (release func(), err error) {
	select {
	case b.turn <- struct{}{}:
		return func() { <-b.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// listen plans what the message says. Alone reports that it must be written
// before the next one is read.
func (h *hearing) listen(ctx context.Context) (alone bool, err error) {
	m := h.message
	a := broadcast.Answer{Carrier: h.carrier(), At: m.Time, Source: h.place.source()}
	switch {
	case m.System == "reaction":
		return h.tapped(ctx, a)
	case m.System == "reaction_revoked":
		return false, h.untapped(ctx, a)
	case m.System == "message_deleted":
		return false, h.deleted(ctx)
	case m.System == "message_edited" && m.Parent != nil && m.Parent.ActorID == m.ActorID && m.Parent.ActorType == m.ActorType:
		// An edit is a new answer with the new text.
		h.message, h.edited = *m.Parent, true
		a.Text = m.Parent.PlainText()
		return h.wrote(ctx, a)
	case m.System != "" || m.Deleted:
		return false, nil
	}
	if cmd, ok := h.parse(); ok {
		if h.Beside && !cmd.ofCheck() || !cmd.reports() && h.rewinds.knew(h.at) {
			return false, nil
		}
		if err := h.before(); err != nil {
			return false, err
		}
		return true, h.obey(ctx, cmd)
	}
	a.Text = m.PlainText()
	return h.wrote(ctx, a)
}

// record plans an answer of the member's own, and its receipt: people take
// "read" for "answered".
func (h *hearing) record(ctx context.Context, check broadcast.Check, a broadcast.Answer) error {
	standing, ok, err := h.Service.Standing(ctx, check, h.member)
	if err != nil {
		return err
	}
	if !ok {
		// Whoever joined the family after the check began was not asked.
		zerolog.Ctx(ctx).Info().Int64("check", check.ID).Msg("an answer from somebody whom the check does not ask")
		h.uninvited(check, a)
		return nil
	}
	settled := standing.Status == broadcast.Safe || standing.Answered && a.Status != broadcast.Safe
	if !check.Open() && a.Source != broadcast.ByTap && settled && !a.Status.Grave() {
		// After the end, everyday chat is no answer from those who are safe.
		return nil
	}
	if a.Place != nil && standing.Status == broadcast.Help {
		// Whoever asked for help and now says where must be found.
		a.Status = broadcast.Help
	}
	if a.Status == broadcast.Safe || a.Status == broadcast.Injured {
		if a.Confirmed, err = h.confirmed(ctx, check, standing, a); err != nil {
			return err
		}
	}
	if h.Service.PlanAnswer(h.change, check, standing, a) {
		h.doubt(check, standing, a)
		return nil
	}
	if a.Status == broadcast.Unclear {
		h.unclear(check, standing, a)
	}
	h.receipt(check, standing, a)
	return nil
}

// uninvited plans what follows from the answer of a member whom the check does not
// ask. It cannot be recorded there, but whoever needs somebody is told of.
func (h *hearing) uninvited(check broadcast.Check, a broadcast.Answer) {
	switch {
	case a.Status == broadcast.Help:
		h.cry(broadcast.Check{}, "alarm.title", a)
		return
	case a.Status == broadcast.Injured:
		h.Service.PlanWhisper(h.change, "uninvited-"+a.Carrier, func(o roster.Member) string {
			t := h.texts(o.Lang)
			return t.T("status_of.line", locale.Data{"Name": Plain(h.member.Name), "Icon": a.Status.Icon(), "Status": a.Status.Word(t)}) + "\n" +
				t.T("alarm.text", locale.Data{"Text": Plain(a.Text)})
		})
	}
	if h.place.direct && h.patient(false) {
		w := h.words()
		h.say(a.Carrier, w.Mark(check.Drill())+w.T("status_of.unasked", locale.Data{"Name": Plain(h.member.Name)}))
	}
}

// unclear plans what follows from an answer that was not understood: the member
// is asked once more, and the organisers can look at it.
func (h *hearing) unclear(check broadcast.Check, standing broadcast.Standing, a broadcast.Answer) {
	if standing.Status.Grave() {
		h.adds(check, standing, a)
		return // that stands
	}
	if check.Open() {
		h.Service.PlanClarify(h.change, check, standing.Member)
	}
	if standing.Status == broadcast.Unclear && (!h.place.direct || !h.patient(false)) {
		return // in the room everybody reads on
	}
	h.Service.PlanWhisper(h.change, "unclear-"+a.Carrier, func(o roster.Member) string {
		t := h.texts(o.Lang)
		key := "unclear.title"
		if a.Source == broadcast.ByVoice {
			key = "unclear.voice"
		}
		text := t.Mark(check.Drill()) + t.T(key, locale.Data{"Name": Plain(standing.Member.Name)})
		if a.Text != "" {
			text += "\n" + t.T("alarm.text", locale.Data{"Text": Plain(a.Text)})
		}
		return text
	})
}

// adds plans to pass on to the organisers what somebody who needs help or is hurt
// goes on to say alone with the bot. It may tell where they are.
func (h *hearing) adds(check broadcast.Check, standing broadcast.Standing, a broadcast.Answer) {
	if !standing.Status.Grave() || !h.place.direct || a.Text == "" || !h.patient(false) {
		return
	}
	h.Service.PlanWhisper(h.change, "adds-"+a.Carrier, func(o roster.Member) string {
		t := h.texts(o.Lang)
		return t.Mark(check.Drill()) + t.T("unclear.adds", locale.Data{"Name": Plain(standing.Member.Name), "Icon": standing.Status.Icon()}) + "\n" +
			t.T("alarm.text", locale.Data{"Text": Plain(a.Text)})
	})
}

// carrier names what they wrote, tapped or edited.
func (h *hearing) carrier() string { return broadcast.TalkCarrier(h.number, h.at) }

// receipt plans to show the member how they were understood: with a reaction on
// their own message in the room, with a few words alone. A tap shows by itself.
func (h *hearing) receipt(check broadcast.Check, standing broadcast.Standing, a broadcast.Answer) {
	if !h.patient(a.Status == broadcast.Help) {
		return
	}
	if !h.place.direct {
		if a.Source == broadcast.ByTap || a.Status == "" {
			return
		}
		h.ack(a.Carrier, a.Status)
		return
	}
	if a.Status == broadcast.Unclear && !standing.Answered && check.Open() {
		return // being asked once more is the receipt
	}
	h.say(a.Carrier, h.understood(check, a))
}

// ack plans a reaction on the message that shows how it was understood, in the
// place of that on an earlier version of it.
func (h *hearing) ack(id string, status broadcast.Status) {
	var instead []string
	if h.edited {
		for _, s := range []broadcast.Status{broadcast.Safe, broadcast.Injured, broadcast.Help, broadcast.Unclear} {
			if s != status {
				instead = append(instead, s.Icon())
			}
		}
	}
	h.Service.PlanAck(h.change, h.place.channel(), id, broadcast.Receipt{Room: h.place.room, MessageID: h.message.ID}, status.Icon(), instead...)
}

func (h *hearing) understood(check broadcast.Check, a broadcast.Answer) string {
	t := h.texts(h.member.Lang)
	mark := t.Mark(check.Drill())
	switch a.Status {
	case broadcast.Help:
		return mark + t.T("bot.recorded_help")
	case broadcast.Unclear:
		return mark + t.T("bot.recorded_unclear")
	case broadcast.Pending:
		return mark + t.T("bot.taken_back")
	case "":
		return mark + t.T("bot.recorded_place")
	default:
		return mark + t.T("bot.recorded", locale.Data{"Icon": a.Status.Icon(), "Status": a.Status.Word(t), "Clock": t.Clock(a.At)})
	}
}

// say plans a text back to the member, where they wrote.
func (h *hearing) say(id, text string, taps ...string) {
	h.Service.PlanReply(h.change, h.place.channel(), h.member, id, text, taps...)
}

// words are those for a reply: in the member's language alone, in the room's in
// the room.
func (h *hearing) words() broadcast.Words {
	lang := h.Language
	if h.place.direct {
		lang = h.member.Lang
	}
	return broadcast.Words{Texts: h.texts(lang), Plain: Plain}
}

// cry tells the organisers and the family of a cry for help that is nobody's answer
// to a check: there is none, or it is not known who needs help. The title says who needs help, or who tells of it. As in a check, who
// cries on and on does not bury everybody in mail.
func (h *hearing) cry(check broadcast.Check, title string, a broadcast.Answer) {
	if !h.spare(h.cries, maxAlarms, alarmTime) {
		h.murmur(check, title, a)
		return
	}
	h.Service.PlanCry(h.change, "cry-"+a.Carrier, h.cryText(h.Language, "@all ", check, title, a), func(o roster.Member) string { return h.cryText(o.Lang, "", check, title, a) })
	h.Service.PlanReply(h.change, broadcast.Direct, h.member, "cry-"+a.Carrier, h.texts(h.member.Lang).Mark(check.Drill())+h.texts(h.member.Lang).T("bot.recorded_help"))
}

func (h *hearing) cryText(lang, mention string, check broadcast.Check, title string, a broadcast.Answer) string {
	w := broadcast.Words{Texts: h.texts(lang), Plain: Plain}
	return w.Telling(check, mention, title, locale.Data{"Name": Plain(h.member.Name)}, a)
}

// murmur tells the organisers of such a cry in Talk only.
func (h *hearing) murmur(check broadcast.Check, title string, a broadcast.Answer) {
	if h.patient(false) {
		h.Service.PlanWhisper(h.change, "cry-"+a.Carrier, func(o roster.Member) string { return h.cryText(o.Lang, "", check, title, a) })
	}
}

// A member gets at most maxReplies replies in replyTime: whoever writes 200
// messages in a minute must not keep the server from everybody else. What they
// say is recorded all the same. Outside a check they raise at most maxAlarms
// alarms in alarmTime.
const (
	maxReplies = 10
	replyTime  = time.Minute
	maxAlarms  = 5
	alarmTime  = 5 * time.Minute
)

// patient reports whether the member is replied to now. A reply that must be
// always is.
func (h *hearing) patient(must bool) bool { return h.spare(h.replies, maxReplies, replyTime) || must }

// spare reports whether the member has been given less than the limit lately,
// and if so counts one more.
func (h *hearing) spare(given map[string][]time.Time, limit int, lately time.Duration) bool {
	h.patience.Lock()
	defer h.patience.Unlock()
	now := time.Now()
	recent := slices.DeleteFunc(given[h.member.ID], func(at time.Time) bool { return now.Sub(at) > lately })
	spare := len(recent) < limit
	if spare {
		recent = append(recent, now)
	}
	given[h.member.ID] = recent
	return spare
}
