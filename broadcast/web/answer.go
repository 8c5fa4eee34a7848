package web

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
)

// answerPage is the page on which a member answers.
type answerPage struct {
	head
	// Action is where the form leads: to this page, in its language.
	Action string
	// Heading, Question and From say who asks what; Question may be empty.
	Heading, Question, From string
	// Noted says that an answer has just been recorded; empty on a page that was
	// only opened.
	Noted string
	// SoFar is the member's answer so far under the title Yours, Told what
	// happens now to a cry for help, Notes whatever else there is to know.
	Yours, SoFar, Told string
	Notes              []string
	// Sure asks whether a cry for help or a hurt is really over; nil where nobody
	// says so.
	Sure  *sure
	Press string
	// Buttons are the answers that there are.
	Buttons []button
	// More opens the optional part: a text and the others of the household.
	More, TextLabel, Others, Then string
	Household                     []other
	Longest                       int
	Nonce                         string
	// Opened is when the page was made, in Unix milliseconds.
	Opened int64
	// Ways are other ways to tell the family.
	Ways []string
}

// button is one answer; Class is its looks. Clock tells when it was given, where it
// is the member's answer so far.
type button struct{ Value, Class, Icon, Word, Clock string }

// sure is the question whether it is really over, of the answer with the number Of,
// with the button that says yes.
type sure struct {
	button
	Of                int64
	Nonce             string
	Question, Yes, No string
}

// other is somebody for whom the member may answer.
type other struct{ Key, Label string }

// showAnswer shows the answer page. It changes nothing.
func (s *Site) showAnswer(w http.ResponseWriter, r *http.Request, token string) {
	now := time.Now()
	v, ok := s.visit(w, r, now, token, "web.down")
	if !ok {
		return
	}
	// With no-referrer, browsers hide from this site, too, where a form was sent
	// from; older ones could not answer any more. Other sites learn nothing
	// either way.
	w.Header().Set("Referrer-Policy", "same-origin")
	s.send(w, r, http.StatusOK, "answer", s.answerPage(r, v, now))
}

// visit finds out who comes with the token, or says why nobody may. The key is
// of the sentence for when that cannot be found out.
func (s *Site) visit(w http.ResponseWriter, r *http.Request, now time.Time, token, down string) (broadcast.Visit, bool) {
	v, err := s.Service.Visit(r.Context(), now, token)
	t := s.texts(r, "")
	switch {
	case err == nil:
		return v, true
	case errors.Is(err, broadcast.ErrNoLink):
		s.say(w, r, http.StatusNotFound, t.T("web.nothing"))
	case errors.Is(err, broadcast.ErrLinkEnded):
		s.say(w, r, http.StatusGone, t.T("web.ended"))
	default:
		zerolog.Ctx(r.Context()).Error().Err(err).Msg("cannot find out whose answer page to show")
		s.say(w, r, http.StatusServiceUnavailable, t.T(down), s.ways(t)...)
	}
	return v, false
}

// ways are the ways to tell the family that need no page.
func (s *Site) ways(t *locale.Texts) []string {
	var ways []string
	if s.Contact != "" {
		ways = append(ways, t.T("web.call"), s.Contact)
	}
	return append(ways, t.T("web.call_171"))
}

