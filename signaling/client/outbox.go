package client

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"parley/signaling/protocol"
)

// entry is a numbered message that has been accepted for sending.
type entry struct {
	id   uint64 // its first number: what the application knows it by
	seq  uint64 // its number on the wire
	kind string // its type
	to   string // "" for everyone and for the server
	body protocol.Body
}

// told is the message as the application hears of it again.
func (e *entry) told() Sent {
	return Sent{ID: e.id, To: e.to, Type: e.kind, Message: json.RawMessage(e.body.AppendTo(nil, 0, 0))}
}

const (
	// keepAcked is how many acknowledged messages are kept. An acknowledgement rides on whatever goes out next, and so may
	// overtake the refusal of the very message.
	keepAcked = 128
	// rememberIDs is over how many numbers a message that was numbered anew is known by its first number.
	rememberIDs = 4096
	// settleWithin is how long a message that was in flight when another was refused is waited for.
	settleWithin = 2 * time.Second
)

// outbox holds what has been accepted and not been acknowledged. Numbers grow over all sessions of a Client, so that an id
// stays unique; a session's numbers may skip.
type outbox struct {
	last uint64   // the highest number given out
	sent []*entry // not acknowledged, by number
	next int      // the first of sent that has not been written to this socket

	written uint64   // the highest number that was written to any socket of this session
	known   uint64   // the highest number that the server had at the last resume: received, and yet to be acknowledged
	kept    []*entry // acknowledged lately, by number

	again     []*entry // refused for the rate, by id: to be sent under fresh numbers
	pause     time.Time
	resending bool // again is being sent, and nothing new before it is empty

	held  map[string][]*entry // for peers that have not come back since the server was restarted
	first map[uint64]uint64   // from a fresh number to the id
}

// add numbers a message and appends it.
func (o *outbox) add(e *entry) {
	o.last++
	e.seq = o.last
	if e.id == 0 {
		e.id = e.seq
	} else {
		o.remember(e)
	}
	o.sent = append(o.sent, e)
}

func (o *outbox) remember(e *entry) {
	if o.first == nil {
		o.first = make(map[uint64]uint64)
	}
	o.first[e.seq] = e.id
	if len(o.first) > rememberIDs {
		for seq := range o.first {
			if seq+rememberIDs < e.seq {
				delete(o.first, seq)
			}
		}
	}
}

// id gives the number that the application knows a message by.
func (o *outbox) id(seq uint64) uint64 {
	if id, ok := o.first[seq]; ok {
		return id
	}
	return seq
}

// waiting is how many messages the server is not known to have. A server may take its received for an acknowledgement and
// give no other, so that these must not fill the window for ever.
func (o *outbox) waiting() int {
	n := len(o.sent) - o.after(o.known) + len(o.again)
	for _, entries := range o.held {
		n += len(entries)
	}
	return n
}

// take gives the next message to be written, nil for none.
func (o *outbox) take() *entry {
	if o.next == len(o.sent) {
		return nil
	}
	e := o.sent[o.next]
	o.next++
	o.written = max(o.written, e.seq)
	return e
}

// acknowledge drops what the server has received; it tells whether that many had been written.
func (o *outbox) acknowledge(seq uint64) bool {
	if seq > o.written {
		return false
	}
	n := o.after(seq)
	o.kept = append(o.kept, o.sent[:n]...)
	o.kept = slices.Delete(o.kept, 0, max(0, len(o.kept)-keepAcked))
	o.sent = slices.Delete(o.sent, 0, n)
	o.next = max(0, o.next-n)
	return true
}

// after gives the index of the first message in sent whose number is above seq.
func (o *outbox) after(seq uint64) int {
	i, found := slices.BinarySearchFunc(o.sent, seq, bySeq)
	if found {
		i++
	}
	return i
}

func bySeq(e *entry, seq uint64) int { return cmp.Compare(e.seq, seq) }

// resumed begins a new socket: what the server has received is not written again, and yet kept until it is acknowledged.
func (o *outbox) resumed(received uint64) bool {
	if received > o.written {
		return false
	}
	o.known = received
	o.next = o.after(received)
	return true
}

