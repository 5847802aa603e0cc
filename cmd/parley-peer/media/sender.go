package media

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

// Sender plays a Clip in a loop, in real time, into one video and one audio track. Any number of peer connections can
// carry them; all get the same packets. Video and audio loop each on its own.
type Sender struct {
	video, audio *webrtc.TrackLocalStaticSample

	ctx     context.Context
	cancel  context.CancelFunc
	joined  sync.WaitGroup
	mu      sync.Mutex // guards closed against AddTo
	closed  bool
	request atomic.Bool // a receiver asked for a key frame
}

// NewSender starts to play clip until ctx ends or Close is called. streamID names the media stream that both tracks
// belong to, as the other side sees it.
func NewSender(ctx context.Context, clip *Clip, streamID string) (*Sender, error) {
	video, err := webrtc.NewTrackLocalStaticSample(
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "video", streamID)
	if err != nil {
		return nil, fmt.Errorf("video track: %w", err)
	}
	audio, err := webrtc.NewTrackLocalStaticSample(
		webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "audio", streamID)
	if err != nil {
		return nil, fmt.Errorf("audio track: %w", err)
	}
	s := &Sender{video: video, audio: audio}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.joined.Go(func() {
		loop := videoLoop{frames: clip.frames}
		pace(s.ctx, clip.frameInterval, func() {
			// An error means that a connection is going away. The others got the sample, and its owner closes it.
			_ = video.WriteSample(media.Sample{Data: loop.next(&s.request), Duration: clip.frameInterval})
		})
	})
	s.joined.Go(func() {
		next := 0
		pace(s.ctx, clip.packetLength, func() {
			_ = audio.WriteSample(media.Sample{Data: clip.packets[next], Duration: clip.packetLength})
			next = (next + 1) % len(clip.packets)
		})
	})
	return s, nil
}

// AddTo adds both tracks to pc and answers its key frame requests until pc closes, the track is removed, or Close is
// called. Negotiation is the caller's.
func (s *Sender) AddTo(pc *webrtc.PeerConnection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	for _, track := range []webrtc.TrackLocal{s.video, s.audio} {
		sender, err := pc.AddTrack(track)
		if err != nil {
			return fmt.Errorf("add %s track: %w", track.Kind(), err)
		}
		s.joined.Go(func() {
			watchRequests(s.ctx, sender, func() { s.request.Store(true) })
		})
	}
	return nil
}

// Close stops playing, stops the senders that AddTo made, and waits until all of it has ended.
func (s *Sender) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.joined.Wait()
}

// minKeyFrameGap is the fewest frames from one key frame to the next when receivers ask for them: a request that
// comes sooner was most likely on its way while the last one was sent, and many receivers together must not get key
// frames only.
const minKeyFrameGap = 5

// videoLoop goes round a clip's frames and skips to the next key frame on request.
type videoLoop struct {
	frames   []frame
	at       int
	sinceKey int
}

// next returns the next frame to send, and takes the request (sets it to false) when that frame answers it.
func (l *videoLoop) next(request *atomic.Bool) []byte {
	apart := l.sinceKey >= minKeyFrameGap
	if apart && request.Load() {
		for !l.frames[l.at].key {
			l.at = (l.at + 1) % len(l.frames)
		}
	}
	f := l.frames[l.at]
	l.at = (l.at + 1) % len(l.frames)
	l.sinceKey++
	if f.key {
		// A request right after a key frame may be about that one's loss, so it is kept until the gap is over.
		if apart {
			request.Store(false)
		}
		l.sinceKey = 0
	}
	return f.data
}
