package talkapi

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Poll is a question with options, in a group or public room.
type Poll struct {
	ID        int64
	Question  string
	Options   []string
	ActorType string // who asked
	ActorID   string
	Closed    bool
	Hidden    bool  // results show only once it is closed
	MaxVotes  int   // options one person may choose; 0 for any number
	Voters    int   // shown to the author always, to others once they may see results
	Votes     []int // per option; all zero while we may not see them, which is before we voted ourselves
	Own       []int // options we chose
	Details   []Vote
}

// Vote is one person's choice; the server tells only after closing.
type Vote struct {
	ActorType, ActorID string
	ActorName          string // for show
	Option             int
}

// NewPoll is a poll to create.
type NewPoll struct {
	Question string
	Options  []string // two at least
	Hidden   bool
	MaxVotes int // 0 for any number
}

// CreatePoll asks a question in a group or public room. One-to-one rooms
// refuse with ErrInvalid.
func (c *Client) CreatePoll(ctx context.Context, token string, p NewPoll) (Poll, error) {
	mode := 0
	if p.Hidden {
		mode = 1
	}
	return c.pollCall(ctx, token, request{op: "create poll", method: http.MethodPost, path: chatAPI + "/poll/" + url.PathEscape(token),
		body: map[string]any{"question": p.Question, "options": p.Options, "resultMode": mode, "maxVotes": p.MaxVotes}})
}

// Poll reads a poll.
func (c *Client) Poll(ctx context.Context, token string, id int64) (Poll, error) {
	return c.pollCall(ctx, token, request{op: "read poll", method: http.MethodGet, path: pollPath(token, id)})
}

// Vote chooses options by their index, in place of an earlier choice. None
// withdraws the vote.
func (c *Client) Vote(ctx context.Context, token string, id int64, options ...int) (Poll, error) {
	if options == nil {
		options = []int{}
	}
	return c.pollCall(ctx, token, request{op: "vote", method: http.MethodPost, path: pollPath(token, id),
		body: map[string]any{"optionIds": options}})
}

// ClosePoll ends a poll and shows its results.
func (c *Client) ClosePoll(ctx context.Context, token string, id int64) (Poll, error) {
	return c.pollCall(ctx, token, request{op: "close poll", method: http.MethodDelete, path: pollPath(token, id)})
}

func (c *Client) pollCall(ctx context.Context, token string, rq request) (Poll, error) {
	rq.secrets = []string{token}
	a, err := c.do(ctx, rq)
	if err != nil {
		return Poll{}, err
	}
	var w struct {
		ID        integer       `json:"id"`
		Question  text          `json:"question"`
		Options   list[text]    `json:"options"`
		ActorType text          `json:"actorType"`
		ActorID   text          `json:"actorId"`
		Status    integer       `json:"status"`
		Mode      integer       `json:"resultMode"`
		MaxVotes  integer       `json:"maxVotes"`
		Voters    integer       `json:"numVoters"`
		Votes     dict[integer] `json:"votes"`
		Own       list[integer] `json:"votedSelf"`
		Details   list[struct {
			ActorType text    `json:"actorType"`
			ActorID   text    `json:"actorId"`
			ActorName text    `json:"actorDisplayName"`
			Option    integer `json:"optionId"`
		}] `json:"details"`
	}
	if err := a.decode(rq.op, &w); err != nil {
		return Poll{}, err
	}
	if w.ID == 0 {
		return Poll{}, a.nonsense(rq.op, "answer names no poll")
	}
	p := Poll{ID: int64(w.ID), Question: string(w.Question), ActorType: string(w.ActorType), ActorID: string(w.ActorID),
		Closed: w.Status == 1, Hidden: w.Mode == 1, MaxVotes: int(w.MaxVotes), Voters: int(w.Voters), Votes: make([]int, len(w.Options))}
	for _, o := range w.Options {
		p.Options = append(p.Options, string(o))
	}
	for key, n := range w.Votes {
		i, err := strconv.Atoi(strings.TrimPrefix(key, "option-"))
		if err == nil && i >= 0 && i < len(p.Votes) {
			p.Votes[i] = int(n)
		}
	}
	for _, i := range w.Own {
		p.Own = append(p.Own, int(i))
	}
	for _, d := range w.Details {
		p.Details = append(p.Details, Vote{ActorType: string(d.ActorType), ActorID: string(d.ActorID),
			ActorName: string(d.ActorName), Option: int(d.Option)})
	}
	return p, nil
}

func pollPath(token string, id int64) string {
	return chatAPI + "/poll/" + url.PathEscape(token) + "/" + strconv.FormatInt(id, 10)
}
