package broadcast

import (
	"time"

	"github.com/anpi-bot/anpi/roster"
)

// After fullAlarms cries for help of one member, a further one raises the whole
// alarm only when calmAfter has passed since the last: a child that writes
// "help" 200 times must not bury everybody in mail. Each is recorded.
const (
	fullAlarms = 5
	calmAfter  = 5 * time.Minute
)

// PlanAnswer plans to store an answer of a member of the check, who stood where
// st says. A cry for help goes to the room and to every organiser over every
// channel at once, and so does the news that it is over. Doubtful reports that the
// answer would take back a cry or a hurt and has not been confirmed: that stands
// until the member says so once more, see [Service.PlanConfirm].
func (s *Service) PlanAnswer(c *Change, check Check, st Standing, a Answer) (doubtful bool) {
	a.CheckID, a.MemberID, a.RecordedAt = check.ID, st.Member.ID, c.Now
	if a.Confirmed && a.At.Before(st.Answer.At) {
		// It was given to what they stand at, whatever the clocks say.
		a.At = st.Answer.At
	}
	c.Answers = append(c.Answers, a)
	switch {
	case a.Status == Help && st.Cries >= fullAlarms && c.Now.Sub(st.LastCry) < calmAfter:
	case a.Status == Help:
		s.planNews(c, check, st.Member, Alarm, a)
	case !st.lowers(a.Status) || !a.Confirmed && a.surelyBefore(st.Answer):
	case !a.Confirmed:
		return true
	case st.Status == Help:
		s.planNews(c, check, st.Member, Relief, a)
	}
	return false
}

// PlanConfirm plans to ask a member who needs help or is hurt whether that is
// really over, where the answer says so. What they stand at holds until a tap or a
// word under that question.
func (s *Service) PlanConfirm(c *Change, check Check, st Standing, a Answer) {
	d := Delivery{
		MemberID: st.Member.ID, Step: "confirm-" + a.Carrier, Purpose: Confirm, State: Due, DueAt: c.Now,
		AnswerCarrier: st.Answer.Carrier, AboutID: st.Member.ID,
	}
	c.Deliveries = append(c.Deliveries, check.alone(d, st.Member)...)
}

// Confirms reports whether an answer to the message is one to the question whether
// the cry or the hurt that the member stands at is over. A question that was asked
// before they cried again is none.
func (st Standing) Confirms(d Delivery) bool {
	return d.Purpose == Confirm && d.AnswerCarrier == st.Answer.Carrier
}

// PlanReport plans to store an answer that somebody gives for the member. What
// people have said of themselves is known better than what another says: neither
// a "safe" from somebody else undoes their cry for help or their hurt, nor a
// "hurt" their cry. Then held is true, and the words are kept without a status.
func (s *Service) PlanReport(c *Change, check Check, st Standing, a Answer) (held bool) {
	if held = st.Told && st.lowers(a.Status); held {
		a.Status = ""
	}
	// Whoever speaks for somebody knows what was told of them, but not what comes
	// in at this moment.
	a.Confirmed = !held && st.lowers(a.Status)
	s.PlanAnswer(c, check, st, a)
	return held
}

// planNews plans to tell the room and every organiser of an answer.
func (s *Service) planNews(c *Change, check Check, about roster.Member, p Purpose, a Answer) {
	d := Delivery{
		Step: string(p) + "-" + a.Carrier + "-" + about.ID, Purpose: p, State: Due, DueAt: c.Now,
		AnswerCarrier: a.Carrier, AboutID: about.ID,
	}
	c.Deliveries = append(c.Deliveries, check.deliver(d, Room, ""))
	for _, o := range s.Roster().Organisers() {
		if o.ID != about.ID {
			c.Deliveries = append(c.Deliveries, check.everywhere(d, o)...)
		}
	}
}

// PlanClarify plans to ask a member once more whose answer was not understood;
// once in each check, however often that happens.
func (s *Service) PlanClarify(c *Change, check Check, m roster.Member) {
	d := Delivery{MemberID: m.ID, Step: "clarify", Purpose: Clarify, State: Due, DueAt: c.Now}
	c.Deliveries = append(c.Deliveries, check.alone(d, m)...)
}

