// Package client is the Go client of the parley.v1 wire: it joins a room, keeps the session over any number of lost
// connections, numbers, repeats and acknowledges messages, and gives both roles of perfect negotiation. It knows no WebRTC
// stack: the caller brings one. cmd/parley-peer calls it, the tests of the server do, and so may any other program.
//
//	application                     Client                          server
//	 | Join(ctx, Config)             | connect, join                 |
//	 |------------------------------>|------------------------------>|
//	 | *Client, then Next: Joined    | joined                        |
//	 |<------------------------------|<------------------------------|
//	 | Offer(ctx, to, sdp)           | offer seq 1                   |
//	 |------------------------------>|------------------------------>|
//	 | Next: Signal{From, "answer"}  | answer seq 1, ack 1           |
//	 |<------------------------------|<------------------------------|
//	 | Next: Disconnected            |       x                       |
//	 |<------------------------------| connect, resume {received: 1} |
//	 | Next: Resumed                 |------------------------------>|
//	 |<------------------------------| resumed, then all it missed   |
//	 | Leave(ctx)                    | leave                         |
//	 |------------------------------>|------------------------------>|
//	 | Next: Ended                   | close 1000                    |
//	 |<------------------------------|<------------------------------|
//
// Events are pulled with Next. One goroutine that calls Next, handles the event and may send from there is all that an
// application needs. Two goroutines run for a Client, one that reads and connects and one that writes; both have ended when
// Leave or Close returns.
//
// Negotiation and Calls are for applications with a WebRTC stack: one knows whose offer wins, the other which call is whose when
// ids have changed.
//
// A message that was accepted by one of the sending methods is delivered exactly once, in order for each receiver, over any
// number of lost connections; or its loss is told: by Undelivered, Refused, or the Lost of Joined, Resumed and Ended.
package client
