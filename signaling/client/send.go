package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/signaling/protocol"
)

// Offer sends a session description that offers, to a peer.
//
// Offer and the other sending methods return when the message is accepted: it is then delivered, or its loss is told. They
// wait while the server's limits for rate and for unacknowledged messages are reached, also while the connection is lost, until ctx
// ends. The id that they return names the message in Undelivered, Refused and Lost. Errors: a *protocol.Error where the server
// would refuse the message, ErrSessionLost, ErrClosed, or ctx's.
func (c *Client) Offer(ctx context.Context, to, sdp string) (id uint64, err error) {
	return c.description(ctx, protocol.TypeOffer, to, sdp)
}

// Answer sends a session description that answers, to a peer. See Offer.
func (c *Client) Answer(ctx context.Context, to, sdp string) (id uint64, err error) {
	return c.description(ctx, protocol.TypeAnswer, to, sdp)
}

func (c *Client) description(ctx context.Context, kind, to, sdp string) (uint64, error) {
	return c.Send(ctx, struct {
		Type string `json:"type"`
		To   string `json:"to"`
		SDP  string `json:"sdp"`
	}{kind, to, sdp})
}

// Candidate sends an ICE candidate to a peer. It is anything whose JSON is an RTCIceCandidateInit, a string or null, such as
// a webrtc.ICECandidateInit of pion. See Offer.
func (c *Client) Candidate(ctx context.Context, to string, candidate any) (id uint64, err error) {
	return c.Send(ctx, struct {
		Type      string `json:"type"`
		To        string `json:"to"`
		Candidate any    `json:"candidate"`
	}{protocol.TypeCandidate, to, candidate})
}

// Message sends any JSON to a peer. See Offer.
func (c *Client) Message(ctx context.Context, to string, data any) (id uint64, err error) {
	return c.Send(ctx, struct {
		Type string `json:"type"`
		To   string `json:"to"`
		Data any    `json:"data"`
	}{protocol.TypeMessage, to, data})
}

// Broadcast sends any JSON to everyone else in the room. See Offer.
func (c *Client) Broadcast(ctx context.Context, data any) (id uint64, err error) {
	return c.Send(ctx, struct {
		Type string `json:"type"`
		Data any    `json:"data"`
	}{protocol.TypeMessage, data})
}

// Update changes what the others see of this peer; a rejoin takes it along. See Offer.
func (c *Client) Update(ctx context.Context, u protocol.Update) (id uint64, err error) {
	return c.Send(ctx, updateMessage(u))
}

// updateMessage is an update as it is written: "" clears the name, and null the metadata.
func updateMessage(u protocol.Update) any {
	var name any
	switch {
	case u.Name == nil:
	case *u.Name == "":
		name = json.RawMessage("null")
	default:
		name = *u.Name
	}
	return struct {
		Type     string          `json:"type"`
		Name     any             `json:"name,omitempty"`
		Metadata json.RawMessage `json:"metadata,omitempty"`
	}{protocol.TypeUpdate, name, u.Metadata}
}

// introduce says who this is to a server that was restarted: it knows the name at the most, as it was when the session was last
// resumed. The mutex is held.
func (c *Client) introduce() {
	if !c.hasUpdated && c.metadata == nil {
		return
	}
	metadata := c.metadata
	if metadata == nil {
		metadata = json.RawMessage("null")
	}
	e, _, err := encode(updateMessage(protocol.Update{Name: &c.name, Metadata: metadata}))
	if err != nil { // both were accepted before
		c.cfg.Logf("not introduced: %v", err)
		return
	}
	c.out.add(e)
}

// Report tells the server how a call went, for its metrics. See Offer.
func (c *Client) Report(ctx context.Context, r protocol.Report) (id uint64, err error) {
	return c.Send(ctx, struct {
		Type    string `json:"type"`
		About   string `json:"about"`
		State   string `json:"state"`
		Path    string `json:"path,omitempty"`
		Elapsed uint64 `json:"elapsed,omitempty"`
	}{protocol.TypeReport, r.About, r.State, r.Path, r.Elapsed})
}

// Kick has a peer leave, where this one has the right to: see Joined.May. The reason, "" for none, is for the server's log. See Offer.
func (c *Client) Kick(ctx context.Context, peer, reason string) (id uint64, err error) {
	return c.Send(ctx, struct {
		Type   string `json:"type"`
		About  string `json:"about"`
		Reason string `json:"reason,omitempty"`
	}{protocol.TypeKick, peer, reason})
}

// Admit lets somebody in who waits, where this peer has the right to. See Knock and Offer.
func (c *Client) Admit(ctx context.Context, knock string) (id uint64, err error) {
	return c.decide(ctx, protocol.TypeAdmit, knock)
}

// Deny does not let somebody in who waits. See Admit.
func (c *Client) Deny(ctx context.Context, knock string) (id uint64, err error) {
	return c.decide(ctx, protocol.TypeDeny, knock)
}

func (c *Client) decide(ctx context.Context, kind, knock string) (uint64, error) {
	return c.Send(ctx, struct {
		Type  string `json:"type"`
		Knock string `json:"knock"`
	}{kind, knock})
}

// CloseRoom ends the stay of everyone in the room, where this peer has the right to. See Offer.
func (c *Client) CloseRoom(ctx context.Context) (id uint64, err error) {
	return c.Send(ctx, protocol.Plain{Type: protocol.TypeClose})
}

