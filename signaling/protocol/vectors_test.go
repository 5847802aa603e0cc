package protocol_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"parley/signaling/protocol"
)

// vectors is testdata/vectors.json, which the tests of the JavaScript client read too. Its own "about" says what is what.
type vectors struct {
	Subprotocol string   `json:"subprotocol"`
	MaxSeq      uint64   `json:"maxSeq"`
	MaxDepth    int      `json:"maxDepth"`
	Client      sideOf   `json:"client"`
	Relayed     []vector `json:"relayed"`
	Server      sideOf   `json:"server"`
	Errors      []struct {
		Code  protocol.Code       `json:"code"`
		Close *protocol.CloseCode `json:"close"`
	} `json:"errors"`
	Undelivered []protocol.Code `json:"undelivered"`
	Close       []closing       `json:"close"`
}

type closing struct {
	Code   protocol.CloseCode `json:"code"`
	Action protocol.Action    `json:"action"`
}

type sideOf struct {
	Valid   []vector `json:"valid"`
	Invalid []vector `json:"invalid"`
}

type vector struct {
	Name        string          `json:"name"`
	Text        parts           `json:"text"`
	Type        string          `json:"type"`
	Seq         uint64          `json:"seq"`
	Ack         *uint64         `json:"ack"`
	From        string          `json:"from"`
	Fields      json.RawMessage `json:"fields"`
	Code        protocol.Code   `json:"code"`
	To          *parts          `json:"to"`
	Receives    parts           `json:"receives"`
	NotInSchema string          `json:"notInSchema"`
}

// parts is a string, or a list of strings and repeats to be joined.
type parts string

func (p *parts) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, (*string)(p))
	}
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	for _, item := range list {
		part := struct {
			Repeat string `json:"repeat"`
			Times  int    `json:"times"`
		}{Times: 1}
		into := any(&part)
		if item[0] == '"' {
			into = &part.Repeat
		}
		if err := json.Unmarshal(item, into); err != nil {
			return err
		}
		*p += parts(strings.Repeat(part.Repeat, part.Times))
	}
	return nil
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// fields is what the server understands of a client's message beside its envelope.
func fields(m protocol.Message) (any, error) {
	switch m.Type {
	case protocol.TypeJoin:
		return m.Join()
	case protocol.TypeResume:
		return m.Resume()
	case protocol.TypeUpdate:
		u, err := m.Update()
		fields := map[string]any{}
		if u.Name != nil {
			if fields["name"] = *u.Name; *u.Name == "" {
				fields["name"] = nil
			}
		}
		if u.Metadata != nil {
			fields["metadata"] = u.Metadata
		}
		return fields, err
	case protocol.TypeAuthenticate:
		token, err := m.Authenticate()
		return map[string]any{"token": token}, err
	case protocol.TypeKick:
		k, err := m.Kick()
		fields := map[string]any{"about": k.About}
		if k.Reason != "" {
			fields["reason"] = k.Reason
		}
		return fields, err
	case protocol.TypeAdmit, protocol.TypeDeny:
		knock, err := m.Decision()
		return map[string]any{"knock": knock}, err
	case protocol.TypeLock:
		locked, err := m.Lock()
		return map[string]any{"locked": locked}, err
	case protocol.TypeReport:
		r, err := m.Report()
		fields := map[string]any{"about": r.About, "state": r.State}
		if r.Path != "" {
			fields["path"] = r.Path
		}
		if r.Elapsed != 0 {
			fields["elapsed"] = r.Elapsed
		}
		return fields, err
	case protocol.TypeOffer, protocol.TypeAnswer, protocol.TypeCandidate, protocol.TypeMessage:
		return m.Relay("A")
	case protocol.TypeICEServers, protocol.TypeAck, protocol.TypePing, protocol.TypeLeave, protocol.TypeClose:
		return struct{}{}, nil
	}
	return nil, protocol.Errorf(protocol.CodeUnknownType, "there is no %q", m.Type)
}

