package media

import (
	"fmt"
	"time"

	"github.com/pion/rtp"
)

// WantAudio is how much audio must arrive, agreeing with its RTP clock, before an audio track is verified.
const WantAudio = 500 * time.Millisecond

const (
	opusClock = 48_000 // RTP ticks a second, whatever the audio's own rate, RFC 7587 section 4.1
	// wrongShare is the share of packets, one in so many, that may be malformed or out of step with their clock.
	wrongShare = 10
)

// AudioResult is what came on an audio track.
type AudioResult struct {
	Packets   uint64  `json:"packets"`
	Bytes     uint64  `json:"bytes"`     // of RTP payload
	Lost      uint64  `json:"lost"`      // packets that never came
	Seconds   float64 `json:"seconds"`   // of audio in the well-formed packets
	Agreed    float64 `json:"agreed"`    // of Seconds, those that the RTP clock advanced by, too
	Gaps      uint64  `json:"gaps"`      // the clock ran ahead of the audio: loss, or silence that was not sent
	Overlaps  uint64  `json:"overlaps"`  // the clock fell behind the audio, which is an error of the source
	Malformed uint64  `json:"malformed"` // no Opus packet by RFC 6716
}

// audioCheck verifies one Opus track. It is not safe for concurrent use.
type audioCheck struct {
	AudioResult
	codec  string // set if the track is of another codec than Opus, which cannot be verified
	count  rtpCount
	fault  error // of the last malformed packet
	agreed time.Duration
	total  time.Duration
	// The newest packet: when it starts by the RTP clock, and how much audio it holds (0: unknown).
	start  uint32
	length time.Duration
}

func (c *audioCheck) push(p *rtp.Packet) {
	ahead := c.count.add(p.SequenceNumber)
	first := c.Packets == 0
	c.Packets++
	c.Bytes += uint64(len(p.Payload))
	c.Lost = c.count.lost()
	if c.codec != "" {
		return
	}
	var length time.Duration
	if len(p.Payload) > 0 { // else nothing but padding, which is no audio and no error
		var err error
		if length, err = opusDuration(p.Payload); err != nil {
			c.Malformed++
			c.fault = err
		}
	}
	c.total += length
	c.Seconds = c.total.Seconds()
	if ahead < 1 {
		return // late: the clock has been compared over its place already
	}
	if !first && c.length > 0 {
		c.compare(ahead, int32(p.Timestamp-c.start))
	}
	c.start, c.length = p.Timestamp, length
}

// compare sets how far the RTP clock advanced from the newest packet to this one against the audio that the former
// holds.
func (c *audioCheck) compare(ahead int, advance int32) {
	held := int32(c.length * opusClock / time.Second)
	switch {
	case advance < held:
		c.Overlaps++
	case advance == held && ahead == 1:
		c.agreed += c.length
		c.Agreed = c.agreed.Seconds()
	default:
		c.Gaps++
	}
}

// missing says what has not been verified, or nothing.
func (c *audioCheck) missing() string {
	switch {
	case c.Packets == 0:
		return "no audio packet arrived"
	case c.codec != "":
		return fmt.Sprintf("the audio is %s, not Opus", c.codec)
	case c.total == 0 && c.Malformed > 0:
		return fmt.Sprintf("%d audio packets arrived, none of them well-formed: %v", c.Packets, c.fault)
	case c.total == 0:
		return fmt.Sprintf("%d audio packets arrived, but no audio in them", c.Packets)
	case c.total < WantAudio:
		return fmt.Sprintf("%.2f of %.2f s of audio arrived", c.Seconds, WantAudio.Seconds())
	case c.Malformed*wrongShare > c.Packets:
		return fmt.Sprintf("%d of %d audio packets are malformed: %v", c.Malformed, c.Packets, c.fault)
	case c.Overlaps*wrongShare > c.Packets:
		return fmt.Sprintf("%d of %d audio packets overlap by their RTP clock", c.Overlaps, c.Packets)
	case c.agreed < WantAudio:
		return fmt.Sprintf("%.2f s of audio arrived, of which %.2f s (of %.2f) agree with the RTP clock",
			c.Seconds, c.Agreed, WantAudio.Seconds())
	default:
		return ""
	}
}
