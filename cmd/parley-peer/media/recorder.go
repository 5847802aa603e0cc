package media

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// RecorderConfig says where a Recorder writes to.
type RecorderConfig struct {
	// Create makes the file of one track; extension is ".ivf" or ".ogg". It is called for the first frame that is written,
	// so that a track without any leaves no file.
	Create func(track *webrtc.TrackRemote, extension string) (*os.File, error)
	// Failed hears that a file cannot be created or written, once for each track; the rest of the track is not recorded.
	// Nothing of the recorder may be called in it.
	Failed func(error)
}

// Recording is what was written of one track.
type Recording struct {
	File    string    `json:"file"`
	Track   string    `json:"track"` // the track's id as its sender named it
	Kind    string    `json:"kind"`  // video or audio
	Began   time.Time `json:"began"` // when the first frame came
	Seconds float64   `json:"seconds"`
	Frames  uint64    `json:"frames"`  // written, without what filled a gap
	Skipped uint64    `json:"skipped"` // that came and were not written: before a key frame, malformed, or of another codec
}

// Recorder writes one peer's tracks to files as they come: VP8 to IVF, Opus to Ogg, a file a track. Frames are put in order
// and whole; where some are missing the picture stands until the next key frame, which is asked for, and the audio has
// silence of that length. It is safe for concurrent use.
type Recorder struct {
	config RecorderConfig
	ctx    context.Context
	cancel context.CancelFunc
	joined sync.WaitGroup

	mu     sync.Mutex // guards what follows
	closed bool
	tracks []*recordedTrack
}

// NewRecorder makes a recorder that works until ctx ends or Close is called.
func NewRecorder(ctx context.Context, config RecorderConfig) *Recorder {
	r := &Recorder{config: config}
	r.ctx, r.cancel = context.WithCancel(ctx)
	return r
}

// AddTo makes pc ready to receive one video and one audio track, before an offer is made. Negotiation is the caller's.
func (r *Recorder) AddTo(pc *webrtc.PeerConnection) error {
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		only := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
		if _, err := pc.AddTransceiverFromKind(kind, only); err != nil {
			return fmt.Errorf("receive %s: %w", kind, err)
		}
	}
	return nil
}

// Track starts to record a remote track, as OnTrack gives it, and does not block. The track and its receiver belong to the
// recorder from then on. For video, w is asked for a key frame at once and whenever one is missing.
func (r *Recorder) Track(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver, w RTCPWriter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	t := &recordedTrack{
		create:    func(extension string) (*os.File, error) { return r.config.Create(remote, extension) },
		recording: Recording{Track: remote.ID(), Kind: remote.Kind().String()},
	}
	switch {
	case remote.Kind() == webrtc.RTPCodecTypeVideo && otherCodec(remote, webrtc.MimeTypeVP8) == "":
		t.writer = newIVFTrack(t.open)
	case remote.Kind() == webrtc.RTPCodecTypeAudio && otherCodec(remote, webrtc.MimeTypeOpus) == "":
		t.writer = newOggTrack(t.open)
	}
	r.tracks = append(r.tracks, t)
	r.joined.Go(func() { r.record(t, remote, receiver, w) })
}

func (r *Recorder) record(t *recordedTrack, remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver, w RTCPWriter) {
	ctx, cancel := context.WithCancel(r.ctx)
	var asking sync.WaitGroup
	if remote.Kind() == webrtc.RTPCodecTypeVideo {
		asking.Go(func() { keepAsking(ctx, w, remote.SSRC(), t.wantsKeyFrame) })
	}
	failed := func(err error) {
		if err != nil && r.config.Failed != nil {
			r.config.Failed(fmt.Errorf("record %s: %w", remote.Kind(), err))
		}
	}
	receive(ctx, remote, receiver, func(p *rtp.Packet) { failed(t.push(p, time.Now())) })
	cancel()
	asking.Wait()
	failed(t.close())
}

// Recordings gives what was written until now, one for each track that has a file.
func (r *Recorder) Recordings() (all []Recording) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.tracks {
		if written := t.written(); written.File != "" {
			all = append(all, written)
		}
	}
	return all
}

// Close ends the recording and waits until the files are complete and closed. The Recordings stay.
func (r *Recorder) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.joined.Wait()
}

// trackWriter puts one track's packets into the container format of its codec. It is not safe for concurrent use.
type trackWriter interface {
	push(p *rtp.Packet, now time.Time) error
	close() error
	progress() (frames, skipped uint64, length time.Duration)
	waits() bool // for a key frame
}

// recordedTrack is a track and its file.
type recordedTrack struct {
	create func(extension string) (*os.File, error)

	mu        sync.Mutex // guards what follows
	writer    trackWriter
	recording Recording
	ignored   uint64 // packets of a codec that cannot be recorded, or after the recording failed
}

// open makes the file. The mutex is held: it is called by the writer.
func (t *recordedTrack) open(extension string, now time.Time) (*os.File, error) {
	f, err := t.create(extension)
	if err != nil {
		return nil, err
	}
	t.recording.File, t.recording.Began = f.Name(), now
	return f, nil
}

func (t *recordedTrack) push(p *rtp.Packet, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.writer == nil {
		t.ignored++
		return nil
	}
	err := t.writer.push(p, now)
	if err != nil {
		_ = t.end() // the first error says why
	}
	return err
}

func (t *recordedTrack) close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.writer == nil {
		return nil
	}
	return t.end()
}

// end closes the file and lets go of the buffers. The mutex is held.
func (t *recordedTrack) end() error {
	err := t.writer.close()
	t.note()
	t.writer = nil
	return err
}

func (t *recordedTrack) note() {
	frames, skipped, length := t.writer.progress()
	t.recording.Frames, t.recording.Skipped, t.recording.Seconds = frames, skipped, length.Seconds()
}

func (t *recordedTrack) written() Recording {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.writer != nil {
		t.note()
	}
	written := t.recording
	written.Skipped += t.ignored
	return written
}

func (t *recordedTrack) wantsKeyFrame() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.writer != nil && t.writer.waits()
}
