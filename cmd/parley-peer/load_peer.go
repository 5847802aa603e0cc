package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"time"

	"parley/signaling/client"
	"parley/signaling/protocol"
)

// loadPeer is one client of a pair, over all its sessions and, if one is ended by the server, over several client.Clients. One
// goroutine follows its events and another one sends.
type loadPeer struct {
	// Static after construction.
	load     *load
	name     string // in the room, by which its partner knows it again
	settings peerSettings
	partner  *loadPeer
	sent     *ledger
	ctx      context.Context // ends when it leaves
	stop     context.CancelFunc

	// Owned by the goroutine that follows the events.
	term int    // counts the clients
	self string // the own peer id, "" for none

	changed chan struct{} // of capacity 1: look again at what mu guards

	mu sync.Mutex
	// Guarded by mu.
	place   place
	leaving bool
}

// place is where to send: the client, and the partner's peer id, "" while it is not there.
type place struct {
	client *client.Client
	term   int
	to     string
}

// loadMessage is what the clients send each other: with the rest of the message about as long as a candidate.
type loadMessage struct {
	Load string `json:"load"` // the run's id
	From string `json:"from"` // the sender's name
	N    uint64 `json:"n"`
	Pad  string `json:"pad"`
}

var loadPad = strings.Repeat("=", 60)

func (l *load) newPeer(pair int, side string) *loadPeer {
	p := &loadPeer{
		load: l, name: fmt.Sprintf("load %s %d%s", l.id, pair, side), settings: l.settings,
		sent: newLedger(), changed: make(chan struct{}, 1),
	}
	p.settings.netDial = rotate(l.nodes, len(l.peers)+int(side[0]-'a'), l.cutter.dial) // a pair begins on two nodes
	p.settings.Room = fmt.Sprintf("%s-%d", l.settings.Room, pair)
	p.settings.Name = p.name
	p.settings.identity = rand.Text()
	log := l.settings.logf
	p.settings.logf = l.limits.logf(func(format string, args ...any) {
		log("%s: %s", p.name, fmt.Sprintf(format, args...))
	})
	p.ctx, p.stop = context.WithCancel(context.Background())
	return p
}

// begin joins and starts to follow the events.
func (p *loadPeer) begin(ctx context.Context) error {
	c, err := p.enter(ctx)
	if err != nil {
		return err
	}
	p.load.living.Go(func() { p.live(c) })
	return nil
}

// enter joins. What may be otherwise later is tried again until ctx ends; then the last refusal says more than that time is up.
func (p *loadPeer) enter(ctx context.Context) (*client.Client, error) {
	var refused error
	for {
		c, err := p.settings.tryJoin(ctx, p.load.authorities)
		switch {
		case err == nil:
			return c, nil
		case limitName(err) != "":
			refused = err
			p.load.limits.note(err)
		}
		if ctx.Err() == nil && !worthEntering(err) {
			return nil, err
		}
		if !pause(ctx, retryEvery+mathrand.N(time.Second)) {
			return nil, cmp.Or(refused, err)
		}
	}
}

// worthEntering tells what is worth another attempt: all that another command tries again, and limits that may be free later.
func worthEntering(err error) bool {
	var refused *protocol.Error
	var status *client.HTTPError
	switch {
	case errors.As(err, &status):
		return status.Status == 429 || status.Status >= 500
	case errors.As(err, &refused) && (refused.Code == protocol.CodeRateLimited || refused.Code == protocol.CodeRoomFull):
		return true
	}
	return worthRetrying(err)
}

// pause waits, and tells whether ctx has let it.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// live follows the events of one client after the other until it leaves.
func (p *loadPeer) live(c *client.Client) {
	for {
		p.term++
		goes := p.set(func(at *place) { *at = place{client: c, term: p.term} })
		if !goes { // it was told to leave before it was there
			goodbye, cancel := context.WithTimeout(context.Background(), p.load.patience.hurry)
			_ = c.Leave(goodbye)
			cancel()
		}
		p.follow(c)
		if !p.set(func(at *place) { *at = place{} }) {
			return
		}
		if !pause(p.ctx, time.Second) { // it was ended by the server: not at once again
			return
		}
		var err error
		if c, err = p.enter(p.ctx); err != nil {
			if p.ctx.Err() == nil {
				p.load.fault(fmt.Errorf("%s could not come back: %w", p.name, err))
			}
			return
		}
	}
}

// set changes the place, and tells whether this peer is to go on.
func (p *loadPeer) set(change func(*place)) bool {
	p.mu.Lock()
	change(&p.place)
	leaving := p.leaving
	p.mu.Unlock()
	select {
	case p.changed <- struct{}{}:
	default:
	}
	return !leaving
}

// leave leaves the room, or ends the client when ctx ends.
func (p *loadPeer) leave(ctx context.Context) {
	p.mu.Lock()
	p.leaving = true
	c := p.place.client
	p.mu.Unlock()
	p.stop()
	if c != nil {
		_ = c.Leave(ctx) // what it has to tell comes with Ended
	}
}

