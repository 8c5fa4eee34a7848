package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/text/unicode/norm"

	"github.com/anpi-bot/anpi/bot/who"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/roster"
)

// chosen gives a command the options that name a part of the family.
func (t *Terminal) chosen(c *cobra.Command, names, groups *[]string) {
	c.Flags().StringArrayVar(groups, "group", nil, t.texts.T("emergency.flag_group"))
	c.Flags().StringArrayVar(names, "to", nil, t.texts.T("emergency.flag_to"))
	t.complete(c, "to", memberNames)
	t.complete(c, "group", groupNames)
}

// choose picks the members with the names and in the groups, in the order of the
// roster; none when neither is given. A word that does not say clearly who is
// meant is a mistake.
func (t *Terminal) choose(r roster.Roster, names, groups []string) ([]roster.Member, error) {
	chosen := map[string]bool{}
	for _, name := range names {
		found, err := t.find(r, name)
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			chosen[m.ID] = true
		}
	}
	for _, group := range groups {
		found := inGroup(r, group)
		if len(found) == 0 {
			return nil, &usageError{&locale.Problem{Key: "emergency.no_group", Data: locale.Data{"Word": plain(group), "Names": t.someOf(allGroups(r))}}}
		}
		for _, m := range found {
			chosen[m.ID] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(r.Members), func(m roster.Member) bool { return !chosen[m.ID] }), nil
}

// find finds whom a word means: an account or a mail address to the letter, a
// name, a nickname, or a word for several people.
func (t *Terminal) find(r roster.Roster, word string) ([]roster.Member, error) {
	for _, m := range r.Members {
		if word != "" && (word == m.ID || word == m.Talk || slices.Contains(m.Emails, word)) {
			return []roster.Member{m}, nil
		}
	}
	match := who.Find(r, roster.Member{}, word)
	certain := !match.Guess && (len(match.Members) == 1 || match.Group || match.Everyone)
	if certain && len(match.Members) > 0 {
		return match.Members, nil
	}
	if len(match.Members) == 0 {
		return nil, &usageError{&locale.Problem{Key: "emergency.no_member", Data: locale.Data{"Word": plain(word), "Names": t.someOf(named(r.Members))}}}
	}
	return nil, &usageError{&locale.Problem{Key: "emergency.which_member", Data: locale.Data{"Word": plain(word), "Names": t.someOf(named(match.Members))}}}
}

// findOne finds the one member whom a word means.
func (t *Terminal) findOne(r roster.Roster, word string) (roster.Member, error) {
	found, err := t.find(r, word)
	if err != nil {
		return roster.Member{}, err
	}
	if len(found) > 1 {
		return roster.Member{}, &usageError{&locale.Problem{Key: "emergency.which_member", Data: locale.Data{"Word": plain(word), "Names": t.someOf(named(found))}}}
	}
	return found[0], nil
}

// named are the names of the members; those of the same name are told apart by
// account or address, which can be typed instead.
func named(members []roster.Member) []string {
	count := map[string]int{}
	for _, m := range members {
		count[m.Name]++
	}
	var names []string
	for _, m := range members {
		name := plain(m.Name)
		if count[m.Name] > 1 {
			sign := m.Talk
			if sign == "" && len(m.Emails) > 0 {
				sign = m.Emails[0]
			}
			name += " (" + plain(sign) + ")"
		}
		names = append(names, name)
	}
	return names
}

// someOf joins the first of many names.
func (t *Terminal) someOf(names []string) string {
	const most = 20
	if len(names) > most {
		names = append(slices.Clone(names[:most]), "…")
	}
	return t.texts.Names(names)
}

// inGroup returns the members of a group, whose name may be written in any width
// and case.
func inGroup(r roster.Roster, group string) (members []roster.Member) {
	for _, m := range r.Members {
		if slices.ContainsFunc(m.Groups, func(g string) bool { return fold(g) == fold(group) }) {
			members = append(members, m)
		}
	}
	return members
}

func fold(s string) string { return strings.ToLower(strings.TrimSpace(norm.NFKC.String(s))) }

// allGroups are the groups of the roster, sorted.
func allGroups(r roster.Roster) []string {
	var groups []string
	for _, m := range r.Members {
		groups = append(groups, m.Groups...)
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}
