package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"parley/signaling/client"
	"parley/signaling/protocol"
)

// signaler sends messages to other peers. A *client.Client is one.
type signaler interface {
	Send(ctx context.Context, message any) (id uint64, err error)
}

// content is what a call carries: this peer's side of it.
type content interface {
	// attach puts tracks and handlers on a new peer connection, before it is negotiated.
	attach(pc *webrtc.PeerConnection, channel *webrtc.DataChannel) error
	// receive takes a message that has come on the channel.
	receive(channel *webrtc.DataChannel, m webrtc.DataChannelMessage)
	close()
}

// link is the call with one other peer: a peer connection and its negotiation. What happens to it is queued and done one
// after the other by one goroutine, as a browser does it, so that nothing overtakes anything.
type link struct {
	// Static after construction.
	api      *webrtc.API
	config   webrtc.Configuration
	signaler signaler
	content  content
	logf     func(format string, args ...any)
	noted    func(client.Note) // is told what the other side tells about itself; does not wait
	down     func()            // is told that the call does not stand any more; does not wait

	ctx    context.Context
	cancel context.CancelFunc
	ops    chan func() error
	ended  chan struct{}

	// Owned by run, which also sets peer and channel (under mu, for the others to read them under mu).
	pc          *webrtc.PeerConnection
	negotiation *client.Negotiation
	peer        protocol.Peer
	channel     *webrtc.DataChannel // nil before there is a peer connection

	mu sync.Mutex
	// Guarded by mu.
	began    time.Time
	steps    steps
	state    webrtc.PeerConnectionState
	selected selectedPair
	problem  error
}

// steps are milliseconds from the beginning of a call, 0 for what has not happened.
type steps struct {
	Offer     int64 `json:"offer,omitempty"` // sent or received
	Answer    int64 `json:"answer,omitempty"`
	Connected int64 `json:"connected,omitempty"`
	Data      int64 `json:"data,omitempty"`  // the data channel's message came back
	Media     int64 `json:"media,omitempty"` // verified
}

// description and candidate are what links say to each other, in the words of the wire.
type description struct {
	Type string `json:"type"`
	To   string `json:"to"`
	SDP  string `json:"sdp"`
}

type candidate struct {
	Type      string                   `json:"type"`
	To        string                   `json:"to"`
	Candidate *webrtc.ICECandidateInit `json:"candidate"` // nil: there are no more
}

// channelLabel is the data channel that Parley's own clients have between them: negotiated, with the id 0.
const channelLabel = "parley"

func (l *link) start(ctx context.Context) {
	l.ctx, l.cancel = context.WithCancel(ctx)
	l.ops = make(chan func() error, 256)
	l.ended = make(chan struct{})
	l.negotiation = client.NewNegotiation(l.peer.Polite)
	l.began = time.Now()
	go l.run()
}

// run does what is queued, until close.
func (l *link) run() {
	defer close(l.ended)
	for {
		select {
		case op := <-l.ops:
			if err := op(); err != nil && l.ctx.Err() == nil {
				l.fail(err)
			}
		case <-l.ctx.Done():
			l.content.close()
			if l.pc != nil {
				_ = l.pc.GracefulClose()
			}
			return
		}
	}
}

func (l *link) close() {
	l.cancel()
	<-l.ended
}

// do queues something to be done.
func (l *link) do(op func() error) {
	select {
	case l.ops <- op:
	case <-l.ctx.Done():
	}
}

// build makes the peer connection. Its callbacks count only as long as it is the link's.
func (l *link) build() error {
	pc, err := l.api.NewPeerConnection(l.config)
	if err != nil {
		return err
	}
	l.pc = pc
	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		message := candidate{Type: protocol.TypeCandidate}
		if c != nil {
			init := c.ToJSON()
			message.Candidate = &init
		}
		l.do(func() error {
			if l.pc != pc {
				return nil
			}
			message.To = l.peer.Peer
			return l.send(message)
		})
	})
	pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		l.do(func() error {
			if l.pc != pc {
				return nil
			}
			return l.changed(s)
		})
	})
	negotiated, id := true, uint16(0)
	channel, err := pc.CreateDataChannel(channelLabel, &webrtc.DataChannelInit{Negotiated: &negotiated, ID: &id})
	if err != nil {
		return err
	}
	l.attend(channel)
	return l.content.attach(pc, channel)
}

// offer makes the first offer, which is the newcomer's to make, or one that restarts ICE.
func (l *link) offer(restart bool) error {
	if l.pc == nil {
		if err := l.build(); err != nil {
			return err
		}
	}
	l.negotiation.BeginOffer()
	defer l.negotiation.EndOffer()
	offer, err := l.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		return err
	}
	if err := l.pc.SetLocalDescription(offer); err != nil {
		return err
	}
	l.step(func(s *steps) *int64 { return &s.Offer })
	return l.send(description{protocol.TypeOffer, l.peer.Peer, offer.SDP})
}

// receive takes a message of the other peer.
func (l *link) receive(s client.Signal) {
	l.do(func() error {
		switch s.Type {
		case protocol.TypeOffer:
			return l.receiveOffer(s.SDP)
		case protocol.TypeAnswer:
			return l.receiveAnswer(s.SDP)
		case protocol.TypeCandidate:
			return l.receiveCandidate(s.Candidate)
		}
		return nil
	})
}

