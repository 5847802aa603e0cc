package media

import (
	"bytes"
	"testing"
	"time"
)

// join puts a packet together from bytes and from runs of n zero bytes.
func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func zeros(n int) []byte { return make([]byte, n) }

func TestOpusFrameDuration(t *testing.T) {
	silk := []time.Duration{10 * ms, 20 * ms, 40 * ms, 60 * ms}
	hybrid := []time.Duration{10 * ms, 20 * ms}
	celt := []time.Duration{2500 * time.Microsecond, 5 * ms, 10 * ms, 20 * ms}
	var want []time.Duration
	for _, row := range [][]time.Duration{silk, silk, silk, hybrid, hybrid, celt, celt, celt, celt} {
		want = append(want, row...)
	}
	for config := range byte(32) {
		got, err := opusDuration([]byte{config << 3})
		if err != nil || got != want[config] {
			t.Errorf("config %d: %v, %v; want %v", config, got, err, want[config])
		}
	}
}

type opusTest struct {
	name   string
	packet []byte
	want   time.Duration // 0: refused
}

// Bytes of Opus packets.
const (
	ms    = time.Millisecond
	ms20  = 31 << 3 // CELT, 20 ms
	ms60  = 3 << 3  // SILK, 60 ms
	ms2x5 = 28 << 3 // CELT, 2.5 ms
	vbr   = 0x80
	pad   = 0x40
)

func opusTests() []opusTest {
	return []opusTest{
		{"empty", nil, 0},

		{"code 0, no data", []byte{ms20}, 20 * ms},
		{"code 0, stereo", []byte{ms20 | 4, 1, 2}, 20 * ms},
		{"code 0, largest", join([]byte{ms20}, zeros(1275)), 20 * ms},
		{"code 0, too large", join([]byte{ms20}, zeros(1276)), 0},

		{"code 1, no data", []byte{ms20 | 1}, 40 * ms},
		{"code 1, even", []byte{ms20 | 1, 1, 2}, 40 * ms},
		{"code 1, odd", []byte{ms20 | 1, 1, 2, 3}, 0},
		{"code 1, largest", join([]byte{ms60 | 1}, zeros(2550)), 120 * ms},
		{"code 1, too large", join([]byte{ms20 | 1}, zeros(2552)), 0},

		{"code 2, no length", []byte{ms20 | 2}, 0},
		{"code 2, both empty", []byte{ms20 | 2, 0}, 40 * ms},
		{"code 2, short first", []byte{ms20 | 2, 1, 9, 8, 7}, 40 * ms},
		{"code 2, first longer than the packet", []byte{ms20 | 2, 4, 9, 8, 7}, 0},
		{"code 2, half a length", []byte{ms20 | 2, 252}, 0},
		{"code 2, two-byte length", join([]byte{ms20 | 2, 252, 1}, zeros(256)), 40 * ms},
		{"code 2, two-byte length, a byte short", join([]byte{ms20 | 2, 252, 1}, zeros(255)), 0},
		{"code 2, second too large", join([]byte{ms20 | 2, 0}, zeros(1276)), 0},
	}
}

func opusManyTests() []opusTest {
	return []opusTest{
		{"code 3, no count", []byte{ms20 | 3}, 0},
		{"code 3, no frames", []byte{ms20 | 3, 0}, 0},
		{"code 3, 48 frames", []byte{ms2x5 | 3, 48}, 120 * ms},
		{"code 3, 49 frames", []byte{ms2x5 | 3, 49}, 0},
		{"code 3, six of 20 ms", []byte{ms20 | 3, 6}, 120 * ms},
		{"code 3, seven of 20 ms", []byte{ms20 | 3, 7}, 0},

		{"code 3, equal", []byte{ms20 | 3, 3, 1, 2, 3, 4, 5, 6}, 60 * ms},
		{"code 3, not equal", []byte{ms20 | 3, 3, 1, 2, 3, 4, 5}, 0},
		{"code 3, equal, too large", join([]byte{ms20 | 3, 2}, zeros(2552)), 0},

		{"code 3, variable", []byte{ms20 | 3, vbr | 3, 1, 2, 9, 8, 8, 7, 7, 7}, 60 * ms},
		{"code 3, variable, one frame", []byte{ms20 | 3, vbr | 1, 9, 9}, 20 * ms},
		{"code 3, variable, last empty", []byte{ms20 | 3, vbr | 2, 1, 9}, 40 * ms},
		{"code 3, variable, no length", []byte{ms20 | 3, vbr | 3, 1}, 0},
		{"code 3, variable, half a length", []byte{ms20 | 3, vbr | 2, 253}, 0},
		{"code 3, variable, sum longer than the packet", []byte{ms20 | 3, vbr | 3, 2, 2, 9, 9, 8}, 0},
		{"code 3, variable, last too large", join([]byte{ms20 | 3, vbr | 2, 0}, zeros(1276)), 0},

		{"code 3, padding", []byte{ms20 | 3, pad | 2, 2, 9, 8, 0, 0}, 40 * ms},
		{"code 3, padding of none", []byte{ms20 | 3, pad | 2, 0, 9, 8}, 40 * ms},
		{"code 3, padding is all", []byte{ms20 | 3, pad | 2, 2, 0, 0}, 40 * ms},
		{"code 3, padding breaks equality", []byte{ms20 | 3, pad | 2, 1, 9, 8, 0}, 40 * ms},
		{"code 3, padding without its length", []byte{ms20 | 3, pad | 2}, 0},
		{"code 3, padding longer than the packet", []byte{ms20 | 3, pad | 2, 3, 0, 0}, 0},
		{"code 3, padding of 254", join([]byte{ms20 | 3, pad | 2, 255, 0, 9, 8}, zeros(254)), 40 * ms},
		{"code 3, padding of 253 for 254", join([]byte{ms20 | 3, pad | 2, 255, 0}, zeros(253)), 0},
		{"code 3, padding of 255s only", []byte{ms20 | 3, pad | 2, 255, 255}, 0},
		{"code 3, variable with padding", []byte{ms20 | 3, pad | vbr | 2, 2, 1, 9, 8, 8, 0, 0}, 40 * ms},
		{"code 3, padding eats a frame", []byte{ms20 | 3, pad | vbr | 2, 3, 2, 9, 0, 0, 0}, 0},
	}
}

func TestOpusDuration(t *testing.T) {
	for _, tt := range append(opusTests(), opusManyTests()...) {
		t.Run(tt.name, func(t *testing.T) {
			got, err := opusDuration(tt.packet)
			if (err != nil) != (tt.want == 0) || got != tt.want {
				t.Errorf("got %v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func FuzzOpusDuration(f *testing.F) {
	for _, packet := range loadClip(f).packets[:4] {
		f.Add(packet)
	}
	f.Add([]byte{31<<3 | 3, 0xc2, 2, 1, 9, 8, 8, 0, 0})
	f.Fuzz(func(t *testing.T, packet []byte) {
		d, err := opusDuration(packet)
		switch {
		case err != nil && d != 0:
			t.Errorf("%v with an error: %v", d, err)
		case err == nil && (d < 2500*time.Microsecond || d > maxOpusPacket || d%(2500*time.Microsecond) != 0):
			t.Errorf("a packet of %v", d)
		}
	})
}
