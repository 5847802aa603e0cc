package certs

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// FilesOptions name the files of the certificate, in PEM form.
type FilesOptions struct {
	// CertFile holds the certificate and, after it, those between it and its authority.
	CertFile string
	// KeyFile holds the certificate's key, not encrypted.
	KeyFile string
	// OnReload, if not nil, is told what came of each change. Its calls come one after the other
	// from a goroutine of the source; it must not call Close.
	OnReload func(Reload)
}

// Reload says what came of a change of the files.
type Reload struct {
	// NotAfter is when the certificate that is served from now on ends: the new one or the kept one.
	NotAfter time.Time
	// Err is nil when the new pair is in use. Else it says in one line why the old pair was kept,
	// or why changes of the files are noticed late.
	Err error
}

// Files is the source of mode files: a certificate and its key in files, read again when they
// change. A pair that cannot be used is refused and the last good one kept. Open connections
// never notice.
type Files struct {
	options FilesOptions
	timing  timing
	current atomic.Pointer[tls.Certificate]
	stop    context.CancelFunc
	done    chan struct{} // closed when run has ended

	seen [sha256.Size]byte // what the last attempt found; run's alone
}

var _ Source = (*Files)(nil)

// OpenFiles loads the pair and begins to watch it. The error names the file that cannot be used.
func OpenFiles(o FilesOptions) (*Files, error) { return openFiles(o, defaultTiming()) }

func openFiles(o FilesOptions, t timing) (*Files, error) {
	if o.CertFile == "" || o.KeyFile == "" {
		return nil, errors.New("TLS from files needs a certificate file and a key file")
	}
	f := &Files{options: o, timing: t, done: make(chan struct{})}
	// Watching comes before loading, so that no change falls in between.
	watch, watchErr := newFolderWatch(t, o.CertFile, o.KeyFile)
	pair, seen, err := loadPair(o.CertFile, o.KeyFile)
	if err != nil {
		watch.close()
		return nil, err
	}
	f.current.Store(pair)
	f.seen = seen

	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	go f.run(ctx, watch, watchErr)
	return f, nil
}

// TLSConfig returns a new configuration for a listener.
func (f *Files) TLSConfig() *tls.Config { return newConfig(f.getCertificate) }

// NotAfter returns when the certificate that is served now ends.
func (f *Files) NotAfter() time.Time { return f.current.Load().Leaf.NotAfter }

// Close ends the watch on the files and waits for it.
func (f *Files) Close() error {
	f.stop()
	<-f.done
	return nil
}

func (f *Files) getCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return f.current.Load(), nil
}

// check looks whether the files hold something that was not tried yet, and if so, tries it. Each
// broken state is thus reported once, and so is the way back from it.
func (f *Files) check() {
	pair, seen, err := loadPair(f.options.CertFile, f.options.KeyFile)
	if seen == f.seen {
		return
	}
	f.seen = seen
	if err == nil {
		f.current.Store(pair)
	} else {
		err = fmt.Errorf("the last good certificate stays in use: %w", err)
	}
	f.report(err)
}

func (f *Files) report(err error) {
	if f.options.OnReload != nil {
		f.options.OnReload(Reload{NotAfter: f.NotAfter(), Err: err})
	}
}

// loadPair reads the pair. seen stands for what was found: the contents of the files, or why they
// cannot be read.
func loadPair(certFile, keyFile string) (pair *tls.Certificate, seen [sha256.Size]byte, err error) {
	certText, err := os.ReadFile(certFile)
	if err != nil {
		err = fmt.Errorf("certificate file: %w", err)
		return nil, sha256.Sum256([]byte(err.Error())), err
	}
	keyText, err := os.ReadFile(keyFile)
	if err != nil {
		err = fmt.Errorf("key file: %w", err)
		return nil, sha256.Sum256([]byte(err.Error())), err
	}
	certSum, keySum := sha256.Sum256(certText), sha256.Sum256(keyText)
	seen = sha256.Sum256(slices.Concat(certSum[:], keySum[:]))
	if _, err := firstCertificate(certText); err != nil {
		return nil, seen, fmt.Errorf("certificate file %s: %w", certFile, err)
	}
	if encrypted(keyText) {
		return nil, seen, fmt.Errorf("key file %s: the key is encrypted, store it without a passphrase", keyFile)
	}
	loaded, err := tls.X509KeyPair(certText, keyText)
	if err != nil {
		reason := strings.TrimPrefix(err.Error(), "tls: ")
		return nil, seen, fmt.Errorf("key file %s (for %s): %s", keyFile, certFile, reason)
	}
	return &loaded, seen, nil
}

func encrypted(keyText []byte) bool {
	for block, rest := pem.Decode(keyText); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return true
		}
	}
	return false
}
