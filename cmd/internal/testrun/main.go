// Command testrun runs the project's tests; the Makefile calls it.
//
//	testrun [-install NEEDS] [-fast] [--] [GO TEST FLAGS] [PACKAGES]
//	testrun -fuzz 5m [PACKAGES]
//
// It installs the outside programs that the tests ask for, where it may (root on Debian), runs `go test` with the race
// detector and in random order, and says at the end which tests were skipped because something is missing and what to
// install. It fails if `go test` does. With -fast it installs nothing, leaves the race detector out and runs what
// needs no browser and no server. With -fuzz it runs every fuzz target of the packages for so long.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"parley/cmd/need"
)

// testNeeds are the needs that `make test` installs. A need that a test newly asks for belongs here; Docker does not,
// because it is for `make test-container` alone.
func testNeeds() []need.Need {
	return []need.Need{need.CCompiler, need.Node, need.NPM, need.Chromium, need.Firefox}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("testrun", flag.ContinueOnError)
	flags.SetOutput(stderr)
	fast := flags.Bool("fast", false, "leave out the race detector and all that needs a browser or a server")
	fuzz := flags.Duration("fuzz", 0, "run every fuzz target for so long, instead of the tests")
	install := flags.String("install", joinNeeds(testNeeds()), "the needs to install, with commas; empty: none")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	g := goCommand{stdout: stdout, stderr: stderr}
	if *fuzz > 0 {
		return fuzzAll(ctx, g, *fuzz, flags.Args())
	}
	wanted, err := splitNeeds(*install)
	if err != nil {
		fmt.Fprintln(stderr, "testrun:", err)
		return 2
	}
	return testAll(ctx, g, *fast, wanted, flags.Args())
}

func joinNeeds(needs []need.Need) string {
	names := make([]string, len(needs))
	for i, n := range needs {
		names[i] = string(n)
	}
	return strings.Join(names, ",")
}

func splitNeeds(list string) ([]need.Need, error) {
	var needs []need.Need
	for name := range strings.SplitSeq(list, ",") {
		if name == "" {
			continue
		}
		n, err := byName(name)
		if err != nil {
			return nil, err
		}
		needs = append(needs, n)
	}
	return needs, nil
}

func byName(name string) (need.Need, error) {
	for _, n := range need.All() {
		if string(n) == name {
			return n, nil
		}
	}
	return "", fmt.Errorf("-install: there is no need %q, only %s", name, joinNeeds(need.All()))
}

// goCommand runs the go command and streams what it says.
type goCommand struct {
	stdout, stderr io.Writer
	env            []string // added to this process's own
}

// run returns the go command's exit code. When ctx ends, the command is interrupted and waited for.
func (g goCommand) run(ctx context.Context, args ...string) int {
	cmd := exec.CommandContext(ctx, need.GoCommand(), args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Env = append(os.Environ(), g.env...)
	cmd.Stdout, cmd.Stderr = g.stdout, g.stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		fmt.Fprintln(g.stderr, "testrun:", err)
		return 1
	}
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return code
	}
	return 1
}
