package talkapi_test

import (
	"context"
	"fmt"
	"time"

	"github.com/anpi-bot/anpi/talkapi"
	"github.com/anpi-bot/anpi/talkapi/talktest"
)

// Ask somebody, and read the answer.
func Example() {
	srv := talktest.NewServer(talktest.Options{}) // stands in for https://cloud.example.org
	anpi := srv.AddUser("anpi", "Anpi", talktest.UserOptions{})
	grandma := srv.AddUser("obaachan", "おばあちゃん", talktest.UserOptions{Language: "ja"})

	ctx := context.Background()
	c, err := talkapi.New(talkapi.Options{URL: srv.URL(), User: anpi.ID, Password: talkapi.Secret(anpi.AppPassword()), Transport: srv.Transport()})
	if err != nil {
		fmt.Println(err)
		return
	}
	room, err := c.OneToOne(ctx, grandma.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	prompt, err := c.Send(ctx, room.Token, talkapi.Post{Text: "無事ですか?", ReferenceID: "check-1"})
	if err != nil {
		fmt.Println(err)
		return
	}

	grandma.React(room.Token, prompt.ID, "✅")
	grandma.Say(room.Token, "無事です")

	news, err := c.Messages(ctx, room.Token, talkapi.Query{After: prompt.ID, Wait: 30 * time.Second})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range news.Messages {
		fmt.Println(m.ActorID, m.System, m.PlainText())
	}
	// Output:
	// obaachan reaction ✅
	// obaachan  無事です
}

// Send a message exactly once, although the connection breaks.
func ExampleMayHaveHappened() {
	srv := talktest.NewServer(talktest.Options{})
	anpi := srv.AddUser("anpi", "Anpi", talktest.UserOptions{})
	room := srv.AddGroup("家族", anpi)
	ctx := context.Background()
	c, err := talkapi.New(talkapi.Options{URL: srv.URL(), User: anpi.ID, Password: talkapi.Secret(anpi.AppPassword()), Transport: srv.Transport()})
	if err != nil {
		fmt.Println(err)
		return
	}
	start := time.Now()
	srv.Fault(talktest.Once(talktest.Fault{Applied: true, Cut: true})) // posted, but the answer is lost

	post := talkapi.Post{Text: "無事ですか?", ReferenceID: "check-1"}
	if _, err = c.Send(ctx, room, post); talkapi.MayHaveHappened(err) {
		// Wait here as long as the server may still be working on it.
		m, found, err := c.FindByReference(ctx, room, post.ReferenceID, start)
		fmt.Println(m.Text, found, err)
	}
	// Output:
	// 無事ですか? true <nil>
}
