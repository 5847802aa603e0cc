package main

import (
	"encoding/json"
	"sync"

	"github.com/google/uuid"
	"github.com/pion/webrtc/v4"

	"parley/signaling/client"
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

// noteVerified tells that its sender has verified everything. The other notes are the client's.
const noteVerified = "verified"

func newProbe() *probe {
	return &probe{id: uuid.NewString(), answered: make(chan struct{}), released: make(chan struct{})}
}

// attach sends the probe as soon as the channel is open.
func (p *probe) attach(channel *webrtc.DataChannel) {
	p.mu.Lock()
	p.channel = channel
	p.mu.Unlock()
	channel.OnOpen(func() {
		sendNote(channel, client.Note{Type: client.NoteProbe, ID: p.id})
		p.mu.Lock()
		finished := p.finished
		p.mu.Unlock()
		if finished {
			sendNote(channel, client.Note{Type: noteVerified})
		}
	})
}

func (p *probe) receive(channel *webrtc.DataChannel, data []byte) {
	var n client.Note
	if json.Unmarshal(data, &n) != nil {
		return
	}
	switch n.Type {
	case client.NoteProbe:
		if n.ID != p.id {
			sendNote(channel, client.Note{Type: client.NoteProbeAnswer, ID: n.ID})
			return
		}
		p.close(p.answered) // an echo
	case client.NoteProbeAnswer:
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
		sendNote(channel, client.Note{Type: noteVerified})
	}
}

func sendNote(channel *webrtc.DataChannel, n client.Note) {
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
