package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"parley/rooms/natsrooms/natstest"
)

// service is three nodes, each a process of its own, that share NATS. Each has its own link to it.
type service struct {
	t     *testing.T
	nats  *natstest.Cluster
	nodes []*serverProcess
	links []*natstest.Link
}

// startService starts the nodes in front of so many NATS servers.
func startService(t *testing.T, servers int, more ...string) *service {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and starts servers")
	}
	binary := buildServer(t)
	s := &service{t: t, nats: natstest.Start(t, servers)}
	for range 3 {
		link := s.nats.Link()
		p := &serverProcess{
			t: t, binary: binary, home: t.TempDir(), listen: freeAddress(t), admin: freeAddress(t),
			args: append(natsFlags(link.URLs()), "--tls", "off", "--connections-per-address", "0", "--joins-per-address", "0",
				"--nats-replicas", strconv.Itoa(servers)),
		}
		p.args = append(p.args, more...)
		p.start()
		s.nodes, s.links = append(s.nodes, p), append(s.links, link)
	}
	return s
}

func natsFlags(urls []string) (flags []string) {
	for _, u := range urls {
		flags = append(flags, "--nats-url", u)
	}
	return flags
}

// load makes a run whose pairs are spread over the nodes.
func (s *service) load(pairs int, rate float64, duration time.Duration) *load {
	var others []string
	for _, n := range s.nodes[1:] {
		others = append(others, n.listen)
	}
	url := "ws://" + s.nodes[0].listen + "/ws"
	l := &load{
		settings: peerSettings{URL: url, Room: "nodes", logf: func(string, ...any) {}},
		nodes:    nodeAddresses(url, others),
		pairs:    pairs, rate: rate, duration: duration, cutter: &cutter{}, patience: usualPatience,
		progress: func(format string, args ...any) { s.t.Logf(format, args...) },
	}
	l.patience.join, l.patience.settle = 2*time.Minute, 30*time.Second
	l.patience.slack += 20 * time.Second // of a lease: a node that was killed is missed after it
	return l
}

// kill ends a node as a power cut would, and starts another one in its place.
func (s *service) kill(i int) {
	s.t.Helper()
	p := s.nodes[i]
	if err := p.command.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	<-p.read
	_ = p.command.Wait()
	p.start()
}

// fault is something that happens to a service, again and again: once for each call.
type fault func(s *service, times int)

func nodeKilled(s *service, times int) { s.kill(times % len(s.nodes)) }

// nodeRestarted ends a node as an operator does, and starts it again.
func nodeRestarted(s *service, times int) {
	p := s.nodes[times%len(s.nodes)]
	took := p.stop()
	p.start()
	s.t.Logf("restarted a node; its end took %v", took.Round(time.Millisecond))
}

func serverKilled(s *service, times int) { s.killServer(times % s.nats.Servers()) }

func leaderKilled(s *service, times int) {
	s.killServer(s.nats.Leader(fmt.Sprintf("parley_box_%d", times%4)))
}

// killServer ends a NATS server, leaves the others to themselves for a while, and brings it back.
func (s *service) killServer(i int) {
	s.nats.Kill(i)
	<-time.After(3 * time.Second)
	s.nats.Restart(i)
	s.nats.AwaitCurrent(i)
}

// linkCut is a fault that cuts a node off from NATS for so long.
func linkCut(d time.Duration) fault {
	return func(s *service, times int) {
		heal := s.links[times%len(s.links)].Cut()
		<-time.After(d)
		heal()
	}
}

// nodesRun is how long a test of nodes takes: short in make test, long in make soak.
type nodesRun struct {
	servers  int
	pairs    int
	rate     float64
	duration time.Duration
	pause    time.Duration // between faults
	faulty   time.Duration // how long one takes: none begins that would outlive the run
	args     []string      // more flags of the nodes
}

func TestNodesAreKilled(t *testing.T) {
	nodesUnder(t, nodeKilled, nodesRun{servers: 1, pairs: 20, rate: 10, duration: 6 * time.Second, pause: 2 * time.Second})
}

// Whoever is on a node that is restarted is told to move, and resumes on another one.
func TestNodesAreRestarted(t *testing.T) {
	r := nodesUnder(t, nodeRestarted, nodesRun{
		servers: 1, pairs: 20, rate: 10, duration: 12 * time.Second, pause: time.Second, faulty: 3 * time.Second,
		args: []string{"--drain", "2s"},
	})
	if r.Resumes == 0 || r.Rejoins != 0 || r.Told != 0 {
		t.Errorf("%d resumes, %d rejoins, %d told", r.Resumes, r.Rejoins, r.Told)
	}
}

func TestNodesLoseALeader(t *testing.T) {
	nodesUnder(t, leaderKilled, nodesRun{servers: 3, pairs: 10, rate: 10, duration: 5 * time.Second, pause: time.Second})
}

func TestSoakNodes(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("PARLEY_TEST_SOAK"))
	if err != nil {
		t.Skip("for make soak")
	}
	run := nodesRun{servers: 3, pairs: 200, rate: 1, duration: duration, pause: 10 * time.Second}
	for name, f := range map[string]fault{
		"nodes are killed":        nodeKilled,
		"nodes are restarted":     nodeRestarted,
		"NATS servers are killed": serverKilled,
		"leaders are killed":      leaderKilled,
	} {
		t.Run(name, func(t *testing.T) { nodesUnder(t, f, run) })
	}
	for _, run.faulty = range []time.Duration{5 * time.Second, time.Minute} {
		t.Run(fmt.Sprintf("the network is cut for %v", run.faulty), func(t *testing.T) { nodesUnder(t, linkCut(run.faulty), run) })
	}
}

// nodesUnder runs a load over three nodes while faults happen.
func nodesUnder(t *testing.T, f fault, run nodesRun) loadResult {
	s := startService(t, run.servers, run.args...)
	l := s.load(run.pairs, run.rate, run.duration)
	ended := make(chan loadResult, 1)
	go func() { ended <- l.run(context.Background()) }()
	times := 0
	timer := time.NewTimer(run.pause)
	defer timer.Stop()
	began := time.Now()
	for {
		select {
		case r := <-ended:
			report(t, r, times)
			for _, n := range s.nodes {
				n.stop()
			}
			return r
		case <-timer.C:
			if time.Since(began)+run.faulty < run.duration {
				f(s, times)
				times++
				timer.Reset(run.pause)
			}
		}
	}
}

// report says what a run has found, and fails the test where it must not have.
func report(t *testing.T, r loadResult, faults int) {
	t.Helper()
	t.Logf("%d pairs, %d faults: %d sent, %d delivered, %d told (%d of them arrived nevertheless): %d lost, %d doubled, %d reordered, %d ghosts; %d resumes, %d rejoins, slowest %d ms",
		r.Pairs, faults, r.Sent, r.Delivered, r.Told, r.ToldAndDelivered, r.Lost, r.Doubled, r.Reordered, r.Ghosts, r.Resumes, r.Rejoins, r.Slowest)
	if !r.OK {
		t.Errorf("%s: %s", r.Stage, r.Problem)
	}
	if faults == 0 || r.Delivered == 0 {
		t.Error("nothing was put to the test")
	}
}
