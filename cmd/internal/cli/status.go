package cli

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/anpi-bot/anpi/bot/command"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/app"
	"github.com/anpi-bot/anpi/roster"
)

// status shows where everybody stands in the newest check, or one person.
func (t *Terminal) status() *cobra.Command {
	c := t.command(command.Status)
	c.Use, c.Args = "status "+t.texts.T("emergency.use_name"), cobra.ArbitraryArgs
	c.Example = t.examples("emergency.examples_status")
	c.ValidArgsFunction = t.suggest(memberNames, nil)
	watching := c.Flags().BoolP("watch", "w", false, t.texts.T("screen.flag_watch"))
	c.RunE = t.with(zerolog.FatalLevel, func(ctx context.Context, a *app.App, words []string) error {
		v, ok, err := t.seeCheck(ctx, a, nil)
		if err != nil || !ok {
			return err
		}
		if *watching && len(words) == 0 && !t.json {
			return t.keepWatching(ctx, a, v.Tally.Check)
		}
		if len(words) > 0 {
			return t.statusOf(a, v, strings.Join(words, " "))
		}
		t.show(v)
		t.say(t.heading(v.Tally.Check))
		t.say(t.tally(v.Tally))
		for _, s := range v.Tally.Who(broadcast.Pending) {
			if s.Trouble != "" && !hasReached(s) {
				t.complain(s)
			}
		}
		return t.sayIfAbandoned(a, v.Tally.Check)
	})
	return c
}

// seeCheck looks at the check whose number is typed, else at the newest one. ok
// is false, and that is said, when there has never been one.
func (t *Terminal) seeCheck(ctx context.Context, a *app.App, words []string) (v view, ok bool, err error) {
	if why := a.Stale(); why != nil {
		t.problem(t.texts.T("memory.stale", locale.Data{"Reason": t.texts.Error(why)}))
	}
	var check broadcast.Check
	if len(words) > 0 {
		id, err := strconv.ParseInt(words[0], 10, 64)
		if err == nil {
			check, err = a.Service.Store.Check(ctx, id)
		} else {
			err = broadcast.ErrNoCheck
		}
		if errors.Is(err, broadcast.ErrNoCheck) {
			return v, false, &usageError{&locale.Problem{Key: "emergency.no_check", Data: locale.Data{"Word": plain(words[0])}}}
		}
		if err != nil {
			return v, false, err
		}
	} else {
		checks, err := a.Service.Store.Checks(ctx, 1)
		if err != nil {
			return v, false, err
		}
		if len(checks) == 0 {
			t.doc.filled = true
			t.say(t.texts.T("bot.nothing_ever"))
			return v, false, nil
		}
		check = checks[0]
	}
	v, err = see(ctx, a.Service, check)
	return v, err == nil, err
}

// heading says which check it is and when it began.
func (t *Terminal) heading(c broadcast.Check) string {
	key := "cli.status_of"
	if c.Drill() {
		key = "cli.status_of_drill"
	}
	return t.texts.T(key, locale.Data{"ID": c.ID, "When": t.texts.When(c.StartedAt)})
}

// only is what there is to see of one member.
func (v view) only(m roster.Member) view {
	v.Tally.Standings = slices.DeleteFunc(slices.Clone(v.Tally.Standings), func(s broadcast.Standing) bool { return !same(s.Member, m) })
	v.Answers = slices.DeleteFunc(slices.Clone(v.Answers), func(a broadcast.Answer) bool { return !v.has(a.MemberID) })
	v.Deliveries = slices.DeleteFunc(slices.Clone(v.Deliveries), func(d broadcast.Delivery) bool { return !v.has(d.MemberID) })
	return v
}

// same reports whether a member of a check is one of the roster, who may have
// been given an account since.
func same(then, now roster.Member) bool {
	return then.ID == now.ID || then.Talk != "" && then.Talk == now.Talk
}

func (v view) has(id string) bool {
	return slices.ContainsFunc(v.Tally.Standings, func(s broadcast.Standing) bool { return s.Member.ID == id })
}

// statusOf shows where one person stands, what they have said, and how they can
// be reached.
func (t *Terminal) statusOf(a *app.App, v view, name string) error {
	// Whoever has left the roster since is still part of the check.
	known := a.Service.Roster()
	for _, s := range v.Tally.Standings {
		if !slices.ContainsFunc(known.Members, func(m roster.Member) bool { return same(s.Member, m) }) {
			known.Members = append(slices.Clip(known.Members), s.Member)
		}
	}
	m, err := t.findOne(known, name)
	if err != nil {
		return err
	}
	all := v
	v = v.only(m)
	t.show(v)
	if len(v.Tally.Standings) == 0 {
		t.say(t.texts.T("status_of.unasked", locale.Data{"Name": plain(m.Name)}))
		return nil
	}
	s := v.Tally.Standings[0]
	t.say(t.texts.Mark(v.Tally.Check.Drill()) + t.texts.T("status_of.line", locale.Data{"Name": plain(m.Name), "Icon": s.Status.Icon(), "Status": s.Status.Word(t.texts)}))
	for _, answer := range v.Answers {
		t.say(t.said(all, answer))
	}
	t.say(t.texts.T("emergency.ways", locale.Data{"Ways": t.ways(s.Member)}))
	if s.Status == broadcast.Pending && s.Trouble != "" && !hasReached(s) {
		t.complain(s)
	}
	return nil
}

// said words one answer: when, what, how it came, and from whom.
func (t *Terminal) said(v view, a broadcast.Answer) string {
	text := plain(a.Text)
	if a.Place != nil {
		text = strings.TrimSpace(text + " " + plain(a.Place.Name) + " " + a.Place.Map())
	}
	data := locale.Data{"When": t.texts.When(a.At), "Icon": "", "Source": t.texts.T("source." + string(a.Source)), "Text": text}
	if a.Status != "" {
		data["Icon"] = a.Status.Icon()
	}
	line := t.texts.T("status_of.said", data)
	if by := v.name(a.ReportedBy); by != "" {
		line += t.texts.T("status_of.by", locale.Data{"Name": plain(by)})
	}
	if a.Claimed {
		line += t.texts.T("emergency.claimed")
	}
	return line
}

// name is the name of a member of the check; empty for anybody else.
func (v view) name(id string) string {
	for _, s := range v.Tally.Standings {
		if s.Member.ID == id {
			return s.Member.Name
		}
	}
	return ""
}

// ways are how a member can be reached, by a person, too.
func (t *Terminal) ways(m roster.Member) string {
	var ways []string
	if m.Talk != "" {
		ways = append(ways, t.texts.T("channel.direct")+" "+plain(m.Talk))
	}
	for _, way := range slices.Concat(m.Emails, m.Phones) {
		ways = append(ways, plain(way))
	}
	return t.texts.Names(ways)
}
