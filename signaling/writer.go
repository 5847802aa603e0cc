package signaling

import (
	"strconv"
	"time"

	"github.com/gorilla/websocket"
	"github.com/rs/zerolog"

	"parley/rooms"
	"parley/signaling/protocol"
)

// An acknowledgement goes out at the latest after so many messages, or so much time.
const (
	ackEvery  = 16
	ackWithin = 800 * time.Millisecond // and a tick or two of the wheel: within a second
)

// say has a message without a number written.
func (c *conn) say(body protocol.Body) {
	c.mu.Lock()
	full := len(c.out) >= maxOut
	if !full && c.ending == nil {
		c.out = append(c.out, body.AppendTo(nil, 0, 0))
		c.startWriting()
	}
	c.mu.Unlock()
	if full {
		c.close(protocol.CloseSlow, "answers are not read")
	}
}

// close has the connection closed, after what waits to be said. The first call decides how.
func (c *conn) close(code protocol.CloseCode, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != nil {
		return
	}
	c.ending = &ending{code, reason}
	if c.interrupt != nil {
		c.interrupt()
	}
	c.server.metrics.closes.WithLabelValues(strconv.Itoa(int(code))).Inc()
	level := zerolog.InfoLevel
	if c.attachment == nil {
		level = zerolog.DebugLevel // anybody can make many of these
	}
	entry := c.log.WithLevel(level).Int("code", int(code))
	if reason != "" {
		entry = entry.Str("reason", reason)
	}
	entry.Msg("closing")
	c.startWriting()
}

// fail sends an error without a number, and closes the connection if the code says so.
func (c *conn) fail(err *protocol.Error) {
	c.server.metrics.errors.WithLabelValues(string(err.Code)).Inc()
	c.say(protocol.EncodeError(err, 0))
	if code, ok := err.Code.Close(); ok {
		c.close(code, err.Message)
	}
}

func (c *conn) isEnding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending != nil
}

func (c *conn) sendPong(payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pong = payload // the newest is enough (RFC 6455 §5.5.3)
	c.startWriting()
}

func (c *conn) sendPing() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ping == nil {
		c.ping = []byte{}
	}
	c.startWriting()
}

// acknowledge sees to it that the client hears how much of what it sent has been received.
func (c *conn) acknowledge(received uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case received < c.acked+ackEvery && !c.ackSoon && received > c.acked:
		c.ackSoon = true
		c.later(ackWithin, (*conn).ackIsDue)
	case received >= c.acked+ackEvery:
		c.ackNow = true
		c.startWriting()
	}
}

func (c *conn) ackIsDue() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ackSoon = false
	c.ackNow = true
	c.startWriting()
}

// startWriting starts the writing goroutine unless it runs. The mutex is held.
func (c *conn) startWriting() {
	if c.writing || c.closed {
		return
	}
	c.writing = true
	c.server.running.Add(1) // the reading goroutine still counts, so that this never races with Wait
	go c.write()
}

// turn is what the writing goroutine has found to do.
type turn struct {
	attachment rooms.Attachment
	out        [][]byte
	ping, pong []byte
	acked      uint64
	ackNow     bool
	ending     *ending
}

// nextTurn takes what there is to do, and ends the writing goroutine's term if there is nothing.
func (c *conn) nextTurn() (turn, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.out) == 0 && !c.woken && c.ping == nil && c.pong == nil && !c.ackNow && c.ending == nil {
		c.writing = false
		return turn{}, false
	}
	t := turn{out: c.out, ping: c.ping, pong: c.pong, acked: c.acked, ackNow: c.ackNow, ending: c.ending}
	if c.woken || c.ackNow {
		t.attachment = c.attachment
	}
	c.out, c.ping, c.pong, c.woken, c.ackNow = nil, nil, nil, false, false
	return t, true
}

// write is the writing goroutine. It runs only while there is something to write.
func (c *conn) write() {
	defer c.server.running.Done()
	defer c.recover()
	for {
		t, ok := c.nextTurn()
		if !ok {
			return
		}
		if !c.writeTurn(t) {
			c.mu.Lock()
			c.closed = true
			c.writing = false
			c.mu.Unlock()
			return
		}
	}
}

