package natsrooms

import (
	"context"
	"errors"
	"strconv"

	"parley/rooms"
)

// errFenced says that the session is another node's, or nobody's any more.
var errFenced = errors.New("natsrooms: another node has the session")

// write changes the peer's key by a compare-and-set. The edit semaphore is held. If the key is no longer this node's the
// error is errFenced, and the session has been dealt with.
func (p *peer) write(ctx context.Context, change func(*peerRecord)) error {
	store, err := p.engine.stored()
	if err != nil {
		return err
	}
	record := p.record
	change(&record)
	p.room.mu.Lock()
	record.Secret, record.Older = p.secret.current, p.secret.older
	record.Received = p.received()
	p.room.mu.Unlock()
	return p.put(ctx, store, record)
}

func (p *peer) put(ctx context.Context, store *store, record peerRecord) error {
	for {
		revision, err := putRecord(ctx, store.peerKeys, string(p.id), p.revision, record)
		if err == nil {
			p.record, p.revision = record, revision
			return nil
		}
		if !errors.Is(err, errConflict) {
			return err
		}
		current, revision, err := getRecord[peerRecord](ctx, store.peerKeys, string(p.id))
		if err != nil && !errors.Is(err, errNoKey) {
			return err
		}
		if err == nil && current.Owner == p.engine.home.Node && current.Epoch == p.record.Epoch {
			p.revision = revision // an earlier write of this node's, whose answer was lost
			continue
		}
		p.fence(err != nil, current)
		return errFenced
	}
}

// fence deals with a session whose key is no longer this node's.
func (p *peer) fence(ended bool, current peerRecord) {
	p.engine.options.Figures.Fenced()
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	switch {
	case ended || current.Leaving != "":
		p.drop(rooms.CutEnded)
	case current.Adopted && p.reclaims(current.Epoch):
		p.reclaim()
	default:
		p.drop(rooms.CutReplaced)
	}
}

// reclaim takes a session back that a node which took this one for dead has adopted, while its client was connected here all
// the time. The room's mutex is held.
func (p *peer) reclaim() {
	p.engine.goOn(func(ctx context.Context) {
		p.persist(ctx, func() error {
			if err := p.edit.lock(ctx); err != nil {
				return err
			}
			defer p.edit.unlock()
			return p.takeBack(ctx)
		})
	})
}

// takeBack is reclaim, once. The edit semaphore is held.
func (p *peer) takeBack(ctx context.Context) error {
	store, err := p.engine.stored()
	if err != nil {
		return err
	}
	current, revision, err := getRecord[peerRecord](ctx, store.peerKeys, string(p.id))
	if err != nil && !errors.Is(err, errNoKey) {
		return err
	}
	if err == nil && current.Owner == p.engine.home.Node && current.Leaving == "" {
		p.record, p.revision = current, revision
		return nil
	}
	if p.dropUnless(err == nil && current.Leaving == "", current) {
		return nil
	}
	wasAway := current.Away
	current.Owner, current.Adopted, current.Away = p.engine.home.Node, false, false
	current.Epoch++
	revision, err = putRecord(ctx, store.peerKeys, string(p.id), revision, current)
	if errors.Is(err, errConflict) {
		return errors.Join(rooms.ErrUnavailable, err) // once more
	}
	if err != nil {
		return err
	}
	p.record, p.revision = current, revision
	p.room.mu.Lock()
	p.epoch = current.Epoch
	p.room.mu.Unlock()
	if err := p.engine.insist(ctx, []letter{p.movedLetter()}); err != nil {
		return err
	}
	if wasAway {
		return p.announce(ctx, presenceNote{Change: rooms.PeerBack}, nil)
	}
	return nil
}

// reclaims tells whether a session that was adopted from this node, by an owner of this epoch, is to be taken back: its client
// has been connected here all the time, and nobody has asked for it elsewhere. The room's mutex is held.
func (p *peer) reclaims(epoch uint64) bool { return p.attachment != nil && epoch == p.epoch+1 }

// dropUnless drops a session unless it lives and is to be taken back. It tells whether it did.
func (p *peer) dropUnless(lives bool, current peerRecord) bool {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	switch {
	case !lives:
		p.drop(rooms.CutEnded)
	case !current.Adopted || !p.reclaims(current.Epoch):
		p.drop(rooms.CutReplaced)
	}
	return p.dropped
}

