package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

// The exit codes. A wrong value, wherever it comes from, is a failure: the command itself was understood.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2 // an unknown command or flag
)

// commandLine is the grammar.
type commandLine struct {
	Help    helpFlag    `short:"h" help:"This page."`
	HelpAll helpAllFlag `help:"All flags, with their environment variables."`

	Serve   serveCommand   `cmd:"" default:"withargs" help:"Serve the page, the signaling endpoint and health."`
	Config  configCommand  `cmd:"" help:"Print all that is in force, and where each value comes from."`
	CA      caCommand      `cmd:"" name:"ca" help:"Print the certificate of the local development authority; it is made if there is none."`
	Token   tokenCommand   `cmd:"" help:"Print a join token."`
	Health  healthCommand  `cmd:"" help:"Ask a server whether it is alive; exit 0 if it is."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// streams is the world that a command sees.
type streams struct {
	env      func(name string) (string, bool)
	out, err io.Writer
}

// command is one of the commands, after its flags have been read.
type command interface {
	Run(ctx context.Context, s streams) error
}

// configurable is a command that takes the settings.
type configurable interface {
	settings() *Settings
}

// execute reads the command line, runs the command and returns the exit code.
func execute(ctx context.Context, args []string, s streams) int {
	cmd, err := parse(args, s)
	if err == nil {
		err = cmd.Run(ctx, s)
	}
	var wrong *usageError
	switch {
	case err == nil, errors.Is(err, errHelpShown):
		return exitOK
	case errors.As(err, &wrong):
		_, _ = fmt.Fprintf(s.err, "parley: %v; see parley --help\n", err)
		return exitUsage
	default:
		_, _ = fmt.Fprintf(s.err, "parley: %v\n", err)
		return exitFailure
	}
}

// usageError is a command line that was not understood.
type usageError struct{ error }

// parse finds the command and fills in its flags from the command line, the environment and the file.
func parse(args []string, s streams) (command, error) {
	src := &sources{env: s.env, from: map[string]place{}}
	parser, err := kong.New(&commandLine{}, kong.Name("parley"), kong.NoDefaultHelp(), kong.Writers(s.out, s.err),
		kong.KindMapper(reflect.Bool, boolMapper{}), kong.Resolvers(src))
	if err != nil {
		return nil, err
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return nil, parseFailure(err)
	}
	target := parsed.Selected().Target.Addr().Interface()
	if c, ok := target.(configurable); ok {
		settings := c.settings()
		settings.from = src.places(parsed)
		settings.flags = parsed.Selected().Flags
		if err := settings.check(); err != nil {
			return nil, err
		}
	}
	return target.(command), nil
}

// parseFailure tells a wrong value, which has its own words, from a command line that kong did not understand.
func parseFailure(err error) error {
	var wrong *sourceError
	var value *valueError
	switch {
	case errors.Is(err, errHelpShown):
		return err
	case errors.As(err, &wrong): // without the flag's name before it, where it was not the flag
		return wrong
	case errors.As(err, &value):
		return err
	}
	// Kong says `--x: expected string value but got "EOL" (<EOL>)`.
	if flag, _, ok := strings.Cut(err.Error(), ": expected "); ok && strings.HasPrefix(flag, "--") {
		err = fmt.Errorf("%s needs a value; one that begins with a dash is written %s=VALUE", flag, flag)
	}
	return &usageError{err}
}
