package natsrooms

import "time"

// Figures is told what happens in the engine. Each may be nil, and each is called from many goroutines.
type Figures struct {
	Published func(time.Duration) // a message was stored, after so long
	Lag       func(time.Duration) // a message was handed out here, so long after it was stored (by two clocks)
	Retried   func()              // a message had to be published again
	Replayed  func(messages int)  // a session was taken over from another node, and so many messages were read again
	Fenced    func()              // a session that was held here was found to be another node's
	Conflict  func()              // a compare-and-set had to be tried again
	Swept     func(peers int)     // the peers of a dead node were taken over
	Away      func(bool)          // the connection to NATS was lost, or is back
}

// complete fills in what is nil.
func (f Figures) complete() Figures {
	nothing := func() {}
	number := func(int) {}
	if f.Published == nil {
		f.Published = func(time.Duration) {}
	}
	if f.Lag == nil {
		f.Lag = func(time.Duration) {}
	}
	if f.Retried == nil {
		f.Retried = nothing
	}
	if f.Replayed == nil {
		f.Replayed = number
	}
	if f.Fenced == nil {
		f.Fenced = nothing
	}
	if f.Conflict == nil {
		f.Conflict = nothing
	}
	if f.Swept == nil {
		f.Swept = number
	}
	if f.Away == nil {
		f.Away = func(bool) {}
	}
	return f
}
