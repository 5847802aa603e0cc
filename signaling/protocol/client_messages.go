package protocol

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of single members: code points for text, bytes for JSON.
const (
	MaxRoom     = 128
	MaxName     = 64
	MaxMetadata = 4 << 10 // bytes, as sent
	MaxType     = 64
	MinIdentity = 22
	MaxIdentity = 128
	MaxPassword = 128
	MaxToken    = 8 << 10
	MaxSession  = 2 << 10
	MaxPeer     = 128
	MaxReason   = 128
	MaxKnock    = 64
)

// metadataDepth is how deep metadata lies in a joined message, in peers in the entry of a peer: what one client may send must
// not become, in the server's message, deeper than the others may read.
const metadataDepth = 3

// The types of the messages that only clients send. The relayed ones are in relay.go.
const (
	TypeJoin         = "join"
	TypeResume       = "resume"
	TypeUpdate       = "update"
	TypeICEServers   = "ice-servers" // the server's answer has the same type
	TypeAuthenticate = "authenticate"
	TypeReport       = "report"
	TypeKick         = "kick"
	TypeLock         = "lock"
	TypeClose        = "close"
	TypeAdmit        = "admit"
	TypeDeny         = "deny"
	TypeAck          = "ack"  // either side
	TypePing         = "ping" // answered with TypePong
	TypePong         = "pong"
	TypeLeave        = "leave"
)

// Message is a message whose envelope has been read and checked: the members that every message may have.
type Message struct {
	Type   string
	Seq    uint64 // 0: not numbered
	Ack    uint64 // the highest number received; counts only where HasAck
	HasAck bool
	object
}

// Decode reads the envelope of a message. The error is an *Error: CodeBadJSON, CodeBadMessage for an envelope that is not of
// its form, or CodeUnknownType for a type longer than any. The returned Message tells its Seq and Ack wherever they could be
// read, even with an error, so that the refusal can name the message. It keeps text, which must not change.
func Decode(text []byte) (m Message, err error) {
	var seqErr, ackErr error
	var numbered bool
	m.object, err = parseObject(text)
	m.Seq, numbered, seqErr = m.integer("seq")
	if seqErr == nil && numbered && m.Seq == 0 {
		seqErr = Errorf(CodeBadMessage, `"seq" must be at least 1`)
	}
	m.Ack, m.HasAck, ackErr = m.integer("ack")
	for _, first := range []error{err, seqErr, ackErr} {
		if first != nil {
			return m, first
		}
	}
	m.Type, err = m.requiredStr("type", MaxType)
	if e := (*Error)(nil); errors.As(err, &e) && e.Code == CodeTooLarge {
		err = Errorf(CodeUnknownType, "no type is longer than %d characters", MaxType)
	}
	if err == nil && m.Type == TypeAck && !m.HasAck {
		err = Errorf(CodeBadMessage, `"ack" must be the number of the last message received`)
	}
	return m, err
}

