package natsrooms

import (
	"context"
	"errors"
	"slices"
	"strings"

	"parley/rooms"
)

// Rooms implements rooms.Governor. It reads the keys of all rooms.
func (e *Engine) Rooms(ctx context.Context, after string, limit int) ([]rooms.RoomState, error) {
	store, err := e.stored()
	if err != nil {
		return nil, err
	}
	states := []rooms.RoomState{}
	err = eachKey(ctx, store.roomKeys, func(_ string, record roomRecord, _ uint64) {
		if record.Name > after {
			states = append(states, record.state())
		}
	})
	slices.SortFunc(states, func(a, b rooms.RoomState) int { return strings.Compare(a.Name, b.Name) })
	return states[:min(limit, len(states))], err
}

func (r *roomRecord) state() rooms.RoomState {
	return rooms.RoomState{Name: r.Name, Peers: len(r.Seats), Policy: r.Policy}
}

// Room implements rooms.Governor.
func (e *Engine) Room(ctx context.Context, name string) (rooms.RoomState, []rooms.PeerState, error) {
	record, err := e.lookAt(ctx, name)
	if err != nil {
		return rooms.RoomState{}, nil, err
	}
	store, err := e.stored()
	if err != nil {
		return rooms.RoomState{}, nil, err
	}
	peers := []rooms.PeerState{}
	for _, s := range record.Seats {
		p, _, err := getRecord[peerRecord](ctx, store.peerKeys, string(s.Peer))
		if errors.Is(err, errNoKey) {
			continue // it is leaving
		}
		if err != nil {
			return rooms.RoomState{}, nil, err
		}
		peers = append(peers, rooms.PeerState{
			Peer: s.Peer, Name: p.Name, Metadata: p.Metadata, Away: p.Away, Joined: p.Since, Address: p.Address, Node: p.Owner,
		})
	}
	return record.state(), peers, nil
}

// lookAt reads the key of a room.
func (e *Engine) lookAt(ctx context.Context, name string) (roomRecord, error) {
	store, err := e.stored()
	if err != nil {
		return roomRecord{}, err
	}
	record, _, err := getRecord[roomRecord](ctx, store.roomKeys, roomKey(name))
	if errors.Is(err, errNoKey) {
		err = rooms.ErrRoomUnknown
	}
	return record, err
}

// Expel implements rooms.Governor.
func (e *Engine) Expel(ctx context.Context, name string, peer rooms.PeerID) error {
	var out seat
	remain, err := e.editRoom(ctx, name, func(record *roomRecord) (bool, error) {
		i := record.find(peer)
		switch {
		case i >= 0:
			out = record.Seats[i]
			record.Seats = slices.Delete(record.Seats, i, i+1)
			return true, nil
		case out.Peer != "":
			return false, nil // done, and only the answer was lost
		case len(record.Seats) == 0 && !record.Policy.Kept:
			return false, rooms.ErrRoomUnknown
		}
		return false, rooms.ErrPeerUnknown
	})
	if err != nil {
		return err
	}
	return e.endSession(ctx, name, out, rooms.ReasonKicked, remain.Seats, len(remain.Seats) == 0)
}

// CloseRoom implements rooms.Governor.
func (e *Engine) CloseRoom(ctx context.Context, name string) error {
	var out []seat
	found := false
	_, err := e.editRoom(ctx, name, func(record *roomRecord) (bool, error) {
		if len(record.Seats) == 0 && !record.Policy.Kept {
			if found {
				return false, nil // done, and only the answer was lost
			}
			return false, rooms.ErrRoomUnknown
		}
		found, out = true, record.Seats
		record.Seats, record.Policy = nil, rooms.Policy{}
		return true, nil
	})
	if err != nil || len(out) == 0 {
		return err
	}
	var failed error
	for i, s := range out {
		failed = errors.Join(failed, e.endSession(ctx, name, s, rooms.ReasonClosed, nil, i == len(out)-1))
	}
	return failed
}

// Say implements rooms.Governor.
func (e *Engine) Say(ctx context.Context, name string, payload []byte) (int, error) {
	record, err := e.lookAt(ctx, name)
	if err != nil {
		return 0, err
	}
	return e.say(ctx, payload, record.Seats)
}

// say puts a payload into the mailboxes of some that have room for it.
func (e *Engine) say(ctx context.Context, payload []byte, seats []seat) (stored int, failed error) {
	data, id := relayed{payload: payload}.encode(), e.newID()
	letters := make([]letter, 0, len(seats))
	for _, s := range seats {
		letters = append(letters, letter{to: s.Peer, home: s.Home, id: id + ":" + string(s.Peer), data: data})
	}
	for _, err := range e.publishAll(ctx, letters, func() bool { return true }) {
		switch {
		case err == nil:
			stored++
		case !errors.Is(err, errMailboxFull):
			failed = err
		}
	}
	return stored, failed
}

// Govern implements rooms.Governor.
func (e *Engine) Govern(ctx context.Context, name string, edit func(*rooms.Policy)) (rooms.Policy, error) {
	record, err := e.editRoom(ctx, name, func(record *roomRecord) (bool, error) {
		before := record.Policy
		edit(&record.Policy)
		if len(record.Seats) == 0 && !before.Kept && !record.Policy.Kept {
			return false, rooms.ErrRoomUnknown
		}
		return record.Policy != before, nil
	})
	return record.Policy, err
}

// editRoom changes the key of a room that this node may hold nobody of, and gives what it is then.
func (e *Engine) editRoom(ctx context.Context, name string, edit func(*roomRecord) (bool, error)) (roomRecord, error) {
	r, err := e.acquireRoom(name, true)
	if err != nil {
		return roomRecord{}, err
	}
	defer e.releaseRoom(r)
	if err := r.edit.lock(ctx); err != nil {
		return roomRecord{}, err
	}
	defer r.edit.unlock()
	if err := r.change(ctx, edit); err != nil {
		return roomRecord{}, err
	}
	return r.record, nil
}

// endSession ends the session of a peer whose seat has been taken from it, the last of the room or not. Those who remain are told,
// and its owner reads of it in its mailbox.
func (e *Engine) endSession(ctx context.Context, room string, s seat, reason rooms.Reason, remain []seat, last bool) error {
	left := presenceNote{Change: rooms.PeerLeft, Peer: s.Peer, Reason: reason}
	ended := letter{
		to: s.Peer, home: s.Home, id: "e:" + string(s.Peer), data: encodeNote(kindEnded, endedNote{reason}),
	}
	if err := e.insist(ctx, append(presenceLetters("", left, remain), ended)); err != nil {
		return err
	}
	e.leftRoom(room, s.Peer, reason, last)
	store, err := e.stored()
	if err != nil {
		return err
	}
	for {
		_, revision, err := getRecord[peerRecord](ctx, store.peerKeys, string(s.Peer))
		if errors.Is(err, errNoKey) {
			return nil
		}
		if err == nil {
			err = deleteRecord(ctx, store.peerKeys, string(s.Peer), revision)
		}
		if !errors.Is(err, errConflict) {
			return err
		}
	}
}
