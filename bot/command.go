package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/bot/answer"
	"github.com/anpi-bot/anpi/bot/command"
	"github.com/anpi-bot/anpi/bot/who"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
)

// order is a command as a member gave it.
type order struct {
	command.Command
	word string // as written; of an unknown command, Name is empty
	rest string
	// signed: it stood behind a sign or the bot's name; else, alone with the bot,
	// it may be mere talk.
	signed bool
}

// reports tells commands that say how somebody is from those that want something.
func (o order) reports() bool {
	return o.Name == command.Safe || o.Name == command.Injured || o.Name == command.SOS
}

// ofCheck tells the commands that are about the check that is on.
func (o order) ofCheck() bool {
	return o.reports() || o.Name == command.Status || o.Name == command.Close
}

// parse finds a command: a text that begins with ! or ！, or with the name of the
// bot, or, alone with the bot, with the word for it. An answer that looks like
// one ("!help I'm stuck", "！無事です") is none.
func (h *hearing) parse() (order, bool) {
	message, called := h.message.CutMention(h.User)
	text := strings.TrimSpace(message.PlainText())
	if called && text == "" {
		return order{Command: command.Of(command.Help)}, true
	}
	rest, signed := command.CutPrefix(text)
	if !signed && (called || h.place.direct) {
		rest = text
	} else if !signed {
		return order{}, false
	}
	word, words := command.Cut(rest)
	found, known := command.Find(word)
	o := order{Command: found, word: word, rest: words, signed: signed || called}
	switch {
	case !signed && !known:
		return o, false
	case known && o.Name != command.SOS && !(found.Organiser && h.member.Organiser) && answer.Read(words).Status == answer.Help:
		return o, false // "!safe not, I'm trapped"
	case !signed && (found.Bare && words != "" || answer.Read(rest).Label() != "OTHER"):
		// What is said alone is more often an answer.
		return o, false
	case !known:
		return o, answer.Read(rest).Label() == "OTHER"
	case found.Bare && words != "" && answer.Read(rest).Label() != "OTHER":
		return o, false
	case found.Name == command.Help:
		_, topic := command.Find(words)
		if _, ok := h.person(words); ok && words != "" {
			// "!help Grandma": she needs it.
			o.Command = command.Of(command.SOS)
			return o, true
		}
		return o, words == "" || topic
	case found.Organiser && !h.member.Organiser:
		return o, answer.Read(words).Status != answer.Help
	}
	return o, true
}

// person is the one member whom the words name.
func (h *hearing) person(words string) (roster.Member, bool) {
	match, _ := h.find(words)
	if !isCertain(match) || len(match.Members) != 1 {
		return roster.Member{}, false
	}
	return match.Members[0], true
}

// find finds whom the words behind a command mean. Somebody mentioned is known by
// the account, not by a name that they may have given themselves; outside reports
// that it is nobody of the roster.
func (h *hearing) find(words string) (match who.Match, outside bool) {
	for key, parameter := range h.message.Parameters {
		if !isMention(key, parameter) || parameter.IsUser(h.User) || words != "@"+parameter.Name {
			continue
		}
		if m := h.account(parameter); m.ID != "" {
			return who.Match{Members: []roster.Member{m}}, false
		}
		return match, true
	}
	return who.Find(h.Service.Roster(), h.member, words), false
}

// obey plans what a command does. The message that carried it is the key: read
// again after a crash, it does nothing a second time.
func (h *hearing) obey(ctx context.Context, o order) error {
	if o.reports() {
		return h.tellOf(ctx, o) // that is recorded, however many there are
	}
	if !h.patient(h.member.Organiser) {
		return nil
	}
	if o.Organiser && !h.member.Organiser {
		zerolog.Ctx(ctx).Info().Str("member", h.member.ID).Str("command", string(o.Name)).Msg("refused: not an organiser")
		h.reply(h.refusal())
		return nil
	}
	w := h.words()
	switch o.Name {
	case command.Check, command.Drill:
		return h.start(ctx, o)
	case command.Close:
		return h.close(ctx)
	case command.Say:
		return h.announce(ctx, o)
	case command.Status:
		return h.status(ctx, o.rest)
	case command.Roster:
		return h.roster(ctx)
	case command.Groups:
		h.reply(h.groups())
	case command.History:
		return h.history(ctx)
	case command.Next:
		h.reply(h.next())
	case command.Board:
		return h.board(o.rest)
	case command.Pause:
		return h.pause(ctx, o.rest)
	case command.Language:
		return h.language(ctx, o.rest)
	case command.Help:
		h.reply(h.guide(o.rest))
	default:
		text := w.T("bot.unknown", locale.Data{"Word": Plain(o.word)})
		if near, ok := command.Nearest(o.word, w.Texts); ok {
			text = w.T("bot.unknown_near", locale.Data{"Word": Plain(o.word), "Near": h.sign() + near})
		}
		h.reply(text)
	}
	return nil
}