func (s *Site) answerPage(r *http.Request, v broadcast.Visit, now time.Time) answerPage {
	t := s.texts(r, v.Standing.Member.Lang)
	// The title is the subject of the mail that led here.
	title := t.T("mail.subject_ask")
	if !v.Check.Drill() {
		title = t.T("mark.real") + title
	}
	p := answerPage{
		head:    s.head(t, title, v.Check.Drill()),
		Action:  "?lang=" + t.Lang,
		Heading: t.T("mail.subject_ask"),
		From:    t.T("mail.from_nobody", locale.Data{"When": t.When(v.Check.StartedAt)}),
		Yours:   t.T("web.yours"),
		SoFar:   t.T("web.not_yet"),
		Press:   t.T("web.press"),
		Buttons: []button{
			{Value: string(broadcast.Safe), Class: "safe", Icon: broadcast.Safe.Icon(), Word: t.T("web.safe")},
			{Value: string(broadcast.Injured), Class: "injured", Icon: broadcast.Injured.Icon(), Word: t.T("web.injured")},
			{Value: string(broadcast.Help), Class: "help", Icon: broadcast.Help.Icon(), Word: t.T("web.help")},
			{Value: stranded, Class: "stranded", Icon: "🚶", Word: t.T("web.stranded")},
		},
		More: t.T("web.more"), TextLabel: t.T("web.text"), Then: t.T("web.then"),
		Longest: longestText, Nonce: rand.Text(), Opened: now.UnixMilli(), Ways: s.ways(t),
	}
	p.For, p.Other = t.T("web.for", locale.Data{"Name": plain(v.Standing.Member.Name)}), otherLanguage(t)
	if v.Check.StartedBy != "" {
		p.From = t.T("mail.from", locale.Data{"By": plain(v.Check.StartedBy), "When": t.When(v.Check.StartedAt)})
	}
	if v.Check.Question != "" {
		p.Question = t.T("prompt.question", locale.Data{"Question": locale.OneLine(v.Check.Question, 500)})
	}
	s.soFar(t, &p, v, now)
	p.ask(t, v.Standing, r.URL.Query().Get("sure"))
	if r.URL.Query().Has("done") && v.Standing.Answered {
		p.Noted = t.T("web.recorded")
		p.Notes = append(p.Notes, s.also(t, v)...)
	}
	if !v.Check.Open() {
		p.Notes = append(p.Notes, t.T("web.late"))
	}
	if len(v.Household) > 0 {
		p.More, p.Others = t.T("web.more_household"), t.T("web.others")
	}
	for _, st := range v.Household {
		p.Household = append(p.Household, other{
			Key: key(st.Member.ID) + "." + strconv.FormatInt(st.Answer.ID, 10),
			Label: t.T("web.person", locale.Data{
				"Name": plain(st.Member.Name), "Icon": st.Status.Icon(), "Status": statusOf(t, st),
			}),
		})
	}
	return p
}

// soFar words the member's answer so far: people take "read" for "answered".
func (s *Site) soFar(t *locale.Texts, p *answerPage, v broadcast.Visit, now time.Time) {
	st := v.Standing
	if !st.Answered {
		return
	}
	p.Yours = t.T("web.yours_at", locale.Data{"Clock": s.clock(t, st.Answer.At, now)})
	switch st.Status {
	case broadcast.Unclear, broadcast.Pending:
		p.SoFar = t.T("web.heard")
	default:
		p.SoFar = st.Status.Icon() + " " + statusOf(t, st)
		p.Notes = append(p.Notes, t.T("web.change"))
		for i, b := range p.Buttons {
			if status, away := meaning(b.Value); status == st.Status && away == st.Answer.Stranded {
				p.Buttons[i].Clock = t.Clock(st.Answer.At)
			}
		}
	}
	if st.Status == broadcast.Help {
		p.Told = t.T("web.told")
	}
	for _, other := range v.Household {
		if other.Member.ID == st.Answer.ReportedBy {
			p.Notes = append(p.Notes, t.T("web.reported", locale.Data{"Name": plain(other.Member.Name)}))
		}
	}
}

// ask asks whether it is really over, where somebody who needs help or is hurt has
// pressed the button with the value.
func (p *answerPage) ask(t *locale.Texts, st broadcast.Standing, value string) {
	status, _ := meaning(value)
	if !st.Status.Grave() || status == "" || status == st.Status || status == broadcast.Help {
		return
	}
	i := slices.IndexFunc(p.Buttons, func(b button) bool { return b.Value == value })
	p.Notes = nil
	p.Sure = &sure{
		button: p.Buttons[i], Of: st.Answer.ID, Nonce: rand.Text(),
		Question: t.T("web.sure", locale.Data{"Icon": st.Status.Icon(), "Status": st.Status.Word(t)}),
		Yes:      t.T("web.sure_yes", locale.Data{"Answer": p.Buttons[i].Word}),
		No:       t.T("web.sure_no"),
	}
}

