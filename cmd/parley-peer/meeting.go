package main

import (
	"context"
	"sync"

	"github.com/pion/webrtc/v4"

	"parley/signaling/client"
	"parley/signaling/protocol"
)

// participant is a place in a room. A *client.Client is one.
type participant interface {
	signaler
	Next(ctx context.Context) (client.Event, error)
	Peers() []protocol.Peer
}

// meeting is this peer's side of a room: a link with each of the others, kept as they come and go.
type meeting struct {
	// Static after construction.
	client  participant
	api     *webrtc.API
	relay   bool // connect through relays only
	content func(*link) (content, error)
	logf    func(format string, args ...any)

	mu sync.Mutex
	// Guarded by mu.
	links      map[string]*link
	iceServers []protocol.ICEServer
}

// run follows the events of the room until ctx or the client ends, and closes every link. The error says why the client
// has ended; it is nil after a wished end.
func (m *meeting) run(ctx context.Context) error {
	defer m.closeLinks()
	for {
		event, err := m.client.Next(ctx)
		if err != nil {
			return err
		}
		switch e := event.(type) {
		case client.Joined:
			m.joined(ctx, e)
		case client.Resumed:
			m.logf("resumed")
			m.setICEServers(e.ICEServers)
			for _, p := range e.Peers {
				m.link(ctx, p)
			}
		case client.PeerJoined:
			m.logf("%.8s joined", e.Peer.Peer)
			m.link(ctx, e.Peer)
		case client.PeerLeft:
			m.logf("%.8s left: %s", e.Peer, e.Reason)
			m.drop(e.Peer)
		case client.Signal:
			if e.Type != protocol.TypeMessage {
				m.receive(ctx, e)
			}
		case client.ICEServers:
			m.setICEServers(e.ICEServers)
		case client.Undelivered:
			m.logf("a message to %.8s was not delivered: %s", e.To, e.Code)
		case client.Refused:
			m.logf("a message was refused: %v", e.Err)
		case client.Disconnected:
			m.logf("the connection to the server is lost: %v", e.Err)
		case client.Ended:
			return e.Err
		}
	}
}

// joined calls everyone who is there already: the newcomer makes the first offer. After a rejoin all begins anew.
func (m *meeting) joined(ctx context.Context, e client.Joined) {
	m.logf("joined %q as %.8s; %d others", e.Room, e.Peer, len(e.Peers))
	m.closeLinks()
	m.setICEServers(e.ICEServers)
	for _, p := range e.Peers {
		if l := m.link(ctx, p); l != nil {
			l.do(func() error { return l.offer(false) })
		}
	}
}

// link finds or makes the link with a peer; nil if it cannot be made.
func (m *meeting) link(ctx context.Context, p protocol.Peer) *link {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.links[p.Peer]; l != nil {
		return l
	}
	l := &link{peer: p, api: m.api, config: m.configuration(), signaler: m.client, logf: m.logf}
	content, err := m.content(l)
	if err != nil {
		m.logf("%s: %v", l.name(), err)
		return nil
	}
	l.content = content
	l.start(ctx)
	if m.links == nil {
		m.links = map[string]*link{}
	}
	m.links[p.Peer] = l
	return l
}

func (m *meeting) receive(ctx context.Context, s client.Signal) {
	m.mu.Lock()
	l := m.links[s.From]
	m.mu.Unlock()
	if l == nil { // it has left in between, or it is new and its peer-joined was in the roster of a resume
		for _, p := range m.client.Peers() {
			if p.Peer == s.From {
				l = m.link(ctx, p)
			}
		}
	}
	if l != nil {
		l.receive(s)
	}
}

func (m *meeting) drop(peer string) {
	m.mu.Lock()
	l := m.links[peer]
	delete(m.links, peer)
	m.mu.Unlock()
	if l != nil {
		l.close()
	}
}

func (m *meeting) closeLinks() {
	m.mu.Lock()
	links := m.links
	m.links = nil
	m.mu.Unlock()
	for _, l := range links {
		l.close()
	}
}

func (m *meeting) setICEServers(servers []protocol.ICEServer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.iceServers = servers
}

// configuration is for a new peer connection. The mutex is held.
func (m *meeting) configuration() webrtc.Configuration {
	c := webrtc.Configuration{}
	if m.relay {
		c.ICETransportPolicy = webrtc.ICETransportPolicyRelay
	}
	for _, s := range m.iceServers {
		server := webrtc.ICEServer{URLs: s.URLs}
		if s.Credential != "" {
			server.Username, server.Credential = s.Username, s.Credential
		}
		c.ICEServers = append(c.ICEServers, server)
	}
	return c
}
