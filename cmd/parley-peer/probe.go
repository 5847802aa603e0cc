package main

import (
	"encoding/json"
	"sync"

	"github.com/google/uuid"
	"github.com/pion/webrtc/v4"
)

// probe verifies the data channel with a message that only the other side can bring back: an answer from a peer that knows
// the question (see docs/protocol.md), or the very message from one that sends everything back.
type probe struct {
	// Static after construction.
	id       string
	answered chan struct{} // closed when the message has come back
	released chan struct{} // closed when the other side has verified as well, or is an echo

	mu sync.Mutex
	// Guarded by mu.
	channel  *webrtc.DataChannel
	finished bool // this side has verified everything
}

// note is a message between Parley's own clients on their data channel. Types that one does not know it passes over.
type note struct {
	Type string `json:"type"`
	ID   string `json:"id,omitempty"`
}

const (
	noteProbe       = "probe"
	noteProbeAnswer = "probe-answer"
	noteVerified    = "verified"
)

func newProbe() *probe {
	return &probe{id: uuid.NewString(), answered: make(chan struct{}), released: make(chan struct{})}
}

// attach sends the probe as soon as the channel is open.
func (p *probe) attach(channel *webrtc.DataChannel) {
	p.mu.Lock()
	p.channel = channel
	p.mu.Unlock()
	channel.OnOpen(func() {
		p.send(channel, note{noteProbe, p.id})
		p.mu.Lock()
		finished := p.finished
		p.mu.Unlock()
		if finished {
			p.send(channel, note{Type: noteVerified})
		}
	})
	channel.OnMessage(func(m webrtc.DataChannelMessage) { p.receive(channel, m.Data) })
}

func (p *probe) receive(channel *webrtc.DataChannel, data []byte) {
	var n note
	if json.Unmarshal(data, &n) != nil {
		return
	}
	switch n.Type {
	case noteProbe:
		if n.ID != p.id {
			p.send(channel, note{noteProbeAnswer, n.ID})
			return
		}
		p.close(p.answered) // an echo
	case noteProbeAnswer:
		if n.ID == p.id {
			p.close(p.answered)
		}
	case noteVerified:
		p.close(p.released)
	}
}

// finish tells the other side that this one has verified everything, and need not stay for its own sake.
func (p *probe) finish() {
	p.mu.Lock()
	p.finished = true
	channel := p.channel
	p.mu.Unlock()
	if channel != nil && channel.ReadyState() == webrtc.DataChannelStateOpen {
		p.send(channel, note{Type: noteVerified})
	}
}

func (p *probe) send(channel *webrtc.DataChannel, n note) {
	text, _ := json.Marshal(n)         // strings always can
	_ = channel.SendText(string(text)) // a channel that has closed is the link's to notice
}

func (p *probe) close(c chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-c:
	default:
		close(c)
	}
}
