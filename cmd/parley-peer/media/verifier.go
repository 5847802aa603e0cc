package media

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// Result is what a Verifier found. Verified stays true once it is; the counts go on while media comes.
type Result struct {
	Verified bool        `json:"verified"`
	Video    VideoResult `json:"video"`
	Audio    AudioResult `json:"audio"`
}

// Verifier verifies the media of one remote peer: that a VP8 key frame decodes to a picture with something on it, that
// WantFrames frames came whole, and that WantAudio of well-formed Opus packets agree with their RTP clock. If the peer
// has several tracks of a kind, one of them is enough, and the Result tells of that one. It is safe for concurrent use.
type Verifier struct {
	clip   *Clip
	ctx    context.Context
	cancel context.CancelFunc
	joined sync.WaitGroup
	done   chan struct{}

	mu       sync.Mutex // guards what follows
	closed   bool
	verified bool
	video    []*videoCheck
	audio    []*audioCheck
}

// NewVerifier makes a verifier that recognises clip's pictures and works until ctx ends or Close is called.
func NewVerifier(ctx context.Context, clip *Clip) *Verifier {
	v := &Verifier{clip: clip, done: make(chan struct{})}
	v.ctx, v.cancel = context.WithCancel(ctx)
	return v
}

// Track starts to verify a remote track, as OnTrack gives it, and does not block. The track and its receiver belong
// to the verifier from then on. For video, w is asked for a key frame at once and every second until one has decoded.
func (v *Verifier) Track(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver, w RTCPWriter) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	switch remote.Kind() {
	case webrtc.RTPCodecTypeVideo:
		check := newVideoCheck(v.clip)
		check.codec = otherCodec(remote, webrtc.MimeTypeVP8)
		v.video = append(v.video, check)
		v.joined.Go(func() { v.watchVideo(check, remote, receiver, w) })
	case webrtc.RTPCodecTypeAudio:
		check := &audioCheck{codec: otherCodec(remote, webrtc.MimeTypeOpus)}
		v.audio = append(v.audio, check)
		v.joined.Go(func() {
			receive(v.ctx, remote, receiver, func(p *rtp.Packet) { v.update(func() { check.push(p) }) })
		})
	}
}

func (v *Verifier) watchVideo(
	check *videoCheck, remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver, w RTCPWriter,
) {
	ctx, cancel := context.WithCancel(v.ctx)
	var asking sync.WaitGroup
	asking.Go(func() {
		keepAsking(ctx, w, remote.SSRC(), func() bool {
			v.mu.Lock()
			defer v.mu.Unlock()
			return !check.decoded
		})
	})
	receive(ctx, remote, receiver, func(p *rtp.Packet) { v.update(func() { check.push(p) }) })
	cancel()
	asking.Wait()
	v.update(check.release)
}

// update changes a check and tells Done if that was what was missing.
func (v *Verifier) update(change func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change()
	if !v.verified && v.missing() == "" {
		v.verified = true
		close(v.done)
	}
}

// Done is closed when the media is verified.
func (v *Verifier) Done() <-chan struct{} { return v.done }

// Result says what came until now.
func (v *Verifier) Result() Result {
	v.mu.Lock()
	defer v.mu.Unlock()
	video, audio := v.best()
	return Result{Verified: v.verified, Video: video.VideoResult, Audio: audio.AudioResult}
}

// Missing says in words what has not been verified yet, for instance "12 video frames arrived, but no key frame; no
// audio packet arrived". It is empty once Done is closed.
func (v *Verifier) Missing() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.verified {
		return ""
	}
	return v.missing()
}

func (v *Verifier) missing() string {
	video, audio := v.best()
	parts := []string{video.missing(), audio.missing()}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}

// best picks one track of each kind: a verified one, or else the one that most came on.
func (v *Verifier) best() (*videoCheck, *audioCheck) {
	video, audio := &videoCheck{}, &audioCheck{}
	for _, c := range v.video {
		if better(c.missing(), video.missing(), c.Packets, video.Packets) {
			video = c
		}
	}
	for _, c := range v.audio {
		if better(c.missing(), audio.missing(), c.Packets, audio.Packets) {
			audio = c
		}
	}
	return video, audio
}

func better(missing, thanMissing string, packets, thanPackets uint64) bool {
	if (missing == "") != (thanMissing == "") {
		return missing == ""
	}
	return missing != "" && cmp.Less(thanPackets, packets)
}

// Close ends the verifying and waits until all of it has ended. The Result stays.
func (v *Verifier) Close() {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.cancel()
	v.joined.Wait()
}

// otherCodec names a track's codec if it is not the wanted one.
func otherCodec(remote *webrtc.TrackRemote, want string) string {
	got := remote.Codec().MimeType
	if strings.EqualFold(got, want) {
		return ""
	}
	return got
}
