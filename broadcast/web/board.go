package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
)

// boardPage shows who is safe: names and statuses, nothing else.
type boardPage struct {
	head
	// Updated says when the newest answer was given.
	Updated string
	Heading string
	Notes   []string
	// Groups holds those with members only: whoever needs somebody first, and
	// the newest answer first in each.
	Groups []group
}

// group is the members with one status.
type group struct {
	Icon, Status string
	Names        []string
}

// refresh is how many seconds a board rests before it is loaded again.
const refresh = 30

// showBoard shows the board to whoever has a link to it.
func (s *Site) showBoard(w http.ResponseWriter, r *http.Request, token string) {
	t := s.texts(r, "")
	open, err := s.Service.BoardOpen(r.Context(), token)
	if err == nil && !open {
		s.say(w, r, http.StatusNotFound, t.T("web.nothing"))
		return
	}
	var p boardPage
	if err == nil {
		p, err = s.boardPage(r.Context(), t, time.Now())
	}
	if err != nil {
		zerolog.Ctx(r.Context()).Error().Err(err).Msg("cannot show the board")
		s.say(w, r, http.StatusServiceUnavailable, t.T("web.down"))
		return
	}
	p.Other = otherLanguage(t)
	s.send(w, r, http.StatusOK, "board", p)
}

// boardPage is the board of the check that is open, else of the one that ended
// last and still takes answers.
func (s *Site) boardPage(ctx context.Context, t *locale.Texts, now time.Time) (boardPage, error) {
	asOf := t.T("board.as_of", locale.Data{"When": t.When(now)})
	check, ok, err := s.Service.Current(ctx, now)
	if err != nil {
		return boardPage{}, err
	}
	if !ok {
		nothing := t.T("bot.nothing")
		return boardPage{head: s.head(t, nothing, false), Heading: nothing, Notes: []string{asOf}}, nil
	}
	tally, err := s.Service.Tally(ctx, check)
	if err != nil {
		return boardPage{}, fmt.Errorf("count for the board: %w", err)
	}
	title := "tally.closed"
	if check.Open() {
		title = "tally.title"
	}
	heading := t.T(title, locale.Data{"Answered": tally.Answered(), "All": len(tally.Standings)})
	p := boardPage{head: s.head(t, heading, check.Drill()), Heading: heading, Updated: t.T("board.empty"), Notes: []string{asOf}}
	if !tally.Updated.IsZero() {
		p.Updated = t.T("tally.updated", locale.Data{"When": t.When(tally.Updated)})
	}
	if check.Open() {
		p.Refresh = refresh
		p.Notes = append(p.Notes, t.T("board.refreshes"))
	}
	for _, status := range broadcast.Statuses() {
		who := tally.Who(status)
		if len(who) == 0 {
			continue
		}
		slices.SortStableFunc(who, func(a, b broadcast.Standing) int { return b.Answer.At.Compare(a.Answer.At) })
		g := group{Icon: status.Icon(), Status: status.Word(t)}
		for _, st := range who {
			name := plain(st.Member.Name)
			if st.Answer.Stranded {
				name += t.T("tally.stranded")
			}
			g.Names = append(g.Names, name)
		}
		p.Groups = append(p.Groups, g)
	}
	return p, nil
}
