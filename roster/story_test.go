package roster_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anpi-bot/anpi/roster"
	"github.com/anpi-bot/anpi/roster/rostertest"
	"github.com/google/go-cmp/cmp"
)

var monday = time.Date(2031, 3, 10, 8, 0, 0, 0, time.UTC)

// A household is a Nextcloud, the bot's account on it, and what the bot has
// stored. Its state goes through JSON between syncs, as in real life.
type household struct {
	t      *testing.T
	server *rostertest.Server
	source *roster.Source
	rules  roster.Rules
	stored []byte
	now    time.Time
}

// newHousehold has three accounts, a book "family", and the bot.
func newHousehold(t *testing.T) *household {
	t.Helper()
	s := rostertest.New("anpi", "secret")
	s.AddAccount("anpi", "Anpi Bot", "anpi@example.net")
	s.AddAccount("okasan", "お母さん", "okasan@example.net")
	s.AddAccount("otosan", "お父さん", "otosan@example.net")
	s.AddAccount("nezumi", "ネズミ", "nezumi@example.net")
	s.AddBook("family", "家族 Family")
	h := &household{
		t: t, server: s, stored: []byte("{}"), now: monday,
		rules: roster.Rules{Exclude: []string{"anpi"}, Organisers: []string{"okasan"}},
	}
	h.restart()
	return h
}

func (h *household) restart() { h.t.Helper(); h.restartWith("", "family") }

