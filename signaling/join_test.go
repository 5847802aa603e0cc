package signaling_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/rooms"
	"parley/signaling"
	"parley/signaling/protocol"
)

func TestJoinedSaysWhatAClientNeeds(t *testing.T) {
	config := signaling.Config{ICEServers: []protocol.ICEServer{{URLs: []string{"stun:stun.example.org"}}}}
	run(t, config, rooms.Config{}, func(t *testing.T, s *service) {
		ann, joined := s.join(`"name":"Ann","metadata":{"n":1.50}`)
		var w protocol.Joined
		if err := json.Unmarshal([]byte(joined.String()), &w); err != nil {
			t.Fatal(err)
		}
		want := protocol.Limits{Message: 65536, Rate: 100, Burst: 1500, Peers: 16, Unacknowledged: 256}
		if w.Room != "r" || w.Peer == "" || w.Session == "" || w.Grace != 30 || w.Heartbeat != 25 || w.Limits != want ||
			len(w.ICEServers) != 1 || string(joined["peers"]) != "[]" || joined["seq"] != nil {
			t.Fatalf("joined is %s", joined)
		}
		bob, joined := s.join()
		if got, want := string(joined["peers"]), `[{"peer":"`+ann.id+`","name":"Ann","metadata":{"n":1.50},"polite":true}]`; got != want {
			t.Fatalf("the newcomer sees %s, not %s", got, want)
		}
		m := ann.want("peer-joined")
		if m.str("peer") != bob.id || string(m["polite"]) != "false" || m.num("seq") == 0 || m["name"] != nil {
			t.Fatalf("the other one hears %s", m)
		}
	})
}

func TestARefusedJoinMayTryAgain(t *testing.T) {
	run(t, signaling.Config{Capacity: 1}, rooms.Config{Capacity: 1}, func(_ *testing.T, s *service) {
		s.join()
		p := s.dial()
		p.say(`{"type":"join","room":"r"}`)
		p.wantError(protocol.CodeRoomFull)
		p.say(`{"type":"resume","session":"unknown","received":0}`)
		p.wantError(protocol.CodeSessionLost)
		p.say(`{"type":"join","room":"another"}`)
		p.want("joined")
	})
}

func TestWhoDoesNotJoinInTimeIsClosed(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		begin := time.Now()
		p := s.dial()
		p.say(`{"type":"ping"}`) // a ping is no join
		p.want("pong")
		p.wantClose(protocol.CloseNotJoined)
		if waited := time.Since(begin); waited < 10*time.Second || waited > 11*time.Second {
			t.Fatalf("closed after %v", waited)
		}
	})
}

func TestBeforeJoined(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(_ *testing.T, s *service) {
		p := s.dial()
		for _, m := range []string{"offer", "answer", "candidate", "message", "update", "ice-servers", "authenticate", "report", "ack", "leave"} {
			p.say(`{"type":%q,"ack":0,"to":"x","sdp":"v=0"}`, m)
			p.wantError(protocol.CodeNotJoined)
		}
		p.say(`{"type":"dance"}`)
		p.wantError(protocol.CodeUnknownType)
		p.say(`{"type":"join","room":"r"}`)
		p.want("joined")
		for _, m := range []string{`"join","room":"r"`, `"resume","session":"x","received":0`} {
			p.say(`{"type":%s}`, m)
			p.wantError(protocol.CodeAlreadyJoined)
		}
		p.say(`{"type":"dance","seq":7}`)
		if m := p.wantError(protocol.CodeUnknownType); m.num("of") != 7 || m.num("seq") == 0 {
			p.t.Fatalf("the refusal of a numbered message is %s", m)
		}
		p.fence()
	})
}

func TestSubprotocols(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		for _, test := range []struct {
			offered  []string
			selected string
			served   bool
		}{
			{[]string{"parley.v1"}, "parley.v1", true},
			{[]string{"other", "parley.v1"}, "parley.v1", true},
			{[]string{}, "", true},
			{[]string{"parley.v2", "other"}, "parley.v2", false},
		} {
			p := s.dial(test.offered...)
			if got := p.ws.Subprotocol(); got != test.selected {
				t.Fatalf("of %v %q was selected", test.offered, got)
			}
			if !test.served {
				p.wantError(protocol.CodeUnsupportedVersion)
				p.wantClose(protocol.CloseVersion)
				continue
			}
			p.say(`{"type":"join","room":"r"}`)
			p.want("joined")
			p.say(`{"type":"leave"}`)
			p.wantClose(protocol.CloseNormal)
		}
	})
}

