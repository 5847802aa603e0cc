package natsrooms

import (
	"context"
	"errors"
	"time"

	"parley/rooms"
)

// startSweep begins to take over the sessions of a dead node, unless that is being done.
func (e *Engine) startSweep(node string, record leaseRecord, revision uint64) {
	l := &e.leases
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sweeping[node] {
		return
	}
	l.sweeping[node] = true
	e.goOn(func(ctx context.Context) {
		if err := e.sweep(ctx, node, record, revision); err != nil && ctx.Err() == nil {
			e.options.Warn("sweeping the node "+node, err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.sweeping, node)
	})
}

// sweep takes over the sessions of a dead node: one of those that find it dead does, as the compare-and-set on its lease
// decides. If that one dies too, the lease that it has taken runs out again.
func (e *Engine) sweep(ctx context.Context, node string, record leaseRecord, revision uint64) error {
	store, err := e.stored()
	if err != nil {
		return err
	}
	record.By = e.home.Node
	revision, err = putRecord(ctx, store.leases, node, revision, record)
	if errors.Is(err, errConflict) {
		return nil // another one does it, or the node lives
	}
	if err != nil {
		return err
	}
	swept := 0
	var failed error
	type orphan struct {
		record   peerRecord
		revision uint64
	}
	var orphans []orphan
	err = eachKey(ctx, store.peerKeys, func(_ string, record peerRecord, revision uint64) {
		if record.Owner == node {
			orphans = append(orphans, orphan{record, revision})
		}
	})
	if err != nil {
		return err
	}
	for _, o := range orphans {
		err := e.adopt(ctx, o.record, o.revision)
		if err == nil {
			swept++
		} else if !errors.Is(err, errConflict) && !errors.Is(err, rooms.ErrSessionLost) {
			failed = err
		}
	}
	e.options.Figures.Swept(swept)
	if failed != nil {
		return failed // the lease stays, and is swept again
	}
	if err := deleteRecord(ctx, store.leases, node, revision); err != nil && !errors.Is(err, errConflict) {
		return err
	}
	return nil
}

// adopt makes this node the owner of a session whose own has died: its client is away from now on, if it does not come.
func (e *Engine) adopt(ctx context.Context, record peerRecord, revision uint64) error {
	ctx, cancel := context.WithTimeout(ctx, e.options.Patience+3*time.Second)
	defer cancel()
	t := &takeover{engine: e, record: record, revision: revision, adopted: true}
	t.change = func(*peerRecord) {}
	if err := t.prepare(ctx); err != nil {
		return err
	}
	if err := t.run(ctx); err != nil {
		return err
	}
	p := t.peer
	defer p.edit.unlock()
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	switch {
	case p.dropped || p.leaving != "":
	case record.Leaving != "":
		p.leave(record.Leaving, 0)
	default:
		p.lose()
	}
	return nil
}
