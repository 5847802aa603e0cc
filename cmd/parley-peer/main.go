// Command parley-peer is a WebRTC peer without a browser, on pion. It joins a room of a Parley server, makes real calls with
// whoever is there, and verifies what arrives: a team's CI and an operator's probe run "parley-peer call", and somebody alone
// with a page has "parley-peer echo" for company.
//
//	cli.go      flags and commands
//	join.go     connecting: trust, retries, the pion API
//	meeting.go  the room: a link for each other peer
//	link.go     one peer connection and its negotiation
//	call.go     the command call; caller.go and probe.go are what it sends and verifies
//	echo.go     the command echo
//	record.go   the command record; record_files.go are the names of its files
//	load.go     the command load: one run of it; load_peer.go is one of its clients, load_ledger.go the account of one
//	            direction, load_cut.go cuts connections, load_limits.go and load_ghosts.go look for what they name,
//	            load_result.go is what it prints
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
