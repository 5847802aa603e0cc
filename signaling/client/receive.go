package client

import (
	"time"

	"parley/signaling/protocol"
)

// read takes what comes until the connection is lost, and returns why.
func (c *Client) read(sock *socket) error {
	for {
		if err := c.awaitSpace(sock); err != nil {
			return err
		}
		m, err := sock.read()
		if err == nil {
			err = c.receive(sock, m, time.Now())
		}
		if err != nil {
			return err
		}
	}
}

// awaitSpace holds reading up while as many events wait for Next as may wait. It does not while a sending method waits for
// an acknowledgement: an application that sends from the goroutine that calls Next must not lock itself up.
func (c *Client) awaitSpace(sock *socket) error {
	for {
		c.mu.Lock()
		limit := c.cfg.Queue
		if c.starving || c.hasLeft {
			limit *= 16
		}
		full := len(c.events) >= limit
		if c.blocked && !full {
			sock.hear() // silence counts from now on
		}
		c.blocked = full
		c.mu.Unlock()
		if !full {
			return nil
		}
		select {
		case <-c.space:
		case <-sock.broken:
			return sock.cause
		}
	}
}

// receive takes one message.
func (c *Client) receive(sock *socket, m protocol.Message, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.HasAck {
		if !c.out.acknowledge(m.Ack) {
			return violation("it acknowledged %d, which was never sent", m.Ack)
		}
		signal(c.admitted)
		signal(c.work)
	}
	if m.Seq != 0 {
		fresh := c.in.take(m.Seq, now)
		signal(c.work)
		if !fresh {
			return nil
		}
	}
	switch m.Type {
	case protocol.TypeAck, protocol.TypePong:
		return nil
	case protocol.TypeJoined, protocol.TypeResumed:
		return violation("%s in a session", m.Type)
	case protocol.TypeError:
		return c.receiveError(sock, m, now)
	case protocol.TypeUndelivered, protocol.TypeICEServers, protocol.TypeDraining:
		return c.receiveNews(m, now)
	case protocol.TypePeerJoined, protocol.TypePeerLeft, protocol.TypePeerAway, protocol.TypePeerBack, protocol.TypePeerUpdated:
		return c.receivePresence(m)
	case protocol.TypeOffer, protocol.TypeAnswer, protocol.TypeCandidate, protocol.TypeMessage:
		return c.receiveSignal(m)
	}
	c.push(Other{Type: m.Type, message: m})
	return nil
}

func (c *Client) receiveSignal(m protocol.Message) error {
	s := Signal{From: m.From(), Type: m.Type, message: m}
	if from, _ := m.Value("from"); s.From == "" && (m.Type != protocol.TypeMessage || string(from) != `""`) {
		return violation("%s without from", m.Type)
	}
	switch m.Type {
	case protocol.TypeOffer, protocol.TypeAnswer:
		s.SDP = m.Text("sdp")
	case protocol.TypeCandidate:
		s.Candidate, _ = m.Value("candidate")
	case protocol.TypeMessage:
		s.Data, _ = m.Value("data")
	}
	c.push(s)
	return nil
}

// receivePresence applies what is told of a peer. After a resume the roster may be ahead of it: what the application knows
// already is not told again.
func (c *Client) receivePresence(m protocol.Message) error {
	if m.Text("peer") == "" {
		return violation("%s without peer", m.Type)
	}
	switch m.Type {
	case protocol.TypePeerJoined:
		p, err := protocol.DecodeInto[protocol.PeerJoined](m)
		if err != nil {
			return violation("%v", err)
		}
		if c.room.add(p.Peer) {
			c.push(PeerJoined{p.Peer})
		} else {
			c.back(p.Peer.Peer)
		}
	case protocol.TypePeerUpdated:
		u, err := protocol.DecodeInto[protocol.PeerUpdated](m)
		if err != nil {
			return violation("%v", err)
		}
		if p, known := c.room.update(u); known {
			c.push(PeerUpdated{p})
		}
	default:
		p, err := protocol.DecodeInto[protocol.PeerChanged](m)
		if err != nil {
			return violation("%v", err)
		}
		switch {
		case m.Type == protocol.TypePeerLeft:
			c.gone(p.Peer, p.Reason)
		case m.Type == protocol.TypePeerBack:
			c.back(p.Peer)
		case c.room.away(p.Peer, true):
			c.push(PeerAway{p.Peer})
		}
	}
	return nil
}

// back notes that a peer is no longer away. The mutex is held.
func (c *Client) back(peer string) {
	if c.room.away(peer, false) {
		c.push(PeerBack{peer})
		c.out.release(peer)
		signal(c.work)
	}
}

// gone notes that a peer has left. The mutex is held.
func (c *Client) gone(peer, reason string) {
	if !c.room.remove(peer) {
		return
	}
	for _, e := range c.out.drop(peer) {
		c.push(Undelivered{ID: e.id, To: peer, Code: protocol.CodePeerGone})
	}
	c.push(PeerLeft{Peer: peer, Reason: reason})
	signal(c.admitted)
}

func (c *Client) receiveNews(m protocol.Message, now time.Time) error {
	switch m.Type {
	case protocol.TypeUndelivered:
		u, err := protocol.DecodeInto[protocol.Undelivered](m)
		if err != nil {
			return violation("%v", err)
		}
		c.push(Undelivered{ID: c.out.id(u.Of), To: u.To, Code: u.Code})
	case protocol.TypeICEServers:
		i, err := protocol.DecodeInto[protocol.ICEServers](m)
		if err != nil {
			return violation("%v", err)
		}
		c.iceServers = i.ICEServers
		c.push(ICEServers{ICEServers: i.ICEServers, Expire: seconds(i.ICEServersExpire, maxExpire)})
	case protocol.TypeDraining:
		d, err := protocol.DecodeInto[protocol.Draining](m)
		if err != nil {
			return violation("%v", err)
		}
		within := seconds(d.Within, time.Hour)
		c.moveAt = now.Add(time.Duration(c.cfg.Rand() * float64(within)))
		c.push(Draining{Within: within})
		signal(c.work)
	}
	return nil
}

// receiveError takes a refusal. What was refused for its rate is sent again, under a fresh number and after a pause.
func (c *Client) receiveError(sock *socket, m protocol.Message, now time.Time) error {
	refused, err := refusal(m)
	if err != nil {
		return err
	}
	e, err := protocol.DecodeInto[protocol.ErrorMessage](m)
	if err != nil {
		return violation("%v", err)
	}
	if refused.Code == protocol.CodeRateLimited {
		c.pace.empty(now)
		pause := max(time.Second, seconds(refused.RetryAfter, maxRetryAfter))
		if e.Of != 0 && c.out.refuse(e.Of, now.Add(pause)) {
			c.cfg.Logf("the server limits the rate: sending pauses for %v", pause)
			signal(c.work)
			return nil
		}
	}
	if _, closes := refused.Code.Close(); closes {
		sock.refused = refused
	}
	id := c.out.id(e.Of)
	if e.Of != 0 {
		c.out.remove(e.Of)
	}
	c.push(Refused{ID: id, Err: refused})
	signal(c.admitted)
	return nil
}
