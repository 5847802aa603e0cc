package certs

import (
	"crypto/tls"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const day = 24 * time.Hour

// handshake returns the serial number of the leaf that a client gets now.
func (d *Dev) handshake(t *testing.T) string {
	t.Helper()
	cert, err := d.getCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	if now := time.Now(); now.After(cert.Leaf.NotAfter) && now.Before(d.authority.cert.NotAfter) {
		t.Errorf("the leaf ended at %v, now it is %v", cert.Leaf.NotAfter, now)
	}
	return cert.Leaf.SerialNumber.String()
}

func TestLeafIsRenewedWhileRunning(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	mustWrite(t, file, nil)
	for name, dir := range map[string]string{"in a folder": t.TempDir(), "in memory": filepath.Join(file, "none")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dev := mustOpenDev(t, dir)
				first := dev.handshake(t)
				time.Sleep(360 * day)
				if dev.handshake(t) != first {
					t.Error("it was renewed early")
				}
				time.Sleep(8 * day)
				second := dev.handshake(t)
				if second == first || !dev.authority.signed(dev.leaf.Leaf, time.Now()) {
					t.Error("it was not renewed")
				}
				if dev.handshake(t) != second {
					t.Error("it was renewed twice")
				}
				if next := mustOpenDev(t, dir); next.Warning() == "" && next.handshake(t) != second {
					t.Error("the renewed leaf was not kept")
				}
			})
		})
	}
}

func TestServersShareARenewedLeaf(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		one, two := mustOpenDev(t, dir), mustOpenDev(t, dir)
		time.Sleep(370 * day)
		if one.handshake(t) != two.handshake(t) {
			t.Error("each server made a leaf")
		}
	})
}

func TestLeafIsRenewedAtStart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		first := mustOpenDev(t, dir)
		time.Sleep(500 * day)
		second := mustOpenDev(t, dir)
		if second.Authority().New || second.serial() == first.serial() || second.NotAfter().Before(time.Now()) {
			t.Errorf("authority new: %v, leaf until %v", second.Authority().New, second.NotAfter())
		}
	})
}

func TestEndOfTheAuthority(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		mustOpenDev(t, dir)
		time.Sleep(authorityLifetime - 10*day)
		late := mustOpenDev(t, dir)
		if !late.NotAfter().Equal(late.Authority().NotAfter) {
			t.Errorf("the leaf ends at %v, the authority at %v", late.NotAfter(), late.Authority().NotAfter)
		}
		if first := late.handshake(t); late.handshake(t) != first {
			t.Error("a new leaf with each handshake")
		}
		time.Sleep(11 * day)
		if w := mustOpenDev(t, dir).Warning(); !strings.Contains(w, "ended at") {
			t.Errorf("warning %q", w)
		}
		if _, err := LocalAuthority(dir); err == nil {
			t.Error("a client trusts an authority that has ended")
		}
	})
}

func TestClockBeforeTheAuthority(t *testing.T) {
	dir := t.TempDir()
	mustOpenDev(t, dir)
	synctest.Test(t, func(t *testing.T) { // begins in the year 2000
		if w := mustOpenDev(t, dir).Warning(); !strings.Contains(w, "clock") {
			t.Errorf("warning %q", w)
		}
	})
}
