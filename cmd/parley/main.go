// Command parley is the server: one HTTPS address that carries the page, the signaling endpoint and health, and beside it an
// address for metrics. A person or a service manager starts it; tests start the same run in process. `parley --help` says
// what it can do.
//
// This file only turns signals into the end of a context and the outcome into an exit code. The rest: cli.go has the
// commands, settings.go all that can be set, sources.go where it comes from, run.go the wiring.
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
	os.Exit(execute(ctx, os.Args[1:], streams{env: os.LookupEnv, out: os.Stdout, err: os.Stderr}))
}
