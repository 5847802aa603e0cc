package natsrooms

import (
	"context"
	"errors"
	"strconv"

	"parley/rooms"
)

// attachment is a connection's hold on a peer's session on this node. It is dead as soon as the peer has another one, or none.
type attachment struct {
	// Static after construction.
	peer *peer
	link rooms.Link

	unknown bool // guarded by the room's mutex: it is not known whether NATS has the client's last message
}

var _ rooms.Attachment = (*attachment)(nil)

// lock takes the room's mutex and tells whether the attachment is alive. The mutex is held in either case.
func (a *attachment) lock() bool {
	a.peer.room.mu.Lock()
	return a.peer.attachment == a
}

func (a *attachment) unlock() { a.peer.room.mu.Unlock() }

func (a *attachment) alive() bool {
	defer a.unlock()
	return a.lock()
}

// Peer implements rooms.Attachment.
func (a *attachment) Peer() rooms.PeerID { return a.peer.id }

// Kept implements rooms.Attachment.
func (a *attachment) Kept() any { return a.peer.keep }

// Carried implements rooms.Attachment.
func (a *attachment) Carried() []byte {
	a.peer.room.mu.Lock()
	defer a.peer.room.mu.Unlock()
	return a.peer.carried
}

// Carry implements rooms.Attachment.
func (a *attachment) Carry(ctx context.Context, seq uint64, carry []byte) error {
	if !a.alive() {
		return rooms.ErrDetached
	}
	if err := a.peer.carry(ctx, carry); err != nil {
		return err
	}
	defer a.unlock()
	if !a.lock() {
		return rooms.ErrDetached
	}
	a.peer.settle(seq)
	return nil
}

// Others implements rooms.Attachment.
func (a *attachment) Others() int {
	defer a.unlock()
	if !a.lock() {
		return 0
	}
	return max(0, len(a.peer.room.members)-1)
}

// Heard implements rooms.Attachment. That the secret before has ended is known here at once, and on other nodes soon.
func (a *attachment) Heard() {
	defer a.unlock()
	if !a.lock() || a.peer.secret.older == "" {
		return
	}
	a.peer.secret.older = ""
	a.peer.engine.goOn(func(ctx context.Context) { _ = a.peer.save(ctx) })
}

// Fresh implements rooms.Attachment.
func (a *attachment) Fresh(seq uint64) bool {
	defer a.unlock()
	return a.lock() && seq > a.peer.settled
}

// Received implements rooms.Attachment.
func (a *attachment) Received() uint64 {
	defer a.unlock()
	a.lock()
	return a.peer.received()
}

// settle notes the client's message as settled.
func (p *peer) settle(seq uint64) { p.settled = max(p.settled, seq) }

// Send implements rooms.Attachment. It returns when every copy is stored, so that the sender's next one cannot overtake it.
func (a *attachment) Send(ctx context.Context, message rooms.Message) error {
	if !a.lock() {
		a.unlock()
		return rooms.ErrDetached
	}
	letters, missing := a.address(message)
	a.unlock()
	outcome := delivery{missing: missing}
	if len(letters) > 0 {
		r := relayed{a.peer.id, message.Seq, message.Payload}
		post := func(l letter) error { return a.peer.engine.post(ctx, l, r, a.alive) }
		for i, err := range each(letters, post) {
			outcome.add(letters[i].to, err)
		}
	}
	outcome.finish()
	if len(outcome.missing) > 0 && outcome.failed == nil {
		outcome.missing = a.write(ctx, message, outcome.missing)
	}
	return a.settleSend(message, outcome)
}

// write puts what could not be delivered into the sender's own mailbox, and gives what it could not put there.
func (a *attachment) write(ctx context.Context, message rooms.Message, missing []rooms.Undelivered) (open []rooms.Undelivered) {
	p := a.peer
	letters := make([]letter, len(missing))
	for i := range missing {
		missing[i].Of = message.Seq
		letters[i] = letter{
			to: p.id, home: p.home, id: p.messageID(message.Seq) + ":u:" + string(missing[i].To),
			data: encodeNote(kindUndelivered, missing[i]),
		}
	}
	for i, err := range p.engine.publishAll(ctx, letters, a.alive) {
		if err != nil {
			open = append(open, missing[i])
		}
	}
	return open
}

// messageID is the same for every copy and every repeat of a message of the client's.
func (p *peer) messageID(seq uint64) string {
	if seq == 0 {
		return p.engine.newID()
	}
	return string(p.id) + ":" + strconv.FormatUint(seq, 36)
}

// address gives a letter for each receiver of a message, and what there is to say of those who cannot have one.
func (a *attachment) address(message rooms.Message) (letters []letter, missing []rooms.Undelivered) {
	p := a.peer
	data := relayed{p.id, message.Seq, message.Payload}.encode()
	prefix := p.messageID(message.Seq)
	write := func(m *member) {
		letters = append(letters, letter{to: m.seat.Peer, home: m.seat.Home, id: prefix + ":" + string(m.seat.Peer), data: data})
	}
	if message.Broadcast {
		for id, m := range p.room.members {
			if id != p.id {
				write(m)
			}
		}
		return letters, nil
	}
	m := p.room.members[message.To]
	if m != nil && message.To != p.id {
		write(m)
		return letters, nil
	}
	cause := rooms.CausePeerUnknown
	if p.room.gone.Has(message.To) {
		cause = rooms.CausePeerGone
	}
	return nil, []rooms.Undelivered{{To: message.To, Of: message.Seq, Cause: cause}}
}

