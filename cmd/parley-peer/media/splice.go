package media

import (
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

// splice makes one RTP stream without a seam out of several that come one after another: the sequence numbers of a
// new source go on where the last one's ended, its timestamps go on by the time that has passed. Within a source,
// gaps and order stay as they are, so that loss is seen and mended end to end. The first source's numbers are kept.
// It is not safe for concurrent use.
type splice struct {
	rate  uint32 // RTP ticks a second
	keyed bool   // a source may only begin at a VP8 key frame

	begun   bool // something was ever sent
	entered bool // the present source has begun
	seqBy   uint16
	timeBy  uint32
	count   rtpCount // of the present source, as it arrives
	// The newest packet that was sent.
	lastSeq  uint16
	lastTime uint32
	lastAt   time.Time
}

// change says that the next packet is from another source.
func (s *splice) change() { s.entered = false }

// next gives the packet to send for p, which came at now. There is none before a source has begun.
func (s *splice) next(p *rtp.Packet, now time.Time) (*rtp.Packet, bool) {
	if !s.entered {
		if s.keyed && !startsKeyFrame(p.Payload) {
			return nil, false
		}
		s.enter(p, now)
	}
	lowest := s.count.lowest
	ahead := s.count.add(p.SequenceNumber)
	if s.count.received > 1 && s.count.lowest < lowest {
		// From before the source began: its number belongs to the source before.
		s.count.lowest = lowest
		return nil, false
	}
	// Header extensions and contributing sources were agreed on with the source, not with the receiver.
	out := &rtp.Packet{Payload: p.Payload, Header: rtp.Header{
		Version:        2,
		Marker:         p.Marker,
		Padding:        p.Padding,
		PaddingSize:    p.Header.PaddingSize,
		SequenceNumber: p.SequenceNumber + s.seqBy,
		Timestamp:      p.Timestamp + s.timeBy,
	}}
	if ahead > 0 {
		s.lastSeq, s.lastTime, s.lastAt = out.SequenceNumber, out.Timestamp, now
	}
	return out, true
}

func (s *splice) enter(p *rtp.Packet, now time.Time) {
	s.count = rtpCount{}
	s.entered = true
	if !s.begun {
		s.begun = true
		return
	}
	passed := uint32(int64(now.Sub(s.lastAt).Seconds() * float64(s.rate))) // wraps, as RTP time does
	s.seqBy = s.lastSeq + 1 - p.SequenceNumber
	s.timeBy = s.lastTime + max(1, passed) - p.Timestamp
}

// startsKeyFrame says whether an RTP payload is the beginning of a VP8 key frame, RFC 7741 section 4.
func startsKeyFrame(payload []byte) bool {
	var p codecs.VP8Packet
	body, err := p.Unmarshal(payload)
	return err == nil && p.S == 1 && p.PID == 0 && len(body) > 0 && body[0]&1 == 0
}
