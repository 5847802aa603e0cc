package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// loadCommand are the flags of the command load.
type loadCommand struct {
	peerSettings `embed:""`
	Pairs        int           `default:"10" env:"PARLEY_PAIRS" help:"Pairs of clients. Each has a room of its own, named --room and a number."`
	Duration     time.Duration `default:"10s" env:"PARLEY_DURATION" help:"For how long they send; 0: until interrupted."`
	Rate         float64       `default:"10" env:"PARLEY_RATE" help:"Messages a second of each client."`
	Cut          time.Duration `default:"0" env:"PARLEY_CUT" help:"Cut each connection at random, about this often; 0: never."`
	Node         []string      `env:"PARLEY_NODE" placeholder:"ADDRESS" help:"HOST:PORT of a further node of the service; each connection goes to the next of all. Repeatable."`
}

// The messages a second that a client's goroutine can pace.
const (
	minRate = 0.001
	maxRate = 10_000
)

func (c *loadCommand) run(ctx context.Context, out *printer) int {
	switch {
	case c.Pairs < 1:
		return out.usage("--pairs must be at least 1")
	case !(c.Rate >= minRate && c.Rate <= maxRate):
		return out.usage(fmt.Sprintf("--rate must be %v to %v", minRate, maxRate))
	case c.Duration < 0 || c.Cut < 0:
		return out.usage("--duration and --cut must not be negative")
	}
	if c.Room == "" {
		c.Room = "load-" + strings.ToLower(rand.Text()[:8])
	}
	l := &load{
		settings: c.peerSettings, pairs: c.Pairs, rate: c.Rate, duration: c.Duration,
		nodes: nodeAddresses(c.URL, c.Node), cutter: &cutter{mean: c.Cut}, patience: usualPatience, progress: out.logger(true, ""),
	}
	l.settings.logf = out.logger(c.Verbose, "")
	return out.loaded(c.JSON, l.run(ctx))
}

// patience is how long a run waits for what.
type patience struct {
	join   time.Duration // for everyone to have joined
	settle time.Duration // for what is in flight at the end, as long as nothing of it arrives
	tail   time.Duration // the same, where only what later messages have overtaken is missing
	leave  time.Duration // for everyone to have left
	slack  time.Duration // beyond the grace time, for a room to be empty
	hurry  time.Duration // in place of settle and leave, once the run is interrupted
}

var usualPatience = patience{
	join: 30 * time.Second, settle: 10 * time.Second, tail: 2 * time.Second, leave: 5 * time.Second, slack: 5 * time.Second,
	hurry: 700 * time.Millisecond,
}

const (
	progressEvery = 5 * time.Second
	settleEvery   = 20 * time.Millisecond // how often it is looked whether all is settled
	atOnce        = 16                    // clients that join or leave at the same time
)

// load is one run of the command load: pairs of clients that send each other numbered messages while their connections are
// cut, and an account of every message.
type load struct {
	// Static after construction.
	settings peerSettings // Room is how the rooms' names begin
	nodes    []string     // the addresses of all nodes, none where there is only one
	pairs    int
	rate     float64
	duration time.Duration
	cutter   *cutter
	patience patience
	progress func(format string, args ...any)

	id          string // tells this run's messages and clients from everyone else's
	authorities []byte
	peers       []*loadPeer // two by two
	living      sync.WaitGroup

	limits           limits
	resumes, rejoins atomic.Uint64
	ghosts           ghosts

	mu sync.Mutex
	// Guarded by mu.
	grace  time.Duration // the longest that the server has told
	faulty error         // a server that broke the protocol or would not have a client back: the first time
}

