package signaling

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"
	"github.com/rs/zerolog"

	"parley/rooms"
	"parley/signaling/protocol"
)

// conn is one WebSocket: one peer's, or nobody's yet.
type conn struct {
	// Static after construction.
	server *Server
	ws     *websocket.Conn
	meter  *meter // below ws
	from   client
	seat   *seat
	opened time.Time
	room   string // from joined on
	// From joined or resumed on, too: for this client alone, nil where it has the same as everybody.
	iceServers []protocol.ICEServer

	// Owned by the reading goroutine, which also sets log (under mu, for the others to read it under mu).
	log       zerolog.Logger
	allowance *allowance // the writing goroutine's too, once there is an attachment
	errors    errorCount
	flood     flood
	resumed   bool // and not yet heard: the session's older secret is still good

	heard    atomic.Int64         // when the last frame came: the time.Duration since Server.began
	asked    atomic.Int64         // pings that no pong has come for: only the reading goroutine takes from it
	welcomed atomic.Bool          // joined or resumed is on its way
	pass     atomic.Pointer[pass] // nil: nothing but the server's settings says what the peer may do
	handle   *handle

	door sync.Mutex // held while a newcomer's message is looked at, and while it is let in; taken before every other mutex

	taking sync.Mutex // held while events are taken from the inbox; no other mutex is, when it is taken

	mu sync.Mutex
	// Guarded by mu.
	attachment rooms.Attachment // nil before joined
	out        [][]byte         // messages without a number, ready to be written
	woken      bool             // the attachment may have something
	entering   bool             // a join or resume is under way
	visit      *visit           // it waits to be let in; nil where it does not
	interrupt  func()           // ends what the reading goroutine waits for, nil while it waits for nothing
	turnedAway bool             // the last resume failed because the engine was away: the session lives
	pong       []byte           // payload of a pong to be written, nil for none
	ping       []byte           // payload of a ping to be written, nil for none: the number it asks about, or nothing
	acked      uint64           // the highest number of the client's that it was told to be received
	ackSoon    bool             // the wheel is going to see to the acknowledgement
	ackNow     bool
	ending     *ending // set once, when the connection is to be closed
	writing    bool    // a writing goroutine runs
	closed     bool    // nothing can be written any more
}

// ending is how a connection is to be closed.
type ending struct {
	code   protocol.CloseCode
	reason string
}

// handle is what the wheel holds of a connection, so that it does not keep one that has ended.
type handle struct{ atomic.Pointer[conn] }

// later has f called with the connection after d, unless it has ended by then.
func (c *conn) later(d time.Duration, f func(*conn)) {
	h := c.handle
	c.server.wheel.after(d, func() {
		if c := h.Load(); c != nil {
			f(c)
		}
	})
}

// closeWithin is how long a client may take to answer a close frame.
const closeWithin = 5 * time.Second

// maxOut bounds the messages without a number that wait to be written: a client that has so many does not read.
const maxOut = 256

func newConn(s *Server, ws *websocket.Conn, meter *meter, from client, seat *seat) *conn {
	id := strconv.FormatUint(s.lastConn.Add(1), 36)
	c := &conn{
		server: s, ws: ws, meter: meter, from: from, seat: seat, opened: time.Now(),
		log:       s.config.Log.With().Str("conn", id).Logger(),
		allowance: newAllowance(s.config), handle: &handle{},
	}
	c.handle.Store(c)
	return c
}

// start runs the connection. Its reading goroutine is the one that Server.add has counted.
func (c *conn) start() {
	c.hear()
	// A control frame is a sign of life like any other. The answer to a ping waits for its turn like all that is written:
	// gorilla's own gives it a second, and the connection up when that is not enough.
	c.ws.SetPingHandler(func(data string) error {
		c.hear()
		if c.unasked() {
			c.sendPong([]byte(data))
		}
		return nil
	})
	// Pongs carry back the number that the ping went out with.
	c.ws.SetPongHandler(func(data string) error {
		c.hear()
		if c.asked.Load() > 0 {
			c.asked.Add(-1)
		} else if !c.unasked() {
			return nil
		}
		if seq, err := strconv.ParseUint(data, 10, 64); err == nil {
			if a := c.attached(); a != nil {
				a.Confirm(seq)
				c.allowance.refusals.pong(seq, time.Now())
			}
		}
		return nil
	})
	within := c.server.config.JoinWithin
	if c.server.admission.over(c.seat) != "" {
		within = turnAwayAfter
	}
	if within > 0 {
		c.later(within, (*conn).checkJoined)
	}
	c.later(c.untilNextCheck(), (*conn).check)
	go c.read()
}

func (c *conn) attached() rooms.Attachment {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.attachment
}

// read is the reading goroutine: the whole life of the connection.
func (c *conn) read() {
	defer c.server.remove(c)
	defer c.end()
	defer c.recover()
	for {
		kind, r, err := c.ws.NextReader()
		if err != nil {
			c.lost(err)
			return
		}
		c.hear()
		if c.isEnding() {
			continue // only the answer to the close frame is awaited
		}
		if kind != websocket.TextMessage {
			c.close(protocol.CloseUnsupported, "messages are JSON, in text frames")
			continue
		}
		if err := c.message(r); err != nil {
			c.giveUp(err)
			c.lost(err)
			return
		}
	}
}

