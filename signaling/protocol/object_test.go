package protocol_test

import (
	"testing"

	"parley/signaling/protocol"
)

func TestDepth(t *testing.T) {
	for text, want := range map[string]int{
		`1`: 0, `{}`: 1, `[]`: 1, `[[],{"a":[]}]`: 3, `"[["`: 0, `["\"[[","\\",[]]`: 2, `{"[":"{"}`: 1,
	} {
		if got := protocol.Depth([]byte(text)); got != want {
			t.Errorf("%s: %d, not %d", text, got, want)
		}
	}
}
