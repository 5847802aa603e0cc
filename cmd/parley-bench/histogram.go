package main

import (
	"math/bits"
	"time"
)

// A histogram has buckets of a microsecond up to fineSteps of them, and above that fineSteps buckets for each doubling, so
// that a value is known to 1 ÷ fineSteps of itself. Everything over a quarter of an hour falls into the last.
const (
	fineBits  = 5
	fineSteps = 1 << fineBits
	doublings = 25
)

// histogram counts durations. The zero value is empty.
type histogram struct {
	buckets [(doublings + 1) * fineSteps]uint32
}

func bucketOf(d time.Duration) int {
	us := uint64(max(0, d.Microseconds()))
	if us < fineSteps {
		return int(us)
	}
	shift := bits.Len64(us) - 1 - fineBits
	at := (shift+1)*fineSteps + int(us>>shift) - fineSteps
	return min(at, (doublings+1)*fineSteps-1)
}

// bucketMiddle is the duration that stands for all in a bucket.
func bucketMiddle(at int) time.Duration {
	if at < fineSteps {
		return time.Duration(at)*time.Microsecond + time.Microsecond/2
	}
	shift := at/fineSteps - 1
	return (time.Duration(fineSteps+at%fineSteps)*time.Microsecond + time.Microsecond/2) << shift
}

func (h *histogram) add(d time.Duration) { h.buckets[bucketOf(d)]++ }

func (h *histogram) merge(other *histogram) {
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
}

// quantile gives the duration that the part q of all does not exceed, 0 if there are none.
func (h *histogram) quantile(q float64) time.Duration {
	var all uint64
	for _, n := range h.buckets {
		all += uint64(n)
	}
	rank := uint64(q * float64(all))
	var below uint64
	for i, n := range h.buckets {
		below += uint64(n)
		if below > rank {
			return bucketMiddle(i)
		}
	}
	return 0
}
