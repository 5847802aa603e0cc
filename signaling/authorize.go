package signaling

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"parley/rooms"
	"parley/signaling/protocol"
	"parley/signaling/token"
)

// pass is what remains of a token for as long as its peer is in the room. The session carries it, as JSON of at most
// rooms.MaxCarry bytes. A peer that joined without a token has none.
type pass struct {
	Subject   string    `json:"s,omitempty"` // digest of the token's identity
	Named     bool      `json:"n,omitempty"` // the name is the token's, and stays
	Described bool      `json:"d,omitempty"` // the metadata is the token's, and stays
	Broadcast bool      `json:"b,omitempty"` // it may write to everyone at once
	Kick      bool      `json:"k,omitempty"` // it may have others leave
	Lock      bool      `json:"l,omitempty"` // it may lock the room
	Admit     bool      `json:"a,omitempty"` // it may let others in
	Expires   time.Time `json:"e"`
}

func newPass(g token.Grant) *pass {
	return &pass{
		Subject: subject(g.Identity), Named: g.Name != "", Described: g.Metadata != nil, Broadcast: g.Broadcast,
		Kick: g.Kick, Lock: g.Lock, Admit: g.Admit, Expires: g.Expires.UTC(),
	}
}

// subject is what a pass keeps of an identity: enough to know it again.
func subject(identity string) string {
	if identity == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(identity))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// carried encodes a pass for the session to carry.
func (p *pass) carried() []byte {
	text, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("signaling: encode a pass: %v", err)) // a year beyond 9999 is all that could be wrong, and Verify gives none
	}
	return text
}

// verify checks a token for a room. What is wrong with it is said in the words of the wire.
func (c *conn) verify(signed, room string) (token.Grant, error) {
	ctx, cancel := context.WithTimeout(c.server.ctx, verifyWithin)
	defer cancel()
	grant, err := c.server.config.Tokens.Verify(ctx, signed, room)
	switch {
	case err == nil:
		return grant, nil
	case errors.Is(err, token.ErrExpired):
		return grant, protocol.Errorf(protocol.CodeTokenExpired, "the token has ended")
	case errors.Is(err, token.ErrInvalid):
		return grant, protocol.Errorf(protocol.CodeUnauthorized, "%v", err)
	default:
		return grant, c.server.overloaded(limitKeys, c.from)
	}
}

// verifyWithin bounds the check of one token: keys may have to be fetched for it.
const verifyWithin = 8 * time.Second

// authorize makes of a join what its token says, if it has one.
func (c *conn) authorize(j protocol.Join) (rooms.Join, *pass, error) {
	join := rooms.Join{
		Room: j.Room, Name: j.Name, Metadata: bytes.Clone(j.Metadata), Password: j.Password, Address: c.from.address.String(),
		Keep: c.allowance,
	}
	if j.Identity != "" {
		join.Identity = "own:" + j.Identity // never one that a token could say
	}
	config := &c.server.config
	switch {
	case config.Tokens == nil, j.Token == "" && !config.RequireToken:
		return join, nil, nil
	case j.Token == "":
		return join, nil, protocol.Errorf(protocol.CodeUnauthorized, "a join needs a token here")
	}
	grant, err := c.verify(j.Token, j.Room)
	if err != nil {
		return join, nil, err
	}
	if grant.Identity != "" {
		join.Identity = "sub:" + grant.Identity
	}
	if grant.Name != "" {
		join.Name = grant.Name
	}
	if grant.Metadata != nil {
		join.Metadata = grant.Metadata
	}
	p := newPass(grant)
	join.Capacity, join.Carry = grant.Capacity, p.carried()
	join.Trusted, join.Admits = grant.Lock || grant.Admit, grant.Admit
	return join, p, nil
}

// reauthorize looks again at what a session that is resumed may do.
func (c *conn) reauthorize(a rooms.Attachment) (*pass, error) {
	carried := a.Carried()
	if carried == nil {
		if c.server.config.RequireToken { // as it was not when this session began
			return nil, protocol.Errorf(protocol.CodeUnauthorized, "a join needs a token here")
		}
		return nil, nil
	}
	p := &pass{}
	if err := json.Unmarshal(carried, p); err != nil {
		return nil, err
	}
	if !time.Now().Before(p.Expires) {
		return nil, protocol.Errorf(protocol.CodeTokenExpired, "the token has ended")
	}
	return p, nil
}

// hold notes what the peer may do, and until when.
func (c *conn) hold(p *pass) {
	c.pass.Store(p)
	if p != nil {
		c.later(time.Until(p.Expires), (*conn).checkPass)
	}
}

// checkPass ends a connection whose token has ended and no fresh one has come. The session stays for its grace time: the media
// of a call go on while its peer gets a token and joins anew.
func (c *conn) checkPass() {
	if p := c.pass.Load(); p != nil && !time.Now().Before(p.Expires) {
		c.fail(protocol.Errorf(protocol.CodeTokenExpired, "the token has ended"))
	}
}

// authenticate takes a fresh token before the old one ends. It is for the same peer; name and metadata stay as they are. One
// that is refused changes nothing.
func (c *conn) authenticate(a rooms.Attachment, m protocol.Message) error {
	signed, err := m.Authenticate()
	if err != nil {
		return err
	}
	before := c.pass.Load()
	if c.server.config.Tokens == nil || before == nil {
		return c.settleOnly(a, m)
	}
	grant, err := c.verify(signed, c.room)
	var refused *protocol.Error
	switch {
	case errors.As(err, &refused) && refused.Code != protocol.CodeOverloaded: // none that would close the connection
		return protocol.Errorf(protocol.CodeForbidden, "%s", refused.Message)
	case err != nil:
		return err
	case subject(grant.Identity) != before.Subject:
		return protocol.Errorf(protocol.CodeForbidden, "the token is for another identity")
	}
	p := newPass(grant)
	if err := a.Carry(c.server.ctx, m.Seq, p.carried()); err != nil {
		return err
	}
	c.hold(p)
	return nil
}

// mayRelay tells whether a pass, nil for none, lets its peer send such a message.
func (p *pass) mayRelay(r protocol.Relay) error {
	if p != nil && r.Broadcast && !p.Broadcast {
		return protocol.Errorf(protocol.CodeForbidden, "the token does not let its peer write to everyone at once")
	}
	return nil
}

// mayUpdate tells whether a pass, nil for none, lets its peer change this.
func (p *pass) mayUpdate(u protocol.Update) error {
	if p != nil && (p.Named && u.Name != nil || p.Described && u.Metadata != nil) {
		return protocol.Errorf(protocol.CodeForbidden, "the token says what the others see of this peer")
	}
	return nil
}
