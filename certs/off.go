package certs

import (
	"crypto/tls"
	"time"
)

// Off is the source of a server without TLS, behind a proxy that ends it.
type Off struct{}

var _ Source = Off{}

// TLSConfig returns nil: there is no TLS.
func (Off) TLSConfig() *tls.Config { return nil }

// NotAfter returns the zero time: there is no certificate.
func (Off) NotAfter() time.Time { return time.Time{} }

// Close does nothing.
func (Off) Close() error { return nil }
