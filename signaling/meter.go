package signaling

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"parley/signaling/protocol"
)

// framing is how many bytes the frames of a message may take beside what they carry: those of a few thousand fragments, or of
// pings in between. Frames that carry nothing would otherwise cost the server work without end, and never become a message.
const framing = 16 << 10

var (
	errFrames  = errors.New("too many frames in one message")
	errTooLong = errors.New("a message was not complete in time")
)

// meter is what a WebSocket reads from and writes to. It ends a message that takes too many frames, or too long:
// gorilla/websocket counts what is in a message, and passes over frames with nothing in them.
type meter struct {
	net.Conn
	received, sent atomic.Uint64 // bytes, from the upgrade on

	within time.Duration // for the rest of a message that has begun; 0 or less for no limit

	// Owned by the reading goroutine.
	inside  bool // a message has begun
	counted bool // and is limited
	left    int  // bytes that it may still take
	timed   bool // a deadline is set: only for a message that has to be waited for, because a timer costs more than reading

	// Owned by the reading goroutine, and by that of watch while there is one.
	ahead []byte // what watch has read, for Read to give
}

// begin notes that a message of so many bytes at most has begun; below 0 is no limit.
func (m *meter) begin(limit int) {
	m.inside, m.counted, m.left = true, limit >= 0, limit+framing
}

func (m *meter) end() {
	m.inside = false
	if m.timed {
		m.timed = false
		_ = m.SetReadDeadline(time.Time{})
	}
}

// Read implements net.Conn.
func (m *meter) Read(p []byte) (int, error) {
	if len(m.ahead) > 0 {
		n := copy(p, m.ahead)
		if m.ahead = m.ahead[n:]; len(m.ahead) == 0 {
			m.ahead = nil
		}
		m.left -= n
		return n, nil
	}
	if !m.inside {
		return m.read(p)
	}
	if m.counted {
		if m.left <= 0 {
			return 0, errFrames
		}
		p = p[:min(len(p), m.left)]
	}
	if !m.timed && m.within > 0 {
		m.timed = true
		_ = m.SetReadDeadline(time.Now().Add(m.within))
	}
	n, err := m.read(p)
	m.left -= n
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errTooLong
	}
	return n, err
}

// maxAhead bounds what watch reads, in bytes. A client that sends more is there.
const maxAhead = 4 << 10

// watch notices when the connection ends while nobody reads from it, and calls gone. The reading goroutine calls it after a whole
// message, and what it returns before it reads again; that gives what has been read ahead.
func (m *meter) watch(gone func()) (end func()) {
	m.timed = false
	_ = m.SetReadDeadline(time.Time{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 512)
		for len(m.ahead) < maxAhead {
			n, err := m.read(buffer)
			m.ahead = append(m.ahead, buffer[:n]...)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return
			}
			if err != nil { // which comes again when the reading goroutine reads
				gone()
				return
			}
		}
	}()
	return func() {
		_ = m.SetReadDeadline(time.Now()) // ends a Read that is under way
		<-done
		_ = m.SetReadDeadline(time.Time{})
	}
}

func (m *meter) read(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	m.received.Add(uint64(n))
	return n, err
}

// Write implements net.Conn.
func (m *meter) Write(p []byte) (int, error) {
	n, err := m.Conn.Write(p)
	m.sent.Add(uint64(n))
	return n, err
}

// meteredUpgrade lets the upgrade take a meter in place of the connection.
type meteredUpgrade struct {
	http.ResponseWriter
	meter *meter
}

// Hijack implements http.Hijacker.
func (u meteredUpgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(u.ResponseWriter).Hijack()
	u.meter.Conn = c
	return u.meter, rw, err
}

// giveUp ends a connection whose message took too much. What still comes is passed over until the close frame has been
// answered, or long enough waited for: closing at once would have the network drop it.
func (c *conn) giveUp(err error) {
	switch {
	case errors.Is(err, errFrames):
		c.close(protocol.CloseViolation, err.Error())
	case errors.Is(err, errTooLong):
		c.close(protocol.ClosePingTimeout, err.Error())
	default:
		return
	}
	_, _ = io.Copy(io.Discard, c.meter.Conn)
}

// unasked takes a control frame that nobody has asked for, of which there may be no more than of repeats. It tells whether to
// look at it.
func (c *conn) unasked() bool {
	if _, ok := c.allowance.takeRepeat(0); ok {
		return true
	}
	if c.flood.refused(time.Now()) {
		c.close(protocol.CloseRate, "too many control frames for too long")
	}
	return false
}