// remove takes out the message of a number, nil if it is not known any more.
func (o *outbox) remove(seq uint64) *entry {
	if i, ok := slices.BinarySearchFunc(o.sent, seq, bySeq); ok {
		e := o.sent[i]
		o.sent = slices.Delete(o.sent, i, i+1)
		if i < o.next {
			o.next--
		}
		return e
	}
	if i, ok := slices.BinarySearchFunc(o.kept, seq, bySeq); ok {
		e := o.kept[i]
		o.kept = slices.Delete(o.kept, i, i+1)
		return e
	}
	return nil
}

// refuse has a message sent again under a fresh number after the pause. What has not been written yet waits with it: a
// message must not be overtaken by what was sent after it. What is in flight behind it, or has to be repeated under its old
// number, cannot be held back. It gives false for a message that is not known any more.
func (o *outbox) refuse(seq uint64, pause time.Time) bool {
	e := o.remove(seq)
	if e == nil {
		return false
	}
	n := o.after(o.written)
	o.again = append(append(o.again, e), o.sent[n:]...)
	o.sent = slices.Delete(o.sent, n, len(o.sent))
	o.next = min(o.next, n)
	slices.SortFunc(o.again, func(a, b *entry) int { return cmp.Compare(a.id, b.id) })
	if pause.After(o.pause) {
		o.pause = pause
	}
	o.resending = false
	return true
}

// resendAt gives the first of the refused messages and when it may go. It waits until it is known how those fared that were
// in flight behind it, because they go first if they too were refused.
func (o *outbox) resendAt() (e *entry, at time.Time) {
	if len(o.again) == 0 {
		return nil, time.Time{}
	}
	at = o.pause
	if len(o.sent) > 0 && !o.resending {
		at = at.Add(settleWithin)
	}
	return o.again[0], at
}

// resend gives the first of the refused messages a fresh number.
func (o *outbox) resend() {
	e := o.again[0]
	o.again = slices.Delete(o.again, 0, 1)
	o.resending = len(o.again) > 0
	o.add(e)
}

// hold keeps a message for a peer that is expected back. If it has no number yet it gets one, which is only an id.
func (o *outbox) hold(e *entry) {
	if e.id == 0 {
		o.last++
		e.id = o.last
	}
	if o.held == nil {
		o.held = make(map[string][]*entry)
	}
	o.held[e.to] = append(o.held[e.to], e)
}

// release sends what was held for a peer that has come back.
func (o *outbox) release(peer string) {
	for _, e := range o.drop(peer) {
		o.add(e)
	}
}

// drop takes out what was held for a peer.
func (o *outbox) drop(peer string) []*entry {
	entries := o.held[peer]
	delete(o.held, peer)
	return entries
}

// lose empties the outbox and gives what was in it, in the order of sending.
func (o *outbox) lose() []Sent {
	all := slices.Concat(o.sent, o.again)
	for _, entries := range o.held {
		all = append(all, entries...)
	}
	*o = outbox{last: o.last, written: o.written, first: o.first}
	return tell(all)
}

// forfeit takes out and gives what a server that knows nothing of it any more may have had: all that was written to it and not
// refused. The rest waits on, for those who are expected back separately.
func (o *outbox) forfeit(expected func(peer string) bool) []Sent {
	n := o.after(o.written)
	lost := tell(slices.Clone(o.sent[:n]))
	hold := func(e *entry) bool {
		if expected(e.to) {
			o.hold(e)
			return true
		}
		return false
	}
	o.again = slices.DeleteFunc(o.again, hold)
	o.sent = slices.DeleteFunc(slices.Delete(o.sent, 0, n), hold)
	o.next, o.kept = 0, nil
	o.pause, o.resending = time.Time{}, true // it was the server before that refused, and nothing is in flight any more
	return lost
}

// tell gives messages as the application hears of them, in the order of sending.
func tell(entries []*entry) []Sent {
	if len(entries) == 0 {
		return nil
	}
	slices.SortFunc(entries, func(a, b *entry) int { return cmp.Compare(a.id, b.id) })
	sent := make([]Sent, len(entries))
	for i, e := range entries {
		sent[i] = e.told()
	}
	return sent
}
