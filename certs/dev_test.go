package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// testNames stands for a host that never moves.
func testNames() []string { return []string{"localhost", "127.0.0.1", "::1", "box"} }

func mustOpenDev(t *testing.T, dir string, names ...string) *Dev {
	t.Helper()
	return mustOpenDevOn(t, testNames, dir, names...)
}

func mustOpenDevOn(t *testing.T, host func() []string, dir string, names ...string) *Dev {
	t.Helper()
	dev, err := openDev(DevOptions{Dir: dir, Names: names}, host)
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

func (d *Dev) serial() string { return d.leaf.Leaf.SerialNumber.String() }

func TestFirstStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "parley")
	dev, err := OpenDev(DevOptions{Dir: dir, Names: []string{"Call.Example.", "192.0.2.7", "192.0.2.7"}})
	if err != nil {
		t.Fatal(err)
	}
	authority := dev.Authority()
	if dev.Warning() != "" || !authority.New || authority.Path != filepath.Join(dir, "dev-authority", "ca.crt") {
		t.Errorf("warning %q, authority %+v", dev.Warning(), authority)
	}
	if text := mustRead(t, authority.Path); string(text) != string(authority.PEM) {
		t.Errorf("the file is %q, the authority %q", text, authority.PEM)
	}
	if len(authority.Fingerprint) != 95 || strings.Count(authority.Fingerprint, ":") != 31 {
		t.Errorf("fingerprint %q", authority.Fingerprint)
	}
	leaf := dev.leaf.Leaf
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "call.example", "192.0.2.7"} {
		if err := leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	// Both ends belong to the time of validity.
	if life := leaf.NotAfter.Sub(leaf.NotBefore) + time.Second; life > 397*24*time.Hour {
		t.Errorf("the leaf lasts %v", life)
	}
	if !leaf.NotBefore.Before(time.Now()) || leaf.IsCA || !dev.NotAfter().Equal(leaf.NotAfter) {
		t.Errorf("leaf from %v to %v, authority: %v", leaf.NotBefore, leaf.NotAfter, leaf.IsCA)
	}
	for _, cert := range []*x509.Certificate{leaf, dev.authority.cert} {
		if key, ok := cert.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
			t.Errorf("%v has a key %T, want ECDSA P-256", cert.Subject, cert.PublicKey)
		}
	}
}

func TestAuthorityCertificate(t *testing.T) {
	cert := mustOpenDev(t, t.TempDir()).authority.cert
	if !cert.IsCA || cert.MaxPathLen != 0 || !cert.MaxPathLenZero {
		t.Errorf("authority: %v, path length %d", cert.IsCA, cert.MaxPathLen)
	}
	if want := x509.KeyUsageCertSign | x509.KeyUsageCRLSign; cert.KeyUsage != want {
		t.Errorf("key usage %b, want %b", cert.KeyUsage, want)
	}
	if years := cert.NotAfter.Sub(cert.NotBefore).Hours() / 24 / 365; years < 9.9 || years > 10.1 {
		t.Errorf("it lasts %.1f years", years)
	}
	if len(cert.SubjectKeyId) == 0 {
		t.Error("it has no key id")
	}

	subject := authoritySubject("ann@box")
	if subject.CommonName != "Parley development authority of ann@box" || subject.OrganizationalUnit[0] != "ann@box" {
		t.Errorf("subject %v", subject)
	}
	long := authoritySubject(strings.Repeat("ü", 64))
	if len(long.CommonName) > 64 || len(long.OrganizationalUnit[0]) > 64 || strings.ContainsRune(long.CommonName, '\uFFFD') {
		t.Errorf("subject %v", long)
	}
}

func TestOnlyTheOwnerCanRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such permissions; the user's folder protects")
	}
	dir := filepath.Join(t.TempDir(), "parley")
	mustOpenDev(t, dir)
	mustOpenDev(t, dir, "another.example") // replaces the leaf
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		} else {
			files = append(files, entry.Name())
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has %v, want %v", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if want := []string{"ca.crt", "ca.key", "dev-leaf.pem"}; err != nil || !slices.Equal(files, want) {
		t.Errorf("files %q, %v, want %q", files, err, want)
	}
}