func (h *household) restartWith(books ...string) {
	h.t.Helper()
	src, err := roster.NewSource(roster.Options{
		URL: h.server.URL(), User: "anpi", Password: "secret", Transport: h.server.Transport(), Books: books,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.source = src
}

func (h *household) state() roster.State {
	h.t.Helper()
	var state roster.State
	if err := json.Unmarshal(h.stored, &state); err != nil {
		h.t.Fatal(err)
	}
	return state
}

func (h *household) trySync() error {
	h.t.Helper()
	next, err := h.source.Sync(h.t.Context(), h.state(), h.now)
	stored, jsonErr := json.Marshal(next)
	if jsonErr != nil {
		h.t.Fatal(jsonErr)
	}
	h.stored = stored
	return err
}

func (h *household) sync() roster.Roster {
	h.t.Helper()
	if err := h.trySync(); err != nil {
		h.t.Fatal(err)
	}
	return h.roster()
}

func (h *household) roster() roster.Roster { return roster.Build(h.state(), h.rules) }

func (h *household) wantNames(names ...string) {
	h.t.Helper()
	if diff := cmp.Diff(names, namesOf(h.roster().Members)); diff != "" {
		h.t.Errorf("members (-want +got):\n%s", diff)
	}
}

func namesOf(members []roster.Member) []string {
	var names []string
	for _, m := range members {
		names = append(names, m.Name)
	}
	return names
}

func vcard(lines ...string) string {
	return "BEGIN:VCARD\r\nVERSION:4.0\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCARD\r\n"
}

func TestTheFamilyChanges(t *testing.T) {
	h := newHousehold(t)
	h.sync()
	h.wantNames("お母さん", "お父さん", "ネズミ")

	// Grandmother has no account, and her phone's mail address is an old one.
	h.server.PutCard("family", "obaachan", vcard("UID:obaachan-1", "FN:おばあちゃん", "EMAIL:o..b@docomo.example", "LANG:ja", "CATEGORIES:家族", "RELATED;TYPE=child:お母さん"))
	r := h.sync()
	h.wantNames("おばあちゃん", "お母さん", "お父さん", "ネズミ")
	grandmother, _ := r.ByID("card:obaachan-1")
	want := roster.Member{
		ID: "card:obaachan-1", Name: "おばあちゃん", Emails: []string{"o..b@docomo.example"}, Lang: "ja",
		Groups: []string{"家族"}, Relations: []roster.Relation{{Type: "child", Who: "お母さん"}},
	}
	if diff := cmp.Diff(want, grandmother); diff != "" {
		t.Errorf("grandmother (-want +got):\n%s", diff)
	}

	// A child is born.
	h.server.PutCard("family", "baby", vcard("UID:baby-1", "FN:赤ちゃん"))
	h.sync()
	h.wantNames("おばあちゃん", "お母さん", "お父さん", "ネズミ", "赤ちゃん")

	// The parents divorce; father's account goes.
	before := h.roster()
	h.server.RemoveAccount("otosan")
	after := h.sync()
	h.wantNames("おばあちゃん", "お母さん", "ネズミ", "赤ちゃん")
	lost, tooMany := roster.LosesTooMany(before, after)
	if diff := cmp.Diff([]string{"お父さん"}, namesOf(lost)); diff != "" || tooMany {
		t.Errorf("one of five left: too many is %v, lost (-want +got):\n%s", tooMany, diff)
	}

	// Mother marries again under a new name, and stays who she is.
	h.server.AddAccount("okasan", "田中お母さん", "okasan@example.net")
	mother, ok := h.sync().ByTalk("okasan")
	if !ok || mother.Name != "田中お母さん" || mother.ID != "talk:okasan" || !mother.Organiser {
		t.Errorf("mother is %+v", mother)
	}
	if len(after.Warnings) > 0 {
		t.Errorf("warnings: %v", after.Warnings)
	}
}

func TestAnEmptiedBookIsNoticed(t *testing.T) {
	h := newHousehold(t)
	for i := range 6 {
		h.server.PutCard("family", fmt.Sprint("c", i), vcard(fmt.Sprint("UID:c", i), fmt.Sprint("FN:Cousin ", i)))
	}
	before := h.sync()
	for i := range 6 {
		h.server.DeleteCard("family", fmt.Sprint("c", i))
	}
	after := h.sync()
	if lost, tooMany := roster.LosesTooMany(before, after); len(lost) != 6 || !tooMany {
		t.Errorf("6 of 9 are gone: lost %d, too many is %v", len(lost), tooMany)
	}
}

func TestALostThirdIsNotTooMany(t *testing.T) {
	three := roster.Roster{Members: []roster.Member{{ID: "a"}, {ID: "b"}, {ID: "c"}}}
	for gone, want := range map[int]bool{0: false, 1: false, 2: true, 3: true} {
		if _, tooMany := roster.LosesTooMany(three, roster.Roster{Members: three.Members[gone:]}); tooMany != want {
			t.Errorf("%d of 3 gone: too many is %v", gone, tooMany)
		}
	}
	if lost, tooMany := roster.LosesTooMany(roster.Roster{}, three); lost != nil || tooMany {
		t.Errorf("the first roster loses %v, %v", lost, tooMany)
	}
}

func TestSomebodyWhoGetsAnAccountIsNotLost(t *testing.T) {
	h := newHousehold(t)
	h.server.PutCard("family", "ani", vcard("UID:ani-1", "FN:お兄さん", "EMAIL:ani@example.net"))
	before := h.sync()
	h.rules.Talk = map[string]string{"ani-1": "ani"}
	after := h.roster()
	if lost, _ := roster.LosesTooMany(before, after); lost != nil {
		t.Errorf("lost %v", namesOf(lost))
	}
	if m, ok := after.ByTalk("ani"); !ok || m.ID != "talk:ani" {
		t.Errorf("brother is %+v", m)
	}
}

func TestOneBrokenCardCostsOneCard(t *testing.T) {
	h := newHousehold(t)
	h.server.PutCard("family", "obaachan", vcard("UID:obaachan-1", "FN:おばあちゃん", "EMAIL:oba@example.net"))
	h.sync()

	// A phone writes half a card over grandmother's, and a new one beside it.
	h.server.PutCard("family", "obaachan", "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:obaachan-1\r\nFN:お")
	h.server.PutCard("family", "new", "not a vCard")
	h.server.PutCard("family", "ojiisan", vcard("UID:ojiisan-1", "FN:おじいちゃん"))
	r := h.sync()
	h.wantNames("おじいちゃん", "おばあちゃん", "お母さん", "お父さん", "ネズミ")
	want := []roster.Warning{
		{Book: "家族 Family", Card: "new.vcf", Reason: "left out: it does not begin like a vCard"},
		{Book: "家族 Family", Card: "おばあちゃん", Reason: "its newest version can't be used, the one before stays: its end is missing"},
	}
	if diff := cmp.Diff(want, r.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}

	// The broken cards are not fetched again as long as they don't change.
	h.server.Requests()
	h.sync()
	for _, asked := range h.server.Requests() {
		if strings.HasPrefix(asked, "GET") || strings.Contains(asked, "multiget") {
			t.Errorf("asked again: %s", asked)
		}
	}

	// Somebody repairs them.
	h.server.PutCard("family", "obaachan", vcard("UID:obaachan-1", "FN:おばあさん", "EMAIL:oba@example.net"))
	h.server.DeleteCard("family", "new")
	if r := h.sync(); len(r.Warnings) > 0 {
		t.Errorf("warnings: %v", r.Warnings)
	}
	h.wantNames("おじいちゃん", "おばあさん", "お母さん", "お父さん", "ネズミ")
}

func TestMaintenanceChangesNothing(t *testing.T) {
	h := newHousehold(t)
	h.sync()
	before := h.state()

	h.server.SetMaintenance(true)
	h.server.RemoveAccount("otosan")
	h.server.Requests()
	err := h.trySync()
	if !errors.Is(err, roster.ErrMaintenance) || !errors.Is(err, roster.ErrUnavailable) {
		t.Fatalf("error is %v", err)
	}
	if !strings.Contains(roster.Advice(err), "maintenance:mode --off") {
		t.Errorf("advice: %s", roster.Advice(err))
	}
	if diff := cmp.Diff(before, h.state()); diff != "" {
		t.Errorf("the state changed:\n%s", diff)
	}
	if asked := h.server.Requests(); len(asked) != 1 {
		t.Errorf("a server in maintenance was asked %d times: %v", len(asked), asked)
	}

	h.server.SetMaintenance(false)
	h.sync()
	h.wantNames("お母さん", "ネズミ")
}

func TestNothingHappensCheaply(t *testing.T) {
	h := newHousehold(t)
	h.sync()
	h.server.Requests()
	h.now = h.now.Add(time.Hour)
	h.sync()
	want := []string{
		"REPORT sync-collection /remote.php/dav/addressbooks/users/anpi/z-server-generated--system/",
		"REPORT sync-collection /remote.php/dav/addressbooks/users/anpi/family/",
	}
	if diff := cmp.Diff(want, h.server.Requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// Nextcloud restored from a backup: its books are younger than our tokens, and
// it takes them without a word.
func TestATokenThatTheServerDoesNotKnow(t *testing.T) {
	h := newHousehold(t)
	for i := range 5 {
		h.server.PutCard("family", "old", vcard("UID:old", fmt.Sprint("FN:Old ", i)))
	}
	h.sync()
	h.wantNames("Old 4", "お母さん", "お父さん", "ネズミ")

	h.server.RemoveBook("family")
	h.server.AddBook("family", "家族 Family")
	h.server.PutCard("family", "young", vcard("UID:young", "FN:Young"))
	h.sync()
	h.wantNames("Young", "お母さん", "お父さん", "ネズミ")
}

// Nextcloud forgets deletions after a while; a complete list finds them.
func TestForgottenDeletions(t *testing.T) {
	for name, later := range map[string]time.Duration{"a day later": 24 * time.Hour, "the clock ran backwards": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			h := newHousehold(t)
			h.server.PutCard("family", "leaves", vcard("UID:leaves", "FN:Leaves"))
			h.sync()
			h.server.DeleteCard("family", "leaves")
			h.server.ForgetChanges("family")
			// This change makes the next answer look healthy.
			h.server.PutCard("family", "stays", vcard("UID:stays", "FN:Stays"))
			h.now = h.now.Add(time.Hour)
			h.sync()
			h.wantNames("Leaves", "Stays", "お母さん", "お父さん", "ネズミ")
			h.now = h.now.Add(later - time.Hour)
			h.server.Requests()
			h.sync()
			h.wantNames("Stays", "お母さん", "お父さん", "ネズミ")
			// The address books themselves are looked for again as well.
			if asked := h.server.Requests(); !slices.Contains(asked, "PROPFIND /.well-known/carddav") {
				t.Errorf("requests: %v", asked)
			}
		})
	}
}

func TestARevokedPasswordIsTriedOnce(t *testing.T) {
	h := newHousehold(t)
	h.sync()
	h.server.SetPassword("another")
	for _, fresh := range []bool{false, true} {
		if fresh {
			h.restart()
		}
		h.server.Requests()
		err := h.trySync()
		if !errors.Is(err, roster.ErrUnauthorized) || !strings.Contains(roster.Advice(err), "app password") {
			t.Fatalf("error is %v, advice %q", err, roster.Advice(err))
		}
		authenticated := 0
		for _, asked := range h.server.Requests() {
			// The redirect comes from the web server, before any password.
			if !strings.Contains(asked, ".well-known") {
				authenticated++
			}
		}
		if authenticated != 1 {
			t.Errorf("after a restart %v: %d requests with a wrong password, want 1", fresh, authenticated)
		}
	}
}

func TestABookThatIsNotThere(t *testing.T) {
	h := newHousehold(t)
	src, err := roster.NewSource(roster.Options{
		URL: h.server.URL(), User: "anpi", Password: "secret", Transport: h.server.Transport(), Books: []string{"Nakama"},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = src.Sync(t.Context(), roster.State{}, h.now)
	want := `no such address book: "Nakama"; there are: "Contacts", "Accounts", "家族 Family"`
	if !errors.Is(err, roster.ErrNoBook) || err.Error() != want {
		t.Errorf("error is %v", err)
	}
	// It is found as soon as somebody shares it, whatever the width of its name,
	// behind which Nextcloud writes who that is.
	h.server.AddBook("nakama_shared_by_otosan", "ＮＡＫＡＭＡ (お父さん (家))")
	if _, err := src.Sync(t.Context(), roster.State{}, h.now); err != nil {
		t.Errorf("after sharing: %v", err)
	}
	// A book of the account's own keeps its brackets, and goes before one that is shared.
	h.server.AddBook("nakama", "Nakama (old)")
	h.server.AddBook("own", "Nakama")
	h.server.PutCard("own", "a", vcard("UID:a", "FN:A"))
	src, err = roster.NewSource(roster.Options{
		URL: h.server.URL(), User: "anpi", Password: "secret", Transport: h.server.Transport(), Books: []string{"Nakama"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if state, err := src.Sync(t.Context(), roster.State{}, h.now); err != nil || len(state.Books) != 1 || state.Books[0].Path != "/remote.php/dav/addressbooks/users/anpi/own/" {
		t.Errorf("with two: %+v, %v", state.Books, err)
	}
}

// The book is made anew under the same name, at another path.
func TestABookThatMoves(t *testing.T) {
	h := newHousehold(t)
	h.restartWith("家族 family")
	h.server.PutCard("family", "a", vcard("UID:a", "FN:A"))
	h.sync()
	h.server.RemoveBook("family")
	h.server.AddBook("family-1", "家族 Family")
	h.server.PutCard("family-1", "b", vcard("UID:b", "FN:B"))
	if err := h.trySync(); !errors.Is(err, roster.ErrNotFound) {
		t.Fatalf("error is %v", err)
	}
	h.wantNames("A")
	h.sync()
	h.wantNames("B")
}

func TestAddressBooks(t *testing.T) {
	h := newHousehold(t)
	books, err := h.source.AddressBooks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(books)
	if err != nil {
		t.Fatal(err)
	}
	home := "/remote.php/dav/addressbooks/users/anpi/"
	want := `[{"Name":"Contacts","Path":"` + home + `contacts/","System":false,"ReadOnly":false},` +
		`{"Name":"Accounts","Path":"` + home + `z-server-generated--system/","System":true,"ReadOnly":true},` +
		`{"Name":"家族 Family","Path":"` + home + `family/","System":false,"ReadOnly":false}]`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("books (-want +got):\n%s", diff)
	}
}

func TestThePasswordIsNeverPrinted(t *testing.T) {
	o := roster.Options{URL: "http://nextcloud.test", User: "anpi", Password: "hunter2hunter2", Transport: http.DefaultTransport}
	src, err := roster.NewSource(o)
	if err != nil {
		t.Fatal(err)
	}
	o.Transport = nil
	asJSON, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	_, badURL := roster.NewSource(roster.Options{URL: "https://anpi:hunter2hunter2@cloud.example", User: "anpi"})
	_, badPort := roster.NewSource(roster.Options{URL: "https://anpi:hunter2hunter2@cloud.example:port", User: "anpi"})
	if badURL == nil || badPort == nil {
		t.Fatal("a password in the URL was accepted")
	}
	for _, text := range []string{
		fmt.Sprint(o), fmt.Sprintf("%+v", o), fmt.Sprintf("%#v", o), fmt.Sprintf("%q %x %d", o.Password, o.Password, o.Password),
		fmt.Sprintf("%+v", src), fmt.Sprintf("%#v", src), string(asJSON), badURL.Error(), badPort.Error(),
	} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("printed: %s", text)
		}
	}
}
