package demo

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"

	"github.com/anpi-bot/anpi/broadcast"
	"github.com/anpi-bot/anpi/broadcast/locale"
)

// pageAddress is where the answer page of the demo seems to be. Nothing
// listens: Grandma's browser is part of the program, too.
const pageAddress = "https://anpi.example.org"

var (
	linkInMail  = regexp.MustCompile(regexp.QuoteMeta(pageAddress) + `(/a/[A-Za-z0-9]+)`)
	nonceInPage = regexp.MustCompile(`name="nonce" value="([^"]+)"`)
)

// pressSafe opens the link in the newest mail to Grandma and presses the button
// that says that she is safe.
func (p *play) pressSafe() error {
	var body string
	for _, m := range p.house.mail.Mails() {
		if strings.Contains(strings.Join(m.To, " "), "grandma@") {
			body = m.Body
		}
	}
	link := linkInMail.FindStringSubmatch(body)
	if link == nil {
		return errors.New("the mail has no link")
	}
	page := httptest.NewRecorder()
	p.pages.ServeHTTP(page, httptest.NewRequest(http.MethodGet, pageAddress+link[1], nil))
	nonce := nonceInPage.FindStringSubmatch(page.Body.String())
	if page.Code != http.StatusOK || nonce == nil {
		return fmt.Errorf("the page answers %d", page.Code)
	}
	p.screen.page(p.t.T("demo.page_shows"), p.t.T("demo.page_pressed", locale.Data{"Icon": broadcast.Safe.Icon()}))
	form := url.Values{"nonce": nonce[1:], "status": {string(broadcast.Safe)}}
	r := httptest.NewRequest(http.MethodPost, pageAddress+link[1], strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	pressed := httptest.NewRecorder()
	p.pages.ServeHTTP(pressed, r)
	if pressed.Code != http.StatusSeeOther {
		return fmt.Errorf("the button answers %d", pressed.Code)
	}
	return nil
}
