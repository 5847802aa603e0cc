package main

import (
	"fmt"

	"github.com/rs/zerolog"

	"parley/signaling/token"
)

// checksTokens tells whether there is anything to check join tokens with.
func (s *Settings) checksTokens() bool { return s.TokenSecret+s.TokenSecretFile+s.TokenJWKS != "" }

// openTokens makes what checks join tokens, nil where nothing is to. close ends it.
func openTokens(s *Settings, log zerolog.Logger) (verifier *token.Verifier, close func(), err error) {
	close = func() {}
	if !s.checksTokens() {
		return nil, close, nil
	}
	config := token.Config{Issuer: s.TokenIssuer}
	if config.Secret, err = s.secret("token-secret", s.TokenSecret, s.TokenSecretFile); err != nil {
		return nil, close, err
	}
	if s.TokenJWKS != "" {
		config.KeySet, err = token.OpenKeySet(s.TokenJWKS, func(err error) {
			log.Warn().Err(err).Msg("The keys of --token-jwks cannot be fetched; those that are known go on.")
		})
		if err != nil {
			return nil, close, fmt.Errorf("%s: %w", s.said("token-jwks"), err)
		}
		close = config.KeySet.Close
	}
	if verifier, err = token.NewVerifier(config); err != nil {
		close()
		return nil, func() {}, fmt.Errorf("%s: %w; this makes one: openssl rand -base64 32", s.saidSecret("token-secret", s.TokenSecretFile), err)
	}
	return verifier, close, nil
}
