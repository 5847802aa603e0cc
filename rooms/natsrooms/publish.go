package natsrooms

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/rooms"
)

// letter is something for a mailbox.
type letter struct {
	to   rooms.PeerID
	home home
	id   string // the same for every attempt, and for every repeat of the sender's
	data []byte
}

// How long one attempt waits for its answer, and how long it is until the next.
const (
	attemptWithin = 2 * time.Second
	attemptEvery  = 100 * time.Millisecond
)

// The ends of an attempt to publish that is not a success.
var (
	errMailboxFull = errors.New("natsrooms: NATS takes no more for this mailbox")
	// errUnknown says that the message may be stored or not. Only the same message under the same id can follow.
	errUnknown = errors.Join(rooms.ErrUnavailable, errors.New("natsrooms: NATS has not answered"))
)

// publish stores a letter. For a mailbox whose letters come to this node it returns when the letter has come.
func (e *Engine) publish(ctx context.Context, l letter, wanted func() bool) error {
	seq, err := e.place(ctx, l, wanted, e.options.Patience)
	if err == nil {
		e.waitForOwn(ctx, l.home, seq)
	}
	return err
}

// place stores a letter and gives its place in the stream. It tries for as long as wanted says so, and ctx and patience allow.
// When NATS has been away for longer than that already, one attempt is enough.
func (e *Engine) place(ctx context.Context, l letter, wanted func() bool, patience time.Duration) (seq uint64, err error) {
	started := time.Now()
	tried := false
	for {
		seq, err := e.attempt(ctx, l)
		if err == nil {
			e.options.Figures.Published(time.Since(started))
			return seq, nil
		}
		if errors.Is(err, errMailboxFull) {
			return 0, err
		}
		tried = tried || errors.Is(err, errUnknown)
		switch {
		case !wanted():
			return 0, rooms.ErrDetached
		case ctx.Err() == nil && max(time.Since(started), e.outage.lasts()) < patience:
		case tried:
			return 0, errUnknown
		default:
			return 0, unavailable(err)
		}
		e.options.Figures.Retried()
		select {
		case <-time.After(attemptEvery):
		case <-ctx.Done():
		case <-e.ctx.Done():
			return 0, errUnknown
		}
	}
}

// attempt publishes once and waits for the answer.
func (e *Engine) attempt(ctx context.Context, l letter) (seq uint64, err error) {
	m := &nats.Msg{
		Subject: e.names.box(l.home, l.to),
		Header:  nats.Header{jetstream.MsgIDHeader: []string{l.id}},
		Data:    l.data,
	}
	ctx, cancel := context.WithTimeout(ctx, attemptWithin)
	defer cancel()
	ack, err := e.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0))
	var api *jetstream.APIError
	switch {
	case err == nil:
		return ack.Sequence, nil
	case errors.As(err, &api):
		if strings.Contains(api.Description, "per subject") {
			return 0, errMailboxFull
		}
		return 0, unavailable(err) // refused: it is not stored
	case errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrConnectionClosed):
		return 0, unavailable(err) // nobody has it
	}
	return 0, errUnknown
}

// publishAll stores letters for several mailboxes at once, and gives an error for each in its place.
func (e *Engine) publishAll(ctx context.Context, letters []letter, wanted func() bool) []error {
	return each(letters, func(l letter) error { return e.publish(ctx, l, wanted) })
}

// each does something for all letters at once.
func each(letters []letter, do func(letter) error) []error {
	failed := make([]error, len(letters))
	if len(letters) == 1 {
		failed[0] = do(letters[0])
		return failed
	}
	var all sync.WaitGroup
	for i, l := range letters {
		all.Go(func() { failed[i] = do(l) })
	}
	all.Wait()
	return failed
}

// insist stores letters that somebody must have, however long it takes while this node lives.
func (e *Engine) insist(ctx context.Context, letters []letter) error {
	for len(letters) > 0 {
		var open []letter
		for i, err := range e.publishAll(ctx, letters, func() bool { return true }) {
			switch {
			case errors.Is(err, errMailboxFull):
				e.options.Warn("a mailbox is full, and its peer will hear of others only when it resumes", err)
			case err != nil:
				open = append(open, letters[i])
			}
		}
		letters = open
		if err := ctx.Err(); err != nil {
			return unavailable(err)
		}
		if e.ctx.Err() != nil {
			return rooms.ErrUnavailable
		}
	}
	return nil
}
