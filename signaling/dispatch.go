package signaling

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"parley/rooms"
	"parley/signaling/protocol"
)

// receive takes one message: decode, check, look at the state, dispatch. text is not kept.
func (c *conn) receive(text []byte) {
	m, err := protocol.Decode(text)
	a := c.attached()
	if a != nil && c.resumed && c.welcomed.Load() { // what was sent before resumed was written proves nothing
		c.resumed = false
		a.Heard()
	}
	if a == nil {
		c.door.Lock()
		defer c.door.Unlock()
		a = c.attached() // somebody may have let it in just now
	}
	switch {
	case a != nil:
		c.receiveJoined(a, m, err)
		c.acknowledge(a.Received())
	case err != nil:
		c.refuse(nil, 0, err)
	default:
		c.receiveUnjoined(m)
	}
}

// receiveUnjoined takes a message of a connection that has no session yet. The door is held.
func (c *conn) receiveUnjoined(m protocol.Message) {
	if over := c.server.admission.over(c.seat); over != "" && m.Type != protocol.TypeResume {
		c.turnAway(over)
		return
	}
	_, known := handlers[m.Type]
	_, allowed := c.allowance.take(1, 0)
	var err error
	switch {
	case !allowed:
		err = protocol.Errorf(protocol.CodeRateLimited, "too many messages before joined")
	case m.Type == protocol.TypeJoin:
		c.stopWaiting()
		err = c.join(m)
	case m.Type == protocol.TypeResume:
		c.stopWaiting()
		err = c.resume(m)
	case m.Type == protocol.TypePing:
		c.say(pong)
	case known:
		err = protocol.Errorf(protocol.CodeNotJoined, "%s: the first message is join or resume", m.Type)
	default:
		err = protocol.Errorf(protocol.CodeUnknownType, "this server does not know messages of the type %q", m.Type)
	}
	if err != nil {
		c.refuse(nil, 0, err) // without a session nothing is numbered
	}
}

// receiveJoined takes a message of a peer. decodeErr is what was wrong with its envelope.
func (c *conn) receiveJoined(a rooms.Attachment, m protocol.Message, decodeErr error) {
	if m.Seq != 0 && !a.Fresh(m.Seq) {
		c.receiveRepeat(a, m)
		return
	}
	if decodeErr != nil {
		c.refuse(a, m.Seq, decodeErr)
		return
	}
	if m.HasAck {
		if err := c.takeAck(a, m.Ack); err != nil {
			c.refuse(a, m.Seq, err)
			return
		}
	}
	handle, known := handlers[m.Type]
	if !known {
		if m.Type == protocol.TypeJoin || m.Type == protocol.TypeResume {
			c.refuse(a, m.Seq, protocol.Errorf(protocol.CodeAlreadyJoined, "one connection is one peer in one room"))
			return
		}
		c.refuse(a, m.Seq, protocol.Errorf(protocol.CodeUnknownType, "this server does not know messages of the type %q", m.Type))
		return
	}
	if !c.allow(a, m) {
		return
	}
	c.server.metrics.messages.WithLabelValues(m.Type).Inc()
	if err := handle(c, a, m); err != nil {
		c.refuse(a, m.Seq, err)
	}
}

// takeAck takes an acknowledgement.
func (c *conn) takeAck(a rooms.Attachment, seq uint64) error {
	err := a.Ack(seq)
	if err == nil {
		c.allowance.refusals.ack(seq)
	}
	return err
}

// receiveRepeat passes over a message that came before. What it acknowledges may still be news.
func (c *conn) receiveRepeat(a rooms.Attachment, m protocol.Message) {
	if m.HasAck {
		_ = c.takeAck(a, m.Ack)
	}
	if _, ok := c.allowance.takeRepeat(0); !ok && c.flood.refused(time.Now()) {
		c.close(protocol.CloseRate, "too many messages for too long")
	}
}

// allow takes the price of a message from the allowance, or refuses the message.
func (c *conn) allow(a rooms.Attachment, m protocol.Message) bool {
	var retryAfter int
	var ok bool
	switch m.Type {
	case protocol.TypeLeave: // a farewell is always heard
		ok = true
	case protocol.TypeAck:
		retryAfter, ok = c.allowance.takeRepeat(m.Seq)
	default:
		retryAfter, ok = c.allowance.take(price(a, m), m.Seq)
	}
	if ok {
		return true
	}
	if c.flood.refused(time.Now()) {
		c.close(protocol.CloseRate, "too many messages for too long")
		return false
	}
	err := protocol.Errorf(protocol.CodeRateLimited, "too many messages: %d at once, %g a second",
		c.server.config.Burst, c.server.config.Rate)
	err.RetryAfter = retryAfter
	c.answer(a, m.Seq, err)
	return false
}

