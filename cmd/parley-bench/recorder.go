package main

import (
	"sync/atomic"
	"time"
)

// recorder collects what the clients of a load count. It is read while they do.
type recorder struct {
	recording atomic.Bool // the window is open: durations count
	tallies   []*tally    // complete before the load runs
}

func newRecorder() *recorder { return &recorder{} }

// tally is the part of one goroutine, which alone writes it.
type tally struct {
	recorder *recorder
	n        atomic.Uint64
	took     histogram // read when the load has ended
}

// tally makes another one. Those of a load are all made before it runs.
func (r *recorder) tally() *tally {
	t := &tally{recorder: r}
	r.tallies = append(r.tallies, t)
	return t
}

// count counts one.
func (t *tally) count() { t.n.Add(1) }

// time notes how long one took, if it falls into the window.
func (t *tally) time(d time.Duration) {
	if t.recorder.recording.Load() {
		t.took.add(d)
	}
}

// counts gives every counter.
func (r *recorder) counts() []uint64 {
	all := make([]uint64, len(r.tallies))
	for i, t := range r.tallies {
		all[i] = t.n.Load()
	}
	return all
}

// total is the sum of the counters.
func (r *recorder) total() (sum uint64) {
	for _, n := range r.counts() {
		sum += n
	}
	return sum
}

// latencies sums up the durations of a load that has ended.
func (r *recorder) latencies() *histogram {
	sum := &histogram{}
	for _, t := range r.tallies {
		sum.merge(&t.took)
	}
	return sum
}
