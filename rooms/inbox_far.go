package rooms

// NewInbox makes an empty inbox with the bounds of an engine's configuration.
func NewInbox(config Config) Inbox {
	return Inbox{maxEvents: config.InboxMessages, maxBytes: config.InboxBytes}
}

// What follows is for an engine whose numbers are given elsewhere, and whose sessions move from node to node.

// Skip has the next event numbered above number.
func (b *Inbox) Skip(number uint64) { b.last = max(b.last, number) }

// Last is the number that the next event's will be above.
func (b *Inbox) Last() uint64 { return b.last }

// StartAfter has an inbox of which nothing was sent yet go on where a client is that has received every event up to number, from
// another node or an engine before. sent is what it may claim to have.
func (b *Inbox) StartAfter(number, sent uint64) {
	b.last, b.sent, b.confirmed, b.dropped = number, sent, number, number
}

// CanRewind tells what Rewind would return, and changes nothing.
func (b *Inbox) CanRewind(received uint64) error {
	switch {
	case received < b.dropped:
		return ErrSessionLost
	case received > b.sent:
		return ErrNeverSent
	}
	return nil
}

// Oldest is the number of the oldest event that is kept, 0 if there is none.
func (b *Inbox) Oldest() uint64 {
	if len(b.events) == 0 {
		return 0
	}
	return b.events[0].Seq
}

// Dropped is the number up to which events are no longer kept.
func (b *Inbox) Dropped() uint64 { return max(b.dropped, b.confirmed) }

// Fits tells whether a payload fits into an empty inbox.
func (b *Inbox) Fits(payload []byte) bool { return len(payload) <= b.maxBytes }
