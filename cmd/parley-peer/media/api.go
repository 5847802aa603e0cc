package media

import (
	"fmt"
	"io"

	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/transport/v5/packetio"
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
	settings := webrtc.SettingEngine{LoggerFactory: logs}
	settings.SetIncludeLoopbackCandidate(config.Loopback)
	settings.SetICEMulticastDNSMode(ice.MulticastDNSModeQueryOnly)
	settings.BufferFactory = newBuffer
	if config.Settings != nil {
		config.Settings(&settings)
	}
	return webrtc.NewAPI(
		webrtc.WithMediaEngine(engine),
		webrtc.WithInterceptorRegistry(registry),
		webrtc.WithSettingEngine(settings),
	), nil
}

// buffer holds what has come of a stream and is not read yet.
type buffer struct{ *packetio.Buffer }

// newBuffer makes one as large as pion's own. Where there is a factory, pion reads no retransmissions of a track before the track
// is read. Else a packet that comes first as a retransmission, as browsers probe the way with, is what pion learns the track's
// codec from: its payload type is lost by then, and the track never comes.
func newBuffer(packetio.BufferPacketType, uint32) io.ReadWriteCloser {
	b := packetio.NewBuffer()
	b.SetLimitSize(1000 * 1000)
	return buffer{b}
}

// Read implements io.Reader.
func (b buffer) Read(p []byte) (int, error) {
	n, _, err := b.Buffer.Read(p, nil)
	return n, err
}

// Write implements io.Writer.
func (b buffer) Write(p []byte) (int, error) { return b.Buffer.Write(p, nil) }

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
