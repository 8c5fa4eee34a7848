// Package roster knows who is asked when something happens: the members of
// the household, read from CardDAV address books and never written to them.
//
// Reading is two steps, so that the second can be done without a network.
// [Source.Sync] brings a [State] up to date: the cards of the configured
// address books as they were last seen. The caller stores it as JSON. [Build]
// turns a State and the household's [Rules] into a [Roster].
//
//	src, err := roster.NewSource(roster.Options{URL: "https://cloud.example", User: "anpi", Password: secret})
//	next, err := src.Sync(ctx, state, time.Now()) // on an error next is state, unchanged
//	members := roster.Build(next, rules)
//	if lost, tooMany := roster.LosesTooMany(previous, members); tooMany {
//		// somebody emptied the book: keep the previous roster and say who is in lost
//	}
//
// # Who is who
//
// In Nextcloud's system address book ("Accounts") the server itself writes
// each card, and the UID of a card is the user id and so the Talk account.
// Everything in other books was typed by somebody; which of those cards belongs
// to a Talk account is said by [Rules.Talk] and by nothing else.
//
// Two cards become one member when both lead to the same Talk account, or when
// they come from different books, carry the same name and share an e-mail
// address. A shared address alone never merges: couples have one.
//
// # What can go wrong
//
// A card that can't be read costs that card: the version known before stays,
// and a [Warning] names it. A list of cards that can't be read costs the sync:
// no member ever disappears because an answer was cut off. [Advice] turns an
// error of a [Source] into a sentence that tells a person what to do.
package roster

import "slices"

// Member is one person of the roster. A check stores its members as JSON.
type Member struct {
	// ID stays the same from sync to sync: "talk:" and the Talk user id for
	// whoever has an account, otherwise "card:" and the UID of the vCard.
	ID string `json:"id"`
	// Name is never empty, has no control characters and at most 200 runes.
	// It is what people typed: escape it wherever it is shown.
	Name      string   `json:"name"`
	Nicknames []string `json:"nicknames,omitempty"`
	// Talk is the Talk user id, "" when there is no account.
	Talk string `json:"talk,omitempty"`
	// Emails in order of preference. They are as the card has them: Japanese
	// carriers issued addresses that net/mail refuses (a..b@docomo.ne.jp).
	Emails []string `json:"emails,omitempty"`
	Phones []string `json:"phones,omitempty"`
	// Lang is a lower-case language ("ja", "en", "de"), "" when no card says.
	Lang string `json:"lang,omitempty"`
	// Groups are the CATEGORIES of the cards.
	Groups    []string   `json:"groups,omitempty"`
	Relations []Relation `json:"relations,omitempty"`
	// Organiser may start checks and sees addresses and notes.
	Organiser bool `json:"organiser,omitempty"`
}

// Relation is one RELATED property: Who is the child, parent, spouse of the
// member, as text or as the UID of another card. Type is lower case and may be
// empty.
type Relation struct {
	Type string `json:"type,omitempty"`
	Who  string `json:"who"`
}

// Roster is the members sorted by name, and what a person should look at.
type Roster struct {
	Members  []Member  `json:"members"`
	Warnings []Warning `json:"warnings,omitempty"`
}

// Warning is something in an address book or in the rules that the person who
// runs the household should put right. Reason is a sentence in English.
type Warning struct {
	// Book is the name of the address book, "" when the rules are meant.
	Book string `json:"book,omitempty"`
	// Card is the name on the card, else the name of its file, else the entry
	// of the rules.
	Card   string `json:"card"`
	Reason string `json:"reason"`
}

// ByID returns the member with this ID.
func (r Roster) ByID(id string) (Member, bool) {
	return r.first(func(m Member) bool { return m.ID == id })
}

// ByTalk returns the member with this Talk user id; "" is nobody.
func (r Roster) ByTalk(user string) (Member, bool) {
	return r.first(func(m Member) bool { return user != "" && m.Talk == user })
}

func (r Roster) first(is func(Member) bool) (Member, bool) {
	if i := slices.IndexFunc(r.Members, is); i >= 0 {
		return r.Members[i], true
	}
	return Member{}, false
}

// Organisers returns the members who may start checks, nil when there are none.
func (r Roster) Organisers() []Member {
	var organisers []Member
	for _, m := range r.Members {
		if m.Organiser {
			organisers = append(organisers, m)
		}
	}
	return organisers
}

// LosesTooMany compares a roster with the one that would replace it. lost are
// the members of old that are not in new; tooMany means more than a third of
// old. That looks like a book emptied by mistake, so a caller keeps old until a
// person has confirmed. Somebody who only changed from a card to an account (or
// back) is not lost.
func LosesTooMany(old, new Roster) (lost []Member, tooMany bool) {
	kept := make(map[string]bool)
	for _, m := range new.Members {
		for _, key := range m.traces() {
			kept[key] = true
		}
	}
	for _, m := range old.Members {
		if !slices.ContainsFunc(m.traces(), func(key string) bool { return kept[key] }) {
			lost = append(lost, m)
		}
	}
	return lost, 3*len(lost) > len(old.Members)
}

// traces are the strings by which a member is known again under another ID.
func (m Member) traces() []string {
	keys := []string{"id " + m.ID}
	if m.Talk != "" {
		keys = append(keys, "talk "+m.Talk)
	}
	for _, e := range m.Emails {
		keys = append(keys, "name and mail "+fold(m.Name)+" "+fold(e))
	}
	return keys
}
