package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"parley/cmd/parley-peer/media"
)

// caller is the content of a call that verifies: it sends the clip and a probe, and looks at what comes back.
type caller struct {
	// Static after construction.
	link     *link
	sender   *media.Sender
	verifier *media.Verifier
	probe    *probe
	verified chan struct{} // closed when media and data are verified

	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// newCaller begins to wait for what is to be verified; changed is called when it is.
func newCaller(ctx context.Context, l *link, sender *media.Sender, clip *media.Clip, changed func(*caller)) *caller {
	c := &caller{link: l, sender: sender, probe: newProbe(), verified: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(ctx)
	c.verifier = media.NewVerifier(c.ctx, clip)
	c.done.Go(func() { c.watch(changed) })
	return c
}

func (c *caller) watch(changed func(*caller)) {
	answered, seen := c.probe.answered, c.verifier.Done()
	for answered != nil || seen != nil {
		select {
		case <-answered:
			answered = nil
			c.link.step(func(s *steps) *int64 { return &s.Data })
		case <-seen:
			seen = nil
			c.link.step(func(s *steps) *int64 { return &s.Media })
		case <-c.ctx.Done():
			return
		}
	}
	close(c.verified)
	c.probe.finish()
	changed(c)
}

func (c *caller) attach(pc *webrtc.PeerConnection, channel *webrtc.DataChannel) error {
	pc.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) { c.verifier.Track(t, r, pc) })
	c.probe.attach(channel)
	return c.sender.AddTo(pc)
}

func (c *caller) receive(channel *webrtc.DataChannel, m webrtc.DataChannelMessage) {
	c.probe.receive(channel, m.Data)
}

func (c *caller) close() {
	c.cancel()
	c.done.Wait()
	c.verifier.Close()
}

func (c *caller) isVerified() bool {
	select {
	case <-c.verified:
		return true
	default:
		return false
	}
}

// peerResult is what a call found out about one peer.
type peerResult struct {
	Peer     string       `json:"peer"`
	Name     string       `json:"name,omitempty"`
	Verified bool         `json:"verified"`
	Stage    string       `json:"stage,omitempty"`   // where it failed: negotiation, connection, media or data
	Problem  string       `json:"problem,omitempty"` // and how
	Steps    steps        `json:"steps"`             // in ms
	Pair     selectedPair `json:"pair"`
	Media    media.Result `json:"media"`
}

func (c *caller) result() peerResult {
	l := c.link
	l.mu.Lock()
	r := peerResult{Peer: l.peer.Peer, Name: l.peer.Name, Steps: l.steps, Pair: l.selected}
	state, problem := l.state, l.problem
	l.mu.Unlock()
	r.Media = c.verifier.Result()
	r.Verified = c.isVerified()
	if r.Verified {
		return r
	}
	var missing []string
	switch {
	case problem != nil:
		r.Stage, missing = "negotiation", []string{problem.Error()}
	case r.Steps.Offer == 0:
		r.Stage, missing = "negotiation", []string{"no offer came"}
	case r.Steps.Answer == 0:
		r.Stage, missing = "negotiation", []string{"our offer was not answered"}
	case r.Steps.Connected == 0:
		r.Stage, missing = "connection", []string{fmt.Sprintf("ICE found no path between the two peers, its state is %q", state)}
	default:
		if words := c.verifier.Missing(); words != "" {
			r.Stage, missing = "media", append(missing, words)
		}
		if r.Steps.Data == 0 {
			if r.Stage == "" {
				r.Stage = "data"
			}
			missing = append(missing, "the message on the data channel did not come back")
		}
	}
	r.Problem = strings.Join(missing, "; ")
	return r
}

// line is the result for a person.
func (r peerResult) line() string {
	who := fmt.Sprintf("%.8s", r.Peer)
	if r.Name != "" {
		who = fmt.Sprintf("%s (%s)", r.Name, who)
	}
	if !r.Verified {
		return fmt.Sprintf("%s: failed at %s: %s", who, r.Stage, r.Problem)
	}
	video := r.Media.Video
	source := "another picture"
	if video.Clip {
		source = "the clip"
	}
	return fmt.Sprintf("%s: verified; connected in %v by %s; video %dx%d, %d frames, %s; audio %.1f s; data came back",
		who, time.Duration(r.Steps.Connected)*time.Millisecond, r.Pair.Path,
		video.Width, video.Height, video.Frames, source, r.Media.Audio.Seconds)
}
