package media

import (
	"encoding/binary"
	"fmt"
	"os"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4/pkg/media/ivfwriter"
	"github.com/pion/webrtc/v4/pkg/media/samplebuilder"
)

// ivfTrack writes one VP8 track to an IVF file, with the RTP clock as its time base.
type ivfTrack struct {
	open    func(extension string, now time.Time) (*os.File, error)
	builder *samplebuilder.SampleBuilder
	file    *ivfwriter.IVFWriter // nil before the first key frame

	broken          bool // frames are missing since the last key frame: what follows would be a smear
	first, last     uint32
	frames, skipped uint64
}

func newIVFTrack(open func(string, time.Time) (*os.File, error)) *ivfTrack {
	return &ivfTrack{open: open, broken: true, builder: samplebuilder.New(
		maxLatePackets, &codecs.VP8Packet{}, videoClock, samplebuilder.WithMaxTimeDelay(maxLateTime))}
}

func (t *ivfTrack) push(p *rtp.Packet, now time.Time) error {
	t.builder.Push(p)
	for sample := t.builder.Pop(); sample != nil; sample = t.builder.Pop() {
		if err := t.frame(sample.Data, sample.PacketTimestamp, sample.PrevDroppedPackets > 0, now); err != nil {
			return err
		}
	}
	return nil
}

// frame takes a complete frame; gap says that packets before it have not come.
func (t *ivfTrack) frame(data []byte, timestamp uint32, gap bool, now time.Time) error {
	key, err := checkFrame(data)
	if err != nil || !key && (gap || t.broken) {
		t.broken = true
		t.skipped++
		return nil
	}
	if t.file == nil {
		if err := t.begin(data, timestamp, now); err != nil {
			return err
		}
	}
	t.broken = false
	t.last = timestamp
	t.frames++
	// The writer takes packets, and this is the packet that the whole frame would be in if packets had no size. Its first
	// byte is the shortest payload descriptor: the beginning of a partition (RFC 7741 section 4.2).
	whole := &rtp.Packet{
		Header:  rtp.Header{Marker: true, Timestamp: timestamp},
		Payload: append([]byte{0x10}, data...),
	}
	return t.file.WriteRTP(whole)
}

// begin makes the file for a key frame, whose header has the size of the picture (RFC 6386 section 9.1).
func (t *ivfTrack) begin(key []byte, timestamp uint32, now time.Time) error {
	const sizeBits = 1<<14 - 1
	width := binary.LittleEndian.Uint16(key[6:]) & sizeBits
	height := binary.LittleEndian.Uint16(key[8:]) & sizeBits
	file, err := t.open(".ivf", now)
	if err != nil {
		return err
	}
	t.first = timestamp
	t.file, err = ivfwriter.NewWith(file, ivfwriter.WithCodec("video/VP8"), ivfwriter.WithWidthAndHeight(width, height),
		ivfwriter.WithFrameRate(1, videoClock), ivfwriter.WithDirectPTS())
	if err != nil {
		_ = file.Close()
		return fmt.Errorf("%s: %w", file.Name(), err)
	}
	return nil
}

// close completes the file. The last frame, whose end only the next one would tell, is not in it: the builder's Flush, which would give it,
// can take many seconds.
func (t *ivfTrack) close() error {
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}

func (t *ivfTrack) progress() (frames, skipped uint64, length time.Duration) {
	return t.frames, t.skipped, time.Duration(t.last-t.first) * time.Second / videoClock
}

func (t *ivfTrack) waits() bool { return t.broken }
