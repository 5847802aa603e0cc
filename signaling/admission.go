package signaling

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	joinBurst = 4 // times the rate of joins, at once

	// maxTurnedAway is how many connections over a limit may be let in at a time to be told so. Beyond it the upgrade is
	// refused, which costs less, and which a browser cannot read.
	maxTurnedAway = 256

	// longestRetry bounds what a client is told to wait.
	longestRetry = 30 * time.Second
)

// admission counts who is let in.
type admission struct {
	// Static after construction.
	connections int // at a time; 0 for no limit, as for the others
	perAddress  int
	unjoined    int
	joins       float64 // a second for each address
	after       func(time.Duration, func())

	mu sync.Mutex
	// Guarded by mu, a leaf.
	seats      int
	turnedAway int // seats over a limit
	waiting    list.List
	addresses  map[netip.Addr]*addressUse
}

// addressUse is what one address has of the server. It is forgotten when it has nothing any more.
type addressUse struct {
	seats    int
	joins    *rate.Limiter // nil for no limit
	queued   time.Time     // until when joins that were refused have been told to wait
	sweeping bool          // it is going to be looked at again
}

// seat is what a connection takes up. Guarded by the admission's mutex.
type seat struct {
	address netip.Addr
	over    limit         // the limit that it is over, empty for none: such a connection may only resume
	waiting *list.Element // among those that have not joined, nil where it is not
	conn    *conn         // nil until it was upgraded
	left    bool
}

func newAdmission(c Config, after func(time.Duration, func())) *admission {
	return &admission{
		connections: max(0, c.MaxConnections), perAddress: max(0, c.ConnectionsPerAddress),
		unjoined: max(0, c.MaxUnjoined), joins: max(0, c.JoinsPerAddress),
		after: after, addresses: map[netip.Addr]*addressUse{},
	}
}

// arrive takes a seat. Over a limit it is one of the few that are let in to be told so; the seat is nil where there are too
// many of them.
//
// A client that lost its connection must be able to resume while the server still counts the old one, after an interruption
// everybody at once. So it may resume over a limit, up to twice as many, and the seat of the connection that it replaces is
// free at once.
func (a *admission) arrive(from netip.Addr) (*seat, limit) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &seat{address: network(from)}
	use := a.addresses[s.address]
	if use == nil {
		use = &addressUse{}
		if a.joins > 0 {
			use.joins = rate.NewLimiter(rate.Limit(a.joins), max(1, int(joinBurst*a.joins)))
		}
	}
	s.over = a.full(use, 1)
	if s.over != "" {
		if a.turnedAway >= maxTurnedAway || a.full(use, 2) != "" {
			return nil, s.over
		}
		a.turnedAway++
	}
	a.seats++
	use.seats++
	a.addresses[s.address] = use
	return s, s.over
}

// full tells which limit is reached, the limits being so many times what they are.
func (a *admission) full(use *addressUse, times int) limit {
	switch {
	case a.connections > 0 && a.seats >= times*a.connections:
		return limitConnections
	case a.perAddress > 0 && use.seats >= times*a.perAddress:
		return limitAddressConnections
	}
	return ""
}

// upgraded notes that a seat's connection waits for its first join or resume. Where too many wait already it gives the one
// that has waited longest, which is to go: a client that means it has joined long before, however many there are that do not.
func (a *admission) upgraded(s *seat, c *conn) (oldest *conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s.conn = c
	if s.over != "" { // those are few, and do not wait for long
		return nil
	}
	s.waiting = a.waiting.PushBack(s)
	if a.unjoined == 0 || a.waiting.Len() <= a.unjoined {
		return nil
	}
	first := a.waiting.Front()
	first.Value.(*seat).waiting = nil
	return a.waiting.Remove(first).(*seat).conn
}

// entering takes a seat from among those that wait, while its join or resume is under way.
func (a *admission) entering(s *seat) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopWaiting(s)
}

// entered notes how that went. One that was refused waits on, as if it had waited all the time.
func (a *admission) entered(s *seat, joined bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case s.left:
	case joined:
		a.settle(s)
	case s.over == "":
		s.waiting = a.waiting.PushFront(s)
	}
}

func (a *admission) stopWaiting(s *seat) {
	if s.waiting != nil {
		a.waiting.Remove(s.waiting)
		s.waiting = nil
	}
}

// settle makes a seat one like any other.
func (a *admission) settle(s *seat) {
	if s.over != "" {
		s.over = ""
		a.turnedAway--
	}
}

// over gives the limit that a connection is over, empty for none.
func (a *admission) over(s *seat) limit {
	a.mu.Lock()
	defer a.mu.Unlock()
	return s.over
}

// leave gives a seat back. A second time does nothing.
func (a *admission) leave(s *seat) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.left {
		return
	}
	s.left = true
	a.stopWaiting(s)
	a.settle(s)
	a.seats--
	use := a.addresses[s.address]
	use.seats--
	a.forget(s.address, use)
}

// forget forgets an address that has nothing any more, at once or as soon as it could join as if it were new.
func (a *admission) forget(address netip.Addr, use *addressUse) {
	if use.seats > 0 || use.sweeping {
		return
	}
	var full time.Duration
	if use.joins != nil {
		missing := float64(use.joins.Burst()) - use.joins.Tokens()
		full = time.Duration(missing / a.joins * float64(time.Second))
	}
	if full <= 0 {
		delete(a.addresses, address)
		return
	}
	use.sweeping = true
	a.after(full, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		use.sweeping = false
		a.forget(address, use)
	})
}

// join takes one join from what an address may have. Those that are refused are told to come back one after the other, at the
// rate at which they may join.
func (a *admission) join(s *seat) (retryAfter int, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	use := a.addresses[s.address]
	if use == nil || use.joins == nil || use.joins.Allow() {
		return 0, true
	}
	now := time.Now()
	if use.queued.Before(now) {
		use.queued = now
	}
	use.queued = use.queued.Add(time.Duration(float64(time.Second) / a.joins))
	return seconds(min(use.queued.Sub(now), longestRetry)), false
}

// counted gives how many connections have not joined, and how many addresses are known.
func (a *admission) counted() (unjoined, addresses int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.waiting.Len() + a.turnedAway, len(a.addresses)
}
