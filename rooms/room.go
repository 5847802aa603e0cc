package rooms

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// room is a set of peers that may write to each other.
type room struct {
	// Static after construction.
	engine *Memory
	name   string

	mu sync.Mutex
	// Guarded by mu, with all of every peer in the room.
	peers  map[PeerID]*peer
	gone   Graves
	joined uint64 // the order of the one who joined last
	policy Policy
	open   bool // somebody is in it, as Config.Occurred was told
	dead   bool // empty, and no longer in the engine's map
}

// peer is a member of a room, and its session. Guarded by the room's mutex, but for what never changes.
type peer struct {
	// Static after construction.
	id       PeerID
	room     *room
	order    uint64 // of joining
	identity identity
	keep     any
	admits   bool // see Join.Admits
	address  string
	since    time.Time // it joined
	revived  bool      // it joined before this engine was there
	from     uint64    // with a secret of this age

	name     string
	metadata []byte
	carried  []byte // see Join.Carry

	inbox    Inbox
	received uint64 // the highest number of the client's messages

	secret     string // what resumes this session
	older      string // the one before, good until the client has been heard; "" for none
	age        uint64 // how many secrets there were before
	incomplete bool   // revived, and the client is not yet known to know

	attachment *attachment // nil while its connection is lost
	away       bool        // the others have been told
	absence    *time.Timer // runs while its connection is lost
	losses     int         // counts them, so that a timer that fires late does nothing
}

func newRoom(engine *Memory, name string) *room {
	return &room{engine: engine, name: name, peers: map[PeerID]*peer{}, gone: NewGraves(engine.config.Grace)}
}

func (r *room) join(join Join, link Link) (*attachment, Snapshot, error) {
	config := &r.engine.config
	id := digest(join.Identity)
	earlier := r.earlier(id)
	if err := r.policy.Admits(*config, join, len(r.peers)-len(earlier), len(earlier) > 0); err != nil {
		return nil, Snapshot{}, err
	}
	if err := r.vacate(earlier); err != nil {
		return nil, Snapshot{}, err
	}
	p := &peer{
		id: PeerID(uuid.NewString()), room: r, order: r.nextOrder(), identity: id, keep: join.Keep,
		admits: join.Admits, address: join.Address, since: time.Now(),
		name: join.Name, metadata: join.Metadata, carried: join.Carry,
		inbox: NewInbox(*config),
	}
	p.secret = r.engine.newSecret(p)
	r.engine.sessions.add(p.secret, p)
	r.tellOthers(p, Presence{Change: PeerJoined, Member: Member{Peer: p.id, Name: p.name, Metadata: p.metadata}})
	return r.admit(p, link), r.snapshot(p), nil
}

// earlier gives the peers whose seats a newcomer of this identity takes over.
func (r *room) earlier(id identity) (selves []*peer) {
	if id == "" || r.identities() == IdentityAllow {
		return nil
	}
	for _, p := range r.inOrder() {
		if p.identity == id {
			selves = append(selves, p)
		}
	}
	return selves
}

func (r *room) identities() IdentityPolicy {
	return cmp.Or(r.policy.Identities, r.engine.config.Identities)
}

// vacate has them give up their seats, as far as the policy allows.
func (r *room) vacate(earlier []*peer) error {
	if r.identities() == IdentityRefuse {
		for _, p := range earlier {
			if p.attachment != nil {
				return ErrIdentityTaken
			}
		}
	}
	for _, p := range earlier {
		r.remove(p, ReasonReplaced, CutReplaced)
	}
	return nil
}

// nextOrder gives the order of the one who joins now. It grows by the clock, so that whoever joined before the engine was
// started, and comes back later than this newcomer, still comes before it.
func (r *room) nextOrder() uint64 {
	r.joined = max(r.joined+1, uint64(time.Now().UnixMicro()))
	return r.joined
}

