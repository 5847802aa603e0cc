package media

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

func addTo(t *testing.T, pc *webrtc.PeerConnection, to interface {
	AddTo(pc *webrtc.PeerConnection) error
},
) {
	t.Helper()
	if err := to.AddTo(pc); err != nil {
		t.Fatal(err)
	}
}

func checkClip(t *testing.T, r Result) {
	t.Helper()
	if !r.Video.Clip || r.Video.Width != 320 || r.Video.Height != 180 {
		t.Errorf("video is not the clip's: %+v", r.Video)
	}
	if r.Video.Malformed != 0 || r.Audio.Malformed != 0 || r.Audio.Overlaps != 0 {
		t.Errorf("malformed media: %+v", r)
	}
}

func TestCallBothWays(t *testing.T) {
	clip := loadClip(t)
	a, b := newPeer(t), newPeer(t)
	va, vb := newVerifier(t, clip, a), newVerifier(t, clip, b)
	addTo(t, a, newSender(t, clip))
	addTo(t, b, newSender(t, clip))
	negotiate(t, a, b)
	checkClip(t, awaitVerified(t, va))
	checkClip(t, awaitVerified(t, vb))
}

func TestSenderServesManyConnections(t *testing.T) {
	clip := loadClip(t)
	sender := newSender(t, clip)
	var verifiers []*Verifier
	for range 3 {
		a, b := newPeer(t), newPeer(t)
		verifiers = append(verifiers, newVerifier(t, clip, b))
		addTo(t, a, sender)
		negotiate(t, a, b)
	}
	for _, v := range verifiers {
		checkClip(t, awaitVerified(t, v))
	}
}

func TestEcho(t *testing.T) {
	clip := loadClip(t)
	caller, echoer := newPeer(t), newPeer(t)
	echo, err := NewEcho(t.Context(), "echo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(echo.Close)
	addTo(t, echoer, echo)
	echoer.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		echo.Track(remote, receiver, echoer)
	})
	v := newVerifier(t, clip, caller)
	addTo(t, caller, newSender(t, clip))
	negotiate(t, caller, echoer)
	checkClip(t, awaitVerified(t, v))
}

// TestEchoAfterRenegotiation takes the caller's tracks away and adds others: the echo goes on, with no seam in it.
func TestEchoAfterRenegotiation(t *testing.T) {
	clip := loadClip(t)
	caller, echoer := newPeer(t), newPeer(t)
	echo, err := NewEcho(t.Context(), "echo")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(echo.Close)
	addTo(t, echoer, echo)
	var sources sync.WaitGroup
	sources.Add(4) // video and audio, twice
	echoer.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
		echo.Track(remote, receiver, echoer)
		sources.Done()
	})
	v := newVerifier(t, clip, caller)
	first := newSender(t, clip)
	addTo(t, caller, first)
	negotiate(t, caller, echoer)
	awaitVerified(t, v)

	for _, sender := range caller.GetSenders() {
		if err := caller.RemoveTrack(sender); err != nil {
			t.Fatal(err)
		}
	}
	negotiate(t, caller, echoer)
	addTo(t, caller, newSender(t, clip))
	negotiate(t, caller, echoer)
	sources.Wait()

	before := v.Result()
	await(t, v, func(r Result) bool {
		return r.Video.KeyFrames > before.Video.KeyFrames+1 && r.Audio.Packets > before.Audio.Packets+50
	})
	r := v.Result()
	if r.Audio.Overlaps != 0 || r.Video.Malformed != 0 || r.Video.Lost > 100 || r.Audio.Lost > 100 {
		t.Errorf("the echo has a seam: %+v", r)
	}
}

// await waits until the result is as wanted, looking again as media comes.
func await(t *testing.T, v *Verifier, wanted func(Result) bool) {
	t.Helper()
	deadline := time.After(patience)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !wanted(v.Result()) {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("waited in vain at %+v", v.Result())
		}
	}
}

// TestGarbageIsNotVerified sends what has the look of media on tracks of the right codecs.
func TestGarbageIsNotVerified(t *testing.T) {
	clip := loadClip(t)
	a, b := newPeer(t), newPeer(t)
	v := newVerifier(t, clip, b)
	track := func(mime, id string) *webrtc.TrackLocalStaticSample {
		tr, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mime}, id, "garbage")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.AddTrack(tr); err != nil {
			t.Fatal(err)
		}
		return tr
	}
	video, audio := track(webrtc.MimeTypeVP8, "v"), track(webrtc.MimeTypeOpus, "a")
	negotiate(t, a, b)

	// The video is key frames with a sound header and nothing in them, the audio packets of no frames.
	picture := append([]byte(nil), clip.frames[0].data[:keyHeader]...)
	picture = append(picture, make([]byte, 3000)...)
	await(t, v, func(r Result) bool {
		_ = video.WriteSample(media.Sample{Data: picture, Duration: clip.frameInterval})
		_ = audio.WriteSample(media.Sample{Data: []byte{3, 0, 1, 2}, Duration: 20 * time.Millisecond})
		return r.Video.Frames > 2*WantFrames && r.Audio.Packets > 50
	})
	select {
	case <-v.Done():
		t.Fatalf("verified: %+v", v.Result())
	default:
	}
	r := v.Result()
	if r.Verified || r.Video.Width != 0 || r.Audio.Malformed != r.Audio.Packets {
		t.Errorf("got %+v", r)
	}
	missing := v.Missing()
	for _, want := range []string{"video key frame", "none of them well-formed: opus: a packet of no frames"} {
		if !strings.Contains(missing, want) {
			t.Errorf("missing = %q, want it to say %q", missing, want)
		}
	}
}

func TestCloseWithoutNegotiation(t *testing.T) {
	clip := loadClip(t)
	pc := newPeer(t)
	sender := newSender(t, clip)
	addTo(t, pc, sender)
	echo, err := NewEcho(t.Context(), "echo")
	if err != nil {
		t.Fatal(err)
	}
	addTo(t, pc, echo)
	sender.Close()
	echo.Close()
	if sender.AddTo(pc) == nil || echo.AddTo(pc) == nil {
		t.Error("a closed one still adds tracks")
	}
}

func TestCloseBeforeTheConnection(t *testing.T) {
	clip := loadClip(t)
	a, b := newPeer(t), newPeer(t)
	sender, v := newSender(t, clip), newVerifier(t, clip, b)
	addTo(t, a, sender)
	negotiate(t, a, b)
	awaitVerified(t, v)
	sender.Close()
	v.Close()
	if r := v.Result(); !r.Verified {
		t.Errorf("closing lost the result: %+v", r)
	}
}

// TestPionKeepsQuiet asks pion by its environment variable to log all it can, through a call and its end.
func TestPionKeepsQuiet(t *testing.T) {
	t.Setenv("PION_LOG_TRACE", "all")
	file, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = file, file
	func() {
		defer func() { os.Stdout, os.Stderr = stdout, stderr }()
		t.Run("call", TestCallBothWays)
	}()
	written, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	if len(written) != 0 {
		t.Errorf("pion wrote past the log: %.200s", written)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
}