// message reads one message and dispatches it. The error is that of the connection.
func (c *conn) message(r io.Reader) error {
	limit := c.server.config.MaxMessage
	if c.attached() == nil && c.server.config.MaxFirst > 0 {
		limit = min(limit, c.server.config.MaxFirst)
		if c.server.config.MaxMessage < 0 {
			limit = c.server.config.MaxFirst
		}
	}
	c.meter.begin(limit)
	defer c.meter.end()
	if limit > 0 {
		r = io.LimitReader(r, int64(limit)+1)
	}
	pooled := c.server.buffers.Get().(*[]byte)
	defer c.server.buffers.Put(pooled)
	buffer := bytes.NewBuffer((*pooled)[:0])
	if _, err := buffer.ReadFrom(r); err != nil {
		return err
	}
	text := buffer.Bytes()
	*pooled = text[:0]
	switch {
	case limit > 0 && len(text) > limit:
		c.say(protocol.EncodeError(protocol.Errorf(protocol.CodeTooLarge, "a message may have %d bytes", limit), 0))
		c.close(protocol.CloseTooLarge, "")
	case !utf8.Valid(text):
		c.close(protocol.CloseBadUTF8, "")
	default:
		c.receive(text)
	}
	return nil
}

// lost notes why the connection has ended. A client that closes with 1000 has left; every other end is a loss, and so is the
// answer to a close frame of the server's, whatever its code.
func (c *conn) lost(err error) {
	c.leaveDoor()
	var closed *websocket.CloseError
	if errors.As(err, &closed) && closed.Code == websocket.CloseNormalClosure && !c.isEnding() {
		if a := c.attached(); a != nil {
			a.Leave()
		}
	}
	c.log.Debug().Err(err).Msg("disconnected")
}

// end leaves nothing behind.
func (c *conn) end() {
	c.leaveDoor() // nobody lets it in from now on
	c.mu.Lock()
	c.closed = true
	a := c.attachment
	c.mu.Unlock()
	_ = c.ws.Close()
	if a != nil {
		a.Detach()
	}
	c.handle.Store(nil)
}

// drop ends the connection at once, without the TLS farewell, which waits for a client that does not read.
func (c *conn) drop() {
	below := c.meter.Conn
	if t, ok := below.(*tls.Conn); ok {
		below = t.NetConn()
	}
	_ = below.Close()
}

// recover keeps a defect in one connection's handling from ending the process.
func (c *conn) recover() {
	if v := recover(); v != nil {
		c.server.metrics.panics.Inc()
		c.mu.Lock()
		c.log.Error().Interface("panic", v).Bytes("stack", debug.Stack()).Msg("panic in a connection")
		c.closed = true
		c.mu.Unlock()
		defer c.drop()
		_ = c.ws.WriteControl(websocket.CloseMessage,
			websocket.FormatCloseMessage(int(protocol.CloseInternal), ""), time.Now().Add(time.Second))
	}
}

// checkJoined closes a connection that has not joined in time. Where only the engine was in the way of a resume, the code
// asks the client to try again, and not to give up its session.
func (c *conn) checkJoined() {
	c.mu.Lock()
	joined, entering, turnedAway := c.attachment != nil || c.visit != nil, c.entering, c.turnedAway
	c.mu.Unlock()
	over := c.server.admission.over(c.seat)
	switch {
	case joined:
	case entering:
		c.later(time.Second, (*conn).checkJoined)
	case turnedAway:
		c.close(protocol.CloseRestart, "the session cannot be resumed now")
	case over != "":
		c.turnAway(over)
	default:
		c.close(protocol.CloseNotJoined, "no join in time")
	}
}

// check finds out whether the client is alive, and asks it.
func (c *conn) check() {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return
	}
	dead := c.server.config.DeadAfter
	if dead > 0 && c.silence() >= dead {
		c.close(protocol.ClosePingTimeout, "nothing heard")
		// Nobody is going to answer the close frame, or take it from a full socket.
		c.later(time.Second, (*conn).drop)
		return
	}
	c.sendPing()
	c.later(c.untilNextCheck(), (*conn).check)
}

// hear notes a sign of life.
func (c *conn) hear() { c.heard.Store(int64(time.Since(c.server.began))) }

// silence is how long ago the last sign of life came.
func (c *conn) silence() time.Duration {
	return time.Since(c.server.began) - time.Duration(c.heard.Load())
}

// untilNextCheck is the time to the next ping, or to the moment when the client counts as dead.
func (c *conn) untilNextCheck() time.Duration {
	config := &c.server.config
	wait := config.PingEvery
	if wait <= 0 {
		wait = time.Hour
	}
	wait += time.Duration((rand.Float64() - 0.5) * 0.4 * float64(wait))
	if config.DeadAfter > 0 {
		wait = min(wait, config.DeadAfter-c.silence())
	}
	return max(wait, time.Millisecond)
}

// drain asks a peer to move to another node, and whether it has received all that it was sent.
func (c *conn) drain(ctx context.Context, draining protocol.Body) {
	if a := c.attached(); a != nil {
		if err := a.Tell(ctx, 0, draining); err != nil {
			c.log.Debug().Err(err).Msg("not told to move")
		}
	}
}

// Wake implements rooms.Link.
func (c *conn) Wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.woken = true
	c.startWriting()
}

// Cut implements rooms.Link.
func (c *conn) Cut(why rooms.Cut) {
	switch why {
	case rooms.CutReplaced:
		c.server.admission.leave(c.seat) // the one that replaces it has a seat of its own
		c.close(protocol.CloseReplaced, "replaced by another connection")
	case rooms.CutSlow:
		c.close(protocol.CloseSlow, "too much waits for this connection")
	case rooms.CutKicked:
		c.close(protocol.CloseKicked, "removed from the room")
	case rooms.CutClosed:
		c.close(protocol.CloseRoomClosed, "the room was closed")
	default:
		c.close(protocol.CloseSessionEnded, "the session has ended")
	}
}

var _ rooms.Link = (*conn)(nil)
