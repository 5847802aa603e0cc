package token_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"parley/signaling/token"
)

// issuer is a server of keys. serve is what it does when asked; nil: it gives its keys.
type issuer struct {
	*httptest.Server
	mu    sync.Mutex
	keys  map[string]crypto.Signer
	serve http.HandlerFunc
}

func newIssuer(t *testing.T) *issuer {
	i := &issuer{keys: map[string]crypto.Signer{}}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.serve != nil {
			i.serve(w, r)
			return
		}
		store := jwkset.NewMemoryStorage()
		for kid, key := range i.keys {
			jwk, err := jwkset.NewJWKFromKey(key.Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid}})
			if err == nil {
				err = store.KeyWrite(r.Context(), jwk)
			}
			if err != nil {
				t.Error(err)
			}
		}
		set, err := store.JSONPublic(r.Context())
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(set)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) change(do func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	do()
}

func signWith(t *testing.T, method jwt.SigningMethod, kid string, key any) string {
	t.Helper()
	unsigned := jwt.NewWithClaims(method, claims(nil))
	unsigned.Header["kid"] = kid
	signed, err := unsigned.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func open(t *testing.T, address string) (*token.Verifier, func() []error) {
	t.Helper()
	var mu sync.Mutex
	var failures []error
	set, err := token.OpenKeySet(address, func(err error) {
		mu.Lock()
		defer mu.Unlock()
		failures = append(failures, err)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Close)
	return verifier(t, token.Config{KeySet: set}), func() []error {
		mu.Lock()
		defer mu.Unlock()
		return failures
	}
}

func ecKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeysOfASet(t *testing.T) {
	i := newIssuer(t)
	ec := ecKey(t)
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i.keys = map[string]crypto.Signer{"ec": ec, "rs": rs, "ed": ed}
	v, _ := open(t, i.URL)
	for _, good := range []string{
		signWith(t, jwt.SigningMethodES256, "ec", ec), signWith(t, jwt.SigningMethodRS256, "rs", rs), signWith(t, jwt.SigningMethodEdDSA, "ed", ed),
	} {
		if _, err := v.Verify(t.Context(), good, "tea"); err != nil {
			t.Error(err)
		}
	}
	public, err := x509.MarshalPKIXPublicKey(rs.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"the public key as a secret":       signWith(t, jwt.SigningMethodHS256, "rs", public),
		"another's key under the same kid": signWith(t, jwt.SigningMethodES256, "ec", ecKey(t)),
		"a key of another kind":            signWith(t, jwt.SigningMethodES256, "rs", ec),
		"no kid":                           sign(t, claims(nil)),
		"a kid that is no string":          strings.Replace(signWith(t, jwt.SigningMethodES256, "ec", ec), ".", "x.", 1),
	} {
		if _, err := v.Verify(t.Context(), bad, "tea"); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARotatedKeyIsFetched(t *testing.T) {
	i := newIssuer(t)
	before, after := ecKey(t), ecKey(t)
	i.keys = map[string]crypto.Signer{"1": before}
	v, _ := open(t, i.URL)
	if _, err := v.Verify(t.Context(), signWith(t, jwt.SigningMethodES256, "1", before), "tea"); err != nil {
		t.Fatal(err)
	}
	i.change(func() { i.keys = map[string]crypto.Signer{"2": after} })
	if _, err := v.Verify(t.Context(), signWith(t, jwt.SigningMethodES256, "2", after), "tea"); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), signWith(t, jwt.SigningMethodES256, "1", before), "tea"); err == nil {
		t.Fatal("a key that was withdrawn is taken")
	}
}

// What the server of keys does wrong is told, opens nothing, and leaves the keys before in force.
func TestAServerOfKeysThatFails(t *testing.T) {
	key := ecKey(t)
	elsewhere := newIssuer(t)
	elsewhere.keys = map[string]crypto.Signer{"1": key}
	for name, serve := range map[string]http.HandlerFunc{
		"down":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"rubbish":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":7}`)) },
		"redirecting": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
		"huge": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"keys":[],"x":"` + strings.Repeat("x", 2<<20) + `"}`))
		},
		"slow": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newIssuer(t)
			i.serve = serve
			ctx, cancel := context.WithCancel(t.Context())
			if name == "slow" {
				cancel() // whoever asks has gone: the fetch itself would end after fetchWithin
			}
			defer cancel()
			v, failures := open(t, i.URL)
			_, err := v.Verify(ctx, signWith(t, jwt.SigningMethodES256, "1", key), "tea")
			if err == nil {
				t.Fatal("it opened the door")
			}
			if name != "slow" && (!errors.Is(err, token.ErrUnavailable) || len(failures()) == 0) {
				t.Fatalf("%v, told: %v", err, failures())
			}
		})
	}
}

func TestTheAddressOfAKeySet(t *testing.T) {
	for _, address := range []string{"", "keys", "http://keys.example/", "https://user:secret@keys.example/", "file:///etc/passwd", "https://"} {
		if set, err := token.OpenKeySet(address, func(error) {}); err == nil {
			set.Close()
			t.Errorf("%q is taken", address)
		}
	}
}
