package talktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// poll is a question with options.
type poll struct {
	id       int64
	room     *room
	by       actor
	question string
	options  []string
	hidden   bool
	max      int
	closed   bool
	votes    []ballot // in the order people first voted
}

// ballot is what one person chose.
type ballot struct {
	by      actor
	options []int
}

func (p *poll) object() map[string]any {
	return map[string]any{"type": "talk-poll", "id": strconv.FormatInt(p.id, 10), "name": p.question}
}

func (c *call) createPoll() {
	r, by := c.room()
	if r == nil || c.answer(c.s.lobbyBlocks(r, c.user)) || c.answer(r.writable()) {
		return
	}
	var options []string
	list, _ := c.params["options"].([]any)
	for _, o := range list {
		if o, _ := o.(string); o != "" {
			options = append(options, o)
		}
	}
	switch {
	case r.kind == kindDirect:
		c.refuse(400, "room")
		return
	case c.str("question") == "":
		c.refuse(400, "question")
		return
	case len(options) < 2:
		c.refuse(400, "options")
		return
	}
	c.s.lastPoll++
	p := &poll{id: c.s.lastPoll, room: r, by: userActor(c.user), question: c.str("question"), options: options,
		hidden: c.num("resultMode", 0) == 1, max: int(c.num("maxVotes", 0))}
	c.s.polls[p.id] = p
	c.s.wrote(r, by, c.s.add(r, &message{by: p.by, text: "{object}", object: p.object()}))
	c.ok(201, p.json(c.user))
}

// poll finds the poll of the path. Otherwise it has answered.
func (c *call) poll() (*poll, *member) {
	r, m := c.room()
	if r == nil || c.answer(c.s.lobbyBlocks(r, c.user)) {
		return nil, nil
	}
	p := c.s.polls[c.pathID()]
	if p == nil || p.room != r {
		c.refuse(404, "poll")
		return nil, nil
	}
	return p, m
}

func (c *call) readPoll() {
	if p, _ := c.poll(); p != nil {
		c.ok(200, p.json(c.user))
	}
}

func (c *call) vote() {
	p, _ := c.poll()
	if p == nil {
		return
	}
	if p.closed {
		c.refuse(400, "poll")
		return
	}
	var chosen []int
	list, _ := c.params["optionIds"].([]any)
	for _, o := range list {
		num, _ := o.(json.Number)
		n, err := num.Int64()
		if err != nil || n < 0 || int(n) >= len(p.options) || slices.Contains(chosen, int(n)) {
			c.refuse(400, "options")
			return
		}
		chosen = append(chosen, int(n))
	}
	if p.max > 0 && len(chosen) > p.max {
		c.refuse(400, "options")
		return
	}
	me := userActor(c.user)
	i := slices.IndexFunc(p.votes, func(b ballot) bool { return b.by == me })
	switch {
	case i < 0 && len(chosen) > 0:
		p.votes = append(p.votes, ballot{me, chosen})
	case i >= 0 && len(chosen) > 0:
		p.votes[i].options = chosen
	case i >= 0:
		p.votes = slices.Delete(p.votes, i, i+1)
	}
	if !p.hidden { // the voter stays unnamed
		c.s.add(p.room, &message{by: system, system: "poll_voted", poll: p})
	}
	c.ok(200, p.json(c.user))
}

func (c *call) closePoll() {
	p, m := c.poll()
	if p == nil {
		return
	}
	switch {
	case p.by != userActor(c.user) && !m.moderates():
		c.refuse(403, "poll")
		return
	case p.closed:
		c.refuse(400, "poll")
		return
	}
	p.closed = true
	closed := c.s.add(p.room, &message{by: userActor(c.user), system: "poll_closed", poll: p})
	m.lastRead = closed.id
	c.ok(200, p.json(c.user))
}

func (p *poll) json(reader *account) map[string]any {
	me := userActor(reader)
	own := []int{}
	votes := map[string]any{}
	details := []any{}
	for _, b := range p.votes {
		if b.by == me {
			own = b.options
		}
		for _, o := range b.options {
			key := fmt.Sprintf("option-%d", o)
			n, _ := votes[key].(int)
			votes[key] = n + 1
			details = append(details, map[string]any{"actorType": b.by.kind, "actorId": b.by.id, "actorDisplayName": b.by.name, "optionId": o})
		}
	}
	visible := p.closed || !p.hidden && len(own) > 0
	voters := 0
	if visible || p.by == me {
		voters = len(p.votes)
	}
	if !visible {
		votes = nil
	}
	j := map[string]any{"id": p.id, "question": p.question, "options": p.options, "actorType": p.by.kind, "actorId": p.by.id,
		"actorDisplayName": p.by.name, "status": bit(p.closed), "resultMode": bit(p.hidden), "maxVotes": p.max,
		"votes": orList(votes), "numVoters": voters, "votedSelf": own}
	if p.closed && !p.hidden {
		j["details"] = details
	}
	return j
}