func TestWhatIsNotTextIsClosed(t *testing.T) {
	for name, test := range map[string]struct {
		kind int
		data string
		code protocol.CloseCode
	}{
		"binary":           {websocket.BinaryMessage, "{}", protocol.CloseUnsupported},
		"not UTF-8":        {websocket.TextMessage, "{\"type\":\"\xff\"}", protocol.CloseBadUTF8},
		"too large before": {websocket.TextMessage, strings.Repeat(" ", 16<<10+1), protocol.CloseTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, signaling.Config{}, rooms.Config{}, func(_ *testing.T, s *service) {
				p := s.dial()
				_ = p.ws.WriteMessage(test.kind, []byte(test.data))
				if test.code == protocol.CloseTooLarge {
					p.wantError(protocol.CodeTooLarge)
				}
				p.wantClose(test.code)
			})
		})
	}
}

func TestALargeMessageOnceJoined(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, bob := s.pair()
		data := strings.Repeat("x", 64<<10-len(`{"type":"message","data":""}`))
		bob.say(`{"type":"message","data":"%s"}`, data)
		if m := ann.want("message"); m.str("data") != data {
			t.Fatal("a message of just the limit has changed")
		}
		bob.say(`{"type":"message","data":"%sx"}`, data)
		bob.wantError(protocol.CodeTooLarge)
		bob.wantClose(protocol.CloseTooLarge)
		ann.want("peer-away")
	})
}

func TestAMessageMayComeInFragments(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		p := s.dial()
		w, err := p.ws.NextWriter(websocket.TextMessage)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{`{"type":"join",`, strings.Repeat(" ", 8<<10), `"room":"r"}`} {
			if _, err := w.Write([]byte(part)); err != nil {
				t.Fatal(err)
			}
		}
		_ = w.Close()
		p.want("joined")
	})
}

func TestLessonBadJSONKillsNothing(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, bob := s.pair()
		deep := strings.Repeat("[", 64) + strings.Repeat("]", 64)
		for _, test := range []struct {
			text string
			code protocol.Code
			of   uint64
		}{
			{`{`, protocol.CodeBadJSON, 0},
			{``, protocol.CodeBadJSON, 0},
			{`[]`, protocol.CodeBadJSON, 0},
			{`{"type":"message","data":` + deep + `}`, protocol.CodeBadJSON, 0},
			{`{}`, protocol.CodeBadMessage, 0},
			{`{"type":7}`, protocol.CodeBadMessage, 0},
			{`{"type":"Offer","to":"x","sdp":"v=0"}`, protocol.CodeUnknownType, 0},
			{`{"type":"offer","sdp":"v=0","seq":1}`, protocol.CodeBadMessage, 1},
			{`{"type":"offer","to":"x","sdp":"hello","seq":2}`, protocol.CodeBadMessage, 2},
			{`{"type":"message","to":null,"data":1,"seq":3}`, protocol.CodeBadMessage, 3},
			{`{"type":"message","to":"x","seq":4}`, protocol.CodeBadMessage, 4},
			{`{"type":"candidate","to":"x","candidate":7,"seq":5}`, protocol.CodeBadMessage, 5},
			{`{"type":"update","name":"","seq":6}`, protocol.CodeBadMessage, 6},
			{`{"type":"update","name":"` + strings.Repeat("é", 65) + `","seq":7}`, protocol.CodeTooLarge, 7},
			{`{"type":"update","metadata":[],"seq":8}`, protocol.CodeBadMessage, 8},
			{`{"type":"update","metadata":{"x":"` + strings.Repeat("x", 4<<10) + `"},"seq":9}`, protocol.CodeTooLarge, 9},
			{`{"type":"report","about":"x","state":"odd","seq":10}`, protocol.CodeBadMessage, 10},
			{`{"type":"authenticate","seq":11}`, protocol.CodeBadMessage, 11},
			{`{"type":"ack"}`, protocol.CodeBadMessage, 0},
			{`{"type":"ack","ack":999}`, protocol.CodeBadMessage, 0},
			{`{"type":"ping","seq":-1}`, protocol.CodeBadMessage, 0},
			{`{"type":"ping","seq":1.5}`, protocol.CodeBadMessage, 0},
			{`{"type":"ping","seq":9007199254740992}`, protocol.CodeBadMessage, 0},
		} {
			bob.say("%s", test.text)
			m := bob.wantError(test.code)
			if m.num("of") != test.of || (m.num("seq") > 0) != (test.of > 0) {
				t.Fatalf("%s is answered with %s", test.text, m)
			}
		}
		ann.fence()
		bob.say(`{"type":"offer","to":%q,"sdp":"v=0 and more","seq":12}`, ann.id)
		ann.want("offer")
	})
}

func TestAHundredErrorsInTenSecondsAreAViolation(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(_ *testing.T, s *service) {
		p, _ := s.join()
		for range 99 {
			p.say(`x`)
			p.wantError(protocol.CodeBadJSON)
		}
		time.Sleep(11 * time.Second) // of virtual time: the window has passed
		for range 100 {
			p.say(`x`)
		}
		p.wantClose(protocol.CloseViolation)
	})
}
