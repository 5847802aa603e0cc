package signaling

import (
	"sync"
	"time"
)

// refusals holds a sender up after a numbered message was refused for its rate, until its client has shown that it knows: what
// the client had written behind the refused message, however late it comes, must not overtake it when it is sent again.
//
// A refusal is itself a numbered message, so an acknowledgement shows it. A client that never acknowledges is not locked out:
// the answer to a ping that was written behind the refusal shows that it has arrived, and a client that has said nothing a
// good while after that is not going to.
type refusals struct {
	mu sync.Mutex
	// Guarded by mu, which is a leaf: the last refusal.
	of  uint64 // the client's number of the refused message; 0: nothing is to be shown
	seq uint64 // the refusal's own number, 0 until it is written
	// Guarded by mu: the first refusal that no acknowledgement has covered.
	first   uint64    // its own number, 0 until it is written
	arrived time.Time // when a ping behind it was answered, zero until then
}

// ackExpected is how long after its arrival a refusal is acknowledged at the latest: the protocol wants it within a second.
const ackExpected = 2 * time.Second

// open tells whether the client has yet to show that it knows.
func (r *refusals) open(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.arrived.IsZero() && now.Sub(r.arrived) >= ackExpected {
		r.of, r.seq, r.first, r.arrived = 0, 0, 0, time.Time{}
	}
	return r.of != 0
}

// refuse notes that the client's message of this number is refused.
func (r *refusals) refuse(of uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of, r.seq = of, 0
}

// writing notes that what answers the client's message of is about to be written under the number seq. It tells whether a
// ping shall follow.
func (r *refusals) writing(of, seq uint64) (ask bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if of != r.of {
		return false
	}
	r.seq = seq
	if r.first == 0 {
		r.first = seq
	}
	return true
}

// pong notes that the client has received everything up to seq. It need not have looked at it: browsers answer pings by
// themselves.
func (r *refusals) pong(seq uint64, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first != 0 && seq >= r.first && r.arrived.IsZero() {
		r.arrived = now
	}
}

// ack notes what the client has acknowledged. If the last refusal is not covered, it is given time for that one anew.
func (r *refusals) ack(seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.seq != 0 && seq >= r.seq:
		r.of, r.seq, r.first, r.arrived = 0, 0, 0, time.Time{}
	case r.first != 0 && seq >= r.first:
		r.first, r.arrived = r.seq, time.Time{}
	}
}

// resumed notes that the client comes on another connection, and what it has. The rest is written to it again.
func (r *refusals) resumed(received uint64) {
	r.ack(received)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq, r.first, r.arrived = 0, 0, time.Time{}
}