// follow takes the events of a client to their end.
func (p *loadPeer) follow(c *client.Client) {
	for {
		event, err := c.Next(context.Background()) // Leave and Close end it
		if err != nil {
			return
		}
		switch e := event.(type) {
		case client.Signal:
			p.receive(e)
		case client.Joined:
			p.joined(e)
		case client.Resumed:
			p.load.resumes.Add(1)
			p.lost(e.Lost)
			if !e.Complete {
				p.sent.incomplete()
				p.partner.sent.incomplete()
			}
			p.meet(e.Peers)
		case client.PeerJoined:
			p.meet([]protocol.Peer{e.Peer})
		case client.PeerLeft:
			p.sent.receiverLeft(e.Peer)
			p.set(func(at *place) {
				if at.to == e.Peer {
					at.to = ""
				}
			})
		case client.Undelivered:
			if e.Code == protocol.CodePeerSlow {
				p.load.limits.add(string(e.Code))
			}
			p.told(e.ID, "undelivered, "+string(e.Code))
		case client.Refused:
			p.load.limits.note(e.Err)
			p.told(e.ID, "refused, "+string(e.Err.Code))
		case client.Disconnected:
			p.load.limits.note(e.Err)
		case client.Reconnecting:
			if e.Attempt > 1 { // the first one's reason was Disconnected's
				p.load.limits.note(e.Err)
			}
		case client.Ended:
			p.ended(e)
		}
	}
}

func (p *loadPeer) receive(s client.Signal) {
	var m loadMessage
	if json.Unmarshal(s.Data, &m) != nil || m.Load != p.load.id || m.From != p.partner.name {
		return // somebody else's, who is found as a ghost
	}
	p.partner.sent.arrived(m.N, time.Now())
}

func (p *loadPeer) joined(e client.Joined) {
	p.load.mu.Lock()
	p.load.grace = max(p.load.grace, e.Grace)
	p.load.mu.Unlock()
	if e.Again || p.term > 1 {
		p.load.rejoins.Add(1)
	}
	p.past()
	p.self = e.Peer
	p.partner.sent.receiverIs(e.Peer)
	p.lost(e.Lost)
	found := make([]string, len(e.Peers))
	for i, other := range e.Peers {
		found[i] = other.Peer
	}
	p.sent.roomIs(found)
	p.set(func(at *place) { at.to = "" })
	p.meet(e.Peers)
}

// past says that all that came under the peer id that it had has been taken.
func (p *loadPeer) past() {
	if p.self != "" {
		p.partner.sent.receiverPast(p.self)
		p.self = ""
	}
}

// meet looks for the partner among those who are there, in the order in which they came.
func (p *loadPeer) meet(peers []protocol.Peer) {
	for _, other := range peers {
		if other.Name == p.partner.name {
			p.set(func(at *place) { at.to = other.Peer })
		}
	}
}

func (p *loadPeer) told(id uint64, by string) {
	if id != 0 {
		p.sent.told(sentID{p.term, id}, by)
	}
}

func (p *loadPeer) lost(messages []client.Sent) {
	for _, m := range messages {
		p.told(m.ID, "lost")
	}
}

func (p *loadPeer) ended(e client.Ended) {
	p.lost(e.Lost)
	p.past()
	if errors.Is(e.Err, client.ErrServer) {
		p.load.fault(fmt.Errorf("%s: %w", p.name, e.Err))
	}
	if !errors.Is(e.Err, client.ErrClosed) {
		p.load.limits.note(e.Err)
	}
}

// send sends to the partner at the run's rate until ctx ends.
func (p *loadPeer) send(ctx context.Context) {
	interval := time.Duration(float64(time.Second) / p.load.rate)
	next := time.Now().Add(mathrand.N(interval)) // not all in step
	for pause(ctx, time.Until(next)) {
		at, ok := p.destination(ctx)
		if !ok {
			return
		}
		n := p.sent.begin(at.to, time.Now())
		id, err := at.client.Message(ctx, at.to, loadMessage{p.load.id, p.name, n, loadPad})
		if err != nil {
			p.sent.abandoned() // the session was lost, and with it the destination; or the message is not allowed
			p.load.limits.note(err)
		} else {
			p.sent.accepted(sentID{at.term, id}, time.Now())
		}
		next = next.Add(interval)
		if behind := time.Now().Add(-time.Second); next.Before(behind) {
			next = behind // what could not be sent for a while is not all made up for
		}
	}
}

// destination waits until there is one.
func (p *loadPeer) destination(ctx context.Context) (place, bool) {
	for {
		p.mu.Lock()
		at := p.place
		p.mu.Unlock()
		if at.client != nil && at.to != "" {
			return at, true
		}
		select {
		case <-p.changed:
		case <-ctx.Done():
			return at, false
		}
	}
}
