package signaling

import (
	"time"

	"parley/rooms"
)

// Connection is what an operator sees of a peer's connection to this node.
type Connection struct {
	Since          time.Time // when it was opened
	Received, Sent uint64    // bytes from the upgrade on, WebSocket frames and all, before TLS
}

// Connections gives the connections that the peers of a room have to this node. A peer that is away, or on another node, has
// none.
func (s *Server) Connections(room string) map[rooms.PeerID]Connection {
	found := map[rooms.PeerID]Connection{}
	for _, c := range s.all() {
		peer, ok := c.holds(room)
		if before, twice := found[peer]; ok && (!twice || c.opened.After(before.Since)) {
			found[peer] = Connection{Since: c.opened, Received: c.meter.received.Load(), Sent: c.meter.sent.Load()}
		}
	}
	return found
}

// holds tells which peer of a room this is the connection of, if it is one.
func (c *conn) holds(room string) (rooms.PeerID, bool) {
	c.mu.Lock()
	a := c.attachment
	ok := a != nil && c.room == room && !c.closed && c.ending == nil
	c.mu.Unlock()
	if !ok {
		return "", false
	}
	return a.Peer(), true // the mutex is a leaf
}