// run joins, sends, cuts, waits for what is in flight, leaves, and looks into every room. It ends a second or two after ctx.
func (l *load) run(ctx context.Context) loadResult {
	began := time.Now()
	l.id = strings.ToLower(rand.Text()[:8])
	l.limits.counts = map[string]uint64{}
	l.settings.netDial = rotate(l.nodes, 0, l.cutter.dial)
	l.makePeers()

	err := l.join(ctx)
	sending := time.Now()
	if err == nil {
		l.send(ctx)
	}
	sent := time.Since(sending)
	l.cutter.off.Store(true)
	if err == nil {
		l.settle(ctx)
		l.lookAround()
	}
	for _, p := range l.peers {
		p.sent.finish()
	}
	l.leave(ctx)
	if err == nil && ctx.Err() == nil {
		err = l.inspect(ctx, time.Now().Add(l.graceTime()+l.patience.slack))
	}
	result := l.result(err, ctx.Err() != nil)
	result.Elapsed = time.Since(began).Milliseconds()
	if sent > 0 {
		result.Rate = float64(result.Sent) / sent.Seconds() / float64(len(l.peers))
	}
	return result
}

func (l *load) makePeers() {
	for i := 1; i <= l.pairs; i++ {
		a, b := l.newPeer(i, "a"), l.newPeer(i, "b")
		a.partner, b.partner = b, a
		l.peers = append(l.peers, a, b)
	}
}

func (l *load) rooms() (rooms []string) {
	for i := 0; i < len(l.peers); i += 2 {
		rooms = append(rooms, l.peers[i].settings.Room)
	}
	return rooms
}

// join has everyone join. One who cannot join fails the run.
func (l *load) join(ctx context.Context) (err error) {
	if l.authorities, err = l.settings.authorities(); err != nil {
		return &stageError{"connect", err}
	}
	ctx, cancel := context.WithTimeout(ctx, l.patience.join)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, p := range l.peers {
		group.Go(func() error { return p.begin(ctx) })
	}
	return group.Wait()
}

// send has everyone send for the time of the run.
func (l *load) send(ctx context.Context) {
	l.progress("%d clients have joined %s to %s", len(l.peers), l.peers[0].settings.Room, l.peers[len(l.peers)-1].settings.Room)
	ctx, cancel := context.WithCancel(ctx)
	if l.duration > 0 {
		ctx, cancel = context.WithTimeout(ctx, l.duration)
	}
	defer cancel()
	var sending sync.WaitGroup
	defer sending.Wait()
	for _, p := range l.peers {
		sending.Go(func() { p.send(ctx) })
	}
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			l.progress("%s", l.progressLine())
		case <-ctx.Done():
			return
		}
	}
}

// settle waits until every message has been delivered or told, or nothing more seems to come.
func (l *load) settle(ctx context.Context) {
	interrupted, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(l.patience.hurry, cancel) })
	defer stop()
	ticker := time.NewTicker(settleEvery)
	defer ticker.Stop()
	last, since := uint64(0), time.Now()
	for {
		c := l.counts()
		enough := l.patience.settle
		if c.open == c.overtaken {
			enough = l.patience.tail
		}
		switch {
		case c.open == 0:
			return
		case c.open != last:
			last, since = c.open, time.Now()
		case time.Since(since) > enough:
			l.progress("%d messages have not come, and nothing moves", c.open)
			return
		}
		select {
		case <-ticker.C:
		case <-interrupted.Done():
			return
		}
	}
}

// leave has everyone leave, and waits until it has heard all that they had to tell.
func (l *load) leave(ctx context.Context) {
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.patience.leave)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(l.patience.hurry, cancel) })
	defer stop()
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, p := range l.peers {
		group.Go(func() error {
			p.leave(leaving)
			return nil
		})
	}
	_ = group.Wait()
	l.living.Wait()
}

func (l *load) counts() (all counts) {
	for _, p := range l.peers {
		all.add(p.sent.totals())
	}
	return all
}

func (l *load) graceTime() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.grace
}

// fault notes what fails the run whatever the counts are.
func (l *load) fault(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.faulty == nil {
		l.faulty = err
	}
}
