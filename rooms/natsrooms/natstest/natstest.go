// Package natstest runs real NATS servers with JetStream in the process of a test, alone or as a cluster, and links to them
// that can be cut. The tests of the engine use it, and those that run a whole service.
package natstest

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Cluster is some NATS servers in this process, each with its own storage.
type Cluster struct {
	t       *testing.T
	options []*server.Options
	servers []*server.Server // nil while one is down
	api     *toxiproxy.ApiServer
}

// Start starts a cluster of so many NATS servers, and ends it with the test.
func Start(t *testing.T, servers int) *Cluster {
	t.Helper()
	c := &Cluster{
		t: t, servers: make([]*server.Server, servers),
		api: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop()),
	}
	var routes []*url.URL
	for range servers {
		routes = append(routes, &url.URL{Scheme: "nats", Host: freeAddress(t)})
	}
	for i := range servers {
		o := &server.Options{
			ServerName: fmt.Sprintf("nats-%d", i), Host: "127.0.0.1", Port: server.RANDOM_PORT,
			JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
		}
		if servers > 1 {
			o.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", NoAdvertise: true}
			_, _ = fmt.Sscanf(routes[i].Port(), "%d", &o.Cluster.Port)
			o.Routes = routes
		}
		c.options = append(c.options, o)
		c.Restart(i)
	}
	t.Cleanup(func() {
		for i := range c.servers {
			c.Kill(i)
		}
	})
	c.await("a leader that knows all servers", func() bool { // else there is no place for the copies of a stream
		for _, s := range c.servers {
			if s.JetStreamIsLeader() {
				return servers == 1 || len(s.JetStreamClusterPeers()) == servers
			}
		}
		return false
	})
	return c
}

// Restart starts a server where it was before, if it was.
func (c *Cluster) Restart(i int) {
	c.t.Helper()
	s, err := server.NewServer(c.options[i].Clone())
	if err != nil {
		c.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		c.t.Fatal("the NATS server does not start")
	}
	_, _ = fmt.Sscanf(s.ClientURL()[strings.LastIndexByte(s.ClientURL(), ':')+1:], "%d", &c.options[i].Port)
	c.servers[i] = s
}

// Servers is how many servers there are, with those that are down.
func (c *Cluster) Servers() int { return len(c.servers) }

// URLs are those of the servers.
func (c *Cluster) URLs() (urls []string) {
	for _, o := range c.options {
		urls = append(urls, fmt.Sprintf("nats://127.0.0.1:%d", o.Port))
	}
	return urls
}

// Kill ends a server.
func (c *Cluster) Kill(i int) {
	if s := c.servers[i]; s != nil {
		s.Shutdown()
		s.WaitForShutdown()
		c.servers[i] = nil
	}
}

// Leader is the server that leads a stream.
func (c *Cluster) Leader(stream string) int {
	found := -1
	c.await("a leader of "+stream, func() bool {
		for i, s := range c.servers {
			if s != nil && s.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream) {
				found = i
			}
		}
		return found >= 0
	})
	return found
}

// AwaitCurrent waits until a server that came back has caught up.
func (c *Cluster) AwaitCurrent(i int) {
	c.t.Helper()
	c.await("the server to catch up", func() bool { return c.servers[i].JetStreamIsCurrent() })
}

func (c *Cluster) await(what string, is func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// Link is a node's way to the NATS servers, which can be cut.
type Link struct {
	t       *testing.T
	proxies []*toxiproxy.Proxy
}

// Link makes a way for one node.
func (c *Cluster) Link() *Link {
	c.t.Helper()
	l := &Link{t: c.t}
	for i, o := range c.options {
		p := toxiproxy.NewProxy(c.api, fmt.Sprintf("nats-%d", i), "127.0.0.1:0", fmt.Sprintf("127.0.0.1:%d", o.Port))
		if err := p.Start(); err != nil {
			c.t.Fatal(err)
		}
		c.t.Cleanup(p.Stop)
		l.proxies = append(l.proxies, p)
	}
	return l
}

// URLs are those of the servers, as seen over this link.
func (l *Link) URLs() (urls []string) {
	for _, p := range l.proxies {
		urls = append(urls, "nats://"+p.Listen)
	}
	return urls
}

// Cut has nothing come through, in either direction; nobody is told. It returns what heals the link.
func (l *Link) Cut() (heal func()) {
	l.t.Helper()
	for _, p := range l.proxies {
		for _, stream := range []string{"upstream", "downstream"} {
			toxic := fmt.Sprintf(`{"name":%q,"type":"timeout","stream":%q,"attributes":{"timeout":0}}`, stream, stream)
			if _, err := p.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
				l.t.Fatal(err)
			}
		}
	}
	return func() {
		for _, p := range l.proxies {
			p.Toxics.ResetToxics(l.t.Context())
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
