package rooms

import "slices"

// Inbox holds what a peer has yet to receive or to acknowledge, in the order of its numbers. Two kinds of event count
// against a bound, each against its own: what others sent, and what the peer's own messages made the server say. Presence
// never counts; it is coalesced as long as it is unsent.
//
// It has no mutex: an engine uses it under that of its peer or room.
type Inbox struct {
	maxEvents int // of either kind
	maxBytes  int // of what others sent

	events []Event
	unsent int // index of the first event that was not yet sent on the present connection

	last      uint64 // the number given last
	sent      uint64 // the highest number ever sent
	confirmed uint64 // the highest number known to have been received
	dropped   uint64 // the highest number that is no longer here to be sent again

	relayed       int // events that others sent
	relayedBytes  int
	told          int // events that answer the peer's own messages
	presences     int // events that tell of others
	presenceBytes int
}

// Relay adds what another peer sent, if there is room.
func (b *Inbox) Relay(from PeerID, message Message) bool {
	fits := func() bool { return b.relayed < b.maxEvents && b.relayedBytes+len(message.Payload) <= b.maxBytes }
	for !fits() {
		if !b.dropConfirmed() {
			return false
		}
	}
	b.push(Event{From: from, Payload: message.Payload, Of: message.Seq})
	return true
}

// Tell adds what answers the peer's own messages. If there are more than may wait its connection has to be cut, so that it
// sends no more before it has read; far beyond that, which takes many connections, it is refused.
func (b *Inbox) Tell(e Event) (ok, tooMany bool) {
	for b.told >= b.maxEvents && b.dropConfirmed() {
	}
	if b.told >= 4*b.maxEvents {
		return false, true
	}
	b.push(e)
	return true, b.told > b.maxEvents
}

func (b *Inbox) push(e Event) {
	b.last++
	e.Seq = b.last
	b.events = append(b.events, e)
	b.count(e, 1)
}

func (b *Inbox) count(e Event, sign int) {
	switch {
	case e.Presence != nil:
		b.presences += sign
		b.presenceBytes += sign * e.Presence.size()
	case e.From != "":
		b.relayed += sign
		b.relayedBytes += sign * len(e.Payload)
	default:
		b.told += sign
	}
}

// dropConfirmed drops the oldest event if the peer is known to have received it. A client that does not acknowledge loses
// nothing by it but the chance to resume.
func (b *Inbox) dropConfirmed() bool {
	if b.unsent == 0 || b.events[0].Seq > b.confirmed {
		return false
	}
	b.dropFront(1)
	return true
}

func (b *Inbox) dropFront(n int) {
	for i := range n {
		b.dropped = b.events[i].Seq
		b.count(b.events[i], -1)
		b.events[i] = Event{} // let go of the payload before the array is
	}
	b.events = b.events[n:]
	b.unsent = max(0, b.unsent-n)
	if len(b.events) == 0 {
		b.events = nil // an idle peer holds no buffer
	}
}

// Ack drops what the client has acknowledged.
func (b *Inbox) Ack(seq uint64) error {
	if seq > b.sent {
		return ErrNeverSent
	}
	n := 0
	for n < len(b.events) && b.events[n].Seq <= seq {
		n++
	}
	b.dropFront(n)
	b.confirmed = max(b.confirmed, seq)
	return nil
}

// Confirm notes that the client is known to have received every event up to seq.
func (b *Inbox) Confirm(seq uint64) { b.confirmed = max(b.confirmed, min(seq, b.sent)) }

// Rewind makes ready to send again all above received.
func (b *Inbox) Rewind(received uint64) error {
	if received < b.dropped {
		return ErrSessionLost
	}
	if err := b.Ack(received); err != nil {
		return err
	}
	b.unsent = 0
	b.confirmed = received // the client knows best
	return nil
}

// restart begins anew behind what the client has. What waits is kept, under new numbers.
func (b *Inbox) restart(received uint64) {
	b.unsent = 0
	b.StartAfter(received, received)
	for i := range b.events {
		b.last++
		b.events[i].Seq = b.last
	}
}

// settled tells whether the peer is known to have received what others sent it, and what became of its own messages.
func (b *Inbox) settled() bool {
	for i := range b.events {
		e := &b.events[i]
		if (e.From != "" || e.Answers()) && e.Seq > b.confirmed {
			return false
		}
	}
	return true
}

