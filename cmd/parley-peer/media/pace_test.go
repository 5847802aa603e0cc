package media

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestPace(t *testing.T) {
	const interval = 20 * time.Millisecond
	tests := []struct {
		name  string
		delay func(n int) time.Duration // that the n-th beat takes
		want  int                       // beats in a minute, the first at once
	}{
		{"quick", func(int) time.Duration { return 0 }, 3000},
		{"each a little late", func(int) time.Duration { return 7 * time.Millisecond }, 3000},
		{"some take three beats, made up for", func(n int) time.Duration {
			if n%10 == 0 {
				return 3 * interval
			}
			return 0
		}, 3000},
		{"one sleeps half a minute, left out", func(n int) time.Duration {
			if n == 1 {
				return 30 * time.Second
			}
			return 0
		}, 1501},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute-time.Nanosecond)
				defer cancel()
				n := 0
				pace(ctx, interval, func() {
					n++
					time.Sleep(tt.delay(n))
				})
				if n != tt.want {
					t.Errorf("%d beats, want %d", n, tt.want)
				}
			})
		})
	}
}

func TestVideoLoop(t *testing.T) {
	var frames []frame
	for i := range byte(20) {
		frames = append(frames, frame{data: []byte{i}, key: i%10 == 0})
	}
	var request atomic.Bool
	loop := videoLoop{frames: frames}
	expect := func(want ...byte) {
		t.Helper()
		for _, w := range want {
			if got := loop.next(&request)[0]; got != w {
				t.Fatalf("frame %d, want %d", got, w)
			}
		}
	}
	expect(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
	request.Store(true)
	expect(0, 1, 2) // the next key frame is the first one
	if request.Load() {
		t.Error("the request was not taken")
	}
	request.Store(true)
	expect(3, 4, 5, 10, 11) // not sooner than the gap
	request.Store(true)
	expect(12, 13, 14, 15, 0)
	expect(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
}
