package bot

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/anpi-bot/anpi/bot/answer"
	"github.com/anpi-bot/anpi/bot/who"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/talkapi"
)

// wrote plans what a text, a place or a voice message says.
func (h *hearing) wrote(ctx context.Context, a broadcast.Answer) (alone bool, err error) {
	text, mentioned := h.spoken()
	plain := h.message.Type == "comment" || h.message.Type == ""
	if plain {
		if done, err := h.replied(ctx, a, text, mentioned); done || err != nil {
			return true, err
		}
	}
	check, asked, early, err := h.checkOf(ctx)
	if err != nil {
		return false, err
	}
	var reading answer.Reading
	where, isPlace := h.message.Place()
	switch {
	case isPlace:
		a.Source, a.Text = broadcast.ByPlace, ""
		a.Place = &broadcast.Place{Name: where.Name, Latitude: where.Latitude, Longitude: where.Longitude}
	case h.message.Type == "voice-message":
		a.Source, a.Text, a.Status = broadcast.ByVoice, "", broadcast.Unclear
	default:
		reading = answer.Read(text)
		a.Status = broadcast.Status(reading.Status)
		if asked {
			status, err := h.answersWhether(ctx, check, text)
			if err != nil {
				return false, err
			}
			a.Status = cmp.Or(status, a.Status)
		}
		if n, ok := answer.Choice(text); ok && asked {
			if reading = (answer.Reading{}); h.chooses(ctx, check) {
				a.Status, a.Stranded = choice(n)
			}
		}
	}
	worst := gravest(reading, a.Status)
	if early {
		h.old(check, worst, a.Status == worst, a)
		return false, nil
	}
	if asked && !worst.Grave() {
		if rewrites, err := h.rewrites(ctx, check); err != nil || rewrites {
			return false, err
		}
	}
	if !asked || !check.Open() && check.Drill() && worst == broadcast.Help {
		h.unasked(worst, asked, a)
		return false, nil
	}
	if len(reading.Reports) > 0 {
		// Where others stand must be known before somebody speaks for them.
		if err := h.before(); err != nil {
			return false, err
		}
		return true, h.reported(ctx, check, reading, mentioned, a)
	}
	if a.Status == "" && a.Place == nil {
		return false, h.hint(ctx, check, a)
	}
	return false, h.record(ctx, check, a)
}

// gravest is the gravest of what a text says, of its writer or of others.
func gravest(r answer.Reading, own broadcast.Status) broadcast.Status {
	worst := own
	for _, report := range r.Reports {
		switch {
		case report.Status == answer.Help:
			return broadcast.Help
		case report.Status == answer.Injured && worst != broadcast.Help:
			worst = broadcast.Injured
		}
	}
	return worst
}

// unasked plans what follows from a cry for help that belongs to no check; it is
// one all the same. In the room, where everybody reads it and people also chat
// about homework, the organisers are told in Talk only.
func (h *hearing) unasked(worst broadcast.Status, asked bool, a broadcast.Answer) {
	title := "alarm.title"
	if a.Status != broadcast.Help {
		// Somebody tells of a cry for help.
		title = "alarm.tells"
	}
	switch {
	case worst != broadcast.Help:
	case h.place.direct || asked:
		h.cry(broadcast.Check{}, title, a)
	default:
		h.murmur(broadcast.Check{}, title, a)
	}
}

// spoken is the text of a message as it is read. Somebody mentioned has a name
// that may mean anything ("元気" is a name, too), so a stand-in is read in its
// place; mentioned tells whom each stands for. Who speaks to the bot by its name
// speaks of nobody.
func (h *hearing) spoken() (text string, mentioned map[string]roster.Member) {
	text, mentioned = h.message.Text, map[string]roster.Member{}
	for key, parameter := range h.message.Parameters {
		word := " "
		if isMention(key, parameter) && !parameter.IsUser(h.User) {
			member := h.account(parameter)
			stand := "Dareka" + string(rune('A'+len(mentioned)%26))
			mentioned[strings.ToLower(stand)] = member
			word = " " + stand + " "
		}
		text = strings.ReplaceAll(text, "{"+key+"}", word)
	}
	return strings.TrimSpace(text), mentioned
}

// isMention tells whether a parameter of a message mentions one person.
func isMention(key string, p talkapi.Parameter) bool {
	return strings.HasPrefix(key, "mention-") && p.Type != "call"
}

