package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"parley/signaling/client"
	"parley/signaling/protocol"
)

// limits counts what has refused a client, by name, so that who loads a server beyond what it allows is told so.
type limits struct {
	mu     sync.Mutex
	counts map[string]uint64
}

// Bounds on what a server can make the counts hold.
const (
	maxLimits    = 32 // names
	maxLimitName = 100
	otherLimits  = "others"
)

// note counts the limit that an error names, if it does.
func (l *limits) note(err error) {
	if name := limitName(err); name != "" {
		l.add(name)
	}
}

func (l *limits) add(name string) {
	if runes := []rune(name); len(runes) > maxLimitName {
		name = string(runes[:maxLimitName])
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.counts[name]; !known && len(l.counts) >= maxLimits {
		name = otherLimits
	}
	l.counts[name]++
}

// limitName gives the code, HTTP status or close code with which a server has refused something; "" for an error that says
// no more than that a connection has ended.
func limitName(err error) string {
	var (
		refused *protocol.Error
		status  *client.HTTPError
		closed  *client.CloseError
	)
	switch {
	case errors.As(err, &refused):
		return string(refused.Code)
	case errors.As(err, &status):
		line, _, _ := strings.Cut(strings.TrimSpace(status.Body), "\n")
		if line == "" {
			return fmt.Sprintf("HTTP %d", status.Status)
		}
		return fmt.Sprintf("HTTP %d (%s)", status.Status, line)
	case errors.As(err, &closed):
		action := closed.Code.Action()
		if closed.Code != protocol.CloseSlow && (action == protocol.ActionResume || action == protocol.ActionDone) {
			return ""
		}
		if closed.Reason == "" {
			return fmt.Sprintf("closed with %d", closed.Code)
		}
		return fmt.Sprintf("closed with %d (%s)", closed.Code, closed.Reason)
	}
	return ""
}

// rateLimited is how the client's log begins when it was refused for its rate, which it tells nowhere else: it sends again.
const rateLimited = "the server limits the rate"

// logf looks out for that line on the way to the log.
func (l *limits) logf(log func(string, ...any)) func(string, ...any) {
	return func(format string, args ...any) {
		if strings.HasPrefix(format, rateLimited) {
			l.add(string(protocol.CodeRateLimited))
		}
		log(format, args...)
	}
}
