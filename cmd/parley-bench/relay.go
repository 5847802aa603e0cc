package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// relay is the workload of a signaling server's main task: pairs of clients, each answering a candidate with the next. One
// message of a pair is on its way at any time. It counts messages that have arrived, and times round trips.
type relay struct {
	pairs int
	size  int           // bytes of a message, without seq and ack
	every time.Duration // from one round trip of a pair to the next; 0: as soon as may be
}

func (w relay) title() string {
	if w.every > 0 {
		return fmt.Sprintf("%d pairs over wss, a candidate of %d bytes and its answer every %v", w.pairs, w.size, w.every)
	}
	return fmt.Sprintf("%d pairs over wss, each client answering a candidate of %d bytes with the next", w.pairs, w.size)
}

func (relay) unit() string { return "message" }

// The shortest and the longest message. The longest is below the limit that Parley sets by default.
const (
	minMessage = 168
	maxMessage = 60_000
)

// candidateMessage makes a message of the right length out of a candidate as browsers send them. Its end is padding, where
// browsers put further attributes.
func candidateMessage(to string, size int) []byte {
	const candidate = "candidate:1 1 udp 2122260223 192.0.2.7 54321 typ host"
	message := func(padding string) string {
		return `{"type":"candidate","to":"` + to + `","candidate":{"candidate":"` + candidate + padding + `","sdpMid":"0"}}`
	}
	padding := ""
	if missing := size - len(message("")); missing > 0 {
		padding = " ufrag " + strings.Repeat("x", missing)
		padding = padding[:missing]
	}
	return []byte(message(padding))
}

func (w relay) connect(ctx context.Context, s subject, d *dialer, r *recorder) (load, error) {
	l := &relayLoad{}
	for i := range w.pairs {
		a, b, err := s.pair(ctx, d, i, func(to string) []byte { return candidateMessage(to, w.size) })
		if err != nil {
			l.close()
			return nil, fmt.Errorf("pair %d: %w", i+1, err)
		}
		offset := w.every * time.Duration(i) / time.Duration(w.pairs) // not all at once
		l.pairs = append(l.pairs, relayPair{a, b, r.tally(), r.tally(), offset, w.every})
	}
	return l, nil
}

type relayLoad struct{ pairs []relayPair }

type relayPair struct {
	a, b           *peer
	countA, countB *tally
	offset, every  time.Duration
}

func (l *relayLoad) run(ctx context.Context) error {
	all, running := errgroup.WithContext(ctx)
	disconnect := context.AfterFunc(running, l.close) // nothing else ends a read
	defer disconnect()
	quiet := func(run func() error) func() error {
		return func() error {
			if err := run(); running.Err() == nil {
				return err
			}
			return nil // the connections were closed on purpose
		}
	}
	for _, p := range l.pairs {
		all.Go(quiet(p.ask))
		all.Go(quiet(p.answer))
	}
	return all.Wait()
}

func (l *relayLoad) close() {
	for _, p := range l.pairs {
		_ = p.a.ws.Close()
		_ = p.b.ws.Close()
	}
}

// ask sends a message whenever the one before has been answered.
func (p relayPair) ask() error {
	time.Sleep(p.offset)
	for sent := time.Now(); ; {
		if err := p.a.send(); err != nil {
			return err
		}
		if err := p.a.receive(); err != nil {
			return err
		}
		answered := time.Now()
		p.countA.count()
		p.countA.time(answered.Sub(sent))
		if p.every == 0 {
			sent = answered
			continue
		}
		time.Sleep(p.every - answered.Sub(sent))
		sent = time.Now()
	}
}

func (p relayPair) answer() error {
	for {
		if err := p.b.receive(); err != nil {
			return err
		}
		p.countB.count()
		if err := p.b.send(); err != nil {
			return err
		}
	}
}
