package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// cutter makes connections that do not last: below TLS, at random moments and in the ways in which connections end outside
// of laboratories.
type cutter struct {
	mean time.Duration // of the time until a connection is cut; 0: never
	off  atomic.Bool   // nothing more is cut
	cuts atomic.Uint64
}

// The ways of a connection to end.
type cutKind int

const (
	cutReset  cutKind = iota // at once, with a reset: what is on its way is lost, in either direction
	cutHalf                  // in the middle of what is written next
	cutSilent                // nothing comes or goes any more, which nobody is told until a while later
	cutKinds
)

const (
	halfWithin = time.Second            // for something to be written
	silentMin  = 200 * time.Millisecond // of silence
	silentMore = 1500 * time.Millisecond
)

var errCut = errors.New("cut")

// dial is for client.Config.NetDial.
func (c *cutter) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil || c.mean == 0 {
		return conn, err
	}
	cut := &cutConn{Conn: conn, closed: make(chan struct{}), count: sync.OnceFunc(func() { c.cuts.Add(1) })}
	kind := rand.N(cutKinds)
	cut.after(time.Duration(rand.ExpFloat64()*float64(c.mean)), func() {
		if !c.off.Load() {
			cut.end(kind)
		}
	})
	return cut, nil
}

// cutConn is a connection that end ends.
type cutConn struct {
	net.Conn
	count  func() // the cut, once
	once   sync.Once
	closed chan struct{} // closed when the connection is

	mu sync.Mutex
	// Guarded by mu.
	timer  *time.Timer
	half   bool // only half of the next write is written
	silent bool
}

// after has something done later, unless the connection is closed by then.
func (c *cutConn) after(d time.Duration, do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.closed:
	default:
		c.timer = time.AfterFunc(d, do)
	}
}

func (c *cutConn) end(kind cutKind) {
	switch kind {
	case cutReset:
		c.count()
		c.reset()
	case cutHalf:
		c.mu.Lock()
		c.half = true
		c.mu.Unlock()
		c.after(halfWithin, func() { c.end(cutReset) })
	case cutSilent:
		c.count()
		c.mu.Lock()
		c.silent = true
		c.mu.Unlock()
		c.after(silentMin+rand.N(silentMore), c.reset)
	}
}

// reset closes the connection and throws away what is on its way.
func (c *cutConn) reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	silent := c.silent
	c.mu.Unlock()
	if !silent {
		return n, err
	}
	<-c.closed
	return 0, c.error("read")
}

func (c *cutConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	half, silent := c.half, c.silent
	c.mu.Unlock()
	switch {
	case silent:
		return len(b), nil // into the void
	case half:
		c.count()
		n, _ := c.Conn.Write(b[:len(b)/2])
		_ = c.Close() // without a reset: the half arrives
		return n, c.error("write")
	}
	return c.Conn.Write(b)
}

// error is of the kind that a real connection gives.
func (c *cutConn) error(op string) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: c.RemoteAddr(), Err: errCut}
}

func (c *cutConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	c.mu.Lock()
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	return c.Conn.Close()
}
