package doctor

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Watch decides which changes the organisers hear of: each once, when it has
// come to stay. What was told is kept as a document, so that a restart tells
// nothing again. A Watch does not change; [Watch.See] returns the next one.
type Watch struct {
	serial int
	// told is what the organisers know, by ID; what is good is not in it.
	told map[string]Grade
	// first counts the looks of a daemon that never told anything.
	first int
	// news are changes that have not been there for long enough.
	news map[string]news
	// times are when something was told, by ID, within the last day.
	times map[string][]time.Time
}

type news struct {
	grade Grade
	looks int
}

const (
	// settled is at how many looks in a row something must be seen before it is
	// told. Each time that it was told within a day doubles that, up to
	// mostDoubled times: what comes and goes wakes nobody at night.
	settled     = 2
	mostDoubled = 5
)

// kept is the document.
type kept struct {
	Serial int              `json:"serial"`
	Told   map[string]Grade `json:"told,omitempty"`
}

// NewWatch goes on from a document; nil when there is none.
func NewWatch(document []byte) Watch {
	w := Watch{told: map[string]Grade{}, news: map[string]news{}, times: map[string][]time.Time{}}
	var k kept
	// What cannot be read was told by a version that this one does not know.
	if json.Unmarshal(document, &k) == nil {
		w.serial, w.first = k.Serial, settled+1
		maps.Copy(w.told, k.Told)
	}
	return w
}

// Document is what the next start goes on from.
func (w Watch) Document() []byte {
	body, err := json.Marshal(kept{Serial: w.serial, Told: w.told})
	if err != nil {
		panic(err) // texts and a number always make JSON
	}
	return body
}

// Key tells the newest change from all others.
func (w Watch) Key() string { return "doctor-" + strconv.Itoa(w.serial) }

// Changed reports whether the document has to be written anew.
func (w Watch) Changed(before Watch) bool { return w.serial != before.serial }

// Unsettled reports whether something new should be looked at again soon.
func (w Watch) Unsettled() bool {
	for id := range w.news {
		if len(w.times[id]) == 0 {
			return true
		}
	}
	return false
}

// See takes in what was found, and returns the changes that the organisers
// should hear of now. What could not be looked at changes nothing. The advice
// of the very first looks is for whoever sets Anpi up, who has anpi doctor; only
// what is bad is told.
func (w Watch) See(now time.Time, findings []Finding) (next Watch, changes []Finding) {
	next = Watch{serial: w.serial, told: maps.Clone(w.told), first: w.first + 1, news: map[string]news{}, times: map[string][]time.Time{}}
	for id, times := range w.times {
		times = slices.DeleteFunc(slices.Clone(times), func(at time.Time) bool { return now.Sub(at) > 24*time.Hour })
		if len(times) > 0 {
			next.times[id] = times
		}
	}
	seen, unseen := map[string]bool{}, map[string]bool{}
	turned := false
	for _, f := range findings {
		id := f.ID()
		seen[id] = true
		if f.Grade == Unknown {
			unseen[f.Name] = true
		}
		if f.Grade == Unknown || f.Grade == next.known(id) {
			continue
		}
		n := news{f.Grade, 1}
		if was := w.news[id]; was.grade == f.Grade {
			n.looks += was.looks
		}
		enough := settled
		if f.sure {
			enough = 1
		}
		if n.looks < enough<<min(len(next.times[id]), mostDoubled) {
			next.news[id] = n
			continue
		}
		turned = true
		next.tell(id, f.Grade)
		if f.Grade == Advice && next.first <= settled {
			continue
		}
		changes = append(changes, f)
		next.times[id] = append(next.times[id], now)
	}
	for id := range next.told {
		// What is not there any more, such as a mail server that was replaced, is
		// forgotten, unless nobody could look.
		if name, _, _ := strings.Cut(id, " "); !seen[id] && !unseen[name] {
			turned = true
			delete(next.told, id)
		}
	}
	if turned || w.serial == 0 && next.first == settled {
		next.serial++
	}
	return next, changes
}

func (w Watch) known(id string) Grade {
	if g, ok := w.told[id]; ok {
		return g
	}
	return Good
}

func (w Watch) tell(id string, g Grade) {
	if g == Good {
		delete(w.told, id)
	} else {
		w.told[id] = g
	}
}
