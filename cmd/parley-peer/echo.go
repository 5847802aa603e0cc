package main

import (
	"context"
	"errors"

	"github.com/pion/webrtc/v4"

	"parley/cmd/parley-peer/media"
	"parley/signaling/client"
)

// echoer is the content of a call that sends the other side's media and data back.
type echoer struct {
	echo *media.Echo
}

// runEcho stays in the room until ctx ends.
func runEcho(ctx context.Context, s *peerSettings) error {
	joined, err := s.join(ctx)
	if err != nil {
		return err
	}
	defer joined.Close()
	api, err := s.api()
	if err != nil {
		return &stageError{"media", err}
	}
	m := &meeting{client: joined, api: api, relay: s.RelayOnly, logf: s.logf}
	m.content = func(*link) (content, error) {
		echo, err := media.NewEcho(context.WithoutCancel(ctx), "parley-echo")
		return &echoer{echo}, err
	}
	err = m.run(ctx)
	if ctx.Err() == nil {
		return &stageError{"join", errors.Join(errors.New("the server ended the session"), err)}
	}
	farewellCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := joined.Leave(farewellCtx); err != nil && !errors.Is(err, client.ErrClosed) {
		s.logf("leave: %v", err)
	}
	return nil
}

func (e *echoer) attach(pc *webrtc.PeerConnection, _ *webrtc.DataChannel) error {
	pc.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) { e.echo.Track(t, r, pc) })
	pc.OnDataChannel(func(other *webrtc.DataChannel) {
		other.OnMessage(func(m webrtc.DataChannelMessage) { e.receive(other, m) })
	})
	return e.echo.AddTo(pc)
}

func (e *echoer) receive(channel *webrtc.DataChannel, m webrtc.DataChannelMessage) {
	if m.IsString {
		_ = channel.SendText(string(m.Data)) // a channel that has closed is the link's to notice
	} else {
		_ = channel.Send(m.Data)
	}
}

func (e *echoer) close() { e.echo.Close() }
