package natsrooms

import (
	"context"
	"errors"
	"slices"

	"github.com/nats-io/nats.go"

	"parley/rooms"
)

// A newcomer who waits is no peer yet, and has no mailbox: a decision goes straight to its node, which answers, so that whoever
// decides knows if nobody was there.
func (n names) knocks(knock string) string { return n.prefix + ".knock." + knock }

const (
	admitted = "admit"
	denied   = "deny"
)

// Knock implements rooms.Lobby.
func (e *Engine) Knock(ctx context.Context, room string, payload []byte) (int, error) {
	record, err := e.lookAt(ctx, room)
	if errors.Is(err, rooms.ErrRoomUnknown) {
		return 0, nil // nobody is there to hear it
	}
	if err != nil {
		return 0, err
	}
	hosts := slices.DeleteFunc(record.Seats, func(s seat) bool { return !s.Admits })
	return e.say(ctx, payload, hosts)
}

// Await implements rooms.Lobby.
func (e *Engine) Await(knock string, decided func(bool)) (stop func(), err error) {
	s, err := e.conn.Subscribe(e.names.knocks(knock), func(m *nats.Msg) {
		decided(string(m.Data) == admitted)
		_ = m.Respond(nil) // an error is a timeout for the one who decides
	})
	if err != nil {
		return nil, unavailable(err)
	}
	return func() { _ = s.Unsubscribe() }, nil
}

// Decide implements rooms.Lobby.
func (e *Engine) Decide(ctx context.Context, knock string, admit bool) error {
	ctx, cancel := context.WithTimeout(ctx, attemptWithin)
	defer cancel()
	word := denied
	if admit {
		word = admitted
	}
	_, err := e.conn.RequestWithContext(ctx, e.names.knocks(knock), []byte(word))
	if errors.Is(err, nats.ErrNoResponders) {
		return rooms.ErrKnockUnknown
	}
	return unavailable(err)
}
