package signaling_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"parley/rooms"
	"parley/signaling"
	"parley/signaling/protocol"
)

// wantTurnedAway waits for the end of a connection that is over a limit: it is told, and closed with 1013.
func (p *peer) wantTurnedAway() {
	p.t.Helper()
	if m := p.wantError(protocol.CodeOverloaded); m.num("retryAfter") < 2 || m.num("retryAfter") > 6 {
		p.t.Fatalf("%s", m)
	}
	p.wantClose(protocol.CloseTryLater)
}

// wantNoUpgrade dials where no connection is let in even to be told.
func (s *service) wantNoUpgrade() {
	s.t.Helper()
	ws, response, err := s.tryDial()
	if err == nil {
		_ = ws.Close()
		s.t.Fatal("it was upgraded")
	}
	if !errors.Is(err, websocket.ErrBadHandshake) || response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
		s.t.Fatalf("%v, %+v", err, response)
	}
}

// joinFrom joins a room of its own from an address.
func (s *service) joinFrom(address string) (*peer, message) {
	s.t.Helper()
	s.from = address
	p := s.dial()
	p.say(`{"type":"join","room":"of %s"}`, address)
	return p, p.want("joined")
}

func (s *service) dialFrom(address string) *peer {
	s.t.Helper()
	s.from = address
	return s.dial()
}

func TestConnectionsPerAddressAreLimited(t *testing.T) {
	for _, test := range []struct{ name, first, second, third, other string }{
		{"IPv4", "192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"},
		{"IPv4 in IPv6", "192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2"},
		{"IPv6 by /64", "2001:db8::1", "2001:db8::2", "2001:db8::ffff:0:0:3", "2001:db8:0:1::1"},
		{"loopback", "127.0.0.1", "127.0.0.1", "127.0.0.1", "::1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			run(t, signaling.Config{ConnectionsPerAddress: 2}, rooms.Config{}, func(t *testing.T, s *service) {
				s.joinFrom(test.first)
				second, _ := s.joinFrom(test.second)
				third := s.dialFrom(test.third)
				third.say(`{"type":"join","room":"r"}`)
				third.wantTurnedAway()
				s.joinFrom(test.other)
				second.say(`{"type":"leave"}`)
				second.wantClose(protocol.CloseNormal)
				synctest.Wait() // for the server to have let go of it
				s.joinFrom(test.third)
			})
		})
	}
}

func TestWhoSaysNothingOverALimitIsToldAllTheSame(t *testing.T) {
	run(t, signaling.Config{ConnectionsPerAddress: 1}, rooms.Config{}, func(t *testing.T, s *service) {
		s.joinFrom("192.0.2.1")
		begin := time.Now()
		s.dialFrom("192.0.2.1").wantTurnedAway()
		if waited := time.Since(begin); waited < 2*time.Second || waited > 3*time.Second {
			t.Fatalf("told after %v", waited)
		}
	})
}

func TestConnectionsAreLimited(t *testing.T) {
	run(t, signaling.Config{MaxConnections: 2}, rooms.Config{}, func(_ *testing.T, s *service) {
		first, _ := s.joinFrom("192.0.2.1")
		s.joinFrom("192.0.2.2")
		p := s.dialFrom("192.0.2.3")
		p.say(`{"type":"ping"}`) // there is only resume for it
		p.wantTurnedAway()
		first.drop()
		synctest.Wait()
		s.joinFrom("192.0.2.3")
	})
}

// A client that comes back finds its old connection still counted, after an interruption everybody at once.
func TestAResumeMayGoOverALimit(t *testing.T) {
	for _, config := range []signaling.Config{{ConnectionsPerAddress: 1}, {MaxConnections: 1}} {
		run(t, config, rooms.Config{}, func(_ *testing.T, s *service) {
			ann, joined := s.joinFrom("192.0.2.1")
			again, resumed := s.resume(ann, joined.str("session"), 0)
			ann.wantClose(protocol.CloseReplaced)
			again.fence()
			s.resume(ann, resumed.str("session"), 0) // the seat of the one before was free at once
			p := s.dial()
			p.say(`{"type":"resume","session":"unknown","received":0}`)
			p.wantError(protocol.CodeSessionLost)
			p.say(`{"type":"join","room":"r"}`)
			p.wantTurnedAway()
		})
	}
}

