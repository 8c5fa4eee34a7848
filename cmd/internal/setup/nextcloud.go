package setup

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/anpi-bot/anpi/broadcast/channel/talk"
	"github.com/anpi-bot/anpi/broadcast/locale"
	"github.com/anpi-bot/anpi/cmd/internal/ask"
	"github.com/anpi-bot/anpi/cmd/internal/qrcode"
	"github.com/anpi-bot/anpi/talkapi"
)

// askNextcloud asks for the address until something there lets us in.
func (s *session) askNextcloud(ctx context.Context) error {
	for {
		address, err := s.Text(ctx, ask.Question{Name: "url", Key: "setup.ask_url", Default: s.was["nextcloud.url"], Check: tidyAddress})
		if err != nil {
			return err
		}
		s.url = address
		err = s.logIn(ctx)
		again := errors.Is(err, talkapi.ErrUnreachable) || errors.Is(err, talkapi.ErrNotNextcloud) || errors.Is(err, talkapi.ErrUnavailable)
		if !again || !s.Again("url") {
			if err == nil {
				s.set("nextcloud.url", s.url)
				s.set("nextcloud.user", s.user)
			}
			return s.problem(err)
		}
		s.tell(err)
	}
}

// tidyAddress makes the address of a Nextcloud from what people copy out of
// their browser.
func tidyAddress(text string) (string, error) {
	wrong := &locale.Problem{Key: "config.want_url"}
	text = strings.TrimSpace(text)
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
		return "", wrong
	}
	u.RawQuery, u.Fragment, u.RawPath = "", "", ""
	for _, page := range []string{"/index.php", "/apps/", "/login", "/settings", "/call/", "/remote.php"} {
		if i := strings.Index(u.Path, page); i >= 0 {
			u.Path = u.Path[:i]
		}
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u.String(), nil
}

// logIn uses the account that was given or is there already, else gets one
// through the browser.
func (s *session) logIn(ctx context.Context) error {
	_, user := s.Given["user"]
	if _, password := s.Given["password-file"]; user || password {
		return s.logInAs(ctx)
	}
	if s.was["nextcloud.url"] == s.url && s.was["nextcloud.user"] != "" && s.was["nextcloud.password_file"] != "" {
		kept, err := s.keepAccount(ctx)
		if kept || err != nil {
			return err
		}
	}
	for {
		if err := s.logInByBrowser(ctx); err != nil {
			return err
		}
		if s.me.ID == "" {
			return nil
		}
		s.Say("setup.logged_in", locale.Data{"User": s.me.ID, "Name": locale.OneLine(s.me.DisplayName, 100)})
		right, err := s.Yes(ctx, ask.Question{Name: "login", Key: "setup.right_account", Data: locale.Data{"User": s.me.ID}}, true)
		if err != nil || right {
			return err
		}
		if err := s.client.RevokeAppPassword(ctx); err != nil {
			return err
		}
		s.fresh = false
		s.Say("setup.other_account")
	}
}

// logInAs uses a user and an app password that were given.
func (s *session) logInAs(ctx context.Context) error {
	user, err := s.Text(ctx, ask.Question{Name: "user", Key: "setup.ask_user", Default: s.was["nextcloud.user"]})
	if err != nil {
		return err
	}
	password, err := s.Text(ctx, ask.Question{Name: "password", Key: "setup.ask_password", Secret: true})
	if err != nil {
		return err
	}
	if err := s.use(ctx, user, talkapi.Secret(password)); err != nil {
		return err
	}
	s.keepPassword()
	return nil
}

