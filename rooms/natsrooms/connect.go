package natsrooms

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// The connection's times: a dead link is found after two unanswered pings.
const (
	dialWithin    = 2 * time.Second
	reconnectWait = 250 * time.Millisecond
	pingEvery     = 3 * time.Second
	pingsMissed   = 2
)

// connect makes the one connection of this node. It is made anew whenever it breaks, for ever, and by the client library
// itself: what is set here holds for every connection that follows.
func (e *Engine) connect() (*nats.Conn, error) {
	options := []nats.Option{
		nats.Name(e.options.Name),
		nats.Timeout(dialWithin),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(pingsMissed),
		nats.ReconnectBufSize(-1), // what is not sent at once fails, so that it is known not to have been stored
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if e.ctx.Err() == nil {
				e.outage.set(true)
				e.options.Figures.Away(true)
				e.options.Warn("the connection to NATS was lost", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			e.outage.set(false)
			e.options.Figures.Away(false)
			e.leases.suspect.Store(true)
			e.leases.hurry()
		}),
		nats.ConnectHandler(func(*nats.Conn) { e.leases.hurry() }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			e.options.Warn("the connection to NATS", err)
		}),
	}
	if e.options.Credentials != "" {
		options = append(options, nats.UserCredentials(e.options.Credentials))
	}
	if e.options.TLS != nil {
		options = append(options, nats.Secure(e.options.TLS))
	}
	conn, err := nats.Connect(strings.Join(e.options.URLs, ","), options...)
	if err != nil {
		return nil, fmt.Errorf("natsrooms: connecting to NATS: %w", err)
	}
	return conn, nil
}
