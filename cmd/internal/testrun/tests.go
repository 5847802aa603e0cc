package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"parley/cmd/need"
)

// testTimeout ends a test binary that hangs. A later -timeout among the arguments wins.
const testTimeout = "15m"

func testAll(ctx context.Context, g goCommand, fast bool, wanted []need.Need, args []string) int {
	dir, err := os.MkdirTemp("", "parley-test")
	if err != nil {
		fmt.Fprintln(g.stderr, "testrun:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "skips")
	g.env = append(g.env, need.SkipsEnv+"="+file)

	flags := []string{"test", "-short"}
	if !fast {
		newInstaller(g.stdout).install(wanted)
		// One package after the other: browsers and calls with real media take the machine for themselves.
		flags = []string{"test", "-p=1", "-shuffle=on", "-timeout=" + testTimeout}
		race, err := raceDetector(file)
		if err != nil {
			fmt.Fprintln(g.stderr, "testrun:", err)
			return 1
		}
		if race {
			flags = append(flags, "-race")
			g.env = append(g.env, "CGO_ENABLED=1")
		}
	}
	code := g.run(ctx, append(flags, args...)...)
	skips, err := need.Skips(file)
	if err != nil {
		fmt.Fprintln(g.stderr, "testrun:", err)
		return 1
	}
	fmt.Fprint(g.stdout, summary(skips, runtime.GOOS, os.Geteuid() == 0))
	return code
}

// noRaceEnv has tests run without the race detector, and without a word about it.
const noRaceEnv = "PARLEY_TEST_NO_RACE"

// raceDetector says whether tests can run with the race detector. If not, that is reported as skipped, or is an error
// where every need is required.
func raceDetector(skips string) (bool, error) {
	if os.Getenv(noRaceEnv) != "" {
		return false, nil
	}
	if runtime.GOOS == "darwin" {
		return true, nil // needs no C compiler there
	}
	_, err := need.CCompiler.Find()
	if err == nil {
		return true, nil
	}
	if os.Getenv(need.RequireEnv) == "1" {
		return false, fmt.Errorf("%s is missing and %s=1 is set: %w", need.CCompiler, need.RequireEnv, err)
	}
	return false, need.Report(skips, need.NewSkip(need.CCompiler, "the race detector, in all tests", err))
}
