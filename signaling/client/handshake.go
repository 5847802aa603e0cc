package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/signaling/protocol"
)

// typeWaiting answers a join that somebody in the room has to admit.
const typeWaiting = "waiting"

// connect opens a socket and gets a session on it: the old one, or else a new one. When ctx ends it gives up; the socket that
// it returns goes on.
func (c *Client) connect(ctx context.Context) (*socket, error) {
	sock, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { sock.fail(ctx.Err()) })
	err = c.enter(ctx, sock)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil {
		return sock, nil
	}
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err)
	}
	if errors.Is(err, ErrServer) {
		sock.end(err, protocol.CloseViolation)
	}
	sock.fail(err)
	return nil, err
}

// enter resumes, or joins where there is nothing to resume. A session that cannot be resumed is followed by a join on the
// same socket, which says what is the matter if it is more than that.
func (c *Client) enter(ctx context.Context, sock *socket) error {
	c.mu.Lock()
	secret, received := c.secret, c.in.last
	c.mu.Unlock()
	if secret != "" {
		err := c.resume(sock, secret, received)
		var refused *protocol.Error
		if !errors.As(err, &refused) || action(err) != protocol.ActionStop {
			return err
		}
		if _, closes := refused.Code.Close(); closes {
			return err
		}
		c.cfg.Logf("the session cannot be resumed: %v", refused)
		c.forget()
	}
	select {
	case <-c.leaving:
		return errLeft // there is no session left to leave
	default:
	}
	return c.join(ctx, sock)
}

func (c *Client) forget() {
	c.mu.Lock()
	c.secret = ""
	c.mu.Unlock()
}

func (c *Client) resume(sock *socket, secret string, received uint64) error {
	message, err := marshal(struct {
		Type string `json:"type"`
		protocol.Resume
	}{protocol.TypeResume, protocol.Resume{Session: secret, Received: received}})
	if err != nil {
		return err
	}
	answer, err := c.ask(sock, message, protocol.TypeResumed)
	if err != nil {
		return err
	}
	resumed, err := protocol.DecodeInto[protocol.Resumed](answer)
	if err != nil {
		return violation("%v", err)
	}
	return c.resumed(resumed, time.Now())
}

func (c *Client) join(ctx context.Context, sock *socket) error {
	token := ""
	if c.cfg.Token != nil {
		timeout, cancel := context.WithTimeout(ctx, c.cfg.JoinTimeout)
		defer cancel()
		var err error
		if token, err = c.cfg.Token(timeout); err != nil {
			return fmt.Errorf("client: get a token: %w", err)
		}
	}
	c.mu.Lock()
	cfg := c.cfg
	cfg.Name, cfg.Metadata = c.name, c.metadata
	c.mu.Unlock()
	message, err := cfg.joinMessage(token)
	if err != nil {
		return err
	}
	answer, err := c.ask(sock, message, protocol.TypeJoined)
	if err != nil {
		return err
	}
	joined, err := protocol.DecodeInto[protocol.Joined](answer)
	if err != nil {
		return violation("%v", err)
	}
	return c.joined(joined, time.Now())
}

// ask sends the first message and waits for its answer; other messages are passed over. A refusal is a *protocol.Error; where
// the server closes after it, it is joined with the *CloseError.
func (c *Client) ask(sock *socket, message []byte, wanted string) (protocol.Message, error) {
	_ = sock.ws.SetReadDeadline(time.Now().Add(c.cfg.JoinTimeout))
	if err := sock.write(message); err != nil {
		return protocol.Message{}, fmt.Errorf("%w: %w", errWrite, err)
	}
	for {
		m, err := sock.read()
		if err != nil {
			return m, err
		}
		switch m.Type {
		case wanted:
			return m, sock.ws.SetReadDeadline(time.Time{})
		case typeWaiting:
			c.cfg.Logf("waiting to be admitted to the room")
			_ = sock.ws.SetReadDeadline(time.Now().Add(admitWithin + c.cfg.JoinTimeout))
		case protocol.TypeError:
			refused, err := refusal(m)
			if err != nil {
				return m, err
			}
			if _, closes := refused.Code.Close(); !closes {
				return m, fmt.Errorf("client: refused: %w", refused)
			}
			sock.refused = refused // the close frame is next, and the reading error will hold both
		}
	}
}

// refusal reads an error message.
func refusal(m protocol.Message) (*protocol.Error, error) {
	e, err := protocol.DecodeInto[protocol.ErrorMessage](m)
	if err != nil {
		return nil, violation("%v", err)
	}
	return &protocol.Error{Code: e.Code, Message: e.Message, RetryAfter: e.RetryAfter}, nil
}

// welcome takes what joined and resumed have in common. The mutex is held.
func (c *Client) welcome(w protocol.Welcome, now time.Time) {
	const day = 24 * time.Hour
	c.secret = w.Session
	c.grace = seconds(w.Grace, day)
	c.heartbeat = seconds(w.Heartbeat, day)
	c.limits = w.Limits
	c.iceServers = w.ICEServers
	c.moveAt = time.Time{}
	c.pace.set(now, w.Limits)
}

// joined begins a new session. What belonged to the one before is told to be lost, and never sent into this one.
func (c *Client) joined(j protocol.Joined, now time.Time) error {
	if j.Peer == "" || j.Session == "" {
		return violation("joined without peer or session")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.welcome(j.Welcome, now)
	c.self = j.Peer
	c.epoch++
	lost := c.out.lose()
	c.out.written = 0
	c.in = receipts{}
	c.room.joined(j.Peers)
	c.push(Joined{
		Room: j.Room, Peer: j.Peer, Peers: c.room.all(), ICEServers: j.ICEServers,
		ICEServersExpire: seconds(j.ICEServersExpire, maxExpire), Grace: c.grace,
		Again: c.epoch > 1, May: j.May, Locked: j.Locked, Lost: lost, epoch: c.epoch,
	})
	signal(c.admitted)
	c.cfg.Logf("joined as %s", j.Peer)
	return nil
}

// resumed goes on with the session.
func (c *Client) resumed(r protocol.Resumed, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case r.Session == "":
		return violation("resumed without session")
	case r.Peer != c.self:
		return violation("resumed as another peer")
	case !c.out.resumed(r.Received):
		return violation("resumed with more received than was sent")
	}
	c.welcome(r.Welcome, now)
	back := c.room.resumed(r.Peers, r.Complete, now.Add(c.grace))
	var lost []Sent
	if !r.Complete {
		lost = c.out.forfeit(c.room.expects)
		c.introduce()
	}
	c.push(Resumed{
		Peers: c.room.all(), ICEServers: r.ICEServers, ICEServersExpire: seconds(r.ICEServersExpire, maxExpire),
		Complete: r.Complete, Lost: lost,
	})
	for _, peer := range back {
		c.out.release(peer)
	}
	c.in.now = true
	signal(c.admitted)
	c.cfg.Logf("resumed as %s", r.Peer)
	return nil
}
