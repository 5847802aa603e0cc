package certs

import (
	"crypto/tls"
	"testing"
)

func TestConfig(t *testing.T) {
	dev := mustOpenDev(t, t.TempDir())
	for _, test := range []struct {
		name   string
		client *tls.Config
		refuse bool
		alpn   string
	}{
		{name: "a modern client", client: &tls.Config{}},
		{name: "TLS 1.2", client: &tls.Config{MaxVersion: tls.VersionTLS12}},
		{name: "TLS 1.1", client: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, refuse: true},
		{name: "a cipher without authenticated encryption", client: &tls.Config{
			MaxVersion:   tls.VersionTLS12,
			CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA},
		}, refuse: true},
		{name: "a browser's protocols", client: &tls.Config{NextProtos: []string{"h2", "http/1.1"}}, alpn: "http/1.1"},
		{name: "HTTP/2 alone", client: &tls.Config{NextProtos: []string{"h2"}}, refuse: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.client.InsecureSkipVerify = true
			conn, err := dial(t, dev.TLSConfig(), test.client)
			if (err != nil) != test.refuse {
				t.Fatalf("handshake: %v, want refused: %v", err, test.refuse)
			}
			if err == nil && conn.ConnectionState().NegotiatedProtocol != test.alpn {
				t.Errorf("protocol %q, want %q", conn.ConnectionState().NegotiatedProtocol, test.alpn)
			}
		})
	}
}

func TestOff(t *testing.T) {
	var off Off
	if off.TLSConfig() != nil || !off.NotAfter().IsZero() || off.Close() != nil {
		t.Error("off is not off")
	}
}
