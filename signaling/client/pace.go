package client

import (
	"time"

	"golang.org/x/time/rate"

	"parley/signaling/protocol"
)

// pace spends the allowance that the server gives a client, so that nothing is refused as rate-limited. It counts at the
// moment of sending, the server at the moment of receiving: a network that holds messages back and delivers them at once
// makes a burst larger. A quarter of the burst is therefore never used. The zero value knows no limit.
type pace struct{ limiter *rate.Limiter }

// set takes the server's numbers; what has been spent stays spent.
func (p *pace) set(now time.Time, limits protocol.Limits) {
	if limits.Rate <= 0 {
		p.limiter = nil
		return
	}
	burst := limits.Burst
	if burst <= 0 {
		burst = limits.Rate
	}
	burst = max(1, burst-burst/4)
	if p.limiter == nil {
		p.limiter = rate.NewLimiter(rate.Limit(limits.Rate), burst)
		return
	}
	p.limiter.SetLimitAt(now, rate.Limit(limits.Rate))
	p.limiter.SetBurstAt(now, burst)
}

// take spends cost and returns 0, or tells how long it takes until that much is there.
func (p *pace) take(now time.Time, cost int) time.Duration {
	if p.limiter == nil {
		return 0
	}
	r := p.limiter.ReserveN(now, min(cost, p.limiter.Burst()))
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// empty spends what is left: the server has refused something, so it has counted otherwise.
func (p *pace) empty(now time.Time) {
	if p.limiter != nil {
		p.limiter.AllowN(now, max(0, int(p.limiter.TokensAt(now))))
	}
}

// price is what a message costs: a broadcast one for each 16 receivers begun, every other message one.
func price(e *entry, others int) int {
	if e.kind != protocol.TypeMessage || e.to != "" {
		return 1
	}
	return max(1, (others+15)/16)
}
