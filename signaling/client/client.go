package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"parley/signaling/protocol"
)

// Client is a place in a room, kept over any number of lost connections until Leave, Close or the server ends it. All methods
// may be called from any goroutine.
type Client struct {
	// Static after Join.
	cfg    Config
	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	// Signals. Those of capacity 1 say "look again".
	done     chan struct{} // closed when everything has ended
	leaving  chan struct{} // closed by the first Leave
	arrived  chan struct{} // an event waits for Next
	space    chan struct{} // the reading goroutine may go on
	work     chan struct{} // the writing goroutine has something to do
	admitted chan struct{} // the sending method whose turn it is may try again
	turn     chan struct{} // held by the sending method whose turn it is: messages go out in the order of the calls

	// Owned by the goroutine that connects and reads.
	attempt int       // attempts to connect since a connection last settled
	lostAt  time.Time // when the connection was lost

	mu sync.Mutex
	// Guarded by mu: what the application sees.
	events     []Event
	taken      int  // the epoch of the last Joined that Next has given
	starving   bool // a sending method waits for an acknowledgement: reading must go on
	blocked    bool // the reading goroutine waits for Next
	hasLeft    bool // Leave was called
	ended      bool
	endErr     error
	name       string
	metadata   json.RawMessage
	hasUpdated bool // Update was called
	iceServers []protocol.ICEServer
	// Guarded by mu: the session.
	secret    string // "" for none: only a join is possible
	self      string
	epoch     int // counts the sessions
	grace     time.Duration
	heartbeat time.Duration // 0: never
	limits    protocol.Limits
	moveAt    time.Time // when to reconnect because the server is draining, zero for never
	out       outbox
	in        receipts
	room      roster
	pace      pace
}

// Join connects to the server and joins the room. ctx bounds the attempt, not the Client. The error wraps what went wrong: a
// *protocol.Error where the server has refused the join, a *CloseError where it closed the connection, an *HTTPError where
// there was no WebSocket, else the errors of net, crypto/tls and crypto/x509. The caller may then try again.
func Join(ctx context.Context, cfg Config) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{
		cfg: cfg, name: cfg.Name, metadata: slices.Clone(cfg.Metadata), taken: 1,
		done: make(chan struct{}), leaving: make(chan struct{}),
		arrived: make(chan struct{}, 1), space: make(chan struct{}, 1), work: make(chan struct{}, 1),
		admitted: make(chan struct{}, 1), turn: make(chan struct{}, 1),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	sock, err := c.connect(ctx)
	if err != nil {
		c.cancel()
		return nil, err
	}
	go c.run(sock)
	return c, nil
}

// Next gives the next event and waits for one if there is none. The last event is Ended; after it the error is ErrClosed, or
// ctx's when ctx has ended. Whoever does not call Next in time keeps the Client from reading: nothing is dropped, but at last
// the server gives up the connection.
func (c *Client) Next(ctx context.Context) (Event, error) {
	for {
		e, err := c.pop()
		if e != nil || err != nil {
			return e, err
		}
		select {
		case <-c.arrived:
		case <-c.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (c *Client) pop() (Event, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.events) == 0 {
		if c.ended {
			return nil, c.closedError()
		}
		return nil, nil
	}
	e := c.events[0]
	c.events[0] = nil
	c.events = c.events[1:]
	if joined, ok := e.(Joined); ok {
		c.taken = joined.epoch
	}
	if len(c.events) > 0 {
		signal(c.arrived) // for another caller of Next
	}
	signal(c.space)
	return e, nil
}

// push appends an event. The mutex is held.
func (c *Client) push(e Event) {
	if _, ok := e.(Reconnecting); ok && len(c.events) > 0 {
		last := &c.events[len(c.events)-1]
		if _, ok := (*last).(Reconnecting); ok {
			*last = e // nobody misses the earlier attempt, and so an outage takes no memory
			return
		}
	}
	c.events = append(c.events, e)
	signal(c.arrived)
}

// closedError is what methods return after the end. The mutex is held.
func (c *Client) closedError() error {
	if c.endErr == nil || errors.Is(c.endErr, ErrClosed) {
		return ErrClosed
	}
	return fmt.Errorf("%w: %w", ErrClosed, c.endErr)
}

// Self gives the own peer id. It changes when the Client has joined anew: see Joined.
func (c *Client) Self() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.self
}

// Peers gives the others in the room as last heard from the server, which may be ahead of the events that Next has given. The
// metadata must not be changed.
func (c *Client) Peers() []protocol.Peer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.room.all()
}

// ICEServers gives the newest ICE servers that the server has told.
func (c *Client) ICEServers() []protocol.ICEServer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.iceServers)
}

// Leave sends what was accepted, then leave, and waits until the server has closed the connection: the others see the peer
// leave at once. If the connection is lost it waits for the next one. When ctx ends first, Leave ends the Client as Close
// does and returns ctx's error. It returns nil after a wished end, else why the Client has ended. Events that wait can still
// be taken with Next.
func (c *Client) Leave(ctx context.Context) error {
	c.mu.Lock()
	if !c.hasLeft {
		c.hasLeft = true
		close(c.leaving)
	}
	c.mu.Unlock()
	signal(c.work)
	signal(c.space)
	signal(c.admitted)
	select {
	case <-c.done:
	case <-ctx.Done():
		c.Close()
		return ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.endErr
}

// Close ends the Client at once and without a word to the server, as if the process had died: the others see the peer away,
// and gone when the grace time has passed. To leave the room use Leave. It waits until all goroutines have ended.
func (c *Client) Close() {
	c.cancel()
	<-c.done
}

// end gives the last event. It is the last thing that the connecting goroutine does.
func (c *Client) end(err error) {
	c.cancel()
	c.mu.Lock()
	c.ended, c.endErr = true, err
	c.secret = ""
	c.push(Ended{Err: err, Lost: c.out.lose()})
	c.mu.Unlock()
	signal(c.admitted)
	close(c.done)
}

// signal tells whoever waits on a channel of capacity 1 to look again.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
