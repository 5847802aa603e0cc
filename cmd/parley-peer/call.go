package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"parley/cmd/parley-peer/media"
	"parley/signaling/client"
	"parley/signaling/protocol"
)

// goodbyeWithin bounds the leave of one who has nothing left to do.
const goodbyeWithin = time.Second

// farewell is how long a peer that has verified everything stays for the others to finish as well.
const farewell = 5 * time.Second

// callResult is what call found, and what --json prints.
type callResult struct {
	OK      bool         `json:"ok"`
	Room    string       `json:"room"`
	Self    string       `json:"self,omitempty"`
	Stage   string       `json:"stage,omitempty"`   // where it failed: connect, join, peers, negotiation, connection, media, data
	Problem string       `json:"problem,omitempty"` // and how
	Peers   []peerResult `json:"peers"`
	Elapsed int64        `json:"elapsed"` // ms
}

// stageError says at which stage a call has failed.
type stageError struct {
	stage string
	err   error
}

func (e *stageError) Error() string { return e.stage + ": " + e.err.Error() }
func (e *stageError) Unwrap() error { return e.err }

// call is one run of the command call.
type call struct {
	peer   peerSettings
	expect int

	mu sync.Mutex
	// Guarded by mu.
	callers map[string]*caller
	enough  chan struct{} // closed when as many as expected are verified
}

// run joins, calls, verifies and leaves, within ctx.
func (c *call) run(ctx context.Context) callResult {
	began := time.Now()
	c.callers, c.enough = map[string]*caller{}, make(chan struct{})
	result := callResult{Room: c.peer.Room, Peers: []peerResult{}}
	err := c.verify(ctx, &result)
	result.Elapsed = time.Since(began).Milliseconds()
	result.OK = err == nil
	var stage *stageError
	if errors.As(err, &stage) {
		result.Stage, result.Problem = stage.stage, stage.err.Error()
	}
	return result
}

func (c *call) verify(ctx context.Context, result *callResult) error {
	joined, err := c.peer.join(ctx)
	if err != nil {
		return err
	}
	defer joined.Close()
	result.Self = joined.Self()
	if c.expect == 0 {
		return c.peer.leave(ctx, joined)
	}
	clip, err := media.LoadClip()
	if err != nil {
		return &stageError{"media", err}
	}
	sender, err := media.NewSender(ctx, clip, "parley-peer")
	if err != nil {
		return &stageError{"media", err}
	}
	defer sender.Close()
	api, err := c.peer.api()
	if err != nil {
		return &stageError{"media", err}
	}
	m := &meeting{client: joined, api: api, relay: c.peer.RelayOnly, logf: c.peer.logf}
	m.content = func(l *link) (content, error) { return c.newCaller(ctx, l, sender, clip), nil }

	// The room outlives ctx, so that what happened can still be looked at, and said goodbye to, when it has ended.
	lasting := context.WithoutCancel(ctx)
	room, leaveRoom := context.WithCancel(lasting)
	var ended error
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		ended = m.run(room)
	}()
	err = c.wait(ctx, gone, &ended)
	result.Peers = c.results()
	if err == nil {
		c.sayFarewell(ctx)
		c.report(ctx, joined, result.Peers)
	}
	goodbye, cancel := context.WithTimeout(lasting, goodbyeWithin)
	defer cancel()
	if leaveErr := c.peer.leave(goodbye, joined); err == nil {
		err = leaveErr
	}
	leaveRoom()
	<-gone
	return err
}

// newCaller makes the content of a link, and keeps an eye on it.
func (c *call) newCaller(ctx context.Context, l *link, sender *media.Sender, clip *media.Clip) content {
	caller := newCaller(context.WithoutCancel(ctx), l, sender, clip, func(*caller) { c.count() })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.callers[l.peer.Peer] = caller
	return caller
}

// count looks whether enough peers are verified.
func (c *call) count() {
	c.mu.Lock()
	defer c.mu.Unlock()
	verified := 0
	for _, caller := range c.callers {
		if caller.isVerified() {
			verified++
		}
	}
	select {
	case <-c.enough:
	default:
		if verified >= c.expect {
			close(c.enough)
		}
	}
}

// wait waits until enough is verified, or the session is gone because it has ended. The error says what is missing.
func (c *call) wait(ctx context.Context, gone <-chan struct{}, ended *error) error {
	select {
	case <-c.enough:
		return nil
	case <-gone:
		return &stageError{"join", fmt.Errorf("the server ended the session: %w", cmp.Or(*ended, client.ErrClosed))}
	case <-ctx.Done():
	}
	for _, r := range c.results() {
		if !r.Verified {
			return &stageError{r.Stage, errors.New(r.Problem)}
		}
	}
	return &stageError{"peers", fmt.Errorf("%d of %d peers were verified, and no other came to room %q",
		len(c.results()), c.expect, c.peer.Room)}
}

func (c *call) results() []peerResult {
	c.mu.Lock()
	defer c.mu.Unlock()
	results := []peerResult{}
	for _, caller := range c.callers {
		results = append(results, caller.result())
	}
	return results
}

// sayFarewell waits a while for the others to verify this peer: they would fail if it just left.
func (c *call) sayFarewell(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	c.mu.Lock()
	callers := make([]*caller, 0, len(c.callers))
	for _, caller := range c.callers {
		callers = append(callers, caller)
	}
	c.mu.Unlock()
	for _, caller := range callers {
		select {
		case <-caller.probe.released:
		case <-caller.link.ended:
		case <-ctx.Done():
			return
		}
	}
}

// report tells the server how the calls went.
func (c *call) report(ctx context.Context, joined *client.Client, results []peerResult) {
	for _, r := range results {
		if !r.Verified {
			continue
		}
		_, err := joined.Report(ctx, protocol.Report{
			About: r.Peer, State: "connected", Path: r.Pair.Path, Elapsed: uint64(r.Steps.Connected),
		})
		if err != nil {
			c.peer.logf("report: %v", err)
		}
	}
}
