package roster_test

import (
	"encoding/json"
	"testing"

	"github.com/anpi-bot/anpi/roster"
	"github.com/google/go-cmp/cmp"
)

func book(name string, cards ...roster.Card) roster.Book {
	b := roster.Book{Path: "/" + name + "/", Name: name, System: name == "Accounts", Cards: make(map[string]roster.Entry)}
	for _, c := range cards {
		b.Cards[b.Path+c.UID+"-"+c.Name+".vcf"] = roster.Entry{ETag: "1", Card: &c}
	}
	return b
}

func build(rules roster.Rules, books ...roster.Book) roster.Roster {
	return roster.Build(roster.State{Books: books}, rules)
}

func ids(members []roster.Member) []string {
	var list []string
	for _, m := range members {
		list = append(list, m.ID)
	}
	return list
}

func wantIDs(t *testing.T, r roster.Roster, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, ids(r.Members)); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

func wantWarnings(t *testing.T, r roster.Roster, want ...roster.Warning) {
	t.Helper()
	if diff := cmp.Diff(want, r.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestOnePersonInTwoBooks(t *testing.T) {
	accounts := book("Accounts", roster.Card{UID: "hanako", Name: "山田 花子", Emails: []string{"HANAKO@example.net", "old@example.net"}, Phones: []string{"1"}})
	home := book("Home", roster.Card{
		UID: "p1", Name: "山田　花子", Nicknames: []string{"はな"}, Emails: []string{"phone@carrier.example", "hanako@example.net"},
		Phones: []string{"2", "1"}, Lang: "ja", Groups: []string{"家族"}, Relations: []roster.Relation{{Type: "child", Who: "太郎"}},
	})
	want := []roster.Member{{
		ID: "talk:hanako", Name: "山田　花子", Nicknames: []string{"はな"}, Talk: "hanako",
		Emails: []string{"phone@carrier.example", "hanako@example.net", "old@example.net"},
		Phones: []string{"2", "1"}, Lang: "ja", Groups: []string{"家族"}, Relations: []roster.Relation{{Type: "child", Who: "太郎"}},
	}}
	for _, r := range []roster.Roster{build(roster.Rules{}, accounts, home), build(roster.Rules{}, home, accounts)} {
		if diff := cmp.Diff(want, r.Members); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		wantWarnings(t, r)
	}
	// A roster is stored with each check and comes back as it was.
	r := build(roster.Rules{Organisers: []string{"hanako"}}, accounts, home)
	stored, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back roster.Roster
	if err := json.Unmarshal(stored, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, back); diff != "" {
		t.Errorf("through JSON:\n%s", diff)
	}
}

func TestACoupleWithOneAddressStaysTwo(t *testing.T) {
	ours := []string{"ours@example.net"}
	r := build(roster.Rules{Organisers: []string{"ours@example.net"}},
		book("Accounts", roster.Card{UID: "taro", Name: "Taro", Emails: ours}),
		book("Home", roster.Card{UID: "h", Name: "Hanako", Emails: ours}))
	wantIDs(t, r, "card:h", "talk:taro")
	if r.Organisers() != nil {
		t.Errorf("organisers: %v", ids(r.Organisers()))
	}
	wantWarnings(t, r, roster.Warning{Card: "ours@example.net", Reason: "2 members answer to this, so it makes nobody an organiser; use the Talk user id"})
}

func TestSameNameIsNotTheSamePerson(t *testing.T) {
	// Without a common address; in one book; under two accounts.
	r := build(roster.Rules{},
		book("Accounts", roster.Card{UID: "ken1", Name: "Ken", Emails: []string{"ken@a.example"}}, roster.Card{UID: "ken2", Name: "Ken", Emails: []string{"ken@a.example"}}),
		book("Home", roster.Card{UID: "k3", Name: "Ken", Emails: []string{"ken@b.example"}}, roster.Card{UID: "k4", Name: "Ken", Emails: []string{"ken@b.example"}}))
	wantIDs(t, r, "card:k3", "card:k4", "talk:ken1", "talk:ken2")
	wantWarnings(t, r)

	// A third who could be either of two is neither.
	r = build(roster.Rules{},
		book("Accounts", roster.Card{UID: "ken1", Name: "Ken", Emails: []string{"ken@a.example"}}, roster.Card{UID: "ken2", Name: "Ken", Emails: []string{"ken@a.example"}}),
		book("Home", roster.Card{UID: "k3", Name: "Ken", Emails: []string{"ken@a.example"}}))
	wantIDs(t, r, "card:k3", "talk:ken1", "talk:ken2")
	wantWarnings(t, r, roster.Warning{Book: "Home", Card: "Ken", Reason: "it has the name and address of 2 people, so it counts as one more; name its account in the rules"})
}

func TestCardsWithoutNamesDoNotMeet(t *testing.T) {
	mail := []string{"info@shop.example"}
	r := build(roster.Rules{}, book("A", roster.Card{UID: "a", Emails: mail}), book("B", roster.Card{UID: "b", Emails: mail}), book("C", roster.Card{UID: "c"}))
	wantIDs(t, r, "card:c", "card:a", "card:b")
	if diff := cmp.Diff([]string{"c", "info", "info"}, namesOf(r.Members)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestOnlyRulesGiveAPersonalCardAnAccount(t *testing.T) {
	accounts := book("Accounts", roster.Card{UID: "Okasan", Name: "Mother"})
	home := book("Home", roster.Card{UID: "okasan", Name: "Impostor"}, roster.Card{UID: "m", Name: "Mum", Emails: []string{"mum@example.net"}})
	r := build(roster.Rules{Talk: map[string]string{"urn:uuid:m": "okasan", "nobody": "x"}, Organisers: []string{"okasan"}}, home, accounts)
	wantIDs(t, r, "card:okasan", "talk:Okasan")
	mother, _ := r.ByTalk("Okasan")
	want := roster.Member{ID: "talk:Okasan", Name: "Mum", Nicknames: []string{"Mother"}, Talk: "Okasan", Emails: []string{"mum@example.net"}, Organiser: true}
	if diff := cmp.Diff(want, mother); diff != "" {
		t.Errorf("mother (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"talk:Okasan"}, ids(r.Organisers())); diff != "" {
		t.Errorf("organisers (-want +got):\n%s", diff)
	}
	wantWarnings(t, r, roster.Warning{Card: "nobody", Reason: "the rules give this card a Talk account, but no address book has it"})
	if _, ok := r.ByTalk(""); ok {
		t.Error("somebody has no account, and is found by it")
	}
}

func TestExcludeAndOrganisers(t *testing.T) {
	accounts := book("Accounts", roster.Card{UID: "anpi", Name: "Bot"}, roster.Card{UID: "a", Name: "A", Emails: []string{"a@example.net"}}, roster.Card{UID: "b", Name: "B"})
	home := book("Home", roster.Card{UID: "c", Name: "C"}, roster.Card{UID: "d", Name: "D"}, roster.Card{UID: "e", Name: "E"})
	r := build(roster.Rules{
		Exclude:    []string{"ANPI", "urn:uuid:d", "card:e", "nobody"},
		Organisers: []string{"A@example.net", "talk:b", "c", "anpi", "gone@example.net"},
	}, accounts, home)
	wantIDs(t, r, "talk:a", "talk:b", "card:c")
	if diff := cmp.Diff([]string{"talk:a", "talk:b", "card:c"}, ids(r.Organisers())); diff != "" {
		t.Errorf("organisers (-want +got):\n%s", diff)
	}
	wantWarnings(t, r,
		roster.Warning{Card: "anpi", Reason: "the rules make this an organiser, but no member is called so"},
		roster.Warning{Card: "gone@example.net", Reason: "the rules make this an organiser, but no member is called so"})
}

func TestGroups(t *testing.T) {
	accounts := book("Accounts", roster.Card{UID: "boss", Name: "Boss"}, roster.Card{UID: "kid", Name: "Kid", Emails: []string{"k@example.net"}}, roster.Card{UID: "other", Name: "Other"})
	home := book("Home",
		roster.Card{UID: "k", Name: "Kid", Emails: []string{"k@example.net"}, Groups: []string{"ＦＡＭＩＬＹ"}},
		roster.Card{UID: "oba", Name: "Oba", Groups: []string{"x", "Family"}},
		roster.Card{UID: "dentist", Name: "Dentist", Groups: []string{"doctors"}})
	r := build(roster.Rules{Groups: []string{"family", "club"}, Organisers: []string{"boss"}}, accounts, home)
	wantIDs(t, r, "talk:boss", "talk:kid", "card:oba")
	wantWarnings(t, r, roster.Warning{Card: "club", Reason: "the rules ask for this group, but nobody is in it"})
}

func TestEverybodyHasAnIDOfTheirOwn(t *testing.T) {
	r := build(roster.Rules{},
		book("Home", roster.Card{UID: "1", Name: "A", Emails: []string{"a@example.net"}}),
		book("Work", roster.Card{UID: "1", Name: "B"}, roster.Card{UID: "1", Name: "A", Emails: []string{"a@example.net"}}))
	wantIDs(t, r, "card:1", "card:1~Work/1-B.vcf")
	wantWarnings(t, r, roster.Warning{Book: "Work", Card: "B", Reason: "another card has the same UID; if this is the same person, remove one of them"})
}

func TestGroupsAndCompaniesAreNobody(t *testing.T) {
	r := build(roster.Rules{}, book("Home", roster.Card{UID: "g", Name: "G", Kind: "group"}, roster.Card{UID: "o", Name: "O", Kind: "org"}, roster.Card{UID: "i", Name: "I", Kind: "individual"}))
	wantIDs(t, r, "card:i")
	wantWarnings(t, r)
}

func TestComplaintsReachThePersonWhoRunsIt(t *testing.T) {
	r := build(roster.Rules{}, book("Home", roster.Card{UID: "x", Name: "X", Complaints: []string{`"nobody" is not an e-mail address, so no mail goes there`}}))
	wantWarnings(t, r, roster.Warning{Book: "Home", Card: "X", Reason: `"nobody" is not an e-mail address, so no mail goes there`})
}
