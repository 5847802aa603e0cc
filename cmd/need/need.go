// Package need finds the outside programs that tests drive: browsers, Node.js, coturn, nginx, Docker. Tests anywhere in
// the tree call it, as in
//
//	browser := need.Chromium.Path(t)
//
// A test whose program is missing is skipped, and the skip is reported to the test runner (cmd/internal/testrun), which
// says at the end of `make test` what was skipped and what to install. With PARLEY_TEST_REQUIRE=1 it fails instead.
// It is a part of cmd that others may import, in tests only.
package need

import (
	"errors"
	"os"
	"testing"
)

const (
	// RequireEnv names the environment variable that makes a missing need a failure when it is "1".
	RequireEnv = "PARLEY_TEST_REQUIRE"
	// SkipsEnv names the environment variable with the file that skips are reported to; the test runner sets it.
	SkipsEnv = "PARLEY_TEST_SKIPS"
)

// Need is one outside thing that tests use, by the name that people are told.
type Need string

// All that the tests of this project ask for. How each is found and where it comes from stands in sources.go.
const (
	CCompiler  Need = "C compiler" // for the race detector; only the test runner asks for it
	Chromium   Need = "Chromium"
	Firefox    Need = "Firefox"
	Node       Need = "Node.js"
	NPM        Need = "npm"
	Python     Need = "Python"
	Coturn     Need = "coturn"
	Nginx      Need = "nginx"
	Namespaces Need = "network namespaces"
	Docker     Need = "Docker"
)

// Path returns the path of the program that n stands for. When it is missing, or `make test-fast` leaves it out, the test
// is skipped; with PARLEY_TEST_REQUIRE=1 a missing one fails the test.
func (n Need) Path(t testing.TB) string {
	t.Helper()
	if testing.Short() && n.Source().Heavy {
		t.Skipf("%s is left out of the fast tests", n)
	}
	path, err := n.Find()
	if err != nil {
		n.Missing(t, err)
	}
	return path
}

// Missing ends the test as Path does for a missing program. It is for a test that found the program and then could not
// use it for a reason of this machine's, such as a Docker engine that cannot be started here.
func (n Need) Missing(t testing.TB, reason error) {
	t.Helper()
	if os.Getenv(RequireEnv) == "1" {
		t.Fatalf("%s is missing and %s=1 is set: %v", n, RequireEnv, reason)
	}
	if file := os.Getenv(SkipsEnv); file != "" {
		if err := Report(file, NewSkip(n, t.Name(), reason)); err != nil {
			t.Logf("the skip could not be reported: %v", err)
		}
	}
	t.Skipf("%s is missing: %v", n, reason)
}

// Find returns the path of the program that n stands for, or says why there is none to use.
func (n Need) Find() (string, error) { return n.Source().find(thisMachine()) }

// find returns the first program of s that m has, if it passes s.usable.
func (s Source) find(m machine) (string, error) {
	if s.LinuxOnly && m.goos != "linux" {
		return "", errors.New("only Linux has it")
	}
	path := s.first(m)
	if path == "" {
		return "", absentError(s.Programs[0] + " is not in PATH")
	}
	if s.usable != nil {
		if err := s.usable(m, path); err != nil {
			return "", err
		}
	}
	return path, nil
}

func (s Source) first(m machine) string {
	for _, name := range s.Programs {
		if path, err := m.lookPath(name); err == nil {
			return path
		}
	}
	for _, path := range s.Files {
		if m.exists(path) {
			return path
		}
	}
	return ""
}
