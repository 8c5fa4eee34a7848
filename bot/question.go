package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/anpi-bot/anpi/bot/answer"
	"github.com/anpi-bot/anpi/bot/who"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
)

// question is what the bot has asked a member back and waits to hear. Each
// member has one at a time, the newest. It is in the ledger, so that an answer
// finds it after a restart.
type question struct {
	Kind questionKind `json:"kind"`
	// ID is that of the reply that asks.
	ID string `json:"id"`
	// Room is where it was asked, and Asked when, on the clock of this machine.
	Room  string    `json:"room"`
	Asked time.Time `json:"asked"`
	// Until is when the answer comes too late, on the clock of the server.
	Until time.Time `json:"until"`

	// Start is the check that waits to be confirmed, Say the announcement.
	Start broadcast.StartRequest `json:"start,omitzero"`
	Say   string                 `json:"say,omitempty"`

	// CheckID is the check of a report or one that is to end, Told what was told,
	// Rest what else was told in the same breath, and Answer what carried it.
	CheckID int64            `json:"check,omitempty"`
	Told    told             `json:"told,omitzero"`
	Rest    []told           `json:"rest,omitempty"`
	Answer  broadcast.Answer `json:"answer,omitzero"`
	// Candidates are the members to choose from, by id, as they are numbered.
	Candidates []string `json:"candidates,omitempty"`
}

type questionKind string

const (
	askStart questionKind = "start" // shall the check begin?
	askSay   questionKind = "say"   // shall everybody be told?
	askClose questionKind = "close" // shall the check end although somebody needs help?
	askWho   questionKind = "who"   // whom do you mean?
	askWith  questionKind = "with"  // who is with you?
)

const (
	// confirmTime is how long a start or an announcement waits to be confirmed.
	confirmTime = time.Minute
	// tellTime is how long a report waits for who is meant. After that a name in
	// the chat means something else.
	tellTime = 30 * time.Minute
	// callTime is how long a mere name in the family room is taken for an answer.
	// After that it is more often a call to somebody who is silent.
	callTime = 5 * time.Minute
	// maxCandidates is how many people a question offers: more are asked for by
	// name.
	maxCandidates = 9
)

var (
	yes = "✅"
	no  = "❌"
)

// confirms reports whether the question is one of yes or no, before something is
// done that cannot be taken back.
func (q question) confirms() bool {
	return q.Kind == askStart || q.Kind == askSay || q.Kind == askClose
}

func questionDocument(m roster.Member) string { return "question:" + m.ID }

// ask plans to ask the member back.
func (h *hearing) ask(q question, text string, taps ...string) error {
	q.Room, q.Asked = h.place.room, h.change.Now
	body, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("keep a question: %w", err)
	}
	h.keep(body)
	h.say(q.ID, text, taps...)
	// A tap under it is news that must be looked for.
	h.awaits(confirmTime)
	return nil
}

func (h *hearing) keep(body []byte) {
	if h.change.Documents == nil {
		h.change.Documents = map[string][]byte{}
	}
	h.change.Documents[questionDocument(h.member)] = body
}

// asked is the question that the member has been asked and has not answered.
func (h *hearing) asked(ctx context.Context) (q question, ok bool, err error) {
	body, err := h.Service.Store.Document(ctx, questionDocument(h.member))
	if err != nil || len(body) == 0 {
		return q, false, err
	}
	if err := json.Unmarshal(body, &q); err != nil {
		return q, false, fmt.Errorf("read a question: %w", err)
	}
	return q, true, nil
}

// replied plans what follows when a text answers the question that the member
// was asked. done is false for any other text.
func (h *hearing) replied(ctx context.Context, a broadcast.Answer, text string, mentioned map[string]roster.Member) (done bool, err error) {
	q, ok, err := h.asked(ctx)
	if err != nil || !ok || h.at.After(q.Until) {
		return false, err
	}
	quoted, elsewhere, err := h.quotes(ctx, q)
	if err != nil || elsewhere || q.Room != h.place.room {
		return false, err
	}
	agrees, isAgreement := answer.Agree(text)
	if q.confirms() {
		if !isAgreement || h.edited {
			return false, nil
		}
		return true, h.begin(func() error { return h.decided(ctx, q, agrees) })
	}
	if isAgreement && !agrees {
		return true, h.begin(func() error { return h.dropped(ctx, q) })
	}
	if reading := answer.Read(text); reading.Status == answer.Help || reading.Status == answer.Injured || len(reading.Reports) > 0 {
		return false, nil // more than a name
	}
	if strings.ContainsAny(text, "?？!！") {
		return false, nil // somebody is asked or called
	}
	if !quoted {
		if another, err := h.meansAnother(ctx, q, text); err != nil || another {
			return false, err
		}
	}
	members := h.named(q, text, mentioned)
	if len(members) == 0 {
		return false, nil
	}
	return true, h.begin(func() error { return h.answered(ctx, q, members) })
}

