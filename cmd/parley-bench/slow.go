package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/errgroup"

	"parley/signaling/protocol"
)

// crowded is the workload of --slow: pairs that leave the server time, beside whatever the subject has in another room.
type crowded struct{ relay }

// pairsEvery is the time between two round trips of a pair.
const pairsEvery = 50 * time.Millisecond

func (w crowded) connect(ctx context.Context, s subject, d *dialer, r *recorder) (load, error) {
	pairs, err := w.relay.connect(ctx, s, d, r)
	if err != nil {
		return nil, err
	}
	l := crowdedLoad{load: pairs}
	if h, ok := s.(host); ok && h.victim != nobody {
		if l.flood, err = startFlood(ctx, h, d); err != nil {
			pairs.close()
			return nil, fmt.Errorf("the flooded room: %w", err)
		}
	}
	return l, nil
}

type crowdedLoad struct {
	load
	flood *flood // nil for none
}

func (l crowdedLoad) run(ctx context.Context) error {
	err := l.load.run(ctx)
	if l.flood != nil {
		err = errors.Join(err, l.flood.failure())
	}
	return err
}

func (l crowdedLoad) close() {
	if l.flood != nil {
		l.flood.stop()
	}
	l.load.close()
}

// host is a Parley that has a room in which somebody is flooded.
type host struct {
	parley
	victim victim
}

// victim is who is flooded.
type victim int

const (
	nobody victim = iota
	reader
	neverReader
)

func (h host) name() string {
	return [...]string{"alone", "beside one who reads", "beside one who never reads"}[h.victim]
}

// The flood: enough to have one who does not read cut in half a second, through all the buffers of the two operating systems.
const (
	floodEvery = time.Millisecond
	floodBurst = 2
	floodSize  = 4 << 10 // bytes of a message
	// rejoinEvery is how long a never-reader that may have been cut stays, before it comes again.
	rejoinEvery = time.Second
	floodRoom   = "flooded"
	// victimIdentity has the victim replace itself, so that one is flooded and not many.
	victimIdentity = "the one who is flooded"
)

// flood is a sender that sends as fast as it may to somebody in its room.
type flood struct {
	host   host
	dialer *dialer
	sender *peer
	victim *websocket.Conn // owned by one goroutine once it runs

	cancel  context.CancelFunc
	running *errgroup.Group
	once    sync.Once
	refused chan struct{} // closed when the server has refused something for the victim's sake
}

// startFlood returns when the victim, if it does not read, has been found to be slow.
func startFlood(ctx context.Context, h host, d *dialer) (*flood, error) {
	f := &flood{host: h, dialer: d, refused: make(chan struct{})}
	if err := f.join(ctx); err != nil {
		return nil, err
	}
	sender, _, err := h.join(ctx, d, floodRoom, "")
	if err != nil {
		return nil, errors.Join(err, f.victim.Close())
	}
	f.sender = newPeer(sender, []byte(`{"type":"message","data":"`+strings.Repeat("x", floodSize)+`"}`))
	ctx, f.cancel = context.WithCancel(ctx)
	f.running, ctx = errgroup.WithContext(ctx)
	context.AfterFunc(ctx, func() { _ = sender.NetConn().Close() })
	f.running.Go(func() error { return f.send(ctx) })
	f.running.Go(func() error { return f.listen(ctx) })
	if h.victim == reader {
		f.running.Go(func() error { return f.read(ctx) })
		return f, nil
	}
	f.running.Go(func() error { return f.comeAgain(ctx) })
	select {
	case <-f.refused:
		return f, nil
	case <-time.After(answerWithin):
		err = errors.New("one who does not read was not found to be slow")
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	f.stop()
	return nil, err
}

// join has the victim join. Its operating system takes little for it, as one whose program hangs.
func (f *flood) join(ctx context.Context) error {
	d := *f.dialer
	d.NetDialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil && f.host.victim == neverReader {
			err = c.(*net.TCPConn).SetReadBuffer(floodSize)
		}
		return c, err
	}
	victim, _, err := f.host.join(ctx, &d, floodRoom, victimIdentity)
	if err == nil {
		f.victim = victim
	}
	return err
}

func (f *flood) send(ctx context.Context) error {
	tick := time.NewTicker(floodEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for range floodBurst {
			if err := f.sender.send(); err != nil && ctx.Err() == nil {
				return fmt.Errorf("flooding: %w", err)
			}
		}
	}
}

// listen reads what the sender is told.
func (f *flood) listen(ctx context.Context) error {
	refusal := []byte(`{"type":"` + protocol.TypeUndelivered + `"`)
	for {
		_, text, err := f.sender.ws.ReadMessage()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("the flooding sender: %w", err)
		case bytes.HasPrefix(text, refusal):
			f.once.Do(func() { close(f.refused) })
		}
	}
}

// read is the reader. Where the machine was too busy for it, it has been cut like any other, and comes again.
func (f *flood) read(ctx context.Context) error {
	for {
		f.readAll(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := f.join(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("the flooded reader: %w", err)
		}
	}
}

// readAll reads until the connection has ended.
func (f *flood) readAll(ctx context.Context) {
	connection := f.victim.NetConn()
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer stop()
	for {
		if _, _, err := f.victim.NextReader(); err != nil {
			_ = connection.Close()
			return
		}
	}
}

// comeAgain has the never-reader join anew, before it has been away for so long that there is nobody to be waited for.
func (f *flood) comeAgain(ctx context.Context) error {
	tick := time.NewTicker(rejoinEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return f.victim.NetConn().Close()
		case <-tick.C:
		}
		_ = f.victim.NetConn().Close() // the TLS farewell would wait for the server, and that one for the victim
		if err := f.join(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("the never-reader: %w", err)
		}
	}
}

// failure tells what has ended the flood early.
func (f *flood) failure() error {
	f.cancel()
	return f.running.Wait()
}

func (f *flood) stop() { _ = f.failure() }
