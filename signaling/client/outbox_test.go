package client

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// Whatever is refused, acknowledged and lost on the way: each message is received exactly once, and in order where nothing
// was refused in the middle of what was in flight.
func TestOutbox(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 0))
		var o outbox
		now := time.Unix(0, 0)
		var got []uint64  // ids, as received
		var last uint64   // the highest number that the server has seen
		var wire []*entry // in flight
		var sent uint64
		for sent < 200 || len(o.sent)+len(o.again) > 0 {
			now = now.Add(10 * time.Millisecond)
			switch n := random.IntN(10); {
			case n < 3 && sent < 200 && len(o.again) == 0:
				sent++
				o.add(&entry{kind: "message", to: "a", body: []byte(`{"type":"message"`)})
			case n < 6:
				if e := o.take(); e != nil {
					wire = append(wire, &entry{id: e.id, seq: e.seq})
				}
			case n < 8 && len(wire) > 0:
				e := wire[0]
				wire = wire[1:]
				if e.seq <= last {
					break
				}
				last = e.seq
				inFlight := len(wire) > 0 || o.next < o.after(o.written) // or will be repeated
				if !inFlight && random.IntN(4) == 0 {
					if !o.refuse(e.seq, now.Add(time.Second)) {
						t.Fatalf("seed %d: %d is not known", seed, e.seq)
					}
				} else {
					got = append(got, e.id)
				}
			case n == 8 && !o.acknowledge(last):
				t.Fatalf("seed %d: %d was never written", seed, last)
			case n == 9 && random.IntN(5) == 0:
				wire = nil // the connection is lost
				if !o.resumed(last - min(last, uint64(random.IntN(3)))) {
					t.Fatalf("seed %d: resume", seed)
				}
			}
			if e, at := o.resendAt(); e != nil && !now.Before(at) {
				o.resend()
			}
		}
		if uint64(len(got)) != sent || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Fatalf("seed %d: received %v", seed, got)
		}
	}
}

func TestOutboxRemembersIDs(t *testing.T) {
	var o outbox
	now := time.Unix(0, 0)
	for range 3 * rememberIDs {
		o.add(&entry{body: []byte(`{"a":1`)})
		e := o.take()
		if !o.refuse(e.seq, now) {
			t.Fatal("not known")
		}
		o.resend()
		if e = o.take(); o.id(e.seq) != e.id || e.seq == e.id {
			t.Fatalf("seq %d is known as %d, want %d", e.seq, o.id(e.seq), e.id)
		}
		if !o.acknowledge(e.seq) {
			t.Fatal("never written")
		}
	}
	if len(o.first) > rememberIDs+1 || len(o.kept) > keepAcked {
		t.Errorf("%d ids and %d messages are kept", len(o.first), len(o.kept))
	}
}

func TestBackoffIsWithinItsCeiling(t *testing.T) {
	tests := []struct {
		attempt int
		ceiling time.Duration
		random  float64
		want    time.Duration
	}{
		{0, retryCeiling, 0, 0},
		{0, retryCeiling, 0.5, 250 * time.Millisecond},
		{3, retryCeiling, 1, 4 * time.Second},
		{3, graceCeiling, 1, 3 * time.Second},
		{1000000, retryCeiling, 1, 30 * time.Second},
	}
	for _, test := range tests {
		if got := backoff(test.attempt, test.ceiling, test.random); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

func TestSeconds(t *testing.T) {
	for n, want := range map[int]time.Duration{-1: 0, 0: 0, 5: 5 * time.Second, 1 << 60: time.Hour} {
		if got := seconds(n, time.Hour); got != want {
			t.Errorf("%d: %v, want %v", n, got, want)
		}
	}
}
