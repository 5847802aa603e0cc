package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The authority's two files share a folder of their own: a folder can be renamed into place only
// where none is, which makes certificate and key appear at once, and the first of two servers win.
const (
	authorityDirName  = "dev-authority"
	authorityCertName = "ca.crt"
	authorityKeyName  = "ca.key"
)

// DefaultDir returns the folder where the development authority is kept when none is named:
// parley in the user's folder for configuration. It fails when the user has no such folder.
func DefaultDir() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no folder for configuration: %w", err)
	}
	return filepath.Join(dir, "parley"), nil
}

func orDefaultDir(dir string) (string, error) {
	if dir == "" {
		return DefaultDir()
	}
	return filepath.Abs(dir)
}

// ReadAuthority returns the authority that is kept in dir, or in [DefaultDir] when dir is empty.
// It makes none: without one the error wraps fs.ErrNotExist.
func ReadAuthority(dir string) (Authority, error) {
	cert, path, err := readCertificate(dir)
	if err != nil {
		return Authority{}, err
	}
	return publicAuthority(cert, path), nil
}

// LocalAuthority returns a pool that trusts the authority kept in dir, or in [DefaultDir] when dir
// is empty, besides those that the system trusts. Clients use it to talk to a server on their own
// host. It makes none: without one the error wraps fs.ErrNotExist. A client that may start before
// its server's first start should ask again at each attempt.
func LocalAuthority(dir string) (*x509.CertPool, error) {
	cert, _, err := readCertificate(dir)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AddCert(cert)
	return pool, nil
}

func readCertificate(dir string) (cert *x509.Certificate, path string, err error) {
	dir, err = orDefaultDir(dir)
	if err != nil {
		return nil, "", err
	}
	path = filepath.Join(dir, authorityDirName, authorityCertName)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, "", fmt.Errorf("no development authority: %w", err)
	}
	cert, err = parseAuthority(text, time.Now())
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	return cert, path, nil
}

// openAuthority loads the authority in dir or makes one. A broken one is never replaced: devices
// may trust it, and whether it is worth mending is for its owner to say.
func openAuthority(dir string) (*authority, error) {
	folder := filepath.Join(dir, authorityDirName)
	if _, err := os.Lstat(folder); errors.Is(err, fs.ErrNotExist) {
		fresh, err := createAuthority(dir, folder)
		if err == nil {
			return fresh, nil
		}
		// Another server may have been faster, then its authority is there. If not, the error says why.
		if _, statErr := os.Lstat(folder); statErr != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	a, err := loadAuthority(folder)
	if err != nil {
		return nil, fmt.Errorf("%w (remove %s to have a new one made)", err, folder)
	}
	return a, nil
}

func loadAuthority(folder string) (*authority, error) {
	path := filepath.Join(folder, authorityCertName)
	certText, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	keyText, err := os.ReadFile(filepath.Join(folder, authorityKeyName))
	if err != nil {
		return nil, err
	}
	a, err := parseAuthorityPair(certText, keyText, time.Now())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	a.path = path
	return a, nil
}

func createAuthority(dir, folder string) (*authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	draft, err := os.MkdirTemp(dir, authorityDirName+".*.tmp")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(draft) }() // nothing is there any more after the rename

	a, err := newAuthority(time.Now())
	if err != nil {
		return nil, err
	}
	keyText, err := encodeKey(a.key)
	if err != nil {
		return nil, err
	}
	if err := writeFile(filepath.Join(draft, authorityKeyName), keyText); err != nil {
		return nil, err
	}
	if err := writeFile(filepath.Join(draft, authorityCertName), encodeCertificate(a.cert.Raw)); err != nil {
		return nil, err
	}
	if err := os.Rename(draft, folder); err != nil {
		return nil, err
	}
	a.path = filepath.Join(folder, authorityCertName)
	return a, nil
}

// writeFile writes a new file that only its owner can read.
func writeFile(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return fill(file, text)
}

// replaceFile writes a file that only its owner can read, and that readers see whole or not at all.
func replaceFile(path string, text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	err = fill(file, text)
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}

// fill writes the text through to the disk, so that no crash leaves a named but empty file.
func fill(file *os.File, text []byte) error {
	_, err := file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}
