package talkapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
)

// Version is a Nextcloud version.
type Version struct{ Major, Minor, Micro int }

// String gives the usual form, 32.0.1.
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Micro) }

// Capabilities is what server and account can do.
type Capabilities struct {
	Version   Version  // of Nextcloud
	Talk      string   // version of Talk, such as 22.0.1
	Features  []string // see Has
	MaxLength int      // characters in a message
	CanCreate bool     // we may create rooms
}

// Has tells whether Talk has a feature, such as "edit-messages".
func (c Capabilities) Has(feature string) bool { return slices.Contains(c.Features, feature) }

// Capabilities asks what the server can do for this account. Without Talk it
// fails with ErrTalkMissing and still tells the Nextcloud version.
func (c *Client) Capabilities(ctx context.Context) (Capabilities, error) {
	const op = "read capabilities"
	a, err := c.do(ctx, request{op: op, method: http.MethodGet, path: "/ocs/v2.php/cloud/capabilities"})
	if err != nil {
		return Capabilities{}, err
	}
	type talkConfig struct {
		Chat          dict[text] `json:"chat"`
		Conversations dict[text] `json:"conversations"`
	}
	type spreed struct {
		Features list[text]          `json:"features"`
		Config   section[talkConfig] `json:"config"`
		Version  text                `json:"version"`
	}
	var w struct {
		Version struct {
			Major integer `json:"major"`
			Minor integer `json:"minor"`
			Micro integer `json:"micro"`
		} `json:"version"`
		Capabilities section[struct {
			Spreed section[spreed] `json:"spreed"`
		}] `json:"capabilities"`
	}
	if err := a.decode(op, &w); err != nil {
		return Capabilities{}, err
	}
	caps := Capabilities{Version: Version{int(w.Version.Major), int(w.Version.Minor), int(w.Version.Micro)}}
	talk := w.Capabilities.is.Spreed.is
	if len(talk.Features) == 0 {
		return caps, &Error{Op: op, Status: a.status, Err: ErrTalkMissing}
	}
	caps.Talk = string(talk.Version)
	for _, f := range talk.Features {
		caps.Features = append(caps.Features, string(f))
	}
	caps.MaxLength = 1000 // what Talk allowed before it told
	if n := atoi(talk.Config.is.Chat["max-length"]); n > 0 {
		caps.MaxLength = n
	}
	caps.CanCreate = talk.Config.is.Conversations["can-create"] != "false"
	return caps, nil
}

// User is an account.
type User struct {
	ID          string // the actor id in Talk; not always the login name
	DisplayName string
	Email       string
	Language    string // such as ja or de_DE; may be empty
}

// CurrentUser tells as whom we are logged in.
func (c *Client) CurrentUser(ctx context.Context) (User, error) {
	const op = "read own account"
	a, err := c.do(ctx, request{op: op, method: http.MethodGet, path: "/ocs/v2.php/cloud/user"})
	if err != nil {
		return User{}, err
	}
	var w struct {
		ID          text `json:"id"`
		DisplayName text `json:"displayname"`
		Email       text `json:"email"`
		Language    text `json:"language"`
	}
	if err := a.decode(op, &w); err != nil {
		return User{}, err
	}
	if w.ID == "" {
		return User{}, a.nonsense(op, "answer names no account")
	}
	return User{ID: string(w.ID), DisplayName: string(w.DisplayName), Email: string(w.Email), Language: string(w.Language)}, nil
}
