package natsrooms

import (
	"testing"

	"parley/rooms"
	"parley/rooms/roomstest"
)

func TestSuite(t *testing.T) {
	nats := startNATS(t)
	roomstest.Run(t, func(t *testing.T, config rooms.Config) rooms.Engine {
		return newNode(t, config, Options{URLs: []string{nats.ClientURL()}, Prefix: newPrefix(), Shards: 1})
	})
}
