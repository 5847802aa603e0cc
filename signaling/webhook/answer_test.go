package webhook

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"parley/signaling/protocol"
)

// FuzzAnswer finds no answer that ends the process, and none that lets in without a clear yes, or with what a client could not
// have sent itself.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"allow":true}`, `{"allow":false,"reason":"Not on Sundays."}`, `{"allow":true,"allow":false}`, `{"Allow":true}`, `null`, `[[`, ``,
		`{"allow":true,"identity":"a","name":"b","metadata":{"c":[1e400,"\u0000"]},"capacity":3,"broadcast":false,"x":{"y":[]}}`,
		`{"allow":true,"iceServers":[{"urls":["turns:a:443?transport=tcp"],"username":"u","credential":"c"}]}`, `{"\u0061llow":true}`,
		`{"allow":true,"name":"\ud800","metadata":[]}`, `{"allow":true,"capacity":-1}`, "{\"allow\":true,\"name\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		g, err := decodeAnswer(text)
		var said map[string]any
		_ = json.Unmarshal(text, &said)
		var refusal *Refusal
		switch {
		case errors.As(err, &refusal):
			if said["allow"] != false || utf8.RuneCountInString(refusal.Reason) > maxReason || strings.ContainsFunc(refusal.Reason, unicode.IsControl) {
				t.Errorf("%q is a no: %v", text, refusal)
			}
			return
		case err != nil:
			return
		}
		if said["allow"] != true || said["broadcast"] == false && g.Broadcast || g.Capacity < 0 || len(g.Identity) > maxIdentity || len(g.ICEServers) > maxServers {
			t.Errorf("%q is a yes: %+v", text, g)
		}
		asClient, err := json.Marshal(map[string]any{"type": "join", "room": "r"})
		if err != nil {
			t.Fatal(err)
		}
		if g.Metadata != nil {
			asClient = append(asClient[:len(asClient)-1], `,"metadata":`+string(g.Metadata)+"}"...)
		}
		if g.Name != "" {
			asClient = append(asClient[:len(asClient)-1], `,"name":`+string(protocol.Quote(g.Name))+"}"...)
		}
		m, err := protocol.Decode(asClient)
		if err == nil {
			_, err = m.Join()
		}
		if err != nil {
			t.Errorf("%q gives what no client could send: %v", text, err)
		}
		for _, server := range g.ICEServers {
			if !usable(server) {
				t.Errorf("%q gives %+v", text, server)
			}
		}
	})
}
