package protocol

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// The types of the messages that only the server sends.
const (
	TypeJoined       = "joined"
	TypeResumed      = "resumed"
	TypePeerJoined   = "peer-joined"
	TypePeerLeft     = "peer-left"
	TypePeerAway     = "peer-away"
	TypePeerBack     = "peer-back"
	TypePeerUpdated  = "peer-updated"
	TypeUndelivered  = "undelivered"
	TypeWaiting      = "waiting"
	TypeKnock        = "knock"
	TypeRoomUpdated  = "room-updated"
	TypeAnnouncement = "announcement"
	TypeDraining     = "draining"
	TypeError        = "error"
)

// Peer is another member of the room, as its receiver sees it.
type Peer struct {
	Peer     string          `json:"peer"`
	Name     string          `json:"name,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// Polite is the receiver's role toward this peer in perfect negotiation (W3C webrtc-pc §10.7): of two, the one who
	// joined later is polite.
	Polite bool `json:"polite"`
	Away   bool `json:"away,omitempty"` // its connection is lost; it may come back
}

// ICEServer is an RTCIceServer dictionary (W3C webrtc-pc §4.2.4).
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"` // a secret
}

// UnmarshalJSON takes urls as a list or, as the standard allows, as one string.
func (s *ICEServer) UnmarshalJSON(data []byte) error {
	var raw struct {
		URLs       json.RawMessage `json:"urls"`
		Username   string          `json:"username"`
		Credential string          `json:"credential"`
	}
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	*s = ICEServer{Username: raw.Username, Credential: raw.Credential}
	if len(raw.URLs) > 0 && raw.URLs[0] == '"' {
		s.URLs = make([]string, 1)
		return json.Unmarshal(raw.URLs, &s.URLs[0])
	}
	return json.Unmarshal(raw.URLs, &s.URLs)
}

// Limits are the numbers that a client paces itself by.
type Limits struct {
	Message        int `json:"message"`        // bytes of a client's message
	Rate           int `json:"rate"`           // messages a second; 0: no limit
	Burst          int `json:"burst"`          // messages at once
	Peers          int `json:"peers"`          // in the room
	Unacknowledged int `json:"unacknowledged"` // the most numbered messages of a client without acknowledgement
}

// Welcome is what joined and resumed have in common.
type Welcome struct {
	Room             string      `json:"room"`
	Peer             string      `json:"peer"`    // the receiver's own id
	Session          string      `json:"session"` // a secret
	Grace            int         `json:"grace"`   // seconds that a lost connection may be away
	Peers            []Peer      `json:"peers"`   // the others
	ICEServers       []ICEServer `json:"iceServers"`
	ICEServersExpire int         `json:"iceServersExpire,omitempty"` // seconds
	Heartbeat        int         `json:"heartbeat"`                  // seconds of silence after which a client sends a ping
	Limits           Limits      `json:"limits"`
	May              []string    `json:"may,omitempty"` // what this peer has a right to, of kick, lock, admit and close
}

// Knock tells those who may let others in of somebody who waits for that. It comes again and again while that one waits.
type Knock struct {
	Type  string `json:"type"`
	Knock string `json:"knock"` // what admit and deny name
	Name  string `json:"name,omitempty"`
	Over  bool   `json:"over,omitempty"` // it waits no more
}

// RoomUpdated tells what holds for the room from now on.
type RoomUpdated struct {
	Type   string `json:"type"`
	Locked bool   `json:"locked"`
}

// Announcement is what an operator says to everyone in a room.
type Announcement struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"` // any JSON
}

// Joined answers a join.
type Joined struct {
	Type   string `json:"type"`
	Locked bool   `json:"locked,omitempty"` // the room lets nobody new in
	Welcome
}

// Resumed answers a resume.
type Resumed struct {
	Type     string `json:"type"`
	Received uint64 `json:"received"` // the last message of the client that the server knows to have
	Complete bool   `json:"complete"` // false: the identity survived, and messages may not have
	Welcome
}

// PeerJoined tells of a newcomer.
type PeerJoined struct {
	Type string `json:"type"`
	Peer
}

// PeerChanged is peer-away, peer-back, and peer-left with its reason.
type PeerChanged struct {
	Type   string `json:"type"`
	Peer   string `json:"peer"`
	Reason string `json:"reason,omitempty"` // of peer-left: left, timeout, kicked, replaced or closed
}

// PeerUpdated tells what a peer changed of itself: what is null was cleared, what is absent stays.
type PeerUpdated struct {
	Type     string          `json:"type"`
	Peer     string          `json:"peer"`
	Name     json.RawMessage `json:"name,omitempty"` // a string or null
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// Undelivered tells a sender that its message did not and will not reach its receiver.
type Undelivered struct {
	Type string `json:"type"`
	To   string `json:"to"`
	Of   uint64 `json:"of,omitempty"` // the number of the message, if it had one
	Code Code   `json:"code"`
}

// ICEServers answers ice-servers, or renews the credentials before they end.
type ICEServers struct {
	Type             string      `json:"type"`
	ICEServers       []ICEServer `json:"iceServers"`
	ICEServersExpire int         `json:"iceServersExpire,omitempty"` // seconds
}

// Draining asks a client to reconnect and resume at a moment of its choosing.
type Draining struct {
	Type   string `json:"type"`
	Within int    `json:"within"` // seconds
}

// ErrorMessage refuses a message.
type ErrorMessage struct {
	Type       string `json:"type"`
	Code       Code   `json:"code"`
	Message    string `json:"message"`
	Of         uint64 `json:"of,omitempty"`         // the number of the refused message, if it had one
	RetryAfter int    `json:"retryAfter,omitempty"` // seconds
}

// Plain is a message that is nothing but its type: ack (its number goes behind the body) and pong, leave and ping.
type Plain struct {
	Type string `json:"type"`
}

// Encode gives a message as a body, to which AppendTo puts the number. message must be a struct with a Type.
func Encode(message any) Body {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(message); err != nil {
		// Only a RawMessage could fail, and those were valid JSON when they were decoded.
		panic(fmt.Sprintf("protocol: encode %T: %v", message, err))
	}
	return Body(bytes.TrimSuffix(b.Bytes(), []byte("}\n")))
}

// EncodeError gives the error message for err; of is the number of the refused message, 0 for none.
func EncodeError(err *Error, of uint64) Body {
	return Encode(ErrorMessage{TypeError, err.Code, err.Message, of, err.RetryAfter})
}

// DecodeInto reads a message of the server into the struct of its type. It is for clients; unknown members are passed over.
func DecodeInto[T any](m Message) (message T, err error) {
	if err := json.Unmarshal(m.text, &message); err != nil {
		return message, Errorf(CodeBadMessage, "%s: %v", m.Type, err)
	}
	return message, nil
}

// From gives the sender of a relayed message.
func (m Message) From() string {
	from, _ := m.str("from", MaxPeer)
	return from
}

// Value gives a member's JSON as it was sent.
func (m Message) Value(name string) (json.RawMessage, bool) {
	value, ok := m.get(name)
	return value, ok
}

// Text gives a string member, "" where there is none.
func (m Message) Text(name string) string {
	value, ok := m.get(name)
	var s string
	if ok && json.Unmarshal(value, &s) == nil {
		return s
	}
	return ""
}
