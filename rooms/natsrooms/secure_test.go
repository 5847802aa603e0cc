package natsrooms

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"parley/rooms"
)

// NATS as an operator has it who lets nobody in without credentials, and everything go over TLS.
func TestCredentialsAndTLS(t *testing.T) {
	certificate, authority := newCertificate(t)
	_, stranger := newCertificate(t)
	operator, account, credentials := newAccount(t)
	system := jwt.NewAccountClaims(publicKey(t, newKey(t, nkeys.CreateAccount))) // which JetStream needs there
	resolver := &server.MemAccResolver{}
	for _, a := range []*jwt.AccountClaims{account, system} {
		if err := resolver.Store(a.Subject, encodeClaims(t, a, operator)); err != nil {
			t.Fatal(err)
		}
	}
	claims := jwt.NewOperatorClaims(publicKey(t, operator))
	nats, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
		TLS: true, TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}}, TLSTimeout: 10,
		TrustedOperators: []*jwt.OperatorClaims{claims}, AccountResolver: resolver, SystemAccount: system.Subject,
	})
	if err != nil {
		t.Fatal(err)
	}
	nats.Start()
	defer func() {
		nats.Shutdown()
		nats.WaitForShutdown()
	}()
	if !nats.ReadyForConnections(20 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	trusting := func(authority *x509.Certificate) *tls.Config {
		pool := x509.NewCertPool()
		pool.AddCert(authority)
		return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	}
	for name, test := range map[string]struct {
		credentials string
		authority   *x509.Certificate
		good        bool
	}{
		"with both":              {credentials, authority, true},
		"without credentials":    {"", authority, false},
		"with another authority": {credentials, stranger, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := newNode(t, rooms.Config{}, Options{
				URLs: []string{nats.ClientURL()}, Credentials: test.credentials, TLS: trusting(test.authority), Prefix: newPrefix(),
			})
			if err := e.Ready(t.Context()); (err == nil) != test.good {
				t.Fatalf("ready: %v", err)
			}
			if !test.good {
				return
			}
			ann, bob := join(t, e), join(t, e)
			ann.want("joined")
			ann.send(bob, "hello")
			bob.want("hello")
		})
	}
}

// newCertificate makes a certificate for 127.0.0.1 that vouches for itself.
func newCertificate(t *testing.T) (tls.Certificate, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nats"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, DNSNames: []string{"localhost"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, parsed
}

// newAccount makes an operator, an account with JetStream, and a file of credentials for one of its users.
func newAccount(t *testing.T) (operator nkeys.KeyPair, account *jwt.AccountClaims, credentials string) {
	t.Helper()
	operator = newKey(t, nkeys.CreateOperator)
	owner, user := newKey(t, nkeys.CreateAccount), newKey(t, nkeys.CreateUser)
	account = jwt.NewAccountClaims(publicKey(t, owner))
	account.Limits.JetStreamLimits = jwt.JetStreamLimits{
		MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit,
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.FormatUserConfig(encodeClaims(t, jwt.NewUserClaims(publicKey(t, user)), owner), seed)
	if err != nil {
		t.Fatal(err)
	}
	credentials = filepath.Join(t.TempDir(), "user.creds")
	if err := os.WriteFile(credentials, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return operator, account, credentials
}

func newKey(t *testing.T, create func() (nkeys.KeyPair, error)) nkeys.KeyPair {
	t.Helper()
	k, err := create()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func publicKey(t *testing.T, k nkeys.KeyPair) string {
	t.Helper()
	key, err := k.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func encodeClaims(t *testing.T, claims jwt.Claims, by nkeys.KeyPair) string {
	t.Helper()
	token, err := claims.Encode(by)
	if err != nil {
		t.Fatal(err)
	}
	return token
}