// admit takes a peer into the room, on its first connection.
func (r *room) admit(p *peer, link Link) *attachment {
	p.attachment = &attachment{peer: p, room: r, link: link}
	r.peers[p.id] = p
	r.engine.peers.Add(1)
	if !r.open {
		r.open = true
		r.occurred(Occurrence{Kind: RoomOpened})
	}
	r.occurred(Occurrence{Kind: JoinedRoom, Peer: p.id, Name: p.name})
	return p.attachment
}

func (r *room) resume(p *peer, resume Resume, link Link) (*attachment, Snapshot, error) {
	if r.peers[p.id] != p || resume.Secret != p.secret && resume.Secret != p.older {
		return nil, Snapshot{}, ErrSessionLost
	}
	if err := p.inbox.Rewind(resume.Received); err != nil {
		if err == ErrSessionLost {
			// Its client will join anew: it shall find its seat free.
			r.remove(p, ReasonReplaced, CutReplaced)
		}
		return nil, Snapshot{}, err
	}
	r.takeOver(p, link)
	p.address = resume.Address
	// The snapshot tells of those who are here, as they are now. What waits to be told of them would be cancelled by what
	// happens next (a joined by a left, say), and the snapshot stay uncorrected.
	p.inbox.DropCovered(func(presence Presence) bool { return r.peers[presence.Member.Peer] != nil })
	r.renewSecret(p, resume.Secret)
	return p.attachment, r.snapshot(p), nil
}

// takeOver gives a session that is here to another connection.
func (r *room) takeOver(p *peer, link Link) {
	if p.attachment != nil {
		p.attachment.link.Cut(CutReplaced)
	} else {
		r.endAbsence(p)
	}
	p.attachment = &attachment{peer: p, room: r, link: link}
}

// renewSecret gives the session a new secret. The one that was used stays good, because the answer that carries the new one
// may be lost on its way.
func (r *room) renewSecret(p *peer, used string) {
	for _, secret := range []string{p.secret, p.older} {
		if secret != "" && secret != used {
			r.engine.sessions.remove(secret)
		}
	}
	p.age++
	p.older, p.secret = used, r.engine.newSecret(p)
	r.engine.sessions.add(p.secret, p)
}

func (r *room) snapshot(p *peer) Snapshot {
	s := Snapshot{Room: r.name, Peer: p.id, Secret: p.secret, Received: p.received, Complete: !p.incomplete, Locked: r.policy.Locked, Others: []Member{}}
	for _, o := range r.inOrder() {
		if o != p {
			s.Others = append(s.Others, Member{
				Peer: o.id, Name: o.name, Metadata: o.metadata, Polite: p.order > o.order, Away: o.away,
			})
		}
	}
	return s
}

func (r *room) inOrder() []*peer {
	all := make([]*peer, 0, len(r.peers))
	for _, p := range r.peers {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *peer) int { return cmp.Compare(a.order, b.order) })
	return all
}

func (r *room) tellOthers(about *peer, presence Presence) {
	for _, p := range r.peers {
		if p != about {
			r.tellPresence(p, presence)
		}
	}
}

func (r *room) tellPresence(to *peer, presence Presence) {
	if !to.inbox.Presence(presence) {
		r.cutSlow(to)
	}
	to.wake()
}

// deliver puts a message into one inbox, or tells its sender why not.
func (r *room) deliver(from *peer, to PeerID, message Message) {
	p := r.peers[to]
	switch {
	case p == from:
		p = nil
		fallthrough
	case p == nil:
		cause := CausePeerUnknown
		if r.gone.Has(to) {
			cause = CausePeerGone
		}
		r.tell(from, Event{Undelivered: &Undelivered{To: to, Of: message.Seq, Cause: cause}})
	case p.inbox.Relay(from.id, message):
		p.wake()
	default:
		r.tell(from, Event{Undelivered: &Undelivered{To: to, Of: message.Seq, Cause: CausePeerSlow}})
		if len(message.Payload) <= p.inbox.maxBytes { // else it would not fit into an empty inbox either
			r.cutSlow(p)
		}
	}
}

