package broadcast

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anpi-bot/anpi/roster"
)

// Link lets one person in without a login: a member to answer one check, or
// anybody who has it to look at the board. The ledger knows only the hash of
// its token.
type Link struct {
	Hash string
	// CheckID and MemberID say whose answer to what; both are empty for a link
	// to the board.
	CheckID  int64
	MemberID string
	MadeAt   time.Time
}

// Board reports whether the link is one to the board.
func (l Link) Board() bool { return l.MemberID == "" }

// LinkLife is how long after its check has closed a link still works.
const LinkLife = 30 * 24 * time.Hour

// NewToken makes the secret of a link: 26 letters and digits with at least 128
// bits from the system's source of randomness. It survives being typed by hand
// and mail systems that change the case of letters.
func NewToken() string { return rand.Text() }

// HashToken is what the ledger keeps of a token.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(strings.ToUpper(token)))
	return hex.EncodeToString(sum[:])
}

// Why a link lets nobody in.
var (
	ErrNoLink    = errors.New("there is no such link")
	ErrLinkEnded = errors.New("the link has ended")
)

// Visit is what somebody sees who comes by a link of theirs.
type Visit struct {
	Link     Link
	Check    Check
	Standing Standing
	// Household are the others for whom the member may answer.
	Household []Standing
}

// Visit finds out who comes with the token. The error is [ErrNoLink] or
// [ErrLinkEnded] when the token lets nobody in.
func (s *Service) Visit(ctx context.Context, now time.Time, token string) (Visit, error) {
	link, ok, err := s.Store.Link(ctx, HashToken(token))
	if err != nil {
		return Visit{}, err
	}
	if !ok || link.Board() {
		return Visit{}, ErrNoLink
	}
	v := Visit{Link: link}
	if v.Check, err = s.Store.Check(ctx, link.CheckID); err != nil {
		return v, fmt.Errorf("find the check of a link: %w", err)
	}
	if !v.Check.Open() && now.After(v.Check.ClosedAt.Add(LinkLife)) {
		return v, ErrLinkEnded
	}
	tally, err := s.Tally(ctx, v.Check)
	if err != nil {
		return v, err
	}
	i := slices.IndexFunc(tally.Standings, func(st Standing) bool { return st.Member.ID == link.MemberID })
	if i < 0 {
		return v, ErrNoLink
	}
	v.Standing = tally.Standings[i]
	for _, st := range tally.Standings {
		if st.Member.ID != link.MemberID && sameHousehold(v.Standing.Member, st.Member) {
			v.Household = append(v.Household, st)
		}
	}
	return v, nil
}

// BoardOpen reports whether the token is one of a link to the board.
func (s *Service) BoardOpen(ctx context.Context, token string) (bool, error) {
	link, ok, err := s.Store.Link(ctx, HashToken(token))
	return ok && link.Board(), err
}

// sameHousehold reports whether two members live together as far as the address
// book shows: they share a mail address or a phone, or one is named as related
// to the other.
func sameHousehold(a, b roster.Member) bool {
	share := func(x, y []string) bool {
		return slices.ContainsFunc(x, func(s string) bool {
			return slices.ContainsFunc(y, func(other string) bool { return strings.EqualFold(s, other) })
		})
	}
	return share(a.Emails, b.Emails) || share(a.Phones, b.Phones) || related(a, b) || related(b, a)
}

func related(a, b roster.Member) bool {
	names := append([]string{b.Name, strings.TrimPrefix(b.ID, "card:"), b.Talk}, b.Nicknames...)
	return slices.ContainsFunc(a.Relations, func(r roster.Relation) bool {
		who := strings.TrimPrefix(r.Who, "urn:uuid:")
		return who != "" && slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, who) })
	})
}

// PlanBoard plans to post a new link to the board in the room. The id says what
// asks for it.
func (s *Service) PlanBoard(c *Change, id string) {
	d := Delivery{Step: "board-" + id, Purpose: BoardLink, State: Due, DueAt: c.Now}
	c.Deliveries = append(c.Deliveries, Check{}.deliver(d, Room, ""))
}

// PlanBounce plans what follows from a mail that came back: its delivery has
// failed for good, and the next address is tried at once.
func (s *Service) PlanBounce(c *Change, check Check, d Delivery, m roster.Member, reason string) {
	c.Results = append(c.Results, Result{ID: d.ID, State: Failed, Reason: reason})
	if check.Open() {
		c.Deliveries = append(c.Deliveries, check.detour(d, m, false, c.Now)...)
	}
}

// PlanClaim plans to keep an answer that did not come from an address of the
// member's: it changes nothing in the tally, and organisers are told.
func (s *Service) PlanClaim(c *Change, check Check, m roster.Member, a Answer, text func(roster.Member) string) {
	a.CheckID, a.MemberID, a.RecordedAt, a.Claimed = check.ID, m.ID, c.Now, true
	c.Answers = append(c.Answers, a)
	s.PlanNotice(c, "claim-"+a.Carrier, text)
}
