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

// pass is what remains of a token, and of what the webhook said, for as long as their peer is in the room. The session carries it,
// as JSON of at most rooms.MaxCarry bytes. A peer that joined without either has none.
type pass struct {
	Subject   string    `json:"s,omitempty"` // digest of the token's identity
	Named     bool      `json:"n,omitempty"` // the name is the token's, and stays
	Described bool      `json:"d,omitempty"` // the metadata is the token's, and stays
	Broadcast bool      `json:"b,omitempty"` // it may write to everyone at once
	Expires   time.Time `json:"e,omitzero"`  // of the token; zero: there was none, and nothing ends
	Asked     ruling    `json:"w,omitzero"`  // by the webhook

	May []token.Right `json:"m,omitempty"` // see token.GivenOnly
}

// ruling is what the webhook said of a peer. A fresh token changes nothing of it.
type ruling struct {
	Allowed   bool `json:"a,omitempty"` // it was asked
	Named     bool `json:"n,omitempty"` // the name is its, and stays
	Described bool `json:"d,omitempty"` // the metadata is its, and stays
	Quiet     bool `json:"q,omitempty"` // it took away the right to write to everyone at once

	May []token.Right `json:"m,omitempty"` // that it gave
}

// kept is what the next connection of a session on this node takes over.
type kept struct {
	allowance  *allowance
	iceServers []protocol.ICEServer
}

func newPass(g token.Grant) *pass {
	return &pass{
		Subject: subject(g.Identity), Named: g.Name != "", Described: g.Metadata != nil, Broadcast: g.Broadcast,
		May: g.May, Expires: g.Expires.UTC(),
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

// authorize makes of a join what its token says, if it has one, and then what the webhook says, if there is one.
func (c *conn) authorize(j protocol.Join) (rooms.Join, *pass, error) {
	join := rooms.Join{
		Room: j.Room, Name: j.Name, Metadata: bytes.Clone(j.Metadata), Password: j.Password, Address: c.from.host(),
	}
	if j.Identity != "" {
		join.Identity = "own:" + j.Identity // never one that a token could say
	}
	p, vouched, err := c.redeem(&join, j.Token)
	if err == nil && c.server.config.Authorizer != nil {
		p, err = c.permit(&join, p, vouched)
	}
	if err != nil {
		return join, nil, err
	}
	if p != nil {
		join.Carry = p.carried()
	}
	join.Admits = p.may(token.MayAdmit)
	join.Trusted = join.Admits || p.may(token.MayLock)
	join.Keep = &kept{c.allowance, c.iceServers}
	return join, p, nil
}

// redeem makes of a join what its token says. It gives the identity that the token vouches for, "" for none.
func (c *conn) redeem(join *rooms.Join, signed string) (p *pass, vouched string, err error) {
	config := &c.server.config
	switch {
	case config.Tokens == nil, signed == "" && !config.RequireToken:
		return nil, "", nil
	case signed == "":
		return nil, "", protocol.Errorf(protocol.CodeUnauthorized, "a join needs a token here")
	}
	grant, err := c.verify(signed, join.Room)
	if err != nil {
		return nil, "", err
	}
	introduce(join, grant.Identity, grant.Name, grant.Metadata)
	join.Capacity, join.Waits = grant.Capacity, grant.Wait
	return newPass(grant), grant.Identity, nil
}

// introduce has a join be of whom a token, or the webhook, says it is; what is empty stays as the client has it.
func introduce(join *rooms.Join, identity, name string, metadata json.RawMessage) {
	if identity != "" {
		join.Identity = "sub:" + identity
	}
	if name != "" {
		join.Name = name
	}
	if metadata != nil {
		join.Metadata = metadata
	}
}

// reauthorize looks again at what a session that is resumed may do.
func (c *conn) reauthorize(a rooms.Attachment) (*pass, error) {
	config := &c.server.config
	p := &pass{Broadcast: true}
	carried := a.Carried()
	if carried != nil {
		p = &pass{}
		if err := json.Unmarshal(carried, p); err != nil {
			return nil, err
		}
	}
	switch {
	case p.Expires.IsZero() && config.RequireToken: // as it was not when this session began
		return nil, protocol.Errorf(protocol.CodeUnauthorized, "a join needs a token here")
	case p.ended():
		return nil, protocol.Errorf(protocol.CodeTokenExpired, "the token has ended")
	case config.Authorizer != nil && !p.Asked.Allowed: // the same: a join can be asked about, and a resume cannot
		a.Leave()
		return nil, rooms.ErrSessionLost
	case carried == nil:
		return nil, nil
	}
	return p, nil
}

// ended tells whether the token of a pass has ended; nil has none.
func (p *pass) ended() bool { return p != nil && !p.Expires.IsZero() && !time.Now().Before(p.Expires) }

// hold notes what the peer may do, and until when.
func (c *conn) hold(p *pass) {
	c.pass.Store(p)
	if p != nil && !p.Expires.IsZero() {
		c.later(time.Until(p.Expires), (*conn).checkPass)
	}
}

// checkPass ends a connection whose token has ended and no fresh one has come. The session stays for its grace time: the media
// of a call go on while its peer gets a token and joins anew.
func (c *conn) checkPass() {
	if c.pass.Load().ended() {
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
	if c.server.config.Tokens == nil || before == nil || before.Expires.IsZero() {
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
	p.Asked = before.Asked
	if err := a.Carry(c.server.ctx, m.Seq, p.carried()); err != nil {
		return err
	}
	c.hold(p)
	return nil
}

// mayRelay tells whether a pass, nil for none, lets its peer send such a message.
func (p *pass) mayRelay(r protocol.Relay) error {
	switch {
	case p == nil || !r.Broadcast:
		return nil
	case p.Asked.Quiet:
		return protocol.Errorf(protocol.CodeForbidden, "this peer was not given the right to write to everyone at once")
	case !p.Broadcast:
		return protocol.Errorf(protocol.CodeForbidden, "the token does not let its peer write to everyone at once")
	}
	return nil
}

// mayUpdate tells whether a pass, nil for none, lets its peer change this.
func (p *pass) mayUpdate(u protocol.Update) error {
	switch {
	case p == nil:
		return nil
	case p.Named && u.Name != nil, p.Described && u.Metadata != nil:
		return protocol.Errorf(protocol.CodeForbidden, "the token says what the others see of this peer")
	case p.Asked.Named && u.Name != nil, p.Asked.Described && u.Metadata != nil:
		return protocol.Errorf(protocol.CodeForbidden, "what the others see of this peer was said when it was let in")
	}
	return nil
}
