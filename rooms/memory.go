package rooms

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"
)

// Memory is the engine that keeps everything in this process.
type Memory struct {
	// Static after construction.
	config Config
	id     string // random, told apart by it from the engines before

	mu     sync.Mutex // taken before a room's mutex is, never while one is held
	rooms  map[string]*room
	closed bool

	sessions sessions
	lobby    lobby
	ended    ended

	ending   atomic.Bool // nobody is let in any more
	settling atomic.Bool // nothing is taken any more
	peers    atomic.Int64
	away     atomic.Int64
}

var _ Engine = (*Memory)(nil)

// NewMemory makes an empty engine. With a session key, the peers of an engine before it may come back from now on.
func NewMemory(config Config) *Memory {
	m := &Memory{
		config:   config.WithDefaults(),
		id:       rand.Text(),
		rooms:    map[string]*room{},
		sessions: sessions{bySecret: map[string]*peer{}},
	}
	if config.SessionKey != nil {
		m.ended.until = time.Now().Add(m.config.Grace)
	}
	return m
}

// Join implements Engine.
func (m *Memory) Join(_ context.Context, join Join, link Link) (Attachment, Snapshot, error) {
	r, err := m.lockRoom(join.Room)
	if err != nil {
		return nil, Snapshot{}, err
	}
	defer r.unlock()
	return asAttachment(r.join(join, link))
}

// Resume implements Engine.
func (m *Memory) Resume(_ context.Context, resume Resume, link Link) (Attachment, Snapshot, error) {
	p := m.sessions.find(resume.Secret)
	if p == nil {
		return asAttachment(m.revive(resume, link))
	}
	r := p.room
	r.mu.Lock()
	defer r.unlock()
	return asAttachment(r.resume(p, resume, link))
}

// asAttachment keeps a nil *attachment from becoming an Attachment that is not nil.
func asAttachment(a *attachment, s Snapshot, err error) (Attachment, Snapshot, error) {
	if err != nil {
		return nil, s, err
	}
	return a, s, nil
}

// Shared implements Engine.
func (*Memory) Shared() bool { return false }

// Ready implements Engine.
func (m *Memory) Ready(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.ending.Load() {
		return errEngineClosing
	}
	return nil
}

// Stats implements Engine.
func (m *Memory) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Stats{Rooms: len(m.rooms), Peers: int(m.peers.Load()), Away: int(m.away.Load())}
}

// Close implements Engine.
func (m *Memory) Close() error {
	m.mu.Lock()
	m.closed = true
	all := m.rooms
	m.rooms = map[string]*room{}
	m.mu.Unlock()
	for _, r := range all {
		r.mu.Lock()
		for _, p := range r.inOrder() {
			r.remove(p, ReasonClosed, CutEnded)
		}
		r.tellEmpty()
		r.dead = true
		r.mu.Unlock()
	}
	return nil
}

// lockRoom finds or makes the room of this name, and takes its mutex.
func (m *Memory) lockRoom(name string) (*room, error) {
	for {
		r, err := m.room(name)
		if err != nil {
			return nil, err
		}
		r.mu.Lock()
		if !r.dead {
			return r, nil
		}
		r.mu.Unlock() // it was emptied between the two locks
	}
}

// room finds or makes the room of this name.
func (m *Memory) room(name string) (*room, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || m.ending.Load() {
		return nil, errEngineClosing
	}
	if r := m.rooms[name]; r != nil {
		return r, nil
	}
	if m.config.MaxRooms > 0 && len(m.rooms) >= m.config.MaxRooms {
		return nil, ErrTooManyRooms
	}
	r := newRoom(m, name)
	m.rooms[name] = r
	return r, nil
}

// newSecret makes what the session of a peer can be resumed with.
func (m *Memory) newSecret(p *peer) string {
	if m.config.SessionKey == nil {
		return rand.Text()
	}
	return m.config.SessionKey.seal(sealed{
		Engine: m.id, Peer: p.id, Room: p.room.name, Order: p.order, Age: p.age, Identity: p.identity, Name: p.name,
		Carried: p.carried,
	})
}

// forget takes a dead room out of the map, unless a new one of its name is there already.
func (m *Memory) forget(r *room) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rooms[r.name] == r {
		delete(m.rooms, r.name)
	}
}

// sessions finds peers by the secret of their session. Its mutex is a leaf: nothing is called while it is held.
type sessions struct {
	mu       sync.Mutex
	bySecret map[string]*peer
}

func (s *sessions) find(secret string) *peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bySecret[secret]
}

func (s *sessions) add(secret string, p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bySecret[secret] = p
}

func (s *sessions) remove(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range secrets {
		delete(s.bySecret, secret)
	}
}
