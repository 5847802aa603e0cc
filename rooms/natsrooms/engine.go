package natsrooms

import (
	"context"
	"errors"
	"hash/fnv"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"parley/rooms"
)

// Engine is one node of a service of many.
type Engine struct {
	// Static after construction.
	config  rooms.Config
	options Options
	names   names
	home    home // of those who join here; its node is this engine, new at every start
	conn    *nats.Conn
	js      jetstream.JetStream
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup // every goroutine that the engine starts, but for the client library's

	opening sync.Mutex            // held while the store is being opened
	store   atomic.Pointer[store] // nil until NATS has been reached
	lastID  atomic.Uint64         // of letters without a number of their sender's

	mu sync.Mutex
	// Guarded by mu. It is taken before no other mutex.
	boxes  map[home]*box
	own    *box // the engine's own use of its own box; nil until NATS has been reached
	rooms  map[string]*room
	peers  map[rooms.PeerID]*peer // that are held here
	closed bool

	notices notices
	leases  leases
	outage  outage
}

var _ rooms.Engine = (*Engine)(nil)

// New makes a node. NATS need not be there yet: Ready tells when it is. Streams and buckets are made if they are missing; if
// they are there and differ from what the options say, the error names the first difference.
func New(ctx context.Context, config rooms.Config, options Options) (*Engine, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	node := strings.ReplaceAll(uuid.NewString(), "-", "")[:16]
	e := &Engine{
		config: config.WithDefaults(), options: options, names: names{options.Prefix},
		home:  home{Shard: shardOf(node, options.Shards), Node: node},
		boxes: map[home]*box{}, rooms: map[string]*room{}, peers: map[rooms.PeerID]*peer{},
	}
	e.notices.wake = make(chan struct{}, 1)
	e.leases.init(e)
	e.ctx, e.cancel = context.WithCancel(context.Background())
	if e.conn, err = e.connect(); err != nil {
		e.cancel()
		return nil, err
	}
	if e.js, err = jetstream.New(e.conn); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	if err = e.answerFlushes(); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	err = e.open(ctx)
	if errors.Is(err, errMismatch) {
		return nil, errors.Join(err, e.Close())
	}
	if err != nil {
		options.Warn("NATS cannot be reached yet", err)
	}
	e.running.Go(e.notices.run(e))
	e.running.Go(e.keepLease)
	return e, nil
}

func shardOf(node string, shards int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(node))
	return int(h.Sum32() % uint32(shards))
}

// open makes what the engine needs in NATS, unless it has done so before.
func (e *Engine) open(ctx context.Context) error {
	e.opening.Lock()
	defer e.opening.Unlock()
	if e.store.Load() != nil {
		return nil
	}
	if !e.conn.IsConnected() {
		return rooms.ErrUnavailable
	}
	s, err := openStore(ctx, e.js, e.options, e.config)
	if err != nil {
		return err
	}
	e.store.Store(s)
	e.leases.eras = s.eras
	own, err := e.openBox(ctx, e.home)
	if err == nil {
		err = e.renewLease(ctx)
	}
	if err != nil {
		e.store.Store(nil)
		if own != nil {
			e.closeBox(own)
		}
		return err
	}
	e.mu.Lock()
	e.own = own
	e.mu.Unlock()
	return nil
}

// stored is what the engine has in NATS, once it has been reached.
func (e *Engine) stored() (*store, error) {
	if s := e.store.Load(); s != nil {
		return s, nil
	}
	return nil, rooms.ErrUnavailable
}

// ownBox is the box of those who join here.
func (e *Engine) ownBox() (*box, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.own == nil || e.closed {
		return nil, rooms.ErrUnavailable
	}
	return e.own, nil
}

// peer finds a peer that is held here.
func (e *Engine) peer(id rooms.PeerID) *peer {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.peers[id]
}

// hold takes a peer into the books, unless there is another one of its name or the engine is closing.
func (e *Engine) hold(p *peer) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.peers[p.id] != nil {
		return false
	}
	e.peers[p.id] = p
	return true
}

// letGo takes a peer out of the books, with its uses of a room and a box.
func (e *Engine) letGo(p *peer) {
	e.mu.Lock()
	held := e.peers[p.id] == p
	if held {
		delete(e.peers, p.id)
	}
	e.mu.Unlock()
	if held {
		e.releaseRoom(p.room)
		e.running.Go(func() { e.closeBox(p.box) })
	}
}

func (e *Engine) held() []*peer {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]*peer, 0, len(e.peers))
	for _, p := range e.peers {
		all = append(all, p)
	}
	return all
}

// goOn runs f in a goroutine that Close waits for, with a context that Close ends.
func (e *Engine) goOn(f func(ctx context.Context)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.running.Go(func() { f(e.ctx) })
	}
}

// newID gives an id to a letter that has no number of its sender's.
func (e *Engine) newID() string {
	return e.home.Node + ":" + strconv.FormatUint(e.lastID.Add(1), 36)
}

// Ready implements rooms.Engine.
func (e *Engine) Ready(ctx context.Context) error {
	if _, err := e.ownBox(); err != nil {
		return err
	}
	if !e.conn.IsConnected() {
		return rooms.ErrUnavailable
	}
	return ctx.Err()
}

// Shared implements rooms.Engine.
func (*Engine) Shared() bool { return true }

// Settle implements rooms.Engine. Every message that was accepted is stored already; what the sessions' keys do not say yet is
// written, so that clients need not send again what has arrived.
func (e *Engine) Settle(ctx context.Context) error {
	limit := make(chan struct{}, settleAtOnce)
	var all sync.WaitGroup
	for _, p := range e.held() {
		limit <- struct{}{}
		all.Go(func() {
			defer func() { <-limit }()
			_ = p.save(ctx) // what is not written is only sent again
		})
	}
	all.Wait()
	return ctx.Err()
}

// settleAtOnce is how many keys are written at a time.
const settleAtOnce = 32

// Stats implements rooms.Engine.
func (e *Engine) Stats() rooms.Stats {
	s := rooms.Stats{}
	seen := map[*room]bool{}
	for _, p := range e.held() {
		s.Peers++
		seen[p.room] = true
		p.room.mu.Lock()
		if p.attachment == nil && p.leaving == "" {
			s.Away++
		}
		p.room.mu.Unlock()
	}
	s.Rooms = len(seen)
	return s
}

// Close implements rooms.Engine. The sessions stay in NATS, and may be resumed on other nodes; the lease ends, so that they
// see at once to those whose clients do not come.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	for _, p := range e.held() {
		p.room.mu.Lock()
		p.drop(rooms.CutEnded)
		p.room.mu.Unlock()
	}
	e.cancel()
	e.running.Wait()
	e.endLease()
	e.mu.Lock()
	boxes := e.boxes
	e.boxes = map[home]*box{}
	e.mu.Unlock()
	for _, b := range boxes {
		<-b.ready
		b.stop()
	}
	e.conn.Close()
	return nil
}

// alone tells whether NATS is out of reach, so that nobody can be asked.
func (e *Engine) alone() bool { return !e.conn.IsConnected() }
