package media

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"
)

// newRecorder makes a recorder of what pc receives that is closed with the test. Failures are sent to the channel.
func newRecorder(t *testing.T, pc *webrtc.PeerConnection, create func(name string) (*os.File, error)) (*Recorder, chan error) {
	t.Helper()
	failed := make(chan error, 10)
	r := NewRecorder(t.Context(), RecorderConfig{
		Create: func(track *webrtc.TrackRemote, extension string) (*os.File, error) {
			return create(track.ID() + extension)
		},
		Failed: func(err error) { failed <- err },
	})
	t.Cleanup(r.Close)
	addTo(t, pc, r)
	pc.OnTrack(func(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) { r.Track(remote, receiver, pc) })
	return r, failed
}

// The recorder offers, and receives only.
func TestRecorderWritesACall(t *testing.T) {
	dir := t.TempDir()
	caller, callee := newPeer(t), newPeer(t)
	created := make(chan struct{}, 2)
	r, failed := newRecorder(t, caller, func(name string) (*os.File, error) {
		created <- struct{}{}
		return os.Create(filepath.Join(dir, name))
	})
	addTo(t, callee, newSender(t, loadClip(t)))
	negotiate(t, caller, callee)
	for range 2 {
		select {
		case <-created:
		case err := <-failed:
			t.Fatal(err)
		case <-time.After(patience):
			t.Fatal("no file was made")
		}
	}
	r.Close()
	all := r.Recordings()
	if len(all) != 2 || len(failed) != 0 {
		t.Fatalf("%+v, %d failures", all, len(failed))
	}
	for _, written := range all {
		if written.Frames == 0 || written.Began.IsZero() || filepath.Base(written.File) != written.Track+filepath.Ext(written.File) {
			t.Errorf("%+v", written)
		}
	}
}

