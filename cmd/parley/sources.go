package main

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// sources gives kong what is not on the command line: the environment, and the file. It notes where each value came from.
type sources struct {
	env    func(name string) (string, bool)
	loaded bool
	path   string
	file   map[string]any
	from   map[string]place
}

var _ kong.Resolver = (*sources)(nil)

// place is where a value came from.
type place struct {
	said  string // the setting's name there: --grace, PARLEY_GRACE, parley.yaml: grace
	where string // for people: "flag", "environment PARLEY_GRACE", "file parley.yaml"
}

// sourceError is a wrong value that did not come from the command line, or a file that cannot be read.
type sourceError struct{ text string }

func (e *sourceError) Error() string { return e.text }

// variable names the environment variable of a flag.
func variable(flag string) string {
	return "PARLEY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

const configFlag = "config"

// Validate does nothing: the file's keys were checked when it was read.
func (s *sources) Validate(*kong.Application) error { return nil }

// Resolve gives the value of a flag that is not on the command line, nil if there is none.
func (s *sources) Resolve(ctx *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	if node := parent.Node(); node == nil || !takesSettings(node) {
		return nil, nil
	}
	if err := s.load(ctx, parent.Flags); err != nil {
		return nil, err
	}
	value, from, err := s.find(flag)
	if value == nil || err != nil {
		return nil, err
	}
	// Kong would blame the flag, which the user has not written.
	err = flag.Parse(kong.Scan().PushTyped(value, kong.FlagValueToken), reflect.New(flag.Target.Type()).Elem())
	if err != nil {
		if reason := errors.Unwrap(err); reason != nil {
			err = reason
		}
		return nil, &sourceError{from.said + ": " + err.Error()}
	}
	s.from[flag.Name] = from
	return value, nil
}

func takesSettings(node *kong.Node) bool {
	_, ok := node.Target.Addr().Interface().(configurable)
	return ok
}

// find gives a string, or for a setting that may be repeated perhaps a []string; nil if there is nothing. A variable that is
// set to nothing counts as not set: that is how compose files leave one out.
func (s *sources) find(flag *kong.Flag) (value any, from place, err error) {
	name := variable(flag.Name)
	if text, _ := s.env(name); text != "" {
		return text, place{said: name, where: "environment " + name}, nil
	}
	from = place{said: s.path + ": " + flag.Name, where: "file " + s.path}
	raw := s.file[flag.Name]
	if flag.Target.Kind() == reflect.Slice {
		value, err = fileTexts(raw)
	} else {
		value, err = fileText(raw)
	}
	if err != nil {
		return nil, from, &sourceError{from.said + ": " + err.Error()}
	}
	return value, from, nil
}

// load reads the file, once, when it is known which one.
func (s *sources) load(ctx *kong.Context, flags []*kong.Flag) error {
	if s.loaded {
		return nil
	}
	s.loaded = true
	label := "--" + configFlag
	for _, path := range ctx.Path {
		if path.Flag != nil && path.Flag.Name == configFlag {
			s.path = fmt.Sprint(ctx.FlagValue(path.Flag))
		}
	}
	if s.path == "" {
		label = variable(configFlag)
		s.path, _ = s.env(label)
	}
	if s.path == "" {
		return nil
	}
	file, err := readFile(s.path)
	if err != nil {
		return &sourceError{label + ": " + err.Error()}
	}
	known := func(key string) bool {
		return key != configFlag && slices.ContainsFunc(flags, func(f *kong.Flag) bool { return f.Name == key })
	}
	for key := range file {
		if !known(key) {
			return &sourceError{fmt.Sprintf("%s: unknown key %q; the keys are the names of the flags, see parley --help-all", s.path, key)}
		}
	}
	s.file = file
	return nil
}

// places tells where the flags of the command that was called got their values. Those that are not in it have the default.
func (s *sources) places(ctx *kong.Context) map[string]place {
	for _, path := range ctx.Path {
		if path.Flag != nil && !path.Resolved {
			s.from[path.Flag.Name] = place{said: "--" + path.Flag.Name, where: "flag"}
		}
	}
	return s.from
}