// movedLetter tells the former owner, at this place in the mailbox, that it is that no more.
func (p *peer) movedLetter() letter {
	return letter{
		to: p.id, home: p.home, id: "m:" + string(p.id) + ":" + strconv.FormatUint(p.record.Epoch, 36),
		data: encodeNote(kindMoved, movedNote{Owner: p.engine.home.Node, Epoch: p.record.Epoch, Adopted: p.record.Adopted}),
	}
}

// save writes what has changed without need to tell anybody. If it fails, the next write has it.
func (p *peer) save(ctx context.Context) error {
	if err := p.edit.lock(ctx); err != nil {
		return err
	}
	defer p.edit.unlock()
	return p.write(ctx, func(*peerRecord) {})
}

// step has the numbers go on, where the node has used up those that it had until the next letter.
func (p *peer) step(ctx context.Context) error {
	return p.engine.publish(ctx, letter{
		to: p.id, home: p.home, id: p.engine.newID(), data: []byte{byte(kindStep)},
	}, func() bool { return true })
}

// carry has the session carry something else.
func (p *peer) carry(ctx context.Context, carry []byte) error {
	if err := p.edit.lock(ctx); err != nil {
		return err
	}
	defer p.edit.unlock()
	err := p.write(ctx, func(r *peerRecord) { r.Carried = carry })
	if errors.Is(err, errFenced) {
		return rooms.ErrDetached
	}
	if err != nil {
		return err
	}
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	p.carried = carry
	return nil
}

// update changes what the others see of this peer, and tells them.
func (p *peer) update(ctx context.Context, seq uint64, update rooms.Update) error {
	if err := p.edit.lock(ctx); err != nil {
		return err
	}
	defer p.edit.unlock()
	err := p.write(ctx, func(r *peerRecord) {
		if update.Name != nil {
			r.Name = *update.Name
		}
		r.Metadata = cleared(r.Metadata, update.Metadata)
	})
	if errors.Is(err, errFenced) {
		return rooms.ErrDetached
	}
	if err != nil {
		return err
	}
	note := presenceNote{Change: rooms.PeerUpdated, Name: update.Name, Metadata: update.Metadata}
	if seq != 0 {
		return p.announceAs(ctx, "n"+strconv.FormatUint(seq, 36), note, nil)
	}
	return p.announce(ctx, note, nil)
}

// announce tells the others of a change of this peer, which is in its key already. The room is asked for them after that: who
// comes later reads the key. seats is who they are, where that is known from a compare-and-set. The edit semaphore is held.
func (p *peer) announce(ctx context.Context, note presenceNote, seats []seat) error {
	return p.announceAs(ctx, strconv.FormatUint(p.revision, 36), note, seats)
}

func (p *peer) announceAs(ctx context.Context, id string, note presenceNote, seats []seat) error {
	note.Peer, note.Revision = p.id, p.revision
	p.room.mu.Lock()
	p.room.apply(note) // for those who are here and look before their letters come
	p.room.mu.Unlock()
	if seats == nil {
		store, err := p.engine.stored()
		if err != nil {
			return err
		}
		record, _, err := getRecord[roomRecord](ctx, store.roomKeys, p.room.key)
		if errors.Is(err, errNoKey) {
			return nil
		}
		if err != nil {
			return err
		}
		seats = record.Seats
	}
	return p.engine.insist(ctx, presenceLetters(id, note, seats))
}

// presenceLetters is a letter to everybody in these seats but the one whom it is about. The same change has the same ids,
// whoever tells of it.
func presenceLetters(id string, note presenceNote, seats []seat) []letter {
	data := encodeNote(kindPresence, note)
	var letters []letter
	for _, s := range seats {
		if s.Peer != note.Peer {
			letters = append(letters, letter{
				to: s.Peer, home: s.Home, data: data,
				id: "p:" + string(note.Peer) + ":" + strconv.Itoa(int(note.Change)) + ":" + id + ":" + string(s.Peer),
			})
		}
	}
	return letters
}
