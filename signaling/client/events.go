package client

import (
	"encoding/json"
	"time"

	"parley/signaling/protocol"
)

// Event is what Next gives: one of the struct types of this file.
type Event interface{ event() }

// Sent is a message that the application has sent and that is now told to be lost.
type Sent struct {
	ID      uint64 // what the sending method returned
	To      string // a peer; "" for everyone, and for what was meant for the server
	Type    string
	Message json.RawMessage // as it was sent, less its number
}

// Joined is the first event, and comes again whenever the session was lost and the Client has joined anew, then with a new
// peer id. Until it is taken from Next nothing is sent in the new session. Peers are those to whom the newcomer makes the
// first offer; after a rejoin, peers that the application knew and that are not among them have left.
type Joined struct {
	Room             string
	Peer             string // own id
	Peers            []protocol.Peer
	ICEServers       []protocol.ICEServer
	ICEServersExpire time.Duration // how long their credentials are good; 0: no end is known
	Grace            time.Duration // how long a lost connection may be away
	Again            bool          // a rejoin
	May              []string      // of kick, lock, admit and close, what this peer has a right to
	Locked           bool          // the room is
	Lost             []Sent        // of a rejoin: what belonged to the lost session and was not acknowledged

	epoch int
}

// Resumed tells that the session goes on after a Disconnected: ids and roles are as they were. Peers is the room as it is
// now; a newcomer among them makes the first offer itself, one who is missing is about to be told as PeerLeft.
type Resumed struct {
	Peers            []protocol.Peer
	ICEServers       []protocol.ICEServer
	ICEServersExpire time.Duration
	// Complete is false after a restart of the server: identities have survived, messages may not have. Negotiations that
	// are under way should be checked and begun again. Peers that have not come back yet are away.
	Complete bool
	Lost     []Sent // where Complete is false: what was not acknowledged
}

// PeerJoined tells of a newcomer, who makes the first offer.
type PeerJoined struct{ Peer protocol.Peer }

// PeerLeft tells that a peer is gone for good. What still waited for it was not delivered.
type PeerLeft struct {
	Peer   string
	Reason string // left, timeout, kicked, replaced or closed
}

// PeerAway tells that a peer has lost its connection to the server. A call with it need not end: it may come back.
type PeerAway struct{ Peer string }

// PeerBack tells that a peer which was away has resumed.
type PeerBack struct{ Peer string }

// PeerUpdated tells that a peer has changed its name or its metadata, and gives it as it is now.
type PeerUpdated struct{ Peer protocol.Peer }

// Signal is a message from another peer. Members that have no field of their own are got by Value.
type Signal struct {
	From      string
	Type      string          // offer, answer, candidate or message
	SDP       string          // of an offer or answer; "" where it is sealed
	Candidate json.RawMessage // of a candidate: an RTCIceCandidateInit, a string or null, as it was sent
	Data      json.RawMessage // of a message: any JSON

	message protocol.Message
}

// Value gives any member of the message as it was sent.
func (s Signal) Value(name string) (json.RawMessage, bool) { return s.message.Value(name) }

// Undelivered tells that a message did not and will not reach its receiver.
type Undelivered struct {
	ID   uint64 // what the sending method returned; 0 if unknown
	To   string
	Code protocol.Code // CodePeerUnknown, CodePeerGone or CodePeerSlow
}

// ICEServers answers RequestICEServers, or comes before the credentials of the earlier ones end.
type ICEServers struct {
	ICEServers []protocol.ICEServer
	Expire     time.Duration // 0: no end is known
}

// Knock tells of somebody who waits to be let in, again and again while that is so, where this peer may admit others.
type Knock struct {
	Knock string // what Admit and Deny name
	Name  string
	Over  bool // it waits no more
}

// RoomUpdated tells what holds for the room from now on.
type RoomUpdated struct{ Locked bool }

// Announcement is what the operator of the server says to everyone in the room.
type Announcement struct{ Data json.RawMessage }

// Draining tells that the server is about to end. The Client reconnects at a random moment within the time.
type Draining struct{ Within time.Duration }

// Refused tells that the server has refused a message. What was refused for its rate is sent again and not told.
type Refused struct {
	ID  uint64 // what the sending method returned; 0 if the server does not say
	Err *protocol.Error
}

// Disconnected tells that the connection is lost. The Client reconnects; what is sent meanwhile waits.
type Disconnected struct{ Err error }

// Reconnecting tells of the next attempt to connect. Of several that wait for Next only the last is kept.
type Reconnecting struct {
	Attempt int           // from 1
	After   time.Duration // the wait before it
	Err     error         // how the attempt before it ended; that of Disconnected for the first
}

// Ended is the last event. Err is nil where the end was wished: after Leave, or when the server closed with 1000.
type Ended struct {
	Err  error  // a *CloseError, a *protocol.Error, both joined, ErrServer, or ErrClosed after Close
	Lost []Sent // what was not acknowledged: it may have arrived or not
}

// Other is a message of the server of a type that this package does not know.
type Other struct {
	Type string

	message protocol.Message
}

// Value gives any member of the message as it was sent.
func (o Other) Value(name string) (json.RawMessage, bool) { return o.message.Value(name) }

func (Joined) event()       {}
func (Resumed) event()      {}
func (PeerJoined) event()   {}
func (PeerLeft) event()     {}
func (PeerAway) event()     {}
func (PeerBack) event()     {}
func (PeerUpdated) event()  {}
func (Signal) event()       {}
func (Undelivered) event()  {}
func (ICEServers) event()   {}
func (Knock) event()        {}
func (RoomUpdated) event()  {}
func (Announcement) event() {}
func (Draining) event()     {}
func (Refused) event()      {}
func (Disconnected) event() {}
func (Reconnecting) event() {}
func (Ended) event()        {}
func (Other) event()        {}
