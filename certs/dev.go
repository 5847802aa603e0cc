package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// DevOptions say where the development authority lives and what its certificate is for.
type DevOptions struct {
	// Dir is the folder where authority and certificate are kept. Empty means [DefaultDir].
	Dir string
	// Names are names and addresses that the certificate is for, besides this host's own.
	Names []string
}

// Dev is the source of mode dev: a development authority of this host and user, and a certificate
// that it signed for localhost, this host's names and its addresses. Both are kept in a folder so
// that a device which trusts the authority goes on doing so.
type Dev struct {
	authority *authority
	extra     []string        // names that the caller asked for
	hostNames func() []string // names and addresses that this host has now
	leafFile  string          // empty: the leaf lives in memory
	warning   string

	mu   sync.Mutex
	leaf *tls.Certificate
}

var _ Source = (*Dev)(nil)

// OpenDev loads the development authority and its certificate, and makes what is missing. When
// the folder cannot be used they live in memory, and Warning says why. The error is about a name
// in the options that is none.
func OpenDev(o DevOptions) (*Dev, error) { return openDev(o, hostNames) }

func openDev(o DevOptions, hostNames func() []string) (*Dev, error) {
	extra, err := canonicalNames(o.Names)
	if err != nil {
		return nil, err
	}
	d := &Dev{extra: extra, hostNames: hostNames}
	if err := d.openAuthority(o.Dir); err != nil {
		return nil, err
	}
	keepErr, err := d.renew()
	if err != nil {
		return nil, err
	}
	if keepErr != nil && d.warning == "" {
		d.warning = fmt.Sprintf("the development certificate is new at each start: %v", keepErr)
	}
	return d, nil
}

// openAuthority falls back to an authority in memory: a folder that cannot be used must not keep
// a development server from starting.
func (d *Dev) openAuthority(dir string) error {
	dir, err := orDefaultDir(dir)
	if err == nil {
		d.authority, err = openAuthority(dir)
	}
	if err == nil {
		d.leafFile = filepath.Join(dir, leafFileName)
		return nil
	}
	d.warning = fmt.Sprintf("the development authority lives in memory and is new at each start: %v", err)
	d.authority, err = newAuthority(time.Now())
	return err
}

// Authority returns the public part of the authority.
func (d *Dev) Authority() Authority { return d.authority.public() }

// Warning says in one line why the authority or the certificate could not be kept, or is empty.
func (d *Dev) Warning() string { return d.warning }

// TLSConfig returns a new configuration for a listener.
func (d *Dev) TLSConfig() *tls.Config { return newConfig(d.getCertificate) }

// NotAfter returns when the certificate that is served now ends. It is renewed before.
func (d *Dev) NotAfter() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.leaf.Leaf.NotAfter
}

// Close does nothing: nothing runs in the background.
func (d *Dev) Close() error { return nil }

// getCertificate renews on the way, in the handshake that finds it needed: a server that nobody
// talks to needs no new certificate, and no goroutine has to wait for one.
func (d *Dev) getCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.authority.nearEnd(d.leaf.Leaf, time.Now()) || !covers(d.leaf.Leaf, localAddress(hello)) {
		// Neither error stops the handshake. The old leaf is better than none, and one that cannot
		// be kept still serves.
		_, _ = d.renew()
	}
	return d.leaf, nil
}

// localAddress returns the address that a client reached this host by. A laptop that moves to
// another network gets new addresses while the server runs.
func localAddress(hello *tls.ClientHelloInfo) []string {
	if hello.Conn == nil {
		return nil
	}
	tcp, ok := hello.Conn.LocalAddr().(*net.TCPAddr)
	if !ok {
		return nil
	}
	addr := tcp.AddrPort().Addr().Unmap()
	if !reachable(addr) {
		return nil
	}
	return []string{addr.String()}
}

// renew puts a leaf in place that is for all names of this moment: the one in memory, the one in
// the folder (another server may have made it), or a new one. The names of the host decide, not
// those of the client, so nobody from outside can make it sign. keepErr says why a new leaf could
// not be written.
func (d *Dev) renew() (keepErr, err error) {
	now := time.Now()
	names := slices.Concat(d.hostNames(), d.extra)
	if d.leaf != nil && d.usable(d.leaf.Leaf, names, now) {
		return nil, nil
	}
	if d.leafFile != "" {
		kept, err := tls.LoadX509KeyPair(d.leafFile, d.leafFile)
		if err == nil && d.usable(kept.Leaf, names, now) {
			d.leaf = &kept
			return nil, nil
		}
	}
	leaf, text, err := d.authority.issue(names, now)
	if err != nil {
		return nil, fmt.Errorf("cannot make a development certificate: %w", err)
	}
	d.leaf = leaf
	if d.leafFile == "" {
		return nil, nil
	}
	return replaceFile(d.leafFile, text), nil
}

func (d *Dev) usable(leaf *x509.Certificate, names []string, now time.Time) bool {
	return d.authority.signed(leaf, now) && !d.authority.nearEnd(leaf, now) && covers(leaf, names)
}
