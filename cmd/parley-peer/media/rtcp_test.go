package media

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
)

// rtcpFunc is an RTCPWriter.
type rtcpFunc func([]rtcp.Packet) error

func (f rtcpFunc) WriteRTCP(packets []rtcp.Packet) error { return f(packets) }

func TestKeepAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+time.Millisecond)
		defer cancel()
		start := time.Now()
		asked := 0
		writer := rtcpFunc(func(packets []rtcp.Packet) error {
			asked++
			pli, ok := packets[0].(*rtcp.PictureLossIndication)
			if len(packets) != 1 || !ok || pli.MediaSSRC != 7 {
				t.Errorf("asked with %v", packets)
			}
			return io.ErrClosedPipe // nobody minds
		})
		keepAsking(ctx, writer, 7, func() bool { return time.Since(start) < 3500*time.Millisecond })
		if asked != 4 {
			t.Errorf("asked %d times, want at once and after 1, 2 and 3 s", asked)
		}
	})
}

func TestUntilEnd(t *testing.T) {
	odd := errors.New("odd packet")
	many := make([]error, 3*maxBadReads)
	for i := range many {
		many[i] = odd
	}
	mixed := append([]error(nil), many...)
	mixed[50], mixed[140], mixed[230] = nil, nil, nil
	tests := []struct {
		name string
		errs []error
		want int
	}{
		{"end of stream", []error{nil, nil, io.EOF, nil}, 3},
		{"closed", []error{nil, io.ErrClosedPipe, nil}, 2},
		{"one odd packet", []error{nil, odd, nil, io.EOF}, 4},
		{"only errors", many, maxBadReads},
		{"errors with some good packets", append(mixed[:260], io.EOF), 261},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := 0
			untilEnd(t.Context(), func() error {
				n++
				return tt.errs[n-1]
			})
			if n != tt.want {
				t.Errorf("read %d times, want %d", n, tt.want)
			}
		})
	}
	t.Run("context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var n atomic.Int32
		untilEnd(ctx, func() error {
			if n.Add(1) == 3 {
				cancel()
			}
			return nil
		})
		if n.Load() != 3 {
			t.Errorf("read %d times after the end", n.Load()-3)
		}
	})
}
