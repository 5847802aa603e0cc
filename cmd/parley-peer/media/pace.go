package media

import (
	"context"
	"time"
)

// maxBurst is how many beats are made up for at once. Who is further behind (the machine slept) goes on from now, so
// that a receiver is not flooded with what is long past.
const maxBurst = 10

// pace calls emit once for each interval since it was called, the first time at once, until ctx ends. It counts against
// the clock, not against ticks, since a ticker drops ticks that nobody took: the pace does not drift.
func pace(ctx context.Context, interval time.Duration, emit func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	start := time.Now()
	for done := 0; ctx.Err() == nil; {
		due := int(time.Since(start)/interval) + 1
		if due-done > maxBurst {
			done = due - 1
		}
		for ; done < due; done++ {
			emit()
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
