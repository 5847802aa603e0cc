package signaling_test

import (
	"strconv"
	"testing"
	"time"

	"parley/rooms"
	"parley/signaling"
	"parley/signaling/protocol"
)

func TestARelayedMessageKeepsWhatItsSenderGave(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, bob := s.pair()
		bob.say(`{"type":"offer","to":%q,"from":"forged","seq":1,"ack":0,"sdp":"v=0\r\n","mine":[1.10,1e400]}`, ann.id)
		m := ann.want("offer")
		if m.str("from") != bob.id || m["to"] != nil || string(m["mine"]) != "[1.10,1e400]" || m.num("seq") != 2 {
			t.Fatalf("the offer arrives as %s", m)
		}
		for _, candidate := range []string{`""`, `null`, `{"candidate":"","sdpMid":"0"}`} {
			ann.say(`{"type":"candidate","to":%q,"candidate":%s}`, bob.id, candidate)
			if m := bob.want("candidate"); string(m["candidate"]) != candidate {
				t.Fatalf("%s arrives as %s", candidate, m)
			}
		}
	})
}

func TestABroadcastReachesEveryoneElse(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(_ *testing.T, s *service) {
		ann, bob := s.pair()
		carol, _ := s.join()
		ann.want("peer-joined")
		bob.want("peer-joined")
		bob.say(`{"type":"message","data":{"hello":"all"}}`)
		ann.want("message")
		carol.want("message")
		bob.fence()
	})
}

func TestUndelivered(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, bob := s.pair()
		ann.say(`{"type":"leave"}`)
		ann.wantClose(protocol.CloseNormal)
		if m := bob.want("peer-left"); m.str("reason") != "left" {
			t.Fatalf("%s", m)
		}
		for i, test := range []struct{ to, code string }{
			{ann.id, "peer-gone"}, {"nobody", "peer-unknown"}, {bob.id, "peer-unknown"},
		} {
			bob.say(`{"type":"offer","to":%q,"sdp":"v=0","seq":%d}`, test.to, i+1)
			m := bob.want("undelivered")
			if m.str("to") != test.to || m.str("code") != test.code || m.num("of") != uint64(i+1) || m.num("seq") == 0 {
				t.Fatalf("to %s: %s", test.to, m)
			}
		}
		bob.say(`{"type":"offer","to":"nobody","sdp":"v=0"}`)
		if m := bob.want("undelivered"); m["of"] != nil {
			t.Fatalf("a message without a number is undelivered as %s", m)
		}
		time.Sleep(31 * time.Second)
		bob.say(`{"type":"offer","to":%q,"sdp":"v=0"}`, ann.id)
		if m := bob.want("undelivered"); m.str("code") != "peer-unknown" {
			t.Fatalf("after the grace time: %s", m)
		}
	})
}

func TestResumeBringsWhatWasMissed(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, joined := s.join()
		bob, _ := s.join()
		ann.want("peer-joined")
		ann.say(`{"type":"message","data":1,"seq":5}`)
		bob.want("message")
		ann.drop()
		for i := range 3 {
			bob.say(`{"type":"candidate","to":%q,"candidate":"%d"}`, ann.id, i)
		}
		again, resumed := s.resume(ann, joined.str("session"), ann.last)
		if resumed.num("received") != 5 || string(resumed["complete"]) != "true" || resumed.str("peer") != ann.id ||
			resumed.str("session") == joined.str("session") || resumed["seq"] != nil {
			t.Fatalf("resumed is %s", resumed)
		}
		for i := range 3 {
			if m := again.want("candidate"); m.str("candidate") != strconv.Itoa(i) {
				t.Fatalf("candidate %d is %s", i, m)
			}
		}
		again.say(`{"type":"message","data":1,"seq":5}`) // a repeat is passed over
		again.say(`{"type":"message","data":2,"seq":6}`)
		if m := bob.want("message"); string(m["data"]) != "2" {
			t.Fatalf("a repeat was delivered: %s", m)
		}
	})
}

func TestAShortLossIsNotToldAndALongerOneIs(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, joined := s.join()
		bob, _ := s.join()
		ann.drop()
		time.Sleep(1900 * time.Millisecond)
		ann, joined = s.resume(ann, joined.str("session"), 0)
		bob.fence()
		ann.drop()
		begin := time.Now()
		bob.want("peer-away")
		if d := time.Since(begin); d < 2*time.Second || d > 3*time.Second {
			t.Fatalf("peer-away after %v", d)
		}
		ann, joined = s.resume(ann, joined.str("session"), 0)
		bob.want("peer-back")
		ann.drop()
		begin = time.Now()
		bob.want("peer-away")
		if m := bob.want("peer-left"); m.str("reason") != "timeout" || time.Since(begin) != 30*time.Second {
			t.Fatalf("%s after %v", m, time.Since(begin))
		}
		p := s.dial()
		p.say(`{"type":"resume","session":%q,"received":0}`, joined.str("session"))
		p.wantError(protocol.CodeSessionLost)
		p.say(`{"type":"join","room":"r"}`)
		p.want("joined")
	})
}

