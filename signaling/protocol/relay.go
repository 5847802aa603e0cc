package protocol

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// The types of the messages that one peer sends to another and the server relays.
const (
	TypeOffer     = "offer"
	TypeAnswer    = "answer"
	TypeCandidate = "candidate"
	TypeMessage   = "message"
)

// Relay is a message for another peer, or for everyone else in the room.
type Relay struct {
	To        string // a peer; "" for a broadcast
	Broadcast bool
	Body      Body // what the receivers get, less its number
}

// Relayed tells whether messages of this type are relayed from peer to peer.
func Relayed(messageType string) bool {
	switch messageType {
	case TypeOffer, TypeAnswer, TypeCandidate, TypeMessage:
		return true
	}
	return false
}

// Relay reads a message of a relayed type that the peer from has sent. Its body keeps every member as it was sent, in order
// and digit for digit, but for to, seq, ack and from. The server's own members come last: a decoder that takes the last of a
// repeated name, or is careless of case, still takes the server's.
func (m Message) Relay(from string) (r Relay, err error) {
	if err = m.checkContent(); err != nil {
		return r, err
	}
	to, ok := m.get("to")
	switch {
	case !ok && m.Type == TypeMessage:
		r.Broadcast = true
	case !ok:
		return r, Errorf(CodeBadMessage, `"to" must be the id of a peer`)
	default: // null too is refused: a variable that was never set must not become a broadcast
		if r.To, err = text("to", to, MaxPeer); err != nil {
			return r, err
		}
		if r.To == "" {
			return r, Errorf(CodeBadMessage, `"to" must not be empty`)
		}
	}
	r.Body = m.relayedBody(from)
	return r, nil
}

func (m Message) checkContent() error {
	if m.Type == TypeMessage {
		if _, ok := m.get("data"); !ok {
			return Errorf(CodeBadMessage, `"data" must be there`)
		}
		return nil
	}
	if sealed, ok := m.optional("sealed"); ok {
		if sealed[0] != '"' {
			return Errorf(CodeBadMessage, `"sealed" must be a string`)
		}
		return nil
	}
	if m.Type == TypeCandidate {
		value, ok := m.get("candidate")
		if !ok || value[0] != '{' && value[0] != '"' && !isNull(value) {
			return Errorf(CodeBadMessage, `"candidate" must be an object, a string or null`)
		}
		return nil
	}
	if sdp, ok := m.get("sdp"); !ok || !beginsV0(sdp) {
		return Errorf(CodeBadMessage, `"sdp" must be a string that begins "v=0"`)
	}
	return nil
}

// beginsV0 tells whether a value is a string that begins v=0. Some JSON writers, Gson among them, escape the "=".
func beginsV0(value []byte) bool {
	if bytes.HasPrefix(value, []byte(`"v=0`)) {
		return true
	}
	var s string
	return bytes.IndexByte(value[:min(4, len(value))], '\\') > 0 && json.Unmarshal(value, &s) == nil && strings.HasPrefix(s, "v=0")
}

func (m Message) relayedBody(from string) Body {
	body := make(Body, 0, len(m.text)+len(from)+len(`,"from":""`))
	for _, member := range m.members {
		switch member.name {
		case "to", "seq", "ack", "from":
			continue
		}
		body = body.comma()
		body = append(body, m.text[member.start:member.end]...)
	}
	body = append(body.comma(), `"from":`...)
	return append(body, Quote(from)...)
}

// Body is a message of the server without its closing brace: the same body serves every receiver, and each gets its own
// number behind it.
type Body []byte

func (b Body) comma() Body {
	if len(b) == 0 {
		return append(b, '{')
	}
	return append(b, ',')
}

// AppendTo appends the whole message to dst: the body, its number if seq is not 0, and if ack is not 0 the highest number
// that the server has received.
func (b Body) AppendTo(dst []byte, seq, ack uint64) []byte {
	dst = append(dst, b...)
	if seq != 0 {
		dst = strconv.AppendUint(append(dst, `,"seq":`...), seq, 10)
	}
	if ack != 0 {
		dst = strconv.AppendUint(append(dst, `,"ack":`...), ack, 10)
	}
	return append(dst, '}')
}

// Quote writes s as a JSON string, without the escapes that only HTML needs.
func Quote(s string) json.RawMessage {
	if plain(s) {
		return append(append(append(make([]byte, 0, len(s)+2), '"'), s...), '"')
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always can
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// plain tells whether s stands in a JSON string as it is. Peer ids do, and are quoted for every message.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
