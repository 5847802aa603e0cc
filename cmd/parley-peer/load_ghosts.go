package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/signaling/protocol"
)

// ghosts are peers that are in a room and should not be: strangers, while the clients are there, and everyone when all have
// left and the grace time has passed.
type ghosts struct {
	mu    sync.Mutex
	peers map[string]string // from the peer id to the room
}

func (g *ghosts) add(peer, room string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.peers == nil {
		g.peers = map[string]string{}
	}
	g.peers[peer] = room
}

// onlyKnown tells whether all of these have been found before.
func (g *ghosts) onlyKnown(peers []protocol.Peer) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range peers {
		if _, known := g.peers[p.Peer]; !known {
			return false
		}
	}
	return true
}

func (g *ghosts) count() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return uint64(len(g.peers))
}

// lookAround looks for strangers in the rooms. Something of a client's own that was lost may still be there: it has the grace
// time for leaving.
func (l *load) lookAround() {
	for _, p := range l.peers {
		p.mu.Lock()
		c := p.place.client
		p.mu.Unlock()
		if c == nil {
			continue
		}
		for _, other := range c.Peers() {
			if other.Name != p.partner.name {
				l.ghosts.add(other.Peer, p.settings.Room)
			}
		}
	}
}

// inspect joins every room once all have left. Whoever is still there at the deadline is a ghost.
func (l *load) inspect(ctx context.Context, deadline time.Time) error {
	group, ctx := errgroup.WithContext(ctx) // one room that cannot be looked into is enough to fail
	group.SetLimit(atOnce)
	for _, room := range l.rooms() {
		group.Go(func() error {
			if err := l.inspectRoom(ctx, room, deadline); err != nil && ctx.Err() == nil {
				return &stageError{"inspection", fmt.Errorf("room %s: %w", room, err)}
			}
			return nil
		})
	}
	return group.Wait()
}

// joinAtLeast is how long a room whose turn comes only at the deadline is tried.
const joinAtLeast = 10 * time.Second

func (l *load) inspectRoom(ctx context.Context, room string, deadline time.Time) error {
	joining, cancel := context.WithTimeout(ctx, max(joinAtLeast, time.Until(deadline)))
	defer cancel()
	inspector := l.newPeer(0, "inspector")
	defer inspector.stop()
	inspector.settings.Room = room
	c, err := inspector.enter(joining)
	if err != nil {
		return err
	}
	defer c.Close()
	waiting, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	for err == nil && !l.ghosts.onlyKnown(c.Peers()) {
		_, err = c.Next(waiting)
	}
	for _, other := range c.Peers() {
		l.ghosts.add(other.Peer, room)
	}
	goodbye, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbyeWithin)
	defer cancel()
	if err := c.Leave(goodbye); err != nil {
		inspector.settings.logf("leave: %v", err)
	}
	return nil
}
