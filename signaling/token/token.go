// Package token checks join tokens: JSON Web Tokens (RFC 7519) that say who may join which room, and as whom. Package signaling
// asks it at join and authenticate; command parley makes a Verifier of its flags, and prints tokens for those who try it out.
//
// A token is signed with HS256 and a secret that the server shares, or with ES256, RS256 or EdDSA and a key of a JSON Web Key
// Set (RFC 7517). Which of them is a matter of the server's settings alone: what the token itself says of its algorithm or of
// where its key may be found counts for nothing.
package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/signaling/protocol"
)

// The errors of Verify. Callers compare with errors.Is; the text is for the log, and has nothing of the token in it.
var (
	ErrExpired     = errors.New("token: it has ended")
	ErrInvalid     = errors.New("token: not valid")
	ErrUnavailable = errors.New("token: the keys to check it with cannot be had now")
)

// Claims are what a token says. Those of RFC 7519 §4.1 that count are sub (the identity), exp (which every token must have), nbf
// and iss.
type Claims struct {
	jwt.RegisteredClaims
	Room     string          `json:"room"`               // a name, or a pattern in which * stands for any characters
	Name     string          `json:"name,omitempty"`     // what the others see; the peer cannot change it
	Metadata json.RawMessage `json:"metadata,omitempty"` // an object; the same
	Wait     bool            `json:"wait,omitempty"`     // somebody in the room has to let the peer in
	Capacity int             `json:"capacity,omitempty"` // peers in the room, in place of the server's own number
	May      []Right         `json:"may,omitempty"`      // absent: what every peer may where nobody needs a token
}

// Right is something that a token lets its peer do. Names that this version does not know are passed over.
type Right string

// The rights.
const (
	MayJoin      Right = "join"
	MayBroadcast Right = "broadcast" // write to everyone in the room at once
	MayKick      Right = "kick"      // have others leave; never without being given
	MayLock      Right = "lock"      // lock the room, and come in whatever its policy; never without being given
	MayClose     Right = "close"     // close the room; never without being given
	MayAdmit     Right = "admit"     // let in those who wait, and come in whatever the policy; never without being given
)

// may tells whether the token gives a right that every peer has where nobody needs a token.
func (c *Claims) may(r Right) bool {
	return c.May == nil || slices.Contains(c.May, r)
}

// GivenOnly gives those of some rights that no peer has without being given them: each once, and always in one order.
func GivenOnly(rights []Right) (given []Right) {
	for _, r := range []Right{MayKick, MayLock, MayAdmit, MayClose} {
		if slices.Contains(rights, r) {
			given = append(given, r)
		}
	}
	return given
}

// Grant is what a token that was found good allows.
type Grant struct {
	Identity  string          // "" for none
	Name      string          // "" where the peer may choose
	Metadata  json.RawMessage // nil where the peer may choose
	Capacity  int             // 0 for the server's
	Broadcast bool
	May       []Right   // see GivenOnly
	Wait      bool      // somebody in the room has to let the peer in
	Expires   time.Time // with what clocks may be apart: until then Verify takes it
}

const (
	maxIdentity = 255  // bytes of sub
	lastYear    = 9998 // of exp, so that Expires can be written in RFC 3339
)

// grant checks what a signature does not vouch for: that the claims are of their form, and are for this room.
func (c *Claims) grant(room string) (Grant, error) {
	switch {
	case !matches(c.Room, room):
		return Grant{}, fmt.Errorf("%w: it is for another room", ErrInvalid)
	case !c.may(MayJoin):
		return Grant{}, fmt.Errorf("%w: it does not let its peer join", ErrInvalid)
	case c.ExpiresAt.UTC().Year() > lastYear:
		return Grant{}, fmt.Errorf("%w: exp is beyond the year %d", ErrInvalid, lastYear)
	case c.Capacity < 0:
		return Grant{}, fmt.Errorf("%w: capacity is below 0", ErrInvalid)
	case len(c.Subject) > maxIdentity:
		return Grant{}, fmt.Errorf("%w: sub is longer than %d bytes", ErrInvalid, maxIdentity)
	}
	if err := c.presentable(room); err != nil {
		return Grant{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return Grant{
		Identity: c.Subject, Name: c.Name, Metadata: c.Metadata, Capacity: c.Capacity,
		Broadcast: c.may(MayBroadcast), May: GivenOnly(c.May), Wait: c.Wait, Expires: c.ExpiresAt.Add(leeway),
	}, nil
}

// presentable holds name and metadata to the rules that a join has for them.
func (c *Claims) presentable(room string) error {
	join, err := json.Marshal(struct {
		Type string `json:"type"`
		protocol.Join
	}{protocol.TypeJoin, protocol.Join{Room: room, Name: c.Name, Metadata: c.Metadata}})
	if err != nil {
		return err
	}
	m, err := protocol.Decode(join)
	if err == nil {
		_, err = m.Join()
	}
	return err
}

// matches tells whether a room's name is of a pattern. An empty pattern is nobody's.
func matches(pattern, room string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern != "" && pattern == room
	}
	rest, ok := strings.CutPrefix(room, parts[0])
	if !ok {
		return false
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, last)
}

// MinSecret is the least length of a shared secret, in bytes (RFC 7518 §3.2).
const MinSecret = 32

// Sign makes a token with a shared secret.
func Sign(secret []byte, claims Claims) (string, error) {
	if err := checkSecret(secret); err != nil {
		return "", err
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
}

func checkSecret(secret []byte) error {
	if len(secret) < MinSecret {
		return fmt.Errorf("a secret for tokens has at least %d bytes", MinSecret)
	}
	return nil
}
