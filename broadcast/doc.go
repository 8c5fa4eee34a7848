// Package broadcast is the heart of Anpi: it asks a family "are you safe?" and
// keeps count of who said what.
//
// A [Check] is one question to everybody. Each prompt on its way to one member
// over one channel is a [Delivery], a row in the ledger that outlives every
// crash. What members report are [Answer]s; all of them are kept, and counted
// they make a [Tally]. Whoever stays silent is asked again along the [Ladder].
//
// The package speaks no protocol. A [Store] keeps the ledger, and a [Channel]
// carries one message to one place; both are implemented in packages below and
// held to contracts that are written down here. [Service] decides,
// [Dispatcher] sends:
//
//	decide   Service     one Change, committed whole, before anything is sent
//	send     Dispatcher  claim a delivery, send it, record what came of it
//	answer   Service     one Change: the answers and the place in the room
//	                     up to which they were read
//
// Time is a parameter everywhere: the caller says what time it is.
package broadcast
