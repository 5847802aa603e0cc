package natsrooms

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"parley/rooms"
)

// What happens while NATS is out of reach: the peers of this node still reach each other, through this node alone. What is for
// others waits for the engine's patience, and is refused at once when NATS has been away for longer than that.

// aloneAfter is how long a message between two peers of this node waits for NATS.
const aloneAfter = 2 * time.Second

// outage is when the connection to NATS was lost.
type outage struct {
	mu sync.Mutex
	// Guarded by mu.
	since time.Time // zero while it stands
}

func (o *outage) set(away bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !away:
		o.since = time.Time{}
	case o.since.IsZero():
		o.since = time.Now()
	}
}

// lasts is how long the connection has been lost, 0 while it stands.
func (o *outage) lasts() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() {
		return 0
	}
	return time.Since(o.since)
}

// post stores a message. Where its receiver is held here and NATS is out of reach, it is delivered without. A NATS that is only
// slow is waited for: what this node alone has is lost with it.
func (e *Engine) post(ctx context.Context, l letter, r relayed, wanted func() bool) error {
	p := e.peer(l.to)
	tried := false
	for p == nil || e.outage.lasts() < aloneAfter {
		patience := e.options.Patience
		if p != nil && e.outage.lasts() > 0 {
			patience = aloneAfter
		}
		seq, err := e.place(ctx, l, wanted, patience)
		if err == nil {
			if p != nil && !e.waitForOwn(ctx, l.home, seq) {
				p.expect(r)
			}
			return nil
		}
		tried = tried || errors.Is(err, errUnknown)
		if p == nil || e.outage.lasts() == 0 || errors.Is(err, errMailboxFull) || errors.Is(err, rooms.ErrDetached) {
			return err
		}
	}
	return p.deliverAlone(r, tried)
}

// errNoRoom is a message that cannot be delivered without NATS: it does not fit into the inbox, or would overtake another one.
var errNoRoom = errors.New("natsrooms: the message cannot be delivered now")

// deliverAlone puts a message into the inbox without NATS. tried says that NATS may have it as well: if it brings it later, it
// is known by its sender's number, and so one without a number is not delivered twice but not at all.
func (p *peer) deliverAlone(r relayed, tried bool) error {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	switch {
	case p.dropped, p.loading, p.leaving != "":
		return errUnknown
	case r.of != 0 && r.of <= p.latest[r.from]:
		return nil // NATS has brought it, and only its answer was lost
	case r.of == 0 && tried:
		return errUnknown
	case p.expected[r.from] > p.latest[r.from]:
		return errNoRoom // NATS has an earlier one, which this must not overtake
	case !p.hasNumber(), !p.inbox.Relay(r.from, rooms.Message{Seq: r.of, Payload: r.payload}):
		return errNoRoom
	}
	p.arrived(r)
	p.alone = append(p.alone, aloneNote{number: p.inbox.Last(), from: r.from, of: r.of})
	p.wake()
	return nil
}

// aloneNote is a message that this node has delivered without NATS, and alone has until the client has it.
type aloneNote struct {
	number uint64
	from   rooms.PeerID
	of     uint64
}

// arrived notes the sender's number of a message, so that it is known if it comes again another way.
func (p *peer) arrived(r relayed) {
	if r.of == 0 {
		return
	}
	if p.latest == nil {
		p.latest = map[rooms.PeerID]uint64{}
	}
	p.latest[r.from] = max(p.latest[r.from], r.of)
	if p.expected[r.from] <= r.of {
		delete(p.expected, r.from)
	}
}

// expect notes a message that NATS has stored and not brought yet.
func (p *peer) expect(r relayed) {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if p.dropped || r.of <= p.latest[r.from] {
		return
	}
	if p.expected == nil {
		p.expected = map[rooms.PeerID]uint64{}
	}
	p.expected[r.from] = r.of
}

// tellAlone tells the senders of what only this node had for a client that now resumes elsewhere.
func (p *peer) tellAlone() {
	for _, n := range p.alone {
		if m := p.room.members[n.from]; m != nil {
			p.engine.notices.add(notice{letter: letter{
				to: n.from, home: m.seat.Home, id: p.engine.newID(),
				data: encodeNote(kindUndelivered, rooms.Undelivered{To: p.id, Of: n.of, Cause: rooms.CausePeerSlow}),
			}})
		}
	}
	p.alone = nil
}

// forgetAlone forgets what the client has.
func (p *peer) forgetAlone(number uint64) {
	p.alone = slices.DeleteFunc(p.alone, func(n aloneNote) bool { return n.number <= number })
}
