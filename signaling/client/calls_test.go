package client_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/signaling/client"
	"parley/signaling/protocol"
)

// calls is a CallDriver that notes what it is asked for, in an order of no importance within one step.
type calls struct {
	*client.Calls
	t     *testing.T
	now   time.Time
	down  map[string]bool // calls that do not stand
	asked []string
	probe string // the last one
}

func newCalls(t *testing.T) *calls {
	c := &calls{t: t, now: time.Unix(1e9, 0), down: map[string]bool{}}
	c.Calls = client.NewCalls(c)
	return c
}

func (c *calls) note(format string, args ...any) {
	c.asked = append(c.asked, fmt.Sprintf(format, args...))
}

func (c *calls) Stands(peer string) bool { return !c.down[peer] }

func (c *calls) Begin(p protocol.Peer, offer bool) {
	if offer {
		c.note("offer %s", p.Peer)
	} else {
		c.note("begin %s", p.Peer)
	}
}

func (c *calls) Move(from string, p protocol.Peer) {
	role := "impolite"
	if p.Polite {
		role = "polite"
	}
	c.note("move %s %s %s", from, p.Peer, role)
}

func (c *calls) Recover(peer string) { c.note("recover %s", peer) }

func (c *calls) Tell(peer string, n client.Note) {
	if n.Type == client.NoteProbe {
		c.probe = n.ID
		c.note("probe %s", peer)
		return
	}
	c.note("tell %s %s %s>%s", peer, n.Type, n.From, n.To)
}

func (c *calls) End(peer string) { c.note("end %s", peer) }

// The events, of peers whose names begin with an older one's letter the earlier they joined.

func peers(polite string, rest ...string) (all []protocol.Peer) {
	for _, p := range strings.Fields(polite) {
		all = append(all, protocol.Peer{Peer: p, Polite: true})
	}
	for _, p := range rest {
		all = append(all, protocol.Peer{Peer: p})
	}
	return all
}

func (c *calls) joined(self, others string) {
	c.Take(client.Joined{Peer: self, Peers: peers(others)}, c.now)
}

func (c *calls) newcomer(peer string) {
	c.Take(client.PeerJoined{Peer: protocol.Peer{Peer: peer}}, c.now)
}

func (c *calls) left(peer, reason string) {
	c.Take(client.PeerLeft{Peer: peer, Reason: reason}, c.now)
}

func (c *calls) signal(from, kind string) { c.Take(client.Signal{From: from, Type: kind}, c.now) }

func (c *calls) moved(peer, from, to string) {
	c.Told(peer, client.Note{Type: client.NoteMoved, From: from, To: to})
}

func (c *calls) answer(peer string) {
	c.Told(peer, client.Note{Type: client.NoteProbeAnswer, ID: c.probe})
}

// pass lets time pass, up to what it is used for next.
func (c *calls) pass(d time.Duration) {
	c.now = c.now.Add(d)
	if at := c.Deadline(); !at.IsZero() && !at.After(c.now) {
		c.Expire(c.now)
	}
}

func (c *calls) want(what ...string) {
	c.t.Helper()
	slices.Sort(what)
	slices.Sort(c.asked)
	if !slices.Equal(c.asked, what) {
		c.t.Fatalf("asked for %q instead of %q", c.asked, what)
	}
	c.asked = nil
}

