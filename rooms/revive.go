package rooms

import (
	"sync"
	"time"
)

// revive lets a peer in again that joined under an engine before this one: its secret says who it is. What the engine before
// had for it is gone, and so is what that knew of its messages; the snapshot is not Complete. It holds its seat as if it had
// been away, so it is let in whatever the capacity.
func (m *Memory) revive(resume Resume, link Link) (*attachment, Snapshot, error) {
	key := m.config.SessionKey
	if key == nil || time.Now().After(m.ended.until) {
		return nil, Snapshot{}, ErrSessionLost
	}
	was, err := key.open(resume.Secret)
	if err != nil || was.Engine == m.id || m.ended.has(was.Peer) { // one of its own would have been found
		return nil, Snapshot{}, ErrSessionLost
	}
	r, err := m.lockRoom(was.Room)
	if err != nil {
		return nil, Snapshot{}, err
	}
	defer r.unlock()
	return r.revive(was, resume, link)
}

func (r *room) revive(was sealed, resume Resume, link Link) (*attachment, Snapshot, error) {
	if p := r.peers[was.Peer]; p != nil {
		if was.Age <= p.from {
			return nil, Snapshot{}, ErrSessionLost // a secret that another one has replaced
		}
		return r.supersede(p, was, resume, link)
	}
	if r.engine.ended.has(was.Peer) || r.taken(was.Identity) {
		return nil, Snapshot{}, ErrSessionLost
	}
	p := &peer{
		id: was.Peer, room: r, order: was.Order, identity: was.Identity, name: was.Name, carried: was.Carried, revived: true,
		address: resume.Address, since: time.Now(),
		inbox: NewInbox(r.engine.config),
	}
	r.joined = max(r.joined, p.order)
	r.beginAgain(p, was, resume)
	r.tellOfRevived(p)
	return r.admit(p, link), r.snapshot(p), nil
}

// beginAgain has a session begin anew behind what its client knows. The secret that was used stays good, as after any resume.
func (r *room) beginAgain(p *peer, was sealed, resume Resume) {
	p.inbox.restart(resume.Received)
	p.received = 0
	p.incomplete = true
	p.from, p.age = was.Age, was.Age+1
	p.older, p.secret = resume.Secret, r.engine.newSecret(p)
	r.engine.sessions.add(p.older, p)
	r.engine.sessions.add(p.secret, p)
}

// supersede gives a peer to whoever has a newer secret than the one it was revived with: that one was stolen, or old.
func (r *room) supersede(p *peer, was sealed, resume Resume, link Link) (*attachment, Snapshot, error) {
	r.takeOver(p, link)
	p.address = resume.Address
	r.engine.sessions.remove(p.secret, p.older)
	r.beginAgain(p, was, resume)
	return p.attachment, r.snapshot(p), nil
}

// taken tells whether somebody has joined with this identity since the engine was started, which would have replaced the peer
// that is about to be revived.
func (r *room) taken(id identity) bool {
	if id == "" || r.identities() == IdentityAllow {
		return false
	}
	for _, p := range r.peers {
		if p.identity == id {
			return true
		}
	}
	return false
}

// tellOfRevived tells the others that a peer is back. Those who joined after it have it in their joined, if they were in the
// room at that time; the rest may never have heard of it.
func (r *room) tellOfRevived(about *peer) {
	for _, p := range r.peers {
		if !p.revived || p.order < about.order {
			r.tellPresence(p, Presence{Change: PeerJoined, Member: Member{
				Peer: about.id, Name: about.name, Polite: p.order > about.order,
			}})
		}
		if p.revived {
			r.tellPresence(p, Presence{Change: PeerBack, Member: Member{Peer: about.id}})
		}
	}
}

// ended remembers whose sessions have ended while those of an engine before this one can still be revived: they cannot. Its
// mutex is a leaf: nothing is called while it is held.
type ended struct {
	until time.Time // static: when nobody can be revived any more; zero where nobody ever can

	mu    sync.Mutex
	peers map[PeerID]struct{}
}

func (e *ended) add(id PeerID) {
	if e.until.IsZero() {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if time.Now().After(e.until) {
		e.peers = nil
		return
	}
	if e.peers == nil {
		e.peers = map[PeerID]struct{}{}
	}
	e.peers[id] = struct{}{}
}

func (e *ended) has(id PeerID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.peers[id]
	return ok
}
