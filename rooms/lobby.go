package rooms

import (
	"context"
	"errors"
	"sync"
)

// ErrKnockUnknown says that nobody waits under this name, or no longer.
var ErrKnockUnknown = errors.New("rooms: nobody waits under this name")

// Lobby is where newcomers wait until somebody in the room lets them in, whichever nodes the two are on. A newcomer awaits the
// decision under a name of its own, a knock, and has those hear of it who may decide.
type Lobby interface {
	// Knock puts a payload into the inboxes of those peers of a room that may admit others (Join.Admits), and tells how many
	// those are. Errors: ErrUnavailable.
	Knock(ctx context.Context, room string, payload []byte) (hosts int, err error)
	// Await has decided called with what Decide says of a knock, once for each call of it, until stop is called. decided returns
	// at once. Errors: ErrUnavailable.
	Await(knock string, decided func(admit bool)) (stop func(), err error)
	// Decide tells whoever awaits it what has been decided. Errors: ErrKnockUnknown, ErrUnavailable.
	Decide(ctx context.Context, knock string, admit bool) error
}

// lobby is a Lobby within one process. Its mutex is a leaf.
type lobby struct {
	mu      sync.Mutex
	waiting map[string]func(bool)
}

// Await implements Lobby.
func (m *Memory) Await(knock string, decided func(bool)) (stop func(), err error) {
	l := &m.lobby
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == nil {
		l.waiting = map[string]func(bool){}
	}
	l.waiting[knock] = decided
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.waiting, knock)
	}, nil
}

// Decide implements Lobby.
func (m *Memory) Decide(_ context.Context, knock string, admit bool) error {
	m.lobby.mu.Lock()
	decided := m.lobby.waiting[knock]
	m.lobby.mu.Unlock()
	if decided == nil {
		return ErrKnockUnknown
	}
	decided(admit)
	return nil
}

// Knock implements Lobby.
func (m *Memory) Knock(_ context.Context, name string, payload []byte) (int, error) {
	r, err := m.lockKnown(name)
	if err != nil {
		return 0, nil // nobody is there to hear it
	}
	defer r.unlock()
	return r.say(payload, func(p *peer) bool { return p.admits }), nil
}
