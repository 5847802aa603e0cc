package webhook

import (
	"time"

	"parley/rooms"
	"parley/signaling/protocol"
)

// TypeCall is the type of an Event about a call between two peers, as one of them reports it. The other types are those of
// rooms.OccurrenceKind.
const TypeCall = "call"

// Event is something that has happened. Tell gives it its ID and time.
type Event struct {
	ID   string    `json:"id"` // a UUID: the same whenever the event is sent again
	Type string    `json:"type"`
	At   time.Time `json:"at"`
	Room string    `json:"room"`
	Peer string    `json:"peer,omitempty"` // whom it is about, or who reports

	Name   string `json:"name,omitempty"`   // of the peer that has joined
	Reason string `json:"reason,omitempty"` // of the peer that has left: why

	About   string `json:"about,omitempty"`   // of a call: the other peer
	State   string `json:"state,omitempty"`   // connected, failed or closed
	Path    string `json:"path,omitempty"`    // host, srflx, prflx or relay; "" where it is not known
	Elapsed uint64 `json:"elapsed,omitempty"` // milliseconds since the negotiation began; 0 where it is not known
}

// Occurred makes an event of something that has happened to a room.
func Occurred(o rooms.Occurrence) Event {
	return Event{Type: string(o.Kind), Room: o.Room, Peer: string(o.Peer), Name: o.Name, Reason: string(o.Reason)}
}

// Reported makes an event of a client's report about a call.
func Reported(room string, peer rooms.PeerID, r protocol.Report) Event {
	return Event{Type: TypeCall, Room: room, Peer: string(peer), About: r.About, State: r.State, Path: r.Path, Elapsed: r.Elapsed}
}
