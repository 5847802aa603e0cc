package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the stage is said
	exitUsage  = 2
)

// cli are the commands and their flags.
type cli struct {
	Call callCommand `cmd:"" help:"Join, make a real call with every peer, verify media and data, leave."`
	Echo echoCommand `cmd:"" help:"Stay in a room and send everyone's media and data back."`
	Load loadCommand `cmd:"" help:"Have pairs of clients send each other messages, cut their connections, and account for every message."`

	Record recordCommand `cmd:"" help:"Stay in a room and write everyone's media to files."`
}

type callCommand struct {
	peerSettings `embed:""`
	Expect       int           `default:"1" env:"PARLEY_EXPECT" help:"How many peers to verify; 0 only joins and leaves."`
	Timeout      time.Duration `default:"30s" env:"PARLEY_TIMEOUT" help:"For all of it."`
	Pair         bool          `env:"PARLEY_PAIR" help:"Start both peers, in a random room if none is named."`
}

type echoCommand struct {
	peerSettings `embed:""`
}

// run is the whole program but for signals and exit.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var flags cli
	exit := -1
	parser, err := kong.New(&flags,
		kong.Name("parley-peer"),
		kong.Description("A WebRTC peer without a browser: it makes real calls through a Parley server and verifies them."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exit = code }), kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	parsed, err := parser.Parse(args)
	switch {
	case exit >= 0: // --help
		return exit
	case err != nil:
		fmt.Fprintf(stderr, "parley-peer: %v\n", err)
		return exitUsage
	}
	out := &printer{stdout: stdout, stderr: stderr}
	switch parsed.Command() {
	case "echo":
		return flags.Echo.run(ctx, out)
	case "load":
		return flags.Load.run(ctx, out)
	case "record":
		return flags.Record.run(ctx, out)
	default:
		return flags.Call.run(ctx, out)
	}
}

func (c *callCommand) run(ctx context.Context, out *printer) int {
	if c.Room == "" && !c.Pair {
		return out.usage("--room is missing (or --pair, which makes one up)")
	}
	if c.Expect < 0 || c.Timeout <= 0 {
		return out.usage("--expect must not be negative, and --timeout must be positive")
	}
	if c.Room == "" {
		c.Room = "pair-" + uuid.NewString()
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if c.Pair {
		return c.runPair(ctx, out)
	}
	result := c.one(ctx, out, c.Name)
	return out.finish(c.JSON, result, result)
}

// one runs one peer.
func (c *callCommand) one(ctx context.Context, out *printer, name string) callResult {
	settings := c.peerSettings
	settings.Name = name
	settings.logf = out.logger(c.Verbose, name)
	return (&call{peer: settings, expect: c.Expect}).run(ctx)
}

// pairResult is what --pair --json prints.
type pairResult struct {
	OK    bool         `json:"ok"`
	Pair  []callResult `json:"pair"`
	Stage string       `json:"stage,omitempty"` // of the first that failed
}

// runPair runs both peers of a call.
func (c *callCommand) runPair(ctx context.Context, out *printer) int {
	names := []string{"one", "two"}
	if c.Name != "" {
		names = []string{c.Name + "-one", c.Name + "-two"}
	}
	results := make([]callResult, len(names))
	var both sync.WaitGroup
	for i, name := range names {
		both.Go(func() { results[i] = c.one(ctx, out, name) })
	}
	both.Wait()
	pair := pairResult{OK: results[0].OK && results[1].OK, Pair: results}
	for _, r := range results {
		if pair.Stage == "" {
			pair.Stage = r.Stage
		}
	}
	return out.finish(c.JSON, pair, results...)
}

func (e *echoCommand) run(ctx context.Context, out *printer) int {
	if e.Room == "" {
		return out.usage("--room is missing")
	}
	e.logf = out.logger(true, "")
	if err := runEcho(ctx, &e.peerSettings); err != nil {
		return out.failed(err)
	}
	return exitOK
}

// printer writes for all goroutines. Progress goes to standard error, results to standard output.
type printer struct {
	mu             sync.Mutex
	stdout, stderr io.Writer
}

func (p *printer) logger(on bool, name string) func(string, ...any) {
	if !on {
		return func(string, ...any) {}
	}
	if name != "" {
		name += ": "
	}
	return func(format string, args ...any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		fmt.Fprintf(p.stderr, "%s %s%s\n", time.Now().Format("15:04:05.000"), name, fmt.Sprintf(format, args...))
	}
}

// finish prints what the calls found: a line a peer, and why it failed if it did; or one JSON object.
func (p *printer) finish(asJSON bool, whole any, calls ...callResult) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	code, lines := exitOK, p.stdout
	if asJSON {
		lines = p.stderr
	}
	for _, c := range calls {
		for _, r := range c.Peers {
			fmt.Fprintln(lines, r.line())
		}
		if !c.OK {
			code = exitFailed
			fmt.Fprintf(p.stderr, "parley-peer: failed at %s: %s\n", c.Stage, c.Problem)
		}
	}
	if asJSON {
		if err := json.NewEncoder(p.stdout).Encode(whole); err != nil {
			fmt.Fprintln(p.stderr, err)
			return exitFailed
		}
	}
	return code
}

func (p *printer) failed(err error) int {
	stage := "run"
	var at *stageError
	if errors.As(err, &at) {
		stage, err = at.stage, at.err
	}
	fmt.Fprintf(p.stderr, "parley-peer: failed at %s: %v\n", stage, err)
	return exitFailed
}

func (p *printer) usage(problem string) int {
	fmt.Fprintf(p.stderr, "parley-peer: %s; parley-peer --help shows the flags\n", problem)
	return exitUsage
}
