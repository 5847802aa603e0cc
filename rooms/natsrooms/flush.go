package natsrooms

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"

	"parley/rooms"
)

// flushWithin is how long the owner of a session may take to write what it knows of it. One that is dead is known at once:
// nobody listens.
const flushWithin = 500 * time.Millisecond

func (n names) flushes(node string) string { return n.prefix + ".node." + node + ".flush" }

// answerFlushes lets other nodes ask for what this one knows of a session and has not written yet: how far its client's
// messages are settled, so that less of them is sent again. The answer says whether there is a connection.
func (e *Engine) answerFlushes() error {
	_, err := e.conn.Subscribe(e.names.flushes(e.home.Node), func(m *nats.Msg) {
		e.goOn(func(ctx context.Context) {
			answer := []byte("held")
			if p := e.peer(rooms.PeerID(m.Data)); p != nil {
				ctx, cancel := context.WithTimeout(ctx, flushWithin)
				defer cancel()
				_ = p.save(ctx)
				if p.isConnected() {
					answer = connectedAnswer
				}
			}
			_ = m.Respond(answer) // an error is a timeout for the one who asks
		})
	})
	return err
}

var connectedAnswer = []byte("connected")

func (p *peer) isConnected() bool {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	return p.attachment != nil
}

// connected asks the owner of a session whether its client is connected. One that does not answer is no obstacle.
func (e *Engine) connected(ctx context.Context, id rooms.PeerID) bool {
	if p := e.peer(id); p != nil {
		return p.isConnected()
	}
	store, err := e.stored()
	if err != nil {
		return false
	}
	record, _, err := getRecord[peerRecord](ctx, store.peerKeys, string(id))
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, flushWithin)
	defer cancel()
	answer, err := e.conn.RequestWithContext(ctx, e.names.flushes(record.Owner), []byte(id))
	return err == nil && bytes.Equal(answer.Data, connectedAnswer)
}

// flush has the owner of a session write what it knows of it, and reads the key again.
func (t *takeover) flush(ctx context.Context) error {
	e := t.engine
	if t.record.Owner == e.home.Node {
		return nil // written by this node, which did not hear that it was
	}
	within, cancel := context.WithTimeout(ctx, flushWithin)
	defer cancel()
	_, err := e.conn.RequestWithContext(within, e.names.flushes(t.record.Owner), []byte(t.record.Seat.Peer))
	if err != nil {
		return nil // it is dead or cut off: what the key says is true, if not all
	}
	store, err := e.stored()
	if err != nil {
		return err
	}
	record, revision, err := getRecord[peerRecord](ctx, store.peerKeys, string(t.record.Seat.Peer))
	switch {
	case errors.Is(err, errNoKey):
		return rooms.ErrSessionLost
	case err != nil:
		return err
	case record.Owner != t.record.Owner || record.Leaving != "":
		return errConflict
	}
	t.record, t.revision = record, revision
	return nil
}
