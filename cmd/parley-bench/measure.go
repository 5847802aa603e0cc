package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// measurement is one subject under one workload in one window of time.
type measurement struct {
	count   uint64        // what the workload counts
	elapsed time.Duration // the window

	cpu      time.Duration // of the server
	nats     time.Duration // the CPU of NATS, where there is one
	cpuCount uint64        // what was counted while it spent that; 0: not known yet
	busy     float64       // the server's cores in use, 1 for each; 0 where that is unknown
	loadBusy float64       // the same for the clients

	p50, p99 time.Duration
}

func (m measurement) perSecond() float64 { return float64(m.count) / m.elapsed.Seconds() }

// cpuPerMillion is in seconds.
func (m measurement) cpuPerMillion() float64 { return m.cpu.Seconds() / float64(m.cpuCount) * 1e6 }

// natsPerMillion is in seconds too.
func (m measurement) natsPerMillion() float64 { return m.nats.Seconds() / float64(m.cpuCount) * 1e6 }

// String is the line of progress.
func (m measurement) String() string {
	return fmt.Sprintf("%.0f a second, %.2f CPU seconds a million", m.perSecond(), m.cpuPerMillion())
}

// errNothing is what a measurement of nothing gives, instead of figures that are not numbers.
var errNothing = errors.New("nothing was relayed")

// measure starts a server of the subject's, brings the workload up to it, and measures one window. idle keeps what the
// server's start and end cost, where that has to be known; 0 until it is.
func (b *bench) measure(ctx context.Context, w workload, s subject, idle *time.Duration) (measurement, error) {
	counted := newRecorder()
	var m measurement
	whole, err := b.serve(ctx, w, s, counted, func(of processes, l load) (err error) {
		m, err = b.window(ctx, of, l, counted)
		return err
	})
	if err != nil {
		return measurement{}, err
	}
	if m.cpuCount == 0 {
		// This system tells the CPU time of another process only when it has ended: from all of it, what a life without
		// any load costs is taken off.
		if *idle == 0 {
			if *idle, err = b.serve(ctx, w, s, newRecorder(), func(processes, load) error { return nil }); err != nil {
				return measurement{}, err
			}
		}
		m.cpu, m.cpuCount = whole-*idle, counted.total()
	}
	if m.count == 0 || m.cpu <= 0 {
		return measurement{}, fmt.Errorf("%w that could be measured in %v", errNothing, b.duration)
	}
	return m, nil
}

// serve runs a server with connected clients for as long as f does, and gives all the CPU time that it used.
func (b *bench) serve(ctx context.Context, w workload, s subject, r *recorder, f func(of processes, l load) error) (time.Duration, error) {
	server, err := b.start(ctx, s)
	if err != nil {
		return 0, err
	}
	l, err := w.connect(ctx, s, server.dialer, r)
	if err == nil {
		err = f(server.processes(), l)
		l.close()
	}
	whole := server.stop()
	if err != nil {
		return 0, fmt.Errorf("%w%s", err, server.lastWords())
	}
	return whole, nil
}

// reading is what stands on the clocks and counters at one moment.
type reading struct {
	at        time.Time
	cpu, load time.Duration
	nats      time.Duration
	cpuErr    error
	counts    []uint64
}

func (b *bench) read(of processes, r *recorder) (now reading) {
	now.counts = r.counts()
	now.cpu, now.nats, now.cpuErr = b.cpu(of)
	now.load, _ = b.cpuTime(os.Getpid()) // fails where the server's does
	now.at = time.Now()
	return now
}

// window lets the load run, at first without a look at it: pages are touched, stacks grow, the first collections happen.
func (b *bench) window(ctx context.Context, of processes, l load, r *recorder) (measurement, error) {
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- l.run(running)
		close(ended)
	}()
	var begin, end reading
	err := during(ctx, min(b.duration/4, time.Second), ended)
	if err == nil {
		r.recording.Store(true)
		begin = b.read(of, r)
		err = during(ctx, b.duration, ended)
		end = b.read(of, r)
		r.recording.Store(false)
	}
	stop()
	if err = errors.Join(err, <-ended); err != nil {
		return measurement{}, err
	}
	return between(begin, end, r)
}

// during waits, unless the load fails before.
func during(ctx context.Context, d time.Duration, ended <-chan error) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case err := <-ended:
		if err == nil && ctx.Err() == nil {
			err = errors.New("the load ended by itself")
		}
		return errors.Join(err, ctx.Err())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fairShare is the mean of the counters above which one that stood still has been forgotten by the server.
const fairShare = 1000

func between(begin, end reading, r *recorder) (measurement, error) {
	var m measurement
	still := 0
	for i := range end.counts {
		n := end.counts[i] - begin.counts[i]
		m.count += n
		if n == 0 {
			still++
		}
	}
	if still > 0 && m.count/uint64(len(end.counts)) >= fairShare {
		return m, fmt.Errorf("%d of %d clients got nothing while the others did", still, len(end.counts))
	}
	m.elapsed = end.at.Sub(begin.at)
	if err := errors.Join(begin.cpuErr, end.cpuErr); err == nil {
		m.cpu, m.cpuCount = end.cpu-begin.cpu, m.count
		m.nats = end.nats - begin.nats
		m.busy = m.cpu.Seconds() / m.elapsed.Seconds()
		m.loadBusy = (end.load - begin.load).Seconds() / m.elapsed.Seconds()
	} else if !errors.Is(err, errors.ErrUnsupported) {
		return m, err
	}
	h := r.latencies()
	m.p50, m.p99 = h.quantile(0.5), h.quantile(0.99)
	return m, nil
}
