package client_test

import (
	"context"
	"testing"
	"testing/synctest"

	"parley/signaling/client"
	"parley/signaling/protocol"
)

func TestSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		tokens := 0
		c, m := f.join(func(cfg *client.Config, _ *protocol.Joined) {
			cfg.Token = func(context.Context) (string, error) { tokens++; return "token", nil }
		})
		ctx, empty := t.Context(), ""
		tests := []struct {
			name string
			send func() (uint64, error)
			want string // less seq; "" where it is refused
		}{
			{"offer", func() (uint64, error) { return c.Offer(ctx, "a", "v=0<&>") }, `{"type":"offer","to":"a","sdp":"v=0<&>"}`},
			{"answer", func() (uint64, error) { return c.Answer(ctx, "a", "v=0") }, `{"type":"answer","to":"a","sdp":"v=0"}`},
			{"no sdp", func() (uint64, error) { return c.Answer(ctx, "a", "") }, ""},
			{"candidate", func() (uint64, error) { return c.Candidate(ctx, "a", map[string]any{"candidate": ""}) }, `{"type":"candidate","to":"a","candidate":{"candidate":""}}`},
			{"end of candidates", func() (uint64, error) { return c.Candidate(ctx, "a", nil) }, `{"type":"candidate","to":"a","candidate":null}`},
			{"no candidate", func() (uint64, error) { return c.Candidate(ctx, "a", 5) }, ""},
			{"broadcast", func() (uint64, error) { return c.Broadcast(ctx, []int{1}) }, `{"type":"message","data":[1]}`},
			{"update", func() (uint64, error) {
				return c.Update(ctx, protocol.Update{Name: &empty, Metadata: []byte("null")})
			}, `{"type":"update","name":null,"metadata":null}`},
			{"update of nothing", func() (uint64, error) { return c.Update(ctx, protocol.Update{}) }, `{"type":"update"}`},
			{"report", func() (uint64, error) {
				return c.Report(ctx, protocol.Report{About: "a", State: "connected", Path: "relay", Elapsed: 7})
			}, `{"type":"report","about":"a","state":"connected","path":"relay","elapsed":7}`},
			{"bad report", func() (uint64, error) { return c.Report(ctx, protocol.Report{About: "a", State: "?"}) }, ""},
			{"ice servers", func() (uint64, error) { return c.RequestICEServers(ctx) }, `{"type":"ice-servers"}`},
			{"kick", func() (uint64, error) { return c.Kick(ctx, "bob", "noise") }, `{"type":"kick","about":"bob","reason":"noise"}`},
			{"admit", func() (uint64, error) { return c.Admit(ctx, "k1") }, `{"type":"admit","knock":"k1"}`},
			{"deny", func() (uint64, error) { return c.Deny(ctx, "k1") }, `{"type":"deny","knock":"k1"}`},
			{"close", func() (uint64, error) { return c.CloseRoom(ctx) }, `{"type":"close"}`},
			{"lock", func() (uint64, error) { return c.Lock(ctx, true) }, `{"type":"lock","locked":true}`},
			{"authenticate", func() (uint64, error) { return c.Authenticate(ctx) }, `{"type":"authenticate","token":"token"}`},
			{"raw", func() (uint64, error) { return c.Send(ctx, []byte(` {"type":"new", "n": 1.0e5 } `)) }, `{"type":"new", "n": 1.0e5 }`},
			{"seq", func() (uint64, error) { return c.Send(ctx, []byte(`{"type":"new","seq":5}`)) }, ""},
			{"own", func() (uint64, error) { return c.Send(ctx, []byte(`{"type":"leave"}`)) }, ""},
			{"no JSON", func() (uint64, error) { return c.Send(ctx, []byte(`{`)) }, ""},
			{"not marshalled", func() (uint64, error) { return c.Message(ctx, "a", func() {}) }, ""},
			{"too long", func() (uint64, error) { return c.Message(ctx, "a", make([]byte, 50000)) }, ""},
		}
		for _, test := range tests {
			id, err := test.send()
			switch {
			case (err == nil) != (test.want != ""):
				t.Errorf("%s: error %v", test.name, err)
			case err == nil:
				m.expectLike(test.name, id, test.want)
			}
		}
		if tokens != 2 {
			t.Errorf("asked for %d tokens, want 2", tokens)
		}
	})
}

// expectLike takes the next message, which must have that number and be like want.
func (m *remote) expectLike(name string, seq uint64, want string) {
	m.t.Helper()
	wanted, err := protocol.Decode([]byte(want))
	if err != nil {
		m.t.Fatal(err)
	}
	got := m.expect(wanted.Type)
	if got.Seq != seq || seq == 0 {
		m.t.Errorf("%s: seq %d, want %d", name, got.Seq, seq)
	}
	for _, member := range []string{
		"to", "sdp", "candidate", "data", "name", "metadata", "about", "state", "path", "elapsed", "token", "n",
	} {
		a, _ := got.Value(member)
		b, _ := wanted.Value(member)
		if string(a) != string(b) {
			m.t.Errorf("%s: %s is %s, want %s", name, member, a, b)
		}
	}
}
