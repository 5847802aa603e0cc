package media

import (
	"fmt"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
)

// APIConfig is how NewAPI is to make the pion API. The zero value is good for a call over the network.
type APIConfig struct {
	// Loopback also gathers candidates on loopback addresses, which pion leaves out by default.
	Loopback bool
	// Log gets pion's messages at LogLevel and above. Without it they are dropped. Pion calls it from many goroutines.
	Log func(level logging.LogLevel, scope, message string)
	// LogLevel is logging.LogLevelWarn if it is not set.
	LogLevel logging.LogLevel
	// Settings, if given, has the last word on pion's settings: ports, interfaces, timeouts.
	Settings func(*webrtc.SettingEngine)
}

// NewAPI makes the pion API for peer connections with this package's media: VP8 and Opus only, so that every browser
// agrees on them; retransmission on request (NACK, on a stream of its own), reports and congestion feedback as browsers
// have them; browsers' .local candidates looked up by mDNS. Relay-only is up to the peer connection's Configuration.
func NewAPI(config APIConfig) (*webrtc.API, error) {
	logs := loggers{to: config.Log, level: config.LogLevel}
	if logs.level == logging.LogLevelDisabled {
		logs.level = logging.LogLevelWarn
	}
	engine := &webrtc.MediaEngine{}
	if err := registerCodecs(engine); err != nil {
		return nil, fmt.Errorf("register codecs: %w", err)
	}
	registry := &interceptor.Registry{}
	err := webrtc.RegisterDefaultInterceptorsWithOptions(engine, registry, webrtc.WithInterceptorLoggerFactory(logs))
	if err != nil {
		return nil, fmt.Errorf("register interceptors: %w", err)
	}
	registry.Add(settledFactory{})
	settings := webrtc.SettingEngine{LoggerFactory: logs}
	settings.SetIncludeLoopbackCandidate(config.Loopback)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeQueryOnly)
	if config.Settings != nil {
		config.Settings(&settings)
	}
	return webrtc.NewAPI(
		webrtc.WithMediaEngine(engine),
		webrtc.WithInterceptorRegistry(registry),
		webrtc.WithSettingEngine(settings),
	), nil
}

// registerCodecs registers the codecs under the payload types that browsers use. NACK and PLI feedback come with the
// interceptors.
func registerCodecs(engine *webrtc.MediaEngine) error {
	video := []webrtc.RTPCodecParameters{
		{PayloadType: 96, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeVP8, ClockRate: videoClock,
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: webrtc.TypeRTCPFBCCM, Parameter: "fir"}},
		}},
		{PayloadType: 97, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeRTX, ClockRate: videoClock, SDPFmtpLine: "apt=96",
		}},
	}
	for _, codec := range video {
		if err := engine.RegisterCodec(codec, webrtc.RTPCodecTypeVideo); err != nil {
			return err
		}
	}
	return engine.RegisterCodec(webrtc.RTPCodecParameters{
		PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: opusClock, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
		},
	}, webrtc.RTPCodecTypeAudio)
}
