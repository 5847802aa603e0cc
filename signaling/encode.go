package signaling

import (
	"encoding/json"

	"parley/rooms"
	"parley/signaling/protocol"
)

// body gives an event of an inbox in the words of the wire, less its number.
func body(e rooms.Event) protocol.Body {
	switch {
	case e.Presence != nil:
		return presenceBody(*e.Presence)
	case e.Undelivered != nil:
		u := e.Undelivered
		return protocol.Encode(protocol.Undelivered{
			Type: protocol.TypeUndelivered, To: string(u.To), Of: u.Of, Code: protocol.Code(u.Cause),
		})
	default:
		return e.Payload
	}
}

func presenceBody(p rooms.Presence) protocol.Body {
	peer := string(p.Member.Peer)
	switch p.Change {
	case rooms.PeerJoined:
		return protocol.Encode(protocol.PeerJoined{Type: protocol.TypePeerJoined, Peer: peerEntry(p.Member)})
	case rooms.PeerLeft:
		return protocol.Encode(protocol.PeerChanged{Type: protocol.TypePeerLeft, Peer: peer, Reason: string(p.Reason)})
	case rooms.PeerAway:
		return protocol.Encode(protocol.PeerChanged{Type: protocol.TypePeerAway, Peer: peer})
	case rooms.PeerBack:
		return protocol.Encode(protocol.PeerChanged{Type: protocol.TypePeerBack, Peer: peer})
	default:
		return protocol.Encode(protocol.PeerUpdated{
			Type: protocol.TypePeerUpdated, Peer: peer, Name: nameChange(p.Update.Name), Metadata: p.Update.Metadata,
		})
	}
}

// nameChange gives a name as it changed: null where it was cleared, nothing where it stays.
func nameChange(name *string) json.RawMessage {
	switch {
	case name == nil:
		return nil
	case *name == "":
		return json.RawMessage("null")
	}
	return protocol.Quote(*name)
}

func peerEntry(m rooms.Member) protocol.Peer {
	return protocol.Peer{Peer: string(m.Peer), Name: m.Name, Metadata: m.Metadata, Polite: m.Polite, Away: m.Away}
}

// welcome is what joined and resumed tell alike.
func (c *conn) welcome(snapshot rooms.Snapshot) protocol.Welcome {
	config := &c.server.config
	peers := make([]protocol.Peer, 0, len(snapshot.Others))
	for _, m := range snapshot.Others {
		peers = append(peers, peerEntry(m))
	}
	return protocol.Welcome{
		Room: snapshot.Room, Peer: string(snapshot.Peer), Session: snapshot.Secret,
		Grace: int(config.Grace.Seconds()), Peers: peers, ICEServers: c.servers(),
		Heartbeat: max(0, int(config.PingEvery.Seconds())), Limits: config.limits(),
		May: c.pass.Load().rights(),
	}
}

// servers are the ICE servers that the client is told of: its own, or those of everybody.
func (c *conn) servers() []protocol.ICEServer {
	if c.iceServers != nil {
		return c.iceServers
	}
	return append([]protocol.ICEServer{}, c.server.config.ICEServers...)
}
