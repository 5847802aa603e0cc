package main

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be the bare relay or NATS, as the program is for itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == bareArgument || os.Args[1] == natsArgument) {
		main()
	}
	goleak.VerifyTestMain(m)
}
