package client

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"

	"parley/signaling/protocol"
)

// The waits of a client that are no settings.
const (
	writeWithin   = 10 * time.Second       // a write to the socket, or the socket is dropped
	pongWithin    = 5 * time.Second        // a sign of life after a ping, or the socket is dropped
	ackWithin     = time.Second            // an acknowledgement, at the latest
	ackEvery      = 16                     // messages, at the latest
	admitWithin   = 10 * time.Minute       // how long a room may let a newcomer wait
	firstRetry    = 500 * time.Millisecond // the ceiling of the first wait before reconnecting
	graceCeiling  = 3 * time.Second        // of the waits while the session may still be resumed
	retryCeiling  = 30 * time.Second       // of the waits after that
	settled       = time.Second            // a connection that lasted so long starts the waits anew
	maxRetryAfter = time.Hour              // a server's wish beyond this is not believed
	maxMessage    = 16 << 20               // bytes of a server's message: a full roster with everyone's metadata
	maxExpire     = 365 * 24 * time.Hour   // of ICE credentials
)

// Config says where to connect to, which room to join and as whom. URL and Room are needed, the rest may stay empty.
type Config struct {
	URL  string // of the server's endpoint: wss://host/ws, or ws:// on a trusted way
	Room string

	Name     string          // what the others see
	Metadata json.RawMessage // what the others see: a JSON object
	// Token gives a join token. It is asked for one before every join, so that a token that has ended is never sent again.
	Token    func(context.Context) (string, error)
	Password string
	// Identity is a secret of 22 to 128 random characters that says, for this room, that two joins are by the same user. If
	// it is empty the Client makes one, so that after a rejoin it does not stand beside what is left of its own lost session.
	Identity string

	TLS    *tls.Config // nil: the system's authorities
	Header http.Header // more headers of the handshake, such as Origin
	// NetDial opens the connection below TLS; nil: a net.Dialer. With NetDial set, the environment's proxies are not asked.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)

	// ConnectTimeout bounds one attempt to connect, with TLS and the WebSocket handshake; JoinTimeout the answer to join or
	// resume. 0: 10 s each.
	ConnectTimeout, JoinTimeout time.Duration
	// Queue is how many events may wait for Next until the Client stops reading. 0: 256.
	Queue int
	// Rand gives random numbers in [0,1) for the waits before reconnecting. nil: math/rand/v2.
	Rand func() float64
	// Logf is told what the connection does, never a secret. nil: nobody is.
	Logf func(format string, args ...any)
}

// withDefaults checks what can be checked without the server and fills in what was left out.
func (c Config) withDefaults() (Config, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "ws" && u.Scheme != "wss" {
		return c, errors.New("client: the URL must be of the form wss://host/ws")
	}
	if u.User != nil || u.Fragment != "" {
		return c, errors.New("client: the URL must not have a user name, a password or a fragment")
	}
	if c.Identity == "" {
		c.Identity = rand.Text()
	}
	if c.ConnectTimeout <= 0 {
		c.ConnectTimeout = 10 * time.Second
	}
	if c.JoinTimeout <= 0 {
		c.JoinTimeout = 10 * time.Second
	}
	if c.Queue <= 0 {
		c.Queue = 256
	}
	if c.Rand == nil {
		c.Rand = mathrand.Float64
	}
	if c.Logf == nil {
		c.Logf = func(string, ...any) {}
	}
	_, err = c.joinMessage("")
	return c, err
}

// joinMessage gives the join as it is sent, checked by the server's own rules.
func (c Config) joinMessage(token string) ([]byte, error) {
	message, err := marshal(struct {
		Type string `json:"type"`
		protocol.Join
	}{protocol.TypeJoin, protocol.Join{
		Room: c.Room, Name: c.Name, Metadata: c.Metadata, Token: token, Password: c.Password, Identity: c.Identity,
	}})
	if err != nil {
		return nil, fmt.Errorf("client: the metadata is not JSON: %w", err)
	}
	m, err := protocol.Decode(message)
	if err == nil {
		_, err = m.Join()
	}
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return message, nil
}