// Join asks for a place in a room.
type Join struct {
	Room     string          `json:"room"`
	Name     string          `json:"name,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Token    string          `json:"token,omitempty"`    // a secret
	Password string          `json:"password,omitempty"` // a secret
	Identity string          `json:"identity,omitempty"` // a secret
}

// Join reads a TypeJoin message.
func (m Message) Join() (j Join, err error) {
	if j.Room, err = m.requiredStr("room", MaxRoom); err != nil {
		return j, err
	}
	if err = printable("room", j.Room); err != nil {
		return j, err
	}
	if j.Name, err = m.name(); err != nil {
		return j, err
	}
	if j.Metadata, err = m.metadata(); err != nil {
		return j, err
	}
	if j.Token, err = m.str("token", MaxToken); err != nil {
		return j, err
	}
	if j.Password, err = m.str("password", MaxPassword); err != nil {
		return j, err
	}
	if j.Identity, err = m.str("identity", MaxIdentity); err != nil {
		return j, err
	}
	if _, ok := m.optional("identity"); ok && utf8.RuneCountInString(j.Identity) < MinIdentity {
		return j, Errorf(CodeBadMessage, `"identity" must have %d to %d random characters`, MinIdentity, MaxIdentity)
	}
	return j, nil
}

// Resume asks for the session that a lost connection had.
type Resume struct {
	Session  string `json:"session"`  // a secret
	Received uint64 `json:"received"` // the last number seen, 0 for none
}

// Resume reads a TypeResume message.
func (m Message) Resume() (r Resume, err error) {
	if r.Session, err = m.requiredStr("session", MaxSession); err != nil {
		return r, err
	}
	received, ok, err := m.integer("received")
	if err == nil && !ok {
		err = Errorf(CodeBadMessage, `"received" must be the number of the last message received, 0 for none`)
	}
	r.Received = received
	return r, err
}

// Update changes what the others see of a peer.
type Update struct {
	Name     *string         // nil: it stays; "": it is cleared
	Metadata json.RawMessage // nil: it stays; null: it is cleared
}

// Update reads a TypeUpdate message.
func (m Message) Update() (u Update, err error) {
	if value, ok := m.get("name"); ok {
		name := ""
		if !isNull(value) {
			if name, err = m.name(); err != nil {
				return u, err
			}
		}
		u.Name = &name
	}
	if value, ok := m.get("metadata"); ok && isNull(value) {
		u.Metadata = json.RawMessage("null")
		return u, nil
	}
	u.Metadata, err = m.metadata()
	return u, err
}

// Report tells how a call went; it feeds the metrics.
type Report struct {
	About   string // a peer
	State   string // connected, failed, closed
	Path    string // host, srflx, prflx, relay; "" where unknown
	Elapsed uint64 // milliseconds since the negotiation began
}

// Report reads a TypeReport message.
func (m Message) Report() (r Report, err error) {
	if r.About, err = m.requiredStr("about", MaxPeer); err != nil {
		return r, err
	}
	if r.State, err = m.oneOf("state", "connected", "failed", "closed"); err != nil {
		return r, err
	}
	if _, ok := m.optional("path"); ok {
		if r.Path, err = m.oneOf("path", "host", "srflx", "prflx", "relay"); err != nil {
			return r, err
		}
	}
	if _, ok := m.optional("elapsed"); ok {
		r.Elapsed, _, err = m.integer("elapsed")
	}
	return r, err
}

// Authenticate reads the token of a TypeAuthenticate message.
func (m Message) Authenticate() (token string, err error) { return m.requiredStr("token", MaxToken) }

// Kick has a peer leave.
type Kick struct {
	About  string // a peer
	Reason string // for the server's log, "" for none
}

// Kick reads a TypeKick message.
func (m Message) Kick() (k Kick, err error) {
	if k.About, err = m.requiredStr("about", MaxPeer); err != nil {
		return k, err
	}
	if k.Reason, err = m.str("reason", MaxReason); err != nil {
		return k, err
	}
	return k, printable("reason", k.Reason)
}

// Decision reads what a TypeAdmit or TypeDeny message is about: the knock of somebody who waits.
func (m Message) Decision() (knock string, err error) { return m.requiredStr("knock", MaxKnock) }

// Lock reads a TypeLock message: whether the room is to be locked.
func (m Message) Lock() (locked bool, err error) {
	switch value, _ := m.get("locked"); string(value) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, Errorf(CodeBadMessage, `"locked" must be true or false`)
}

func (m Message) name() (string, error) {
	value, ok := m.optional("name")
	if !ok {
		return "", nil
	}
	name, err := text("name", value, MaxName)
	if err == nil && name == "" {
		err = Errorf(CodeBadMessage, `"name" must not be empty: leave it out`)
	}
	if err == nil {
		err = printable("name", name)
	}
	return name, err
}

func (m Message) metadata() (json.RawMessage, error) {
	value, ok := m.optional("metadata")
	switch {
	case !ok:
		return nil, nil
	case value[0] != '{':
		return nil, Errorf(CodeBadMessage, `"metadata" must be an object`)
	case len(value) > MaxMetadata:
		return nil, Errorf(CodeTooLarge, `"metadata" is longer than %d bytes`, MaxMetadata)
	}
	if Depth(value) > MaxDepth-metadataDepth {
		return nil, Errorf(CodeBadJSON, `"metadata" is nested more than %d deep`, MaxDepth-metadataDepth)
	}
	return json.RawMessage(value), nil
}

func (m Message) oneOf(name string, values ...string) (string, error) {
	s, err := m.str(name, 64)
	if err != nil {
		return "", err
	}
	for _, v := range values {
		if s == v {
			return s, nil
		}
	}
	return "", Errorf(CodeBadMessage, "%q must be one of %s", name, strings.Join(values, ", "))
}

func printable(name, s string) error {
	if strings.ContainsFunc(s, unicode.IsControl) {
		return Errorf(CodeBadMessage, "%q must not hold control characters", name)
	}
	return nil
}
