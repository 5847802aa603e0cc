package natsrooms

import (
	"context"
	"errors"
	"time"

	"parley/rooms"
)

// While NATS is away, what must be done is tried again after a while that grows.
const (
	retryFirst = 100 * time.Millisecond
	retryLast  = 3 * time.Second
)

// persist does something until it succeeds or ctx ends, or the session is no longer here.
func (p *peer) persist(ctx context.Context, f func() error) {
	for wait := retryFirst; ; wait = min(2*wait, retryLast) {
		err := f()
		if err == nil || errors.Is(err, errFenced) || ctx.Err() != nil {
			return
		}
		if wait == retryFirst {
			p.engine.options.Warn("what must be done is tried again", err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// lose begins the absence of a peer whose connection has ended. The room's mutex is held.
func (p *peer) lose() {
	p.attachment = nil
	p.losses++
	p.absentFor(0)
}

// absentFor waits for the next moment at which the absence matters; so far it has lasted for so long.
func (p *peer) absentFor(lasted time.Duration) {
	losses, config := p.losses, &p.engine.config
	next := config.AwayAfter
	if p.away || config.Grace <= config.AwayAfter {
		next = config.Grace
	}
	began := time.Now().Add(-lasted)
	p.absence = time.AfterFunc(next-lasted, func() {
		p.engine.goOn(func(ctx context.Context) { p.absent(ctx, losses, began) })
	})
}

// absent is called when a peer has been without a connection for as long as nobody needs to know, and again when it has been
// so for longer than it may.
func (p *peer) absent(ctx context.Context, losses int, began time.Time) {
	still := func() bool { return p.losses == losses && !p.dropped && p.leaving == "" }
	config := &p.engine.config
	if time.Since(began) < config.Grace {
		p.persist(ctx, func() error { return p.sayAway(ctx, still) })
	}
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	switch {
	case !still():
	case time.Since(began) < config.Grace:
		p.absentFor(time.Since(began))
	default:
		p.leave(rooms.ReasonTimeout, rooms.CutEnded)
	}
}

// sayAway tells the others that the peer is away, if it still is.
func (p *peer) sayAway(ctx context.Context, still func() bool) error {
	if err := p.edit.lock(ctx); err != nil {
		return err
	}
	defer p.edit.unlock()
	is := func() bool {
		p.room.mu.Lock()
		defer p.room.mu.Unlock()
		return still()
	}
	if !is() {
		return nil
	}
	if err := p.write(ctx, func(r *peerRecord) { r.Away = true }); err != nil {
		return err
	}
	p.room.mu.Lock()
	p.away = true // whoever resumes has to say so
	p.room.mu.Unlock()
	return p.announce(ctx, presenceNote{Change: rooms.PeerAway}, nil)
}

// leave ends a session: the peer leaves. Its connection is cut at once, the rest follows. The room's mutex is held.
func (p *peer) leave(reason rooms.Reason, why rooms.Cut) {
	if p.leaving != "" || p.dropped {
		return
	}
	p.leaving = reason
	p.cut(why)
	p.engine.goOn(func(ctx context.Context) {
		p.persist(ctx, func() error { return p.takeOut(ctx) })
	})
}

// takeOut takes a peer that leaves out of its room. If this node dies in the middle, the one that sweeps it finds the key and
// goes on.
func (p *peer) takeOut(ctx context.Context) error {
	if err := p.edit.lock(ctx); err != nil {
		return err
	}
	defer p.edit.unlock()
	if err := p.write(ctx, func(r *peerRecord) { r.Leaving = p.leaving }); err != nil {
		return err
	}
	seats, last, err := p.room.without(ctx, p.id)
	p.wasLast = p.wasLast || last
	if err != nil {
		return err
	}
	if p.unseated {
		seats = nil // nobody has heard of it
	}
	if err := p.announceLeft(ctx, p.leaving, seats); err != nil {
		return err
	}
	store, err := p.engine.stored()
	if err != nil {
		return err
	}
	if err := deleteRecord(ctx, store.peerKeys, string(p.id), p.revision); err != nil && !errors.Is(err, errConflict) {
		return err
	}
	p.occurred()
	p.room.mu.Lock()
	many := p.ebb.letters > purgeLetters/4
	p.drop(rooms.CutEnded)
	p.room.mu.Unlock()
	if many {
		p.purge(ctx, everything, false)
	}
	return nil
}

// announceLeft tells those who remain. A peer leaves only once, so that whoever tells of it uses the same ids.
func (p *peer) announceLeft(ctx context.Context, reason rooms.Reason, seats []seat) error {
	note := presenceNote{Change: rooms.PeerLeft, Peer: p.id, Revision: p.revision, Reason: reason}
	return p.engine.insist(ctx, presenceLetters("", note, seats))
}

// occurred tells Config.Occurred that the peer has been taken out.
func (p *peer) occurred() {
	if !p.unseated {
		p.engine.leftRoom(p.room.name, p.id, p.leaving, p.wasLast)
	}
}

// leftRoom tells Config.Occurred that a peer has left, and whether the room is empty now.
func (e *Engine) leftRoom(room string, peer rooms.PeerID, reason rooms.Reason, last bool) {
	e.occurred(rooms.Occurrence{Kind: rooms.LeftRoom, Room: room, Peer: peer, Reason: reason})
	if last {
		e.occurred(rooms.Occurrence{Kind: rooms.RoomClosed, Room: room})
	}
}

func (e *Engine) occurred(o rooms.Occurrence) {
	if told := e.config.Occurred; told != nil {
		told(o)
	}
}

// without takes a peer out of the room's key, and gives those who remain; last tells that it was taken out now, as the last one.
func (r *room) without(ctx context.Context, id rooms.PeerID) (remain []seat, last bool, err error) {
	if err := r.edit.lock(ctx); err != nil {
		return nil, false, err
	}
	defer r.edit.unlock()
	err = r.change(ctx, func(record *roomRecord) (bool, error) {
		i := record.find(id)
		if i < 0 {
			return false, nil
		}
		record.Seats = append(record.Seats[:i], record.Seats[i+1:]...)
		last = len(record.Seats) == 0
		return true, nil
	})
	return r.record.Seats, last, err
}
