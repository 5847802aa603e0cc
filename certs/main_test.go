package certs

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connection is an established TLS connection, seen from the client, to a server that echoes.
type connection struct {
	*tls.Conn
	t *testing.T
}

// dial makes a handshake with a server that has this configuration.
func dial(t *testing.T, server, client *tls.Config) (*connection, error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		raw, err := listener.Accept()
		if err != nil {
			return
		}
		conn := tls.Server(raw, server)
		defer func() { _ = conn.Close() }()
		var buffer [64]byte
		for {
			n, err := conn.Read(buffer[:])
			if err != nil {
				return
			}
			if _, err := conn.Write(buffer[:n]); err != nil {
				return
			}
		}
	}()
	conn, err := tls.Dial("tcp", listener.Addr().String(), client)
	t.Cleanup(func() {
		if conn != nil {
			_ = conn.Close()
		}
		_ = listener.Close()
		<-done
	})
	if err != nil {
		return nil, err
	}
	return &connection{conn, t}, nil
}

func mustDial(t *testing.T, server, client *tls.Config) *connection {
	t.Helper()
	conn, err := dial(t, server, client)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// leaf returns the certificate that the server showed.
func (c *connection) leaf() *x509.Certificate { return c.ConnectionState().PeerCertificates[0] }

// ping fails the test unless the connection carries data both ways.
func (c *connection) ping() {
	c.t.Helper()
	if _, err := c.Write([]byte("ping")); err != nil {
		c.t.Fatalf("the connection broke: %v", err)
	}
	var answer [4]byte
	if _, err := c.Read(answer[:]); err != nil || string(answer[:]) != "ping" {
		c.t.Fatalf("got %q, %v, want the ping back", answer, err)
	}
}

func mustWrite(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
