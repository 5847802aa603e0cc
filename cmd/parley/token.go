package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/signaling/token"
)

// tokenCommand prints a join token: for a test, a demonstration, or a script. Who has an application lets that make them.
type tokenCommand struct {
	TokenSecret     string        `placeholder:"SECRET" help:"What the server has as --token-secret; better given as PARLEY_TOKEN_SECRET."`
	TokenSecretFile string        `placeholder:"FILE" help:"The secret, in a file."`
	TokenIssuer     string        `placeholder:"NAME" help:"What the server has as --token-issuer."`
	Room            string        `required:"" placeholder:"ROOM" help:"The room, or a pattern of rooms: * stands for anything."`
	Identity        string        `placeholder:"IDENTITY" help:"Who it is: one who joins again takes the own seat."`
	Name            string        `placeholder:"NAME" help:"What the others see."`
	May             []string      `placeholder:"RIGHT,…" enum:"join,broadcast,kick,lock,admit,close" help:"What the peer may do: join, broadcast, kick, lock, admit, close. Without it: join and broadcast."`
	TTL             time.Duration `name:"ttl" default:"1h" placeholder:"TIME" help:"How long it is good."`
}

func rights(names []string) (all []token.Right) {
	for _, name := range names {
		all = append(all, token.Right(name))
	}
	return all
}

// Run prints one line.
func (c *tokenCommand) Run(_ context.Context, s streams) error {
	if c.TTL <= 0 {
		return errors.New("--ttl: a token is good for some time")
	}
	if c.TokenSecret == "" && c.TokenSecretFile == "" {
		c.TokenSecret, _ = s.env(variable("token-secret"))
		c.TokenSecretFile, _ = s.env(variable("token-secret-file"))
	}
	secret, err := readSecret(c.TokenSecret, c.TokenSecretFile)
	if err != nil {
		return fmt.Errorf("--token-secret-file: %w", err)
	}
	now := time.Now()
	signed, err := token.Sign(secret, token.Claims{
		Room: c.Room, Name: c.Name, May: rights(c.May),
		RegisteredClaims: jwt.RegisteredClaims{
			Subject: c.Identity, Issuer: c.TokenIssuer, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(c.TTL)),
		},
	})
	if err != nil {
		return fmt.Errorf("--token-secret: %w", err)
	}
	_, err = fmt.Fprintln(s.out, signed)
	return err
}
