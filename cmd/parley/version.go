package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionCommand prints what the go command noted in the binary.
type versionCommand struct{}

// Run prints one line.
func (versionCommand) Run(_ context.Context, s streams) error {
	_, err := fmt.Fprintln(s.out, readBuild())
	return err
}

// version is set by the linker where the sources are built without their history, as in the image.
var version string

// build is what is known of the binary.
type build struct {
	version string
	commit  string // "" where it was built without version control
	dirty   bool   // built from changed files
}

func readBuild() build {
	b := build{version: "(unknown)"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.version = info.Main.Version
	}
	if version != "" {
		b.version = version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.commit = s.Value
		case "vcs.modified":
			b.dirty = s.Value == "true"
		}
	}
	return b
}

// String gives one line for people.
func (b build) String() string {
	line := "parley " + b.version
	if b.commit != "" {
		line += ", commit " + b.commit
	}
	if b.dirty {
		line += " with changes"
	}
	return fmt.Sprintf("%s, %s %s/%s", line, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
