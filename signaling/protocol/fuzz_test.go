package protocol_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"

	"parley/signaling/protocol"
)

// rawMember is a member as the standard library's decoder reads it, as a second opinion on the package's own scanner.
type rawMember struct {
	name  string
	value string
}

func rawMembers(t *testing.T, text []byte) (members []rawMember) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		members = append(members, rawMember{name.(string), string(value)})
	}
	return members
}

func checkRefusal(t *testing.T, err error) {
	t.Helper()
	var refusal *protocol.Error
	if !errors.As(err, &refusal) {
		t.Fatalf("%T: %v", err, err)
	}
	switch refusal.Code {
	case protocol.CodeBadJSON, protocol.CodeBadMessage, protocol.CodeTooLarge, protocol.CodeUnknownType:
	default:
		t.Fatalf("unexpected code %s", refusal.Code)
	}
}

// checkRelayed holds what the receiver gets against what the sender sent.
func checkRelayed(t *testing.T, sent []byte, r protocol.Relay) {
	t.Helper()
	const from, seq, ack = "the-sender", 7, 9
	got := r.Body.AppendTo(nil, seq, ack)
	if !json.Valid(got) {
		t.Fatalf("not valid: %s", got)
	}
	again, err := protocol.Decode(got)
	if err != nil || again.From() != from || again.Seq != seq || again.Ack != ack {
		t.Fatalf("%v: %s", err, got)
	}
	var careless struct{ From, Seq, Ack json.RawMessage } // of case, as encoding/json is
	if err := json.Unmarshal(got, &careless); err != nil {
		t.Fatal(err)
	}
	if string(careless.From) != `"`+from+`"` || string(careless.Seq) != "7" || string(careless.Ack) != "9" {
		t.Fatalf("from %s, seq %s, ack %s: %s", careless.From, careless.Seq, careless.Ack, got)
	}
	want := slices.DeleteFunc(rawMembers(t, sent), func(m rawMember) bool {
		return m.name == "to" || m.name == "from" || m.name == "seq" || m.name == "ack"
	})
	want = append(want, rawMember{"from", `"` + from + `"`}, rawMember{"seq", "7"}, rawMember{"ack", "9"})
	if members := rawMembers(t, got); !slices.Equal(members, want) {
		t.Fatalf("\ngot  %q\nwant %q", members, want)
	}
}

func FuzzDecode(f *testing.F) {
	v := readVectors(f)
	for _, list := range [][]vector{v.Client.Valid, v.Client.Invalid, v.Relayed} {
		for _, vector := range list {
			f.Add([]byte(vector.Text))
		}
	}
	f.Add([]byte("{\"type\":\"message\",\"data\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		given := bytes.Clone(text)
		m, err := protocol.Decode(text)
		if m.Seq > protocol.MaxSeq || m.Ack > protocol.MaxSeq {
			t.Fatalf("seq %d, ack %d", m.Seq, m.Ack)
		}
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if protocol.Relayed(m.Type) {
			r, err := m.Relay("the-sender")
			if err == nil {
				checkRelayed(t, text, r)
			} else {
				checkRefusal(t, err)
			}
		} else if got, err := fields(m); err == nil {
			checkReadAgain(t, m, got)
		} else {
			checkRefusal(t, err)
		}
		if !bytes.Equal(text, given) {
			t.Fatal("decoding changed the text")
		}
	})
}

// checkReadAgain encodes what was read of a message and reads it again.
func checkReadAgain(t *testing.T, m protocol.Message, got any) {
	t.Helper()
	var body protocol.Body
	switch got := got.(type) {
	case protocol.Join:
		body = protocol.Encode(struct {
			Type string `json:"type"`
			protocol.Join
		}{m.Type, got})
	case protocol.Resume:
		body = protocol.Encode(struct {
			Type string `json:"type"`
			protocol.Resume
		}{m.Type, got})
	case map[string]any:
		got["type"] = m.Type
		body = protocol.Encode(got)
	default:
		body = protocol.Encode(protocol.Plain{Type: m.Type})
	}
	again, err := protocol.Decode(body.AppendTo(nil, m.Seq, max(m.Ack, 1)))
	if err != nil || again.Type != m.Type || again.Seq != m.Seq {
		t.Fatalf("%v: %s", err, body)
	}
	gotAgain, err := fields(again)
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if m, ok := got.(map[string]any); ok {
		delete(m, "type")
	}
	if a, b := marshal(t, got), marshal(t, gotAgain); !bytes.Equal(a, b) {
		t.Fatalf("\nfirst %s\nagain %s", a, b)
	}
}

func FuzzServerMessage(f *testing.F) {
	v := readVectors(f)
	for _, list := range [][]vector{v.Server.Valid, v.Server.Invalid} {
		for _, vector := range list {
			f.Add([]byte(vector.Text))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := protocol.Decode(text)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		switch m.Type {
		case protocol.TypeJoined:
			checkServer[protocol.Joined](t, m)
		case protocol.TypeResumed:
			checkServer[protocol.Resumed](t, m)
		case protocol.TypePeerJoined:
			checkServer[protocol.PeerJoined](t, m)
		case protocol.TypePeerLeft, protocol.TypePeerAway, protocol.TypePeerBack:
			checkServer[protocol.PeerChanged](t, m)
		case protocol.TypePeerUpdated:
			checkServer[protocol.PeerUpdated](t, m)
		case protocol.TypeUndelivered:
			checkServer[protocol.Undelivered](t, m)
		case protocol.TypeICEServers:
			checkServer[protocol.ICEServers](t, m)
		case protocol.TypeDraining:
			checkServer[protocol.Draining](t, m)
		case protocol.TypeError:
			checkServer[protocol.ErrorMessage](t, m)
		default:
			checkServer[protocol.Plain](t, m)
		}
	})
}

// checkServer reads a message of the server, writes it and reads it again.
func checkServer[T any](t *testing.T, m protocol.Message) {
	t.Helper()
	first, err := protocol.DecodeInto[T](m)
	if err != nil {
		checkRefusal(t, err)
		return
	}
	text := protocol.Encode(first).AppendTo(nil, 0, 0)
	var again T
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if !reflect.DeepEqual(generic(t, text), generic(t, protocol.Encode(again).AppendTo(nil, 0, 0))) {
		t.Fatalf("\nfirst %+v\nagain %+v", first, again)
	}
}
