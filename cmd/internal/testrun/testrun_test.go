package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"parley/cmd/need"
)

func TestIsDebian(t *testing.T) {
	tests := []struct {
		release string
		want    bool
	}{
		{"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n", true},
		{"ID=\"debian\"", true},
		{"ID=ubuntu\nID_LIKE=debian\n", false},
		{"ID=fedora\n", false},
		{"", false},
	}
	for _, tt := range tests {
		if got := isDebian(tt.release); got != tt.want {
			t.Errorf("isDebian(%q) = %t, want %t", tt.release, got, tt.want)
		}
	}
}

func TestInstall(t *testing.T) {
	wanted := []need.Need{need.CCompiler, need.Firefox, need.Node}
	tests := []struct {
		name    string
		allowed bool
		present []need.Need
		fail    []string // the calls that fail, by their first word; each once
		calls   []string // first words
		said    string   // a part of it
	}{
		{name: "not root, or not Debian", calls: nil},
		{name: "all there", allowed: true, present: wanted},
		{name: "installed", allowed: true, present: []need.Need{need.Node}, calls: []string{"install"}, said: "apt-get install gcc libc6-dev firefox-esr\n"},
		{name: "no lists yet", allowed: true, fail: []string{"install"}, calls: []string{"install", "update", "install"}, said: "Installing"},
		{name: "one source away", allowed: true, fail: []string{"install", "update"}, calls: []string{"install", "update", "install"}, said: "Installing"},
		{
			name: "apt-get cannot", allowed: true, fail: []string{"install", "update", "install"},
			calls: []string{"install", "update", "install"}, said: "could not install them: no such package\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var said bytes.Buffer
			var calls []string
			fail := slices.Clone(tt.fail)
			i := installer{
				out:     &said,
				allowed: tt.allowed,
				find: func(n need.Need) (string, error) {
					if slices.Contains(tt.present, n) {
						return "/bin/x", nil
					}
					return "", errors.New("absent")
				},
				apt: func(args ...string) (string, error) {
					calls = append(calls, args[0])
					if at := slices.Index(fail, args[0]); at >= 0 {
						fail = slices.Delete(fail, at, at+1)
						return "Reading...\nE: no such package\n", errors.New("exit status 100")
					}
					return "", nil
				},
			}
			i.install(wanted)
			if !slices.Equal(calls, tt.calls) {
				t.Errorf("apt-get was called with %q, want %q", calls, tt.calls)
			}
			if !strings.Contains(said.String(), tt.said) || (tt.said == "" && said.Len() > 0) {
				t.Errorf("said %q, want %q in it", said.String(), tt.said)
			}
		})
	}
}