// quotes reports whether the text is a reply to the question, or to some other
// message.
func (h *hearing) quotes(ctx context.Context, q question) (it, other bool, err error) {
	if h.message.Parent == nil {
		return false, false, nil
	}
	d, ok, err := h.promptAbove(ctx)
	it = ok && d.Step == broadcast.ReplyStep(q.ID)
	return it, !it, err
}

// meansAnother reports whether a text that could answer the question is more
// likely about something newer: a number about a prompt that came after it, a
// name in the room a call.
func (h *hearing) meansAnother(ctx context.Context, q question, text string) (bool, error) {
	if _, ok := answer.Choice(text); !ok {
		return !h.place.direct && h.at.After(q.Until.Add(callTime-tellTime)), nil
	}
	deliveries, err := h.Service.Store.Deliveries(ctx, q.CheckID)
	return slices.ContainsFunc(deliveries, func(d broadcast.Delivery) bool {
		here := d.Channel == h.place.channel() && (!h.place.direct || d.MemberID == h.member.ID)
		return here && d.Purpose.Answerable() && d.SentAt.After(q.Asked)
	}), err
}

// begin writes what came before, and then plans.
func (h *hearing) begin(plan func() error) error {
	if err := h.before(); err != nil {
		return err
	}
	return plan()
}

// tappedQuestion plans what follows when a tap answers a question.
func (h *hearing) tappedQuestion(ctx context.Context, d broadcast.Delivery) (alone bool, err error) {
	q, ok, err := h.asked(ctx)
	if err != nil || !ok || d.Step != broadcast.ReplyStep(q.ID) {
		return false, err
	}
	if err := h.before(); err != nil {
		return false, err
	}
	tap := h.message.Text
	agrees := talkapi.SameReaction(tap, yes) || talkapi.SameReaction(tap, "👍")
	switch {
	case h.at.After(q.Until):
		if q.confirms() && agrees {
			h.keep(nil)
			h.say("late-"+q.ID, h.words().T("confirm.late"))
		}
		return true, nil
	case q.confirms() && agrees:
		return true, h.decided(ctx, q, true)
	case talkapi.SameReaction(tap, no):
		if q.confirms() {
			return true, h.decided(ctx, q, false)
		}
		return true, h.dropped(ctx, q)
	}
	for i, cap := range keycaps(len(q.Candidates)) {
		if talkapi.SameReaction(tap, cap) {
			q.Answer.Source = broadcast.ByTap
			return true, h.answered(ctx, q, h.candidates(q)[i:i+1])
		}
	}
	return true, nil
}

// candidates are the members to choose from.
func (h *hearing) candidates(q question) (members []roster.Member) {
	for _, id := range q.Candidates {
		m, _ := h.Service.Roster().ByID(id)
		members = append(members, m)
	}
	return members
}

// named are the members that an answer to the question names: by number, by
// name, all of them. A mere yes names nobody.
func (h *hearing) named(q question, text string, mentioned map[string]roster.Member) (members []roster.Member) {
	if members = h.namedBy(q, text, mentioned); len(members) == 0 {
		// Not one name, with or without a blank in it, but several.
		for _, word := range strings.FieldsFunc(text, isSeparator) {
			some := h.namedBy(q, word, mentioned)
			if len(some) == 0 {
				return nil
			}
			members = append(members, some...)
		}
	}
	if q.Kind == askWho && len(members) > 1 {
		return members[:1]
	}
	return members
}

