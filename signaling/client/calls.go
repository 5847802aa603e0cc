package client

import (
	"crypto/rand"
	"maps"
	"time"

	"parley/signaling/protocol"
)

// unsureWithin is how long a new id may turn out to be somebody known, and how long a peer may take to answer over the data
// channel of a call that was moved.
const unsureWithin = 2 * time.Second

// Note is what two clients tell each other on the data channel of a call, as far as it is about who they are: docs/protocol.md.
type Note struct {
	Type string `json:"type"`
	ID   string `json:"id,omitempty"`   // of a probe, and of its answer
	From string `json:"from,omitempty"` // of moved: the sender's id before
	To   string `json:"to,omitempty"`   // of moved: its id now
}

// The types of notes that Calls takes, and that it tells.
const (
	NoteProbe       = "probe"        // asks for a sign of life
	NoteProbeAnswer = "probe-answer" // is one; so is the probe itself when it comes back from an echo
	NoteMoved       = "moved"        // the sender has joined anew
)

// CallDriver holds the calls themselves, by the ids of the peers. Calls is the only caller of its methods, and expects that none
// of them calls it back.
type CallDriver interface {
	// Stands tells whether the call works as far as can be told without the server: connected, its data channel open.
	Stands(peer string) bool
	// Begin makes a call. The first offer is this side's to make, or else the peer's.
	Begin(p protocol.Peer, offer bool)
	// Move has the call that was with from go on with p, in the role that p tells.
	Move(from string, p protocol.Peer)
	// Recover is called where messages of the call may have been lost: an offer that waits for its answer is made again.
	Recover(peer string)
	// Tell sends a note on the call's data channel, if that is open.
	Tell(peer string, n Note)
	// End closes the call.
	End(peer string)
}

// Calls knows who is who among the peers that this client has calls with. A call outlives the ids of both sides: when a session
// was lost, and the peer or this client has joined anew, they tell each other over the data channel that still stands, and
// the call moves to the new id. It knows no WebRTC stack; it is told what happens and has it done by its CallDriver. It does no
// locking: its methods are called one at a time.
type Calls struct {
	driver CallDriver
	self   string
	roster map[string]protocol.Peer // as told by events
	calls  map[string]*standing     // by the id that the server knows, or knew last
	parked map[string]time.Time     // new ids that may turn out to be somebody known, until then
}

// standing is what is known of a call.
type standing struct {
	peer    string
	gone    bool      // the server does not know its peer any more. It is kept while it stands
	claimed string    // the id that its peer has told that it has now, "" for none
	probe   string    // the sign of life that was asked for, "" for none
	limit   time.Time // when it is given up, zero for never
}

// NewCalls begins with an empty room.
func NewCalls(driver CallDriver) *Calls {
	return &Calls{
		driver: driver, roster: map[string]protocol.Peer{}, calls: map[string]*standing{}, parked: map[string]time.Time{},
	}
}

// Take is called with every event of the Client, in their order. Of a Signal it is called before the signal is given to the
// call, which may begin with it.
func (c *Calls) Take(e Event, now time.Time) {
	switch e := e.(type) {
	case Joined:
		c.joined(e, now)
	case Resumed:
		c.resumed(e, now)
	case PeerJoined:
		c.roster[e.Peer.Peer] = e.Peer
		c.arrived(e.Peer, now)
	case PeerUpdated:
		c.roster[e.Peer.Peer] = e.Peer
	case PeerLeft:
		delete(c.roster, e.Peer)
		c.left(e.Peer, e.Reason, now)
	case Signal:
		c.heard(e)
	}
}

func (c *Calls) enter(peers []protocol.Peer) {
	c.roster = make(map[string]protocol.Peer, len(peers))
	for _, p := range peers {
		c.roster[p.Peer] = p
	}
}

// joined keeps every call that stands over a rejoin, provided that its other side answers.
func (c *Calls) joined(e Joined, now time.Time) {
	previous := c.self
	c.self = e.Peer
	c.enter(e.Peers)
	clear(c.parked)
	for peer, s := range maps.Clone(c.calls) {
		if !c.driver.Stands(peer) {
			c.end(s)
			continue
		}
		c.driver.Tell(peer, Note{Type: NoteMoved, From: previous, To: c.self})
		s.probe = rand.Text()
		s.limit = now.Add(unsureWithin)
		c.driver.Tell(peer, Note{Type: NoteProbe, ID: s.probe})
		s.gone = true
		if !c.find(s, peer) {
			c.find(s, s.claimed)
		}
	}
	for _, p := range e.Peers {
		c.arrived(p, now)
	}
}

func (c *Calls) resumed(e Resumed, now time.Time) {
	c.enter(e.Peers)
	for _, p := range e.Peers {
		c.arrived(p, now)
	}
	if e.Complete {
		return
	}
	for _, s := range c.calls {
		c.recover(s)
	}
}

