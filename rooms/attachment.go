package rooms

import "context"

// attachment is a connection's hold on a peer's session in the memory engine. It is dead as soon as the peer has another
// one, or none.
type attachment struct {
	// Static after construction.
	peer *peer
	room *room
	link Link
}

var _ Attachment = (*attachment)(nil)

// lock takes the room's mutex and tells whether the attachment is alive. The mutex is held in either case.
func (a *attachment) lock() bool {
	a.room.mu.Lock()
	return a.peer.attachment == a
}

// Peer implements Attachment.
func (a *attachment) Peer() PeerID { return a.peer.id }

// Kept implements Attachment.
func (a *attachment) Kept() any { return a.peer.keep }

// Carried implements Attachment.
func (a *attachment) Carried() []byte {
	a.room.mu.Lock()
	defer a.room.mu.Unlock()
	return a.peer.carried
}

// Carry implements Attachment.
func (a *attachment) Carry(_ context.Context, seq uint64, carry []byte) error {
	defer a.room.unlock()
	if err := a.take(seq); err != nil {
		return err
	}
	a.peer.carried = carry
	return nil
}

// Others implements Attachment.
func (a *attachment) Others() int {
	defer a.room.unlock()
	if !a.lock() {
		return 0
	}
	return len(a.room.peers) - 1
}

// Heard implements Attachment.
func (a *attachment) Heard() {
	defer a.room.unlock()
	if a.lock() && a.peer.older != "" {
		a.room.engine.sessions.remove(a.peer.older)
		a.peer.older = ""
		a.peer.incomplete = false
	}
}

// Fresh implements Attachment.
func (a *attachment) Fresh(seq uint64) bool {
	defer a.room.unlock()
	return a.lock() && seq > a.peer.received
}

// Received implements Attachment.
func (a *attachment) Received() uint64 {
	defer a.room.unlock()
	a.lock()
	return a.peer.received
}

// take takes the room's mutex for a message of the client's, and settles its number. Where it returns an error the mutex is
// held too.
func (a *attachment) take(seq uint64) error {
	switch {
	case !a.lock():
		return ErrDetached
	case a.room.engine.settling.Load():
		return ErrSettling
	}
	a.peer.received = max(a.peer.received, seq)
	return nil
}

// Send implements Attachment.
func (a *attachment) Send(_ context.Context, message Message) error {
	defer a.room.unlock()
	if err := a.take(message.Seq); err != nil {
		return err
	}
	if !message.Broadcast {
		a.room.deliver(a.peer, message.To, message)
		return nil
	}
	for id, p := range a.room.peers {
		if p != a.peer {
			a.room.deliver(a.peer, id, message)
		}
		if a.room.peers[a.peer.id] != a.peer {
			return ErrDetached // what it was told was too much, and after its peer-left nothing of it may come
		}
	}
	return nil
}

// Update implements Attachment.
func (a *attachment) Update(_ context.Context, seq uint64, update Update) error {
	defer a.room.unlock()
	if err := a.take(seq); err != nil {
		return err
	}
	p := a.peer
	if update.Name != nil {
		p.name = *update.Name
	}
	if update.Metadata != nil {
		p.metadata = update.Metadata
		if string(update.Metadata) == "null" {
			p.metadata = nil
		}
	}
	if update.Name != nil || update.Metadata != nil {
		a.room.tellOthers(p, Presence{Change: PeerUpdated, Member: Member{Peer: p.id}, Update: update})
	}
	return nil
}

// Tell implements Attachment.
func (a *attachment) Tell(_ context.Context, seq uint64, payload []byte) error {
	defer a.room.unlock()
	if seq != 0 {
		if err := a.take(seq); err != nil {
			return err
		}
	} else if !a.lock() {
		return ErrDetached
	}
	if payload != nil {
		a.room.tell(a.peer, Event{Payload: payload, Of: seq})
	}
	return nil
}

// Next implements Attachment.
func (a *attachment) Next() Batch {
	defer a.room.unlock()
	if !a.lock() {
		return Batch{}
	}
	return a.peer.inbox.Next()
}

// Ack implements Attachment.
func (a *attachment) Ack(seq uint64) error {
	defer a.room.unlock()
	if !a.lock() {
		return nil
	}
	return a.peer.inbox.Ack(seq)
}

// Confirm implements Attachment.
func (a *attachment) Confirm(seq uint64) {
	defer a.room.unlock()
	if a.lock() {
		a.peer.inbox.Confirm(seq)
	}
}

// Detach implements Attachment.
func (a *attachment) Detach() {
	defer a.room.unlock()
	if a.lock() {
		a.room.lose(a.peer)
	}
}

// Leave implements Attachment.
func (a *attachment) Leave() {
	defer a.room.unlock()
	if a.lock() {
		a.room.remove(a.peer, ReasonLeft, 0) // no cut: the one who leaves knows it
	}
}