// Tell puts an answer to its own messages into the inbox of a peer. One that sends far more than it reads is cut, and one
// that goes on with that over many connections has its session ended: only what it did itself can bring that about.
func (r *room) tell(p *peer, e Event) {
	ok, tooMany := p.inbox.Tell(e)
	switch {
	case !ok:
		r.remove(p, ReasonClosed, CutEnded)
	case tooMany:
		r.cutSlow(p)
	default:
		p.wake()
	}
}

// cutSlow cuts the connection of a peer that does not read. It is away from now on, and may resume.
func (r *room) cutSlow(p *peer) {
	if p.attachment != nil {
		p.attachment.link.Cut(CutSlow)
		r.lose(p)
	}
}

// lose begins the absence of a peer whose connection has ended.
func (r *room) lose(p *peer) {
	p.attachment = nil
	p.losses++
	losses := p.losses
	r.engine.away.Add(1)
	p.absence = time.AfterFunc(r.engine.config.AwayAfter, func() { r.absent(p, losses) })
}

func (r *room) endAbsence(p *peer) {
	p.absence.Stop()
	p.losses++
	r.engine.away.Add(-1)
	if p.away {
		p.away = false
		r.tellOthers(p, Presence{Change: PeerBack, Member: Member{Peer: p.id}})
	}
}

// absent is called when a peer has been without a connection for as long as nobody needs to know, and again when it has
// been so for longer than it may.
func (r *room) absent(p *peer, losses int) {
	r.mu.Lock()
	defer r.unlock()
	if p.losses != losses || r.peers[p.id] != p {
		return
	}
	config := &r.engine.config
	if !p.away && config.Grace > config.AwayAfter {
		p.away = true
		r.tellOthers(p, Presence{Change: PeerAway, Member: Member{Peer: p.id}})
		p.absence = time.AfterFunc(config.Grace-config.AwayAfter, func() { r.absent(p, losses) })
		return
	}
	r.remove(p, ReasonTimeout, CutEnded)
}

// remove ends a session: the peer leaves, and its connection, if it has one, is cut; cut 0 is for one that knows.
func (r *room) remove(p *peer, reason Reason, cut Cut) {
	if r.peers[p.id] != p {
		return
	}
	delete(r.peers, p.id)
	r.gone.Add(p.id)
	r.engine.peers.Add(-1)
	r.engine.sessions.remove(p.secret, p.older)
	r.engine.ended.add(p.id)
	if p.attachment != nil {
		if cut != 0 {
			p.attachment.link.Cut(cut)
		}
		p.attachment = nil
	} else {
		p.absence.Stop()
		r.engine.away.Add(-1)
	}
	p.losses++
	p.inbox = Inbox{}
	r.tellOthers(p, Presence{Change: PeerLeft, Member: Member{Peer: p.id}, Reason: reason})
	r.occurred(Occurrence{Kind: LeftRoom, Peer: p.id, Reason: reason})
}

func (r *room) occurred(o Occurrence) {
	if told := r.engine.config.Occurred; told != nil {
		o.Room = r.name
		told(o)
	}
}

// unlock lets go of the mutex, and has the engine forget a room that has become empty.
func (r *room) unlock() {
	r.tellEmpty()
	emptied := len(r.peers) == 0 && !r.policy.Kept && !r.dead
	if emptied {
		r.dead = true
	}
	r.mu.Unlock()
	if emptied {
		r.engine.forget(r)
	}
}

func (r *room) tellEmpty() {
	if r.open && len(r.peers) == 0 {
		r.open = false
		r.occurred(Occurrence{Kind: RoomClosed})
	}
}

func (p *peer) wake() {
	if p.attachment != nil {
		p.attachment.link.Wake()
	}
}