// alone sends to the member over the best channel that reaches them alone.
func (c Check) alone(d Delivery, m roster.Member) []Delivery {
	switch {
	case m.Talk != "":
		return []Delivery{c.deliver(d, Direct, "")}
	case len(m.Emails) > 0:
		return []Delivery{c.deliver(d, Email, m.Emails[0])}
	default:
		return nil
	}
}

// PlanAck plans to put a reaction on a message that a member wrote, and to take
// those away that an earlier reading of it had left. The id says what is
// acknowledged.
func (s *Service) PlanAck(c *Change, over ChannelName, id string, message Receipt, reaction string, instead ...string) {
	d := Delivery{Step: "ack-" + id, Purpose: Ack, Taps: append([]string{reaction}, instead...), Receipt: message, State: Due, DueAt: c.Now}
	c.Deliveries = append(c.Deliveries, Check{Key: id}.deliver(d, over, ""))
}

// PlanAnnounce plans to say something to everybody that asks for nothing: one
// message in the room for those with a Talk account, mail for the others, and
// for whoever the room does not reach. Where it is for some only, each of them is
// told alone. The id says what asks for it; whoever speaks may be nobody on the
// roster. It returns the members who cannot be told at all.
func (s *Service) PlanAnnounce(c *Change, id string, by roster.Member, text string, to ...roster.Member) (none []roster.Member) {
	d := Delivery{Step: "announce-" + id, Purpose: Announce, AboutID: by.ID, Body: text, State: Due, DueAt: c.Now}
	over := Direct
	if len(to) == 0 {
		to, over = s.Roster().Members, Room
	}
	for _, m := range to {
		d.MemberID = m.ID
		switch {
		case m.Talk != "":
			c.Deliveries = append(c.Deliveries, Check{Key: id}.deliver(d, over, ""))
		case len(m.Emails) > 0:
			c.Deliveries = append(c.Deliveries, Check{Key: id}.deliver(d, Email, m.Emails[0]))
		default:
			none = append(none, m)
		}
	}
	return none
}

// PlanReply plans a text to one member, in the room or directly, with reactions
// under it by which it can be answered. The id says what it replies to, so that
// it is sent once.
func (s *Service) PlanReply(c *Change, over ChannelName, m roster.Member, id, text string, taps ...string) {
	d := Delivery{MemberID: m.ID, Step: ReplyStep(id), Purpose: Reply, Body: text, Taps: taps, State: Due, DueAt: c.Now}
	d = Check{}.deliver(d, over, "")
	if over == Room {
		d.MemberID = ""
	}
	c.Deliveries = append(c.Deliveries, d)
}

// ReplyStep is the step of the reply to what the id says.
func ReplyStep(id string) string { return "reply-" + id }

// PlanCry plans to tell the room and every organiser, over every channel, of a
// cry for help that belongs to no check. The id says which one.
func (s *Service) PlanCry(c *Change, id, room string, text func(roster.Member) string) {
	s.PlanNotice(c, id, text)
	d := Delivery{Step: "notice-" + id, Purpose: Notice, Body: room, State: Due, DueAt: c.Now}
	c.Deliveries = append(c.Deliveries, Check{Key: id}.deliver(d, Room, ""))
}

// PlanWhisper plans to tell every organiser something in Talk, without waking
// anybody by mail. The id says what about.
func (s *Service) PlanWhisper(c *Change, id string, text func(roster.Member) string) {
	for _, o := range s.Roster().Organisers() {
		d := Delivery{MemberID: o.ID, Step: "notice-" + id, Purpose: Notice, Body: text(o), State: Due, DueAt: c.Now}
		if o.Talk != "" {
			c.Deliveries = append(c.Deliveries, Check{Key: id}.deliver(d, Direct, ""))
		}
	}
}

// PlanNotice plans to tell every organiser something over every channel. The
// id says what about, so that each organiser is told once.
func (s *Service) PlanNotice(c *Change, id string, text func(roster.Member) string) {
	for _, o := range s.Roster().Organisers() {
		d := Delivery{Step: "notice-" + id, Purpose: Notice, Body: text(o), State: Due, DueAt: c.Now}
		c.Deliveries = append(c.Deliveries, Check{Key: id}.everywhere(d, o)...)
	}
}
