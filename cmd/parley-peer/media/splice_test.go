package media

import (
	"testing"
	"time"

	"github.com/pion/rtp"
)

var (
	keyStart = []byte{0x10, 0x00} // a VP8 payload descriptor with S, then a key frame's first byte
	deltas   = []byte{0x10, 0x01}
	middle   = []byte{0x00, 0x00}
)

func TestStartsKeyFrame(t *testing.T) {
	for name, tt := range map[string]struct {
		payload []byte
		want    bool
	}{
		"key":                  {keyStart, true},
		"key with picture ID":  {[]byte{0x90, 0x80, 0x81, 0x02, 0x00}, true},
		"delta":                {deltas, false},
		"later packet":         {middle, false},
		"later partition":      {[]byte{0x11, 0x00}, false},
		"padding":              {nil, false},
		"descriptor only":      {[]byte{0x10}, false},
		"cut in descriptor":    {[]byte{0x90, 0x80}, false},
		"extension is missing": {[]byte{0x90}, false},
	} {
		if got := startsKeyFrame(tt.payload); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

type spliceStep struct {
	change  bool
	payload []byte
	seq     uint16
	at      uint32        // RTP time
	after   time.Duration // since the step before
	drop    bool
	wantSeq uint16
	wantAt  uint32
}

type spliceTest struct {
	name  string
	keyed bool
	steps []spliceStep
}

func spliceTests() []spliceTest {
	return []spliceTest{
		{"one source goes through as it is", false, []spliceStep{
			{seq: 65535, at: 1000, wantSeq: 65535, wantAt: 1000},
			{seq: 1, at: 2920, wantSeq: 1, wantAt: 2920}, // a gap
			{seq: 0, at: 1960, wantSeq: 0, wantAt: 1960}, // and what was missing
			{seq: 1, at: 2920, wantSeq: 1, wantAt: 2920}, // twice
		}},
		{"the next source goes on", false, []spliceStep{
			{seq: 100, at: 5000, wantSeq: 100, wantAt: 5000},
			{change: true, seq: 40000, at: 7, after: time.Second, wantSeq: 101, wantAt: 53000},
			{seq: 40002, at: 967, wantSeq: 103, wantAt: 53960},
			{seq: 40001, at: 487, wantSeq: 102, wantAt: 53480},
			{seq: 39999, at: 0, drop: true}, // its number is the first source's
			{change: true, seq: 0, at: 0, wantSeq: 104, wantAt: 53961},
		}},
		{"around the end of the numbers", false, []spliceStep{
			{seq: 65535, at: 4294967295, wantSeq: 65535, wantAt: 4294967295},
			{change: true, seq: 9, at: 9, wantSeq: 0, wantAt: 0},
			{seq: 10, at: 10, wantSeq: 1, wantAt: 1},
		}},
		{"video begins at a key frame", true, []spliceStep{
			{payload: deltas, seq: 1, at: 1, drop: true},
			{payload: middle, seq: 2, at: 2, drop: true},
			{payload: keyStart, seq: 3, at: 3, wantSeq: 3, wantAt: 3},
			{payload: deltas, seq: 4, at: 4, wantSeq: 4, wantAt: 4},
			{payload: deltas, seq: 2, at: 2, drop: true},
			{change: true, payload: deltas, seq: 500, at: 9000, drop: true},
			{payload: nil, seq: 501, at: 9000, drop: true},
			{payload: keyStart, seq: 502, at: 9001, wantSeq: 5, wantAt: 5},
			{payload: nil, seq: 503, at: 9001, wantSeq: 6, wantAt: 5}, // padding keeps its number
		}},
	}
}

func TestSplice(t *testing.T) {
	for _, tt := range spliceTests() {
		t.Run(tt.name, func(t *testing.T) {
			s := splice{rate: opusClock, keyed: tt.keyed}
			now := time.Unix(0, 0)
			for i, st := range tt.steps {
				now = now.Add(st.after)
				if st.change {
					s.change()
				}
				in := &rtp.Packet{Payload: st.payload, Header: rtp.Header{SequenceNumber: st.seq, Timestamp: st.at}}
				out, ok := s.next(in, now)
				switch {
				case ok == st.drop:
					t.Fatalf("step %d: sent %t", i, ok)
				case ok && (out.SequenceNumber != st.wantSeq || out.Timestamp != st.wantAt):
					t.Fatalf("step %d: number %d time %d, want %d, %d",
						i, out.SequenceNumber, out.Timestamp, st.wantSeq, st.wantAt)
				}
			}
		})
	}
}

func TestSpliceGoesRoundManyTimes(t *testing.T) {
	s := splice{rate: opusClock}
	for i := range 200_000 {
		in := &rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(i), Timestamp: uint32(i)}}
		if out, ok := s.next(in, time.Unix(0, 0)); !ok || out.SequenceNumber != uint16(i) {
			t.Fatalf("packet %d: %v, %t", i, out, ok)
		}
	}
}

func TestSpliceStripsWhatWasAgreedWithTheSource(t *testing.T) {
	in := &rtp.Packet{Payload: []byte{1}, Header: rtp.Header{
		Marker: true, CSRC: []uint32{9}, Padding: true, PaddingSize: 4,
	}}
	if err := in.SetExtension(1, []byte{7}); err != nil {
		t.Fatal(err)
	}
	s := splice{rate: opusClock}
	out, ok := s.next(in, time.Unix(0, 0))
	if !ok || out.Extension || len(out.Extensions) != 0 || len(out.CSRC) != 0 {
		t.Errorf("sent %v", out)
	}
	if !out.Marker || !out.Padding || out.Header.PaddingSize != 4 {
		t.Errorf("lost something: %v", out)
	}
}
