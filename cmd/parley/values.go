package main

import (
	"fmt"
	"math"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/rs/zerolog"

	"parley/rooms"
	"parley/signaling/webhook"
)

// valueError is a value that a setting cannot have. It begins with the value, unless that may be a secret.
type valueError struct{ text string }

func (e *valueError) Error() string { return e.text }

func invalid(format string, args ...any) error {
	return &valueError{fmt.Sprintf(format, args...)}
}

// listenAddress is where a listener listens.
type listenAddress string

// UnmarshalText takes [HOST]:PORT.
func (a *listenAddress) UnmarshalText(text []byte) error {
	_, port, err := net.SplitHostPort(string(text))
	if err != nil {
		return invalid("%q is not of the form [HOST]:PORT, such as :8443 or 127.0.0.1:8443", text)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return invalid("%q does not end in a port from 0 to 65535", text)
	}
	*a = listenAddress(text)
	return nil
}

// adminAddress is a listenAddress, or off.
type adminAddress string

const adminOff adminAddress = "off"

// UnmarshalText takes [HOST]:PORT or off.
func (a *adminAddress) UnmarshalText(text []byte) error {
	if string(text) != string(adminOff) {
		var address listenAddress
		if err := address.UnmarshalText(text); err != nil {
			return invalid("%v; or off", err)
		}
	}
	*a = adminAddress(text)
	return nil
}

// tlsMode is where the certificate comes from.
type tlsMode string

const (
	tlsDev   tlsMode = "dev"
	tlsFiles tlsMode = "files"
	tlsOff   tlsMode = "off"
)

// UnmarshalText takes one of the modes.
func (m *tlsMode) UnmarshalText(text []byte) error {
	return oneOf(m, text, tlsDev, tlsFiles, tlsOff)
}

// logFormat is how lines of the log look.
type logFormat string

const (
	logConsole logFormat = "console"
	logJSON    logFormat = "json"
)

// UnmarshalText takes one of the formats.
func (f *logFormat) UnmarshalText(text []byte) error { return oneOf(f, text, logConsole, logJSON) }

// logLevel is the least of what is logged.
type logLevel string

// UnmarshalText takes one of the levels.
func (l *logLevel) UnmarshalText(text []byte) error {
	return oneOf(l, text, "debug", "info", "warn", "error")
}

func (l logLevel) level() zerolog.Level {
	level, err := zerolog.ParseLevel(string(l))
	if err != nil {
		return zerolog.InfoLevel
	}
	return level
}

func oneOf[T ~string](to *T, text []byte, values ...T) error {
	if !slices.Contains(values, T(text)) {
		names := strings.ReplaceAll(strings.Trim(fmt.Sprint(values), "[]"), " ", ", ")
		return invalid("%q is none of %s", text, names)
	}
	*to = T(text)
	return nil
}

// count is a number of things; 0 is no limit.
type count int

// UnmarshalText takes a whole number.
func (c *count) UnmarshalText(text []byte) error {
	n, err := strconv.ParseInt(string(text), 10, 32)
	if err != nil || n < 0 {
		return invalid("%q is not a whole number from 0 to %d", text, math.MaxInt32)
	}
	*c = count(n)
	return nil
}

// perSecond is a rate; 0 is no limit.
type perSecond float64

// UnmarshalText takes a number.
func (p *perSecond) UnmarshalText(text []byte) error {
	n, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(n == 0 || n >= 0.001 && n <= 1e9) {
		return invalid("%q is not a number from 0.001 to 1e9, or 0", text)
	}
	*p = perSecond(n)
	return nil
}

// graceTime is how long a lost connection may be away.
type graceTime time.Duration

func (g graceTime) duration() time.Duration { return time.Duration(g) }

// String gives it as it may be written.
func (g graceTime) String() string { return shortTime(g.duration()) }

func shortTime(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		return strings.TrimSuffix(text, "0s")
	}
	return text
}

