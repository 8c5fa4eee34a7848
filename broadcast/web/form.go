package web

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/anpi-bot/anpi/bot/answer"
	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
)

// form is what somebody sent.
type form struct {
	nonce    string
	status   broadcast.Status
	stranded bool
	text     string
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
	switch value := r.PostForm.Get("status"); value {
	case string(broadcast.Safe), string(broadcast.Injured), string(broadcast.Help):
		f.status = broadcast.Status(value)
	case stranded:
		f.status, f.stranded = broadcast.Safe, true
	default:
		return f, errNoForm
	}
	f.status = graver(f.status, answer.Read(f.text).Status)
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

// graver is the graver of the button and the words beside it: whoever writes
// "help" and hits the wrong button needs help.
func graver(pressed broadcast.Status, words answer.Status) broadcast.Status {
	switch {
	case words == answer.Help:
		return broadcast.Help
	case words == answer.Injured && pressed == broadcast.Safe:
		return broadcast.Injured
	default:
		return pressed
	}
}

// carrier names what carried the answer of a member: the form with what it
// says. The same form sent twice is one answer, and another button on a page
// that was gone back to is another one.
func (f form) carrier(st broadcast.Standing) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.nonce, string(f.status), strconv.FormatBool(f.stranded), f.text}, "\x00")))
	carrier := "link:" + hex.EncodeToString(sum[:16])
	switch {
	case f.status == broadcast.Safe:
		return carrier
	case strings.HasPrefix(st.Answer.Carrier, carrier):
		return st.Answer.Carrier
	default:
		// It counts again when something else has come between: nobody loses a
		// cry for help by going back and forth.
		return carrier + "-" + strconv.FormatInt(st.Answer.ID, 10)
	}
}

// key stands for a member in a form, where their id is nobody's business.
func key(memberID string) string {
	sum := sha256.Sum256([]byte("household\x00" + memberID))
	return hex.EncodeToString(sum[:8])
}
