package signaling

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"parley/signaling/protocol"
)

// limit is one of the limits on who is let in.
type limit string

// The limits. The words are labels of metrics.
const (
	limitConnections        limit = "connections"
	limitAddressConnections limit = "address-connections"
	limitUnjoined           limit = "unjoined"
	limitAddressJoins       limit = "address-joins"
	limitRooms              limit = "rooms"
	limitWaiting            limit = "waiting"
	limitKeys               limit = "keys"    // not a number: those that tokens are checked with cannot be had
	limitWebhook            limit = "webhook" // not a number: what is asked about joins gives no answer
	limitEngine             limit = "engine"  // not a number: it is away, or takes too long
	limitDraining           limit = "draining"
)

// reached says it for the log, with the setting.
func (l limit) reached() string {
	switch l {
	case limitConnections:
		return "--max-connections is reached"
	case limitAddressConnections:
		return "--connections-per-address is reached"
	case limitUnjoined:
		return "--max-unjoined is reached"
	case limitAddressJoins:
		return "--joins-per-address is reached"
	case limitRooms:
		return "--max-rooms is reached"
	case limitWaiting:
		return "as many newcomers wait to be let in as may"
	case limitKeys:
		return "the keys of --token-jwks cannot be had"
	case limitWebhook:
		return "--auth-webhook gives no answer"
	default:
		return "the engine is away or slow"
	}
}

// refusal is what a client is told. Those that are refused together shall not come back together.
func (l limit) refusal() *protocol.Error {
	text := "the server cannot take this now"
	switch l {
	case limitConnections:
		text = "the server has as many connections as it takes"
	case limitAddressConnections:
		text = "there are too many connections from this address"
	case limitUnjoined:
		text = "too many connections wait without having joined, and this is the oldest"
	case limitAddressJoins:
		text = "there are too many joins from this address"
	case limitRooms:
		text = "the server has as many rooms as it takes"
	case limitDraining:
		text = "the server is about to end"
	case limitKeys:
		text = "the keys that tokens are checked with cannot be had now"
	case limitWebhook:
		text = "who decides on joins cannot be asked now"
	case limitEngine:
	}
	err := protocol.Errorf(protocol.CodeOverloaded, "%s", text)
	err.RetryAfter = 2 + rand.IntN(5)
	return err
}

// newWarnings lets each limit be warned of now and then, but for a server's end, which its operator wants.
func newWarnings() map[limit]*rate.Sometimes {
	all := map[limit]*rate.Sometimes{}
	for _, l := range []limit{
		limitConnections, limitAddressConnections, limitUnjoined, limitAddressJoins, limitRooms, limitKeys, limitWebhook, limitEngine,
	} {
		all[l] = &rate.Sometimes{First: 1, Interval: time.Minute}
	}
	return all
}

// overloaded counts one that is refused for a limit, and gives what it is told.
func (s *Server) overloaded(l limit, whose client) *protocol.Error {
	s.metrics.overloaded.WithLabelValues(string(l)).Inc()
	if now := s.warnings[l]; now != nil {
		now.Do(func() {
			s.config.Log.Warn().Str("remote", whose.remote).
				Msgf("Clients are refused as overloaded: %s. More of the next minute are only counted.", l.reached())
		})
	}
	return l.refusal()
}

// refuseUpgrade answers where too many are turned away already.
func (s *Server) refuseUpgrade(w http.ResponseWriter, l limit, whose client) {
	err := s.overloaded(l, whose)
	s.metrics.refused.WithLabelValues("overloaded").Inc()
	w.Header().Set("Retry-After", strconv.Itoa(err.RetryAfter))
	http.Error(w, err.Message, http.StatusServiceUnavailable)
}

const (
	turnAwayAfter  = 2 * time.Second // without a resume, over a limit
	turnAwayWithin = time.Second     // for the client's answer to the close frame: there may be many of them
)

// turnAway tells a client that has not joined why it has to go: in a message, because a browser cannot read an HTTP status.
func (c *conn) turnAway(l limit) {
	c.fail(c.server.overloaded(l, c.from))
	c.close(protocol.CloseTryLater, "")
}
