// Package rooms is the domain of the server: who is in which room, in what order they joined, and what waits for whom. It
// relays opaque payloads and knows neither WebSockets nor the wire; package signaling puts both in front of it.
//
// A peer is a member of one room. Its session is what lets it outlive a lost connection: an inbox whose events are numbered,
// the number of the last message it was known to have sent, and a secret to resume with. A connection holds a session
// through an Attachment, and the engine reaches the connection through a Link. A resume takes the session over: the old
// attachment is dead from then on, whoever still holds it.
//
// An Engine owns all of it. Memory keeps it in this process; an engine for many nodes keeps it elsewhere, may be away for a
// while (ErrUnavailable), and may accept a message later than Send returns: Received tells how far it has come.
package rooms

import (
	"context"
	"errors"
	"time"
)

// PeerID names a peer. It is random, new at every join and the same over every resume; knowing it gives no right to it.
type PeerID string

// The errors of an engine. Callers compare with errors.Is.
var (
	ErrRoomFull      = errors.New("rooms: the room is full")
	ErrSessionLost   = errors.New("rooms: the session is gone, or not all that it missed is still there")
	ErrNeverSent     = errors.New("rooms: a number beyond what was sent")
	ErrDetached      = errors.New("rooms: another connection has the session, or it has ended")
	ErrUnavailable   = errors.New("rooms: the engine is not available")
	ErrSettling      = errors.New("rooms: the node is about to end and takes no more messages")
	ErrIdentityTaken = errors.New("rooms: a peer of this identity is connected")
	ErrTooManyRooms  = errors.New("rooms: no more rooms")
	errEngineClosing = errors.Join(ErrUnavailable, errors.New("rooms: closing"))
)

// Engine keeps rooms. Its methods may be called at any time from any goroutine, and none of them waits for a peer.
type Engine interface {
	Governor
	Lobby
	// Join makes a new peer and attaches link to its session. The others have peer-joined in their inboxes before it
	// returns. Errors: ErrRoomFull, ErrRoomLocked, ErrPassword, ErrMustWait, ErrIdentityTaken, ErrTooManyRooms,
	// ErrUnavailable.
	Join(ctx context.Context, join Join, link Link) (Attachment, Snapshot, error)
	// Resume attaches link to the session of this secret, taking it over from whoever still has it, and makes all that the
	// client has not received ready to be sent again. Errors: ErrSessionLost, ErrNeverSent, ErrUnavailable.
	Resume(ctx context.Context, resume Resume, link Link) (Attachment, Snapshot, error)
	// Ready returns nil when joins can be served.
	Ready(ctx context.Context) error
	// Shared tells whether sessions outlive this node, so that their clients can resume on another one.
	Shared() bool
	// Settle prepares for the end of this node. Where sessions end with it, nobody is let in, at last no message is taken any
	// more (ErrSettling), and what was taken is delivered and shown to be received; before ctx ends, what could not be is told
	// to its senders. Where sessions live on, it waits only until what was accepted is safe. The error is ctx's, if something is
	// still open.
	Settle(ctx context.Context) error
	// Stats counts what the engine holds on this node.
	Stats() Stats
	// Close cuts every link with CutEnded and ends everything that the engine runs.
	Close() error
}

// Join is what a newcomer brings.
type Join struct {
	Room     string
	Name     string // "" for none
	Metadata []byte // JSON, nil for none
	Identity string // a secret, "" for none: see IdentityPolicy
	Capacity int    // peers in the room, this one included, for it to be let in; 0: the room's, or Config.Capacity
	Trusted  bool   // neither lock, password nor waiting room keep it out
	Waits    bool   // somebody has to let it in, whatever the room's policy
	Admits   bool   // it is told of those who wait: see Lobby
	Password string // that the client gave, "" for none: a secret
	Address  string // that the client came from, for an operator to see
	Keep     any    // what the caller wants to find again in Attachment.Kept after a resume on this node
	Carry    []byte // what it wants to find again in Attachment.Carried after any resume: MaxCarry bytes, nil for none
}

// MaxCarry bounds Join.Carry, in bytes: a secret may have to hold it.
const MaxCarry = 256

// Resume is what a client brings that had a session.
type Resume struct {
	Secret   string
	Received uint64 // the number of the last event that it has, 0 for none
	Address  string // that the client comes from now, for an operator to see
}

