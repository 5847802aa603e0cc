package token

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/signaling/protocol"
)

// leeway is how far the clocks of the server and of who makes the tokens may be apart.
const leeway = 5 * time.Second

// Config says which tokens are good. At least one of Secret and KeySet is set.
type Config struct {
	Secret []byte  // for HS256, at least MinSecret bytes
	KeySet *KeySet // for ES256, RS256 and EdDSA
	Issuer string  // that iss must be, "" for any
}

// Verifier tells good tokens from bad ones.
type Verifier struct {
	config Config
	parser *jwt.Parser
}

// NewVerifier makes one. The key set stays the caller's to close.
func NewVerifier(config Config) (*Verifier, error) {
	var methods []string
	if config.Secret != nil {
		if err := checkSecret(config.Secret); err != nil {
			return nil, err
		}
		methods = append(methods, jwt.SigningMethodHS256.Alg())
	}
	if config.KeySet != nil {
		methods = append(methods, keySetMethods()...)
	}
	if methods == nil {
		return nil, errors.New("tokens cannot be checked without a secret or a key set")
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(methods), jwt.WithExpirationRequired(), jwt.WithLeeway(leeway), jwt.WithStrictDecoding(),
	}
	if config.Issuer != "" {
		options = append(options, jwt.WithIssuer(config.Issuer))
	}
	return &Verifier{config: config, parser: jwt.NewParser(options...)}, nil
}

// Verify gives what a token allows in a room. Errors: ErrExpired, ErrInvalid, ErrUnavailable.
func (v *Verifier) Verify(ctx context.Context, token, room string) (Grant, error) {
	if len(token) > protocol.MaxToken { // before anything looks into it
		return Grant{}, fmt.Errorf("%w: it is longer than %d bytes", ErrInvalid, protocol.MaxToken)
	}
	var claims Claims
	_, err := v.parser.ParseWithClaims(token, &claims, func(t *jwt.Token) (any, error) {
		if t.Method == jwt.SigningMethodHS256 {
			return v.config.Secret, nil
		}
		return v.config.KeySet.key(ctx, t)
	})
	switch {
	case err == nil:
		return claims.grant(room)
	case errors.Is(err, ErrUnavailable):
		return Grant{}, err
	case errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return Grant{}, ErrExpired
	default:
		return Grant{}, fmt.Errorf("%w: %w", ErrInvalid, reason(err))
	}
}

// reason gives what is wrong with a token without what is in it: the parser repeats some of that.
func reason(err error) error {
	for _, known := range []error{
		jwt.ErrTokenSignatureInvalid, jwt.ErrTokenNotValidYet, jwt.ErrTokenInvalidIssuer, jwt.ErrTokenRequiredClaimMissing,
		jwt.ErrTokenUnverifiable, jwt.ErrTokenMalformed, jwt.ErrTokenInvalidClaims,
	} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errors.New("it cannot be checked")
}