// reply plans a text back to the command.
func (h *hearing) reply(text string) { h.say(h.carrier(), text) }

// sign is what stands before a command where the member writes.
func (h *hearing) sign() string {
	switch {
	case h.place.direct:
		return ""
	case h.words().Lang == "ja":
		return "！"
	default:
		return "!"
	}
}

func (h *hearing) guide(topic string) string {
	w := h.words()
	if c, ok := command.Find(topic); ok && topic != "" {
		return c.About(w.Texts, h.sign())
	}
	return command.Guide(w.Texts, h.sign(), h.member.Organiser)
}

func (h *hearing) refusal() string {
	w := h.words()
	organisers := h.Service.Roster().Organisers()
	if len(organisers) == 0 {
		return w.T("bot.refused_nobody")
	}
	return w.T("bot.refused", locale.Data{"Names": h.names(organisers)})
}

func (h *hearing) names(members []roster.Member) string {
	var names []string
	for _, m := range members {
		names = append(names, Plain(m.Name))
	}
	return h.words().Names(names)
}

// nowWords are said by an organiser who has no time to be asked whether they
// mean it.
var nowWords = []string{"now", "now!", "今すぐ", "今すぐ!", "いますぐ", "すぐ"}

// start plans a check. A real one is asked back first, so that nobody wakes the
// family by accident, and so is a drill that may be mere talk ("training" alone with
// the bot); an organiser in a hurry is not.
func (h *hearing) start(ctx context.Context, o order) error {
	r := broadcast.StartRequest{Kind: broadcast.Kind(o.Name), Key: h.carrier(), Question: o.rest, By: h.member.Name}
	stale, err := h.stale(ctx, r.Key)
	if err != nil {
		return err
	}
	word, rest := command.Cut(o.rest)
	now := slices.Contains(nowWords, strings.ToLower(strings.ReplaceAll(word, "！", "!")))
	if now {
		r.Question = rest
	}
	if !stale && (now || r.Kind == broadcast.Drill && o.signed) {
		return h.begins(ctx, r)
	}
	w := h.words()
	// Whoever cannot start one now learns that before anything else.
	if text, err := h.obstacle(h.Service.PlanStart(ctx, &broadcast.Change{Now: h.change.Now}, r)); text != "" || err != nil {
		h.reply(text)
		return err
	}
	n := len(h.Service.Roster().Members)
	q := question{Kind: askStart, ID: "start-" + r.Key, Until: h.confirmUntil(stale), Start: r}
	return h.ask(q, w.Mark(r.Kind == broadcast.Drill)+h.asOf(stale, w.T("confirm.start", locale.Data{"Count": n, "Number": n})), yes, no)
}

// decided plans what follows when an organiser has said whether they mean it.
func (h *hearing) decided(ctx context.Context, q question, yes bool) error {
	h.keep(nil)
	switch {
	case !yes && q.Kind == askClose:
		h.say("confirmed-"+q.ID, h.words().T("confirm.goes_on"))
		return nil
	case !yes:
		h.say("confirmed-"+q.ID, h.words().T("confirm.stopped"))
		return nil
	case !h.member.Organiser:
		h.say("confirmed-"+q.ID, h.refusal())
		return nil
	case h.late():
		// In time, but nobody listened then.
		h.say("late-"+q.ID, h.words().T("confirm.late"))
		return nil
	case q.Kind == askSay:
		h.announces(q.Say)
		return nil
	case q.Kind == askClose:
		return h.ends(ctx, q)
	}
	return h.begins(ctx, q.Start)
}

// obstacle words why a check cannot begin; an error that is none is returned.
func (h *hearing) obstacle(err error) (string, error) {
	w := h.words()
	open := new(broadcast.OpenError)
	switch {
	case errors.Is(err, broadcast.ErrNobody):
		return w.T("bot.empty"), nil
	case errors.As(err, &open):
		return w.T("bot.already", locale.Data{"When": w.When(open.Check.StartedAt), "Status": h.sign() + command.Of(command.Status).Word(w.Texts), "Close": h.sign() + command.Of(command.Close).Word(w.Texts)}), nil
	}
	return "", err
}

