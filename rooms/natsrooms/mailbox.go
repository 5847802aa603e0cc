package natsrooms

import (
	"encoding/json"
	"strconv"

	"parley/rooms"
)

// take does what a letter says. The room's mutex is held.
func (p *peer) take(seq uint64, data []byte) {
	if len(data) == 0 {
		return
	}
	p.inbox.Skip(p.offset + seq*scale - 1)
	p.ebb.stored(len(data))
	var err error
	switch kind, body := kind(data[0]), data[1:]; kind {
	case kindRelay:
		var r relayed
		if r, err = decodeRelayed(body); err == nil {
			p.takeRelayed(seq, r)
		}
	case kindPresence:
		var n presenceNote
		if err = json.Unmarshal(body, &n); err == nil {
			p.takePresence(n)
		}
	case kindUndelivered:
		var u rooms.Undelivered
		if err = json.Unmarshal(body, &u); err == nil {
			p.told(p.inbox.Tell(rooms.Event{Undelivered: &u}))
		}
	case kindMoved:
		var n movedNote
		if err = json.Unmarshal(body, &n); err == nil {
			p.takeMoved(n)
		}
	case kindEnded:
		var n endedNote
		if err = json.Unmarshal(body, &n); err == nil {
			p.takeEnded(n)
		}
	case kindStep:
	default:
		err = errGarbled
	}
	if err != nil {
		p.engine.options.Warn("a letter for "+string(p.id), err)
	}
}

// takeRelayed puts a message into the inbox, or has its sender told why not.
func (p *peer) takeRelayed(seq uint64, r relayed) {
	if p.leaving != "" {
		return // peer-left says that it was not delivered
	}
	if r.of != 0 && r.of <= p.latest[r.from] { // it was delivered here when NATS did not answer
		p.engine.notices.add(notice{shard: p.home.Shard, refused: seq})
		return
	}
	if p.inbox.Relay(r.from, rooms.Message{Seq: r.of, Payload: r.payload}) {
		p.arrived(r)
		p.wake()
		return
	}
	if sender := p.room.members[r.from]; sender != nil {
		p.engine.notices.add(notice{
			letter: letter{
				to: r.from, home: sender.seat.Home,
				id:   "u:" + strconv.Itoa(p.home.Shard) + ":" + strconv.FormatUint(seq, 36),
				data: encodeNote(kindUndelivered, rooms.Undelivered{To: p.id, Of: r.of, Cause: rooms.CausePeerSlow}),
			},
			shard: p.home.Shard, refused: seq,
		})
	}
	if p.inbox.Fits(r.payload) { // else it would not fit into an empty inbox either
		p.cutSlow()
	}
}

func (p *peer) takePresence(n presenceNote) {
	if n.Peer == p.id || !p.room.apply(n) {
		return
	}
	if !p.inbox.Presence(n.event()) {
		p.cutSlow()
	}
	p.wake()
}

// takeMoved reads that another node has taken the session over, at this place.
func (p *peer) takeMoved(n movedNote) {
	if n.Owner == p.engine.home.Node || n.Epoch <= p.epoch {
		return
	}
	p.engine.options.Figures.Fenced()
	if n.Adopted && p.reclaims(n.Epoch) {
		p.reclaim()
		return
	}
	p.drop(rooms.CutReplaced)
}

// takeEnded reads that another node has ended the session.
func (p *peer) takeEnded(n endedNote) {
	if p.leaving != "" {
		return // this one does it itself
	}
	why, known := map[rooms.Reason]rooms.Cut{
		rooms.ReasonReplaced: rooms.CutReplaced, rooms.ReasonKicked: rooms.CutKicked, rooms.ReasonClosed: rooms.CutClosed,
	}[n.Reason]
	if !known {
		why = rooms.CutEnded
	}
	p.drop(why)
}
