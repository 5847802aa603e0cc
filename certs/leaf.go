package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"slices"
	"time"
)

const (
	leafFileName = "dev-leaf.pem" // key and certificate in one file, so that one rename replaces both

	// Apple's systems refuse a longer one. The second is there because both ends count.
	leafLifetime = 397*24*time.Hour - time.Second
	// The rest of its life at which a leaf is replaced.
	renewBefore = 30 * 24 * time.Hour
	// How far a client's clock may be behind.
	clockSkew = time.Hour
)

// issue signs a new key for the names. It returns the pair, and the pair as the text of its file.
func (a *authority) issue(names []string, now time.Time) (*tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{organization}, CommonName: "Parley development server"},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(-clockSkew).Add(leafLifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if template.NotAfter.After(a.cert.NotAfter) {
		template.NotAfter = a.cert.NotAfter
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	keyText, err := encodeKey(key)
	if err != nil {
		return nil, nil, err
	}
	text := slices.Concat(keyText, encodeCertificate(der))
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, nil, err
	}
	return &pair, text, nil
}

// signed tells whether the authority signed the leaf and both are valid now.
func (a *authority) signed(leaf *x509.Certificate, now time.Time) bool {
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:       roots,
		CurrentTime: now,
		KeyUsages:   []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return err == nil
}

// nearEnd tells whether the leaf should be replaced. One that ends with its authority should not:
// the next would end no later.
func (a *authority) nearEnd(leaf *x509.Certificate, now time.Time) bool {
	return leaf.NotAfter.Sub(now) < renewBefore && leaf.NotAfter.Before(a.cert.NotAfter)
}

// covers tells whether the leaf is for all names. It may be for more: a name that the host no
// longer has does no harm, while a new leaf makes each browser ask its user again.
func covers(leaf *x509.Certificate, names []string) bool {
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			if !slices.ContainsFunc(leaf.IPAddresses, ip.Equal) {
				return false
			}
		} else if !slices.Contains(leaf.DNSNames, name) {
			return false
		}
	}
	return true
}
