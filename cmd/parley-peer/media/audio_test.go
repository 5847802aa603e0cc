package media

import (
	"strings"
	"testing"

	"github.com/pion/rtp"
)

// What a source of 20 ms packets may send.
var (
	goodOpus = []byte{31 << 3, 1, 2, 3}
	badOpus  = []byte{31<<3 | 3, 0}
)

// steady makes n packets of one payload, each advance ticks after the one before, across the end of the numbers.
func steady(n int, payload []byte, advance uint32) (out []*rtp.Packet) {
	z := packetiser{seq: 65530}
	for range n {
		out = append(out, z.packet(payload))
		z.at += advance
	}
	return out
}

// spoil gives every n-th packet another payload.
func spoil(packets []*rtp.Packet, n int, payload []byte) []*rtp.Packet {
	for i := 0; i < len(packets); i += n {
		packets[i].Payload = payload
	}
	return packets
}

// lose takes every n-th packet out.
func lose(packets []*rtp.Packet, n int) (out []*rtp.Packet) {
	for i, p := range packets {
		if i%n != n/2 {
			out = append(out, p)
		}
	}
	return out
}

// pause puts a second of silence that is not sent in the middle.
func pause(packets []*rtp.Packet) []*rtp.Packet {
	for _, p := range packets[len(packets)/2:] {
		p.Timestamp += opusClock
	}
	return packets
}

type audioTest struct {
	name    string
	packets []*rtp.Packet
	missing string      // a part of it
	want    AudioResult // without bytes
}

func audioTests() []audioTest {
	return []audioTest{
		{"nothing", nil, "no audio packet arrived", AudioResult{}},
		{"steady", steady(26, goodOpus, 960), "", AudioResult{Packets: 26, Seconds: 0.52, Agreed: 0.5}},
		{
			"too little", steady(20, goodOpus, 960), "0.40 of 0.50 s of audio arrived",
			AudioResult{Packets: 20, Seconds: 0.4, Agreed: 0.38},
		},
		{"only padding", steady(9, nil, 960), "9 audio packets arrived, but no audio in them", AudioResult{Packets: 9}},
		{
			"malformed", steady(9, badOpus, 960),
			"9 audio packets arrived, none of them well-formed: opus: a packet of no frames",
			AudioResult{Packets: 9, Malformed: 9},
		},
		{
			"every fourth malformed", spoil(steady(100, goodOpus, 960), 4, badOpus),
			"25 of 100 audio packets are malformed",
			AudioResult{Packets: 100, Malformed: 25, Seconds: 1.5, Agreed: 1.48},
		},
		{
			"one malformed", spoil(steady(40, goodOpus, 960), 40, badOpus), "",
			AudioResult{Packets: 40, Malformed: 1, Seconds: 0.78, Agreed: 0.76},
		},
		{
			"the clock runs twice as fast", steady(50, goodOpus, 1920),
			"1.00 s of audio arrived, of which 0.00 s (of 0.50) agree",
			AudioResult{Packets: 50, Seconds: 1, Gaps: 49},
		},
		{
			"the clock stands still", steady(50, goodOpus, 0),
			"49 of 50 audio packets overlap by their RTP clock",
			AudioResult{Packets: 50, Seconds: 1, Overlaps: 49},
		},
		{
			"the clock runs back", steady(50, goodOpus, 1<<32-960),
			"49 of 50 audio packets overlap by their RTP clock",
			AudioResult{Packets: 50, Seconds: 1, Overlaps: 49},
		},
		{
			"loss", lose(steady(60, goodOpus, 960), 10), "",
			AudioResult{Packets: 54, Lost: 6, Seconds: 1.08, Agreed: 0.94, Gaps: 6},
		},
		{"a pause", pause(steady(60, goodOpus, 960)), "", AudioResult{Packets: 60, Seconds: 1.2, Agreed: 1.16, Gaps: 1}},
	}
}

func TestAudioCheck(t *testing.T) {
	for _, tt := range audioTests() {
		t.Run(tt.name, func(t *testing.T) {
			var c audioCheck
			for _, p := range tt.packets {
				c.push(p)
			}
			got := c.missing()
			if (got == "") != (tt.missing == "") || !strings.Contains(got, tt.missing) {
				t.Errorf("missing %q, want %q", got, tt.missing)
			}
			c.Bytes = 0
			if c.AudioResult != tt.want {
				t.Errorf("got %+v, want %+v", c.AudioResult, tt.want)
			}
		})
	}
}

func TestAudioCheckDisorder(t *testing.T) {
	var c audioCheck
	packets := steady(60, goodOpus, 960)
	packets[10], packets[11] = packets[11], packets[10]
	for _, p := range packets {
		c.push(p)
	}
	if c.missing() != "" || c.Overlaps != 0 || c.Lost != 0 || c.Gaps != 1 {
		t.Errorf("missing %q, %+v", c.missing(), c.AudioResult)
	}
}
