package client

import "time"

// backoff gives the wait before an attempt to reconnect, counted from 0: full jitter, so that the clients of a server that
// was lost do not come back all at once. random is in [0,1).
func backoff(attempt int, ceiling time.Duration, random float64) time.Duration {
	highest := min(firstRetry<<min(attempt, 10), ceiling)
	return time.Duration(random * float64(highest))
}
