package main

import (
	"encoding/json"
	"sync"

	"github.com/pion/webrtc/v4"

	"parley/signaling/client"
	"parley/signaling/protocol"
)

// A meeting drives its links as client.Calls wants it: that one knows who is who when ids change.
var _ client.CallDriver = (*meeting)(nil)

// Stands implements client.CallDriver.
func (m *meeting) Stands(peer string) bool {
	l := m.links[peer]
	return l != nil && l.stands()
}

// Begin implements client.CallDriver.
func (m *meeting) Begin(p protocol.Peer, offer bool) {
	l := &link{peer: p, api: m.api, config: m.configuration(), signaler: m.client, logf: m.logf}
	l.noted = func(n client.Note) { m.about(l, func(peer string) { m.calls.Told(peer, n) }) }
	l.down = func() { m.about(l, m.calls.Down) }
	content, err := m.content(l)
	if err != nil {
		m.logf("%s: %v", l.name(), err)
		return
	}
	l.content = content
	l.start(m.ctx)
	m.links[p.Peer] = l
	if offer {
		l.do(func() error { return l.offer(false) })
	}
}

// Move implements client.CallDriver.
func (m *meeting) Move(from string, p protocol.Peer) {
	l := m.links[from]
	if l == nil {
		return
	}
	delete(m.links, from)
	m.links[p.Peer] = l
	l.do(func() error { l.move(p); return nil })
}

// Recover implements client.CallDriver.
func (m *meeting) Recover(peer string) {
	if l := m.links[peer]; l != nil {
		l.do(l.recover)
	}
}

// Tell implements client.CallDriver.
func (m *meeting) Tell(peer string, n client.Note) {
	if l := m.links[peer]; l != nil {
		l.tell(n)
	}
}

// End implements client.CallDriver.
func (m *meeting) End(peer string) {
	l := m.links[peer]
	delete(m.links, peer)
	if l != nil {
		l.close()
	}
}

// about has something done for a link, in run, by the id that its peer has then.
func (m *meeting) about(l *link, do func(peer string)) {
	m.tasks.add(func() {
		for peer, current := range m.links {
			if current == l {
				do(peer)
				return
			}
		}
	})
}

// tasks is what other goroutines want one to do. None of them waits for it.
type tasks struct {
	wake chan struct{} // something waits

	mu      sync.Mutex
	waiting []func()
}

func newTasks() *tasks { return &tasks{wake: make(chan struct{}, 1)} }

func (t *tasks) add(task func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = append(t.waiting, task)
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

func (t *tasks) run() {
	t.mu.Lock()
	waiting := t.waiting
	t.waiting = nil
	t.mu.Unlock()
	for _, task := range waiting {
		task()
	}
}

// stands tells whether the call works, as far as this side can tell.
func (l *link) stands() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == webrtc.PeerConnectionStateConnected && l.channel.ReadyState() == webrtc.DataChannelStateOpen
}

// tell sends a note on the data channel, if that is open.
func (l *link) tell(n client.Note) {
	l.mu.Lock()
	channel := l.channel
	l.mu.Unlock()
	if channel != nil {
		sendNote(channel, n)
	}
}

// attend looks at what comes on the data channel, before the content gets it.
func (l *link) attend(channel *webrtc.DataChannel) {
	channel.OnMessage(func(m webrtc.DataChannelMessage) {
		var n client.Note
		if m.IsString && json.Unmarshal(m.Data, &n) == nil && n.Type != "" {
			l.noted(n)
		}
		l.content.receive(channel, m)
	})
	channel.OnClose(func() {
		l.do(func() error {
			if l.channel == channel {
				l.down()
			}
			return nil
		})
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.channel = channel
}

// move has the link go on with the same peer under another id.
func (l *link) move(p protocol.Peer) {
	if p.Peer != l.peer.Peer {
		l.logf("%s goes on as %.8s", l.name(), p.Peer)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.peer = p
	l.negotiation = client.NewNegotiation(p.Polite)
}

// recover makes an offer again that may have been lost, or whose answer may. Where candidates may have been, the polite side
// begins anew.
func (l *link) recover() error {
	switch {
	case l.pc == nil:
		return nil
	case l.pc.SignalingState() == webrtc.SignalingStateHaveLocalOffer:
		return l.send(description{protocol.TypeOffer, l.peer.Peer, l.pc.LocalDescription().SDP})
	case l.pc.ConnectionState() != webrtc.PeerConnectionStateConnected && l.peer.Polite:
		return l.offer(true)
	}
	return nil
}

// strange tells whether a description comes from another peer connection than those before: the other side has begun anew.
func (l *link) strange(sdp string) bool {
	if l.pc == nil || l.pc.RemoteDescription() == nil {
		return false
	}
	before, now := sessionOf(l.pc.RemoteDescription().SDP), sessionOf(sdp)
	return before != now && now != 0
}

// sessionOf gives the session id of a description's origin (RFC 8866 §5.2), which a peer connection keeps for all of its
// descriptions (RFC 8829 §5.2.2); 0 if it cannot be read.
func sessionOf(text string) uint64 {
	parsed, err := (&webrtc.SessionDescription{SDP: text}).Unmarshal()
	if err != nil {
		return 0
	}
	return parsed.Origin.SessionID
}

// rebuild begins anew with another peer connection.
func (l *link) rebuild() error {
	_ = l.pc.Close()
	l.pc = nil
	return l.build()
}
