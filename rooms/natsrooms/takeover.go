package natsrooms

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"parley/rooms"
)

// takeOver resumes a session that another node holds, or held.
func (r *resumption) takeOver(ctx context.Context) error {
	store, err := r.engine.stored()
	if err != nil {
		return err
	}
	record, revision, err := getRecord[peerRecord](ctx, store.peerKeys, string(r.id))
	if errors.Is(err, errNoKey) {
		return rooms.ErrSessionLost
	}
	if err != nil {
		return err
	}
	used, secret := digest(r.resume.Secret), newSecret(r.id)
	if !record.opens(used) {
		return rooms.ErrSessionLost
	}
	if r.engine.peer(r.id) != nil {
		return r.engine.lettingGo(ctx)
	}
	t := &takeover{engine: r.engine, record: record, revision: revision, received: r.resume.Received}
	t.change = func(record *peerRecord) {
		record.Secret, record.Older, record.Away, record.Address = digest(secret), used, false, r.resume.Address
	}
	if err := t.flush(ctx); err != nil {
		return err
	}
	if !t.record.opens(used) {
		return rooms.ErrSessionLost
	}
	if err := t.prepare(ctx); err != nil {
		return err
	}
	if err := t.run(ctx); err != nil {
		return err
	}
	defer t.peer.edit.unlock()
	r.peer = t.peer
	if _, err := r.attach(secret); err != nil {
		return err
	}
	if record.Away {
		r.sayBack(ctx)
	}
	return nil
}