// price is what a message costs: a broadcast one for each 16 receivers begun, everything else one.
func price(a rooms.Attachment, m protocol.Message) int {
	if m.Type != protocol.TypeMessage {
		return 1
	}
	if _, directed := m.Value("to"); directed {
		return 1
	}
	return max(1, (a.Others()+15)/16)
}

// handlers has one function for each type of message that a peer may send. What they return is refused with.
var handlers = map[string]func(*conn, rooms.Attachment, protocol.Message) error{
	protocol.TypeOffer:        (*conn).relay,
	protocol.TypeAnswer:       (*conn).relay,
	protocol.TypeCandidate:    (*conn).relay,
	protocol.TypeMessage:      (*conn).relay,
	protocol.TypeUpdate:       (*conn).update,
	protocol.TypeICEServers:   (*conn).sendICEServers,
	protocol.TypeAuthenticate: (*conn).authenticate,
	protocol.TypeReport:       (*conn).report,
	protocol.TypeKick:         (*conn).kick,
	protocol.TypeLock:         (*conn).lock,
	protocol.TypeClose:        (*conn).closeRoom,
	protocol.TypeAdmit:        (*conn).admit,
	protocol.TypeDeny:         (*conn).admit,
	protocol.TypeAck:          (*conn).settleOnly,
	protocol.TypePing:         (*conn).answerPing,
	protocol.TypeLeave:        (*conn).leave,
}

func (c *conn) join(m protocol.Message) error {
	j, err := m.Join()
	if err != nil {
		return err
	}
	if c.server.draining.Load() {
		c.server.metrics.joins.WithLabelValues(result(rooms.ErrUnavailable)).Inc()
		return c.server.overloaded(limitDraining, c.from)
	}
	if retryAfter, ok := c.server.admission.join(c.seat); !ok {
		c.server.metrics.joins.WithLabelValues(result(rooms.ErrUnavailable)).Inc()
		refusal := c.server.overloaded(limitAddressJoins, c.from)
		refusal.RetryAfter = retryAfter
		return refusal
	}
	defer c.enter()()
	join, pass, err := c.authorize(j)
	if err != nil {
		c.server.metrics.joins.WithLabelValues(result(err)).Inc()
		return err
	}
	return c.enterRoom(join, pass)
}

// enterRoom takes a place in a room for a newcomer, or has it wait for somebody to let it in.
func (c *conn) enterRoom(join rooms.Join, pass *pass) error {
	ctx, cancel := c.server.engineContext()
	defer cancel()
	a, snapshot, err := c.server.engine.Join(ctx, join, c)
	if errors.Is(err, rooms.ErrMustWait) {
		return c.wait(join, pass)
	}
	c.server.metrics.joins.WithLabelValues(result(err)).Inc()
	if err != nil {
		return err
	}
	c.room = snapshot.Room
	c.hold(pass)
	if !c.attach(a, protocol.Encode(protocol.Joined{
		Type: protocol.TypeJoined, Locked: snapshot.Locked, Welcome: c.welcome(snapshot),
	})) {
		a.Leave() // nobody knows of it
		return nil
	}
	c.log.Info().Str("room", snapshot.Room).Int("others", len(snapshot.Others)).Msg("joined")
	return nil
}

func (c *conn) resume(m protocol.Message) error {
	r, err := m.Resume()
	if err != nil {
		return err
	}
	ctx, cancel := c.server.engineContext()
	defer cancel()
	defer c.enter()()
	a, snapshot, err := c.server.engine.Resume(ctx, rooms.Resume{Secret: r.Session, Received: r.Received, Address: c.from.host()}, c)
	c.server.metrics.resumes.WithLabelValues(result(err)).Inc()
	c.mu.Lock()
	c.turnedAway = result(err) == "overloaded"
	c.mu.Unlock()
	if err != nil {
		return err
	}
	c.iceServers = nil // those of a join before, which came to nothing
	if k, ok := a.Kept().(*kept); ok {
		k.allowance.refill()
		k.allowance.refusals.resumed(r.Received)
		c.allowance, c.iceServers = k.allowance, k.iceServers
	}
	pass, err := c.reauthorize(a)
	if err != nil {
		a.Detach()
		return err
	}
	c.room, c.resumed = snapshot.Room, true
	c.hold(pass)
	if !c.attach(a, protocol.Encode(protocol.Resumed{
		Type: protocol.TypeResumed, Received: snapshot.Received, Complete: snapshot.Complete,
		Welcome: c.welcome(snapshot),
	})) {
		a.Detach()
		return nil
	}
	c.acknowledge(snapshot.Received) // for clients that do not take received for an acknowledgement
	c.log.Info().Str("room", snapshot.Room).Uint64("received", r.Received).Msg("resumed")
	return nil
}