// arrived takes somebody who is in the room.
func (c *Calls) arrived(p protocol.Peer, now time.Time) {
	if _, parked := c.parked[p.Peer]; parked || c.calls[p.Peer] != nil {
		return
	}
	unaccounted := false
	for _, s := range c.calls {
		if s.claimed == p.Peer {
			c.adopt(s, p)
			return
		}
		unaccounted = unaccounted || s.gone
	}
	if unaccounted {
		c.parked[p.Peer] = now.Add(unsureWithin)
		return
	}
	c.begin(p, p.Polite)
}

func (c *Calls) left(peer, reason string, now time.Time) {
	delete(c.parked, peer)
	s := c.calls[peer]
	if s == nil {
		return
	}
	if mayReturn := reason == "timeout" || reason == "replaced"; !mayReturn || !c.driver.Stands(peer) {
		c.end(s)
		return
	}
	s.gone = true
	if reason == "replaced" {
		s.limit = now.Add(unsureWithin)
	}
	c.find(s, s.claimed)
}

// heard takes a signal for a sign of life, and its sender, if it is new, for nobody that was known.
func (c *Calls) heard(e Signal) {
	if e.Type == protocol.TypeMessage {
		return
	}
	s := c.calls[e.From]
	switch {
	case s == nil:
		c.met(e.From, false)
	case e.Type == protocol.TypeOffer:
		c.confirm(s)
	}
}

// Told is called with every note that comes on the data channel of the call with peer.
func (c *Calls) Told(peer string, n Note) {
	s := c.calls[peer]
	if s == nil {
		return
	}
	switch n.Type {
	case NoteProbe, NoteProbeAnswer:
		if n.ID == s.probe {
			c.confirm(s)
		}
	case NoteMoved:
		known := n.From != "" && (n.From == s.peer || n.From == s.claimed) // else it is an echo
		if known && n.To != "" && c.calls[n.To] == nil {
			s.claimed = n.To
			c.find(s, n.To)
		}
	}
}

// Down is called when the call with peer does not stand any more.
func (c *Calls) Down(peer string) {
	if s := c.calls[peer]; s != nil && s.gone {
		c.end(s)
	}
}

// Deadline is when Expire is to be called next, zero for never.
func (c *Calls) Deadline() (next time.Time) {
	earlier := func(at time.Time) {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	for _, s := range c.calls {
		earlier(s.limit)
	}
	for _, until := range c.parked {
		earlier(until)
	}
	return next
}

// Expire gives up those whose time is up: they have not answered, or have not said who they are now. Who was parked is new.
func (c *Calls) Expire(now time.Time) {
	for _, s := range maps.Clone(c.calls) {
		if s.limit.IsZero() || s.limit.After(now) {
			continue
		}
		c.end(s)
		if p, here := c.roster[s.peer]; here && !s.gone {
			c.begin(p, true)
		}
	}
	for peer, until := range maps.Clone(c.parked) {
		if !until.After(now) {
			c.met(peer, c.roster[peer].Polite)
		}
	}
}

// met begins the call with somebody of whom it was not known whether they are new.
func (c *Calls) met(peer string, offer bool) {
	delete(c.parked, peer)
	if p, here := c.roster[peer]; here && c.calls[peer] == nil {
		c.begin(p, offer)
	}
}

func (c *Calls) begin(p protocol.Peer, offer bool) {
	c.calls[p.Peer] = &standing{peer: p.Peer}
	c.driver.Begin(p, offer)
}

func (c *Calls) end(s *standing) {
	delete(c.calls, s.peer)
	c.driver.End(s.peer)
	c.settle()
}

// find looks whether the peer of a call is in the room under this id, and moves the call there.
func (c *Calls) find(s *standing, peer string) bool {
	p, here := c.roster[peer]
	if here {
		c.adopt(s, p)
	}
	return here
}

// adopt moves a call to the id under which the server knows its peer now.
func (c *Calls) adopt(s *standing, p protocol.Peer) {
	from := s.peer
	delete(c.parked, p.Peer)
	delete(c.calls, from)
	s.peer, s.gone, s.claimed = p.Peer, false, ""
	c.calls[p.Peer] = s
	if s.probe == "" {
		s.limit = time.Time{}
	}
	c.driver.Move(from, p)
	c.recover(s)
	c.settle()
}

// confirm notes that the peer of a call is there.
func (c *Calls) confirm(s *standing) {
	if s.probe == "" {
		return
	}
	s.probe, s.limit = "", time.Time{}
	c.recover(s)
}

// recover goes on with negotiating, if it is known with whom.
func (c *Calls) recover(s *standing) {
	if !s.gone && s.probe == "" {
		c.driver.Recover(s.peer)
	}
}

// settle takes new ids for new peers where nobody is unaccounted for any more.
func (c *Calls) settle() {
	for _, s := range c.calls {
		if s.gone {
			return
		}
	}
	for peer := range maps.Clone(c.parked) {
		c.met(peer, c.roster[peer].Polite)
	}
}
