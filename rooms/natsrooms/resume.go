package natsrooms

import (
	"context"
	"errors"

	"parley/rooms"
)

// errElsewhere says that the session is no longer held here: the key knows where it is.
var errElsewhere = errors.New("natsrooms: the session is not held here")

// Resume implements rooms.Engine.
func (e *Engine) Resume(ctx context.Context, resume rooms.Resume, link rooms.Link) (rooms.Attachment, rooms.Snapshot, error) {
	id, ok := peerOf(resume.Secret)
	if !ok {
		return nil, rooms.Snapshot{}, rooms.ErrSessionLost
	}
	for {
		r := &resumption{engine: e, id: id, resume: resume, link: link}
		err := errElsewhere
		if p := e.peer(id); p != nil {
			r.peer = p
			err = r.here(ctx)
		}
		if errors.Is(err, errElsewhere) {
			err = r.takeOver(ctx)
		}
		switch {
		case err == nil:
			return r.attachment, r.snapshot, nil
		case !errors.Is(err, errConflict) && !errors.Is(err, errElsewhere):
			return nil, rooms.Snapshot{}, err
		case ctx.Err() != nil:
			return nil, rooms.Snapshot{}, unavailable(ctx.Err())
		}
	}
}

// resumption is a resume under way.
type resumption struct {
	// Static after construction.
	engine *Engine
	id     rooms.PeerID
	resume rooms.Resume
	link   rooms.Link

	peer       *peer
	attachment *attachment
	snapshot   rooms.Snapshot
}

// here resumes a session that this node holds.
func (r *resumption) here(ctx context.Context) error {
	p := r.peer
	if err := p.edit.lock(ctx); err != nil {
		return err
	}
	defer p.edit.unlock()
	if err := r.admit(); err != nil {
		return r.confirm(ctx, err)
	}
	secret := newSecret(r.id)
	before := p.secret
	p.renew(digest(r.resume.Secret), digest(secret))
	err := p.write(ctx, func(record *peerRecord) {
		record.Away, record.Adopted, record.Address = false, false, r.resume.Address
	})
	if errors.Is(err, errFenced) {
		return errElsewhere
	}
	if err != nil && !r.engine.alone() {
		p.room.mu.Lock()
		p.secret = before
		p.room.mu.Unlock()
		return unavailable(err)
	}
	if err != nil { // NATS hears of the new secret when it is back
		p.engine.goOn(func(ctx context.Context) {
			p.persist(ctx, func() error { return p.save(ctx) })
		})
	}
	wasAway, err := r.attach(secret)
	if err != nil {
		return err
	}
	if wasAway {
		r.sayBack(ctx)
	}
	return nil
}

// admit tells whether the session can be resumed so, as far as this node knows.
func (r *resumption) admit() error {
	p := r.peer
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	switch {
	case p.dropped:
		return errElsewhere
	case p.leaving != "" || !p.secret.good(digest(r.resume.Secret)):
		return errRefused
	}
	return p.inbox.CanRewind(r.resume.Received)
}

// errRefused is a secret that does not resume the session, or a session that has ended.
var errRefused = errors.New("natsrooms: this is not how the session is resumed")

// confirm asks the key whether the session is this node's to refuse: another one may have it, and know more.
func (r *resumption) confirm(ctx context.Context, refused error) error {
	p := r.peer
	if errors.Is(refused, errElsewhere) {
		return refused
	}
	err := p.write(ctx, func(*peerRecord) {})
	switch {
	case errors.Is(err, errFenced):
		return errElsewhere
	case err != nil:
		return unavailable(err)
	case errors.Is(refused, errRefused):
		return rooms.ErrSessionLost
	}
	if errors.Is(refused, rooms.ErrSessionLost) {
		p.room.mu.Lock()
		defer p.room.mu.Unlock()
		p.leave(rooms.ReasonReplaced, rooms.CutReplaced) // its client will join anew: it shall find its seat free
	}
	return refused
}

// renew gives the session a new secret. The one that was used stays good, because the answer that carries the new one may be
// lost on its way.
func (p *peer) renew(used, next string) {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	p.secret = digests{current: next, older: used}
}

// attach gives the session its new connection.
func (r *resumption) attach(secret string) (wasAway bool, err error) {
	p := r.peer
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if p.dropped {
		return false, errElsewhere
	}
	if p.leaving != "" {
		return false, rooms.ErrSessionLost
	}
	if err := p.inbox.Rewind(r.resume.Received); err != nil {
		if errors.Is(err, rooms.ErrSessionLost) {
			p.leave(rooms.ReasonReplaced, rooms.CutReplaced)
		}
		return false, err
	}
	p.heardOf(r.resume.Received)
	p.cut(rooms.CutReplaced)
	r.attachment = &attachment{peer: p, link: r.link}
	p.attachment = r.attachment
	wasAway, p.away = p.away, false
	r.snapshot = p.snapshot(secret, !p.incomplete)
	p.incomplete = false
	return wasAway, nil
}

// sayBack tells the others that the peer is back. If NATS cannot be told now it will be, before anything else that this peer's
// key is needed for.
func (r *resumption) sayBack(ctx context.Context) {
	p := r.peer
	note := presenceNote{Change: rooms.PeerBack}
	if p.announce(ctx, note, nil) == nil {
		return
	}
	p.engine.goOn(func(ctx context.Context) {
		p.persist(ctx, func() error {
			if err := p.edit.lock(ctx); err != nil {
				return err
			}
			defer p.edit.unlock()
			p.room.mu.Lock()
			still := !p.away && !p.dropped && p.leaving == ""
			p.room.mu.Unlock()
			if !still {
				return nil
			}
			if err := p.write(ctx, func(record *peerRecord) { record.Away, record.Adopted = false, false }); err != nil {
				return err
			}
			return p.announce(ctx, note, nil)
		})
	})
}
