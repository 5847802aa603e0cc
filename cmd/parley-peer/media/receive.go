package media

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// errClosed is what a closed Sender or Echo answers.
var errClosed = errors.New("media: closed")

// rtcpSize is more than an RTCP packet that came in one datagram over any usual network has.
const rtcpSize = 1500

// receive reads a remote track and hands each packet to handle, until the track ends or ctx does. It reads the
// receiver's RTCP as well, which nobody looks at but which pion's interceptors need for their reports. One reader a
// track: it must not be read elsewhere.
func receive(ctx context.Context, remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver, handle func(*rtp.Packet)) {
	ctx, cancel := context.WithCancel(ctx)
	var joined sync.WaitGroup
	defer func() {
		cancel()
		joined.Wait()
	}()
	// By RID, which is empty when there is one encoding: a receiver of several knows no other way to tell them apart, and
	// its plain Read panics when the first encoding is not the one that sends.
	rid := remote.RID()
	joined.Go(func() {
		<-ctx.Done()
		// A deadline long past wakes both readers. It can only fail on streams that are gone, whose readers are awake.
		past := time.Unix(1, 0)
		_ = remote.SetReadDeadline(past)
		_ = receiver.SetReadDeadlineSimulcast(past, rid)
	})
	joined.Go(func() {
		buffer := make([]byte, rtcpSize)
		untilEnd(ctx, func() error {
			_, _, err := receiver.ReadSimulcast(buffer, rid)
			return err
		})
	})
	untilEnd(ctx, func() error {
		packet, _, err := remote.ReadRTP()
		if err == nil {
			handle(packet)
		}
		return err
	})
}
