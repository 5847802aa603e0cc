// Package certs provides the server's TLS: where the certificate comes from, one file a mode, and
// the one TLS configuration that all modes share.
//
// The server's wiring opens the [Source] that its mode names, listens with the source's
// configuration and closes the source at the end:
//
//   - dev: [OpenDev], an authority and a certificate of its own for this host, made at the first start;
//   - files: [OpenFiles], a pair of files that is read again when it changes;
//   - off: [Off], no TLS.
//
// [LocalAuthority] is for clients on the same host: it trusts the development authority without
// ever making one. [NewAuthorityHandler] serves that authority to the devices that shall trust it.
//
// The package logs nothing. What an operator should know comes back as an error, as a warning or
// through a callback.
package certs

import (
	"crypto/tls"
	"time"
)

// Source is one mode's way to a certificate. All its methods may be called at any time and from
// any goroutine.
type Source interface {
	// TLSConfig returns a new configuration for a listener, or nil when the mode serves without
	// TLS. Call it once for each listener: every configuration has session tickets of its own.
	//
	// Do the handshakes in the listener, as tls.NewListener does, and call Serve. ServeTLS would add HTTP/2 by itself.
	TLSConfig() *tls.Config

	// NotAfter returns when the certificate that is served now ends, or the zero time when there
	// is none.
	NotAfter() time.Time

	// Close ends what the source does in the background and waits for it. Handshakes go on with
	// the last certificate. A second call does nothing.
	Close() error
}
