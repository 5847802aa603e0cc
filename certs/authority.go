package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"
)

const (
	organization      = "Parley development authority"
	authorityLifetime = 3650 * 24 * time.Hour
	maxNameLength     = 64 // bytes, the bound of X.520; some readers refuse more
)

// Authority is what may be known of a development authority: its certificate, never its key.
type Authority struct {
	// Name is the common name of the certificate, which says whose authority it is.
	Name string
	// Fingerprint is the SHA-256 of the certificate, in hexadecimal with colons.
	Fingerprint string
	// PEM and DER are the certificate in its two encodings.
	PEM, DER []byte
	// NotAfter is when the authority ends.
	NotAfter time.Time
	// Path is the file of the certificate. Empty when the authority lives in memory.
	Path string
	// New tells that the authority was made just now, so no device can trust it yet.
	New bool
}

// authority is the whole, with the key.
type authority struct {
	cert  *x509.Certificate
	key   crypto.Signer
	path  string
	fresh bool
}

func (a *authority) public() Authority {
	p := publicAuthority(a.cert, a.path)
	p.New = a.fresh
	return p
}

// publicAuthority encodes the certificate anew: whatever else somebody has put into its file, a
// key for example, does not leave.
func publicAuthority(cert *x509.Certificate, path string) Authority {
	sum := sha256.Sum256(cert.Raw)
	return Authority{
		Name:        cert.Subject.CommonName,
		Fingerprint: strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":"),
		PEM:         encodeCertificate(cert.Raw),
		DER:         cert.Raw,
		NotAfter:    cert.NotAfter,
		Path:        path,
	}
}

// newAuthority makes an authority in memory.
//
// It carries no name constraints, though a stolen key would then be worth less. The names are not
// known in advance (the caller adds any, and the addresses of a host change with its network, the
// global ones of IPv6 at home too), and verifiers may ignore constraints in a root. What protects
// is that each host and user has an authority of its own, that the key stays in a file which only
// that user can read, and that the authority can sign no other authority.
func newAuthority(now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               authoritySubject(owner()),
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(-clockSkew).Add(authorityLifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("cannot make a development authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{cert: cert, key: key, fresh: true}, nil
}

// authoritySubject names the owner twice: lists show the common name, where there is less room.
func authoritySubject(owner string) pkix.Name {
	return pkix.Name{
		Organization:       []string{organization},
		OrganizationalUnit: []string{fitName(owner)},
		CommonName:         fitName(organization + " of " + owner),
	}
}

func fitName(name string) string {
	if len(name) > maxNameLength {
		name = name[:maxNameLength]
	}
	return strings.ToValidUTF8(name, "") // the cut may have gone through a character
}

// owner says whose authority it is, because a user may see several in one list.
func owner() string {
	name := "unknown user"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return name + "@" + host
}

// parseAuthority reads the certificate of an authority that can be trusted now.
func parseAuthority(text []byte, now time.Time) (*x509.Certificate, error) {
	cert, err := firstCertificate(text)
	switch {
	case err != nil:
		return nil, err
	case !cert.IsCA || cert.KeyUsage&x509.KeyUsageCertSign == 0:
		return nil, errors.New("the certificate is not an authority's")
	case now.Before(cert.NotBefore):
		return nil, fmt.Errorf("the authority begins at %s, check this computer's clock", cert.NotBefore.Format(time.RFC3339))
	case now.After(cert.NotAfter):
		return nil, fmt.Errorf("the authority ended at %s", cert.NotAfter.Format(time.RFC3339))
	}
	return cert, nil
}

// parseAuthorityPair reads an authority that can sign now.
func parseAuthorityPair(certText, keyText []byte, now time.Time) (*authority, error) {
	cert, err := parseAuthority(certText, now)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(encodeCertificate(cert.Raw), keyText)
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key cannot sign")
	}
	return &authority{cert: cert, key: key}, nil
}

// firstCertificate parses the first certificate in a PEM text.
func firstCertificate(text []byte) (*x509.Certificate, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
	}
	return nil, errors.New("no certificate in PEM form")
}

func encodeCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func encodeKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
