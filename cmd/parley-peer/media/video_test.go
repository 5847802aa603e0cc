package media

import (
	"strings"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

// packetiser makes the RTP packets of frames, as a sender would.
type packetiser struct {
	seq uint16
	at  uint32
}

func (z *packetiser) video(data []byte) []*rtp.Packet {
	var packets []*rtp.Packet
	payloads := (&codecs.VP8Payloader{}).Payload(1200, data)
	for i, payload := range payloads {
		packets = append(packets, z.packet(payload))
		packets[i].Marker = i == len(payloads)-1
	}
	z.at += videoClock / 16
	return packets
}

func (z *packetiser) packet(payload []byte) *rtp.Packet {
	z.seq++
	return &rtp.Packet{Payload: payload, Header: rtp.Header{Version: 2, SequenceNumber: z.seq, Timestamp: z.at}}
}

// blankFrame is a key frame of 16 by 16 pixels and nothing on them: a first partition of zeros decodes to grey.
func blankFrame() []byte {
	const first = 200
	return append([]byte{first<<5&0xff | 0x10, first >> 3, 0, 0x9d, 0x01, 0x2a, 16, 0, 16, 0}, make([]byte, first+200)...)
}

func TestVideoCheck(t *testing.T) {
	clip := loadClip(t)
	frames := func(from, to int) (out [][]byte) {
		for _, f := range clip.frames[from:to] {
			out = append(out, f.data)
		}
		return out
	}
	tests := []struct {
		name    string
		frames  [][]byte
		missing string // a part of it
	}{
		{"nothing", nil, "no video packet arrived"},
		{"one packet", [][]byte{clip.frames[1].data[:50]}, "1 video packets arrived, but no complete frame"},
		{"noise", [][]byte{{1}, {1, 2}, {1}}, "but none of the 2 frames in them is VP8"},
		{"no key frame", frames(1, 15), "13 video frames arrived, but no key frame"},
		{"few frames", frames(0, 5), "4 of 10 video frames arrived"},
		{"blank", [][]byte{blankFrame(), blankFrame()}, "no video key frame of 1 would do: its 16x16 picture is blank"},
		{"broken key frame", [][]byte{clip.frames[0].data[:3000], {}}, "no video key frame of 1 would do: vp8: "},
		{"the clip", frames(0, 20), ""},
		{"blank first, the clip then", append([][]byte{blankFrame()}, frames(0, 20)...), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, z := newVideoCheck(clip), &packetiser{}
			for _, data := range tt.frames {
				for _, p := range z.video(data) {
					c.push(p)
				}
			}
			if tt.name == "broken key frame" { // whole for RTP: the next frame shows that
				c.push(z.packet([]byte{0x10, 1}))
			}
			got := c.missing()
			if (got == "") != (tt.missing == "") || !strings.Contains(got, tt.missing) {
				t.Errorf("missing %q, want %q", got, tt.missing)
			}
			if got == "" && (!c.Clip || c.Width != 320 || c.Height != 180) {
				t.Errorf("clip %t, %dx%d", c.Clip, c.Width, c.Height)
			}
		})
	}
}

func TestVideoCheckOtherPicture(t *testing.T) {
	clip := loadClip(t)
	c, z := newVideoCheck(&Clip{}), &packetiser{}
	for _, f := range clip.frames {
		for _, p := range z.video(f.data) {
			c.push(p)
		}
	}
	if c.missing() != "" || c.Clip || c.KeyFrames != 3 || c.Malformed != 0 || c.Lost != 0 {
		t.Errorf("missing %q, %+v", c.missing(), c.VideoResult)
	}
}

func TestVideoCheckLossAndDisorder(t *testing.T) {
	clip := loadClip(t)
	c, z := newVideoCheck(clip), &packetiser{}
	var packets []*rtp.Packet
	for _, f := range clip.frames {
		packets = append(packets, z.video(f.data)...)
	}
	packets[0], packets[1] = packets[1], packets[0]   // within the first key frame
	packets = append(packets[:20], packets[21:]...)   // one is lost
	packets = append(packets[:40], packets[39:]...)   // one comes twice
	padding := &rtp.Packet{Header: packets[9].Header} // and one has nothing but padding
	for _, p := range append(packets, padding) {
		c.push(p)
	}
	if c.missing() != "" || !c.Clip || c.Malformed != 0 || c.Frames < 40 {
		t.Errorf("missing %q, %+v", c.missing(), c.VideoResult)
	}
}

// FuzzVideoPackets takes its input for a run of RTP packets: each a step of the number, a step of the time, the
// marker, a length, and that much payload.
func FuzzVideoPackets(f *testing.F) {
	clip := loadClip(f)
	f.Add([]byte{1, 0, 1, 3, 0x10, 1, 0, 1, 9, 1, 3, 0x10, 1, 0})
	f.Add([]byte{1, 0, 0, 3, 0x10, 0, 0, 255, 200, 1, 0, 7, 0, 0, 1, 0x90, 200, 1, 1, 2, 0x10, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newVideoCheck(clip)
		var z packetiser
		for len(data) >= 4 {
			z.seq += uint16(int8(data[0])) * uint16(data[0]&3+1)
			z.at += uint32(int8(data[1])) * videoClock / 16
			size := min(int(data[3]), len(data)-4)
			p := z.packet(data[4:][:size])
			p.Marker = data[2]&1 == 1
			c.push(p)
			data = data[4+size:]
		}
		if c.missing() == "" && c.Packets < WantFrames {
			t.Errorf("verified with %+v", c.VideoResult)
		}
	})
}
