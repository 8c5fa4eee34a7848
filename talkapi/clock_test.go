package talkapi_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/anpi-bot/anpi/talkapi"
)

// dated answers every request with a Date of its own clock.
type dated struct{ ahead time.Duration }

func (d dated) RoundTrip(r *http.Request) (*http.Response, error) {
	h := http.Header{"Date": {time.Now().Add(d.ahead).UTC().Format(http.TimeFormat)}}
	return &http.Response{StatusCode: http.StatusNotModified, Header: h, Body: http.NoBody, Request: r}, nil
}

// A machine without a clock chip has started in the wrong year: the server knows
// better.
func TestTheServersClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ahead = 56 * 365 * 24 * time.Hour
		c, err := talkapi.New(talkapi.Options{URL: "https://cloud.example.org", User: "anpi", Password: "secret", Transport: dated{ahead}})
		if err != nil {
			t.Fatal(err)
		}
		if got := time.Until(c.Now()); got != 0 {
			t.Errorf("before the first answer it is %v ahead", got)
		}
		time.Sleep(300 * time.Millisecond)
		if _, err := c.Messages(t.Context(), "token", talkapi.Query{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if got := time.Until(c.Now()); got > ahead || got < ahead-time.Second {
			t.Errorf("it is %v ahead, want %v", got, ahead)
		}
	})
}