// Snapshot is what a connection tells its client after a join or a resume.
type Snapshot struct {
	Room     string
	Peer     PeerID
	Secret   string // for the next resume; the one before stays good until Attachment.Heard
	Received uint64 // the highest number of the client's messages that is known to be settled
	Complete bool   // false: the identity survived, and messages may not have
	Locked   bool   // after a join: the room is locked for others
	Others   []Member
}

// Member is a peer as another one sees it.
type Member struct {
	Peer     PeerID
	Name     string
	Metadata []byte
	Polite   bool // the one who looks joined later than this member
	Away     bool
}

// Link is the connection's side of an attachment. The engine may hold locks while it calls, so both methods return at once
// and call nothing of the engine. They may be called before Join or Resume has returned.
type Link interface {
	// Wake says that Next has something, or that Received has grown.
	Wake()
	// Cut says that the attachment is dead, and why. It is called at most once.
	Cut(why Cut)
}

// Cut is why an engine ended an attachment.
type Cut int

// The reasons for a cut.
const (
	CutReplaced Cut = iota + 1 // another connection resumed the session, or its identity joined anew
	CutSlow                    // more waits for it than may; the session stays and can be resumed
	CutEnded                   // the session has ended under it
	CutKicked                  // the peer was made to leave
	CutClosed                  // the room was closed
)

// Attachment is one connection's hold on a session, from Join or Resume until Detach, Leave or a cut; after that its methods
// do nothing, and those that can say so return ErrDetached. One goroutine sends (Fresh, Send, Update, Tell) and one
// receives (Next); the rest may be called from anywhere.
type Attachment interface {
	// Peer is the peer whose session this is.
	Peer() PeerID
	// Others is how many other peers are in the room.
	Others() int
	// Kept is the Keep of the join, nil where this node does not know it.
	Kept() any
	// Carried is the Carry of the join or what Carry put in its place, nil for none.
	Carried() []byte

	// Heard says that the client has spoken since the resume, so that it has the new secret: the one before ends.
	Heard()
	// Fresh tells whether the client's message seq is new. One that is must be settled by one successful call of Send, Update
	// or Tell, before any later one is; one that is not is a repeat, which has been settled or is about to be. A call that
	// returns an error has settled nothing.
	Fresh(seq uint64) bool
	// Send puts a message into the inboxes of its receivers, after all that this session sent them before. What cannot be
	// delivered is told to the sender by an Undelivered event; that is no error. Errors: ErrDetached, ErrSettling,
	// ErrUnavailable.
	Send(ctx context.Context, message Message) error
	// Update changes what the others see of this peer. Errors: ErrDetached, ErrSettling, ErrUnavailable.
	Update(ctx context.Context, seq uint64, update Update) error
	// Tell settles the client's message seq (0: none) and puts payload (nil: none) into the session's own inbox: what the
	// node itself has to say to its client. Errors: ErrDetached, ErrUnavailable, and ErrSettling unless seq is 0.
	Tell(ctx context.Context, seq uint64, payload []byte) error
	// Carry settles the client's message seq, and has the session carry something else. Where sessions are sealed in their
	// secrets, only those that are made from now on have it. Errors: ErrDetached, ErrSettling, ErrUnavailable.
	Carry(ctx context.Context, seq uint64, carry []byte) error
	// Received is the highest number of the client's messages up to which all are settled.
	Received() uint64

	// Next gives the events that wait, in order, as many as make a good batch; none if nothing waits. They count as sent.
	Next() Batch
	// Ack says that the client has acknowledged every event up to seq. Errors: ErrNeverSent.
	Ack(seq uint64) error
	// Confirm says that the connection knows the client to have received every event up to seq. It is weaker than Ack: the
	// events are kept as long as there is room, so that the session can be resumed.
	Confirm(seq uint64)

	// Detach says that the connection is lost. After a while the others hear that the peer is away, and after the grace
	// time that it has left.
	Detach()
	// Leave ends the session: the peer has left.
	Leave()
}

// Message is something that a peer sends to another, or to all others in its room.
type Message struct {
	Seq       uint64 // the client's number, 0 for none
	To        PeerID
	Broadcast bool // to all others; To is not looked at
	Payload   []byte
}

// Update is what a peer changes of itself.
type Update struct {
	Name     *string // nil: it stays; "": none from now on
	Metadata []byte  // nil: it stays; null: none from now on
}

