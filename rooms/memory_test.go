package rooms_test

import (
	"testing"

	"go.uber.org/goleak"

	"parley/rooms"
	"parley/rooms/roomstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) { roomstest.Run(t, newMemory) }

func TestMemoryRestarts(t *testing.T) { roomstest.RunRestarts(t, newMemory) }

func newMemory(t *testing.T, config rooms.Config) rooms.Engine {
	engine := rooms.NewMemory(config)
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return engine
}
