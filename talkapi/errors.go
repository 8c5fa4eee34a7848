package talkapi

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// What went wrong, for errors.Is. The comment says what a server did.
var (
	ErrUnauthorized = errors.New("wrong or revoked app password")                 // 401, or held back locally after one
	ErrForbidden    = errors.New("not allowed")                                   // 403: read-only room, missing permission, banned
	ErrNotFound     = errors.New("not found")                                     // 404: room, message or person gone, or we were removed
	ErrUnsupported  = errors.New("not supported by this server")                  // 404 with OCS code 998, 406, 501; app missing
	ErrLobby        = errors.New("the lobby is closed to us")                     // 412 with an OCS envelope
	ErrNoOCSHeader  = errors.New("the OCS-APIRequest header did not arrive")      // 412 without envelope: a proxy strips it
	ErrThrottled    = errors.New("too many requests")                             // 429
	ErrMaintenance  = errors.New("server is in maintenance mode")                 // 503 with X-Nextcloud-Maintenance-Mode
	ErrUnavailable  = errors.New("server error")                                  // any other 5xx
	ErrUnreachable  = errors.New("no answer from the server")                     // no connection, or it broke or timed out before a whole answer
	ErrTooLong      = errors.New("text is too long")                              // 413
	ErrTooOld       = errors.New("message is too old to be changed")              // 400 with reason "age": 24 hours after sending
	ErrInvalid      = errors.New("request refused as invalid")                    // any other 4xx
	ErrNotReactable = fmt.Errorf("%w: no place for a reaction", ErrInvalid)       // 400 to a reaction: deleted, a system message, or no emoji; is ErrInvalid too
	ErrExists       = fmt.Errorf("%w: it exists already", ErrInvalid)             // 400 with OCS code 102: an account or group is to be made twice; is ErrInvalid too
	ErrNoGroup      = fmt.Errorf("%w: there is no such group", ErrInvalid)        // 400 with OCS code 102 or 104 where a group of accounts is named; is ErrInvalid too
	ErrTalkMissing  = errors.New("no Talk here, or not for this user")            // no spreed in the capabilities
	ErrNotNextcloud = errors.New("the answer does not come from Nextcloud's API") // no envelope, HTML, redirect, broken or oversized answer
	ErrLoginExpired = errors.New("the login was not confirmed in time")           // Login Flow v2, after 20 minutes
	ErrBadWebhook   = errors.New("webhook is not genuine")                        // signature missing, malformed or wrong
)

// Error is a failed call. It matches its sentinel and the transport's or
// context's error with errors.Is.
type Error struct {
	Op         string        // what was attempted, such as "send message"
	Status     int           // HTTP status; 0 when there was no answer
	Code       int           // OCS status code; 0 without an envelope
	Reason     string        // Talk's machine-readable reason, such as "reply-to"; often empty
	Message    string        // the server's text for people, or a hint of this package; often empty
	RetryAfter time.Duration // how long the server asks to wait; 0 when it does not say
	Unsure     bool          // the request may have been carried out, see MayHaveHappened
	Err        error         // one of the Err… values; nil when the caller's context ended

	cause error // transport or context error, already free of secrets
}

// Error names the attempt, the kind of failure and what the server said.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, " (HTTP %d", e.Status)
		if e.Code != 0 && e.Code != e.Status {
			fmt.Fprintf(&b, ", OCS %d", e.Code)
		}
		if e.Reason != "" {
			b.WriteString(", " + e.Reason)
		}
		b.WriteString(")")
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.cause != nil {
		b.WriteString(": " + e.cause.Error())
	}
	return b.String()
}

// Unwrap gives the sentinel and what the transport or the context reported.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	if e.cause != nil {
		errs = append(errs, e.cause)
	}
	return errs
}

// MayHaveHappened tells whether the request behind err may have been carried
// out although no good answer came.
//
// It is true when the request was written and the answer timed out, was cut
// off, was a 5xx other than maintenance, or was a success that makes no
// sense. It is false when the server said no (4xx, redirect, maintenance),
// when it was never reached (refused, DNS, TLS, dial time-out), when the
// call was held back locally, and for errors that are not of this package.
// When it cannot be known the answer is true.
func MayHaveHappened(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Unsure
}

// scrubbed is an error whose text had secrets replaced. Unwrap keeps the
// original for errors.Is and errors.As.
type scrubbed struct {
	text string
	err  error
}

func (s *scrubbed) Error() string { return s.text }
func (s *scrubbed) Unwrap() error { return s.err }