// delivery is what has become of the copies of a message.
type delivery struct {
	stored  int
	missing []rooms.Undelivered // copies that will not arrive, which the sender is told
	failed  error               // of a copy that may still be stored, or could not be
	unknown bool
	refused []rooms.PeerID // of those that could not be
}

func (d *delivery) add(to rooms.PeerID, err error) {
	switch {
	case err == nil:
		d.stored++
	case errors.Is(err, errMailboxFull), errors.Is(err, errNoRoom):
		d.missing = append(d.missing, rooms.Undelivered{To: to, Cause: rooms.CausePeerSlow})
	case errors.Is(err, rooms.ErrDetached):
		d.failed = err
	case errors.Is(err, errUnknown):
		d.failed, d.unknown = err, true
	default:
		if d.failed == nil {
			d.failed = err
		}
		d.refused = append(d.refused, to)
	}
}

// finish decides what becomes of copies that are known not to be stored: they are told of if others are, and else nothing of
// the message is settled.
func (d *delivery) finish() {
	if d.failed == nil || d.unknown || d.stored == 0 || errors.Is(d.failed, rooms.ErrDetached) {
		return
	}
	for _, to := range d.refused {
		d.missing = append(d.missing, rooms.Undelivered{To: to, Cause: rooms.CausePeerSlow})
	}
	d.failed = nil
}

// settleSend settles a message, unless a copy of it failed. If NATS may have that copy and has not said so, nothing later can
// be settled either: the client has to resume, and send it again under its number.
func (a *attachment) settleSend(message rooms.Message, d delivery) error {
	defer a.unlock()
	alive := a.lock()
	p := a.peer
	if d.failed != nil {
		a.unknown = a.unknown || d.unknown || errors.Is(d.failed, rooms.ErrDetached)
		return d.failed
	}
	if !p.dropped {
		p.settle(message.Seq)
		for _, u := range d.missing {
			p.tell(rooms.Event{Undelivered: &u}, message.Seq)
		}
	}
	if !alive {
		return rooms.ErrDetached
	}
	return nil
}

// Update implements rooms.Attachment.
func (a *attachment) Update(ctx context.Context, seq uint64, update rooms.Update) error {
	if !a.alive() {
		return rooms.ErrDetached
	}
	if update.Name != nil || update.Metadata != nil {
		if err := a.peer.update(ctx, seq, update); err != nil {
			defer a.unlock()
			a.lock()
			a.unknown = a.unknown || !certain(err)
			return err
		}
	}
	defer a.unlock()
	alive := a.lock()
	a.peer.settle(seq)
	if !alive {
		return rooms.ErrDetached
	}
	return nil
}

// Tell implements rooms.Attachment.
func (a *attachment) Tell(ctx context.Context, seq uint64, payload []byte) error {
	for {
		if !a.lock() {
			a.unlock()
			return rooms.ErrDetached
		}
		if a.unknown && seq != 0 {
			a.unlock()
			return errUnknown
		}
		if payload == nil || a.peer.hasNumber() {
			break
		}
		a.unlock()
		if err := a.peer.step(ctx); err != nil {
			return err
		}
	}
	defer a.unlock()
	a.peer.settle(seq)
	if payload != nil {
		a.peer.tell(rooms.Event{Payload: payload}, seq)
	}
	return nil
}

// Next implements rooms.Attachment.
func (a *attachment) Next() rooms.Batch {
	defer a.unlock()
	if !a.lock() {
		return rooms.Batch{}
	}
	batch := a.peer.inbox.Next()
	batch.Confirm = batch.Confirm || len(batch.Events) > 0 && len(a.peer.answers) > 0
	return batch
}

// Ack implements rooms.Attachment.
func (a *attachment) Ack(seq uint64) error {
	defer a.unlock()
	if !a.lock() {
		return nil
	}
	if err := a.peer.inbox.Ack(seq); err != nil {
		return err
	}
	a.peer.heardOf(seq)
	a.peer.ebb.acked = max(a.peer.ebb.acked, seq)
	a.peer.flow()
	return nil
}

// Confirm implements rooms.Attachment.
func (a *attachment) Confirm(seq uint64) {
	defer a.unlock()
	if a.lock() {
		a.peer.inbox.Confirm(seq)
		a.peer.heardOf(min(seq, a.peer.inbox.Last()))
		a.peer.flow()
	}
}

// Detach implements rooms.Attachment.
func (a *attachment) Detach() {
	defer a.unlock()
	if a.lock() {
		a.peer.lose()
	}
}

// Leave implements rooms.Attachment.
func (a *attachment) Leave() {
	defer a.unlock()
	if a.lock() {
		a.peer.leave(rooms.ReasonLeft, 0) // no cut: the one who leaves knows it
	}
}