// keepAccount offers the account of the configuration; false when another one is
// wanted, or when it does not work any more.
func (s *session) keepAccount(ctx context.Context) (bool, error) {
	text, err := os.ReadFile(s.beside(s.was["nextcloud.password_file"]))
	if err != nil {
		s.Say("setup.old_password", locale.Data{"User": s.was["nextcloud.user"]})
		return false, nil
	}
	err = s.use(ctx, s.was["nextcloud.user"], talkapi.Secret(strings.TrimSpace(string(text))))
	if errors.Is(err, talkapi.ErrUnauthorized) {
		s.Say("setup.old_password", locale.Data{"User": s.was["nextcloud.user"]})
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.Say("setup.logged_in", locale.Data{"User": s.me.ID, "Name": locale.OneLine(s.me.DisplayName, 100)})
	return s.Yes(ctx, ask.Question{Name: "login", Key: "setup.ask_login", Data: locale.Data{"User": s.me.ID}}, true)
}

// pollEvery is how often a login is asked for that waits to be confirmed.
const pollEvery = 2 * time.Second

// logInByBrowser shows an address, and waits until somebody has confirmed there.
func (s *session) logInByBrowser(ctx context.Context) error {
	login, err := talkapi.StartLogin(ctx, talkapi.Options{URL: s.url, Transport: s.Transport, UserAgent: device()})
	if err != nil {
		return err
	}
	s.Say("setup.open")
	fmt.Fprintf(s.Out, "\n  %s\n\n", login.URL)
	if code, err := qrcode.New(login.URL); err == nil && s.Shows(code.Width()) {
		fmt.Fprintln(s.Out, code.Terminal(true))
	}
	s.Say("setup.waiting")
	for {
		cred, ok, err := login.Poll(ctx)
		switch {
		case ok:
			s.fresh = true
			return s.use(ctx, cred.User, cred.AppPassword)
		case errors.Is(err, talkapi.ErrLoginExpired), ctx.Err() != nil:
			return err
		}
		// Whatever else is wrong may pass while the person looks for their phone.
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

// device is what Nextcloud calls this program in the list of an account's
// devices, beside phones and browsers.
func device() string {
	name, err := os.Hostname()
	if err != nil || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "Anpi"
	}
	return "Anpi (" + name + ")"
}

// use logs in, and learns who we are.
func (s *session) use(ctx context.Context, user string, password talkapi.Secret) error {
	client, err := talkapi.New(talkapi.Options{URL: s.url, User: user, Password: password, Transport: s.Transport, BodyLimit: 16 << 20})
	if err != nil {
		return err
	}
	s.client, s.user, s.password = client, user, password
	s.me, err = client.CurrentUser(ctx)
	if err == nil && s.fresh {
		s.keepPassword()
	}
	return err
}

// keepPassword plans to write the password into a file of its own.
func (s *session) keepPassword() {
	s.secret("nextcloud.password_file", "nextcloud-password", s.password)
}

// wanted are features of Talk, and what is missing without them.
var wanted = []string{"chat-reference-id", "reactions", "edit-messages"}

// checkTalk looks at what the server can do.
func (s *session) checkTalk(ctx context.Context) error {
	caps, err := s.client.Capabilities(ctx)
	if err != nil {
		return s.problem(err)
	}
	s.Say("setup.versions", locale.Data{"Nextcloud": caps.Version.String(), "Talk": caps.Talk})
	var missing []string
	for _, f := range wanted {
		if !caps.Has(f) {
			missing = append(missing, f)
		}
	}
	if slices.Contains(missing, "chat-reference-id") {
		return &locale.Problem{Key: "setup.talk_old", Data: locale.Data{"Talk": caps.Talk}}
	}
	if slices.Contains(missing, "reactions") {
		s.Say("setup.no_reactions")
	}
	if slices.Contains(missing, "edit-messages") {
		s.Say("setup.no_edits")
	}
	return nil
}

// problem words what is wrong with Nextcloud.
func (s *session) problem(err error) error {
	wrong := new(talkapi.Error)
	if !errors.As(err, &wrong) {
		return err
	}
	switch {
	case errors.Is(err, talkapi.ErrUnauthorized):
		return &locale.Problem{Key: "start.unauthorized", Data: locale.Data{"User": s.user}, Err: err}
	case errors.Is(err, talkapi.ErrTalkMissing):
		return &locale.Problem{Key: "start.talk_missing", Data: locale.Data{"User": s.user}, Err: err}
	case errors.Is(err, talkapi.ErrNotNextcloud), errors.Is(err, talkapi.ErrNotFound):
		return &locale.Problem{Key: "setup.not_nextcloud", Data: locale.Data{"URL": s.url}, Err: err}
	case errors.Is(err, talkapi.ErrUnreachable), errors.Is(err, talkapi.ErrUnavailable):
		return &locale.Problem{Key: "setup.unreachable", Data: locale.Data{"URL": s.url}, Err: err}
	case errors.Is(err, talkapi.ErrLoginExpired):
		return &locale.Problem{Key: "setup.login_expired", Err: err}
	case wrong.Err == nil:
		return ask.ErrStopped
	default:
		return &locale.Problem{Key: "reason." + talk.Reason(err), Err: err}
	}
}

// tell prints what is wrong.
func (s *session) tell(err error) { fmt.Fprintln(s.Out, s.Texts.Error(s.problem(err))) }
