package rooms

// Occurrence is something that has happened to a room: see Config.Occurred.
type Occurrence struct {
	Kind   OccurrenceKind
	Room   string
	Peer   PeerID // "" where the room itself is meant
	Name   string // of the peer that has joined, "" for none
	Reason Reason // of the peer that has left
}

// OccurrenceKind is what has happened, in the words of the event webhook.
type OccurrenceKind string

// What can happen to a room.
const (
	RoomOpened OccurrenceKind = "room-opened" // somebody has joined, and nobody was there
	RoomClosed OccurrenceKind = "room-closed" // the last peer has left
	JoinedRoom OccurrenceKind = "peer-joined"
	LeftRoom   OccurrenceKind = "peer-left"
)
