package rooms

import (
	"context"
	"time"
)

const (
	settleEvery = 20 * time.Millisecond // how often it is looked whether all is settled
	// At the end of settling: for what was taken last to arrive, and for senders to hear what has not.
	deliverWithin = 2 * time.Second
	tellWithin    = 2 * time.Second
)

// Settle implements Engine. As long as messages wait for peers that are away, and there is time, everybody else is served as
// usual. Only then nothing is taken any more, or there would never be an end.
func (m *Memory) Settle(ctx context.Context) error {
	m.ending.Store(true)
	returning, delivering := ctx, ctx
	if deadline, ok := ctx.Deadline(); ok {
		quarter := time.Until(deadline) / 4
		tell := deadline.Add(-min(tellWithin, quarter))
		var cancel context.CancelFunc
		delivering, cancel = context.WithDeadline(ctx, tell)
		defer cancel()
		returning, cancel = context.WithDeadline(ctx, tell.Add(-min(deliverWithin, quarter)))
		defer cancel()
	}
	_ = m.await(returning, func(p *peer) bool { return p.attachment != nil || p.inbox.settled() })
	m.settling.Store(true)
	m.eachRoom(func(*room) {}) // whoever was just sending is through
	if m.await(delivering, func(p *peer) bool { return p.inbox.settled() }) == nil {
		return nil
	}
	m.eachRoom((*room).giveUp)
	return m.await(ctx, func(p *peer) bool { return p.attachment == nil || p.inbox.settled() })
}

// await waits until all peers are as they should be. It is called rarely, so it looks again and again.
func (m *Memory) await(ctx context.Context, settled func(*peer) bool) error {
	ticker := time.NewTicker(settleEvery)
	defer ticker.Stop()
	for {
		all := true
		m.eachRoom(func(r *room) {
			for _, p := range r.peers {
				all = all && settled(p)
			}
		})
		if all {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// eachRoom calls do with every room, holding its mutex.
func (m *Memory) eachRoom(do func(*room)) {
	m.mu.Lock()
	all := make([]*room, 0, len(m.rooms))
	for _, r := range m.rooms {
		all = append(all, r)
	}
	m.mu.Unlock()
	for _, r := range all {
		r.mu.Lock()
		do(r)
		r.unlock()
	}
}

// giveUp tells the senders what has not been delivered, and forgets it.
func (r *room) giveUp() {
	for _, p := range r.inOrder() {
		for _, e := range p.inbox.dropUndelivered() {
			if sender := r.peers[e.From]; sender != nil {
				r.tell(sender, Event{Undelivered: &Undelivered{To: p.id, Of: e.Of, Cause: CausePeerSlow}})
			}
		}
	}
}
