package natsrooms

import (
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"parley/rooms"
)

var lastPrefix atomic.Int64

// newPrefix gives a deployment of its own.
func newPrefix() string { return "t" + strconv.FormatInt(lastPrefix.Add(1), 10) }

// newNode makes an engine, and has it closed when the test ends.
func newNode(t *testing.T, config rooms.Config, options Options) *Engine {
	t.Helper()
	options.Warn = func(what string, err error) {
		if testing.Verbose() {
			t.Logf("%s: %v", what, err)
		}
	}
	e, err := New(t.Context(), config, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// rounds is how often a test does what it does: more often where there is time.
func rounds(t *testing.T, few, many int) int {
	t.Helper()
	if os.Getenv("PARLEY_TEST_SOAK") != "" {
		return many
	}
	return few
}
