package natsrooms

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"parley/rooms"
)

// newSecret makes what the session of a peer can be resumed with, on any node: it names the peer.
func newSecret(id rooms.PeerID) string { return string(id) + "." + rand.Text() }

// peerOf gives the peer that a secret names.
func peerOf(secret string) (rooms.PeerID, bool) {
	id, _, ok := strings.Cut(secret, ".")
	return rooms.PeerID(id), ok && uuid.Validate(id) == nil
}

// Join implements rooms.Engine.
func (e *Engine) Join(ctx context.Context, join rooms.Join, link rooms.Link) (rooms.Attachment, rooms.Snapshot, error) {
	if err := e.Ready(ctx); err != nil {
		return nil, rooms.Snapshot{}, err
	}
	r, err := e.acquireRoom(join.Room, true)
	if err != nil {
		return nil, rooms.Snapshot{}, err
	}
	defer e.releaseRoom(r)
	if err := r.edit.lock(ctx); err != nil {
		return nil, rooms.Snapshot{}, err
	}
	defer r.edit.unlock()
	n := &newcomer{engine: e, room: r, join: join, secret: newSecret(rooms.PeerID(uuid.NewString()))}
	if err := n.look(ctx); err != nil {
		return nil, rooms.Snapshot{}, err
	}
	box, err := e.openBox(ctx, e.home)
	if err != nil {
		return nil, rooms.Snapshot{}, err
	}
	n.peer = e.newPeer(n.seat(), r, box)
	e.keepRoom(r)
	return n.enter(ctx, link)
}

// newcomer is a join under way. The room's edit semaphore is held all the time, so that the joins of one node do not stand in
// each other's way.
type newcomer struct {
	engine *Engine
	room   *room
	join   rooms.Join
	secret string
	peer   *peer
	first  bool // nobody was in the room
}

func (n *newcomer) seat() seat {
	id, _ := peerOf(n.secret)
	s := seat{Peer: id, Home: n.engine.home, Admits: n.join.Admits}
	if n.join.Identity != "" {
		s.Identity = digest(n.join.Identity)
	}
	return s
}

// enter makes the peer's key, then its seat in the room, and then tells the others.
func (n *newcomer) enter(ctx context.Context, link rooms.Link) (rooms.Attachment, rooms.Snapshot, error) {
	p := n.peer
	a := &attachment{peer: p, link: link}
	p.attachment, p.keep, p.carried = a, n.join.Keep, n.join.Carry
	p.secret.current = digest(n.secret)
	p.inbox.Skip(p.box.position() * scale) // the mailbox has no letter yet: they all come behind this
	p.record = peerRecord{
		Room: n.join.Room, Seat: p.seat, Name: n.join.Name, Metadata: n.join.Metadata, Carried: n.join.Carry,
		Address: n.join.Address, Since: time.Now().UTC(),
		Owner: n.engine.home.Node, Born: p.box.made(),
	}
	if !n.engine.hold(p) {
		n.engine.releaseRoom(p.room)
		n.engine.closeBox(p.box)
		return nil, rooms.Snapshot{}, rooms.ErrUnavailable
	}
	if err := p.write(ctx, func(*peerRecord) {}); err != nil {
		n.giveUp()
		return nil, rooms.Snapshot{}, unavailable(err)
	}
	replaced, err := n.sit(ctx)
	if err == nil {
		err = n.tell(ctx, replaced)
	}
	if err == nil {
		err = n.room.meet(ctx)
	}
	if err != nil {
		n.giveUp()
		return nil, rooms.Snapshot{}, err
	}
	n.occurred()
	n.room.mu.Lock()
	defer n.room.mu.Unlock()
	snapshot := p.snapshot(n.secret, true)
	snapshot.Locked = n.room.record.Policy.Locked
	return a, snapshot, nil
}

// occurred tells Config.Occurred of the newcomer.
func (n *newcomer) occurred() {
	if n.first {
		n.engine.occurred(rooms.Occurrence{Kind: rooms.RoomOpened, Room: n.join.Room})
	}
	n.engine.occurred(rooms.Occurrence{Kind: rooms.JoinedRoom, Room: n.join.Room, Peer: n.peer.id, Name: n.join.Name})
}

