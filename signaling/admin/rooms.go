package admin

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"time"

	"parley/rooms"
	"parley/signaling/protocol"
)

// How many rooms one answer has.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// listAnswer is a page of rooms, in the order of their names.
type listAnswer struct {
	Rooms []roomAnswer `json:"rooms"`
	Next  string       `json:"next,omitempty"` // what to ask for next, as after
}

type roomAnswer struct {
	Name  string `json:"name"`
	Peers int    `json:"peers"`
	policyAnswer
}

// detailAnswer is one room. Where a list has the number of its peers, this has the peers.
type detailAnswer struct {
	Name  string       `json:"name"`
	Peers []peerAnswer `json:"peers"`
	policyAnswer
}

type peerAnswer struct {
	Peer       rooms.PeerID      `json:"peer"`
	Name       string            `json:"name,omitempty"`
	Metadata   json.RawMessage   `json:"metadata,omitempty"`
	Away       bool              `json:"away"`
	Joined     *time.Time        `json:"joined,omitempty"`
	Address    string            `json:"address"`
	Node       string            `json:"node,omitempty"`
	Connection *connectionAnswer `json:"connection,omitempty"`
}

// connectionAnswer is a peer's connection to the node that is asked.
type connectionAnswer struct {
	Since    time.Time `json:"since"`
	Received uint64    `json:"received"`
	Sent     uint64    `json:"sent"`
}

// list gives a page of rooms.
func (a *API) list(c *call) (any, error) {
	after, limit, err := readPage(c.request.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	found, err := a.rooms.Rooms(c.context(), after, limit+1) // one more, to know whether there are more
	if err != nil {
		return nil, err
	}
	answer := listAnswer{Rooms: []roomAnswer{}}
	if len(found) > limit {
		found = found[:limit]
		answer.Next = base64.RawURLEncoding.EncodeToString([]byte(found[limit-1].Name))
	}
	for _, r := range found {
		answer.Rooms = append(answer.Rooms, roomAnswer{r.Name, r.Peers, showPolicy(r.Policy)})
	}
	return answer, nil
}

// readPage reads what a query says of the page that it wants.
func readPage(query string) (after string, limit int, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", 0, badRequest("the query is not of the form NAME=VALUE&NAME=VALUE")
	}
	limit = defaultLimit
	if values.Has("limit") {
		limit, err = strconv.Atoi(values.Get("limit"))
		if err != nil || limit < 1 || limit > maxLimit {
			return "", 0, badRequest("limit must be from 1 to %d", maxLimit)
		}
	}
	if values.Has("after") {
		name, err := base64.RawURLEncoding.Strict().DecodeString(values.Get("after"))
		if err != nil || !isName(string(name), protocol.MaxRoom) {
			return "", 0, badRequest("after must be what an answer has as next")
		}
		after = string(name)
	}
	return after, limit, nil
}

// show gives a room with its peers.
func (a *API) show(c *call) (any, error) {
	room, peers, err := a.rooms.Room(c.context(), c.room)
	if err != nil {
		return nil, err
	}
	connections := a.connections(c.room)
	answer := detailAnswer{Name: room.Name, Peers: []peerAnswer{}, policyAnswer: showPolicy(room.Policy)}
	for _, p := range peers {
		shown := peerAnswer{Peer: p.Peer, Name: p.Name, Metadata: p.Metadata, Away: p.Away, Address: p.Address, Node: p.Node}
		if !p.Joined.IsZero() {
			joined := p.Joined.UTC()
			shown.Joined = &joined
		}
		if connection, ok := connections[p.Peer]; ok {
			shown.Connection = &connectionAnswer{connection.Since.UTC(), connection.Received, connection.Sent}
		}
		answer.Peers = append(answer.Peers, shown)
	}
	return answer, nil
}

// closeRoom ends a room.
func (a *API) closeRoom(c *call) (any, error) { return nil, a.rooms.CloseRoom(c.context(), c.room) }

// expel ends a peer's session.
func (a *API) expel(c *call) (any, error) {
	return nil, a.rooms.Expel(c.context(), c.room, rooms.PeerID(c.peer))
}

// sayAnswer tells how many peers a message is for.
type sayAnswer struct {
	Peers int `json:"peers"`
}

// say sends a message to everybody in a room.
func (a *API) say(c *call) (any, error) {
	body, err := c.body()
	if err != nil {
		return nil, err
	}
	given, err := decodeObject(body, "data")
	if err != nil {
		return nil, err
	}
	data, ok := given["data"]
	switch {
	case !ok:
		return nil, badRequest(`"data" must be there`)
	case protocol.Depth(data) >= protocol.MaxDepth: // the message around it is a level too
		return nil, badRequest(`"data" may be nested %d deep`, protocol.MaxDepth-1)
	}
	payload := protocol.Encode(protocol.Announcement{Type: protocol.TypeAnnouncement, Data: data})
	peers, err := a.rooms.Say(c.context(), c.room, slices.Clip(payload))
	if err != nil {
		return nil, err
	}
	return sayAnswer{peers}, nil
}
