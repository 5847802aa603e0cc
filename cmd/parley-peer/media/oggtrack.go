package media

import (
	"fmt"
	"os"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4/pkg/media/oggwriter"
	"github.com/pion/webrtc/v4/pkg/media/samplebuilder"
)

// maxAhead is how far an RTP clock may run ahead of the clock of this machine: a longer gap than that is not believed.
const maxAhead = time.Second

// oggTrack writes one Opus track to an Ogg file. Ogg has no clock but the audio that is written, so a gap is filled.
type oggTrack struct {
	open    func(extension string, now time.Time) (*os.File, error)
	builder *samplebuilder.SampleBuilder
	file    *oggwriter.Writer // nil before the first packet
	track   *oggwriter.Track

	next            uint32    // RTP time of the end of what was written
	at              time.Time // when that was written
	frames, skipped uint64
	length          time.Duration // with what filled gaps
}

func newOggTrack(open func(string, time.Time) (*os.File, error)) *oggTrack {
	return &oggTrack{open: open, builder: samplebuilder.New(
		maxLatePackets, &codecs.OpusPacket{}, opusClock, samplebuilder.WithMaxTimeDelay(maxLateTime))}
}

func (t *oggTrack) push(p *rtp.Packet, now time.Time) error {
	if len(p.Payload) == 0 { // nothing but padding, which the builder cannot tell from an error
		return nil
	}
	t.builder.Push(p)
	for sample := t.builder.Pop(); sample != nil; sample = t.builder.Pop() {
		if err := t.packet(sample.Data, sample.PacketTimestamp, now); err != nil {
			return err
		}
	}
	return nil
}

// packet takes one Opus packet, in order.
func (t *oggTrack) packet(data []byte, timestamp uint32, now time.Time) error {
	length, err := opusDuration(data)
	if err != nil {
		t.skipped++
		return nil
	}
	if t.file == nil {
		err = t.begin(now)
	} else {
		err = t.fill(data[0], ticks(int32(timestamp-t.next)), now)
	}
	if err == nil {
		err = t.write(data, length)
	}
	if err != nil {
		return err
	}
	t.frames++
	t.next, t.at = timestamp+uint32(length*opusClock/time.Second), now
	return nil
}

func ticks(n int32) time.Duration { return time.Duration(n) * time.Second / opusClock }

func (t *oggTrack) begin(now time.Time) error {
	file, err := t.open(".ogg", now)
	if err != nil {
		return err
	}
	if t.file, err = oggwriter.NewWriter(file, oggwriter.WithSeekableOutput(file)); err == nil {
		t.track, err = t.file.NewTrack(0)
	}
	if err != nil {
		_ = file.Close()
		return fmt.Errorf("%s: %w", file.Name(), err)
	}
	return nil
}

// fill writes packets of one empty frame over a gap: decoders conceal it as a loss (RFC 6716 section 3.2.1). config is the
// first byte of the packet behind the gap.
func (t *oggTrack) fill(config byte, gap time.Duration, now time.Time) error {
	gap = min(gap, now.Sub(t.at)+maxAhead)
	empty := []byte{config &^ 3}
	length := opusFrameDuration(config >> 3)
	for ; gap >= length; gap -= length {
		if err := t.write(empty, length); err != nil {
			return err
		}
	}
	return nil
}

func (t *oggTrack) write(data []byte, length time.Duration) error {
	t.length += length
	return t.track.WriteRTP(&rtp.Packet{Payload: data})
}

// close completes the file. The last packet, which waits for the next one, is not in it: the builder's Flush, which would give it,
// can take many seconds.
func (t *oggTrack) close() error {
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}

func (t *oggTrack) progress() (frames, skipped uint64, length time.Duration) {
	return t.frames, t.skipped, t.length
}

func (t *oggTrack) waits() bool { return false }
