package natsrooms

import (
	"testing"

	"parley/rooms"
	"parley/rooms/natsrooms/natstest"
	"parley/rooms/roomstest"
)

func TestSuite(t *testing.T) {
	nats := natstest.Start(t, 1)
	roomstest.Run(t, func(t *testing.T, config rooms.Config) rooms.Engine {
		return newNode(t, config, Options{URLs: nats.URLs(), Prefix: newPrefix(), Shards: 1})
	})
}