// giveUp undoes a join that has failed, as far as it had come.
func (n *newcomer) giveUp() {
	n.room.mu.Lock()
	defer n.room.mu.Unlock()
	n.peer.leave(rooms.ReasonClosed, 0)
}

// look refuses those for whom there is no place, before anything is written.
func (n *newcomer) look(ctx context.Context) error {
	place := func() error {
		record := n.room.record
		record.Seats = slices.Clone(record.Seats)
		_, err := n.place(&record, n.seat())
		return err
	}
	if n.room.seen == 0 || place() != nil {
		if err := n.room.read(ctx); err != nil { // what is refused is refused for what is, not for what was
			return err
		}
	}
	if n.identities(&n.room.record) == rooms.IdentityRefuse {
		for _, s := range n.room.record.Seats {
			if n.replaces(&n.room.record, s, n.seat()) && n.engine.connected(ctx, s.Peer) {
				return rooms.ErrIdentityTaken
			}
		}
	}
	return place()
}

// replaces tells whether a newcomer takes this seat over, because it is that of an earlier self.
func (n *newcomer) replaces(record *roomRecord, other, s seat) bool {
	return s.Identity != "" && other.Identity == s.Identity && n.identities(record) != rooms.IdentityAllow
}

func (n *newcomer) identities(record *roomRecord) rooms.IdentityPolicy {
	return cmp.Or(record.Policy.Identities, n.engine.config.Identities)
}

// place puts a seat into the room's key, and gives those that were taken over from an earlier self.
func (n *newcomer) place(record *roomRecord, s seat) (replaced []seat, err error) {
	rest := record.Seats[:0]
	for _, other := range record.Seats {
		if n.replaces(record, other, s) {
			replaced = append(replaced, other)
		} else {
			rest = append(rest, other)
		}
	}
	if err := record.Policy.Admits(n.engine.config, n.join, len(rest), len(replaced) > 0); err != nil {
		return nil, err
	}
	n.first = len(record.Seats) == 0
	record.Joined++
	s.Order = record.Joined
	record.Seats = append(rest, s)
	return replaced, nil
}

// sit takes a seat in the room's key, and gives those that were taken over from an earlier self.
func (n *newcomer) sit(ctx context.Context) (replaced []seat, err error) {
	p := n.peer
	err = n.room.change(ctx, func(record *roomRecord) (bool, error) {
		if record.find(p.id) >= 0 { // it is written, and only the answer was lost
			return false, nil
		}
		var err error
		replaced, err = n.place(record, p.seat)
		p.unseated = err != nil
		return err == nil, err
	})
	if err != nil {
		return nil, err
	}
	p.seat = n.room.record.Seats[n.room.record.find(p.id)]
	n.room.learn(p.id, p.record, p.revision)
	return replaced, nil
}

// tell tells the others who has come, after who has gone for it.
func (n *newcomer) tell(ctx context.Context, replaced []seat) error {
	e, seats := n.engine, n.room.record.Seats
	for _, s := range replaced {
		remain := slices.DeleteFunc(slices.Clone(seats), func(s seat) bool { return s.Peer == n.peer.id })
		if err := e.endSession(ctx, n.join.Room, s, rooms.ReasonReplaced, remain, false); err != nil {
			return err
		}
	}
	note := presenceNote{
		Change: rooms.PeerJoined, Peer: n.peer.id, Revision: n.peer.revision, Seat: &n.peer.seat, Room: n.room.seen,
		Metadata: n.join.Metadata,
	}
	if n.join.Name != "" {
		note.Name = &n.join.Name
	}
	return e.insist(ctx, presenceLetters("", note, seats))
}

// snapshot is what a connection tells its client. What waits to be told of those who are in it would be cancelled by what
// happens next, and the snapshot stay uncorrected, so it is taken out. The room's mutex is held, and all of the inbox unsent.
func (p *peer) snapshot(secret string, complete bool) rooms.Snapshot {
	p.inbox.DropCovered(func(presence rooms.Presence) bool { return p.room.members[presence.Member.Peer] != nil })
	return rooms.Snapshot{
		Room: p.room.name, Peer: p.id, Secret: secret, Received: p.received(), Complete: complete, Others: p.room.others(p.seat),
	}
}
