package natsrooms

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"parley/rooms"
)

// box is this node's view of all mailboxes of the peers that joined on one node: a consumer that hands each letter to the
// peer it is for, if that is held here.
type box struct {
	// Static after construction.
	engine *Engine
	home   home
	ready  chan struct{} // closed when open has succeeded or failed

	// Guarded by the engine's mutex.
	users int

	mu sync.Mutex
	// Guarded by mu.
	err     error
	consume jetstream.ConsumeContext
	born    int64  // when the stream was made
	reached uint64 // every letter up to this one has been handed out
	waiting []wait // in no order
}

// wait is somebody who waits until a letter has been handed out.
type wait struct {
	seq  uint64
	done chan struct{}
}

// The consumer's settings: a server that has taken it down with itself is found out by its silence.
const (
	pullExpiry    = 10 * time.Second
	pullHeartbeat = 2 * time.Second
	pullBatch     = 500
)

// openBox opens the box of a home, or joins those who use it already. Each success is to be followed by one closeBox.
func (e *Engine) openBox(ctx context.Context, h home) (*box, error) {
	e.mu.Lock()
	b := e.boxes[h]
	if b == nil {
		b = &box{engine: e, home: h, ready: make(chan struct{})}
		e.boxes[h] = b
		go b.open()
	}
	b.users++
	e.mu.Unlock()
	select {
	case <-b.ready:
	case <-ctx.Done():
		e.closeBox(b)
		return nil, unavailable(ctx.Err())
	}
	if b.err != nil {
		e.closeBox(b)
		return nil, b.err
	}
	return b, nil
}

// closeBox is the end of one use.
func (e *Engine) closeBox(b *box) {
	e.mu.Lock()
	b.users--
	last := b.users == 0
	if last && e.boxes[b.home] == b {
		delete(e.boxes, b.home)
	}
	e.mu.Unlock()
	if !last {
		return
	}
	<-b.ready
	b.stop()
}

// open starts the consumer behind what the stream has now.
func (b *box) open() {
	defer close(b.ready)
	ctx, cancel := context.WithTimeout(b.engine.ctx, b.engine.options.Patience)
	defer cancel()
	b.err = b.begin(ctx, func(state jetstream.StreamState) uint64 { return state.LastSeq })
}

// restart starts the consumer anew at the first letter of a stream that has been made anew.
func (b *box) restart(ctx context.Context) error {
	select {
	case <-b.ready:
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
	b.stop()
	return b.begin(ctx, func(jetstream.StreamState) uint64 { return 0 })
}

func (b *box) stop() {
	b.mu.Lock()
	consume := b.consume
	b.consume = nil
	b.mu.Unlock()
	if consume != nil {
		consume.Stop()
		<-consume.Closed()
	}
}

// begin makes the consumer, behind the letter that after says.
func (b *box) begin(ctx context.Context, after func(jetstream.StreamState) uint64) error {
	store, err := b.engine.stored()
	if err != nil {
		return err
	}
	stream, err := store.box(ctx, b.engine.js, b.engine.names, b.home)
	if err != nil {
		return unavailable(err)
	}
	info, err := infoOf(ctx, b.engine.js, stream)
	if err != nil {
		return unavailable(err)
	}
	reached := after(info.State)
	b.mu.Lock()
	b.born, b.reached = info.Created.UnixNano(), reached
	b.mu.Unlock()
	// A start by number survives every reset of the ordered consumer; "new" would be asked for again, and skip what came in
	// between.
	consumer, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects:    []string{b.engine.names.homeOf(b.home) + ">"},
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       reached + 1,
		InactiveThreshold: consumerIdle,
	})
	if err != nil {
		return unavailable(err)
	}
	consume, err := consumer.Consume(b.take, jetstream.PullMaxMessages(pullBatch), jetstream.PullExpiry(pullExpiry),
		jetstream.PullHeartbeat(pullHeartbeat), jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			b.engine.options.Warn("the consumer of a box", err)
		}))
	b.mu.Lock()
	b.consume = consume
	b.mu.Unlock()
	return unavailable(err)
}

// made is when the stream was made that the letters come from.
func (b *box) made() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.born
}

// take hands out one letter.
func (b *box) take(m jetstream.Msg) {
	meta, err := m.Metadata()
	if err != nil {
		b.engine.options.Warn("a letter without a place", err)
		return
	}
	subject := m.Subject()
	to := rooms.PeerID(subject[len(b.engine.names.homeOf(b.home)):])
	seq := meta.Sequence.Stream
	b.engine.options.Figures.Lag(time.Since(meta.Timestamp))
	if p := b.engine.peer(to); p != nil && p.home == b.home {
		p.deliver(seq, m.Data())
	}
	b.reach(seq)
}

func (b *box) reach(seq uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reached = seq
	if len(b.waiting) > 0 {
		b.waiting = slices.DeleteFunc(b.waiting, func(w wait) bool {
			if w.seq <= seq {
				close(w.done)
			}
			return w.seq <= seq
		})
	}
}

// position is up to where letters have been handed out.
func (b *box) position() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reached
}

// wait waits until a letter has been handed out.
func (b *box) wait(ctx context.Context, seq uint64) error {
	b.mu.Lock()
	if b.reached >= seq {
		b.mu.Unlock()
		return nil
	}
	w := wait{seq, make(chan struct{})}
	b.waiting = append(b.waiting, w)
	b.mu.Unlock()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-b.engine.ctx.Done():
		return rooms.ErrUnavailable
	}
}

// waitForOwn waits for a stored letter if its box is open here, and tells whether it has come. What is stored comes in the end.
func (e *Engine) waitForOwn(ctx context.Context, h home, seq uint64) bool {
	e.mu.Lock()
	b := e.boxes[h]
	e.mu.Unlock()
	if b == nil {
		return false
	}
	select {
	case <-b.ready:
	default:
		return false // it is being opened, and whoever does that reads what came before
	}
	ctx, cancel := context.WithTimeout(ctx, aloneAfter)
	defer cancel()
	return b.wait(ctx, seq) == nil
}
