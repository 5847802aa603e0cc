package media

import "github.com/pion/interceptor"

// lowestDynamic is the lowest RTP payload type that is ever given to a codec by negotiation, as VP8's and Opus' always are (RFC 5761
// section 4 and RFC 3551 section 6: those below are static, and from 64 to 95 they would be taken for RTCP).
const lowestDynamic = 35

// settledFactory makes an interceptor that passes over packets with a static payload type. A browser short of time may send its
// first frame before it has set the sender's codec, under payload type 0 (seen in Firefox 140): pion, which learns a track's codec
// from the first packet, would give up the whole track.
type settledFactory struct{}

func (settledFactory) NewInterceptor(string) (interceptor.Interceptor, error) { return &settled{}, nil }

type settled struct{ interceptor.NoOp }

func (*settled) BindRemoteStream(_ *interceptor.StreamInfo, from interceptor.RTPReader) interceptor.RTPReader {
	return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		for {
			n, attributes, err := from.Read(b, a)
			if err != nil || n < 2 || b[1]&0x7f >= lowestDynamic {
				return n, attributes, err
			}
		}
	})
}
