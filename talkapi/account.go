package talkapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
)

// NewAccount is an account to be made.
type NewAccount struct {
	ID       string // cannot be changed later; letters, digits, blanks and _ . @ - '
	Name     string // to be shown; empty means the ID
	Password Secret // must please the server's password policy
	Email    string // may be empty; else Nextcloud may send a welcome there
	Language string // such as ja; empty means the server's own
	Groups   []string
}

// CreateAccount makes an account on the server, which takes an administrator.
// An ID that is taken is ErrExists, a group that is not there ErrNoGroup; a
// password that the server thinks too weak is ErrInvalid, with its reasons in
// Error.Message; without the rights it is ErrForbidden.
func (c *Client) CreateAccount(ctx context.Context, a NewAccount) error {
	body := map[string]any{"userid": a.ID, "password": a.Password.Reveal(), "displayName": a.Name, "email": a.Email, "language": a.Language}
	if len(a.Groups) > 0 {
		body["groups"] = a.Groups
	}
	_, err := c.do(ctx, request{op: "create account", method: http.MethodPost, path: accountsAPI, body: body, secrets: []string{a.Password.Reveal()}})
	return kind(err, map[int]error{102: ErrExists, 104: ErrNoGroup})
}

// Account is a user as an administrator sees it.
type Account struct {
	User
	Groups []string
	// Used tells whether somebody has ever logged in.
	Used bool
}

// Account reads an account, which takes an administrator. An unknown one, or one
// that we may not see, is ErrNotFound.
func (c *Client) Account(ctx context.Context, id string) (Account, error) {
	const op = "read account"
	a, err := c.do(ctx, request{op: op, method: http.MethodGet, path: accountPath(id)})
	if err != nil {
		// Here the code that otherwise means an unknown route means an unknown
		// account.
		e := new(Error)
		if errors.Is(err, ErrUnsupported) && errors.As(err, &e) && e.Code == 998 {
			gone := *e
			gone.Err = ErrNotFound
			err = &gone
		}
		return Account{}, err
	}
	var w struct {
		ID          text       `json:"id"`
		DisplayName text       `json:"displayname"`
		Email       text       `json:"email"`
		Language    text       `json:"language"`
		Groups      list[text] `json:"groups"`
		LastLogin   integer    `json:"lastLogin"`
	}
	if err := a.decode(op, &w); err != nil {
		return Account{}, err
	}
	if w.ID == "" {
		return Account{}, a.nonsense(op, "answer names no account")
	}
	account := Account{Used: w.LastLogin > 0}
	account.User = User{ID: string(w.ID), DisplayName: string(w.DisplayName), Email: string(w.Email), Language: string(w.Language)}
	for _, g := range w.Groups {
		account.Groups = append(account.Groups, string(g))
	}
	return account, nil
}

// AccountField is a property of an account that SetAccount changes.
type AccountField string

// The fields, as the provisioning API calls them.
const (
	AccountName     AccountField = "displayname"
	AccountEmail    AccountField = "email"
	AccountLanguage AccountField = "language"
	AccountPassword AccountField = "password"
)

// SetAccount changes one field of an account, which takes an administrator. The
// server takes 50 changes in ten minutes.
func (c *Client) SetAccount(ctx context.Context, id string, field AccountField, value Secret) error {
	rq := request{op: "change " + string(field) + " of account", method: http.MethodPut, path: accountPath(id),
		body: map[string]string{"key": string(field), "value": value.Reveal()}}
	if field == AccountPassword {
		rq.secrets = []string{value.Reveal()}
	}
	_, err := c.do(ctx, rq)
	return err
}

// AddToGroup puts an account into a group of accounts, which takes an
// administrator. One that is in it already is no error; a group that is not
// there is ErrNoGroup.
func (c *Client) AddToGroup(ctx context.Context, id, group string) error {
	_, err := c.do(ctx, request{op: "add account to group", method: http.MethodPost, path: accountPath(id) + "/groups",
		body: map[string]string{"groupid": group}})
	return kind(err, map[int]error{102: ErrNoGroup})
}

// CreateAccountGroup makes a group of accounts, which takes an administrator. One
// that is there already is ErrExists.
func (c *Client) CreateAccountGroup(ctx context.Context, group string) error {
	_, err := c.do(ctx, request{op: "create group of accounts", method: http.MethodPost, path: "/ocs/v2.php/cloud/groups",
		body: map[string]string{"groupid": group}})
	return kind(err, map[int]error{102: ErrExists})
}

// kind names a refusal by its OCS code, which means something else in each call.
func kind(err error, kinds map[int]error) error {
	e := new(Error)
	if !errors.As(err, &e) || !errors.Is(e.Err, ErrInvalid) || kinds[e.Code] == nil {
		return err
	}
	named := *e
	named.Err = kinds[e.Code]
	return &named
}

const accountsAPI = "/ocs/v2.php/cloud/users"

func accountPath(id string) string { return accountsAPI + "/" + url.PathEscape(id) }
