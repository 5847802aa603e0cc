package media

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

const (
	// keyFrameEvery is how often a key frame is asked for while none has come.
	keyFrameEvery = time.Second
	// maxBadReads ends the reading of a stream that gives one error after another.
	maxBadReads = 100
)

// RTCPWriter sends RTCP to the source of a remote track. A *webrtc.PeerConnection is one.
type RTCPWriter interface {
	WriteRTCP(packets []rtcp.Packet) error
}

// requestKeyFrame asks the source of an SSRC for a key frame. An error means that the connection is not up or is gone,
// and either way there is nobody to tell: the reader of the stream finds out by itself.
func requestKeyFrame(w RTCPWriter, ssrc webrtc.SSRC) {
	_ = w.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(ssrc)}})
}

// keepAsking asks for a key frame at once and then every second, whenever wanted says so, until ctx ends.
func keepAsking(ctx context.Context, w RTCPWriter, ssrc webrtc.SSRC, wanted func() bool) {
	ticker := time.NewTicker(keyFrameEvery)
	defer ticker.Stop()
	for {
		if wanted() {
			requestKeyFrame(w, ssrc)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// watchRequests reads a sender's RTCP, which also feeds pion's interceptors (retransmission, reports), and calls
// onRequest whenever the receiver asks for a key frame. It returns when the sender is stopped or ctx ends; it stops
// the sender then, because a sender that was never negotiated can be woken by nothing else.
func watchRequests(ctx context.Context, sender *webrtc.RTPSender, onRequest func()) {
	stopped := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-ctx.Done():
			_ = sender.Stop() // only fails to write a farewell to a connection that is gone
		case <-ended:
		}
	}()
	defer func() {
		close(ended)
		<-stopped
	}()
	untilEnd(ctx, func() error {
		packets, _, err := sender.ReadRTCP()
		for _, p := range packets {
			switch p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				onRequest()
			}
		}
		return err
	})
}

// untilEnd calls read until the stream it reads, or ctx, has ended. Other errors concern one packet and are passed
// over, unless nothing but errors comes.
func untilEnd(ctx context.Context, read func() error) {
	for bad := 0; bad < maxBadReads && ctx.Err() == nil; {
		err := read()
		switch {
		case err == nil:
			bad = 0
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrClosedPipe):
			return
		default:
			bad++
		}
	}
}
