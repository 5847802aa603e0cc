package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"parley/cmd/need"
)

// target is one fuzz test.
type target struct{ pkg, name string }

// minimize bounds what is spent on making one input smaller: by default a minute, which for a decoder of kilobytes is all the time
// that there is.
const minimize = "-fuzzminimizetime=1s"

// fuzzAll runs every fuzz target of the packages for so long each, and says at the end how many executions each got. A
// failing one does not keep the others from running.
func fuzzAll(ctx context.Context, g goCommand, each time.Duration, packages []string) int {
	targets, err := fuzzTargets(packages)
	if err != nil {
		fmt.Fprintln(g.stderr, "testrun:", err)
		return 1
	}
	code := 0
	var results strings.Builder
	for _, t := range targets {
		fmt.Fprintf(g.stdout, "%s %s, for %s\n", t.pkg, t.name, each)
		var output bytes.Buffer
		run := g
		run.stdout = io.MultiWriter(g.stdout, &output)
		failed := run.run(ctx, "test", "-run=^$", "-fuzz=^"+t.name+"$", "-fuzztime="+each.String(), minimize, "-timeout=0", t.pkg) != 0
		verdict := "passed"
		if failed && !onlyDeadline(output.String()) {
			verdict, code = "FAILED", 1
		}
		fmt.Fprintf(&results, "%s %s: %s, %s executions\n", t.pkg, t.name, verdict, executions(output.String()))
		if ctx.Err() != nil {
			return 1
		}
	}
	fmt.Fprintf(g.stdout, "\n%sfuzz targets: %d\n", results.String(), len(targets))
	return code
}

// fuzzTargets asks the test binaries themselves, so that build constraints count.
func fuzzTargets(packages []string) ([]target, error) {
	if len(packages) == 0 {
		packages = []string{"./..."}
	}
	args := append([]string{"test", "-list=^Fuzz"}, packages...)
	cmd := exec.Command(need.GoCommand(), args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return parseTargets(string(out)), nil
}

// parseTargets reads what `go test -list` prints: the names of a package's tests, then a line that begins "ok" with the
// package's path.
func parseTargets(list string) []target {
	var targets []target
	var names []string
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 1 && strings.HasPrefix(fields[0], "Fuzz"):
			names = append(names, fields[0])
		case len(fields) > 1 && fields[0] == "ok":
			for _, name := range names {
				targets = append(targets, target{pkg: fields[1], name: name})
			}
			names = nil
		}
	}
	return targets
}

// executions returns the last count that `go test -fuzz` printed.
func executions(output string) string {
	counts := regexp.MustCompile(`execs: (\d+)`).FindAllStringSubmatch(output, -1)
	if len(counts) == 0 {
		return "0"
	}
	return counts[len(counts)-1][1]
}

// onlyDeadline tells the end of the fuzzing time, which go test before Go 1.27 at times reports as a failure
// (https://go.dev/issue/75804), from a failing input.
func onlyDeadline(output string) bool {
	_, after, found := strings.Cut(output, "--- FAIL:")
	if !found || strings.Contains(output, "Failing input written to") {
		return false
	}
	lines := strings.SplitN(after, "\n", 3)
	return len(lines) == 3 && strings.TrimSpace(lines[1]) == "context deadline exceeded" &&
		strings.HasPrefix(lines[2], "FAIL\n")
}
