package media

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// Echo sends one peer's media back as it comes, without decoding it, on one video and one audio track. If the peer
// has several tracks of a kind, the newest goes back; when that one ends, the one before it does again. Key frame
// requests for the echo are passed on to the source. It is safe for concurrent use.
type Echo struct {
	video, audio *path

	ctx    context.Context
	cancel context.CancelFunc
	joined sync.WaitGroup
	mu     sync.Mutex // guards closed against AddTo and Track
	closed bool
}

// NewEcho makes an echo that works until ctx ends or Close is called. streamID names the media stream that both tracks
// belong to, as the peer sees it.
func NewEcho(ctx context.Context, streamID string) (*Echo, error) {
	video, err := webrtc.NewTrackLocalStaticRTP(
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "video", streamID)
	if err != nil {
		return nil, fmt.Errorf("video track: %w", err)
	}
	audio, err := webrtc.NewTrackLocalStaticRTP(
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "audio", streamID)
	if err != nil {
		return nil, fmt.Errorf("audio track: %w", err)
	}
	e := &Echo{
		video: &path{track: video, splice: splice{rate: videoClock, keyed: true}},
		audio: &path{track: audio, splice: splice{rate: opusClock}},
	}
	e.ctx, e.cancel = context.WithCancel(ctx)
	return e, nil
}

// AddTo adds both tracks to pc, before or after the peer's own have come. Negotiation is the caller's.
func (e *Echo) AddTo(pc *webrtc.PeerConnection) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errClosed
	}
	for _, p := range []*path{e.video, e.audio} {
		sender, err := pc.AddTrack(p.track)
		if err != nil {
			return fmt.Errorf("add %s track: %w", p.track.Kind(), err)
		}
		e.joined.Go(func() { watchRequests(e.ctx, sender, p.requested) })
	}
	return nil
}

// Track starts to send a remote track back, as OnTrack gives it, and does not block. The track and its receiver
// belong to the echo from then on. Key frames are asked for through w. A track of another codec than VP8 or Opus is
// read and dropped.
func (e *Echo) Track(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver, w RTCPWriter) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	p := e.audio
	if remote.Kind() == webrtc.RTPCodecTypeVideo {
		p = e.video
	}
	if otherCodec(remote, p.track.Codec().MimeType) != "" {
		e.joined.Go(func() { receive(e.ctx, remote, receiver, func(*rtp.Packet) {}) })
		return
	}
	src := &source{ssrc: remote.SSRC(), rtcp: w}
	p.add(src)
	e.joined.Go(func() {
		defer p.remove(src)
		ctx, cancel := context.WithCancel(e.ctx)
		var asking sync.WaitGroup
		defer asking.Wait()
		defer cancel()
		if p.splice.keyed {
			asking.Go(func() { keepAsking(ctx, w, src.ssrc, func() bool { return p.waitsFor(src) }) })
		}
		receive(ctx, remote, receiver, func(packet *rtp.Packet) { p.forward(src, packet) })
	})
}

// Close ends the echo, stops the senders that AddTo made, and waits until all of it has ended.
func (e *Echo) Close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.cancel()
	e.joined.Wait()
}

// source is a remote track that may feed a path.
type source struct {
	ssrc webrtc.SSRC
	rtcp RTCPWriter
}

// path leads the newest of a peer's tracks of one kind into the local track that goes back to it.
type path struct {
	track *webrtc.TrackLocalStaticRTP

	mu      sync.Mutex // guards what follows
	splice  splice
	sources []*source // the last one feeds the track
}

func (p *path) add(src *source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sources = append(p.sources, src)
	p.splice.change()
}

func (p *path) remove(src *source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.feeds(src) {
		p.splice.change()
	}
	p.sources = slices.DeleteFunc(p.sources, func(s *source) bool { return s == src })
}

func (p *path) feeds(src *source) bool {
	return len(p.sources) > 0 && p.sources[len(p.sources)-1] == src
}

// waitsFor says whether src is to feed the track but has not sent a key frame to begin with.
func (p *path) waitsFor(src *source) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.feeds(src) && !p.splice.entered
}

func (p *path) forward(src *source, packet *rtp.Packet) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.feeds(src) {
		return
	}
	if out, ok := p.splice.next(packet, time.Now()); ok {
		// An error means that the connection is going away, which ends the source as well.
		_ = p.track.WriteRTP(out)
	}
}

// requested passes a key frame request on to the source.
func (p *path) requested() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sources) > 0 {
		src := p.sources[len(p.sources)-1]
		requestKeyFrame(src.rtcp, src.ssrc)
	}
}
