package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// cli are the flags.
type cli struct {
	Pairs    int           `default:"64" help:"Pairs of clients."`
	Duration time.Duration `default:"5s" help:"How long each measurement is."`
	Rounds   int           `default:"3" help:"Measurements of each server; they take turns."`
	Size     int           `default:"180" help:"Bytes of a candidate message, without seq and ack."`
	Slow     bool          `help:"Measure how the pairs fare beside one who is flooded and never reads, and not what the server bears."`
	Pin      bool          `default:"true" negatable:"" help:"On Linux with two cores or more: one for the server alone."`
	Parley   string        `placeholder:"FILE" help:"Measure this program instead of building ./cmd/parley."`
	JSON     bool          `name:"json" help:"Print one JSON object instead of the table."`
	Write    string        `placeholder:"FILE" help:"Put the table into this file too, between its markers."`
}

// minDuration is the shortest window in which every pair surely relays something.
const minDuration = 50 * time.Millisecond

// Validate is called by kong.
func (c *cli) Validate() error {
	switch {
	case c.Pairs < 1 || c.Rounds < 1:
		return errors.New("--pairs and --rounds must be at least 1")
	case c.Duration < minDuration:
		return fmt.Errorf("--duration must be at least %v", minDuration)
	case c.Size < minMessage || c.Size > maxMessage:
		return fmt.Errorf("--size must be %d to %d", minMessage, maxMessage)
	}
	return nil
}

// execute is the whole program but for signals and exit.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == bareArgument {
		return exitCode(serveBare(ctx, args[1:], stderr), stderr)
	}
	if len(args) > 0 && args[0] == natsArgument {
		return exitCode(serveNATS(ctx, args[1:], stderr), stderr)
	}
	var flags cli
	exit := -1
	parser, err := kong.New(&flags,
		kong.Name("parley-bench"),
		kong.Description("Measures what a relayed message costs Parley, beside a relay that does nothing else."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exit = code }))
	if err != nil {
		return exitCode(err, stderr)
	}
	_, err = parser.Parse(args)
	switch {
	case exit >= 0: // --help
		return exit
	case err != nil:
		fmt.Fprintf(stderr, "parley-bench: %v\n", err)
		return exitUsage
	}
	return exitCode(flags.run(ctx, stdout, stderr), stderr)
}

func exitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		err = errors.New("interrupted")
	}
	fmt.Fprintf(stderr, "parley-bench: %v\n", err)
	return exitFailed
}

func (c *cli) run(ctx context.Context, stdout, stderr io.Writer) error {
	var page *markedFile
	if c.Write != "" { // before the work, so that a wrong name costs no minute
		var err error
		if page, err = openMarked(c.Write, c.marker()); err != nil {
			return fmt.Errorf("--write: %w", err)
		}
	}
	result, err := c.measure(ctx, stderr)
	if err != nil {
		return err
	}
	if page != nil {
		if err := page.replace(result.String()); err != nil {
			return fmt.Errorf("--write: %w", err)
		}
	}
	if c.JSON {
		return json.NewEncoder(stdout).Encode(result)
	}
	_, err = fmt.Fprintln(stdout, result)
	return err
}

// marker is where the table goes in a page.
func (c *cli) marker() string {
	if c.Slow {
		return beginSlowMarker
	}
	return beginMarker
}

// measure prepares what the subjects need, runs the rounds and removes it all again.
func (c *cli) measure(ctx context.Context, stderr io.Writer) (report, error) {
	dir, err := os.MkdirTemp("", "parley-bench")
	if err != nil {
		return report{}, err
	}
	defer os.RemoveAll(dir)
	pair, err := writeCertificate(dir)
	if err != nil {
		return report{}, err
	}
	if c.Parley == "" {
		fmt.Fprintln(stderr, "building parley")
		c.Parley, err = buildParley(ctx, dir)
	} else {
		c.Parley, err = filepath.Abs(c.Parley)
	}
	if err != nil {
		return report{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return report{}, err
	}
	b := bench{
		subjects: []subject{
			bare{program: self},
			parley{program: c.Parley, numbered: true},
			parley{program: c.Parley},
			shared{parley{c.Parley, true}, self, 1},
			shared{parley{c.Parley, true}, self, 2},
		},
		workloads: []workload{relay{pairs: c.Pairs, size: c.Size}},
		duration:  c.Duration, rounds: c.Rounds,
		certificate: pair, cpuTime: cpuTime,
		progress: func(line string) { fmt.Fprintln(stderr, line) },
	}
	if c.Slow {
		server := parley{program: c.Parley, numbered: true}
		b.subjects = []subject{host{server, nobody}, host{server, reader}, host{server, neverReader}}
		b.workloads = []workload{crowded{relay{pairs: c.Pairs, size: c.Size, every: pairsEvery}}}
	}
	if c.Pin {
		b.placement = place()
	}
	return b.run(ctx)
}