func TestTwiceTheLimitIsTheEndForResumesToo(t *testing.T) {
	run(t, signaling.Config{MaxConnections: 2}, rooms.Config{}, func(_ *testing.T, s *service) {
		for range 4 {
			s.dial()
		}
		s.wantNoUpgrade()
		time.Sleep(3 * time.Second) // those over the limit have gone
		s.dial()
	})
}

func TestOnlySoManyAreTurnedAwayAtATime(t *testing.T) {
	run(t, signaling.Config{MaxConnections: 300}, rooms.Config{}, func(_ *testing.T, s *service) {
		var over []*peer
		for i := range 300 + 256 {
			if p := s.dial(); i >= 300 {
				over = append(over, p)
			}
		}
		s.wantNoUpgrade()
		for _, p := range over {
			p.wantTurnedAway()
		}
	})
}

func TestJoinsPerAddressAreLimited(t *testing.T) {
	run(t, signaling.Config{JoinsPerAddress: 2}, rooms.Config{}, func(t *testing.T, s *service) {
		ann, joined := s.joinFrom("192.0.2.1")
		for range 7 {
			s.joinFrom("192.0.2.1")
		}
		p := s.dial()
		for _, retryAfter := range []uint64{1, 1, 2, 2, 3} { // they would come back one after the other
			p.say(`{"type":"join","room":"r"}`)
			if m := p.wantError(protocol.CodeOverloaded); m.num("retryAfter") != retryAfter {
				t.Fatalf("%s instead of %d", m, retryAfter)
			}
		}
		s.resume(ann, joined.str("session"), 0) // is no join
		s.joinFrom("192.0.2.2")
		time.Sleep(time.Second)
		p.say(`{"type":"join","room":"r"}`) // the socket has stayed
		p.want("joined")
	})
}

func TestNobodyIsToldToWaitForLongToJoin(t *testing.T) {
	run(t, signaling.Config{JoinsPerAddress: 0.1}, rooms.Config{}, func(t *testing.T, s *service) {
		s.joinFrom("192.0.2.1")
		p := s.dial()
		for _, retryAfter := range []uint64{10, 20, 30, 30} {
			p.say(`{"type":"join","room":"r"}`)
			if m := p.wantError(protocol.CodeOverloaded); m.num("retryAfter") != retryAfter {
				t.Fatalf("%s instead of %d", m, retryAfter)
			}
		}
	})
}

func TestTheOldestThatHasNotJoinedMakesRoom(t *testing.T) {
	run(t, signaling.Config{MaxUnjoined: 2}, rooms.Config{Capacity: 1}, func(_ *testing.T, s *service) {
		joined, _ := s.join()
		dial := func() *peer {
			synctest.Wait() // a client sees an answer before the server is done with it
			return s.dial()
		}
		first, second, third := dial(), dial(), dial()
		first.wantTurnedAway()
		third.say(`{"type":"join","room":"r"}`)
		third.wantError(protocol.CodeRoomFull) // and waits on, the next to go
		fourth := dial()
		third.wantTurnedAway()
		second.say(`{"type":"join","room":"another"}`)
		second.want("joined")
		fifth := dial()
		for _, p := range []*peer{joined, second, fourth, fifth} {
			p.fence()
		}
	})
}

func TestAJoinUnderWayMakesNoRoom(t *testing.T) {
	f := &faulty{}
	runFaulty(t, f, signaling.Config{MaxUnjoined: 1}, func(_ *testing.T, s *service) {
		f.join = func() { time.Sleep(time.Second) }
		ann := s.dial()
		ann.say(`{"type":"join","room":"r"}`)
		synctest.Wait()
		bob := s.dial()
		ann.want("joined")
		bob.fence()
	})
}

