package natsrooms

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"parley/rooms"
)

// NATS keeps everything in memory. A lone server that is restarted, or a cluster of which every server was, comes back empty,
// and what the nodes hold is then all there is: they write it again. Letters that were stored and not yet handed out are gone,
// so that connections are cut and their clients told, when they resume, that not all may have come.

// eras are when each stream was made, by its name.
type eras map[string]time.Time

func (n eras) add(stream jetstream.Stream) {
	info := stream.CachedInfo()
	n[info.Config.Name] = info.Created
}

func (n eras) equal(other eras) bool { return maps.EqualFunc(n, other, time.Time.Equal) }

// checkEra finds out whether NATS has lost its memory, and goes on from what is here if it has.
func (e *Engine) checkEra() error {
	ctx, cancel := context.WithTimeout(e.ctx, e.options.Patience)
	defer cancel()
	s, err := openStore(ctx, e.js, e.options, e.config) // makes what is missing
	if err != nil || s.eras.equal(e.leases.eras) {
		return err
	}
	e.options.Warn("what this node holds is written again", errForgotten)
	e.store.Store(s)
	if err := e.restore(ctx); err != nil {
		return err // all of it is done once more
	}
	e.leases.eras = s.eras
	return nil
}

var errForgotten = errors.New("natsrooms: NATS has lost its memory")

// restore writes all that this node holds into buckets and streams that are new.
func (e *Engine) restore(ctx context.Context) error {
	e.mu.Lock()
	var boxes []*box
	for _, b := range e.boxes {
		boxes = append(boxes, b)
	}
	e.mu.Unlock()
	held := e.held()
	for _, p := range held {
		p.startOver()
	}
	for _, b := range boxes {
		if err := b.restart(ctx); err != nil {
			return err
		}
	}
	known := map[*room]bool{}
	var failed error
	for _, p := range held {
		failed = errors.Join(failed, p.restore(ctx))
		known[p.room] = true
	}
	for r := range known {
		failed = errors.Join(failed, r.restore(ctx))
		e.goOn(func(ctx context.Context) { r.verify(ctx) })
	}
	for _, p := range held { // their clients ask, and are told that not all may have come
		p.room.mu.Lock()
		p.cutSlow()
		p.room.mu.Unlock()
	}
	return failed
}

// startOver has the numbers go on where the stream's begin again.
func (p *peer) startOver() {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	p.offset = (p.inbox.Last()/scale + 1) * scale
	p.begins, p.incomplete = 0, true
	p.ebb = ebb{}
}

// restore writes the peer's key into a bucket that has lost it.
func (p *peer) restore(ctx context.Context) error {
	if err := p.edit.lock(ctx); err != nil {
		return err
	}
	defer p.edit.unlock()
	p.revision = 0
	p.room.mu.Lock()
	p.record.Offset = p.offset
	p.room.mu.Unlock()
	p.record.Born = p.box.made()
	err := p.write(ctx, func(*peerRecord) {})
	if errors.Is(err, errFenced) {
		return nil
	}
	return err
}

// restore writes the room's key into a bucket that has lost it, or adds to what another node has written: all whom this node
// knows to be there.
func (r *room) restore(ctx context.Context) error {
	if err := r.edit.lock(ctx); err != nil {
		return err
	}
	defer r.edit.unlock()
	r.mu.Lock()
	r.at = 0
	var seats []seat
	for _, m := range r.members {
		m.revision, m.since = 0, pinned // not taken out for a key that another node has only begun to write
		seats = append(seats, m.seat)
	}
	r.mu.Unlock()
	policy := r.record.Policy
	r.seen = 0
	err := r.change(ctx, func(record *roomRecord) (bool, error) {
		changed := false
		if record.Policy == (rooms.Policy{}) && policy != record.Policy {
			record.Policy, changed = policy, true
		}
		for _, s := range seats {
			if record.find(s.Peer) < 0 {
				record.Seats = append(record.Seats, s)
				record.Joined = max(record.Joined, s.Order)
				changed = true
			}
		}
		return changed, nil
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.members {
		m.since = min(m.since, r.seen)
	}
	return err
}

// verify takes those out of a room that no node has written the key of: their own died with NATS's memory.
func (r *room) verify(ctx context.Context) {
	select {
	case <-time.After(r.engine.options.Lease):
	case <-ctx.Done():
		return
	}
	store, err := r.engine.stored()
	if err != nil {
		return
	}
	r.mu.Lock()
	var all []rooms.PeerID
	for id := range r.members {
		all = append(all, id)
	}
	r.mu.Unlock()
	for _, id := range all {
		if _, _, err := getRecord[peerRecord](ctx, store.peerKeys, string(id)); !errors.Is(err, errNoKey) {
			continue
		}
		seats, last, err := r.without(ctx, id)
		if err == nil {
			note := presenceNote{Change: rooms.PeerLeft, Peer: id, Reason: rooms.ReasonTimeout}
			err = r.engine.insist(ctx, presenceLetters("", note, seats))
			r.engine.leftRoom(r.name, id, rooms.ReasonTimeout, last)
		}
		if err != nil {
			r.engine.options.Warn("taking out a peer whose node is gone", err)
		}
	}
}
