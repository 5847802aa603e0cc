package signaling

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// allowance is how much a session may send. It belongs to the session and not to the connection, and a resume fills it up
// no more often than it would fill by itself: reconnecting gains nothing.
type allowance struct {
	limit rate.Limit // messages a second
	burst int

	mu       sync.Mutex
	messages *rate.Limiter
	repeats  *rate.Limiter // repeats and acknowledgements
	filled   time.Time
	refused  time.Time // until when everything new is refused

	refusals refusals // locks itself
}

// repeatFactor is how many times the rate of new messages repeats and acknowledgements may come.
const repeatFactor = 4

func newAllowance(c Config) *allowance {
	a := &allowance{limit: rate.Limit(c.Rate), burst: c.Burst}
	if c.Rate < 0 || c.Burst < 0 {
		a.limit = rate.Inf
	}
	a.fill()
	return a
}

func (a *allowance) fill() {
	a.messages = rate.NewLimiter(a.limit, a.burst)
	a.repeats = rate.NewLimiter(repeatFactor*a.limit, repeatFactor*a.burst)
	a.filled = time.Now()
	a.refused = time.Time{}
}

// refill makes the allowance whole again after a resume, at most once in the time that it takes to fill by itself.
func (a *allowance) refill() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.limit == rate.Inf {
		return
	}
	whole := time.Duration(float64(a.burst) / float64(a.limit) * float64(time.Second))
	if time.Since(a.filled) >= whole {
		a.fill()
	}
}

// take takes what a message costs; seq is its number, 0 for none. If that is not there, retryAfter is how many seconds it
// takes until it is. Until then it gives nothing to anyone, and to numbered messages not before the client has shown that it
// knows: what is sent behind a refused message must not overtake it when it is sent again.
func (a *allowance) take(cost int, seq uint64) (retryAfter int, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	switch {
	case now.Before(a.refused), seq != 0 && a.refusals.open(now): // not now
	case a.messages.AllowN(now, cost):
		return 0, true
	default:
		missing := float64(cost) - a.messages.TokensAt(now)
		wait := seconds(time.Duration(missing / float64(a.limit) * float64(time.Second)))
		a.refused = now.Add(time.Duration(wait) * time.Second)
	}
	if seq != 0 {
		a.refusals.refuse(seq)
	}
	return seconds(a.refused.Sub(now)), false
}

// seconds rounds up, to at least one.
func seconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

// takeRepeat is take for what the client has to send again, or only acknowledges.
func (a *allowance) takeRepeat(seq uint64) (retryAfter int, ok bool) {
	a.mu.Lock()
	free := a.repeats.Allow()
	a.mu.Unlock()
	if free {
		return 0, true
	}
	return a.take(1, seq)
}

// flood notices who goes on without a pause after having been refused for its rate.
type flood struct {
	since, last time.Time
}

const (
	floodAfter = 5 * time.Second // of refusals
	floodPause = time.Second     // without one: it starts anew
)

// refused notes a refusal and tells whether it is enough.
func (f *flood) refused(now time.Time) bool {
	if now.Sub(f.last) > floodPause {
		f.since = now
	}
	f.last = now
	return now.Sub(f.since) >= floodAfter
}

// errorCount counts the errors of a connection in the time that has just passed.
type errorCount struct {
	times []time.Time // of the last errors, the oldest first
}

const (
	maxErrors   = 100
	errorWindow = 10 * time.Second
)

// add counts one and tells whether there were too many.
func (e *errorCount) add(now time.Time) bool {
	for len(e.times) > 0 && now.Sub(e.times[0]) > errorWindow {
		e.times = e.times[1:]
	}
	e.times = append(e.times, now)
	return len(e.times) >= maxErrors
}
