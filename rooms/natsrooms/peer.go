package natsrooms

import (
	"context"
	"crypto/subtle"
	"slices"
	"time"

	"parley/rooms"
)

// peer is a peer whose session this node owns: its inbox, and its connection if it has one.
type peer struct {
	// Static after construction.
	engine *Engine
	id     rooms.PeerID
	home   home
	room   *room // one use of it
	box    *box  // one use of it
	keep   any

	seat seat // without its order until it has joined

	edit semaphore // held by the one on this node who changes the key; taken before a room's edit
	// Guarded by edit: the key as this node wrote it. Nobody else writes it without becoming the owner.
	record   peerRecord
	revision uint64
	unseated bool // it never had a seat in its room's key
	wasLast  bool // its seat was the last one, and has been taken out

	// Guarded by the room's mutex.
	inbox   rooms.Inbox
	offset  uint64                  // added to the numbers that the stream gives
	settled uint64                  // the highest number of the client's messages that is settled
	answers []answer                // that this node gave by itself, and alone has
	alone   []aloneNote             // delivered without NATS, and not yet known to be received
	latest  map[rooms.PeerID]uint64 // the highest number of each sender that has arrived
	// The highest number of a sender of this node that NATS has stored, where that has not arrived yet.
	expected map[rooms.PeerID]uint64
	held     []heldNote // letters that came while the session was being taken over
	loading  bool       // it is being taken over
	begins   uint64     // letters up to this place were read when it was taken over
	// What the client is not known to know: its mailbox was lost with NATS's memory, and letters may have been.
	incomplete bool

	secret  digests
	carried []byte // see rooms.Join.Carry
	epoch   uint64 // as in the key

	attachment *attachment  // nil while its connection is lost
	away       bool         // the others have been told
	absence    *time.Timer  // runs while its connection is lost
	losses     int          // counts them, so that a timer that fires late does nothing
	leaving    rooms.Reason // it has left, and is being taken out; "" if not
	dropped    bool         // another node owns the session, or it has ended
	ebb        ebb
}

// digests are those of the secrets that resume a session.
type digests struct {
	current string
	older   string // the one before, good until the client has been heard; "" for none
}

func (d digests) good(digest string) bool {
	return subtle.ConstantTimeCompare([]byte(digest), []byte(d.current)) == 1 ||
		d.older != "" && subtle.ConstantTimeCompare([]byte(digest), []byte(d.older)) == 1
}

// answer is something that this node alone has said to the client about one of its messages. Until the client has it, the
// message does not count as received: another node that takes over can be sent it again.
type answer struct{ of, number uint64 }

// heldNote is a letter that is to be looked at when the session has been taken over.
type heldNote struct {
	seq  uint64
	data []byte
}

// scale is how many numbers there are for one place in the stream: the letter's own, and those of what the node says until
// the next one.
const scale = 1024

// newPeer makes a peer of this seat. It is nobody's yet.
func (e *Engine) newPeer(s seat, r *room, b *box) *peer {
	return &peer{
		engine: e, id: s.Peer, seat: s, home: s.Home, room: r, box: b, edit: newSemaphore(),
		inbox: rooms.NewInbox(e.config),
	}
}

// deliver takes a letter from the peer's mailbox. Letters come one at a time, in order.
func (p *peer) deliver(seq uint64, data []byte) {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	switch {
	case p.dropped, seq <= p.begins:
	case p.loading:
		p.held = append(p.held, heldNote{seq, data})
	default:
		p.take(seq, data)
	}
}

// wake has the connection look for what there is.
func (p *peer) wake() {
	if p.attachment != nil {
		p.attachment.link.Wake()
	}
}

// received is the highest number of the client's messages up to which all are settled, whatever happens to this node.
func (p *peer) received() uint64 {
	if len(p.answers) == 0 {
		return p.settled
	}
	return min(p.settled, p.answers[0].of-1)
}

// heardOf forgets the answers that the client has.
func (p *peer) heardOf(number uint64) {
	p.forgetAlone(number)
	n := len(p.answers)
	p.answers = slices.DeleteFunc(p.answers, func(a answer) bool { return a.number <= number })
	if len(p.answers) < n {
		p.wake() // received may have grown
	}
}

// hasNumber tells whether there is a number left for what the node says by itself, before the next letter.
func (p *peer) hasNumber() bool { return p.inbox.Last()%scale < scale-1 }

// tell puts an answer of this node to the client's message of (0 for none) into the inbox. One that sends far more than it
// reads is cut, and one that goes on with that has its session ended.
func (p *peer) tell(e rooms.Event, of uint64) {
	if !p.hasNumber() { // NATS is away, or there would be: from here on the numbers are this node's alone
		p.engine.goOn(func(ctx context.Context) { p.persist(ctx, func() error { return p.bind(ctx) }) })
	}
	ok, tooMany := p.inbox.Tell(e)
	if of != 0 && ok {
		p.answers = append(p.answers, answer{of, p.inbox.Last()})
	}
	p.told(ok, tooMany)
}

func (p *peer) told(ok, tooMany bool) {
	switch {
	case !ok:
		p.leave(rooms.ReasonClosed, rooms.CutEnded)
	case tooMany:
		p.cutSlow()
	default:
		p.wake()
	}
}

// cutSlow cuts the connection of a peer that does not read. It is away from now on, and may resume.
func (p *peer) cutSlow() {
	if p.attachment != nil {
		p.attachment.link.Cut(rooms.CutSlow)
		p.lose()
	}
}

// cut ends the attachment, if there is one; 0 is for one that knows.
func (p *peer) cut(why rooms.Cut) {
	if p.attachment != nil && why != 0 {
		p.attachment.link.Cut(why)
	}
	p.attachment = nil
	if p.absence != nil {
		p.absence.Stop()
	}
	p.losses++
}

// drop lets go of a session that is another node's, or nobody's any more.
func (p *peer) drop(why rooms.Cut) {
	if p.dropped {
		return
	}
	p.dropped = true
	if why == rooms.CutReplaced { // its client goes on elsewhere, and does not have what this node alone had for it
		p.tellAlone()
	}
	p.cut(why)
	p.inbox, p.held, p.answers = rooms.Inbox{}, nil, nil
	p.engine.letGo(p)
}