func TestAddressesAreForgotten(t *testing.T) {
	registry := prometheus.NewRegistry()
	run(t, signaling.Config{Registerer: registry}, rooms.Config{}, func(t *testing.T, s *service) {
		check := func(want float64) {
			t.Helper()
			synctest.Wait()
			if got := metric(t, registry, "parley_addresses"); got != want {
				t.Fatalf("%v addresses are known, not %v", got, want)
			}
		}
		var all []*peer
		for i := range 200 {
			p, _ := s.joinFrom(fmt.Sprintf("192.0.2.%d", i))
			all = append(all, p)
		}
		all = append(all, s.dialFrom("192.0.2.200"))
		time.Sleep(5 * time.Second)
		check(201) // for as long as there is a connection
		for _, p := range all[1:] {
			p.drop()
		}
		check(1)
		again, _ := s.joinFrom("192.0.2.1")
		again.drop()
		check(2) // until it might join as if it were new
		time.Sleep(time.Second)
		check(1)
	})
}

func TestLimitsThatAreOff(t *testing.T) {
	off := signaling.Config{MaxConnections: -1, MaxUnjoined: -1, ConnectionsPerAddress: -1, JoinsPerAddress: -1}
	run(t, off, rooms.Config{}, func(_ *testing.T, s *service) {
		var all []*peer
		for range 300 {
			all = append(all, s.dial())
		}
		for i, p := range all {
			p.say(`{"type":"join","room":"%d"}`, i)
			p.want("joined")
		}
	})
}

func TestDefaultLimits(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{}, func(_ *testing.T, s *service) {
		for i := range 200 { // four times 50
			s.dial().say(`{"type":"join","room":"%d"}`, i)
		}
		synctest.Wait()
		p := s.dial()
		p.say(`{"type":"join","room":"r"}`)
		p.wantError(protocol.CodeOverloaded)
		for range 1024 - 201 {
			s.dial()
		}
		over := s.dial()
		over.say(`{"type":"join","room":"r"}`)
		over.wantTurnedAway()
		p.fence()
	})
}

func TestTooManyRoomsAreOverload(t *testing.T) {
	run(t, signaling.Config{}, rooms.Config{MaxRooms: 1}, func(t *testing.T, s *service) {
		s.join()
		p := s.dial()
		p.say(`{"type":"join","room":"another"}`)
		if m := p.wantError(protocol.CodeOverloaded); m.num("retryAfter") == 0 {
			t.Fatalf("%s", m)
		}
		p.say(`{"type":"join","room":"r"}`)
		p.want("joined")
	})
}

// Every refusal is counted by its limit; the log names the setting, and not for each of them.
func TestRefusalsAreCountedByLimit(t *testing.T) {
	refusedJoin := func(s *service) {
		p := s.dial()
		p.say(`{"type":"join","room":"another"}`)
		p.wantError(protocol.CodeOverloaded)
	}
	for limit, test := range map[string]struct {
		config  signaling.Config
		engine  rooms.Config
		refused func(s *service)
		log     string
	}{
		"connections":         {signaling.Config{MaxConnections: 2}, rooms.Config{}, refusedJoin, "--max-connections"},
		"address-connections": {signaling.Config{ConnectionsPerAddress: 2}, rooms.Config{}, refusedJoin, "--connections-per-address"},
		"address-joins":       {signaling.Config{JoinsPerAddress: 0.5}, rooms.Config{}, refusedJoin, "--joins-per-address"},
		"rooms":               {signaling.Config{}, rooms.Config{MaxRooms: 1}, refusedJoin, "--max-rooms"},
		"unjoined":            {signaling.Config{MaxUnjoined: 1}, rooms.Config{}, func(s *service) { s.dial() }, "--max-unjoined"},
	} {
		t.Run(limit, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			var log lines
			test.config.Registerer, test.config.Log = registry, zerolog.New(&log)
			run(t, test.config, test.engine, func(t *testing.T, s *service) {
				for range 2 {
					s.join()
				}
				if limit == "unjoined" {
					s.dial()
				}
				for range 2 {
					test.refused(s)
					synctest.Wait()
				}
				if all, this := metric(t, registry, "parley_overloaded_total"), metric(t, registry, "parley_overloaded_total", limit); all != 2 || this != 2 {
					t.Errorf("%v of %v refusals are counted for it", this, all)
				}
			})
			var warnings []string
			for _, line := range log.all() {
				if strings.Contains(line, "overloaded: ") {
					warnings = append(warnings, line)
				}
			}
			if len(warnings) != 1 || !strings.Contains(warnings[0], test.log+" is reached") {
				t.Errorf("the log warns %q", warnings)
			}
		})
	}
}
