// Package answer reads what people write when they are asked whether they are
// safe. It has no memory and does no I/O.
//
// A text is normalized ([Normalize]), slips of the finger in the words that
// matter are repaired (spelling.go), and it is split into words with a lexicon
// (segment.go) and then into clauses (clauses.go). In every clause the reader
// looks for what is said (claims.go) and of whom. Endings, negations, doubts,
// questions and wishes change what a word says. What is left is weighed:
// a call for help counts for more than an injury, that for more than anything
// unclear, and only then somebody is safe.
//
// It would rather ask again than be wrong. Somebody who says to be well and
// adds something that the reader does not understand, and that sounds like
// trouble, is [Unclear], and a person looks.
package answer

// Status is how somebody is. The empty status says nothing.
type Status string

// The statuses, from the least to the gravest.
const (
	Safe    Status = "safe"
	Unclear Status = "unclear" // says something that a person must look at
	Injured Status = "injured" // is hurt, however slightly
	Help    Status = "help"    // asks for help, or cannot get away
)

// Report is what a text says about somebody besides its writer.
type Report struct {
	Who      string // as written, without particles, titles, "my" and "the"
	Everyone bool   // Who means all the people around, or the whole family
	Status   Status
}

// Self says whether a report about others also tells how its writer is.
type Self string

// The ways in which a report speaks of its writer.
const (
	SelfNo      Self = "no"
	SelfYes     Self = "yes"     // we're all safe
	SelfImplied Self = "implied" // おばあちゃんも無事です
)

// Reading is what a text says.
type Reading struct {
	Status  Status   // how the writer is, empty when the text does not say
	Reports []Report // on others, in the order of the text
	Self    Self     // empty without reports
	Why     []string // the steps that led here, as short tokens
}

// Label returns the reading in the words of collected data: SAFE, INJURED,
// NEED_HELP, NOT_SAFE_UNCLEAR, PROXY for a report on others, OTHER for none.
func (r Reading) Label() string {
	if len(r.Reports) > 0 {
		return "PROXY"
	}
	switch r.Status {
	case Safe:
		return "SAFE"
	case Injured:
		return "INJURED"
	case Help:
		return "NEED_HELP"
	case Unclear:
		return "NOT_SAFE_UNCLEAR"
	}
	return "OTHER"
}

// maxRead is how many characters of a text are read: of a longer one the
// beginning and the end, and nobody is safe by it.
const maxRead = 32000

// Read reads a text. Its time is linear in the length of the text.
func Read(text string) Reading {
	ready()
	cut := false
	if r := []rune(text); len(r) > maxRead {
		text = string(r[:maxRead/2]) + "\n" + string(r[len(r)-maxRead/2:])
		cut = true
	}
	src := newSource(text).inKana()
	r := weigh(src, clauses(src.tokens()))
	if cut {
		r.Why = append(r.Why, "cut")
		if r.Status == Safe {
			r.Status = Unclear
		}
		for i := range r.Reports {
			if r.Reports[i].Status == Safe {
				r.Reports[i].Status = Unclear
			}
		}
	}
	return r
}
