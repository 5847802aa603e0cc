package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// configCommand prints the settings. It takes the flags of serve, so that one can see what they would do.
type configCommand struct{ Settings }

// hidden stands for a secret.
const hidden = "(hidden)"

// Run prints YAML that could be a file of settings, were the secrets in it.
func (c *configCommand) Run(_ context.Context, s streams) error {
	_, err := io.WriteString(s.out, describe(&c.Settings))
	return err
}

func describe(s *Settings) string {
	var b strings.Builder
	for _, flag := range s.flags {
		if flag.Name == configFlag {
			continue // the comments name the file
		}
		from := "default"
		if p, ok := s.from[flag.Name]; ok {
			from = p.where
		}
		line := flag.Name + ": " + shown(flag)
		fmt.Fprintf(&b, "%-40s # %s\n", line, from)
	}
	return b.String()
}

// shown gives a setting's value as YAML, without what is secret.
func shown(flag *kong.Flag) string {
	value := flag.Target.Interface()
	if flag.Tag.Has("secret") {
		if v, ok := value.(interface{ Public() string }); ok {
			return v.Public()
		}
		if flag.Target.IsZero() {
			return `""`
		}
		return asJSON(hidden)
	}
	if v, ok := value.(fmt.Stringer); ok {
		return plain(v.String())
	}
	if flag.Target.Kind() == reflect.String {
		return plain(flag.Target.String())
	}
	if flag.Target.Kind() == reflect.Slice && flag.Target.Len() == 0 {
		return "[]"
	}
	return asJSON(value)
}

var plainText = regexp.MustCompile(`^[A-Za-z0-9/.][A-Za-z0-9/._-]*$`)

// plain leaves out quotes where YAML does not need them.
func plain(text string) string {
	if plainText.MatchString(text) {
		return text
	}
	return asJSON(text)
}

// asJSON writes a value as JSON, which is YAML too.
func asJSON(value any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return `""` // no setting is of such a type
	}
	return strings.TrimSpace(b.String())
}
