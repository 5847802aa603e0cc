// Package protocol is the wire of parley.v1: the messages, how they are decoded and checked, the error codes and the close
// codes. It holds no connection, no room and no policy, and it uses the standard library only. The server (package
// signaling), the Go client (package client) and the tests of both read and write the wire through it; the JavaScript client
// is held to the same testdata/vectors.json.
//
// One WebSocket is one peer in one room. Text messages, one JSON object each:
//
//	ann                          server                          bob
//	 | join {room}                  |                              |
//	 |----------------------------->|                              |
//	 | joined {peer: A, session,    |                              |
//	 |         peers: []}           |                              |
//	 |<-----------------------------|                  join {room} |
//	 |                              |<-----------------------------|
//	 | peer-joined {peer: B,        | joined {peer: B, session,    |
//	 |   polite: false} seq 1       |   peers: [{A, polite: true}]}|
//	 |<-----------------------------|----------------------------->|
//	 |                              |   the newcomer offers first  |
//	 | offer {from: B, sdp} seq 2   |       offer {to: A, sdp} seq 1
//	 |<-----------------------------|<-----------------------------|
//	 | answer {to: B, sdp} seq 1    | answer {from: A, sdp} seq 1  |
//	 |----------------------------->|----------------------------->|
//	 | candidate {to: B, …} seq 2   | candidate {from: A, …} seq 2 |
//	 |----------------------------->|----------------------------->|
//	 |      x the socket is lost    |                              |
//	 |      (2 s later)             | peer-away {peer: A} seq 3    |
//	 |                              |----------------------------->|
//	 | resume {session, received: 2}|                              |
//	 |----------------------------->|                              |
//	 | resumed {session, received,  | peer-back {peer: A} seq 4    |
//	 |   peers} + all it missed     |----------------------------->|
//	 |<-----------------------------|                              |
//
// Numbered messages (seq) are delivered exactly once and in order for each sender and receiver over any number of
// reconnects, or their loss is told. See docs/protocol.md for the whole contract.
package protocol

// Subprotocol is the WebSocket subprotocol name (RFC 6455 §1.9) that clients offer and the server selects.
const Subprotocol = "parley.v1"

// MaxSeq is the largest number a message may carry: the largest integer that JavaScript holds exactly (2^53−1).
const MaxSeq uint64 = 1<<53 - 1
