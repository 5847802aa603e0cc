package web

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/cmd/need"
	"parley/rooms/natsrooms/natstest"
)

// TestJavaScript checks the JavaScript of the page and its client, and runs those of their tests that need no browser.
func TestJavaScript(t *testing.T) {
	node := need.Node.Path(t)
	readTree(t)
	installPackages(t)
	t.Run("TypesAndLint", func(t *testing.T) { runProgram(t, nil, need.NPM.Path(t), "run", "check") })
	t.Run("Modules", func(t *testing.T) {
		var files []string
		for _, file := range testFiles(t, "client", "page") {
			if !testing.Short() || !strings.HasSuffix(file, "server.test.js") { // which starts servers
				files = append(files, file)
			}
		}
		runProgram(t, nil, node, append([]string{"--import", "./test/globals.js", "--test-reporter=spec", "--test"}, files...)...)
	})
}

// TestBrowsers runs what is written for browsers, one file after the other: each has all of them for itself.
// PARLEY_TEST_OUTPUT names the folder that the pictures of the page go to; it is web/test/output without it.
func TestBrowsers(t *testing.T) {
	runBrowsers(t, testFiles(t, "browser"))
}

// TestSoakBrowsers runs what takes longer in browsers than `make test` may: troubles with real waits.
func TestSoakBrowsers(t *testing.T) {
	if os.Getenv("PARLEY_TEST_SOAK") == "" {
		t.Skip("for make soak")
	}
	runBrowsers(t, testFiles(t, "browser/soak"))
}

func runBrowsers(t *testing.T, files []string) {
	t.Helper()
	node, chromium := need.Node.Path(t), need.Chromium.Path(t)
	installPackages(t)
	env := []string{
		"PARLEY_TEST_BIN=" + buildPrograms(t), "PARLEY_TEST_CHROMIUM=" + chromium, "PARLEY_TEST_NATS=" + natstest.Start(t, 1).URLs()[0],
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".test.js"), func(t *testing.T) {
			env := env
			if strings.Contains(file, "firefox") {
				env = append(env, "PARLEY_TEST_FIREFOX="+need.Firefox.Path(t))
			}
			runProgram(t, env, node, "--test-reporter=spec", "--test", file)
		})
	}
}

func testFiles(t *testing.T, folders ...string) []string {
	t.Helper()
	var files []string
	for _, folder := range folders {
		found, err := filepath.Glob(filepath.Join("test", folder, "*.test.js"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no test in test/%s: %v", folder, err)
		}
		files = append(files, found...)
	}
	return files
}

// readTree looks at what the programs will read, because the go command remembers a result for as long as the files that the
// test itself has looked at stay the same.
func readTree(t *testing.T) {
	t.Helper()
	for _, root := range []string{"static", "test"} {
		err := filepath.WalkDir(root, func(_ string, _ fs.DirEntry, err error) error { return err })
		if err != nil {
			t.Fatal(err)
		}
	}
	settings, err := filepath.Glob("*.json")
	if err != nil || len(settings) == 0 {
		t.Fatalf("no settings: %v", err)
	}
	for _, file := range settings {
		if _, err := os.Stat(file); err != nil {
			t.Fatal(err)
		}
	}
}

// installPackages brings node_modules to what package-lock.json says. That takes the registry, and happens only when the lock
// has changed: a copy of it is kept beside the packages.
func installPackages(t *testing.T) {
	t.Helper()
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join("node_modules", ".parley-lock.json")
	if before, err := os.ReadFile(copied); err == nil && bytes.Equal(before, lock) {
		return
	}
	npm := need.NPM.Path(t)
	out, err := command(t, nil, npm, "ci", "--no-audit", "--no-fund").CombinedOutput()
	switch {
	case bytes.Contains(out, []byte("EUSAGE")): // npm's word for a lock that does not fit
		t.Fatalf("package.json and package-lock.json do not agree:\n%s", out)
	case err != nil:
		need.NPM.Missing(t, errors.New("npm ci failed: "+firstLines(out, 3)))
	}
	if err := os.WriteFile(copied, lock, 0o600); err != nil {
		t.Fatal(err)
	}
}

func firstLines(out []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[:min(n, len(lines))], "; ")
}

// buildPrograms builds the server and the peer without a browser, and returns their folder.
func buildPrograms(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	build := command(t, []string{"CGO_ENABLED=0"}, need.GoCommand(), "build", "-o", folder+string(filepath.Separator),
		"./cmd/parley", "./cmd/parley-peer")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return folder
}

func runProgram(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	out, err := command(t, env, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	t.Logf("%s", out)
}

// endWithin is how long a program may take to end what it has started.
const endWithin = 10 * time.Second

// command runs in this folder. When the test is cut short, or its time is nearly up, it is interrupted, so that it ends its browsers and servers.
func command(t *testing.T, env []string, name string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	if deadline, ok := t.Deadline(); ok {
		ctx, cancel = context.WithDeadline(t.Context(), deadline.Add(-2*endWithin))
	}
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = endWithin
	cmd.Env = append(os.Environ(), env...)
	cmd.Env = append(cmd.Env, "NODE_OPTIONS=", "NO_COLOR=1")
	return cmd
}
