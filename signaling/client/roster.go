package client

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"parley/signaling/protocol"
)

// roster is the room as last heard: everyone but the client itself.
type roster struct {
	peers []protocol.Peer // in the order in which they were told
	// missed are those that the application knows and the roster of a resumed lacks: their peer-left is on its way.
	missed map[string]bool
	// ghosts are those that a restarted server does not know yet: away, and gone at that moment if they have not come back.
	ghosts map[string]time.Time
}

func (r *roster) index(peer string) int {
	return slices.IndexFunc(r.peers, func(p protocol.Peer) bool { return p.Peer == peer })
}

// all gives a copy.
func (r *roster) all() []protocol.Peer { return slices.Clone(r.peers) }

// joined takes the roster of a new session.
func (r *roster) joined(peers []protocol.Peer) { *r = roster{peers: slices.Clone(peers)} }

// resumed takes the roster of a session that goes on. After a restart of the server (complete is false) those who are missing
// count as away until the deadline. It gives the ghosts that have come back.
func (r *roster) resumed(peers []protocol.Peer, complete bool, deadline time.Time) (back []string) {
	known := r.peers
	r.peers = slices.Clone(peers)
	for _, p := range known {
		_, ghost := r.ghosts[p.Peer]
		switch missing := r.index(p.Peer) < 0; {
		case !missing && ghost:
			delete(r.ghosts, p.Peer)
			back = append(back, p.Peer)
		case !missing:
		case ghost || !complete:
			p.Away = true
			r.peers = append(r.peers, p)
			if !ghost {
				r.haunt(p.Peer, deadline)
			}
		default:
			r.miss(p.Peer)
		}
	}
	return back
}

// expects tells whether a peer is away because the server was restarted.
func (r *roster) expects(peer string) bool {
	_, ghost := r.ghosts[peer]
	return ghost
}

func (r *roster) haunt(peer string, deadline time.Time) {
	if r.ghosts == nil {
		r.ghosts = make(map[string]time.Time)
	}
	r.ghosts[peer] = deadline
}

func (r *roster) miss(peer string) {
	if r.missed == nil {
		r.missed = make(map[string]bool)
	}
	r.missed[peer] = true
}

// add takes a newcomer and tells whether it is one: after a resume the roster may have told of it before.
func (r *roster) add(p protocol.Peer) bool {
	if i := r.index(p.Peer); i >= 0 {
		p.Away = r.peers[i].Away
		r.peers[i] = p
		return false
	}
	r.peers = append(r.peers, p)
	return true
}

// remove takes a peer out and tells whether the application knows it.
func (r *roster) remove(peer string) bool {
	known := r.missed[peer]
	delete(r.missed, peer)
	delete(r.ghosts, peer)
	if i := r.index(peer); i >= 0 {
		r.peers = slices.Delete(r.peers, i, i+1)
		return true
	}
	return known
}

// away notes whether a peer is away and tells whether that is news.
func (r *roster) away(peer string, away bool) bool {
	i := r.index(peer)
	if i < 0 || r.peers[i].Away == away {
		return false
	}
	r.peers[i].Away = away
	delete(r.ghosts, peer)
	return true
}

// update notes what a peer has changed of itself.
func (r *roster) update(u protocol.PeerUpdated) (p protocol.Peer, known bool) {
	i := r.index(u.Peer)
	if i < 0 {
		return p, false
	}
	if u.Name != nil {
		r.peers[i].Name = ""
		_ = json.Unmarshal(u.Name, &r.peers[i].Name) // null leaves it empty
	}
	switch {
	case u.Metadata == nil:
	case bytes.Equal(u.Metadata, []byte("null")):
		r.peers[i].Metadata = nil
	default:
		r.peers[i].Metadata = u.Metadata
	}
	return r.peers[i], true
}

// nextGhost gives the ghost whose time ends first.
func (r *roster) nextGhost() (peer string, deadline time.Time) {
	for p, d := range r.ghosts {
		if deadline.IsZero() || d.Before(deadline) {
			peer, deadline = p, d
		}
	}
	return peer, deadline
}