// begins plans the beginning of a check. In the room the prompt itself shows
// that it has begun; only what the organiser must know beyond that is said.
func (h *hearing) begins(ctx context.Context, r broadcast.StartRequest) error {
	text, err := h.obstacle(h.Service.PlanStart(ctx, h.change, r))
	if text != "" || err != nil {
		h.reply(text)
		return err
	}
	none := h.Service.NoWay()
	if len(none) == 0 && !h.place.direct {
		return nil
	}
	w := h.words()
	n := len(h.change.Start.Members)
	text = w.T("bot.started", locale.Data{"Count": n, "Number": n})
	if r.Kind == broadcast.Drill {
		text = w.Mark(true) + w.T("bot.started_drill", locale.Data{"Count": n, "Number": n})
	}
	if len(none) > 0 {
		text += "\n" + w.T("bot.started_unreached", locale.Data{"Names": h.names(none)})
	}
	h.reply(text)
	return nil
}

// close plans the end of the check that is open, if it was when that was written.
// While somebody needs help it asks first.
func (h *hearing) close(ctx context.Context) error {
	w := h.words()
	open, err := h.Service.Open(ctx)
	if err != nil {
		return err
	}
	if len(open) == 0 {
		h.reply(w.T("bot.nothing"))
		return nil
	}
	check := open[0]
	if follows, err := h.follows(ctx, check, blur); err != nil || !follows {
		h.reply(w.T("close.older", locale.Data{"When": w.When(check.StartedAt), "Close": h.sign() + command.Of(command.Close).Word(w.Texts)}))
		return err
	}
	tally, err := h.Service.Tally(ctx, check)
	if err != nil {
		return err
	}
	if len(tally.Who(broadcast.Help)) > 0 {
		q := question{Kind: askClose, ID: "close-" + h.carrier(), Until: h.confirmUntil(h.late()), CheckID: check.ID}
		return h.ask(q, w.Mark(check.Drill())+w.Unrelieved(tally)+"\n"+w.T("confirm.close"), yes, no)
	}
	h.Service.PlanClose(h.change, check, h.member.Name)
	return nil
}

// ends plans the end of a check, now that somebody has confirmed it.
func (h *hearing) ends(ctx context.Context, q question) error {
	check, err := h.Service.Store.Check(ctx, q.CheckID)
	if err != nil {
		return fmt.Errorf("find the check of a question: %w", err)
	}
	if check.Open() {
		h.Service.PlanClose(h.change, check, h.member.Name)
	}
	return nil
}

// announce plans to say something to everybody. What stands behind a mere "say",
// alone with the bot, may be meant for the bot: then it asks first.
func (h *hearing) announce(ctx context.Context, o order) error {
	w := h.words()
	stale, err := h.stale(ctx, "")
	switch {
	case err != nil:
		return err
	case o.rest == "":
		h.reply(w.T("announce.empty", locale.Data{"Usage": command.Of(command.Say).Usage(w.Texts, h.sign())}))
	case stale || !o.signed:
		q := question{Kind: askSay, ID: "say-" + h.carrier(), Until: h.confirmUntil(stale), Say: o.rest}
		n := len(h.Service.Roster().Members)
		return h.ask(q, h.asOf(stale, w.T("confirm.say", locale.Data{"Count": n, "Number": n, "Text": Plain(o.rest)})), yes, no)
	default:
		h.announces(o.rest)
	}
	return nil
}

func (h *hearing) announces(text string) {
	w := h.words()
	none := h.Service.PlanAnnounce(h.change, h.carrier(), h.member, text)
	if len(none) > 0 {
		h.reply(w.T("bot.started_unreached", locale.Data{"Names": h.names(none)}))
	} else if h.place.direct {
		h.reply(w.T("announce.sent"))
	}
}

// board plans to post a link to the board in the room, or to close all there
// are.
func (h *hearing) board(what string) error {
	w := h.words()
	switch {
	case !h.Service.Links:
		h.reply(w.T("board.none"))
	case isOff(what):
		h.change.CloseBoard = true
		h.reply(w.T("board.closed"))
	default:
		h.Service.PlanBoard(h.change, h.carrier())
	}
	return nil
}

// isOff reports whether a word ends something.
func isOff(word string) bool {
	return slices.Contains([]string{"off", "close", "stop", "end", "none", "閉じる", "終了", "おわり", "解除", "なし", "やめる"}, strings.ToLower(word))
}
