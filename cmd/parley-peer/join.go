package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"

	"parley/certs"
	"parley/cmd/parley-peer/media"
	"parley/signaling/client"
	"parley/signaling/protocol"
)

// peerSettings are the flags that all commands have.
type peerSettings struct {
	URL       string `default:"wss://localhost:8443/ws" env:"PARLEY_URL" help:"The server's endpoint." placeholder:"URL"`
	Room      string `env:"PARLEY_ROOM" help:"The room to join." placeholder:"NAME"`
	Name      string `env:"PARLEY_NAME" help:"What the others see." placeholder:"NAME"`
	Token     string `env:"PARLEY_TOKEN" help:"A join token; better given as PARLEY_TOKEN than on the command line." placeholder:"TOKEN"`
	CA        string `env:"PARLEY_CA" help:"Trust the authorities in this PEM file as well." placeholder:"FILE" type:"path"`
	Insecure  bool   `env:"PARLEY_INSECURE" help:"Trust any certificate."`
	RelayOnly bool   `env:"PARLEY_RELAY_ONLY" help:"Connect through a TURN relay only."`
	JSON      bool   `name:"json" env:"PARLEY_JSON" help:"Print one JSON object on the last line of standard output."`
	Verbose   bool   `short:"v" env:"PARLEY_VERBOSE" help:"Tell on standard error what happens."`

	logf     func(format string, args ...any)
	identity string                                                               // the same for every attempt to join: an attempt whose answer was lost leaves no ghost
	netDial  func(ctx context.Context, network, address string) (net.Conn, error) // for tests
	fresh    func(context.Context) (string, error)                                // a token for each join; for tests
}

// retryEvery is the wait between attempts to reach a server that refuses connections: it may be about to start.
const retryEvery = 200 * time.Millisecond

// join joins the room. A server that cannot be reached is tried again until ctx ends; one that refuses is not.
func (s *peerSettings) join(ctx context.Context) (*client.Client, error) {
	s.identity = rand.Text()
	authorities, err := s.authorities()
	if err != nil {
		return nil, &stageError{"connect", err}
	}
	for {
		c, err := s.tryJoin(ctx, authorities)
		if err == nil {
			return c, nil
		}
		if !worthRetrying(err) {
			return nil, err
		}
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return nil, err
		}
	}
}

func (s *peerSettings) tryJoin(ctx context.Context, authorities []byte) (*client.Client, error) {
	config := client.Config{URL: s.URL, Room: s.Room, Name: s.Name, TLS: s.trust(authorities), Identity: s.identity, NetDial: s.netDial, Logf: s.logf}
	config.Token = s.fresh
	if s.Token != "" {
		config.Token = func(context.Context) (string, error) { return s.Token, nil }
	}
	c, err := client.Join(ctx, config)
	var refused *protocol.Error
	var closed *client.CloseError
	switch {
	case err == nil:
		return c, nil
	case errors.As(err, &refused), errors.As(err, &closed):
		return nil, &stageError{"join", err}
	default:
		return nil, &stageError{"connect", s.explain(err)}
	}
}

// worthRetrying tells a server that is not there, or a connection that broke, from an answer that will be the same again.
func worthRetrying(err error) bool {
	var (
		certificate *tls.CertificateVerificationError
		http        *client.HTTPError
		refused     *protocol.Error
		closed      *client.CloseError
		stage       *stageError
		network     net.Error
	)
	switch {
	case errors.As(err, &certificate), errors.As(err, &http):
		return false
	case errors.As(err, &refused):
		return refused.Code == protocol.CodeOverloaded
	case errors.As(err, &closed):
		return closed.Code.Action() != protocol.ActionStop
	default:
		return errors.As(err, &stage) && errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	}
}

// explain adds what to do about it.
func (s *peerSettings) explain(err error) error {
	var unknown x509.UnknownAuthorityError
	var verification *tls.CertificateVerificationError
	if errors.As(err, &unknown) || errors.As(err, &verification) {
		return fmt.Errorf("the server's certificate is refused (trust its authority with --ca FILE): %w", err)
	}
	return err
}

// authorities gives what --ca holds.
func (s *peerSettings) authorities() ([]byte, error) {
	if s.CA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(s.CA)
	if err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--ca: %s holds no certificate in PEM", s.CA)
	}
	return pem, nil
}

// trust is whom to trust: the system's authorities and those of --ca, and for a server on this machine its development
// authority. That one is read anew at each attempt, because the server may be making it at this moment.
func (s *peerSettings) trust(authorities []byte) *tls.Config {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if s.loopback() {
		local, err := certs.LocalAuthority("")
		switch {
		case err == nil:
			pool = local
		case !errors.Is(err, fs.ErrNotExist):
			s.logf("the local development authority: %v", err)
		}
	}
	pool.AppendCertsFromPEM(authorities)
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool, InsecureSkipVerify: s.Insecure}
}

// loopback tells whether the server is on this machine.
func (s *peerSettings) loopback() bool {
	u, err := url.Parse(s.URL)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// leave says goodbye, so that the others see it at once.
func (s *peerSettings) leave(ctx context.Context, c *client.Client) error {
	if err := c.Leave(ctx); err != nil {
		return &stageError{"leave", err}
	}
	return nil
}

// api makes the pion API. Candidates on loopback addresses, which pion leaves out, count when the server is there, too: such
// a call has to work on a machine without a network.
func (s *peerSettings) api() (*webrtc.API, error) {
	return media.NewAPI(media.APIConfig{
		Loopback: s.loopback(),
		Log: func(level logging.LogLevel, scope, message string) {
			s.logf("pion %s: %s", scope, message)
		},
		LogLevel: logging.LogLevelError,
	})
}
