package natsrooms

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// Those that are parallel wait out leases and losses. A -parallel on the command line comes after this.
	_ = flag.Set("test.parallel", "4")
	goleak.VerifyTestMain(m)
}
