package token_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/signaling/token"
)

var secret = []byte("0123456789abcdef0123456789abcdef")

// claims are good for the room "tea" for an hour, unless change says otherwise.
func claims(change func(*token.Claims)) token.Claims {
	c := token.Claims{Room: "tea"}
	c.ExpiresAt = jwt.NewNumericDate(time.Now().Add(time.Hour))
	if change != nil {
		change(&c)
	}
	return c
}

func sign(t *testing.T, c token.Claims) string {
	t.Helper()
	signed, err := token.Sign(secret, c)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func verifier(t *testing.T, config token.Config) *token.Verifier {
	t.Helper()
	v, err := token.NewVerifier(config)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAGoodTokenSaysWhatItAllows(t *testing.T) {
	v := verifier(t, token.Config{Secret: secret})
	signed := sign(t, claims(func(c *token.Claims) {
		c.Subject, c.Name, c.Metadata, c.Capacity = "ann@example.org", "Ann", json.RawMessage(`{"seat":1}`), 4
		c.May = []token.Right{token.MayJoin, "fly"}
	}))
	g, err := v.Verify(t.Context(), signed, "tea")
	if err != nil || g.Identity != "ann@example.org" || g.Name != "Ann" || string(g.Metadata) != `{"seat":1}` || g.Capacity != 4 ||
		g.Broadcast || time.Until(g.Expires) < 59*time.Minute {
		t.Fatalf("%+v, %v", g, err)
	}
	if g, err := v.Verify(t.Context(), sign(t, claims(nil)), "tea"); err != nil || !g.Broadcast {
		t.Fatalf("a token that names no right: %+v, %v", g, err)
	}
}

func TestRoomPatterns(t *testing.T) {
	v := verifier(t, token.Config{Secret: secret})
	for _, test := range []struct {
		pattern, room string
		good          bool
	}{
		{"tea", "tea", true},
		{"tea", "teas", false},
		{"tea", "Tea", false},
		{"", "", false},
		{"*", "anything", true},
		{"team-*", "team-a", true},
		{"team-*", "team", false},
		{"*-a", "team-a", true},
		{"a*a", "a", false},
		{"a*b*c", "a-b-c", true},
		{"a*b*c", "a-c-b", false},
		{"a*b*b", "ab", false},
		{"t?a", "tea", false},
	} {
		signed := sign(t, claims(func(c *token.Claims) { c.Room = test.pattern }))
		if _, err := v.Verify(t.Context(), signed, test.room); (err == nil) != test.good {
			t.Errorf("%q for %q: %v", test.pattern, test.room, err)
		}
	}
}

// forge makes a token of a header and claims as they are, with a signature of one's own.
func forge(header, payload, signature string) string {
	b := base64.RawURLEncoding
	return b.EncodeToString([]byte(header)) + "." + b.EncodeToString([]byte(payload)) + "." + signature
}

func TestAttacks(t *testing.T) {
	good := sign(t, claims(nil))
	parts := strings.Split(good, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	for name, test := range map[string]struct {
		token  string
		change func(*token.Claims)
		want   error
	}{
		"nothing":            {token: "", want: token.ErrInvalid},
		"rubbish":            {token: "a.b.c", want: token.ErrInvalid},
		"no algorithm":       {token: forge(`{"alg":"none","typ":"JWT"}`, string(payload), ""), want: token.ErrInvalid},
		"algorithm swapped":  {token: forge(`{"alg":"HS512","typ":"JWT"}`, string(payload), parts[2]), want: token.ErrInvalid},
		"asymmetric":         {token: forge(`{"alg":"RS256","typ":"JWT","kid":"1"}`, string(payload), parts[2]), want: token.ErrInvalid},
		"own key":            {token: forge(`{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}`, string(payload), parts[2]), want: token.ErrInvalid},
		"claims swapped":     {token: parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"room":"*","exp":99999999999}`)) + "." + parts[2], want: token.ErrInvalid},
		"signature cut":      {token: good[:len(good)-4], want: token.ErrInvalid},
		"a megabyte":         {token: strings.Repeat("a.", 1<<19), want: token.ErrInvalid},
		"expired":            {change: func(c *token.Claims) { c.ExpiresAt = jwt.NewNumericDate(time.Now().Add(-time.Minute)) }, want: token.ErrExpired},
		"never expires":      {change: func(c *token.Claims) { c.ExpiresAt = nil }, want: token.ErrInvalid},
		"beyond all years":   {change: func(c *token.Claims) { c.ExpiresAt = jwt.NewNumericDate(time.Unix(1<<40, 0)) }, want: token.ErrInvalid},
		"not yet valid":      {change: func(c *token.Claims) { c.NotBefore = jwt.NewNumericDate(time.Now().Add(time.Minute)) }, want: token.ErrInvalid},
		"another room":       {change: func(c *token.Claims) { c.Room = "coffee" }, want: token.ErrInvalid},
		"no room":            {change: func(c *token.Claims) { c.Room = "" }, want: token.ErrInvalid},
		"another issuer":     {change: func(c *token.Claims) { c.Issuer = "https://evil.example" }, want: token.ErrInvalid},
		"may not join":       {change: func(c *token.Claims) { c.May = []token.Right{token.MayBroadcast} }, want: token.ErrInvalid},
		"a long identity":    {change: func(c *token.Claims) { c.Subject = strings.Repeat("x", 256) }, want: token.ErrInvalid},
		"a long name":        {change: func(c *token.Claims) { c.Name = strings.Repeat("x", 65) }, want: token.ErrInvalid},
		"metadata no object": {change: func(c *token.Claims) { c.Metadata = json.RawMessage(`[]`) }, want: token.ErrInvalid},
		"capacity below 0":   {change: func(c *token.Claims) { c.Capacity = -1 }, want: token.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			attack := test.token
			if test.change != nil {
				attack = sign(t, claims(func(c *token.Claims) {
					c.Issuer = "https://issuer.example"
					test.change(c)
				}))
			}
			config := token.Config{Secret: secret}
			if test.change != nil {
				config.Issuer = "https://issuer.example"
			}
			_, err := verifier(t, config).Verify(t.Context(), attack, "tea")
			if !errors.Is(err, test.want) {
				t.Fatalf("%v", err)
			}
			if len(attack) > 20 && strings.Contains(err.Error(), attack[:20]) {
				t.Fatalf("the error holds the token: %v", err)
			}
		})
	}
}

func TestAnotherSecret(t *testing.T) {
	other := make([]byte, token.MinSecret)
	_, _ = rand.Read(other)
	if _, err := verifier(t, token.Config{Secret: other}).Verify(t.Context(), sign(t, claims(nil)), "tea"); !errors.Is(err, token.ErrInvalid) {
		t.Fatal(err)
	}
	if _, err := token.NewVerifier(token.Config{Secret: other[1:]}); err == nil {
		t.Fatal("a short secret is taken")
	}
	if _, err := token.Sign(other[1:], claims(nil)); err == nil {
		t.Fatal("a short secret signs")
	}
	if _, err := token.NewVerifier(token.Config{}); err == nil {
		t.Fatal("tokens are checked with nothing")
	}
}

func FuzzVerify(f *testing.F) {
	v, err := token.NewVerifier(token.Config{Secret: secret})
	if err != nil {
		f.Fatal(err)
	}
	good, err := token.Sign(secret, claims(func(c *token.Claims) { c.Subject = "s" }))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, "tea")
	f.Add("e30.e30.", "tea")
	f.Fuzz(func(t *testing.T, signed, room string) {
		if g, err := v.Verify(t.Context(), signed, room); err == nil && (room != "tea" || g.Identity != "s") {
			t.Fatalf("%q for %q: %+v", signed, room, g)
		}
	})
}