func TestRecorderTellsOnceWhatItCannotWrite(t *testing.T) {
	caller, callee := newPeer(t), newPeer(t)
	full := errors.New("no space left")
	r, failed := newRecorder(t, caller, func(string) (*os.File, error) { return nil, full })
	addTo(t, callee, newSender(t, loadClip(t)))
	negotiate(t, caller, callee)
	for range 2 {
		select {
		case err := <-failed:
			if !errors.Is(err, full) {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("no failure was told")
		}
	}
	r.Close()
	if len(failed) != 0 || len(r.Recordings()) != 0 {
		t.Errorf("%d more failures, %+v", len(failed), r.Recordings())
	}
}

// writerOf gives what a track writer needs to open a file, and the file's name.
func writerOf(t *testing.T) (open func(string, time.Time) (*os.File, error), name string) {
	name = filepath.Join(t.TempDir(), "file")
	return func(string, time.Time) (*os.File, error) { return os.Create(name) }, name
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// videoPackets packs frames of the clip, each into one or more packets.
func videoPackets(frames []frame) (packets [][]*rtp.Packet) {
	sequencer := rtp.NewFixedSequencer(65_530) // wraps soon
	packetizer := rtp.NewPacketizer(1200, 96, 1, &codecs.VP8Payloader{}, sequencer, videoClock)
	for _, f := range frames {
		packets = append(packets, packetizer.Packetize(f.data, videoClock/16))
	}
	return packets
}

func TestIVFTrackStandsStillUntilTheNextKeyFrame(t *testing.T) {
	frames := loadClip(t).frames
	if !frames[16].key || !frames[32].key || frames[20].key {
		t.Fatal("the clip has its key frames elsewhere")
	}
	packets := videoPackets(frames)
	last := slices.Concat(packets[30:]...)
	last[0], last[1] = last[1], last[0] // late, and yet in its place
	open, name := writerOf(t)
	track := newIVFTrack(open)
	if !track.waits() {
		t.Error("it does not wait for a key frame")
	}
	now := time.Now()
	// The first key frame is missing, and so is the frame before the twentieth.
	for _, p := range slices.Concat(slices.Concat(packets[1:19]...), slices.Concat(packets[20:30]...), last) {
		mustDo(t, track.push(p, now))
	}
	mustDo(t, track.close())
	want := slices.Concat(frames[16:19], frames[32:47])
	if written, skipped, length := track.progress(); written != uint64(len(want)) || skipped != 15+12 ||
		length != time.Duration(46-16)*time.Second/16 {
		t.Errorf("%d frames written, %d skipped, %v", written, skipped, length)
	}

	text, err := os.ReadFile(name)
	mustDo(t, err)
	reader, header, err := ivfreader.NewWith(bytes.NewReader(text))
	mustDo(t, err)
	if header.NumFrames != uint32(len(want)) || header.Width != 320 || header.Height != 180 || header.TimebaseDenominator != videoClock {
		t.Errorf("%+v", header)
	}
	for i, f := range want {
		data, h, err := reader.ParseNextFrame()
		mustDo(t, err)
		ticks := i
		if i >= 3 {
			ticks += 32 - 19
		}
		if !bytes.Equal(data, f.data) || h.Timestamp/videoClock != uint64(ticks*videoClock/16) { // the reader multiplies by the clock
			t.Errorf("frame %d of the file is another one: %+v", i, h)
		}
	}
}

func TestIVFTrackWithoutAKeyFrameMakesNoFile(t *testing.T) {
	open, name := writerOf(t)
	track := newIVFTrack(open)
	for _, p := range slices.Concat(videoPackets(loadClip(t).frames[1:5])...) {
		mustDo(t, track.push(p, time.Now()))
	}
	mustDo(t, track.close())
	if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a file: %v", err)
	}
}

func TestOggTrackFillsGaps(t *testing.T) {
	clip := loadClip(t)
	step := uint32(clip.packetLength * opusClock / time.Second)
	began := time.Now()
	for name, test := range map[string]struct {
		ticks  []uint32 // by which each packet's clock is ahead of the one before
		passed time.Duration
		want   int // packets in the file
	}{
		"none":           {[]uint32{step, step}, 0, 3},
		"one lost":       {[]uint32{step, 2 * step}, 0, 4},
		"four lost":      {[]uint32{5 * step, step}, 0, 7},
		"a pause":        {[]uint32{opusClock * 5, step}, 5 * time.Second, 2 + int(5*time.Second/clip.packetLength)},
		"a jump":         {[]uint32{1 << 30, step}, 0, 3 + int(maxAhead/clip.packetLength)},
		"a clock behind": {[]uint32{^uint32(0) - 1000, step}, 0, 3},
	} {
		t.Run(name, func(t *testing.T) {
			open, name := writerOf(t)
			track := newOggTrack(open)
			now, timestamp := began, uint32(0xffff_ff00)
			mustDo(t, track.packet(clip.packets[0], timestamp, now))
			now = now.Add(test.passed)
			for i, ticks := range test.ticks {
				timestamp += ticks
				mustDo(t, track.packet(clip.packets[i+1], timestamp, now))
			}
			mustDo(t, track.close())
			packets, length := readOgg(t, name)
			if _, _, told := track.progress(); packets != test.want || length != told || length != time.Duration(packets)*clip.packetLength {
				t.Errorf("%d packets, %d wanted; %v, told as %v", packets, test.want, length, told)
			}
		})
	}
}

func TestOggTrackPutsPacketsInOrder(t *testing.T) {
	clip := loadClip(t)
	step := uint32(clip.packetLength * opusClock / time.Second)
	open, name := writerOf(t)
	track := newOggTrack(open)
	push := func(i uint16, payload []byte) {
		first := uint16(65_534) // wraps soon
		mustDo(t, track.push(&rtp.Packet{
			Header: rtp.Header{SequenceNumber: first + i, Timestamp: uint32(i) * step}, Payload: payload,
		}, time.Now()))
	}
	for _, i := range []uint16{0, 2, 1, 3, 4} {
		push(i, clip.packets[i])
	}
	push(5, nil)                                              // padding
	push(5, clip.packets[5])                                  // the last one is not written
	mustDo(t, track.packet([]byte{1, 2}, 5*step, time.Now())) // two frames of equal size in an odd number of bytes
	mustDo(t, track.close())
	packets, _ := readOgg(t, name)
	if frames, skipped, _ := track.progress(); packets != 5 || frames != 5 || skipped != 1 {
		t.Errorf("%d packets, %d written, %d skipped", packets, frames, skipped)
	}
}

// readOgg counts the packets of a file, and reads its length.
func readOgg(t *testing.T, name string) (packets int, length time.Duration) {
	t.Helper()
	text, err := os.ReadFile(name)
	mustDo(t, err)
	reader, _, err := oggreader.NewWith(bytes.NewReader(text))
	mustDo(t, err)
	for {
		page, header, err := reader.ParseNextPage()
		if errors.Is(err, io.EOF) {
			return packets, length
		}
		mustDo(t, err)
		if _, isHeader := header.HeaderType(page); !isHeader {
			packets++
			length = time.Duration(header.GranulePosition) * time.Second / opusClock
		}
	}
}
