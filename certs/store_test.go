package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestStartsAtOnce(t *testing.T) {
	const servers = 16
	dir := filepath.Join(t.TempDir(), "parley")
	devs := make([]*Dev, servers)
	var group sync.WaitGroup
	begin := make(chan struct{})
	for i := range devs {
		group.Go(func() {
			<-begin
			devs[i], _ = openDev(DevOptions{Dir: dir}, testNames)
		})
	}
	close(begin)
	group.Wait()

	kept, err := ReadAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for _, dev := range devs {
		if dev.Warning() != "" || dev.Authority().Fingerprint != kept.Fingerprint || !dev.authority.signed(dev.leaf.Leaf, time.Now()) {
			t.Errorf("warning %q, authority %s, want %s", dev.Warning(), dev.Authority().Fingerprint, kept.Fingerprint)
		}
		if dev.Authority().New {
			made++
		}
	}
	if made != 1 {
		t.Errorf("%d servers made an authority", made)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) > 0 {
		t.Errorf("drafts are left: %q", left)
	}
	if next := mustOpenDev(t, dir); next.Authority().New || next.Warning() != "" {
		t.Errorf("the next start: %+v, warning %q", next.Authority(), next.Warning())
	}
}

// Root may write everywhere, so the folder that cannot be used lies below a regular file.
func TestUnusableFolder(t *testing.T) {
	for _, test := range []struct {
		name    string
		dir     func(t *testing.T) string
		warning string
	}{
		{"below a file", func(t *testing.T) string {
			file := filepath.Join(t.TempDir(), "file")
			mustWrite(t, file, nil)
			return filepath.Join(file, "parley")
		}, "not a directory"},
		{"no home", func(t *testing.T) string {
			for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "AppData"} {
				t.Setenv(name, "")
			}
			return ""
		}, "no folder for configuration"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if runtime.GOOS == "windows" {
				test.warning = ""
			}
			dir := test.dir(t)
			dev := mustOpenDev(t, dir)
			a := dev.Authority()
			if a.Path != "" || !a.New || len(a.PEM) == 0 {
				t.Errorf("authority %+v", a)
			}
			if w := dev.Warning(); !strings.Contains(w, "in memory") || !strings.Contains(w, test.warning) || strings.Contains(w, "\n") {
				t.Errorf("warning %q", w)
			}
			pool := x509.NewCertPool()
			pool.AddCert(dev.authority.cert)
			mustDial(t, dev.TLSConfig(), &tls.Config{RootCAs: pool, ServerName: "localhost"}).ping()
			if _, err := LocalAuthority(dir); err == nil {
				t.Error("a client found an authority")
			}
		})
	}
}

func TestBrokenAuthorityStays(t *testing.T) {
	other := mustOpenDev(t, t.TempDir())
	otherKey := mustRead(t, filepath.Join(filepath.Dir(other.Authority().Path), authorityKeyName))
	for _, test := range []struct {
		name, file string
		text       []byte
	}{
		{"an empty certificate", authorityCertName, nil},
		{"a certificate that is none", authorityCertName, []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")},
		{"a leaf in its place", authorityCertName, encodeCertificate(other.leaf.Leaf.Raw)},
		{"another's certificate", authorityCertName, other.Authority().PEM},
		{"an empty key", authorityKeyName, nil},
		{"another's key", authorityKeyName, otherKey},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			folder := filepath.Dir(mustOpenDev(t, dir).Authority().Path)
			mustWrite(t, filepath.Join(folder, test.file), test.text)
			dev := mustOpenDev(t, dir)
			if w := dev.Warning(); !strings.Contains(w, "remove "+folder) || strings.Contains(w, "\n") || dev.Authority().Path != "" {
				t.Errorf("warning %q, path %q", w, dev.Authority().Path)
			}
			if got := mustRead(t, filepath.Join(folder, test.file)); string(got) != string(test.text) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestLeafThatCannotBeKept(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, leafFileName, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	dev := mustOpenDev(t, dir)
	if dev.Authority().Path == "" || !strings.Contains(dev.Warning(), "new at each start") {
		t.Errorf("authority %+v, warning %q", dev.Authority(), dev.Warning())
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) > 0 {
		t.Errorf("drafts are left: %q", left)
	}
}

func TestClientsMakeNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "parley")
	if _, err := LocalAuthority(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("LocalAuthority: %v", err)
	}
	if _, err := ReadAuthority(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ReadAuthority: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a folder was made")
	}

	dev := mustOpenDev(t, dir)
	// A client needs no key, and what else is in the file stays there.
	folder := filepath.Dir(dev.Authority().Path)
	key := mustRead(t, filepath.Join(folder, authorityKeyName))
	mustWrite(t, dev.Authority().Path, append(key, dev.Authority().PEM...))
	if err := os.Remove(filepath.Join(folder, authorityKeyName)); err != nil {
		t.Fatal(err)
	}
	read, err := ReadAuthority(dir)
	if err != nil || read.Fingerprint != dev.Authority().Fingerprint || string(read.PEM) != string(dev.Authority().PEM) || read.New {
		t.Errorf("ReadAuthority: %+v, %v", read, err)
	}
}