func TestHandshake(t *testing.T) {
	dir := t.TempDir()
	dev := mustOpenDev(t, dir, "call.example")
	pool, err := LocalAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		server string
		want   bool
	}{
		{"localhost", true},
		{"127.0.0.1", true},
		{"::1", true},
		{"call.example", true},
		{"other.example", false},
		{"127.0.0.2", false},
	} {
		conn, err := dial(t, dev.TLSConfig(), &tls.Config{RootCAs: pool, ServerName: test.server})
		if (err == nil) != test.want {
			t.Errorf("%s: %v", test.server, err)
		}
		if err == nil {
			conn.ping()
		}
	}
	var unknown x509.UnknownAuthorityError
	if _, err := dial(t, dev.TLSConfig(), &tls.Config{ServerName: "localhost", RootCAs: x509.NewCertPool()}); !errors.As(err, &unknown) {
		t.Errorf("without the authority: %v", err)
	}
}

func TestNextStart(t *testing.T) {
	other := mustOpenDev(t, t.TempDir())
	_, strange, err := other.authority.issue(slices.Concat(testNames(), []string{"one.example"}), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	leafWith := func(text []byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) { mustWrite(t, filepath.Join(dir, leafFileName), text) }
	}
	for _, test := range []struct {
		name    string
		host    []string
		extra   []string
		between func(t *testing.T, dir string)
		newLeaf bool
	}{
		{name: "nothing changed", host: testNames(), extra: []string{"one.example"}},
		{name: "a name less", host: testNames()},
		{name: "an address less", host: []string{"localhost", "127.0.0.1"}, extra: []string{"one.example"}},
		{name: "a name more", host: testNames(), extra: []string{"one.example", "two.example"}, newLeaf: true},
		{name: "another address", host: []string{"localhost", "192.0.2.9"}, newLeaf: true},
		{name: "no leaf", host: testNames(), newLeaf: true, between: func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, leafFileName)); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "a broken leaf", host: testNames(), newLeaf: true, between: leafWith([]byte("broken"))},
		{name: "another authority's leaf", host: testNames(), newLeaf: true, between: leafWith(strange)},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			first := mustOpenDev(t, dir, "one.example")
			if test.between != nil {
				test.between(t, dir)
			}
			host := func() []string { return test.host }
			second := mustOpenDevOn(t, host, dir, test.extra...)
			if second.Authority().New || second.Authority().Fingerprint != first.Authority().Fingerprint {
				t.Error("the authority is another")
			}
			if got := second.serial() != first.serial(); got != test.newLeaf {
				t.Errorf("new leaf: %v, want %v", got, test.newLeaf)
			}
			if !covers(second.leaf.Leaf, slices.Concat(test.host, test.extra)) || !second.authority.signed(second.leaf.Leaf, time.Now()) {
				t.Errorf("the leaf is for %q and %v", second.leaf.Leaf.DNSNames, second.leaf.Leaf.IPAddresses)
			}
			if third := mustOpenDevOn(t, host, dir, test.extra...); third.serial() != second.serial() {
				t.Error("the leaf was not kept")
			}
		})
	}
}

func TestNameThatIsNone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "parley")
	_, err := OpenDev(DevOptions{Dir: dir, Names: []string{"https://call.example"}})
	if err == nil || !strings.Contains(err.Error(), `"https://call.example"`) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a folder was made")
	}
}

// addressed is a connection that came in on some address of this host.
type addressed struct {
	net.Conn
	local net.Addr
}

func (a addressed) LocalAddr() net.Addr { return a.local }

func TestHostMovesToAnotherNetwork(t *testing.T) {
	host := testNames()
	dev := mustOpenDevOn(t, func() []string { return host }, t.TempDir())
	first := dev.serial()
	through := func(address string) string {
		t.Helper()
		local := &net.TCPAddr{IP: net.ParseIP(address), Port: 8443}
		cert, err := dev.getCertificate(&tls.ClientHelloInfo{Conn: addressed{local: local}})
		if err != nil {
			t.Fatal(err)
		}
		return cert.Leaf.SerialNumber.String()
	}
	// An address that is not the host's, behind a translation for example, makes it sign nothing.
	for _, address := range []string{"127.0.0.1", "192.0.2.20", "fe80::1"} {
		if through(address) != first {
			t.Errorf("a new leaf for %s", address)
		}
	}
	host = append(host, "192.0.2.20")
	if through("192.0.2.20") == first || !covers(dev.leaf.Leaf, host) {
		t.Errorf("the leaf is for %v", dev.leaf.Leaf.IPAddresses)
	}
	if cert, err := dev.getCertificate(&tls.ClientHelloInfo{}); err != nil || cert != dev.leaf {
		t.Errorf("without a connection: %v, %v", cert, err)
	}
}