// also words for whom else the member's answer was recorded, if there is
// anybody.
func (s *Site) also(t *locale.Texts, v broadcast.Visit) []string {
	var names []string
	for _, st := range v.Household {
		if st.Answer.ReportedBy == v.Standing.Member.ID && st.Answer.At.Equal(v.Standing.Answer.At) {
			names = append(names, plain(st.Member.Name))
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{t.T("web.also", locale.Data{"Names": t.Names(names)})}
}

// statusOf words a status, and that somebody can't get home.
func statusOf(t *locale.Texts, st broadcast.Standing) string {
	word := st.Status.Word(t)
	if st.Answer.Stranded {
		word += t.T("tally.stranded")
	}
	return word
}

// takeTime is how long an answer may take to be recorded.
const takeTime = 15 * time.Second

// takeAnswer records an answer and leads back to the page, which says what was
// recorded.
func (s *Site) takeAnswer(w http.ResponseWriter, r *http.Request, token string) {
	if err := s.csrf.Check(r); err != nil {
		s.say(w, r, http.StatusForbidden, s.texts(r, "").T("web.refused"))
		return
	}
	f, err := readForm(w, r)
	if err != nil {
		code := http.StatusBadRequest
		if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
			code = http.StatusRequestEntityTooLarge
		}
		s.say(w, r, code, s.texts(r, "").T("web.refused"))
		return
	}
	// The answer has arrived: that the line broke meanwhile must not undo it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), takeTime)
	defer cancel()
	r = r.WithContext(ctx)
	now := time.Now()
	v, ok := s.visit(w, r, now, token, "web.unrecorded")
	if !ok {
		return
	}
	change, doubtful, err := s.plan(ctx, now, v, &f)
	var done broadcast.Committed
	if err == nil {
		done, err = s.Service.Commit(ctx, change)
	}
	if err != nil {
		zerolog.Ctx(ctx).Error().Err(err).Int64("check", v.Check.ID).Msg("cannot record an answer by link")
		t := s.texts(r, v.Standing.Member.Lang)
		s.say(w, r, http.StatusServiceUnavailable, t.T("web.unrecorded"), s.ways(t)...)
		return
	}
	// Only the query changes, so that a proxy may put the site into a folder.
	query := "?lang=" + s.texts(r, v.Standing.Member.Lang).Lang
	switch {
	case doubtful:
		query += "&sure=" + f.value()
	case len(done.Answers) > 0 || v.Standing.Status == f.status:
		// An old form that comes again after something else has changed nothing.
		query += "&done"
	}
	w.Header().Set("Location", query)
	w.WriteHeader(http.StatusSeeOther)
}

// plan plans the answers of a form: of the member, by the button or by graver
// words; of those whom the words name; and of the others of the household. Doubtful
// reports that the member must be asked whether a cry or a hurt is really over.
func (s *Site) plan(ctx context.Context, now time.Time, v broadcast.Visit, f *form) (c broadcast.Change, doubtful bool, err error) {
	from := v.Standing.Member
	heard := broadcast.Heard{}
	if f.text != "" {
		heard = s.Hear(f.text, from)
	}
	f.status = graver(f.status, heard.Status)
	c.Now = now
	own := broadcast.Answer{
		Status: f.status, Stranded: f.stranded && f.status == broadcast.Safe, Text: f.text, Source: broadcast.ByLink, At: now,
		Carrier: f.carrier(v.Standing, f.status), Confirmed: v.Standing.Status.Grave() && (heard.Over || f.sure == v.Standing.Answer.ID),
	}
	doubtful = s.Service.PlanAnswer(&c, v.Check, v.Standing, own)
	if f.status == broadcast.Unclear && v.Check.Open() {
		s.Service.PlanClarify(&c, v.Check, from)
	}
	plan := func(st broadcast.Standing, status broadcast.Status) {
		a := own
		a.Status, a.Stranded, a.Confirmed, a.ReportedBy = status, own.Stranded && status == broadcast.Safe, false, from.ID
		a.Carrier = f.carrier(st, status)
		if st.Status.Grave() && st.Answer.RecordedAt.After(f.opened) {
			st.Told = true // whoever wrote that did not know of it
		}
		if s.Service.PlanReport(&c, v.Check, st, a) {
			s.Tell(&c, v.Check, from, "", a)
		}
	}
	named := map[string]bool{from.ID: true}
	for _, told := range heard.Others {
		st, ok, err := s.Service.Standing(ctx, v.Check, told.Member)
		if err != nil {
			return c, false, err
		}
		if ok && !named[st.Member.ID] {
			named[st.Member.ID] = true
			plan(st, told.Status)
		}
	}
	if heard.Somebody != "" {
		s.Tell(&c, v.Check, from, heard.Somebody, own)
	}
	for _, st := range v.Household {
		seen, ok := f.others[key(st.Member.ID)]
		// Whoever is reported well may have said something else since the page
		// was opened.
		if !ok || named[st.Member.ID] || f.status != broadcast.Help && seen != st.Answer.ID {
			continue
		}
		plan(st, f.status)
	}
	return c, doubtful, nil
}
