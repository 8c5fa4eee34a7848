// Package talkapi is a client for Nextcloud Talk, made for programs whose
// messages matter: it never repeats a request by itself, it judges every
// answer in one place, and after a failure it says whether the request may
// have been carried out all the same.
//
// Start with New and an app password (StartLogin gets one through the
// browser), then read and write rooms:
//
//	c, err := talkapi.New(talkapi.Options{URL: "https://cloud.example.org", User: "anpi", Password: pw})
//	room, err := c.OneToOne(ctx, "grandma")
//	msg, err := c.Send(ctx, room.Token, talkapi.Post{Text: "Are you safe?", ReferenceID: ref})
//
// Talk does not deduplicate: sending twice makes two messages, also with the
// same reference id. When Send fails, ask MayHaveHappened. If it says false,
// nothing was posted and sending again is right. If it says true, wait as
// long as the server may still be working on the request, look with
// FindByReference, and send again only when it is not there.
//
// To receive, keep an offset per room. Messages waits for what comes after
// the offset; Batch.LastGiven is the next offset, and zero means "keep the
// old one". Seed a new room with History (limit 1): offset zero replays the
// whole history. Reactions, edits and deletions arrive as system messages
// (Message.System) whose Parent is the message in its new state.
// Notifications is the cheap way to learn which of many rooms have news. A
// reaction does not end a wait on most servers (see Query.Wait): where a tap is
// an answer, ask without a wait now and then.
//
// People are identified by ActorType and ActorID, never by a name.
//
// Errors match one of the Err… values with errors.Is; *Error has the
// details for errors.As. No error text contains a password or a room token.
// After a 401 the client makes no authenticated call for
// Options.UnauthorizedHold, because Nextcloud counts failures against the
// whole address and then locks out everybody behind it.
//
// Webhooks of Talk bots are checked with VerifyWebhook and read with
// ParseWebhook; BotSender writes as such a bot.
package talkapi
