package media

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
)

func TestOfferHasOnlyVP8AndOpus(t *testing.T) {
	clip := loadClip(t)
	pc := newPeer(t)
	addTo(t, pc, newSender(t, clip))
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	var maps, feedback []string
	for line := range strings.Lines(offer.SDP) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "a=rtpmap:"); ok {
			maps = append(maps, v)
		}
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "a=rtcp-fb:96 "); ok {
			feedback = append(feedback, strings.TrimSpace(v))
		}
	}
	slices.Sort(maps)
	if want := []string{"111 opus/48000/2", "96 VP8/90000", "97 rtx/90000"}; !slices.Equal(maps, want) {
		t.Errorf("codecs %q, want %q", maps, want)
	}
	for _, want := range []string{"nack", "nack pli", "ccm fir", "transport-cc"} {
		if !slices.Contains(feedback, want) {
			t.Errorf("feedback %q lacks %q", feedback, want)
		}
	}
}

func TestLoopbackCandidates(t *testing.T) {
	for _, loopback := range []bool{true, false} {
		t.Run(fmt.Sprint(loopback), func(t *testing.T) {
			api, err := NewAPI(APIConfig{Loopback: loopback, Settings: onlyLoopback})
			if err != nil {
				t.Fatal(err)
			}
			pc, err := api.NewPeerConnection(webrtc.Configuration{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := pc.GracefulClose(); err != nil {
					t.Error(err)
				}
			}()
			if _, err := pc.CreateDataChannel("x", nil); err != nil {
				t.Fatal(err)
			}
			offer, err := pc.CreateOffer(nil)
			if err != nil {
				t.Fatal(err)
			}
			gathered := webrtc.GatheringCompletePromise(pc)
			if err := pc.SetLocalDescription(offer); err != nil {
				t.Fatal(err)
			}
			<-gathered
			if got := strings.Contains(pc.LocalDescription().SDP, " 127.0.0.1 "); got != loopback {
				t.Errorf("a loopback candidate: %t", got)
			}
		})
	}
}

func TestLogging(t *testing.T) {
	var got []string
	to := func(level logging.LogLevel, scope, message string) {
		got = append(got, fmt.Sprintf("%s %s %s", level, scope, message))
	}
	say := func(l logging.LeveledLogger) {
		l.Trace("1%")
		l.Tracef("%d", 2)
		l.Debug("3%")
		l.Debugf("%d", 4)
		l.Info("5%")
		l.Infof("%d", 6)
		l.Warn("7%")
		l.Warnf("%d", 8)
		l.Error("9%")
		l.Errorf("%d", 10)
	}
	all := []string{
		"Trace ice 1%", "Trace ice 2", "Debug ice 3%", "Debug ice 4", "Info ice 5%", "Info ice 6",
		"Warn ice 7%", "Warn ice 8", "Error ice 9%", "Error ice 10",
	}
	for level, from := range map[logging.LogLevel]int{
		logging.LogLevelTrace: 0, logging.LogLevelInfo: 4, logging.LogLevelWarn: 6, logging.LogLevelError: 8,
	} {
		got = nil
		say(loggers{to: to, level: level}.NewLogger("ice"))
		if !slices.Equal(got, all[from:]) {
			t.Errorf("%s: %q", level, got)
		}
	}
	got = nil
	say(loggers{level: logging.LogLevelTrace}.NewLogger("ice"))
	if len(got) != 0 {
		t.Errorf("to nobody: %q", got)
	}
}
