package signaling_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"parley/rooms"
	"parley/signaling"
	"parley/signaling/protocol"
)

// drain begins to drain and gives the outcome.
func (s *service) drain(within time.Duration) <-chan error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	outcome := make(chan error, 1)
	go func() {
		defer cancel()
		outcome <- s.server.Drain(ctx)
	}()
	return outcome
}

func TestADrainingServerSaysSoAndLetsNobodyIn(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, joined := s.join()
		outcome := s.drain(20 * time.Second)
		m := ann.want("draining")
		if m.num("within") != 20 || m.num("seq") == 0 {
			t.Fatalf("%s", m)
		}
		bob := s.dial()
		bob.say(`{"type":"join","room":"room"}`)
		if m := bob.wantError(protocol.CodeOverloaded); m.num("retryAfter") == 0 {
			t.Fatalf("%s", m)
		}
		ann.drop() // as a client does that moves: this is its server still
		again, _ := s.resume(ann, joined.str("session"), ann.last)
		again.say(`{"type":"ack","ack":%d}`, again.last)
		if err := <-outcome; err != nil {
			t.Fatal(err)
		}
	})
}

// What was taken arrives; what comes later is not taken, and its sender knows.
func TestADrainDeliversWhatWasTaken(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, joined := s.join()
		bob, _ := s.join()
		ann.want("peer-joined")
		ann.drop()
		bob.say(`{"type":"message","to":%q,"data":"taken","seq":1}`, ann.id)
		bob.fence()
		synctest.Wait() // the loss was noticed: else she is told of the end too
		outcome := s.drain(20 * time.Second)
		bob.want("draining")
		bob.want("peer-away")
		time.Sleep(15 * time.Second) // as long as somebody who is away can still come, everyone is served
		bob.say(`{"type":"message","to":%q,"data":"too late","seq":2}`, ann.id)
		if m := bob.wantError(protocol.CodeRateLimited); m.num("of") != 2 || m.num("retryAfter") == 0 {
			t.Fatalf("%s", m)
		}
		if bob.acked != 1 {
			t.Fatalf("%d is acknowledged", bob.acked)
		}
		ann, _ = s.resume(ann, joined.str("session"), ann.last)
		if m := ann.want("message"); m.str("data") != "taken" {
			t.Fatalf("%s", m)
		}
		if err := <-outcome; err != nil { // nobody acknowledges here: the answers to pings show what has arrived
			t.Fatal(err)
		}
		ann.fence()
		s.stop()
		for _, p := range []*peer{ann, bob} {
			p.wantClose(protocol.CloseRestart)
		}
	})
}

func TestADrainTellsWhatItCannotDeliver(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, _ := s.join()
		bob, _ := s.join()
		ann.drop()
		bob.say(`{"type":"message","to":%q,"data":"in vain","seq":1}`, ann.id)
		bob.fence()
		outcome := s.drain(20 * time.Second)
		bob.want("draining")
		bob.want("peer-away")
		m := bob.want("undelivered")
		if m.str("to") != ann.id || m.num("of") != 1 || m.str("code") != "peer-slow" {
			t.Fatalf("%s", m)
		}
		if err := <-outcome; err != nil {
			t.Fatal(err)
		}
	})
}

func TestADrainOfNobodyTakesNoTime(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(t *testing.T, s *service) {
		s.dial() // who has not joined is not waited for
		begin := time.Now()
		if err := <-s.drain(20 * time.Second); err != nil || time.Since(begin) > time.Second {
			t.Fatalf("%v after %v", err, time.Since(begin))
		}
	})
}

// shared is an engine whose sessions live elsewhere too.
type shared struct{ *rooms.Memory }

func (shared) Shared() bool { return true }

func (shared) Settle(context.Context) error { return nil }

func TestADrainingServerWaitsUntilItsPeersHaveMoved(t *testing.T) {
	engine := func() rooms.Engine { return shared{rooms.NewMemory(rooms.Config{})} }
	runEngine(t, signaling.Config{}, engine, func(t *testing.T, s *service) {
		ann, _ := s.join()
		outcome := s.drain(20 * time.Second)
		ann.want("draining")
		dialer := websocket.Dialer{NetDial: s.listener.dial}
		_, response, err := dialer.Dial("ws://parley.test/ws", nil)
		if err == nil || response == nil || response.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("a new connection is answered with %v, %v", response, err)
		}
		select {
		case err := <-outcome:
			t.Fatalf("the drain has ended under a peer: %v", err)
		default:
		}
		ann.drop()
		if err := <-outcome; err != nil {
			t.Fatal(err)
		}
	})
}

func TestIdentityPolicies(t *testing.T) {
	const join = `{"type":"join","room":"room","identity":"0123456789012345678901"}`
	run(t, signaling.Config{}, rooms.Config{Identities: rooms.IdentityRefuse}, func(_ *testing.T, s *service) {
		first, second := s.dial(), s.dial()
		first.say(join)
		first.want("joined")
		second.say(join)
		second.wantError(protocol.CodeForbidden)
		second.say(`{"type":"join","room":"room"}`) // the socket stays
		second.want("joined")
	})
	run(t, signaling.Config{}, rooms.Config{Identities: rooms.IdentityAllow}, func(_ *testing.T, s *service) {
		for range 2 {
			p := s.dial()
			p.say(join)
			p.want("joined")
		}
	})
}

func TestASessionSurvivesItsServer(t *testing.T) {
	key, err := rooms.NewSessionKey([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	config := rooms.Config{SessionKey: key}
	run(t, signaling.Config{}, config, func(t *testing.T, s *service) {
		ann, joined := s.join()
		bob, bobJoined := s.join()
		ann.want("peer-joined")
		s.restart(config)
		ann, resumed := s.resume(ann, joined.str("session"), ann.last)
		if resumed.str("peer") != joined.str("peer") || string(resumed["complete"]) != "false" || resumed.num("received") != 0 ||
			string(resumed["peers"]) != "[]" {
			t.Fatalf("%s", resumed)
		}
		bob, _ = s.resume(bob, bobJoined.str("session"), 0)
		ann.want("peer-joined")
		if m := ann.want("peer-back"); m.str("peer") != bob.id || m.num("seq") <= joined.num("seq") {
			t.Fatalf("%s", m)
		}
		bob.say(`{"type":"message","to":%q,"data":1,"seq":90}`, ann.id)
		ann.want("message")
	})
}
