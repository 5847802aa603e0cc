package natsrooms

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"parley/rooms"
)

// leaseRecord is the key of a node, written anew all the time. A node whose key stays the same for the time of a lease is
// dead.
type leaseRecord struct {
	Beat uint64 `json:"beat"`
	Over bool   `json:"over,omitempty"` // the node has ended as it should
	By   string `json:"by,omitempty"`   // the node that sweeps it
}

// beatsInLease is how often a lease is renewed, and those of the others are looked at, while it runs.
const beatsInLease = 10

// leases is what this node knows of the lives of all.
type leases struct {
	hurried chan struct{} // something has changed: do not wait for the next beat
	suspect atomic.Bool   // NATS was away, and may have lost its memory

	// Owned by the goroutine that keeps the lease, once that runs.
	beat    uint64
	renewed time.Time // when this node's lease was renewed last
	polled  time.Time // when the others' were looked at last
	known   map[string]life
	eras    eras // of the streams that have all that this node holds

	mu sync.Mutex
	// Guarded by mu.
	sweeping map[string]bool
}

// life is the last sign of life of a node.
type life struct {
	revision uint64
	seen     time.Time // by this node's clock
}

func (l *leases) init(*Engine) {
	l.hurried, l.known, l.sweeping = make(chan struct{}, 1), map[string]life{}, map[string]bool{}
}

func (l *leases) hurry() {
	select {
	case l.hurried <- struct{}{}:
	default:
	}
}

// keepLease renews this node's lease and sweeps those whose lease has run out, until the engine ends.
func (e *Engine) keepLease() {
	every := e.options.Lease / beatsInLease
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-e.leases.hurried:
		case <-e.ctx.Done():
			return
		}
		if err := e.beat(); err != nil && e.ctx.Err() == nil {
			e.options.Warn("keeping the lease", err)
		}
		timer.Reset(every)
	}
}

// beat is one round.
func (e *Engine) beat() error {
	if e.store.Load() != nil && e.leases.suspect.Swap(false) {
		if err := e.checkEra(); err != nil {
			e.leases.suspect.Store(true)
			return err
		}
	}
	ctx, cancel := context.WithTimeout(e.ctx, e.options.Lease/2)
	defer cancel()
	if err := e.open(ctx); err != nil {
		return err
	}
	before := e.leases.renewed
	if err := e.renewLease(ctx); err != nil {
		e.leases.suspect.Store(true)
		return err
	}
	if e.leases.renewed.Sub(before) > e.options.Lease {
		e.reconcile()
	}
	for _, p := range e.held() {
		p.notice(e.leases.renewed)
	}
	return e.poll(ctx)
}

// renewLease writes this node's key.
func (e *Engine) renewLease(ctx context.Context) error {
	store, err := e.stored()
	if err != nil {
		return err
	}
	e.leases.beat++
	if err := put(ctx, store.leases, e.home.Node, leaseRecord{Beat: e.leases.beat}); err != nil {
		return err
	}
	e.leases.renewed = time.Now()
	return nil
}

// endLease says that this node has ended, so that nobody waits for its lease to run out.
func (e *Engine) endLease() {
	store, err := e.stored()
	if err != nil || !e.conn.IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), attemptWithin)
	defer cancel()
	if err := put(ctx, store.leases, e.home.Node, leaseRecord{Beat: e.leases.beat + 1, Over: true}); err != nil {
		e.options.Warn("ending the lease", err)
	}
}

// reconcile looks at every session that is held here, after others have had reason to take this node for dead.
func (e *Engine) reconcile() {
	for _, p := range e.held() {
		p.reclaim()
	}
}

// poll looks at the leases of the others.
func (e *Engine) poll(ctx context.Context) error {
	store, err := e.stored()
	if err != nil {
		return err
	}
	now := time.Now()
	found := map[string]leaseRecord{}
	revisions := map[string]uint64{}
	err = eachKey(ctx, store.leases, func(node string, record leaseRecord, revision uint64) {
		found[node], revisions[node] = record, revision
	})
	if err != nil {
		return err
	}
	l := &e.leases
	// What did not change while nobody looked may have changed all the time.
	blind := now.Sub(l.polled) > e.options.Lease/2
	l.polled = now
	for node := range l.known {
		if _, there := found[node]; !there {
			delete(l.known, node)
		}
	}
	for node, record := range found {
		k, known := l.known[node]
		if !known || blind || k.revision != revisions[node] {
			k = life{revisions[node], now}
			l.known[node] = k
		}
		if node != e.home.Node && (record.Over && record.By == "" || now.Sub(k.seen) > e.options.Lease) {
			e.startSweep(node, record, revisions[node])
		}
	}
	return nil
}

// put writes a key, whatever it was.
func put(ctx context.Context, kv jetstream.KeyValue, key string, record any) error {
	value, err := encode(record)
	if err != nil {
		return err
	}
	_, err = kv.Put(ctx, key, value)
	return unavailable(err)
}

// eachKey reads all keys of a bucket.
func eachKey[T any](ctx context.Context, kv jetstream.KeyValue, f func(key string, record T, revision uint64)) error {
	watcher, err := kv.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return unavailable(err)
	}
	defer func() { _ = watcher.Stop() }()
	for {
		select {
		case entry, open := <-watcher.Updates():
			if !open {
				return rooms.ErrUnavailable
			}
			if entry == nil {
				return nil
			}
			var record T
			if err := decode(entry.Value(), &record); err != nil {
				return errors.Join(errGarbled, err)
			}
			f(entry.Key(), record, entry.Revision())
		case <-ctx.Done():
			return unavailable(ctx.Err())
		}
	}
}
