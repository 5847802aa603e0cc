package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pion/stun/v4"

	"parley/signaling/protocol"
	"parley/signaling/token"
)

// The limits of what an answer may have.
const (
	maxReason   = 200 // characters
	maxIdentity = 255 // bytes, as in a token
	maxServers  = 32  // ICE servers
)

// answer is the object that the operator's server has sent, by its members' names: those are case-sensitive, of a repeated one
// the last counts, and those that nobody knows are passed over, as it is on the wire.
type answer map[string]json.RawMessage

// decodeAnswer reads an answer. The error is a *Refusal for a clear no; every other one says what is wrong, without what is in
// the answer: there may be credentials in it.
func decodeAnswer(text []byte) (Grant, error) {
	var a answer
	switch {
	case !utf8.Valid(text), !json.Valid(text):
		return Grant{}, errors.New("its answer is not JSON")
	case protocol.Depth(text) > protocol.MaxDepth:
		return Grant{}, fmt.Errorf("its answer is nested more than %d deep", protocol.MaxDepth)
	case json.Unmarshal(text, &a) != nil, a == nil:
		return Grant{}, errors.New("its answer is not a JSON object")
	}
	allow, ok, err := member[bool](a, "allow", "true or false")
	if err == nil && !ok {
		err = errors.New(`its answer has no "allow"`)
	}
	if err != nil {
		return Grant{}, err
	}
	reason, err := a.reason()
	if err != nil {
		return Grant{}, err
	}
	if !allow {
		return Grant{}, &Refusal{Reason: reason}
	}
	return a.grant()
}

func (a answer) grant() (Grant, error) {
	g := Grant{}
	broadcast, said, err := member[bool](a, "broadcast", "true or false")
	if err != nil {
		return g, err
	}
	g.Broadcast = broadcast || !said
	may, _, err := member[[]token.Right](a, "may", "an array of strings")
	if err != nil {
		return g, err
	}
	g.May = token.GivenOnly(may)
	if g.Wait, _, err = member[bool](a, "wait", "true or false"); err != nil {
		return g, err
	}
	if g.Identity, err = a.text("identity"); err != nil {
		return g, err
	}
	if len(g.Identity) > maxIdentity {
		return g, fmt.Errorf(`"identity" is longer than %d bytes`, maxIdentity)
	}
	if g.Capacity, _, err = member[int](a, "capacity", "a whole number"); err != nil {
		return g, err
	}
	if g.Capacity < 0 {
		return g, errors.New(`"capacity" is below 0`)
	}
	if g.Name, g.Metadata, err = a.presentable(); err != nil {
		return g, err
	}
	g.ICEServers, err = a.iceServers()
	return g, err
}

// member reads a member, which may be absent or null.
func member[T any](a answer, name, form string) (value T, ok bool, err error) {
	raw, ok := a[name]
	if !ok || string(raw) == "null" {
		return value, false, nil
	}
	if json.Unmarshal(raw, &value) != nil {
		return value, false, fmt.Errorf("%q is not %s", name, form)
	}
	return value, true, nil
}

// text reads a string. Where half of a surrogate pair was escaped, decoding puts U+FFFD in its place, and two identities that
// differ would become one.
func (a answer) text(name string) (string, error) {
	s, _, err := member[string](a, name, "a string")
	if err == nil && strings.ContainsRune(s, utf8.RuneError) {
		err = fmt.Errorf("%q is not valid Unicode", name)
	}
	return s, err
}

func (a answer) reason() (string, error) {
	reason, err := a.text("reason")
	switch {
	case err != nil:
	case utf8.RuneCountInString(reason) > maxReason:
		err = fmt.Errorf(`"reason" is longer than %d characters`, maxReason)
	case strings.ContainsFunc(reason, unicode.IsControl):
		err = errors.New(`"reason" has control characters`)
	}
	return reason, err
}

// presentable reads name and metadata, and holds them to the rules that a join has for them. An empty name is none.
func (a answer) presentable() (name string, metadata json.RawMessage, err error) {
	text := `{"type":"join","room":"any"`
	if value, ok := a["name"]; ok && string(value) != `""` {
		text += `,"name":` + string(value)
	}
	if value, ok := a["metadata"]; ok {
		text += `,"metadata":` + string(value)
	}
	m, err := protocol.Decode([]byte(text + "}"))
	if err != nil {
		return "", nil, err
	}
	join, err := m.Join()
	return join.Name, join.Metadata, err
}

// iceServers reads those that the peer is to have in place of the server's, none of which may make a browser throw.
func (a answer) iceServers() ([]protocol.ICEServer, error) {
	entries, ok, err := member[[]json.RawMessage](a, "iceServers", "an array of objects")
	if err != nil || !ok {
		return nil, err
	}
	if len(entries) > maxServers {
		return nil, fmt.Errorf(`"iceServers" has more than %d entries`, maxServers)
	}
	servers := make([]protocol.ICEServer, len(entries)) // empty, too: then the peer has none
	for i, entry := range entries {
		if entry[0] != '{' || json.Unmarshal(entry, &servers[i]) != nil || !usable(servers[i]) {
			return nil, fmt.Errorf(`"iceServers" has an entry (the %d.) that is no RTCIceServer`, i+1)
		}
	}
	return servers, nil
}

// usable tells whether a browser's RTCPeerConnection takes a server (W3C webrtc-pc §4.4.1.6).
func usable(server protocol.ICEServer) bool {
	for _, url := range server.URLs {
		uri, err := stun.ParseURI(url)
		if err != nil || uri.Port < 1 || uri.Port > 65535 || strings.ContainsAny(url, "@/ ") {
			return false
		}
		relay := uri.Scheme == stun.SchemeTypeTURN || uri.Scheme == stun.SchemeTypeTURNS
		if relay && (server.Username == "" || server.Credential == "") {
			return false
		}
	}
	return len(server.URLs) > 0
}