// generic is JSON as maps and lists, its numbers as they are written.
func generic(t testing.TB, text []byte) (value any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

func marshal(t testing.TB, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func checkEnvelope(t *testing.T, v vector, m protocol.Message) {
	t.Helper()
	if m.Type != v.Type || m.Seq != v.Seq {
		t.Errorf("type %q, seq %d; want %q, %d", m.Type, m.Seq, v.Type, v.Seq)
	}
	if m.HasAck != (v.Ack != nil) || v.Ack != nil && *v.Ack != m.Ack {
		t.Errorf("ack %d, %v", m.Ack, m.HasAck)
	}
}

func TestValidClientMessages(t *testing.T) {
	for _, v := range readVectors(t).Client.Valid {
		t.Run(v.Name, func(t *testing.T) {
			m, err := protocol.Decode([]byte(v.Text))
			if err != nil {
				t.Fatal(err)
			}
			checkEnvelope(t, v, m)
			got, err := fields(m)
			if err != nil {
				t.Fatal(err)
			}
			if v.Fields != nil && !reflect.DeepEqual(generic(t, marshal(t, got)), generic(t, v.Fields)) {
				t.Errorf("got %s, want %s", marshal(t, got), v.Fields)
			}
		})
	}
}

func TestInvalidClientMessages(t *testing.T) {
	for _, v := range readVectors(t).Client.Invalid {
		t.Run(v.Name, func(t *testing.T) {
			m, err := protocol.Decode([]byte(v.Text))
			if err == nil {
				_, err = fields(m)
			}
			var refusal *protocol.Error
			if !errors.As(err, &refusal) || refusal.Code != v.Code {
				t.Fatalf("got %v, want %s", err, v.Code)
			}
			if m.Seq != v.Seq {
				t.Errorf("seq %d, want %d", m.Seq, v.Seq)
			}
		})
	}
}

func TestRelayedMessages(t *testing.T) {
	for _, v := range readVectors(t).Relayed {
		t.Run(v.Name, func(t *testing.T) {
			m, err := protocol.Decode([]byte(v.Text))
			if err != nil {
				t.Fatal(err)
			}
			if !protocol.Relayed(m.Type) {
				t.Fatalf("%s is not relayed", m.Type)
			}
			r, err := m.Relay("A")
			if err != nil {
				t.Fatal(err)
			}
			if r.Broadcast != (v.To == nil) || v.To != nil && r.To != string(*v.To) {
				t.Errorf("to %q, broadcast %v", r.To, r.Broadcast)
			}
			ack := uint64(0)
			if v.Ack != nil {
				ack = *v.Ack
			}
			if got := r.Body.AppendTo(nil, v.Seq, ack); string(got) != string(v.Receives) {
				t.Errorf("\ngot  %s\nwant %s", got, v.Receives)
			}
			again, err := protocol.Decode([]byte(v.Receives))
			if err != nil {
				t.Fatal(err)
			}
			v.Type = m.Type
			checkEnvelope(t, v, again)
			if again.From() != "A" {
				t.Errorf("from %q", again.From())
			}
		})
	}
}

// understood is what a client understands of a server's message, encoded again.
func understood(m protocol.Message) (body protocol.Body, known bool, err error) {
	switch m.Type {
	case protocol.TypeJoined:
		return reencode[protocol.Joined](m)
	case protocol.TypeResumed:
		return reencode[protocol.Resumed](m)
	case protocol.TypePeerJoined:
		return reencode[protocol.PeerJoined](m)
	case protocol.TypePeerLeft, protocol.TypePeerAway, protocol.TypePeerBack:
		return reencode[protocol.PeerChanged](m)
	case protocol.TypePeerUpdated:
		return reencode[protocol.PeerUpdated](m)
	case protocol.TypeUndelivered:
		return reencode[protocol.Undelivered](m)
	case protocol.TypeICEServers:
		return reencode[protocol.ICEServers](m)
	case protocol.TypeRoomUpdated:
		return reencode[protocol.RoomUpdated](m)
	case protocol.TypeAnnouncement:
		return reencode[protocol.Announcement](m)
	case protocol.TypeDraining:
		return reencode[protocol.Draining](m)
	case protocol.TypeError:
		return reencode[protocol.ErrorMessage](m)
	case protocol.TypeKnock:
		return reencode[protocol.Knock](m)
	case protocol.TypeAck, protocol.TypePong, protocol.TypeWaiting:
		return reencode[protocol.Plain](m)
	}
	return nil, false, nil
}

func reencode[T any](m protocol.Message) (protocol.Body, bool, error) {
	message, err := protocol.DecodeInto[T](m)
	if err != nil {
		return nil, true, err
	}
	return protocol.Encode(message), true, nil
}

func TestValidServerMessages(t *testing.T) {
	for _, v := range readVectors(t).Server.Valid {
		t.Run(v.Name, func(t *testing.T) {
			m, err := protocol.Decode([]byte(v.Text))
			if err != nil {
				t.Fatal(err)
			}
			checkEnvelope(t, v, m)
			if m.From() != v.From {
				t.Errorf("from %q, want %q", m.From(), v.From)
			}
			body, known, err := understood(m)
			if err != nil || known == protocol.Relayed(m.Type) {
				t.Fatal(known, err)
			}
			if !known {
				return
			}
			if got := body.AppendTo(nil, 0, 0); !reflect.DeepEqual(generic(t, got), generic(t, v.Fields)) {
				t.Errorf("got %s, want %s", got, v.Fields)
			}
			ack := uint64(0)
			if v.Ack != nil {
				ack = *v.Ack
			}
			again, err := protocol.Decode(body.AppendTo(nil, v.Seq, ack))
			if err != nil {
				t.Fatal(err)
			}
			checkEnvelope(t, v, again)
		})
	}
}

func TestInvalidServerMessages(t *testing.T) {
	for _, v := range readVectors(t).Server.Invalid {
		t.Run(v.Name, func(t *testing.T) {
			m, err := protocol.Decode([]byte(v.Text))
			if err == nil {
				_, _, err = understood(m)
			}
			var refusal *protocol.Error
			if !errors.As(err, &refusal) || refusal.Code != protocol.CodeBadMessage {
				t.Errorf("got %v, want %s", err, protocol.CodeBadMessage)
			}
		})
	}
}