// writeTurn writes all of a turn, and tells whether more can be written.
func (c *conn) writeTurn(t turn) bool {
	if t.attachment != nil && len(t.out) > 0 {
		c.welcomed.Store(true) // before the client can have it and answer
	}
	for _, message := range t.out {
		if !c.writeMessage(message) {
			return false
		}
	}
	if t.pong != nil && c.ws.WriteControl(websocket.PongMessage, t.pong, c.deadline()) != nil {
		return c.broken()
	}
	if t.ping != nil {
		c.asked.Add(1) // before it can be answered
		if c.ws.WriteControl(websocket.PingMessage, t.ping, c.deadline()) != nil {
			return c.broken()
		}
	}
	if t.attachment != nil && !c.writeEvents(t) { // before a close frame: a numbered error may be the reason for it
		return false
	}
	if t.ending != nil {
		return c.writeClose(*t.ending)
	}
	return true
}

// writeEvents writes a batch of the inbox, with an acknowledgement on the way.
func (c *conn) writeEvents(t turn) bool {
	batch := c.takeEvents(t.attachment)
	received := t.attachment.Received()
	ack := uint64(0)
	if received > t.acked {
		ack = received
	}
	buffer := c.server.buffers.Get().(*[]byte)
	defer c.server.buffers.Put(buffer)
	for _, e := range batch.Events {
		if e.From == "" && e.Of != 0 && c.allowance.refusals.writing(e.Of, e.Seq) {
			batch.Confirm = true
		}
		*buffer = body(e).AppendTo((*buffer)[:0], e.Seq, ack)
		if !c.writeMessage(*buffer) {
			return false
		}
		ack = 0
		if e.Undelivered != nil {
			c.server.metrics.undelivered.WithLabelValues(string(e.Undelivered.Cause)).Inc()
		}
	}
	if ack != 0 && (t.ackNow || received >= t.acked+ackEvery) {
		*buffer = plainAck.AppendTo((*buffer)[:0], 0, ack)
		if !c.writeMessage(*buffer) {
			return false
		}
		ack = 0
	}
	c.wrote(batch, received, ack == 0)
	if ack != 0 {
		c.acknowledge(received)
	}
	return true
}

var plainAck = protocol.Encode(protocol.Plain{Type: protocol.TypeAck})

// wrote notes what has gone out.
func (c *conn) wrote(batch rooms.Batch, received uint64, acked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if acked {
		c.acked = max(c.acked, received)
	}
	if n := len(batch.Events); n > 0 {
		c.woken = true // there may be more
		if batch.Confirm || c.server.draining.Load() {
			c.ping = strconv.AppendUint(nil, batch.Events[n-1].Seq, 10)
		}
	}
}

func (c *conn) deadline() time.Time { return time.Now().Add(c.server.config.WriteWithin) }

func (c *conn) writeMessage(message []byte) bool {
	_ = c.ws.SetWriteDeadline(c.deadline())
	if c.ws.WriteMessage(websocket.TextMessage, message) != nil {
		return c.broken()
	}
	return true
}

// broken drops the connection after a failed write, which wakes the reading goroutine. It returns false for its callers to.
func (c *conn) broken() bool {
	c.drop()
	return false
}

// writeClose sends the close frame, after which nothing is written. The client is given a while to answer.
func (c *conn) writeClose(e ending) bool {
	reason := e.reason
	if len(reason) > 120 { // a control frame holds 125 bytes, two of them for the code
		reason = reason[:120]
	}
	frame := websocket.FormatCloseMessage(int(e.code), reason)
	if c.ws.WriteControl(websocket.CloseMessage, frame, c.deadline()) != nil {
		return c.broken()
	}
	within := closeWithin
	if e.code == protocol.CloseTryLater {
		within = turnAwayWithin
	}
	c.later(within, (*conn).drop)
	return false
}
