package client

import (
	"strconv"
	"time"
)

// receipts knows which of the server's messages have come, and when they must be acknowledged.
type receipts struct {
	last  uint64 // the highest number that has come
	count int    // numbered messages since the last acknowledgement
	due   time.Time
	now   bool // acknowledge at once: the server's new secret is confirmed with it
}

// take notes a number and tells whether it is new. What comes twice is acknowledged too: the server seems not to know.
func (r *receipts) take(seq uint64, now time.Time) bool {
	if r.count == 0 {
		r.due = now.Add(ackWithin)
	}
	r.count++
	if seq <= r.last {
		return false
	}
	r.last = seq
	return true
}

// dueAt is when an acknowledgement must go out, zero for never.
func (r *receipts) dueAt(now time.Time) time.Time {
	switch {
	case r.now || r.count >= ackEvery:
		return now
	case r.count > 0:
		return r.due
	}
	return time.Time{}
}

// ride gives the acknowledgement for a message that goes out anyway, 0 for none.
func (r *receipts) ride() uint64 {
	if r.count == 0 && !r.now {
		return 0
	}
	r.count, r.now = 0, false
	return r.last
}

// frame gives an acknowledgement of its own.
func (r *receipts) frame() []byte {
	r.count, r.now = 0, false
	return append(strconv.AppendUint([]byte(`{"type":"ack","ack":`), r.last, 10), '}')
}
