// Command parley-bench measures what a message costs a server, and sets it against what the same message costs a relay that
// does nothing else. `make bench` runs it; docs/benchmarks.md says how to read what it prints, and holds the figures of one run.
//
//	cli.go                     flags
//	bench.go                   what a workload and a subject are; the rounds
//	measure.go                 one subject under one workload for one window of time
//	server.go                  a subject's process: start, address, CPU time, end
//	parley.go, bare.go         the subjects
//	relay.go                   the workload: pairs that answer each other's candidates
//	slow.go                    another workload: pairs beside one who is flooded and never reads
//	peer.go                    one client, made to cost little
//	recorder.go, histogram.go  counting
//	machine_*.go               what differs between systems: cores, and the CPU time of a process that runs
//	report.go, table.go        from measurements to figures, and to words
//	page.go                    the place in docs/benchmarks.md that --write fills
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends the process at once
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
