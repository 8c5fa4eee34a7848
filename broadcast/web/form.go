package web

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
)

// form is what somebody sent.
type form struct {
	nonce string
	// pressed is the value of the button, which says status and stranded.
	pressed  string
	status   broadcast.Status
	stranded bool
	// sure is the number of the answer that is really over; zero on a page that did
	// not ask.
	sure int64
	// opened is when the page was made.
	opened time.Time
	text   string
	// others holds by key for whom else it answers, and the answer of theirs
	// that the page showed.
	others map[string]int64
}

const (
	// longestForm is in bytes; the largest that the page can send has a text and
	// some people.
	longestForm = 16 << 10
	// longestText is in characters.
	longestText = 300
	// stranded is the value of the button for Safe with Answer.Stranded.
	stranded = "stranded"
)

// errNoForm is returned for a form that is not of the answer page.
var errNoForm = errors.New("this is not a form of the answer page")

func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	r.Body = http.MaxBytesReader(w, r.Body, longestForm)
	if err := r.ParseForm(); err != nil {
		return form{}, err
	}
	f := form{nonce: r.PostForm.Get("nonce"), text: locale.OneLine(r.PostForm.Get("text"), longestText), others: map[string]int64{}}
	if len(f.nonce) < 20 || len(f.nonce) > 100 {
		return f, errNoForm
	}
	f.pressed = r.PostForm.Get("status")
	if f.status, f.stranded = meaning(f.pressed); f.status == "" {
		return f, errNoForm
	}
	// What is no number was asked about by no page.
	f.sure, _ = strconv.ParseInt(r.PostForm.Get("sure"), 10, 64)
	opened, _ := strconv.ParseInt(r.PostForm.Get("opened"), 10, 64)
	f.opened = time.UnixMilli(opened)
	for _, value := range r.PostForm["other"] {
		key, seen, _ := strings.Cut(value, ".")
		id, err := strconv.ParseInt(seen, 10, 64)
		if err != nil {
			continue
		}
		f.others[key] = id
	}
	return f, nil
}

// value is that of the button which says what the form does, words included.
func (f form) value() string {
	if status, _ := meaning(f.pressed); status == f.status {
		return f.pressed
	}
	return string(f.status)
}

// meaning is what the button with the value says; the status is empty for any
// other value.
func meaning(value string) (status broadcast.Status, away bool) {
	switch value {
	case string(broadcast.Safe), string(broadcast.Injured), string(broadcast.Help):
		return broadcast.Status(value), false
	case stranded:
		return broadcast.Safe, true
	default:
		return "", false
	}
}

// graver is the graver of the button and the words beside it: whoever writes
// "help" and hits the wrong button needs help.
func graver(pressed, words broadcast.Status) broadcast.Status {
	switch {
	case words == broadcast.Help:
		return broadcast.Help
	case (words == broadcast.Injured || words == broadcast.Unclear) && pressed == broadcast.Safe:
		return words
	default:
		return pressed
	}
}

// carrier names what carried the answer of a member: the form with what it
// says. The same form sent twice is one answer, and another button on a page
// that was gone back to is another one.
func (f form) carrier(st broadcast.Standing, status broadcast.Status) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.nonce, string(status), strconv.FormatBool(f.stranded), f.text}, "\x00")))
	carrier := "link:" + hex.EncodeToString(sum[:16])
	switch {
	case status == broadcast.Safe:
		return carrier
	case strings.HasPrefix(st.Answer.Carrier, carrier) && st.Last == st.Answer.ID:
		return st.Answer.Carrier
	default:
		// It counts again when something else has come between: nobody loses a
		// cry for help by going back and forth.
		return carrier + "-" + strconv.FormatInt(st.Last, 10)
	}
}

// key stands for a member in a form, where their id is nobody's business.
func key(memberID string) string {
	sum := sha256.Sum256([]byte("household\x00" + memberID))
	return hex.EncodeToString(sum[:8])
}