// UnmarshalText takes a time such as 30s or 1m30s. The upper bound is the protocol's, and below a second nothing could
// come back in time.
func (g *graceTime) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < time.Second || d > 120*time.Second {
		return invalid("%q is not a time from 1s to 120s", text)
	}
	*g = graceTime(d)
	return nil
}

// drainTime is how long a server may take to end.
type drainTime time.Duration

func (d drainTime) duration() time.Duration { return time.Duration(d) }

// String gives it as it may be written.
func (d drainTime) String() string { return shortTime(d.duration()) }

// UnmarshalText takes a time such as 20s, or 0.
func (d *drainTime) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 || v > time.Hour {
		return invalid("%q is not a time from 0 to 1h", text)
	}
	*d = drainTime(v)
	return nil
}

// identityPolicy is what happens to a second peer of one identity.
type identityPolicy string

// UnmarshalText takes one of the policies.
func (p *identityPolicy) UnmarshalText(text []byte) error {
	return oneOf(p, text, identityPolicy(rooms.IdentityRefuse), identityPolicy(rooms.IdentityReplace), identityPolicy(rooms.IdentityAllow))
}

// webhookURL is where a webhook is. It may have a secret in it, so the error does not repeat it.
type webhookURL string

// UnmarshalText takes an address as package webhook does.
func (u *webhookURL) UnmarshalText(text []byte) error {
	if err := webhook.CheckURL(string(text)); err != nil {
		return invalid("%v", err)
	}
	*u = webhookURL(text)
	return nil
}

// size is a number of bytes; 0 is no limit.
type size int

type unit struct {
	name  string
	bytes int64
}

// sizeUnits has the longest names first, because "B" ends them all.
func sizeUnits() []unit {
	return []unit{
		{"KiB", 1 << 10},
		{"MiB", 1 << 20},
		{"GiB", 1 << 30},
		{"kB", 1e3},
		{"KB", 1e3},
		{"MB", 1e6},
		{"GB", 1e9},
		{"B", 1},
		{"", 1},
	}
}

// UnmarshalText takes a whole number of bytes, or of a unit: 65536, 64KiB, 1MiB, 64kB.
func (s *size) UnmarshalText(text []byte) error {
	for _, u := range sizeUnits() {
		digits, ok := strings.CutSuffix(string(text), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 31)
		if err != nil || int64(n)*u.bytes > math.MaxInt32 {
			break
		}
		*s = size(int64(n) * u.bytes)
		return nil
	}
	return invalid("%q is not a size below 2GiB, such as 65536, 64KiB, 1MiB or 64kB", text)
}

// String gives it as it may be written.
func (s size) String() string {
	for _, u := range []unit{{"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if s > 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.Itoa(int(s))
}

// list is a setting that may be repeated.
type list []string

// Decode adds the values of one flag, of the environment variable (with commas between them) or of the file (one or many).
func (l *list) Decode(ctx *kong.DecodeContext) error {
	texts, err := popTexts(ctx)
	if err != nil {
		return err
	}
	for _, text := range texts {
		for v := range strings.SplitSeq(text, ",") {
			if v = strings.TrimSpace(v); v != "" {
				*l = append(*l, v)
			}
		}
	}
	return nil
}

// popTexts takes what sources give for a setting that may be repeated.
func popTexts(ctx *kong.DecodeContext) ([]string, error) {
	token, err := ctx.Scan.PopValue("a")
	if err != nil {
		return nil, err
	}
	if texts, ok := token.Value.([]string); ok {
		return texts, nil
	}
	return []string{token.String()}, nil
}

// boolMapper reads a bool, which on the command line may stand without a value.
type boolMapper struct{}

// IsBool tells kong that no value need follow.
func (boolMapper) IsBool() bool { return true }

// Decode takes the value, if there is one.
func (boolMapper) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	value := "true"
	if ctx.Scan.Peek().Type == kong.FlagValueToken {
		value = ctx.Scan.Pop().String()
	}
	switch strings.ToLower(value) {
	case "true", "yes", "on", "1":
		target.SetBool(true)
	case "false", "no", "off", "0":
		target.SetBool(false)
	default:
		return invalid("%q is neither true nor false", value)
	}
	return nil
}
