package natsrooms

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"parley/rooms"
)

// room is what this node knows of a room that it holds peers of: all of its members, wherever they are.
type room struct {
	// Static after construction.
	engine *Engine
	name   string
	key    string

	users int // guarded by the engine's mutex: peers and calls

	edit semaphore // held by the one on this node who changes the key
	// Guarded by edit: the key as it was last seen. It may have changed since, which a compare-and-set finds out.
	record roomRecord
	seen   uint64 // its revision, 0 for none

	mu sync.Mutex // a leaf but for links: nothing of the engine is called while it is held, nor anything that waits
	// Guarded by mu, with all of every peer of the room that is held here.
	members map[rooms.PeerID]*member
	gone    rooms.Graves
	at      uint64 // the revision of the key that members follow
}

// member is a peer of the room, as the others see it.
type member struct {
	seat     seat
	name     string
	metadata []byte
	away     bool
	revision uint64 // of the peer's key, 0 while only its seat is known
	since    uint64 // a revision of the room's key that has it
}

// pinned is the since of a member that no key says anything about, because NATS has lost it.
const pinned = ^uint64(0)

// acquireRoom finds or makes a room. Each success is to be followed by one releaseRoom.
func (e *Engine) acquireRoom(name string, newcomer bool) (*room, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, rooms.ErrUnavailable
	}
	r := e.rooms[name]
	if r == nil {
		if newcomer && e.config.MaxRooms > 0 && len(e.rooms) >= e.config.MaxRooms {
			return nil, rooms.ErrTooManyRooms
		}
		r = &room{
			engine: e, name: name, key: roomKey(name), edit: newSemaphore(),
			members: map[rooms.PeerID]*member{}, gone: rooms.NewGraves(e.config.Grace),
		}
		e.rooms[name] = r
	}
	r.users++
	return r, nil
}

// keepRoom is one more use of a room that is in use.
func (e *Engine) keepRoom(r *room) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r.users++
}

func (e *Engine) releaseRoom(r *room) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r.users--
	if r.users == 0 && e.rooms[r.name] == r {
		delete(e.rooms, r.name)
	}
}

// read reads the key. A room that has none is empty. The edit semaphore is held.
func (r *room) read(ctx context.Context) error {
	store, err := r.engine.stored()
	if err != nil {
		return err
	}
	record, revision, err := getRecord[roomRecord](ctx, store.roomKeys, r.key)
	if errors.Is(err, errNoKey) {
		record, revision, err = roomRecord{Name: r.name}, 0, nil
	}
	if err != nil {
		return err
	}
	r.record, r.seen = record, revision
	r.follow()
	return nil
}

// change has the key changed by a compare-and-set, which is tried until it succeeds, edit fails or ctx ends. edit is called
// with what the key may be, and again with what it is if that has changed; it returns false if there is nothing to change.
// An outcome that is not known is found out by trying again, so edit must know its own work. The edit semaphore is held.
func (r *room) change(ctx context.Context, edit func(*roomRecord) (bool, error)) error {
	fresh := r.seen == 0
	for {
		if fresh {
			if err := r.read(ctx); err != nil {
				return err
			}
		}
		record := r.record
		record.Seats = slices.Clone(record.Seats)
		changed, err := edit(&record)
		if (err != nil || !changed) && !fresh {
			fresh = true // what is refused is refused for what is, not for what was
			continue
		}
		if err != nil || !changed {
			return err
		}
		err = r.write(ctx, record)
		if !errors.Is(err, errConflict) {
			return err
		}
		r.engine.options.Figures.Conflict()
		fresh = true
	}
}

// write is one compare-and-set. A room that nobody is in has no key, unless its policy is kept.
func (r *room) write(ctx context.Context, record roomRecord) error {
	store, err := r.engine.stored()
	if err != nil {
		return err
	}
	if len(record.Seats) == 0 && !record.Policy.Kept {
		if err := deleteRecord(ctx, store.roomKeys, r.key, r.seen); err != nil {
			r.seen = 0
			return err
		}
		r.record, r.seen = roomRecord{Name: r.name}, 0
		r.mu.Lock()
		r.at, r.members = 0, map[rooms.PeerID]*member{}
		r.mu.Unlock()
		return nil
	}
	revision, err := putRecord(ctx, store.roomKeys, r.key, r.seen, record)
	if err != nil {
		r.seen = 0 // it may be written or not
		return err
	}
	r.record, r.seen = record, revision
	r.follow()
	return nil
}

