package natsrooms

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ebb counts what a mailbox has in NATS, so that what its client no longer needs is purged now and then, and not for every
// acknowledgement. What is not worth a purge ends by its age.
type ebb struct {
	letters int
	bytes   int
	acked   uint64 // the number up to which the client has acknowledged
	running bool

	oldest uint64    // the number of the oldest event that the client has not acknowledged
	since  time.Time // it has been that
	stale  bool      // it has been that for too long
}

// A purge is worth its while for so many letters, or bytes. A client that does not acknowledge is let have many more, and
// then loses the chance to resume elsewhere.
const (
	purgeLetters = 256
	purgeBytes   = 128 << 10
	purgeLate    = 16
	everything   = 0 // is no place in a stream
)

func (b *ebb) stored(bytes int) {
	b.letters++
	b.bytes += bytes
}

// flow purges the mailbox up to what the client has, if there is enough of it. The room's mutex is held.
func (p *peer) flow() {
	b := &p.ebb
	if b.running || b.letters < purgeLetters && b.bytes < purgeBytes {
		return
	}
	number, bound := b.acked, false
	if late := p.inbox.Dropped(); late > number && (b.letters > purgeLate*purgeLetters || b.bytes > purgeLate*purgeBytes) {
		number, bound = late, true
	}
	if number < p.offset+scale {
		return
	}
	b.letters, b.bytes, b.running = 0, 0, true
	p.engine.goOn(func(ctx context.Context) {
		p.purge(ctx, (number-p.offset)/scale, bound)
		p.room.mu.Lock()
		defer p.room.mu.Unlock()
		b.running = false
	})
}

// purge deletes all letters up to one, or everything. bound says that the client may still want some of them: that it can then resume only
// here is noted before.
func (p *peer) purge(ctx context.Context, upTo uint64, bound bool) {
	if bound && p.bind(ctx) != nil {
		return
	}
	store, err := p.engine.stored()
	options := []jetstream.StreamPurgeOpt{jetstream.WithPurgeSubject(p.engine.names.box(p.home, p.id))}
	if upTo != everything { // a place beyond the end keeps nats-server busy for ever
		options = append(options, jetstream.WithPurgeSequence(upTo+1))
	}
	if err == nil && p.home.Shard < len(store.boxes) {
		err = store.boxes[p.home.Shard].Purge(ctx, options...)
	}
	if err != nil && ctx.Err() == nil {
		p.engine.options.Warn("purging a mailbox", err)
	}
}

// bind notes in the key that the mailbox does not have all that the client may ask for.
func (p *peer) bind(ctx context.Context) error {
	if err := p.edit.lock(ctx); err != nil {
		return err
	}
	defer p.edit.unlock()
	if p.record.Bound {
		return nil
	}
	return p.write(ctx, func(r *peerRecord) { r.Bound = true })
}

// staleAfter is how long a connected client may leave a letter unacknowledged. NATS keeps it for as long after that as its
// client may be away, and its node be dead before anybody notices.
const staleAfter = 30 * time.Second

// notice looks at the age of what the client has not acknowledged. If NATS may let go of it while the client is away, the
// session can be resumed only here, from now on. It is called again and again.
func (p *peer) notice(now time.Time) {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	b, oldest := &p.ebb, p.inbox.Oldest()
	switch {
	case oldest == 0 || oldest != b.oldest:
		b.oldest, b.since = oldest, now
	case p.attachment != nil && !b.stale && now.Sub(b.since) > staleAfter:
		b.stale = true
		p.engine.goOn(func(ctx context.Context) { p.persist(ctx, func() error { return p.bind(ctx) }) })
	}
}
