package client

import "time"

// step is what the writing goroutine does next: fail, write a frame, or wait.
type step struct {
	now   time.Time
	err   error
	frame []byte
	wait  time.Duration
}

// reached tells whether a moment has come; if not, the wait is not longer than until then. The zero moment never comes.
func (s *step) reached(at time.Time) bool {
	if at.IsZero() {
		return false
	}
	left := at.Sub(s.now)
	if left > 0 {
		s.wait = min(s.wait, left)
	}
	return left <= 0
}

var (
	pingFrame  = []byte(`{"type":"ping"}`)
	leaveFrame = []byte(`{"type":"leave"}`)
)

// write is the writing goroutine of a socket, the only one that writes messages once the session is there.
func (c *Client) write(sock *socket) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		s := c.step(sock, time.Now())
		switch {
		case s.err == errMoving:
			sock.end(s.err, closeMoving)
			return
		case s.err != nil:
			sock.fail(s.err)
			return
		case s.frame != nil:
			if err := sock.write(s.frame); err != nil {
				sock.failWrite(err)
				return
			}
			continue
		}
		timer.Reset(s.wait)
		select {
		case <-c.work:
		case <-timer.C:
		case <-sock.broken:
			return
		}
	}
}

// step looks for something to do, the most urgent first.
func (c *Client) step(sock *socket, now time.Time) step {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := step{now: now, wait: time.Hour}
	if s.reached(c.moveAt) {
		s.err = errMoving
		return s
	}
	if c.in.now {
		s.frame = c.in.frame() // right after resumed: nothing may come before it
		return s
	}
	if c.stepHeartbeat(sock, &s) {
		return s
	}
	c.stepGhosts(&s)
	c.stepResend(&s)
	switch e := c.out.take(); {
	case e != nil:
		s.frame = e.body.AppendTo(nil, e.seq, c.in.ride())
	case s.reached(c.in.dueAt(now)):
		s.frame = c.in.frame()
	case c.hasLeft && !sock.left:
		sock.left = true
		s.frame = leaveFrame
	}
	return s
}

// stepHeartbeat asks for a sign of life after a silence, and gives the connection up when none comes. Silence says nothing
// while nobody reads, but the server goes on hearing from us.
func (c *Client) stepHeartbeat(sock *socket, s *step) bool {
	if c.heartbeat <= 0 {
		return false
	}
	since := sock.lastHeard()
	if sock.pinged.After(since) {
		if !c.blocked {
			if s.reached(sock.pinged.Add(pongWithin)) {
				s.err = errSilent
			}
			return s.err != nil
		}
		since = sock.pinged
	}
	if !s.reached(since.Add(c.heartbeat)) {
		return false
	}
	sock.pinged = s.now
	s.frame = pingFrame
	return true
}

// stepGhosts gives up the peers that have not come back in time after a restart of the server.
func (c *Client) stepGhosts(s *step) {
	for {
		peer, deadline := c.room.nextGhost()
		if !s.reached(deadline) {
			return
		}
		c.gone(peer, "timeout")
	}
}

// stepResend numbers anew what was refused for its rate, as soon as it may go.
func (c *Client) stepResend(s *step) {
	for {
		e, at := c.out.resendAt()
		if e == nil || !s.reached(at) {
			return
		}
		if wait := c.pace.take(s.now, price(e, len(c.room.peers))); wait > 0 {
			s.reached(s.now.Add(wait))
			return
		}
		c.out.resend()
		signal(c.admitted)
	}
}