// follow brings the members up to the key.
func (r *room) follow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen != 0 && r.seen <= r.at {
		return
	}
	r.at = r.seen
	seats := map[rooms.PeerID]bool{}
	for _, s := range r.record.Seats {
		seats[s.Peer] = true
		if r.members[s.Peer] == nil && !r.gone.Has(s.Peer) {
			r.members[s.Peer] = &member{seat: s, since: r.seen}
		}
	}
	for id, m := range r.members {
		if !seats[id] && m.since != pinned && (m.since <= r.seen || r.seen == 0) { // not one whose letter was faster than the key

			delete(r.members, id)
			r.gone.Add(id)
		}
	}
}

// meet reads the keys of the members that this node does not speak for, so that the room is known as it is now. It is called by one who
// is a member: what changes from then on comes into its mailbox.
func (r *room) meet(ctx context.Context) error {
	store, err := r.engine.stored()
	if err != nil {
		return err
	}
	r.mu.Lock()
	var strangers []rooms.PeerID
	for id, m := range r.members {
		if p := r.engine.peer(id); p == nil || p.loading || m.revision == 0 {
			strangers = append(strangers, id)
		}
	}
	r.mu.Unlock()
	failed := make(chan error, len(strangers))
	for _, id := range strangers {
		go func() {
			record, revision, err := getRecord[peerRecord](ctx, store.peerKeys, string(id))
			if err == nil {
				r.learn(id, record, revision)
			}
			if errors.Is(err, errNoKey) {
				err = nil // it is leaving
			}
			failed <- err
		}()
	}
	for range strangers {
		err = errors.Join(err, <-failed)
	}
	return err
}

// learn takes over what a peer's key says.
func (r *room) learn(id rooms.PeerID, record peerRecord, revision uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.members[id]; m != nil && m.revision < revision {
		m.name, m.metadata, m.away, m.revision = record.Name, record.Metadata, record.Away, revision
	}
}

// apply takes over what a letter says of another peer. It tells whether that is news to anybody at all: what comes after the
// peer has left is not.
func (r *room) apply(n presenceNote) bool {
	m := r.members[n.Peer]
	switch n.Change {
	case rooms.PeerJoined:
		if r.gone.Has(n.Peer) {
			return false
		}
		if m == nil {
			m = &member{seat: *n.Seat, since: n.Room}
			r.members[n.Peer] = m
		}
	case rooms.PeerLeft:
		delete(r.members, n.Peer)
		r.gone.Add(n.Peer)
		return true
	}
	if m == nil {
		return !r.gone.Has(n.Peer)
	}
	if m.revision >= n.Revision {
		return true
	}
	m.revision = n.Revision
	switch n.Change {
	case rooms.PeerAway, rooms.PeerBack:
		m.away = n.Change == rooms.PeerAway
	case rooms.PeerJoined, rooms.PeerUpdated:
		if n.Name != nil {
			m.name = *n.Name
		}
		m.metadata = cleared(m.metadata, n.Metadata)
	}
	return true
}

// cleared is what metadata is after an update: nil keeps it, null clears it.
func cleared(old, update []byte) []byte {
	switch {
	case update == nil:
		return old
	case string(update) == "null":
		return nil
	}
	return update
}

// others gives the members besides one, in the order of joining, as that one sees them.
func (r *room) others(self seat) []rooms.Member {
	all := make([]*member, 0, len(r.members))
	for id, m := range r.members {
		if id != self.Peer {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b *member) int { return cmp.Compare(a.seat.Order, b.seat.Order) })
	others := make([]rooms.Member, 0, len(all))
	for _, m := range all {
		others = append(others, rooms.Member{
			Peer: m.seat.Peer, Name: m.name, Metadata: m.metadata, Polite: self.Order > m.seat.Order, Away: m.away,
		})
	}
	return others
}
