package rooms

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"time"
)

// The errors of a Governor, and of a join that a Policy keeps out. Callers compare with errors.Is.
var (
	ErrRoomUnknown = errors.New("rooms: there is no such room")
	ErrPeerUnknown = errors.New("rooms: there is no such peer in the room")
	ErrRoomLocked  = errors.New("rooms: the room is locked")
	ErrPassword    = errors.New("rooms: the room has a password, which is another one")
	ErrMustWait    = errors.New("rooms: somebody in the room has to let it in")
)

// Governor is what an operator does to rooms, wherever their peers are. Every Engine is one.
type Governor interface {
	// Rooms gives rooms in the order of their names, at most limit of those that come after a name. Errors: ErrUnavailable.
	Rooms(ctx context.Context, after string, limit int) ([]RoomState, error)
	// Room gives one room, and its peers in the order of joining. Errors: ErrRoomUnknown, ErrUnavailable.
	Room(ctx context.Context, name string) (RoomState, []PeerState, error)
	// Expel ends the session of a peer: its connection is cut with CutKicked, and the others hear that it was kicked. It may
	// join anew, unless something else keeps it out. Errors: ErrRoomUnknown, ErrPeerUnknown, ErrUnavailable.
	Expel(ctx context.Context, room string, peer PeerID) error
	// CloseRoom ends the sessions of all peers of a room, whose connections are cut with CutClosed, and forgets its policy.
	// Errors: ErrRoomUnknown, ErrUnavailable.
	CloseRoom(ctx context.Context, room string) error
	// Say puts a payload into the inbox of every peer of a room that has room for it, as a message that no peer has sent, and
	// tells how many those are. Errors: ErrRoomUnknown, ErrUnavailable.
	Say(ctx context.Context, room string, payload []byte) (peers int, err error)
	// Govern changes the policy of a room, and gives what it is then. edit may be called more than once. A room that nobody is
	// in has a policy only if it is kept. Errors: ErrRoomUnknown where nobody is in the room and the policy is not kept,
	// ErrTooManyRooms, ErrUnavailable.
	Govern(ctx context.Context, room string, edit func(*Policy)) (Policy, error)
}

// Policy is what holds for one room. The zero value is that of a room of which nobody has said anything.
type Policy struct {
	Locked     bool           `json:"locked,omitempty"`     // nobody new is let in
	Capacity   int            `json:"capacity,omitempty"`   // peers; 0: the engine's
	Password   string         `json:"password,omitempty"`   // what PasswordDigest makes of it, "" for none
	Waiting    bool           `json:"waiting,omitempty"`    // newcomers wait until somebody lets them in: see Lobby
	Identities IdentityPolicy `json:"identities,omitempty"` // "": the engine's
	Kept       bool           `json:"kept,omitempty"`       // it outlives the last peer of the room
}

// PasswordDigest gives what a policy keeps of a password, "" for none. It is good in this room alone.
func PasswordDigest(room, password string) string {
	if password == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("parley password v1\x00" + room + "\x00" + password))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Admits tells whether a newcomer is let into a room of this policy that has so many peers. One who returns has a seat there,
// which does not count among them, and is nobody new. Errors: ErrRoomLocked, ErrPassword, ErrRoomFull,
// ErrMustWait.
func (p Policy) Admits(c Config, join Join, peers int, returns bool) error {
	known := returns || join.Trusted
	given := PasswordDigest(join.Room, join.Password)
	most := cmp.Or(join.Capacity, p.Capacity, c.Capacity)
	if p.Capacity != 0 {
		most = min(most, p.Capacity) // what holds for the room holds for whoever may bring more
	}
	switch {
	case p.Locked && !known:
		return ErrRoomLocked
	case p.Password != "" && !known && subtle.ConstantTimeCompare([]byte(given), []byte(p.Password)) == 0:
		return ErrPassword
	case most > 0 && peers >= most:
		return ErrRoomFull
	case (p.Waiting || join.Waits) && !known:
		return ErrMustWait
	}
	return nil
}

// RoomState is a room as an operator sees it.
type RoomState struct {
	Name   string
	Peers  int // with those that are away
	Policy Policy
}

// PeerState is a peer as an operator sees it.
type PeerState struct {
	Peer     PeerID
	Name     string
	Metadata []byte
	Away     bool
	Joined   time.Time // zero where it is not known
	Address  string    // see Join.Address
	Node     string    // that has its session, "" where there is only one
}
