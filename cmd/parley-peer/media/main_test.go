package media

import (
	"net"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds how long a test waits for an event that is bound to come.
const patience = 30 * time.Second

func loadClip(t testing.TB) *Clip {
	t.Helper()
	clip, err := LoadClip()
	if err != nil {
		t.Fatal(err)
	}
	return clip
}

// newPeer makes a peer connection that keeps to the loopback interface.
func newPeer(t *testing.T) *webrtc.PeerConnection {
	t.Helper()
	api, err := NewAPI(APIConfig{
		Loopback: true,
		Log:      func(level logging.LogLevel, scope, message string) { t.Logf("%s %s: %s", level, scope, message) },
		LogLevel: logging.LogLevelError,
		Settings: onlyLoopback,
	})
	if err != nil {
		t.Fatal(err)
	}
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pc.GracefulClose(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return pc
}

func onlyLoopback(s *webrtc.SettingEngine) {
	s.SetInterfaceFilter(func(name string) bool {
		i, err := net.InterfaceByName(name)
		return err == nil && i.Flags&net.FlagLoopback != 0
	})
	s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
}

// negotiate exchanges an offer and an answer with all candidates in them.
func negotiate(t *testing.T, caller, callee *webrtc.PeerConnection) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	offer, err := caller.CreateOffer(nil)
	must(err)
	gathered := webrtc.GatheringCompletePromise(caller)
	must(caller.SetLocalDescription(offer))
	<-gathered
	must(callee.SetRemoteDescription(*caller.LocalDescription()))
	answer, err := callee.CreateAnswer(nil)
	must(err)
	gathered = webrtc.GatheringCompletePromise(callee)
	must(callee.SetLocalDescription(answer))
	<-gathered
	must(caller.SetRemoteDescription(*callee.LocalDescription()))
}

// newSender makes a sender that is closed with the test.
func newSender(t *testing.T, clip *Clip) *Sender {
	t.Helper()
	s, err := NewSender(t.Context(), clip, "clip")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// newVerifier makes a verifier of what pc receives that is closed with the test.
func newVerifier(t *testing.T, clip *Clip, pc *webrtc.PeerConnection) *Verifier {
	t.Helper()
	v := NewVerifier(t.Context(), clip)
	t.Cleanup(v.Close)
	pc.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) { v.Track(remote, receiver, pc) })
	return v
}

func awaitVerified(t *testing.T, v *Verifier) Result {
	t.Helper()
	select {
	case <-v.Done():
	case <-time.After(patience):
		t.Fatalf("not verified: %s", v.Missing())
	}
	if missing := v.Missing(); missing != "" {
		t.Errorf("verified, but missing: %s", missing)
	}
	r := v.Result()
	if !r.Verified {
		t.Errorf("done, but the result is %+v", r)
	}
	return r
}
