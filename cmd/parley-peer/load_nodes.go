package main

import (
	"context"
	"net"
	"net/url"
	"sync/atomic"
)

// dialer makes connections, as client.Config.NetDial does.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// nodeAddresses are those of all nodes of a service: that of the URL, and others. Whatever node is dialled, its certificate is
// held against the URL's name.
func nodeAddresses(endpoint string, others []string) []string {
	u, err := url.Parse(endpoint)
	if err != nil || len(others) == 0 {
		return nil
	}
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "ws":
		port = "80"
	default:
		port = "443"
	}
	return append([]string{net.JoinHostPort(u.Hostname(), port)}, others...)
}

// rotate dials one node after the other, beginning with the one of this index. Without nodes it dials what it is asked to.
func rotate(nodes []string, index int, dial dialer) dialer {
	if len(nodes) == 0 {
		return dial
	}
	var next atomic.Int64
	next.Store(int64(index))
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, nodes[int(next.Add(1)-1)%len(nodes)])
	}
}