// enter notes that a join or resume is under way, until what it returns is called.
func (c *conn) enter() (done func()) {
	set := func(entering bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.entering = entering
	}
	set(true)
	c.server.admission.entering(c.seat)
	return func() {
		set(false)
		c.server.admission.entered(c.seat, c.attached() != nil)
	}
}

// attach gives the connection its session, unless it is being closed. The welcome goes out before anything of the inbox.
func (c *conn) attach(a rooms.Attachment, welcome protocol.Body) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.ending != nil {
		return false
	}
	c.log = c.log.With().Str("peer", string(a.Peer())).Logger()
	c.attachment = a
	c.out = append(c.out, welcome.AppendTo(nil, 0, 0))
	c.woken = true
	c.startWriting()
	return true
}

func (c *conn) relay(a rooms.Attachment, m protocol.Message) error {
	r, err := m.Relay(string(a.Peer()))
	if err == nil {
		err = c.pass.Load().mayRelay(r)
	}
	if err != nil {
		return err
	}
	return a.Send(c.server.ctx, rooms.Message{Seq: m.Seq, To: rooms.PeerID(r.To), Broadcast: r.Broadcast, Payload: r.Body})
}

func (c *conn) update(a rooms.Attachment, m protocol.Message) error {
	u, err := m.Update()
	if err == nil {
		err = c.pass.Load().mayUpdate(u)
	}
	if err != nil {
		return err
	}
	return a.Update(c.server.ctx, m.Seq, rooms.Update{Name: u.Name, Metadata: bytes.Clone(u.Metadata)})
}

func (c *conn) sendICEServers(a rooms.Attachment, m protocol.Message) error {
	return c.tell(a, m.Seq, protocol.Encode(protocol.ICEServers{
		Type: protocol.TypeICEServers, ICEServers: c.servers(),
	}))
}

func (c *conn) report(a rooms.Attachment, m protocol.Message) error {
	r, err := m.Report()
	if err != nil {
		return err
	}
	c.server.metrics.report(r)
	if tell := c.server.config.Reported; tell != nil {
		tell(c.room, a.Peer(), r)
	}
	return c.settleOnly(a, m)
}

func (c *conn) answerPing(a rooms.Attachment, m protocol.Message) error {
	c.say(pong)
	return c.settleOnly(a, m)
}

var pong = protocol.Encode(protocol.Plain{Type: protocol.TypePong})

// settleOnly notes a message as received that has no further effect.
func (c *conn) settleOnly(a rooms.Attachment, m protocol.Message) error {
	if m.Seq == 0 {
		return nil
	}
	return c.tell(a, m.Seq, nil)
}

func (c *conn) tell(a rooms.Attachment, seq uint64, payload protocol.Body) error {
	return a.Tell(c.server.ctx, seq, payload)
}

// refuse answers a message with an error. seq is the message's number, 0 for none; a is nil before joined.
func (c *conn) refuse(a rooms.Attachment, seq uint64, err error) {
	if errors.Is(err, rooms.ErrDetached) {
		return // the connection is being closed, with the reason
	}
	wire := c.wireError(err)
	c.answer(a, seq, wire)
	if errors.Is(err, rooms.ErrSettling) {
		return // no fault of the client's
	}
	if code, ok := wire.Code.Close(); ok {
		c.close(code, "")
	} else if c.errors.add(time.Now()) {
		c.close(protocol.CloseViolation, "too many errors")
	}
}

// answer sends an error: as a numbered message where it has a message to name, so that a refusal is not lost either.
func (c *conn) answer(a rooms.Attachment, seq uint64, err *protocol.Error) {
	c.server.metrics.errors.WithLabelValues(string(err.Code)).Inc()
	c.log.Debug().Str("code", string(err.Code)).Uint64("of", seq).Msg(err.Message)
	body := protocol.EncodeError(err, seq)
	if a == nil || seq == 0 {
		c.say(body)
		return
	}
	tellErr := c.tell(a, seq, slices.Clip(body))
	switch {
	case tellErr == nil, errors.Is(tellErr, rooms.ErrDetached):
	case errors.Is(tellErr, rooms.ErrSettling): // the number of the message counts no more, but the client shall know
		_ = c.tell(a, 0, slices.Clip(body))
	default:
		// If not even this can be said with a number, the message is not settled, and a later one must not settle past it: the
		// client shall resume, and send it again.
		c.say(protocol.EncodeError(err, 0))
		c.close(protocol.CloseInternal, "")
	}
}