func TestCalls(t *testing.T) {
	tests := []struct {
		name string
		then func(c *calls) // after "me" has joined, and is in a call with "ann"
	}{
		{"who comes makes the first offer", func(c *calls) {
			c.newcomer("bob")
			c.want("begin bob")
		}},
		{"who leaves has left", func(c *calls) {
			c.left("ann", "left")
			c.want("end ann")
		}},
		{"a peer that timed out is kept while its call stands", func(c *calls) {
			c.left("ann", "timeout")
			c.want()
			c.Down("ann")
			c.want("end ann")
		}},
		{"one whose call does not stand is not", func(c *calls) {
			c.down["ann"] = true
			c.left("ann", "timeout")
			c.want("end ann")
		}},
		{"a call that fails is kept while its peer is in the room", func(c *calls) {
			c.Down("ann")
			c.want()
		}},
		{"a peer that was replaced has two seconds to tell", func(c *calls) {
			c.left("ann", "replaced")
			c.pass(1999 * time.Millisecond)
			c.want()
			c.pass(time.Millisecond)
			c.want("end ann")
		}},
		{"the peer rejoins and tells, then is seen", func(c *calls) {
			c.moved("ann", "ann", "ann2")
			c.left("ann", "replaced")
			c.want()
			c.newcomer("ann2")
			c.want("move ann ann2 impolite", "recover ann2")
			c.pass(time.Minute)
			c.want()
		}},
		{"the peer rejoins and is seen, then tells", func(c *calls) {
			c.left("ann", "timeout")
			c.newcomer("ann2")
			c.want()
			c.moved("ann", "ann", "ann2")
			c.want("move ann ann2 impolite", "recover ann2")
		}},
		{"the peer rejoins and tells before it has left", func(c *calls) {
			c.moved("ann", "ann", "ann2")
			c.newcomer("ann2")
			c.want("move ann ann2 impolite", "recover ann2")
			c.left("ann", "replaced")
			c.want()
		}},
		{"an echo moves nobody", func(c *calls) {
			c.moved("ann", "me", "me2")
			c.newcomer("me2")
			c.want("begin me2")
		}},
		{"nobody takes the place of another", func(c *calls) {
			c.newcomer("bob")
			c.moved("bob", "bob", "ann")
			c.want("begin bob")
			c.left("bob", "timeout")
			c.Down("bob")
			c.want("end bob")
		}},
		{"a new id may be somebody new", func(c *calls) {
			c.left("ann", "timeout")
			c.newcomer("bob")
			c.pass(1999 * time.Millisecond)
			c.want()
			c.pass(time.Millisecond)
			c.want("begin bob")
		}},
		{"somebody new offers", func(c *calls) {
			c.left("ann", "timeout")
			c.newcomer("bob")
			c.signal("bob", protocol.TypeMessage)
			c.want()
			c.signal("bob", protocol.TypeOffer)
			c.want("begin bob")
		}},
		{"somebody new is so when nobody is missed any more", func(c *calls) {
			c.left("ann", "timeout")
			c.newcomer("bob")
			c.Down("ann")
			c.want("end ann", "begin bob")
		}},
		{"somebody new leaves again", func(c *calls) {
			c.left("ann", "timeout")
			c.newcomer("bob")
			c.left("bob", "left")
			c.pass(time.Minute)
			c.want()
		}},
		{"after the own rejoin the peer is there", func(c *calls) {
			c.joined("me2", "ann")
			c.want("tell ann moved me>me2", "probe ann", "move ann ann polite")
			c.answer("ann")
			c.want("recover ann")
			c.pass(time.Minute)
			c.want()
		}},
		{"after the own rejoin the peer offers", func(c *calls) {
			c.joined("me2", "ann")
			c.want("tell ann moved me>me2", "probe ann", "move ann ann polite")
			c.signal("ann", protocol.TypeOffer)
			c.want("recover ann")
		}},
		{"after the own rejoin the peer does not answer", func(c *calls) {
			c.joined("me2", "ann")
			c.want("tell ann moved me>me2", "probe ann", "move ann ann polite")
			c.answer("nobody")
			c.pass(2 * time.Second)
			c.want("end ann", "offer ann")
		}},
		{"after the own rejoin the call does not stand", func(c *calls) {
			c.down["ann"] = true
			c.joined("me2", "ann")
			c.want("end ann", "offer ann")
		}},
		{"both have rejoined, the peer first", func(c *calls) {
			c.moved("ann", "ann", "ann2")
			c.joined("me2", "ann2")
			c.want("tell ann moved me>me2", "probe ann", "move ann ann2 polite")
			c.answer("ann2")
			c.want("recover ann2")
		}},
		{"both have rejoined, the peer last", func(c *calls) {
			c.joined("me2", "")
			c.want("tell ann moved me>me2", "probe ann")
			c.answer("ann")
			c.pass(time.Minute)
			c.newcomer("ann2")
			c.want()
			c.moved("ann", "ann", "ann2")
			c.want("move ann ann2 impolite", "recover ann2")
		}},
		{"the peer has rejoined twice", func(c *calls) {
			c.left("ann", "timeout")
			c.moved("ann", "ann", "ann2")
			c.moved("ann", "ann2", "ann3")
			c.newcomer("ann3")
			c.want("move ann ann3 impolite", "recover ann3")
		}},
		{"nobody is there after the own rejoin", func(c *calls) {
			c.joined("me2", "")
			c.want("tell ann moved me>me2", "probe ann")
			c.pass(2 * time.Second)
			c.want("end ann")
		}},
		{"a resume that may have lost messages", func(c *calls) {
			c.Take(client.Resumed{Peers: peers("ann", "bob")}, c.now)
			c.want("begin bob", "recover ann", "recover bob")
		}},
		{"a resume that has lost none", func(c *calls) {
			c.Take(client.Resumed{Peers: peers("ann"), Complete: true}, c.now)
			c.want()
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newCalls(t)
			c.joined("me", "ann")
			c.want("offer ann")
			test.then(c)
		})
	}
}
