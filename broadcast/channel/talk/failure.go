package talk

import (
	"errors"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/talkapi"
)

// A failure before the message was sent leaves no doubt, whatever happened.
const (
	beforeSending = false
	whileSending  = true
)

// failure tells what may be done after an error: the reason is a key of the
// catalogues.
func failure(err error, sending bool) *broadcast.Failure {
	f := &broadcast.Failure{Err: err, Reason: Reason(err)}
	detail := new(talkapi.Error)
	errors.As(err, &detail)
	f.After = detail.RetryAfter
	noRoom := new(NoRoom)
	switch {
	case errors.As(err, &noRoom):
		// Each member can still be asked alone.
		f.Permanent = true
	case errors.Is(err, talkapi.ErrUnauthorized):
		f.Down, f.After = true, 15*time.Minute
	case errors.Is(err, talkapi.ErrForbidden), errors.Is(err, talkapi.ErrLobby), errors.Is(err, talkapi.ErrNotFound),
		errors.Is(err, talkapi.ErrTooLong), errors.Is(err, talkapi.ErrInvalid):
		f.Permanent = true
	case sending && (talkapi.MayHaveHappened(err) || errors.As(err, new(*unfinished))):
		f.Doubt, f.Down, f.Arrived = true, true, errors.As(err, new(*unfinished))
	case errors.Is(err, talkapi.ErrMaintenance):
		f.Down, f.After = true, max(f.After, 30*time.Second)
	case errors.Is(err, talkapi.ErrThrottled):
		f.Down, f.After = true, max(f.After, time.Minute)
	default:
		f.Down = true
	}
	return f
}

// Reason is the key of the sentence that tells an organiser what is wrong.
func Reason(err error) string {
	noRoom := new(NoRoom)
	switch {
	case errors.As(err, &noRoom):
		return "talk-no-room"
	case errors.Is(err, talkapi.ErrUnauthorized):
		return "talk-unauthorized"
	case errors.Is(err, talkapi.ErrForbidden), errors.Is(err, talkapi.ErrLobby):
		return "talk-forbidden"
	case errors.Is(err, talkapi.ErrNotFound):
		return "talk-gone"
	case errors.Is(err, talkapi.ErrMaintenance):
		return "talk-maintenance"
	case errors.Is(err, talkapi.ErrThrottled):
		return "talk-throttled"
	case errors.Is(err, talkapi.ErrTooLong), errors.Is(err, talkapi.ErrInvalid):
		return "talk-refused"
	case errors.Is(err, talkapi.ErrUnreachable), errors.Is(err, talkapi.ErrUnavailable):
		return "talk-unreachable"
	default:
		return "talk-unclear"
	}
}

// passing reports whether the same call may work a little later.
func passing(err error) bool {
	return !failure(err, beforeSending).Permanent && !errors.Is(err, talkapi.ErrUnauthorized) && !errors.Is(err, talkapi.ErrUnsupported)
}
