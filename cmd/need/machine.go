package need

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"time"
)

// machine is what find asks of the machine that it runs on; tests replace it.
type machine struct {
	goos     string
	root     bool
	lookPath func(name string) (string, error)
	exists   func(path string) bool
	run      func(name string, args ...string) (output string, err error)
}

func thisMachine() machine {
	return machine{
		goos:     runtime.GOOS,
		root:     os.Geteuid() == 0,
		lookPath: exec.LookPath,
		exists:   func(path string) bool { _, err := os.Stat(path); return err == nil },
		run:      run,
	}
}

// GoCommand returns the go command to run: the one that the Makefile found (GO), or the one in PATH.
func GoCommand() string {
	if command := os.Getenv("GO"); command != "" {
		return command
	}
	return "go"
}

// run is for short questions to a program; "go" is the go command of this run. The time limit is for programs that hang
// where there is no terminal.
func run(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if name == "go" {
		name = GoCommand()
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}
