package rooms

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func newKey(t testing.TB) *SessionKey {
	t.Helper()
	key, err := NewSessionKey(bytes.Repeat([]byte("k"), MinSessionKey))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestASessionKeyHasAMinimumOfBytes(t *testing.T) {
	if _, err := NewSessionKey(make([]byte, MinSessionKey-1)); err == nil || !strings.Contains(err.Error(), "32") {
		t.Fatalf("31 bytes: %v", err)
	}
}

func TestASealedSecretKeepsItsContent(t *testing.T) {
	key := newKey(t)
	want := sealed{
		Peer: "p", Room: strings.Repeat("🏠", 128), Order: 1 << 60, Age: 7, Identity: digest("i"), Name: strings.Repeat("🙂", 64),
		Carried: make([]byte, MaxCarry),
	}
	secret := key.seal(want)
	if got, err := key.open(secret); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v: %v", got, err)
	}
	if key.seal(want) == secret {
		t.Fatal("two secrets are the same")
	}
	if len(secret) > 2048 {
		t.Fatalf("%d bytes", len(secret))
	}
}

// Whatever somebody makes up is refused, and nothing else happens.
func FuzzOpen(f *testing.F) {
	key := newKey(f)
	f.Add("")
	f.Add("AAAA")
	f.Add(key.seal(sealed{Peer: "p", Room: "r"}))
	f.Fuzz(func(t *testing.T, secret string) {
		content, err := key.open(secret)
		if (err == nil) != (content.Peer != "") {
			t.Fatalf("%q: %+v, %v", secret, content, err)
		}
	})
}