// namedBy are the members whom one number, mention or name means.
func (h *hearing) namedBy(q question, word string, mentioned map[string]roster.Member) []roster.Member {
	candidates := h.candidates(q)
	if m, ok := mentioned[strings.ToLower(word)]; ok {
		return slices.DeleteFunc([]roster.Member{m}, func(m roster.Member) bool { return m.ID == "" })
	}
	if n, ok := answer.Choice(word); ok && n <= len(candidates) {
		return candidates[n-1 : n]
	}
	match := who.Find(h.Service.Roster(), h.member, word)
	switch {
	case match.Everyone && q.Kind == askWith:
		return candidates
	case isCertain(match):
		return match.Members
	}
	// Of several, the one that was offered is meant.
	offered := slices.DeleteFunc(match.Members, func(m roster.Member) bool { return !slices.Contains(q.Candidates, m.ID) })
	if len(offered) != 1 {
		return nil
	}
	return offered
}

func isSeparator(r rune) bool {
	return strings.ContainsRune(" 　,、，・&+と\n", r)
}

// answered plans what was told of the members, now that it is known who is
// meant. Who is with somebody can be said one after the other.
func (h *hearing) answered(ctx context.Context, q question, members []roster.Member) error {
	check, err := h.Service.Store.Check(ctx, q.CheckID)
	if err != nil {
		return fmt.Errorf("find the check of a question: %w", err)
	}
	a := q.Answer
	// Whoever answers a question has thought about it.
	a.Carrier, a.At = h.carrier(), h.at
	if err := h.recordFor(ctx, check, members, q.Told.Status, a, false); err != nil {
		return err
	}
	if q.Kind == askWith {
		return nil
	}
	return h.rest(ctx, check, q)
}

// rest goes on with what else was told.
func (h *hearing) rest(ctx context.Context, check broadcast.Check, q question) error {
	h.keep(nil)
	return h.resolve(ctx, check, q.Rest, q.Answer)
}

// dropped plans what follows when nobody of the family is meant.
func (h *hearing) dropped(ctx context.Context, q question) error {
	check, err := h.Service.Store.Check(ctx, q.CheckID)
	if err != nil {
		return fmt.Errorf("find the check of a question: %w", err)
	}
	h.say("dropped-"+h.carrier(), h.words().T("told.dropped"))
	return h.rest(ctx, check, q)
}

// askWho plans to ask whom a word means.
func (h *hearing) askWho(check broadcast.Check, q question) error {
	if !h.patient(false) {
		return nil
	}
	q.ID, q.Until = "who-"+q.Answer.Carrier+"-"+strconv.Itoa(len(q.Rest)), h.at.Add(tellTime)
	w := h.words()
	data := locale.Data{"Word": Plain(q.Told.Word)}
	if len(q.Candidates) == 0 || len(q.Candidates) > maxCandidates {
		q.Candidates = nil
		return h.ask(q, w.Mark(check.Drill())+w.T("told.who", data), no)
	}
	text := w.Mark(check.Drill()) + w.T("told.which", data) + "\n" + h.numbered(w, q)
	return h.ask(q, text, append(keycaps(len(q.Candidates)), no)...)
}

// askWith plans to ask somebody for whom "everybody" stands.
func (h *hearing) askWith(ctx context.Context, check broadcast.Check, q question) error {
	others, err := h.pendingOthers(ctx, check)
	if err != nil || len(others) == 0 || !h.patient(false) {
		return err
	}
	q.ID, q.Until = "with-"+q.Answer.Carrier, h.at.Add(tellTime)
	w := h.words()
	if len(others) > maxCandidates {
		return h.ask(q, w.Mark(check.Drill())+w.T("told.with_names"))
	}
	q.Candidates = ids(others)
	text := w.Mark(check.Drill()) + w.T("told.with") + "\n" + h.numbered(w, q)
	return h.ask(q, text, keycaps(len(others))...)
}

// numbered lists the candidates. Those of the same name are told apart by what
// the family may see: no addresses.
func (h *hearing) numbered(w broadcast.Words, q question) string {
	members := h.candidates(q)
	namesakes := map[string]int{}
	for _, m := range members {
		namesakes[m.Name]++
	}
	var lines []string
	for i, m := range members {
		name := Plain(m.Name)
		if namesakes[m.Name] > 1 {
			name = w.T("told.namesake", locale.Data{"Name": name, "Sign": Plain(sign(w, m))})
		}
		lines = append(lines, w.T("told.number", locale.Data{"Number": i + 1, "Name": name}))
	}
	return strings.Join(lines, "\n")
}

func sign(w broadcast.Words, m roster.Member) string {
	for _, all := range [][]string{{m.Talk}, m.Nicknames, m.Groups} {
		if len(all) > 0 && all[0] != "" {
			return all[0]
		}
	}
	return w.T("channel.email")
}
