package client

import (
	"context"
	"errors"
	"time"

	"parley/signaling/protocol"
)

// closeMoving is the code with which a client leaves a draining server. 1000 would mean that the peer has left the room.
const closeMoving = protocol.CloseGoingAway

// run is the connecting and reading goroutine: the whole life of a Client after Join.
func (c *Client) run(sock *socket) {
	for {
		began := time.Now()
		err := c.serve(sock)
		if sock, err = c.reconnect(err, time.Since(began)); err != nil {
			if errors.Is(err, errLeft) {
				err = nil
			}
			c.cfg.Logf("ended: %v", err)
			c.end(err)
			return
		}
	}
}

// serve runs a socket until it is lost, and returns why.
func (c *Client) serve(sock *socket) error {
	stop := context.AfterFunc(c.ctx, func() { sock.fail(ErrClosed) })
	defer stop()
	writer := make(chan struct{})
	go func() {
		defer close(writer)
		c.write(sock)
	}()
	err := c.read(sock)
	if errors.Is(err, ErrServer) {
		sock.end(err, protocol.CloseViolation)
	}
	sock.fail(err)
	<-writer
	var closed *CloseError
	if errors.Is(sock.cause, errWrite) && (errors.As(err, &closed) || errors.Is(err, ErrServer)) {
		return err // says more than that writing has failed
	}
	return sock.cause
}

// reconnect gets the next socket after one was lost for a reason. The error is that of the end.
func (c *Client) reconnect(err error, lasted time.Duration) (*socket, error) {
	c.lostAt = time.Now()
	if lasted >= settled {
		c.attempt = 0
	}
	if end, ends := c.ends(err); ends {
		return nil, end
	}
	c.cfg.Logf("disconnected: %v", err)
	c.mu.Lock()
	c.push(Disconnected{Err: err})
	c.mu.Unlock()
	for {
		if end := c.pause(err); end != nil {
			return nil, end
		}
		var sock *socket
		if sock, err = c.connect(c.ctx); err == nil {
			return sock, nil
		}
		if end, ends := c.ends(err); ends {
			return nil, end
		}
		c.cfg.Logf("attempt %d: %v", c.attempt, err)
	}
}

// ends tells whether it is over after this error, and with which. A session that has ended is forgotten.
func (c *Client) ends(err error) (end error, ends bool) {
	if c.ctx.Err() != nil {
		return ErrClosed, true
	}
	switch action(err) {
	case protocol.ActionDone:
		return errLeft, true
	case protocol.ActionStop:
		return err, true
	case protocol.ActionJoin:
		c.forget()
	}
	return nil, false
}

// pause waits before the next attempt. The error is that of the end.
func (c *Client) pause(err error) error {
	c.mu.Lock()
	resumable := c.secret != ""
	left := c.hasLeft
	if left && !resumable {
		c.mu.Unlock()
		return errLeft
	}
	ceiling := retryCeiling
	if resumable && time.Since(c.lostAt) < c.grace {
		ceiling = graceCeiling
	}
	wait := retryAfter(err)
	if err != errMoving { // the moment was chosen at random already
		wait += backoff(c.attempt, ceiling, c.cfg.Rand())
	}
	c.attempt++
	c.push(Reconnecting{Attempt: c.attempt, After: wait, Err: err})
	c.mu.Unlock()
	leaving := c.leaving
	if left {
		leaving = nil // it has hurried one attempt
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-leaving:
		if !resumable {
			return errLeft
		}
	case <-c.ctx.Done():
		return ErrClosed
	}
	return c.awaitRoom()
}

// awaitRoom keeps an application that takes no events from having them pile up over many lost connections.
func (c *Client) awaitRoom() error {
	for {
		c.mu.Lock()
		full := len(c.events) >= 2*c.cfg.Queue && !c.hasLeft && !c.starving
		c.mu.Unlock()
		if !full {
			return nil
		}
		select {
		case <-c.space:
		case <-c.ctx.Done():
			return ErrClosed
		}
	}
}