func TestResumeTakesOverALivingConnection(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, joined := s.join()
		bob, _ := s.join()
		again, _ := s.resume(ann, joined.str("session"), 0)
		ann.wantClose(protocol.CloseReplaced)
		again.fence() // resumed has told of Bob
		bob.fence()   // nobody has heard of it
	})
}

func TestTheSecretBeforeIsGoodUntilTheFirstMessage(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(_ *testing.T, s *service) {
		ann, joined := s.join()
		first := joined.str("session")
		ann, _ = s.resume(ann, first, 0) // say resumed was lost
		ann, resumed := s.resume(ann, first, 0)
		ann.say(`{"type":"ack","ack":0}`)
		ann.fence()
		p := s.dial()
		p.say(`{"type":"resume","session":%q,"received":0}`, first)
		p.wantError(protocol.CodeSessionLost)
		s.resume(ann, resumed.str("session"), 0)
	})
}

func TestAResumeBeyondWhatWasSentIsRefused(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(_ *testing.T, s *service) {
		ann, joined := s.join()
		p := s.dial()
		p.say(`{"type":"resume","session":%q,"received":3}`, joined.str("session"))
		p.wantError(protocol.CodeBadMessage)
		ann.fence()
	})
}

func TestOnlyTheEndWith1000IsAFarewell(t *testing.T) {
	for _, test := range []struct {
		code int
		want string
	}{{1000, "peer-left"}, {1001, "peer-away"}, {1005, "peer-away"}, {4000, "peer-away"}} {
		t.Run(strconv.Itoa(test.code), func(t *testing.T) {
			run(t, signaling.Config{}, rooms.Config{}, func(_ *testing.T, s *service) {
				ann, bob := s.pair()
				ann.closeWith(test.code)
				bob.want(test.want)
			})
		})
	}
}

func TestAcknowledgementsComeWithin16MessagesOrASecond(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, bob := s.pair()
		for i := range 16 {
			bob.say(`{"type":"candidate","to":%q,"candidate":"","seq":%d}`, ann.id, i+1)
		}
		begin := time.Now()
		if m := <-bob.in; m.str("type") != "ack" || m.num("ack") != 16 || time.Since(begin) != 0 {
			t.Fatalf("after 16 messages: %s after %v", m, time.Since(begin))
		}
		bob.say(`{"type":"candidate","to":%q,"candidate":"","seq":17}`, ann.id)
		begin = time.Now()
		if m := <-bob.in; m.str("type") != "ack" || m.num("ack") != 17 || time.Since(begin) > time.Second {
			t.Fatalf("after one: %s after %v", m, time.Since(begin))
		}
		bob.say(`{"type":"candidate","to":%q,"candidate":"","seq":18}`, ann.id)
		for range 18 {
			ann.want("candidate")
		}
		ann.say(`{"type":"candidate","to":%q,"candidate":""}`, bob.id)
		if m := bob.want("candidate"); m.num("ack") != 18 { // it rides on what goes that way
			t.Fatalf("%s", m)
		}
		select {
		case m := <-bob.in:
			t.Fatalf("an acknowledgement came twice: %s", m)
		case <-time.After(5 * time.Second):
		}
	})
}

func TestWhatWasReceivedIsAcknowledgedAfterAResumeToo(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, joined := s.join()
		ann.say(`{"type":"update","name":"Ann","seq":3}`)
		ann.fence()
		again, _ := s.resume(ann, joined.str("session"), 0)
		if m := <-again.in; m.str("type") != "ack" || m.num("ack") != 3 {
			t.Fatalf("%s", m)
		}
	})
}

func TestIdentityReplaces(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		bob, _ := s.join()
		identity := `"identity":"0123456789012345678901"`
		ann, _ := s.join(identity)
		bob.want("peer-joined")
		s.join(identity)
		ann.wantClose(protocol.CloseReplaced)
		if m := bob.want("peer-left"); m.str("reason") != "replaced" || m["identity"] != nil {
			t.Fatalf("%s", m)
		}
		bob.want("peer-joined")
	})
}

func TestUpdateTellsTheOthers(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, bob := s.pair()
		for _, test := range []struct{ say, name, metadata string }{
			{`"name":"Bob <b>"`, `"Bob <b>"`, ""},
			{`"metadata":{"a":1.0}`, "", `{"a":1.0}`},
			{`"name":null,"metadata":null`, "null", "null"},
		} {
			bob.say(`{"type":"update",%s}`, test.say)
			m := ann.want("peer-updated")
			if m.str("peer") != bob.id || string(m["name"]) != test.name || string(m["metadata"]) != test.metadata {
				t.Fatalf("%s is told as %s", test.say, m)
			}
		}
	})
}

func TestICEServersAreAnswered(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, _ := s.join()
		ann.say(`{"type":"ice-servers","seq":1}`)
		if m := ann.want("ice-servers"); string(m["iceServers"]) != "[]" || m.num("seq") == 0 {
			t.Fatalf("%s", m)
		}
	})
}