// dropUndelivered takes out and returns what others sent and the peer is not known to have received.
func (b *Inbox) dropUndelivered() (dropped []Event) {
	for i := len(b.events) - 1; i >= 0; i-- {
		if e := b.events[i]; e.From != "" && e.Seq > b.confirmed {
			dropped = append(dropped, e)
			b.remove(i)
			if i < b.unsent {
				b.unsent--
			}
		}
	}
	slices.Reverse(dropped)
	return dropped
}

// DropCovered takes out the presence that covered gives true for. All of the inbox is unsent: it comes after a rewind.
func (b *Inbox) DropCovered(covered func(Presence) bool) {
	kept := b.events[:0]
	for _, e := range b.events {
		if e.Presence != nil && covered(*e.Presence) {
			b.count(e, -1)
			continue
		}
		kept = append(kept, e)
	}
	clear(b.events[len(kept):])
	b.events = kept
}

// The size of a batch: enough to fill a write, little enough that a connection that is cut has not taken too much.
const (
	batchEvents = 64
	batchBytes  = 64 << 10
)

// Next takes the events that wait, as many as make a batch.
func (b *Inbox) Next() Batch {
	end, bytes := b.unsent, 0
	for end < len(b.events) && end-b.unsent < batchEvents && bytes < batchBytes {
		bytes += len(b.events[end].Payload)
		end++
	}
	if end == b.unsent {
		return Batch{}
	}
	batch := Batch{Events: append([]Event(nil), b.events[b.unsent:end]...)}
	b.unsent = end
	b.sent = max(b.sent, batch.Events[len(batch.Events)-1].Seq)
	batch.Confirm = b.relayed > b.maxEvents/2 || b.relayedBytes > b.maxBytes/2 || b.told > b.maxEvents/2 ||
		b.presences > b.maxEvents/2 || b.presenceBytes > b.maxBytes/2
	return batch
}

// Presence adds a change of another peer. What the receiver has not been sent yet is brought up to date rather than
// followed by its opposite, so that a peer that comes and goes costs those who are slow or away no memory. It gives false
// when a client has been sent more than it may be and shows no sign of having received it.
func (b *Inbox) Presence(p Presence) (ok bool) {
	switch p.Change {
	case PeerAway, PeerBack:
		if i := b.find(p.Member.Peer, PeerAway+PeerBack-p.Change); i >= 0 && !b.waitsFrom(p.Member.Peer) {
			b.remove(i)
			return true
		}
	case PeerUpdated:
		if i := b.find(p.Member.Peer, PeerUpdated); i >= 0 {
			merged := b.events[i].Presence.Update.merge(p.Update)
			b.count(b.events[i], -1)
			b.events[i].Presence = &Presence{Change: PeerUpdated, Member: p.Member, Update: merged}
			b.count(b.events[i], 1)
			return true
		}
	case PeerLeft:
		for _, change := range []Change{PeerAway, PeerBack, PeerUpdated} {
			if i := b.find(p.Member.Peer, change); i >= 0 {
				b.remove(i)
			}
		}
		if i := b.find(p.Member.Peer, PeerJoined); i >= 0 && !b.waitsFrom(p.Member.Peer) {
			b.remove(i)
			return true // the receiver never knew it
		}
	}
	b.push(Event{Presence: &p})
	for b.presences > b.maxEvents || b.presenceBytes > b.maxBytes {
		if !b.dropConfirmed() {
			return false
		}
	}
	return true
}

// find gives the index of the unsent change of a peer, -1 if there is none.
func (b *Inbox) find(peer PeerID, change Change) int {
	for i := len(b.events) - 1; i >= b.unsent; i-- {
		if p := b.events[i].Presence; p != nil && p.Change == change && p.Member.Peer == peer {
			return i
		}
	}
	return -1
}

// waitsFrom tells whether something unsent comes from this peer, which the receiver could not place without its peer-joined.
func (b *Inbox) waitsFrom(peer PeerID) bool {
	for _, e := range b.events[b.unsent:] {
		if e.From == peer {
			return true
		}
	}
	return false
}

func (b *Inbox) remove(i int) {
	b.count(b.events[i], -1)
	b.events = append(b.events[:i], b.events[i+1:]...)
	if len(b.events) == 0 {
		b.events = nil
	}
}

func (u Update) merge(later Update) Update {
	if later.Name != nil {
		u.Name = later.Name
	}
	if later.Metadata != nil {
		u.Metadata = later.Metadata
	}
	return u
}

// size is about how many bytes a presence holds that others chose.
func (p *Presence) size() int {
	n := len(p.Member.Name) + len(p.Member.Metadata) + len(p.Update.Metadata)
	if p.Update.Name != nil {
		n += len(*p.Update.Name)
	}
	return n
}