func TestSummary(t *testing.T) {
	skips := []need.Skip{
		{Need: need.Firefox, Test: "TestCall", Reason: "firefox is not in PATH", Package: true},
		{Need: need.CCompiler, Test: "the race detector", Reason: "gcc is not in PATH", Package: true},
		{Need: need.Firefox, Test: "TestB", Reason: "firefox is not in PATH", Package: true},
		{Need: need.Firefox, Test: "TestA", Reason: "firefox is not in PATH", Package: true},
		{Need: need.Firefox, Test: "TestC", Reason: "firefox is not in PATH", Package: true},
		{Need: need.Namespaces, Test: "TestNAT", Reason: "they need root"},
	}
	list := `
Skipped, because something is missing here:
  C compiler: the race detector (gcc is not in PATH)
  Firefox: TestA, TestB, TestC and 1 more (firefox is not in PATH)
  network namespaces: TestNAT (they need root)
`
	tests := []struct {
		name  string
		skips []need.Skip
		goos  string
		root  bool
		want  string
	}{
		{name: "nothing skipped", goos: "linux"},
		{name: "user", skips: skips, goos: "linux", want: list + "To run them too: sudo apt-get install firefox-esr gcc libc6-dev\n"},
		{name: "root", skips: skips, goos: "linux", root: true, want: list + "To run them too: apt-get install firefox-esr gcc libc6-dev\n"},
		{name: "macOS", skips: skips, goos: "darwin", want: list + "To run them too: brew install firefox\n"},
		{
			name: "nothing to install", skips: skips[5:], goos: "linux",
			want: "\nSkipped, because something is missing here:\n  network namespaces: TestNAT (they need root)\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := summary(tt.skips, tt.goos, tt.root); got != tt.want {
				t.Errorf("summary:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}

func TestNeedsByName(t *testing.T) {
	got, err := splitNeeds("Docker,C compiler")
	if want := []need.Need{need.Docker, need.CCompiler}; !slices.Equal(got, want) || err != nil {
		t.Errorf("splitNeeds() = %v, %v; want %v", got, err, want)
	}
	if got, err := splitNeeds(""); len(got) != 0 || err != nil {
		t.Errorf("splitNeeds of nothing = %v, %v", got, err)
	}
	if _, err := splitNeeds("docker"); err == nil || !strings.Contains(err.Error(), "Docker") {
		t.Errorf("splitNeeds of an unknown one: %v; want an error with the list", err)
	}
}

func TestParseTargets(t *testing.T) {
	list := "FuzzA\nFuzzB\nok  \tparley/x\t0.01s\n?   \tparley/y\t[no test files]\nok  \tparley/z\t0.01s\nFuzzC\nok  \tparley/w\t(cached)\n"
	want := []target{{"parley/x", "FuzzA"}, {"parley/x", "FuzzB"}, {"parley/w", "FuzzC"}}
	if got := parseTargets(list); !slices.Equal(got, want) {
		t.Errorf("parseTargets() = %v, want %v", got, want)
	}
}

func TestFuzzVerdict(t *testing.T) {
	progress := "fuzz: elapsed: 3s, execs: 120 (40/sec), new interesting: 1 (total: 1)\nfuzz: elapsed: 5s, execs: 205 (42/sec)\n"
	tests := []struct {
		name, output string
		deadline     bool
	}{
		{"passed", progress + "PASS\nok  \tparley/x\t5s\n", false},
		{"end of time", progress + "--- FAIL: FuzzA (5.01s)\n    context deadline exceeded\nFAIL\nexit status 1\n", true},
		{"an input", progress + "--- FAIL: FuzzA (5s)\n    --- FAIL: FuzzA (0s)\n        x_test.go:9: bad\n\n    Failing input written to testdata/fuzz/FuzzA/1\nFAIL\n", false},
		{"an input that says deadline", progress + "--- FAIL: FuzzA (5s)\n    context deadline exceeded\n\n    Failing input written to testdata\nFAIL\n", false},
		{"more said", progress + "--- FAIL: FuzzA (5s)\n    context deadline exceeded\n    x_test.go:9: bad\nFAIL\n", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := onlyDeadline(tt.output); got != tt.deadline {
				t.Errorf("onlyDeadline() = %t, want %t", got, tt.deadline)
			}
			if got := executions(tt.output); got != "205" {
				t.Errorf("executions() = %s, want 205", got)
			}
		})
	}
	if got := executions("no such package"); got != "0" {
		t.Errorf("executions of nothing = %s, want 0", got)
	}
}

// TestRun runs the whole runner on a small module, with a need that is missing: the way of a skip from a test binary to
// the last lines, and the exit code.
func TestRun(t *testing.T) {
	tests := []struct {
		name, test string
		args       []string
		code       int
		says       []string
	}{
		{name: "passes", test: "", args: []string{"-fast", "--", "./..."}, says: []string{"ok"}},
		{name: "fails", test: `t.Fatal("no")`, args: []string{"-fast", "--", "./..."}, code: 1, says: []string{"FAIL"}},
		{
			name: "skips", test: `f, _ := os.OpenFile(os.Getenv("PARLEY_TEST_SKIPS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
				f.WriteString("{\"Need\":\"nginx\",\"Test\":\"TestIt\",\"Reason\":\"gone\",\"Package\":true}\n")
				t.Skip()`,
			args: []string{"-fast", "--", "./..."}, says: []string{"ok", "nginx: TestIt (gone)\n", "install nginx"},
		},
		{name: "bad flag", args: []string{"-nonsense"}, code: 2, says: []string{"-nonsense"}},
		{name: "bad need", args: []string{"-install", "wings"}, code: 2, says: []string{`"wings"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			files := map[string]string{
				"go.mod":     "module module\n\ngo 1.25\n",
				"it_test.go": "package it\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nvar _ = os.Args\n\nfunc TestIt(t *testing.T) {\n" + tt.test + "\n}\n",
			}
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			t.Chdir(dir)
			expect(t, tt.args, tt.code, tt.says...)
		})
	}
}

// expect runs the runner with args and checks its exit code and parts of what it says.
func expect(t *testing.T, args []string, code int, says ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	got := run(context.Background(), args, &stdout, &stderr)
	said := stdout.String() + stderr.String()
	if got != code {
		t.Errorf("exit code %d, want %d; it said:\n%s", got, code, said)
	}
	for _, want := range says {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in:\n%s", want, said)
		}
	}
}

// TestFuzzAll runs the runner with a go command that has two targets, of which one fails.
func TestFuzzAll(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in is a shell script")
	}
	script := `#!/bin/sh
case "$*" in
*-list=*) printf 'FuzzGood\nFuzzBad\nok  \tmodule/x\t0.1s\n' ;;
*FuzzGood*) echo 'fuzz: elapsed: 3s, execs: 41 (13/sec)'; echo 'fuzz: elapsed: 5s, execs: 77 (13/sec)' ;;
*) echo 'fuzz: elapsed: 3s, execs: 5 (1/sec)'; echo '--- FAIL: FuzzBad (3s)'; exit 1 ;;
esac
`
	command := filepath.Join(t.TempDir(), "go")
	if err := os.WriteFile(command, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GO", command)
	expect(t, []string{"-fuzz", "5s"}, 1,
		"module/x FuzzGood: passed, 77 executions\n", "module/x FuzzBad: FAILED, 5 executions\n", "fuzz targets: 2\n")
}
