package certs

import "crypto/tls"

// newConfig builds the configuration that all modes share. A mode that needs more (another
// application protocol, for a challenge) adds it to the result.
//
// HTTP/2 is left out on purpose. A WebSocket needs HTTP/1.1 here, so an HTTP/2 connection could
// only carry the page, which is a handful of small files; a client or proxy that negotiates it
// and then asks for a WebSocket fails in a way that is hard to understand; and its streams and
// header tables cost memory and give an attacker more to play with.
func newConfig(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		// Only TLS 1.2 looks at this list: forward secrecy and authenticated encryption.
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		NextProtos:     []string{"http/1.1"},
		GetCertificate: get,
	}
}
