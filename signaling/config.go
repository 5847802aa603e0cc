package signaling

import (
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"parley/rooms"
	"parley/signaling/protocol"
	"parley/signaling/token"
	"parley/signaling/webhook"
)

// Config has the settings of a Server. The zero value of a number means its default; below 0 turns a limit off.
type Config struct {
	Log        zerolog.Logger        // connection and peer ids, never a secret or an SDP
	Registerer prometheus.Registerer // nil: no metrics are registered

	Origins       []string // that are let in beside the server's own; "*" for all
	AllowNoOrigin bool     // clients that are not browsers
	TLS           bool     // the server has TLS itself, so that the scheme of its own origin is known

	TrustedProxies []netip.Prefix // whose word for the client's address and scheme is taken

	Tokens       *token.Verifier // checks join tokens; nil: they are not looked at
	RequireToken bool            // nobody joins without one

	Authorizer *webhook.Authorizer // decides on each join, after its token was found good; nil: nobody is asked
	// Reported is told what clients report about their calls. It returns at once. nil: nobody is told.
	Reported func(room string, peer rooms.PeerID, report protocol.Report)

	ICEServers []protocol.ICEServer // for every client that Authorizer says no others for

	Capacity       int           // peers a room, as the engine has it, for the client to know
	Grace          time.Duration // as the engine has it, for the client to know
	MaxMessage     int           // bytes of a message; default 64 KiB
	MaxFirst       int           // bytes of a message before joined; default 16 KiB
	Rate           float64       // messages a second; default 100
	Burst          int           // messages at once; default 1,500
	Unacknowledged int           // numbered messages of a client without acknowledgement; default 256

	MaxConnections        int     // at a time; no default
	MaxUnjoined           int     // connections that have not joined; default 4,096
	ConnectionsPerAddress int     // an IPv6 /64 is one address; default 1,024
	JoinsPerAddress       float64 // a second, and four times as many at once; default 50

	JoinWithin    time.Duration // for the first join or resume; default 10 s
	MessageWithin time.Duration // for the rest of a message that has begun; default 30 s
	PingEvery     time.Duration // give or take a fifth; default 25 s
	DeadAfter     time.Duration // without a frame; default 75 s
	WriteWithin   time.Duration // for one write to the socket; default 10 s
}

func (c Config) withDefaults() Config {
	number(&c.MaxMessage, 64<<10)
	number(&c.MaxFirst, 16<<10)
	number(&c.MaxUnjoined, 4096)
	number(&c.ConnectionsPerAddress, 1024)
	number(&c.JoinsPerAddress, 50)
	number(&c.Rate, 100)
	number(&c.Burst, 1500)
	number(&c.Unacknowledged, 256)
	number(&c.Capacity, 16)
	number(&c.Grace, 30*time.Second)
	number(&c.JoinWithin, 10*time.Second)
	number(&c.MessageWithin, 30*time.Second)
	number(&c.PingEvery, 25*time.Second)
	number(&c.DeadAfter, 75*time.Second)
	number(&c.WriteWithin, 10*time.Second)
	return c
}

func number[T int | float64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// limits is what a client is told to pace itself by. 0 stands for no limit.
func (c Config) limits() protocol.Limits {
	return protocol.Limits{
		Message: max(0, c.MaxMessage), Rate: int(max(0, c.Rate)), Burst: max(0, c.Burst),
		Peers: max(0, c.Capacity), Unacknowledged: max(0, c.Unacknowledged),
	}
}