// account is the member with the account that is mentioned; without an id, but
// with the name shown, somebody who is not on the roster.
func (h *hearing) account(p talkapi.Parameter) roster.Member {
	for _, m := range h.Service.Roster().Members {
		if m.Talk != "" && p.IsUser(m.Talk) {
			return m
		}
	}
	return roster.Member{Name: p.Name}
}

// chooses reports whether a bare number is an answer to the prompt: as a reply to
// it, or from somebody who has not answered.
func (h *hearing) chooses(ctx context.Context, check broadcast.Check) bool {
	if d, ok, err := h.promptAbove(ctx); err == nil && ok && d.Purpose.Answerable() {
		return true
	}
	standing, ok, err := h.Service.Standing(ctx, check, h.member)
	if err != nil || !ok {
		return false
	}
	confirming, err := h.confirming(ctx, check, standing)
	return err == nil && (confirming || check.Open() && (!standing.Answered || standing.Status == broadcast.Unclear))
}

// choice is the meaning of the numbers in a prompt.
func choice(n int) (status broadcast.Status, stranded bool) {
	switch n {
	case 1:
		return broadcast.Safe, false
	case 2:
		return broadcast.Injured, false
	case 3:
		return broadcast.Help, false
	case 4:
		return broadcast.Safe, true
	default:
		return broadcast.Unclear, false
	}
}

// promptAbove is the message of the bot that the text replies to.
func (h *hearing) promptAbove(ctx context.Context) (d broadcast.Delivery, ok bool, err error) {
	parent := h.message.Parent
	if parent == nil {
		return d, false, nil
	}
	d, ok, err = h.Service.Store.Prompt(ctx, parent.ReferenceID, broadcast.Receipt{Room: h.place.room, MessageID: parent.ID})
	// What stands where a message of ours stood need not be it.
	ours := parent.ReferenceID == d.Reference || parent.ReferenceID == "" && parent.IsBy(h.User)
	return d, ok && ours, err
}

// hint helps somebody who has written to the bot but has not said how they are.
func (h *hearing) hint(ctx context.Context, check broadcast.Check, a broadcast.Answer) error {
	if !h.place.direct || !check.Open() {
		return nil
	}
	standing, ok, err := h.Service.Standing(ctx, check, h.member)
	if err != nil || !ok {
		return err
	}
	if standing.Answered {
		h.adds(check, standing, a)
		return nil
	}
	if h.patient(false) {
		t := h.texts(h.member.Lang)
		h.say(a.Carrier, t.Mark(check.Drill())+t.T("bot.hint"))
	}
	return nil
}

// Hear tells what a text of a member says that did not come over the chat, and
// answers a mail. Whoever it is not clear about is for a person to find out.
func Hear(r roster.Roster, from roster.Member, text string) broadcast.Heard {
	if n, ok := answer.Choice(text); ok {
		status, stranded := choice(n)
		return broadcast.Heard{Status: status, Stranded: stranded}
	}
	reading := answer.Read(text)
	heard := hear(r, from, text, reading)
	switch {
	case heard.Somebody == broadcast.Help:
		heard.Status = broadcast.Help
	case heard.Somebody != "" && (heard.Status == "" || heard.Status == broadcast.Safe):
		heard.Status = broadcast.Unclear
	case heard.Status == "" && len(reading.Reports) > 0:
		heard.Status = broadcast.Unclear
	}
	return heard
}

// HearBeside tells what a text says that a member writes beside a button, which
// says how they are themselves.
func HearBeside(r roster.Roster, from roster.Member, text string) broadcast.Heard {
	return hear(r, from, text, answer.Read(text))
}

// hear finds out whom the reports of a reading mean.
func hear(r roster.Roster, from roster.Member, text string, reading answer.Reading) broadcast.Heard {
	heard := broadcast.Heard{Status: broadcast.Status(reading.Status), Yes: answer.Assents(text), Over: answer.Over(text)}
	for _, report := range reading.Reports {
		status := broadcast.Status(report.Status)
		match := who.Find(r, from, report.Who)
		switch {
		case !report.Everyone && isCertain(match):
			for _, m := range match.Members {
				heard.Others = append(heard.Others, broadcast.Told{Member: m, Status: status})
			}
		case status == broadcast.Help || heard.Somebody == "" && status != broadcast.Safe:
			heard.Somebody = status
		}
	}
	return heard
}

// keycaps are the reactions that stand for the numbers from 1.
func keycaps(n int) (taps []string) {
	for i := range min(n, 9) {
		taps = append(taps, strconv.Itoa(i+1)+"\ufe0f\u20e3")
	}
	return taps
}