// Batch is what Next gives.
type Batch struct {
	Events []Event
	// Confirm asks the connection to find out how far its client has received (see Attachment.Confirm): much is kept for a
	// client that does not acknowledge.
	Confirm bool
}

// Event is what an inbox holds. Exactly one of Payload, Presence and Undelivered is set.
type Event struct {
	Seq         uint64 // grows from event to event; it may skip
	From        PeerID // the sender of Payload, "" if it comes from the session's own node
	Payload     []byte
	Of          uint64 // the sender's number of Payload, or the receiver's own that Payload answers; 0 for none
	Presence    *Presence
	Undelivered *Undelivered
}

// Answers tells whether the event says what became of a message of its receiver's own.
func (e *Event) Answers() bool { return e.Undelivered != nil || e.From == "" && e.Of != 0 }

// Presence is a change of another peer of the room.
type Presence struct {
	Change Change
	Member Member // with PeerJoined, all of it; else the Peer alone
	Reason Reason // with PeerLeft
	Update Update // with PeerUpdated
}

// Change is what happened to a peer.
type Change int

// The changes of a peer that the others hear of.
const (
	PeerJoined Change = iota + 1
	PeerLeft
	PeerAway
	PeerBack
	PeerUpdated
)

// Reason is why a peer has left, in the words of the wire.
type Reason string

// The reasons to have left.
const (
	ReasonLeft     Reason = "left"     // it said so
	ReasonTimeout  Reason = "timeout"  // it was away for longer than the grace time
	ReasonReplaced Reason = "replaced" // its identity joined anew, or it could not resume
	ReasonKicked   Reason = "kicked"   // somebody who may had it leave
	ReasonClosed   Reason = "closed"   // the server ended the session
)

// Undelivered tells a sender what did not and will not reach its receiver.
type Undelivered struct {
	To    PeerID
	Of    uint64 // the sender's number of the message, 0 for none
	Cause Cause
}

// Cause is why a message was not delivered, in the words of the wire.
type Cause string

// The causes of an undelivered message.
const (
	CausePeerUnknown Cause = "peer-unknown"
	CausePeerGone    Cause = "peer-gone"
	CausePeerSlow    Cause = "peer-slow"
)

// IdentityPolicy is what happens when somebody joins with the identity of a peer that is in the room. With none of them does
// one who is away lose by it: whoever comes back under an identity of its own takes its own seat, unless all are let in.
type IdentityPolicy string

// The policies, in the words of the command line.
const (
	IdentityReplace IdentityPolicy = "replace" // the peer leaves, and the newcomer takes its seat: the default
	IdentityRefuse  IdentityPolicy = "refuse"  // as long as the peer is connected, the newcomer is refused
	IdentityAllow   IdentityPolicy = "allow"   // both stay
)

// Config has the numbers of an engine. The zero value of a field means its default.
type Config struct {
	Capacity   int            // peers a room; default 16, below 0 no limit
	MaxRooms   int            // 0: no limit
	Identities IdentityPolicy // default IdentityReplace
	// SessionKey has peers keep their identity when an engine in memory is followed by another one of the same key, if they
	// come back within the grace time of its start. nil: sessions end with the engine.
	SessionKey *SessionKey
	Grace      time.Duration // how long a lost connection may be away; default 30 s
	AwayAfter  time.Duration // when the others hear of a loss; default 2 s
	// Occurred is told what happens to rooms, each thing once, on the node that brought it about. It returns at once, and calls
	// nothing of the engine. nil: nobody is told.
	Occurred func(Occurrence)
	// What is kept for a peer that has not acknowledged it: relayed messages and their bytes. Defaults 4,096 and 1 MiB.
	InboxMessages int
	InboxBytes    int
}

// WithDefaults fills in what is zero.
func (c Config) WithDefaults() Config {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&c.Capacity, 16)
	def(&c.InboxMessages, 4096)
	def(&c.InboxBytes, 1<<20)
	if c.Identities == "" {
		c.Identities = IdentityReplace
	}
	if c.Grace == 0 {
		c.Grace = 30 * time.Second
	}
	if c.AwayAfter == 0 {
		c.AwayAfter = 2 * time.Second
	}
	c.AwayAfter = min(c.AwayAfter, c.Grace)
	return c
}

// Stats counts what an engine holds on this node.
type Stats struct {
	Rooms int
	Peers int // with those that are away
	Away  int // peers without a connection
}