// lettingGo waits a moment for a session that is held here and no longer this node's.
func (e *Engine) lettingGo(ctx context.Context) error {
	select {
	case <-time.After(10 * time.Millisecond):
		return errConflict
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

// takeover makes this node the owner of a session, for a client that resumes or for a sweep.
type takeover struct {
	// Static after construction.
	engine   *Engine
	record   peerRecord
	revision uint64
	received uint64            // what the client has
	adopted  bool              // there is no client: nobody knows what it has
	change   func(*peerRecord) // what else is written with the new owner

	peer *peer
}

// prepare opens what the session needs here, and looks at whether it can be resumed.
func (t *takeover) prepare(ctx context.Context) error {
	e := t.engine
	box, err := e.openBox(ctx, t.record.Seat.Home)
	if err != nil {
		return err
	}
	room, err := e.acquireRoom(t.record.Room, false)
	if err != nil {
		e.closeBox(box)
		return err
	}
	p := e.newPeer(t.record.Seat, room, box)
	p.loading = true
	t.peer = p
	if err := p.edit.lock(ctx); err != nil { // nobody else knows of it yet
		e.releaseRoom(room)
		e.closeBox(box)
		return err
	}
	if err := t.possible(ctx); err != nil || !e.hold(p) {
		e.releaseRoom(room)
		e.closeBox(box)
		if err == nil {
			err = errConflict // somebody else on this node does the same
		}
		return err
	}
	return nil
}

// possible refuses a client that claims to have more than was ever sent.
func (t *takeover) possible(ctx context.Context) error {
	if t.received == 0 || t.record.Born != t.peer.box.made() {
		return nil
	}
	store, err := t.engine.stored()
	if err != nil {
		return err
	}
	stream, err := store.box(ctx, t.engine.js, t.engine.names, t.record.Seat.Home)
	if err != nil {
		return unavailable(err)
	}
	info, err := infoOf(ctx, t.engine.js, stream)
	if err != nil {
		return unavailable(err)
	}
	if t.received >= t.record.Offset+(info.State.LastSeq+1)*scale {
		return rooms.ErrNeverSent
	}
	return nil
}

// run takes the session over. On success the peer's edit semaphore is held. What fails after the key was won is gone on with:
// the session is this node's.
func (t *takeover) run(ctx context.Context) error {
	p := t.peer
	if err := t.win(ctx); err != nil {
		p.abandon()
		p.edit.unlock()
		return err
	}
	err := t.load(ctx)
	if err == nil {
		return nil
	}
	if errors.Is(err, rooms.ErrSessionLost) {
		p.edit.unlock()
		return err
	}
	t.engine.goOn(func(ctx context.Context) {
		defer p.edit.unlock()
		p.persist(ctx, func() error { return t.load(ctx) })
		p.room.mu.Lock()
		defer p.room.mu.Unlock()
		if !p.dropped && p.leaving == "" {
			p.lose()
		}
	})
	return unavailable(err)
}

// abandon lets go of a session that did not become this node's.
func (p *peer) abandon() {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	p.drop(0)
}

// win makes this node the owner, if nothing has changed meanwhile.
func (t *takeover) win(ctx context.Context) error {
	p, e := t.peer, t.engine
	store, err := e.stored()
	if err != nil {
		return err
	}
	record := t.record
	record.Owner = e.home.Node
	record.Epoch++
	record.Adopted = t.adopted
	t.change(&record)
	revision, err := putRecord(ctx, store.peerKeys, string(p.id), t.revision, record)
	if err != nil {
		return err
	}
	p.record, p.revision = record, revision
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	p.epoch, p.settled, p.offset, p.away = record.Epoch, record.Received, record.Offset, record.Away
	p.secret, p.carried = digests{record.Secret, record.Older}, record.Carried
	return nil
}

// load writes the moved notice and reads what lies before it; what the consumer brings behind it waits until then.
func (t *takeover) load(ctx context.Context) error {
	p, e := t.peer, t.engine
	moved, err := e.place(ctx, p.movedLetter(), func() bool { return true }, e.options.Patience)
	if errors.Is(err, errMailboxFull) {
		if t.received > p.offset { // there is more than its client may have unread, and room for the notice is needed
			p.purge(ctx, min((t.received-p.offset)/scale, p.box.position()), false)
		}
	}
	if err != nil {
		return unavailable(err)
	}
	if err := t.findSeat(ctx); err != nil {
		return err
	}
	lost := t.record.Born != p.box.made()
	if !lost && t.record.Bound && !t.adopted {
		return t.refuse()
	}
	var letters []heldNote
	if !lost {
		if letters, err = t.replay(ctx, moved); err != nil {
			return err
		}
	}
	e.options.Figures.Replayed(len(letters))
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	p.incomplete = lost
	if lost { // a stream that has been made anew counts from 1
		p.offset = (max(t.received, p.offset)/scale + 1) * scale
		p.record.Offset, p.record.Born = p.offset, p.box.made()
	}
	t.begin(moved, letters)
	return nil
}

// begin fills the inbox. The room's mutex is held.
func (t *takeover) begin(moved uint64, letters []heldNote) {
	p := t.peer
	end := p.offset + moved*scale
	switch {
	case !t.adopted:
		p.inbox.StartAfter(t.received, t.received)
	case t.record.Bound:
		p.inbox.StartAfter(end, end) // its client will have to join anew
	default:
		p.inbox.StartAfter(0, end) // whatever it says that it has, it can have
	}
	for _, l := range letters {
		p.take(l.seq, l.data)
	}
	p.inbox.Skip(end)
	held := p.held
	p.held, p.loading, p.begins = nil, false, moved
	for _, l := range held {
		if l.seq > moved {
			p.take(l.seq, l.data)
		}
	}
}

// findSeat reads the room. One who is not in it has been replaced, or taken out.
func (t *takeover) findSeat(ctx context.Context) error {
	p := t.peer
	if err := p.room.edit.lock(ctx); err != nil {
		return err
	}
	err := p.room.read(ctx)
	seated := false
	if err == nil {
		if i := p.room.record.find(p.id); i >= 0 {
			seated, p.seat = true, p.room.record.Seats[i]
		}
	}
	p.room.edit.unlock()
	if err != nil {
		return err
	}
	if !seated {
		return t.refuse()
	}
	p.room.learn(p.id, p.record, p.revision)
	return p.room.meet(ctx)
}

// refuse ends a session that cannot go on.
func (t *takeover) refuse() error {
	p := t.peer
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	p.leave(rooms.ReasonReplaced, 0)
	return rooms.ErrSessionLost
}

// replay reads the letters of a mailbox that the client has not received, up to the moved notice.
func (t *takeover) replay(ctx context.Context, moved uint64) (letters []heldNote, err error) {
	p, e := t.peer, t.engine
	store, err := e.stored()
	if err != nil {
		return nil, err
	}
	stream, err := store.box(ctx, e.js, e.names, p.home)
	if err != nil {
		return nil, unavailable(err)
	}
	next := uint64(1)
	if t.received > p.offset {
		next = (t.received-p.offset)/scale + 1
	}
	for next < moved {
		m, err := stream.GetMsg(ctx, next, jetstream.WithGetMsgSubject(e.names.box(p.home, p.id)))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			return nil, unavailable(err)
		}
		if m.Sequence >= moved {
			break
		}
		letters = append(letters, heldNote{m.Sequence, m.Data})
		next = m.Sequence + 1
	}
	return letters, nil
}
