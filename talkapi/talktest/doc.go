// Package talktest is a small Nextcloud with Talk in memory, for tests and
// demonstrations. It answers as Nextcloud 32 with Talk 22 was recorded to
// answer, and a test in this package holds it to the recordings.
//
// Make a server, give it people, and let a client talk to it in process:
//
//	srv := talktest.NewServer(talktest.Options{})
//	anpi := srv.AddUser("anpi", "Anpi Bot", talktest.UserOptions{})
//	grandma := srv.AddUser("grandma", "おばあちゃん", talktest.UserOptions{Language: "ja"})
//	c, err := talkapi.New(talkapi.Options{URL: srv.URL(), User: anpi.ID,
//		Password: talkapi.Secret(anpi.AppPassword()), Transport: srv.Transport()})
//
// People act through their User: grandma.Say(room, "無事です"). Who has no
// account here (guests, federated users, other bots, the server's own actors)
// is an Outsider of one room. Such a helper panics when the server refuses,
// because then the script of the test is wrong; refusals are tested through a
// client.
//
// Transport needs no listener, so everything works inside a testing/synctest
// bubble: a waiting long poll blocks on channels and timers only. Start
// opens a real listener for other programs.
//
// Most real servers have a memory cache and are slow to tell of reactions:
// Options.MemoryCache makes this one such a server.
//
// Fault injects failures, Requests tells what was asked of the server, and
// Messages, Room and DirectRoom look inside.
//
// Where this server is simpler than the real one: reading a room takes away
// the invitation to it as well, system messages are in English, one address
// shares one brute-force counter, guests and federated users make no requests,
// files keep no content, and there are no calls or threads.
package talktest
