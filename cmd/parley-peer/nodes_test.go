package main

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// service is a few nodes, each a process of its own, that share NATS.
type service struct {
	t     *testing.T
	nodes []*serverProcess
}

// startService starts nodes in front of these NATS servers.
func startService(t *testing.T, nodes int, args ...string) *service {
	t.Helper()
	binary := buildServer(t)
	s := &service{t: t}
	for range nodes {
		p := &serverProcess{
			t: t, binary: binary, home: t.TempDir(), listen: freeAddress(t), admin: freeAddress(t),
			args: append([]string{"--tls", "off", "--connections-per-address", "0", "--joins-per-address", "0"}, args...),
		}
		p.start()
		s.nodes = append(s.nodes, p)
	}
	return s
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

// startNATS starts a NATS server in this process.
func startNATS(t *testing.T) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	return s
}

// nodesRun is how long a test of nodes takes: short in make test, long in make soak.
type nodesRun struct {
	pairs    int
	rate     float64
	duration time.Duration
	every    time.Duration
}

func TestNodesAreKilled(t *testing.T) {
	killNodes(t, nodesRun{pairs: 20, rate: 10, duration: 12 * time.Second, every: 4 * time.Second})
}

func TestSoakNodesAreKilled(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("PARLEY_TEST_SOAK"))
	if err != nil {
		t.Skip("for make soak")
	}
	killNodes(t, nodesRun{pairs: 200, rate: 2, duration: duration, every: 10 * time.Second})
}

func killNodes(t *testing.T, run nodesRun) {
	nats := startNATS(t)
	s := startService(t, 3, "--nats-url", nats.ClientURL())
	l := s.load(run.pairs, run.rate, run.duration)
	ended := make(chan loadResult, 1)
	go func() { ended <- l.run(context.Background()) }()
	ticker := time.NewTicker(run.every)
	defer ticker.Stop()
	kills := 0
	var r loadResult
	for running := true; running; {
		select {
		case r = <-ended:
			running = false
		case <-ticker.C:
			if time.Duration(kills+1)*run.every < run.duration {
				s.kill(kills % len(s.nodes))
				kills++
			}
		}
	}
	report(t, r, kills)
	for _, n := range s.nodes {
		n.stop()
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
	if faults == 0 || r.Resumes == 0 || r.Delivered == 0 {
		t.Error("nothing was put to the test")
	}
}
