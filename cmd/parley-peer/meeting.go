package main

import (
	"context"
	"time"

	"github.com/pion/webrtc/v4"

	"parley/signaling/client"
	"parley/signaling/protocol"
)

// participant is a place in a room. A *client.Client is one.
type participant interface {
	signaler
	Next(ctx context.Context) (client.Event, error)
}

// meeting is this peer's side of a room: a link with each of the others, kept as they come and go.
type meeting struct {
	// Static after construction.
	client  participant
	api     *webrtc.API
	relay   bool // connect through relays only
	content func(*link) (content, error)
	logf    func(format string, args ...any)

	// Owned by run.
	ctx        context.Context
	calls      *client.Calls
	links      map[string]*link
	iceServers []protocol.ICEServer

	tasks *tasks // for run, of other goroutines; set when it begins
}

// run follows the events of the room until ctx or the client ends, and closes every link. The error says why the client
// has ended; it is nil after a wished end.
func (m *meeting) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	m.ctx, m.calls, m.links, m.tasks = ctx, client.NewCalls(m), map[string]*link{}, newTasks()
	events, failed := m.follow(ctx)
	defer func() {
		cancel()
		for range events { // until it has ended
		}
		m.closeLinks()
	}()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if at := m.calls.Deadline(); !at.IsZero() {
			timer.Reset(time.Until(at))
		}
		select {
		case e, ok := <-events:
			if !ok {
				return *failed
			}
			if ended, ok := e.(client.Ended); ok {
				return ended.Err
			}
			m.take(e)
		case <-m.tasks.wake:
			m.tasks.run()
		case now := <-timer.C:
			m.calls.Expire(now)
		}
	}
}

// follow takes the events of the client. The channel is closed after the last one, when failed says why.
func (m *meeting) follow(ctx context.Context) (_ <-chan client.Event, failed *error) {
	events := make(chan client.Event)
	failed = new(error)
	go func() {
		defer close(events)
		for {
			var e client.Event
			if e, *failed = m.client.Next(ctx); *failed != nil {
				return
			}
			select {
			case events <- e:
			case <-ctx.Done():
				*failed = ctx.Err()
				return
			}
		}
	}()
	return events, failed
}

func (m *meeting) take(event client.Event) {
	switch e := event.(type) {
	case client.Joined:
		m.logf("joined %q as %.8s; %d others", e.Room, e.Peer, len(e.Peers))
		m.iceServers = e.ICEServers
	case client.Resumed:
		m.logf("resumed")
		m.iceServers = e.ICEServers
	case client.PeerJoined:
		m.logf("%.8s joined", e.Peer.Peer)
	case client.PeerLeft:
		m.logf("%.8s left: %s", e.Peer, e.Reason)
	case client.ICEServers:
		m.iceServers = e.ICEServers
	case client.Undelivered:
		m.logf("a message to %.8s was not delivered: %s", e.To, e.Code)
	case client.Refused:
		m.logf("a message was refused: %v", e.Err)
	case client.Disconnected:
		m.logf("the connection to the server is lost: %v", e.Err)
	}
	m.calls.Take(event, time.Now())
	if s, ok := event.(client.Signal); ok && s.Type != protocol.TypeMessage {
		if l := m.links[s.From]; l != nil {
			l.receive(s)
		}
	}
}

func (m *meeting) closeLinks() {
	for peer := range m.links {
		m.End(peer)
	}
}

// configuration is for a new peer connection.
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
