package email

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
)

// refusal is why a relay did not take a mail.
type refusal struct {
	*broadcast.Failure
	// final: no other relay may have the mail, because this one may have taken
	// it, or because it is the recipient that is wrong.
	final bool
	// ill: it is the relay that fails, whoever the mail is for.
	ill bool
	// barred: the relay must not be called again soon.
	barred bool
	// healthy: the connection can take another mail.
	healthy bool
}

// errASCIIOnly is said in the place of a server that would say no more than
// that it does not know the parameter.
var errASCIIOnly = &textproto.Error{Code: 553, Msg: "the server takes addresses in ASCII only"}

// judge tells what may be done after an error at the stage.
func (r *relay) judge(at stage, err error) *refusal {
	f := &refusal{Failure: &broadcast.Failure{Err: fmt.Errorf("%s %s: %w", at, r.server(), err)}}
	var reply *textproto.Error
	said := ""
	if errors.As(err, &reply) {
		said = ": " + locale.OneLine(fmt.Sprintf("%d %s", reply.Code, reply.Msg), 200)
	}
	const untilSomebodyLooks = longestRest
	switch {
	case at == resuming:
		// The mail had no part in it yet.
		f.Reason, f.Down = "mail-unreachable", true
	case at == securing && !late(err):
		f.Reason, f.Down = "mail-tls: "+locale.OneLine(err.Error(), 200), true
	case reply != nil && reply.Code == 421:
		// The server is closing down or has too many connections.
		f.Reason = "mail-later" + said
	case reply != nil && reply.Code/100 == 4:
		// It may want to see us come back, but not at once.
		f.Reason, f.After = "mail-later"+said, time.Minute
	case reply != nil && (at == loggingIn || slices.Contains([]int{530, 534, 535, 538}, reply.Code)):
		f.Reason, f.Down, f.After = "mail-auth"+said, true, untilSomebodyLooks
		f.barred = true
	case reply != nil && (at == greeting || at == naming):
		// It is us whom the server does not like, not the person it is for.
		f.Reason, f.Down, f.After = "mail-rejected"+said, true, untilSomebodyLooks
	case reply != nil && reply.Code/100 == 5:
		f.Reason, f.Permanent = "mail-rejected"+said, true
	case at == confirming:
		f.Reason, f.Doubt = "mail-unconfirmed", true
	case at == loggingIn && !broken(err):
		f.Reason, f.Down, f.After = "mail-auth: "+locale.OneLine(err.Error(), 200), true, untilSomebodyLooks
		f.barred = true
	default:
		f.Reason, f.Down = "mail-unreachable", true
	}
	f.final = f.Doubt || f.Permanent && !policy(reply)
	f.ill = f.Down || reply != nil && (reply.Code == 421 || slices.Contains([]stage{greeting, loggingIn, naming}, at))
	f.healthy = reply != nil && reply.Code != 421 && slices.Contains([]stage{naming, addressing, handing, confirming}, at)
	return f
}

// policy reports whether a server refuses the mail because of itself, of the
// conversation, or of who we are and what we say, which another server may see
// differently: by the enhanced status codes of RFC 3463, section 3. Without one
// a refusal is about the recipient.
func policy(reply *textproto.Error) bool {
	about := func(subject string) bool { return strings.HasPrefix(reply.Msg, subject) }
	return reply == errASCIIOnly || slices.ContainsFunc([]string{"5.3.", "5.5.", "5.7."}, about)
}

// late reports whether it was we who gave up.
func late(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// broken reports whether the connection was lost, rather than something said
// over it.
func broken(err error) bool {
	var network net.Error
	lost := []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed}
	return errors.As(err, &network) || slices.ContainsFunc(lost, func(l error) bool { return errors.Is(err, l) })
}
