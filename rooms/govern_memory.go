package rooms

import (
	"context"
	"maps"
	"slices"
)

// Rooms implements Governor.
func (m *Memory) Rooms(_ context.Context, after string, limit int) ([]RoomState, error) {
	m.mu.Lock()
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(m.rooms)), func(name string) bool { return name <= after })
	all := make([]*room, 0, min(limit, len(names)))
	for _, name := range names[:min(limit, len(names))] {
		all = append(all, m.rooms[name])
	}
	m.mu.Unlock()
	states := make([]RoomState, 0, len(all))
	for _, r := range all {
		r.mu.Lock()
		if !r.dead {
			states = append(states, r.state())
		}
		r.mu.Unlock()
	}
	return states, nil
}

func (r *room) state() RoomState {
	return RoomState{Name: r.name, Peers: len(r.peers), Policy: r.policy}
}

// Room implements Governor.
func (m *Memory) Room(_ context.Context, name string) (RoomState, []PeerState, error) {
	r, err := m.lockKnown(name)
	if err != nil {
		return RoomState{}, nil, err
	}
	defer r.unlock()
	peers := make([]PeerState, 0, len(r.peers))
	for _, p := range r.inOrder() {
		peers = append(peers, PeerState{
			Peer: p.id, Name: p.name, Metadata: p.metadata, Away: p.away, Joined: p.since, Address: p.address,
		})
	}
	return r.state(), peers, nil
}

// Expel implements Governor.
func (m *Memory) Expel(_ context.Context, name string, peer PeerID) error {
	r, err := m.lockKnown(name)
	if err != nil {
		return err
	}
	defer r.unlock()
	p := r.peers[peer]
	if p == nil {
		return ErrPeerUnknown
	}
	r.remove(p, ReasonKicked, CutKicked)
	return nil
}

// CloseRoom implements Governor.
func (m *Memory) CloseRoom(_ context.Context, name string) error {
	r, err := m.lockKnown(name)
	if err != nil {
		return err
	}
	defer r.unlock()
	for _, p := range r.inOrder() {
		r.remove(p, ReasonClosed, CutClosed)
	}
	r.policy = Policy{}
	return nil
}

// Say implements Governor.
func (m *Memory) Say(_ context.Context, name string, payload []byte) (int, error) {
	r, err := m.lockKnown(name)
	if err != nil {
		return 0, err
	}
	defer r.unlock()
	return r.say(payload, func(*peer) bool { return true }), nil
}

// say puts a payload into the inboxes of some that have room for it.
func (r *room) say(payload []byte, to func(*peer) bool) (said int) {
	for _, p := range r.peers {
		if to(p) && p.inbox.Relay("", Message{Payload: payload}) {
			p.wake()
			said++
		}
	}
	return said
}

// Govern implements Governor.
func (m *Memory) Govern(_ context.Context, name string, edit func(*Policy)) (Policy, error) {
	r, err := m.lockRoom(name)
	if err != nil {
		return Policy{}, err
	}
	defer r.unlock()
	policy := r.policy
	edit(&policy)
	if len(r.peers) == 0 && !policy.Kept && !r.policy.Kept {
		return Policy{}, ErrRoomUnknown
	}
	r.policy = policy
	return policy, nil
}

// lockKnown finds a room, and takes its mutex.
func (m *Memory) lockKnown(name string) (*room, error) {
	m.mu.Lock()
	r := m.rooms[name]
	m.mu.Unlock()
	if r == nil {
		return nil, ErrRoomUnknown
	}
	r.mu.Lock()
	if r.dead {
		r.mu.Unlock()
		return nil, ErrRoomUnknown
	}
	return r, nil
}
