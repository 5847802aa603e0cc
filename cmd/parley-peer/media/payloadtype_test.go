package media

import (
	"sync/atomic"
	"testing"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// hasty is a sender whose first packets go out before its codecs are set.
type hasty struct {
	interceptor.NoOp
	sent atomic.Int32
}

func (h *hasty) NewInterceptor(string) (interceptor.Interceptor, error) { return h, nil }

func (h *hasty) BindLocalStream(_ *interceptor.StreamInfo, to interceptor.RTPWriter) interceptor.RTPWriter {
	return interceptor.RTPWriterFunc(func(header *rtp.Header, payload []byte, a interceptor.Attributes) (int, error) {
		out := *header
		if h.sent.Add(1) <= 20 {
			out.PayloadType = 0
		}
		return to.Write(&out, payload, a)
	})
}

func TestATrackWhoseSenderBeganTooEarly(t *testing.T) {
	engine, registry := &webrtc.MediaEngine{}, &interceptor.Registry{}
	if err := registerCodecs(engine); err != nil {
		t.Fatal(err)
	}
	if err := webrtc.RegisterDefaultInterceptors(engine, registry); err != nil {
		t.Fatal(err)
	}
	early := &hasty{}
	registry.Add(early)
	settings := webrtc.SettingEngine{}
	settings.SetIncludeLoopbackCandidate(true)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(settings))
	sender, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.GracefulClose() })
	clip := loadClip(t)
	receiver := newPeer(t)
	v := newVerifier(t, clip, receiver)
	addTo(t, sender, newSender(t, clip))
	negotiate(t, sender, receiver)
	checkClip(t, awaitVerified(t, v))
	if early.sent.Load() < 20 {
		t.Error("nothing came early")
	}
}
