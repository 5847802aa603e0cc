package media

import (
	"fmt"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4/pkg/media/samplebuilder"
)

// WantFrames is how many video frames must arrive before a video track is verified.
const WantFrames = 10

const (
	videoClock = 90_000 // RTP ticks a second
	// A frame with a packet missing is given up once this many packets, or this much time by the RTP clock, came after it.
	maxLatePackets = 512
	maxLateTime    = 500 * time.Millisecond
)

// VideoResult is what came on a video track.
type VideoResult struct {
	Packets   uint64 `json:"packets"`
	Bytes     uint64 `json:"bytes"`     // of RTP payload
	Lost      uint64 `json:"lost"`      // packets that never came
	Frames    uint64 `json:"frames"`    // complete, with a sound VP8 header
	KeyFrames uint64 `json:"keyFrames"` // among Frames
	Malformed uint64 `json:"malformed"` // complete, but no VP8 frame
	Width     int    `json:"width"`     // of the first key frame that decoded to a picture with something on it, in pixels
	Height    int    `json:"height"`
	Clip      bool   `json:"clip"` // that picture is, pixel for pixel, one of the clip's
}

// videoCheck verifies one VP8 track. It is not safe for concurrent use.
type videoCheck struct {
	VideoResult
	clip    *Clip
	codec   string // set if the track is of another codec than VP8, which cannot be verified
	count   rtpCount
	builder *samplebuilder.SampleBuilder
	fault   error // why the last key frame did not do
	decoded bool
}

func newVideoCheck(clip *Clip) *videoCheck {
	return &videoCheck{clip: clip, builder: samplebuilder.New(
		maxLatePackets, &codecs.VP8Packet{}, videoClock, samplebuilder.WithMaxTimeDelay(maxLateTime))}
}

func (c *videoCheck) push(p *rtp.Packet) {
	c.count.add(p.SequenceNumber)
	c.Packets++
	c.Bytes += uint64(len(p.Payload))
	c.Lost = c.count.lost()
	if c.codec != "" {
		return
	}
	c.builder.Push(p)
	for sample := c.builder.Pop(); sample != nil; sample = c.builder.Pop() {
		c.frame(sample.Data)
	}
}

// frame takes a complete frame. Only key frames are decoded, and only until one has been: that is the proof.
func (c *videoCheck) frame(data []byte) {
	key, err := checkFrame(data)
	if err != nil {
		c.Malformed++
		return
	}
	c.Frames++
	if !key {
		return
	}
	c.KeyFrames++
	if c.decoded {
		return
	}
	pic, err := decodeKeyFrame(data)
	switch {
	case err != nil:
		c.fault = err
	case pic.blank:
		c.fault = fmt.Errorf("its %dx%d picture is blank", pic.width, pic.height)
	default:
		c.decoded = true
		c.Width, c.Height = pic.width, pic.height
		_, c.Clip = c.clip.pictures[pic.sum]
	}
}

// release lets go of the buffers, a megabyte, once nothing more comes.
func (c *videoCheck) release() { c.builder = nil }

// missing says what has not been verified, or nothing.
func (c *videoCheck) missing() string {
	switch {
	case c.Packets == 0:
		return "no video packet arrived"
	case c.codec != "":
		return fmt.Sprintf("the video is %s, not VP8", c.codec)
	case c.Frames == 0 && c.Malformed > 0:
		return fmt.Sprintf("%d video packets arrived, but none of the %d frames in them is VP8", c.Packets, c.Malformed)
	case c.Frames == 0:
		return fmt.Sprintf("%d video packets arrived, but no complete frame", c.Packets)
	case c.KeyFrames == 0:
		return fmt.Sprintf("%d video frames arrived, but no key frame", c.Frames)
	case !c.decoded:
		return fmt.Sprintf("no video key frame of %d would do: %v", c.KeyFrames, c.fault)
	case c.Frames < WantFrames:
		return fmt.Sprintf("%d of %d video frames arrived", c.Frames, WantFrames)
	default:
		return ""
	}
}
