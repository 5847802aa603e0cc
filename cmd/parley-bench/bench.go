package main

import (
	"context"
	"fmt"
	"os/exec"
	"time"
)

// subject is a server to be measured, with what a client has to say to it.
type subject interface {
	// name is what people call it; no two subjects have the same.
	name() string
	// command gives the server's process, not started. It must choose a port of 127.0.0.1 itself, serve TLS with the
	// certificate, and log its address as an https URL to standard error.
	command(certificate) *exec.Cmd
	// pair connects two clients that reach each other through the server, and nobody else. a's messages go to b, and b's
	// to a; message makes one, addressed to a client.
	pair(ctx context.Context, d *dialer, number int, message func(to string) []byte) (a, b *peer, err error)
}

// workload is what clients do with a subject. What it counts and how long each took goes to the recorder.
type workload interface {
	// title says all that the figures depend on.
	title() string
	// unit is what it counts, of which the plural has an s.
	unit() string
	// connect does what comes before the measured time.
	connect(context.Context, subject, *dialer, *recorder) (load, error)
}

// load is a workload whose clients stand ready.
type load interface {
	// run keeps the server busy until the context ends, which is no error. It is called once at most.
	run(context.Context) error
	// close disconnects the clients.
	close()
}

// bench is one call of the program: every workload on every subject.
type bench struct {
	subjects    []subject // the first is what the others are compared with
	workloads   []workload
	duration    time.Duration
	rounds      int
	certificate certificate
	placement   placement
	cpuTime     func(pid int) (time.Duration, error)
	progress    func(line string)
}

// run measures all and sums it up.
func (b *bench) run(ctx context.Context) (report, error) {
	result := newReport(b)
	for _, w := range b.workloads {
		all, err := b.interleaved(ctx, w)
		if err != nil {
			return report{}, err
		}
		result.Workloads = append(result.Workloads, summarize(w, b.subjects, all))
	}
	return result, nil
}

// interleaved measures the subjects in turn, so that what changes on the machine meets all of them. It gives the measurements
// by subject and round.
func (b *bench) interleaved(ctx context.Context, w workload) ([][]measurement, error) {
	idle := make([]time.Duration, len(b.subjects))
	all := make([][]measurement, len(b.subjects))
	for round := range b.rounds {
		for i := range b.subjects {
			at := (i + round) % len(b.subjects) // nobody is always the first
			s := b.subjects[at]
			m, err := b.measure(ctx, w, s, &idle[at])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name(), err)
			}
			all[at] = append(all[at], m)
			b.progress(fmt.Sprintf("round %d of %d, %s: %s", round+1, b.rounds, s.name(), m))
		}
	}
	return all, nil
}
