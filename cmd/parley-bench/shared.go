package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// shared is Parley on nodes that share NATS. The clients of a pair are on the same node, or on two.
type shared struct {
	parley
	self  string // this program, which is NATS's server when it is started as that
	nodes int    // 1 or 2
}

// natsArgument is the first argument of a call that is to be a NATS server. The folder of its storage follows.
const natsArgument = "nats-server"

func (s shared) name() string {
	if s.nodes == 1 {
		return "parley over NATS, in a node"
	}
	return "parley over NATS, across two"
}

// start starts NATS and the nodes, all of them on the core for servers.
func (s shared) start(ctx context.Context, b *bench) (*node, error) {
	dir, err := os.MkdirTemp("", "parley-bench-nats")
	if err != nil {
		return nil, err
	}
	nats, err := b.startProcess(ctx, exec.Command(s.self, natsArgument, dir))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	nats.folder = dir
	var first *node
	for range s.nodes {
		process := s.command(b.certificate)
		process.Args = append(process.Args, "--nats-url", "nats://"+nats.dialer.address)
		n, err := b.startProcess(ctx, process)
		switch {
		case err != nil && first == nil:
			nats.stop()
			return nil, err
		case err != nil:
			first.stop()
			return nil, err
		case first == nil:
			first = n
			first.nats = nats
		default:
			first.second = n
			first.dialer.next = n.dialer
		}
	}
	return first, nil
}

// serveNATS is the NATS server's process. It runs until the context ends.
func serveNATS(ctx context.Context, args []string, log io.Writer) error {
	if len(args) != 1 {
		return fmt.Errorf("%s needs a folder", natsArgument)
	}
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: args[0], NoLog: true, NoSigs: true,
	})
	if err != nil {
		return err
	}
	s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(startWithin / 2) {
		return errors.New("NATS does not start")
	}
	u, err := url.Parse(s.ClientURL())
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "NATS is at https://%s\n", u.Host) // the form in which addresses are looked for
	<-ctx.Done()
	return nil
}

// processes are those that a measurement reads the clocks of.
type processes struct {
	server []int
	nats   int // 0 if there is none
}

// cpu is what they have used until now, of the server and of NATS.
func (b *bench) cpu(p processes) (own, nats time.Duration, err error) {
	for _, pid := range p.server {
		used, failed := b.cpuTime(pid)
		own += used
		err = errors.Join(err, failed)
	}
	if p.nats != 0 {
		var failed error
		nats, failed = b.cpuTime(p.nats)
		err = errors.Join(err, failed)
	}
	return own, nats, err
}
