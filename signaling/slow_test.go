package signaling_test

import (
	"testing"
	"time"

	"parley/rooms"
	"parley/signaling"
	"parley/signaling/protocol"
)

// While the server cannot write another word to somebody, nobody else waits, whatever they do. The clock is virtual: it would go
// on if anything waited for the write, which nothing but its deadline ends. Where that waiting is for a mutex, which stops a
// virtual clock, the test would hang.
func TestNobodyWaitsForOneWhoDoesNotRead(t *testing.T) {
	tests := []struct {
		name string
		do   func(s *service, bob, carol *peer, slow string)
	}{
		{"a message past it", func(_ *service, bob, carol *peer, _ string) {
			bob.say(`{"type":"message","to":%q,"data":1}`, carol.id)
			carol.want("message")
		}},
		{"messages to it", func(_ *service, bob, _ *peer, slow string) {
			for range 10 {
				bob.say(`{"type":"message","to":%q,"data":1}`, slow)
			}
			bob.fence()
		}},
		{"so many that it is cut", func(_ *service, bob, carol *peer, slow string) {
			for range 60 {
				bob.say(`{"type":"message","to":%q,"data":1}`, slow)
			}
			if m := bob.want("undelivered"); m.str("code") != "peer-slow" {
				bob.t.Fatalf("%s", m)
			}
			bob.say(`{"type":"message","to":%q,"data":1}`, carol.id)
			carol.want("message")
		}},
		{"a broadcast", func(_ *service, bob, carol *peer, _ string) {
			bob.say(`{"type":"message","data":1}`)
			carol.want("message")
			bob.fence()
		}},
		{"a change of name", func(_ *service, bob, carol *peer, _ string) {
			bob.say(`{"type":"update","name":"Bob"}`)
			carol.want("peer-updated")
		}},
		{"somebody joins", func(s *service, bob, carol *peer, _ string) {
			s.join()
			bob.want("peer-joined")
			carol.want("peer-joined")
		}},
		{"somebody leaves", func(_ *service, bob, carol *peer, _ string) {
			bob.say(`{"type":"leave"}`)
			bob.wantClose(protocol.CloseNormal)
			carol.want("peer-left")
		}},
		{"another room", func(s *service, _, _ *peer, _ string) {
			dora := s.dial()
			dora.say(`{"type":"join","room":"another"}`)
			dora.want("joined")
			dora.fence()
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			run(t, signaling.Config{}, rooms.Config{InboxMessages: 50}, func(t *testing.T, s *service) {
				ann, joined := s.join()
				bob, _ := s.join()
				carol, _ := s.join()
				bob.want("peer-joined")
				s.stall(ann, joined.str("session"))
				bob.say(`{"type":"message","to":%q,"data":"the one that is stuck"}`, ann.id)
				bob.fence()
				begin := time.Now()
				test.do(s, bob, carol, ann.id)
				if d := time.Since(begin); d != 0 {
					t.Fatalf("that took %v", d)
				}
			})
		})
	}
}