func (l *link) receiveOffer(sdp string) error {
	if l.strange(sdp) {
		l.logf("%s has begun anew", l.name())
		l.negotiation = client.NewNegotiation(l.peer.Polite)
		if err := l.rebuild(); err != nil {
			return err
		}
	}
	stable := l.pc == nil || l.pc.SignalingState() == webrtc.SignalingStateStable
	switch l.negotiation.Describe(true, stable) {
	case client.Ignore:
		l.logf("%s: an offer that collided with our own was passed over", l.name())
		return nil
	case client.Rollback:
		// pion cannot take an offer back, so its peer connection goes with it. Nothing is lost but a moment: links make no
		// offers but the first, and one to restart a connection that has failed.
		l.logf("%s: our offer collided, theirs goes first", l.name())
		l.negotiation.OfferAgain()
		if err := l.rebuild(); err != nil {
			return err
		}
	}
	if l.pc == nil {
		if err := l.build(); err != nil {
			return err
		}
	}
	l.step(func(s *steps) *int64 { return &s.Offer })
	offer := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: sdp}
	if err := l.pc.SetRemoteDescription(offer); err != nil {
		return fmt.Errorf("their offer: %w", err)
	}
	answer, err := l.pc.CreateAnswer(nil)
	if err != nil {
		return fmt.Errorf("our answer: %w", err)
	}
	if err := l.pc.SetLocalDescription(answer); err != nil {
		return fmt.Errorf("our answer: %w", err)
	}
	l.step(func(s *steps) *int64 { return &s.Answer })
	return l.send(description{protocol.TypeAnswer, l.peer.Peer, answer.SDP})
}

func (l *link) receiveAnswer(sdp string) error {
	if l.strange(sdp) { // it answers with another peer connection than the offer was for
		if err := l.rebuild(); err != nil {
			return err
		}
		return l.offer(false)
	}
	if l.pc == nil || l.negotiation.Describe(false, l.pc.SignalingState() == webrtc.SignalingStateStable) != client.Accept {
		return nil
	}
	defer l.negotiation.Described()
	answer := webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: sdp}
	if err := l.pc.SetRemoteDescription(answer); err != nil {
		return fmt.Errorf("their answer: %w", err)
	}
	l.step(func(s *steps) *int64 { return &s.Answer })
	return nil
}

func (l *link) receiveCandidate(raw json.RawMessage) error {
	init, err := parseCandidate(raw)
	if err == nil && l.pc == nil {
		err = errors.New("a candidate came before the offer")
	}
	if err == nil {
		err = l.pc.AddICECandidate(init)
	}
	if err != nil && !l.negotiation.IgnoreCandidateError() {
		l.logf("%s: a candidate was of no use: %v", l.name(), err) // one of many; if none is of use, ICE will say so
	}
	return nil
}

// parseCandidate reads an RTCIceCandidateInit, or one of the two ends of candidates, "" and null.
func parseCandidate(raw json.RawMessage) (init webrtc.ICECandidateInit, err error) {
	if len(raw) > 0 && raw[0] == '"' {
		err = json.Unmarshal(raw, &init.Candidate)
	} else {
		err = json.Unmarshal(raw, &init)
	}
	return init, err
}

// changed notes how the connection is doing. The polite side tries again where it has failed.
func (l *link) changed(s webrtc.PeerConnectionState) error {
	l.mu.Lock()
	l.state = s
	if s == webrtc.PeerConnectionStateConnected {
		l.selected = selectedOf(l.pc)
	}
	l.mu.Unlock()
	l.logf("%s: %s", l.name(), s)
	switch s {
	case webrtc.PeerConnectionStateConnected:
		l.step(func(s *steps) *int64 { return &s.Connected })
	case webrtc.PeerConnectionStateFailed:
		l.down()
		if l.peer.Polite && l.pc.SignalingState() == webrtc.SignalingStateStable {
			return l.offer(true)
		}
	}
	return nil
}

func (l *link) send(message any) error {
	_, err := l.signaler.Send(l.ctx, message)
	return err
}

// step notes the time of something that has happened, the first time.
func (l *link) step(which func(*steps) *int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := which(&l.steps); *at == 0 {
		*at = max(1, time.Since(l.began).Milliseconds())
	}
}

func (l *link) fail(err error) {
	l.logf("%s: %v", l.name(), err)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.problem == nil {
		l.problem = err
	}
}

// name is how a person knows the peer.
func (l *link) name() string {
	if l.peer.Name != "" {
		return fmt.Sprintf("%s (%.8s)", l.peer.Name, l.peer.Peer)
	}
	return fmt.Sprintf("%.8s", l.peer.Peer)
}

// selectedPair is the way that a connection took.
type selectedPair struct {
	Path   string `json:"path,omitempty"`  // host, srflx, prflx or relay
	Local  string `json:"local,omitempty"` // type and address
	Remote string `json:"remote,omitempty"`
}

func selectedOf(pc *webrtc.PeerConnection) selectedPair {
	pair, err := pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return selectedPair{}
	}
	describe := func(c *webrtc.ICECandidate) string {
		return fmt.Sprintf("%s %s %s:%d", c.Typ, c.Protocol, c.Address, c.Port)
	}
	return selectedPair{
		Path: max(pair.Local.Typ, pair.Remote.Typ).String(), Local: describe(pair.Local), Remote: describe(pair.Remote),
	}
}
