package natsrooms

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"parley/rooms"
)

// kind is the first byte of what lies in a mailbox.
type kind byte

const (
	kindRelay       kind = 'r' // what another peer has sent: see relayed
	kindPresence    kind = 'p' // what has happened to another peer: presenceNote
	kindUndelivered kind = 'u' // what another peer's owner could not take: rooms.Undelivered
	kindMoved       kind = 'm' // another node owns the session from here on: movedNote
	kindEnded       kind = 'e' // the session was ended by another node: endedNote
	kindStep        kind = 's' // nothing: the numbers go on
)

// relayed is a message of one peer to another. It is the one that there are many of, and so it is no JSON.
type relayed struct {
	from    rooms.PeerID
	of      uint64 // the sender's number, 0 for none
	payload []byte
}

func (r relayed) encode() []byte {
	b := make([]byte, 0, 2+len(r.from)+binary.MaxVarintLen64+len(r.payload))
	b = append(b, byte(kindRelay), byte(len(r.from)))
	b = append(b, r.from...)
	b = binary.AppendUvarint(b, r.of)
	return append(b, r.payload...)
}

var errGarbled = errors.New("natsrooms: a message in a mailbox that no node of this version has written")

// decodeRelayed takes what follows the kind. The payload is not copied.
func decodeRelayed(b []byte) (relayed, error) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return relayed{}, errGarbled
	}
	r := relayed{from: rooms.PeerID(b[1 : 1+b[0]])}
	b = b[1+b[0]:]
	of, n := binary.Uvarint(b)
	if n <= 0 {
		return relayed{}, errGarbled
	}
	r.of, r.payload = of, b[n:]
	return r, nil
}

// presenceNote is a change of a peer, for another peer's mailbox.
type presenceNote struct {
	Change   rooms.Change    `json:"c"`
	Peer     rooms.PeerID    `json:"p"`
	Revision uint64          `json:"v"` // of the peer's key after the change
	Reason   rooms.Reason    `json:"r,omitempty"`
	Seat     *seat           `json:"s,omitempty"` // with PeerJoined
	Room     uint64          `json:"k,omitempty"` // with PeerJoined: the revision of the room's key that has it
	Name     *string         `json:"n,omitempty"`
	Metadata json.RawMessage `json:"m,omitempty"` // null is kept: it clears
}

func (n presenceNote) event() rooms.Presence {
	p := rooms.Presence{Change: n.Change, Member: rooms.Member{Peer: n.Peer}, Reason: n.Reason}
	switch n.Change {
	case rooms.PeerJoined:
		p.Member.Metadata = n.Metadata
		if n.Name != nil {
			p.Member.Name = *n.Name
		}
	case rooms.PeerUpdated:
		p.Update = rooms.Update{Name: n.Name, Metadata: n.Metadata}
	}
	return p
}

// movedNote says who owns a session from here on.
type movedNote struct {
	Owner   string `json:"o"`
	Epoch   uint64 `json:"e"`
	Adopted bool   `json:"a,omitempty"` // a node that sweeps has taken it, and not one that a client asked
}

// endedNote says why a session was ended.
type endedNote struct {
	Reason rooms.Reason `json:"r"`
}

// encodeNote encodes all but relayed messages.
func encodeNote(k kind, note any) []byte {
	b, err := json.Marshal(note)
	if err != nil {
		panic(err) // no type above can fail, but for metadata that is no JSON
	}
	return append([]byte{byte(k)}, b...)
}