// Lock locks the room, so that nobody new is let in, or unlocks it, where this peer has the right to. See Offer.
func (c *Client) Lock(ctx context.Context, locked bool) (id uint64, err error) {
	return c.Send(ctx, struct {
		Type   string `json:"type"`
		Locked bool   `json:"locked"`
	}{protocol.TypeLock, locked})
}

// RequestICEServers asks for fresh ICE servers: the answer is an ICEServers event. See Offer.
func (c *Client) RequestICEServers(ctx context.Context) (id uint64, err error) {
	return c.Send(ctx, protocol.Plain{Type: protocol.TypeICEServers})
}

// Authenticate asks Config.Token for a fresh token and sends it, before the one that the Client joined with ends. See Offer.
func (c *Client) Authenticate(ctx context.Context) (id uint64, err error) {
	if c.cfg.Token == nil {
		return 0, errors.New("client: Config.Token is not set")
	}
	token, err := c.cfg.Token(ctx)
	if err != nil {
		return 0, fmt.Errorf("client: get a token: %w", err)
	}
	return c.Send(ctx, struct {
		Type  string `json:"type"`
		Token string `json:"token"`
	}{protocol.TypeAuthenticate, token})
}

// Send sends any message that a client may send, but for those that the Client sends by itself. A []byte or json.RawMessage
// is sent as it is, digit for digit and with members that this package does not know; everything else as its JSON. Members
// seq and ack are the Client's own. See Offer.
func (c *Client) Send(ctx context.Context, message any) (id uint64, err error) {
	e, update, err := encode(message)
	if err != nil {
		return 0, err
	}
	return c.accept(ctx, e, update)
}

// encode makes an entry of a message, checked by the server's own rules.
func encode(message any) (e *entry, update *protocol.Update, err error) {
	var text []byte
	switch m := message.(type) {
	case []byte:
		text = slices.Clone(m)
	case json.RawMessage:
		text = slices.Clone(m)
	default:
		if text, err = marshal(message); err != nil {
			return nil, nil, fmt.Errorf("client: the message is not JSON: %w", err)
		}
	}
	m, err := protocol.Decode(text)
	if err != nil {
		return nil, nil, fmt.Errorf("client: %w", err)
	}
	if m.Seq != 0 || m.HasAck {
		return nil, nil, errors.New("client: a message to be sent must not have seq or ack")
	}
	e = &entry{kind: m.Type, to: m.Text("to"), body: bytes.TrimSuffix(bytes.TrimSpace(text), []byte("}"))}
	switch {
	case protocol.Relayed(m.Type):
		_, err = m.Relay("")
	case m.Type == protocol.TypeUpdate:
		var u protocol.Update
		u, err = m.Update()
		update = &u
	case m.Type == protocol.TypeReport:
		_, err = m.Report()
	case m.Type == protocol.TypeAuthenticate:
		_, err = m.Authenticate()
	default:
		switch m.Type {
		case protocol.TypeJoin, protocol.TypeResume, protocol.TypeAck, protocol.TypePing, protocol.TypePong, protocol.TypeLeave:
			err = fmt.Errorf("%s is sent by the Client itself", m.Type)
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("client: %w", err)
	}
	return e, update, nil
}

// accept waits for its turn, then until the message may be sent, and gives it to the outbox.
func (c *Client) accept(ctx context.Context, e *entry, update *protocol.Update) (uint64, error) {
	c.mu.Lock()
	epoch := c.taken
	c.mu.Unlock()
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() {
		c.mu.Lock()
		c.starving = false
		c.mu.Unlock()
		<-c.turn
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		wait, err := c.try(e, update, epoch, time.Now())
		if err != nil || e.id != 0 {
			return e.id, err
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-c.admitted:
		case <-c.done:
		case <-ctx.Done():
		}
	}
}

// try gives a message to the outbox, or tells how long it takes at most until it should be tried again.
func (c *Client) try(e *entry, update *protocol.Update, epoch int, now time.Time) (wait time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	window := c.limits.Unacknowledged
	if window <= 0 {
		window = 256
	}
	switch {
	case c.ended || c.hasLeft:
		return 0, c.closedError()
	case epoch != c.epoch:
		return 0, ErrSessionLost
	case c.limits.Message > 0 && len(e.body)+len(`,"seq":,"ack":}`)+2*16 > c.limits.Message:
		return 0, fmt.Errorf("client: %w", protocol.Errorf(protocol.CodeTooLarge,
			"a message may have %d bytes", c.limits.Message))
	case len(c.out.again) > 0, c.out.waiting() >= window:
		c.starving = true
		signal(c.space)
		return time.Hour, nil
	}
	if wait := c.pace.take(now, price(e, len(c.room.peers))); wait > 0 {
		return wait, nil
	}
	if c.room.expects(e.to) {
		c.out.hold(e)
	} else {
		c.out.add(e)
	}
	if update != nil {
		c.updated(*update)
	}
	signal(c.work)
	return 0, nil
}

// updated notes how the next join, if there has to be one, presents this peer. The mutex is held.
func (c *Client) updated(u protocol.Update) {
	c.hasUpdated = true
	if u.Name != nil {
		c.name = *u.Name
	}
	switch {
	case u.Metadata == nil:
	case string(u.Metadata) == "null":
		c.metadata = nil
	default:
		c.metadata = u.Metadata
	}
}
