package roster

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Rules is what the household's configuration says about the people in the
// address books. Where people are named, an entry is looked for as a member ID
// ("talk:alice", "card:1a2b"), then as a Talk user id, then as a card UID: what
// somebody typed into a card can't take the place of an account.
type Rules struct {
	// Exclude are no members: the bot's own account, an administrator's.
	Exclude []string
	// Organisers may start checks. An entry may also be an e-mail address. It
	// must mean exactly one member, otherwise it means nobody and is warned of. A Talk user id is safer, because people
	// edit the address in their own profile.
	Organisers []string
	// Talk maps the UID of a card in a personal book to a Talk user id.
	Talk map[string]string
	// Names maps a Talk user id, a member id or the UID of a card to further
	// names by which the family calls that person.
	Names map[string][]string
	// Groups, when not empty, narrows the roster to members with one of these
	// CATEGORIES, compared without case and width, and to the organisers.
	// Nextcloud's accounts carry no categories: there they come from a personal
	// card of the same person.
	Groups []string
}

// Build makes the roster that state and rules describe. It asks nobody, and the
// same input gives the same roster.
func Build(state State, rules Rules) Roster {
	var b builder
	people := b.people(state, rules)
	people = b.exclude(people, rules)
	b.organisers(people, rules)
	b.names(people, rules)
	people = b.inGroups(people, rules)

	r := Roster{Warnings: b.warnings}
	for _, p := range people {
		r.Members = append(r.Members, p.Member)
	}
	slices.SortFunc(r.Members, func(a, b Member) int {
		return cmp.Or(cmp.Compare(fold(a.Name), fold(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	return r
}

type builder struct {
	warnings []Warning
}

func (b *builder) warn(book, card, reason string, args ...any) {
	b.warnings = append(b.warnings, Warning{Book: book, Card: card, Reason: fmt.Sprintf(reason, args...)})
}

// A heldCard is one card on its way to a member, with the book that holds it.
type heldCard struct {
	Card
	href string
	book *Book
	talk string // the account that this card is known to belong to
}

// A person is one member and the cards that it was put together from, the ones
// of personal books first.
type person struct {
	Member
	cards []heldCard
}

// people puts together the cards that are the same person.
func (b *builder) people(state State, rules Rules) []*person {
	var people []*person
	byTalk := make(map[string]*person)
	byName := make(map[string][]*person)
	file := func(p *person, c heldCard) {
		p.cards = append(p.cards, c)
		if key := fold(c.Name); key != "" && !slices.Contains(byName[key], p) {
			byName[key] = append(byName[key], p)
		}
	}
	cards := b.cards(state, rules)
	// Accounts first, so that a card without one finds the account it belongs to.
	for _, c := range cards {
		if c.talk == "" {
			continue
		}
		key := strings.ToLower(c.talk)
		if byTalk[key] == nil {
			byTalk[key] = &person{Member: Member{Talk: c.talk}}
			people = append(people, byTalk[key])
		}
		if c.book.System {
			// The rules may have the account in other letters than the server.
			byTalk[key].Talk = c.talk
		}
		file(byTalk[key], c)
	}
	for _, c := range cards {
		if c.talk != "" {
			continue
		}
		var same []*person
		for _, p := range byName[fold(c.Name)] {
			if p.couldBe(c) {
				same = append(same, p)
			}
		}
		switch {
		case len(same) == 1:
			file(same[0], c)
			continue
		case len(same) > 1:
			b.warn(c.book.Name, c.label(), "it has the name and address of %d people, so it counts as one more; name its account in the rules", len(same))
		}
		p := &person{}
		people = append(people, p)
		file(p, c)
	}
	b.identify(people)
	for _, p := range people {
		p.unite()
	}
	return people
}

// cards lists what can become a member, and warns of what can't. A card that
// says it is a group or a company is nobody to be asked.
func (b *builder) cards(state State, rules Rules) []heldCard {
	var cards []heldCard
	accounts, mapped := make(map[string]string), make(map[string]bool)
	for uid, account := range rules.Talk {
		accounts[plainUID(uid)] = account
	}
	for i := range state.Books {
		book := &state.Books[i]
		for _, href := range slices.Sorted(maps.Keys(book.Cards)) {
			e := book.Cards[href]
			if e.Card == nil {
				b.warn(book.Name, clean(path.Base(href)), "left out: %s", e.Problem)
				continue
			}
			if e.Card.Kind != "" && e.Card.Kind != "individual" {
				continue
			}
			c := heldCard{Card: *e.Card, href: href, book: book}
			if e.Problem != "" {
				b.warn(book.Name, c.label(), "its newest version can't be used, the one before stays: %s", e.Problem)
			}
			for _, complaint := range c.Complaints {
				b.warn(book.Name, c.label(), "%s", complaint)
			}
			if book.System {
				c.talk = c.UID
			} else if account := accounts[c.UID]; account != "" {
				c.talk = account
				mapped[c.UID] = true
			}
			cards = append(cards, c)
		}
	}
	for _, uid := range slices.Sorted(maps.Keys(accounts)) {
		if !mapped[uid] {
			b.warn("", uid, "the rules give this card a Talk account, but no address book has it")
		}
	}
	return cards
}

func (c heldCard) label() string {
	return cmp.Or(c.Name, c.UID)
}

// couldBe says whether c is another card of p: the name is equal already, so it
// takes a shared address, and another book. Father and son may have one name
// and one address, but then they have two cards in one book.
func (p *person) couldBe(c heldCard) bool {
	shared := false
	for _, have := range p.cards {
		if have.book == c.book {
			return false
		}
		for _, e := range have.Emails {
			shared = shared || slices.ContainsFunc(c.Emails, func(mine string) bool { return strings.EqualFold(mine, e) })
		}
	}
	return shared
}

// identify gives everybody an ID that is theirs alone. A UID that several
// people carry (a card copied and then changed by hand) is told apart by book
// and file.
func (b *builder) identify(people []*person) {
	taken := make(map[string]bool)
	for _, p := range people {
		if p.Talk != "" {
			p.ID = "talk:" + p.Talk
			continue
		}
		c := p.cards[0]
		p.ID = "card:" + c.UID
		if taken[p.ID] {
			b.warn(c.book.Name, c.label(), "another card has the same UID; if this is the same person, remove one of them")
			p.ID += "~" + strings.Trim(c.book.Path, "/") + "/" + path.Base(c.href)
		}
		taken[p.ID] = true
	}
}

// unite fills the member from its cards. The household's own books come first:
// they know the name that is used at home and which address is read.
func (p *person) unite() {
	slices.SortStableFunc(p.cards, func(a, b heldCard) int {
		switch {
		case a.book.System == b.book.System:
			return 0
		case b.book.System:
			return -1
		}
		return 1
	})
	m := &p.Member
	for _, c := range p.cards {
		if m.Name == "" {
			m.Name = c.Name
		} else if fold(c.Name) != fold(m.Name) {
			m.Nicknames = appendNew(m.Nicknames, c.Name)
		}
		m.Nicknames = unite(m.Nicknames, c.Nicknames)
		m.Emails = unite(m.Emails, c.Emails)
		m.Phones = unite(m.Phones, c.Phones)
		m.Groups = unite(m.Groups, c.Groups)
		m.Lang = cmp.Or(m.Lang, c.Lang)
		for _, r := range c.Relations {
			if !slices.Contains(m.Relations, r) {
				m.Relations = append(m.Relations, r)
			}
		}
	}
	if m.Name == "" && len(m.Emails) > 0 {
		local, _, _ := strings.Cut(m.Emails[0], "@")
		m.Name = clean(local)
	}
	if m.Name == "" {
		m.Name = cmp.Or(m.Talk, p.cards[0].UID)
	}
}

func unite(list, more []string) []string {
	for _, s := range more {
		list = appendNew(list, s)
	}
	return list
}

func (b *builder) exclude(people []*person, rules Rules) []*person {
	out := make(map[*person]bool)
	for _, entry := range rules.Exclude {
		for _, p := range named(people, entry) {
			out[p] = true
		}
	}
	return slices.DeleteFunc(people, func(p *person) bool { return out[p] })
}

func (b *builder) organisers(people []*person, rules Rules) {
	for _, entry := range rules.Organisers {
		found := named(people, entry)
		if len(found) == 0 && strings.Contains(entry, "@") {
			found = having(people, func(p *person) bool {
				return slices.ContainsFunc(p.Emails, func(e string) bool { return strings.EqualFold(e, entry) })
			})
		}
		if len(found) > 1 {
			b.warn("", clean(entry), "%d members answer to this, so it makes nobody an organiser; use the Talk user id", len(found))
			continue
		}
		if len(found) == 0 {
			b.warn("", clean(entry), "the rules make this an organiser, but no member is called so")
		}
		for _, p := range found {
			p.Organiser = true
		}
	}
}

// names adds the names that the rules give.
func (b *builder) names(people []*person, rules Rules) {
	for _, entry := range slices.Sorted(maps.Keys(rules.Names)) {
		found := named(people, entry)
		if len(found) == 0 {
			b.warn("", clean(entry), "the rules give this further names, but no member is called so")
		}
		for _, p := range found {
			for _, name := range rules.Names[entry] {
				if name = clean(name); name != "" && !slices.Contains(p.Nicknames, name) {
					p.Nicknames = append(p.Nicknames, name)
				}
			}
		}
	}
}

// named finds the people an entry of the rules means.
func named(people []*person, entry string) []*person {
	entry = plainUID(entry)
	for _, is := range []func(*person) bool{
		func(p *person) bool { return p.ID == entry },
		func(p *person) bool { return p.Talk != "" && strings.EqualFold(p.Talk, entry) },
		func(p *person) bool {
			return slices.ContainsFunc(p.cards, func(c heldCard) bool {
				return c.UID == entry || "card:"+c.UID == entry
			})
		},
	} {
		if found := having(people, is); len(found) > 0 {
			return found
		}
	}
	return nil
}

func having(people []*person, is func(*person) bool) []*person {
	var found []*person
	for _, p := range people {
		if is(p) {
			found = append(found, p)
		}
	}
	return found
}

func (b *builder) inGroups(people []*person, rules Rules) []*person {
	if len(rules.Groups) == 0 {
		return people
	}
	used := make(map[string]bool)
	kept := slices.DeleteFunc(people, func(p *person) bool {
		in := p.Organiser
		for _, group := range p.Groups {
			for _, wanted := range rules.Groups {
				if fold(group) == fold(wanted) {
					used[fold(wanted)], in = true, true
				}
			}
		}
		return !in
	})
	for _, group := range rules.Groups {
		if !used[fold(group)] {
			b.warn("", clean(group), "the rules ask for this group, but nobody is in it")
		}
	}
	return kept
}
