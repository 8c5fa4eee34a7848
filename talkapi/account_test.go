package talkapi_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/anpi-bot/anpi/talkapi"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// TestAnAccountIsMade follows a new account from its making to its first app
// password, and meets every refusal on the way.
func TestAnAccountIsMade(t *testing.T) {
	srv := talktest.NewServer(talktest.Options{})
	admin := srv.AddUser("admin", "Admin", talktest.UserOptions{Admin: true})
	dad := srv.AddUser("dad", "Dad", talktest.UserOptions{})
	as := func(user, password string) *talkapi.Client {
		return client(t, talkapi.Options{URL: srv.URL(), User: user, Password: talkapi.Secret(password), Transport: srv.Transport()})
	}
	c := as("admin", admin.AppPassword())
	grandma := talkapi.NewAccount{ID: "grandma", Name: "おばあちゃん", Password: canaryPassword, Email: "g@example.net", Language: "ja", Groups: []string{"family"}}

	_, err := c.Account(t.Context(), "grandma")
	check(t, err, talkapi.ErrNotFound, false)
	check(t, c.CreateAccount(t.Context(), grandma), talkapi.ErrNoGroup, false)
	if err := c.CreateAccountGroup(t.Context(), "family"); err != nil {
		t.Fatal(err)
	}
	check(t, c.CreateAccountGroup(t.Context(), "family"), talkapi.ErrExists, false)
	weak := grandma
	weak.Password = "short"
	err = c.CreateAccount(t.Context(), weak)
	check(t, err, talkapi.ErrInvalid, false)
	if e := new(talkapi.Error); errors.As(err, &e) && e.Message == "" {
		t.Error("a weak password is refused without the server's reason")
	}
	check(t, as("dad", dad.AppPassword()).CreateAccount(t.Context(), grandma), talkapi.ErrForbidden, false)
	if err := c.CreateAccount(t.Context(), grandma); err != nil {
		t.Fatal(err)
	}
	check(t, c.CreateAccount(t.Context(), grandma), talkapi.ErrExists, false)

	got, err := c.Account(t.Context(), "grandma")
	if err != nil {
		t.Fatal(err)
	}
	want := talkapi.Account{User: talkapi.User{ID: "grandma", DisplayName: "おばあちゃん", Email: "g@example.net", Language: "ja"}, Groups: []string{"family"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the account (-want +got):\n%s", diff)
	}

	for field, value := range map[talkapi.AccountField]talkapi.Secret{
		talkapi.AccountName: "Grandma", talkapi.AccountEmail: "", talkapi.AccountLanguage: "en", talkapi.AccountPassword: "another-password",
	} {
		if err := c.SetAccount(t.Context(), "grandma", field, value); err != nil {
			t.Error(err)
		}
	}
	check(t, c.SetAccount(t.Context(), "grandma", talkapi.AccountLanguage, "xx"), talkapi.ErrInvalid, false)
	check(t, c.AddToGroup(t.Context(), "grandma", "choir"), talkapi.ErrNoGroup, false)
	if err := c.AddToGroup(t.Context(), "grandma", "admin"); err != nil {
		t.Fatal(err)
	}
	check(t, func() error { _, err := as("grandma", canaryPassword).AppPassword(t.Context()); return err }(), talkapi.ErrUnauthorized, false)
	app, err := as("grandma", "another-password").AppPassword(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := as("grandma", app.Reveal()).CurrentUser(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err = c.Account(t.Context(), "grandma")
	if err != nil || !got.Used || got.DisplayName != "Grandma" || got.Email != "" || got.Language != "en" || len(got.Groups) != 2 {
		t.Errorf("the account afterwards is %+v (%v)", got, err)
	}
}
