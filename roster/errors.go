package roster

import (
	"errors"
	"fmt"
	"net/http"
)

// What a [Source] meets, for errors.Is. [Advice] has the sentence for a person.
var (
	// ErrUnauthorized is a 401. Do not try again soon: Nextcloud slows down
	// everybody behind the same address after a few of these.
	ErrUnauthorized = errors.New("user name or password refused")
	// ErrForbidden is a 403: the account may not read this.
	ErrForbidden = errors.New("access forbidden")
	// ErrNotFound is a 404 where something should be.
	ErrNotFound = errors.New("not found")
	// ErrThrottled is a 429.
	ErrThrottled = errors.New("too many requests")
	// ErrMaintenance is a 503 while Nextcloud is in maintenance mode. It is
	// ErrUnavailable too.
	ErrMaintenance = fmt.Errorf("in maintenance mode: %w", ErrUnavailable)
	// ErrUnavailable is a server that can't be reached, or that answers 502,
	// 503 or 504.
	ErrUnavailable = errors.New("server unavailable")
	// ErrRedirect is a redirect to another origin. The password stays here.
	ErrRedirect = errors.New("redirected to another server")
	// ErrNoBook is a configured address book that is not there or not
	// unambiguous; the text of the error names the books there are.
	ErrNoBook = errors.New("no such address book")
	// ErrTooLarge is an answer over 16 MiB or a book over 5,000 cards.
	ErrTooLarge = errors.New("too large")

	// errServer is any other status that is not a success.
	errServer = errors.New("unexpected answer")
	// errWebPage is HTML where address data should be: a login form, a
	// captive portal, the wrong URL.
	errWebPage = errors.New("the server answered with a web page")
)

// Advice says in one or two English sentences what a person can do about an
// error of [Source.Sync] or [Source.AddressBooks]; "" for nil.
func Advice(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, ErrUnauthorized):
		return "The server does not accept the user name or the app password. Make a new app password in Nextcloud under Settings, Security, and put it in the configuration."
	case errors.Is(err, ErrForbidden):
		return "This account may not read the address book. Share the book with it, or name another book."
	case errors.Is(err, ErrThrottled):
		return "The server asks for fewer requests. Nothing needs doing unless this goes on for an hour."
	case errors.Is(err, ErrMaintenance):
		return "Nextcloud is in maintenance mode. The roster known before stays in use; switch maintenance mode off when the work is done (occ maintenance:mode --off)."
	case errors.Is(err, ErrUnavailable):
		return "The server can't be reached. The roster known before stays in use; check the server, its network and its address in the configuration."
	case errors.Is(err, ErrRedirect):
		return "The server sends us to another address. If that address is yours, put it in the configuration as the URL."
	case errors.Is(err, ErrNoBook):
		return "Name one of the address books that are there, or leave the list empty for Nextcloud's accounts."
	case errors.Is(err, ErrTooLarge):
		return "The address book is too large. Make a smaller book of the people who should be asked, and name it in the configuration."
	case errors.Is(err, ErrNotFound), errors.Is(err, errWebPage):
		return "No address books were found at this URL. Check the URL in the configuration: it is the one that opens Nextcloud in a browser."
	}
	return "The address book could not be read. The roster known before stays in use; look into the log of the server."
}

// A statusError is an answer that is not a success. go-webdav keeps the status
// in a type of its own internal package, so it is caught before go-webdav.
type statusError struct {
	Status int
	kind   error
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%v (%d)", e.kind, e.Status)
}

func (e *statusError) Unwrap() error { return e.kind }

func newStatusError(resp *http.Response) *statusError {
	e := &statusError{Status: resp.StatusCode, kind: errServer}
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		e.kind = ErrUnauthorized
	case http.StatusForbidden:
		e.kind = ErrForbidden
	case http.StatusNotFound, http.StatusGone:
		e.kind = ErrNotFound
	case http.StatusTooManyRequests:
		e.kind = ErrThrottled
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		e.kind = ErrUnavailable
		if resp.Header.Get("X-Nextcloud-Maintenance-Mode") == "1" {
			e.kind = ErrMaintenance
		}
	}
	return e
}

// hopeless says that a second request right now would fail as well, or would
// do harm: a sync stops at once.
func hopeless(err error) bool {
	return errors.Is(err, ErrUnauthorized) || errors.Is(err, ErrThrottled) ||
		errors.Is(err, ErrUnavailable) || errors.Is(err, ErrRedirect)
}
